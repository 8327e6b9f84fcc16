package shopee

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// answerLimit is how long an answer may take, connecting included (guide 18).
const answerLimit = 3 * time.Second

// pauses are those before the three retries, each counted from the attempt before it (U); then a push is lost.
var pauses = [...]time.Duration{300 * time.Second, 1800 * time.Second, 10800 * time.Second}

// The states of a push.
const (
	StatePending   = "pending"
	StateDelivered = "delivered"
	StateLost      = "lost"    // after the last retry: get_lost_push_message has it for three days
	StateDropped   = "dropped" // by a fault
	StateMissed    = "missed"  // pushes are off: it cannot be had any more
)

// Sent is a push with what became of it.
type Sent struct {
	Number   int
	Shop     string // "" for what concerns the app
	App      string // partner id
	Code     int64
	OrderSN  string
	URI      string // as configured when it was triggered; it is part of what is signed
	Body     []byte
	Sign     string // of the latest attempt
	State    string
	Next     time.Time // of the next attempt, while pending
	Attempts []Attempt
	Faults   []Fault // that were played on it

	app    *App
	shop   *store
	forged bool
}

// Attempt is one try to deliver.
type Attempt struct {
	At     time.Time `json:"at"`
	Status int       `json:"status"` // 0: no answer
	Error  string    `json:"error"`  // why it failed; "" when it did not
}

// trigger makes a push and plans its first attempt. Body and address stay what they are now through all retries.
func (p *Platform) trigger(a *App, m message) {
	shops := m.shops
	if m.shop != nil {
		shops = []int64{m.shop.id}
	}
	barred := slices.ContainsFunc(shops, func(id int64) bool { return slices.Contains(a.blocked, id) })
	if a.spec.PushURL == "" || !a.on[m.code] || barred {
		return
	}
	d := &Sent{
		Number: len(p.sent) + 1, App: a.spec.ClientID, Code: m.code, OrderSN: m.orderSN, URI: a.spec.PushURL, Body: p.push(a, m),
		State: StatePending, app: a, shop: m.shop,
	}
	if m.shop != nil {
		d.Shop = itoa(m.shop.id)
	}
	p.sent = append(p.sent, d)
	if a.health.off() {
		d.State = StateMissed
		return
	}
	plan := p.faults.forPush(p.streams.faults)
	if d.Faults = plan.played; plan.drop {
		d.State = StateDropped
		return
	}
	p.plan(d, plan.delay)
	for range plan.copies {
		twin := *d
		twin.Number = len(p.sent) + 1
		p.sent = append(p.sent, &twin)
		p.plan(&twin, plan.delay)
	}
	if plan.forge { // nobody may believe the copy; the push itself is whole
		twin := *d
		twin.Number, twin.forged, twin.Faults = len(p.sent)+1, true, []Fault{Forge}
		p.sent = append(p.sent, &twin)
		p.plan(&twin, plan.delay)
	}
}

func (p *Platform) plan(d *Sent, after time.Duration) {
	d.Next = p.line.Time().Add(after)
	p.line.At(d.Next, func(ctx context.Context) { p.attempt(ctx, d) })
}

// attempt sends a push once and plans the next attempt when it fails.
func (p *Platform) attempt(ctx context.Context, d *Sent) {
	p.line.Lock()
	if d.app.health.off() {
		d.State = StateMissed
		p.line.Unlock()
		return
	}
	tried := Attempt{At: p.line.Time()}
	key := d.app.pushKey()
	if d.forged {
		key = "not " + key
	}
	d.Sign = signPush(key, d.URI, d.Body)
	signed := d.Sign
	p.line.Unlock()

	status, answered, err := p.post(ctx, d.URI, signed, d.Body)

	p.line.Lock()
	defer p.line.Unlock()
	tried.Status, tried.Error = status, reason(status, answered, err)
	d.Attempts = append(slices.Clip(d.Attempts), tried)
	if d.forged { // it is no push of the platform's
		d.State = map[bool]string{true: StateDelivered, false: StateDropped}[tried.Error == ""]
		return
	}
	p.judge(d.app, tried.Error == "")
	retry := len(d.Attempts) - 1
	switch {
	case tried.Error == "":
		d.State = StateDelivered
	case retry < len(pauses):
		d.Next = tried.At.Add(pauses[retry])
		p.line.At(d.Next, func(ctx context.Context) { p.attempt(ctx, d) })
	default:
		d.State = StateLost
		p.lose(d)
	}
}

// post sends the bytes and returns how many came back as a body. Redirects are not followed.
func (p *Platform) post(ctx context.Context, uri, signature string, body []byte) (status int, answered int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, uri, bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	r.Header.Set("Authorization", signature)
	r.Header.Set("Content-Type", "application/json") // (U)
	answer, err := p.send.RoundTrip(r)
	if err != nil {
		return 0, 0, err
	}
	defer answer.Body.Close()
	answered, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, answered, err
}

// reason says why an attempt failed, "" when it did not: only a 2xx with an empty body in time is a success.
func reason(status int, answered int64, err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	case err != nil:
		return "no answer"
	case status/100 != 2:
		return "answered " + strings.TrimSpace(fmt.Sprint(status, " ", http.StatusText(status)))
	case answered > 0:
		return "answered with a body"
	}
	return ""
}

// Probe posts what the console's Verify button does: a body with code 0, signed, once (U). The error says why it failed.
func (p *Platform) Probe(ctx context.Context, clientID string) (failure string, err error) {
	p.line.Lock()
	a := p.named(clientID)
	if a == nil || a.spec.PushURL == "" {
		p.line.Unlock()
		return "", notFound("trying a push address", "app with one")
	}
	body := []byte(`{"code":0,"timestamp":` + itoa(p.line.Time().Unix()) + `}`)
	uri, signature := a.spec.PushURL, signPush(a.pushKey(), a.spec.PushURL, body)
	p.line.Unlock()
	return reason(p.post(ctx, uri, signature, body)), nil
}

// Sent lists all pushes, the oldest first.
func (p *Platform) Sent() []Sent {
	p.line.Lock()
	defer p.line.Unlock()
	list := make([]Sent, len(p.sent))
	for i, d := range p.sent {
		list[i] = *d
	}
	return list
}

// Last is the latest attempt; the zero Attempt before the first.
func (d Sent) Last() Attempt {
	if len(d.Attempts) == 0 {
		return Attempt{}
	}
	return d.Attempts[len(d.Attempts)-1]
}
