// Package hub is the vocabulary of the integration hub: identifiers, money, the one order model with the privacy class
// of every field, changes, error kinds and the transaction token.
//
// It promises that a value which this package accepted is exact and self-describing: money is an int64 count of minor
// units with its ISO 4217 currency, a time is UTC, an identifier has its own type, and each field of the order says in
// a tag whether it is personal. It imports the standard library only and does no input or output, so every other
// package may depend on it.
//
// It does not know any platform, any database or any wire protocol; those live in the packages that import it.
package hub

import "time"

// Platform names a storefront that merchants connect.
type Platform string

// The storefronts of the order model.
const (
	Shopify      Platform = "shopify"
	Shopee       Platform = "shopee"
	MercadoLibre Platform = "mercadolibre"
)

// Clock tells the time. Every package takes one, so that tests decide what time it is. It must be safe for
// concurrent use and return UTC.
type Clock func() time.Time
