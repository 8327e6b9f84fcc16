package hubtest_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hub/gdpr"
	"hub/internal/app"
	"hub/internal/demo"
	"hub/internal/hubtest"
)

// answer is what came back of one read, whole.
type answer struct {
	status int
	code   string // of a problem
	body   []byte
	begun  time.Time
	ended  time.Time // when the last byte was here; what only says that it was the last may come later
}

// get sends one request under an id of its own. An answer that was cut is an error.
func get(ctx context.Context, c demo.Client, path, id string) (a answer, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+path, nil)
	if err != nil {
		return a, err
	}
	request.Header.Set("Authorization", "Bearer "+c.Key)
	request.Header.Set("X-Request-Id", id)
	a.begun = time.Now()
	response, err := c.HTTP.Do(request)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	a.status, a.ended = response.StatusCode, time.Now()
	for part := make([]byte, 64<<10); err == nil; {
		var n int
		if n, err = response.Body.Read(part); n > 0 {
			a.body, a.ended = append(a.body, part[:n]...), time.Now()
		}
	}
	if !errors.Is(err, io.EOF) {
		return a, err
	}
	var problem struct{ Code string }
	if !json.Valid(a.body) {
		return a, errors.New("half an answer")
	}
	if a.status != http.StatusOK && json.Unmarshal(a.body, &problem) == nil {
		a.code = problem.Code
	}
	return a, nil
}

// requestID is an id that the hub takes over.
func requestID() string {
	id := app.NewIDs()()
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// names lists the persons whose words are in a body.
func names(body []byte) map[string]bool {
	found := map[string]bool{}
	for _, m := range marks.FindAll(body, -1) {
		found[string(m)] = true
	}
	return found
}

// ids returns the ids of all orders by their numbers.
func (w *town) ids(t *testing.T) map[int]string {
	t.Helper()
	ids := map[int]string{}
	for _, c := range wholeFeed(t, w.Shop.ERP) {
		var n int
		if _, err := fmt.Sscanf(c.Order.ExternalID, "%d", &n); err != nil {
			t.Fatal(err)
		}
		ids[n-7_000_000] = c.Order.ID
	}
	return ids
}

// awaitOrder returns when the hub has an order as of a time, or newer.
func (w *town) awaitOrder(t *testing.T, n int, at time.Time) {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); <-time.After(20 * time.Millisecond) {
		var list struct{ Data []demo.Order }
		path := fmt.Sprintf("/v1/orders?external_id=%d", 7_000_000+n)
		if err := w.Shop.ERP.Do(t.Context(), http.MethodGet, path, nil, &list); err != nil {
			t.Fatal(err)
		}
		if len(list.Data) > 0 && !list.Data[0].SourceUpdatedAt.Before(at) {
			return
		}
	}
	t.Fatalf("order %d did not arrive", n)
}

// census reads every order of these people with personal fields, asking again as long as the hub cannot say, and returns how
// many of the people were in theirs.
func (w *town) census(t *testing.T, people []person) (readable int, unavailable int) {
	t.Helper()
	ids := w.ids(t)
	for _, p := range people {
		found := 0
		for _, n := range p.Orders {
			a := w.patientRead(t, "/v1/orders/"+ids[n]+"?include=personal", &unavailable)
			if a.status != http.StatusOK {
				t.Fatalf("order %d of %s (%q): %d %s", n, p.mark(), ids[n], a.status, a.code)
			}
			if names(a.body)[p.mark()] {
				found++
			}
		}
		if found > 0 && found < len(p.Orders) {
			t.Errorf("of %d orders of %s %d show the person", len(p.Orders), p.mark(), found)
		}
		if found > 0 {
			readable++
		}
	}
	return readable, unavailable
}

// patientRead repeats a read that the hub answers with 503, for a while.
func (w *town) patientRead(t *testing.T, path string, unavailable *int) answer {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); ; {
		a, err := get(t.Context(), w.reader, path, requestID())
		if err != nil {
			t.Fatal(err)
		}
		if a.status != http.StatusServiceUnavailable || time.Now().After(until) {
			return a
		}
		*unavailable++
		<-time.After(20 * time.Millisecond)
	}
}

