package store

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"hub"
	"hub/internal/hubtest/mariadb"
	"hub/internal/orders"
)

// TestSight has a server take back what a reader has seen: it is not served, also when another change got the number since
// and somebody knows that one to be durable.
func TestSight(t *testing.T) {
	server := mariadb.Shared(t)
	c := Config{Control: "mysql:" + server.NewDatabase(t), Vault: "mysql:" + server.NewDatabase(t), Shards: []string{"mysql:" + server.NewDatabase(t)},
		Clock: time.Now, IDs: rising()}
	ctx := context.Background()
	if err := Migrate(ctx, c); err != nil {
		t.Fatal(err)
	}
	s, err := Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(ctx)
	d, tenant := s.shards[0], hub.TenantID("ten_a")
	change := func(revision int64) {
		t.Helper()
		err := s.Do(ctx, s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
			o := orders.Stored{Key: orders.Key{Tenant: tenant, Connection: "con_a", External: "1"}, ID: "ord_1", Revision: revision, New: revision == 1}
			if err := s.Orders().Save(ctx, tx, []orders.Stored{o}); err != nil {
				return err
			}
			return s.Feed().Append(ctx, tx, []hub.Change{{ID: hub.ChangeID(c.IDs.New(hub.ChangePrefix)), Tenant: tenant, Stream: hub.StreamOrders,
				Type: hub.OrderUpdated, OrderID: "ord_1", Revision: revision}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	see := func(revision int64) *sight {
		t.Helper()
		g := d.sight(tenant)
		column, args := g.column()
		var got int64
		err := d.query(ctx, "seeing", "SELECT revision, "+column+" FROM orders WHERE tenant_id = ?", append(args, string(tenant)),
			func(r *sql.Rows) error { return r.Scan(&got, &g.saw) })
		if err != nil || got != revision {
			t.Fatalf("revision %d, %v", got, err)
		}
		return g
	}
	passed := func() (n int64) {
		t.Helper()
		if err := d.read.QueryRow("SELECT SUM(passed) FROM barrier").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	settles := func(what string, g *sight, barriers int64, good bool) {
		t.Helper()
		before := passed()
		err := g.settled(ctx)
		if (err == nil) != good || err != nil && hub.KindOf(err) != hub.KindUnavailable || passed()-before != barriers {
			t.Errorf("%s: %v after %d barriers", what, err, passed()-before)
		}
	}
	change(1)
	d.marks = marks{} // as after a start of the hub
	settles("what nobody knows to be durable", see(1), 1, true)
	settles("what is known", see(1), 0, true)
	change(2)
	d.marks = marks{last: map[head]int64{{tenant, hub.StreamOrders}: 1}}
	lost, late := see(2), see(2)
	for _, takeBack := range []string{"DELETE FROM feed WHERE sequence = 2", "UPDATE feed_head SET sequence = 1", "UPDATE orders SET revision = 1"} {
		if _, err := d.read.Exec(takeBack); err != nil {
			t.Fatal(err)
		}
	}
	settles("what was taken back", lost, 1, false)
	change(2)
	settles("another one of that number", see(2), 0, true) // whoever wrote it knows
	settles("what was taken back long ago", late, 1, false)
}
