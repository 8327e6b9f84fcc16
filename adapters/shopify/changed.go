package shopify

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// overlap is how far a list by change reaches back behind the window that was asked for: the platform's index lags some
// seconds behind its orders (U), and its clock has whole seconds.
const overlap = time.Minute

// anchorAfter is how many orders are listed by one pagination; the platform ends it at 25,000. Then a new one begins at
// the time that was reached.
const anchorAfter = 20_000

// place is where a list of orders goes on.
type place struct {
	At    time.Time `json:"at"` // where the pagination began: the earliest time, or in exports the latest
	After string    `json:"after,omitempty"`
	Count int       `json:"count,omitempty"` // of orders in this pagination
}

// sortOf says by which field and sort key a window is listed. An order was placed when it was processed, which is how the order
// itself is read: created_at is when the record was made, which of imported orders is later.
func sortOf(by driver.By) (field, key string) {
	if by == driver.ByCreation {
		return "processed_at", "PROCESSED_AT"
	}
	return "updated_at", "UPDATED_AT"
}

// stamp is a time as filters write it: whole seconds, which is what the platform's times have.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// ceiling is the first whole second that is not before t.
func ceiling(t time.Time) time.Time { return t.Add(time.Second - 1).Truncate(time.Second) }

// between filters a field: from is inclusive, to exclusive.
func between(field string, from, to time.Time) string {
	return field + ":>='" + stamp(from) + "' AND " + field + ":<'" + stamp(to) + "'"
}

// Changed lists orders oldest change first, by pages of 250. A list by change begins a minute before its window.
func (*Driver) Changed(ctx context.Context, c driver.Caller, w driver.Window, cursor string) (driver.Page, error) {
	field, key := sortOf(w.By)
	p := place{At: w.From}
	if w.By == driver.ByChange {
		p.At = w.From.Add(-overlap)
	}
	if cursor != "" {
		if err := readCursor(cursor, &p); err != nil {
			return driver.Page{}, err
		}
	}
	variables := map[string]any{"first": listAtOnce, "key": key, "query": between(field, p.At, ceiling(w.To))}
	if p.After != "" {
		variables["after"] = p.After
	}
	data, answer, err := ask(ctx, c, question{name: "list", class: driver.ClassOrders, query: queries.list, variables: variables, cost: listAtOnce})
	if err != nil {
		return driver.Page{}, err
	}
	next, err := nextPage(data.Get("orders"))
	if err != nil {
		return driver.Page{}, err
	}
	var page driver.Page
	if now, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		page.AsOf = now
	}
	var last time.Time
	for v := range data.Get("orders").Get("nodes").Items() {
		seen, err := listed(v)
		if err != nil {
			return driver.Page{}, err
		}
		if last = seen.ChangedAt; w.By == driver.ByCreation {
			last = seen.PlacedAt
		}
		page.Orders = append(page.Orders, seen)
	}
	if next == "" {
		return page, nil
	}
	if next == p.After || len(page.Orders) == 0 {
		return driver.Page{}, unreadable() // it would go on for ever
	}
	p.After, p.Count = next, p.Count+len(page.Orders)
	if p.Count >= anchorAfter && last.After(p.At) {
		p = place{At: last}
	}
	page.Next = written(p)
	return page, nil
}

// listed reads an order of a list.
func listed(v strictjson.Value) (driver.Seen, error) {
	id, ok := plainID(v.Get("id"), "Order")
	s := driver.Seen{ExternalID: id, ChangedAt: instant(v.Get("updatedAt")), PlacedAt: instant(v.Get("processedAt"))}
	if s.PlacedAt.IsZero() {
		s.PlacedAt = instant(v.Get("createdAt"))
	}
	s.Cancelled = v.Get("cancelledAt").Given()
	var r strictjson.Reader
	money := v.Get("totalPriceSet").Get("shopMoney")
	if currency := r.Currency(money.Get("currencyCode")); currency != "" {
		total := r.Money(money.Get("amount"), currency)
		s.Total = &total
	}
	if !ok || s.ChangedAt.IsZero() || r.Err() != nil {
		return driver.Seen{}, unreadable()
	}
	return s, nil
}

// instant reads a time; zero where there is none that can be read.
func instant(v strictjson.Value) time.Time {
	t, err := time.Parse(time.RFC3339, v.Text())
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

func readCursor(cursor string, into any) error {
	if json.Unmarshal([]byte(cursor), into) != nil {
		return &hub.Error{Kind: hub.KindInvalid, Op: "reading a cursor of shopify orders"}
	}
	return nil
}

func written(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "" // structs of texts and numbers always encode
	}
	return string(text)
}
