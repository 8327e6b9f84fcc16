package hubtest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hub/gdpr"
	"hub/internal/demo"
	"hub/internal/hubtest"
	"hub/internal/hubtest/mariadb"
)

// leaseLength is how long after a kill another hub may at most serve the person.
const leaseLength = 5 * time.Second

// TestDrillTwoHubs erases persons through one of two hubs, while clients read them through the other, which goes on or is
// paused meanwhile. Cycles wait for the paused one.
func TestDrillTwoHubs(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys")
	size := hubtest.OnMariaDB(t, mariadb.Shared(t)).With("keys", "file:"+keys)
	d := &duo{size: size, data: t.TempDir()}
	d.a = d.spawn(t, t.TempDir())
	d.b = d.spawn(t, d.data)
	awake, paused := rounds(2, 20), rounds(1, 20)
	d.w = found(t, d.a, "Town", awake+paused+4)
	d.w.calm(t, d.a)

	ctx, stop := context.WithCancel(t.Context())
	d.watch(ctx, 6)
	d.intake(ctx)
	random := rand.New(rand.NewPCG(81, 1))
	var longest, late time.Duration
	for _, p := range d.w.People[:awake] {
		longest = max(longest, d.whileAwake(t, p))
	}
	after, waits := 0, 0
	for _, p := range d.w.People[awake : awake+paused] {
		n, lag := d.whilePaused(t, p, random)
		after, late, waits = after+n, max(late, lag), waits+1
	}
	stop()
	d.load.Wait()
	if longest > leaseLength {
		t.Errorf("the other hub served an erased person for %s", longest)
	}
	if after > 0 {
		t.Errorf("%d answers after a pause held an erased person", after)
	}
	dead, living := d.w.People[:awake+paused], d.w.People[awake+paused:]
	d.settled(t, living)
	for _, h := range []*hubtest.Process{d.a, d.b} {
		d.w.moved(h.URL)
		n, _ := d.w.census(t, dead)
		if alive, _ := d.w.census(t, living); n > 0 || alive < len(living) {
			t.Errorf("at the end %d of %d erased persons and %d of %d others are served", n, len(dead), alive, len(living))
		}
		h.Terminate(t)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t.Logf("%d kills while the other hub was awake: served for up to %s afterwards. %d while it was paused: %d answers with the person after "+
		"the resume; the last such answer came %s after the pause began; %d cycles waited for it; the slowest kill beside it took %s. %d answers, %d with persons, %d of 503; "+
		"%d deliveries answered by one hub and %d by the other", awake, longest.Round(time.Millisecond), paused, after,
		late.Round(time.Millisecond), waits, d.slowest.Round(time.Millisecond), d.answers, d.personal, d.unavailable, d.accepted[0], d.accepted[1])
}

// duo is two hubs over the same databases. Clients read through b, which may be paused; a erases.
type duo struct {
	size hubtest.Size
	data string // of b

	slowest time.Duration // from the beginning of a pause to a kill beside it
	a, b    *hubtest.Process
	w       *town
	load    sync.WaitGroup

	mu                             sync.Mutex
	seen                           map[string][]time.Time // when answers with a person were complete, by mark
	answers, personal, unavailable int
	accepted                       [2]int
	arrived                        []int // orders that were answered 200
}

func (d *duo) spawn(t *testing.T, data string) *hubtest.Process {
	t.Helper()
	h := hubtest.Spawn(t, d.size, data, filepath.Join(t.TempDir(), "probe"))
	if err := h.Await(); err != nil {
		t.Fatal(err)
	}
	return h
}

// watch has clients read everybody through b, as pages of the feed and of the list and one by one.
func (d *duo) watch(ctx context.Context, clients int) {
	d.seen = map[string][]time.Time{}
	for i := range clients {
		reader := demo.Client{HTTP: &http.Client{Timeout: 60 * time.Second}, URL: d.b.URL, Key: d.w.reader.Key}
		path := []string{"/v1/orders/feed?limit=200&include=personal", "/v1/orders?limit=200&include=personal", "/v1/orders?limit=3&include=personal"}[i%3]
		d.load.Go(func() {
			for ; ctx.Err() == nil; <-time.After(time.Duration(rounds(60, 1)) * time.Millisecond) {
				if a, err := get(ctx, reader, path, requestID()); err == nil {
					d.saw(a)
				}
			}
			reader.HTTP.CloseIdleConnections()
		})
	}
}

func (d *duo) saw(a answer) {
	found := names(a.body)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answers++
	if len(found) > 0 {
		d.personal++
	}
	if a.status == http.StatusServiceUnavailable {
		d.unavailable++
	}
	for mark := range found {
		d.seen[mark] = append(d.seen[mark], a.ended)
	}
}

// last returns when a person was served last, and how many answers there were from a time on.
func (d *duo) last(p person, from time.Time) (at time.Time, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.seen[p.mark()] {
		if t.After(at) {
			at = t
		}
		if !t.Before(from) {
			n++
		}
	}
	return at, n
}

// intake has a shop deliver new orders of somebody who stays to both hubs.
func (d *duo) intake(ctx context.Context) {
	path := d.w.HookURL[strings.Index(d.w.HookURL, "/hooks/"):]
	stays := d.w.People[len(d.w.People)-1]
	for i, h := range []*hubtest.Process{d.a, d.b} {
		client := &http.Client{Timeout: 30 * time.Second}
		d.load.Go(func() {
			defer client.CloseIdleConnections()
			for n := 500_000 + i*100_000; ctx.Err() == nil; n++ {
				if deliver(context.WithoutCancel(ctx), client, h.URL+path, stays.body(n, time.Now())) == nil {
					d.mu.Lock()
					d.accepted[i]++
					d.arrived = append(d.arrived, n)
					d.mu.Unlock()
				}
				<-time.After(time.Duration(rounds(150, 30)) * time.Millisecond)
			}
		})
	}
}

// settled waits for every order that was answered.
func (d *duo) settled(t *testing.T, living []person) {
	t.Helper()
	for _, p := range living {
		for _, n := range p.Orders {
			d.w.awaitOrder(t, n, time.Time{})
		}
	}
	have := map[int]bool{}
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); <-time.After(100 * time.Millisecond) {
		for n := range d.w.ids(t) {
			have[n] = true
		}
		if !slices.ContainsFunc(d.arrived, func(n int) bool { return !have[n] }) {
			return
		}
	}
	t.Error("deliveries that were answered did not become orders")
}

