package forgettest

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/gdpr/gdprtest"
)

// Fixture is what the suite needs of an implementation.
type Fixture struct {
	Shards   hub.Shards
	Shard    forget.Shard
	Register gdpr.Register
	Tenants  [3]hub.TenantID // two of one shard, then one of another
	// Put stores a row as the hub does, without registering it; an order in the place of what was there. Values returns what it holds now, empty values left out.
	Put    func(context.Context, hub.Tx, Row) error
	Values func(ctx context.Context, t hub.TenantID, place gdpr.Location, id string) (map[hub.PersonalPart][]byte, error)
}

// RunShard runs the suite that every forget.Shard passes together with its gdpr.Register. open returns empty shards and
// cleans up after the test.
func RunShard(t *testing.T, open func(*testing.T) Fixture) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *bench)
	}{
		{"Ledger", testLedger},
		{"LedgerPages", testLedgerPages},
		{"HeadGoesOnOnly", testHead},
		{"FencedIsRefused", testFenced},
		{"NobodyComesBack", testNeverBack},
		{"RollbackLeavesNothing", testRollback},
		{"Count", testCount},
		{"OrdersOf", testOrdersOf},
		{"Anybody", testAnybody},
		{"VisitByPart", testVisitParts},
		{"VisitInSteps", testVisitSteps},
		{"Unparsed", testUnparsed},
		{"Expired", testExpired},
		{"Idle", testIdle},
		{"Left", testLeft},
		{"LeftMost", testLeftMost},
		{"LeftDamaged", testLeftDamaged},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, newBench(t, open(t))) })
	}
}

// bench has what the tests of the suite do all the time.
type bench struct {
	Fixture
	t     *testing.T
	ctx   context.Context
	keys  *gdpr.Keys
	ids   hub.IDSource
	shard hub.ShardID
}

var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// counted is a source of ids that count.
func counted() hub.IDSource {
	var n atomic.Uint64
	return func() (id [16]byte) {
		binary.BigEndian.PutUint64(id[8:], n.Add(1))
		return id
	}
}

func newBench(t *testing.T, f Fixture) *bench {
	clock := func() time.Time { return start }
	b := &bench{Fixture: f, t: t, ctx: context.Background(), ids: counted(), shard: f.Shards.Of(f.Tenants[0])}
	if f.Shards.Of(f.Tenants[1]) != b.shard || f.Shards.Of(f.Tenants[2]) == b.shard {
		t.Fatal("the tenants are not where they should be")
	}
	b.keys = gdpr.NewKeys(NewRoots(clock), gdprtest.NewMemory(), b.ids, clock, gdpr.Options{Monotonic: time.Now})
	return b
}

// do runs a transaction that must succeed.
func (b *bench) do(shard hub.ShardID, f func(context.Context, hub.Tx) error) {
	b.t.Helper()
	if err := b.Shards.Do(b.ctx, shard, f); err != nil {
		b.t.Fatal(err)
	}
}

// apply applies entries to the first shard and returns the new ones.
func (b *bench) apply(entries []forget.Entry, head *forget.Entry) (fresh []forget.Entry) {
	b.t.Helper()
	b.do(b.shard, func(ctx context.Context, tx hub.Tx) (err error) {
		fresh, err = b.Shard.Apply(ctx, tx, entries, head)
		return err
	})
	return fresh
}

// entry makes an entry about a person.
func (b *bench) entry(number int64, what forget.What, s gdpr.SubjectID) forget.Entry {
	return forget.Entry{Number: number, ID: b.ids.New(forget.EntryPrefix), What: what, Tenant: b.Tenants[0], Subject: s,
		Reason: "erasure", Damaged: number%2 == 0, At: start.Add(time.Duration(number) * time.Microsecond)}
}

// person makes an id of somebody.
func (b *bench) person() gdpr.SubjectID { return gdpr.SubjectID(b.ids.New(gdpr.SubjectPrefix)) }

// sealFor seals for guests of these orders, and returns who they are.
func (b *bench) sealFor(t hub.TenantID, orders ...hub.ExternalID) (sealed []byte, subjects []gdpr.SubjectID) {
	b.t.Helper()
	h := gdpr.Holder{Tenant: t, Connection: "con_a", Lot: gdpr.LotUnparsed, Week: gdpr.WeekOf(start)}
	for _, o := range orders {
		h.Lot = gdpr.LotRaw
		h.People = append(h.People, gdpr.Person{SubjectRef: gdpr.SubjectRef{Order: o}, PlacedAt: start})
	}
	seals, err := b.keys.Seals(b.ctx, []gdpr.Holder{h})
	if err == nil {
		sealed, err = seals[0].Seal(gdpr.Place{Tenant: t, Table: "raws", Row: "x", Class: hub.P1}, []byte("value"))
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return sealed, seals[0].Subjects()
}

// store stores a row and registers it for the subjects.
func (b *bench) store(r Row, subjects ...gdpr.SubjectID) {
	b.t.Helper()
	b.do(b.Shards.Of(r.Tenant), func(ctx context.Context, tx hub.Tx) error {
		return errors.Join(b.Put(ctx, tx, r), b.hold(ctx, tx, r, subjects))
	})
}

func (b *bench) hold(ctx context.Context, tx hub.Tx, r Row, subjects []gdpr.SubjectID) error {
	var list []gdpr.Holding
	for _, s := range subjects {
		list = append(list, gdpr.Holding{Tenant: r.Tenant, Subject: s, Place: r.Place, Row: r.ID})
	}
	return b.Register.Hold(ctx, tx, list)
}

// raw stores one payload of these guests.
func (b *bench) raw(t hub.TenantID, orders ...hub.ExternalID) (Row, []gdpr.SubjectID) {
	b.t.Helper()
	sealed, subjects := b.sealFor(t, orders...)
	r := Row{Tenant: t, Place: gdpr.InRaws, ID: b.ids.New(hub.RawPrefix), Values: map[hub.PersonalPart][]byte{"": sealed}, Expires: "2027-W08"}
	b.store(r, subjects...)
	return r, subjects
}

// holds reports which parts of a row have a value.
func (b *bench) holds(r Row) map[hub.PersonalPart]bool {
	b.t.Helper()
	values, err := b.Values(b.ctx, r.Tenant, r.Place, r.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	parts := map[hub.PersonalPart]bool{}
	for part, v := range values {
		if len(v) > 0 {
			parts[part] = true
		}
	}
	return parts
}

// visit visits one place of a shard and returns what was done and how many steps it took.
func (b *bench) visit(shard hub.ShardID, place gdpr.Location, limit int, subjects ...gdpr.SubjectID) (sum forget.Visited, steps int) {
	b.t.Helper()
	for more := true; more && steps < 1000; steps++ {
		var v forget.Visited
		b.do(shard, func(ctx context.Context, tx hub.Tx) (err error) {
			v, more, err = b.Shard.Visit(ctx, tx, place, subjects, limit)
			return err
		})
		sum.Looked, sum.Found, sum.Acted = sum.Looked+v.Looked, sum.Found+v.Found, sum.Acted+v.Acted
	}
	return sum, steps
}
