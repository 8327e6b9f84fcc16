package shopee

// message is what a push tells.
type message struct {
	code    int64
	shop    *store // nil for what concerns the app
	shops   []int64
	orderSN string
	data    []byte // the inner object
}

// tellShop makes the pushes of one message to all apps that are let into a shop.
func (p *Platform) tellShop(m message) {
	for _, a := range p.apps {
		if g := p.grants[grantKey{a, kindShop, m.shop.id}]; g != nil && g.state == grantLive {
			p.trigger(a, m)
		}
	}
}

// tellStatus is push 3, in the spelling of recorded ones. Its items are empty.
func (p *Platform) tellStatus(o *order) {
	var t text
	t.open("", '{')
	t.str("ordersn", o.sn)
	t.str("status", o.shown(true))
	t.num("update_time", o.updated)
	scenario := ""
	if o.status == completed {
		scenario = o.scenario
	}
	t.str("completed_scenario", scenario)
	t.strs("items")
	t.end('}')
	p.tellShop(message{code: 3, shop: o.shop, orderSN: o.sn, data: t.b})
}

// tellTracking is push 4, and push 15 for the document that can be printed now.
func (p *Platform) tellTracking(o *order) {
	var t text
	t.open("", '{')
	t.str("ordersn", o.sn)
	t.str("forder_id", itoa(o.buyer)+itoa(o.created))
	t.str("package_number", o.parcel)
	t.str("tracking_no", o.tracking)
	t.end('}')
	p.tellShop(message{code: 4, shop: o.shop, orderSN: o.sn, data: t.b})
	var document text
	document.open("", '{')
	document.str("ordersn", o.sn)
	document.str("package_number", o.parcel)
	document.str("status", "READY")
	document.end('}')
	p.tellShop(message{code: 15, shop: o.shop, orderSN: o.sn, data: document.b})
}

// tellParcel is push 30.
func (p *Platform) tellParcel(o *order) {
	var t text
	t.open("", '{')
	t.str("ordersn", o.sn)
	t.str("package_number", o.parcel)
	t.str("fulfillment_status", o.logistics)
	t.num("update_time", o.updated)
	t.end('}')
	p.tellShop(message{code: 30, shop: o.shop, orderSN: o.sn, data: t.b})
}

// tellReturn is push 29, where the order's number has an underscore.
func (p *Platform) tellReturn(r *refundCase, was, is string) {
	var t text
	t.open("", '{')
	t.str("order_sn", r.order.sn)
	t.str("return_sn", r.sn)
	t.open("updated_values", '[')
	t.open("", '{')
	t.str("update_field", "return_status")
	t.str("old_value", was)
	t.str("new_value", is)
	t.num("update_time", r.updated)
	t.end('}')
	t.end(']')
	t.end('}')
	p.tellShop(message{code: 29, shop: r.order.shop, orderSN: r.order.sn, data: t.b})
}

// tellGrant is push 1: the shop; or the main account with its shops, and once more for its merchant.
func (p *Platform) tellGrant(a *App, s *store, m *main) {
	var t text
	t.open("", '{')
	t.str("authorize_type", "shop authorization by user")
	var shops []int64
	if m == nil {
		t.str("extra", "shop id "+itoa(s.id)+" ("+s.spec.Region+") has been authorized successfully")
		t.num("shop_id", s.id)
		shops = []int64{s.id}
	} else {
		t.str("extra", "Shop has been authorized successfully")
		t.num("main_account_id", m.id)
		for _, s := range m.shops {
			shops = append(shops, s.id)
		}
		t.nums("shop_id_list", shops...)
	}
	t.num("success", 1)
	t.end('}')
	p.trigger(a, message{code: 1, shops: shops, data: t.b})
	if m == nil {
		return
	}
	var merchant text
	merchant.open("", '{')
	merchant.str("authorize_type", "merchant authorization by user")
	merchant.str("extra", "merchant id "+itoa(m.merchant)+" has been authorized successfully")
	merchant.num("merchant_id", m.merchant)
	merchant.num("success", 1)
	merchant.end('}')
	p.trigger(a, message{code: 1, data: merchant.b})
}

// tellEnd is push 2: when the seller cancels, the shop is named in a text alone; when the time is over, as shopid.
func (p *Platform) tellEnd(g *grant, state string) {
	var t text
	t.open("", '{')
	if state == grantCancelled {
		region := ""
		if g.shop != nil {
			region = " (" + g.shop.spec.Region + ")"
		}
		t.str("authorize_type", "user cancel "+g.key.kind+" authorization")
		t.str("extra", g.key.kind+" id "+itoa(g.key.id)+region+" has been cancelled its authorization")
	} else {
		t.str("authorize_type", "expiry")
		t.num(g.key.kind+"id", g.key.id)
		t.str("extra", "The authorization is expired.")
	}
	t.num("success", 1)
	t.end('}')
	p.trigger(g.key.app, message{code: 2, shops: []int64{g.key.id}, data: t.b})
}

// warn is push 12, a week before a grant ends.
func (p *Platform) warn(g *grant) {
	var t text
	t.open("", '{')
	var shops, merchants []int64
	if g.key.kind == kindShop {
		shops = []int64{g.key.id}
	} else {
		merchants = []int64{g.key.id}
	}
	t.nums("shop_expire_soon", shops...)
	t.nums("merchant_expire_soon", merchants...)
	t.nums("user_expire_soon")
	t.num("expire_before", g.until.Unix())
	t.num("page_no", 1)
	t.num("total_page", 1)
	t.end('}')
	p.trigger(g.key.app, message{code: 12, shops: []int64{g.key.id}, data: t.b})
}

// push prints the whole body. What concerns the app has its partner id in place of a shop.
func (p *Platform) push(a *App, m message) []byte {
	var t text
	t.open("", '{')
	t.str("msg_id", hexID(p.streams.ids))
	switch {
	case m.shop != nil:
		t.num("shop_id", m.shop.id)
	case m.code != 12: // which says for whom it is nowhere but in its address
		t.num("partner_id", a.id)
	}
	t.num("code", m.code)
	t.num("timestamp", p.line.Time().Unix())
	t.name("data")
	t.b = append(t.b, m.data...)
	t.end('}')
	return t.b
}
