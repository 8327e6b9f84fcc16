package storetest

import (
	"context"
	"strings"

	"hub"
	"hub/internal/intake"
	"hub/internal/orders"
	"hub/internal/tenancy"
)

// testErrorsHoldNoValues provokes the database's own errors with rows that hold a canary. MySQL's error 1062 quotes the
// key.
func testErrorsHoldNoValues(e *env) {
	const canary = "jane.doe@example.org"
	tenant := e.tenant()
	o := e.order(tenant, canary)
	o.Doc, o.Personal = []byte(canary), []byte(canary)
	e.save(o)
	n, _, _ := e.company()
	n.Name = canary + e.name()
	must(e, e.s.Tenancy().AddTenant(e.Context(), n))
	raw := intake.Raw{Ref: hub.RawRef(canary), Order: o.Key, Sealed: []byte(canary)}
	otherID := o
	otherID.Connection += "x"
	for name, err := range map[string]error{
		"the same key": e.s.Do(e.Context(), e.s.Of(tenant), func(ctx context.Context, tx hub.Tx) error { return e.put(ctx, tx, o) }),
		"the same id":  e.s.Do(e.Context(), e.s.Of(tenant), func(ctx context.Context, tx hub.Tx) error { return e.put(ctx, tx, otherID) }),
		"the same payload": e.s.Do(e.Context(), e.s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
			return e.s.Intake().KeepRaw(ctx, tx, []intake.Raw{raw, raw})
		}),
		"a long status": e.s.Do(e.Context(), e.s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
			long := e.order(tenant, "2")
			long.Status = hub.OrderStatus(strings.Repeat(canary, 9))
			return e.s.Orders().Save(ctx, tx, []orders.Stored{long})
		}),
		"the same name": e.s.Tenancy().AddTenant(e.Context(), tenancy.Tenant{ID: e.tenant(), Name: n.Name}),
	} {
		if err == nil {
			e.Errorf("%s went through", name)
			continue
		}
		for cause := err; cause != nil; {
			if strings.Contains(cause.Error(), "jane") || strings.Contains(cause.Error(), "example") {
				e.Errorf("%s: the error holds a value", name)
			}
			u, ok := cause.(interface{ Unwrap() error })
			if !ok {
				break
			}
			cause = u.Unwrap()
		}
		e.Logf("%s: %v", name, err)
	}
}

func testHealth(e *env) {
	health := e.s.Health(e.Context())
	if len(health) != 2+len(e.Config.Shards) {
		e.Errorf("%d databases", len(health))
	}
	for _, h := range health {
		if h.Err != nil || (h.Shard == "") == strings.HasPrefix(h.Name, "shard") {
			e.Errorf("%+v", h)
		}
	}
}
