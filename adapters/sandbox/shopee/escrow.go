package shopee

// escrowDetail is get_escrow_detail. An order whose money is not known yet is not found (U).
func escrowDetail(c *call) ([]byte, *refusal) {
	sn := c.one("order_sn")
	if sn == "" {
		return nil, wrong("Missing order_sn. Please include a valid order_sn to get escrow details.")
	}
	o := c.shop.bySN[sn]
	if o == nil || !o.settled(c.p.line.Time()) {
		return nil, &refusal{200, "order_not_found", "Order SN provided is invalid or does not belong to you. Please enter a valid Order SN."}
	}
	return o.printedEscrow(), nil
}

// escrowBatch is get_escrow_detail_batch, which is posted. What is not known is left out (U).
func escrowBatch(c *call) ([]byte, *refusal) {
	var numbers []string
	if refused := c.fields(map[string]any{"order_sn_list": &numbers}); refused != nil {
		return nil, refused
	}
	switch {
	case len(numbers) == 0:
		return nil, wrong("order_sn_list is required, format should be string[]")
	case len(numbers) > maxOrders:
		return nil, &refusal{200, "exceed_max_limit", "Your request exceeds the max limit of 50 orders."}
	}
	t := text{b: make([]byte, 0, len(numbers)*usual)}
	t.open("", '[')
	for _, sn := range numbers {
		if o := c.shop.bySN[sn]; o != nil && o.settled(c.p.line.Time()) {
			t.open("", '{')
			t.name("escrow_detail")
			t.b = append(t.b, o.printedEscrow()...)
			t.end('}')
		}
	}
	t.end(']')
	return t.b, nil
}

func (o *order) printedEscrow() []byte {
	if o.escrow.version != o.version {
		o.escrow = cached{version: o.version, body: o.printEscrow()}
	}
	return o.escrow.body
}

// fees are what the platform keeps of the seller's money, in per cent of what was sold. They are made up.
const (
	commissionPercent  = 5
	servicePercent     = 2
	transactionPercent = 2
)

// printEscrow prints the money of an order. The buyer's block stays as it was at the payment; the income follows returns.
func (o *order) printEscrow() []byte {
	t := text{b: make([]byte, 0, usual)}
	digits := o.shop.market.digits
	t.open("", '{')
	t.str("order_sn", o.sn)
	t.str("buyer_user_name", o.username(0))
	t.open("return_order_sn_list", '[')
	for _, r := range o.returns {
		t.comma()
		t.b = appendString(t.b, r.sn)
	}
	t.end(']')
	o.printIncome(&t, digits)
	o.printPayment(&t, digits)
	t.end('}')
	return t.b
}

// printIncome prints order_income. Costs are positive; final_shipping_fee has a sign.
func (o *order) printIncome(t *text, digits int) {
	sold, promoted := o.subtotal()-o.voucher, o.listed()-o.subtotal()-o.rebate()
	commission, service, transaction := sold*commissionPercent/100, sold*servicePercent/100, sold*transactionPercent/100
	net := o.listed() - promoted - o.voucher - commission - service - transaction - o.refunded()
	if o.status == cancelled {
		net = 0
	}
	t.open("order_income", '{')
	for _, m := range []struct {
		name   string
		amount int64
	}{
		{"escrow_amount", max(net, 0)}, {"buyer_total_amount", o.total()}, {"order_original_price", o.listed()}, {"original_price", o.listed()},
		{"order_discounted_price", o.subtotal()}, {"order_selling_price", o.listed()}, {"order_seller_discount", promoted}, {"seller_discount", promoted},
		{"shopee_discount", o.rebate()}, {"original_shopee_discount", o.rebate()}, {"voucher_from_seller", o.voucher},
		{"voucher_from_shopee", o.platformVoucher}, {"coins", o.coins}, {"payment_promotion", o.promotion},
		{"buyer_paid_shipping_fee", o.shipping}, {"buyer_transaction_fee", o.fee}, {"cross_border_tax", 0},
		{"commission_fee", commission}, {"service_fee", service}, {"seller_transaction_fee", transaction}, {"seller_lost_compensation", 0},
		{"seller_coin_cash_back", 0}, {"escrow_tax", 0}, {"estimated_shipping_fee", o.shipping}, {"final_shipping_fee", 0},
		{"actual_shipping_fee", o.shipping}, {"shopee_shipping_rebate", 0}, {"shipping_fee_discount_from_3pl", 0},
		{"seller_shipping_discount", 0}, {"cost_of_goods_sold", o.subtotal()}, {"original_cost_of_goods_sold", o.subtotal()},
		{"drc_adjustable_refund", o.refunded()}, {"seller_return_refund", -o.goodsBack()}, {"campaign_fee", 0}, {"reverse_shipping_fee", 0},
	} {
		t.amount(m.name, m.amount, digits)
	}
	t.open("seller_voucher_code", '[')
	if o.voucher > 0 {
		t.b = appendString(t.b, "SELL5")
	}
	t.end(']')
	t.str("buyer_payment_method", o.method())
	t.str("instalment_plan", "N/A")
	t.open("items", '[')
	for _, l := range o.lines {
		o.printSold(t, l, digits)
	}
	t.end(']')
	t.end('}')
}

// printSold prints one item of the income. Its prices are subtotals of the line.
func (o *order) printSold(t *text, l line, digits int) {
	kind := ""
	if o.bundle {
		kind = "bundle_deal"
	}
	t.open("", '{')
	t.num("item_id", l.item)
	t.str("item_name", l.title)
	t.str("item_sku", l.sku)
	t.num("model_id", l.model)
	t.str("model_name", l.name)
	t.str("model_sku", l.modelSKU)
	t.num("line_item_id", l.id)
	t.amount("original_price", l.listed(), digits)
	t.amount("selling_price", l.listed(), digits)
	t.amount("discounted_price", l.paid(), digits)
	t.amount("seller_discount", l.listed()-l.paid()-l.rebate*l.quantity, digits)
	t.amount("shopee_discount", l.rebate*l.quantity, digits)
	t.num("discount_from_coin", 0)
	t.num("discount_from_voucher_shopee", 0)
	t.num("discount_from_voucher_seller", 0)
	t.str("activity_type", kind)
	t.num("activity_id", 0)
	t.flag("is_main_item", false)
	t.num("quantity_purchased", l.quantity)
	t.end('}')
}

// printPayment prints buyer_payment_info: what was taken off is negative here.
func (o *order) printPayment(t *text, digits int) {
	t.open("buyer_payment_info", '{')
	t.str("buyer_payment_method", o.method())
	for _, m := range []struct {
		name   string
		amount int64
	}{
		{"buyer_total_amount", o.total()}, {"merchant_subtotal", o.subtotal()}, {"seller_voucher", -o.voucher}, {"shopee_voucher", -o.platformVoucher},
		{"shopee_coins_redeemed", -o.coins}, {"credit_card_promotion", -o.promotion}, {"shipping_fee", o.shipping}, {"shipping_fee_sst_amount", 0},
		{"initial_buyer_txn_fee", o.fee}, {"buyer_service_fee", 0}, {"insurance_premium", 0}, {"buyer_tax_amount", 0}, {"icms_tax_amount", 0},
		{"import_tax_amount", o.tax}, {"iof_tax_amount", 0}, {"discount_pix", 0},
	} {
		t.amount(m.name, m.amount, digits)
	}
	t.flag("is_paid_by_credit_card", false)
	t.end('}')
}
