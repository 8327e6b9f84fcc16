package shopify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The bounds of one attempt (shopify.dev, webhooks): a second to connect, five in total.
const (
	connectLimit = time.Second
	answerLimit  = 5 * time.Second
)

// backOff is the pause before each of the eight retries. Eight in four hours, exponentially, is documented; the pauses
// themselves are (U).
var backOff = [...]time.Duration{
	1 * time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, 64 * time.Minute, 113 * time.Minute,
}

// The states of a delivery.
const (
	StatePending   = "pending"
	StateDelivered = "delivered"
	StateFailed    = "failed"    // after the last retry
	StateWithdrawn = "withdrawn" // its subscription is gone (U: that its retries end then)
	StateDropped   = "dropped"   // by a fault
)

// Sent is a delivery with what became of it.
type Sent struct {
	Delivery
	Number   int
	Shop     string
	App      string // client id
	URI      string // as configured when it was triggered
	State    string
	Next     time.Time // of the next attempt, while pending
	Attempts []Attempt
	Faults   []Fault // that were played on it

	install *install
	sub     *Subscription
	forged  bool
}

// Attempt is one try to deliver.
type Attempt struct {
	At     time.Time `json:"at"`
	Status int       `json:"status"` // 0: no answer
	Error  string    `json:"error"`  // why it failed; "" when it did not
}

// transport sends deliveries. Connecting is bounded for itself.
func transport(dial func(context.Context, string, string) (net.Conn, error)) http.RoundTripper {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return &http.Transport{
		MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute, DisableCompression: true, TLSHandshakeTimeout: connectLimit,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, connectLimit)
			defer cancel()
			return dial(ctx, network, address)
		},
	}
}

// message is what a topic tells.
type message struct {
	topic   string
	body    object
	stale   object // the same as it was before, for a fault; nil: there was none
	orderID int64
	updated time.Time
}

// event draws the id that all deliveries of one action share.
func (p *Platform) event() string { return uuid(p.streams.ids) }

// tell makes the deliveries of one message to one installation: one for each subscription.
func (p *Platform) tell(i *install, event string, m message) {
	if i.mayHear(m.topic) {
		for _, h := range i.app.spec.Hooks {
			if slices.Contains(h.Topics, m.topic) {
				p.trigger(&Sent{install: i, URI: h.URI}, i.app.spec.WebhookVersion, event, m)
			}
		}
	}
	for _, s := range i.subs {
		if s.Topic == m.topic {
			p.trigger(&Sent{install: i, sub: s, URI: s.URI}, s.Version, event, m)
		}
	}
}

// privacy tells a mandatory topic, which apps configure at app level only and get whether they are installed or not.
func (p *Platform) privacy(a *App, s *store, topic string, body object) {
	if a.spec.PrivacyURI != "" {
		gone := &install{app: a, store: s}
		p.trigger(&Sent{install: gone, URI: a.spec.PrivacyURI}, a.spec.WebhookVersion, p.event(), message{topic: topic, body: body})
	}
}

// trigger makes a delivery and plans its first attempt. Body and address stay what they are now through all retries.
func (p *Platform) trigger(d *Sent, version, event string, m message) {
	plan := p.faults.forDelivery(p.streams.faults, m)
	if plan.stale {
		m.body = m.stale
	}
	hidden := d.install.app.hides()
	d.Body = compact(without(hidden, m.body, false).(object))
	d.Topic, d.OrderID, d.Updated = m.topic, m.orderID, m.updated
	d.Number, d.Shop, d.App, d.State = len(p.sent)+1, d.install.store.Domain, d.install.app.spec.ClientID, StatePending
	d.Faults = plan.played
	served, ok := p.version(version)
	if !ok {
		served = p.stable()
	}
	d.Header = http.Header{}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "Shopify-Captain-Hook", "X-Shopify-Topic": m.topic,
		"X-Shopify-Shop-Domain": d.Shop, "X-Shopify-API-Version": served, "X-Shopify-Webhook-Id": uuid(p.streams.ids),
		"X-Shopify-Event-Id": event, "X-Shopify-Triggered-At": p.line.Time().Format("2006-01-02T15:04:05.000000000Z"),
	} {
		d.Header.Set(name, value)
	}
	if m.orderID != 0 {
		d.Header.Set("X-Shopify-Order-Id", fmt.Sprint(m.orderID)) // (U)
	}
	p.sent = append(p.sent, d)
	if plan.drop {
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
	if plan.forge { // nobody may believe the copy; the delivery itself is whole
		twin := *d
		twin.Number, twin.forged, twin.sub, twin.Faults = len(p.sent)+1, true, nil, []Fault{Forge}
		p.sent = append(p.sent, &twin)
		p.plan(&twin, plan.delay)
	}
}

func (p *Platform) plan(d *Sent, after time.Duration) {
	d.Next = p.line.Time().Add(after)
	p.line.At(d.Next, func(ctx context.Context) { p.attempt(ctx, d) })
}

// attempt sends a delivery once and plans the next attempt when it fails.
func (p *Platform) attempt(ctx context.Context, d *Sent) {
	p.line.Lock()
	if d.sub != nil && d.sub.removed {
		d.State = StateWithdrawn
		p.line.Unlock()
		return
	}
	tried := Attempt{At: p.line.Time()}
	header := d.Header.Clone()
	secret := d.install.app.signing(p.line.Time())
	if d.forged {
		secret = "not " + secret
	}
	header.Set("X-Shopify-Hmac-Sha256", sign(secret, d.Body))
	p.line.Unlock()

	var err error
	tried.Status, err = p.post(ctx, d.URI, header, d.Body)

	p.line.Lock()
	defer p.line.Unlock()
	tried.Error = reason(tried.Status, err)
	d.Attempts = append(slices.Clip(d.Attempts), tried)
	d.Header = header
	p.judge(d.install, d.sub, tried.Error == "")
	retry := len(d.Attempts) - 1
	switch {
	case tried.Error == "":
		d.State = StateDelivered
	case d.sub != nil && d.sub.removed:
		d.State = StateWithdrawn
	case retry >= len(backOff) || d.forged:
		d.State = StateFailed
	default:
		d.Next = tried.At.Add(backOff[retry])
		p.line.At(d.Next, func(ctx context.Context) { p.attempt(ctx, d) })
	}
}

// post sends the bytes. Redirects are answers like others: they are not followed.
func (p *Platform) post(ctx context.Context, uri string, header http.Header, body []byte) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, uri, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header = header
	answer, err := p.send.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, err
}

// reason says why an attempt failed, "" when it did not.
func reason(status int, err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	case err != nil:
		return "no answer"
	case status/100 == 3:
		return "redirected"
	case status/100 != 2:
		return "answered " + strings.TrimSpace(fmt.Sprint(status, " ", http.StatusText(status)))
	}
	return ""
}

// Sent lists all deliveries, the oldest first.
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
