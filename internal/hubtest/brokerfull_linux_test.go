package hubtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hub/adapters/sandbox/shopify"
	"hub/internal/app"
	"hub/internal/hubtest"
)

// TestBrokerOutOfDisk fills the disk of the embedded broker and gives it room again: the hub goes on meanwhile, says what
// is wrong, and tells what was not told by itself.
func TestBrokerOutOfDisk(t *testing.T) {
	d, err := newDisk(t, 48<<20)
	if err != nil {
		t.Logf("no disk of our own here: %v", err)
		return
	}
	data := t.TempDir()
	if err := os.Symlink(d.folder, filepath.Join(data, "jetstream")); err != nil {
		t.Fatal(err)
	}
	h := hubtest.Start(t, hubtest.Embedded("1"), data, app.Options{Logger: hubtest.Logger(t)})
	merchants, _ := connect(t, h.Operator, 1)
	shops := []*shopify.Shop{shopify.New(shopDomain(merchants[0].Shop.Tenant), secret, 1, time.Now())}
	seen := func(line string) {
		t.Helper()
		text := ""
		for until := time.Now().Add(90 * time.Second); time.Now().Before(until); <-time.After(100 * time.Millisecond) {
			if text = scrape(t, h.AdminURL()); strings.Contains(text, line) {
				return
			}
		}
		t.Fatalf("never seen: %s\n%s", line, text)
	}
	placeAll(t, h.URL(), merchants, shops, 3)
	seen(`hub_relay_changes_total{shard="s0"} 3` + "\n")

	ballast := filepath.Join(d.folder, "ballast")
	fill(t, ballast)
	placeAll(t, h.URL(), merchants, shops, 40) // feeds grow
	seen(`hub_problem{part="stream s0"} 1` + "\n")
	if said, err := readyz(h.URL()); err != nil || !strings.Contains(said, "changes are not told") {
		t.Errorf("a full disk is taken for somebody's fault: %s, %v", said, err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	seen(`hub_relay_behind_changes{shard="s0"} 0` + "\n")
	seen(`hub_ready 1` + "\n")
	if all := wholeFeed(t, merchants[0].ERP); len(all) != 43 {
		t.Errorf("%d changes in the feed", len(all))
	}
	h.Stop(t) // before its disk goes
}

// fill takes all room that a disk has.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for size := len(block); size > 0; {
		if _, err := f.Write(block[:size]); err != nil {
			size /= 2
		}
	}
	_ = f.Sync() // it is full
}
