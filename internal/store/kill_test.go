package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/internal/hubtest/mariadb"
	"hub/internal/orders"
	"hub/internal/store"
	"hub/internal/store/storetest"
)

// killed is what the clients of a database that gets killed remember of it.
type killed struct {
	mu           sync.Mutex
	acknowledged []orders.Key                      // commits that Do reported
	unknown      int                               // commits of which nobody knows
	served       map[hub.TenantID][]hub.Change     // pages that the reader served
	seen         map[hub.TenantID]map[int64]string // change ids that a reader without the barrier saw
}

// TestDrillKilledDatabase kills MariaDB under load, again and again. Afterwards every acknowledged commit is there, and
// every page that was served reads the same.
func TestDrillKilledDatabase(t *testing.T) {
	kills := 3
	if os.Getenv("HUB_DRILL") != "" {
		kills = 30
	}
	server := mariadb.Start(t)
	c := mysqlConfig(t, server)
	c.Shards = c.Shards[:1]
	s, ids := opened(t, migrated(t, c)), storetest.IDs()
	shard := raw(t, c.Shards[0])
	tenants := []hub.TenantID{hub.TenantID(ids.New(hub.TenantPrefix)), hub.TenantID(ids.New(hub.TenantPrefix))}
	k := &killed{served: map[hub.TenantID][]hub.Change{}, seen: map[hub.TenantID]map[int64]string{}}
	takenBack := 0
	for kill := range kills {
		ctx, cancel := context.WithCancel(context.Background())
		var load sync.WaitGroup
		for w := range 6 {
			load.Go(func() { k.write(ctx, s, tenants, fmt.Sprintf("%d-%d", kill, w), ids) })
		}
		for _, tenant := range tenants {
			load.Go(func() { k.read(ctx, t, s, tenant) })
			load.Go(func() { k.look(ctx, shard, tenant) })
		}
		time.AfterFunc(time.Duration(100+rand.IntN(200))*time.Millisecond, cancel)
		<-ctx.Done()
		server.Kill()
		load.Wait()
		server.Restart(t)
		takenBack += k.check(t, s, tenants)
		if t.Failed() {
			break
		}
	}
	pages := 0
	for _, tenant := range tenants {
		pages += len(k.served[tenant])
	}
	t.Logf("%d kills, %d commits acknowledged and 0 lost, %d unknown; %d changes served and 0 taken back; a reader without the barrier would have seen %d taken back",
		kills, len(k.acknowledged), k.unknown, pages, takenBack)
}

// write commits until the database dies.
func (k *killed) write(ctx context.Context, s *store.Store, tenants []hub.TenantID, prefix string, ids hub.IDSource) {
	for i := 0; ; i++ {
		o := newOrder(tenants[i%len(tenants)], fmt.Sprintf("%s-%d", prefix, i), ids)
		err := s.Do(context.WithoutCancel(ctx), "s0", func(ctx context.Context, tx hub.Tx) error { return put(ctx, s, tx, o) })
		k.mu.Lock()
		switch {
		case err == nil:
			k.acknowledged = append(k.acknowledged, o.Key)
		case hub.KindOf(err) == hub.KindUnknown:
			k.unknown++
		}
		k.mu.Unlock()
		if err != nil && ctx.Err() != nil {
			return
		}
	}
}

// read follows a feed through the store until the database dies.
func (k *killed) read(ctx context.Context, t *testing.T, s *store.Store, tenant hub.TenantID) {
	for {
		k.mu.Lock()
		after := len(k.served[tenant])
		k.mu.Unlock()
		page, err := s.ERP().Changes(context.WithoutCancel(ctx), tenant, hub.StreamOrders, int64(after), 20)
		if err != nil && ctx.Err() != nil {
			return
		}
		k.mu.Lock()
		for _, c := range page {
			k.served[tenant] = append(k.served[tenant], c)
			if c.Sequence != int64(len(k.served[tenant])) {
				t.Errorf("number %d where %d is due", c.Sequence, len(k.served[tenant]))
			}
		}
		k.mu.Unlock()
	}
}

// look reads the newest changes past the store.
func (k *killed) look(ctx context.Context, db *sql.DB, tenant hub.TenantID) {
	for {
		var sequence int64
		var id string
		err := db.QueryRow("SELECT sequence, id FROM feed WHERE tenant_id = ? ORDER BY sequence DESC LIMIT 1", string(tenant)).Scan(&sequence, &id)
		if err != nil && ctx.Err() != nil {
			return
		}
		if err == nil {
			k.mu.Lock()
			if k.seen[tenant] == nil {
				k.seen[tenant] = map[int64]string{}
			}
			k.seen[tenant][sequence] = id
			k.mu.Unlock()
		}
	}
}

// check compares what clients remember with what the database recovered, and returns how many changes were visible for a
// moment and are gone.
func (k *killed) check(t *testing.T, s *store.Store, tenants []hub.TenantID) (takenBack int) {
	t.Helper()
	for _, tenant := range tenants {
		served := k.served[tenant]
		var all []hub.Change
		for {
			page, err := s.ERP().Changes(context.Background(), tenant, hub.StreamOrders, int64(len(all)), 250)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			all = append(all, page...)
		}
		if len(all) < len(served) || !reflect.DeepEqual(all[:len(served)], served) {
			t.Errorf("%d changes were served and %d are there, or others", len(served), len(all))
		}
		for sequence, id := range k.seen[tenant] {
			if sequence > int64(len(all)) || string(all[sequence-1].ID) != id {
				takenBack++
			}
		}
		k.seen[tenant] = nil
	}
	for start := 0; start < len(k.acknowledged); start += 500 {
		part := k.acknowledged[start:min(start+500, len(k.acknowledged))]
		if found := stored(t, s, part...); len(found) != len(part) {
			t.Errorf("%d of %d acknowledged commits are lost", len(part)-len(found), len(part))
		}
	}
	return takenBack
}
