package jobstest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/internal/jobs"
)

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*bench)
	}{
		{"RoundTrip", testRoundTrip}, {"RollBack", testRollBack}, {"Coalesce", testCoalesce}, {"CoalesceInOneCall", testCoalesceInOneCall},
		{"Lookalikes", testLookalikes}, {"NewsWhileRunning", testNews}, {"NewsAfterFailure", testNewsAfterFailure},
		{"PauseOutlastsNews", testPause}, {"Afresh", testAfresh}, {"Fence", testFence}, {"FenceAcrossLives", testFenceAcrossLives}, {"Extend", testExtend}, {"Inherit", testInherit},
		{"Outcomes", testOutcomes}, {"Refused", testRefused}, {"Counts", testCounts},
		{"NoisyTenant", testNoisyTenant}, {"NoisyConnection", testNoisyConnection}, {"ManyLanes", testManyLanes}, {"FreshFirst", testFreshFirst},
		{"Patience", testPatience}, {"PerConnection", testPerConnection}, {"PerTenant", testPerTenant}, {"WrongClock", testWrongClock},
		{"Together", testTogether}, {"Model", testModel},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(newBench(t, open)) })
	}
}

func testRoundTrip(b *bench) {
	j := job("a", "1", "5123456789012")
	j.Class, j.Payload = jobs.Backfill, []byte(`{"page":"\u00e9'\\"}`)
	bare := jobs.Job{Ref: jobs.Ref{Lane: jobs.Lane{Kind: fetch, Tenant: tenantB}}}
	b.enqueue(j, bare, at(job("a", "1", "later"), time.Microsecond))
	got := b.claimAs(ask(10))
	slices.SortFunc(got, func(x, y jobs.Claimed) int { return strings.Compare(string(x.Tenant), string(y.Tenant)) })
	if len(got) != 2 {
		b.Fatalf("claimed %v", keys(got))
	}
	for i, want := range []jobs.Job{j, bare} {
		want.Attempts, want.CreatedAt = 1, noon
		if c := got[i]; !reflect.DeepEqual(c.Job, want) || !c.Until.Equal(noon.Add(time.Minute)) || c.Epoch == 0 {
			b.Errorf("claimed %+v, want %+v", c, want)
		}
	}
	b.none("while they run")
	b.end(jobs.Done, "", 0, 0, got...)
	b.clock.Add(time.Microsecond)
	if c := b.one(); c.Key != "later" {
		b.Errorf("claimed %v", c)
	}
	b.counts(0, 1, 0)
}

func testRollBack(b *bench) {
	p, off := b.hubs[0], errors.New("off")
	err := p.Do(b.ctx, b.shard, func(ctx context.Context, tx hub.Tx) error {
		if err := p.Enqueue(ctx, tx, []jobs.Job{job("a", "1", "1")}); err != nil {
			return err
		}
		return off
	})
	if !errors.Is(err, off) {
		b.Fatal(err)
	}
	b.none("what was rolled back")
	b.counts(0, 0, 0)
}

func testCoalesce(b *bench) {
	first, sooner, urgent, latest := at(job("a", "1", "1"), time.Hour), at(job("a", "1", "1"), time.Minute), at(job("a", "1", "1"), 2*time.Hour), at(job("a", "1", "1"), 3*time.Hour)
	first.Class, sooner.Class, latest.Class = jobs.Backfill, jobs.Backfill, jobs.Backfill
	latest.Payload = []byte("newest")
	for _, j := range []jobs.Job{first, sooner, urgent, latest} {
		b.enqueue(j)
		b.clock.Add(time.Second)
	}
	b.none("before it is due")
	b.counts(1, 0, 0)
	b.clock.Add(time.Minute - 5*time.Second)
	b.none("a second before it is due")
	b.clock.Add(time.Second)
	if c := b.one(); c.Class != jobs.Fresh || string(c.Payload) != "newest" || !c.CreatedAt.Equal(noon) {
		b.Errorf("claimed %+v", c)
	}
}

func testCoalesceInOneCall(b *bench) {
	early, late := job("a", "1", "1"), at(job("a", "1", "1"), time.Hour)
	early.Class, late.Payload = jobs.Backfill, []byte("second")
	b.enqueue(early, job("a", "2", "1"), late, early, late)
	b.counts(2, 0, 0)
	for _, c := range b.drain(ask(1)) {
		if c.Connection == "con_1" && (c.Class != jobs.Fresh || string(c.Payload) != "second") {
			b.Errorf("claimed %+v", c)
		}
	}
	b.counts(0, 2, 0)
}

