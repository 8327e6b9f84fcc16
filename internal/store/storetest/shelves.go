package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hub"
	"hub/internal/erp"
	"hub/internal/orders"
	"hub/internal/store"
)

// fileFrom is how many answers of a tenant gather before they are filed.
const fileFrom = 4096

// singles are n answers about one order each, by chance, at later and later times.
func (e *env) singles(random *rand.Rand, list []orders.Stored, n int, at *time.Time) []erp.Answer {
	group := make([]erp.Answer, n)
	for i := range group {
		o := &list[random.IntN(len(list))]
		d := e.disclosure(o.Tenant, o.ID)
		*at = at.Add(time.Microsecond)
		d.Client, d.Request, d.At = fmt.Sprint("client", i%3), e.ids.New(hub.RequestPrefix), *at
		d.Revision, d.Fields = random.Int64N(1<<40), hub.Fields(random.Uint64()>>random.IntN(64))
		group[i] = answers(o.Tenant, d)[0]
	}
	return group
}

// disclosed stores a group of answers in which nobody is fenced.
func (e *env) disclosed(s *store.Store, group []erp.Answer) {
	e.Helper()
	_, err := s.ERP().Disclose(e.Context(), s.Of(group[0].Tenant), group)
	must(e, err)
}

// noted notes a group of answers in a book.
func (e *env) noted(b book, group []erp.Answer) []erp.Answer {
	for _, a := range group {
		b.note(a)
	}
	return group
}

// shelf counts the answers of a tenant on shelf 0, and the rows on the others.
func (e *env) shelf(tenant hub.TenantID) (gathered, filed int64) {
	e.Helper()
	return e.count(tenant, "SELECT COALESCE(SUM(count), 0) FROM disclosed WHERE tenant_id = ? AND shelf = 0"),
		e.count(tenant, "SELECT COUNT(*) FROM disclosed WHERE tenant_id = ? AND shelf > 0")
}

// testShelves: answers about one order are found wherever they lie, are filed when enough of a tenant have gathered, and are the same
// afterwards. Another hub, or this one after a restart, knows how many there are.
func testShelves(e *env) {
	tenants := e.tenants(2)
	random := rand.New(rand.NewPCG(88, 1))
	list := make([]orders.Stored, 20)
	for i := range list {
		list[i] = e.order(tenants[0], fmt.Sprint(i))
	}
	theirs := []orders.Stored{e.order(tenants[1], "1")}
	e.save(append(slices.Clone(list), theirs...)...)
	told, at := book{}, created()
	shard := e.s.Of(tenants[0])
	disclose := func(of []orders.Stored, n int) {
		e.disclosed(e.s, e.noted(told, e.singles(random, of, n, &at)))
		must(e, e.s.ERP().File(e.Context(), shard))
	}
	want := func(what string, tenant hub.TenantID, gathered int64, filed bool) {
		e.Helper()
		if n, rows := e.shelf(tenant); n != gathered || rows > 0 != filed {
			e.Errorf("%s: %d gathered, %d rows filed; want %d, %v", what, n, rows, gathered, filed)
		}
	}
	disclose(theirs, 100)
	disclose(list, 1)
	for i := range 4 {
		disclose(list, 1000+i)
	}
	disclose(list, fileFrom-1-1-4006)
	want("one less than enough", tenants[0], fileFrom-1, false)
	e.foundAgain(e.s, list, told)
	disclose(list, 1)
	want("enough", tenants[0], 0, true)
	want("of the other", tenants[1], 100, false)
	e.foundAgain(e.s, append(list, theirs...), told)
	disclose(list, fileFrom-7)
	want("before a restart", tenants[0], fileFrom-7, true)
	s := e.s
	if e.Many {
		e.s = e.open() // which has added nothing to them
	}
	disclose(list, 6)
	want("after a restart", tenants[0], fileFrom-1, true)
	disclose(list, 1)
	want("filed after a restart", tenants[0], 0, true)
	for range 40 { // of one order more than one row can hold, which nobody came to file
		group := e.singles(random, list[:1], 1000, &at)
		for i := range group {
			group[i].Rows[0].Client = strings.Repeat("c", 128)
		}
		e.disclosed(e.s, e.noted(told, group))
	}
	e.disclosed(e.s, e.noted(told, e.singles(random, theirs, fileFrom, &at)))
	cut, cancel := context.WithCancel(e.Context())
	cancel()
	e.wantKind(e.s.ERP().File(cut, shard), hub.KindUnavailable, "filing that is cut short")
	must(e, e.s.ERP().File(e.Context(), shard))
	want("a backlog", tenants[0], 0, true)
	want("a backlog of the other", tenants[1], 0, true)
	found := e.foundAgain(s, append(list, theirs...), told)
	if rows := len(e.recorded(tenants[0])) + len(e.recorded(tenants[1])); rows != found {
		e.Errorf("%d answers on record, %d found", rows, found)
	}
	e.Logf("%d answers about one order found again, 0 missing", found)
}

