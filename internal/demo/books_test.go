package demo

import (
	"context"
	"testing"
	"time"

	"hub"
	"hub/internal/bus"
)

// at makes a change of order o at a place of the feed.
func at(sequence int64, id, o string, revision int64) Change {
	c := Change{Sequence: sequence, ID: id, Type: "order.updated", Order: Order{facts: facts{ID: "ord_" + o, ExternalID: o, ConnectionID: "con_1", Revision: revision}}}
	c.Order.SourceUpdatedAt = time.Unix(revision, 0)
	if revision == 1 {
		c.Type = "order.created"
	}
	return c
}

// The books see a copy, a hole, a revision out of step, and an order that came again under another id.
func TestBooksNotice(t *testing.T) {
	other := at(2, "b", "1", 2)
	other.Order.ID = "ord_x"
	updated := at(1, "a", "1", 1)
	updated.Type = "order.updated"
	again, older := at(3, "c", "1", 3), at(3, "c", "1", 3)
	again.Order.SourceUpdatedAt, older.Order.SourceUpdatedAt = time.Unix(2, 0), time.Unix(1, 0)
	deletion, more, elsewhere := again, again, again
	deletion.Order.DeletedAt = time.Unix(9, 0)
	more.Order.Content[0] = 1
	elsewhere.Order.ID, elsewhere.Order.ConnectionID, elsewhere.Order.Revision, elsewhere.Type = "ord_9", "con_2", 1, "order.created"
	for name, test := range map[string]struct {
		feed                   []Change
		twice, holes, disorder int
	}{
		"clean":            {[]Change{at(1, "a", "1", 1), at(2, "b", "2", 1), at(3, "c", "1", 2)}, 0, 0, 0},
		"a change twice":   {[]Change{at(1, "a", "1", 1), at(2, "b", "1", 2), at(3, "b", "1", 3)}, 1, 0, 0},
		"a version twice":  {[]Change{at(1, "a", "1", 1), at(2, "b", "1", 2), again}, 1, 0, 0},
		"more of one":      {[]Change{at(1, "a", "1", 1), at(2, "b", "1", 2), more}, 0, 0, 0},
		"another shop's":   {[]Change{at(1, "a", "1", 1), at(2, "b", "1", 2), elsewhere}, 0, 0, 0},
		"a deletion":       {[]Change{at(1, "a", "1", 1), at(2, "b", "1", 2), deletion}, 0, 0, 0},
		"an older version": {[]Change{at(1, "a", "1", 1), at(2, "b", "1", 2), older}, 0, 0, 1},
		"a hole":           {[]Change{at(1, "a", "1", 1), at(3, "c", "2", 1)}, 0, 1, 0},
		"a jump":           {[]Change{at(1, "a", "1", 1), at(2, "b", "1", 3)}, 0, 0, 1},
		"an older one":     {[]Change{at(1, "a", "1", 1), at(2, "b", "1", 2), at(3, "c", "1", 1)}, 0, 0, 1},
		"no creation":      {[]Change{updated}, 0, 0, 1},
		"under another id": {[]Change{at(1, "a", "1", 1), other}, 1, 0, 0},
	} {
		b := &Books{}
		for _, c := range test.feed {
			b.book(c)
		}
		shelf, other := b.Shop("con_1"), b.Shop("con_2")
		shelf.Twice, shelf.Disorder = shelf.Twice+other.Twice, shelf.Disorder+other.Disorder
		_, holes := b.Feed()
		if shelf.Twice != test.twice || holes != test.holes || shelf.Disorder != test.disorder {
			t.Errorf("%s: %+v, %d holes", name, shelf, holes)
		}
		all := tally{shops: []shopTally{{market: &market{}, placed: shelf.Orders, shelf: shelf}}, holes: holes}
		all.shops[0].shelf.Acknowledged = shelf.Orders
		if err := all.err(); (err == nil) != (test.twice+test.holes+test.disorder == 0) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// told is the event of a change.
func told(c Change) bus.Event {
	return bus.Event{Tenant: "ten_1", ID: hub.ChangeID(c.ID), Type: hub.ChangeType(c.Type), Sequence: c.Sequence, OrderID: hub.OrderID(c.Order.ID), Revision: c.Order.Revision}
}

// The listener sees a change that is missing, one that is not as in the feed, and two that change places; one that comes
// again is all right.
func TestEarsNotice(t *testing.T) {
	feed := []Change{at(1, "a", "1", 1), at(2, "b", "2", 1), at(3, "c", "1", 2)}
	a, b, c := told(feed[0]), told(feed[1]), told(feed[2])
	lie, alien, other, stray := b, told(at(4, "d", "3", 1)), told(at(1, "z", "9", 1)), b
	lie.Revision = 2
	other.Tenant, stray.Tenant = "ten_2", "ten_2"
	for name, test := range map[string]struct {
		events                               []bus.Event
		unheard, strange, disorder, repeated int
	}{
		"clean":       {[]bus.Event{a, b, c}, 0, 0, 0, 0},
		"copies":      {[]bus.Event{a, b, a, b, c}, 0, 0, 0, 2},
		"one missing": {[]bus.Event{a, c}, 1, 0, 0, 0},
		"the last":    {[]bus.Event{a, b}, 1, 0, 0, 0},
		"a lie":       {[]bus.Event{a, lie, c}, 0, 1, 0, 0},
		"an alien":    {[]bus.Event{a, b, c, alien}, 0, 1, 0, 0},
		"a swap":      {[]bus.Event{a, c, b}, 0, 0, 1, 0},
		"two lines":   {[]bus.Event{a, b, c, other}, 0, 1, 0, 0}, // strange alone: its feed is not looked at
		"a stray":     {[]bus.Event{a, stray, c}, 0, 1, 0, 0},
	} {
		e := &Ears{}
		for _, event := range test.events {
			if err := e.Hear(context.Background(), event); err != nil {
				t.Fatal(err)
			}
		}
		unheard, strange := e.Compare(map[hub.TenantID][]Change{"ten_1": feed})
		if unheard != test.unheard || strange != test.strange || e.disorder != test.disorder || e.repeated != test.repeated {
			t.Errorf("%s: %d unheard, %d strange, %d out of order, %d repeated", name, unheard, strange, e.disorder, e.repeated)
		}
		wrong := test.unheard+test.strange+test.disorder > 0
		if err := (tally{unheard: unheard, strange: strange, streamOrder: e.disorder}).err(); (err != nil) != wrong {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An order is where it belongs with the platform's version, amount and deletion, and not with less.
func TestSettled(t *testing.T) {
	version := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	order := func(amount string, updated, deleted time.Time) *Books {
		c := at(1, "a", "7", 1)
		c.Order.SourceUpdatedAt, c.Order.DeletedAt = updated, deleted
		c.Order.Totals.CurrentTotal.Amount = amount
		b := &Books{}
		b.book(c)
		return b
	}
	live := truth{id: "7", updated: version, total: "5.00"}
	gone, open, whole := live, live, live
	gone.deleted, open.open, whole.total = true, true, "5"
	var never time.Time
	for name, test := range map[string]struct {
		state truth
		books *Books
		want  int
	}{
		"the same":           {live, order("5.00", version, never), 1},
		"other zeros":        {whole, order("5.00", version, never), 1},
		"none":               {live, &Books{}, 0},
		"no amount":          {live, order("", version, never), 0},
		"not final there":    {open, order("5.00", version, never), 0},
		"another amount":     {live, order("5.01", version, never), 0},
		"an older version":   {live, order("5.00", version.Add(-time.Second), never), 0},
		"deleted here alone": {live, order("5.00", version, version), 0},
		"deleted":            {gone, order("5.00", version.Add(-time.Minute), version.Add(time.Millisecond)), 1},
		"deleted by ours":    {gone, order("5.00", version, version.Add(-ahead)), 1},
		"deleted long ago":   {gone, order("5.00", version, version.Add(-time.Hour)), 0},
		"deleted later":      {gone, order("5.00", version, version.Add(time.Second)), 0},
		"not deleted here":   {gone, order("5.00", version, never), 0},
	} {
		if settled([]truth{test.state}, test.books, "con_2") != 0 {
			t.Errorf("%s: another shop's", name)
		}
		if got := settled([]truth{test.state}, test.books, "con_1"); got != test.want {
			t.Errorf("%s: %d", name, got)
		}
	}
}
