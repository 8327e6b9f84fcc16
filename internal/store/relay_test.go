package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/internal/hubtest/mariadb"
	"hub/internal/relay"
	"hub/internal/relay/relaytest"
	"hub/internal/store"
)

// outboxOf runs the relay's suite on the first shard of an installation.
func outboxOf(t *testing.T, c store.Config, many bool) {
	var mu sync.Mutex
	now := time.Now().UTC()
	c.Clock = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	s := opened(t, migrated(t, c))
	shard := s.ShardIDs()[0]
	relaytest.RunOutbox(t, relaytest.OutboxFixture{
		Outbox: s.Relay(), Shard: shard,
		NewLine: func() relay.Line {
			for {
				if l := relaytest.NewLine(); s.Of(l.Tenant) == shard {
					return l
				}
			}
		},
		Commit: func(t *testing.T, changes []hub.Change) {
			t.Helper()
			err := s.Do(t.Context(), shard, func(ctx context.Context, tx hub.Tx) error { return s.Feed().Append(ctx, tx, changes) })
			if err != nil {
				t.Fatal(err)
			}
		},
		Advance: func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(d)
		},
		Again: func(t *testing.T) relay.Outbox {
			if !many {
				return s.Relay()
			}
			return opened(t, c).Relay()
		},
	})
}

func TestRelaySQLite(t *testing.T) { outboxOf(t, sqliteConfig(t.TempDir()), false) }

func TestRelayMariaDB(t *testing.T) { outboxOf(t, mysqlConfig(t, mariadb.Shared(t)), true) }
