package shopee

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// Codes of errors that only Shopee's calls have.
const (
	CodeApp     hub.Code = "app_refused"          // partner id or key are not taken, or the app was stopped: for the operator
	CodeAddress hub.Code = "source_ip_undeclared" // this hub's address is not on the app's list: for the operator
	CodeClock   hub.Code = "clock_skew"           // the timestamp is more than five minutes off
	CodeScope   hub.Code = "scope_missing"        // the app's type has no right to the call
	CodeBlocked hub.Code = "shop_blocked"         // the shop or the app's calls are banned, frozen or not registered
	CodeQuota   hub.Code = "daily_quota"          // used up until midnight in UTC+8
	CodeRefused hub.Code = "call_refused"         // the platform takes the call for wrong
	CodePlace   hub.Code = "cursor_invalid"       // not a cursor of this driver's for this window
	CodeFailed  hub.Code = "platform_error"       // the platform says that it is not well
)

// verdict is what one of the platform's error words means.
type verdict struct {
	kind hub.Kind
	code hub.Code
}

// verdicts is the platform's table of errors (the common error list of the reference, and those of the token calls),
// without the prefixes that some answers put in front of a dot. error_auth and error_param mean several things: see
// judgeWord.
var verdicts = map[string]verdict{
	"error_sign":                   {hub.KindForbidden, CodeApp},
	"invalid_partner_id":           {hub.KindForbidden, CodeApp},
	"error_partner_key_expired":    {hub.KindForbidden, CodeApp},
	"source_ip_undeclared":         {hub.KindForbidden, CodeAddress},
	"error_permission":             {hub.KindForbidden, CodeScope},
	"error_perm":                   {hub.KindForbidden, CodeScope},
	"error_api_permission":         {hub.KindForbidden, CodeScope},
	"error_ashop_api_permission":   {hub.KindForbidden, CodeScope},
	"shop_banned":                  {hub.KindForbidden, CodeBlocked},
	"error_banned":                 {hub.KindForbidden, CodeBlocked},
	"api_suspended":                {hub.KindForbidden, CodeBlocked},
	"error_api_call_restricted":    {hub.KindForbidden, CodeBlocked},
	"error_kyc_auth":               {hub.KindForbidden, CodeBlocked},
	"invalid_acceess_token":        {hub.KindUnauthentic, driver.CodeTokenRefused}, // their spelling
	"invalid_access_token":         {hub.KindUnauthentic, driver.CodeTokenRefused},
	"shop_no_linked":               {hub.KindPermanent, driver.CodeReconnect},
	"merchant_no_linked":           {hub.KindPermanent, driver.CodeReconnect},
	"partner_shop_no_link":         {hub.KindPermanent, driver.CodeReconnect},
	"shop_access_expired":          {hub.KindPermanent, driver.CodeReconnect},
	"merchant_access_expired":      {hub.KindPermanent, driver.CodeReconnect},
	"refresh_token_expired":        {hub.KindPermanent, driver.CodeReconnect},
	"error_shop_refresh_token":     {hub.KindPermanent, driver.CodeReconnect},
	"error_merchant_refresh_token": {hub.KindPermanent, driver.CodeReconnect},
	"invalid_code":                 {hub.KindPermanent, driver.CodeReconnect},
	"invalid_shop_id":              {hub.KindPermanent, driver.CodeReconnect},
	"invalid_main_acount_id":       {hub.KindPermanent, driver.CodeReconnect}, // their spelling
	"error_rate_limit":             {hub.KindThrottled, ""},
	"error_limit":                  {hub.KindThrottled, CodeQuota},
	"error_server":                 {hub.KindUnavailable, CodeFailed},
	"error_network":                {hub.KindUnavailable, CodeFailed},
	"error_data":                   {hub.KindUnavailable, CodeFailed},
	"error_inner":                  {hub.KindUnavailable, CodeFailed},
	"error_not_found":              {hub.KindNotFound, ""},
	"error_not_exists":             {hub.KindNotFound, ""},
	"order_not_found":              {hub.KindNotFound, ""},
}

