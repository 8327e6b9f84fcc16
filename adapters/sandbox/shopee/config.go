package shopee

import "slices"

// shopInfo is get_shop_info, whose members stand at the top.
func shopInfo(c *call) ([]byte, *refusal) {
	s := c.shop
	g := c.p.grants[grantKey{c.app, kindShop, s.id}]
	var t text
	t.num("auth_time", g.at.Unix())
	t.num("expire_time", g.until.Unix())
	t.str("shop_name", s.spec.Name)
	t.str("region", s.spec.Region)
	t.str("status", s.status)
	t.str("shop_fulfillment_flag", "Others")
	t.flag("is_cb", s.market.flag == "fulfilled_by_cb_seller")
	t.flag("is_upgraded_cbsc", false)
	t.raw("merchant_id", "null")
	t.flag("is_sip", false)
	t.flag("is_main_shop", false)
	t.flag("is_direct_shop", false)
	t.nums("linked_direct_shop_list")
	t.num("linked_main_shop_id", 0)
	return t.b, nil
}

// shopsByPartner is get_shops_by_partner: pages from 1 on.
func shopsByPartner(c *call) ([]byte, *refusal) {
	size, refused := c.integer("page_size", 1, maxPage)
	if refused != nil {
		return nil, refused
	}
	page, refused := c.integer("page_no", 1, 1<<31)
	if refused != nil {
		return nil, refused
	}
	var live []*grant
	for _, s := range c.p.listed {
		if g := c.p.grants[grantKey{c.app, kindShop, s.id}]; g != nil && g.state == grantLive {
			live = append(live, g)
		}
	}
	begin := min(int((page-1)*size), len(live))
	end := min(begin+int(size), len(live))
	var t text
	t.open("authed_shop_list", '[')
	for _, g := range live[begin:end] {
		t.open("", '{')
		t.str("region", g.shop.spec.Region)
		t.num("shop_id", g.shop.id)
		t.num("auth_time", g.at.Unix())
		t.num("expire_time", g.until.Unix())
		t.nums("sip_affi_shop_list")
		t.end('}')
	}
	t.end(']')
	t.flag("more", end < len(live))
	return t.b, nil
}

// pushConfig is get_app_push_config.
func pushConfig(c *call) ([]byte, *refusal) {
	a := c.app
	var t text
	t.open("", '{')
	t.str("callback_url", a.spec.PushURL)
	t.str("live_push_status", a.health.word())
	if a.health.off() {
		t.num("suspended_time", a.health.suspended.Unix())
	}
	t.nums("blocked_shop_id", a.blocked...)
	t.nums("push_config_on_list", a.codes(true)...)
	t.nums("push_config_off_list", a.codes(false)...)
	t.end('}')
	return t.b, nil
}

// try sends a test push to an address before it is taken (error list of set_app_push_config). Nothing waits for it: the
// lock is given back meanwhile. A body in the answer does not matter here (U).
func (c *call) try(address string) *refusal {
	body := []byte(`{"code":0,"timestamp":` + itoa(c.p.line.Time().Unix()) + `}`)
	signature := signPush(c.app.pushKey(), address, body)
	c.p.line.Unlock()
	status, _, err := c.p.post(c.ctx, address, signature, body)
	c.p.line.Lock()
	switch {
	case err != nil:
		return wrong("Shopee have sent a test push to this call back url, but we didn't get any response in 3 seconds with 2xx code, please check your service.")
	case status/100 != 2:
		return wrong("Shopee have sent a test push to this call back url, the response code we get from this callback_url is not 2xx code, please check your service.")
	}
	return nil
}

// maxBlocked is how many shops can be blocked.
const maxBlocked = 500

// setPushConfig is set_app_push_config: an address, codes to switch on and off, shops to block.
func setPushConfig(c *call) ([]byte, *refusal) {
	var in struct {
		address string
		on, off []int64
		blocked []int64
	}
	in.blocked = c.app.blocked
	refused := c.fields(map[string]any{
		"callback_url": &in.address, "set_push_config_on": &in.on, "set_push_config_off": &in.off, "blocked_shop_id_list": &in.blocked,
	})
	if refused != nil {
		return nil, refused
	}
	known := func(codes []int64) bool {
		return !slices.ContainsFunc(codes, func(code int64) bool { return !slices.Contains(pushCodes(), code) })
	}
	switch {
	case in.address == "" && c.app.spec.PushURL == "":
		return nil, wrong("Your app's callback_url is empty, please input a callback_url before you turn on push config.")
	case in.address != "" && !c.p.reachable(in.address):
		return nil, wrong("this callback_url is invalid, please check your callback_url.")
	case !known(in.on) || !known(in.off) || len(in.blocked) > maxBlocked:
		return nil, wrong("Wrong parameters, detail: a push or the list of blocked shops is not valid.")
	}
	if in.address != "" {
		if refused := c.try(in.address); refused != nil {
			return nil, refused
		}
		c.app.spec.PushURL = in.address
	}
	for _, code := range in.on {
		c.app.on[code] = true
	}
	for _, code := range in.off {
		c.app.on[code] = false
	}
	c.app.blocked = in.blocked
	return []byte(`{"result":"success"}`), nil
}
