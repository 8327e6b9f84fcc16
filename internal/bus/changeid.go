package bus

import (
	"encoding/base32"

	"hub"
)

// crockford is how hub.IDSource writes identifiers.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// uuidOf returns the 16 bytes of a change's identifier; false when it is none of the hub's or has no bit set.
func uuidOf(id hub.ChangeID) (u [16]byte, ok bool) {
	if !hub.ValidID(hub.ChangePrefix, string(id)) {
		return u, false
	}
	_, err := crockford.Decode(u[:], []byte(id[len(hub.ChangePrefix):]))
	return u, err == nil && u != [16]byte{}
}
