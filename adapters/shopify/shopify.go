// Package shopify is the driver of Shopify's Admin platform: webhook signatures, the order in its two spellings, and the
// table of its words.
//
// It promises that an order which it returns satisfies hub.Order.Check in the shop's currency, with every amount exact,
// and that the REST spelling (webhook bodies, exports) and the GraphQL spelling (Admin API) of one order give the same
// hub.Order as far as both say the same. Two things only one of them says: REST bodies carry no list of transactions,
// so payments are then the names of the gateways alone; and GraphQL prints times in UTC, so placed_at_local has the
// shop's offset only from REST.
//
// It does not call Shopify, keeps no state and never guesses: a document that breaks a rule is refused whole, with a
// code and a path. Facts about the platform that are not verified are marked (U) where they are used.
package shopify

import (
	"hub"
	"hub/adapters/driver"
)

// rules is the version of the mapping in this package; raise it whenever the same bytes give another order.
const rules = "shopify/2"

// Driver implements driver.Storefront. It is safe for concurrent use.
type Driver struct {
	words map[term]string
}

var _ driver.Storefront = (*Driver)(nil)

// New makes a driver.
func New() *Driver { return &Driver{words: dictionary()} }

// Platform names Shopify.
func (*Driver) Platform() hub.Platform { return hub.Shopify }

// Rules returns the version of the normalising rules.
func (*Driver) Rules() string { return rules }
