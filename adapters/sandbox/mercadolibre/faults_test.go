package mercadolibre

import (
	"context"
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
)

// lived is a seller who has traded for a while under faults.
func lived(t testing.TB, seed uint64, orders int, rates map[Fault]int) *rig {
	r := newRig(t, "MLB", func(o *Options, _ *AppSpec) { o.Seed, o.Unlimited = seed, true })
	newRigOf(t, r)
	for f, rate := range rates {
		if err := r.SetFault(f, rate); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Trade(r.seller, orders, time.Minute, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	r.pass(24 * time.Hour)
	made, err := r.Install(testApp, r.seller)
	if err != nil {
		t.Fatal(err)
	}
	r.token = made.Access
	return r
}

// TestOneSeedOneRun: the same calls with the same seed give the same notifications and answers, byte for byte.
func TestOneSeedOneRun(t *testing.T) {
	rates := map[Fault]int{Duplicate: 100, Reorder: 200, Delay: 50, Drop: 50, Forge: 20, APIHalf: 300, APIError: 100}
	run := func(seed uint64) (all, gist []string) {
		r := lived(t, seed, 30, rates)
		for _, body := range r.in.got {
			all = append(all, string(body))
		}
		for _, o := range r.Orders(r.seller) {
			a := r.get("/orders/" + digitsOf(o.ID))
			all, gist = append(all, fmt.Sprint(a.status, string(a.body), o)), append(gist, o.Total+o.Shipment) // ids differ in any case
		}
		return all, gist
	}
	a, one := run(7)
	b, _ := run(7)
	other, another := run(8)
	if !slices.Equal(a, b) || slices.Equal(one, another) || len(a) < 100 {
		t.Errorf("%d, %d and %d notifications and answers", len(a), len(b), len(other))
	}
	t.Logf("%d notifications and answers of 30 baskets, twice the same", len(a))
}

// TestFaultsAreCounted: what was received differs from what was told by exactly what the counters say, and what was told is
// the same as without faults.
func TestFaultsAreCounted(t *testing.T) {
	calm := lived(t, 5, 40, nil)
	if len(calm.Faults()) != 0 || len(calm.in.got) != len(calm.Sent()) {
		t.Fatalf("without faults: %v, %d received", calm.Faults(), len(calm.in.got))
	}
	r := lived(t, 5, 40, map[Fault]int{Duplicate: 80, Drop: 60, Forge: 40, Delay: 100, Reorder: 100})
	n := r.Faults()
	if want := len(calm.in.got) - n[Drop] + n[Duplicate] + n[Forge]; len(r.in.got) != want {
		t.Errorf("%d received, want %d of %d told: %v", len(r.in.got), want, len(calm.in.got), n)
	}
	for _, f := range []Fault{Duplicate, Drop, Forge, Delay, Reorder} {
		if n[f] == 0 {
			t.Errorf("%s was never played", f)
		}
	}
	played := map[Fault]int{}
	for _, s := range r.Sent() {
		for _, f := range s.Faults {
			played[f]++
		}
	}
	if played[Forge] != n[Forge] || played[Drop] != n[Drop] {
		t.Errorf("%v, counted %v", played, n)
	}
	t.Logf("%d told, %d received, %v", len(calm.in.got), len(r.in.got), n)
}

// TestForgeries: they are for a user who sells nothing here, or about what the user does not own.
func TestForgeries(t *testing.T) {
	r := lived(t, 3, 60, map[Fault]int{Forge: 200})
	strangers, foreign := 0, 0
	for _, s := range r.Sent() {
		if !slices.Contains(s.Faults, Forge) {
			continue
		}
		if r.Platform.seller(s.Account) == nil {
			strangers++
			continue
		}
		id, err := strconv.ParseInt(strings.TrimPrefix(s.Resource, "/orders/"), 10, 64)
		if o := r.ledger.orders[id]; err != nil || o != nil && o.seller.account() == s.Account {
			t.Errorf("%s is no forgery", s.Resource)
		}
		foreign++
	}
	if strangers == 0 || foreign == 0 || strangers+foreign != r.Faults()[Forge] {
		t.Errorf("%d strangers, %d foreign, %v", strangers, foreign, r.Faults())
	}
}

// TestHalfAnAnswer: a 206 says what it lacks, and lacks it; asked again, it is whole.
func TestHalfAnAnswer(t *testing.T) {
	r := newRig(t, "MLB", nil)
	o := r.sold(nil)
	lacked := map[string]bool{}
	for range 60 {
		if err := r.FaultNext(APIHalf, 1); err != nil {
			t.Fatal(err)
		}
		a := r.get("/orders/" + digitsOf(o.id))
		got := decoded[map[string]any](t, a.body)
		parts := strings.Split(a.header.Get("X-Content-Missing"), ",")
		if a.status != http.StatusPartialContent || parts[0] == "" {
			t.Fatalf("%d %v", a.status, a.header)
		}
		for _, part := range parts {
			lacked[part] = true
			if v, there := got[part]; there && (part != "shipping" || at(t, v, "id") != nil) {
				t.Errorf("%s is there", part)
			}
		}
		if got["total_amount"] == nil || got["status"] != "paid" {
			t.Errorf("%v", got)
		}
	}
	if len(lacked) != 5 || r.Faults()[APIHalf] != 60 {
		t.Errorf("%v", lacked)
	}
	if whole := r.read("/orders/" + digitsOf(o.id)); whole["buyer"] == nil || whole["shipping"] == nil {
		t.Errorf("%v", whole)
	}
}

// TestBrokenAnswers: errors, throttling, cut and slow answers, each once by a script.
func TestBrokenAnswers(t *testing.T) {
	waited := time.Duration(0)
	r := newRig(t, "MLB", func(o *Options, _ *AppSpec) {
		o.Wait = func(_ context.Context, d time.Duration) { waited += d }
	})
	id := digitsOf(r.do(0, Create).ID)
	one := func(f Fault) answer {
		t.Helper()
		if err := r.FaultNext(f, 1); err != nil {
			t.Fatal(err)
		}
		return r.get("/orders/" + id)
	}
	if a := one(APIError); a.status < 500 {
		t.Errorf("%d", a.status)
	}
	throttled := one(APIThrottle)
	r.refused("throttled", throttled, 429, "local_rate_limited")
	if throttled.header.Get("Retry-After") != "" {
		t.Error("a Retry-After, which is not documented")
	}
	whole := r.get("/orders/" + id)
	if a := one(APICut); a.status != 200 || a.header.Get("Content-Length") != strconv.Itoa(len(whole.body)) || len(a.body) != len(whole.body)/2 {
		t.Errorf("%d %s %d", a.status, a.header.Get("Content-Length"), len(a.body))
	}
	if a := one(APISlow); a.status != 200 || waited < 4*time.Second || waited > 30*time.Second {
		t.Errorf("%d after %s", a.status, waited)
	}
	want := map[Fault]int{APIError: 1, APIThrottle: 1, APICut: 1, APISlow: 1}
	if got := r.Faults(); !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
	for _, wrong := range []error{r.SetFault("none", 1), r.SetFault(Drop, 1001), r.FaultNext(Drop, -1), r.SetFault(ClockSkew, 1)} {
		if hub.KindOf(wrong) != hub.KindInvalid {
			t.Errorf("%v", wrong)
		}
	}
}

// TestTokenEndpointBreaks: half, twice and late answers have spent the token; a 520 from the front has not.
func TestTokenEndpointBreaks(t *testing.T) {
	for fault, spent := range map[Fault]bool{TokenHalf: true, TokenTwice: true, TokenLate: true, Token520: false} {
		waited := time.Duration(0)
		r := newRig(t, "MLB", func(o *Options, _ *AppSpec) {
			o.Wait = func(_ context.Context, d time.Duration) { waited += d }
		})
		first := r.exchange(r.answers(wanted(), "allow", "owner").Get("code"))
		if err := r.FaultNext(fault, 1); err != nil {
			t.Fatal(err)
		}
		a := r.refresh(first.Refresh)
		whole := json.Valid(a.body)
		if whole != (fault == TokenLate) || (a.status == 520) != (fault == Token520) || (waited > 0) != (fault == TokenLate) {
			t.Errorf("%s: %d %s after %s", fault, a.status, a.body, waited)
		}
		if again := r.refresh(first.Refresh); (again.status != http.StatusOK) != spent {
			t.Errorf("%s: afterwards %d", fault, again.status)
		}
		if r.Faults()[fault] != 1 {
			t.Errorf("%v", r.Faults())
		}
	}
}

// TestTokenFaultsWaitForAPair: what happens to a pair does not happen to a refusal, which makes none.
func TestTokenFaultsWaitForAPair(t *testing.T) {
	r := newRig(t, "MLB", func(o *Options, _ *AppSpec) { o.Wait = func(context.Context, time.Duration) {} })
	for _, f := range []Fault{TokenHalf, TokenTwice, TokenLate} {
		if err := r.FaultNext(f, 1); err != nil {
			t.Fatal(err)
		}
	}
	if a := r.refresh("TG-wrong"); a.status != http.StatusBadRequest || len(r.Faults()) != 0 {
		t.Errorf("%d, %v", a.status, r.Faults())
	}
}

// TestPagesShift: a page may begin before or behind where it should; the total does not tell.
func TestPagesShift(t *testing.T) {
	r := traded(t, 130)
	straight, _, _ := r.list("offset", "20", "limit", "20")
	for f, behind := range map[Fault]bool{PagesRepeat: false, PagesSkip: true} {
		if err := r.FaultNext(f, 1); err != nil {
			t.Fatal(err)
		}
		got, _, page := r.list("offset", "20", "limit", "20")
		where := slices.Index(straight, got[0])
		if behind && where <= 0 || !behind && where != -1 || at(t, page, "paging", "offset").(json.Number) != "20" {
			t.Errorf("%s: it begins at %d", f, where)
		}
		if first, _, _ := r.list("limit", "20"); slices.Contains(first, straight[0]) {
			t.Error("the first page is shifted")
		}
	}
	if n := r.Faults(); n[PagesRepeat] != 1 || n[PagesSkip] != 1 {
		t.Errorf("%v", n)
	}
}

// TestLag: a list may miss what changed in the last five seconds.
func TestLag(t *testing.T) {
	r := newRig(t, "MLB", nil)
	r.do(0, Create)
	for _, want := range []string{"0", "1"} { // at once, and six seconds later
		if err := r.FaultNext(APILag, 1); err != nil {
			t.Fatal(err)
		}
		if _, total, _ := r.list(); total != want {
			t.Errorf("with lag: %s, want %s", total, want)
		}
		if _, total, _ := r.list(); total != "1" {
			t.Errorf("without lag: %s", total)
		}
		r.pass(6 * time.Second)
	}
}

// TestSkew: a clock that is off shows in the Date, in notifications and in orders, and tokens live as long as ever.
func TestSkew(t *testing.T) {
	r := newRig(t, "MLB", nil)
	r.Skew(-7 * time.Minute)
	o := r.do(0, Create)
	r.pass(0)
	date, err := http.ParseTime(r.get("/users/me").header.Get("Date"))
	if err != nil || !date.Equal(begin.Add(-7*time.Minute)) || !o.Updated.Equal(date) {
		t.Errorf("%s %s %v", date, o.Updated, err)
	}
	if sent := decoded[map[string]any](t, r.in.got[0])["sent"]; sent != begin.Add(-7*time.Minute).Format(noteTime) {
		t.Errorf("%s", sent)
	}
	r.Skew(-20 * time.Minute)
	if again := r.do(o.ID, Note); again.Updated.Before(o.Updated) {
		t.Error("an order went back in time")
	}
	r.pass(6*time.Hour - time.Second)
	if !r.alive(r.token) || r.Faults()[ClockSkew] != 2 {
		t.Error("tokens follow the wrong clock")
	}
}

// TestBudget: a hundred seconds' worth of the hourly budget at once, then an even stream; each app has its own.
func TestBudget(t *testing.T) {
	r := newRig(t, "MLB", nil)
	passed := func() (n int) {
		for n < 1000 && r.get("/users/me").status == http.StatusOK {
			n++
		}
		return n
	}
	if n := passed(); n != 500 {
		t.Errorf("%d at once", n)
	}
	r.pass(10 * time.Second)
	if n := passed(); n != 50 {
		t.Errorf("%d after ten seconds", n)
	}
	r.pass(time.Hour)
	if n := passed(); n != 500 {
		t.Errorf("%d after an hour", n)
	}
	other := spec()
	other.ClientID = "77"
	if _, err := r.AddApp(other); err != nil {
		t.Fatal(err)
	}
	made, err := r.Install("77", r.seller)
	if err != nil || !r.alive(made.Access) {
		t.Error("one app spends another's budget")
	}
	all := 0
	for range 600 { // ten minutes of seconds, asked as fast as it goes
		r.pass(time.Second)
		if all += passed(); all > 10_000 {
			break
		}
	}
	if all != 3000 {
		t.Errorf("%d in ten minutes", all)
	}
}

// TestStanding: who is blocked is 403, who is gone 451; what is no token of here is told apart.
func TestStanding(t *testing.T) {
	r := newRig(t, "MLB", nil)
	for standing, want := range map[Standing]int{Blocked: 403, Gone: 451, Active: 200} {
		if err := r.SetStanding(r.seller, standing); err != nil {
			t.Fatal(err)
		}
		if a := r.get("/users/me"); a.status != want {
			t.Errorf("%s: %d", standing, a.status)
		}
	}
	r.refused("none", r.visit(http.MethodGet, "/users/me", nil), 401, "unauthorized")
	r.refused("in the query", r.visit(http.MethodGet, "/users/me?access_token="+r.token, nil), 401, "unauthorized")
	r.refused("malformed", r.visit(http.MethodGet, "/users/me", nil, "Authorization", "Bearer abc"), 400, "bad_request")
	r.refused("unknown", r.visit(http.MethodGet, "/users/me", nil, "Authorization", "Bearer APP_USR-1-2-3-4"), 401, "invalid_token")
	write := newRig(t, "MLB", func(_ *Options, s *AppSpec) { s.Scopes = []string{"write"} })
	write.refused("no scope", write.get("/users/me"), 403, "Invalid scopes")
}
