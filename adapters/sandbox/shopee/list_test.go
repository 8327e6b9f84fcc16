package shopee

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"
)

// TestList: each order once by either time, the newest first, in pages of any size, through the cursor that was told.
func TestList(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil)
	if err := b.Trade(b.shop, 230, time.Minute, 10*time.Minute); err != nil {
		t.Fatal(err)
	}
	b.Advance(t.Context(), 12*time.Hour)
	b.install(t, b.shop)
	want := map[string]OrderState{}
	for _, o := range b.Orders(b.shop) {
		want[o.ID] = o
	}
	for _, field := range []string{"create_time", "update_time"} {
		for size, pages := range map[string]int{"100": 3, "1": 230, "7": 33} {
			got, n := b.list(t, b.window(field, "page_size", size))
			at := func(sn string) time.Time {
				if field == "create_time" {
					return want[sn].Placed
				}
				return want[sn].Updated
			}
			if len(got) != 230 || n != pages || !slices.IsSortedFunc(got, func(x, y string) int { return at(y).Compare(at(x)) }) {
				t.Errorf("%s by %s: %d orders on %d pages", field, size, len(got), n)
			}
			if slices.Sort(got); len(slices.Compact(got)) != 230 {
				t.Errorf("%s by %s: an order came twice", field, size)
			}
		}
	}
	for _, status := range filters() {
		got, _ := b.list(t, b.window("update_time", "order_status", status))
		n := 0
		for _, o := range want {
			if o.Status == status {
				n++
			}
		}
		if len(got) != n {
			t.Errorf("%s: %d of %d", status, len(got), n)
		}
	}
	t.Logf("%d orders", len(want))
}

// TestListEnds: the begin of a window is in it and its end is not.
func TestListEnds(t *testing.T) {
	b := open(t, Options{}, nil)
	o := b.act(t, Create, "")
	at := o.Updated.Unix()
	for span, want := range map[[2]int64]int{{at, at + 1}: 1, {at - 1, at}: 0, {at + 1, at + 2}: 0, {at - 5, at + 5}: 1} {
		q := b.window("update_time", "time_from", fmt.Sprint(span[0]), "time_to", fmt.Sprint(span[1]))
		if got, _ := b.list(t, q); len(got) != want {
			t.Errorf("%d to %d: %d orders", span[0]-at, span[1]-at, len(got))
		}
	}
}

// TestListMoves: an order that changes leaves its place. When its new place is outside of the window, those behind it move up,
// and the one that moves onto the page before is on neither; when it is at the top of the window, one is on both.
func TestListMoves(t *testing.T) {
	b := open(t, Options{}, nil)
	var numbers []string
	for range 30 {
		b.Advance(t.Context(), time.Minute)
		numbers = append(numbers, b.act(t, Create, "").ID)
	}
	b.Advance(t.Context(), time.Minute)
	q := b.window("update_time", "page_size", "10", "response_optional_fields", "order_status", "time_from", fmt.Sprint(begin.Unix()), "time_to", fmt.Sprint(b.Now().Unix()))
	first := b.get(t, "order/get_order_list", q)
	if first.member(t, "response", "order_list", 0, "order_status") != "UNPAID" {
		t.Error(first.raw)
	}
	behind := func() []string {
		q.Set("cursor", first.member(t, "response", "next_cursor").(string))
		rest, _ := b.list(t, q)
		slices.Reverse(rest)
		return rest
	}
	if rest := behind(); !slices.Equal(rest, numbers[:20]) {
		t.Errorf("%d orders behind the first page, want 20", len(rest))
	}
	b.act(t, Pay, numbers[12]) // not told yet
	if rest, want := behind(), slices.Delete(slices.Clone(numbers[:20]), 12, 13); !slices.Equal(rest, want) {
		t.Errorf("%d orders behind the first page, want %d", len(rest), len(want))
	}
	b.act(t, Pay, numbers[25]) // told, and gone from the window
	if rest, want := behind(), slices.Delete(slices.Clone(numbers[:19]), 12, 13); !slices.Equal(rest, want) {
		t.Errorf("%d orders behind the first page, want %d", len(rest), len(want))
	}
	b.Advance(t.Context(), time.Minute)
	q.Set("time_to", fmt.Sprint(b.Now().Unix()))
	if rest := behind(); !slices.Equal(rest[len(rest)-2:], numbers[19:21]) { // the second was on the first page
		t.Errorf("the next page begins with %q", rest[len(rest)-2:])
	}
	all, _ := b.list(t, b.window("update_time"))
	if all[0] != numbers[25] || all[1] != numbers[12] || len(all) != 30 {
		t.Errorf("%q first of %d", all[:2], len(all))
	}
}

