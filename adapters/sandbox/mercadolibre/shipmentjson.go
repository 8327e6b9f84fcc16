package mercadolibre

import "time"

func (s *shipment) money(minor int64) number { return s.seller.site.amount(minor, s.how) }

// resource prints the shipment in the new format.
func (s *shipment) resource() object {
	where, b := s.seller.site, s.buyer
	who := people[b.person]
	made := object{
		"id": s.id, "external_reference": nil, "status": s.status, "substatus": orNull(s.substatus), "date_created": where.stamp(s.created),
		"last_updated": where.stamp(s.updated), "declared_value": s.money(s.worth()), "tracking_number": nil, "tracking_method": nil,
		"logistic": object{"mode": "me2", "type": s.logistic, "direction": s.direction()},
		"source":   object{"site_id": where.id, "market_place": "MELI", "application_id": nil, "customer_id": nil},
		"origin":   object{"type": "selling_address", "sender_id": s.seller.id, "node": nil},
		"destination": object{
			"type": "buying_address", "receiver_id": b.id, "receiver_name": who.first + " " + who.last, "receiver_phone": "XXXXXXX",
			"comments": nil, "shipping_address": s.address(),
		},
		"lead_time": s.leadTime(), "tags": []any{}, "snapshot_packing": nil, "items_types": []string{"new"},
	}
	if !s.shipped.IsZero() {
		made["tracking_number"], made["tracking_method"] = s.tracking(), "MEL Distribution"
	}
	return made
}

func (s *shipment) tracking() string { return "MEL" + digitsOf(s.id) + "FMXDF01" }

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// worth is what the goods cost that are in the parcel.
func (s *shipment) worth() (sum int64) {
	for _, o := range s.orders {
		sum += o.total()
	}
	return sum
}

// address is where the buyer lives. Some countries have no postal code here.
func (s *shipment) address() object {
	where, at := s.seller.site, s.buyer.place
	made := object{
		"country": object{"id": where.country, "name": where.country}, "address_line": at.street + " " + at.number,
		"city": object{"id": nil, "name": at.city}, "state": object{"id": at.stateID, "name": at.state}, "street_name": at.street,
		"street_number": at.number, "zip_code": orNull(s.buyer.zip), "comment": nil, "intersection": nil,
		"latitude": number("-23.5"), "longitude": number("-46.6"), "neighborhood": object{"id": nil, "name": at.district},
		"municipality": object{"id": nil, "name": nil}, "agency": object{"carrier_id": nil},
	}
	if s.buyer.zip == "" {
		delete(made, "zip_code")
	}
	return made
}

func (s *shipment) leadTime() object {
	where := s.seller.site
	return object{
		"cost": s.money(s.cost), "list_cost": s.money(s.list), "cost_type": "charged", "currency_id": where.currency, "option_id": 3033979541,
		"service_id": 157861, "delivery_type": "estimated",
		"shipping_method":         object{"id": 100009, "name": "Normal", "type": "standard", "deliver_to": "address"},
		"estimated_delivery_time": object{"type": "known", "date": where.stamp(s.created.Add(5 * 24 * time.Hour)), "shipping": 96, "handling": 24},
	}
}

// oldResource prints the shipment in the old format.
func (s *shipment) oldResource() object {
	where, who := s.seller.site, people[s.buyer.person]
	address := s.address()
	address["receiver_name"], address["receiver_phone"] = who.first+" "+who.last, "XXXXXXX"
	sender, receiver := s.seller.id, s.buyer.id
	if s.back {
		sender, receiver = receiver, sender
	}
	things := []object{}
	for _, o := range s.orders {
		things = append(things, object{"id": o.item.id, "description": o.item.title, "quantity": o.quantity, "sender_id": sender})
	}
	made := object{
		"id": s.id, "order_id": s.orders[0].id, "pack_id": nil, "status": s.status, "substatus": orNull(s.substatus), "type": s.direction(),
		"mode": "me2", "logistic_type": s.logistic, "tracking_number": nil, "tracking_method": nil, "sender_id": sender, "receiver_id": receiver,
		"site_id": where.id, "market_place": "MELI", "date_created": where.stamp(s.created), "last_updated": where.stamp(s.updated),
		"status_history":  object{"date_shipped": where.stampOr(s.shipped), "date_delivered": where.stampOr(s.arrived)},
		"shipping_items":  things,
		"shipping_option": object{"id": 3033979541, "name": "Normal", "shipping_method_id": 100009, "cost": s.money(s.cost), "list_cost": s.money(s.list), "currency_id": where.currency},
		"tags":            []any{}, "receiver_address": address,
	}
	if s.pack != nil {
		made["pack_id"] = s.pack.id
	}
	if !s.shipped.IsZero() {
		made["tracking_number"], made["tracking_method"] = s.tracking(), "MEL Distribution"
	}
	return made
}
