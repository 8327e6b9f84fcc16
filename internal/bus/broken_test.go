package bus

import (
	"context"
	"testing"

	"hub"
	"hub/internal/relay"
)

// TestBrokenServerSaysSo: a server that has stopped writing for good answers questions all the same, and takes ten seconds
// to take nothing. What it said when it stopped counts.
func TestBrokenServerSaysSo(t *testing.T) {
	config, _ := newConfig()
	config.Dir = t.TempDir()
	b, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	log := &serverLog{log: config.Log, broken: &b.broken}
	log.Errorf("something passing on %s", "HUB_ORDERS")
	run := []relay.Run{{Line: line(1), Changes: changes(line(1), 1, 1)}}
	if told := b.Publish(t.Context(), run); told[0].Err != nil || b.Broken() != nil {
		t.Fatalf("%+v, %v", told, b.Broken())
	}
	log.Errorf("JetStream failed: Critical write error: %v", "no space left on device")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if told := b.Publish(ctx, run); hub.KindOf(told[0].Err) != hub.KindUnavailable || b.Broken() == nil || b.Health(t.Context()) == nil {
		t.Errorf("%+v, %v", told, b.Broken())
	}
	b.Close()
	again, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if m, err := again.Last(t.Context(), line(1)); err != nil || m.Sequence != 1 || again.Broken() != nil {
		t.Errorf("started anew: %+v, %v, %v", m, err, again.Broken())
	}
}
