package mercadolibre

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// How a search is cut. A seller's search sorts by the day of closing and never by the last change, so a long list of changed
// orders shifts while it is read: it is asked in hours, which are the finest step that the documentation wants, and as many
// of them at once as give a list of few pages.
const (
	pageOrders = 50     // the most
	fewOrders  = 500    // of one list
	mostOrders = 10_000 // that an offset reaches (U)
	again      = 5      // of a page are read again with the next one: as many may have left the list meanwhile
	step       = time.Hour
	searchName = "search_orders"
	stamp      = "2006-01-02T15:04:05.000Z" // in UTC, with the platform's milliseconds
	statusList = "confirmed,payment_required,payment_in_process,partially_paid,paid,partially_refunded,pending_cancel,cancelled,invalid"
)

// place is where a search stands: a list of [from, to), how much of it was read, and in which pass.
type place struct {
	from, to time.Time
	offset   int
	pass     pass // of an export
}

// text is the place as a cursor: it holds times, counts and sums, and nothing of any one order.
func (p place) text() string {
	text := fmt.Sprintf("%d.%d.%d", p.from.Unix(), p.to.Unix(), p.offset)
	if p.pass != (pass{}) {
		text += fmt.Sprintf(".%d.%d.%d", p.pass.number, p.pass.sum, p.pass.before)
	}
	return text
}

// placeAt reads a cursor of ours.
func placeAt(cursor string) (p place, err error) {
	parts := strings.Split(cursor, ".")
	var n [6]int64
	for i, text := range parts {
		if i < len(n) && err == nil {
			n[i], err = strconv.ParseInt(text, 10, 64)
		}
	}
	p = place{time.Unix(n[0], 0).UTC(), time.Unix(n[1], 0).UTC(), int(n[2]), pass{int(n[3]), n[4], n[5]}}
	if len(parts) != 3 && len(parts) != 6 || err != nil || !p.from.Before(p.to) || p.offset < 0 || p.offset > mostOrders ||
		p.pass.number < 0 || p.pass.number > mostPasses {
		return place{}, &hub.Error{Kind: hub.KindInvalid, Code: "cursor_invalid", Op: "searching mercadolibre"}
	}
	return p, nil
}

// hours widens a window to whole hours.
func hours(w driver.Window) (from, to time.Time) {
	from, to = w.From.UTC().Truncate(step), w.To.UTC().Truncate(step)
	if to.Before(w.To) {
		to = to.Add(step)
	}
	if !from.Before(to) {
		to = from.Add(step)
	}
	return from, to
}

// listed is one page of a search.
type listed struct {
	results []strictjson.Value
	total   int // orders of the list
	whole   int // orders of the longest list that was asked for on the way to this one
	asOf    time.Time
}

// search asks for one page. order.last_updated.* would be ignored without a word; a search without statuses leaves out the
// cancelled ones.
func search(ctx context.Context, c driver.Caller, by driver.By, p place, o order) (l listed, err error) {
	field := "order.date_last_updated"
	if by == driver.ByCreation {
		field = "order.date_created"
	}
	call := get(searchName, "/orders/search", url.Values{
		"seller": {self}, "order.status": {statusList}, "sort": {o.sort}, "limit": {strconv.Itoa(o.limit)}, "offset": {strconv.Itoa(p.offset)},
		field + ".from": {p.from.Format(stamp)}, field + ".to": {p.to.Format(stamp)},
	})
	a, err := c.Call(ctx, call)
	if err != nil {
		return l, err
	}
	v, err := opened(call.Name, a, strictjson.Object)
	if err != nil {
		return l, err
	}
	var r strictjson.Reader
	results := r.Need(v, "results")
	r.Is(results, strictjson.Array)
	l.total, l.asOf = int(r.Count(r.Need(r.Need(v, "paging"), "total"))), clock(a)
	for item := range results.Items() {
		l.results = append(l.results, item)
	}
	if r.Err() != nil || len(l.results) > o.limit {
		return listed{}, unreadable(searchName)
	}
	return l, nil
}

