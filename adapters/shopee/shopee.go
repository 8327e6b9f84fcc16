// Package shopee is the driver of Shopee's Open Platform v2: push signatures, the order with its escrow and returns, the
// table of its words, and the calls that read them.
//
// It promises that an order which it returns satisfies hub.Order.Check in the order's currency, with every amount exact;
// that a push, which never holds an order, only ever becomes a hint; that what Shopee masks with asterisks is absent; and
// that a document which knows the escrow, or that there is none to come, says so in Draft.EnrichedAt, so that it wins over the
// same order without it.
// Before the escrow is known the buyer's part of the freight is an estimate, the order's basis is partial, and what its
// parts fail to explain is visible in the adjustment.
//
// A complete fetch is one JSON object of the hub's own: {"order":{…},"escrow":{…},"returns":[…],"enriched_at":"…"}, with
// the members as get_order_detail, get_escrow_detail and get_return_detail answer them. "partial" lists what could not be
// had, and is what driver.Draft lacks; then there is "read_at", the platform's clock, instead of enriched_at.
//
// It does not do input or output, keeps no state and never guesses: a document that breaks a rule is refused whole, with
// a code and a path. Facts about the platform that are not verified are marked (U) where they are used.
package shopee

import (
	"hub"
	"hub/adapters/driver"
)

// rules is the version of the mapping in this package; raise it whenever the same bytes give another order.
const rules = "shopee/1"

// Driver implements driver.Storefront. It is safe for concurrent use.
type Driver struct {
	words map[term]string
}

var _ driver.Storefront = (*Driver)(nil)

// New makes a driver.
func New() *Driver { return &Driver{words: dictionary()} }

// Platform names Shopee.
func (*Driver) Platform() hub.Platform { return hub.Shopee }

// Rules returns the version of the normalising rules.
func (*Driver) Rules() string { return rules }
