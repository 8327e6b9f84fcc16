package hub

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestIDs: what is made is valid, differs when the bytes differ, and sorts like the bytes.
func TestIDs(t *testing.T) {
	bytes := rapid.SliceOfN(rapid.Byte(), 16, 16)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		a, b := bytes.Draw(t, "a"), bytes.Draw(t, "b")
		source := func(b []byte) IDSource { return func() [16]byte { return [16]byte(b) } }
		one, two := source(a).New(OrderPrefix), source(b).New(OrderPrefix)
		if !ValidID(OrderPrefix, one) || ValidID(TenantPrefix, one) || ValidID(OrderPrefix, strings.ToUpper(one)) {
			t.Fatalf("%s", one)
		}
		if strings.Compare(one, two) != strings.Compare(string(a), string(b)) {
			t.Fatalf("%s and %s sort unlike their bytes", one, two)
		}
		n++
	})
	t.Logf("%d pairs of identifiers", n)
}

// TestInvalidIDs: nothing is valid that New cannot have made, so that it never reaches a database or a log.
func TestInvalidIDs(t *testing.T) {
	const good = "ord_00000000000000000000000000"
	if !ValidID(OrderPrefix, good) {
		t.Fatalf("%s", good)
	}
	for _, id := range []string{
		"", "ord_", good[:29], good + "0", good[4:], "Ord_" + good[4:], "ten_" + good[4:], "ord_0000000000000000000000000u", "ord_0000000000000000000000000O",
		"ord_0000000000000000000000000 ", "ord_00000000000000000000000\r\n0", "ord_000000000000000000000000\r\n", "ord_000000000000000000000000\n\n",
		"ord_00000000000000000000000001", "ord_0000000000000000000000000\x00", "ord_000000000000000000000000é",
	} {
		if ValidID(OrderPrefix, id) {
			t.Errorf("%q is valid", id)
		}
	}
}
