package connect

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"time"

	"hub"
	"hub/adapters/driver"
)

// answer is what became of an errand, as its sender saw it.
type answer struct {
	Status int         `json:"status"`
	Header http.Header `json:"header,omitempty"`
	Body   []byte      `json:"body,omitempty"`
	// Unsent: it is certain that nothing reached the platform.
	Unsent bool `json:"unsent,omitempty"`
	// Broken: no whole answer came. What the platform did is not known, unless Unsent.
	Broken bool `json:"broken,omitempty"`
}

// Bounds of what is kept of an answer. Tokens have some hundred bytes.
const (
	maxAnswerBody   = 64 << 10
	maxAnswerHeader = 16 << 10
)

// seal seals an answer under the key of its errand. The key seals nothing else, so the nonce may be constant; the same answer
// sealed again is the same bytes.
func (a answer) seal(e Errand) ([]byte, error) {
	text, err := json.Marshal(a)
	if err != nil {
		return nil, hub.Errorf(hub.KindInternal, "sealing an answer", "not printable")
	}
	gcm, err := newGCM(e.Key)
	if err != nil {
		return nil, err
	}
	return gcm.Seal(nil, make([]byte, gcm.NonceSize()), text, []byte(errandLabel+string(e.Connection))), nil
}

const errandLabel = "hub refresh answer 1 "

func newGCM(key []byte) (cipher.AEAD, error) {
	if len(key) != keySize {
		return nil, hub.Errorf(hub.KindInvalid, "opening an answer", "the key has the wrong size")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, hub.Errorf(hub.KindInternal, "opening an answer", "no cipher")
	}
	return cipher.NewGCM(block)
}

// keySize is AES-256's.
const keySize = 32

func openAnswer(key, sealed []byte, id hub.ConnectionID) (a answer, err error) {
	gcm, err := newGCM(key)
	if err != nil {
		return a, err
	}
	text, err := gcm.Open(nil, make([]byte, gcm.NonceSize()), sealed, []byte(errandLabel+string(id)))
	if err != nil || json.Unmarshal(text, &a) != nil {
		return a, &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeUnreadable, Op: "opening an answer", Subject: string(id)}
	}
	return a, nil
}

// Perform makes the call of an errand and stores its answer: everything that a keeper does. It stores what came, also that
// nothing came. When the answer cannot be stored it tries again until ctx ends: it may hold the only copy of a pair.
func Perform(ctx context.Context, e Errand, send Transport, store Errands, wait func(context.Context, time.Duration) bool) error {
	if err := store.Begin(ctx, e.Connection, e.Epoch); err != nil {
		return err // it was not sent, and now never will be
	}
	sealed, err := e.call(ctx, send).seal(e)
	if err != nil {
		return err
	}
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := store.Answer(ctx, e.Connection, e.Epoch, sealed)
		if err == nil || hub.KindOf(err) == hub.KindNotFound { // stored, or nobody waits for it any more
			return nil
		}
		if !wait(ctx, pause) {
			return err
		}
	}
}

// call sends the request once.
func (e Errand) call(ctx context.Context, send Transport) answer {
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, e.Method, e.URL, bytes.NewReader(e.Body))
	if err != nil {
		return answer{Unsent: true, Broken: true}
	}
	r.GetBody = nil // with it a transport may send a request again after a cut connection
	maps.Copy(r.Header, e.Header)
	response, err := send.RoundTrip(r)
	if err != nil {
		return answer{Unsent: unsent(err), Broken: true}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBody+1))
	a := answer{Status: response.StatusCode, Header: bounded(response.Header), Body: body, Broken: err != nil || len(body) > maxAnswerBody}
	if a.Broken {
		a.Body = nil
	}
	return a
}

// unsent reports whether a call failed before a connection stood, so that the platform cannot have seen it.
func unsent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.As(err, &op) && op.Op == "dial" ||
		hub.KindOf(err) == hub.KindForbidden || hub.KindOf(err) == hub.KindInvalid // refused by our own rules of addresses
}

// bounded drops headers that are too many: only their answer's status and body matter then.
func bounded(h http.Header) http.Header {
	size := 0
	for name, values := range h {
		for _, v := range values {
			size += len(name) + len(v)
		}
	}
	if size > maxAnswerHeader {
		return nil
	}
	return h
}

// recorder is a Caller that lets nothing out: it keeps what was to be called.
type recorder struct{ calls []driver.Call }

var errRecorded = errors.New("recorded")

// Call implements driver.Caller.
func (r *recorder) Call(_ context.Context, c driver.Call) (driver.Answer, error) {
	r.calls = append(r.calls, c)
	return driver.Answer{}, errRecorded
}

// player is a Caller that answers one call with what came back for it.
type player struct {
	platform Platform
	answer   answer
	played   bool
}

// Call implements driver.Caller.
func (p *player) Call(_ context.Context, c driver.Call) (driver.Answer, error) {
	const op = "reading the answer to a refresh"
	switch {
	case p.played:
		return driver.Answer{}, hub.Errorf(hub.KindInternal, op, "a refresh is one call, and the driver makes another")
	case p.answer.Unsent:
		return driver.Answer{}, &hub.Error{Kind: hub.KindUnavailable, Code: CodeUnreachable, Op: op}
	case p.answer.Broken:
		return driver.Answer{}, &hub.Error{Kind: hub.KindUnknown, Op: op}
	}
	p.played = true
	a := driver.Answer{Status: p.answer.Status, Header: p.answer.Header, Body: p.answer.Body}
	if _, err := p.platform.Judge(c, a); err != nil {
		return driver.Answer{}, err
	}
	return a, nil
}

// draft asks the driver what it would send to refresh a pair.
func draft(ctx context.Context, p Platform, a App, t driver.Token, now time.Time) (*http.Request, error) {
	var r recorder
	_, err := p.Refresh(ctx, &r, a.App, t, now)
	if len(r.calls) != 1 {
		if err == nil || errors.Is(err, errRecorded) {
			err = hub.Errorf(hub.KindInternal, "preparing a refresh", "a refresh is one call, the driver makes %d", len(r.calls))
		}
		return nil, err
	}
	return p.Request(r.calls[0], driver.Access{App: a.App, Account: t.Account}, now)
}

// Send makes an errand's call from within the hub's own process: for platforms that give a lost answer again.
type Send struct {
	Transport func(driver.App) Transport // to where an app may call: its environment and base
	Errands   Errands
}

var _ Sender = Send{}

// Send implements Sender. The call goes on when its caller does not wait any more: an answer that is not stored may be the
// only pair that lives.
func (s Send) Send(ctx context.Context, e Errand) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return Perform(ctx, e, s.Transport(driver.App{Environment: e.Environment, Base: e.Base}), s.Errands, Pause)
}

// Pause waits, and reports whether ctx still lives.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
