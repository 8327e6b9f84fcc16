package forget_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/gdpr/forget/forgettest"
	"hub/gdpr/gdprtest"
)

var ctx = context.Background()

// Tests run with a clock that stands still, so that a loaded machine does not run into the timeout of a poll.

// drill reports whether the big counts are wanted.
func drill() bool { return os.Getenv("HUB_DRILL") == "1" }

// world is two hubs over one vault, two shards and one root store, with everything that was ever sealed in it.
type world struct {
	t       testing.TB
	rand    *rand.Rand
	now     time.Time
	ids     hub.IDSource
	vault   *gdprtest.Memory
	roots   *forgettest.Roots
	shards  *forgettest.Memory
	hubs    []*node
	acting  *node // whose calls the stores see
	records []record
	parked  []parked
	copies  []loot
	faults  int
	counts  int // calls of Pending
}

// node is one hub process.
type node struct {
	w       *world
	name    string
	keys    *gdpr.Keys
	f       *forget.Forgetter
	runner  *forget.Runner
	loop    *forget.Loop
	calls   int
	crashAt int // 0: never
	after   bool
	dead    bool
}

// record is a value that was sealed, and where it was meant to be stored.
type record struct {
	place    gdpr.Place
	row      forgettest.Row
	subjects []gdpr.SubjectID
	text     string
	customer string
}

type parked struct {
	id    hub.ParkedID
	t     hub.TenantID
	email string
}

// loot is a copy of the vault and of the roots at one moment.
type loot struct {
	vault *gdprtest.Memory
	roots *forgettest.Roots
}

var (
	errCrash = errors.New("the process was killed")
	start    = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	shardIDs = []hub.ShardID{"s1", "s2"}
)

func newWorld(t testing.TB, seed uint64) *world {
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 1)), now: start, ids: source(), vault: gdprtest.NewMemory()}
	w.roots = forgettest.NewRoots(w.clock)
	w.shards = forgettest.NewMemory(w.clock, func(t hub.TenantID) hub.ShardID {
		if t == "ten_c" {
			return "s2"
		}
		return "s1"
	})
	w.hubs = []*node{{w: w, name: "hub_1"}, {w: w, name: "hub_2"}}
	for _, n := range w.hubs {
		n.restart()
	}
	w.acting = w.hubs[0]
	w.vault.Faults(w.fault)
	w.roots.Faults, w.shards.Faults = w.fault, w.fault
	return w
}

// source counts, and ends in one of three ways, so that the dead share their buckets with survivors.
func source() hub.IDSource {
	var n atomic.Uint64
	return func() (id [16]byte) {
		at := n.Add(1)
		binary.BigEndian.PutUint64(id[:], at)
		id[14], id[15] = byte(at%3), 7
		return id
	}
}

func (w *world) clock() time.Time { return w.now }

// fault kills the acting process at the planned call; from then on it does nothing any more.
func (w *world) fault(method string, done bool) error {
	if method == "Pending" && done {
		w.counts++
	}
	n := w.acting
	if n == nil {
		return nil
	}
	if n.dead {
		return errCrash
	}
	if !done {
		n.calls++
	}
	if n.crashAt > 0 && n.calls == n.crashAt && done == n.after {
		n.dead = true
		w.faults++
		return errCrash
	}
	return nil
}

// restart is a new process of the hub.
func (n *node) restart() {
	w := n.w
	n.keys = gdpr.NewKeys(w.roots, w.vault, w.ids, w.clock, gdpr.Options{Monotonic: w.clock})
	n.f = forget.New(forget.Parts{
		Keys: n.keys, Vault: w.vault, Ledger: w.vault, Shards: w.shards, Shard: w.shards,
		Connections: func(context.Context, hub.TenantID) ([]hub.ConnectionID, error) {
			return []hub.ConnectionID{"con_1"}, nil
		},
		IDs: w.ids, Clock: w.clock,
	})
	n.runner = &forget.Runner{Keys: n.keys, Cycles: w.vault, Roots: w.roots, Instance: n.name, Clock: w.clock}
	n.loop = &forget.Loop{Forgetter: n.f, Runner: n.runner, ShardIDs: func() []hub.ShardID { return shardIDs }}
	n.calls, n.crashAt, n.after, n.dead = 0, 0, false, false
}

// as has a hub do something.
func (w *world) as(n *node, f func() error) error {
	before := w.acting
	w.acting = n
	defer func() { w.acting = before }()
	return f()
}

// customer is somebody who buys.
type customer struct {
	tenant hub.TenantID
	name   string
}

func (c customer) email() string { return c.name + "@example.com" }

func (c customer) person(placed time.Time) gdpr.Person {
	return gdpr.Person{
		SubjectRef:  gdpr.SubjectRef{Customer: hub.ExternalID(c.name)},
		PlacedAt:    placed,
		Identifiers: c.identifiers(),
	}
}

func (c customer) identifiers() []gdpr.Identifier {
	id, err := gdpr.NewIdentifier(gdpr.IdentifierEmail, c.email())
	if err != nil {
		panic(err)
	}
	return []gdpr.Identifier{id}
}

