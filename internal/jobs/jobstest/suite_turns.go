package jobstest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"hub"
	"hub/internal/jobs"
)

func (b *bench) fill(tenant, connection string, n int, class jobs.Class) {
	b.Helper()
	list := make([]jobs.Job, n)
	for i := range list {
		list[i] = job(tenant, connection, fmt.Sprintf("%s-%d-%d", connection, class, i))
		list[i].Class = class
	}
	b.enqueue(list...)
}

// place is after how many claims of others a tenant's first job came; -1 is never.
func place(list []jobs.Claimed, tenant hub.TenantID) int {
	return slices.IndexFunc(list, func(c jobs.Claimed) bool { return c.Tenant == tenant })
}

func testNoisyTenant(b *bench) {
	for c := range 10 {
		b.fill("a", fmt.Sprint(c), 20, jobs.Fresh)
	}
	b.claimAs(ask(50))
	b.clock.Add(time.Second)
	b.fill("b", "quiet", 3, jobs.Fresh)
	all := b.claimAs(ask(4))
	all = append(all, b.drain(ask(40))...)
	if at := place(all, tenantB); at < 0 || at > 4 {
		b.Errorf("the other tenant's first came after %d", at)
	}
	if len(all)+50 != 203 {
		b.Errorf("%d jobs of 203", len(all)+50)
	}
}

func testNoisyConnection(b *bench) {
	b.fill("a", "noisy", 300, jobs.Fresh)
	b.fill("a", "quiet", 2, jobs.Fresh)
	if got := b.claimAs(ask(4)); !slices.ContainsFunc(got, func(c jobs.Claimed) bool { return c.Connection == "con_quiet" }) {
		b.Errorf("claimed %v", keys(got))
	}
}

// testManyLanes has more lanes than one division sees: each gets its turn before any gets two.
func testManyLanes(b *bench) {
	const lanes = 300
	var list []jobs.Job
	for c := range lanes {
		for i := range 3 {
			list = append(list, job("a", fmt.Sprint(c), fmt.Sprint(i)))
		}
	}
	b.enqueue(list...)
	b.clock.Add(time.Millisecond)
	turns := map[hub.ConnectionID]int{}
	for range lanes / 10 {
		for _, c := range b.claimAs(ask(10)) {
			turns[c.Connection]++
		}
		b.clock.Add(time.Millisecond)
	}
	if len(turns) != lanes {
		b.Errorf("%d lanes of %d had a turn in as many claims", len(turns), lanes)
	}
	if rest := b.drain(ask(100)); len(rest) != 2*lanes {
		b.Errorf("%d jobs of %d are left", len(rest), 2*lanes)
	}
}

func testFreshFirst(b *bench) {
	b.fill("a", "1", 30, jobs.Backfill)
	b.fill("a", "2", 30, jobs.Backfill)
	b.clock.Add(time.Second)
	b.fill("a", "1", 4, jobs.Fresh)
	b.fill("b", "3", 2, jobs.Fresh)
	got := b.claimAs(ask(2))
	if slices.ContainsFunc(got, func(c jobs.Claimed) bool { return c.Class != jobs.Fresh }) || len(got) != 2 {
		b.Errorf("claimed %+v", got)
	}
	if urgent := job("a", "2", "2-1-29"); true { // becomes fresh while it waits
		b.enqueue(urgent)
		b.clock.Add(time.Second)
		found := false
		for range 4 {
			for _, c := range b.claimAs(ask(2)) {
				found = found || c.Key == urgent.Key
			}
		}
		if !found {
			b.Error("what became urgent waited with the rest")
		}
	}
}

// testPatience has fresh work without end in front of somebody's backfill.
func testPatience(b *bench) {
	b.fill("b", "old", 1, jobs.Backfill)
	for minute := range 5 {
		b.fill("a", "1", 30, jobs.Fresh)
		b.clock.Add(20 * time.Second)
		got := b.claimAs(ask(1))
		b.end(jobs.Done, "", 0, 0, got...)
		if place(got, tenantB) >= 0 {
			if minute < 2 {
				b.Errorf("backfill went before fresh work after %d steps", minute)
			}
			return
		}
	}
	b.Error("backfill never had its turn")
}

