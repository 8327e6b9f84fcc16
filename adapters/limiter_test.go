package adapters

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"hub"
	"hub/adapters/driver"
)

// server is a platform's bucket as it really is: what a call asks for must be in it, what the call took is charged.
type server struct {
	size, rate, level float64
	at                time.Time
	tells             bool
	overdrawn         int
}

func (s *server) serve(now time.Time, asked, took float64) Told {
	s.level = min(s.size, s.level+now.Sub(s.at).Seconds()*s.rate)
	s.at = now
	told := Told{}
	if asked > s.level+1e-6 {
		s.overdrawn++
		told.Refused = true
	} else {
		s.level -= took
		told.Cost = int(took)
	}
	if s.tells {
		told.Available, told.Size, told.PerSecond = s.level, s.size, s.rate
	}
	return told
}

// job is one call of a simulated run.
type job struct {
	w           *waiter
	took        float64
	up, down    time.Duration // on the way there, and back
	grant       Grant
	reach, back time.Time // when the platform saw it, and when the answer is here
	told        Told
	done        bool
}

// run plays a schedule against a server, with a virtual clock in steps of a millisecond, until everybody was served.
type run struct {
	t    *rapid.T
	q    *queue
	s    *server
	now  time.Time
	jobs []*job
}

func (r *run) step() {
	r.q.grant(r.now)
	for _, j := range r.jobs {
		if j.w.granted && j.reach.IsZero() {
			j.grant = Grant{cost: j.w.cost, spentAt: j.w.spentAt}
			j.reach = r.now.Add(j.up)
		}
	}
	for _, j := range r.jobs {
		if !j.reach.IsZero() && j.back.IsZero() && !j.reach.After(r.now) {
			j.told = r.s.serve(r.now, j.w.cost, min(j.took, j.w.cost))
			j.back = r.now.Add(j.down)
		}
		if !j.back.IsZero() && !j.back.After(r.now) && !j.done {
			r.q.bucket.give(r.now, j.grant, j.told)
			j.done = true
		}
	}
	r.now = r.now.Add(time.Millisecond)
}

// TestNeverOverdrawn: over any schedule of costs, delays and answers that overtake each other, the platform never sees a
// call that its bucket does not hold, and everybody is served.
func TestNeverOverdrawn(t *testing.T) {
	runs, calls, refused := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		begin := time.Unix(1_000_000, 0)
		size := float64(rapid.IntRange(10, 100).Draw(t, "size"))
		s := &server{size: size, rate: float64(rapid.IntRange(300, 3000).Draw(t, "rate")), level: size, at: begin, tells: rapid.Bool().Draw(t, "tells")}
		r := &run{t: t, s: s, now: begin, q: &queue{bucket: newBucket(s.size, s.rate, begin)}}
		n := rapid.IntRange(1, 40).Draw(t, "calls")
		var due []time.Duration
		for i := range n {
			cost := rapid.IntRange(1, int(size)).Draw(t, "cost")
			r.jobs = append(r.jobs, &job{
				w:    &waiter{tenant: hub.TenantID(fmt.Sprint(i % 3)), priority: Priority(i % 2), cost: float64(cost), ready: make(chan struct{})},
				took: float64(rapid.IntRange(1, cost).Draw(t, "took")),
				up:   time.Duration(rapid.IntRange(0, 80).Draw(t, "up")) * time.Millisecond,
				down: time.Duration(rapid.IntRange(0, 80).Draw(t, "down")) * time.Millisecond,
			})
			due = append(due, time.Duration(rapid.IntRange(0, 300).Draw(t, "at"))*time.Millisecond)
		}
		arrivals := slices.Clone(r.jobs)
		r.jobs = nil
		for tick := 0; len(r.jobs) < n || slices.ContainsFunc(r.jobs, func(j *job) bool { return !j.done }); tick++ {
			for i, j := range arrivals {
				if due[i] == time.Duration(tick)*time.Millisecond {
					r.q.push(j.w)
					r.jobs = append(r.jobs, j)
				}
			}
			if r.step(); tick > 100_000 {
				t.Fatal("somebody waits for ever")
			}
		}
		runs, calls, refused = runs+1, calls+n, refused+s.overdrawn
		if s.overdrawn > 0 {
			t.Fatalf("overdrawn %d times", s.overdrawn)
		}
	})
	t.Logf("%d schedules, %d calls, %d refused", runs, calls, refused)
}

