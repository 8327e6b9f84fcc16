package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hub"
	"hub/internal/hubtest/mariadb"
	"hub/internal/jobs"
	"hub/internal/orders"
)

// upgraded brings the shard or another database to an older version, has it filled, migrates, and opens the store.
func upgraded(t *testing.T, of role, version int64, fill func(t *testing.T, d *database), check func(t *testing.T, s *Store)) {
	dir, server := t.TempDir(), mariadb.Shared(t)
	for name, c := range map[string]Config{
		"SQLite": {Control: "sqlite:" + dir + "/control.db", Vault: "sqlite:" + dir + "/vault.db", Shards: []string{"sqlite:" + dir + "/s0.db"}},
		"MariaDB": {Control: "mysql:" + server.NewDatabase(t), Vault: "mysql:" + server.NewDatabase(t),
			Shards: []string{"mysql:" + server.NewDatabase(t)}},
	} {
		t.Run(name, func(t *testing.T) {
			c.Clock, c.IDs = time.Now, rising()
			ctx := context.Background()
			old, err := assemble(c, forUse)
			if err != nil {
				t.Fatal(err)
			}
			d := old.shards[0]
			if of == roleControl {
				d = old.control
			}
			if d.dialect == sqliteDialect {
				if err := d.makeFile(); err != nil {
					t.Fatal(err)
				}
			}
			before, err := d.provider()
			if err == nil {
				_, err = before.UpTo(ctx, version)
			}
			if err != nil {
				t.Fatal(err)
			}
			fill(t, d)
			old.Close(ctx)
			if err := Migrate(ctx, c); err != nil {
				t.Fatal(err)
			}
			s, err := Open(ctx, c)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close(ctx)
			check(t, s)
		})
	}
}

// TestHintsBecomeJobs brings a shard to the version before, puts hints into it, and migrates.
func TestHintsBecomeJobs(t *testing.T) {
	upgraded(t, roleShard, 39, func(t *testing.T, d *database) {
		for i := range 5 {
			_, err := d.write.Exec("INSERT INTO hints (connection_id, kind, external_id, tenant_id, topic, newest_at, hints) VALUES (?, 'order', ?, 'ten_a', 't', ?, 3)",
				fmt.Sprint("con_", i%2), fmt.Sprint(i), 1000+i)
			if err != nil {
				t.Fatal(err)
			}
		}
	}, func(t *testing.T, s *Store) {
		got, err := s.Jobs().Claim(t.Context(), "s0", jobs.Ask{Kind: "fetch.order", Limit: 100, Lease: time.Minute})
		found := map[hub.ExternalID]bool{}
		for _, j := range got {
			if j.Tenant == "ten_a" && j.CreatedAt.UnixMicro() >= 1000 {
				found[j.Key] = true
			}
		}
		if err != nil || len(found) != 5 || len(got) != 5 {
			t.Errorf("%d jobs of 5 hints: %+v, %v", len(found), got, err)
		}
	})
}

// TestOlderOrdersKeepTheirIDs migrates a shard with orders from before their ids were noted apart; then their rows are lost.
func TestOlderOrdersKeepTheirIDs(t *testing.T) {
	key := func(i int) orders.Key {
		return orders.Key{Tenant: "ten_a", Connection: hub.ConnectionID(fmt.Sprint("con_", i%2)), External: hub.ExternalID(fmt.Sprint(i))}
	}
	upgraded(t, roleShard, 79, func(t *testing.T, d *database) {
		for i := range 5 {
			k, id := key(i), fmt.Sprint("ord_", i)
			_, err := d.write.Exec("INSERT INTO orders (connection_id, external_id, tenant_id, id, revision, source_updated_at, cancelled, refunded, payment_rank,"+
				" fulfillment_rank, digest, status, platform, placed_at, deleted_at, created_at, updated_at, sealed_at)"+
				" VALUES (?, ?, ?, ?, 3, 0, 0, 0, 0, 0, '', '', '', 0, 0, 0, 0, 0)", string(k.Connection), string(k.External), string(k.Tenant), id)
			if err == nil {
				_, err = d.write.Exec("INSERT INTO feed (tenant_id, stream, sequence, id, type, time, order_id, revision, doc) VALUES (?, 'orders', ?, ?, 't', 5, ?, 3, '{}')",
					string(k.Tenant), i+1, fmt.Sprint("evt_", i), id)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}, func(t *testing.T, s *Store) {
		keys := []orders.Key{key(4), key(3), key(2), key(1), key(0), key(5)}
		err := s.Do(t.Context(), "s0", func(ctx context.Context, token hub.Tx) error {
			const op = "losing rows"
			writing, err := open(token, op)
			if err != nil {
				return err
			}
			if _, err := writing.exec(ctx, op, "DELETE FROM orders"); err != nil {
				return err
			}
			lost, err := s.Orders().Lost(ctx, token, keys)
			for i, k := range keys[:5] {
				if row := lost[k]; row.ID != hub.OrderID(fmt.Sprint("ord_", 4-i)) || row.Revision != 3 || !row.New || !row.Lost {
					t.Errorf("%s comes back as %+v", k.External, row)
				}
			}
			if len(lost) != 5 {
				t.Errorf("%d of 5 come back", len(lost))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
