package storetest

import (
	"context"
	"strconv"
	"strings"
	"time"

	"hub"
	"hub/internal/fetch"
	"hub/internal/jobs"
)

// testFetches keeps the two halves of a shop's progress apart, schedules with them, and tells tenants apart.
func testFetches(e *env) {
	f := e.s.Fetches()
	n := fetch.Name{Tenant: e.tenant(), Connection: hub.ConnectionID(e.ids.New(hub.ConnectionPrefix))}
	other := fetch.Name{Tenant: e.tenant(), Connection: n.Connection}
	if p, err := f.Progress(e.Context(), n); err != nil || p != (fetch.Progress{}) {
		e.Fatalf("nothing stored: %+v, %v", p, err)
	}
	at := time.Date(2026, 11, 21, 1, 2, 3, 456000, time.UTC)
	poll := fetch.PollProgress{Polled: at, PolledAt: at.Add(time.Second), Trouble: "reconnect_needed"}
	back := fetch.BackfillProgress{
		From: at.Add(-time.Hour), To: at, Cursor: "gid://shopify/BulkOperation/1 200", Orders: 1 << 40, Total: 3, Reached: at.Add(-time.Minute),
		EndedAt: at.Add(time.Minute), Trouble: "export_lost",
	}
	must := func(err error) {
		e.Helper()
		if err != nil {
			e.Fatal(err)
		}
	}
	must(f.SavePoll(e.Context(), n, poll, at))
	must(f.SaveBackfill(e.Context(), n, back, time.Time{}))
	must(f.SavePoll(e.Context(), other, fetch.PollProgress{Polled: at}, time.Time{}))
	if p, err := f.Progress(e.Context(), n); err != nil || p != (fetch.Progress{Poll: poll, Backfill: back}) {
		e.Errorf("read %+v, %v", p, err)
	}
	must(f.SaveBackfill(e.Context(), n, fetch.BackfillProgress{To: at}, at))
	if p, err := f.Progress(e.Context(), n); err != nil || p != (fetch.Progress{Poll: poll, Backfill: fetch.BackfillProgress{To: at}}) {
		e.Errorf("replaced: %+v, %v", p, err)
	}
	for kind, class := range map[fetch.Work]jobs.Class{fetch.Poll: jobs.Fresh, fetch.Backfill: jobs.Backfill} {
		got := e.claimed(n, string(kind))
		if len(got) != 1 || got[0].Class != class || got[0].Key != "" || got[0].Connection != n.Connection {
			e.Errorf("%s: claimed %+v", kind, got)
		}
	}
	if got := e.claimed(other, string(fetch.Poll)); len(got) != 0 {
		e.Errorf("scheduled without a time: %+v", got)
	}
	err := f.SaveBackfill(e.Context(), n, fetch.BackfillProgress{Cursor: strings.Repeat("x", 5000)}, at)
	if hub.KindOf(err) != hub.KindInvalid {
		e.Errorf("a cursor of 5,000 bytes: %v", err)
	}
}

// testFetchesResumed has polls and backfill done at once when the owner of a shop is back: after they were put off, while they run,
// and when there are none.
func testFetchesResumed(e *env) {
	n := fetch.Name{Tenant: e.tenant(), Connection: hub.ConnectionID(e.ids.New(hub.ConnectionPrefix))}
	shard, queue := e.s.Of(n.Tenant), e.s.Jobs()
	resume := func() {
		e.Helper()
		if err := e.s.Fetches().Resume(e.Context(), n); err != nil {
			e.Fatal(err)
		}
	}
	for _, kind := range []fetch.Work{fetch.Poll, fetch.Backfill} {
		one := func(when string) jobs.Claim {
			e.Helper()
			got := e.claimed(n, string(kind))
			if len(got) != 1 || got[0].Class != map[fetch.Work]jobs.Class{fetch.Poll: jobs.Fresh, fetch.Backfill: jobs.Backfill}[kind] {
				e.Fatalf("%s %s: %+v", kind, when, got)
			}
			return got[0].Claim()
		}
		finish := func(c jobs.Claim, o jobs.Outcome) {
			e.Helper()
			r := jobs.Result{Claim: c, Outcome: o, Code: "reconnect_needed", DueAt: time.Now().Add(time.Hour)}
			if lost, err := queue.Finish(e.Context(), shard, []jobs.Result{r}); err != nil || len(lost) != 0 {
				e.Fatalf("%d lost, %v", len(lost), err)
			}
		}
		resume()
		finish(one("for the first time"), jobs.PutOff)
		if err := e.s.Fetches().SavePoll(e.Context(), n, fetch.PollProgress{}, time.Now()); err != nil {
			e.Fatal(err)
		}
		if got := e.claimed(n, string(kind)); len(got) != 0 {
			e.Errorf("%s: news do not heed a pause: %+v", kind, got)
		}
		resume()
		running := one("after a pause")
		resume()
		finish(running, jobs.PutOff)
		running = one("after it was put off with its owner back")
		resume()
		finish(running, jobs.Done)
		finish(one("after it ended with its owner back"), jobs.Done)
		if got := e.claimed(n, string(kind)); len(got) != 0 {
			e.Errorf("%s is left: %+v", kind, got)
		}
	}
}

