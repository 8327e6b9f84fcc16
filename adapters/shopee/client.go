package shopee

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
)

var (
	_ driver.Client    = (*Driver)(nil)
	_ driver.Connector = (*Driver)(nil)
	_ driver.Lost      = (*Driver)(nil)
)

// The platform's addresses (developer guides 16 and 644). One host serves every region; which of several is near is for
// App.Base to say. The reference names another sandbox host (U).
const (
	liveHost    = "https://partner.shopeemobile.com"
	sandboxHost = "https://openplatform.sandbox.test-stable.shopee.sg"
)

// The paths of the calls, as they are signed.
const (
	pathAuthorize  = "/api/v2/shop/auth_partner"
	pathToken      = "/api/v2/auth/token/get"
	pathRefresh    = "/api/v2/auth/access_token/get"
	pathShop       = "/api/v2/shop/get_shop_info"
	pathList       = "/api/v2/order/get_order_list"
	pathDetail     = "/api/v2/order/get_order_detail"
	pathEscrow     = "/api/v2/payment/get_escrow_detail"
	pathEscrows    = "/api/v2/payment/get_escrow_detail_batch"
	pathReturn     = "/api/v2/returns/get_return_detail"
	pathPushConfig = "/api/v2/push/get_app_push_config"
	pathSetPush    = "/api/v2/push/set_app_push_config"
	pathLost       = "/api/v2/push/get_lost_push_message"
	pathConfirm    = "/api/v2/push/confirm_consumed_lost_push_message"
)

// host is where the app's calls go. Shops are not part of the address.
func host(app driver.App) string {
	switch {
	case app.Base != "":
		return strings.TrimSuffix(app.Base, "/")
	case app.Environment == "sandbox":
		return sandboxHost
	}
	return liveHost
}

// base is what a call's signature is over: no separators, no host, no query, no body. Public calls have neither token nor
// shop; those of a merchant have its id for the shop's.
func base(partner, path string, at time.Time, token, shop string) string {
	return partner + path + strconv.FormatInt(at.Unix(), 10) + token + shop
}

// Request writes a call, signed with the app's first secret, which must be the partner key (a push key of its own comes
// behind it). A signature is good for five minutes, so clocks must agree.
func (dr *Driver) Request(c driver.Call, a driver.Access, now time.Time) (*http.Request, error) {
	partner, key, err := dr.credentials(a.App)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	for name, values := range c.Query {
		query[name] = values
	}
	query.Set("partner_id", partner)
	query.Set("timestamp", strconv.FormatInt(now.Unix(), 10))
	token, shop := "", ""
	if !c.Public {
		if shop, err = dr.Shop(a.Account); err != nil || a.Token == "" {
			return nil, &hub.Error{Kind: hub.KindInvalid, Code: "shop_invalid", Op: "addressing a shopee shop"}
		}
		token = a.Token
		query.Set("access_token", token)
		query.Set("shop_id", shop)
	}
	query.Set("sign", sign(key, base(partner, c.Path, now, token, shop), nil))
	to, err := url.Parse(host(a.App) + c.Path)
	if err != nil {
		return nil, &hub.Error{Kind: hub.KindInvalid, Code: CodeApp, Op: "addressing shopee"} // whose text holds the address
	}
	to.RawQuery = query.Encode()
	request, err := http.NewRequest(c.Method, to.String(), bytes.NewReader(c.Body))
	if err != nil {
		return nil, &hub.Error{Kind: hub.KindInvalid, Code: CodeApp, Op: "addressing shopee"} // likewise
	}
	for name, values := range c.Header {
		request.Header[name] = values
	}
	if len(c.Body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Accept", "application/json")
	return request, nil
}

// credentials are the app's partner id, a number, and the key that it signs with.
func (*Driver) credentials(app driver.App) (partner, key string, err error) {
	id, failed := strconv.ParseInt(app.ClientID, 10, 64)
	if failed != nil || id <= 0 || len(app.Secrets) == 0 || app.Secrets[0] == "" {
		return "", "", &hub.Error{Kind: hub.KindInvalid, Code: CodeApp, Op: "reading the shopee app"}
	}
	return strconv.FormatInt(id, 10), app.Secrets[0], nil
}

// Limits: nothing is published (the reference prints a rate limit of 0 for every call), so the rates are prudent guesses
// (U). Lists go 15 days at a time, which Changed does itself.
func (*Driver) Limits() driver.Limits {
	return driver.Limits{
		Timeout: 2500 * time.Millisecond, Size: 20, PerSecond: 10, FetchAtOnce: maxDetails, PageOrders: pageSize,
	}
}

// reads is a call that reads for the shop, and may be repeated.
func reads(name, path string, query url.Values) driver.Call {
	return driver.Call{Name: name, Class: driver.ClassOrders, Method: http.MethodGet, Path: path, Query: query, Repeat: true}
}

// platformTime is the platform's clock when it answered; zero when it does not say.
func platformTime(a driver.Answer) time.Time {
	at, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
