package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/internal/jobs"
	"hub/internal/jobs/jobstest"
)

const fetch = "fetch.order"

func options(name string, clock hub.Clock) jobs.Options {
	return jobs.Options{
		Holder: name, Clock: clock, Monotonic: time.Now, Logger: slog.New(slog.DiscardHandler), Lease: 30 * time.Second, PollMost: 5 * time.Second, Grace: 10 * time.Second,
		Retry: jobs.Retry{First: 2 * time.Second, Most: 5 * time.Minute, Attempts: 5, Jitter: func(d time.Duration) time.Duration { return d }},
	}
}

func job(connection, key string) jobs.Job {
	return jobs.Job{Ref: jobs.Ref{Lane: jobs.Lane{Kind: fetch, Tenant: "ten_a", Connection: hub.ConnectionID(connection)}, Key: hub.ExternalID(key)}}
}

func enqueue(t *testing.T, m *jobstest.Memory, list ...jobs.Job) {
	t.Helper()
	err := m.Do(t.Context(), "s0", func(ctx context.Context, tx hub.Tx) error { return m.Enqueue(ctx, tx, list) })
	if err != nil {
		t.Fatal(err)
	}
}

// running starts a worker in a bubble and returns what stops it.
func running(w *jobs.Worker) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	return sync.OnceFunc(func() { cancel(); <-done })
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// alone runs f beside a worker with one handler.
func alone(t *testing.T, handle jobs.Handler, f func(m *jobstest.Memory, stop func())) {
	synctest.Test(t, func(t *testing.T) {
		m := jobstest.NewMemory(time.Now)
		w := jobs.NewWorker("s0", m, map[string]jobs.Kind{fetch: {Handle: handle, Slots: 4, Most: time.Hour}}, options("hub-1", time.Now))
		m.OnJobs = func(hub.ShardID) { w.Wake() }
		stop := running(w)
		defer stop()
		f(m, stop)
	})
}

func counts(t *testing.T, m *jobstest.Memory) string {
	t.Helper()
	list, err := m.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, c := range list {
		text += fmt.Sprintf("%d %s ", c.Jobs, c.State)
	}
	return text
}

func TestWake(t *testing.T) {
	done := 0
	alone(t, func(context.Context, jobs.Job) error { done++; return nil }, func(m *jobstest.Memory, _ func()) {
		pass(time.Hour) // it looks seldom by now
		enqueue(t, m, job("con_1", "1"))
		synctest.Wait()
		if done != 1 || counts(t, m) != "" {
			t.Errorf("%d done; %s", done, counts(t, m))
		}
		m.OnJobs = nil // as on another hub
		enqueue(t, m, job("con_1", "1"))
		pass(5 * time.Second)
		if done != 2 {
			t.Error("what nobody rang for was not found by looking")
		}
	})
}

// TestErrors has each kind of error decide.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		err   error
		calls int // within a day
		end   string
	}{
		{hub.Errorf(hub.KindNotFound, "fetching", "no"), 1, "1 failed "},
		{hub.Errorf(hub.KindPermanent, "fetching", "no"), 1, "1 failed "},
		{hub.Errorf(hub.KindUnauthentic, "fetching", "no"), 1, "1 failed "},
		{errors.New("surprise"), 5, "1 failed "},
		{hub.Errorf(hub.KindUnknown, "fetching", "no"), 5, "1 failed "},
		{&hub.Error{Kind: hub.KindThrottled, RetryAfter: 5 * time.Hour}, 5, "1 waiting "},
		{nil, 1, ""},
	} {
		calls := 0
		alone(t, func(context.Context, jobs.Job) error { calls++; return c.err }, func(m *jobstest.Memory, _ func()) {
			enqueue(t, m, job("con_1", "1"))
			pass(24 * time.Hour)
			if calls != c.calls || counts(t, m) != c.end {
				t.Errorf("%v: %d calls, %q", c.err, calls, counts(t, m))
			}
		})
	}
	calls := 0
	alone(t, func(context.Context, jobs.Job) error {
		if calls++; calls < 100 {
			return hub.Errorf(hub.KindUnavailable, "fetching", "away")
		}
		return nil
	}, func(m *jobstest.Memory, _ func()) {
		enqueue(t, m, job("con_1", "1"))
		pass(24 * time.Hour)
		if calls != 100 || counts(t, m) != "" {
			t.Errorf("away for hours: %d calls, %q", calls, counts(t, m))
		}
	})
	calls = 0
	alone(t, func(context.Context, jobs.Job) error { calls++; panic("personal") }, func(m *jobstest.Memory, _ func()) {
		enqueue(t, m, job("con_1", "1"))
		pass(24 * time.Hour)
		if calls != 5 || counts(t, m) != "1 failed " {
			t.Errorf("a panic: %d calls, %q", calls, counts(t, m))
		}
	})
}

