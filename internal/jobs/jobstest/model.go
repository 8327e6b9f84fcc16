package jobstest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"time"

	"hub"
	"hub/internal/jobs"
)

// Dice draws numbers from 0 to n−1.
type Dice func(n int) int

// testModel walks at random and compares with the contract.
func testModel(b *bench) {
	seeds := uint64(6)
	if os.Getenv("HUB_DRILL") == "1" {
		seeds = 200
	}
	var sum Steps
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 11))
		sum.Add(Walk(b.T, b.hubs, b.clock, fmt.Sprint("walk.", seed), r.IntN, 60))
	}
	b.Logf("%d walks: %+v", seeds, sum)
}

// Steps counts what a walk did.
type Steps struct{ Enqueued, Claimed, Lapsed, Finished, Refused, Extended int }

// Add adds.
func (s *Steps) Add(o Steps) {
	s.Enqueued, s.Claimed, s.Lapsed = s.Enqueued+o.Enqueued, s.Claimed+o.Claimed, s.Lapsed+o.Lapsed
	s.Finished, s.Refused, s.Extended = s.Finished+o.Finished, s.Refused+o.Refused, s.Extended+o.Extended
}

// Failer is what a walk complains to.
type Failer interface {
	// Fatalf ends the test.
	Fatalf(format string, args ...any)
}

// walk is one sequence of steps, beside a book that says what must come of it.
type walk struct {
	Failer
	hubs   []Place
	clock  *Clock
	kind   string
	bound  int // on jobs of a connection; hubs of one installation have the same
	roll   Dice
	book   book
	claims []jobs.Claimed // all that there ever were
	epochs map[jobs.Claim]bool
	Steps
}

// Walk takes n steps with the jobs of a kind that nobody else uses.
func Walk(t Failer, hubs []Place, clock *Clock, kind string, roll Dice, n int) Steps {
	w := &walk{Failer: t, hubs: hubs, clock: clock, kind: kind, bound: roll(4), roll: roll, book: book{}, epochs: map[jobs.Claim]bool{}}
	for range n {
		[]func(){w.enqueue, w.enqueue, w.claim, w.claim, w.finish, w.finish, w.finish, w.extend, w.pass}[roll(9)]()
	}
	w.counted()
	return w.Steps
}

func (w *walk) hub() Place { return w.hubs[w.roll(len(w.hubs))] }

const walkShard hub.ShardID = "s0"

func (w *walk) enqueue() {
	list, afresh := make([]jobs.Job, 1+w.roll(3)), w.roll(4) == 0
	for i := range list {
		j := job(string(rune('a'+w.roll(2))), fmt.Sprint(w.roll(2)), fmt.Sprint(w.roll(3)))
		j.Kind, j.Class, j.Afresh = w.kind, jobs.Class(w.roll(2)), afresh
		if w.roll(2) == 0 {
			j.DueAt = w.clock.Now().Add(time.Duration(w.roll(90)-10) * time.Second)
		}
		if w.roll(2) == 0 {
			j.Payload = fmt.Appendf(nil, "%d", w.roll(100))
		}
		list[i] = j
	}
	p := w.hub()
	off := w.roll(8) == 0
	err := p.Do(context.Background(), walkShard, func(ctx context.Context, tx hub.Tx) error {
		if err := p.Enqueue(ctx, tx, list); err != nil || off {
			return fmt.Errorf("rolled back: %w", err)
		}
		return nil
	})
	if (err != nil) != off {
		w.Fatalf("enqueuing: %v", err)
	}
	if off {
		return
	}
	for _, j := range list {
		w.book.enqueue(j, w.clock.Now())
		w.Enqueued++
	}
}

