// Package mercadolibre is the driver of Mercado Libre: its unsigned notifications, the order with what belongs to it, the
// calls of its API, and the table of its words.
//
// It promises that an order which it returns satisfies hub.Order.Check with every amount exact at the digits of ISO 4217,
// that the freight of a pack is counted once, and that a notification is never more than a hint: an id of one of four kinds
// of resources, taken out of the body and never used as an address.
//
// An order comes bare, as the API prints it, or as the document that Fetch makes of all that belongs to it, one JSON object:
//
//	order         GET /orders/{id}
//	pack          GET /packs/{pack_id}
//	shipments     a list: GET /shipments/{id} for those that go to the buyer, else what GET /orders/{id}/shipments lists
//	costs         a list of {shipment_id, costs: GET /shipments/{shipment_id}/costs}
//	items         a list of {shipment_id, items: GET /shipments/{shipment_id}/items}, of orders that share a pack
//	billing_info  GET /orders/billing-info/{site}/{id}
//	discounts     GET /orders/{id}/discounts
//	claims        the data of GET /post-purchase/v1/claims/search?order_id={id}
//	returns       a list: GET /post-purchase/v2/claims/{id}/returns
//	partial       what the platform could not load just now (HTTP 206): its fields are unknown, not empty
//	absent        what the platform does not have, or does not show to this app
//	read_at       the platform's clock when the parts began to be read, or when the order was where it has none
//
// What is partial is lacking (see driver.Draft) and what is absent is not. A bare order lacks all parts.
//
// It keeps no state, does no input or output of its own and never guesses: a document that breaks a rule is refused whole,
// with a code and a path. Facts about the platform that are not verified are marked (U) where they are used.
package mercadolibre

import (
	"hub"
	"hub/adapters/driver"
)

// rules is the version of the mapping in this package; raise it whenever the same bytes give another order.
const rules = "mercadolibre/1"

// Driver implements driver.Storefront, driver.Skimmer, driver.Client, driver.Connector, driver.Lost and driver.Resolver.
// It is safe for concurrent use.
type Driver struct {
	words map[term][]answer
}

var (
	_ driver.Storefront = (*Driver)(nil)
	_ driver.Client     = (*Driver)(nil)
	_ driver.Connector  = (*Driver)(nil)
	_ driver.Lost       = (*Driver)(nil)
	_ driver.Resolver   = (*Driver)(nil)
)

// New makes a driver.
func New() *Driver { return &Driver{words: dictionary()} }

// Platform names Mercado Libre.
func (*Driver) Platform() hub.Platform { return hub.MercadoLibre }

// Rules returns the version of the normalising rules.
func (*Driver) Rules() string { return rules }