// TestLongJob takes many leases and is done once.
func TestLongJob(t *testing.T) {
	calls := 0
	alone(t, func(ctx context.Context, _ jobs.Job) error {
		calls++
		select {
		case <-ctx.Done():
			t.Errorf("cancelled: %v", context.Cause(ctx))
		case <-time.After(10 * time.Minute):
		}
		return nil
	}, func(m *jobstest.Memory, _ func()) {
		other := jobs.NewWorker("s0", m, map[string]jobs.Kind{fetch: {Slots: 4, Handle: func(context.Context, jobs.Job) error {
			t.Error("another hub has it, too")
			return nil
		}}}, options("hub-2", time.Now))
		enqueue(t, m, job("con_1", "1"))
		synctest.Wait()
		defer running(other)()
		pass(11 * time.Minute)
		if calls != 1 || counts(t, m) != "" {
			t.Errorf("%d calls, %q", calls, counts(t, m))
		}
	})
}

// TestStop finishes what can be finished within the grace, and gives the rest back at once.
func TestStop(t *testing.T) {
	var causes []error
	var mu sync.Mutex
	alone(t, func(ctx context.Context, j jobs.Job) error {
		wait := 5 * time.Second
		if j.Key == "long" {
			wait = time.Hour
		}
		select {
		case <-ctx.Done():
			mu.Lock()
			causes = append(causes, context.Cause(ctx))
			mu.Unlock()
			return ctx.Err()
		case <-time.After(wait):
		}
		return nil
	}, func(m *jobstest.Memory, stop func()) {
		enqueue(t, m, job("con_1", "long"), job("con_2", "short"))
		synctest.Wait()
		start := time.Now()
		stop()
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("the stop took %v", took)
		}
		got, err := m.Claim(t.Context(), "s0", jobs.Ask{Kind: fetch, Limit: 9, Lease: time.Minute})
		if err != nil || len(got) != 1 || got[0].Key != "long" || got[0].Attempts != 1 || len(causes) != 1 || !errors.Is(causes[0], jobs.ErrStopping) {
			t.Errorf("left %+v, %v; causes %v", got, err, causes)
		}
	})
}

// TestBegunTooOften gives up what kills its hub each time.
func TestBegunTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := jobstest.NewMemory(time.Now)
		enqueue(t, m, job("con_1", "1"))
		for range 5 { // hubs that die
			if got, err := m.Claim(t.Context(), "s0", jobs.Ask{Kind: fetch, Limit: 1, Lease: time.Second}); err != nil || len(got) != 1 {
				t.Fatal(got, err)
			}
			pass(time.Second)
		}
		w := jobs.NewWorker("s0", m, map[string]jobs.Kind{fetch: {Slots: 1, Handle: func(context.Context, jobs.Job) error {
			t.Error("begun once more")
			return nil
		}}}, options("hub-1", time.Now))
		defer running(w)()
		pass(time.Minute)
		if counts(t, m) != "1 failed " {
			t.Error(counts(t, m))
		}
	})
}

