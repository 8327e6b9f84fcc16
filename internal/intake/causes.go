package intake

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"hub"
)

// Cause is why deliveries lie parked: one code at one kind of place, in one topic of one platform.
type Cause struct {
	Code     hub.Code
	Path     string // with [] for every index
	Platform hub.Platform
	Topic    string

	Deliveries    int
	Orders        int         // distinct, among the deliveries whose order is readable
	UnknownOrders int         // deliveries whose order is not: nobody knows how many orders they are
	Money         []hub.Money // per currency, of the newest readable total of each of the Orders; by currency
	UnknownMoney  int         // of the Orders, those without a readable total
	Oldest        time.Time   // received
	Newest        time.Time
}

// Causes is what lies parked and open, the most deliveries first.
type Causes struct {
	List     []Cause
	Complete bool // false: there is more than MaxTallied, and the oldest of them are counted
}

// MaxTallied bounds the deliveries that one summary counts.
const MaxTallied = 100_000

// tallyPage is how many deliveries are read at once.
const tallyPage = 1000

// Causes counts the open parked deliveries of a tenant by cause, with their orders and the money in them.
func (p *Parking) Causes(ctx context.Context, t hub.TenantID) (Causes, error) {
	count := tally{}
	var after hub.ParkedID
	for n := 0; n < MaxTallied; n += tallyPage {
		rows, err := p.Reader.Parked(ctx, t, ParkedFilter{State: ParkedOpen}, after, tallyPage)
		if err != nil {
			return Causes{}, err
		}
		for _, row := range rows {
			count.add(row)
			after = row.ID
		}
		if len(rows) < tallyPage {
			return Causes{count.causes(), true}, nil
		}
	}
	return Causes{count.causes(), false}, nil
}

// tally counts by cause.
type tally map[causeKey]*pile

type causeKey struct {
	code     hub.Code
	path     string
	platform hub.Platform
	topic    string
}

// pile is the deliveries of one cause.
type pile struct {
	deliveries, unknown int
	oldest, newest      time.Time
	orders              map[orderKey]gist
}

type orderKey struct {
	connection hub.ConnectionID
	external   hub.ExternalID
}

// gist is the newest readable total of an order.
type gist struct {
	at    time.Time
	total *hub.Money
}

// index matches what tells the paths of one mistake apart.
var index = regexp.MustCompile(`\[[0-9]+\]`)

func (c tally) add(row Parked) {
	key := causeKey{row.Code, index.ReplaceAllString(row.Path, "[]"), row.Platform, row.Topic}
	h := c[key]
	if h == nil {
		h = &pile{oldest: row.ReceivedAt, newest: row.ReceivedAt, orders: map[orderKey]gist{}}
		c[key] = h
	}
	h.deliveries++
	if row.ReceivedAt.Before(h.oldest) {
		h.oldest = row.ReceivedAt
	}
	if row.ReceivedAt.After(h.newest) {
		h.newest = row.ReceivedAt
	}
	if row.Gist.ExternalID == "" {
		h.unknown++
		return
	}
	order := orderKey{row.Connection, row.Gist.ExternalID}
	known, ok := h.orders[order]
	if !ok || row.Gist.Total != nil && (known.total == nil || !row.Gist.SourceUpdatedAt.Before(known.at)) {
		h.orders[order] = gist{row.Gist.SourceUpdatedAt, row.Gist.Total}
	}
}

func (c tally) causes() []Cause {
	list := make([]Cause, 0, len(c))
	for key, h := range c {
		cause := Cause{
			Code: key.code, Path: key.path, Platform: key.platform, Topic: key.topic,
			Deliveries: h.deliveries, Orders: len(h.orders), UnknownOrders: h.unknown, Oldest: h.oldest, Newest: h.newest,
		}
		cause.Money, cause.UnknownMoney = h.money()
		list = append(list, cause)
	}
	slices.SortFunc(list, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.Deliveries, a.Deliveries), strings.Compare(string(a.Code), string(b.Code)), strings.Compare(a.Path, b.Path),
			strings.Compare(string(a.Platform), string(b.Platform)), strings.Compare(a.Topic, b.Topic))
	})
	return list
}

// money adds the totals up per currency. What would not fit into a sum is counted as not known.
func (h *pile) money() (sums []hub.Money, unknown int) {
	by := map[hub.Currency]hub.Money{}
	for _, g := range h.orders {
		if g.total == nil {
			unknown++
			continue
		}
		sum, ok := by[g.total.Currency]
		if !ok {
			sum = hub.Zero(g.total.Currency)
		}
		added, err := sum.Add(*g.total)
		if err != nil {
			unknown++
			continue
		}
		by[g.total.Currency] = added
	}
	for _, sum := range by {
		sums = append(sums, sum)
	}
	slices.SortFunc(sums, func(a, b hub.Money) int { return strings.Compare(string(a.Currency), string(b.Currency)) })
	return sums, unknown
}
