package httpapi

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// docsView is what the documentation page shows, in the order in which it shows it.
type docsView struct {
	Title    string
	Version  string   // of the program
	Overview []string // paragraphs
	Statuses []docsResponse
	Groups   []docsGroup
	Schemas  []docsSchema
}

type docsGroup struct {
	Name, Anchor string
	Operations   []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Description string
	Roles                                  string
	Parameters, Body                       []docsField
	Responses                              []docsResponse
	Problems                               []string // statuses whose meaning is the same everywhere
}

type docsField struct {
	Name, In, Type, Link string // Link is the schema that Type names, "" when it is a plain type
	Required             bool
	Description, Class   string
}

type docsResponse struct {
	Status, Description, Type, Link string
}

type docsSchema struct {
	Name   string
	Fields []docsField
}

// groupOrder is the order in which people need the groups.
var groupOrder = []string{"Orders", "Parked deliveries", "Webhooks", "Connections", "Apps", "Tenants", "Keys", "Health"}

func newDocsView(doc *huma.OpenAPI, version string) docsView {
	v := docsView{Title: doc.Info.Title, Version: version, Overview: strings.Split(doc.Info.Description, "\n\n"), Statuses: statuses()}
	schemas := doc.Components.Schemas.Map()
	for _, name := range groupOrder {
		g := docsGroup{Name: name, Anchor: "group-" + strings.ReplaceAll(strings.ToLower(name), " ", "-")}
		for _, op := range inOrder(doc) {
			if op.Tags[0] == name {
				g.Operations = append(g.Operations, viewOperation(op, schemas))
			}
		}
		v.Groups = append(v.Groups, g)
	}
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		v.Schemas = append(v.Schemas, docsSchema{name, viewFields(schemas[name])})
	}
	return v
}

// inOrder returns the operations in the order in which they were registered, which puts the most used first.
func inOrder(doc *huma.OpenAPI) (all []*huma.Operation) {
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		item := doc.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Delete} {
			if op != nil {
				all = append(all, op)
			}
		}
	}
	at := func(op *huma.Operation) int { n, _ := op.Metadata["at"].(int); return n }
	slices.SortStableFunc(all, func(a, b *huma.Operation) int { return cmp.Compare(at(a), at(b)) })
	return all
}

func viewOperation(op *huma.Operation, schemas map[string]*huma.Schema) docsOperation {
	v := docsOperation{
		ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description, Roles: rolesOf(op),
	}
	for _, p := range op.Parameters {
		f := viewField(p.Name, p.Schema, p.Required)
		f.In = p.In
		if f.Description == "" {
			f.Description = p.Description
		}
		v.Parameters = append(v.Parameters, f)
	}
	if op.RequestBody != nil {
		if schema := op.RequestBody.Content["application/json"].Schema; schema != nil {
			v.Body = viewFields(schemas[refName(schema)])
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := viewResponse(status, op.Responses[status])
		if status >= "400" && len(op.Security) > 0 { // what all operations have in common is told once
			v.Problems = append(v.Problems, status)
			continue
		}
		v.Responses = append(v.Responses, r)
	}
	return v
}

func viewResponse(status string, r *huma.Response) docsResponse {
	v := docsResponse{Status: status, Description: r.Description}
	if code := 0; v.Description == "" {
		_, _ = fmt.Sscan(status, &code) // a default has no phrase
		v.Description = http.StatusText(code)
	}
	for _, media := range r.Content {
		if media.Schema != nil {
			v.Type, v.Link = typeOf(media.Schema)
		}
	}
	return v
}

// viewFields lists the members of an object, those that must be there first.
func viewFields(s *huma.Schema) []docsField {
	var fields []docsField
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		fields = append(fields, viewField(name, s.Properties[name], slices.Contains(s.Required, name)))
	}
	slices.SortStableFunc(fields, func(a, b docsField) int { return cmp.Compare(rank(a), rank(b)) })
	return fields
}

func rank(f docsField) int {
	if f.Required {
		return 0
	}
	return 1
}

func viewField(name string, s *huma.Schema, required bool) docsField {
	f := docsField{Name: name, Required: required, Description: s.Description}
	f.Type, f.Link = typeOf(s)
	f.Class, _ = s.Extensions["x-data-class"].(string)
	if s.Default != nil {
		f.Description = strings.TrimSpace(fmt.Sprintf("%s (default %v)", f.Description, s.Default))
	}
	return f
}

// typeOf names a type for people, and the schema to link to.
func typeOf(s *huma.Schema) (text, link string) {
	switch {
	case s.Ref != "":
		return refName(s), refName(s)
	case s.Type == huma.TypeArray:
		text, link = typeOf(s.Items)
		return "list of " + text, link
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			words[i] = fmt.Sprint(e)
		}
		return strings.Join(words, " | "), ""
	case s.Format == "date-time":
		return "time", ""
	case s.Minimum != nil && s.Maximum != nil:
		return fmt.Sprintf("%s, %v to %v", s.Type, *s.Minimum, *s.Maximum), ""
	}
	return s.Type, ""
}

func refName(s *huma.Schema) string { return strings.TrimPrefix(s.Ref, "#/components/schemas/") }

// statuses explains what every operation can answer.
func statuses() (rows []docsResponse) {
	for _, row := range []struct {
		status int
		advice string
	}{
		{http.StatusUnauthorized, "No good API key. Whatever is wrong with the key, the answer is the same."},
		{http.StatusForbidden, "The key is good, its role or scopes do not reach this far."},
		{http.StatusNotFound, "No such object, or another tenant's: the two are never told apart."},
		{http.StatusConflict, "The state contradicts the request. Look at the object, then decide."},
		{http.StatusRequestEntityTooLarge, "The body is above the bound. Sending it again does not help."},
		{http.StatusUnsupportedMediaType, "The body is not application/json, or it is compressed."},
		{http.StatusUnprocessableEntity, "A parameter or the body breaks a rule; errors names the place, never the value."},
		{http.StatusTooManyRequests, "Too fast, or too many at once. Come back after Retry-After."},
		{http.StatusInternalServerError, "The hub failed. Tell the operator the request id."},
		{http.StatusServiceUnavailable, "A part is down or full. Come back after Retry-After; with code unknown_outcome, look first."},
	} {
		rows = append(rows, docsResponse{Status: fmt.Sprint(row.status), Type: http.StatusText(row.status), Description: row.advice})
	}
	return rows
}
