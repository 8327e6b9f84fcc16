package storetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"hub"
	"hub/gdpr/forget"
	"hub/internal/orders"
	"hub/internal/store"
)

var lostFrom = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// news is version n of an order, without anything personal.
func (e *env) news(tenant hub.TenantID, external string, n int) orders.Incoming {
	in := orders.Incoming{Key: e.order(tenant, external).Key, Order: hub.Order{
		Platform: hub.Shopify, ExternalID: hub.ExternalID(external), Number: "#9", Status: hub.StatusOpen,
		PlacedAt: lostFrom, SourceUpdatedAt: lostFrom.Add(time.Duration(n) * time.Minute),
		Totals: hub.Totals{Refunded: &hub.Money{Minor: int64(n), Currency: "USD"}},
	}}
	in.Digest[0] = byte(n)
	return in
}

// tell applies versions of orders of one shard in one transaction.
func (e *env) tell(s *store.Store, list ...orders.Incoming) (results []orders.Result, err error) {
	service := orders.New(s.Orders(), s.Feed(), s.Subjects(), e.ids)
	err = s.Do(e.Context(), s.Of(list[0].Tenant), func(ctx context.Context, tx hub.Tx) (err error) {
		results, err = service.Apply(ctx, tx, list)
		return err
	})
	return results, err
}

// lose deletes the rows of orders beside the store.
func (e *env) lose(list ...orders.Incoming) {
	e.Helper()
	for _, in := range list {
		deleted := int64(0)
		for _, name := range e.Config.Shards {
			result, err := e.db(name).ExecContext(e.Context(), fmt.Sprintf("DELETE FROM orders WHERE connection_id = '%s' AND external_id = '%s'", in.Connection, in.External))
			must(e, err)
			n, err := result.RowsAffected()
			must(e, err)
			deleted += n
		}
		if deleted != 1 {
			e.Fatalf("%d rows of %s deleted", deleted, in.External)
		}
	}
}

// testLostOrders loses rows of orders, and news of them come: each is the same order with its next revision, among others that are
// there, and others that are new.
func testLostOrders(e *env) {
	tenants := e.tenants(2)
	told := map[string]orders.Result{}
	apply := func(list ...orders.Incoming) []orders.Result {
		e.Helper()
		results, err := e.tell(e.s, list...)
		must(e, err)
		for i, in := range list {
			if r := results[i]; r.Outcome == orders.Applied {
				told[string(in.Tenant+"/")+string(in.External)] = r
			}
		}
		return results
	}
	mine := func(external string, n int) orders.Incoming { return e.news(tenants[0], external, n) }
	theirs := func(n int) orders.Incoming { return e.news(tenants[1], "a", n) }
	apply(mine("a", 1), mine("b", 1), mine("there", 1), mine("a", 2), mine("a", 3), theirs(1))
	before := map[string]orders.Result{}
	for name, r := range told {
		before[name] = r
	}
	rows := e.lock(mine("a", 1).Key, mine("b", 1).Key, theirs(1).Key)
	e.lose(mine("a", 1), mine("b", 1), theirs(1))
	long, since := e.entry(1, forget.Killed, tenants[0], e.subject()), e.entry(2, forget.Killed, tenants[1], e.subject())
	since.At = rows[theirs(1).Key].CreatedAt
	e.apply(tenants[0], nil, long, since)

	if r := apply(mine("a", 2)); r[0].Outcome != orders.Stale || !r[0].Tied || len(e.lock(mine("a", 1).Key)) != 0 {
		e.Errorf("an old version of a lost order came out as %+v", r[0])
	}
	results := apply(mine("a", 4), mine("b", 2), mine("there", 2), mine("new", 1), theirs(2))
	for i, want := range []struct {
		name     string
		revision int64
		kind     hub.ChangeType
	}{{"/a", 4, hub.OrderRefunded}, {"/b", 2, hub.OrderRefunded}, {"/there", 2, hub.OrderRefunded}, {"/new", 1, hub.OrderCreated}, {"/a", 2, hub.OrderRefunded}} {
		tenant := tenants[i/4]
		r, was := results[i], before[string(tenant)+want.name]
		if r.Revision != want.revision || r.Type != want.kind || (r.Order != was.Order) != (want.revision == 1) {
			e.Errorf("%s came out as %+v, it was %+v", want.name, r, was)
		}
	}
	now := e.lock(mine("a", 1).Key, mine("b", 1).Key, theirs(1).Key)
	for key, was := range rows {
		got := now[key]
		if got.ID != was.ID || !got.CreatedAt.Equal(was.CreatedAt) || got.Number != "#9" || got.Erased != (key.Tenant == tenants[1]) {
			e.Errorf("%s was %s of %v and is %s of %v, erased %v", key.External, was.ID, was.CreatedAt, got.ID, got.CreatedAt, got.Erased)
		}
	}
	revisions := map[hub.OrderID]int64{}
	for _, c := range e.feed(e.s, tenants[0]) {
		if revisions[c.OrderID]++; c.Revision != revisions[c.OrderID] {
			e.Errorf("revision %d of %s where %d is due", c.Revision, c.OrderID, revisions[c.OrderID])
		}
	}
	if len(revisions) != 4 {
		e.Errorf("the feed tells of %d orders of 4", len(revisions))
	}
	if n := e.count(tenants[0], "SELECT COUNT(*) FROM audit_outbox WHERE tenant_id = ? AND action = 'order.rebuild'"); n != 2 {
		e.Errorf("%d audit records of 2 rows", n)
	}
	e.loseNoted(apply, mine)
}

