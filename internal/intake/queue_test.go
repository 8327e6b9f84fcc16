package intake

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"hub"
	"hub/internal/wal"
)

// A tenant with ten thousand entries does not keep another's single one waiting beyond one batch.
func TestNoisyTenant(t *testing.T) {
	var q fair
	for i := range 10_000 {
		q.push(entry{index: wal.Index(i), tenant: "noisy", size: 1000})
	}
	q.take(batchRows, batchBytes)
	q.push(entry{index: 99_999, tenant: "quiet", size: 1000})
	found := false
	for _, e := range q.take(batchRows, batchBytes) {
		found = found || e.tenant == "quiet"
	}
	if !found {
		t.Fatal("the quiet tenant is not in the next batch")
	}
}

// Everything that is pushed is taken once, each tenant's in order, batches stay within their bounds, and no tenant gets
// two turns while another waits.
func TestFairQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q fair
		const rows, bytes = 7, 50
		last, left := map[hub.TenantID]wal.Index{}, map[hub.TenantID]int{}
		pushed, taken := 0, 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "push") {
				tenant := hub.TenantID(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "tenant"))
				pushed++
				left[tenant]++
				q.push(entry{index: wal.Index(pushed), tenant: tenant, size: rapid.IntRange(0, 80).Draw(t, "size")})
				continue
			}
			batch := q.take(rows, bytes)
			size, turns := 0, map[hub.TenantID]int{}
			for i, e := range batch {
				if e.index <= last[e.tenant] {
					t.Fatalf("entry %d of %s after %d", e.index, e.tenant, last[e.tenant])
				}
				last[e.tenant] = e.index
				size += e.size
				turns[e.tenant]++
				left[e.tenant]--
				for other, n := range left {
					if n > 0 && other != e.tenant && turns[e.tenant] > turns[other]+1 {
						t.Fatalf("at %d %s had %d turns, %s had %d", i, e.tenant, turns[e.tenant], other, turns[other])
					}
				}
			}
			if taken += len(batch); len(batch) > rows || len(batch) > 1 && size > bytes || q.len() != pushed-taken {
				t.Fatalf("%d entries of %d bytes, %d left of %d", len(batch), size, q.len(), pushed-taken)
			}
			if len(batch) == 0 && pushed > taken {
				t.Fatal("an entry stays behind")
			}
		}
	})
}

// The mark is the last index up to which everything is finished, and memory follows the gaps, not the records.
func TestLowWater(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := wal.Index(rapid.IntRange(0, 5).Draw(t, "start"))
		n := rapid.IntRange(1, 40).Draw(t, "records")
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		var p progress
		p.start(start)
		done := map[wal.Index]bool{}
		for _, i := range rapid.Permutation(order).Draw(t, "order") {
			at := start + 1 + wal.Index(i)
			p.finish(at)
			done[at] = true
			want := start
			for done[want+1] {
				want++
			}
			if p.low() != want || len(p.ends) != len(p.first) {
				t.Fatalf("mark %d, want %d", p.low(), want)
			}
		}
		if len(p.ends)+len(p.first) != 0 {
			t.Fatalf("%d ranges are left", len(p.ends))
		}
	})
	var p progress
	p.start(0)
	for i := range wal.Index(100_000) {
		p.finish(i + 2)
	}
	if len(p.ends) != 1 || p.low() != 0 {
		t.Errorf("one stuck record keeps %d ranges in memory", len(p.ends))
	}
}

func TestWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Drainer{}
		early := make(chan error, 1)
		go func() { early <- d.WaitFor(t.Context(), 3) }()
		synctest.Wait()
		d.progress.start(3) // before any record: what was finished by an earlier run counts
		if err := <-early; err != nil {
			t.Fatal(err)
		}
		waiting := make(chan error, 1)
		go func() { waiting <- d.WaitFor(t.Context(), 5) }()
		d.progress.finish(5)
		synctest.Wait()
		select {
		case <-waiting:
			t.Fatal("it returned over a gap")
		default:
		}
		d.progress.finish(4)
		if err := <-waiting; err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.WaitFor(ctx, 6); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("WaitFor: %v", err)
		}
	})
}

// Retries come when they are due, the longest due first.
func TestLater(t *testing.T) {
	var l later
	base := time.Unix(0, 0)
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(100) {
		l.push(entry{index: wal.Index(i), due: base.Add(time.Duration(i) * time.Second)})
	}
	for i := range 100 {
		due := base.Add(time.Duration(i) * time.Second)
		if _, ok := l.pop(due.Add(-1)); ok {
			t.Fatalf("entry %d came early", i)
		}
		if e, ok := l.pop(due); !ok || e.index != wal.Index(i) {
			t.Fatalf("got %d at %d", e.index, i)
		}
	}
	if _, ok := l.next(); ok || l.len() != 0 {
		t.Fatal("something is left")
	}
}

func TestBackoff(t *testing.T) {
	for attempt := range 100 {
		most := min(backoffMost, backoffBase<<min(attempt, 10))
		for range 50 {
			if d := backoff(attempt); d < most/2 || d >= most {
				t.Fatalf("attempt %d waits %v, want %v to %v", attempt, d, most/2, most)
			}
		}
	}
}
