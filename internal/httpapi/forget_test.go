package httpapi

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// forgetting is cycles and hubs in memory. A cycle with more kills than are approved is refused.
type forgetting struct {
	current  forget.Cycle
	pending  forget.Pending
	hubs     []forget.Hub
	waitsFor []string
	unusual  bool
	idle     bool // nothing is pending
	actor    hub.Actor
	err      error
}

func newForgetting() *forgetting {
	return &forgetting{pending: forget.Pending{Kills: 3, Subjects: 200, Dirty: []gdpr.Slot{1, 2}}}
}

func (f *forgetting) Run(ctx context.Context, approve int64) (forget.Cycle, error) {
	f.actor = hub.ActorOf(ctx)
	if f.idle {
		return forget.Cycle{}, nil
	}
	if f.unusual && approve < f.pending.Kills {
		return forget.Cycle{}, &hub.Error{Kind: hub.KindConflict, Code: "approval_needed", Op: "forgetting"}
	}
	f.current = forget.Cycle{
		Number: f.current.Number + 1, Phase: forget.PhaseSealed, From: 1, To: 2, Kills: f.pending.Kills, Weeks: 1, Slots: 2, Rows: 40,
		BeganAt: testTime, WaitsFor: f.waitsFor,
	}
	if len(f.waitsFor) == 0 {
		f.current.Phase, f.current.EndedAt = forget.PhaseDone, testTime.Add(1500*time.Millisecond)
		f.current.Receipt = gdpr.Receipt{Generation: 1, GoneAt: testTime, Method: "overwritten and removed", SameVolume: true}
	}
	return f.current, f.err
}

func (f *forgetting) Pending(context.Context) (forget.Pending, error) { return f.pending, f.err }
func (f *forgetting) Current(context.Context) (forget.Cycle, error)   { return f.current, f.err }
func (f *forgetting) Hubs(context.Context) ([]forget.Hub, error)      { return slices.Clone(f.hubs), f.err }
func (f *forgetting) RemoveHub(ctx context.Context, instance string) error {
	f.actor = hub.ActorOf(ctx)
	i := slices.IndexFunc(f.hubs, func(h forget.Hub) bool { return h.Instance == instance })
	if i < 0 {
		return &hub.Error{Kind: hub.KindNotFound, Op: "removing hub"}
	}
	f.hubs = slices.Delete(f.hubs, i, i+1)
	return nil
}

func TestForgetCycle(t *testing.T) {
	l := newLab(t)
	first := l.want(l.do("GET", "/v1/forget-cycles", l.operator, ""), 200, "")
	if first.Body.String() != `{"pending":{"kills":3,"slots":2,"subjects":200}}`+"\n" {
		t.Errorf("before the first: %s", first.Body)
	}
	for _, body := range []string{"", "{}", `{"approve":0}`, `{"approve":3}`} {
		got := l.want(l.do("POST", "/v1/forget-cycles", l.operator, body), 200, "")
		want := `"phase":"done","from_generation":1,"to_generation":2,"kills":3,"weeks":1,"slots":2,"rows":40,` +
			`"began_at":"2026-03-01T12:00:00Z","ended_at":"2026-03-01T12:00:01.5Z","duration_ms":1500,"waits_for":[],` +
			`"receipt":{"generation":1,"gone_at":"2026-03-01T12:00:00Z","method":"overwritten and removed","same_volume":true}}`
		if !strings.HasSuffix(got.Body.String(), want+"\n") {
			t.Errorf("%q: %s", body, got.Body)
		}
		if shown := l.do("GET", "/v1/forget-cycles", l.operator, ""); !strings.Contains(shown.Body.String(), `{"current":`+strings.TrimSpace(got.Body.String())+`,"pending"`) {
			t.Errorf("shown %s", shown.Body)
		}
	}
	for _, body := range []string{`{"approve":-1}`, `{"approve":"3"}`, `{"approve":1.5}`, `{"Approve":3}`, `{"approve":3,"n":1}`} {
		l.want(l.do("POST", "/v1/forget-cycles", l.operator, body), 422, "request_invalid")
	}
}

// A cycle that waits says for whom, and claims neither an end nor a receipt.
func TestForgetCycleWaits(t *testing.T) {
	l := newLab(t)
	l.forget.waitsFor = []string{"ins_1", "ins_2"}
	got := l.want(l.do("POST", "/v1/forget-cycles", l.operator, "{}"), 200, "")
	if fmt.Sprint(got.body["waits_for"]) != "[ins_1 ins_2]" || got.body["phase"] != "sealed" || got.body["receipt"] != nil || got.body["ended_at"] != nil || got.body["duration_ms"] != nil {
		t.Error(got.Body)
	}
}

