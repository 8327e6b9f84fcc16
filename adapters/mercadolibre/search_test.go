package mercadolibre

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// sale is an order of the search below.
type sale struct {
	id                       int64
	created, closed, updated time.Time
	status                   string
}

// market is a search as it is documented: filters by name, cancelled orders only when asked for, sorted by the day of
// closing, at most 50 of them and none beyond an offset of 10,000.
type market struct {
	*script
	sales  []sale
	before func(n int) // each answer, from 0
	n      int
}

func newMarket(t *testing.T) *market {
	m := &market{script: newScript(t)}
	m.answer["/orders/search"] = m.search
	return m
}

func (m *market) search(a asked) driver.Answer {
	if m.before != nil {
		m.before(m.n)
	}
	m.n++
	if a.query.Get("seller") != account {
		return reply(400, `{"message":"Invalid seller","error":"bad_request"}`)
	}
	var found []sale
	for _, s := range m.sales {
		statuses := a.query.Get("order.status")
		if statuses == "" && s.status == "cancelled" || statuses != "" && !slices.Contains(strings.Split(statuses, ","), s.status) {
			continue
		}
		if in(a, "order.date_created", s.created) && in(a, "order.date_last_updated", s.updated) {
			found = append(found, s)
		}
	}
	slices.SortStableFunc(found, func(a, b sale) int { return a.closed.Compare(b.closed) })
	if a.query.Get("sort") == "date_desc" {
		slices.Reverse(found)
	}
	offset, _ := strconv.Atoi(a.query.Get("offset"))
	limit, _ := strconv.Atoi(a.query.Get("limit"))
	if limit > 50 || offset+limit > 10_050 {
		return reply(400, `{"message":"Param not valid"}`)
	}
	var results []string
	for _, s := range found[min(offset, len(found)):min(offset+limit, len(found))] {
		results = append(results, fmt.Sprintf(`{"id":%d,"status":%q,"date_created":%q,"last_updated":%q,"date_last_updated":%q,"currency_id":"BRL","order_items":[]}`,
			s.id, s.status, s.created.Format("2006-01-02T15:04:05.000-07:00"), s.updated.Add(-time.Hour).Format("2006-01-02T15:04:05.000-07:00"), s.updated.UTC().Format("2006-01-02T15:04:05.000Z")))
	}
	return reply(200, fmt.Sprintf(`{"query":"","results":[%s],"sort":{"id":"date_asc"},"filters":[],"paging":{"total":%d,"offset":%d,"limit":%d}}`, strings.Join(results, ","), len(found), offset, limit))
}

// in reads both ends of a filter, of which the platform takes the hour only.
func in(a asked, field string, t time.Time) bool {
	from, to := a.query.Get(field+".from"), a.query.Get(field+".to")
	if from == "" && to == "" {
		return true
	}
	f, err1 := time.Parse(time.RFC3339, from)
	e, err2 := time.Parse(time.RFC3339, to)
	return err1 == nil && err2 == nil && !t.Before(f.Truncate(time.Hour)) && !t.After(e)
}

var march = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// fill makes sales in a number of days; some closed long after they were made, some are cancelled.
func (m *market) fill(n, days int, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	for i := range n {
		created := march.Add(time.Duration(random.Int64N(int64(days) * int64(24*time.Hour)))).Truncate(time.Millisecond)
		s := sale{id: int64(2000010000000000 + i), created: created, closed: created.Add(time.Duration(random.Int64N(int64(72 * time.Hour)))), status: "paid"}
		s.updated = s.closed.Add(time.Duration(random.Int64N(int64(24 * time.Hour)))).Truncate(time.Millisecond)
		if i%7 == 0 {
			s.status = "cancelled"
		}
		m.sales = append(m.sales, s)
	}
}