// barren is an heir that never inherits.
type barren struct{ asked int }

func (b *barren) Inherit(context.Context, hub.ShardID, string) (int64, error) {
	b.asked++
	return 0, errAway
}

// TestFormerLife: what the hub was doing when it was killed is begun again at once, what another hub does is not. Where that
// cannot be, it waits for the end of the lease, and so does the other work no longer than that.
func TestFormerLife(t *testing.T) {
	for _, c := range []struct {
		name  string
		heir  bool
		fails bool
		at    time.Duration // when the former life's job is begun again
	}{{"it inherits", true, false, 0}, {"nobody inherits", false, false, time.Minute}, {"it cannot", true, true, time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			m, cannot := jobstest.NewMemory(time.Now), &barren{}
			enqueue(t, m, job("con_1", "1"), job("con_2", "2"))
			for _, holder := range []string{"hub-1", "hub-2"} {
				if got, err := m.Claim(t.Context(), "s0", jobs.Ask{Kind: fetch, Holder: holder, Limit: 1, Lease: time.Minute}); err != nil || len(got) != 1 || (got[0].Key == "1") != (holder == "hub-1") {
					t.Fatal(got, err)
				}
			}
			enqueue(t, m, job("con_3", "3"))
			began := map[hub.ExternalID]time.Duration{}
			var mu sync.Mutex
			start := time.Now()
			o := options("hub-1", time.Now)
			if o.Heir = m; c.fails {
				o.Heir = cannot
			}
			if !c.heir {
				o.Heir = nil
			}
			w := jobs.NewWorker("s0", m, map[string]jobs.Kind{fetch: {Slots: 4, Handle: func(_ context.Context, j jobs.Job) error {
				mu.Lock()
				defer mu.Unlock()
				began[j.Key] = time.Since(start)
				return nil
			}}}, o)
			stop := running(w)
			pass(2 * time.Minute)
			stop()
			late := func(key hub.ExternalID, at time.Duration) {
				if got, ok := began[key]; !ok || got < at || got > at+o.PollMost {
					t.Errorf("%s: job %s was begun after %v, want %v", c.name, key, got, at)
				}
			}
			late("1", c.at)
			late("2", time.Minute)
			if c.fails {
				late("3", o.Lease)
			} else {
				late("3", 0)
			}
			if (cannot.asked > 1) != c.fails {
				t.Errorf("%s: asked %d times", c.name, cannot.asked)
			}
		})
	}
}

// faulty is a store that fails at random, before and after it did what it was asked, or does not answer for a while.
type faulty struct {
	jobs.Store
	jobs.Heir
	mu   sync.Mutex
	rand *rand.Rand
	dead atomic.Bool  // the hub is killed, or hangs: nothing goes in or out
	held sync.RWMutex // locked while the hub is paused: what it asks goes out after the pause
	sum  *tally
}

type tally struct{ down, unknown, slow, kills, inherited, pauses, jumps, enqueued, runs, lost atomic.Int64 }

var errAway = &hub.Error{Kind: hub.KindUnavailable, Op: "asking"}

func (f *faulty) ask(do func() error) error {
	f.mu.Lock()
	dice := f.rand.IntN(40)
	f.mu.Unlock()
	for !f.held.TryRLock() { // a lock that is waited for would not let the bubble's clock go on
		<-time.After(time.Second)
	}
	f.held.RUnlock()
	switch {
	case f.dead.Load():
		return errAway
	case dice < 2:
		f.sum.down.Add(1)
		return errAway
	case dice < 4:
		f.sum.unknown.Add(1)
		_ = do()
		return &hub.Error{Kind: hub.KindUnknown, Op: "asking"}
	case dice == 4:
		f.sum.slow.Add(1)
		<-time.After(9 * time.Second)
	}
	return do()
}