func testPerConnection(b *bench) {
	b.fill("a", "1", 10, jobs.Fresh)
	b.fill("a", "1", 10, jobs.Backfill)
	b.fill("a", "2", 1, jobs.Fresh)
	a := ask(100)
	a.PerConnection = 3
	first := b.drain(a)
	if len(first) != 4 {
		b.Fatalf("claimed %v", keys(first))
	}
	mine := slices.DeleteFunc(slices.Clone(first), func(c jobs.Claimed) bool { return c.Connection != "con_1" })
	b.end(jobs.Done, "", 0, 0, mine[0])
	b.end(jobs.Later, "x", time.Hour, 0, mine[1])
	if got := b.drain(a); len(got) != 2 {
		b.Fatalf("after two ended: claimed %v", keys(got))
	}
	b.clock.Add(time.Minute) // all lapse
	if got := b.drain(a); len(got) != 4 {
		b.Fatalf("after all lapsed: claimed %v", keys(got))
	}
	done := 0
	for range 40 {
		b.clock.Add(time.Minute)
		got := b.drain(a)
		b.end(jobs.Done, "", 0, 0, got...)
		done += len(got)
	}
	b.clock.Add(time.Hour)
	b.end(jobs.Done, "", 0, 0, b.drain(a)...)
	b.counts(0, 0, 0)
	if done < 19 {
		b.Errorf("%d done", done)
	}
}

func testPerTenant(b *bench) {
	for c := range 5 {
		b.fill("a", fmt.Sprint(c), 5, jobs.Fresh)
	}
	b.fill("b", "x", 5, jobs.Fresh)
	a := ask(8)
	a.PerTenant, a.Running = 4, map[hub.TenantID]int{tenantA: 3}
	got := b.claimAs(a)
	counts := map[hub.TenantID]int{}
	for _, c := range got {
		counts[c.Tenant]++
	}
	if counts[tenantA] != 1 || counts[tenantB] != 4 {
		b.Errorf("claimed %v", keys(got))
	}
	a.Running = map[hub.TenantID]int{tenantA: 4}
	for _, c := range b.drain(a) {
		if c.Tenant != tenantB {
			b.Errorf("claimed %v for a tenant that may run no more", keys([]jobs.Claimed{c}))
		}
	}
}

// testWrongClock has a clock that was years ahead for a while.
func testWrongClock(b *bench) {
	const years = 3 * 365 * 24 * time.Hour
	b.clock.Add(years)
	b.enqueue(job("a", "1", "waits"))
	b.enqueue(job("a", "2", "runs"))
	b.end(jobs.Later, "x", time.Minute, 0, slices.DeleteFunc(b.claimAs(ask(2)), func(c jobs.Claimed) bool { return c.Key == "runs" })...)
	b.clock.Add(-years)
	if got := keys(b.drain(ask(10))); len(got) != 2 {
		b.Errorf("claimed %v", got)
	}
	b.clock.Add(-years)
	b.enqueue(job("a", "1", "3"))
	if got := keys(b.drain(ask(10))); len(got) != 3 {
		b.Errorf("claimed %v", got)
	}
}

// testTogether has several hubs work off the same jobs at once, while news come in. No lease ends meanwhile, so no two
// of them may ever have the same job.
func testTogether(b *bench) {
	const lanes, each, workers = 12, 10, 6
	for l := range lanes {
		b.fill(string(rune('a'+l%4)), fmt.Sprint(l), each, jobs.Class(l%2))
	}
	var mu sync.Mutex
	held, runs, twice, over := map[jobs.Ref]bool{}, map[jobs.Ref]int{}, 0, 0
	live := map[jobs.Lane]int{}
	var wg sync.WaitGroup
	for w := range workers {
		p := b.hubs[w%len(b.hubs)]
		wg.Go(func() {
			a := ask(3 + w)
			a.PerConnection, a.Holder = 4, fmt.Sprint("hub-", w)
			for idle, news := 0, 0; idle < 20; {
				got, err := p.Claim(b.ctx, b.shard, a)
				if err != nil {
					b.Errorf("worker %d: %v", w, err)
					return
				}
				if idle++; len(got) > 0 {
					idle = 0
				}
				var results []jobs.Result
				mu.Lock()
				for _, c := range got {
					if held[c.Ref] {
						twice++
					}
					if live[c.Lane]++; live[c.Lane] > a.PerConnection {
						over++
					}
					held[c.Ref] = true
					runs[c.Ref]++
					results = append(results, jobs.Result{Claim: c.Claim()})
				}
				mu.Unlock()
				if len(got) > 0 && w == 0 && news < 20 {
					news++
					if err := b.try(got[0].Job); err != nil {
						b.Errorf("news: %v", err)
					}
				}
				mu.Lock()
				for _, c := range got { // before it is reported: after that others may have it
					delete(held, c.Ref)
					live[c.Lane]--
				}
				mu.Unlock()
				if lost, err := p.Finish(b.ctx, b.shard, results); err != nil || len(lost) > 0 {
					b.Errorf("worker %d: %d lost, %v", w, len(lost), err)
				}
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range runs {
		total += n
	}
	b.end(jobs.Done, "", 0, 0, b.drain(ask(100))...)
	if len(runs) != lanes*each || twice+over > 0 {
		b.Errorf("%d jobs of %d ran, %d in two hands, %d too many for a connection", len(runs), lanes*each, twice, over)
	}
	b.Logf("%d jobs, %d runs, %d in two hands", len(runs), total, twice)
}
