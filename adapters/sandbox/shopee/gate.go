package shopee

import (
	"net/http"
	"strconv"
	"time"
)

// freshness is how far a call's timestamp may be off (guide 16).
const freshness = 5 * time.Minute

// gate lets a call in: missing parameters, partner id, timestamp, signature, budget, token, link of the shop, right to the
// call. The order is (U); texts are those of the common error list.
func (p *Platform) gate(c *call, to route, path string) *refusal {
	if refused := p.signed(c, path, to.public); refused != nil {
		return refused
	}
	var s *store
	var shop int64
	if !to.public {
		shop, _ = number(c.one("shop_id"))
		s = p.shops[shop]
	}
	if refused := p.charge(c.app, s); refused != nil {
		return refused
	}
	if c.app.barred(path) {
		return &refusal{http.StatusForbidden, "error_api_permission", "This app type has no permission to this API."}
	}
	if to.public {
		return nil
	}
	g, refused := p.authentic(c.app, c.one("access_token"), grantKey{c.app, kindShop, shop})
	if refused != nil {
		return refused
	}
	c.shop = g.shop
	return nil
}

// signed checks who calls, and when.
func (p *Platform) signed(c *call, path string, public bool) *refusal {
	refuse := func(message string) *refusal { return &refusal{http.StatusForbidden, "error_param", message} }
	for _, name := range [...]string{"partner_id", "timestamp", "sign"} {
		if c.one(name) == "" {
			return refuse("There is no " + name + " in query.")
		}
	}
	id, ok := number(c.one("partner_id"))
	if !ok {
		return refuse("Partner_id is invalid, should be an integer between 0 and 4294967295.")
	}
	if c.app = p.app(id); c.app == nil {
		return &refusal{http.StatusForbidden, "invalid_partner_id", "Invalid partner_id, please have a check."}
	}
	at, ok := number(c.one("timestamp"))
	if !ok {
		return refuse("Timestamp is invalid, should be an integer between 0 and 4294967295.")
	}
	if p.front().Sub(time.Unix(at, 0)).Abs() > freshness {
		if p.skew != 0 {
			p.faults.Count(Skew)
		}
		return refuse("Timestamp is expired.")
	}
	token, account := "", ""
	if !public {
		if token = c.one("access_token"); token == "" {
			return refuse("There is no access_token in query.")
		}
		if account = c.one("shop_id"); account == "" {
			return refuse("There is no shop_id in query.")
		}
		if _, ok := number(account); !ok {
			return refuse("shop_id is invalid, should be an integer between 0 and 4294967295.")
		}
	}
	if !same(c.one("sign"), signCall(c.app.spec.Key, c.one("partner_id"), path, c.one("timestamp"), token, account)) {
		return &refusal{http.StatusForbidden, "error_sign", "Wrong sign."}
	}
	return nil
}

// number reads an id or a time as the platform takes them.
func number(text string) (int64, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return int64(n), err == nil
}

// bucket is a budget that fills as time passes.
type bucket struct {
	left int64 // in millionths of a call
	at   time.Time
}

const million = 1_000_000

// charge takes a call off the budget of an app for a shop, or says that there is none left.
func (p *Platform) charge(a *App, s *store) *refusal {
	if p.o.Daily > 0 {
		if day := quotaDay(p.line.Time()); day != a.day {
			a.day, a.calls = day, 0
		}
		if a.calls++; a.calls > p.o.Daily {
			return &refusal{http.StatusOK, "error_limit", "The total API call number made by your APP has reached the daily API call limit, please try again after 00: 00 (UTC+08:00)"}
		}
	}
	if p.o.Unlimited {
		return nil
	}
	b := a.buckets[s]
	if b == nil {
		b = &bucket{int64(p.o.Burst) * million, p.line.Time()}
		a.buckets[s] = b
	}
	passed := min(p.line.Time().Sub(b.at), time.Hour)
	b.left = min(b.left+int64(passed/time.Microsecond)*int64(p.o.PerSecond), int64(p.o.Burst)*million)
	b.at = p.line.Time()
	if b.left < million {
		return tooMany()
	}
	b.left -= million
	return nil
}

func tooMany() *refusal {
	return &refusal{http.StatusTooManyRequests, "error_rate_limit", "Too many requests. You have reached the rate limit. Please try again later."}
}
