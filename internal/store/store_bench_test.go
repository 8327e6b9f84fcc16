package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/internal/hubtest/mariadb"
	"hub/internal/intake"
	"hub/internal/orders"
)

// batch is what the drain does in one transaction: 500 deliveries, each a new order of a tenant with its payload.
const batch = 500

// drainBatch is one such transaction.
type drainBatch struct {
	deliveries []intake.Delivery
	keys       []orders.Key
	rows       []orders.Stored
	raws       []intake.Raw
	changes    []hub.Change
	holdings   []gdpr.Holding // one person for each order, in it and in its payload
	newest     []intake.Newest
	superseded time.Duration // what Supersede took
}

// newBatch makes the rows of batch n: 5 KiB of business record, 1 KiB sealed, 6 KiB raw, 5 KiB in the feed.
func newBatch(n int, ids hub.IDSource, now time.Time) drainBatch {
	var b drainBatch
	doc := make([]byte, 5<<10)
	for i := range doc {
		doc[i] = `{"external_id":"5123456789012","quantity":1},`[i%45]
	}
	for i := range batch {
		tenant := hub.TenantID(fmt.Sprintf("ten_%026d", i%20))
		key := orders.Key{Tenant: tenant, Connection: hub.ConnectionID(fmt.Sprintf("con_%026d", i%20)), External: hub.ExternalID(fmt.Sprintf("%013d", n*batch+i))}
		d := intake.Delivery{Tenant: tenant, Connection: key.Connection, Resource: key.External}
		rand.Read(d.Key[:])
		personal, sealed := make([]byte, 1<<10), make([]byte, 6<<10)
		rand.Read(personal)
		rand.Read(sealed)
		id := hub.OrderID(ids.New(hub.OrderPrefix))
		b.deliveries = append(b.deliveries, d)
		b.keys = append(b.keys, key)
		b.newest = append(b.newest, intake.Newest{Order: key, SourceUpdatedAt: now, Revision: 1})
		b.rows = append(b.rows, orders.Stored{Key: key, ID: id, Revision: 1, Version: orders.Version{SourceUpdatedAt: now, Digest: d.Key},
			Status: "open", Platform: hub.Shopify, CreatedAt: now, UpdatedAt: now, Doc: doc, Personal: personal, New: true})
		b.raws = append(b.raws, intake.Raw{Ref: hub.RawRef(ids.New(hub.RawPrefix)), Order: key, Sealed: sealed, ReceivedAt: now})
		who, ref := gdpr.SubjectID(ids.New(gdpr.SubjectPrefix)), b.raws[i].Ref
		b.holdings = append(b.holdings, gdpr.Holding{Tenant: tenant, Subject: who, Place: gdpr.InOrders, Row: string(id)},
			gdpr.Holding{Tenant: tenant, Subject: who, Place: gdpr.InRaws, Row: string(ref)})
		b.changes = append(b.changes, hub.Change{ID: hub.ChangeID(ids.New(hub.ChangePrefix)), Tenant: tenant, Stream: hub.StreamOrders,
			Type: hub.OrderCreated, Time: now, OrderID: id, Revision: 1, Doc: doc})
	}
	return b
}

// drain does a batch as the drain does.
func (s *Store) drain(ctx context.Context, shard hub.ShardID, b *drainBatch) error {
	return s.Do(ctx, shard, func(ctx context.Context, tx hub.Tx) error {
		if _, err := s.Intake().Claim(ctx, tx, b.deliveries); err != nil {
			return err
		}
		if _, err := s.Orders().Lock(ctx, tx, b.keys); err != nil {
			return err
		}
		if err := s.Subjects().Hold(ctx, tx, b.holdings); err != nil {
			return err
		}
		if err := s.Orders().Save(ctx, tx, b.rows); err != nil {
			return err
		}
		if err := s.Intake().KeepRaw(ctx, tx, b.raws); err != nil {
			return err
		}
		start := time.Now()
		if err := s.Intake().Supersede(ctx, tx, b.newest); err != nil {
			return err
		}
		b.superseded = time.Since(start)
		if err := s.Intake().Record(ctx, tx, "intake.batch", "", batch); err != nil {
			return err
		}
		return s.Feed().Append(ctx, tx, b.changes)
	})
}

