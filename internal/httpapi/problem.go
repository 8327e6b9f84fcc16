package httpapi

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"time"

	"hub"
)

// problem is an answer that is not a success (RFC 9457). Its texts come from the tables beside it, so that no internal
// text and no value can get into one; it has no instance member, for a path may hold an endpoint token.
type problem struct {
	Type      string      `json:"type" doc:"Always about:blank; programs act on code" example:"about:blank"`
	Title     string      `json:"title" doc:"The phrase of the status" example:"Not Found"`
	Status    int         `json:"status" doc:"The status of the answer" example:"404"`
	Detail    string      `json:"detail" doc:"What is wrong, for people" example:"There is no such order."`
	Code      hub.Code    `json:"code" doc:"What is wrong, for programs; stable" example:"order_not_found"`
	RequestID string      `json:"request_id" doc:"What to tell the operator; also in the header X-Request-Id" example:"req_01j9z3k6m8q0r2t4v6x8z0b2d4"`
	Errors    []violation `json:"errors,omitempty" doc:"Which parts of the request break a rule"`
	Problems  []defect    `json:"problems,omitempty" doc:"Only of /readyz: what does not work"`
	Approval  *approval   `json:"approval,omitempty" doc:"Only of approval_needed: what is to be approved"`

	retryAfter time.Duration
}

// violation is one part of a request that breaks a rule. It never repeats the value.
type violation struct {
	Path   string `json:"path" doc:"Where: body, query, path or header, and behind a dot the name in it" example:"body.reference"`
	Detail string `json:"detail" doc:"The rule" example:"expected required property reference to be present"`
}

// defect is a Problem in JSON.
type defect struct {
	Part   string `json:"part" doc:"What does not work" example:"shard s2"`
	Detail string `json:"detail" doc:"What is wrong with it" example:"no answer"`
}

// Error makes a problem an error; its text is for people who debug the handlers.
func (p *problem) Error() string { return string(p.Code) }

// GetStatus tells huma the status.
func (p *problem) GetStatus() int { return p.Status }

// ContentType tells huma what a problem is served as.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders tells huma the headers that go with the status.
func (p *problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="hub"`)
	}
	if p.retryAfter > 0 {
		seconds := (p.retryAfter + time.Second - 1) / time.Second
		h.Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	return h
}

// statusOf is the one place that turns kinds into statuses. What cannot be read or breaks a rule is 422, never 400.
func statusOf(k hub.Kind) int {
	switch k {
	case hub.KindInvalid, hub.KindPermanent:
		return http.StatusUnprocessableEntity
	case hub.KindUnauthentic:
		return http.StatusUnauthorized
	case hub.KindForbidden:
		return http.StatusForbidden
	case hub.KindNotFound:
		return http.StatusNotFound
	case hub.KindConflict:
		return http.StatusConflict
	case hub.KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case hub.KindThrottled:
		return http.StatusTooManyRequests
	case hub.KindUnavailable, hub.KindUnknown:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// newProblem makes a problem of a status and a code. The request id comes later, when it is written.
func newProblem(status int, code hub.Code) *problem {
	return &problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detailOf(status, code), Code: code,
	}
}

// source is the part of a request that a use case's arguments come from.
type source string

const (
	inBody  source = "body."
	inQuery source = "query."
)

// problemOf makes the problem that an error is shown as. The paths of use cases begin at an argument; from says where in
// the request that was.
func problemOf(err error, from source) *problem {
	var done *problem
	if errors.As(err, &done) {
		return done
	}
	kind := hub.KindOf(err)
	code := hub.CodeOf(err)
	if code == "" || statusOf(kind) == http.StatusInternalServerError {
		code = hub.Code(kind.String())
	}
	p := newProblem(statusOf(kind), code)
	switch kind {
	case hub.KindThrottled:
		p.retryAfter = max(hub.RetryAfterOf(err), time.Second)
	case hub.KindUnavailable, hub.KindUnknown:
		p.retryAfter = max(hub.RetryAfterOf(err), 5*time.Second)
	}
	if path := hub.PathOf(err); path != "" && kind == hub.KindInvalid {
		p.Errors = []violation{{string(from) + path, p.Detail}}
	}
	return p
}

// invalid is the problem of one part of the request that breaks a rule.
func invalid(code hub.Code, path, detail string) *problem {
	p := newProblem(http.StatusUnprocessableEntity, code)
	p.Errors = []violation{{path, detail}}
	return p
}

// write answers a request with the problem.
func (p *problem) write(w http.ResponseWriter, r *http.Request) {
	stated := *p
	stated.RequestID = traceOf(r.Context()).id
	body, err := json.Marshal(&stated)
	if err != nil {
		panic(err) // texts and numbers are always printable
	}
	maps.Copy(w.Header(), p.GetHeaders())
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // a client that is gone needs no answer
}
