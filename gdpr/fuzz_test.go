package gdpr

import (
	"bytes"
	"testing"
)

// FuzzEnvelope feeds foreign bytes to the parsers of envelopes, root and intake files: none panics, and what parses is
// exactly its parts.
func FuzzEnvelope(f *testing.F) {
	key := &[32]byte{1}
	p := Place{Tenant: "ten_a", Table: "orders", Row: "ord_1", Class: "P1"}
	for _, n := range []int{1, 2, 5} {
		prefix := append([]byte(envelopeMagic), byte(formatPersonal), byte(n-1))
		prefix = append(prefix, make([]byte, 16*n)...)
		f.Add(seal(nil, p, prefix, extract(nil, key), []byte("text")))
	}
	intake := &intakeKey{secret: key}
	record, err := intake.Seal(nil, p, []byte("text"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(record)
	f.Add(record[:40])
	f.Add(intakeBytes(NewRoot(1, *key), 1, []*intakeKey{intake}))
	f.Add(rootBytes(NewRoot(1, *key)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, ok := parseEnvelope(b); ok {
			rest := bytes.Join([][]byte{e.header, e.sealed}, nil)
			size := envelopeStart + 16*e.ids + len(e.salt) + envelopeFinish
			if !bytes.Equal(rest, b) || len(e.header) != size || len(e.sealed) < gcmSize || len(e.commitment) != 32 {
				t.Fatalf("parsed %x as %+v", b, e)
			}
			if got, err := e.open(p, extract(e.salt, &[32]byte{2})); err == nil {
				t.Fatalf("%x opens under a foreign key: %q", b, got)
			}
		}
		if generation, root, ok := parseRoot(b); ok && !bytes.Equal(rootBytes(NewRoot(generation, root)), b) {
			t.Fatalf("root file %x does not print as it parsed", b)
		}
		parseIntakeFile(b)
	})
}