// granting serves one call after another and returns who it was; calls cost what they cost, and the bucket is large.
func granting(q *queue, n int) (order []*waiter) {
	for range n {
		w := q.next()
		if w == nil {
			return order
		}
		q.bucket = newBucket(w.cost, 0, time.Time{}) // for this one, and no other
		before := q.waiting()
		q.grant(time.Time{})
		if q.waiting() != before-1 {
			panic("not exactly one call was granted")
		}
		order = append(order, w)
	}
	return order
}

// TestTurns: a fresh call sees at most one backfill call for each eight fresh ones in front of it, a backfill call waits for
// eight fresh ones at most, and tenants that always want something get equal shares, whatever they queue.
func TestTurns(t *testing.T) {
	runs, grants := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		q := &queue{}
		tenants := rapid.IntRange(1, 5).Draw(t, "tenants")
		most := 0.0
		for i := range tenants {
			for p := range 2 {
				for range rapid.IntRange(20, 60).Draw(t, "calls") {
					cost := float64(rapid.IntRange(1, 10).Draw(t, "cost"))
					most = max(most, cost)
					q.push(&waiter{tenant: hub.TenantID(fmt.Sprint(i)), priority: Priority(p), cost: cost, ready: make(chan struct{})})
				}
			}
		}
		order := granting(q, q.waiting())
		fresh, sinceOld := 0, 0
		for _, w := range order {
			left := slices.ContainsFunc(order[fresh:], func(w *waiter) bool { return w.priority == Fresh })
			if w.priority == Fresh {
				if sinceOld++; sinceOld > patience && slices.ContainsFunc(order[fresh:], func(w *waiter) bool { return w.priority == Backfill }) {
					t.Fatalf("a backfill call was passed over %d times", sinceOld)
				}
			} else {
				if left && fresh > 0 && sinceOld < patience && slices.ContainsFunc(order[fresh+1:], func(w *waiter) bool { return w.priority == Fresh }) {
					t.Fatalf("a backfill call went in front of a fresh one after %d fresh ones", sinceOld)
				}
				sinceOld = 0
			}
			fresh++
		}
		served := map[Priority]map[hub.TenantID]float64{Fresh: {}, Backfill: {}}
		waiting := map[Priority]map[hub.TenantID]int{Fresh: {}, Backfill: {}}
		for _, w := range order {
			waiting[w.priority][w.tenant]++
		}
		for _, w := range order {
			served[w.priority][w.tenant] += w.cost
			waiting[w.priority][w.tenant]--
			for tenant, n := range waiting[w.priority] {
				for other, m := range waiting[w.priority] {
					if n > 0 && m > 0 && served[w.priority][tenant]-served[w.priority][other] > 2*most {
						t.Fatalf("tenant %s has %g and tenant %s %g", tenant, served[w.priority][tenant], other, served[w.priority][other])
					}
				}
			}
		}
		runs, grants = runs+1, grants+len(order)
	})
	t.Logf("%d schedules, %d grants", runs, grants)
}

// TestNoCredit: a tenant that was idle shares from now on; it does not get what others had meanwhile.
func TestNoCredit(t *testing.T) {
	q := &queue{}
	push := func(tenant hub.TenantID, n int) {
		for range n {
			q.push(&waiter{tenant: tenant, cost: 1, ready: make(chan struct{})})
		}
	}
	push("a", 60)
	granting(q, 40)
	push("b", 20)
	got := map[hub.TenantID]int{}
	for _, w := range granting(q, 20) {
		got[w.tenant]++
	}
	if got["a"] < 9 || got["b"] < 9 {
		t.Errorf("%v", got)
	}
}