// testLookalikes has keys that a collation, a padded column or a C string would take for one another.
func testLookalikes(b *bench) {
	names := []string{"a", "A", "á", "a\u0301", "a ", " a", "a\x00", "a\x00b", "", "1", "01", "%", "\\", "'", strings.Repeat("x", 128), strings.Repeat("x", 127)}
	for _, n := range names {
		b.enqueue(job("a", "1", n))
	}
	if got := b.drain(ask(5)); len(got) != len(names) {
		b.Errorf("%d jobs of %d", len(got), len(names))
	}
}

func testNews(b *bench) {
	b.enqueue(job("a", "1", "1"))
	c := b.one()
	b.enqueue(at(job("a", "1", "1"), time.Hour))
	b.enqueue(at(job("a", "1", "1"), time.Second))
	b.enqueue(at(job("a", "1", "1"), time.Minute/2))
	b.none("while it runs")
	b.counts(0, 1, 0)
	b.end(jobs.Done, "", 0, 0, c)
	b.none("before the news is due")
	b.clock.Add(time.Second)
	again := b.one()
	if again.Epoch == c.Epoch || again.Attempts != 1 {
		b.Errorf("claimed %+v after %+v", again, c)
	}
	b.end(jobs.Done, "", 0, 0, again)
	b.counts(0, 0, 0)
	b.clock.Add(time.Hour)
	b.none("after it was done again")
}

func testNewsAfterFailure(b *bench) {
	b.enqueue(job("a", "1", "1"))
	b.end(jobs.GivenUp, "gone", 0, 0, b.one())
	b.none("a failed one")
	b.counts(0, 0, 1)
	b.clock.Add(time.Hour)
	b.enqueue(job("a", "1", "1"))
	b.counts(1, 0, 0)
	c := b.one()
	if c.Attempts != 1 || c.LastCode != "gone" || !c.CreatedAt.Equal(noon.Add(time.Hour)) {
		b.Errorf("revived: %+v", c)
	}
	b.enqueue(job("a", "1", "1"))
	b.end(jobs.GivenUp, "gone", 0, 0, c)
	if c = b.one(); c.Attempts != 1 {
		b.Errorf("given up with news: %+v", c)
	}
}

// testPause asks for patience, as a platform does, and has news come meanwhile.
func testPause(b *bench) {
	b.enqueue(job("a", "1", "1"))
	c := b.one()
	b.enqueue(job("a", "1", "1")) // while it runs
	b.end(jobs.PutOff, "throttled", time.Minute, 0, c)
	b.enqueue(job("a", "1", "1")) // while it waits
	b.clock.Add(time.Minute - time.Microsecond)
	b.none("before the pause is over")
	b.clock.Add(time.Microsecond)
	c = b.one()
	b.end(jobs.Done, "", 0, 0, c)
	b.none("done")
	b.enqueue(job("a", "1", "1"))
	b.one()
}

// testAfresh has what a job waits for come while it is put off, and while it runs and is put off after that.
func testAfresh(b *bench) {
	afresh := job("a", "1", "1")
	afresh.Afresh = true
	for name, outcome := range map[string]jobs.Outcome{"put off": jobs.PutOff, "later": jobs.Later} {
		b.enqueue(job("a", "1", "1"))
		b.end(outcome, "reconnect_needed", time.Hour, 0, b.one())
		b.enqueue(job("a", "1", "1"))
		b.none(name + ", with news that heed the pause")
		b.enqueue(afresh)
		c := b.one()
		b.enqueue(afresh)
		b.enqueue(at(job("a", "1", "1"), time.Minute))
		b.end(outcome, "reconnect_needed", time.Hour, 0, c)
		c = b.one()
		b.end(outcome, "throttled", time.Minute, 0, c)
		b.none(name + ", again")
		b.clock.Add(time.Minute)
		b.end(jobs.Done, "", 0, 0, b.one())
		b.counts(0, 0, 0)
	}
	b.enqueue(job("a", "1", "1"))
	b.end(jobs.GivenUp, "gone", 0, 0, b.one())
	b.enqueue(afresh)
	b.end(jobs.Done, "", 0, 0, b.one())
	b.enqueue(at(afresh, time.Hour))
	b.none("before it is due")
}