// buy stores an order and its payload, as the drain does. The order may have a recipient.
func (n *node) buy(c customer, placed time.Time, recipient ...customer) error {
	w := n.w
	people := []gdpr.Person{c.person(placed)}
	for _, r := range recipient {
		people = append(people, r.person(placed))
	}
	order := gdpr.Holder{Tenant: c.tenant, Connection: "con_1", People: people[:1], Lot: gdpr.LotOrder, Week: gdpr.WeekOf(placed)}
	raw := order
	raw.People, raw.Lot = people, gdpr.LotRaw
	seals, err := n.keys.Seals(ctx, []gdpr.Holder{order, raw})
	if err != nil {
		return err
	}
	id := w.ids.New(hub.OrderPrefix)
	places := []gdpr.Place{gdpr.OrderPlace(c.tenant, hub.OrderID(id), hub.PartBuyer, 1),
		{Tenant: c.tenant, Table: "raws", Row: w.ids.New(hub.RawPrefix), Class: hub.P1}}
	var fresh []record
	for i, place := range places {
		if seals[i].Suppressed() {
			continue
		}
		r := record{place: place, subjects: seals[i].Subjects(), customer: c.name, text: fmt.Sprintf("%s %s", c.name, place)}
		envelope, err := seals[i].Seal(place, []byte(r.text))
		if err != nil {
			return err
		}
		r.row = forgettest.Row{Tenant: c.tenant, Place: gdpr.InRaws, ID: place.Row, Expires: seals[i].Expires(), Values: map[hub.PersonalPart][]byte{"": envelope}}
		if i == 0 {
			r.row.Place, r.row.Values = gdpr.InOrders, map[hub.PersonalPart][]byte{hub.PartBuyer: envelope}
		}
		fresh = append(fresh, r)
	}
	w.records = append(w.records, fresh...)
	return w.shards.Do(ctx, w.shards.Of(c.tenant), func(ctx context.Context, tx hub.Tx) error {
		for _, r := range fresh {
			var list []gdpr.Holding
			for _, s := range r.subjects {
				list = append(list, gdpr.Holding{Tenant: c.tenant, Subject: s, Place: r.row.Place, Row: r.row.ID})
			}
			if err := errors.Join(w.shards.Hold(ctx, tx, list), w.shards.Put(ctx, tx, r.row)); err != nil {
				return err
			}
		}
		return nil
	})
}

// park stores a delivery that could not be parsed and names a customer.
func (n *node) park(c customer, text string) error {
	w := n.w
	id := hub.ParkedID(w.ids.New(hub.ParkedPrefix))
	seals, err := n.keys.Seals(ctx, []gdpr.Holder{{Tenant: c.tenant, Connection: "con_1", Lot: gdpr.LotUnparsed, Week: gdpr.WeekOf(w.now),
		People: []gdpr.Person{{SubjectRef: gdpr.SubjectRef{Unparsed: id}, PlacedAt: w.now}}}})
	if err != nil {
		return err
	}
	envelope, err := seals[0].Seal(gdpr.ParkedPlace(c.tenant, id), []byte(text))
	if err != nil {
		return err
	}
	w.parked = append(w.parked, parked{id, c.tenant, c.email()})
	return w.shards.Do(ctx, w.shards.Of(c.tenant), func(ctx context.Context, tx hub.Tx) error {
		return w.shards.Put(ctx, tx, forgettest.Row{Tenant: c.tenant, Place: gdpr.InParked, ID: string(id),
			Expires: seals[0].Expires(), Values: map[hub.PersonalPart][]byte{"": envelope}})
	})
}

// erase does to a customer all that an erasure does before its cycle, and requires that the sweep finds nothing.
func (n *node) erase(c customer) error {
	who, err := n.f.Find(ctx, c.tenant, c.identifiers())
	if err != nil {
		return err
	}
	if _, err := n.f.Fence(ctx, c.tenant, who, "erasure"); err != nil {
		return err
	}
	return n.kill(c, who)
}

func (n *node) kill(c customer, who []gdpr.SubjectID) error {
	if _, err := n.f.Kill(ctx, c.tenant, who, "erasure"); err != nil {
		return err
	}
	for _, place := range gdpr.Locations() {
		if _, err := n.f.Visit(ctx, c.tenant, place, who, c.identifiers()); err != nil {
			return err
		}
	}
	swept, err := n.f.Sweep(ctx, c.tenant, who, c.identifiers())
	if err == nil && !swept.Clean() {
		n.w.t.Errorf("the sweep after an erasure found %+v", swept.Places)
	}
	return err
}

// report says of all hubs that they have moved to the newest root.
func (w *world) report() error {
	roots, err := w.roots.Load(ctx)
	if err != nil {
		return err
	}
	for _, n := range w.hubs {
		err = errors.Join(err, w.vault.Report(ctx, forget.Hub{Instance: n.name, Generation: roots[len(roots)-1].Generation, SeenAt: w.now}))
	}
	return err
}

// loot copies the vault and the roots.
func (w *world) loot() { w.copies = append(w.copies, loot{w.vault.Copy(), w.roots.Copy()}) }

// settle ends a history without any more faults: reconciled, and cycled until nothing is pending.
func (w *world) settle() *node {
	w.t.Helper()
	w.now = w.now.Add(10 * time.Minute)
	n := w.hubs[0]
	n.restart()
	w.acting = n
	if err := n.f.ReconcileAll(ctx, shardIDs); err != nil {
		w.t.Fatalf("the last reconciliation: %v", err)
	}
	w.forget(n, 1<<40)
	return n
}

// forget runs cycles until nothing is pending, and returns them.
func (w *world) forget(n *node, approve int64) (all []forget.Cycle) {
	w.t.Helper()
	for range 10 {
		if err := w.report(); err != nil {
			w.t.Fatal(err)
		}
		c, err := n.runner.Run(ctx, approve)
		if err != nil {
			w.t.Fatalf("cycle %d in phase %s: %v", c.Number, c.Phase, err)
		}
		if c.Number == 0 {
			return all
		}
		if c.Phase == forget.PhaseDone {
			all = append(all, c)
		}
	}
	w.t.Fatal("the cycles do not end")
	return nil
}