func (f *faulty) Claim(ctx context.Context, s hub.ShardID, a jobs.Ask) (got []jobs.Claimed, err error) {
	err = f.ask(func() (err error) { got, err = f.Store.Claim(ctx, s, a); return err })
	if err != nil {
		got = nil
	}
	return got, err
}

func (f *faulty) Extend(ctx context.Context, s hub.ShardID, c []jobs.Claim, d time.Duration) (lost []jobs.Claim, err error) {
	err = f.ask(func() (err error) { lost, err = f.Store.Extend(ctx, s, c, d); return err })
	return lost, err
}

func (f *faulty) Finish(ctx context.Context, s hub.ShardID, r []jobs.Result) (lost []jobs.Claim, err error) {
	err = f.ask(func() (err error) { lost, err = f.Store.Finish(ctx, s, r); return err })
	return lost, err
}

func (f *faulty) Inherit(ctx context.Context, s hub.ShardID, holder string) (n int64, err error) {
	err = f.ask(func() (err error) { n, err = f.Heir.Inherit(ctx, s, holder); return err })
	f.sum.inherited.Add(n)
	return n, err
}

// world is what handlers act on: of each job the number of the newest news, and of the newest that was acted on.
type world struct {
	mu   sync.Mutex
	news map[jobs.Ref]int
	seen map[jobs.Ref]int
}

// TestDrillHistories has several hubs work while they are killed and paused, calls fail with and without having happened,
// and clocks jump. In the end all news was acted on.
func TestDrillHistories(t *testing.T) {
	seeds := uint64(60)
	if os.Getenv("HUB_DRILL") == "1" {
		seeds = 3000
	}
	var sum tally
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) { history(t, seed, &sum) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d histories: %d enqueued, %d runs; %d calls failed, %d of unknown outcome, %d slow, %d kills, %d leases inherited, %d pauses beyond the lease, %d clock jumps; %d news lost",
		seeds, sum.enqueued.Load(), sum.runs.Load(), sum.down.Load(), sum.unknown.Load(), sum.slow.Load(), sum.kills.Load(), sum.inherited.Load(), sum.pauses.Load(), sum.jumps.Load(), sum.lost.Load())
	if sum.kills.Load() == 0 || sum.inherited.Load() == 0 || sum.pauses.Load() == 0 || sum.unknown.Load() == 0 || sum.jumps.Load() == 0 {
		t.Error("the histories hit nothing")
	}
}

func history(t *testing.T, seed uint64, sum *tally) {
	r := rand.New(rand.NewPCG(seed, 3))
	var skew atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }
	m, w := jobstest.NewMemory(clock), &world{news: map[jobs.Ref]int{}, seen: map[jobs.Ref]int{}}
	type process struct {
		*faulty
		name string
		kill func()
		end  chan struct{}
	}
	start := func(name string) process {
		p := process{name: name, faulty: &faulty{Store: m, Heir: m, rand: rand.New(rand.NewPCG(r.Uint64(), 1)), sum: sum}, end: make(chan struct{})}
		o := options(name, clock)
		o.Retry.Attempts, o.Retry.Most, o.Heir = 1000, time.Minute, p
		worker := jobs.NewWorker("s0", p, map[string]jobs.Kind{fetch: {Handle: w.handler(p.faulty, r.Uint64(), sum), Slots: 4, PerConnection: 2}}, o)
		ctx, cancel := context.WithCancel(context.Background())
		go func() { worker.Run(ctx); close(p.end) }()
		p.kill = cancel
		return p
	}
	hubs := []process{start("hub-0"), start("hub-1"), start("hub-2")}
	for step := range 60 {
		j := job(fmt.Sprint("con_", r.IntN(3)), fmt.Sprint(r.IntN(4)))
		w.mu.Lock()
		w.news[j.Ref]++
		w.mu.Unlock()
		enqueue(t, m, j)
		sum.enqueued.Add(1)
		at := r.IntN(len(hubs))
		switch r.IntN(10) {
		case 0: // killed: what it still does has no effect, and another takes its place
			sum.kills.Add(1)
			hubs[at].dead.Store(true)
			hubs[at].kill()
			defer func(end chan struct{}) { <-end }(hubs[at].end)
			name := fmt.Sprint("hub-", step+3)
			if r.IntN(2) == 0 { // or it comes back itself
				name = hubs[at].name
			}
			hubs[at] = start(name)
		case 1:
			sum.pauses.Add(1)
			p := hubs[at]
			p.held.Lock()
			pass(50 * time.Second)
			p.held.Unlock()
		case 2:
			sum.jumps.Add(1)
			skew.Add(int64(time.Duration(r.IntN(120)-60) * time.Second))
		}
		pass(time.Duration(r.IntN(5000)) * time.Millisecond)
	}
	pass(30 * time.Minute)
	w.mu.Lock()
	for ref, n := range w.news {
		if w.seen[ref] != n {
			sum.lost.Add(1)
			t.Errorf("%v: news %d of %d", ref, w.seen[ref], n)
		}
	}
	w.mu.Unlock()
	for _, p := range hubs {
		p.kill()
		<-p.end
	}
	if c := counts(t, m); c != "" {
		t.Errorf("left: %s", c)
	}
}

