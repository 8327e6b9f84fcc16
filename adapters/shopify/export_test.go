package shopify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

func driverMAC(secret, message string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(message))
	return hex.EncodeToString(mac.Sum(nil))
}

// callerFunc answers calls.
type callerFunc func(context.Context, driver.Call) (driver.Answer, error)

func (f callerFunc) Call(ctx context.Context, c driver.Call) (driver.Answer, error) { return f(ctx, c) }

// TestExportGoesOnFromItsSort: what is left behind the first page is asked for by the time that the page is sorted by. A record
// may be made long before its order is processed, or after it.
func TestExportGoesOnFromItsSort(t *testing.T) {
	const end = `{"nodes":[],"pageInfo":{"hasNextPage":false,"endCursor":null}}`
	placed := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for name, recorded := range map[string]time.Time{"before": placed.Add(-time.Hour), "after": placed.Add(time.Hour), "at once": placed} {
		c := callerFunc(func(_ context.Context, c driver.Call) (driver.Answer, error) {
			return driver.Answer{Status: 200, Body: fmt.Appendf(nil, `{"data":{"orders":{"nodes":[{"id":"gid://shopify/Order/1","processedAt":%q,"createdAt":%q,"updatedAt":%q,"refunds":[],"lineItems":`+end+`,"shippingLines":`+end+`,"discountApplications":`+end+`}],"pageInfo":{"hasNextPage":true,"endCursor":"x"}}}}`,
				placed.Format(time.RFC3339), recorded.Format(time.RFC3339), recorded.Format(time.RFC3339))}, nil
		})
		part, err := New().Export(t.Context(), c, driver.Window{By: driver.ByCreation, From: placed.AddDate(-1, 0, 0), To: placed.AddDate(0, 0, 1)}, "")
		if err != nil || !part.Reached.Equal(placed.Add(time.Second)) || !strings.Contains(part.Next, placed.Add(time.Second).Format(time.RFC3339)) {
			t.Errorf("recorded %s: reached %s, next %s, %v", name, part.Reached, part.Next, err)
		}
	}
}

// numbered is a list of orders that are numbered and were changed one each second, or several in one second. It answers
// like the platform: by cursor, and with no page behind the 25,000th order of one pagination.
type numbered struct {
	n, same int // orders, and how many share a second
	begin   time.Time
	calls   int
	most    int
}

func (l *numbered) at(i int) time.Time { return l.begin.Add(time.Duration(i/l.same) * time.Second) }

func (l *numbered) Call(_ context.Context, c driver.Call) (driver.Answer, error) {
	l.calls++
	var q struct{ Variables struct{ Query, After string } }
	if err := json.Unmarshal(c.Body, &q); err != nil {
		return driver.Answer{}, err
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(q.Variables.Query, "updated_at:>='"), "'")
	from, err := time.Parse(time.RFC3339, first)
	if err != nil {
		return driver.Answer{}, err
	}
	i, seen := max(0, int(from.Sub(l.begin)/time.Second)*l.same), 0
	if q.Variables.After != "" {
		if _, err := fmt.Sscanf(q.Variables.After, "%d,%d", &i, &seen); err != nil {
			return driver.Answer{}, err
		}
	}
	var nodes []string
	for ; len(nodes) < listAtOnce && i < l.n && seen < 25_000; i, seen = i+1, seen+1 {
		nodes = append(nodes, fmt.Sprintf(`{"id":"gid://shopify/Order/%d","updatedAt":"%s","createdAt":"%s","totalPriceSet":{"shopMoney":{"amount":"1.0","currencyCode":"USD"}}}`,
			i+1, l.at(i).Format(time.RFC3339), l.at(i).Format(time.RFC3339)))
	}
	l.most = max(l.most, seen)
	return driver.Answer{Status: 200, Body: fmt.Appendf(nil, `{"data":{"orders":{"nodes":[%s],"pageInfo":{"hasNextPage":%v,"endCursor":"%d,%d"}}}}`,
		strings.Join(nodes, ","), i < l.n && seen < 25_000, i, seen)}, nil
}

