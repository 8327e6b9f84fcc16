package demo

import (
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"

	"hub"
)

// tally is the whole run in figures.
type tally struct {
	shops           []shopTally
	changes, holes  int
	heard, repeated int

	unheard, strange, streamOrder int
	toDoor, toERP, toEars         []time.Duration
}

// shopTally is one shop of it.
type shopTally struct {
	*market
	merchant        string
	placed, deleted int
	living          int // orders whose life is not over
	lost            int
	losses          []string // the first of them
	dispatch        dispatch
	traffic         traffic
	shelf           Shelf
}

// tally counts. The orders at the platforms are the truth.
func (s *show) tally() (t tally) {
	feeds := map[hub.TenantID][]Change{}
	for _, one := range s.tenants {
		for _, m := range one.markets {
			shop := s.tallyShop(one, m)
			t.shops = append(t.shops, shop)
			t.toDoor = append(t.toDoor, shop.traffic.times...)
		}
		feed, holes := one.books.Feed()
		feeds[hub.TenantID(one.id)] = feed
		t.changes, t.holes = t.changes+len(feed), t.holes+holes
		t.toERP = append(t.toERP, one.books.Times()...)
	}
	t.unheard, t.strange = s.ears.Compare(feeds)
	s.ears.mu.Lock()
	defer s.ears.mu.Unlock()
	t.heard, t.repeated, t.streamOrder, t.toEars = len(s.ears.heard), s.ears.repeated, s.ears.disorder, slices.Clone(s.ears.times)
	return t
}

// mostLosses is how many orders of a shop that are not in the books as they should be are shown one by one.
const mostLosses = 5

func (s *show) tallyShop(of *tenant, m *market) shopTally {
	orders := m.orders()
	t := shopTally{
		market: m, merchant: of.name, placed: len(orders), living: m.lives.all - int(m.lives.ended.Load()),
		lost: len(orders) - settled(orders, of.books, m.connection), dispatch: m.dispatched(), traffic: s.road.traffic(string(m.name)),
		shelf: of.books.Shop(m.connection),
	}
	for _, o := range orders {
		if o.deleted {
			t.deleted++
		}
		if got, same := o.booked(of.books, m.connection); !same && len(t.losses) < mostLosses {
			t.losses = append(t.losses, fmt.Sprintf("%s: there %s; in the books %s", o.id, o, got))
		}
	}
	return t
}

// settled counts orders that stand in the books as they stand at the platform.
func settled(orders []truth, b *Books, connection string) (n int) {
	for _, o := range orders {
		if _, same := o.booked(b, connection); same {
			n++
		}
	}
	return n
}

// booked is an order as it stands in the books, and whether that is as it stands at the platform: in this version, with this
// amount, and final there. The version of a deleted order is the instant of its deletion. The platforms' clocks get ahead of
// ours and nothing proves that time, so the hub notes its own when that is earlier.
func (o truth) booked(b *Books, connection string) (got truth, same bool) {
	found, ok := b.Order(connection, o.id)
	got = truth{id: o.id, updated: found.SourceUpdatedAt, total: found.Totals.CurrentTotal.Amount, deleted: !found.DeletedAt.IsZero()}
	same = got.updated.Equal(o.updated)
	if o.deleted {
		got.updated = found.DeletedAt.Truncate(time.Second)
		same = !got.updated.After(o.updated) && o.updated.Sub(got.updated) <= ahead+time.Second
	}
	return got, ok && !o.open && same && o.deleted == got.deleted && equal(got.total, o.total)
}

// String says how an order stands.
func (o truth) String() string {
	return fmt.Sprintf("of %s, %s, deleted %t, open %t", o.updated.Format(time.RFC3339Nano), o.total, o.deleted, o.open)
}

// equal compares two amounts, however many zeros they end on.
func equal(a, b string) bool {
	x, ok := new(big.Rat).SetString(a)
	y, right := new(big.Rat).SetString(b)
	return ok && right && x.Cmp(y) == 0
}

