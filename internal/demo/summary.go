package demo

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"hub/adapters/sandbox/shopify"
)

// tally is the whole run in figures.
type tally struct {
	placed, living  int // orders, and those whose life is not over
	deleted         int
	dispatch        dispatch
	traffic         traffic
	removed         int // subscriptions that the platform has ended
	booked          int
	acknowledged    int
	changes         int
	heard, repeated int
	steps, silent   int

	lost, twice, holes, disorder  int
	unheard, strange, streamOrder int
	toERP, toEars                 []time.Duration
}

// tally counts. The orders at the platform are the truth.
func (s *show) tally() (t tally) {
	orders := s.market.Orders(shopDomain)
	t.placed, t.living = len(orders), s.o.Orders-int(s.lives.ended.Load())
	for _, o := range orders {
		if o.Deleted {
			t.deleted++
		}
	}
	t.dispatch, t.traffic, t.removed = s.market.dispatched(), s.road.traffic(), len(s.market.Notices())
	t.steps, t.silent = int(s.lives.steps.Load()), int(s.lives.silent.Load())
	t.booked, t.changes, t.acknowledged = s.books.Count()
	t.lost = len(orders) - settled(orders, s.books)
	t.twice, t.holes, t.disorder = s.books.Faults()
	t.unheard, t.strange = s.ears.Compare(s.books.Feed())
	s.books.mu.Lock()
	t.toERP = slices.Clone(s.books.times)
	s.books.mu.Unlock()
	s.ears.mu.Lock()
	defer s.ears.mu.Unlock()
	t.heard, t.repeated, t.streamOrder, t.toEars = len(s.ears.heard), s.ears.repeated, s.ears.disorder, slices.Clone(s.ears.times)
	return t
}

// settled counts orders that stand in the books as they stand at the platform: in this version, with this amount. The
// version of a deleted order is the instant of its deletion.
func settled(orders []shopify.OrderState, b *Books) (n int) {
	for _, o := range orders {
		got, ok := b.Order(strconv.FormatInt(o.ID, 10))
		version := got.SourceUpdatedAt
		if o.Deleted {
			version = got.DeletedAt.Truncate(time.Second)
		}
		if ok && version.Equal(o.Updated) && o.Deleted == !got.DeletedAt.IsZero() && got.Totals.CurrentTotal.Amount == o.CurrentTotal {
			n++
		}
	}
	return n
}

// err is nil when nothing is missing and nothing came twice.
func (t tally) err() error {
	wrong := []struct {
		n    int
		what string
	}{
		{t.lost, "orders lost"}, {t.living, "orders whose life is not over"}, {t.booked - t.placed, "orders that nobody placed"}, {t.twice, "twice"}, {t.holes, "holes in the feed"},
		{t.disorder + t.streamOrder, "out of order"}, {t.unheard, "changes not heard"}, {t.strange, "events that are not in the feed"},
		{t.placed - t.acknowledged, "orders not acknowledged"}, {t.dispatch.believed, "forged deliveries believed"},
		{t.dispatch.open, "deliveries that did not arrive"}, {t.removed, "subscriptions ended by the platform"},
	}
	text := ""
	for _, w := range wrong {
		if w.n > 0 {
			text += fmt.Sprintf(", %d %s", w.n, w.what)
		}
	}
	if text == "" {
		return nil
	}
	return fmt.Errorf("demo: %s", text[2:])
}

// print writes the summary.
func (t tally) print(out io.Writer) {
	d := t.dispatch
	title := func(text string) { fmt.Fprintln(out, text) }
	row := func(value int, format string, more ...any) {
		fmt.Fprintf(out, "%8d  %s\n", value, fmt.Sprintf(format, more...))
	}
	title("Little Shop (Shopify) and the road from it")
	row(t.placed, "orders placed, %d of them deleted; %d things happened to them", t.deleted, t.steps)
	row(d.first, "deliveries sent, and %d copies of them", d.copies)
	row(d.dropped, "dropped: %d of the %d things were not told", t.silent, t.steps)
	row(t.traffic.refused+t.traffic.cut, "failed on the road: %d refused, %d lost their answer; %d attempts were retries", t.traffic.refused, t.traffic.cut, d.retried)
	row(t.traffic.late, "came to the hub after newer news of their order")
	row(d.forged, "forged, %d believed", d.believed)
	title("The hub")
	row(t.booked, "orders in the ERP, %d as the shop has them now: version and amount", t.placed-t.lost)
	row(t.acknowledged, "acknowledged")
	row(t.changes, "changes in the feed, numbered with %d holes", t.holes)
	row(t.heard, "events heard on the stream, %d of them more than once", t.repeated)
	row(t.lost+t.unheard, "lost")
	row(t.twice, "twice")
	row(t.disorder+t.streamOrder, "out of order")
	title("Half within, 99 % within")
	times := func(list []time.Duration, what string) {
		fmt.Fprintf(out, "%8s %8s  %s\n", quantile(list, 500), quantile(list, 990), what)
	}
	times(t.traffic.times, "to answer a delivery, durably")
	times(t.toERP, "from a change to the ERP")
	times(t.toEars, "from a change to the listener on the stream")
}

// quantile is the time below which a share of the list is.
func quantile(list []time.Duration, permille int) string {
	if len(list) == 0 {
		return "-"
	}
	slices.Sort(list)
	d := list[min(len(list)-1, len(list)*permille/1000)]
	return fmt.Sprintf("%d.%d ms", d.Milliseconds(), d.Microseconds()/100%10)
}
