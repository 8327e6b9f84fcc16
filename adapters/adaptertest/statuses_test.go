package adaptertest_test

import (
	"flag"
	"os"
	"testing"

	"hub/adapters/adaptertest"
	"hub/adapters/mercadolibre"
	"hub/adapters/shopee"
	"hub/adapters/shopify"
)

var update = flag.Bool("update", false, "write docs/statuses.md instead of comparing it")

// TestStatusTable keeps the printed table equal to the data that the drivers use.
func TestStatusTable(t *testing.T) {
	const file = "../../docs/statuses.md"
	want := adaptertest.StatusTable(shopify.New(), shopee.New(), mercadolibre.New())
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/statuses.md is out of date: run go test ./adapters/adaptertest -update")
	}
}
