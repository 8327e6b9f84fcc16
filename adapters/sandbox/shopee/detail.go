package shopee

import "strings"

// maxOrders is how many orders one call takes.
const maxOrders = 50

// usual is a size that most bodies of one order stay below, in bytes.
const usual = 4 << 10

// orderDetail is get_order_detail, in the order that was asked for (U). One number that is not the shop's refuses the whole
// call (U).
func orderDetail(c *call) ([]byte, *refusal) {
	numbers := c.one("order_sn_list")
	if n := strings.Count(numbers, ",") + 1; numbers == "" || n > maxOrders {
		return nil, wrong("Wrong parameters, detail: order_sn_list must hold 1 to 50 numbers.")
	}
	asked, ok := fieldsOf(c.one("response_optional_fields"))
	if !ok {
		return nil, wrong("Wrong parameters, detail: response_optional_fields is invalid.")
	}
	if c.one("request_order_status_pending") == "true" {
		asked |= askedPending
	}
	if c.app.spec.Clear {
		asked |= askedClear
	}
	orders := c.shop.find(numbers)
	if orders == nil {
		return nil, &refusal{200, "error_not_found", "Wrong parameters, detail: the order is not found."}
	}
	t := text{b: make([]byte, 0, len(orders)*usual)}
	t.open("", '{')
	t.open("order_list", '[')
	for _, o := range orders {
		if o.detail.version != o.version || o.detail.asked != asked {
			o.detail = cached{o.version, asked, o.printDetail(asked)}
		}
		t.comma()
		t.b = append(t.b, o.detail.body...)
	}
	t.end(']')
	t.end('}')
	return t.b, nil
}

// printDetail prints an order: ten members that always come, and the optional ones.
func (o *order) printDetail(asked fieldSet) []byte {
	t := &printer{text: text{b: make([]byte, 0, usual)}, asked: asked, o: o}
	m := o.shop.market
	t.open("", '{')
	t.str("order_sn", o.sn)
	t.str("region", o.shop.spec.Region)
	t.str("currency", m.currency)
	t.flag("cod", o.cod)
	t.str("order_status", o.shown(asked.has(askedPending)))
	t.str("message_to_seller", "")
	t.num("create_time", o.created)
	t.num("update_time", o.updated)
	t.num("days_to_ship", 2)
	t.num("ship_by_date", o.created+3*86_400)
	if asked.has(askedPending) && o.status == pending {
		t.strs("pending_terms", "SYSTEM_PENDING")
	}
	t.optNum("buyer_user_id", o.buyer)
	t.optStr("buyer_username", o.username(asked))
	if t.wants("estimated_shipping_fee") {
		t.amount("estimated_shipping_fee", o.shipping, m.digits)
	}
	t.address()
	if t.wants("actual_shipping_fee") { // a recorded answer has the name with a blank behind it
		t.raw("actual_shipping_fee"+map[bool]string{true: " "}[o.shop.spec.Region == "SG"], "null")
	}
	t.optFlag("goods_to_declare", false)
	t.optStr("note", o.note)
	t.optNum("note_update_time", o.noteAt)
	t.items()
	t.optTime("pay_time", o.paidAt)
	t.optNull("dropshipper", "")
	t.optNull("dropshipper_phone", "")
	t.rest()
	t.end('}')
	return t.b
}

