package bench

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"hub/internal/hubtest/mariadb"
)

func TestMain(m *testing.M) { os.Exit(mariadb.Main(m)) }

const (
	stretch     = 2 * time.Second // of one measurement
	freshOrders = 24_000          // for the door while the drain runs
	drainOrders = 8_000
	feedOrders  = 5_000
	relayOrders = 20_000
	pastOrders  = 8_000   // of a shop, before it is connected
	people      = 100_000 // in the vault
	erasures    = 1_000   // before each forget cycle
)

// BenchmarkRatios measures every comparison and prints the table of docs/performance.md. Parts of it can be chosen:
// -bench Ratios/drain.
func BenchmarkRatios(b *testing.B) {
	onDisk(b)
	var results []result
	part := func(name string, comparisons func(testing.TB) []comparison) {
		b.Run(name, func(b *testing.B) {
			for _, c := range comparisons(b) {
				results = append(results, measure(b, c, turns))
			}
		})
	}
	part("door", func(testing.TB) []comparison { return doorComparisons(stretch, doorBodies, freshOrders) })
	part("wal", func(testing.TB) []comparison { return walComparisons(stretch) })
	part("drain", func(testing.TB) []comparison { return drainComparisons(drainOrders) })
	part("feed", func(tb testing.TB) []comparison { return feedComparisons(tb, feedOrders, stretch) })
	part("relay", func(tb testing.TB) []comparison { return relayComparisons(tb, relayOrders) })
	part("sealing", func(testing.TB) []comparison { return sealingComparisons(drainOrders) })
	part("forget", func(tb testing.TB) []comparison { return forgetComparisons(tb, people, erasures) })
	part("personal", func(tb testing.TB) []comparison { return personalComparisons(tb, feedOrders, stretch) })
	part("backfill", func(tb testing.TB) []comparison { return backfillComparisons(tb, pastOrders) })
	must(b, printTable(os.Stdout, results))
}

// BenchmarkHearing measures how long after its commit a change is heard.
func BenchmarkHearing(b *testing.B) {
	onDisk(b)
	for name, s := range sizes() {
		b.Run(name, func(b *testing.B) {
			h := hear(b, s, drainOrders, 10*time.Second)
			b.ReportMetric(float64(h.p99.Milliseconds()), "p99-ms")
			b.ReportMetric(float64(h.half.Milliseconds()), "median-ms")
			b.ReportMetric(h.rate, "orders/s")
		})
	}
}

// BenchmarkLong preloads as many orders as BENCH_LONG says. A million take minutes and some 12 GB of disk on each size.
func BenchmarkLong(b *testing.B) {
	const base = 10_000
	orders, err := strconv.Atoi(os.Getenv("BENCH_LONG"))
	if err != nil || orders < 2*base {
		b.Skipf("takes long: set BENCH_LONG to a number of orders, %d or more", 2*base)
	}
	onDisk(b)
	var results []result
	for name, s := range sizes() {
		b.Run(name, func(b *testing.B) {
			results = append(results, measure(b, longComparison(b, name, s, drainOrders, base, orders/base-1), turns))
		})
	}
	must(b, printTable(os.Stdout, results))
}

func sizes() map[string]size { return map[string]size{"SQLite": onSQLite, "MariaDB": onMariaDB} }

// TestMeasuring runs every comparison with tiny counts: what is measured works, whatever its speed.
func TestMeasuring(t *testing.T) {
	const d, orders = 50 * time.Millisecond, 40
	comparisons := append(doorComparisons(d, 8, 64), walComparisons(d)...)
	comparisons = append(comparisons, drainComparisons(orders)...)
	comparisons = append(comparisons, feedComparisons(t, feedPage, d)...)
	comparisons = append(comparisons, relayComparisons(t, orders)...)
	comparisons = append(comparisons, sealingComparisons(orders)...)
	comparisons = append(comparisons, forgetComparisons(t, 200, 20)...)
	comparisons = append(comparisons, personalComparisons(t, feedPage, d)...)
	comparisons = append(comparisons, backfillComparisons(t, orders)...)
	var results []result
	for _, c := range comparisons {
		r := measure(t, c, 1)
		if r.ours[0].count == 0 || r.baseline[0].count == 0 || r.ratio() <= 0 {
			t.Errorf("%s: %+v", r.name, r)
		}
		results = append(results, r)
	}
	must(t, printTable(t.Output(), results))
}

// TestPreloaded: a drain goes on over copied rows, and the feed has no hole.
func TestPreloaded(t *testing.T) {
	for name, s := range sizes() {
		t.Run(name, func(t *testing.T) {
			const base, copies, orders = 30, 3, 20
			c := longComparison(t, name, s, orders, base, copies)
			defer c.done()
			c.ours(t)
			full := c.rig
			var count, last int
			db := got(full.shard.Open())(t)
			defer db.Close()
			must(t, db.QueryRowContext(context.Background(), "SELECT COUNT(*), MAX(sequence) FROM feed").Scan(&count, &last))
			if want := base*(copies+1) + orders; count != want || last != want {
				t.Errorf("%d changes up to %d, want %d", count, last, want)
			}
		})
	}
}

// TestFeedBytes: the baseline writes what the product writes.
func TestFeedBytes(t *testing.T) {
	for name, s := range sizes() {
		t.Run(name, func(t *testing.T) {
			l := newLibrary(t, s, 12)
			defer l.rig.close(t)
			bare, done := l.bare(t)
			defer done()
			for _, after := range []int{0, 5, 12} {
				ours, theirs := l.fetch(t, l.product(), after, 5), l.fetch(t, bare, after, 5)
				if string(ours) != string(theirs) {
					t.Errorf("after %d: ours\n%s\nbaseline\n%s", after, ours, theirs)
				}
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	at := func(perSecond int64) rate { return rate{count: perSecond, took: time.Second} }
	turn := 0
	ours, theirs := []int64{40, 90, 60, 10, 70}, []int64{100, 100, 100, 20, 100}
	c := comparison{
		demanded: 0.6,
		ours:     func(testing.TB) rate { return at(ours[turn]) },
		baseline: func(testing.TB) rate { turn++; return at(theirs[turn-1]) },
	}
	r := measure(t, c, turns)
	if r.ratio() != 0.6 || r.ratios[0] != 0.4 || r.ratios[4] != 0.9 || median(r.ours) != 60 || r.verdict() != "ok" {
		t.Errorf("%+v %v", r.ratios, r.verdict())
	}
	r.demanded = 0.61
	if r.verdict() != "MISSED" {
		t.Error(r.verdict())
	}
}
