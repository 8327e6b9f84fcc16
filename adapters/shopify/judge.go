package shopify

import (
	"net/http"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// Codes of errors that only Shopify's calls have.
const (
	CodeNoShop      hub.Code = "shop_malformed" // not something.myshopify.com
	CodeShopFrozen  hub.Code = "shop_frozen"    // the shop's plan is not paid, or it is locked: only its owner can mend it
	CodeScope       hub.Code = "scope_missing"  // the grant does not cover what was asked
	CodeTooDear     hub.Code = "cost_exceeded"  // one query asks for more than a query may
	CodeRefused     hub.Code = "call_refused"   // the platform takes the call for wrong
	CodeAppRefused  hub.Code = "app_refused"    // client id or secret are not taken
	CodeFilter      hub.Code = "filter_ignored" // the platform did not understand a filter and lists everything
	CodeAPIVersion  hub.Code = "api_version"    // the platform served another version than the one asked for
	CodeUnreachable hub.Code = "platform_error" // 5xx and the like
)

func judged(kind hub.Kind, code hub.Code) error {
	return &hub.Error{Kind: kind, Code: code, Op: "reading shopify's answer"}
}

// Judge reads an answer. Throttling is a 200 with an error inside; so are missing rights.
func (*Driver) Judge(c driver.Call, a driver.Answer) (driver.Usage, error) {
	if c.URL != "" {
		return driver.Usage{}, judgeDownload(a)
	}
	if c.Class == driver.ClassAuth {
		return driver.Usage{}, judgeAuth(a)
	}
	if err := judgeStatus(a); err != nil {
		return driver.Usage{}, err
	}
	v, err := strictjson.Parse(a.Body)
	if err != nil || v.Kind() != strictjson.Object {
		return driver.Usage{}, judged(hub.KindUnavailable, driver.CodeUnreadable)
	}
	return judgeGraphQL(v)
}

// judgeStatus reads the status of a call to the Admin API.
func judgeStatus(a driver.Answer) error {
	switch s := a.Status; {
	case s == http.StatusOK:
		return nil
	case s == http.StatusUnauthorized:
		return judged(hub.KindUnauthentic, driver.CodeTokenRefused)
	case s == http.StatusPaymentRequired, s == http.StatusLocked:
		return judged(hub.KindForbidden, CodeShopFrozen)
	case s == http.StatusForbidden:
		return judged(hub.KindForbidden, CodeScope)
	case s == http.StatusNotFound:
		return judged(hub.KindNotFound, "")
	case s == http.StatusTooManyRequests, s == 430: // 430: Shopify's own, for what looks like an attack (U)
		return &hub.Error{Kind: hub.KindThrottled, Op: "reading shopify's answer", RetryAfter: retryAfter(a.Header)}
	case s >= 500, s < 400:
		return &hub.Error{Kind: hub.KindUnavailable, Code: CodeUnreachable, Op: "reading shopify's answer", RetryAfter: retryAfter(a.Header)}
	}
	return judged(hub.KindPermanent, CodeRefused)
}

// judgeGraphQL reads the errors and the cost of an answer. The first error that says something decides; what the app may not
// see of an order is null there and no failure.
func judgeGraphQL(v strictjson.Value) (driver.Usage, error) {
	u, untilServed := pace(v.Get("extensions").Get("cost"))
	answered := v.Get("data").Kind() == strictjson.Object
	if failed := v.Get("errors"); failed.Given() {
		for e := range failed.Items() {
			if !answered || !withheld(e) {
				return u, graphQLError(e.Get("extensions").Get("code").Text(), untilServed)
			}
		}
		if !answered || failed.Len() == 0 {
			return u, judged(hub.KindPermanent, CodeRefused)
		}
	}
	for searched := range v.Get("extensions").Get("search").Items() {
		if searched.Get("warnings").Len() > 0 {
			return u, judged(hub.KindPermanent, CodeFilter)
		}
	}
	if !answered {
		return u, judged(hub.KindUnavailable, driver.CodeUnreadable)
	}
	return u, nil
}

// withheld says whether an error is about a part of an order that can do without: protected customer data that Shopify has not
// approved the app for, which webhooks leave out without a word, and the place of a retail order, whose scope the driver does
// not ask for. Customers and products need scopes that the driver asks for, so a refusal of them is for people to mend.
func withheld(e strictjson.Value) bool {
	if e.Get("extensions").Get("code").Text() != "ACCESS_DENIED" || e.Get("path").Len() < 2 {
		return false
	}
	last := ""
	for step := range e.Get("path").Items() {
		last = step.Text()
	}
	return last == "retailLocation" || strings.HasPrefix(e.Get("message").Text(), "This app is not approved to ")
}

func graphQLError(code string, wait time.Duration) error {
	switch code {
	case "THROTTLED":
		return &hub.Error{Kind: hub.KindThrottled, Op: "reading shopify's answer", RetryAfter: wait}
	case "ACCESS_DENIED":
		return judged(hub.KindForbidden, CodeScope)
	case "SHOP_INACTIVE":
		return judged(hub.KindForbidden, CodeShopFrozen)
	case "MAX_COST_EXCEEDED":
		return judged(hub.KindPermanent, CodeTooDear)
	case "INTERNAL_SERVER_ERROR", "TIMEOUT": // names of bulk errors, taken to be these errors' too (U)
		return judged(hub.KindUnavailable, CodeUnreachable)
	}
	return judged(hub.KindPermanent, CodeRefused)
}

// judgeAuth reads an answer of the token endpoint. Its refusals are 400 with a word (nango.dev; the others U).
func judgeAuth(a driver.Answer) error {
	v, err := strictjson.Parse(a.Body)
	readable := err == nil && v.Kind() == strictjson.Object
	switch {
	case a.Status == http.StatusOK && readable && v.Get("access_token").Given():
		return nil
	case a.Status == http.StatusOK:
		return judged(hub.KindUnavailable, driver.CodeUnreadable)
	case a.Status == http.StatusTooManyRequests:
		return &hub.Error{Kind: hub.KindThrottled, Op: "reading shopify's answer", RetryAfter: retryAfter(a.Header)}
	case a.Status >= 500, a.Status < 400, a.Status == http.StatusRequestTimeout:
		return &hub.Error{Kind: hub.KindUnavailable, Code: CodeUnreachable, Op: "reading shopify's answer", RetryAfter: retryAfter(a.Header)}
	case a.Status == http.StatusPaymentRequired, a.Status == http.StatusLocked:
		return judged(hub.KindForbidden, CodeShopFrozen)
	case a.Status == http.StatusNotFound:
		return judged(hub.KindNotFound, "")
	}
	switch v.Get("error").Text() {
	case "invalid_client", "application_cannot_be_found", "unauthorized_client":
		return judged(hub.KindForbidden, CodeAppRefused)
	case "invalid_grant", "invalid_request":
		return judged(hub.KindPermanent, driver.CodeReconnect)
	}
	return judged(hub.KindForbidden, CodeAppRefused)
}

// judgeDownload reads the status of a signed address, which ends a week after it was made and answers 400 or 403 then (U).
func judgeDownload(a driver.Answer) error {
	switch s := a.Status; {
	case s == http.StatusOK, s == http.StatusPartialContent:
		return nil
	case s == http.StatusTooManyRequests:
		return &hub.Error{Kind: hub.KindThrottled, Op: "reading an export", RetryAfter: retryAfter(a.Header)}
	case s >= 500:
		return &hub.Error{Kind: hub.KindUnavailable, Code: CodeUnreachable, Op: "reading an export", RetryAfter: retryAfter(a.Header)}
	}
	return judged(hub.KindNotFound, driver.CodeExportLost)
}
