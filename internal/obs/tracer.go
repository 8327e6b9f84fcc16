package obs

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"hub"
)

// Tracer makes spans of what a hub does. A nil one makes none and costs nothing. Its methods are safe for concurrent use and
// never wait; a span that finds the queue full is dropped.
//
// A span holds what a method here takes and nothing else: names from closed lists, counts, times, and identifiers of the hub's
// own. No context of a trace is taken from outside, where anybody could send one.
type Tracer struct {
	tracer   trace.Tracer
	provider *sdk.TracerProvider
	clock    hub.Clock
	hangUp   context.CancelFunc
}

// Request begins the span of a request to the public port, and returns what ends it. route is a pattern of the router, never a
// path; tenant is "" when none is proven.
func (t *Tracer) Request(ctx context.Context) (_ context.Context, end func(method, route string, status int, tenant hub.TenantID, id string)) {
	ctx, span := t.tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(t.clock()))
	return ctx, func(method, route string, status int, tenant hub.TenantID, id string) {
		span.SetName(method + " " + route)
		span.SetAttributes(
			attribute.String("http.request.method", method), attribute.String("http.route", route),
			attribute.Int("http.response.status_code", status), attribute.String("hub.request_id", id),
		)
		identify(span, tenant, "")
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End(trace.WithTimestamp(t.clock()))
	}
}

// Job begins the span of an attempt at a job, and returns what ends it. kind is of a closed list.
func (t *Tracer) Job(ctx context.Context, kind string, tenant hub.TenantID, connection hub.ConnectionID, attempt int) (_ context.Context, end func(error)) {
	ctx, span := t.tracer.Start(ctx, "job "+kind, trace.WithTimestamp(t.clock()), trace.WithAttributes(attribute.Int("hub.attempt", attempt)))
	identify(span, tenant, connection)
	return ctx, func(err error) {
		finish(span, outcome(err, "ok"))
		span.End(trace.WithTimestamp(t.clock()))
	}
}

// Call makes the span of one try of a call to a platform that ended now, the wait for its budget included. name and outcome are
// of closed lists; status is 0 without an answer.
func (t *Tracer) Call(ctx context.Context, platform hub.Platform, name, outcome string, status, attempt int, waited, took time.Duration) {
	if t == nil {
		return
	}
	attributes := []attribute.KeyValue{
		attribute.String("hub.platform", string(platform)), attribute.String("hub.operation", name), attribute.Int("hub.attempt", attempt),
		attribute.Int64("hub.wait_ms", waited.Milliseconds()),
	}
	if status > 0 {
		attributes = append(attributes, attribute.Int("http.response.status_code", status))
	}
	t.past(ctx, trace.SpanKindClient, string(platform)+" "+name, waited+took, outcome, attributes...)
}

// Batch makes the span of deliveries that were drained together into a shard, until now.
func (t *Tracer) Batch(shard hub.ShardID, done, parked, later, tenants int, took time.Duration) {
	if t == nil {
		return
	}
	t.past(context.Background(), trace.SpanKindConsumer, "drain", took, "ok",
		attribute.String("hub.shard", string(shard)), attribute.Int("hub.deliveries", done), attribute.Int("hub.parked", parked),
		attribute.Int("hub.later", later), attribute.Int("hub.tenants", tenants))
}

// Publication makes the span of changes of one shard that were told to the broker together, until now. told counts those that
// it has; err is of those that it may not have.
func (t *Tracer) Publication(ctx context.Context, shard hub.ShardID, lines, changes, told int, err error, took time.Duration) {
	if t == nil {
		return
	}
	t.past(ctx, trace.SpanKindProducer, "publish", took, outcome(err, "ok"), attribute.String("hub.shard", string(shard)),
		attribute.Int("hub.lines", lines), attribute.Int("hub.changes", changes), attribute.Int("hub.told", told))
}

// past makes a span of what took so long and ends now.
func (t *Tracer) past(ctx context.Context, kind trace.SpanKind, name string, took time.Duration, outcome string, attributes ...attribute.KeyValue) {
	now := t.clock()
	_, span := t.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithTimestamp(now.Add(-max(0, took))), trace.WithAttributes(attributes...))
	finish(span, outcome)
	span.End(trace.WithTimestamp(now))
}

// identify says for whom it was, as far as that is known.
func identify(span trace.Span, tenant hub.TenantID, connection hub.ConnectionID) {
	if tenant != "" {
		span.SetAttributes(attribute.String("hub.tenant", string(tenant)))
	}
	if connection != "" {
		span.SetAttributes(attribute.String("hub.connection", string(connection)))
	}
}

// finish says how it went: an error's text would be in words of others.
func finish(span trace.Span, outcome string) {
	span.SetAttributes(attribute.String("hub.outcome", outcome))
	if outcome != "ok" {
		span.SetStatus(codes.Error, "")
	}
}

// Close hands over what there is, for no longer than ctx lives, and ends the tracer. Spans that end later are dropped.
func (t *Tracer) Close(ctx context.Context) {
	if t == nil {
		return
	}
	_ = t.provider.Shutdown(ctx) // what is left then is lost, as with a collector that is away
	t.hangUp()
}
