package gdpr

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"hub"
)

// TestCommitment: who knows the keys can write an envelope that GCM accepts under a commitment of their choice, as one
// that opens under two keys would need. It is refused.
func TestCommitment(t *testing.T) {
	p := Place{Tenant: "ten_a", Table: "orders", Row: "ord_1", Class: "P1"}
	prk := extract(nil, &[32]byte{1})
	row := p.rowKey(formatPersonal, prk)
	for _, at := range []int{-1, 0, 15, 31} {
		b := append([]byte(envelopeMagic), byte(formatPersonal), 0)
		b = append(b, make([]byte, 16)...)
		chosen := append([]byte(nil), row.commitment()...)
		if at >= 0 {
			chosen[at] ^= 1
		}
		b = append(b, chosen...)
		b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
		e, ok := parseEnvelope(gcm(row.key()).Seal(b, nil, []byte("text"), p.additional(nil, b)))
		if !ok {
			t.Fatal("the envelope does not parse")
		}
		got, err := e.open(p, prk)
		if at < 0 {
			if err != nil || string(got) != "text" {
				t.Errorf("the right commitment: %q, %v", got, err)
			}
		} else if hub.CodeOf(err) != hub.CodeUnreadable || got != nil {
			t.Errorf("byte %d of the commitment is not compared: %q, %v", at, got, err)
		}
	}
}
