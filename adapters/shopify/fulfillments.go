package shopify

import (
	"hub"
	"hub/adapters/driver/strictjson"
)

// fulfillments reads the parcels. One fulfilment with several tracking numbers is several parcels with one id.
func (d *decoder) fulfillments(order strictjson.Value, o *hub.Order) {
	for v := range d.list(order.Get("fulfillments")) {
		f := hub.Fulfillment{
			ExternalID: d.id(v.Get("id"), ""),
			Status:     d.word(v.Get("status")),
		}
		if created := d.Time(d.get(v, "created_at", "createdAt")); f.Status == "success" {
			f.ShippedAt = created.UTC() // one that failed or waits did not ship
		}
		if d.word(d.get(v, "shipment_status", "displayStatus")) == "delivered" {
			d.delivered++
		} else if f.Status == "success" {
			d.underWay++
		}
		o.Fulfillments = append(o.Fulfillments, d.parcels(v, f)...)
	}
}

func (d *decoder) parcels(v strictjson.Value, f hub.Fulfillment) (parcels []hub.Fulfillment) {
	add := func(carrier, number, url string) {
		f.Carrier, f.TrackingNumber, f.TrackingURL = carrier, number, url
		parcels = append(parcels, f)
	}
	if d.graphql {
		for t := range d.list(v.Get("trackingInfo")) {
			add(d.label(t.Get("company")), d.Name(t.Get("number"), maxText), d.Name(t.Get("url"), maxText))
		}
	} else {
		carrier := d.label(v.Get("tracking_company"))
		numbers, urls := d.texts(v, "tracking_numbers", "tracking_number"), d.texts(v, "tracking_urls", "tracking_url")
		for i := range max(len(numbers), len(urls)) {
			add(carrier, at(numbers, i), at(urls, i))
		}
		if len(parcels) == 0 {
			add(carrier, "", "")
		}
	}
	if len(parcels) == 0 {
		add("", "", "")
	}
	return parcels
}

// at returns the text at i, "" behind the end.
func at(texts []string, i int) string {
	if i < len(texts) {
		return texts[i]
	}
	return ""
}

// texts reads a list of strings, or where it is absent or empty the single field beside it.
func (d *decoder) texts(v strictjson.Value, list, single string) (texts []string) {
	for item := range d.list(v.Get(list)) {
		texts = append(texts, d.Name(item, maxText))
	}
	if one := d.Name(v.Get(single), maxText); len(texts) == 0 && one != "" {
		texts = append(texts, one)
	}
	return texts
}