// Changed lists the orders of a window, oldest hours first. Each page is one list of at most 50. The platform knows whole hours
// only: by creation what is beside the window is left out, by change it comes along.
func (dr *Driver) Changed(ctx context.Context, c driver.Caller, w driver.Window, cursor string) (driver.Page, error) {
	from, to := hours(w)
	p := place{from: from, to: to}
	if cursor != "" {
		var err error
		if p, err = placeAt(cursor); err != nil {
			return driver.Page{}, err
		}
	}
	l, p, err := narrowed(ctx, c, w.By, p, oldest)
	if err != nil {
		return driver.Page{}, err
	}
	page := driver.Page{AsOf: l.asOf}
	for _, v := range l.results {
		seen, err := dr.seen(v)
		if err != nil {
			return driver.Page{}, unreadable(searchName)
		}
		if w.By == driver.ByCreation && (seen.PlacedAt.Before(w.From) || !seen.PlacedAt.Before(w.To)) {
			continue // of the rest of the hour
		}
		page.Orders = append(page.Orders, seen)
	}
	if p.offset += len(l.results); p.offset < l.total {
		p.offset -= min(again, len(l.results)-1)
		page.Next = p.text()
	} else if p.to.Before(to) {
		page.Next = place{from: p.to, to: to}.text()
	}
	return page, nil
}

// order says which end of a window is read first.
type order struct {
	limit int
	sort  string
	half  func(place) place
}

var (
	oldest = order{pageOrders, "date_asc", func(p place) place { return place{from: p.from, to: middle(p)} }}
	newest = order{exportPage, "date_desc", func(p place) place { return place{from: middle(p), to: p.to} }}
)

// middle is the whole hour in the middle of a list.
func middle(p place) time.Time { return p.from.Add(p.to.Sub(p.from) / 2).Truncate(step) }

// narrowed asks for a page, and for a shorter list while there would be too many pages. It returns the list that it read.
func narrowed(ctx context.Context, c driver.Caller, by driver.By, p place, o order) (listed, place, error) {
	whole := 0
	for {
		l, err := search(ctx, c, by, p, o)
		if err != nil {
			return l, p, err
		}
		whole = max(whole, l.total)
		l.whole = whole
		switch {
		case p.offset == 0 && l.total > fewOrders && p.to.Sub(p.from) > step:
			p = o.half(p)
		case l.total > mostOrders:
			return l, p, &hub.Error{Kind: hub.KindPermanent, Code: CodeWindow, Op: "searching mercadolibre"}
		case len(l.results) == 0 && p.offset < l.total: // a page that is not there although the next would be
			return l, p, unreadable(searchName)
		default:
			return l, p, nil
		}
	}
}

// seen reads what a list says of an order.
func (dr *Driver) seen(v strictjson.Value) (driver.Seen, error) {
	d := &decoder{words: dr.words, whole: document{order: v}}
	s := driver.Seen{ExternalID: d.orderID(v), ChangedAt: d.updated(v), PlacedAt: d.moment(v.Get("date_created")).UTC()}
	s.Cancelled = d.means("status", d.word(v.Get("status")), oursStatus) == string(hub.StatusCancelled)
	s.Total = dr.listedTotal(v)
	return s, d.Err()
}

// listedTotal is the total without the freight, which no list tells: total_amount and taxes.amount less the coupon, as total adds
// them up. The documentation prints whole orders in the answer of a search, with these members, coupon and payments
// (developers.mercadolibre.com, "Gestionar órdenes", "Buscar órdenes"). An entry that lacks any of them, or in which they cannot
// be added up, tells no total: it would differ from the order's for good.
func (dr *Driver) listedTotal(v strictjson.Value) *hub.Money {
	for _, name := range [...]string{"total_amount", "taxes", "payments"} {
		if v.Get(name).Kind() == strictjson.Absent {
			return nil
		}
	}
	d := &decoder{words: dr.words, whole: document{order: v}}
	d.readCurrency(v)
	total := d.money(v.Get("total_amount"))
	if !known(total) {
		return nil
	}
	total = d.minus(d.plus(total, d.tax(v), v), d.coupon(v), v)
	if d.Err() != nil {
		return nil
	}
	return &total
}