// plain writes the same rows and bytes with the same multi-row inserts in one transaction, and does nothing else.
func (s *Store) plain(ctx context.Context, d *database, b drainBatch, first int64) error {
	slices.SortFunc(b.rows, func(x, y orders.Stored) int { return compareOrders(x.Key, y.Key) })
	slices.SortFunc(b.deliveries, func(x, y intake.Delivery) int {
		return compareClaims(claim{x.Connection, x.Resource, x.Key}, claim{y.Connection, y.Resource, y.Key})
	})
	session, err := d.begin(ctx)
	if err != nil {
		return err
	}
	t := &tx{d: d, s: s, session: session}
	claims := insertion{table: "deliveries", columns: []string{"connection_id", "resource", "delivery_key", "tenant_id", "claimed_at"}}
	rows := insertion{table: "orders", columns: orderColumns}
	raws := insertion{table: "raws", columns: []string{"raw_ref", "tenant_id", "connection_id", "external_id", "received_at", "sealed"}}
	slices.SortFunc(b.holdings, compareHoldings)
	subjects, places := insertion{table: "subjects", columns: subjectColumns}, insertion{table: "subject_places", columns: placeColumns}
	for _, err := range []error{
		t.insert(ctx, subjects, batch, func(i int, r *row) {
			h := &b.holdings[2*i]
			r.add(string(h.Subject), string(h.Tenant), string(subjectLive), int64(1))
		}),
		t.insert(ctx, places, 2*batch, func(i int, r *row) {
			h := &b.holdings[i]
			r.add(string(h.Subject), string(h.Place), h.Row, string(h.Tenant))
		}),
		t.insert(ctx, claims, batch, func(i int, r *row) {
			c := &b.deliveries[i]
			r.add(string(c.Connection), string(c.Resource), c.Key[:], string(c.Tenant), int64(1))
		}),
		t.insert(ctx, rows, batch, func(i int, r *row) { addOrder(r, &b.rows[i]) }),
		t.insert(ctx, raws, batch, func(i int, r *row) {
			w := &b.raws[i]
			r.add(string(w.Ref), string(w.Order.Tenant), string(w.Order.Connection), string(w.Order.External), int64(1), w.Sealed)
		}),
		t.insert(ctx, feedRows, batch, func(i int, r *row) {
			c := &b.changes[i]
			r.add(string(c.Tenant), string(c.Stream), first+int64(i), string(c.ID), string(c.Type), int64(1), string(c.OrderID), c.Revision, c.Doc)
		}),
	} {
		if err != nil {
			session.rollback()
			return err
		}
	}
	return session.commit()
}

func BenchmarkSQLite(b *testing.B) { benchmark(b, sqliteBench(b)) }

func BenchmarkMariaDB(b *testing.B) { benchmark(b, mariadbBench(b, mariadb.Start(b))) }

// rising yields identifiers that grow with time and are random behind it, as UUIDs of version 7 are.
func rising() hub.IDSource {
	return func() (id [16]byte) {
		binary.BigEndian.PutUint64(id[:8], uint64(time.Now().UnixNano()))
		rand.Read(id[8:])
		return id
	}
}

// benchmark measures both ways alternately in one run: only their ratio means something.
func benchmark(b *testing.B, c Config) {
	ctx := context.Background()
	s := openBench(b, &c)
	var err error
	var whole, bare, superseded time.Duration
	n := 0
	for b.Loop() {
		ways := []*time.Duration{&whole, &bare}
		if mathrand.N(2) == 0 { // checkpoints come every so many commits: let them hit both
			slices.Reverse(ways)
		}
		for _, way := range ways {
			b.StopTimer()
			work := newBatch(n, c.IDs, s.cfg.now())
			n++
			b.StartTimer()
			start := time.Now()
			if way == &whole {
				err = s.drain(ctx, "s0", &work)
				superseded += work.superseded
			} else {
				err = s.plain(ctx, s.shards[0], work, 1_000_000_000+int64(n*batch))
			}
			if err != nil {
				b.Fatal(err)
			}
			*way += time.Since(start)
		}
	}
	per := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(b.N) }
	b.ReportMetric(per(whole), "ms/do")
	b.ReportMetric(per(superseded), "ms/supersede")
	b.ReportMetric(per(bare), "ms/plain")
	b.ReportMetric(float64(whole)/float64(bare), "do/plain")
	b.ReportMetric(batch*float64(b.N)/whole.Seconds(), "orders/s")
}