// testShelvesDamaged: a damaged row is told by its id, keeps nothing from being filed, and nothing is made of it.
func testShelvesDamaged(e *env) {
	o := e.order(e.tenant(), "1")
	e.save(o)
	random, at := rand.New(rand.NewPCG(88, 2)), created()
	damaged := 0
	for _, bytes := range []string{"", "\x01", "\x02", "\x01\x05ord_", "\x01\xff", "\x01\x00\x00\x00\x00\x80", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + strings.Repeat("a", 9)} {
		e.disclosed(e.s, e.singles(random, []orders.Stored{o}, 1, &at))
		e.beyond(o.Tenant, "disclosed", "UPDATE disclosed SET packed = ? WHERE tenant_id = ? AND shelf = 0 AND count = 1", []byte(bytes), string(o.Tenant))
		_, err := e.s.ERP().Lineage(e.Context(), o.Tenant, o.ID, 10)
		e.wantKind(err, hub.KindPermanent, fmt.Sprintf("%q", bytes))
		damaged++
	}
	for range 2 {
		e.disclosed(e.s, e.singles(random, []orders.Stored{o}, fileFrom, &at))
		err := e.s.ERP().File(e.Context(), e.s.Of(o.Tenant))
		e.wantKind(err, hub.KindPermanent, "filing")
		if !strings.Contains(fmt.Sprint(err), store.DisclosurePrefix) {
			e.Errorf("which row is damaged: %v", err)
		}
		if n, rows := e.shelf(o.Tenant); n != int64(damaged) || rows == 0 {
			e.Errorf("%d answers gathered, %d rows filed; want the %d damaged ones to stay", n, rows, damaged)
		}
	}
	e.Logf("%d ways of damage", damaged)
}

// testShelvesApart: a hub that stands still while it adds an answer or files some keeps nobody from filing the others, neither that
// tenant's nor another's.
func testShelvesApart(e *env) {
	if !e.Many {
		return // nobody else writes
	}
	tenants := e.tenants(2)
	random, at := rand.New(rand.NewPCG(88, 3)), created()
	for range 110 { // few rows, of which a server likes to read all
		e.disclosed(e.s, e.singles(random, []orders.Stored{e.order(tenants[0], "1")}, 40, &at))
	}
	for _, name := range e.Config.Shards {
		other, err := e.db(name).Begin()
		must(e, err)
		defer other.Rollback()
		for _, t := range tenants {
			_, err = other.Exec("INSERT INTO disclosed (tenant_id, shelf, id, count, packed) VALUES (?, 0, ?, 1, '')", string(t), e.ids.New(store.DisclosurePrefix))
			must(e, err)
		}
		var id string
		err = other.QueryRow("SELECT id FROM disclosed WHERE tenant_id = ? AND shelf = 0 ORDER BY id LIMIT 1 FOR UPDATE", string(tenants[0])).Scan(&id)
		must(e, err)
	}
	ctx, cancel := context.WithTimeout(e.Context(), 3*time.Second) // less than anybody waits for a lock
	defer cancel()
	must(e, e.s.ERP().File(ctx, e.s.Of(tenants[0])))
	if n, rows := e.shelf(tenants[0]); n != 40 || rows == 0 {
		e.Errorf("%d answers gathered, %d rows filed, where somebody holds 40", n, rows)
	}
}

// testShelvesAtOnce: hubs disclose, file and look at the same time. Each look finds all that was durable before it, and nothing twice.
func testShelvesAtOnce(e *env) {
	tenant, other := e.tenant(), e.second()
	list := make([]orders.Stored, 20)
	for i := range list {
		list[i] = e.order(tenant, fmt.Sprint(i))
	}
	e.save(list...)
	rounds, n := e.rounds(40, 400), 400
	var mu sync.Mutex
	told := map[hub.OrderID]int{}
	var durable, looks atomic.Int64
	ctx, done := context.WithCancel(e.Context())
	var writers, readers sync.WaitGroup
	for w, s := range []*store.Store{e.s, other} {
		writers.Go(func() {
			random, at := rand.New(rand.NewPCG(88, uint64(10+w))), created()
			for range rounds / 2 {
				group := e.singles(random, list, n, &at)
				if _, err := s.ERP().Disclose(e.Context(), s.Of(tenant), group); err != nil {
					e.Error(err)
					return
				}
				mu.Lock()
				for _, a := range group {
					told[a.Rows[0].Order]++
				}
				mu.Unlock()
				durable.Add(int64(n))
				if err := s.ERP().File(e.Context(), s.Of(tenant)); err != nil {
					e.Error(err)
				}
			}
		})
		readers.Go(func() {
			for i := w; ctx.Err() == nil; i++ {
				id := list[i%len(list)].ID
				mu.Lock()
				least := told[id]
				mu.Unlock()
				l, err := s.ERP().Lineage(e.Context(), tenant, id, 1_000_000)
				if err != nil {
					e.Error(err)
					return
				}
				seen := map[string]bool{}
				for _, v := range l.Served {
					seen[fmt.Sprint(v.At.UnixNano(), v.Client, v.Revision, v.Fields)] = true
				}
				if len(l.Served) < least || len(seen) != len(l.Served) {
					e.Errorf("%s: %d answers, %d of them different, where %d were durable", id, len(l.Served), len(seen), least)
				}
				looks.Add(1)
			}
		})
	}
	writers.Wait()
	done()
	readers.Wait()
	all := e.recorded(tenant)
	requests := map[string]bool{}
	for _, r := range all {
		requests[r.request] = true
	}
	gathered, filed := e.shelf(tenant)
	if int64(len(all)) != durable.Load() || len(requests) != len(all) || filed == 0 || looks.Load() == 0 {
		e.Errorf("%d answers were durable, %d are on record, of %d requests; %d rows filed, %d looks", durable.Load(), len(all), len(requests), filed, looks.Load())
	}
	if gathered >= 3*fileFrom {
		e.Errorf("%d answers gathered, and two hubs file from %d", gathered, fileFrom)
	}
	e.Logf("%d answers, %d looks meanwhile, 0 missing, 0 twice; %d gathered in the end", len(all), looks.Load(), gathered)
}
