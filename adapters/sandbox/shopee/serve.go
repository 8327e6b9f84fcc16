package shopee

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds what a caller sends.
const maxBody = 1 << 20

// call is one request that the gate let through.
type call struct {
	p    *Platform
	ctx  context.Context
	app  *App
	shop *store // of a shop's call
	q    map[string][]string
	body []byte
}

// refusal is an error answer. The statuses are not documented (U); 403 is seen for what concerns rights and signatures.
type refusal struct {
	status  int
	word    string
	message string
}

func wrong(message string) *refusal { return &refusal{http.StatusOK, "error_param", message} }

// route is one call of the platform.
type route struct {
	method string
	public bool // signed for the app alone
	tokens bool // of the token calls, which have faults of their own
	bare   bool // its members stand at the top of the answer, without response
	serve  func(*call) ([]byte, *refusal)
}

// api is the part of a path that all calls share.
const api = "/api/v2/"

// routes are the calls that this platform has.
func routes() map[string]route {
	get, post := http.MethodGet, http.MethodPost
	return map[string]route{
		"auth/token/get":                          {post, true, true, true, tokenGet},
		"auth/access_token/get":                   {post, true, true, true, refreshGet},
		"public/get_token_by_resend_code":         {post, true, true, true, resendGet},
		"public/get_shops_by_partner":             {get, true, false, true, shopsByPartner},
		"shop/get_shop_info":                      {get, false, false, true, shopInfo},
		"order/get_order_list":                    {get, false, false, false, orderList},
		"order/get_order_detail":                  {get, false, false, false, orderDetail},
		"payment/get_escrow_detail":               {get, false, false, false, escrowDetail},
		"payment/get_escrow_detail_batch":         {post, false, false, false, escrowBatch},
		"returns/get_return_list":                 {get, false, false, false, returnList},
		"returns/get_return_detail":               {get, false, false, false, returnDetail},
		"push/get_app_push_config":                {get, true, false, false, pushConfig},
		"push/set_app_push_config":                {post, true, false, false, setPushConfig},
		"push/get_lost_push_message":              {get, true, false, false, lostPushes},
		"push/confirm_consumed_lost_push_message": {post, true, false, false, confirmLost},
	}
}

// ServeHTTP is the platform's addresses. What stands in front of /api/v2/ in a path is not looked at, so that several
// platforms can share a host; it is not part of what is signed either.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, name, found := strings.Cut(r.URL.Path, api)
	if found && (name == "shop/auth_partner" || name == "shop/cancel_auth_partner") {
		p.page(w, r, name == "shop/cancel_auth_partner")
		return
	}
	to, known := p.routes[name]
	if !found || !known || to.method != r.Method {
		p.refuse(w, &refusal{http.StatusNotFound, "error_param", "Permission denied. This API is currently offline or the request path is incorrect."})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		p.refuse(w, wrong("parse data failed"))
		return
	}
	p.answer(w, r, to, api+name, body)
}

// answer does what a call asks for, with the faults that are due.
func (p *Platform) answer(w http.ResponseWriter, r *http.Request, to route, path string, body []byte) {
	p.line.Lock()
	c := &call{p: p, ctx: r.Context(), q: r.URL.Query(), body: body}
	refused := p.gate(c, to, path)
	var f mishap
	if refused == nil && !to.tokens {
		f = p.faults.forAnswer(p.streams.answers)
		refused = f.refusal
	}
	var made []byte
	if refused == nil {
		made, refused = to.serve(c)
	}
	if refused == nil && to.tokens {
		f = p.faults.forPair(p.streams.answers)
	}
	out := p.envelope(to, made, refused)
	date := p.front()
	p.line.Unlock()

	status := http.StatusOK
	if refused != nil {
		status = refused.status
	}
	if f.wait > 0 {
		p.o.Wait(r.Context(), f.wait)
	}
	f.write(w, status, date, out)
}

// front is the time that callers meet.
func (p *Platform) front() time.Time { return p.line.Time().Add(p.skew) }

// refuse answers a request that reached no call.
func (p *Platform) refuse(w http.ResponseWriter, refused *refusal) {
	p.line.Lock()
	out, date := p.envelope(route{}, nil, refused), p.front()
	p.line.Unlock()
	mishap{}.write(w, refused.status, date, out)
}

// envelope prints an answer.
func (p *Platform) envelope(to route, made []byte, refused *refusal) []byte {
	t := text{b: make([]byte, 0, len(made)+128)}
	t.open("", '{')
	if refused == nil {
		refused = &refusal{}
	}
	t.str("error", refused.word)
	t.str("message", refused.message)
	t.str("request_id", hexID(p.streams.ids))
	switch {
	case refused.word != "" || len(made) == 0: // some answers have no response even so
	case to.bare:
		t.comma()
		t.b = append(t.b, made...)
	default:
		t.raw("response", "")
		t.b = append(t.b, made...)
	}
	t.end('}')
	return t.b
}

// one is a parameter of the query; of several alike the first counts (U).
func (c *call) one(name string) string {
	if values := c.q[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// integer reads a parameter of the query that must be there and lie in bounds.
func (c *call) integer(name string, low, high int64) (int64, *refusal) {
	n, err := strconv.ParseInt(c.one(name), 10, 64)
	if err != nil || n < low || n > high {
		return 0, wrong("Wrong parameters, detail: " + name + " is missing or out of range.")
	}
	return n, nil
}
