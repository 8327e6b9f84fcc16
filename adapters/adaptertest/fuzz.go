package adaptertest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"hub"
	"hub/adapters/driver"
)

// Seeds adds every sample of the driver under test.
func Seeds(f *testing.F) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) == 0 {
		f.Fatalf("no samples: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
}

// FuzzOrder: never a panic; what is refused is parkable; what is accepted adds up, prints, is the same twice, and is what is
// skimmed of it. It begins with every sample, whole and as Split cuts it.
func FuzzOrder(f *testing.F, d driver.Storefront) {
	Seeds(f)
	names, _ := filepath.Glob("testdata/*.json") // Seeds has found them
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if parts, err := d.Split(text); err == nil && len(parts) == 1 {
			f.Add(parts[0])
		}
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		draft, err := d.Order(document)
		skimmer, skims := d.(driver.Skimmer)
		var gist driver.Gist
		if skims {
			gist = skimmer.Skim(driver.Delivery{Body: document})
		}
		if err != nil {
			if !hub.Parkable(err) {
				t.Fatalf("not parkable: %v", err)
			}
			return
		}
		o := draft.Order
		if gist.ExternalID != "" && gist.ExternalID != o.ExternalID || gist.Total != nil && *gist.Total != *o.Totals.GrandTotal {
			t.Fatalf("skimmed %+v of %s", gist, o.ExternalID)
		}
		if len(draft.Lacks) > 0 && !draft.EnrichedAt.IsZero() {
			t.Fatalf("enriched at %v without %q", draft.EnrichedAt, draft.Lacks)
		}
		if err := o.Check(); err != nil {
			t.Fatal(err)
		}
		first, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var back hub.Order
		if err := json.Unmarshal(first, &back); err != nil {
			t.Fatalf("the order does not read back: %v", err)
		}
		again, err := d.Order(document)
		if second, _ := json.Marshal(again.Order); err != nil || string(second) != string(first) {
			t.Fatalf("two readings differ: %v", err)
		}
	})
}

// FuzzSplit: never a panic, refusals are parkable, and no more comes out than went in.
func FuzzSplit(f *testing.F, d driver.Storefront) {
	Seeds(f)
	f.Fuzz(func(t *testing.T, document []byte) {
		parts, err := d.Split(document)
		if err != nil {
			if !hub.Parkable(err) {
				t.Fatalf("not parkable: %v", err)
			}
			return
		}
		size := 0
		for _, part := range parts {
			size += len(part)
			if !json.Valid(part) {
				t.Fatal("a part is not JSON")
			}
		}
		if size > len(document) {
			t.Fatal("more came out than went in")
		}
	})
}
