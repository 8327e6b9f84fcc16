package shopify

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"hub/adapters/sandbox/stage"
)

// The bucket of a standard shop, and the most that one query may ask for. Bucket and rate were seen in recorded answers;
// that the limit of one query still holds in 2026 is (U).
const (
	bucketSize  = 2000
	restoreRate = 100 // points a second
	queryLimit  = 1000
)

// bucket holds the points of one app in one shop, in thousandths, so that a millisecond counts.
type bucket struct {
	milli int64
	at    time.Time
}

// level restores the bucket and returns the whole points in it.
func (b *bucket) level(now time.Time) int64 {
	passed := now.Sub(b.at).Truncate(time.Millisecond) // the rest counts the next time
	b.milli = min(bucketSize*1000, b.milli+passed.Milliseconds()*restoreRate)
	b.at = b.at.Add(passed)
	return b.milli / 1000
}

// gqlAnswer is a response of the API.
type gqlAnswer struct {
	Data       any            `json:"data,omitempty"`
	Errors     []gqlError     `json:"errors,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

// graphql is POST /admin/api/{version}/graphql.json.
func (p *Platform) graphql(w http.ResponseWriter, r *http.Request, s *store, asked string) {
	if r.Method != http.MethodPost {
		stage.WriteJSON(w, http.StatusNotFound, map[string]string{"errors": "Not Found"}) // (U)
		return
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil || kind != "application/json" {
		body = nil
	}
	status, text, broken := p.served(w, r, s, asked, body)
	if broken.slow > 0 {
		p.o.Wait(r.Context(), broken.slow)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if broken.half {
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		text = text[:len(text)/2]
	}
	w.WriteHeader(status)
	_, _ = w.Write(text) // the reader is gone or not
}

// served answers under the lock, which is given back whatever happens. What goes wrong befalls whom the API lets in.
func (p *Platform) served(w http.ResponseWriter, r *http.Request, s *store, asked string, body []byte) (status int, text []byte, broken breakdown) {
	p.line.Lock()
	defer p.line.Unlock()
	i := p.authentic(s, r.Header.Get("X-Shopify-Access-Token"))
	version, known := p.version(asked)
	var out any
	switch {
	case i == nil:
		status, out = http.StatusUnauthorized, map[string]string{"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}
	case !known:
		status, out = http.StatusNotFound, map[string]string{"errors": "Not Found"}
	case body == nil:
		status, out = http.StatusBadRequest, map[string]string{"errors": "Bad Request"} // (U)
	default:
		if broken = p.breakdown(); broken.status != 0 {
			status, out = broken.status, map[string]string{"errors": http.StatusText(broken.status)}
			break
		}
		w.Header().Set("X-Shopify-API-Version", version)
		status, out = http.StatusOK, p.answer(i, r.Host, version, body, broken)
	}
	text, err := json.Marshal(out)
	if err != nil {
		text, status = []byte(`{"errors":"Internal Server Error"}`), http.StatusInternalServerError
	}
	return status, text, broken
}

// breakdown is what goes wrong with one answer.
type breakdown struct {
	status         int
	half, throttle bool
	slow           time.Duration
}

func (p *Platform) breakdown() (b breakdown) {
	r, f := p.streams.answers, &p.faults
	if f.Hit(r, APIError) {
		b.status = http.StatusBadGateway + r.IntN(2)
		return b
	}
	b.half, b.throttle = f.Hit(r, APIHalf), f.Hit(r, APIThrottle)
	if f.Hit(r, APISlow) {
		b.slow = 8*time.Second + time.Duration(r.Int64N(int64(22*time.Second)))
	}
	return b
}

// answer reads, checks, charges and runs one request.
func (p *Platform) answer(i *install, host, version string, body []byte, broken breakdown) gqlAnswer {
	var request struct {
		Query         string         `json:"query"`
		OperationName string         `json:"operationName"`
		Variables     map[string]any `json:"variables"`
	}
	if decode(body, &request) != nil || request.Query == "" {
		return gqlAnswer{Errors: []gqlError{{Message: "No query string was present"}}} // (U)
	}
	d, err := parseQuery(request.Query)
	if err != nil {
		e := gqlError{Message: err.Error()}
		if syntax, ok := err.(*syntaxError); ok {
			e.Locations = []place{syntax.at}
		}
		return gqlAnswer{Errors: []gqlError{e}}
	}
	op := d.pick(request.OperationName)
	if op == nil {
		return gqlAnswer{Errors: []gqlError{{Message: "An operation name is required"}}} // (U)
	}
	c := &checker{schema: p.schema, document: d, operation: op}
	c.bind(request.Variables)
	requested := 0
	if len(c.errors) == 0 {
		requested = c.check()
	}
	if len(c.errors) > 0 {
		return gqlAnswer{Errors: c.errors}
	}
	return p.charge(i, host, version, c, requested, broken)
}

func (d *document) pick(name string) *operation {
	for _, o := range d.operations {
		if o.name == name || name == "" && len(d.operations) == 1 {
			return o
		}
	}
	return nil
}

// charge takes the points and runs the operation. What it did not use of the requested cost it gives back; as it runs at
// once, it never is less than taken in between.
func (p *Platform) charge(i *install, host, version string, c *checker, requested int, broken breakdown) gqlAnswer {
	b := i.store.buckets[i.app]
	if b == nil {
		b = &bucket{milli: bucketSize * 1000, at: p.line.Time()}
		i.store.buckets[i.app] = b
	}
	level := b.level(p.line.Time())
	if requested > queryLimit {
		return gqlAnswer{Errors: []gqlError{{
			Message: "Query cost is " + strconv.Itoa(requested) + ", which exceeds the single query max cost limit (1000).",
			Extensions: map[string]any{"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": queryLimit,
				"documentation": "https://shopify.dev/api/usage/rate-limits"},
		}}}
	}
	if int64(requested) > level || broken.throttle {
		return gqlAnswer{
			Errors: []gqlError{{Message: "Throttled", Extensions: map[string]any{
				"code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits",
			}}},
			Extensions: costs(requested, nil, level),
		}
	}
	call := &call{platform: p, install: i, host: host, version: version, checker: c, hidden: i.app.hides()}
	var data any = call.run()
	if call.void {
		data = json.RawMessage("null")
	}
	if !p.o.Unlimited {
		b.milli -= int64(call.cost) * 1000
	}
	out := gqlAnswer{Data: data, Errors: call.errors, Extensions: costs(requested, call.cost, b.milli/1000)}
	if call.search != nil {
		out.Extensions["search"] = call.search
	}
	return out
}

func costs(requested int, actual any, available int64) map[string]any {
	return map[string]any{"cost": map[string]any{
		"requestedQueryCost": requested, "actualQueryCost": actual,
		"throttleStatus": map[string]int64{"maximumAvailable": bucketSize, "currentlyAvailable": available, "restoreRate": restoreRate},
	}}
}
