package storetest

import (
	"context"
	"errors"
	"sync/atomic"

	"hub"
	"hub/internal/intake"
	"hub/internal/orders"
	"hub/internal/store"
)

func testCommitAndRollback(e *env) {
	o := e.order(e.tenant(), "1")
	mine := errors.New("mine")
	woken := 0
	var first, second int64
	err := e.s.Do(e.Context(), e.s.Of(o.Tenant), func(ctx context.Context, tx hub.Tx) error {
		tx.OnCommit(func() { woken++ })
		if now := tx.Now(); now != tx.Now() || now.Nanosecond()%1000 != 0 || tx.Epoch() < 1 {
			e.Errorf("now %v, then %v, epoch %d", tx.Now(), tx.Now(), tx.Epoch())
		}
		first = tx.Now().UnixMicro()
		if err := e.put(ctx, tx, o); err != nil {
			return err
		}
		return mine
	})
	if !errors.Is(err, mine) || woken != 0 || len(e.lock(o.Key)) != 0 || len(e.feed(e.s, o.Tenant)) != 0 {
		e.Errorf("rolled back with %v, woken %d times, %d rows", err, woken, len(e.lock(o.Key)))
	}
	e.do(o.Tenant, func(ctx context.Context, tx hub.Tx) error {
		tx.OnCommit(func() { woken++ })
		tx.OnCommit(func() { woken += 10 })
		second = tx.Now().UnixMicro()
		return e.put(ctx, tx, o)
	})
	if woken != 11 || len(e.lock(o.Key)) != 1 || second <= first {
		e.Errorf("committed: woken %d, %d rows, times %d and %d", woken, len(e.lock(o.Key)), first, second)
	}
}

func testPanic(e *env) {
	o := e.order(e.tenant(), "1")
	func() {
		defer func() {
			if recover() != "mine" {
				e.Error("the panic did not come through")
			}
		}()
		_ = e.s.Do(e.Context(), e.s.Of(o.Tenant), func(ctx context.Context, tx hub.Tx) error {
			if err := e.put(ctx, tx, o); err != nil {
				return err
			}
			panic("mine")
		})
	}()
	if len(e.lock(o.Key)) != 0 { // and the shard still takes transactions
		e.Error("a panic committed")
	}
}

// testPoison swallows errors of several kinds and goes on writing: nothing may be committed.
func testPoison(e *env) {
	tenant := e.tenant()
	taken := e.order(tenant, "taken")
	e.save(taken)
	again := taken
	again.Connection += "x" // another key, the same id: the database refuses it
	long := e.order(tenant, string(make([]byte, 200)))
	faults := map[string]func(context.Context, hub.Tx) error{
		"a duplicate": func(ctx context.Context, tx hub.Tx) error { return e.s.Orders().Save(ctx, tx, []orders.Stored{again}) },
		"a long key":  func(ctx context.Context, tx hub.Tx) error { return e.s.Orders().Save(ctx, tx, []orders.Stored{long}) },
		"not open any more": func(ctx context.Context, tx hub.Tx) error {
			return e.s.Intake().Settle(ctx, tx, intake.Parked{ID: "prk_none", Tenant: tenant, State: intake.ParkedDropped})
		},
		"an ended context": func(ctx context.Context, tx hub.Tx) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			_, err := e.s.Orders().Lock(ctx, tx, []orders.Key{taken.Key})
			return err
		},
	}
	for name, fault := range faults {
		before, after := e.order(tenant, "before "+name), e.order(tenant, "after "+name)
		var runs, woken int
		var swallowed, later error
		err := e.s.Do(e.Context(), e.s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
			runs++
			tx.OnCommit(func() { woken++ })
			if err := e.put(ctx, tx, before); err != nil {
				return err
			}
			swallowed = fault(ctx, tx)
			later = e.put(ctx, tx, after)
			return nil
		})
		if swallowed == nil || !errors.Is(err, swallowed) || !errors.Is(later, swallowed) || woken != 0 {
			e.Errorf("%s: swallowed %v, the next statement said %v, Do said %v", name, swallowed, later, err)
		}
		if found := e.lock(before.Key, after.Key); len(found) != 0 {
			e.Errorf("%s: %d rows were committed", name, len(found))
		}
		e.Logf("%s: %d runs, then %v", name, runs, err)
	}
	if got := len(e.feed(e.s, tenant)); got != 1 {
		e.Errorf("%d changes", got)
	}
}

