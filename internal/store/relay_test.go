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

// TestRewindIsQuick counts what a rewind of many lines writes: the row that says who leads is locked meanwhile, and must be
// extended before the leadership lapses. The server is its own, so that nobody else writes.
func TestRewindIsQuick(t *testing.T) {
	const lines, most = 2000, 12
	server := mariadb.Start(t)
	s := opened(t, migrated(t, mysqlConfig(t, server)))
	shard, now := s.ShardIDs()[0], time.Now().UTC().Truncate(time.Microsecond)
	var places []relay.Place
	var changes []hub.Change
	for len(places) < lines {
		l := relaytest.NewLine()
		if s.Of(l.Tenant) != shard {
			continue
		}
		places = append(places, relay.Place{Line: l, Told: 1, Position: 7})
		changes = append(changes, relaytest.Changes(l, 1, 1)...)
	}
	err := s.Do(t.Context(), shard, func(ctx context.Context, tx hub.Tx) error { return s.Feed().Append(ctx, tx, changes) })
	if err != nil {
		t.Fatal(err)
	}
	o := s.Relay()
	epoch, err := o.Lead(t.Context(), shard, "ins_1", time.Minute)
	if err == nil {
		err = o.Tell(t.Context(), shard, epoch, places, relay.Mark{})
	}
	if err != nil {
		t.Fatal(err)
	}
	written := func() (n int) {
		t.Helper()
		const query = "SELECT SUM(variable_value) FROM information_schema.global_status WHERE variable_name IN ('COM_INSERT', 'COM_UPDATE')"
		if err := server.Admin().QueryRowContext(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := written()
	if err := o.Rewind(t.Context(), shard, epoch, now.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	behind, err := o.Behind(t.Context(), shard, relay.Line{}, 2*lines)
	if n := written() - before; n > most || len(behind) != lines || err != nil {
		t.Errorf("%d statements went back with %d of %d lines: %v", n, len(behind), lines, err)
	} else {
		t.Logf("%d lines went back with %d statements", lines, n)
	}
}