// TestBeyondTheCeiling: a list of 60,000 orders is whole although the platform ends a pagination at 25,000.
func TestBeyondTheCeiling(t *testing.T) {
	for _, same := range []int{1, 7, 300} {
		l := &numbered{n: 60_000, same: same, begin: noon}
		seen := make([]bool, l.n+1)
		cursor, listed := "", 0
		for range 1000 {
			page, err := New().Changed(t.Context(), l, driver.Window{From: noon, To: noon.AddDate(0, 0, 1)}, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range page.Orders {
				var i int
				if _, err := fmt.Sscan(string(o.ExternalID), &i); err != nil || o.Total == nil || o.Total.Minor != 100 {
					t.Fatal(err, o)
				}
				seen[i] = true
				listed++
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if missing := slices.Index(seen[1:], false); missing >= 0 || cursor != "" {
			t.Errorf("%d to a second: order %d of %d was skipped", same, missing+1, l.n)
		}
		t.Logf("%d to a second: %d orders, %d listed in %d calls, at most %d in one pagination", same, l.n, listed, l.calls, l.most)
	}
}

// TestPagesThatLie: a page that repeats itself, or says there is more and not where, is no list and does not go on for ever.
func TestPagesThatLie(t *testing.T) {
	node := `{"id":"gid://shopify/Order/1","updatedAt":"2026-11-21T12:00:00Z"}`
	for name, body := range map[string]string{
		"no cursor":   `{"data":{"orders":{"nodes":[` + node + `],"pageInfo":{"hasNextPage":true,"endCursor":null}}}}`,
		"no info":     `{"data":{"orders":{"nodes":[` + node + `]}}}`,
		"empty, more": `{"data":{"orders":{"nodes":[],"pageInfo":{"hasNextPage":true,"endCursor":"x"}}}}`,
		"another id":  `{"data":{"orders":{"nodes":[{"id":"gid://shopify/Product/1","updatedAt":"2026-11-21T12:00:00Z"}],"pageInfo":{"hasNextPage":false}}}}`,
		"no time":     `{"data":{"orders":{"nodes":[{"id":"gid://shopify/Order/1"}],"pageInfo":{"hasNextPage":false}}}}`,
		"the same":    `{"data":{"orders":{"nodes":[` + node + `],"pageInfo":{"hasNextPage":true,"endCursor":"c"}}}}`,
	} {
		cursor := written(place{At: noon, After: "c"})
		if _, err := New().Changed(t.Context(), says(body), driver.Window{From: noon, To: noon.Add(time.Hour)}, cursor); hub.CodeOf(err) != driver.CodeUnreadable {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, cursor := range []string{"x", `{"after":5}`} {
		if _, err := New().Changed(t.Context(), says(`{}`), driver.Window{}, cursor); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v", cursor, err)
		}
		if _, err := New().Export(t.Context(), says(`{}`), driver.Window{}, cursor); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v", cursor, err)
		}
	}
	if _, err := New().Fetch(t.Context(), says(`{"data":{"nodes":[]}}`), []hub.ExternalID{"1"}); hub.CodeOf(err) != driver.CodeUnreadable {
		t.Errorf("no answer to an id: %v", err)
	}
	for _, ids := range [][]hub.ExternalID{{"1\"}"}, {"x"}, make([]hub.ExternalID, ordersAtOnce+1)} {
		if _, err := New().Fetch(t.Context(), says(`{}`), ids); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%v: %v", ids, err)
		}
	}
}

// TestBulkOfNothing: a bulk operation that exported no order is the end of an empty shop; one that says it exported some and
// has no file is asked again, and nothing counts as read.
func TestBulkOfNothing(t *testing.T) {
	w := driver.Window{By: driver.ByCreation, From: noon.AddDate(0, -2, 0), To: noon}
	for said, empty := range map[string]bool{
		`"rootObjectCount":"0","fileSize":"0","url":null`:                         true,
		`"rootObjectCount":"0","fileSize":null,"url":null`:                        true,
		`"rootObjectCount":"0","fileSize":"0","url":"https://files.example.test"`: true,
		`"rootObjectCount":"7","fileSize":"0","url":null`:                         false,
		`"rootObjectCount":"7","fileSize":null,"url":null`:                        false,
		`"rootObjectCount":"7","fileSize":"900","url":null`:                       false,
		`"rootObjectCount":"7","fileSize":"0","url":"https://files.example.test"`: false,
		`"fileSize":"0","url":null`:                                               false,
	} {
		cursor := written(exportPlace{Step: stepBulk, To: noon.AddDate(0, -1, 0), Done: 10, ID: "gid://shopify/BulkOperation/1"})
		part, err := New().Export(t.Context(), says(`{"data":{"bulkOperation":{"status":"COMPLETED",`+said+`}}}`), w, cursor)
		if empty && (err != nil || part.Next != "" || part.Documents != nil || !part.Reached.Equal(w.From) || part.Total != 10) {
			t.Errorf("%s: %+v, %v", said, part, err)
		}
		if !empty && (hub.CodeOf(err) != driver.CodeUnreadable || hub.KindOf(err) != hub.KindUnavailable || !part.Reached.IsZero()) {
			t.Errorf("%s: %+v, %v", said, part, err)
		}
	}
}

// TestPieces: wherever a file is cut, each order comes out whole once, or is named to be read by its id.
func TestPieces(t *testing.T) {
	var file []byte
	const orders = 30
	for o := 1; o <= orders; o++ {
		file = fmt.Appendf(file, `{"id":"gid://shopify/Order/%d"}`+"\n", o)
		for l := range o % 4 {
			file = fmt.Appendf(file, `{"id":"gid://shopify/LineItem/%d","__parentId":"gid://shopify/Order/%d"}`+"\n", o*10+l, o)
		}
	}
	for size := 200; size < len(file)+100; size += 37 {
		whole, elsewhere := map[hub.ExternalID]int{}, map[hub.ExternalID]bool{}
		for at := 0; at < len(file); {
			end := min(at+size, len(file))
			p, err := readPiece(file[at:end], end == len(file))
			if err != nil || p.used == 0 {
				t.Fatalf("%d at %d: %v", size, at, err)
			}
			for _, r := range p.roots {
				whole[r.id] = len(r.lines)
			}
			for _, id := range p.elsewhere {
				elsewhere[id] = true
			}
			at += int(p.used)
		}
		if size > 700 && len(elsewhere) > 0 {
			t.Fatalf("pieces of %d: %d orders that fit are read by their ids", size, len(elsewhere))
		}
		for o := 1; o <= orders; o++ {
			id := hub.ExternalID(fmt.Sprint(o))
			if n, ok := whole[id]; !elsewhere[id] && (!ok || n != o%4) {
				t.Fatalf("pieces of %d: order %d has %d lines", size, o, n)
			}
		}
	}
	for _, bad := range []string{"x\n", "{}\n", `{"id":"gid://shopify/LineItem/1"}` + "\n", `[]` + "\n"} {
		if _, err := readPiece([]byte(bad), true); hub.CodeOf(err) != driver.CodeUnreadable {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := readPiece([]byte(`{"id":"gid://shopify/Order/1","note":"`), false); err == nil {
		t.Error("a line longer than a piece goes on for ever")
	}
}

func FuzzReadPiece(f *testing.F) {
	f.Add([]byte(`{"id":"gid://shopify/Order/1"}`+"\n"+`{"id":"gid://shopify/LineItem/1","__parentId":"gid://shopify/Order/1"}`+"\n"), true)
	f.Fuzz(func(t *testing.T, body []byte, last bool) {
		p, err := readPiece(body, last)
		if err != nil {
			return
		}
		if p.used < 0 || p.used > int64(len(body)) || len(body) > 0 && p.used == 0 {
			t.Fatalf("used %d of %d", p.used, len(body))
		}
		for _, r := range p.roots {
			if document, ok := r.document(); ok {
				New().explains(document)
			}
		}
	})
}

func FuzzJudge(f *testing.F) {
	f.Add(200, []byte(`{"data":{},"extensions":{"cost":{"actualQueryCost":1}}}`), "orders", "")
	f.Fuzz(func(t *testing.T, status int, body []byte, class, address string) {
		u, err := New().Judge(driver.Call{Class: driver.Class(class), URL: address}, driver.Answer{Status: status, Body: body})
		if u.Cost < 0 || u.Available < 0 || err != nil && len(err.Error()) > 200 {
			t.Fatalf("%+v %v", u, err)
		}
	})
}
