package shopee

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// market is a shop's orders by the time that the list asks for.
type market struct {
	at      map[string]int64 // order number → seconds
	spans   [][2]int64
	cursors int // pages behind the first of a span
	script  *scripted
}

// newMarket answers get_order_list like the platform: 15 days at most, 100 a page, a cursor that counts.
func newMarket(t *testing.T, at map[string]int64) *market {
	m := &market{at: at}
	m.script = script(t, map[string]func(driver.Call) string{pathList: m.list, pathDetail: m.details, pathEscrows: m.escrows})
	return m
}

func (m *market) list(c driver.Call) string {
	from, _ := strconv.ParseInt(c.Query.Get("time_from"), 10, 64)
	to, _ := strconv.ParseInt(c.Query.Get("time_to"), 10, 64)
	if size := c.Query.Get("page_size"); to-from > 15*24*3600 || from >= to || size != "100" {
		return `{"error":"order.order_list_invalid_time","message":"x"}`
	}
	if m.spans = append(m.spans, [2]int64{from, to}); c.Query.Get("cursor") != "" {
		m.spans, m.cursors = m.spans[:len(m.spans)-1], m.cursors+1
	}
	var found []string
	for _, sn := range slices.Sorted(maps.Keys(m.at)) {
		if at := m.at[sn]; at >= from && at < to {
			found = append(found, sn)
		}
	}
	start, _ := strconv.Atoi(c.Query.Get("cursor"))
	end := min(start+100, len(found))
	var orders []string
	for _, sn := range found[start:end] {
		orders = append(orders, `{"order_sn":"`+sn+`","order_status":"READY_TO_SHIP"}`)
	}
	next := ""
	if end < len(found) {
		next = strconv.Itoa(end)
	}
	return fmt.Sprintf(`{"error":"","message":"","response":{"more":%v,"next_cursor":%q,"order_list":[%s]}}`, next != "", next, strings.Join(orders, ","))
}

func (m *market) details(c driver.Call) string {
	numbers := strings.Split(c.Query.Get("order_sn_list"), ",")
	if len(numbers) > 50 || !strings.Contains(c.Query.Get("response_optional_fields"), "item_list") {
		return `{"error":"error_param","message":"too many"}`
	}
	var orders []string
	for _, sn := range numbers {
		orders = append(orders, bareOrder(sn, "READY_TO_SHIP"))
	}
	return `{"error":"","response":{"order_list":[` + strings.Join(orders, ",") + `]}}`
}

// escrows knows the money of every second order, and returns of every tenth.
func (m *market) escrows(c driver.Call) string {
	var asked struct {
		List []string `json:"order_sn_list"`
	}
	if err := json.Unmarshal(c.Body, &asked); err != nil || len(asked.List) > maxEscrows {
		return `{"error":"error_param","message":"too many"}`
	}
	var found []string
	for _, sn := range asked.List {
		if number(sn[5:])%2 == 0 {
			returns := ""
			if number(sn[5:]) == 0 {
				returns = `"R` + sn + `"`
			}
			found = append(found, `{"escrow_detail":{"order_sn":"`+sn+`","return_order_sn_list":[`+returns+`],"order_income":{"buyer_total_amount":9.5,"escrow_amount":8}}}`)
		}
	}
	return `{"error":"","response":[` + strings.Join(found, ",") + `]}`
}

func bareOrder(sn, status string) string {
	return `{"order_sn":"` + sn + `","order_status":"` + status + `","currency":"SGD","update_time":1767312000,"total_amount":9.5,"item_list":[{"item_id":1,"model_id":0,"model_quantity_purchased":1,"model_original_price":9.5,"model_discounted_price":9.5}]}`
}