// loseNoted loses the row of an order of which nothing was told: it is a new one, and stays that when it is lost again.
func (e *env) loseNoted(apply func(...orders.Incoming) []orders.Result, mine func(string, int) orders.Incoming) {
	e.Helper()
	gone := mine("noted", 1)
	gone.Order, gone.Deleted = hub.Order{}, lostFrom
	noted := apply(gone)[0]
	e.lose(gone)
	first := apply(mine("noted", 1))[0]
	e.lose(gone)
	second := apply(mine("noted", 2))[0]
	if noted.Outcome != orders.Noted || first.Type != hub.OrderCreated || first.Revision != 1 || second.Order != first.Order || second.Revision != 2 {
		e.Errorf("noted %+v, then %+v, then %+v", noted, first, second)
	}
}

// testLostOrderRace has news of one lost order come to two hubs at once, and then of one that is new.
func testLostOrderRace(e *env) {
	tenant, stores := e.tenant(), []*store.Store{e.s, e.second()}
	rounds := e.rounds(20, 200)
	for i := range rounds {
		lost, fresh := fmt.Sprint("lost", i), fmt.Sprint("fresh", i)
		was, err := e.tell(e.s, e.news(tenant, lost, 1))
		must(e, err)
		e.lose(e.news(tenant, lost, 1))
		var both sync.WaitGroup
		ids := make([]hub.OrderID, len(stores))
		for at, s := range stores {
			both.Go(func() {
				results, err := e.tell(s, e.news(tenant, fresh, 1+at), e.news(tenant, lost, 2+at))
				if err != nil {
					e.Errorf("round %d: %v", i, err)
					return
				}
				if ids[at] = results[0].Order; results[1].Order != was[0].Order {
					e.Errorf("round %d: %s came back as %s", i, was[0].Order, results[1].Order)
				}
			})
		}
		both.Wait()
		if ids[0] != ids[1] {
			e.Errorf("round %d: a new order is %v", i, ids)
		}
	}
	seen := map[hub.OrderID]int64{}
	for _, c := range e.feed(e.s, tenant) {
		if seen[c.OrderID]++; c.Revision != seen[c.OrderID] {
			e.Errorf("revision %d of %s where %d is due", c.Revision, c.OrderID, seen[c.OrderID])
		}
	}
	if len(seen) != 2*rounds {
		e.Errorf("%d orders told of %d", len(seen), 2*rounds)
	}
	e.Logf("%d rounds, %d orders, 0 told under two ids", rounds, len(seen))
}
