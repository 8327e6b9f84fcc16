package app

import (
	"context"

	"hub"
	"hub/internal/httpapi"
	"hub/internal/intake"
	"hub/internal/jobs"
	"hub/internal/obs"
)

// openTraces makes the tracer, when somebody is to be told.
func (h *Hub) openTraces(ctx context.Context) (err error) {
	if h.cfg.Traces == "" {
		return nil
	}
	h.tracer, err = obs.NewTracer(ctx, obs.Tracing{
		Endpoint: h.cfg.Traces.Reveal(), Version: h.o.Version, Instance: h.instance.id, Logger: h.o.Logger, Clock: h.o.Clock,
	})
	return err
}

// closeTraces hands over what there is, within a bound.
func (h *Hub) closeTraces() {
	ctx, cancel := context.WithTimeout(context.Background(), finishTraces)
	defer cancel()
	h.tracer.Close(ctx)
}

// tracedRequests makes the spans of requests; nil without a tracer.
func (h *Hub) tracedRequests() func(context.Context) (context.Context, func(httpapi.Answer)) {
	if h.tracer == nil {
		return nil
	}
	return func(ctx context.Context) (context.Context, func(httpapi.Answer)) {
		ctx, end := h.tracer.Request(ctx)
		return ctx, func(a httpapi.Answer) { end(a.Method, a.Route, a.Status, a.Tenant, a.RequestID) }
	}
}

// tracedBatches makes the spans of what is drained; nil without a tracer.
func (h *Hub) tracedBatches() func(intake.Batch) {
	if h.tracer == nil {
		return nil
	}
	return func(b intake.Batch) { h.tracer.Batch(b.Shard, b.Done, b.Parked, b.Later, b.Tenants, b.Took) }
}

// tracedJobs puts spans around jobs, in which their calls to platforms are.
func (h *Hub) tracedJobs(kinds map[string]jobs.Kind) map[string]jobs.Kind {
	if h.tracer == nil {
		return kinds
	}
	for name, kind := range kinds {
		handle := kind.Handle
		kind.Handle = func(ctx context.Context, j jobs.Job) error {
			ctx, end := h.tracer.Job(ctx, j.Kind, j.Tenant, j.Connection, j.Attempts)
			err := error(&hub.Error{Kind: hub.KindInternal}) // should it panic
			defer func() { end(err) }()
			err = handle(ctx, j)
			return err
		}
		kinds[name] = kind
	}
	return kinds
}