// TestSerialTenant: a tenant that asks for one thing at a time gets no more than one that has queued many, and no less.
func TestSerialTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(time.Now)
		b := Budget{Key: BudgetKey{App: "a"}, Size: 1, PerSecond: 10}
		got := map[hub.TenantID]int{}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		results := make(chan hub.TenantID, 1000)
		ask := func(tenant hub.TenantID) {
			for {
				g, err := l.Take(ctx, b, Claim{tenant, Fresh, 1})
				if err != nil {
					return
				}
				l.Return(g, Told{Usage: driver.Usage{Cost: 1}})
				results <- tenant
			}
		}
		go ask("one at a time")
		for range 20 {
			go ask("twenty at once")
		}
		<-ctx.Done()
		synctest.Wait()
		close(results)
		for tenant := range results {
			got[tenant]++
		}
		all := got["one at a time"] + got["twenty at once"]
		if all < 195 || all > 205 || got["one at a time"] < all*2/5 || got["one at a time"] > all*3/5 {
			t.Errorf("%v", got)
		}
		t.Logf("%v in 20 s at 10 a second", got)
	})
}

// TestWaitEnds: a caller whose time ends leaves the queue, and those behind it are served; Level tells people.
func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(time.Now)
		b := Budget{Key: BudgetKey{App: "a"}, Size: 10, PerSecond: 1}
		all, err := l.Take(t.Context(), b, Claim{Cost: 10})
		if err != nil {
			t.Fatal(err)
		}
		l.Return(all, Told{})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		done := make(chan time.Duration)
		go func() {
			<-time.After(time.Second)
			if _, err := l.Take(t.Context(), b, Claim{Cost: 4}); err != nil {
				t.Error(err)
			}
			done <- time.Since(began)
		}()
		go func() {
			<-time.After(2 * time.Second)
			if level, ok := l.Level(b.Key); !ok || level.Waiting != 2 || level.Size != 10 || level.Left < 1.9 || level.Left > 2.1 {
				t.Errorf("%+v", level)
			}
		}()
		if _, err := l.Take(ctx, b, Claim{Cost: 9}); hub.CodeOf(err) != CodeNoBudget || hub.KindOf(err) != hub.KindUnavailable {
			t.Errorf("%v", err)
		}
		if took := <-done; took < 3900*time.Millisecond || took > 4100*time.Millisecond {
			t.Errorf("the one behind it was served after %s", took)
		}
		if _, ok := l.Level(BudgetKey{App: "b"}); ok {
			t.Error("a budget that nobody used has a level")
		}
	})
}

// TestLearns: from a platform that tells, what its bucket is; from one that only refuses, to slow down, and to come back.
func TestLearns(t *testing.T) {
	now := time.Unix(0, 0)
	b := newBucket(2000, 100, now)
	b.take(300)
	b.give(now, Grant{cost: 300}, Told{Usage: driver.Usage{Cost: 20, Available: 20, Size: 40, PerSecond: 2}})
	if b.size != 40 || b.rate != 2 || b.level != 20 || b.pause(now, 300) != 10*time.Second {
		t.Errorf("%+v", b)
	}
	b = newBucket(10, 10, now)
	for range 3 {
		b.take(1)
		b.give(now, Grant{cost: 1}, Told{Refused: true})
	}
	if b.pace != 1.0/8 || b.level > 0 {
		t.Errorf("after three refusals: %+v", b)
	}
	for range 50 {
		b.give(now, Grant{}, Told{})
	}
	if b.pace != 1 {
		t.Errorf("after fifty successes: %+v", b)
	}
}

// TestPerApp: where a platform counts per app, all shops share one budget; else each has its own.
func TestPerApp(t *testing.T) {
	for _, perApp := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{lines: []reply{{status: 200}}}
			f := front(s, func(p *platform, _ *Options) { p.limits = driver.Limits{Size: 1, PerSecond: 1, PerApp: perApp} })
			began := time.Now()
			done := make(chan error)
			for i := range 6 {
				to := Shop{Tenant: "ten_1", Account: fmt.Sprint(i)}
				go func() { _, err := f.Caller(to, Fresh).Call(t.Context(), get); done <- err }()
			}
			for range 6 {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			if took := time.Since(began); perApp && took != 5*time.Second || !perApp && took != 0 {
				t.Errorf("per app %v: %s", perApp, took)
			}
		})
	}
}