func (w *walk) claim() {
	a := jobs.Ask{Kind: w.kind, Holder: "hub-1", Limit: 1 + w.roll(6), PerConnection: w.bound, Lease: time.Duration(1+w.roll(30)) * time.Second}
	now := w.clock.Now()
	got, err := w.hub().Claim(context.Background(), walkShard, a)
	if err != nil || len(got) > a.Limit {
		w.Fatalf("claimed %d of at most %d: %v", len(got), a.Limit, err)
	}
	for _, c := range got {
		e := w.book[c.Ref]
		switch {
		case e == nil || !e.ready(now):
			w.Fatalf("claimed %+v, which is %+v", c, e)
		case w.epochs[c.Claim()]:
			w.Fatalf("epoch %d of %+v was there before", c.Epoch, c.Ref)
		case a.PerConnection > 0 && w.book.running(c.Lane, now) >= a.PerConnection:
			w.Fatalf("claimed %+v beyond %d for a connection", c, a.PerConnection)
		}
		if e.State == jobs.Running {
			w.Lapsed++
		}
		e.claim(c.Epoch, now.Add(a.Lease))
		want := e.Job
		want.DueAt = time.Time{}
		if !reflect.DeepEqual(c.Job, want) || !c.Until.Equal(e.Until) {
			w.Fatalf("claimed %+v, want %+v", c, want)
		}
		w.epochs[c.Claim()] = true
		w.claims = append(w.claims, c)
		w.Claimed++
	}
	if len(got) > 0 {
		return
	}
	for _, e := range w.book { // nothing that can be had is held back
		if e.ready(now) && (a.PerConnection == 0 || w.book.running(e.Lane, now) < a.PerConnection) {
			w.Fatalf("nothing was claimed, and %+v is ready", e)
		}
	}
}

func (w *walk) finish() {
	if len(w.claims) == 0 {
		return
	}
	results := make([]jobs.Result, 1+w.roll(3))
	var want []jobs.Claim
	for i := range results {
		c := w.claims[max(len(w.claims)-1-w.roll(8), 0)]
		r := jobs.Result{Claim: c.Claim(), Outcome: []jobs.Outcome{jobs.Done, jobs.Done, jobs.Later, jobs.PutOff, jobs.Released, jobs.GivenUp}[w.roll(6)]}
		if r.Outcome != jobs.Done {
			r.Code, r.DueAt = hub.Code(fmt.Sprint("c", w.roll(3))), w.clock.Now().Add(time.Duration(w.roll(60)-5)*time.Second)
		}
		results[i] = r
		if w.book.finish(r, w.clock.Now()) {
			w.Finished++
		} else {
			want = append(want, r.Claim)
			w.Refused++
		}
	}
	lost, err := w.hub().Finish(context.Background(), walkShard, results)
	if err != nil || !slices.Equal(lost, want) {
		w.Fatalf("finishing %+v: lost %+v, want %+v: %v", results, lost, want, err)
	}
}

func (w *walk) extend() {
	if len(w.claims) == 0 {
		return
	}
	c := w.claims[max(len(w.claims)-1-w.roll(6), 0)]
	d := time.Duration(1+w.roll(40)) * time.Second
	lost, err := w.hub().Extend(context.Background(), walkShard, []jobs.Claim{c.Claim()}, d)
	held := w.book.holds(c.Claim())
	if err != nil || (len(lost) == 0) != held {
		w.Fatalf("extending %+v: lost %v, want held %v: %v", c, lost, held, err)
	}
	if held {
		w.book[c.Ref].Until = w.clock.Now().Add(d)
		w.Extended++
	}
}

func (w *walk) pass() { w.clock.Add(time.Duration(w.roll(40)) * time.Second) }

func (w *walk) counted() {
	list, err := w.hub().Counts(context.Background())
	if err != nil {
		w.Fatalf("counting: %v", err)
	}
	list = slices.DeleteFunc(list, func(c jobs.Count) bool { return c.Kind != w.kind })
	if want := maps.Clone(w.book).counts(); !slices.Equal(list, want) {
		w.Fatalf("counts %+v, want %+v", list, want)
	}
}
