package httpapi

import (
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"hub"
	"hub/internal/tenancy"
)

// overview is the introduction of the description and of the page that is made from it.
const overview = "One exact model of the orders of many shops. An ERP reads the feed of changes and acknowledges what it " +
	"has booked; operators create tenants, keys and connections.\n\n" +
	"Money is a decimal string with its currency, never a float. Times are RFC 3339 in UTC. What is not known is absent. " +
	"Every answer that is not a success is a problem (RFC 9457) with a code for programs and a request id. Unknown " +
	"parameters and members are refused. Another tenant's object is answered like one that does not exist.\n\n" +
	"Documents hold no personal field of a buyer. A key with the scope personal:read adds them with include=personal; each " +
	"read is recorded before it is answered, and what was erased or is too old is absent."

// describeHooks documents the webhook door, which is no huma operation.
func describeHooks(doc *huma.OpenAPI) {
	refusal := func(what string) *huma.Response { return problemResponse(doc, what) }
	doc.AddOperation(&huma.Operation{
		OperationID: "deliver", Method: http.MethodPost, Path: hookRoute, Tags: []string{"Webhooks"},
		Summary: "Deliver a webhook",
		Description: "For platforms. The address is printed when a connection or an app is added. A success means that the " +
			"delivery is on disk, or that it has no effect; everything else is to be sent again, except what is refused as 401, 404, 413 and 415.",
		Parameters: []*huma.Param{
			{Name: "platform", In: "path", Required: true, Schema: doc.Components.Schemas.Schema(reflect.TypeFor[hub.Platform](), true, "")},
			{Name: "endpoint", In: "path", Required: true, Description: "The secret part of the address", Schema: &huma.Schema{Type: huma.TypeString}},
		},
		RequestBody: &huma.RequestBody{Required: true, Description: "The platform's own payload, byte for byte", Content: map[string]*huma.MediaType{"application/json": {}}},
		Responses: map[string]*huma.Response{
			"200": {Description: "Stored, or for a shop that has disconnected and then not kept"},
			"401": refusal("Not signed by the platform"), "404": refusal("No such endpoint"), "408": refusal("The body came too slowly"),
			"413": refusal("The body is too large"), "415": refusal("The body is encoded"), "422": refusal("The body ended early"),
			"500": refusal("The hub failed"), "503": refusal("Not stored; send it again after Retry-After"),
		},
	})
}

// describePages documents what browsers open. Both answer with a page for people.
func describePages(doc *huma.OpenAPI) {
	platform := &huma.Param{Name: "platform", In: "path", Required: true, Schema: doc.Components.Schemas.Schema(reflect.TypeFor[hub.Platform](), true, "")}
	html := func(what string) *huma.Response {
		return &huma.Response{Description: what, Content: map[string]*huma.MediaType{"text/html": {}}}
	}
	doc.AddOperation(&huma.Operation{
		OperationID: "begin-connecting", Method: http.MethodGet, Path: beginRoute, Tags: []string{"Connections"},
		Summary: "Go to a platform's page", Description: "For browsers: the address that connecting a shop prints. A page says whose account it is and leads on, which can be done once.",
		Parameters: []*huma.Param{
			platform, {Name: "ticket", In: "query", Required: true, Schema: &huma.Schema{Type: huma.TypeString}},
			{Name: "go", In: "query", Description: "1 to leave; what takes no pages is sent on without it", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"1"}}},
		},
		Responses: map[string]*huma.Response{
			"200": html("What the link leads to"), "303": {Description: "To the platform's page"}, "404": html("Used up, over or unknown"),
			"500": html("The hub failed"), "503": html("A part of the hub does not answer"),
		},
	})
	doc.AddOperation(&huma.Operation{
		OperationID: "end-connecting", Method: http.MethodGet, Path: callbackRoute, Tags: []string{"Connections"},
		Summary: "Come back from a platform's page", Description: "For browsers: platforms lead the owner of a shop here. The parameters are the platform's.",
		Parameters: []*huma.Param{platform},
		Responses: map[string]*huma.Response{
			"200": html("Connected; the page says what is to be mended"), "401": html("Not signed by the platform"),
			"403": html("Another browser, or permission was not given"), "404": html("Used up, over or unknown"),
			"409": html("The shop is connected already, by this or another tenant"), "422": html("The platform refused"), "429": html("The platform wants fewer calls"),
			"500": html("The hub failed"), "503": html("The platform, or a part of the hub, does not answer"),
		},
	})
}