// rest prints what comes behind the items.
func (t *printer) rest() {
	o, m := t.o, t.o.shop.market
	t.optFlag("split_up", false)
	t.optStr("buyer_cancel_reason", "")
	t.optStr("cancel_by", o.cancelBy)
	t.optStr("cancel_reason", o.cancelReason)
	t.optFlag("actual_shipping_fee_confirmed", o.status == completed)
	t.optNull("buyer_cpf_id", o.cpf(t.asked))
	t.optStr("fulfillment_flag", m.flag)
	t.optTime("pickup_done_time", o.pickedAt)
	t.packages()
	t.optStr("shipping_carrier", m.carrier)
	t.optStr("payment_method", o.method())
	if t.wants("total_amount") && o.committed { // it only comes after the payment
		t.amount("total_amount", o.total(), m.digits)
	}
	if t.wants("invoice_data") {
		if o.invoiced {
			t.raw("invoice_data", `{"number":"000001","series_number":"1","access_key":"00000000000000000000000000000000000000000000","status":"valid"}`)
		} else {
			t.raw("invoice_data", "null")
		}
	}
	t.optNum("order_chargeable_weight_gram", 300)
	if t.wants("return_request_due_date") && o.doneAt != 0 {
		t.num("return_request_due_date", o.doneAt+15*86_400)
	}
	if t.wants("edt") { // one name that brings two members
		t.num("edt_from", o.created+3*86_400)
		t.num("edt_to", o.created+6*86_400)
	}
	if t.wants("payment_info") && o.shop.spec.Region == "BR" {
		t.paymentInfo()
	}
}

// method is how the buyer pays.
func (o *order) method() string {
	if o.cod {
		return "Cash on Delivery"
	}
	return o.shop.market.method
}

// items prints the item list. A bundle's items share order_item_id, and their discounted price is 0.
func (t *printer) items() {
	if !t.wants("item_list") {
		return
	}
	m := t.o.shop.market
	t.open("item_list", '[')
	for _, l := range t.o.lines {
		t.open("", '{')
		t.num("item_id", l.item)
		t.str("item_name", l.title)
		t.str("item_sku", l.sku)
		t.num("model_id", l.model)
		t.str("model_name", l.name)
		t.str("model_sku", l.modelSKU)
		t.num("model_quantity_purchased", l.quantity)
		t.amount("model_original_price", l.price, m.digits)
		group, kind, reduced := l.item, "", l.reduced
		if t.o.bundle {
			group, kind, reduced = t.o.lines[0].item, "bundle_deal", 0
		}
		t.amount("model_discounted_price", reduced, m.digits)
		t.flag("wholesale", false)
		t.raw("weight", "0.3")
		t.flag("add_on_deal", false)
		t.flag("main_item", false)
		t.num("add_on_deal_id", 0)
		t.str("promotion_type", kind)
		t.num("promotion_id", 0)
		t.num("order_item_id", group)
		t.num("line_item_id", l.id)
		t.num("promotion_group_id", 0)
		t.raw("image_info", `{"image_url":"https://img.example.com/1_tn"}`)
		t.strs("product_location_id", t.o.shop.spec.Region+"L1")
		t.num("active_qty", l.quantity-l.returned)
		t.num("cancel_requested_qty", 0)
		t.num("cancelled_qty", 0)
		t.num("return_requested_qty", l.asked)
		t.num("returned_qty", l.returned)
		t.end('}')
	}
	t.end(']')
}

// packages prints the one package of an order.
func (t *printer) packages() {
	if !t.wants("package_list") {
		return
	}
	o := t.o
	t.open("package_list", '[')
	t.open("", '{')
	t.str("package_number", o.parcel)
	t.raw("group_shipment_id", "null")
	t.str("logistics_status", o.logistics)
	t.num("logistics_channel_id", o.channel)
	t.str("shipping_carrier", o.shop.market.carrier)
	t.flag("allow_self_design_awb", true)
	t.num("parcel_chargeable_weight_gram", 300)
	t.open("item_list", '[')
	for _, l := range o.lines {
		t.open("", '{')
		t.num("item_id", l.item)
		t.num("model_id", l.model)
		t.num("model_quantity", l.quantity)
		t.num("order_item_id", l.item)
		t.end('}')
	}
	t.end(']')
	t.end('}')
	t.end(']')
}

// paymentInfo is told in Brazil only.
func (t *printer) paymentInfo() {
	o := t.o
	t.open("payment_info", '[')
	if o.paidAt != 0 {
		t.open("", '{')
		t.str("payment_method", o.method())
		t.str("payment_processor_register", "00000000000191")
		t.str("card_brand", "")
		t.str("transaction_id", "pay"+itoa(o.buyer))
		t.amount("payment_amount", o.total(), o.shop.market.digits)
		t.end('}')
	}
	t.end(']')
}