// handler reads the news and, after a while, has seen them, unless it fails, or its hub is dead.
func (w *world) handler(f *faulty, seed uint64, sum *tally) jobs.Handler {
	dice := rand.New(rand.NewPCG(seed, 2))
	var mu sync.Mutex
	return func(ctx context.Context, j jobs.Job) error {
		sum.runs.Add(1)
		mu.Lock()
		fails, long := dice.IntN(6) == 0, time.Duration(dice.IntN(4000))*time.Millisecond
		if dice.IntN(10) == 0 {
			long = 70 * time.Second
		}
		mu.Unlock()
		w.mu.Lock()
		news := w.news[j.Ref]
		w.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(long):
		}
		if fails || f.dead.Load() {
			return hub.Errorf(hub.KindUnavailable, "fetching", "away")
		}
		w.mu.Lock()
		w.seen[j.Ref] = max(w.seen[j.Ref], news)
		w.mu.Unlock()
		return nil
	}
}

// TestLostLease has a worker whose store does not answer: its handlers are told before anybody else can have their jobs.
func TestLostLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := jobstest.NewMemory(time.Now)
		var sum tally
		f := &faulty{Store: m, rand: rand.New(rand.NewPCG(1, 1)), sum: &sum}
		told := make(chan time.Time, 1)
		started := time.Time{}
		w := jobs.NewWorker("s0", f, map[string]jobs.Kind{fetch: {Slots: 1, Handle: func(ctx context.Context, _ jobs.Job) error {
			started = time.Now()
			f.dead.Store(true)
			<-ctx.Done()
			if errors.Is(context.Cause(ctx), jobs.ErrLost) {
				told <- time.Now()
			}
			return nil // and what it says is not reported
		}}}, options("hub-1", time.Now))
		enqueue(t, m, job("con_1", "1"))
		stop := running(w)
		defer stop()
		pass(40 * time.Second)
		select {
		case at := <-told:
			if late := at.Sub(started.Add(30 * time.Second)); late > 0 {
				t.Errorf("told %v after the lease ended", late)
			}
		default:
			t.Fatal("not told")
		}
		if got, err := m.Claim(t.Context(), "s0", jobs.Ask{Kind: fetch, Limit: 1, Lease: time.Hour / 6}); err != nil || len(got) != 1 {
			t.Errorf("nobody else can have it: %v, %v", got, err)
		}
		f.dead.Store(false)
		pass(time.Minute)
		if counts(t, m) != "1 running " {
			t.Errorf("the late report was believed: %q", counts(t, m))
		}
	})
}