// erase fences and kills a person through a, and repeats it while it cannot be done: a hub that is paused in a transaction
// keeps its locks until the server closes its session, half a minute later. It returns when the person is dead.
func (d *duo) erase(t *testing.T, p person) (killed time.Time) {
	t.Helper()
	one := []gdpr.SubjectID{p.Subject}
	var err error
	for until := time.Now().Add(90 * time.Second); time.Now().Before(until); <-time.After(100 * time.Millisecond) {
		if err = d.a.Fence(d.w.tenant(), one); err != nil {
			continue
		}
		if err = d.a.KillKeys(d.w.tenant(), one); err == nil {
			return time.Now()
		}
	}
	t.Fatal("erasing: ", err)
	return killed
}

// await waits until b has served the person.
func (d *duo) await(t *testing.T, p person) {
	t.Helper()
	from := time.Now()
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); <-time.After(10 * time.Millisecond) {
		if _, n := d.last(p, from); n > 2 {
			return
		}
	}
	t.Fatalf("%s is not served before the kill: the drill proves nothing", p.mark())
}

// whileAwake erases a person and returns for how long b served the person afterwards.
func (d *duo) whileAwake(t *testing.T, p person) time.Duration {
	t.Helper()
	d.await(t, p)
	killed := d.erase(t, p)
	<-time.After(time.Second)
	at, n := d.last(p, killed)
	for n > 0 && time.Since(at) < time.Second && time.Since(killed) < 3*leaseLength {
		<-time.After(100 * time.Millisecond)
		at, n = d.last(p, killed)
	}
	return max(0, at.Sub(killed))
}

// whilePaused erases a person while b is paused, and returns how many answers held the person after b went on, and how long
// after the pause began the last one came.
func (d *duo) whilePaused(t *testing.T, p person, random *rand.Rand) (after int, late time.Duration) {
	t.Helper()
	d.await(t, p)
	pause(random, 0, 50*time.Millisecond)
	d.b.Pause(t)
	paused := time.Now()
	d.mu.Lock()
	before := d.accepted[0]
	d.mu.Unlock()
	killed := d.erase(t, p)
	d.slowest = max(d.slowest, killed.Sub(paused))

	operator, instance := d.a.Operator(), hubID(t, d.data)
	waited := false
	for time.Since(killed) < leaseLength+time.Second+time.Duration(random.Int64N(int64(time.Second))) {
		c, err := cycleStep(t.Context(), operator)
		if err != nil {
			t.Error("a cycle beside a paused hub: ", err)
		}
		if c.Phase == "done" || c.Phase == "none" {
			t.Errorf("a cycle ended although a hub was paused: %+v", c)
		}
		waited = waited || c.Phase == "sealed" && slices.Contains(c.WaitsFor, instance)
		<-time.After(200 * time.Millisecond)
	}
	d.mu.Lock()
	if d.accepted[0] <= before || !waited {
		t.Errorf("beside a paused hub the other answered %d deliveries, and the cycle waited for it: %v", d.accepted[0]-before, waited)
	}
	d.mu.Unlock()

	resumed := time.Now()
	d.b.Resume(t)
	limit, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := finishCycle(limit, operator, 1000); err != nil {
		t.Error("the cycle does not end when the hub is back: ", err)
	}
	from := time.Now()
	for until := from.Add(30 * time.Second); ; <-time.After(20 * time.Millisecond) { // b serves others again
		if _, n := d.last(d.w.People[len(d.w.People)-1], from); n > 10 {
			break
		}
		if time.Now().After(until) {
			t.Error("the hub that was paused serves nobody any more")
			break
		}
	}
	at, after := d.last(p, resumed)
	return after, at.Sub(paused)
}

// cycleStep has a hub go on with the cycle as far as it gets.
func cycleStep(ctx context.Context, operator demo.Client) (c cycle, err error) {
	err = operator.Do(ctx, http.MethodPost, "/v1/forget-cycles", map[string]any{"approve": 1000}, &c)
	if err != nil && (meanwhile.MatchString(err.Error()) || strings.Contains(err.Error(), " 503 ")) {
		return cycle{Phase: fmt.Sprint(err)}, nil // the hub's own loop is at it, or the paused hub holds a lock
	}
	return c, err
}
