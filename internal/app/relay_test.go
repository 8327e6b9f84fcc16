package app_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"hub/internal/app"
	"hub/internal/config"
	"hub/internal/hubtest"
)

// A hub whose broker does not answer starts, serves, says so, and stops in time. With its own broker it is ready.
func TestBrokerAway(t *testing.T) {
	for bus, want := range map[string]string{"nats://hub:c4n4ry@127.0.0.1:1": "degraded", config.Embedded: `"ok"`} {
		cfg, _, err := config.Load(config.Input{Flags: map[string]string{
			"data": t.TempDir(), "sqlite_shards": "2", "listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0", "bus": bus,
		}})
		if err != nil {
			t.Fatal(err)
		}
		h, err := app.Open(t.Context(), cfg, app.Options{LogSegment: 1 << 20, Logger: hubtest.Logger(t)})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Listen(); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		said := ""
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-time.After(100 * time.Millisecond) {
			if said = ready(t, h.URL()); strings.Contains(said, want) {
				break
			}
		}
		if !strings.Contains(said, want) || want == "degraded" && strings.Count(said, "stream s") != 1 || strings.Contains(said, "c4n4ry") {
			t.Errorf("%s: ready says %s", want, said)
		}
		begin := time.Now()
		stop()
		if err := <-done; err != nil || time.Since(begin) > 10*time.Second {
			t.Errorf("stopped after %v: %v", time.Since(begin), err)
		}
	}
}

func ready(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url + "/readyz")
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	if r.StatusCode != http.StatusOK {
		t.Errorf("ready is %d: %s", r.StatusCode, body)
	}
	return string(body)
}
