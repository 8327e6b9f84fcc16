package mercadolibre

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

// answerLimit is what one attempt may take, connecting included: 500 ms are documented.
const answerLimit = 500 * time.Millisecond

// gaps are the pauses before the second to the eighth attempt. Eight in an hour with growing gaps is documented; the gaps
// themselves are (U).
var gaps = [...]time.Duration{
	30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 28*time.Minute + 30*time.Second,
}

// The states of a notification.
const (
	StatePending   = "pending"
	StateDelivered = "delivered"
	StateFailed    = "failed"  // after the eighth attempt: it is among the missed feeds
	StateDropped   = "dropped" // by a fault
)

// Sent is a notification with what became of it.
type Sent struct {
	Number   int
	Account  string // that it says it is for
	App      string // client id
	Topic    string
	Resource string
	URI      string // as configured when it was triggered
	OrderID  int64  // that it is about; 0 of a forged one
	Updated  time.Time
	Body     []byte // of the latest attempt
	State    string
	Next     time.Time // of the next attempt, while pending
	Attempts []Attempt
	Faults   []Fault // that were played on it

	app      *App
	note     object
	received time.Time
}

// Attempt is one try to deliver.
type Attempt struct {
	At     time.Time     `json:"at"`
	Took   time.Duration `json:"took"`   // on the platform's clock
	Status int           `json:"status"` // 0: no answer
	Error  string        `json:"error"`  // why it failed; "" when it did not
}

// tell makes the notifications of what happened to a seller's orders: one for each app with a grant and the topic on. What
// happens while a topic is off is not told later.
func (p *Platform) tell(s *seller, events ...event) {
	for _, e := range events {
		for _, g := range s.grants {
			t := g.app.topics[e.topic]
			if t != nil && !t.off && g.app.spec.NotifyURL != "" {
				p.trigger(g.app, s, e)
			}
		}
	}
}

// trigger makes a notification and plans its first attempt.
func (p *Platform) trigger(a *App, s *seller, e event) {
	plan := p.faults.forNotification(p.streams.faults)
	d := &Sent{
		Number: len(p.sent) + 1, Account: s.account(), App: a.spec.ClientID, Topic: e.topic, Resource: e.resource, URI: a.spec.NotifyURL,
		OrderID: e.order.id, Updated: e.order.updated, State: StatePending, Faults: plan.played, app: a, received: p.told(),
	}
	d.note = p.wording(d, s, e)
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
	if plan.forge {
		p.forge(d, s)
	}
}

// wording is what the notification says, in one of the ways that were seen: an id as a text, with or without _id, with
// actions, a resource with and without the slash in front.
func (p *Platform) wording(d *Sent, s *seller, e event) object {
	r := p.streams.quirks
	note := object{
		"resource": e.resource, "user_id": s.id, "topic": e.topic, "application_id": number(d.App), "received": d.received.UTC().Format(noteTime),
	}
	if r.IntN(6) == 0 {
		note["user_id"] = s.account()
	}
	name := "_id"
	if e.actions != nil {
		name, note["actions"] = "id", e.actions
		if r.IntN(2) == 0 {
			d.Resource = strings.TrimPrefix(e.resource, "/")
			note["resource"] = d.Resource
		}
	} else if r.IntN(4) == 0 {
		note["actions"] = []string{"is_test:false", "site_id:" + strings.ToLower(s.site.id), "channel:marketplace", "payments", "order_items"}
	}
	id := hexID(p.streams.ids, 12)
	if r.IntN(10) > 0 {
		note[name] = id
	}
	if r.IntN(20) == 0 {
		delete(note, "received")
	}
	return note
}

// noteTime is how notifications print times: UTC, with Z.
const noteTime = "2006-01-02T15:04:05.000Z"

// forge sends what a stranger made up: for a seller that does not exist, or about an order that is another seller's or
// nobody's. Nobody may believe it, and it is sent once.
func (p *Platform) forge(d *Sent, s *seller) {
	r := p.streams.faults
	twin := *d
	twin.Number, twin.OrderID, twin.Faults, twin.Updated = len(p.sent)+1, 0, []Fault{Forge}, time.Time{}
	note := object{"_id": hexID(p.streams.ids, 12), "topic": "orders_v2", "application_id": number(d.App), "received": d.note["received"]}
	if r.IntN(2) == 0 {
		twin.Account, note["resource"] = digitsOf(900_000_000+r.Int64N(1_000_000)), d.Resource
	} else {
		note["resource"] = "/orders/" + digitsOf(p.foreign(s))
	}
	note["user_id"] = number(twin.Account)
	twin.Topic, twin.Resource, twin.note = "orders_v2", note["resource"].(string), note
	p.sent = append(p.sent, &twin)
	p.plan(&twin, 0)
}

// foreign is the id of an order that is not the seller's.
func (p *Platform) foreign(s *seller) int64 {
	for _, other := range p.sellers {
		if other != s && len(other.orders) > 0 {
			return other.orders[p.streams.faults.IntN(len(other.orders))].id
		}
	}
	return firstOrder - 1 - p.streams.faults.Int64N(1000)
}

func (p *Platform) plan(d *Sent, after time.Duration) {
	d.Next = p.line.Time().Add(after)
	p.line.At(d.Next, func(ctx context.Context) { p.attempt(ctx, d) })
}

// attempt sends a notification once and plans the next attempt when it fails.
func (p *Platform) attempt(ctx context.Context, d *Sent) {
	p.line.Lock()
	tried := Attempt{At: p.line.Time()}
	note := object{"attempts": len(d.Attempts) + 1, "sent": p.told().UTC().Format(noteTime)}
	for name, v := range d.note {
		note[name] = v
	}
	body, uri := compact(note), d.URI
	p.line.Unlock()

	var err error
	tried.Status, err = p.post(ctx, uri, body)

	p.line.Lock()
	defer p.line.Unlock()
	tried.Error, tried.Took = reason(tried.Status, err), p.line.Time().Sub(tried.At)
	d.Attempts, d.Body = append(slices.Clip(d.Attempts), tried), body
	forged := slices.Contains(d.Faults, Forge)
	switch {
	case tried.Error == "":
		d.State = StateDelivered
		if !forged {
			d.app.topics[d.Topic].lost = 0
		}
	case forged:
		d.State = StateFailed
	case len(d.Attempts) > len(gaps):
		d.State = StateFailed
		p.lose(d)
	default:
		d.Next = tried.At.Add(gaps[len(d.Attempts)-1])
		p.line.At(d.Next, func(ctx context.Context) { p.attempt(ctx, d) })
	}
}

// post sends the bytes, without any signature. Redirects are answers like others: they are not followed.
func (p *Platform) post(ctx context.Context, uri string, body []byte) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, uri, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	answer, err := p.send.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, err
}

// reason says why an attempt failed, "" when it did not: 200 is what is documented, and nothing else counts (U).
func reason(status int, err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	case err != nil:
		return "no answer"
	case status != http.StatusOK:
		return "answered " + strings.TrimSpace(fmt.Sprint(status, " ", http.StatusText(status)))
	}
	return ""
}

// Sent lists all notifications, the oldest first.
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
