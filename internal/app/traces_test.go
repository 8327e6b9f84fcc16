package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"hub/internal/config"
	"hub/internal/jobs"
)

// A hub that nobody asked to trace has nothing in the way of requests, batches and jobs.
func TestUntracedHubHasNothingInTheWay(t *testing.T) {
	h := &Hub{}
	if err := h.openTraces(t.Context()); err != nil || h.tracer != nil || h.tracedRequests() != nil || h.tracedBatches() != nil {
		t.Errorf("%v, or there is something: %v", err, h.tracer)
	}
	kinds := h.tracedJobs(map[string]jobs.Kind{"k": {}})
	if kinds["k"].Handle != nil {
		t.Error("a job is wrapped")
	}
	h.closeTraces()
}

// A job that panics did not go well, and what it threw goes on.
func TestPanickedJobIsTracedAsFailed(t *testing.T) {
	var mu sync.Mutex
	var sent []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		sent = append(sent, body...)
	}))
	defer server.Close()
	h := &Hub{cfg: config.Config{Traces: config.Secret(server.URL)}, o: Options{Clock: SystemClock, Logger: slog.New(slog.DiscardHandler)}, instance: &instance{}}
	if err := h.openTraces(t.Context()); err != nil {
		t.Fatal(err)
	}
	kinds := h.tracedJobs(map[string]jobs.Kind{"k": {Handle: func(context.Context, jobs.Job) error { panic("canary") }}})
	func() {
		defer func() {
			if recover() != "canary" {
				t.Error("the panic is lost")
			}
		}()
		_ = kinds["k"].Handle(t.Context(), jobs.Job{})
	}()
	h.closeTraces()
	mu.Lock()
	defer mu.Unlock()
	if !bytes.Contains(sent, []byte("hub.outcome\x12\n\n\binternal")) || bytes.Contains(sent, []byte("canary")) {
		t.Errorf("exported: %q", sent)
	}
}