func testFence(b *bench) {
	b.enqueue(job("a", "1", "1"))
	old := b.one()
	b.clock.Add(time.Minute - time.Microsecond)
	b.none("before the lease ends")
	b.clock.Add(time.Microsecond)
	c := b.one()
	if c.Epoch == old.Epoch || c.Attempts != 2 {
		b.Errorf("claimed %+v after %+v", c, old)
	}
	for _, o := range []jobs.Outcome{jobs.Done, jobs.Later, jobs.PutOff, jobs.Released, jobs.GivenUp} {
		b.end(o, "late", 0, 1, old)
	}
	b.extend(1, time.Minute, old)
	b.counts(0, 1, 0)
	b.none("while it runs")
	b.end(jobs.Done, "", 0, 0, c)
	b.counts(0, 0, 0)
	b.end(jobs.Done, "", 0, 1, c)
	b.extend(1, time.Minute, c)
}

// testFenceAcrossLives has a worker of the past report about a job that was done, enqueued and claimed anew since.
func testFenceAcrossLives(b *bench) {
	var past []jobs.Claimed
	for range 4 {
		b.enqueue(job("a", "1", "1"))
		c := b.one()
		if len(past) > 0 {
			b.end(jobs.Done, "", 0, len(past), past...)
			b.extend(len(past), time.Minute, past...)
		}
		b.counts(0, 1, 0)
		b.end(jobs.Done, "", 0, 0, c)
		past = append(past, c)
	}
}

func testExtend(b *bench) {
	b.enqueue(job("a", "1", "1"), job("a", "2", "2"))
	got := b.claimAs(ask(2))
	b.clock.Add(50 * time.Second)
	b.extend(0, time.Minute, got[0])
	b.clock.Add(10 * time.Second)
	if c := b.one(); c.Key != got[1].Key {
		b.Errorf("claimed %+v whose lease was extended", c)
	}
	b.clock.Add(50 * time.Second)
	b.extend(0, time.Minute, got[0]) // nobody took it
	b.end(jobs.Done, "", 0, 0, got[0])
	b.enqueue(job("a", "3", "3"))
	b.extend(0, 5*time.Second, b.one())
	b.clock.Add(5 * time.Second)
	b.one() // a lease may be made shorter, too
}

// testInherit: what the hub was doing can be claimed at once when it comes back, by whoever is faster, and what it reports of
// its former life comes too late. What others do goes on, and so does what a hub of a similar name does.
func testInherit(b *bench) {
	const lanes, each = 30, 20
	inherit := func(holder string, want int64) {
		b.Helper()
		n, err := b.hubs[0].Inherit(b.ctx, b.shard, holder)
		if err != nil || n != want {
			b.Fatalf("%d leases of %s ended, want %d: %v", n, holder, want, err)
		}
	}
	inherit("hub-1", 0)
	b.enqueue(job("a", "1", "1"), job("a", "2", "2"), job("b", "3", "3"))
	mine := b.claimAs(ask(1))
	theirs := ask(2)
	theirs.Holder = "hub-11"
	others := b.claimAs(theirs)
	inherit("hub-1", 1)
	c := b.one()
	if c.Ref != mine[0].Ref || c.Epoch == mine[0].Epoch || c.Attempts != 2 {
		b.Errorf("claimed %+v after %+v", c, mine[0])
	}
	b.end(jobs.Done, "", 0, 1, mine...)
	b.extend(1, time.Minute, mine...)
	b.extend(0, time.Minute, others...)
	b.none("while all run")
	b.end(jobs.Done, "", 0, 0, append(others, c)...)
	inherit("hub-1", 0) // what ended is nobody's
	inherit("hub-11", 0)

	// Whoever waits for a place in a connection has one.
	narrow := ask(10)
	narrow.PerConnection = 1
	b.enqueue(job("a", "1", "1"), job("a", "1", "2"))
	if got := b.claimAs(narrow); len(got) != 1 || len(b.claimAs(narrow)) != 0 {
		b.Fatal("claimed", keys(got))
	}
	inherit("hub-1", 1)
	b.end(jobs.Done, "", 0, 0, b.drain(narrow)...)
	b.end(jobs.Done, "", 0, 0, b.drain(narrow)...)
	b.counts(0, 0, 0)

	var many []jobs.Job
	for i := range lanes * each {
		many = append(many, job("a", strconv.Itoa(i%lanes), strconv.Itoa(i)))
	}
	b.enqueue(many...)
	if got := b.drain(ask(200)); len(got) != len(many) {
		b.Fatal(len(got), "claimed")
	}
	inherit("hub-1", lanes*each)
	inherit("hub-1", 0)
	b.end(jobs.Done, "", 0, 0, b.drain(ask(200))...)
	b.counts(0, 0, 0)
}