// TestPagesSkip: the page behind a skip lacks exactly the order that it should begin with, also when its neighbours changed.
func TestPagesSkip(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil)
	var numbers []string
	for range 30 {
		b.Advance(t.Context(), time.Minute)
		numbers = append(numbers, b.act(t, Create, "").ID)
		for range 3 { // whose places are stale
			b.act(t, Note, numbers[len(numbers)-1])
		}
	}
	b.Advance(t.Context(), time.Minute)
	if err := b.FaultNext(PagesSkip, 1); err != nil {
		t.Fatal(err)
	}
	got, _ := b.list(t, b.window("update_time", "page_size", "10"))
	slices.Reverse(numbers)
	if want := slices.Delete(slices.Clone(numbers), 10, 11); !slices.Equal(got, want) || b.Faults()[PagesSkip] != 1 {
		t.Errorf("%d orders of %d, %v", len(got), len(numbers), b.Faults())
	}
}

// TestPendingInLists: who does not ask for PENDING finds such orders among those that are ready, as the orders themselves say.
func TestPendingInLists(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil)
	o := b.act(t, Create, "")
	b.act(t, Pay, o.ID)
	b.act(t, Hold, o.ID)
	b.Advance(t.Context(), time.Minute)
	for asked, want := range map[string]int{"": 1, "true": 0} {
		if got, _ := b.list(t, b.window("update_time", "order_status", "READY_TO_SHIP", "request_order_status_pending", asked)); len(got) != want {
			t.Errorf("pending %q: %d orders are ready", asked, len(got))
		}
	}
}

// TestHistoryIsSwept: thousands of changes leave each order once in the list, under its latest time.
func TestHistoryIsSwept(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil)
	var numbers []string
	for range 20 {
		numbers = append(numbers, b.act(t, Create, "").ID)
	}
	for i := range 4000 {
		b.Advance(t.Context(), time.Second)
		b.act(t, Note, numbers[i%20])
	}
	q := b.window("update_time", "page_size", "7")
	got, pages := b.list(t, q)
	slices.Reverse(got)
	if kept := len(b.listed[0].changes.entries); !slices.Equal(got, numbers) || pages != 3 || kept > 2100 {
		t.Errorf("%d orders on %d pages, of %d entries", len(got), pages, kept)
	}
}

// TestBadQuestions: what the reference does not allow is refused.
func TestBadQuestions(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil)
	now := b.Now().Unix()
	for name, c := range map[string]struct{ edit, want string }{
		"15 days":                    {"time_from=" + fmt.Sprint(now-15*86400) + "&time_to=" + fmt.Sprint(now), ""},
		"a second more":              {"time_from=" + fmt.Sprint(now-15*86400-1) + "&time_to=" + fmt.Sprint(now), "order.order_list_invalid_time"},
		"backwards":                  {"time_from=" + fmt.Sprint(now) + "&time_to=" + fmt.Sprint(now-1), "order.order_list_invalid_time"},
		"no begin":                   {"time_from=", "error_param"},
		"a page of 101":              {"page_size=101", "error_param"},
		"a page of none":             {"page_size=0", "error_param"},
		"no page":                    {"page_size=", "error_param"},
		"another time":               {"time_range_field=pay_time", "error_param"},
		"a cursor of words":          {"cursor=abc", "error_param"},
		"a filter that is no filter": {"order_status=TO_RETURN", "error_param"},
		"a field that is none":       {"response_optional_fields=buyer", "error_param"},
	} {
		q := b.window("update_time")
		edit, err := url.ParseQuery(c.edit)
		if err != nil {
			t.Fatal(err)
		}
		for name := range edit {
			q.Set(name, edit.Get(name))
		}
		if r := b.get(t, "order/get_order_list", q); r.Error != c.want {
			t.Errorf("%s: %q", name, r.Error)
		}
	}
}

// TestPageFaults: pages that repeat or skip do so by a few orders and still end; a list that lags misses the newest.
func TestPageFaults(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil)
	for range 40 {
		b.act(t, Create, "")
		b.Advance(t.Context(), time.Second)
	}
	q := func() url.Values { return b.window("create_time", "page_size", "10") }
	if err := b.SetFault(PagesRepeat, 1000); err != nil {
		t.Fatal(err)
	}
	got, pages := b.list(t, q())
	if slices.Sort(got); len(got) <= 40 || len(slices.Compact(got)) != 40 {
		t.Errorf("repeating: %d of %d on %d pages", len(slices.Compact(got)), len(got), pages)
	}
	repeated := b.Faults()[PagesRepeat]
	if err := b.SetFault(PagesRepeat, 0); err != nil {
		t.Fatal(err)
	}
	if err := b.FaultNext(PagesSkip, 2); err != nil {
		t.Fatal(err)
	}
	if got, _ = b.list(t, q()); len(got) != 38 {
		t.Errorf("skipping: %d", len(got))
	}
	if err := b.FaultNext(APILag, 1); err != nil {
		t.Fatal(err)
	}
	b.act(t, Create, "")
	if got, _ = b.list(t, b.window("create_time")); len(got) != 36 { // the newest and the four of the last five seconds
		t.Errorf("lagging: %d", len(got))
	}
	if got, _ = b.list(t, b.window("create_time")); len(got) != 41 {
		t.Errorf("then: %d", len(got))
	}
	if f := b.Faults(); f[PagesSkip] != 2 || f[APILag] != 1 || repeated < 3 {
		t.Errorf("%v, repeated %d", f, repeated)
	}
}
