package hubtest

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"hub/internal/app"
	"hub/internal/demo"
)

// Hub is a hub that runs in the process of the test.
type Hub struct {
	*app.Hub
	Data     string      // its data folder
	Operator demo.Client // a client with the operator's key

	cancel context.CancelFunc
	ended  chan error
}

// Start opens and runs a hub until the test ends. An empty data folder name takes a fresh one.
func Start(t testing.TB, s Size, data string, o app.Options) *Hub {
	t.Helper()
	if data == "" {
		data = t.TempDir()
	}
	if o.LogSegment == 0 {
		o.LogSegment = 16 << 20
	}
	h, err := app.Open(context.Background(), s.Config(t, data), o)
	if err != nil {
		t.Fatal("opening hub: ", err)
	}
	if err := h.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	hub := &Hub{Hub: h, Data: data, cancel: cancel, ended: make(chan error, 1), Operator: Operator(h.URL())}
	go func() { hub.ended <- h.Run(ctx) }()
	t.Cleanup(func() { hub.Stop(t) })
	return hub
}

// Stop ends the hub as SIGTERM does and fails the test when that is not clean. It may be called again.
func (h *Hub) Stop(t testing.TB) {
	t.Helper()
	if h.cancel == nil {
		return
	}
	h.cancel()
	h.cancel = nil
	if err := <-h.ended; err != nil {
		t.Error("stopping hub: ", err)
	}
}

// Operator is a client with the operator's key of a hub that this package started.
func Operator(url string) demo.Client {
	return demo.Client{
		HTTP: &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		URL:  url, Key: BootstrapKey,
	}
}

// Logger writes to the test's log.
func Logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}