// TestChanged walks through 40 days with more orders than a page has, in spans of at most 15 days, and misses none.
func TestChanged(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := map[string]int64{}
	for n := range 730 {
		at[fmt.Sprintf("A%05d", n)] = begin.Add(time.Duration(n) * 40 * 24 * time.Hour / 730).Unix()
	}
	m := newMarket(t, at)
	w := driver.Window{From: begin, To: begin.AddDate(0, 0, 40)}
	seen, cursor, pages := map[hub.ExternalID]bool{}, "", 0
	for {
		page, err := New().Changed(t.Context(), m.script, w, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Orders {
			seen[o.ExternalID] = true
		}
		if want := time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC); !page.AsOf.Equal(want) {
			t.Fatalf("as of %s", page.AsOf)
		}
		pages++
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(seen) != 730 || m.cursors > 0 || pages > 16 || len(m.spans) > 32 {
		t.Errorf("%d orders, %d spans, %d pages, %d cursors", len(seen), len(m.spans), pages, m.cursors)
	}
	if got := m.script.calls[0].Query.Get("time_range_field"); got != "update_time" {
		t.Error(got)
	}
	if _, err := New().Changed(t.Context(), m.script, driver.Window{By: driver.ByCreation, From: begin, To: begin.Add(time.Millisecond)}, ""); err != nil {
		t.Errorf("a window below a second: %v", err)
	}
	if got := m.script.calls[len(m.script.calls)-1].Query.Get("time_range_field"); got != "create_time" {
		t.Error(got)
	}
	for _, cursor := range []string{"x", "1", "1:", "99999999999:", ":", strconv.FormatInt(begin.Unix(), 10) + ":" + strings.Repeat("9", maxCursor+1)} {
		if _, err := New().Changed(t.Context(), m.script, w, cursor); hub.CodeOf(err) != CodePlace {
			t.Errorf("cursor %.20q: %v", cursor, err)
		}
	}
	if page, err := New().Changed(t.Context(), m.script, driver.Window{From: begin, To: begin}, ""); err != nil || page.Next != "" || page.Orders != nil {
		t.Errorf("an empty window: %+v, %v", page, err)
	}
	t.Logf("%d orders on %d pages in %d spans", len(seen), pages, len(m.spans))
}

// TestChangedWhileOrdersChange: orders that leave the window while it is read take no other one with them.
func TestChangedWhileOrdersChange(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, many := range map[string]int{"spread": 1, "many of one second": 150} {
		at, all := map[string]int64{}, 450
		for n := range all {
			at[fmt.Sprintf("A%05d", n)] = begin.Unix() + int64(n/many*40)
		}
		m := newMarket(t, at)
		answer := m.script.answers[pathList]
		changed := 0
		m.script.answers[pathList] = func(c driver.Call) string {
			if many == 1 { // the first one listed is changed now
				delete(at, fmt.Sprintf("A%05d", changed))
				changed++
			}
			return answer(c)
		}
		w := driver.Window{From: begin, To: begin.Add(6 * time.Hour)}
		seen, cursor := map[hub.ExternalID]bool{}, ""
		for {
			page, err := New().Changed(t.Context(), m.script, w, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range page.Orders {
				seen[o.ExternalID] = true
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		for sn := range at {
			if !seen[hub.ExternalID(sn)] {
				t.Errorf("%s: %s did not change and was not listed", name, sn)
			}
		}
		if (m.cursors > 0) != (many > 100) {
			t.Errorf("%s: %d cursors", name, m.cursors)
		}
		t.Logf("%s: %d orders in %d spans, %d changed meanwhile", name, len(seen), len(m.spans), changed)
	}
}

// TestBadLists: pages that repeat, that promise more and give no cursor, or that are cut short.
func TestBadLists(t *testing.T) {
	w := driver.Window{From: time.Unix(1767225600, 0), To: time.Unix(1767312000, 0)}
	for name, c := range map[string]struct{ body, cursor, want string }{
		"repeats":         {`{"error":"","response":{"more":false,"next_cursor":"","order_list":[{"order_sn":"A"},{"order_sn":"A"}]}}`, "", ""},
		"no cursor":       {`{"error":"","response":{"more":true,"next_cursor":"","order_list":[]}}`, "", "unavailable answer_unreadable"},
		"the same cursor": {`{"error":"","response":{"more":true,"next_cursor":"20","order_list":[]}}`, "1767225600:20", "unavailable answer_unreadable"},
		"no response":     {`{"error":""}`, "", "unavailable answer_unreadable"},
		"no list":         {`{"error":"","response":{"more":false}}`, "", "unavailable answer_unreadable"},
		"a wrong number":  {`{"error":"","response":{"more":false,"order_list":[{"order_sn":"A,B"}]}}`, "", "unavailable answer_unreadable"},
		"cut short":       {`{"error":"","response":{"more":fal`, "", "unavailable answer_unreadable"},
		"failing":         {failing, "", "unavailable platform_error"},
	} {
		page, err := New().Changed(t.Context(), script(t, map[string]func(driver.Call) string{pathList: always(c.body)}), w, c.cursor)
		if got := kindAndCode(err); got != c.want || err == nil && len(page.Orders) != 1 {
			t.Errorf("%s: %q, %d orders, want %q", name, got, len(page.Orders), c.want)
		}
	}
}

// TestExport goes from the newest span to the oldest, and can go on from any cursor.
func TestExport(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := map[string]int64{}
	for n := range 310 {
		at[fmt.Sprintf("A%05d", n)] = begin.Add(time.Duration(n) * 40 * 24 * time.Hour / 310).Unix()
	}
	m := newMarket(t, at)
	w := driver.Window{By: driver.ByCreation, From: begin, To: begin.AddDate(0, 0, 40)}
	exported, cursor, last, settled, enriched := map[hub.ExternalID]bool{}, "", w.To, 0, 0
	for {
		part, err := New().Export(t.Context(), m.script, w, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range part.Documents {
			draft, err := New().Order(document)
			if err != nil {
				t.Fatal(err)
			}
			if draft.Order.Settlement != nil && !exported[draft.Order.ExternalID] {
				settled++
				if !draft.EnrichedAt.IsZero() {
					enriched++
				}
			}
			if draft.EnrichedAt.IsZero() == (draft.Lacks == nil) {
				t.Fatalf("%s is enriched %v and lacks %q", draft.Order.ExternalID, draft.EnrichedAt, draft.Lacks)
			}
			exported[draft.Order.ExternalID] = true
		}
		for sn, placed := range at {
			if !part.Reached.IsZero() && placed >= part.Reached.Unix() && !exported[hub.ExternalID(sn)] {
				t.Fatalf("reached %s without %s", part.Reached, sn)
			}
		}
		if part.Reached.After(last) {
			t.Fatalf("reached %s after %s", part.Reached, last)
		}
		if !part.Reached.IsZero() {
			last = part.Reached
		}
		if cursor = part.Next; cursor == "" {
			break
		}
	}
	if settled != 155 || enriched != 124 {
		t.Errorf("%d orders with their escrow, %d that say so", settled, enriched)
	}
	refusing := newMarket(t, at)
	refusing.script.answers[pathEscrows] = always(notFound)
	part, err := New().Export(t.Context(), refusing.script, w, "")
	if err != nil || len(part.Documents) == 0 {
		t.Errorf("without the batch: %d documents, %v", len(part.Documents), err)
	}
	for _, document := range part.Documents {
		if lacks := read(t, document).Lacks; len(lacks) != 2 {
			t.Fatalf("without the batch an order lacks %q", lacks)
		}
	}
	refusing.script.answers[pathEscrows] = always(failing)
	if _, err := New().Export(t.Context(), refusing.script, w, ""); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("with a failing batch: %v", err)
	}
	if len(exported) != 310 || !last.Equal(begin) || m.spans[0][1] != w.To.Unix() || len(m.spans) != 3 {
		t.Errorf("%d orders, reached %s, spans %v", len(exported), last, m.spans)
	}
	if _, err := New().Export(t.Context(), m.script, w, "7:9"); hub.CodeOf(err) != driver.CodeExportLost {
		t.Errorf("another window's cursor: %v", err)
	}
	t.Logf("%d orders by %d lists and %d details", len(exported), m.script.count(pathList), m.script.count(pathDetail))
}

// TestExportBegins: a window without a beginning ends where nobody sold yet, and asks for no time that the platform does not know.
func TestExportBegins(t *testing.T) {
	m := newMarket(t, map[string]int64{"A00001": 1_767_225_600})
	cursor, parts := "", 0
	for parts == 0 || cursor != "" {
		part, err := New().Export(t.Context(), m.script, driver.Window{By: driver.ByCreation, To: time.Unix(1_767_312_000, 0)}, cursor)
		if err != nil {
			t.Fatal(err)
		}
		cursor = part.Next
		if parts++; parts > 400 {
			t.Fatal("the export has no end")
		}
	}
	if first := m.spans[len(m.spans)-1][0]; first != opened {
		t.Errorf("the oldest span begins at %d", first)
	}
	t.Logf("%d parts", parts)
}

// shelf is a platform with a few orders, their escrows and returns.
func shelf(t *testing.T) *scripted {
	var whole struct {
		Order, Escrow json.RawMessage
		Returns       []json.RawMessage
	}
	if err := json.Unmarshal(file(t, "returned_part.json"), &whole); err != nil {
		t.Fatal(err)
	}
	orders := map[string]string{"260101PARTRET1": string(whole.Order), "UNPAID1": bareOrder("UNPAID1", "UNPAID"), "READY1": bareOrder("READY1", "READY_TO_SHIP")}
	escrows := map[string]string{
		"260101PARTRET1": string(whole.Escrow), "READY1": `{"order_sn":"READY1","return_order_sn_list":[],"order_income":{"buyer_total_amount":9.5,"escrow_amount":8}}`,
	}
	return script(t, map[string]func(driver.Call) string{
		pathDetail: func(c driver.Call) string {
			var found []string
			for sn := range strings.SplitSeq(c.Query.Get("order_sn_list"), ",") {
				if orders[sn] == "" {
					return notFound
				}
				found = append(found, orders[sn])
			}
			return `{"error":"","response":{"order_list":[` + strings.Join(found, ",") + `]}}`
		},
		pathEscrow: func(c driver.Call) string {
			if e := escrows[c.Query.Get("order_sn")]; e != "" {
				return `{"error":"","response":` + e + `}`
			}
			return notFound
		},
		pathEscrows: func(c driver.Call) string {
			var asked struct {
				List []string `json:"order_sn_list"`
			}
			if err := json.Unmarshal(c.Body, &asked); err != nil || len(asked.List) < 2 || len(asked.List) > maxEscrows {
				t.Errorf("batch %s", c.Body)
			}
			var found []string
			for _, sn := range asked.List {
				if e := escrows[sn]; e != "" {
					found = append(found, `{"escrow_detail":`+e+`}`)
				}
			}
			return `{"error":"","response":[` + strings.Join(found, ",") + `]}`
		},
		pathReturn: func(c driver.Call) string {
			if c.Query.Get("return_sn") == "2601010RETURN01" {
				return `{"error":"","response":` + string(whole.Returns[0]) + `}`
			}
			return notFound
		},
	})
}

// fetch reads orders that must be readable.
func fetch(t *testing.T, s *scripted, ids ...hub.ExternalID) (map[hub.ExternalID]driver.Draft, driver.Fetched) {
	t.Helper()
	got, err := New().Fetch(t.Context(), s, ids)
	if err != nil {
		t.Fatal(err)
	}
	drafts := map[hub.ExternalID]driver.Draft{}
	for _, document := range got.Documents {
		parts, err := New().Split(document)
		if err != nil || len(parts) != 1 || !bytes.Equal(parts[0], document) {
			t.Fatalf("%d parts, %v", len(parts), err)
		}
		draft := read(t, document)
		drafts[draft.Order.ExternalID] = draft
	}
	return drafts, got
}

// TestFetch: orders with everything that belongs to them, and those that are not there.
func TestFetch(t *testing.T) {
	s := shelf(t)
	drafts, got := fetch(t, s, "260101PARTRET1", "UNPAID1", "NOBODYS1", "READY1", "READY1", "no,number")
	if len(drafts) != 3 || len(got.Missing) != 2 {
		t.Fatalf("%d orders, missing %v", len(drafts), got.Missing)
	}
	whole, unpaid := drafts["260101PARTRET1"], drafts["UNPAID1"]
	if o := whole.Order; o.Totals.Refunded.Amount() != "25510" || len(o.Refunds) != 1 || o.Totals.Basis != hub.BasisPlatform || !whole.EnrichedAt.Equal(time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("refunded %s, %d refunds, enriched %s", o.Totals.Refunded, len(o.Refunds), whole.EnrichedAt)
	}
	if unpaid.Order.Totals.Basis != hub.BasisPartial || !unpaid.EnrichedAt.IsZero() {
		t.Errorf("unpaid: basis %s, enriched %s", unpaid.Order.Totals.Basis, unpaid.EnrichedAt)
	}
	want, err := New().Order(file(t, "returned_part.json"))
	if err != nil {
		t.Fatal(err)
	}
	one, _ := json.Marshal(whole.Order)
	two, _ := json.Marshal(want.Order)
	if !bytes.Equal(one, two) {
		t.Errorf("fetched %s\nwant    %s", one, two)
	}
	if n := s.count(pathEscrows); n != 1 || s.count(pathEscrow) != 0 {
		t.Errorf("%d batches and %d single escrows", n, s.count(pathEscrow))
	}
	for _, c := range s.calls {
		if !c.Repeat || c.Public || c.Class != driver.ClassOrders || strings.Contains(c.Query.Get("order_sn_list"), "no") {
			t.Errorf("%s: %+v", c.Name, c)
		}
	}
}

// TestFetchLong: an order of 3,000 lines comes whole, and says when it was read by the platform's clock alone, which may be
// minutes off ours.
func TestFetchLong(t *testing.T) {
	for _, theirs := range []string{"Sat, 03 Jan 2026 00:00:00 GMT", "Fri, 02 Jan 2026 23:55:30 GMT", "Sat, 03 Jan 2026 00:04:30 GMT"} {
		s := shelf(t)
		order := long(t, []byte(bareOrder("READY1", "READY_TO_SHIP")), 3000)
		s.answers[pathDetail] = always(`{"error":"","response":{"order_list":[` + string(order) + `]}}`)
		s.date = theirs
		drafts, _ := fetch(t, s, "READY1")
		if got := drafts["READY1"]; len(got.Order.Lines) != 3000 || got.EnrichedAt.Format(http.TimeFormat) != theirs || got.Lacks != nil {
			t.Errorf("%d lines, enriched %s by a clock at %s", len(got.Order.Lines), got.EnrichedAt, theirs)
		}
	}
}

// TestFetchNever: an escrow that the app may not see, or that an order which was cancelled before its money moved does not have,
// is not lacking: nobody fetches it again, and the order is newer than one of which it was not known.
func TestFetchNever(t *testing.T) {
	const forbidden = `{"error":"error_api_permission","message":"This app type has no permission to this API."}`
	for name, c := range map[string]struct {
		answer, status string
		lacks          bool
	}{
		"no right to escrows": {forbidden, "READY_TO_SHIP", false},
		"cancelled":           {notFound, "CANCELLED", false},
		"not yet":             {notFound, "READY_TO_SHIP", true},
	} {
		s := shelf(t)
		s.answers[pathEscrow] = always(c.answer)
		s.answers[pathDetail] = always(`{"error":"","response":{"order_list":[` + bareOrder("READY1", c.status) + `]}}`)
		drafts, got := fetch(t, s, "READY1")
		draft := drafts["READY1"]
		if lacks := len(draft.Lacks) > 0; lacks != c.lacks || draft.EnrichedAt.Equal(draft.Order.SourceUpdatedAt) == c.lacks {
			t.Errorf("%s: lacks %q, enriched %s: %s", name, draft.Lacks, draft.EnrichedAt, got.Documents[0])
		}
	}
}

// TestFetchWithout: what the platform does not have, or not for this app, is named; what passes is an error.
func TestFetchWithout(t *testing.T) {
	for name, c := range map[string]struct {
		path, answer string
		ids          []hub.ExternalID
		enriched     bool
		want         string // error, or what the order lacks
	}{
		"no batch":         {pathEscrows, `{"error":"error_param","message":"Permission denied. This API is currently offline or the request path is incorrect."}`, []hub.ExternalID{"260101PARTRET1", "READY1"}, true, ""},
		"an empty batch":   {pathEscrows, `{"error":"","response":[]}`, []hub.ExternalID{"260101PARTRET1", "READY1"}, true, ""},
		"no escrow":        {pathEscrow, notFound, []hub.ExternalID{"260101PARTRET1"}, false, "lacks escrow returns"},
		"no return":        {pathReturn, notFound, []hub.ExternalID{"260101PARTRET1"}, false, "lacks returns"},
		"another's escrow": {pathEscrow, `{"error":"","response":{"order_sn":"OTHER","order_income":{}}}`, []hub.ExternalID{"260101PARTRET1"}, false, "unavailable answer_unreadable"},
		"failing escrow":   {pathEscrow, failing, []hub.ExternalID{"260101PARTRET1"}, false, "unavailable platform_error"},
		"failing return":   {pathReturn, failing, []hub.ExternalID{"260101PARTRET1"}, false, "unavailable platform_error"},
		"failing batch":    {pathEscrows, failing, []hub.ExternalID{"260101PARTRET1", "READY1"}, false, "unavailable platform_error"},
		"failing order":    {pathDetail, failing, []hub.ExternalID{"260101PARTRET1"}, false, "unavailable platform_error"},
		"refused token":    {pathDetail, `{"error":"error_auth","message":"Invalid access_token."}`, []hub.ExternalID{"260101PARTRET1"}, false, "unauthentic token_refused"},
		"no orders":        {pathDetail, `{"error":"","response":{}}`, []hub.ExternalID{"260101PARTRET1"}, false, "unavailable answer_unreadable"},
	} {
		s := shelf(t)
		s.answers[c.path] = always(c.answer)
		if c.want != "" && !strings.HasPrefix(c.want, "lacks") {
			_, err := New().Fetch(t.Context(), s, c.ids)
			if got := kindAndCode(err); got != c.want {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
			continue
		}
		drafts, got := fetch(t, s, c.ids...)
		if named := bytes.Contains(got.Documents[0], []byte(`"partial":[`)); named == c.enriched {
			t.Errorf("%s: %s", name, got.Documents[0])
		}
		draft := drafts["260101PARTRET1"]
		if draft.EnrichedAt.IsZero() == c.enriched || len(drafts) != len(c.ids) || c.want != strings.TrimSpace("lacks "+strings.Join(draft.Lacks, " ")) && !c.enriched {
			t.Errorf("%s: %d orders, enriched %s, lacks %q", name, len(drafts), draft.EnrichedAt, draft.Lacks)
		}
		s.date = "Sat, 03 Jan 2026 00:01:00 GMT"
		if _, again := fetch(t, s, c.ids...); bytes.Equal(got.Documents[0], again.Documents[0]) {
			t.Errorf("%s: a minute later it is the same delivery", name)
		}
	}
	s := shelf(t)
	s.date = ""
	drafts, _ := fetch(t, s, "260101PARTRET1")
	if draft := drafts["260101PARTRET1"]; !draft.EnrichedAt.Equal(draft.Order.SourceUpdatedAt) {
		t.Errorf("without a clock: enriched %s", draft.EnrichedAt)
	}
	many := `"R1"` + strings.Repeat(`,"R1"`, maxReturns)
	s = shelf(t)
	s.answers[pathEscrow] = always(`{"error":"","response":{"order_sn":"READY1","return_order_sn_list":[` + many + `],"order_income":{"buyer_total_amount":9.5}}}`)
	if _, got := fetch(t, s, "READY1"); s.count(pathReturn) != 0 || !bytes.Contains(got.Documents[0], []byte(`"partial":["returns"]`)) {
		t.Errorf("%d calls for returns: %s", s.count(pathReturn), got.Documents[0])
	}
	s.answers[pathDetail] = always(`{"error":"","response":{"order_list":[]}}`)
	if got, err := New().Fetch(t.Context(), s, []hub.ExternalID{"READY1"}); err != nil || len(got.Missing) != 1 || got.Documents != nil {
		t.Errorf("an order that is left out: %+v, %v", got, err)
	}
	if _, err := New().Fetch(t.Context(), s, make([]hub.ExternalID, 51)); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("51 orders: %v", err)
	}
}
