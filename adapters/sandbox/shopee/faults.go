package shopee

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"hub/adapters/sandbox/stage"
)

// Fault is something that goes wrong.
type Fault string

// The faults of pushes, then those of the calls that read, then those of the token calls.
const (
	Duplicate Fault = "duplicate" // sent twice, byte for byte
	Reorder   Fault = "reorder"   // sent up to 3 s late, so that what came later may overtake it
	Delay     Fault = "delay"     // sent up to 10 minutes late
	Drop      Fault = "drop"      // never sent, and not among the lost ones either
	Forge     Fault = "forge"     // sent once more, signed with a wrong key; nobody may believe it

	APIError    Fault = "api_error"    // error_server, or a 502 of something in front
	APIHalf     Fault = "api_half"     // the connection ends in the middle of an answer
	APISlow     Fault = "api_slow"     // the answer comes 8 to 30 s late
	APIThrottle Fault = "api_throttle" // error_rate_limit, whatever the budget holds
	APILag      Fault = "api_lag"      // a list of orders that misses the changes of the last 5 s

	PagesRepeat Fault = "pages_repeat" // the next page of a list begins with the end of this one
	PagesSkip   Fault = "pages_skip"   // the next page of a list begins behind an order that was on neither

	TokenHalf  Fault = "token_half"  // a pair was made, and the connection ends in the middle of it
	TokenTwice Fault = "token_twice" // a pair was made, and stands twice in the answer, one behind the other
	TokenLate  Fault = "token_late"  // a pair was made, and comes 4 to 20 s late
	Token520   Fault = "token_520"   // a pair was made, and something in front answers 520 instead

	Skew Fault = "skew" // only counted: a call that was refused because of SetSkew
)

var allFaults = [...]Fault{
	Duplicate, Reorder, Delay, Drop, Forge, APIError, APIHalf, APISlow, APIThrottle, APILag, PagesRepeat, PagesSkip, TokenHalf, TokenTwice, TokenLate, Token520,
}

// FaultNames lists the faults that can be set.
func FaultNames() []Fault { return slices.Clone(allFaults[:]) }

const (
	reorderWithin = 3 * time.Second
	delayWithin   = 10 * time.Minute
	lagBehind     = 5 // seconds
)

type faults struct{ stage.Faults[Fault] }

func newFaults() faults { return faults{stage.NewFaults(allFaults[:])} }

// SetFault makes a fault happen to perMille of a thousand pushes or answers, at random. An unknown fault or a rate outside
// of 0 to 1000 is KindInvalid.
func (p *Platform) SetFault(f Fault, perMille int) error {
	p.line.Lock()
	defer p.line.Unlock()
	return p.faults.Rate(f, perMille)
}

// FaultNext makes a fault happen to the next n pushes or answers that it can happen to.
func (p *Platform) FaultNext(f Fault, n int) error {
	p.line.Lock()
	defer p.line.Unlock()
	return p.faults.Next(f, n)
}

// fate is what happens to one push.
type fate struct {
	drop, forge bool
	copies      int
	delay       time.Duration
	played      []Fault
}

func (f *faults) forPush(r *rand.Rand) (d fate) {
	within := func(limit time.Duration) time.Duration { return time.Duration(1 + r.Int64N(int64(limit))) }
	hit := func(fault Fault) bool {
		if !f.Hit(r, fault) {
			return false
		}
		d.played = append(d.played, fault)
		return true
	}
	if d.drop = hit(Drop); d.drop {
		return d
	}
	d.forge = f.Hit(r, Forge)
	if hit(Duplicate) {
		d.copies = 1
	}
	if hit(Reorder) {
		d.delay += within(reorderWithin)
	}
	if hit(Delay) {
		d.delay += within(delayWithin)
	}
	return d
}

// mishap is what happens to one answer.
type mishap struct {
	half, twice bool
	wait        time.Duration
	status      int      // of something in front of the platform, which has no JSON
	refusal     *refusal // instead of doing what was asked for
}

// forPair draws what happens to the answer of a token call, which is behind the deed.
func (f *faults) forPair(r *rand.Rand) (m mishap) {
	m.half, m.twice = f.Hit(r, TokenHalf), f.Hit(r, TokenTwice)
	if f.Hit(r, TokenLate) {
		m.wait = 4*time.Second + time.Duration(r.Int64N(int64(16*time.Second)))
	}
	if f.Hit(r, Token520) {
		m.status = 520
	}
	return m
}

// forAnswer draws what happens to any other answer.
func (f *faults) forAnswer(r *rand.Rand) (m mishap) {
	switch {
	case f.Hit(r, APIError):
		if m.refusal = (&refusal{http.StatusInternalServerError, "error_server", "Something wrong. Please try later."}); r.IntN(2) == 0 {
			m.status = http.StatusBadGateway
		}
	case f.Hit(r, APIThrottle):
		m.refusal = tooMany()
	}
	m.half = f.Hit(r, APIHalf)
	if f.Hit(r, APISlow) {
		m.wait = 8*time.Second + time.Duration(r.Int64N(int64(22*time.Second)))
	}
	return m
}

// write sends an answer, or what is left of it.
func (m mishap) write(w http.ResponseWriter, status int, date time.Time, out []byte) {
	h := w.Header()
	h.Set("Date", date.UTC().Format(http.TimeFormat))
	h.Set("Content-Type", "application/json")
	switch {
	case m.status != 0:
		h.Set("Content-Type", "text/html")
		status, out = m.status, []byte("<html><body>The web server is returning an unknown error</body></html>")
	case m.twice:
		out = append(out, out...)
	}
	h.Set("Content-Length", strconv.Itoa(len(out)))
	if m.half {
		out = out[:len(out)/2] // less than was announced: the server ends the connection
	}
	w.WriteHeader(status)
	_, _ = w.Write(out) // the reader is gone or not
}
