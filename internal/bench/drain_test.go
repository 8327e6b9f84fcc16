package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/adapters/sandbox/shopify"
	"hub/internal/bench/baseline"
	"hub/internal/hubtest/mariadb"
	"hub/internal/intake"
	"hub/internal/store"
)

// What a drain writes: the first four once for each order.
var (
	shardTables = []string{"orders", "order_ids", "deliveries", "raws", "feed", "feed_head", "subjects", "subject_places", "audit_outbox"}
	vaultTables = []string{"vault_keys", "vault_tags"}
)

// onSQLite keeps everything in SQLite files.
func onSQLite(_ testing.TB, r *rig) store.Config {
	path := func(name string) string { return filepath.Join(r.dir, name) }
	r.shard = baseline.Source{SQLite: path("shard.db"), Tables: shardTables}
	r.vault = baseline.Source{SQLite: path("vault.db"), Tables: vaultTables}
	return store.Config{
		Shards: []string{"sqlite:" + path("shard.db")}, Control: "sqlite:" + path("control.db"), Vault: "sqlite:" + path("vault.db"),
	}
}

// onMariaDB keeps everything on one MariaDB server.
func onMariaDB(tb testing.TB, r *rig) store.Config {
	server := mariadb.Shared(tb)
	control, vault, shard := server.NewDatabase(tb), server.NewDatabase(tb), server.NewDatabase(tb)
	r.shard = baseline.Source{MySQL: shard, Tables: shardTables}
	r.vault = baseline.Source{MySQL: vault, Tables: vaultTables}
	return store.Config{Shards: []string{"mysql:" + shard}, Control: "mysql:" + control, Vault: "mysql:" + vault}
}

// accept brings deliveries into the log through the door, many at once.
func (r *rig) accept(tb testing.TB, list []shopify.Delivery) {
	tb.Helper()
	var workers sync.WaitGroup
	for w := range doorConns {
		workers.Go(func() {
			for i := w; i < len(list); i += doorConns {
				err := r.door.Accept(context.Background(), intake.Request{
					Platform: hub.Shopify, Token: r.connection.Endpoint, Header: list[i].Header, Body: list[i].Body,
				})
				if err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	workers.Wait()
	if tb.Failed() {
		tb.FailNow()
	}
}

// drainAll measures how long the drain takes for what is in the log.
func (r *rig) drainAll(tb testing.TB, count int) rate {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	clock := start()
	stop := r.drain(tb)
	err := r.drainer.WaitFor(ctx, r.log.Synced())
	measured := clock.rate(int64(count))
	stop()
	must(tb, err)
	return measured
}

// drainage makes both sides of the drain's comparison, as the second needs the rows of the first.
type drainage struct {
	size   size
	few    []shopify.Delivery
	orders int
	tables [2][]baseline.Table // of the shard and of the vault, from the last drain
	made   int                 // orders in them
}

// shape says how many rows an order has, and how many bytes a row.
func (d *drainage) shape() (rows, bytes float64) {
	for _, t := range append(slices.Clone(d.tables[0]), d.tables[1]...) {
		rows, bytes = rows+float64(len(t.Rows)), bytes+float64(t.Bytes)
	}
	return rows / float64(d.made), bytes / rows
}

// beside compares the plain inserts with a known figure in rows a second.
func (d *drainage) beside(what string, value float64) known {
	return known{
		what: what, value: value, scale: func() float64 { rows, _ := d.shape(); return rows },
		why: func() string {
			rows, bytes := d.shape()
			return fmt.Sprintf("an order is %.1f rows of %.0f bytes on average, the known figure is of short rows; here the bytes count", rows, bytes)
		},
	}
}

const (
	warmOrders = 500
	drainLimit = 5 * time.Minute // a drain that never ends is a failure, not a slow one
)

func (d *drainage) ours(tb testing.TB) rate {
	r := newRig(tb, d.size)
	defer r.close(tb)
	warm := min(warmOrders, d.orders)
	list := many(d.few, 0, d.orders+warm)
	r.accept(tb, list[:warm])
	r.drainAll(tb, warm)
	r.accept(tb, list[warm:])
	measured := r.drainAll(tb, d.orders)
	d.made = len(list)
	d.tables[0] = got(r.shard.Read(context.Background()))(tb)
	d.tables[1] = got(r.vault.Read(context.Background()))(tb)
	for _, t := range d.tables[0][:4] {
		if len(t.Rows) != d.made {
			tb.Fatalf("%d orders made %d rows of %s", d.made, len(t.Rows), t.Name)
		}
	}
	return measured
}

// plain inserts the rows of the last drain into fresh databases of the same kind.
func (d *drainage) plain(tb testing.TB) rate {
	ctx := context.Background()
	r := &rig{dir: folder(tb)}
	defer os.RemoveAll(r.dir)
	d.size(tb, r)
	sum := rate{count: int64(d.made)}
	for i, source := range []baseline.Source{r.shard, r.vault} {
		db := got(source.Open())(tb)
		in := baseline.Inserter{DB: db, Transaction: 500, Statement: 500, Connections: 4}
		if source.SQLite != "" {
			in.Statement, in.Connections, in.Prepared = 250, 1, true // the quickest of what was tried
		}
		db.SetMaxOpenConns(in.Connections)
		db.SetMaxIdleConns(in.Connections)
		must(tb, in.Make(ctx, d.tables[i]))
		clock := start()
		must(tb, in.Insert(ctx, d.tables[i]))
		part := clock.rate(0)
		sum.took, sum.cpu = sum.took+part.took, sum.cpu+part.cpu
		must(tb, db.Close())
	}
	return sum
}

func drainComparisons(orders int) []comparison {
	few := natural(200)
	onFile, onServer := &drainage{size: onSQLite, few: few, orders: orders}, &drainage{size: onMariaDB, few: few, orders: orders}
	const unit = "orders/s"
	return []comparison{
		{
			name: "drain, one SQLite shard", unit: unit, against: "plain batched inserts of the same rows",
			demanded: 0.25, ours: onFile.ours, baseline: onFile.plain,
			known: onFile.beside("rows, SQLite, 500 a transaction", 127_000),
		},
		{
			name: "drain, one MariaDB shard", unit: unit, against: "plain batched inserts of the same rows",
			demanded: 0.25, ours: onServer.ours, baseline: onServer.plain,
			known: onServer.beside("new rows, MariaDB, 500 a statement, 4 connections", 151_000),
		},
	}
}
