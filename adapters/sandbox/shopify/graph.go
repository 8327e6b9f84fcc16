package shopify

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// connection is a list that GraphQL hands out in pages.
type connection []object

// graph is the order as the GraphQL Admin API has it: the same state as in resource, in the other spelling.
func (o *Order) graph() object {
	var items, discounts, taxes int64
	lines := connection{}
	for _, l := range o.lines {
		items, discounts, taxes = items+l.subtotal(), discounts+l.discount, taxes+l.tax
		lines = append(lines, o.graphLine(l))
	}
	source, place := o.shop.source()
	g := object{
		"__typename": "Order", "id": gid("Order", o.ID), "legacyResourceId": strconv.FormatInt(o.ID, 10), "name": o.name(), "number": o.Number,
		"createdAt": utc(o.created), "processedAt": utc(o.processed), "updatedAt": utc(o.Updated), "cancelledAt": utc(o.Cancelled),
		"cancelReason": nil, "closedAt": nil, "closed": false, "confirmed": true, "test": false, "edited": o.edited,
		"currencyCode": o.shop.Currency, "presentmentCurrencyCode": o.shop.Currency, "taxesIncluded": false, "dutiesIncluded": false,
		"displayFinancialStatus": strings.ToUpper(o.Financial), "displayFulfillmentStatus": o.displayFulfillment(), "returnStatus": "NO_RETURN",
		"sourceName": source, "paymentGatewayNames": []string{"shopify_payments"}, "tags": []string{}, "note": null(o.note),
		"customAttributes": []object{},
		"discountCodes":    []string{}, "retailLocation": nil, "lineItems": lines, "shippingLines": connection{o.graphShipping()},
		"shippingLine": o.graphShipping(),
		"taxLines":     []object{}, "discountApplications": graphApplications(discounts), "transactions": o.graphTransactions(),
		"refunds": o.graphRefunds(), "fulfillments": o.graphParcels(),
		"totalCashRoundingAdjustment": object{"__typename": "CashRoundingAdjustment", "paymentSet": o.graphBag(0), "refundSet": o.graphBag(0)},
	}
	for name, amount := range map[string]int64{
		"subtotalPriceSet": items - discounts, "totalDiscountsSet": discounts, "totalTaxSet": taxes, "totalPriceSet": o.Total(),
		"currentTotalPriceSet": o.current(), "totalShippingPriceSet": o.shipping, "totalTipReceivedSet": 0, "totalReceivedSet": o.paid,
		"totalRefundedSet": o.Refunded(), "netPaymentSet": o.paid - o.Refunded(), "totalOutstandingSet": o.outstanding(),
	} {
		g[name] = o.graphBag(amount)
	}
	if id, ok := place.(int64); ok {
		g["retailLocation"] = object{"__typename": "Location", "id": gid("Location", id)}
	}
	o.graphBuyer(g)
	return g
}

func (o *Order) displayFulfillment() string {
	switch o.Fulfillment {
	case "":
		return "UNFULFILLED"
	case "partial":
		return "PARTIALLY_FULFILLED"
	}
	return strings.ToUpper(o.Fulfillment)
}

func (o *Order) graphLine(l line) object {
	allocations := []object{}
	if l.discount > 0 {
		allocations = append(allocations, object{
			"__typename": "DiscountAllocation", "allocatedAmountSet": o.graphBag(l.discount),
			"discountApplication": graphApplications(l.discount)[0],
		})
	}
	return object{
		"__typename": "LineItem", "id": gid("LineItem", l.id), "name": strings.TrimSuffix(l.title+" - "+l.variant, " - "),
		"title": l.title, "variantTitle": null(l.variant),
		"sku": l.sku, "quantity": l.quantity, "currentQuantity": l.current, "refundableQuantity": l.current, "isGiftCard": false,
		"requiresShipping": true, "taxable": true, "vendor": "Example Goods", "variant": object{"__typename": "ProductVariant",
			"id": gid("ProductVariant", 39072856)},
		"product": object{"__typename": "Product", "id": gid("Product", 632910392)}, "originalUnitPriceSet": o.graphBag(l.price),
		"totalDiscountSet":                        o.graphBag(0),
		"discountedUnitPriceAfterAllDiscountsSet": o.graphBag(l.price - l.discount/max(1, l.quantity)),
		"discountAllocations":                     allocations, "duties": []object{}, "customAttributes": []object{}, "taxLines": []object{{
			"__typename": "TaxLine", "title": "Sales tax", "rate": json.Number("0.07"), "priceSet": o.graphBag(l.tax), "channelLiable": false,
		}},
	}
}

// graphLineOf is the line that a refund or a parcel refers to.
func (o *Order) graphLineOf(id int64) object {
	return o.graphLine(o.lines[slices.IndexFunc(o.lines, func(l line) bool { return l.id == id })])
}

func graphApplications(discounts int64) connection {
	if discounts == 0 {
		return connection{}
	}
	return connection{{
		"__typename": "AutomaticDiscountApplication", "index": 0, "title": "Ten off", "targetType": "LINE_ITEM", "targetSelection": "ENTITLED",
		"allocationMethod": "EACH", "value": object{"__typename": "PricingPercentageValue", "percentage": json.Number("10.0")},
	}}
}

