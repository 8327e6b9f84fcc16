package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"hub"
	"hub/internal/tenancy"
)

// caller is who makes a request, and what of the hub they may name.
type caller struct {
	tenancy.Identity
	directory *tenancy.Directory
	head      bool // asks with HEAD: nothing of the body is sent
}

type callerKey struct{}

// callerOf returns the caller that admit has put there.
func callerOf(ctx context.Context) caller { return ctx.Value(callerKey{}).(caller) }

// admit lets a request through when its API key is good and has one of the roles. From here on the context says who acts.
func (s *server) admit(roles []tenancy.Role) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		identity, err := s.authenticate(r)
		if err != nil {
			s.answer(w, r, err)
			return
		}
		traceOf(r.Context()).tenant = identity.Tenant
		if !identity.May(roles...) || identity.Role == tenancy.RoleOperator && !identity.Operator() {
			s.answer(w, r, &hub.Error{Kind: hub.KindForbidden, Code: "role_forbidden"})
			return
		}
		known := huma.WithContext(ctx, hub.WithActor(ctx.Context(), identity.Actor(traceOf(r.Context()).id)))
		next(huma.WithValue(known, callerKey{}, caller{identity, s.Directory, r.Method == http.MethodHead}))
	}
}

// authenticate reads the API key, which is everything behind the scheme and one space. Whatever is wrong with it, the
// answer is the same.
func (s *server) authenticate(r *http.Request) (tenancy.Identity, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return tenancy.Identity{}, keyRefused()
	}
	scheme, key, ok := strings.Cut(headers[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return tenancy.Identity{}, keyRefused()
	}
	identity, err := s.Directory.Authenticate(key)
	if err != nil {
		return tenancy.Identity{}, keyRefused()
	}
	return identity, nil
}

// holds refuses a caller whose key was revoked after the request began.
func (s *server) holds(c caller) error {
	if s.Directory.Holds(c.Identity) {
		return nil
	}
	return keyRefused()
}

// keyRefused is the same whatever is wrong with a key.
func keyRefused() error { return &hub.Error{Kind: hub.KindUnauthentic, Code: "key_refused"} }

// unnamed is what an operator reads who names no tenant where one is needed.
const unnamed = "An operator has no tenant of its own: name the one that is meant in the query, as tenant=TENANT."

// tenant returns the tenant that a request is about: the caller's own, or the one that an operator names. A tenant that
// is not there and one that is somebody else's are the same to everybody but an operator.
func (c caller) tenant(named string) (hub.TenantID, error) {
	t, err := c.optionalTenant(named)
	if err == nil && t == "" {
		p := invalid("tenant_required", "query.tenant", unnamed)
		p.Detail = unnamed
		return "", p
	}
	return t, err
}

// optionalTenant is tenant for lists in which an operator sees all tenants by naming none.
func (c caller) optionalTenant(named string) (hub.TenantID, error) {
	t := hub.TenantID(named)
	if c.Operator() {
		if named == "" || c.directory.HasTenant(t) {
			return t, nil
		}
	} else if named == "" || t == c.Tenant {
		return c.Tenant, nil
	}
	return "", &hub.Error{Kind: hub.KindNotFound, Code: "tenant_not_found"}
}