func testOutcomes(b *bench) {
	for _, c := range []struct {
		outcome  jobs.Outcome
		due      time.Duration
		attempts int // the next claim's
		pauses   int
		code     hub.Code
	}{
		{jobs.Later, time.Second, 2, 0, "x1"}, {jobs.PutOff, time.Second, 1, 1, "x2"}, {jobs.Released, 0, 1, 0, ""},
		{jobs.Later, -time.Hour, 2, 0, "x3"}, {jobs.Later, 24 * 365 * time.Hour, 2, 0, "x4"},
	} {
		b.enqueue(job("a", "1", string(c.code)))
		b.end(c.outcome, c.code, c.due, 0, b.one())
		wait := min(max(c.due, 0), jobs.Horizon)
		if wait > 0 {
			b.clock.Add(wait - time.Microsecond)
			b.none("before it is due")
			b.clock.Add(time.Microsecond)
		}
		got := b.one()
		if got.Attempts != c.attempts || got.Pauses != c.pauses || got.LastCode != c.code {
			b.Errorf("after %+v: %+v", c, got)
		}
		b.end(jobs.Done, "", 0, 0, got)
	}
}

func testRefused(b *bench) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for name, change := range map[string]func(*jobs.Job){
		"no kind": func(j *jobs.Job) { j.Kind = "" }, "long kind": func(j *jobs.Job) { j.Kind = long(65) },
		"long key":        func(j *jobs.Job) { j.Key = hub.ExternalID(long(129)) },
		"long connection": func(j *jobs.Job) { j.Connection = hub.ConnectionID(long(41)) },
		"payload":         func(j *jobs.Job) { j.Payload = []byte(long(jobs.MaxPayload + 1)) },
		"class":           func(j *jobs.Job) { j.Class = jobs.Backfill + 1 },
		"horizon":         func(j *jobs.Job) { j.DueAt = noon.Add(jobs.Horizon + time.Second) },
	} {
		j := job("a", "1", "1")
		change(&j)
		if err := b.try(j); hub.KindOf(err) != hub.KindInvalid || strings.Contains(err.Error(), "xxx") {
			b.Errorf("%s: %v", name, err)
		}
	}
	for _, a := range []jobs.Ask{{}, {Kind: fetch, Lease: time.Minute}, {Kind: fetch, Limit: 1}, {Kind: fetch, Limit: 1, Lease: jobs.MaxLease + 1},
		{Kind: fetch, Limit: 1, Lease: time.Minute, Holder: long(65)}} {
		if _, err := b.hubs[0].Claim(b.ctx, b.shard, a); hub.KindOf(err) != hub.KindInvalid {
			b.Errorf("%+v: %v", a, err)
		}
	}
	most := job("a", "1", long(128))
	most.Payload = []byte(long(jobs.MaxPayload))
	b.enqueue(most)
	b.counts(1, 0, 0)
}

func testCounts(b *bench) {
	b.enqueue(job("a", "1", "1"), job("a", "1", "2"), job("b", "2", "3"), job("b", "2", "4"))
	other := job("a", "1", "5")
	other.Kind = "push.stock"
	b.enqueue(other)
	b.end(jobs.GivenUp, "x", 0, 0, b.claimAs(ask(1))...)
	b.claimAs(ask(1))
	b.counts(2, 1, 1)
	list, err := b.hubs[0].Counts(b.ctx)
	want := []jobs.Count{{Kind: fetch, State: jobs.Waiting, Jobs: 2}, {Kind: fetch, State: jobs.Running, Jobs: 1},
		{Kind: fetch, State: jobs.Failed, Jobs: 1}, {Kind: "push.stock", State: jobs.Waiting, Jobs: 1}}
	if err != nil || !slices.Equal(list, want) {
		b.Errorf("counts %v, %v; want %v", list, err, want)
	}
}