func (o *Order) graphShipping() object {
	return object{
		"__typename": "ShippingLine", "id": gid("ShippingLine", o.method), "title": "Standard", "code": "STD", "carrierIdentifier": nil,
		"source": "shopify", "isRemoved": false,
		"originalPriceSet": o.graphBag(o.shipping), "discountedPriceSet": o.graphBag(o.shipping), "discountAllocations": []object{},
		"taxLines": []object{},
	}
}

func (o *Order) graphTransactions() []object {
	list := []object{}
	if o.payment != 0 {
		list = append(list, o.graphTransaction(o.payment, "SALE", o.paid, o.paidAt, nil))
	}
	for _, r := range o.refunds {
		list = append(list, o.graphTransaction(r.transaction, "REFUND", r.amount, r.at, object{"__typename": "OrderTransaction",
			"id": gid("OrderTransaction", o.payment)}))
	}
	return list
}

func (o *Order) graphTransaction(id int64, kind string, amount int64, at time.Time, parent any) object {
	return object{
		"__typename": "OrderTransaction", "id": gid("OrderTransaction", id), "kind": kind, "status": "SUCCESS",
		"gateway": "shopify_payments", "amountSet": o.graphBag(amount),
		"parentTransaction": parent, "createdAt": utc(at), "processedAt": utc(at), "errorCode": nil, "paymentId": nil, "test": false,
	}
}

func (o *Order) graphRefunds() []object {
	list := []object{}
	for _, r := range o.refunds {
		lines, adjustments := connection{}, connection{}
		for i, l := range r.lines {
			lines = append(lines, object{
				"__typename": "RefundLineItem", "id": gid("RefundLineItem", r.id+int64(i)+1), "lineItem": o.graphLineOf(l.line), "quantity": l.quantity,
				"restockType": "RETURN", "subtotalSet": o.graphBag(l.amount), "totalTaxSet": o.graphBag(0),
			})
		}
		if rest := r.beyond(); rest != 0 {
			adjustments = append(adjustments, object{
				"__typename": "OrderAdjustment", "id": gid("OrderAdjustment", r.transaction+1), "reason": "REFUND_DISCREPANCY",
				"amountSet": o.graphBag(-rest), "taxAmountSet": o.graphBag(0),
			})
		}
		list = append(list, object{
			"__typename": "Refund", "id": gid("Refund", r.id), "createdAt": utc(r.at), "updatedAt": utc(r.at),
			"totalRefundedSet": o.graphBag(r.amount), "refundLineItems": lines,
			"orderAdjustments": adjustments, "refundShippingLines": connection{},
			"transactions": connection{o.graphTransaction(r.transaction, "REFUND", r.amount, r.at, nil)},
		})
	}
	return list
}

func (o *Order) graphParcels() []object {
	list := []object{}
	for i, f := range o.parcels {
		lines := connection{}
		for _, l := range f.lines {
			lines = append(lines, object{"__typename": "FulfillmentLineItem", "id": gid("FulfillmentLineItem", l.line),
				"quantity": l.quantity, "lineItem": o.graphLineOf(l.line)})
		}
		list = append(list, object{
			"__typename": "Fulfillment", "id": gid("Fulfillment", f.id), "name": o.name() + "." + strconv.Itoa(i+1), "status": "SUCCESS",
			"displayStatus": "FULFILLED", "createdAt": utc(f.at), "updatedAt": utc(f.at),
			"trackingInfo": []object{{"__typename": "FulfillmentTrackingInfo", "company": "Example Post", "number": f.number(),
				"url": nil}}, "fulfillmentLineItems": lines,
		})
	}
	return list
}

// graphBuyer adds the person, or the nulls of an order without one.
func (o *Order) graphBuyer(g object) {
	g["customer"], g["email"], g["phone"], g["billingAddress"], g["shippingAddress"] = nil, nil, nil, nil, nil
	if o.customer == 0 {
		return
	}
	p := people[o.person]
	address := object{
		"__typename": "MailingAddress", "firstName": p.first, "lastName": p.last, "name": p.first + " " + p.last, "company": nil,
		"address1": p.street, "address2": "",
		"city": p.city, "zip": p.zip, "country": p.country, "countryCodeV2": p.country, "province": nil, "provinceCode": nil,
		"phone": phoneNumber,
	}
	g["email"], g["phone"], g["billingAddress"], g["shippingAddress"] = o.email(), phoneNumber, address, address
	g["customer"] = object{
		"__typename": "Customer", "id": gid("Customer", o.customer), "legacyResourceId": strconv.FormatInt(o.customer, 10),
		"firstName": p.first, "lastName": p.last,
		"displayName": p.first + " " + p.last, "email": o.email(), "phone": phoneNumber, "tags": []string{}, "note": nil,
	}
}

func (o *Order) graphBag(minor int64) object {
	m := object{"__typename": "MoneyV2", "amount": decimal(o.shop.money(minor)), "currencyCode": o.shop.Currency}
	return object{"__typename": "MoneyBag", "shopMoney": m, "presentmentMoney": m}
}

// decimal is an amount as GraphQL spells it: no padding, but one decimal at least. For a currency without decimals that
// makes "23600.0" (U).
func decimal(amount string) string {
	whole, fraction, _ := strings.Cut(amount, ".")
	fraction = strings.TrimRight(fraction, "0")
	if fraction == "" {
		fraction = "0"
	}
	return whole + "." + fraction
}

// utc is a time as GraphQL prints it; null when there is none.
func utc(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}
