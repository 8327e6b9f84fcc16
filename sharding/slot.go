package sharding

import (
	"crypto/sha256"
	"encoding/binary"

	"hub"
)

// Slots is the number of slots. It is part of the format of every installation and never changes.
const Slots = 1024

// SlotOf returns the slot of a tenant, 0 to Slots−1: the first ten bits of the SHA-256 of its identifier. Rows lie where
// this function said they would, so it never changes; a golden test holds it.
func SlotOf(tenant hub.TenantID) int {
	sum := sha256.Sum256([]byte(tenant))
	return int(binary.BigEndian.Uint16(sum[:2]) >> 6)
}
