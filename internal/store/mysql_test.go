package store_test

import (
	"context"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/internal/erp"
	"hub/internal/hubtest/mariadb"
	"hub/internal/intake"
	"hub/internal/orders"
	"hub/internal/store"
	"hub/internal/store/storetest"
)

// newOrder makes the row of a new order of a tenant.
func newOrder(tenant hub.TenantID, external string, ids hub.IDSource) orders.Stored {
	return orders.Stored{Key: orders.Key{Tenant: tenant, Connection: hub.ConnectionID("con_" + tenant[4:]), External: hub.ExternalID(external)},
		ID: hub.OrderID(ids.New(hub.OrderPrefix)), Revision: 1, Doc: []byte(external), New: true}
}

// put saves rows with their changes.
func put(ctx context.Context, s *store.Store, tx hub.Tx, rows ...orders.Stored) error {
	if err := s.Orders().Save(ctx, tx, rows); err != nil {
		return err
	}
	var changes []hub.Change
	for _, o := range rows {
		changes = append(changes, hub.Change{ID: hub.ChangeID("evt_" + o.ID[4:]), Tenant: o.Tenant, Stream: hub.StreamOrders, Type: hub.OrderCreated,
			OrderID: o.ID, Revision: o.Revision, Doc: o.Doc})
	}
	return s.Feed().Append(ctx, tx, changes)
}

