package mercadolibre

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// statusUnknown is what a well-known proxy says when what stands behind it gives no proper answer.
const statusUnknown = 520

// breakdown is what goes wrong with one answer of the API.
type breakdown struct {
	status int // instead of an answer; 0: none
	cut    bool
	slow   time.Duration
}

// breakdown draws it. The caller holds the lock.
func (p *Platform) breakdown() (b breakdown) {
	r, f := p.streams.answers, &p.faults
	if f.Hit(r, APIError) {
		b.status = []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable}[r.IntN(3)]
	}
	if b.status == 0 && f.Hit(r, APIThrottle) {
		b.status = http.StatusTooManyRequests
	}
	b.cut = b.status == 0 && f.Hit(r, APICut)
	if f.Hit(r, APISlow) {
		b.slow = 4*time.Second + time.Duration(r.Int64N(int64(26*time.Second)))
	}
	return b
}

// instead is the answer that comes in the place of the real one.
func (b breakdown) instead() reply {
	switch b.status {
	case http.StatusTooManyRequests:
		return throttled()
	case http.StatusBadGateway: // from something in front of the platform that does not speak JSON
		return reply{status: b.status, body: []byte("<html><head><title>502 Bad Gateway</title></head></html>\n"), html: true}
	}
	return failure{Status: b.status, Error: "internal_server_error", Message: "Internal server error"}.reply()
}

// throttled has no Retry-After: none is documented.
func throttled() reply {
	return failure{Status: http.StatusTooManyRequests, Error: "local_rate_limited", Message: "Too many requests"}.reply()
}

// tokenBreakdown is what goes wrong with one answer of the token endpoint: it never gets there, or a pair was made.
type tokenBreakdown struct {
	refused, half, twice bool
	late                 time.Duration
}

// tokenBreakdown draws what happens to a pair that was made.
func (p *Platform) tokenBreakdown() (b tokenBreakdown) {
	r, f := p.streams.answers, &p.faults
	b.half, b.twice = f.Hit(r, TokenHalf), f.Hit(r, TokenTwice)
	if f.Hit(r, TokenLate) {
		b.late = 20*time.Second + time.Duration(r.Int64N(int64(40*time.Second)))
	}
	return b
}

// answer writes what the token endpoint says, as broken as it is.
func (b tokenBreakdown) answer(p *Platform, w http.ResponseWriter, r *http.Request, made Tokens, refused *failure) {
	if b.late > 0 {
		p.o.Wait(r.Context(), b.late)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Date", p.date())
	switch {
	case b.refused:
		reply{status: statusUnknown, body: []byte("<html><title>520: Web server is returning an unknown error</title></html>\n"), html: true}.write(w)
	case refused != nil:
		refuse(w, *refused)
	case b.twice:
		reply{status: http.StatusOK, body: bytes.Repeat(compact(made), 2)}.write(w)
	default:
		reply{status: http.StatusOK, body: compact(made), cut: b.half}.write(w)
	}
}

// date is the Date header of an answer, which shows how far off the clock is.
func (p *Platform) date() string {
	p.line.Lock()
	defer p.line.Unlock()
	return p.told().UTC().Format(http.TimeFormat)
}

// write sends an answer. One that is cut promises all of it and ends in the middle.
func (a reply) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	if a.html {
		h.Set("Content-Type", "text/html; charset=utf-8")
	}
	if a.missing != "" {
		h.Set("X-Content-Missing", a.missing)
	}
	if a.status == http.StatusNoContent {
		w.WriteHeader(a.status)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	body := a.body
	if a.cut {
		body = body[:len(body)/2]
	}
	_, _ = w.Write(body) // the reader is gone or not
}