// changed turns the pages of a window and returns how often each order was seen.
func (m *market) changed(t *testing.T, w driver.Window) (seen map[hub.ExternalID]driver.Seen, pages int) {
	t.Helper()
	seen = map[hub.ExternalID]driver.Seen{}
	for cursor := ""; ; pages++ {
		page, err := m.d.Changed(t.Context(), m, w, cursor)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Orders) > pageOrders || page.AsOf.IsZero() || page.Next != "" && page.Next == cursor {
			t.Fatalf("%d orders as of %v, next %q", len(page.Orders), page.AsOf, page.Next)
		}
		for _, s := range page.Orders {
			seen[s.ExternalID] = s
		}
		if cursor = page.Next; cursor == "" {
			return seen, pages + 1
		}
	}
}

// TestCreatedInTheHour: the platform knows whole hours only; a window by creation has its own orders and no others.
func TestCreatedInTheHour(t *testing.T) {
	m := newMarket(t)
	for id, minute := range map[int64]int{1: 4, 2: 5, 3: 26, 4: 27, 5: 59} {
		at := march.Add(12*time.Hour + time.Duration(minute)*time.Minute)
		m.sales = append(m.sales, sale{id: id, created: at, closed: at, updated: at, status: "paid"})
	}
	from, to := march.Add(12*time.Hour+5*time.Minute), march.Add(12*time.Hour+27*time.Minute)
	for by, want := range map[driver.By]int{driver.ByCreation: 2, driver.ByChange: 5} {
		if seen, _ := m.changed(t, driver.Window{By: by, From: from, To: to}); len(seen) != want {
			t.Errorf("by %v: %d orders of 22 minutes, want %d", by, len(seen), want)
		}
	}
}

// TestChanged finds every order of a window, the cancelled ones too, in lists short enough.
func TestChanged(t *testing.T) {
	for name, w := range map[string]driver.Window{
		"changed":     {By: driver.ByChange, From: march.Add(36*time.Hour + 17*time.Minute), To: march.Add(100*time.Hour + 3*time.Second)},
		"placed":      {By: driver.ByCreation, From: march, To: march.Add(240 * time.Hour)},
		"a minute":    {By: driver.ByChange, From: march.Add(50*time.Hour + time.Minute), To: march.Add(50*time.Hour + 2*time.Minute)},
		"nothing yet": {By: driver.ByChange, From: march.Add(-100 * time.Hour), To: march.Add(-time.Hour)},
		"no time":     {By: driver.ByChange, From: march.Add(50 * time.Hour), To: march.Add(50 * time.Hour)},
	} {
		m := newMarket(t)
		m.fill(1500, 10, 3)
		last := march.Add(100*time.Hour + time.Second) // after the last whole hour of one of the windows
		m.sales = append(m.sales, sale{id: 2000020000000001, created: last, closed: last, updated: last, status: "paid"})
		seen, pages := m.changed(t, w)
		want := 0
		for _, s := range m.sales {
			at := s.updated
			if w.By == driver.ByCreation {
				at = s.created
			}
			if at.Before(w.From) || !at.Before(w.To) {
				continue
			}
			want++
			got, ok := seen[hub.ExternalID(strconv.FormatInt(s.id, 10))]
			if !ok || !got.ChangedAt.Equal(s.updated) || !got.PlacedAt.Equal(s.created) || got.Cancelled != (s.status == "cancelled") || got.Total != nil {
				t.Fatalf("%s: %+v of %+v", name, got, s)
			}
		}
		for _, c := range m.calls {
			if c.query.Get("order.last_updated.from") != "" || c.query.Get("order.status") == "" {
				t.Fatalf("%s: asked %v", name, c.query)
			}
		}
		t.Logf("%s: %d orders of %d, in %d pages of %d calls, %d seen", name, want, len(m.sales), pages, len(m.calls), len(seen))
	}
}