// stored reads which of the keys have rows.
func stored(t *testing.T, s *store.Store, keys ...orders.Key) (found map[orders.Key]orders.Stored) {
	t.Helper()
	err := s.Do(context.Background(), s.Of(keys[0].Tenant), func(ctx context.Context, tx hub.Tx) (err error) {
		found, err = s.Orders().Lock(ctx, tx, keys)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestDeadlock makes a real deadlock (1213) between two transactions. The victim swallows the error and writes on, which
// MySQL would do in autocommit; then it is run again.
func TestDeadlock(t *testing.T) {
	s, ids := opened(t, migrated(t, mysqlConfig(t, mariadb.Shared(t)))), storetest.IDs()
	tenant := hub.TenantID(ids.New(hub.TenantPrefix))
	a, b := newOrder(tenant, "a", ids), newOrder(tenant, "b", ids)
	if err := s.Do(t.Context(), s.Of(tenant), func(ctx context.Context, tx hub.Tx) error { return put(ctx, s, tx, a, b) }); err != nil {
		t.Fatal(err)
	}
	var after [2]orders.Stored
	held, runs, errs := make(chan struct{}, 2), [2]int{}, make(chan error, 2)
	both := make(chan struct{})
	swallowed := 0
	for w := range 2 {
		first, second := a.Key, b.Key
		if w == 1 {
			first, second = second, first
		}
		after[w] = newOrder(tenant, "after "+string(first.External), ids)
		go func() {
			errs <- s.Do(t.Context(), s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
				runs[w]++
				if _, err := s.Orders().Lock(ctx, tx, []orders.Key{first}); err != nil {
					return err
				}
				if runs[w] == 1 {
					held <- struct{}{}
					<-both
				}
				found, err := s.Orders().Lock(ctx, tx, []orders.Key{second})
				if err != nil {
					if e := put(ctx, s, tx, after[w]); e == nil {
						t.Error("a statement after the deadlock went through")
					}
					swallowed++
					return nil
				}
				row := found[second]
				row.Revision++
				return s.Orders().Save(ctx, tx, []orders.Stored{row})
			})
		}()
	}
	<-held
	<-held
	close(both)
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	found := stored(t, s, a.Key, b.Key, after[0].Key, after[1].Key)
	if len(found) != 2 || found[a.Key].Revision != 2 || found[b.Key].Revision != 2 || swallowed != 1 {
		t.Errorf("%d rows, revisions %d and %d, %d victims", len(found), found[a.Key].Revision, found[b.Key].Revision, swallowed)
	}
	t.Logf("1 deadlock, %d runs, 0 statements outside of a transaction", runs[0]+runs[1])
}

// TestLockWaitTimeout makes a real lock wait timeout (1205), which undoes one statement only: what was written before it
// must not be committed when f swallows the error.
func TestLockWaitTimeout(t *testing.T) {
	c := migrated(t, mysqlConfig(t, mariadb.Shared(t)))
	c.LockWait = time.Second
	s, ids := opened(t, c), storetest.IDs()
	tenant := hub.TenantID(ids.New(hub.TenantPrefix))
	blocked := newOrder(tenant, "blocked", ids)
	if err := s.Do(t.Context(), s.Of(tenant), func(ctx context.Context, tx hub.Tx) error { return put(ctx, s, tx, blocked) }); err != nil {
		t.Fatal(err)
	}
	half := newOrder(tenant, "half", ids)
	release := func() {}
	for _, name := range c.Shards {
		other, err := raw(t, name).Begin()
		if err != nil {
			t.Fatal(err)
		}
		other.QueryRow("SELECT id FROM orders WHERE external_id = 'blocked' FOR UPDATE").Scan(new(string))
		before := release
		release = func() { before(); other.Rollback() }
	}
	runs := 0
	err := s.Do(t.Context(), s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
		runs++
		if runs == 2 {
			release()
			return nil
		}
		if err := put(ctx, s, tx, half); err != nil {
			return err
		}
		if _, err := s.Orders().Lock(ctx, tx, []orders.Key{blocked.Key}); err == nil {
			t.Error("the lock was not waited for")
		}
		return nil
	})
	if err != nil || runs != 2 || len(stored(t, s, half.Key)) != 0 {
		t.Errorf("%v after %d runs, half a transaction committed: %v", err, runs, len(stored(t, s, half.Key)) == 1)
	}
	t.Logf("1 lock wait timeout, %d runs, 0 half transactions", runs)
}

// TestDurabilityIsChecked starts on servers that would lose commits.
func TestDurabilityIsChecked(t *testing.T) {
	server := mariadb.Shared(t)
	c := migrated(t, mysqlConfig(t, server))
	set := func(query string) {
		t.Helper()
		if _, err := server.Admin().Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	for _, setting := range []struct{ bad, good, fix string }{
		{"SET GLOBAL innodb_flush_log_at_trx_commit=2", "SET GLOBAL innodb_flush_log_at_trx_commit=1", "SET GLOBAL innodb_flush_log_at_trx_commit=1"},
		{"SET GLOBAL innodb_flush_log_at_trx_commit=0", "SET GLOBAL innodb_flush_log_at_trx_commit=1", "SET GLOBAL innodb_flush_log_at_trx_commit=1"},
		{"SET GLOBAL max_allowed_packet=1048576", "SET GLOBAL max_allowed_packet=16777216", "max_allowed_packet"},
	} {
		s := opened(t, c)
		set(setting.bad)
		refused(t, c, store.CodeNotDurable, setting.fix)
		set(setting.good)
		s.Close(context.Background())
	}
	opened(t, c)
	weak := mariadb.Start(t, "--log-bin=log", "--skip-innodb-doublewrite")
	c.Vault = "mysql:" + weak.NewDatabase(t)
	refused(t, c, store.CodeNotDurable, "innodb_doublewrite=ON")
	if _, err := weak.Admin().Exec("SET GLOBAL sync_binlog=0"); err != nil {
		t.Fatal(err)
	}
	refused(t, c, store.CodeNotDurable, "SET GLOBAL sync_binlog=1")
}

// TestBarrier holds every row that a barrier would update and looks who waits for one: readers of what other stores
// committed a moment ago, and nobody else.
func TestBarrier(t *testing.T) {
	c := migrated(t, mysqlConfig(t, mariadb.Shared(t)))
	c.Contact = 300 * time.Millisecond
	writer, reader, ids := opened(t, c), opened(t, c), storetest.IDs()
	tenant := hub.TenantID(ids.New(hub.TenantPrefix))
	o := newOrder(tenant, "1", ids)
	parked := intake.Parked{ID: "prk_1", Tenant: tenant, State: intake.ParkedOpen}
	err := writer.Do(t.Context(), writer.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
		if err := writer.Intake().Park(ctx, tx, []intake.Parked{parked}); err != nil {
			return err
		}
		return put(ctx, writer, tx, o)
	})
	if err != nil {
		t.Fatal(err)
	}
	ack := erp.Ack{Tenant: tenant, Client: "c", Order: o.ID, Reference: "1"}
	key := gdpr.WrappedKey{ID: "tk_1", Kind: gdpr.KindTenant, Tag: make([]byte, 32), Wrapped: []byte("x")}
	added := gdpr.Addition{Keys: []gdpr.WrappedKey{key}}
	if _, err := writer.ERP().Acknowledge(t.Context(), ack); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Vault().Add(t.Context(), 0, added); err != nil {
		t.Fatal(err)
	}
	reads := func(s *store.Store) map[string]func() error {
		return map[string]func() error{
			"Changes": func() error { _, err := s.ERP().Changes(t.Context(), tenant, hub.StreamOrders, 0, 10); return err },
			"Orders":  func() error { _, err := s.ERP().Orders(t.Context(), tenant, erp.Filter{}, "", 10); return err },
			"Order":   func() error { _, err := s.ERP().Order(t.Context(), tenant, o.ID); return err },
			"Parked": func() error {
				_, err := s.Intake().Parked(t.Context(), tenant, intake.ParkedFilter{}, "", 10)
				return err
			},
			"ParkedByID":  func() error { _, err := s.Intake().ParkedByID(t.Context(), tenant, parked.ID); return err },
			"Acknowledge": func() error { _, err := s.ERP().Acknowledge(t.Context(), ack); return err },
			"ByTag":       func() error { _, err := s.Vault().ByTag(t.Context(), [][]byte{key.Tag}); return err },
			"ByID":        func() error { _, err := s.Vault().ByID(t.Context(), []string{key.ID}); return err },
			"Add":         func() error { _, err := s.Vault().Add(t.Context(), 0, added); return err },
		}
	}
	for name, read := range reads(reader) {
		if err := read(); err != nil { // connections are open and checked now
			t.Fatalf("%s: %v", name, err)
		}
	}
	fresh := opened(t, c) // knows of nothing that it is durable
	if h := fresh.Health(t.Context()); h[0].Err != nil {
		t.Fatal(h)
	}
	release := holdBarriers(t, c)
	for name, read := range reads(fresh) {
		if err := read(); hub.KindOf(err) != hub.KindUnavailable {
			t.Errorf("%s did not wait for the barrier: %v", name, err)
		}
	}
	for _, name := range []string{"Changes", "Orders", "Order"} {
		if err := reads(writer)[name](); err != nil {
			t.Errorf("%s of the writer's own commit: %v", name, err)
		}
		if err := reads(reader)[name](); err != nil {
			t.Errorf("%s a second time: %v", name, err)
		}
	}
	if page, err := fresh.ERP().Changes(t.Context(), tenant, hub.StreamOrders, 1, 10); err != nil || len(page) != 0 {
		t.Errorf("an empty page: %v", err)
	}
	release()
	for name, read := range reads(fresh) {
		if err := read(); err != nil {
			t.Errorf("%s after the barrier: %v", name, err)
		}
	}
}

// holdBarriers locks every row that a barrier would update.
func holdBarriers(t *testing.T, c store.Config) (release func()) {
	release = func() {}
	for _, name := range append([]string{c.Control, c.Vault}, c.Shards...) {
		tx, err := raw(t, name).Begin()
		if err != nil {
			t.Fatal(err)
		}
		query := "UPDATE barrier SET passed = passed + 1"
		if name == c.Vault {
			query = "UPDATE vault_meta SET passed = passed + 1"
		}
		if _, err := tx.Exec(query); err != nil {
			t.Fatal(err)
		}
		before := release
		release = func() { before(); tx.Rollback() }
	}
	return release
}
