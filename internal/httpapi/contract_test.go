package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contract is the description as the hub serves it. The tests hold every answer against it, more strictly than a client
// may: members that are not described are wrong.
type contract struct {
	paths    []contractPath
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // compiled so far, by pointer
}

type contractPath struct {
	pattern *regexp.Regexp
	path    string
	item    map[string]any
}

// served is the contract of all tests: what is described does not depend on what is behind the doors.
var served *contract

func newContract(t *testing.T, h http.Handler) *contract {
	t.Helper()
	if served != nil {
		return served
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	doc, err := jsonschema.UnmarshalJSON(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	root := doc.(map[string]any)
	seal(root["components"].(map[string]any)["schemas"].(map[string]any))
	for path, item := range root["paths"].(map[string]any) {
		pattern := regexp.MustCompile("^" + regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$")
		c.paths = append(c.paths, contractPath{pattern, path, item.(map[string]any)})
	}
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource("http://hub.example/openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	served = c
	return c
}

// seal refuses undescribed members.
func seal(schemas map[string]any) {
	for _, s := range schemas {
		schema := s.(map[string]any)
		if _, open := schema["additionalProperties"]; !open && schema["properties"] != nil {
			schema["additionalProperties"] = false
		}
	}
}

// find returns the pointer to the schema of an answer, "" when the answer has no body.
func (c *contract) find(t *testing.T, method, path, status, contentType string) (pointer string, described bool) {
	t.Helper()
	best := contractPath{}
	for _, p := range c.paths {
		if p.pattern.MatchString(path) && (best.path == "" || strings.Count(p.path, "{") < strings.Count(best.path, "{")) {
			best = p
		}
	}
	operation, ok := best.item[strings.ToLower(method)].(map[string]any)
	if !ok {
		return "/components/schemas/Problem", status == "404" || status == "405"
	}
	answer, ok := operation["responses"].(map[string]any)[status].(map[string]any)
	if !ok {
		return "", false
	}
	if _, ok := answer["headers"].(map[string]any)["X-Request-Id"]; !ok {
		t.Errorf("%s %s: X-Request-Id is not described", method, best.path)
	}
	content, _ := answer["content"].(map[string]any)
	if len(content) == 0 {
		return "", contentType == ""
	}
	_, ok = content[contentType]
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace
	return "/paths/" + escape(best.path) + "/" + strings.ToLower(method) + "/responses/" + status + "/content/" + escape(contentType) + "/schema", ok
}

// violationPath is how errors[].path is spelled.
var violationPath = regexp.MustCompile(`^(body|query|path|header)(\.|$)`)

// check holds one answer against the description and returns its body.
func (c *contract) check(t *testing.T, r *http.Request, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	if w.Header().Get("X-Request-Id") == "" {
		t.Errorf("%s %s: no X-Request-Id", r.Method, r.URL.Path)
	}
	contentType := w.Header().Get("Content-Type")
	if strings.HasPrefix(contentType, "text/") || strings.HasPrefix(contentType, "application/openapi") {
		return nil
	}
	pointer, described := c.find(t, r.Method, r.URL.Path, strconv.Itoa(w.Code), contentType)
	if !described {
		t.Fatalf("%s %s: status %d with %q is not described: %s", r.Method, r.URL.Path, w.Code, contentType, w.Body)
	}
	if pointer == "" {
		if w.Body.Len() > 0 {
			t.Errorf("%s %s: a body that is not described", r.Method, r.URL.Path)
		}
		return nil
	}
	schema := c.schemas[pointer]
	if schema == nil {
		var err error
		if schema, err = c.compiler.Compile("http://hub.example/openapi.json#" + pointer); err != nil {
			t.Fatal(err)
		}
		c.schemas[pointer] = schema
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatalf("%s %s: %v: %s", r.Method, r.URL.Path, err, w.Body)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s %s: %v: %s", r.Method, r.URL.Path, err, w.Body)
	}
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	wrong, _ := body["errors"].([]any)
	for _, v := range wrong {
		if path := fmt.Sprint(v.(map[string]any)["path"]); !violationPath.MatchString(path) {
			t.Errorf("%s %s: the path %q does not begin with a part of the request", r.Method, r.URL.Path, path)
		}
	}
	if w.Code >= 400 && (body["request_id"] != w.Header().Get("X-Request-Id") || body["status"] != float64(w.Code)) {
		t.Errorf("problem and answer differ: %s", w.Body)
	}
	return body
}
