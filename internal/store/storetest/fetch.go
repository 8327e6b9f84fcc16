package storetest

import (
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
