package mercadolibre

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestNotification: it is thin, unsigned, says who it is for, and is told once for each change of the order and its payment.
func TestNotification(t *testing.T) {
	r := newRig(t, "MLB", nil)
	o := r.do(0, Create)
	r.do(o.ID, Pay)
	r.pass(time.Minute)
	topics := map[string]int{}
	for i, body := range r.in.got {
		note := decoded[map[string]any](t, body)
		topics[note["topic"].(string)]++
		if user, ok := note["user_id"].(json.Number); ok && user.String() != r.seller || note["application_id"].(json.Number).String() != testApp {
			t.Errorf("%s", body)
		}
		if note["attempts"].(json.Number) != "1" || !strings.HasSuffix(note["sent"].(string), "Z") || len(body) > 400 {
			t.Errorf("%s", body)
		}
		for name := range r.in.header[i] {
			if strings.HasPrefix(name, "X-") || name == "Authorization" {
				t.Errorf("a notification has the header %s", name)
			}
		}
	}
	if topics["orders_v2"] < 3 || topics["payments"] != 1 || r.State().Deliveries[StateDelivered] != len(r.in.got) {
		t.Errorf("%v, %v", topics, r.State().Deliveries)
	}
}

// TestNotificationsWobble: over many of them, every way of writing one that was seen comes up.
func TestNotificationsWobble(t *testing.T) {
	r := newRig(t, "MLB", nil)
	if err := r.Trade(r.seller, 120, time.Minute, time.Minute); err != nil {
		t.Fatal(err)
	}
	r.pass(6 * time.Hour)
	count := map[string]int{}
	for _, body := range r.in.got {
		note := decoded[map[string]any](t, body)
		resource := note["resource"].(string)
		for name, there := range map[string]bool{
			"user as text": isText(note["user_id"]), "no _id": note["_id"] == nil && note["id"] == nil, "id": note["id"] != nil,
			"actions": note["actions"] != nil, "no slash": resource[0] != '/', "no received": note["received"] == nil,
			"prefix": strings.Contains(resource, "post-purchase/v1/claims/"), note["topic"].(string): true,
		} {
			if there {
				count[name]++
			}
		}
	}
	t.Log(len(r.in.got), count)
	for _, name := range append([]string{"user as text", "no _id", "id", "actions", "no slash", "no received", "prefix"}, Topics()...) {
		if count[name] == 0 || count[name] == len(r.in.got) {
			t.Errorf("%s: %d of %d", name, count[name], len(r.in.got))
		}
	}
}

// TestRetries: eight attempts in an hour at growing gaps, each counted in the body; anything but 200 is a failure.
func TestRetries(t *testing.T) {
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusNoContent, http.StatusFound, 0} {
		r := newRig(t, "MLB", func(_ *Options, s *AppSpec) { s.Topics = []string{"orders_v2"} })
		r.in.status = status
		if status == 0 {
			r.in.err = errors.New("nobody there")
		}
		r.do(0, Create)
		r.pass(59 * time.Minute)
		if n := len(r.in.got); n != 7 {
			t.Errorf("%d: %d attempts in 59 minutes", status, n)
		}
		r.pass(time.Minute)
		r.pass(time.Hour)
		sent := r.Sent()[0]
		if len(sent.Attempts) != 8 || sent.State != StateFailed || sent.Last().Error == "" || r.State().Missed != 1 {
			t.Fatalf("%d: %d attempts, %s", status, len(sent.Attempts), sent.State)
		}
		last := time.Duration(0)
		for i := range sent.Attempts[1:] {
			gap := sent.Attempts[i+1].At.Sub(sent.Attempts[i].At)
			if gap <= last {
				t.Errorf("gap %d is %s after %s", i, gap, last)
			}
			last = gap
		}
		for i, body := range r.in.got {
			if n := decoded[map[string]any](t, body)["attempts"].(json.Number); n != number(digitsOf(int64(i+1))) {
				t.Errorf("attempt %d says %s", i+1, n)
			}
		}
	}
}

// slow answers after a while, unless it is given up.
type slow struct{ after time.Duration }

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(s.after):
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(""))}, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// TestHalfASecond: an answer after 499 ms counts, one after 501 ms does not.
func TestHalfASecond(t *testing.T) {
	for after, state := range map[time.Duration]string{499 * time.Millisecond: StateDelivered, 501 * time.Millisecond: StatePending} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "MLB", nil)
			r.Platform.send = slow{after}
			r.do(0, Create)
			r.pass(0)
			if got := r.Sent()[0]; got.State != state || (got.Last().Error == "timed out") != (state == StatePending) {
				t.Errorf("%s: %s %v", after, got.State, got.Attempts)
			}
		})
	}
}

