package forgettest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"hub"
	"hub/gdpr"
)

// order writes an order of these guests, whoever was in it before, as the hub does: who is new is held, and who is not in it
// any more has left it.
func (b *bench) order(id string, expires gdpr.Week, guests ...hub.ExternalID) []gdpr.SubjectID {
	b.t.Helper()
	sealed, who := b.sealFor(b.Tenants[0], guests...)
	b.rewrite(Row{Tenant: b.Tenants[0], Place: gdpr.InOrders, ID: id, Expires: expires, Values: map[hub.PersonalPart][]byte{hub.PartBuyer: sealed}}, who)
	return who
}

func (b *bench) rewrite(r Row, who []gdpr.SubjectID) {
	b.t.Helper()
	values, err := b.Values(b.ctx, r.Tenant, r.Place, r.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	before, _ := gdpr.SubjectsOf(values[hub.PartBuyer])
	var left []gdpr.Holding
	for _, s := range before {
		if !slices.Contains(who, s) {
			left = append(left, gdpr.Holding{Tenant: r.Tenant, Subject: s, Place: r.Place, Row: r.ID})
		}
	}
	b.do(b.shard, func(ctx context.Context, tx hub.Tx) error {
		return errors.Join(b.hold(ctx, tx, r, who), b.Register.Leave(ctx, tx, left), b.Put(ctx, tx, r))
	})
}

func (b *bench) expire(place gdpr.Location) {
	b.t.Helper()
	b.do(b.shard, func(ctx context.Context, tx hub.Tx) error {
		_, _, err := b.Shard.Expired(ctx, tx, place, "2026-W47", 100)
		return err
	})
}

func (b *bench) retires(what string, subject gdpr.SubjectID, ends bool) {
	b.t.Helper()
	var want []gdpr.SubjectID
	if ends {
		want = append(want, subject)
	}
	if got := b.retire(subject); !slices.Equal(got, want) {
		b.t.Errorf("%s: retired %v, want %v", what, got, want)
	}
}

// testLeft: somebody who only left an order is nobody's as soon as the payload that still names them is gone, and until then
// the register knows which order it was.
func testLeft(t *testing.T, b *bench) {
	id := b.ids.New(hub.OrderPrefix)
	who := b.order(id, "2028-W46", "A", "B")
	sealed, a := b.sealFor(b.Tenants[0], "A")
	raw := Row{Tenant: b.Tenants[0], Place: gdpr.InRaws, ID: b.ids.New(hub.RawPrefix), Expires: "2026-W46", Values: map[hub.PersonalPart][]byte{"": sealed}}
	b.store(raw, a...)
	b.retires("nobody has left", a[0], false)
	b.order(id, "2028-W46", "C", "B")
	b.idle("one has left", a...)
	b.retires("a payload names them", a[0], false)
	b.idle("a payload was found")
	if orders, err := b.Shard.OrdersOf(b.ctx, b.Tenants[0], a[0], "", 10); err != nil || !slices.Equal(orders, []hub.OrderID{hub.OrderID(id)}) {
		t.Errorf("they were in %v, %v", orders, err)
	}
	b.expire(gdpr.InRaws)
	for range 2 { // the second repeats an unknown outcome
		b.retires("nothing names them", a[0], true)
	}
	if rows := b.count(b.Tenants[0], a...); len(rows) != 0 {
		t.Errorf("the register has %v of whoever is retired", rows)
	}
	if v, _ := b.visit(b.shard, gdpr.InOrders, 10, a...); v.Looked != 0 { // an order that was visited keeps nothing new
		t.Errorf("visiting whoever left: %+v", v)
	}
	stays := who[0]
	if stays == a[0] {
		stays = who[1]
	}
	b.order(b.ids.New(hub.OrderPrefix), "2028-W46", "B")
	b.do(b.shard, func(ctx context.Context, tx hub.Tx) error { // whoever says so wrongly ends nobody
		return b.Register.Leave(ctx, tx, []gdpr.Holding{{Tenant: b.Tenants[0], Subject: stays, Place: gdpr.InOrders, Row: id}})
	})
	b.retires("whoever is still there", stays, false)
	b.idle("whoever is retired", a...)
}

// testLeftMost: somebody left many orders and is still in one of them, whichever.
func testLeftMost(t *testing.T, b *bench) {
	const orders = 40
	var ids []string
	for range orders {
		ids = append(ids, b.ids.New(hub.OrderPrefix))
	}
	for _, stays := range []int{orders - 1, orders - 4, orders / 2, 0} {
		guest := hub.ExternalID(rune('A' + stays))
		var who gdpr.SubjectID
		for _, id := range ids {
			who = b.order(id, "2028-W46", guest)[0]
		}
		for i, id := range ids {
			if i != stays {
				b.order(id, "2028-W46", "somebody else")
			}
		}
		b.retires("one of many is left", who, false)
		b.order(ids[stays], "2028-W46", "somebody else")
		b.retires("the last is left", who, true)
	}
}

// testLeftDamaged: where it cannot be told whose an order is, nobody ends before the order does; then they do.
func testLeftDamaged(t *testing.T, b *bench) {
	left, damaged := b.ids.New(hub.OrderPrefix), b.ids.New(hub.OrderPrefix)
	who := b.order(left, "2028-W46", "A")
	b.order(damaged, "2026-W46", "A")
	b.rewrite(Row{Tenant: b.Tenants[0], Place: gdpr.InOrders, ID: damaged, Expires: "2026-W46", Values: map[hub.PersonalPart][]byte{hub.PartBuyer: []byte("damaged")}}, who)
	b.order(left, "2028-W46", "B")
	for range 2 {
		b.retires("a value is damaged", who[0], false)
		b.idle("a value is damaged", who...)
	}
	b.expire(gdpr.InOrders)
	b.retires("it has aged out", who[0], true)
	lost := b.person()
	if err := b.tryHold(lost); err != nil { // without its row
		t.Fatal(err)
	}
	b.do(b.shard, func(ctx context.Context, tx hub.Tx) error {
		return b.Register.Leave(ctx, tx, []gdpr.Holding{{Tenant: b.Tenants[0], Subject: lost, Place: gdpr.InOrders, Row: left}})
	})
	b.retires("an order is lost", lost, false)
	b.idle("an order is lost", who[0], lost)
}
