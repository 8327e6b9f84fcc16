package mercadolibre

import (
	"net/http"
	"time"
)

// payment is one try to pay an order.
type payment struct {
	id                int64
	order             *order
	status, method    string
	amount            int64 // of the goods, before the coupon
	refunded          int64
	created, modified time.Time
}

// pay adds a payment that went through; one in five buyers was turned down once before.
func (p *Platform) pay(o *order) {
	r := p.streams.quirks
	methods := [...]string{"account_money", "master", "pix", "visa"}
	add := func(status string) {
		made := &payment{
			id: p.id("payment", firstPayment), order: o, status: status, method: methods[r.IntN(len(methods))], amount: o.total(),
			created: p.second(), modified: p.second(),
		}
		o.payments = append(o.payments, made)
		p.ledger.payments[made.id] = made
	}
	if r.IntN(5) == 0 {
		add("rejected")
	}
	add("approved")
	o.status, o.closed = "paid", p.second()
	p.touch(o)
}

// giveBack returns money of the payment that went through: all of it, or a part that leaves some.
func (p *Platform) giveBack(o *order, amount int64) {
	paid := o.paid()
	paid.refunded += amount
	paid.modified = p.second()
	if paid.refunded == paid.amount {
		paid.status = "refunded"
	}
}

// paidAmount is what the buyer paid for the goods.
func (o *order) paidAmount() int64 {
	if o.paid() == nil {
		return 0
	}
	return o.total() - o.coupon
}

func (o *order) printedPayments() []object {
	list := []object{}
	for _, paid := range o.payments {
		list = append(list, paid.resource())
	}
	return list
}

// resource prints the payment as an order holds it.
func (y *payment) resource() object {
	o := y.order
	where := o.seller.site
	kinds := map[string]string{"account_money": "account_money", "pix": "bank_transfer"}
	kind := kinds[y.method]
	if kind == "" {
		kind = "credit_card"
	}
	made := object{
		"id": o.who(y.id), "order_id": o.id, "payer_id": o.who(o.buyer.id), "collector": object{"id": o.who(o.seller.id)}, "card_id": nil,
		"reason": o.item.title, "site_id": where.id, "payment_method_id": y.method, "currency_id": where.currency, "installments": 1,
		"issuer_id": "2007", "atm_transfer_reference": object{"transaction_id": nil, "company_id": nil}, "coupon_id": nil,
		"operation_type": "regular_payment", "payment_type": kind, "available_actions": []string{"refund"}, "status": y.status,
		"status_code": nil, "status_detail": "accredited", "transaction_amount": o.money(y.amount),
		"transaction_amount_refunded": o.money(y.refunded), "taxes_amount": o.money(o.tax), "shipping_cost": o.money(0),
		"coupon_amount": o.money(o.coupon), "overpaid_amount": o.money(0), "total_paid_amount": o.money(y.amount + o.tax - o.coupon),
		"installment_amount": nil, "deferred_period": nil, "date_approved": where.stamp(y.created), "transaction_order_id": nil,
		"date_created": where.stamp(y.created), "date_last_modified": where.stamp(y.modified), "marketplace_fee": o.money(o.fee * o.quantity),
		"reference_id": nil, "authorization_code": nil,
	}
	switch {
	case y.status == "rejected":
		made["status_detail"], made["date_approved"], made["available_actions"] = "cc_rejected_insufficient_amount", nil, []any{}
	case y.status == "refunded" && o.style.unsaid:
		delete(made, "transaction_amount_refunded")
	}
	return made
}

// collection is GET /collections/{id}. Its form is not documented; this is how older public programs read it (U).
func (p *Platform) collection(c call) reply {
	id, given := c.number("id")
	y := p.ledger.payments[id]
	switch {
	case !given:
		return badRequest("bad_request", "Invalid payment id")
	case y == nil:
		return failure{Status: http.StatusNotFound, Error: "not_found", Message: "Payment not found"}.reply()
	case y.order.seller != c.seller():
		return forbidden().reply()
	}
	made := y.resource()
	made["collector_id"], made["last_modified"] = y.order.seller.id, made["date_last_modified"]
	return ok(object{"collection": made})
}
