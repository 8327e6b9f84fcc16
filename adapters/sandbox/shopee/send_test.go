package shopee

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestPushes: each step of a life is told by the codes of the documentation, in their spelling, signed over the registered
// address, a "|" and the body.
func TestPushes(t *testing.T) {
	b := open(t, Options{}, func(s *AppSpec) { s.PushKey = "push key" })
	o := b.order(t, Pay, Note, Arrange, PickUp, Deliver, Complete, ReturnOne, AcceptReturn)
	b.Advance(t.Context(), 0)
	if got, want := fmt.Sprint(b.in.codes(t)), "[3 3 3 30 4 15 3 30 3 30 3 29 3 29]"; got != want {
		t.Fatalf("codes %s, want %s", got, want)
	}
	var last string
	for i, body := range b.in.bodies {
		r := b.in.got[i]
		if got := r.Header["Authorization"]; r.URL.String() != testHook || len(got) != 1 || got[0] != testSign("push key", testHook+"|"+body) {
			t.Errorf("push %d: %s to %s", i, got, r.URL)
		}
		var push struct {
			MsgID     string      `json:"msg_id"`
			Shop      json.Number `json:"shop_id"`
			Code      int
			Timestamp int64
			Data      map[string]any
		}
		if err := json.Unmarshal([]byte(body), &push); err != nil || push.Shop.String() != b.shop || push.Timestamp == 0 || push.MsgID == "" || push.MsgID == last {
			t.Errorf("push %d: %s", i, body)
		}
		spelling := map[int]string{29: "order_sn"}[push.Code]
		if spelling == "" {
			spelling = "ordersn"
		}
		if last = push.MsgID; push.Data[spelling] != o.ID {
			t.Errorf("push %d: %s", i, body)
		}
	}
	if final := b.in.bodies[12]; !strings.Contains(final, `"status":"COMPLETED"`) || !strings.Contains(final, `"completed_scenario":"RRAOC","items":[]`) {
		t.Error(final)
	}
}

