package hub

import (
	"encoding/base32"
	"strings"
)

// Identifiers are opaque to everybody but the package that makes them. Each has its own type, so mixing two up does
// not compile. They are compared byte for byte, never case-folded.
type (
	TenantID     string // one merchant organisation, the unit of isolation: ten_…
	AppID        string // one set of platform credentials: app_…
	ConnectionID string // one shop of a tenant on a platform: con_…
	OrderID      string // one order, for ever: ord_…
	ChangeID     string // one entry of a feed, the CloudEvents id later: evt_…
	ParkedID     string // one delivery that could not be applied: prk_…
	RawRef       string // one stored raw payload; random, tells nothing of its content: raw_…
	KeyID        string // one API key: key_…
	ShardID      string // one database that holds whole tenants; the database itself carries it
	// ExternalID is the platform's own identifier, kept as text: Shopify ids exceed 2^53 and Shopee's are not numbers.
	ExternalID string
)

// Prefixes of the identifiers that the hub makes itself.
const (
	TenantPrefix     = "ten_"
	AppPrefix        = "app_"
	ConnectionPrefix = "con_"
	OrderPrefix      = "ord_"
	ChangePrefix     = "evt_"
	ParkedPrefix     = "prk_"
	RawPrefix        = "raw_"
	KeyPrefix        = "key_"
	RequestPrefix    = "req_"
)

// IDSource yields 16 bytes that were never yielded before, roughly increasing in time (UUID version 7 in production),
// so that rows made together lie together. It must be safe for concurrent use.
type IDSource func() [16]byte

// crockford is Crockford's base 32 in lower case: no letter that reads like a digit, sorts like the bytes.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// New returns a fresh identifier: the prefix and 26 characters.
func (s IDSource) New(prefix string) string {
	b := s()
	return prefix + crockford.EncodeToString(b[:])
}

// ValidID reports whether id could have been made by IDSource.New with that prefix. What it refuses exists nowhere,
// so callers answer "not found" without asking a database.
func ValidID(prefix, id string) bool {
	_, ok := RawID(prefix, id)
	return ok
}

// RawID returns the 16 bytes that an id was made of; ok is false unless ValidID holds.
func RawID(prefix, id string) (raw [16]byte, ok bool) {
	rest, ok := strings.CutPrefix(id, prefix)
	if !ok || len(rest) != 26 {
		return raw, false
	}
	var text, again [26]byte
	copy(text[:], rest)
	n, err := crockford.Decode(raw[:], text[:])
	if err != nil || n != len(raw) {
		return [16]byte{}, false
	}
	crockford.Encode(again[:], raw[:])
	return raw, again == text // the decoder skips line ends and spare bits
}

// Operator is the reserved tenant of what belongs to no merchant, such as deliveries for an unknown shop. It never
// comes out of an IDSource.
const Operator TenantID = "operator"