// BenchmarkSupersede drains while so many deliveries of the same connections lie parked: none of them, fewer than are read
// whole, and more. They are of other orders and stay.
func BenchmarkSupersede(b *testing.B) {
	server := mariadb.Start(b)
	for _, parked := range []int{0, 200, 20_000} {
		for name, c := range map[string]Config{"SQLite": sqliteBench(b), "MariaDB": mariadbBench(b, server)} {
			b.Run(fmt.Sprintf("%s/%d parked", name, parked), func(b *testing.B) {
				s := openBench(b, &c)
				lay(b, s, parked)
				var whole, superseded time.Duration
				for n := 0; b.Loop(); n++ {
					b.StopTimer()
					work := newBatch(n, c.IDs, s.cfg.now())
					b.StartTimer()
					start := time.Now()
					if err := s.drain(b.Context(), "s0", &work); err != nil {
						b.Fatal(err)
					}
					whole += time.Since(start)
					superseded += work.superseded
				}
				b.ReportMetric(float64(superseded.Microseconds())/1000/float64(b.N), "ms/supersede")
				b.ReportMetric(100*float64(superseded)/float64(whole), "%/do")
			})
		}
	}
}

// lay parks deliveries of other orders of the connections that newBatch has.
func lay(b *testing.B, s *Store, n int) {
	b.Helper()
	var list []intake.Parked
	for i := range n {
		p := intake.Parked{
			ID: hub.ParkedID(fmt.Sprintf("prk_%026d", i)), Tenant: hub.TenantID(fmt.Sprintf("ten_%026d", i%20)), Connection: hub.ConnectionID(fmt.Sprintf("con_%026d", i%20)),
			Platform: hub.Shopify, Topic: "orders/create", Code: hub.CodeMissing, State: intake.ParkedOpen, Sealed: make([]byte, 6<<10),
		}
		p.Gist.ExternalID, p.Gist.SourceUpdatedAt = hub.ExternalID(fmt.Sprintf("parked-%09d", i)), time.Unix(1, 0)
		list = append(list, p)
	}
	for part := range slices.Chunk(list, 1000) {
		err := s.Do(b.Context(), "s0", func(ctx context.Context, tx hub.Tx) error { return s.Intake().Park(ctx, tx, part) })
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFeedOrder drains into two shards in turns, of which one lacks the index that the lineage reads by.
func BenchmarkFeedOrder(b *testing.B) {
	server := mariadb.Start(b)
	for name, pair := range map[string][2]Config{
		"SQLite": {sqliteBench(b), sqliteBench(b)}, "MariaDB": {mariadbBench(b, server), mariadbBench(b, server)},
	} {
		b.Run(name, func(b *testing.B) {
			with, without := openBench(b, &pair[0]), openBench(b, &pair[1])
			drop := "DROP INDEX feed_order"
			if name == "MariaDB" {
				drop += " ON feed"
			}
			err := without.Do(b.Context(), "s0", func(ctx context.Context, token hub.Tx) error {
				t, err := open(token, "dropping an index")
				if err == nil {
					_, err = t.exec(ctx, "dropping an index", drop)
				}
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
			took := map[*Store]time.Duration{}
			for n := 0; b.Loop(); n++ {
				ways := []*Store{with, without}
				if mathrand.N(2) == 0 {
					slices.Reverse(ways)
				}
				for _, s := range ways {
					b.StopTimer()
					work := newBatch(n, pair[0].IDs, s.cfg.now())
					b.StartTimer()
					start := time.Now()
					if err := s.drain(b.Context(), "s0", &work); err != nil {
						b.Fatal(err)
					}
					took[s] += time.Since(start)
				}
			}
			b.ReportMetric(float64(took[with])/float64(took[without]), "with/without")
			b.ReportMetric(float64(took[with].Microseconds())/1000/float64(b.N), "ms/with")
		})
	}
}

func sqliteBench(b *testing.B) Config {
	dir := b.TempDir()
	return Config{Shards: []string{"sqlite:" + dir + "/s0.db"}, Control: "sqlite:" + dir + "/control.db", Vault: "sqlite:" + dir + "/vault.db"}
}

func mariadbBench(b *testing.B, server *mariadb.Server) Config {
	return Config{Shards: []string{"mysql:" + server.NewDatabase(b)}, Control: "mysql:" + server.NewDatabase(b), Vault: "mysql:" + server.NewDatabase(b)}
}

// openBench migrates and opens a store until b ends.
func openBench(b *testing.B, c *Config) *Store {
	b.Helper()
	c.Clock, c.IDs = time.Now, rising()
	if err := Migrate(b.Context(), *c); err != nil {
		b.Fatal(err)
	}
	s, err := Open(b.Context(), *c)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close(context.Background()) })
	return s
}
