package obs

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"hub"
)

// Tracing says where spans go and whose they are.
type Tracing struct {
	Endpoint          string // of an OTLP collector over HTTP, to which /v1/traces is added
	Version, Instance string // of the hub
	Logger            *slog.Logger
	Clock             hub.Clock
}

// NewTracer returns a tracer that hands its spans to a collector in the background. The collector need not be there: what it does
// not take is lost, and said in the log at most once a minute, without its address. OpenTelemetry's own environment variables
// count beside c. Close it.
func NewTracer(ctx context.Context, c Tracing) (*Tracer, error) {
	const op = "opening traces"
	silence()
	address, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, hub.Errorf(hub.KindInvalid, op, "OTEL_EXPORTER_OTLP_ENDPOINT is no address")
	}
	e, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(address.JoinPath("v1", "traces").String()))
	if err != nil {
		return nil, hub.Errorf(hub.KindInvalid, op, "OTEL_EXPORTER_OTLP_ENDPOINT or a variable that belongs to it is not understood")
	}
	of, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", "hub"), attribute.String("service.version", c.Version), attribute.String("service.instance.id", c.Instance),
	), resource.WithFromEnv())
	if err != nil {
		return nil, hub.Errorf(hub.KindInvalid, op, "OTEL_RESOURCE_ATTRIBUTES is not understood")
	}
	return newTracer(e, of, c), nil
}

// silence keeps the library, for the whole process, from writing to standard error what it does not understand of its
// environment, where tokens are, and what a collector answers.
func silence() {
	otel.SetLogger(logr.Discard())
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
}

func newTracer(e sdk.SpanExporter, of *resource.Resource, c Tracing) *Tracer {
	life, hangUp := context.WithCancel(context.Background())
	provider := sdk.NewTracerProvider(sdk.WithResource(of), sdk.WithBatcher(&collector{SpanExporter: e, life: life, c: c}))
	return &Tracer{tracer: provider.Tracer("hub"), provider: provider, clock: c.Clock, hangUp: hangUp}
}

// sayLostEvery is how often the log may say that spans are lost.
const sayLostEvery = time.Minute

// collector is what takes the spans. The processor in front of it calls ExportSpans from one goroutine at a time.
type collector struct {
	sdk.SpanExporter
	life context.Context // ends with the tracer: nothing goes on behind it
	c    Tracing
	lost int // since it was said
	said time.Time
}

// ExportSpans implements sdk.SpanExporter. It has no error: the processor would only print it.
func (e *collector) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.life, cancel)()
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err == nil || e.life.Err() != nil {
		return nil
	}
	e.lost += len(spans)
	now := e.c.Clock()
	if since := now.Sub(e.said); !e.said.IsZero() && since >= 0 && since < sayLostEvery {
		return nil
	}
	e.c.Logger.Warn("traces are lost: the collector does not take them", "spans", e.lost, "reason", reason(err))
	e.lost, e.said = 0, now
	return nil
}

// reason is why an export failed, without the library's words: they hold the address.
func reason(err error) string {
	var dial *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "no answer in time"
	case errors.As(err, &dial):
		return "no connection"
	}
	return "refused"
}
