package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hub"
	"hub/internal/erp"
	"hub/internal/intake"
	"hub/internal/jobs"
	"hub/internal/orders"
	"hub/internal/reconcile"
)

// statement makes one as package reconcile would.
func (e *env) statement(n reconcile.Name, d reconcile.Day, revision int64) (reconcile.Statement, reconcile.Signed) {
	st := reconcile.Statement{
		Version: reconcile.Version, ID: reconcile.ID(e.ids.New(reconcile.IDPrefix)), Tenant: n.Tenant, Connection: n.Connection, Day: d,
		Revision: revision, WholeDay: true, State: reconcile.Equal, MadeAt: time.Date(2026, 11, 21, 1, 2, 3, 4000, time.UTC),
	}
	doc := fmt.Appendf(nil, `{"id":"%s", "odd" : "bytes é <"}`, st.ID)
	return st, reconcile.Signed{Statement: doc, KeyID: "k", PublicKey: "p", Signature: "s"}
}

// testStatements keeps statements as they were signed, in dense revisions, and shows them to their tenant alone.
func testStatements(e *env) {
	s := e.s.Statements()
	tenants := e.tenants(2)
	n := reconcile.Name{Tenant: tenants[0], Connection: hub.ConnectionID(e.ids.New(hub.ConnectionPrefix))}
	other := reconcile.Name{Tenant: tenants[1], Connection: n.Connection}
	day := reconcile.Day("2026-11-20")
	_, err := s.Latest(e.Context(), n, day)
	e.wantKind(err, hub.KindNotFound, "nothing is stored")
	var made []reconcile.Statement
	var texts []reconcile.Signed
	for _, c := range []struct {
		day      reconcile.Day
		revision int64
		state    reconcile.State
	}{{day, 1, reconcile.Different}, {day, 2, reconcile.Unknown}, {day, 3, reconcile.Equal}, {"2026-11-19", 1, reconcile.Equal}} {
		st, signed := e.statement(n, c.day, c.revision)
		st.State, st.Open, st.Fetching, st.WholeDay = c.state, int(c.revision), 7, c.revision != 1
		if c.state == reconcile.Unknown {
			st.Unknown = &reconcile.Cause{Code: "reconnect_needed"}
		}
		must(e, s.Save(e.Context(), st, signed))
		made, texts = append(made, st), append(texts, signed)
	}
	for _, revision := range []int64{1, 3, 5} {
		st, signed := e.statement(n, day, revision)
		e.wantKind(s.Save(e.Context(), st, signed), hub.KindConflict, fmt.Sprint("revision ", revision))
	}
	if got, err := s.Latest(e.Context(), n, day); err != nil || !sameSigned(got, texts[2]) {
		e.Errorf("latest %s, %v", got.Statement, err)
	}
	for i, st := range made {
		if got, err := s.Statement(e.Context(), n.Tenant, st.ID); err != nil || !sameSigned(got, texts[i]) {
			e.Errorf("read %s, %v", got.Statement, err)
		}
		_, err := s.Statement(e.Context(), other.Tenant, st.ID)
		e.wantKind(err, hub.KindNotFound, "another tenant's")
	}
	_, err = s.Latest(e.Context(), other, day)
	e.wantKind(err, hub.KindNotFound, "another tenant's latest")
	list := func(t hub.TenantID, f reconcile.Filter, after reconcile.ID, limit int) (revisions []int64) {
		e.Helper()
		rows, err := s.List(e.Context(), t, f, after, limit)
		must(e, err)
		for _, r := range rows {
			at := slices.IndexFunc(made, func(st reconcile.Statement) bool { return st.ID == r.ID })
			if at < 0 {
				e.Fatalf("%+v is none of ours", r)
			}
			st := made[at]
			code := hub.Code("")
			if st.Unknown != nil {
				code = st.Unknown.Code
			}
			if want := (reconcile.Entry{
				ID: st.ID, Connection: st.Connection, Day: st.Day, Revision: st.Revision, State: st.State, Code: code, WholeDay: st.WholeDay,
				MadeAt: st.MadeAt, Open: st.Open, Fetching: st.Fetching,
			}); r != want {
				e.Errorf("listed %+v, want %+v", r, want)
			}
			revisions = append(revisions, int64(at))
		}
		return revisions
	}
	for name, c := range map[string]struct{ got, want []int64 }{
		"all":               {list(n.Tenant, reconcile.Filter{}, "", 9), []int64{0, 1, 2, 3}},
		"a page":            {list(n.Tenant, reconcile.Filter{}, made[0].ID, 2), []int64{1, 2}},
		"from a day":        {list(n.Tenant, reconcile.Filter{From: day}, "", 9), []int64{0, 1, 2}},
		"to a day":          {list(n.Tenant, reconcile.Filter{To: "2026-11-19"}, "", 9), []int64{3}},
		"in a state":        {list(n.Tenant, reconcile.Filter{State: reconcile.Unknown}, "", 9), []int64{1}},
		"of the shop":       {list(n.Tenant, reconcile.Filter{Connection: n.Connection}, "", 9), []int64{0, 1, 2, 3}},
		"of another shop":   {list(n.Tenant, reconcile.Filter{Connection: "con_x"}, "", 9), nil},
		"of another tenant": {list(other.Tenant, reconcile.Filter{}, "", 9), nil},
	} {
		if !slices.Equal(c.got, c.want) {
			e.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	part, signed := e.statement(reconcile.Name{Tenant: n.Tenant, Connection: "con_part"}, day, 1)
	part.WholeDay = false
	must(e, s.Save(e.Context(), part, signed))
	stated, err := s.Stated(e.Context(), day)
	if want := (reconcile.Last{MadeAt: made[2].MadeAt, State: reconcile.Equal}); err != nil || stated.Last[n.Connection] != want || stated.Last["con_part"].State != "" || stated.Away(n.Tenant) {
		e.Errorf("stated %+v, %v", stated.Last, err)
	}
	for i, change := range []func(*reconcile.Statement){
		func(st *reconcile.Statement) {
			st.State, st.Unknown = reconcile.Unknown, &reconcile.Cause{Code: "away"}
		},
		func(st *reconcile.Statement) { st.Newer = 1 },
	} {
		st, signed := e.statement(n, day, int64(4+i))
		change(&st)
		st.MadeAt = st.MadeAt.Add(time.Hour)
		must(e, s.Save(e.Context(), st, signed))
		stated, err := s.Stated(e.Context(), day)
		if want := (reconcile.Last{MadeAt: st.MadeAt, State: st.State, Code: st.Code()}); err != nil || stated.Last[n.Connection] != want || want.Code == "" {
			e.Errorf("stated %+v, want %+v, %v", stated.Last[n.Connection], want, err)
		}
	}
	if stated, err := s.Stated(e.Context(), "2026-11-18"); err != nil || len(stated.Last) != 0 {
		e.Errorf("stated another day %v, %v", stated.Last, err)
	}
}

func sameSigned(a, b reconcile.Signed) bool {
	return string(a.Statement) == string(b.Statement) && a.KeyID == b.KeyID && a.PublicKey == b.PublicKey && a.Signature == b.Signature
}

// testStatementRace has two hubs say the same revision at once: one of them does.
func testStatementRace(e *env) {
	stores := []reconcile.Statements{e.s.Statements(), e.second().Statements()}
	rounds, refused := e.rounds(20, 300), 0
	for range rounds {
		n := reconcile.Name{Tenant: e.tenant(), Connection: hub.ConnectionID(e.ids.New(hub.ConnectionPrefix))}
		var kept, conflicts atomic.Int64
		var both sync.WaitGroup
		for _, s := range stores {
			st, signed := e.statement(n, "2026-11-20", 1)
			both.Go(func() {
				switch err := s.Save(e.Context(), st, signed); {
				case err == nil:
					kept.Add(1)
				case hub.KindOf(err) == hub.KindConflict:
					conflicts.Add(1)
				default:
					e.Error(err)
				}
			})
		}
		both.Wait()
		if kept.Load() != 1 || conflicts.Load() != 1 {
			e.Fatalf("%d kept, %d refused", kept.Load(), conflicts.Load())
		}
		refused += int(conflicts.Load())
	}
	e.Logf("%d rounds, %d refused, 0 kept twice", rounds, refused)
}

// testStatementTasks takes tasks down as jobs, over both shards, and records who asked.
func testStatementTasks(e *env) {
	var tasks []reconcile.Task
	due := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for i := range 6 {
		n := reconcile.Name{Tenant: e.tenant(), Connection: hub.ConnectionID(e.ids.New(hub.ConnectionPrefix))}
		tasks = append(tasks, reconcile.Task{Name: n, Day: "2026-11-20", Round: i % 2, Asked: i == 3, DueAt: due})
	}
	must(e, e.s.Statements().Later(e.Context(), tasks))
	found := map[hub.ConnectionID]jobs.Claimed{}
	for _, shard := range e.s.ShardIDs() {
		claimed, err := e.s.Jobs().Claim(e.Context(), shard, jobs.Ask{Kind: reconcile.Job, Holder: "test", Limit: 1000, Lease: time.Minute})
		must(e, err)
		for _, c := range claimed {
			found[c.Connection] = c
		}
	}
	for _, task := range tasks {
		got := found[task.Connection]
		read, err := reconcile.ReadTask(reconcile.Name{Tenant: got.Tenant, Connection: got.Connection}, got.Key, got.Payload)
		if read.DueAt = due; err != nil || read != task || (got.Class == jobs.Fresh) != task.Asked {
			e.Errorf("%+v came back as %+v, %v", task, read, err)
		}
	}
	var asked int
	for _, shard := range e.s.ShardIDs() {
		entries, err := e.s.Outbox().Read(e.Context(), string(shard), 1000)
		must(e, err)
		for _, entry := range entries {
			if entry.Action == "reconcile.ask" && entry.Tenant == tasks[3].Tenant && entry.Target == string(tasks[3].Connection) {
				asked++
			}
		}
	}
	if asked != 1 {
		e.Errorf("%d records of who asked", asked)
	}
}

// testReconcilable reads what the hub has of a window, page by page, and by ids, of this shop alone.
func testReconcilable(e *env) {
	from := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	tenants := e.tenants(2)
	tenant := tenants[0]
	var rows []orders.Stored
	add := func(id string, at time.Time, change func(*orders.Stored)) orders.Stored {
		o := e.order(tenant, id)
		o.PlacedAt, o.Doc = at, []byte(`{"totals":{"grand_total":{"amount":"12.34","currency":"BRL"}}}`)
		if change != nil {
			change(&o)
		}
		rows = append(rows, o)
		return o
	}
	add("before", from.Add(-time.Microsecond), nil)
	first := add("a", from, nil)
	add("A", from, func(o *orders.Stored) { o.Doc = []byte(`{"totals":{}}`) })
	add("b ", from, func(o *orders.Stored) { o.Version.Cancelled = false })
	add("b", from.Add(time.Hour), func(o *orders.Stored) { o.DeletedAt = from.Add(2 * time.Hour) })
	gone := add("gone", time.Time{}, func(o *orders.Stored) { o.Revision, o.Doc, o.DeletedAt = 0, nil, from })
	add("after", from.Add(24*time.Hour), nil)
	e.save(rows...)
	n := reconcile.Name{Tenant: tenant, Connection: first.Connection}
	for _, client := range []string{"c", "d"} {
		_, err := e.s.ERP().Acknowledge(e.Context(), erp.Ack{Tenant: tenant, Client: client, Order: first.ID, Reference: "R", At: from})
		must(e, err)
	}
	r := e.s.Reconcilable()
	for _, limit := range []int{1, 2, 3, 9} {
		var got []string
		for after := (reconcile.Held{}); ; {
			page, err := r.Placed(e.Context(), n, from, from.Add(24*time.Hour), after, limit)
			must(e, err)
			for _, h := range page {
				got = append(got, heldText(h))
			}
			if len(page) < limit {
				break
			}
			after = page[len(page)-1]
		}
		want := []string{"A null true false false", "a 12.34 BRL true false true", "b  12.34 BRL false false false", "b 12.34 BRL true true false"}
		if !slices.Equal(got, want) {
			e.Errorf("by %d: %q, want %q", limit, got, want)
		}
	}
	held, err := r.Held(e.Context(), n, []hub.ExternalID{"a", "gone", "before", "nobody's", "a "})
	must(e, err)
	slices.SortFunc(held, func(a, b reconcile.Held) int { return cmp.Compare(a.External, b.External) })
	if len(held) != 3 || heldText(held[0]) != "a 12.34 BRL true false true" || held[0].ID != first.ID || !held[0].PlacedAt.Equal(from) ||
		!held[0].ChangedAt.Equal(first.Version.SourceUpdatedAt) || held[2].External != gone.External || !held[2].Deleted {
		e.Errorf("by id %+v", held)
	}
	foreign := reconcile.Name{Tenant: tenants[1], Connection: n.Connection}
	placed, err := r.Placed(e.Context(), foreign, from, from.Add(24*time.Hour), reconcile.Held{}, 9)
	if held, err2 := r.Held(e.Context(), foreign, []hub.ExternalID{"a"}); len(placed) != 0 || len(held) != 0 || err != nil || err2 != nil {
		e.Errorf("another tenant reads %v %v, %v %v", placed, held, err, err2)
	}
	open, closed := e.parkedOf(first.Key, from), e.parkedOf(rows[4].Key, from)
	closed.State = intake.ParkedClosed
	e.park(open, closed)
	for name, want := range map[reconcile.Name]int{n: 1, foreign: 0} {
		parked, err := r.Parked(e.Context(), name, []hub.ExternalID{first.External, rows[4].External, "nobody's"})
		if err != nil || len(parked) != want || want == 1 && parked[first.External] != open.ID {
			e.Errorf("%s: parked %v, %v", name.Tenant, parked, err)
		}
	}
}

// heldText prints what is compared.
func heldText(h reconcile.Held) string {
	total := "null"
	if h.Total != nil {
		total = h.Total.String()
	}
	return fmt.Sprint(h.External, " ", total, " ", h.Cancelled, " ", h.Deleted, " ", h.Acknowledged)
}
