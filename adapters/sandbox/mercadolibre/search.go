package mercadolibre

import (
	"bytes"
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	mostOrders  = 50     // of one page
	mostOffset  = 10_000 // that offset and limit reach (U: what people report)
	keptMonths  = 12     // that a search goes back
	dateFailure = "invalid date"
)

// search lists orders of a seller. Filters with a wrong name are ignored without a word, order.last_updated.* among them;
// so the list may be much longer than whoever asks believes.
func (p *Platform) search(c call) reply {
	q := c.URL.Query()
	if refused := searchRefusal(c, q); refused != nil {
		return *refused
	}
	limit, offset, fine := paging(q)
	if !fine {
		return badRequest("invalid_paging", "limit is 50 at most, and offset and limit together 10000")
	}
	keep, fine := filters(q)
	if !fine {
		return badRequest("bad_request", dateFailure)
	}
	oldest, newest := p.told().AddDate(0, -keptMonths, 0), p.told().Add(-lagBehind)
	lag := p.faults.Hit(p.streams.answers, APILag)
	var found []*order
	for _, o := range c.seller().orders {
		if !o.created.Before(oldest) && !(lag && o.updated.After(newest)) && keep(o) {
			found = append(found, o)
		}
	}
	descending := q.Get("sort") == "date_desc"
	slices.SortStableFunc(found, func(a, b *order) int { return byClosing(a, b, descending) })
	first := p.shifted(offset)
	return listed(found, min(first, len(found)), limit, offset, q)
}

// byClosing is the order of a seller's list. Where an order is not closed its making counts (U).
func byClosing(a, b *order, descending bool) int {
	day := func(o *order) time.Time {
		if o.closed.IsZero() {
			return o.created
		}
		return o.closed
	}
	n := cmp.Or(day(a).Compare(day(b)), cmp.Compare(a.id, b.id))
	if descending {
		return -n
	}
	return n
}

// shifted plays the faults of a page that begins at the wrong place. The first page begins where it should.
func (p *Platform) shifted(offset int) int {
	r := p.streams.answers
	if offset == 0 {
		return 0
	}
	if p.faults.Hit(r, PagesRepeat) {
		offset = max(0, offset-1-r.IntN(shiftWithin))
	}
	if p.faults.Hit(r, PagesSkip) {
		offset += 1 + r.IntN(shiftWithin)
	}
	return offset
}

// searchRefusal wants a seller, who must be the caller.
func searchRefusal(c call, q url.Values) *reply {
	var refused reply
	switch who := q.Get("seller"); {
	case who == "":
		refused = badRequest("bad_request", "seller or buyer is needed")
	case who != c.seller().account():
		refused = failure{Status: http.StatusForbidden, Error: "caller.id.invalid", Message: "The caller.id is not the seller."}.reply()
	default:
		for name := range q {
			if strings.HasPrefix(name, "mediations.") || strings.HasPrefix(name, "feedback.") {
				refused = badRequest("bad_request", "this sandbox has no filter "+name)
				return &refused
			}
		}
		return nil
	}
	return &refused
}

func paging(q url.Values) (limit, offset int, fine bool) {
	limit = mostOrders
	for name, into := range map[string]*int{"limit": &limit, "offset": &offset} {
		if text := q.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return 0, 0, false
			}
			*into = n
		}
	}
	return limit, offset, limit <= mostOrders && offset+limit <= mostOffset
}

// filters are those that have the right names. Without order.status the cancelled ones are left out.
func filters(q url.Values) (keep func(*order) bool, fine bool) {
	var all []func(*order) bool
	statuses := strings.Split(q.Get("order.status"), ",")
	if q.Get("order.status") == "" {
		all = append(all, func(o *order) bool { return o.status != "cancelled" })
	} else {
		all = append(all, func(o *order) bool { return slices.Contains(statuses, o.status) })
	}
	for name, of := range map[string]func(*order) time.Time{
		"order.date_created":      func(o *order) time.Time { return o.created },
		"order.date_last_updated": func(o *order) time.Time { return o.updated },
		"order.date_closed":       func(o *order) time.Time { return o.closed },
	} {
		from, fromFine := bound(q.Get(name + ".from"))
		to, toFine := bound(q.Get(name + ".to"))
		if !fromFine || !toFine {
			return nil, false
		}
		all = append(all, func(o *order) bool {
			at := of(o)
			return (from.IsZero() || !at.Before(from)) && (to.IsZero() || !at.After(to) && !at.IsZero()) // both ends count (U)
		})
	}
	all = append(all, worded(q)...)
	return func(o *order) bool {
		return !slices.ContainsFunc(all, func(f func(*order) bool) bool { return !f(o) })
	}, true
}

// worded are the filters by words.
func worded(q url.Values) (all []func(*order) bool) {
	for tag := range strings.SplitSeq(q.Get("tags"), ",") {
		if tag != "" {
			all = append(all, func(o *order) bool { return slices.Contains(o.allTags(), tag) })
		}
	}
	for tag := range strings.SplitSeq(q.Get("tags.not"), ",") {
		if tag != "" {
			all = append(all, func(o *order) bool { return !slices.Contains(o.allTags(), tag) })
		}
	}
	if item := q.Get("item"); item != "" {
		all = append(all, func(o *order) bool { return o.item.id == item })
	}
	if word := q.Get("q"); word != "" {
		all = append(all, func(o *order) bool { return digitsOf(o.id) == word || strings.Contains(o.item.title, word) })
	}
	return all
}

// bound reads one end of a window; none is no bound.
func bound(text string) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	t, err := time.Parse(time.RFC3339, text)
	return t, err == nil
}

// listed prints a page: the total is of the whole list.
func listed(found []*order, first, limit, offset int, q url.Values) reply {
	var b bytes.Buffer
	b.WriteString(`{"query":`)
	b.Write(compact(q.Get("q")))
	b.WriteString(`,"results":[`)
	for i, o := range found[first:min(first+limit, len(found))] {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(o.entry())
	}
	sort := "date_asc"
	if q.Get("sort") == "date_desc" {
		sort = "date_desc"
	}
	b.WriteString(`],"sort":`)
	b.Write(compact(object{"id": sort, "name": sort}))
	b.WriteString(`,"available_sorts":[],"filters":[],"paging":`)
	b.Write(compact(object{"total": len(found), "offset": offset, "limit": limit}))
	b.WriteString(`,"display":"complete"}`)
	return reply{status: http.StatusOK, body: b.Bytes()}
}
