package relaytest_test

import (
	"testing"
	"time"

	"hub"
	"hub/internal/relay"
	"hub/internal/relay/relaytest"
)

func TestMemoryOutbox(t *testing.T) {
	now := time.Now()
	o := relaytest.NewOutbox(func() time.Time { return now })
	relaytest.RunOutbox(t, relaytest.OutboxFixture{
		Outbox: o, Shard: "s0", NewLine: relaytest.NewLine,
		Commit:  func(_ *testing.T, changes []hub.Change) { o.Commit(changes...) },
		Advance: func(d time.Duration) { now = now.Add(d) },
		Again:   func(*testing.T) relay.Outbox { return o },
	})
}
