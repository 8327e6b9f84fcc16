package shopify

import (
	"slices"

	"hub"
	"hub/adapters/driver/strictjson"
)

// discounts reads the discount applications, whose amounts the lines' allocations fill in later (see priceDiscounts).
// Orders older than those have the codes alone. A code that was entered by the staff comes as an application titled like
// it, and as a code beside it.
func (d *decoder) discounts(order strictjson.Value, o *hub.Order) {
	for v := range d.list(d.get(order, "discount_applications", "discountApplications")) {
		title := d.label(v.Get("title"))
		if title == "" {
			title = d.label(v.Get("description"))
		}
		o.Discounts = append(o.Discounts, hub.Discount{
			Code:     d.label(v.Get("code")),
			Title:    title,
			Kind:     d.discountKind(v),
			FundedBy: "seller",
		})
	}
	d.applied = make([]pair, len(o.Discounts))
	codes := d.discountCodes(order)
	if len(o.Discounts) == 0 {
		o.Discounts = codes
	}
	for i := range o.Discounts {
		applied := &o.Discounts[i]
		if applied.Code == "" && slices.ContainsFunc(codes, func(c hub.Discount) bool { return c.Code == applied.Title }) {
			applied.Code = applied.Title
		}
	}
}

// discountKind tells what a discount applies to. All lines is the order, some of them are items.
func (d *decoder) discountKind(v strictjson.Value) string {
	if d.word(d.get(v, "target_type", "targetType")) == "shipping_line" {
		return "shipping"
	}
	if d.word(d.get(v, "target_selection", "targetSelection")) == "all" {
		return "order"
	}
	return "item"
}

// discountCodes reads the codes that the buyer or the staff entered; GraphQL has their texts alone.
func (d *decoder) discountCodes(order strictjson.Value) (codes []hub.Discount) {
	for v := range d.list(d.get(order, "discount_codes", "discountCodes")) {
		discount := hub.Discount{Kind: "order", FundedBy: "seller"}
		if d.graphql {
			discount.Code = d.label(v)
		} else {
			discount.Code = d.label(v.Get("code"))
			discount.Amount = stated(d.money(v, "", "", "amount").shop)
			if d.word(v.Get("type")) == "shipping" {
				discount.Kind = "shipping"
			}
		}
		codes = append(codes, discount)
	}
	return codes
}

// priceDiscounts gives each discount what its allocations sum up to; one without any keeps no amount.
func (d *decoder) priceDiscounts(o *hub.Order) {
	for i, p := range d.applied {
		o.Discounts[i].Amount = stated(p.shop)
	}
}