// TestChangedMoves: orders that change while the list is read are seen at the latest by the pass after.
func TestChangedMoves(t *testing.T) {
	runs, moved, rounds := 0, 0, uint64(4)
	if os.Getenv("HUB_DRILL") != "" {
		rounds = 100
	}
	for seed := range rounds {
		m := newMarket(t)
		m.fill(400, 1, seed)
		end := march.Add(10 * 24 * time.Hour)
		random := rand.New(rand.NewPCG(seed, 2))
		m.before = func(n int) {
			if n > 0 && n < 12 {
				s := &m.sales[random.IntN(len(m.sales))]
				s.updated = march.Add(9*24*time.Hour + time.Duration(n)*time.Minute)
				moved++
			}
		}
		w := driver.Window{By: driver.ByChange, From: march, To: end}
		seen, _ := m.changed(t, w)
		for range 2 {
			again, _ := m.changed(t, w)
			for id, s := range again {
				seen[id] = s
			}
		}
		if len(seen) != len(m.sales) {
			t.Errorf("seed %d: %d of %d orders", seed, len(seen), len(m.sales))
		}
		runs++
	}
	t.Logf("%d runs, %d changes while the list was read, no order missed", runs, moved)
}

// TestChangedLeave: orders that change leave the window while its pages are read, a few between two of them; those that did not
// change are all seen in one pass.
func TestChangedLeave(t *testing.T) {
	left := 0
	for seed := range uint64(4) {
		m := newMarket(t)
		m.fill(400, 1, seed)
		random := rand.New(rand.NewPCG(seed, 2))
		w := driver.Window{By: driver.ByChange, From: march, To: march.Add(10 * 24 * time.Hour)}
		m.before = func(n int) {
			for range min(n, 1) * random.IntN(again+1) {
				m.sales[random.IntN(len(m.sales))].updated = w.To.Add(time.Hour)
				left++
			}
		}
		seen, _ := m.changed(t, w)
		for _, s := range m.sales {
			if _, listed := seen[hub.ExternalID(strconv.FormatInt(s.id, 10))]; !listed && s.updated.Before(w.To) {
				t.Errorf("seed %d: %d did not change and was not listed", seed, s.id)
			}
		}
	}
	t.Logf("%d orders left while the list was read", left)
}

// TestChangedRefuses what it cannot be sure of.
func TestChangedRefuses(t *testing.T) {
	w := driver.Window{From: march, To: march.Add(time.Hour)}
	m := newMarket(t)
	for _, cursor := range []string{"x", "1.2", "1.2.3.4", "1.2.3.4.5", "1.2.3.99.5.6", "1.2.3.-1.5.6", "1.2.3.1.x.6", "1.2.3.1.5.6.7", "5.1.0", "1.2.-1", "1.2.99999", "1.2.0x", "9999999999999999999.1.1"} {
		if _, err := m.d.Changed(t.Context(), m, w, cursor); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("cursor %q: %v", cursor, err)
		}
		if _, err := m.d.Export(t.Context(), m, w, cursor); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("export cursor %q: %v", cursor, err)
		}
	}
	for name, c := range map[string]struct {
		body string
		kind hub.Kind
		code hub.Code
	}{
		"cut":              {`{"results":[{"id":1`, hub.KindUnavailable, driver.CodeUnreadable},
		"no results":       {`{"paging":{"total":0}}`, hub.KindUnavailable, driver.CodeUnreadable},
		"no paging":        {`{"results":[]}`, hub.KindUnavailable, driver.CodeUnreadable},
		"a missing page":   {`{"results":[],"paging":{"total":9}}`, hub.KindUnavailable, driver.CodeUnreadable},
		"an order without": {`{"results":[{"id":1}],"paging":{"total":1}}`, hub.KindUnavailable, driver.CodeUnreadable},
		"carts":            {`{"results":[{"id":1,"orders":[{"id":2}]}],"paging":{"total":1}}`, hub.KindUnavailable, driver.CodeUnreadable},
		"too many":         {`{"results":[{"id":1,"last_updated":"2026-03-01T00:00:00Z"}],"paging":{"total":10001}}`, hub.KindPermanent, CodeWindow},
	} {
		m.says("/orders/search", 200, c.body)
		if _, err := m.d.Changed(t.Context(), m, w, ""); hub.KindOf(err) != c.kind || hub.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := m.d.Export(t.Context(), m, w, ""); hub.KindOf(err) != c.kind || hub.CodeOf(err) != c.code {
			t.Errorf("export %s: %v", name, err)
		}
	}
}