// TestMissedFeeds: what failed eight times is kept for two days, in pages, the newest first, with what was sent.
func TestMissedFeeds(t *testing.T) {
	r := newRig(t, "MLB", func(_ *Options, s *AppSpec) { s.Topics = []string{"orders_v2", "orders_feedback"} })
	r.in.status = http.StatusInternalServerError
	o := r.do(0, Create)
	for range 14 {
		r.pass(time.Second)
		r.do(o.ID, Note)
	}
	r.pass(2 * time.Hour)
	messages := func(query string) []any { return r.read("/missed_feeds?app_id=" + testApp + query)["messages"].([]any) }
	first, rest := messages(""), messages("&offset=10&limit=50")
	if len(first) != 10 || len(rest) != 19 || len(messages("&topic=orders_feedback&limit=100")) != 14 {
		t.Fatalf("%d and %d", len(first), len(rest))
	}
	item := first[0].(map[string]any)
	if at(t, item, "attempts").(json.Number) != "8" || at(t, item, "response", "http_code").(json.Number) != "500" ||
		!strings.Contains(at(t, item, "request", "data").(string), `"attempts":8`) || item["resource"] == nil {
		t.Errorf("%v", item)
	}
	if rest[18].(map[string]any)["resource"] != "/orders/"+digitsOf(o.ID) {
		t.Errorf("%v", rest[18])
	}
	r.refused("another app", r.get("/missed_feeds?app_id=7"), 403, "access_denied")
	r.refused("no app", r.get("/missed_feeds"), 403, "access_denied")
	r.refused("no number", r.get("/missed_feeds?app_id="+testApp+"&limit=x"), 400, "bad_request")
	r.pass(46 * time.Hour)
	made, err := r.Install(testApp, r.seller)
	if err != nil {
		t.Fatal(err)
	}
	r.token = made.Access
	if n := len(messages("&limit=100")); n != 29 {
		t.Errorf("%d after a bit less than two days", n)
	}
	r.pass(2 * time.Hour)
	if n := len(messages("")); n != 0 {
		t.Errorf("%d after two days", n)
	}
}

// TestSwitchedOff: a topic whose notifications are all lost is switched off. What happens then is never told, and nobody
// hears of it until somebody switches it on again.
func TestSwitchedOff(t *testing.T) {
	r := newRig(t, "MLB", func(_ *Options, s *AppSpec) { s.SwitchOffAfter = 3 })
	r.in.status = http.StatusInternalServerError
	o := r.do(0, Create)
	r.do(o.ID, Note) // two lost of orders_v2, one of orders_feedback
	r.pass(time.Hour)
	r.do(o.ID, Note)
	r.pass(time.Hour)
	state := r.State()
	if !slices.Equal(state.Apps[0].Off, []string{"orders_v2"}) || len(state.Notices) != 1 {
		t.Fatalf("%+v", state)
	}
	r.in.status = http.StatusOK
	before := len(r.Sent())
	r.do(o.ID, Pay)
	r.pass(time.Minute)
	for _, s := range r.Sent()[before:] {
		if s.Topic == "orders_v2" {
			t.Errorf("told while it was off: %s", s.Resource)
		}
	}
	if got := r.read("/applications/" + testApp)["notifications_topics"].([]any); slices.Contains(got, any("orders_v2")) || len(got) != 4 {
		t.Errorf("%v", got)
	}
	if err := r.SwitchOn(testApp, "orders_v2"); err != nil {
		t.Fatal(err)
	}
	before = len(r.Sent())
	r.do(o.ID, Note)
	r.pass(time.Minute)
	if sent := r.Sent(); sent[len(sent)-1].Topic != "orders_v2" || len(sent) != before+2 || sent[len(sent)-1].State != StateDelivered {
		t.Errorf("%+v", sent[before:])
	}
}

// TestOneGoodAnswerKeepsATopic: failures count in a row only.
func TestOneGoodAnswerKeepsATopic(t *testing.T) {
	r := newRig(t, "MLB", func(_ *Options, s *AppSpec) { s.SwitchOffAfter = 2 })
	o := r.do(0, Create)
	r.pass(0)
	for range 3 {
		r.in.status = http.StatusInternalServerError
		r.do(o.ID, Note)
		r.pass(time.Hour)
		r.in.status = http.StatusOK
		r.do(o.ID, Note)
		r.pass(time.Hour)
	}
	if s := r.State(); len(s.Apps[0].Off) != 0 || s.Missed != 6 {
		t.Errorf("%v off, %d missed", s.Apps[0].Off, s.Missed)
	}
}

// TestRun: on a given clock what falls due is done when it does, at the clock's speed.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t, "MLB", func(o *Options, _ *AppSpec) { o.Clock, o.Start, o.Speed = time.Now, time.Time{}, 60 })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }()
		if err := r.Trade(r.seller, 10, time.Minute, time.Minute); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		cancel()
		<-done
		if passed := r.Now().Sub(start); passed < time.Hour || passed > time.Hour+time.Minute || len(r.Orders(r.seller)) < 10 {
			t.Errorf("%s passed, %d orders", passed, len(r.Orders(r.seller)))
		}
		if s := r.State().Deliveries; s[StateDelivered] < 30 || s[StatePending] > 0 {
			t.Errorf("%v", s)
		}
	})
}
