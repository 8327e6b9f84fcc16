package shopify

import (
	"slices"
	"strings"

	"hub"
	"hub/adapters/driver/strictjson"
)

// payments reads the transactions. Webhook bodies have none, only the names of the gateways: then each is one payment
// of which nothing else is known.
func (d *decoder) payments(order strictjson.Value, o *hub.Order) {
	if list := order.Get("transactions"); list.Given() {
		for v := range d.list(list) {
			p := d.payment(v)
			o.COD = o.COD || isCashOnDelivery(p.Provider)
			o.Payments = append(o.Payments, p)
		}
		return
	}
	var names []string
	for v := range d.list(d.get(order, "payment_gateway_names", "paymentGatewayNames")) {
		names = append(names, d.Name(v, maxName))
	}
	if len(names) == 0 {
		names = append(names, d.Name(order.Get("gateway"), maxName)) // older orders have one
	}
	for i, name := range names {
		if name != "" && !slices.Contains(names[:i], name) {
			o.COD = o.COD || isCashOnDelivery(name)
			o.Payments = append(o.Payments, hub.Payment{Provider: name})
		}
	}
}

func (d *decoder) payment(v strictjson.Value) hub.Payment {
	at := d.get(v, "processed_at", "processedAt")
	if !at.Given() {
		at = d.get(v, "created_at", "createdAt")
	}
	return hub.Payment{
		Provider:   d.Name(v.Get("gateway"), maxName),
		ExternalID: d.id(v.Get("id"), ""),
		Kind:       d.word(v.Get("kind")),
		Status:     d.word(v.Get("status")),
		Amount:     stated(d.transacted(v).shop),
		CreatedAt:  d.Time(at).UTC(),
	}
}

// isCashOnDelivery recognises Shopify's manual payment method by its name, "Cash on Delivery (COD)" (U): the platform
// has no flag for it, and merchants may rename it.
func isCashOnDelivery(gateway string) bool {
	name := strings.NewReplacer("_", " ", "-", " ").Replace(strings.ToLower(gateway))
	return name == "cod" || strings.Contains(name, "cash on delivery")
}