func TestNothingToForget(t *testing.T) {
	l := newLab(t)
	l.forget.idle = true
	got := l.want(l.do("POST", "/v1/forget-cycles", l.operator, "{}"), 200, "")
	if want := `{"number":0,"phase":"none","from_generation":0,"to_generation":0,"kills":0,"weeks":0,"slots":0,"rows":0,"waits_for":[]}`; got.Body.String() != want+"\n" {
		t.Error(got.Body)
	}
}

// Whoever approves sees how many there are.
func TestForgetCycleNeedsApproval(t *testing.T) {
	l := newLab(t)
	l.forget.unusual = true
	for _, body := range []string{"{}", `{"approve":2}`} {
		got := l.want(l.do("POST", "/v1/forget-cycles", l.operator, body), 409, "approval_needed")
		if fmt.Sprint(got.body["approval"]) != "map[kills:3 subjects:200]" || got.body["detail"] != texts["approval_needed"] {
			t.Errorf("%s: %s", body, got.Body)
		}
	}
	l.want(l.do("POST", "/v1/forget-cycles", l.operator, `{"approve":3}`), 200, "")
	l.forget.err = &hub.Error{Kind: hub.KindUnavailable, Code: "vault_stale"}
	for _, method := range []string{"GET", "POST"} {
		l.want(l.do(method, "/v1/forget-cycles", l.operator, ""), 503, "vault_stale")
	}
	l.want(l.do("GET", "/v1/hubs", l.operator, ""), 503, "vault_stale")
	l.forget.err = &hub.Error{Kind: hub.KindConflict, Code: "cycle_held"}
	l.want(l.do("POST", "/v1/forget-cycles", l.operator, ""), 409, "cycle_held")
}

func TestHubs(t *testing.T) {
	l := newLab(t)
	for _, n := range []int{3, 1, 2} {
		l.forget.hubs = append(l.forget.hubs, forget.Hub{Instance: fmt.Sprint("ins_", n), Generation: n, SeenAt: testTime.Add(-time.Hour)})
	}
	var seen []string
	for target := "/v1/hubs?limit=2"; target != ""; {
		got := l.want(l.do("GET", target, l.operator, ""), 200, "")
		for _, row := range got.body["data"].([]any) {
			h := row.(map[string]any)
			seen = append(seen, fmt.Sprint(h["instance"], h["generation"]))
		}
		target, _, _ = strings.Cut(strings.TrimPrefix(got.Header().Get("Link"), "<"), ">")
	}
	if fmt.Sprint(seen) != "[ins_11 ins_22 ins_33]" {
		t.Errorf("listed %v", seen)
	}
	l.forget.hubs[2].SeenAt = testTime.Add(-2 * time.Minute)
	l.want(l.do("DELETE", "/v1/hubs/"+l.forget.hubs[2].Instance, l.operator, ""), 409, "hub_alive")
	l.forget.hubs[2].SeenAt = testTime.Add(-3 * time.Minute)
	l.want(l.do("DELETE", "/v1/hubs/ins_2", l.operator, ""), 204, "")
	if l.forget.actor.Role != "operator" || len(l.forget.hubs) != 2 {
		t.Errorf("%+v, %d hubs", l.forget.actor, len(l.forget.hubs))
	}
	for _, path := range []string{"/v1/hubs/ins_2", "/v1/hubs/x", "/v1/hubs/%20"} {
		l.want(l.do("DELETE", path, l.operator, ""), 404, "hub_not_found")
	}
	if texts["hub_not_found"] == "" {
		t.Error("hub_not_found has no text")
	}
}

func TestOrderRetention(t *testing.T) {
	l := newLab(t)
	for body, want := range map[string]float64{`{"name":"a"}`: 730, `{"name":"b","order_retention_days":0}`: 730, `{"name":"c","order_retention_days":1}`: 1, `{"name":"d","order_retention_days":3650}`: 3650} {
		if got := l.want(l.do("POST", "/v1/tenants", l.operator, body), 201, ""); got.body["order_retention_days"] != want {
			t.Errorf("%s: %s", body, got.Body)
		}
	}
	for _, days := range []string{"-1", "3651", "1.5", `"30"`} {
		l.want(l.do("POST", "/v1/tenants", l.operator, `{"name":"e","order_retention_days":`+days+`}`), 422, "request_invalid")
	}
	listed := map[any]any{}
	for _, row := range l.do("GET", "/v1/tenants", l.operator, "").body["data"].([]any) {
		listed[row.(map[string]any)["name"]] = row.(map[string]any)["order_retention_days"]
	}
	if fmt.Sprint(listed) != "map[Loja Azul:730 Tienda Roja:730 a:730 b:730 c:1 d:3650]" {
		t.Errorf("listed %v", listed)
	}
}
