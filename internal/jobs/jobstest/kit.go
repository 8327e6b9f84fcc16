package jobstest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/internal/jobs"
)

// Place is one hub's view of a shard.
type Place interface {
	jobs.Queue
	jobs.Store
	jobs.Heir
	hub.Shards
}

// Open returns one hub or several on the same empty shard, all with that clock.
type Open func(*testing.T, hub.Clock) []Place

// Clock is set by hand.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock at noon.
func NewClock() *Clock { return &Clock{now: noon} }

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// Now returns its time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add moves it, back too.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const (
	tenantA, tenantB = hub.TenantID("ten_a"), hub.TenantID("ten_b")
	fetch            = "fetch.order"
)

// bench is what a test works with.
type bench struct {
	*testing.T
	ctx   context.Context
	clock *Clock
	hubs  []Place
	shard hub.ShardID
}

func newBench(t *testing.T, open Open) *bench {
	b := &bench{T: t, ctx: t.Context(), clock: NewClock()}
	b.hubs = open(t, b.clock.Now)
	b.shard = b.hubs[0].Of(tenantA)
	return b
}

// job makes one of a tenant's connection, both named by one letter each.
func job(tenant, connection, key string) jobs.Job {
	return jobs.Job{Ref: jobs.Ref{Lane: jobs.Lane{Kind: fetch, Tenant: hub.TenantID("ten_" + tenant), Connection: hub.ConnectionID("con_" + connection)},
		Key: hub.ExternalID(key)}}
}

// at schedules a job some time from noon.
func at(j jobs.Job, d time.Duration) jobs.Job {
	j.DueAt = noon.Add(d)
	return j
}

func (b *bench) try(list ...jobs.Job) error {
	p := b.hubs[0]
	return p.Do(b.ctx, b.shard, func(ctx context.Context, tx hub.Tx) error { return p.Enqueue(ctx, tx, list) })
}

func (b *bench) enqueue(list ...jobs.Job) {
	b.Helper()
	if err := b.try(list...); err != nil {
		b.Fatal(err)
	}
}

// ask is for up to n jobs.
func ask(n int) jobs.Ask {
	return jobs.Ask{Kind: fetch, Holder: "hub-1", Limit: n, Lease: time.Minute}
}

func (b *bench) claimAs(a jobs.Ask) []jobs.Claimed {
	b.Helper()
	got, err := b.hubs[0].Claim(b.ctx, b.shard, a)
	if err != nil {
		b.Fatal(err)
	}
	if len(got) > a.Limit {
		b.Fatalf("%d jobs of at most %d", len(got), a.Limit)
	}
	return got
}

// drain claims until there is nothing.
func (b *bench) drain(a jobs.Ask) (all []jobs.Claimed) {
	b.Helper()
	for {
		got := b.claimAs(a)
		if len(got) == 0 {
			return all
		}
		all = append(all, got...)
	}
}

// one requires exactly one job to claim.
func (b *bench) one() jobs.Claimed {
	b.Helper()
	got := b.claimAs(ask(10))
	if len(got) != 1 {
		b.Fatalf("claimed %v, want one", keys(got))
	}
	return got[0]
}

// none requires that there is nothing to claim.
func (b *bench) none(what string) {
	b.Helper()
	if got := b.claimAs(ask(10)); len(got) != 0 {
		b.Fatalf("%s: claimed %v", what, keys(got))
	}
}

// end reports, and requires that so many claims are lost.
func (b *bench) end(o jobs.Outcome, code hub.Code, due time.Duration, lost int, list ...jobs.Claimed) {
	b.Helper()
	var results []jobs.Result
	for _, c := range list {
		results = append(results, jobs.Result{Claim: c.Claim(), Outcome: o, Code: code, DueAt: b.clock.Now().Add(due)})
	}
	got, err := b.hubs[len(b.hubs)-1].Finish(b.ctx, b.shard, results)
	if err != nil || len(got) != lost {
		b.Fatalf("%d of %d claims are lost, want %d: %v", len(got), len(list), lost, err)
	}
}

func (b *bench) extend(lost int, d time.Duration, list ...jobs.Claimed) {
	b.Helper()
	var claims []jobs.Claim
	for _, c := range list {
		claims = append(claims, c.Claim())
	}
	got, err := b.hubs[0].Extend(b.ctx, b.shard, claims, d)
	if err != nil || len(got) != lost {
		b.Fatalf("%d of %d leases are lost, want %d: %v", len(got), len(list), lost, err)
	}
}

// counts requires the counts of the kind fetch: waiting, running, failed.
func (b *bench) counts(waiting, running, failed int64) {
	b.Helper()
	list, err := b.hubs[0].Counts(b.ctx)
	if err != nil {
		b.Fatal(err)
	}
	var got [3]int64
	for _, c := range list {
		if c.Kind == fetch {
			got[c.State] = c.Jobs
		}
	}
	if want := [3]int64{waiting, running, failed}; got != want {
		b.Fatalf("%v jobs are waiting, running and failed, want %v", got, want)
	}
}

func keys(list []jobs.Claimed) []string {
	var names []string
	for _, c := range list {
		names = append(names, fmt.Sprintf("%s/%s/%s", c.Tenant, c.Connection, c.Key))
	}
	slices.Sort(names)
	return names
}