// claimed takes the jobs of one kind that are due for a shop.
func (e *env) claimed(n fetch.Name, kind string) (list []jobs.Claimed) {
	e.Helper()
	all, err := e.s.Jobs().Claim(e.Context(), e.s.Of(n.Tenant), jobs.Ask{Kind: kind, Holder: "test", Limit: 1000, Lease: time.Minute})
	if err != nil {
		e.Fatal(err)
	}
	for _, c := range all {
		if c.Tenant == n.Tenant {
			list = append(list, c)
		}
	}
	return list
}

// testVersions reads source times of stored orders, of this shop alone.
func testVersions(e *env) {
	a := e.order(e.tenant(), "one")
	c := e.order(a.Tenant, "only deleted")
	c.Connection, c.Revision = a.Connection, 0
	e.save(a, c)
	got, err := e.s.Fetches().Versions(e.Context(), fetch.Name{Tenant: a.Tenant, Connection: a.Connection}, []hub.ExternalID{a.External, c.External, "ONE", "nobody's"})
	if err != nil || len(got) != 1 || !got[a.External].Equal(a.Version.SourceUpdatedAt) {
		e.Errorf("got %v, %v; want %v", got, err, a.Version.SourceUpdatedAt)
	}
	got, err = e.s.Fetches().Versions(e.Context(), fetch.Name{Tenant: e.tenant(), Connection: a.Connection}, []hub.ExternalID{a.External})
	if err != nil || len(got) != 0 {
		e.Errorf("another tenant sees %v, %v", got, err)
	}
}

// testFetchesPurged deletes what was given up long ago, and nothing that waits, runs, was revived, or is another's.
func testFetchesPurged(e *env) {
	n := fetch.Name{Tenant: e.tenant(), Connection: hub.ConnectionID(e.ids.New(hub.ConnectionPrefix))}
	shard, queue := e.s.Of(n.Tenant), e.s.Jobs()
	ref := func(kind, key string) jobs.Ref {
		return jobs.Ref{Lane: jobs.Lane{Kind: kind, Tenant: n.Tenant, Connection: n.Connection}, Key: hub.ExternalID(key)}
	}
	enqueue := func(refs ...jobs.Ref) {
		e.Helper()
		list := make([]jobs.Job, len(refs))
		for i, r := range refs {
			list[i].Ref = r
		}
		err := e.s.Do(e.Context(), shard, func(ctx context.Context, tx hub.Tx) error { return queue.Enqueue(ctx, tx, list) })
		if err != nil {
			e.Fatal(err)
		}
	}
	const order, other = string(fetch.Order), "reconcile.day"
	standing := []string{string(fetch.Poll), string(fetch.Backfill), string(fetch.Lost)}
	var gone []jobs.Ref
	for i := range 1100 { // more than one transaction takes
		gone = append(gone, ref(order, strconv.Itoa(i)))
	}
	enqueue(append(gone, ref(order, "revived"), ref(other, "kept"), ref(standing[0], ""), ref(standing[1], ""), ref(standing[2], "app_1"))...)
	var results []jobs.Result
	for _, kind := range append(standing, order, other) {
		for _, c := range e.claimed(n, kind) {
			results = append(results, jobs.Result{Claim: c.Claim(), Outcome: jobs.GivenUp, Code: "permanent"})
		}
	}
	for len(results) < 1105 {
		for _, c := range e.claimed(n, order) {
			results = append(results, jobs.Result{Claim: c.Claim(), Outcome: jobs.GivenUp, Code: "permanent"})
		}
	}
	if lost, err := queue.Finish(e.Context(), shard, results); err != nil || len(lost) != 0 {
		e.Fatalf("%d lost, %v", len(lost), err)
	}
	enqueue(ref(order, "revived"), ref(order, "waits"))
	long := time.Now().Add(24 * time.Hour)
	count := func(before time.Time) (total int64) {
		e.Helper()
		for more := true; more; {
			deleted, left, err := e.s.Fetches().Purge(e.Context(), shard, before)
			if err != nil {
				e.Fatal(err)
			}
			total, more = total+deleted, left
		}
		return total
	}
	if got := count(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)); got != 0 {
		e.Errorf("%d that were given up lately are gone", got)
	}
	if got := count(long); got < 1100 {
		e.Errorf("%d of 1100 were deleted", got)
	}
	if got := e.claimed(n, order); len(got) != 2 {
		e.Errorf("%d of the two that wait are left", len(got))
	}
	enqueue(ref(standing[0], ""), ref(standing[1], ""), ref(standing[2], "app_1"))
	for _, kind := range standing {
		if got := e.claimed(n, kind); len(got) != 1 || got[0].LastCode != "permanent" {
			e.Errorf("%s, which goes on as long as its shop: %+v", kind, got)
		}
	}
	enqueue(ref(other, "kept"))
	if got := e.claimed(n, other); len(got) != 1 || got[0].LastCode != "permanent" {
		e.Errorf("what is no fetch: %+v", got)
	}
}