// TestWhatIsAFailure: only a 2xx with nothing in it, within three seconds, is a success. The bubble's clock makes the
// time-out exact.
func TestWhatIsAFailure(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		body, want string
	}{
		"empty": {200, "", ""}, "no content": {204, "", ""}, "OK": {200, "OK", "answered with a body"}, "JSON": {200, "{}", "answered with a body"},
		"redirect": {302, "", "answered 302 Found"}, "refused": {401, "", "answered 401 Unauthorized"}, "broken": {500, "", "answered 500 Internal Server Error"},
	} {
		b := open(t, Options{}, nil)
		b.in.status, b.in.body = c.status, c.body
		b.act(t, Create, "")
		b.Advance(t.Context(), 0)
		if got := b.Sent()[0].Last(); got.Error != c.want || got.Status != c.status {
			t.Errorf("%s: %+v", name, got)
		}
		if failure, err := b.Probe(t.Context(), testPartner); err != nil || failure != c.want || !strings.HasPrefix(b.in.bodies[1], `{"code":0,`) {
			t.Errorf("%s: the probe says %q, %v", name, failure, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		b := open(t, Options{}, nil)
		b.send = roundTrip(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
		b.act(t, Create, "")
		start := time.Now()
		b.Advance(t.Context(), 0)
		if took := time.Since(start); took != 3*time.Second || b.Sent()[0].Last().Error != "timed out" {
			t.Errorf("%q after %s", b.Sent()[0].Last().Error, took)
		}
	})
}

// TestRetriesAndLoss: four attempts with one body at +300, +1800 and +10800 s, then lost; the oldest hundred of three days
// are had until they are confirmed by the last one's number.
func TestRetriesAndLoss(t *testing.T) {
	b := open(t, Options{Unlimited: true}, func(s *AppSpec) { s.Codes = []int64{3} })
	b.in.status = http.StatusBadGateway
	for range 120 {
		b.act(t, Create, "")
	}
	b.Advance(t.Context(), 5*time.Hour)
	for i, d := range b.Sent() {
		var at []time.Duration
		for _, a := range d.Attempts {
			at = append(at, a.At.Sub(begin))
		}
		if want := []time.Duration{0, 300 * time.Second, 2100 * time.Second, 12900 * time.Second}; d.State != StateLost || !slices.Equal(at, want) {
			t.Fatalf("push %d is %s after attempts at %s", i, d.State, at)
		}
	}
	if len(b.in.bodies) != 480 || b.in.bodies[0] != b.in.bodies[120] {
		t.Errorf("%d attempts", len(b.in.bodies))
	}
	read := func() (bodies []string, last int64, more bool) {
		r := b.public(t, http.MethodGet, "push/get_lost_push_message", "")
		for _, v := range r.member(t, "response", "push_message_list").([]any) {
			lost := v.(map[string]any)
			text, isText := lost["data"].(string)
			if !isText {
				raw, err := json.Marshal(lost["data"])
				if err != nil {
					t.Fatal(err)
				}
				text = string(raw)
			}
			var push struct {
				Data struct {
					OrderSN string `json:"ordersn"`
				}
			}
			if err := json.Unmarshal([]byte(text), &push); err != nil || fmt.Sprintf("%v %v", lost["shop_id"], lost["code"]) != b.shop+" 3" {
				t.Fatalf("%v: %v", lost, err)
			}
			bodies = append(bodies, push.Data.OrderSN)
		}
		last, err := r.member(t, "response", "last_message_id").(json.Number).Int64()
		if err != nil {
			t.Fatal(err)
		}
		return bodies, last, r.member(t, "response", "has_next_page").(bool)
	}
	confirm := func(last int64) string {
		return b.public(t, http.MethodPost, "push/confirm_consumed_lost_push_message", fmt.Sprintf(`{"last_message_id":%d}`, last)).Error
	}
	first, last, more := read()
	again, _, _ := read()
	if len(first) != 100 || !more || !slices.Equal(first, again) || first[0] != b.Orders(b.shop)[0].ID {
		t.Errorf("%d lost, more %v", len(first), more)
	}
	if word := confirm(0); word != "error_param" {
		t.Error(word)
	}
	if word := confirm(last); word != "" {
		t.Error(word)
	}
	second, last, more := read()
	if len(second) != 20 || more || second[0] == first[0] {
		t.Errorf("%d behind them, more %v", len(second), more)
	}
	b.Advance(t.Context(), 3*24*time.Hour)
	if third, _, _ := read(); len(third) != 0 {
		t.Errorf("%d after three days", len(third))
	}
	if word := confirm(last); word != "" {
		t.Error(word)
	}
}

// TestHealth: above 600 attempts in six hours a success below 70 % brings one e-mail, below 30 % switches pushes off, and
// what comes then is nowhere.
func TestHealth(t *testing.T) {
	b := open(t, Options{Unlimited: true}, func(s *AppSpec) { s.Codes = []int64{3} })
	status := func() string {
		return b.public(t, http.MethodGet, "push/get_app_push_config", "").member(t, "response", "live_push_status").(string)
	}
	n := 0
	b.send = roundTrip(func(*http.Request) (*http.Response, error) {
		n++
		code := http.StatusOK
		if n > 400 {
			code = http.StatusInternalServerError
		}
		return &http.Response{StatusCode: code, Body: io.NopCloser(strings.NewReader(""))}, nil
	})
	for range 601 {
		b.act(t, Create, "")
	}
	b.Advance(t.Context(), 0)
	if got := status(); got != "Warning" || len(b.Notices()) != 1 {
		t.Errorf("%s, %d e-mails", got, len(b.Notices()))
	}
	for range 800 {
		b.act(t, Create, "")
	}
	b.Advance(t.Context(), 0)
	if got := status(); got != "Suspended" || len(b.Notices()) != 2 || n != 1334 { // 400 of 1334 is the first below 30 %
		t.Errorf("%s after %d attempts, %d e-mails", got, n, len(b.Notices()))
	}
	b.Advance(t.Context(), 10*time.Hour)
	lost := b.public(t, http.MethodGet, "push/get_lost_push_message", "").member(t, "response", "push_message_list").([]any)
	if s := b.State(); n != 1334 || len(lost) != 0 || s.Pushes[StateMissed] != 1001 {
		t.Errorf("%d attempts, %d lost, %v", n, len(lost), s.Pushes)
	}
	if err := b.ResumePush(testPartner); err != nil {
		t.Fatal(err)
	}
	b.act(t, Create, "")
	b.Advance(t.Context(), 0)
	if status() != "Normal" || n != 1335 {
		t.Errorf("%s, %d attempts", status(), n)
	}
}

// TestPushConfig: codes on and off, another address, blocked shops.
func TestPushConfig(t *testing.T) {
	b := open(t, Options{Unlimited: true}, func(s *AppSpec) { s.Codes = []int64{1, 2, 4} })
	set := func(body string) string {
		return b.public(t, http.MethodPost, "push/set_app_push_config", body).Error
	}
	b.act(t, Create, "")
	for body, want := range map[string]string{
		`{"set_push_config_on":[99]}`: "error_param", `{"callback_url":"http://hub.example.com/"}`: "error_param", `{"set_push_config_on":"3"}`: "error_param",
		`[]`: "error_param", `{"callback_url":"https://elsewhere.example.com/h","set_push_config_on":[3,30],"set_push_config_off":[4]}`: "",
	} {
		if got := set(body); got != want {
			t.Errorf("%s: %q", body, got)
		}
	}
	r := b.public(t, http.MethodGet, "push/get_app_push_config", "")
	if got := fmt.Sprintf("%v %v %v", r.member(t, "response", "push_config_on_list"), r.member(t, "response", "callback_url"), r.member(t, "response", "live_push_status")); got != "[1 2 3 30] https://elsewhere.example.com/h Normal" {
		t.Error(r.raw)
	}
	if len(b.in.bodies) != 1 || !strings.HasPrefix(b.in.bodies[0], `{"code":0,`) || b.in.got[0].Header.Get("Authorization") != testSign(testKey, "https://elsewhere.example.com/h|"+b.in.bodies[0]) {
		t.Errorf("the test push: %s", b.in.bodies)
	}
	b.in.got, b.in.bodies, b.in.status = nil, nil, http.StatusNotFound
	if r := b.public(t, http.MethodPost, "push/set_app_push_config", `{"callback_url":"https://wrong.example.com/"}`); r.Error != "error_param" || !strings.Contains(r.raw, "not 2xx") {
		t.Errorf("an address that does not answer well: %s", r.raw)
	}
	b.in.got, b.in.bodies, b.in.status = nil, nil, http.StatusOK
	o := b.act(t, Create, "")
	if got := set(`{"blocked_shop_id_list":[` + b.shop + `]}`); got != "" {
		t.Error(got)
	}
	b.act(t, Pay, o.ID)
	b.Advance(t.Context(), 0)
	if len(b.in.got) != 1 || b.in.got[0].URL.Host != "elsewhere.example.com" || b.in.codes(t)[0] != 3 {
		t.Errorf("%d pushes", len(b.in.got))
	}
}

// TestPushFaults: what each fault does, and that it is counted.
func TestPushFaults(t *testing.T) {
	for f, check := range map[Fault]func(*bench) bool{
		Drop: func(b *bench) bool {
			return len(b.in.got) == 0 && b.Sent()[0].State == StateDropped
		},
		Duplicate: func(b *bench) bool { return len(b.in.got) == 2 && b.in.bodies[0] == b.in.bodies[1] },
		Forge: func(b *bench) bool {
			good := 0
			for i, body := range b.in.bodies {
				if b.in.got[i].Header.Get("Authorization") == testSign(testKey, testHook+"|"+body) {
					good++
				}
			}
			return good == 1 && len(b.in.got) == 2
		},
		Reorder: func(b *bench) bool { at := b.Sent()[0].Last().At.Sub(begin); return at > 0 && at <= 3*time.Second },
		Delay: func(b *bench) bool {
			at := b.Sent()[0].Last().At.Sub(begin)
			return at > 3*time.Second && at <= 10*time.Minute
		},
	} {
		b := open(t, Options{}, nil)
		if err := b.FaultNext(f, 1); err != nil {
			t.Fatal(err)
		}
		b.act(t, Create, "")
		b.Advance(t.Context(), 11*time.Minute)
		if !check(b) || b.Faults()[f] != 1 {
			t.Errorf("%s: %d pushes, counted %d", f, len(b.in.got), b.Faults()[f])
		}
	}
	b := open(t, Options{}, nil)
	if b.SetFault("flood", 1) == nil || b.SetFault(Drop, 1001) == nil || b.FaultNext(Skew, 1) == nil || len(FaultNames()) != 16 {
		t.Error("a fault that is none")
	}
}

// TestSameSeed: the same calls make the same run, byte for byte; another seed makes another.
func TestSameSeed(t *testing.T) {
	run := func(seed uint64) string {
		b := open(t, Options{Seed: seed, Unlimited: true}, nil, "VN")
		for f, rate := range map[Fault]int{Drop: 50, Duplicate: 100, Delay: 100, APIError: 100, PagesRepeat: 100} {
			if err := b.SetFault(f, rate); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Trade(b.shop, 40, time.Minute, 5*time.Minute); err != nil {
			t.Fatal(err)
		}
		b.Advance(context.Background(), 3*time.Hour)
		text := strings.Join(b.in.bodies, "\n")
		for range 10 {
			text += b.get(t, "order/get_order_list", b.window("update_time", "page_size", "7")).raw
		}
		return text + fmt.Sprint(b.Orders(b.shop), b.Faults())
	}
	if one := run(5); one != run(5) || one == run(6) {
		t.Error("a run is not decided by its seed")
	}
}
