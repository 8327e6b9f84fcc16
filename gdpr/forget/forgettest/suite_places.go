package forgettest

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

func (b *bench) count(t hub.TenantID, subjects ...gdpr.SubjectID) map[gdpr.Location]int64 {
	b.t.Helper()
	rows, err := b.Shard.Count(b.ctx, t, subjects)
	if err != nil {
		b.t.Fatal(err)
	}
	for place, n := range rows {
		if n == 0 {
			delete(rows, place)
		}
	}
	return rows
}

func testCount(t *testing.T, b *bench) {
	_, both := b.raw(b.Tenants[0], "A", "B")
	b.raw(b.Tenants[0], "A")
	_, others := b.raw(b.Tenants[1], "A")
	b.store(Row{Tenant: b.Tenants[0], Place: gdpr.InOrders, ID: b.ids.New(hub.OrderPrefix)}, both[0])
	type rows = map[gdpr.Location]int64
	for name, c := range map[string]struct {
		tenant hub.TenantID
		who    []gdpr.SubjectID
		want   rows
	}{
		"everybody":       {b.Tenants[0], both, rows{gdpr.InRaws: 2, gdpr.InOrders: 1}},
		"nobody":          {b.Tenants[0], nil, rows{}},
		"somebody else":   {b.Tenants[0], []gdpr.SubjectID{b.person()}, rows{}},
		"another tenant":  {b.Tenants[1], both, rows{}},
		"the other's own": {b.Tenants[1], others, rows{gdpr.InRaws: 1}},
	} {
		if got := b.count(c.tenant, c.who...); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// testAnybody: what belongs to no tenant is counted for as long as it has bytes, and nothing else is.
func testAnybody(t *testing.T, b *bench) {
	anybody := func(what string, rows int64, until gdpr.Week) {
		t.Helper()
		want := map[gdpr.Location]forget.Anybody{}
		if rows > 0 {
			want[gdpr.InParked] = forget.Anybody{Rows: rows, Until: until}
		}
		if got, err := b.Shard.Anybody(b.ctx); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v; want %v", what, got, err, want)
		}
	}
	shard := b.Shards.Of(hub.Operator)
	park := func(tenant hub.TenantID, week gdpr.Week) hub.ParkedID {
		r := Row{Tenant: tenant, Place: gdpr.InParked, ID: b.ids.New(hub.ParkedPrefix), Expires: week, Values: map[hub.PersonalPart][]byte{"": []byte("sealed")}}
		b.store(r)
		return hub.ParkedID(r.ID)
	}
	anybody("before anything is parked", 0, "")
	for _, tenant := range b.Tenants {
		park(tenant, "2027-W30")
	}
	anybody("parked of tenants", 0, "")
	park(hub.Operator, "2026-W46")
	last := park(hub.Operator, "2027-W03")
	park(hub.Operator, "2026-W52")
	anybody("three", 3, "2027-W03")
	b.do(shard, func(ctx context.Context, tx hub.Tx) error {
		return b.Shard.Empty(ctx, tx, hub.Operator, []hub.ParkedID{last})
	})
	anybody("one was emptied", 2, "2026-W52")
	b.do(shard, func(ctx context.Context, tx hub.Tx) error {
		_, _, err := b.Shard.Expired(ctx, tx, gdpr.InParked, "2026-W47", 10)
		return err
	})
	anybody("one is over", 1, "2026-W52")
}

func testOrdersOf(t *testing.T, b *bench) {
	s := b.person()
	var want []hub.OrderID
	for range 12 {
		id := b.ids.New(hub.OrderPrefix)
		want = append(want, hub.OrderID(id))
		b.store(Row{Tenant: b.Tenants[0], Place: gdpr.InOrders, ID: id}, s)
		b.store(Row{Tenant: b.Tenants[0], Place: gdpr.InRaws, ID: b.ids.New(hub.RawPrefix), Values: map[hub.PersonalPart][]byte{"": []byte("x")}}, s)
		b.store(Row{Tenant: b.Tenants[0], Place: gdpr.InOrders, ID: b.ids.New(hub.OrderPrefix)}, b.person())
	}
	for _, limit := range []int{1, 5, 12, 50} {
		var got []hub.OrderID
		for after := hub.OrderID(""); ; {
			page, err := b.Shard.OrdersOf(b.ctx, b.Tenants[0], s, after, limit)
			if err != nil || len(page) > limit {
				t.Fatalf("%d orders of %d, %v", len(page), limit, err)
			}
			if len(page) == 0 {
				break
			}
			got, after = append(got, page...), page[len(page)-1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d: %v, want %v", limit, got, want)
		}
	}
	if page, err := b.Shard.OrdersOf(b.ctx, b.Tenants[1], s, "", 50); err != nil || len(page) != 0 {
		t.Errorf("another tenant sees %d orders, %v", len(page), err)
	}
}

// testVisitParts has an order of a buyer, a recipient and what belongs to both.
func testVisitParts(t *testing.T, b *bench) {
	tenant := b.Tenants[0]
	buyer, a := b.sealFor(tenant, "A")
	recipient, r := b.sealFor(tenant, "B")
	shared, both := b.sealFor(tenant, "A", "B")
	order := Row{Tenant: tenant, Place: gdpr.InOrders, ID: b.ids.New(hub.OrderPrefix), Expires: "2028-W46", Values: map[hub.PersonalPart][]byte{
		hub.PartBuyer: buyer, hub.PartRecipient: recipient, hub.PartShared: shared}}
	b.store(order, both...)
	raw, _ := b.raw(tenant, "A", "B")
	other, _ := b.raw(tenant, "B")
	foreign, _ := b.raw(b.Tenants[1], "A")

	if v, _ := b.visit(b.shard, gdpr.InOrders, 10, a...); v.Found != 1 || v.Acted != 1 || v.Looked < 1 {
		t.Errorf("visiting the orders: %+v", v)
	}
	if got := b.holds(order); !reflect.DeepEqual(got, map[hub.PersonalPart]bool{hub.PartRecipient: true}) {
		t.Errorf("after the buyer is gone the order holds %v", got)
	}
	if !b.holds(raw)[""] {
		t.Error("visiting the orders emptied a payload")
	}
	if v, _ := b.visit(b.shard, gdpr.InRaws, 10, a...); v.Found != 1 || v.Acted != 1 {
		t.Errorf("visiting the payloads: %+v", v)
	}
	if b.holds(raw)[""] || !b.holds(other)[""] || !b.holds(foreign)[""] {
		t.Errorf("payloads left: %v of both, %v of the other, %v of another tenant", b.holds(raw), b.holds(other), b.holds(foreign))
	}
	if got := b.count(tenant, a...); len(got) != 0 {
		t.Errorf("the register still has %v of whoever is gone", got)
	}
	if got := b.count(tenant, r...)[gdpr.InOrders]; got != 1 {
		t.Errorf("the register has %d orders of whoever is left", got)
	}
	for _, place := range []gdpr.Location{gdpr.InOrders, gdpr.InRaws} {
		if v, _ := b.visit(b.shard, place, 10, a...); v.Found != 0 || v.Acted != 0 {
			t.Errorf("visiting %s again: %+v", place, v)
		}
	}
	b.visit(b.shard, gdpr.InOrders, 10, r...)
	if got := b.holds(order); len(got) != 0 {
		t.Errorf("when both are gone the order holds %v", got)
	}
}

func testVisitSteps(t *testing.T, b *bench) {
	var rows []Row
	var who []gdpr.SubjectID
	for range 23 {
		r, s := b.raw(b.Tenants[0], "A")
		rows, who = append(rows, r), s
	}
	elsewhere, _ := b.raw(b.Tenants[2], "A")
	v, steps := b.visit(b.shard, gdpr.InRaws, 5, who...)
	if v.Looked != 23 || v.Found != 23 || v.Acted != 23 || steps < 5 || steps > 6 {
		t.Errorf("%+v in %d steps", v, steps)
	}
	for _, r := range rows {
		if len(b.holds(r)) != 0 {
			t.Errorf("row %s is left", r.ID)
		}
	}
	if !b.holds(elsewhere)[""] {
		t.Error("the other shard was visited")
	}
}

func testUnparsed(t *testing.T, b *bench) {
	var want []forget.Unparsed
	park := func(tenant hub.TenantID, sealed []byte) hub.ParkedID {
		r := Row{Tenant: tenant, Place: gdpr.InParked, ID: b.ids.New(hub.ParkedPrefix), Expires: "2027-W01"}
		if sealed != nil {
			r.Values = map[hub.PersonalPart][]byte{"": sealed}
		}
		b.store(r)
		return hub.ParkedID(r.ID)
	}
	for range 7 {
		sealed, _ := b.sealFor(b.Tenants[0])
		want = append(want, forget.Unparsed{ID: park(b.Tenants[0], sealed), Sealed: sealed})
		park(b.Tenants[0], nil) // dropped long ago
	}
	sealed, _ := b.sealFor(b.Tenants[1])
	foreign := park(b.Tenants[1], sealed)
	pages := func(tenant hub.TenantID, limit int) (got []forget.Unparsed) {
		for after := hub.ParkedID(""); ; {
			page, err := b.Shard.Unparsed(b.ctx, tenant, after, limit)
			if err != nil || len(page) > limit {
				t.Fatalf("%d of %d, %v", len(page), limit, err)
			}
			if len(page) == 0 {
				return got
			}
			got, after = append(got, page...), page[len(page)-1].ID
		}
	}
	for _, limit := range []int{1, 3, 7, 50} {
		if got := pages(b.Tenants[0], limit); !reflect.DeepEqual(got, want) {
			t.Errorf("in pages of %d: %d deliveries, want %d", limit, len(got), len(want))
		}
	}
	b.do(b.shard, func(ctx context.Context, tx hub.Tx) error {
		return b.Shard.Empty(ctx, tx, b.Tenants[0], []hub.ParkedID{want[0].ID, want[3].ID, foreign, want[0].ID})
	})
	left := slices.Concat(want[1:3], want[4:])
	if got := pages(b.Tenants[0], 50); !reflect.DeepEqual(got, left) {
		t.Errorf("%d deliveries are left, want %d", len(got), len(left))
	}
	if got := pages(b.Tenants[1], 50); len(got) != 1 {
		t.Error("another tenant's delivery was emptied")
	}
}

func testExpired(t *testing.T, b *bench) {
	for _, place := range gdpr.Locations() {
		part, prefix := hub.PersonalPart(""), hub.RawPrefix
		switch place {
		case gdpr.InOrders:
			part, prefix = hub.PartBuyer, hub.OrderPrefix
		case gdpr.InParked:
			prefix = hub.ParkedPrefix
		}
		var old, kept []Row
		for i, week := range []gdpr.Week{"2026-W46", "2025-W52", "2026-W47", "", "2027-W01", "2026-W46", "2026-W46"} {
			sealed, who := b.sealFor(b.Tenants[0], "A")
			r := Row{Tenant: b.Tenants[0], Place: place, ID: b.ids.New(prefix), Expires: week, Values: map[hub.PersonalPart][]byte{part: sealed}}
			if place == gdpr.InParked {
				who = nil
			}
			b.store(r, who...)
			if i < 2 || i > 4 {
				old = append(old, r)
			} else {
				kept = append(kept, r)
			}
		}
		var sum forget.Visited
		steps := 0
		for more := true; more && steps < 100; steps++ {
			b.do(b.shard, func(ctx context.Context, tx hub.Tx) error {
				v, again, err := b.Shard.Expired(ctx, tx, place, "2026-W47", 3)
				sum.Acted, more = sum.Acted+v.Acted, again
				return err
			})
		}
		if sum.Acted != int64(len(old)) || steps < 2 {
			t.Errorf("%s: emptied %d rows in %d steps, want %d", place, sum.Acted, steps, len(old))
		}
		for _, r := range old {
			if len(b.holds(r)) != 0 {
				t.Errorf("%s of week %q is left", place, r.Expires)
			}
		}
		for _, r := range kept {
			if !b.holds(r)[part] {
				t.Errorf("%s of week %q is gone", place, r.Expires)
			}
		}
	}
}

// idle lists who may hold nothing, read in pages, and compares.
func (b *bench) idle(what string, want ...gdpr.SubjectID) {
	b.t.Helper()
	var got []gdpr.SubjectID
	for after := gdpr.SubjectID(""); ; {
		page, err := b.Shard.Idle(b.ctx, b.shard, after, 1)
		if err != nil {
			b.t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		if page[0].Tenant != b.Tenants[0] || len(page) > 1 {
			b.t.Fatalf("%s: %+v", what, page)
		}
		after = page[0].Subject
		got = append(got, after)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		b.t.Errorf("%s: idle are %v, want %v", what, got, want)
	}
}

func (b *bench) retire(subjects ...gdpr.SubjectID) (ended []gdpr.SubjectID) {
	b.t.Helper()
	b.do(b.shard, func(ctx context.Context, tx hub.Tx) (err error) {
		ended, err = b.Shard.Retire(ctx, tx, subjects)
		return err
	})
	slices.Sort(ended)
	return ended
}

// testIdle follows people until nothing of them is left.
func testIdle(t *testing.T, b *bench) {
	tenant := b.Tenants[0]
	expire := func(place gdpr.Location) {
		b.do(b.shard, func(ctx context.Context, tx hub.Tx) error {
			_, _, err := b.Shard.Expired(ctx, tx, place, "2026-W47", 100)
			return err
		})
	}
	old := func(place gdpr.Location, prefix string, orders ...hub.ExternalID) []gdpr.SubjectID {
		sealed, who := b.sealFor(tenant, orders...)
		r := Row{Tenant: tenant, Place: place, ID: b.ids.New(prefix), Expires: "2026-W46", Values: map[hub.PersonalPart][]byte{"": sealed}}
		if place == gdpr.InParked {
			b.store(r)
		} else {
			b.store(r, who...)
		}
		return who
	}
	a := old(gdpr.InRaws, hub.RawPrefix, "A")[0]
	_, both := b.raw(tenant, "A", "B")
	c := old(gdpr.InRaws, hub.RawPrefix, "C")[0]
	b.idle("before anything is dropped")
	if got := b.retire(a, c); len(got) != 0 {
		t.Errorf("who was never idle ended: %v", got)
	}
	expire(gdpr.InRaws)
	b.idle("one payload is over", a, c)
	if got := b.retire(a, b.person()); len(got) != 0 {
		t.Errorf("who holds another payload ended: %v", got)
	}
	b.idle("who holds something was looked at", c)
	other := both[1]
	if other == a {
		other = both[0]
	}
	b.visit(b.shard, gdpr.InRaws, 10, other) // whose erasure takes what is of both
	b.idle("after an erasure", a, c)
	b.order(b.ids.New(hub.OrderPrefix), "2027-W08", "C") // written for somebody idle
	for range 2 {                                        // the second repeats an unknown outcome
		if got := b.retire(a, c, a); !slices.Equal(got, []gdpr.SubjectID{a}) {
			t.Errorf("retired %v, want %s", got, a)
		}
	}
	b.idle("retired", a)
	if err := b.tryHold(a); hub.CodeOf(err) != gdpr.CodeSubjectFenced {
		t.Errorf("writing for somebody retired: %v", err)
	}
	b.apply([]forget.Entry{b.entry(1, forget.Fenced, a)}, nil)
	b.idle("fenced", a)
	b.apply([]forget.Entry{b.entry(2, forget.Killed, a)}, nil)
	b.idle("killed")
	delivery := old(gdpr.InParked, hub.ParkedPrefix, "P")[0] // sealed under a key of its own, whatever its name
	expire(gdpr.InParked)
	b.idle("a parked delivery is over", delivery)
	if got := b.retire(delivery); !slices.Equal(got, []gdpr.SubjectID{delivery}) {
		t.Errorf("of a parked delivery ended %v", got)
	}
}