// TestExport reads every order once, newest hours first, and can go on in another process after each part.
func TestExport(t *testing.T) {
	m := newMarket(t)
	m.fill(700, 8, 5)
	base := file(t, "no_shipping.json")
	for _, s := range m.sales {
		id := strconv.FormatInt(s.id, 10)
		m.says("/orders/"+id, 200, string(edited(t, base, "id", id)))
	}
	delete(m.answer, "/orders/"+strconv.FormatInt(m.sales[0].id, 10)) // gone in between
	w := driver.Window{By: driver.ByCreation, From: march.Add(24*time.Hour + time.Minute), To: march.Add(9 * 24 * time.Hour)}
	want, placed := 0, map[hub.ExternalID]time.Time{}
	for _, s := range m.sales[1:] {
		placed[hub.ExternalID(strconv.FormatInt(s.id, 10))] = s.created
		if !s.created.Before(w.From) {
			want++
		}
	}
	seen, total, parts := map[hub.ExternalID]bool{}, 0, 0
	reached, cursor := w.To, ""
	for {
		part, err := New().Export(t.Context(), m, w, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range part.Documents {
			seen[read(t, document).Order.ExternalID] = true
		}
		parts, total = parts+1, max(total, part.Total)
		if !part.Reached.IsZero() {
			if part.Reached.After(reached) {
				t.Fatalf("reached %v after %v", part.Reached, reached)
			}
			reached = part.Reached
			for id, at := range placed {
				if !at.Before(reached) && !seen[id] {
					t.Fatalf("reached %v without an order of %v", reached, at)
				}
			}
		}
		if part.Next == cursor {
			t.Fatal("the export stands still")
		}
		if cursor = part.Next; cursor == "" {
			break
		}
	}
	found := 0
	for id, at := range placed {
		if !at.Before(w.From) && seen[id] {
			found++
		}
	}
	if found != want || reached.After(w.From) || total < want {
		t.Errorf("%d of %d orders, reached %v, %d announced", found, want, reached, total)
	}
	t.Logf("%d orders in %d parts, %d announced", found, parts, total)
}

// TestExportSettles: pages that repeat, or leave out, and orders that close while the list is read hide no order from an
// export. What it costs more is lists, and the orders of those that were not the same twice.
func TestExportSettles(t *testing.T) {
	rounds, runs, faults, calls := uint64(4), 0, 0, 0
	if os.Getenv("HUB_DRILL") != "" {
		rounds = 100
	}
	base := file(t, "no_shipping.json")
	for seed := range rounds {
		m := newMarket(t)
		m.fill(120, 1, seed)
		for _, s := range m.sales {
			id := strconv.FormatInt(s.id, 10)
			m.says("/orders/"+id, 200, string(edited(t, base, "id", id)))
		}
		random := rand.New(rand.NewPCG(seed, 3))
		m.before = func(n int) {
			if n < 15 { // some order closes later than it said
				m.sales[random.IntN(len(m.sales))].closed = march.Add(30*24*time.Hour + time.Duration(n)*time.Minute)
			}
		}
		m.answer["/orders/search"] = func(a asked) driver.Answer {
			offset, _ := strconv.Atoi(a.query.Get("offset"))
			if moved := []int{-10, 3, 0, 0}[random.IntN(4)]; m.n < 25 && offset > 0 && moved != 0 {
				faults++
				a.query.Set("offset", strconv.Itoa(offset+moved))
			}
			return m.search(a)
		}
		w := driver.Window{By: driver.ByCreation, From: march, To: march.Add(24 * time.Hour)}
		seen, cursor, refused := map[hub.ExternalID]bool{}, "", 0
		for {
			part, err := m.d.Export(t.Context(), m, w, cursor)
			if hub.CodeOf(err) == driver.CodeUnreadable && refused < 50 {
				refused++ // the queue asks again, from the same place
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, document := range part.Documents {
				seen[read(t, document).Order.ExternalID] = true
			}
			if cursor = part.Next; cursor == "" {
				break
			}
		}
		if len(seen) != len(m.sales) {
			t.Errorf("seed %d: %d of %d orders", seed, len(seen), len(m.sales))
		}
		runs, calls = runs+1, calls+m.n
	}
	t.Logf("%d runs, %d pages that repeat or leave out, %d lists, no order missed", runs, faults, calls)
}

// TestLost tells lost notifications again, without what the platform recorded of the hub's address and answer.
func TestLost(t *testing.T) {
	s := newScript(t)
	entry := func(n int, topic string, app string) string {
		return fmt.Sprintf(`{"_id":"m%d","resource":"/orders/%d","user_id":"500001","topic":%q,"application_id":%s,"attempts":8,"sent":"2026-03-01T13:00:%02d.000Z","received":"2026-03-01T13:00:%02d.000Z",
			"request":{"url":"https://hub.example.test/hooks/secret-path","headers":{},"data":"{}"},"response":{"http_code":503,"body":"secret"}}`, n, n, topic, app, 59-n%60, 59-n%60)
	}
	var all []string
	for n := range 73 {
		all = append(all, entry(n+1, "orders_v2", appID))
	}
	all[5] = entry(6, "orders_v2", "1")
	all[6] = `{"topic":"orders_v2"}`
	s.answer["/missed_feeds"] = func(a asked) driver.Answer {
		offset, _ := strconv.Atoi(a.query.Get("offset"))
		limit, _ := strconv.Atoi(a.query.Get("limit"))
		if a.query.Get("app_id") != appID || limit == 0 {
			return reply(400, "{}")
		}
		limit = min(limit, 20) // as few as it likes
		return reply(200, `{"messages":[`+strings.Join(all[min(offset, len(all)):min(offset+limit, len(all))], ",")+`]}`)
	}
	told, cursor, pages := 0, "", 0
	for {
		page, err := s.d.Lost(t.Context(), s, testApp(), cursor)
		if err != nil || page.Receipt != "" {
			t.Fatal(page.Receipt, err)
		}
		last := time.Time{}
		for _, m := range page.Deliveries {
			if strings.Contains(string(m.Body), "secret") || m.Notice.Unproven || m.Notice.TriggeredAt.Before(last) || m.Account != account {
				t.Errorf("%+v %s", m.Notice, m.Body)
			}
			last = m.Notice.TriggeredAt
			n, err := s.d.Verify(driver.Signed{Body: m.Body, ClientID: appID})
			if n.Unproven = false; err != nil || n != m.Notice {
				t.Errorf("told again as %+v, %v", n, err)
			}
			got, err := s.d.Read(driver.Delivery{Notice: m.Notice, Account: m.Account, Body: m.Body})
			if err != nil || len(got.Hints) != 1 {
				t.Errorf("%+v, %v", got, err)
			}
			told++
		}
		if pages++; page.Next == "" {
			break
		}
		cursor = page.Next
	}
	if told != 71 || pages != 5 {
		t.Errorf("%d told in %d pages", told, pages)
	}
	for name, body := range map[string]string{"cut": `{"messages":[`, "no list": `{}`, "a list": `[]`} {
		s.says("/missed_feeds", 200, body)
		if _, err := s.d.Lost(t.Context(), s, testApp(), ""); hub.CodeOf(err) != driver.CodeUnreadable {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.d.Lost(t.Context(), s, testApp(), "x"); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("a cursor of nobody: %v", err)
	}
	if err := s.d.Confirm(t.Context(), s, ""); err != nil || len(s.calls) != 8 {
		t.Errorf("%v, %d calls", err, len(s.calls))
	}
}

// TestRecordedMissedFeeds reads the recorded page.
func TestRecordedMissedFeeds(t *testing.T) {
	s := newScript(t)
	s.says("/missed_feeds", 200, string(recorded(t, "missed_feeds_page.json")))
	app := testApp()
	app.ClientID = "3486171129139063"
	page, err := s.d.Lost(t.Context(), s, app, "")
	if err != nil || len(page.Deliveries) != 2 {
		t.Fatalf("%+v, %v", page, err)
	}
	var first struct{ Resource, Topic, Request string }
	if err := json.Unmarshal(page.Deliveries[0].Body, &first); err != nil || first.Topic != "items" || first.Request != "" {
		t.Errorf("%s, %v", page.Deliveries[0].Body, err)
	}
}
