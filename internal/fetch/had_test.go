package fetch

import (
	"fmt"
	"testing"

	"hub/adapters/driver"
)

// What is remembered has a bound, and the latest is remembered.
func TestHadIsBounded(t *testing.T) {
	var h had
	name := func(i int) mark { return markOf(driver.Missed{Account: fmt.Sprint(i)}) }
	const all = 5 * hadMost / 2
	for i := range all {
		h.add("app", name(i))
		if of := h.apps["app"]; len(of[0])+len(of[1]) > 2*hadMost {
			t.Fatalf("%d and %d are remembered", len(of[0]), len(of[1]))
		}
	}
	for i := range all {
		if got, latest := h.has("app", name(i)), i >= all-hadMost; latest && !got || i < hadMost && got {
			t.Fatalf("delivery %d of %d: %v", i, all, got)
		}
	}
}
