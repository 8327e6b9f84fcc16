package httpapi

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"hub"
)

var update = flag.Bool("update", false, "write docs/openapi.json anew")

// docs/openapi.json is what the hub serves.
func TestDescriptionIsCommitted(t *testing.T) {
	const name = "../../docs/openapi.json"
	w := httptest.NewRecorder()
	API{MaxBody: 1 << 20, RequestID: func() string { return "" }, Logger: newLab(t).api.Logger}.Handler().
		ServeHTTP(w, newRequest(t, "GET", "/openapi.json", ""))
	if *update {
		if err := os.WriteFile(name, w.Body.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(committed, w.Body.Bytes()) {
		t.Errorf("%s differs from what is served (%v); run go test ./internal/httpapi -update", name, err)
	}
}

// What listeners hear is described at fixed addresses, and nothing is when there is nothing to hear.
func TestEventsAreDescribed(t *testing.T) {
	l := newLab(t)
	l.want(l.do("GET", "/asyncapi.json", "", ""), 404, "route_not_found")
	l.api.Events = Events{AsyncAPI: []byte(`{"asyncapi":"3.0.0"}`), Schemas: map[string][]byte{"a-1.json": []byte(`{"$id":"a"}`), "b-1.json": []byte(`{"$id":"b"}`)}}
	l.handler = l.api.Handler()
	for path, content := range map[string]string{"/asyncapi.json": `{"asyncapi":"3.0.0"}`, "/schemas/a-1.json": `{"$id":"a"}`, "/schemas/b-1.json": `{"$id":"b"}`} {
		w := httptest.NewRecorder()
		l.handler.ServeHTTP(w, newRequest(t, "GET", path, ""))
		if w.Code != 200 || w.Body.String() != content || !strings.Contains(w.Header().Get("Content-Type"), "+json") {
			t.Errorf("%s: %d %s %s", path, w.Code, w.Header(), w.Body)
		}
	}
	l.want(l.do("GET", "/schemas/c-1.json", "", ""), 404, "route_not_found")
}

// The enums of the description are all constants of their types in package hub.
func TestEnumsAreComplete(t *testing.T) {
	declared := map[string][]string{}
	files, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), "../../"+f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || spec.Type == nil || len(spec.Values) == 0 {
				return true
			}
			if name, ok := spec.Type.(*ast.Ident); ok {
				if text, ok := spec.Values[0].(*ast.BasicLit); ok && text.Kind == token.STRING {
					value, _ := strconv.Unquote(text.Value)
					declared[name.Name] = append(declared[name.Name], value)
				}
			}
			return true
		})
	}
	for name, described := range map[string]huma.SchemaProvider{
		"Platform": platform(""), "OrderStatus": orderStatus(""), "PaymentStatus": paymentStatus(""),
		"FulfillmentStatus": fulfillmentStatus(""), "Basis": basis(""), "ChangeType": changeType(""),
	} {
		var values []string
		for _, v := range described.Schema(nil).Enum {
			values = append(values, v.(string))
		}
		want := slices.Sorted(slices.Values(declared[name]))
		slices.Sort(values)
		if !slices.Equal(values, want) || len(want) == 0 {
			t.Errorf("%s: described %v, declared %v", name, values, want)
		}
	}
}

// Every field of the order is described, with its class, and every text belongs to a field.
func TestOrderIsDescribed(t *testing.T) {
	_, doc := newLab(t).api.build()
	schemas := doc.Components.Schemas.Map()
	fields, used := 0, map[string]bool{}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[hub.Order](), reflect.TypeFor[hub.Totals](), reflect.TypeFor[hub.Line](), reflect.TypeFor[hub.TaxLine](),
		reflect.TypeFor[hub.Discount](), reflect.TypeFor[hub.Refund](), reflect.TypeFor[hub.Settlement](), reflect.TypeFor[hub.Source](),
		reflect.TypeFor[hub.Buyer](), reflect.TypeFor[hub.Fulfillment](), reflect.TypeFor[hub.Payment](),
	} {
		for f := range typ.Fields() {
			fields++
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			property := schemas[typ.Name()].Properties[name]
			if property == nil || property.Extensions["x-data-class"] != f.Tag.Get("class") {
				t.Errorf("%s.%s is described as %+v", typ.Name(), name, property)
			}
			used[typ.Name()+"."+name] = true
		}
	}
	for name := range fieldTexts {
		if !used[name] {
			t.Errorf("%s is no field", name)
		}
	}
	t.Logf("%d fields", fields)
}

func TestPageLoadsNothingFromOutside(t *testing.T) {
	l := newLab(t)
	w := l.do("GET", "/docs", "", "")
	html := w.Body.String()
	if regexp.MustCompile(`(?i)(src|href)="(https?:)?//|<script|style=|url\(`).MatchString(html) {
		t.Error("the page loads something, or holds script or style")
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'self'") {
		t.Errorf("policy %q", policy)
	}
	links := regexp.MustCompile(`href="([^"]+)"`).FindAllStringSubmatch(html, -1)
	for _, link := range links {
		target := link[1]
		if anchor, ok := strings.CutPrefix(target, "#"); ok {
			if !strings.Contains(html, `id="`+anchor+`"`) {
				t.Errorf("%s leads nowhere", target)
			}
		} else if l.do("GET", target, "", "").Code != 200 {
			t.Errorf("%s leads nowhere", target)
		}
	}
	if len(links) < 50 || !strings.Contains(html, "/v1/orders/{id}/acknowledgement") {
		t.Errorf("%d links", len(links))
	}
	t.Logf("%d links", len(links))
}

// Every code that the tables explain is spelled like one.
func TestTextsAreComplete(t *testing.T) {
	for code, text := range texts {
		if !regexp.MustCompile(`^[a-z0-9_]+$`).MatchString(string(code)) || !strings.HasSuffix(text, ".") {
			t.Errorf("%s: %s", code, text)
		}
	}
}