// err is nil when nothing is missing and nothing came twice.
func (t tally) err() error {
	type finding struct {
		n    int
		what string
	}
	var wrong []finding
	for _, s := range t.shops {
		for _, f := range []finding{
			{s.lost, "orders lost"}, {s.living, "orders whose life is not over"}, {s.shelf.Orders - s.placed, "orders that nobody placed"},
			{s.shelf.Twice, "twice"}, {s.shelf.Disorder, "out of order"}, {s.placed - s.shelf.Acknowledged, "orders not acknowledged"},
			{s.dispatch.believed, "forged deliveries believed"}, {s.dispatch.removed, "subscriptions ended by the platform"},
		} {
			wrong = append(wrong, finding{f.n, f.what + " (" + s.title + ")"})
		}
	}
	wrong = append(wrong, finding{t.holes, "holes in the feed"}, finding{t.streamOrder, "out of order on the stream"},
		finding{t.unheard, "changes not heard"}, finding{t.strange, "events that are not in the feed"})
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

// row prints a figure and what it is.
func row(out io.Writer, value int, format string, more ...any) {
	fmt.Fprintf(out, "%8d  %s\n", value, fmt.Sprintf(format, more...))
}

// note prints a heading between figures.
func note(out io.Writer, format string, more ...any) {
	fmt.Fprintf(out, "%10s%s\n", "", fmt.Sprintf(format, more...))
}

// print writes the summary.
func (t tally) print(out io.Writer) {
	for _, s := range t.shops {
		s.print(out)
	}
	fmt.Fprintln(out, "The hub")
	row(out, t.changes, "changes of orders pulled by the ERPs, numbered with %d holes", t.holes)
	row(out, t.heard, "events heard on the stream, %d of them more than once, %d out of order", t.repeated, t.streamOrder)
	row(out, t.unheard+t.strange, "changes that were not heard, or not as they were pulled")
	note(out, "How long it took: half of them within, 99 %% within")
	times := func(list []time.Duration, what string) {
		fmt.Fprintf(out, "%8s %8s  %s\n", quantile(list, 500), quantile(list, 990), what)
	}
	times(t.toDoor, "until a delivery was on disk and answered")
	times(t.toERP, "from a change in the hub to the ERP's books")
	times(t.toEars, "from a change in the hub to the listener on the stream")
}

// print writes the part of one shop.
func (t shopTally) print(out io.Writer) {
	d, steps, silent := t.dispatch, t.lives.steps.Load(), t.lives.silent.Load()
	fmt.Fprintf(out, "%s on %s\n", t.merchant, t.title)
	row(out, t.placed, "orders, %d of them from before the shop was connected, %d deleted since; %d things happened to them", len(t.lives.old), t.deleted, steps)
	note(out, "What the hub heard of it, and what went wrong on purpose")
	row(out, d.first, "deliveries sent, and %d of them twice; %d were still to be sent again at the end", d.copies, d.open)
	row(out, d.dropped, "deliveries never sent, so %d of the %d things were not told, among them the last one of %d orders", silent, steps, t.lives.mute.Load())
	row(out, t.traffic.refused+t.traffic.cut, "failed on the way: %d were turned back, of %d the hub's answer was lost; %s tried again %d times", t.traffic.refused, t.traffic.cut, t.title, d.retried)
	row(out, t.traffic.late, "came to the hub after newer news of their order")
	if t.unsigned {
		row(out, d.forged, "made up by a stranger; %s signs nothing, so the hub asks it what is true", t.title)
	} else {
		row(out, d.forged, "forged by a stranger, %d believed", d.believed)
	}
	row(out, int(t.calls.Load()), "questions that the hub asked %s, about what it was told and what it was not; %d were answered badly", t.title, t.answeredBadly())
	note(out, "What came of it")
	row(out, t.shelf.Orders, "orders in the ERP, %d as the shop has them now: version and amount; %d acknowledged", t.placed-t.lost, t.shelf.Acknowledged)
	row(out, t.lost, "orders lost")
	for _, loss := range t.losses {
		note(out, "%s", loss)
	}
	row(out, t.shelf.Twice, "orders or changes that came twice")
	row(out, t.shelf.Disorder, "changes out of order")
	fmt.Fprintln(out)
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