// describeHealth documents what orchestrators ask.
func describeHealth(doc *huma.OpenAPI) {
	answer := func(what string, words ...any) *huma.Response {
		s := &huma.Schema{Type: huma.TypeObject, Required: []string{"status"}, Properties: map[string]*huma.Schema{"status": {Type: huma.TypeString, Enum: words}}}
		if len(words) > 1 {
			s.Properties["problems"] = &huma.Schema{Type: huma.TypeArray, Items: doc.Components.Schemas.Schema(reflect.TypeFor[defect](), true, "")}
		}
		return &huma.Response{Description: what, Content: map[string]*huma.MediaType{"application/json": {Schema: s}}}
	}
	doc.AddOperation(&huma.Operation{
		OperationID: "live", Method: http.MethodGet, Path: "/livez", Tags: []string{"Health"}, Summary: "Whether the process runs",
		Responses: map[string]*huma.Response{"200": answer("OK", "ok")},
	})
	doc.AddOperation(&huma.Operation{
		OperationID: "ready", Method: http.MethodGet, Path: "/readyz", Tags: []string{"Health"}, Summary: "Whether the hub can accept",
		Responses: map[string]*huma.Response{
			"200": answer("It accepts. When it is degraded something lags behind, and problems names it", "ok", "degraded"),
			"503": problemResponse(doc, "Nothing can be accepted; problems says why"),
		},
	})
}

func problemResponse(doc *huma.OpenAPI, what string) *huma.Response {
	schema := doc.Components.Schemas.Schema(reflect.TypeFor[problem](), true, "")
	return &huma.Response{Description: what, Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schema}}}
}

// finish says in the description what the types cannot: the classes of the order's fields, the header of every answer,
// and that answers may get more members.
func finish(doc *huma.OpenAPI) {
	schemas := doc.Components.Schemas.Map()
	classify(schemas, reflect.TypeFor[hub.Order](), map[reflect.Type]bool{})
	requests := map[string]bool{}
	for _, path := range doc.Paths {
		for _, op := range []*huma.Operation{path.Get, path.Post, path.Delete} {
			if op == nil {
				continue
			}
			if op.RequestBody != nil && op.RequestBody.Content["application/json"].Schema != nil {
				requests[op.RequestBody.Content["application/json"].Schema.Ref] = true
			}
			for _, response := range op.Responses {
				withRequestID(response)
			}
		}
	}
	for name, schema := range schemas {
		if requests["#/components/schemas/"+name] {
			continue
		}
		schema.AdditionalProperties = nil // clients must not fall over a member that comes later
		for field, property := range schema.Properties {
			if property.Type == huma.TypeArray {
				property.Nullable = false // an empty list is left out or printed as []
			}
			if text := fieldTexts[name+"."+field]; text != "" && property.Description == "" {
				property.Description = text
			}
		}
	}
}

func withRequestID(r *huma.Response) {
	if r.Headers == nil {
		r.Headers = map[string]*huma.Param{}
	}
	r.Headers["X-Request-Id"] = &huma.Param{
		Description: "What this request is known by in the hub's log", Schema: &huma.Schema{Type: huma.TypeString},
	}
}

// classify writes the data class of every field of the order beside its schema.
func classify(schemas map[string]*huma.Schema, t reflect.Type, seen map[reflect.Type]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	schema := schemas[t.Name()]
	if t.Kind() != reflect.Struct || schema == nil || seen[t] {
		return
	}
	seen[t] = true
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		property := schema.Properties[name]
		class := field.Tag.Get("class")
		if property == nil || class == "" {
			continue
		}
		property.Extensions = map[string]any{"x-data-class": class}
		if class != string(hub.P3) {
			property.Description = "Personal: only with include=personal, and absent when it is unknown, erased or too old."
		}
		classify(schemas, field.Type, seen)
	}
}

// rolesOf prints the roles that may use an operation.
func rolesOf(op *huma.Operation) string {
	allowed, _ := op.Extensions["x-roles"].([]tenancy.Role)
	names := make([]string, len(allowed))
	for i, role := range allowed {
		names[i] = string(role)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
