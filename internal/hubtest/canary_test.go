package hubtest_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"hub/adapters/sandbox/shopify"
	"hub/internal/app"
	"hub/internal/demo"
	"hub/internal/hubtest"
)

// business lists the string leaves of a Shopify order that are P3 by the order model: numbers, SKUs, catalogue titles,
// statuses, and what carries no person. Everything else is personal and must be found in no file.
var business = regexp.MustCompile(`^(` + strings.Join([]string{
	`name`, `source_name`, `financial_status`, `fulfillment_status`, `cancel_reason`, `gateway`, `payment_gateway_names\[]`,
	`line_items\[]\.(sku|title|variant_title|fulfillment_status)`, `line_items\[]\.tax_lines\[]\.(title|source)`, `tax_lines\[]\.title`,
	`shipping_lines\[]\.(title|code|carrier_identifier|source)`, `shipping_lines\[]\.tax_lines\[]\.title`,
	`fulfillments\[]\.(status|shipment_status|tracking_company)`,
	`(refunds\[]\.)?transactions\[]\.(kind|status|gateway)`,
}, "|") + `)$`)

// typed are leaves that have a form of their own: a canary there would park the whole order and prove nothing of the rest.
var typed = regexp.MustCompile(`^(-?[0-9.]+|[A-Z]{3}|\d{4}-\d\d-\d\dT.*|)$`)

// canaries plants one word in each string leaf and remembers where it went.
type canaries struct{ paths []string }

func (c *canaries) plant(path string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = c.plant(strings.TrimPrefix(path+"."+name, "."), v[name])
		}
	case []any:
		for i := range v {
			v[i] = c.plant(path+"[]", v[i])
		}
	case string:
		if !typed.MatchString(v) {
			c.paths = append(c.paths, path)
			return fmt.Sprintf("cnry%05dx%s", len(c.paths)-1, strings.Repeat("q", len(c.paths)%7))
		}
	}
	return v
}

// planted returns the order with its canaries, as a body.
func (c *canaries) planted(t *testing.T, document []byte, id int) []byte {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var order map[string]any
	if err := d.Decode(&order); err != nil {
		t.Fatal(err)
	}
	if inner, ok := order["order"].(map[string]any); ok {
		order = inner
	}
	order["id"] = 9_007_199_254_740_993 + id // many documents are about one and the same order
	body, err := json.Marshal(c.plant("", order))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// fixtures returns order documents: our own, and those of the shared folder where it is there.
func fixtures(t *testing.T) map[string][]byte {
	t.Helper()
	shop := shopify.New("own.myshopify.com", secret, 5, time.Now())
	o := shop.Place()
	o.Pay()
	o.Refund()
	documents := map[string][]byte{"own": o.Body()}
	names, err := filepath.Glob("../../../shared/fixtures/shopify/*order*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		base := filepath.Base(name)
		if strings.HasPrefix(base, "gql_") || strings.Contains(base, "draft") || strings.Contains(base, "fulfillment_orders") {
			continue
		}
		document, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		documents[base] = document
	}
	return documents
}

// lockedBuffer collects a log.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// TestCanaries sends every order document with a canary in each string leaf, whole, and cut short so that it is parked,
// stops the hub, and looks for the canaries in every file that it owns and in its log.
func TestCanaries(t *testing.T) {
	documents := fixtures(t)
	if len(documents) == 1 {
		t.Log("../shared is absent: only our own document is used")
	}
	var log lockedBuffer
	h := hubtest.Start(t, hubtest.Embedded("2"), "", app.Options{
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	shop, err := hubtest.Connect(t.Context(), h.Operator, "Canary", "shopify", "canary", secret)
	if err != nil {
		t.Fatal(err)
	}
	c := &canaries{}
	applied := 0
	for _, document := range documents {
		applied++
		body := c.planted(t, document, applied)
		send(t, shop, body)
		send(t, shop, body[:len(body)-1]) // cut short: parked
	}
	orders := awaitChanges(t, shop.ERP, applied)
	h.Stop(t)

	found, files, size := search(t, h.Data, len(c.paths), log.b.Bytes())
	leaked, inClear := 0, 0
	for i := range found {
		if business.MatchString(c.paths[i]) {
			inClear++
			continue
		}
		leaked++
		t.Errorf("the canary of %s is in %s", c.paths[i], found[i])
	}
	if inClear == 0 {
		t.Error("not even business fields were found: the search proves nothing")
	}
	t.Logf("%d documents, %d canaries, %d orders applied; searched %d files, %d bytes and %d bytes of log: %d business fields found, %d personal",
		len(documents), len(c.paths), orders, files, size, log.b.Len(), inClear, leaked)
}

// send posts a body with a right signature.
func send(t *testing.T, shop hubtest.Shop, body []byte) {
	t.Helper()
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shop.HookURL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Shopify-Topic", "orders/updated")
	request.Header.Set("X-Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	request.Header.Set("X-Shopify-Shop-Domain", "canary.myshopify.com")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the door answered %d", answer.StatusCode)
	}
}

// awaitChanges reads the feed until every document has become an order.
func awaitChanges(t *testing.T, c demo.Client, documents int) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var after int64
	for int(after) < documents {
		page, err := c.Feed(ctx, after, 250, 3*time.Second)
		if err != nil {
			t.Fatalf("%d of %d documents applied: %v", after, documents, err)
		}
		after = page.Next
	}
	return int(after)
}

// search looks for the canaries 0 … n−1 and returns the name of a file for each that it finds.
func search(t *testing.T, folder string, n int, log []byte) (found map[int]string, files int, size int64) {
	t.Helper()
	word := regexp.MustCompile(`cnry(\d{5})x`)
	found = map[int]string{}
	look := func(name string, content []byte) {
		for _, match := range word.FindAllSubmatch(content, -1) {
			var i int
			if _, err := fmt.Sscanf(string(match[1]), "%d", &i); err == nil && i < n {
				found[i] = name
			}
		}
	}
	look("the log", log)
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files, size = files+1, size+int64(len(content))
		look(filepath.Base(path), content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, files, size
}
