package mercadolibre

import "slices"

// topics are those that this platform tells of. orders_feedback says nothing about orders as a hub sees them.
var topics = [...]string{"orders_v2", "orders_feedback", "payments", "shipments", "post_purchase"}

// Topics lists what an app can tick.
func Topics() []string { return slices.Clone(topics[:]) }

// event is something that is to be told.
type event struct {
	topic, resource string
	actions         []string
	order           *order // that it is about
}

func (o *order) told() event {
	return event{topic: "orders_v2", resource: "/orders/" + digitsOf(o.id), order: o}
}

func (o *order) feedbackTold() event {
	return event{topic: "orders_feedback", resource: "/orders/" + digitsOf(o.id) + "/feedback", order: o}
}

func (y *payment) told() event {
	return event{topic: "payments", resource: "/collections/" + digitsOf(y.id), order: y.order}
}

func (s *shipment) told() event {
	return event{topic: "shipments", resource: "/shipments/" + digitsOf(s.id), order: s.orders[0]}
}

func (c *claim) told(action string) event {
	return event{topic: "post_purchase", resource: "/post-purchase/v1/claims/" + digitsOf(c.id), actions: []string{action}, order: c.order}
}