// deliver sends a webhook and returns nil when the door answered 200.
func deliver(ctx context.Context, client *http.Client, hook string, body []byte) error {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, hook, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Shopify-Topic", "orders/updated")
	request.Header.Set("X-Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	request.Header.Set("X-Shopify-Shop-Domain", "canary.myshopify.com")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the door answered %d", response.StatusCode)
	}
	return nil
}

// shards opens the databases of the shards of a hub, beside it.
func shards(t *testing.T, size hubtest.Size, data string) (list []*sql.DB) {
	t.Helper()
	var names []string
	driver := "sqlite"
	if size.MariaDB != nil {
		driver = "mysql"
		databases := size.Databases()
		for _, name := range databases[:len(databases)-2] {
			names = append(names, size.MariaDB.DSN(name))
		}
	} else {
		var err error
		if names, err = filepath.Glob(filepath.Join(data, "shards", "*.db")); err != nil || len(names) == 0 {
			t.Fatal("no shards: ", err)
		}
	}
	for _, name := range names {
		db, err := sql.Open(driver, name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		list = append(list, db)
	}
	return list
}

// sealedBytes counts the bytes that the shards hold of these people's orders and payloads, and the parked deliveries that
// still have theirs.
func (w *town) sealedBytes(t *testing.T, dbs []*sql.DB, people []person) (orders, raws, parked int64) {
	t.Helper()
	ask := func(sum *int64, db *sql.DB, query string, args ...any) {
		var n int64
		if err := db.QueryRow(query, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		*sum += n
	}
	length := func(columns ...string) string {
		for i, c := range columns {
			columns[i] = "COALESCE(LENGTH(" + c + "), 0)"
		}
		return "SELECT COALESCE(SUM(" + strings.Join(columns, " + ") + "), 0) FROM "
	}
	for _, db := range dbs {
		for _, p := range people {
			for _, n := range p.Orders {
				external := fmt.Sprint(7_000_000 + n)
				ask(&orders, db, length("personal", "recipient", "payer", "shared")+"orders WHERE external_id = ?", external)
				ask(&raws, db, length("sealed")+"raws WHERE external_id = ?", external)
			}
		}
		ask(&parked, db, "SELECT COUNT(*) FROM parked WHERE LENGTH(sealed) > 0")
	}
	return orders, raws, parked
}

// finishCycle orders cycles until nothing is left to do, whoever runs them.
func finishCycle(ctx context.Context, operator demo.Client, approve int) error {
	for {
		c, err := runCycle(ctx, operator, approve)
		if err == nil && c.Phase == "none" {
			return nil
		}
		if err != nil && !meanwhile.MatchString(err.Error()) {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// meanwhile matches refusals that say that another hub, or the hub's own loop, is at it.
var meanwhile = regexp.MustCompile(`409 (forget_cycle_elsewhere|stale_epoch|keyring_stale)`)

// calm has a cycle run now, for somebody who is not missed: the hub begins the next one by itself in an hour at the
// earliest, so what follows is the test's own.
func (w *town) calm(t *testing.T, h *hubtest.Process) {
	t.Helper()
	w.Orders++
	p := person{n: 99_000, Orders: []int{w.Orders}}
	send(t, w.Shop, p.body(w.Orders, time.Now().Add(-time.Hour)))
	awaitChanges(t, w.Shop.ERP, w.Orders)
	subjects, err := h.Find(w.tenant(), gdpr.IdentifierEmail, p.email())
	if err != nil || len(subjects) != 1 {
		t.Fatal("finding who is not missed: ", subjects, err)
	}
	p.Subject = subjects[0]
	if err := erase(h, w.tenant(), []person{p}); err != nil {
		t.Fatal(err)
	}
	if err := finishCycle(t.Context(), h.Operator(), 1000); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// hubID is the name of a hub in the vault.
func hubID(t *testing.T, data string) string {
	t.Helper()
	return strings.TrimSpace(string(mustRead(t, filepath.Join(data, "instance"))))
}
