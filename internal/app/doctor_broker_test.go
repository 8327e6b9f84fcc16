package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hub/internal/bus"
	"hub/internal/config"
	"hub/internal/hubtest/natsserver"
)

func TestDoctorJudgesTheBroker(t *testing.T) {
	current := bus.Report{Version: "2.15.2", Current: true, Replicas: 3, Messages: 7}
	old, empty := current, current
	old.Current, empty.Replicas = false, 0
	away := errors.New("no answer")
	for name, c := range map[string]struct {
		got          Check
		status, says string
	}{
		"embedded":            {embeddedBroker(bus.Kept{Bytes: 3 << 20}, 64<<20, nil), "ok", "3 MiB on disk, bound 64 MiB"},
		"put aside":           {embeddedBroker(bus.Kept{Aside: "/x/damaged-1"}, 64<<20, nil), "warning", "/x/damaged-1"},
		"folder not readable": {embeddedBroker(bus.Kept{}, 0, away), "failed", "user that runs the hub"},
		"external":            {externalBroker(current, nil), "ok", "7 changes in the stream"},
		"away":                {externalBroker(bus.Report{}, away), "failed", "changes wait in the shards"},
		"without JetStream":   {externalBroker(bus.Report{Version: "2.15.2", Current: true}, away), "failed", "no JetStream"},
		"too old":             {externalBroker(old, nil), "failed", "2.12.3"},
		"no stream":           {externalBroker(empty, nil), "warning", "the first start makes it"},
	} {
		if c.got.Status != c.status || !strings.Contains(c.got.Detail+" "+c.got.Fix, c.says) || c.got.Name != brokerCheck {
			t.Errorf("%s: %+v, want %s with %q", name, c.got, c.status, c.says)
		}
	}
}

// TestDoctorAsksTheBroker: the line is there for a real one, whatever its state, and prints no credential.
func TestDoctorAsksTheBroker(t *testing.T) {
	server := natsserver.Start(t, `authorization { user: hub, password: "c4n4ry" }`)
	data := t.TempDir()
	says := func(what, address, status, words string) {
		t.Helper()
		n := 0
		for _, c := range Doctor(t.Context(), config.Config{Data: data, Keys: data, Bus: config.Secret(address)}) {
			if strings.Contains(c.Detail+c.Fix, "c4n4ry") {
				t.Errorf("%s: a credential in %+v", what, c)
			}
			if c.Name == brokerCheck {
				if n++; c.Status != status || !strings.Contains(c.Detail, words) {
					t.Errorf("%s: %+v, want %s with %q", what, c, status, words)
				}
			}
		}
		if n != 1 {
			t.Errorf("%s: %d lines", what, n)
		}
	}
	address := strings.Replace(server.URL(), "nats://", "nats://hub:c4n4ry@", 1)
	says("fresh", address, "warning", "not made yet")
	c := testBus(t)
	c.URL = address
	b, err := bus.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	broker := &broker{bus: b, changed: make(chan struct{})}
	toldSoon(t, broker, oneChange())
	b.Close()
	says("with a change", address, "ok", "1 changes in the stream")
	says("wrong password", strings.Replace(address, "c4n4ry", "c4n4ry-not", 1), "failed", "not reached")
	server.Stop()
	says("away", address, "failed", "not reached")
	says("embedded", config.Embedded, "ok", "0 MiB on disk")
	if err := os.MkdirAll(filepath.Join(data, "jetstream", "damaged-20261121T000000Z"), 0o700); err != nil {
		t.Fatal(err)
	}
	says("put aside", config.Embedded, "warning", "put aside")
}
