package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/internal/jobs"
	"hub/internal/jobs/jobstest"
)

// endings counts what a worker says of its attempts.
type endings struct {
	mu   sync.Mutex
	list map[string]int
	most time.Duration
}

func (e *endings) ended(kind, outcome string, took time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.list == nil {
		e.list = map[string]int{}
	}
	e.list[kind+" "+outcome]++
	e.most = max(e.most, took)
}

func (e *endings) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return fmt.Sprint(e.list)
}

// lastCode revives the one job, and reads what went wrong with it last.
func lastCode(t *testing.T, m *jobstest.Memory) hub.Code {
	t.Helper()
	enqueue(t, m, job("con_1", "1"))
	got, err := m.Claim(t.Context(), "s0", jobs.Ask{Kind: fetch, Limit: 9, Lease: time.Minute})
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	return got[0].LastCode
}

// TestTooLong has a handler that listens: its context ends with its time, which is a failure of the attempt.
func TestTooLong(t *testing.T) {
	for most, want := range map[time.Duration]time.Duration{0: jobs.MostTime, time.Minute: time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			m, e := jobstest.NewMemory(time.Now), &endings{}
			o := options("hub-1", time.Now)
			o.Ended = e.ended
			calls := 0
			w := jobs.NewWorker("s0", m, map[string]jobs.Kind{fetch: {Slots: 1, Most: most, Handle: func(ctx context.Context, _ jobs.Job) error {
				calls++
				begin := time.Now()
				<-ctx.Done()
				if took := time.Since(begin); took != want || !errors.Is(context.Cause(ctx), jobs.ErrTooLong) {
					t.Errorf("told after %v: %v", took, context.Cause(ctx))
				}
				return ctx.Err()
			}}}, o)
			enqueue(t, m, job("con_1", "1"))
			stop := running(w)
			pass(24 * time.Hour)
			stop()
			if calls != 5 || counts(t, m) != "1 failed " || e.String() != "map[fetch.order given_up:1 fetch.order later:4]" || e.most != want {
				t.Errorf("%d calls, %q, %s, at most %v", calls, counts(t, m), e, e.most)
			}
			if code := lastCode(t, m); code != jobs.CodeTooLong {
				t.Errorf("it failed with %s", code)
			}
		})
	}
}

// TestEndless has standing work that fails in every way for a day, and is still there afterwards: nobody would begin it again.
func TestEndless(t *testing.T) {
	for name, handle := range map[string]jobs.Handler{
		"too long": func(ctx context.Context, _ jobs.Job) error { <-ctx.Done(); return ctx.Err() },
		"refused":  func(context.Context, jobs.Job) error { return &hub.Error{Kind: hub.KindPermanent} },
		"panics":   func(context.Context, jobs.Job) error { panic("x") },
	} {
		synctest.Test(t, func(t *testing.T) {
			m, calls := jobstest.NewMemory(time.Now), 0
			count := func(ctx context.Context, j jobs.Job) error { calls++; return handle(ctx, j) }
			w := jobs.NewWorker("s0", m, map[string]jobs.Kind{fetch: {Slots: 1, Most: time.Minute, Endless: true, Handle: count}}, options("hub-1", time.Now))
			enqueue(t, m, job("con_1", "1"))
			stop := running(w)
			pass(24*time.Hour + time.Second)
			stop()
			if got := counts(t, m); calls < 100 || calls > 300 || got != "1 waiting " {
				t.Errorf("%s: %d calls, %q", name, calls, got)
			}
		})
	}
}

// TestDeafHandler has a handler that does not listen: its lease lapses, so that another hub gets the job, and its slot stays
// taken, so that there are never more of them than slots.
func TestDeafHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, release := jobstest.NewMemory(time.Now), make(chan struct{})
		calls := 0
		deaf := jobs.NewWorker("s0", m, map[string]jobs.Kind{fetch: {Slots: 2, Most: time.Minute, Handle: func(context.Context, jobs.Job) error {
			calls++
			<-release
			return nil
		}}}, options("hub-1", time.Now))
		for i := range 5 {
			enqueue(t, m, job(fmt.Sprint("con_", i), "1"))
		}
		stop := running(deaf)
		pass(10 * time.Minute)
		if calls > 2 {
			t.Errorf("%d handlers run in 2 slots", calls)
		}
		done := 0
		other := jobs.NewWorker("s0", m, map[string]jobs.Kind{fetch: {Slots: 2, Handle: func(context.Context, jobs.Job) error {
			done++
			return nil
		}}}, options("hub-2", time.Now))
		stopOther := running(other)
		pass(time.Minute)
		if done != 5 || counts(t, m) != "" {
			t.Errorf("another hub did %d of 5: %s", done, counts(t, m))
		}
		start := time.Now()
		stop()
		if took := time.Since(start); took > 13*time.Second {
			t.Errorf("the stop took %v", took)
		}
		stopOther()
		close(release)
		synctest.Wait()
	})
}

