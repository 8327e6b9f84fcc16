package httpapi

import (
	"context"

	"hub"
	"hub/internal/erp"
)

// IncludeParameter is the query parameter that asks for personal fields.
type IncludeParameter struct {
	Include string `query:"include" enum:"personal" doc:"Adds personal fields, for a key with the scope personal:read. What is erased or too old is absent; what was served is recorded before."`
}

// personalRead is what one request reads of persons.
type personalRead struct {
	open bool // whether anything is opened; not when nobody would see it
	to   erp.Recipient
	use  *erp.Personal
}

// begin is called right before what is to be served is read.
func (r *personalRead) begin() erp.Recipient {
	r.to.Since = r.use.Mark()
	return r.to
}

// personal says whether a request reads personal fields, and refuses a key that may not.
func (s *server) personal(ctx context.Context, c caller, t hub.TenantID, in IncludeParameter) (personalRead, error) {
	if in.Include == "" {
		return personalRead{}, nil
	}
	if !c.ReadsPersonal() {
		return personalRead{}, &hub.Error{Kind: hub.KindForbidden, Code: "personal_scope_missing"}
	}
	to := erp.Recipient{Tenant: t, Client: c.Client, Key: c.Key, Request: traceOf(ctx).id}
	return personalRead{!c.head, to, s.Personal}, nil
}

// printed prints a body with personal fields and looks then, with nothing left to do but to send it, whether they may still
// be served. A body without them is printed while it is sent: nil.
func (r personalRead) printed(body selfWriter) ([]byte, error) {
	if !r.open {
		return nil, nil
	}
	text := body.appendJSON(nil)
	if err := r.use.Fresh(r.to); err != nil {
		return nil, err
	}
	return text, nil
}
