package mercadolibre

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

const opJudge = "reading mercadolibre's answer"

func judged(kind hub.Kind, code hub.Code) error {
	return &hub.Error{Kind: kind, Code: code, Op: opJudge}
}

// Judge reads the status, and of a refusal the words that tell one 400 or 403 from another. Nothing is told about the budget.
// A 206 is a success: what is missing is named in a header, and whoever asked looks at it.
func (*Driver) Judge(c driver.Call, a driver.Answer) (driver.Usage, error) {
	switch s := a.Status; {
	case s == http.StatusOK, s == http.StatusCreated, s == http.StatusNoContent, s == http.StatusPartialContent:
		return driver.Usage{}, nil
	case s == http.StatusTooManyRequests:
		return driver.Usage{}, &hub.Error{Kind: hub.KindThrottled, Op: opJudge, RetryAfter: retryAfter(a.Header)}
	case s == http.StatusUnavailableForLegalReasons:
		return driver.Usage{}, judged(hub.KindPermanent, CodeGone)
	case s >= 500, s < 400, s == http.StatusRequestTimeout, s == http.StatusLocked:
		return driver.Usage{}, &hub.Error{Kind: hub.KindUnavailable, Code: CodePlatform, Op: opJudge, RetryAfter: retryAfter(a.Header)}
	}
	r := refusalOf(a)
	if c.Class == driver.ClassAuth {
		return driver.Usage{}, r.auth()
	}
	return driver.Usage{}, r.call()
}

// refusal is what a 4xx says of itself. Only words that this package knows are looked at, and none is repeated.
type refusal struct {
	status               int
	error, message, code string
}

func refusalOf(a driver.Answer) refusal {
	r := refusal{status: a.Status}
	v, err := strictjson.Parse(a.Body)
	if err != nil {
		return r
	}
	read := func(name string) string { return strings.ToLower(v.Get(name).Text()) }
	r.error, r.message, r.code = read("error"), read("message"), read("code")
	return r
}

// says reports whether one of the words is in what the platform says.
func (r refusal) says(words ...string) bool {
	for _, w := range words {
		if strings.Contains(r.error, w) || strings.Contains(r.message, w) || strings.Contains(r.code, w) {
			return true
		}
	}
	return false
}

// auth judges a refusal of the token endpoint.
func (r refusal) auth() error {
	switch {
	case r.says("invalid_operator_user_id"):
		return judged(hub.KindForbidden, CodeOperator)
	case r.says("invalid_grant", "unauthorized_client"):
		return judged(hub.KindPermanent, driver.CodeReconnect)
	case r.says("invalid_client", "unauthorized_application"):
		return judged(hub.KindForbidden, CodeApp)
	case r.status == http.StatusUnauthorized: // revoking with a token that is dead
		return judged(hub.KindUnauthentic, driver.CodeTokenRefused)
	case r.status == http.StatusForbidden:
		return judged(hub.KindForbidden, CodeDenied)
	case r.status == http.StatusNotFound: // revoking what is revoked
		return judged(hub.KindNotFound, "")
	}
	return judged(hub.KindPermanent, CodeRefused)
}

// call judges a refusal of any other call. An order that is not ours is told in 403s of several kinds.
func (r refusal) call() error {
	switch r.status {
	case http.StatusUnauthorized:
		return judged(hub.KindUnauthentic, driver.CodeTokenRefused)
	case http.StatusNotFound:
		return judged(hub.KindNotFound, "")
	case http.StatusConflict:
		return judged(hub.KindConflict, "")
	case http.StatusBadRequest:
		if r.says("malformed access_token", "invalid_token", "token_not_valid") {
			return judged(hub.KindUnauthentic, driver.CodeTokenRefused)
		}
		if r.says("order_not_found", "invalid_order_id") {
			return judged(hub.KindNotFound, "")
		}
	case http.StatusForbidden:
		switch {
		case r.says("not_owned_order", "caller.id", "has not access to the order", "no orders found"):
			return judged(hub.KindNotFound, "")
		case r.says("invalid scopes"):
			return judged(hub.KindForbidden, CodeScope)
		case r.says("pa_unauthorized_result_from_policies"):
			return judged(hub.KindForbidden, CodePermission)
		case r.says("not_identified_user", "can not identify the user"):
			return judged(hub.KindUnauthentic, driver.CodeTokenRefused)
		}
		return judged(hub.KindForbidden, CodeDenied)
	}
	return judged(hub.KindPermanent, CodeRefused)
}

// retryAfter reads whole seconds, at most a day; the platform documents none (U).
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 || seconds > 86400 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// clock is the platform's clock when it answered, zero when it does not say.
func clock(a driver.Answer) time.Time {
	at, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// opened parses the body of a success. One that is cut short, or is not of the kind that is documented, is
// KindUnavailable: the platform may answer better the next time.
func opened(name string, a driver.Answer, kind strictjson.Kind) (strictjson.Value, error) {
	v, err := strictjson.Parse(a.Body)
	if err != nil || v.Kind() != kind {
		return strictjson.Value{}, unreadable(name)
	}
	return v, nil
}

func unreadable(name string) error {
	return &hub.Error{Kind: hub.KindUnavailable, Code: driver.CodeUnreadable, Op: opJudge, Subject: name}
}
