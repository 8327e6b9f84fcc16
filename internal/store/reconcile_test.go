package store_test

import (
	"testing"
	"time"

	"hub"
	"hub/internal/hubtest/mariadb"
	"hub/internal/reconcile"
	"hub/internal/store/storetest"
)

// TestStatedBesideADeadShard cannot reach one of two shards: what the other knows is told, tasks are taken down there, and the
// error names the one.
func TestStatedBesideADeadShard(t *testing.T) {
	c := migrated(t, mysqlConfig(t, mariadb.Shared(t)))
	healthy := opened(t, c)
	p, through := newProxy(t, c.Shards[0])
	p.cut.Store(cutAll)
	c.Shards[0], c.Map = through, healthy.Map()
	s, ids := opened(t, c), storetest.IDs()
	stated, err := s.Statements().Stated(t.Context(), "2026-11-20")
	if hub.KindOf(err) != hub.KindUnavailable || stated.Away == nil {
		t.Fatalf("one of two shards is away: %v", err)
	}
	byAway := map[bool]hub.TenantID{}
	for len(byAway) < 2 {
		tenant := hub.TenantID(ids.New(hub.TenantPrefix))
		byAway[stated.Away(tenant)] = tenant
	}
	for range 8 { // shards come in any order
		var tasks []reconcile.Task
		connection := hub.ConnectionID(ids.New(hub.ConnectionPrefix))
		for _, away := range []bool{true, false} {
			tasks = append(tasks, reconcile.Task{Name: reconcile.Name{Tenant: byAway[away], Connection: connection}, Day: "2026-11-20", DueAt: time.Now()})
		}
		if err := s.Statements().Later(t.Context(), tasks); hub.KindOf(err) != hub.KindUnavailable {
			t.Fatalf("taking down: %v", err)
		}
		var n int
		for _, dsn := range c.Shards[1:] {
			if err := raw(t, dsn).QueryRow("SELECT COUNT(*) FROM jobs WHERE connection_id = ?", string(connection)).Scan(&n); err != nil || n != 1 {
				t.Fatalf("%d tasks on the shard that is there, %v", n, err)
			}
		}
	}
}
