package obs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"hub"
)

// some makes one span of each kind that is made afterwards.
func some(ctx context.Context, tr *Tracer, err error) {
	tr.Call(ctx, hub.Shopify, "order", "throttled", 429, 2, 3*time.Second, time.Second)
	tr.Batch("s0", 7, 2, 1, 3, time.Second)
	tr.Publication(ctx, "s0", 2, 9, 8, err, time.Second)
}

func TestNoTracerCostsNothing(t *testing.T) {
	var none *Tracer
	ctx, err := t.Context(), error(&hub.Error{Kind: hub.KindUnknown})
	if n := testing.AllocsPerRun(1000, func() { some(ctx, none, err) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	none.Close(t.Context())
}

func TestSpans(t *testing.T) {
	memory := tracetest.NewInMemoryExporter()
	tr := newTracer(kept{memory}, resource.Empty(), Tracing{Clock: time.Now})
	ctx, end := tr.Request(t.Context())
	_, endJob := tr.Job(ctx, "fetch.order", "ten_1", "con_1", 4)
	endJob(&hub.Error{Kind: hub.KindThrottled, Err: errors.New("canary")})
	end("GET", "/v1/orders/{id}", 503, "ten_1", "req_1")
	some(ctx, tr, &hub.Error{Kind: hub.KindUnknown})
	tr.Close(t.Context())

	want := []string{
		"job fetch.order internal Error [hub.attempt=4 hub.tenant=ten_1 hub.connection=con_1 hub.outcome=throttled] below",
		"GET /v1/orders/{id} server Error [http.request.method=GET http.route=/v1/orders/{id} http.response.status_code=503 hub.request_id=req_1 hub.tenant=ten_1]",
		"shopify order client Error [hub.platform=shopify hub.operation=order hub.attempt=2 hub.wait_ms=3000 http.response.status_code=429 hub.outcome=throttled] below 4s",
		"drain consumer Unset [hub.shard=s0 hub.deliveries=7 hub.parked=2 hub.later=1 hub.tenants=3 hub.outcome=ok] 1s",
		"publish producer Error [hub.shard=s0 hub.lines=2 hub.changes=9 hub.told=8 hub.outcome=unknown_outcome] below 1s",
	}
	spans := memory.GetSpans()
	for i, s := range spans {
		var attributes []string
		for _, a := range s.Attributes {
			attributes = append(attributes, string(a.Key)+"="+a.Value.String())
		}
		got := fmt.Sprintf("%s %s %s %v", s.Name, s.SpanKind, s.Status.Code, attributes)
		if s.Parent.IsValid() {
			got += " below"
		}
		if took := s.EndTime.Sub(s.StartTime); i >= 2 {
			got += " " + took.String()
		}
		if i >= len(want) || got != want[i] || s.Status.Description != "" || len(s.Events)+len(s.Links) > 0 {
			t.Errorf("a span is\n%s, %+v", got, s)
		}
	}
	if len(spans) != len(want) {
		t.Errorf("%d spans", len(spans))
	}
}

// kept is an exporter whose end is not the end of what it was given.
type kept struct{ *tracetest.InMemoryExporter }

func (kept) Shutdown(context.Context) error { return nil }

// away is a collector that refuses, or does not answer.
type away struct {
	err   error
	calls atomic.Int64 // under way
}

func (a *away) ExportSpans(ctx context.Context, _ []sdk.ReadOnlySpan) error {
	a.calls.Add(1)
	defer a.calls.Add(-1)
	if a.err != nil {
		return a.err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (*away) Shutdown(context.Context) error { return nil }

// TestAwayCollectorIsSaidOnceAMinute, and without its address.
func TestAwayCollectorIsSaidOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		e := &away{err: errors.New("failed to send to http://collector.canary/v1/traces: 401")}
		tr := newTracer(e, resource.Empty(), Tracing{Logger: NewLogger(&log, slog.LevelInfo, false), Clock: time.Now})
		for range 600 {
			tr.Batch("s0", 1, 0, 0, 1, time.Second)
			<-time.After(time.Second)
		}
		tr.Close(t.Context())
		synctest.Wait()
		lines := strings.Count(log.String(), "\n")
		if lines < 9 || lines > 11 || !strings.Contains(log.String(), "spans=60 reason=refused") || strings.Contains(log.String(), "canary") {
			t.Errorf("%d lines in ten minutes:\n%s", lines, log.String())
		}
		t.Logf("600 spans lost in ten minutes: %d lines", lines)
	})
}

// TestHungCollectorHoldsUpNothing: neither spans nor the end wait for it, and nothing of it is left behind.
func TestHungCollectorHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &away{}
		tr := newTracer(e, resource.Empty(), Tracing{Logger: slog.New(slog.DiscardHandler), Clock: time.Now})
		begin := time.Now()
		for range 20_000 {
			some(t.Context(), tr, nil)
		}
		synctest.Wait()
		if took := time.Since(begin); took != 0 || e.calls.Load() != 1 {
			t.Errorf("spans waited %v, %d calls", took, e.calls.Load())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		tr.Close(ctx)
		synctest.Wait()
		if took := time.Since(begin); took > time.Second || e.calls.Load() != 0 {
			t.Errorf("the end waited %v and left %d calls", took, e.calls.Load())
		}
	})
}

// TestLibraryIsSilent runs this test in a process of its own, whose environment and collector are full of what must not be shown.
func TestLibraryIsSilent(t *testing.T) {
	const child = "HUB_TEST_TRACES_TO"
	if to := os.Getenv(child); to != "" {
		logger := NewLogger(os.Stderr, slog.LevelDebug, false)
		tr, err := NewTracer(t.Context(), Tracing{Endpoint: to, Version: "v9", Instance: "ins_1", Logger: logger, Clock: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		some(t.Context(), tr, nil)
		tr.Close(t.Context())
		return
	}
	var got atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); r.URL.Path == "/below/v1/traces" && bytes.Contains(body, []byte("ins_1")) && r.Header.Get("Api-Key") == "canary" {
			got.Add(1)
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write([]byte("\n\x08\x12\x06canary")) // a part is refused, for this reason
	}))
	defer server.Close()
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	command.Env = append(os.Environ(), child+"="+server.URL+"/below", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://u:canary@[", "OTEL_EXPORTER_OTLP_TIMEOUT=canary",
		"OTEL_EXPORTER_OTLP_HEADERS=canary-without-name,api-key=canary", "OTEL_EXPORTER_OTLP_CERTIFICATE=/canary", "OTEL_TRACES_SAMPLER=canary")
	out, err := command.CombinedOutput()
	if err != nil || strings.Contains(string(out), "canary") || got.Load() != 1 {
		t.Errorf("%d requests, %v:\n%s", got.Load(), err, out)
	}
	for _, name := range []string{"OTEL_RESOURCE_ATTRIBUTES"} {
		t.Setenv(name, "canary")
		if _, err := NewTracer(t.Context(), Tracing{Endpoint: server.URL}); hub.KindOf(err) != hub.KindInvalid || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