// Judge reads an answer. The error member decides, "" (and the filler "-") being success; the HTTP status only does where
// there is no JSON to read, for it is not documented. A missing response is no failure.
func (*Driver) Judge(c driver.Call, a driver.Answer) (driver.Usage, error) {
	v, err := strictjson.Parse(a.Body)
	if err != nil || v.Kind() != strictjson.Object {
		return driver.Usage{}, judgeStatus(a)
	}
	word := v.Get("error")
	if word.Kind() != strictjson.Absent && word.Kind() != strictjson.String {
		return driver.Usage{}, judgeStatus(a)
	}
	name := strings.TrimSpace(word.Text())
	name = strings.TrimSpace(name[strings.LastIndexByte(name, '.')+1:])
	if name == "" || name == "-" {
		if a.Status >= 400 {
			return driver.Usage{}, judgeStatus(a)
		}
		return driver.Usage{}, nil
	}
	found := judgeWord(c, name, v.Get("message").Text())
	e := &hub.Error{Kind: found.kind, Code: found.code, Op: "reading shopee's answer"}
	switch {
	case found.code == CodeQuota:
		e.RetryAfter = untilMidnight(platformTime(a))
	case found.kind == hub.KindThrottled, found.kind == hub.KindUnavailable:
		e.RetryAfter = retryAfter(a)
	}
	return driver.Usage{}, e
}

// judgeWord looks an error word up. Two words mean different things, which only the message tells apart, in the spelling
// of the reference. A word that is not listed is taken for a refusal: trying again would not help.
func judgeWord(c driver.Call, name, message string) verdict {
	says := func(text string) bool { return strings.Contains(strings.ToLower(message), text) }
	switch name {
	case "error_auth":
		switch {
		case says("try again later"):
			return verdict{hub.KindUnavailable, CodeFailed}
		case says("invalid code"), says("refresh_token"):
			return verdict{hub.KindPermanent, driver.CodeReconnect}
		case says("no permission"):
			return verdict{hub.KindForbidden, CodeScope}
		case says("partner_id is invalid"), says("app is deleted"), says("restricted"), c.Public:
			return verdict{hub.KindForbidden, CodeApp}
		}
		return verdict{hub.KindUnauthentic, driver.CodeTokenRefused}
	case "error_param":
		switch {
		case says("timestamp"):
			return verdict{hub.KindForbidden, CodeClock}
		case says("partner_id"):
			return verdict{hub.KindForbidden, CodeApp}
		case says("not found"), says("not exist"):
			return verdict{hub.KindNotFound, ""}
		}
	}
	if found, ok := verdicts[name]; ok {
		return found
	}
	return verdict{hub.KindPermanent, CodeRefused}
}

// judgeStatus judges an answer that the platform's own programs did not write.
func judgeStatus(a driver.Answer) error {
	e := &hub.Error{Kind: hub.KindUnavailable, Code: driver.CodeUnreadable, Op: "reading shopee's answer", RetryAfter: retryAfter(a)}
	switch {
	case a.Status == http.StatusTooManyRequests:
		e.Kind, e.Code = hub.KindThrottled, ""
	case a.Status >= 500:
		e.Code = CodeFailed
	case a.Status == http.StatusNotFound, a.Status == http.StatusMethodNotAllowed, a.Status == http.StatusBadRequest:
		e.Kind, e.Code = hub.KindPermanent, CodeRefused // something in front does not know the call
	}
	return e
}

// maxRetryAfter bounds what is believed: a day is the longest that a quota lasts.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads seconds. The header is not documented; something in front of the platform may send it.
func retryAfter(a driver.Answer) time.Duration {
	seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(min(seconds, 1<<30))*time.Second, maxRetryAfter)
}

// untilMidnight is how long the daily quota stays used up: it begins anew at 00:00 in UTC+8. An hour when the platform
// does not say what time it is.
func untilMidnight(now time.Time) time.Duration {
	if now.IsZero() {
		return time.Hour
	}
	const day = 24 * time.Hour
	return day - now.Add(8*time.Hour).Sub(now.Add(8*time.Hour).Truncate(day))
}