// hung is a store whose calls wait for their context once it hangs.
type hung struct {
	jobs.Store
	mu    sync.Mutex
	hangs bool
	calls int
}

func (h *hung) wait(ctx context.Context) error {
	h.mu.Lock()
	h.calls++
	hangs := h.hangs
	h.mu.Unlock()
	if !hangs {
		return nil
	}
	<-ctx.Done()
	return &hub.Error{Kind: hub.KindUnknown, Op: "asking", Err: ctx.Err()}
}

func (h *hung) hang() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hangs = true
}

func (h *hung) Claim(ctx context.Context, s hub.ShardID, a jobs.Ask) ([]jobs.Claimed, error) {
	if err := h.wait(ctx); err != nil {
		return nil, err
	}
	return h.Store.Claim(ctx, s, a)
}

func (h *hung) Extend(ctx context.Context, s hub.ShardID, c []jobs.Claim, d time.Duration) ([]jobs.Claim, error) {
	if err := h.wait(ctx); err != nil {
		return nil, err
	}
	return h.Store.Extend(ctx, s, c, d)
}

func (h *hung) Finish(ctx context.Context, s hub.ShardID, r []jobs.Result) ([]jobs.Claim, error) {
	if err := h.wait(ctx); err != nil {
		return nil, err
	}
	return h.Store.Finish(ctx, s, r)
}

// TestStopIsBounded stops a worker of many kinds at every second of half a minute while its store hangs, and its handlers
// listen or do not.
func TestStopIsBounded(t *testing.T) {
	worst, stops := time.Duration(0), 0
	for after := range 30 {
		for _, deaf := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				m, release := jobstest.NewMemory(time.Now), make(chan struct{})
				h := &hung{Store: m}
				kinds := map[string]jobs.Kind{}
				for i := range 8 {
					kinds[fmt.Sprint("kind.", i)] = jobs.Kind{Slots: 2, Handle: func(ctx context.Context, _ jobs.Job) error {
						if deaf {
							<-release
							return nil
						}
						<-ctx.Done()
						return ctx.Err()
					}}
				}
				o := options("hub-1", time.Now)
				o.Grace = 4 * time.Second
				enqueue(t, m, jobs.Job{Ref: jobs.Ref{Lane: jobs.Lane{Kind: "kind.0", Tenant: "ten_a"}}})
				stop := running(jobs.NewWorker("s0", h, kinds, o))
				pass(time.Second)
				h.hang()
				pass(time.Duration(after) * time.Second)
				start := time.Now()
				stop()
				worst, stops = max(worst, time.Since(start)), stops+1
				close(release)
				synctest.Wait()
			})
		}
	}
	if worst > 7*time.Second {
		t.Errorf("a stop took %v", worst)
	}
	t.Logf("%d stops of a worker whose store hangs, the longest %v with a grace of 4s", stops, worst)
}

// TestPanic is a failure with a code of its own, and the log says where, and not with what.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, e := jobstest.NewMemory(time.Now), &endings{}
		var log bytes.Buffer
		o := options("hub-1", time.Now)
		o.Ended, o.Logger = e.ended, slog.New(slog.NewTextHandler(&log, nil))
		w := jobs.NewWorker("s0", m, map[string]jobs.Kind{fetch: {Slots: 1, Handle: func(context.Context, jobs.Job) error {
			panic("Maria Silva")
		}}}, o)
		enqueue(t, m, job("con_1", "1"))
		stop := running(w)
		pass(24 * time.Hour)
		stop()
		if counts(t, m) != "1 failed " || e.String() != "map[fetch.order given_up:1 fetch.order later:4]" {
			t.Errorf("left %s, %s", counts(t, m), e)
		}
		if code := lastCode(t, m); code != jobs.CodePanicked {
			t.Errorf("it failed with %s", code)
		}
		text := log.String()
		if strings.Count(text, "the handler of a job panicked") != 5 || !strings.Contains(text, "with=string") ||
			!strings.Contains(text, "bounds_test.go") || strings.Contains(text, "Maria") {
			t.Errorf("the log says %s", text)
		}
	})
}
