package hubtest_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"hub/internal/app"
	"hub/internal/hubtest"
)

// collector keeps what a hub exports.
type collector struct {
	mu    sync.Mutex
	err   error
	key   string // that the hub showed
	raw   []byte
	spans []*tracepb.Span
	whose []*commonpb.KeyValue
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var request collectorpb.ExportTraceServiceRequest
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.raw = append(c.raw, body...); err != nil {
		c.err = err
	}
	c.key = r.Header.Get("Api-Key")
	for _, resource := range request.ResourceSpans {
		c.whose = resource.Resource.Attributes
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
}

// exported is what an attribute of a span may be, and under "" its name: everything else is from outside, or private.
var exported = map[string]*regexp.Regexp{
	"":                          regexp.MustCompile(`^(([A-Z]+|other) (none|/[a-z0-9/_{}.-]*)|drain|publish|job [a-z._]+|shopify [a-z_]+)$`),
	"http.request.method":       regexp.MustCompile(`^([A-Z]{3,7}|other)$`),
	"http.route":                regexp.MustCompile(`^(none|/[a-z0-9/_{}.-]*)$`),
	"http.response.status_code": regexp.MustCompile(`^\d+$`),
	"hub.request_id":            regexp.MustCompile(`^req_[0-9a-hjkmnp-tv-z]{26}$`),
	"hub.tenant":                regexp.MustCompile(`^(ten_[0-9a-hjkmnp-tv-z]{26}|operator)$`),
	"hub.connection":            regexp.MustCompile(`^con_[0-9a-hjkmnp-tv-z]{26}$`),
	"hub.platform":              regexp.MustCompile(`^shopify$`),
	"hub.operation":             regexp.MustCompile(`^[a-z_]+$`),
	"hub.shard":                 regexp.MustCompile(`^s\d$`),
	"hub.outcome":               regexp.MustCompile(`^[a-z_]+$`),
}

// counts are the attributes that hold a number.
var counts = regexp.MustCompile(`^hub\.(attempt|wait_ms|deliveries|parked|later|tenants|lines|changes|told)$`)

// check holds a span against what may be exported, and adds up its numbers.
func check(t *testing.T, s *tracepb.Span, sums map[string]int64) {
	t.Helper()
	if !exported[""].MatchString(s.Name) || len(s.Events)+len(s.Links) > 0 || s.GetStatus().GetMessage() != "" || s.TraceState != "" {
		t.Errorf("exported: %v", s)
	}
	for _, a := range s.Attributes {
		text, number := a.Value.GetStringValue(), a.Value.GetIntValue()
		may := exported[a.Key]
		if _, isText := a.Value.Value.(*commonpb.AnyValue_StringValue); !isText {
			sums[s.Name+" "+a.Key] += number
		} else if may == nil || !may.MatchString(text) {
			t.Errorf("exported: %s: %s %q", s.Name, a.Key, text)
		}
		if may == nil && !counts.MatchString(a.Key) {
			t.Errorf("exported: %s: %s", s.Name, a.Key)
		}
	}
}

// TestTracesNameNobody plants people, shops and secrets wherever a hub hears of them, and looks at every byte that it exports:
// the spans that an operator expects are there, and nothing else is.
func TestTracesNameNobody(t *testing.T) {
	got := &collector{}
	server := httptest.NewServer(got)
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=canary-of-the-collector")
	h := hubtest.Start(t, hubtest.Embedded("2").With("otel_exporter_otlp_endpoint", server.URL), "", app.Options{
		Logger: hubtest.Logger(t), Version: "v9", PollEvery: time.Second,
	})
	market := openStall(t, onShopify(7, app.SystemClock), 1)
	z := joinBazaar(t, h.Operator, market)
	sold := z.everybody()[0].sell(t)
	z.arrived(t)
	shop, err := hubtest.Connect(t.Context(), h.Operator, "Canary", "shopify", "canary", secret)
	if err != nil {
		t.Fatal(err)
	}
	c := &canaries{}
	body := c.planted(t, fixtures(t)["own"], 1)
	send(t, shop, body)
	send(t, shop, body[:len(body)-1]) // cut short: parked
	awaitChanges(t, shop.ERP, 1)
	intrude(t, h.URL(), shop)
	until(t, "a poll is over", func() bool {
		return strings.Contains(scrape(t, h.AdminURL()), `hub_jobs_run_seconds_count{kind="fetch.poll"`)
	})
	h.Stop(t)

	got.mu.Lock()
	defer got.mu.Unlock()
	if got.err != nil || got.key != "canary-of-the-collector" {
		t.Errorf("the collector was shown %q: %v", got.key, got.err)
	}
	private := []string{
		"canary", "cnry", "myshopify", "example", "127.0.0.1", "bazaar", hubtest.BootstrapKey, shop.ERP.Key, z.erp.Key, z.merchant.Key, secret, appSecret,
		shop.HookURL[strings.LastIndex(shop.HookURL, "/")+1:], sold, "9007199254740994", "shpat_", "shprt_", "whsec", "bearer",
	}
	for _, word := range private {
		if word == "" || bytes.Contains(bytes.ToLower(got.raw), []byte(strings.ToLower(word))) {
			t.Errorf("exported: %q", word)
		}
	}
	if text := got.whose; len(text) < 6 || !bytes.Contains(got.raw, []byte("service.instance.id\x12\x20\n\x1eins_")) {
		t.Errorf("spans are of %v", text)
	}
	got.verify(t, len(c.paths)+len(private), shop.Tenant)
}

// intrude asks as strangers and the curious do.
func intrude(t *testing.T, url string, shop hubtest.Shop) {
	t.Helper()
	for target, key := range map[string]string{
		shop.HookURL: "", url + "/hooks/shopify/canary?canary=1": "", url + "/canary@example.com": "canary", url + "/v1/orders/canary?email=canary": "canary",
		url + "/v1/orders?external_id=canary": shop.ERP.Key,
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet, "CANARY"} {
			request, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(`{"email":"canary@example.com"}`))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"X-Request-Id", "X-Shopify-Topic", "User-Agent", "Traceparent", "Baggage"} {
				request.Header.Set(name, "canary=canary")
			}
			request.Header.Set("Authorization", "Bearer "+key)
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
		}
	}
}

