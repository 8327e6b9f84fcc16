package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"hub/internal/tenancy"
)

// apiVersion is that of the API, not of the program.
const apiVersion = "1"

// newHuma makes the API over a router. Nothing of huma's global state is touched: its errors become ours in a
// transformer, and their schema by an alias.
func newHuma(r chi.Router) huma.API {
	config := huma.DefaultConfig("Hub", apiVersion)
	config.Info.Description = overview
	config.CreateHooks = nil // would add $schema to every answer
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	plain := huma.Format{Marshal: marshal, Unmarshal: json.Unmarshal}
	config.Formats = map[string]huma.Format{"application/json": plain, "json": plain} // the second is of problem+json
	config.Transformers = []huma.Transformer{asProblem}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key": {Type: "http", Scheme: "bearer", Description: "An API key, as printed by `hub key create`."},
	}
	registry := config.Components.Schemas
	registry.RegisterTypeAlias(reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[problem]())
	aliasVocabulary(registry)
	return humachi.New(r, config)
}

// asProblem gives every error its final shape: ours gets the request id, huma's loses the values that it quotes.
func asProblem(ctx huma.Context, _ string, v any) (any, error) {
	var p problem
	switch e := v.(type) {
	case *problem:
		p = *e
	case *huma.ErrorModel:
		p = *newProblem(e.Status, "request_invalid")
		for _, d := range e.Errors {
			p.Errors = append(p.Errors, violation{d.Location, d.Message})
		}
	default:
		return v, nil
	}
	p.RequestID = traceOf(ctx.Context()).id
	return &p, nil
}

// selfWriter is a body that prints itself, because it holds documents that are JSON already.
type selfWriter interface{ appendJSON([]byte) []byte }

// lineEnd ends every answer.
const lineEnd = "\n"

func marshal(w io.Writer, v any) error {
	if own, ok := v.(selfWriter); ok {
		_, err := w.Write(append(own.appendJSON(nil), lineEnd...))
		return err
	}
	var b bytes.Buffer // whole before the first byte goes out
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// operation is one row of the API: how it is documented, who may use it.
type operation struct {
	id, method, path string
	tag, summary     string
	description      string
	roles            []tenancy.Role
	status           int   // of success; 0 is 200
	errors           []int // beside those that every operation has
}

// register serves an operation: key and role, strict reading, huma's validation, then the handler, whose errors become
// problems.
func register[I, O any](s *server, op operation, handle func(context.Context, caller, *I) (*O, error)) {
	from := inQuery
	if _, has := reflect.TypeFor[I]().FieldByName("Body"); has {
		from = inBody
	}
	huma.Register(s.huma, huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, DefaultStatus: op.status,
		Tags: []string{op.tag}, Summary: op.summary, Description: op.description,
		Security:        []map[string][]string{{"key": {}}},
		Errors:          append([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable}, op.errors...),
		Extensions:      map[string]any{"x-roles": op.roles},
		Metadata:        map[string]any{"at": len(s.huma.OpenAPI().Paths)}, // for the page
		MaxBodyBytes:    -1,                                                // strict has read it
		BodyReadTimeout: -1,
		Middlewares:     huma.Middlewares{s.admit(op.roles), s.strict},
	}, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, callerOf(ctx), in)
		if err != nil {
			return nil, s.problem(ctx, err, from)
		}
		return out, nil
	})
}

// TenantParameter is the query parameter by which an operator names a tenant.
type TenantParameter struct {
	Tenant string `query:"tenant" maxLength:"64" doc:"Which tenant. Operators name it; everybody else has one and may leave it out." example:"ten_01j9z3k6m8q0r2t4v6x8z0b2d4"`
}

// IdempotencyKey is the header of that name. What is created here is unique by its own nature (the name of a tenant,
// the shop of a connection) or harmless when made twice (a key), and no answer is kept to be given again.
type IdempotencyKey struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" pattern:"^[!-~]+$" doc:"Accepted and not acted upon: this release keeps no answers to give again. Repeating an acknowledgement with the same reference is safe without it; a tenant or connection that exists is refused as 409."`
}