func testTokenAfterEnd(e *env) {
	o := e.order(e.tenant(), "1")
	var kept hub.Tx
	e.do(o.Tenant, func(ctx context.Context, tx hub.Tx) error { kept = tx; return nil })
	if err := e.s.Orders().Save(e.Context(), kept, []orders.Stored{o}); hub.CodeOf(err) != store.CodePoisoned {
		e.Errorf("writing after the end: %v", err)
	}
	if len(e.lock(o.Key)) != 0 {
		e.Error("a kept token wrote a row")
	}
}

func testStaleEpoch(e *env) {
	o := e.order(e.tenant(), "1")
	shard := e.s.Of(o.Tenant)
	e.lock(o.Key)
	raise := func(by string) {
		for _, name := range e.Config.Shards {
			if _, err := e.Raw(e.T, name).Exec("UPDATE shard_meta SET epoch = epoch "+by+" WHERE shard_id = ?", string(shard)); err != nil {
				e.Fatal(err)
			}
		}
	}
	raise("+ 1")
	ran := false
	err := e.s.Do(e.Context(), shard, func(ctx context.Context, tx hub.Tx) error { ran = true; return e.put(ctx, tx, o) })
	if hub.KindOf(err) != hub.KindConflict || hub.CodeOf(err) != hub.CodeStaleEpoch || ran {
		e.Errorf("a stale router was told %v (its closure ran: %v)", err, ran)
	}
	raise("- 1")
	if len(e.lock(o.Key)) != 0 {
		e.Error("a stale router wrote a row")
	}
}

func testWrongShard(e *env) {
	o := e.order(e.tenant(), "1")
	var other hub.ShardID
	for _, id := range e.s.ShardIDs() {
		if id != e.s.Of(o.Tenant) {
			other = id
		}
	}
	err := e.s.Do(e.Context(), other, func(ctx context.Context, tx hub.Tx) error { return e.put(ctx, tx, o) })
	if hub.CodeOf(err) != store.CodeWrongShard {
		e.Errorf("a row on another shard: %v", err)
	}
	err = e.s.Do(e.Context(), other, func(ctx context.Context, tx hub.Tx) error {
		_ = e.s.Feed().Append(ctx, tx, []hub.Change{e.change(o)})
		return nil
	})
	if hub.CodeOf(err) != store.CodeWrongShard {
		e.Errorf("a change on another shard: %v", err)
	}
	if err := e.s.Do(e.Context(), "s99", func(context.Context, hub.Tx) error { return nil }); err == nil {
		e.Error("a shard that does not exist took a transaction")
	}
}

func testEndedContext(e *env) {
	o := e.order(e.tenant(), "1")
	ctx, cancel := context.WithCancel(e.Context())
	var runs atomic.Int64
	err := e.s.Do(ctx, e.s.Of(o.Tenant), func(ctx context.Context, tx hub.Tx) error {
		runs.Add(1)
		err := e.put(ctx, tx, o)
		cancel()
		return err
	})
	e.wantKind(err, hub.KindUnavailable, "a context that ended before COMMIT")
	if runs.Load() != 1 || len(e.lock(o.Key)) != 0 {
		e.Errorf("%d runs, %d rows", runs.Load(), len(e.lock(o.Key)))
	}
	if err := e.s.Do(ctx, e.s.Of(o.Tenant), func(context.Context, hub.Tx) error { return nil }); err == nil {
		e.Error("a context that ended before the transaction went through")
	}
}