// verify looks at each span, and at what there must be.
func (c *collector) verify(t *testing.T, planted int, tenant string) {
	t.Helper()
	sums, names, jobs := map[string]int64{}, map[string]int{}, map[string]bool{}
	door, below := "POST /hooks/{platform}/{endpoint}", 0
	for _, s := range c.spans {
		check(t, s, sums)
		if names[s.Name]++; strings.HasPrefix(s.Name, "job ") {
			jobs[string(s.SpanId)] = true
		}
	}
	for _, s := range c.spans {
		if jobs[string(s.ParentSpanId)] && strings.HasPrefix(s.Name, "shopify ") {
			below++
		}
	}
	for _, name := range []string{door, "GET none", "GET /v1/orders", "other none", "POST /v1/tenants", "job fetch.poll", "shopify list", "drain", "publish"} {
		if names[name] == 0 {
			t.Errorf("no span %s", name)
		}
	}
	if below == 0 || sums["drain hub.parked"] != 1 || sums["drain hub.deliveries"] < 3 || sums["shopify list hub.attempt"] != int64(names["shopify list"]) || sums["publish hub.told"] < 2 || !bytes.Contains(c.raw, []byte(tenant)) {
		t.Errorf("%d calls below jobs, sums %v", below, sums)
	}
	t.Logf("%d spans of %d names in %d bytes, %d calls below their jobs; %d values planted, 0 found", len(c.spans), len(names), len(c.raw), below, planted)
}
