package store

import (
	"bytes"
	"testing"

	"hub"
	"hub/internal/erp"
)

// Answers that were bundled are read again as they were; foreign bytes are refused or hold what can be bundled again.
func FuzzBundle(f *testing.F) {
	b := newBundle("ten_1", 0)
	b.add(&erp.Disclosure{Order: "ord_1", Client: "sap", Key: "key_1", Request: "req_1", Revision: 3, Fields: 1<<63 | 5, At: moment(1)})
	b.add(&erp.Disclosure{})
	f.Add(b.packed, uint8(2))
	f.Add([]byte("\x01\x05ord_1"), uint8(1))
	f.Fuzz(func(t *testing.T, packed []byte, count uint8) {
		list, ok := unpacked(int64(count), packed)
		if !ok {
			return
		}
		again, whole := newBundle("ten_1", 0), []byte{bundleForm}
		for _, a := range list {
			again.add(&erp.Disclosure{Order: hub.OrderID(a.order), Client: string(a.client), Key: hub.KeyID(a.key), Request: string(a.request),
				At: moment(a.at), Revision: a.revision, Fields: a.fields})
			whole = append(whole, a.whole...)
		}
		if !bytes.Equal(whole, packed) || again.count != int64(count) {
			t.Fatalf("% x was taken apart into % x", packed, whole)
		}
		if _, ok := unpacked(again.count, again.packed); !ok || len(again.packed) > len(packed) {
			t.Fatalf("% x became % x", packed, again.packed)
		}
	})
}
