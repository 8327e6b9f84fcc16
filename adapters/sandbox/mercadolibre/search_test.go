package mercadolibre

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const everyStatus = "confirmed,payment_required,payment_in_process,partially_paid,paid,partially_refunded,pending_cancel,cancelled,invalid"

// list searches and returns the ids of one page and the total.
func (r *rig) list(pairs ...string) (ids []string, total string, page map[string]any) {
	r.t.Helper()
	q := url.Values{"seller": {r.seller}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	page = r.read("/orders/search?" + q.Encode())
	for _, o := range page["results"].([]any) {
		ids = append(ids, at(r.t, o, "id").(json.Number).String())
	}
	return ids, at(r.t, page, "paging", "total").(json.Number).String(), page
}

// traded is a seller with a life behind them.
func traded(t testing.TB, orders int) *rig {
	r := newRig(t, "MLB", func(o *Options, _ *AppSpec) { o.Unlimited = true })
	if err := r.Trade(r.seller, orders, time.Minute, time.Minute); err != nil {
		t.Fatal(err)
	}
	r.pass(time.Duration(orders)*2*time.Minute + time.Hour)
	return r
}

// TestSearchHidesCancelled: without order.status a seller's list lacks the cancelled ones; with it they are there.
func TestSearchHidesCancelled(t *testing.T) {
	r := traded(t, 40)
	cancelled := 0
	for _, o := range r.Orders(r.seller) {
		if o.Status == "cancelled" {
			cancelled++
		}
	}
	all := len(r.Orders(r.seller))
	if _, total, _ := r.list(); total != digitsOf(int64(all-cancelled)) || cancelled == 0 {
		t.Errorf("%s of %d, %d cancelled", total, all, cancelled)
	}
	if _, total, _ := r.list("order.status", everyStatus); total != digitsOf(int64(all)) {
		t.Errorf("%s of %d", total, all)
	}
	if _, total, _ := r.list("order.status", "cancelled"); total != digitsOf(int64(cancelled)) {
		t.Errorf("%s of %d", total, cancelled)
	}
}

// TestSearchIgnoresWrongNames: a filter that does not exist changes nothing, and nobody says so.
func TestSearchIgnoresWrongNames(t *testing.T) {
	r := traded(t, 30)
	_, all, _ := r.list()
	future := r.Now().Add(time.Hour).Format(time.RFC3339)
	for _, wrong := range []string{"order.last_updated.from", "date_created.from", "status", "order.date_last_update.from"} {
		if _, total, _ := r.list(wrong, future); total != all {
			t.Errorf("%s: %s of %s", wrong, total, all)
		}
	}
	for _, right := range []string{"order.date_last_updated.from", "order.date_created.from", "order.date_closed.from"} {
		if _, total, _ := r.list(right, future); total != "0" {
			t.Errorf("%s: %s", right, total)
		}
	}
	if got := r.get("/orders/search?seller=" + r.seller + "&order.date_created.from=yesterday"); got.status != http.StatusBadRequest {
		t.Errorf("no date: %d", got.status)
	}
	if _, total, _ := r.list("tags", "no_such_tag"); total != "0" {
		t.Errorf("tags: %s", total)
	}
	if _, total, _ := r.list("tags.not", "no_such_tag"); total != all {
		t.Errorf("tags.not: %s", total)
	}
	r.refused("no seller", r.get("/orders/search"), 400, "bad_request")
	r.refused("mediations", r.get("/orders/search?seller="+r.seller+"&mediations.stage=claim"), 400, "bad_request")
}

// TestSearchPages: 50 at most, by the day of closing in both directions, whole, and no further than the ceiling.
func TestSearchPages(t *testing.T) {
	r := traded(t, 130)
	var ids []string
	for {
		page, total, _ := r.list("order.status", everyStatus, "offset", digitsOf(int64(len(ids))))
		if len(page) > 50 || len(page) == 0 {
			t.Fatalf("%d on a page", len(page))
		}
		if ids = append(ids, page...); digitsOf(int64(len(ids))) == total {
			break
		}
	}
	made := len(r.Orders(r.seller))
	closing := func(id string) time.Time {
		var o *order
		for _, each := range r.ledger.orders {
			if digitsOf(each.id) == id {
				o = each
			}
		}
		if o.closed.IsZero() {
			return o.created
		}
		return o.closed
	}
	if !slices.IsSortedFunc(ids, func(a, b string) int { return closing(a).Compare(closing(b)) }) {
		t.Error("the list is not in the order of closing")
	}
	back, _, _ := r.list("order.status", everyStatus, "sort", "date_desc")
	if back[0] != ids[len(ids)-1] {
		t.Error("date_desc does not begin at the end")
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != made {
		t.Errorf("%d of %d", len(ids), made)
	}
	r.refused("limit", r.get("/orders/search?seller="+r.seller+"&limit=51"), 400, "invalid_paging")
	r.refused("ceiling", r.get("/orders/search?seller="+r.seller+"&offset=9951&limit=50"), 400, "invalid_paging")
}

// TestSearchTimes: the larger of last_updated and date_last_updated is the version, in one of several spellings.
func TestSearchTimes(t *testing.T) {
	r := traded(t, 60)
	spelt, behind := map[string]int{}, 0
	_, _, page := r.list("order.status", everyStatus)
	for _, o := range page["results"].([]any) {
		text := at(t, o, "date_last_updated").(string)
		spelt[strings.TrimLeft(text[19:], ".0123456789")]++
		one, err := time.Parse(time.RFC3339, text)
		other, failed := time.Parse(time.RFC3339, at(t, o, "last_updated").(string))
		if err != nil || failed != nil || other.After(one) {
			t.Errorf("%v %v", err, failed)
		}
		if other.Before(one) {
			behind++
		}
		want := r.ledger.orders[must(t, at(t, o, "id"))]
		if !one.Equal(want.updated) {
			t.Errorf("%s, want %s", one, want.updated)
		}
	}
	if spelt["Z"] == 0 || spelt["+00:00"] == 0 || behind == 0 {
		t.Errorf("%v, %d behind", spelt, behind)
	}
}

func must(t testing.TB, v any) int64 {
	t.Helper()
	n, err := v.(json.Number).Int64()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSearchForgets: a search goes back twelve months; an order that is older is still there by its id.
func TestSearchForgets(t *testing.T) {
	r := newRig(t, "MLB", nil)
	old := r.do(0, Create)
	r.pass(366 * 24 * time.Hour)
	made, err := r.Install(testApp, r.seller)
	if err != nil {
		t.Fatal(err)
	}
	r.token = made.Access
	if ids, _, _ := r.list(); len(ids) != 0 {
		t.Errorf("%v", ids)
	}
	r.read("/orders/" + digitsOf(old.ID))
}
