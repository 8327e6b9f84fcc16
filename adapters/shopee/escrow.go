package shopee

import (
	"hub"
	"hub/adapters/driver/strictjson"
)

// paidItems are the escrow's items that no line has taken yet, by what names them.
type paidItems map[string][]strictjson.Value

// escrowItems indexes the escrow's items by line_item_id, or by item and model where it is not told.
func (d *decoder) escrowItems() paidItems {
	list := d.list(d.escrow.Get("order_income").Get("items"))
	if list.Kind() != strictjson.Array {
		return nil
	}
	items := paidItems{}
	for v := range list.Items() {
		name := d.itemName(v)
		if line := d.id(v.Get("line_item_id")); line != "" {
			name = line
		}
		items[name] = append(items[name], v)
	}
	return items
}

func (d *decoder) itemName(v strictjson.Value) string {
	return d.id(get(v, "item_id")) + "/" + d.id(get(v, "model_id"))
}

// take finds what the escrow says of a line and uses it up. An item with another quantity is another state of the line,
// and is not believed.
func (p paidItems) take(d *decoder, line strictjson.Value) strictjson.Value {
	names := [...]string{d.id(get(line, "line_item_id")), d.itemName(line)}
	for _, name := range names {
		if name == "" || len(p[name]) == 0 {
			continue
		}
		v := p[name][0]
		p[name] = p[name][1:]
		if q := v.Get("quantity_purchased"); q.Given() && d.Count(q) != d.Count(get(line, "model_quantity_purchased")) {
			return strictjson.Value{}
		}
		return v
	}
	return strictjson.Value{}
}

// parts are what a buyer's total is made of, beside the items.
type parts struct {
	off        []off
	discount   hub.Money
	byPlatform hub.Money
	shipping   hub.Money
	tax        hub.Money
	fees       hub.Money
}

// off is one kind of discount.
type off struct {
	kind, funded string
	amount       hub.Money
}

// sumOff fills the discount of p, and the share of it that the platform pays.
func (d *decoder) sumOff(p *parts, v strictjson.Value) {
	for _, o := range p.off {
		p.discount = d.and(p.discount, o.amount, v)
		if o.funded == byPlatform {
			p.byPlatform = d.and(p.byPlatform, o.amount, v)
		}
	}
}

// Who pays for a discount.
const (
	bySeller   = "seller"
	byPlatform = "platform"
	byUnknown  = "unknown"
)

// atCheckout reads the parts as they were when the buyer paid (buyer_payment_info). Its documentation says that they stay
// as they are whatever is returned or cancelled later, as the total does, so a partial return does not show in them. What
// the item discounts were is then what is left between the items and merchant_subtotal. Which of the fees and taxes
// overlap is (U), so the parts only count where they add up to the total.
func (d *decoder) atCheckout(items hub.Money) (p parts, ok bool) {
	info, income := d.escrow.Get("buyer_payment_info"), d.escrow.Get("order_income")
	paid := d.signed(info, "merchant_subtotal")
	if !known(paid) || !known(items) {
		return parts{}, false
	}
	rebate := d.off(income, "original_shopee_discount")
	promotion := d.minus(items, paid, info)
	if known(rebate) {
		promotion = d.minus(promotion, rebate, info)
	}
	p = parts{
		off: []off{
			{"item", bySeller, promotion},
			{"item", byPlatform, rebate},
			{"order", bySeller, d.off(info, "seller_voucher")},
			{"order", byPlatform, d.off(info, "shopee_voucher")},
			{"coins", byPlatform, d.off(info, "shopee_coins_redeemed")},
			{"payment", byPlatform, d.off(info, "credit_card_promotion")},
			{"payment", byUnknown, d.off(info, "discount_pix")},
			{"order", byUnknown, d.total(info, d.off, "trade_in_bonus", "ads_voucher_discount")},
		},
		shipping: d.signed(info, "shipping_fee"),
		tax: d.total(info, d.signed, "buyer_tax_amount", "icms_tax_amount", "import_tax_amount", "iof_tax_amount",
			"shipping_fee_sst_amount"),
		fees: d.total(info, d.signed, "initial_buyer_txn_fee", "buyer_service_fee", "insurance_premium",
			"buyer_paid_packaging_fee", "bulky_handling_fee", "bcrs_deposit", "shopeevip_subtotal"),
	}
	d.sumOff(&p, info)
	return p, promotion.Minor >= 0 && p.shipping.Minor >= 0
}

// inIncome reads the parts from order_income, which follow what was returned.
func (d *decoder) inIncome() (p parts) {
	info, income := d.escrow.Get("buyer_payment_info"), d.escrow.Get("order_income")
	p = parts{
		off: []off{
			{"item", bySeller, d.off(income, "seller_discount")},
			{"item", byPlatform, d.off(income, "shopee_discount")},
			{"order", bySeller, d.off(income, "voucher_from_seller")},
			{"order", byPlatform, d.off(income, "voucher_from_shopee")},
			{"order", byUnknown, d.off(income, "voucher_from_external_party")},
			{"coins", byPlatform, d.off(income, "coins")},
			{"payment", byPlatform, d.off(income, "payment_promotion")},
			{"payment", byUnknown, d.off(income, "pix_discount")},
		},
		shipping: d.signed(income, "buyer_paid_shipping_fee"),
		// Import taxes are the buyer's only in the buyer's block; those of order_income are withheld from the seller (U).
		tax:  d.total(income, d.signed, "cross_border_tax"),
		fees: d.total(income, d.signed, "buyer_transaction_fee", "buyer_paid_packaging_fee", "bcrs_deposit"),
	}
	p.tax = d.and(p.tax, d.total(info, d.signed, "icms_tax_amount", "import_tax_amount", "iof_tax_amount"), info)
	p.fees = d.and(p.fees, d.total(info, d.signed, "buyer_service_fee", "insurance_premium"), info)
	d.sumOff(&p, income)
	return p
}
