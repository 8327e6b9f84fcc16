package store_test

import (
	"context"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/hubtest/mariadb"
	"hub/internal/intake"
	"hub/internal/store"
	"hub/internal/store/storetest"
	"hub/internal/tenancy"
)

// TestPersonalReadersWait holds the barriers of all databases: whoever reads rows that are not known to be flushed waits.
func TestPersonalReadersWait(t *testing.T) {
	c := migrated(t, mysqlConfig(t, mariadb.Shared(t)))
	c.Contact, c.Instance = 300*time.Millisecond, "hub_1"
	writer, ids := opened(t, c), storetest.IDs()
	tenant := hub.TenantID(ids.New(hub.TenantPrefix))
	who := gdpr.SubjectID(ids.New(gdpr.SubjectPrefix))
	o := newOrder(tenant, "1", ids)
	o.Personal = []byte("sealed")
	entry := forget.Entry{Number: 1, ID: "ers_1", What: forget.Fenced, Tenant: tenant, Subject: gdpr.SubjectID(ids.New(gdpr.SubjectPrefix))}
	parked := intake.Parked{ID: "prk_1", Tenant: tenant, State: intake.ParkedOpen, Sealed: []byte("sealed")}
	err := writer.Do(t.Context(), writer.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
		if err := put(ctx, writer, tx, o); err != nil {
			return err
		}
		if err := writer.Subjects().Hold(ctx, tx, []gdpr.Holding{{Tenant: tenant, Subject: who, Place: gdpr.InOrders, Row: string(o.ID)}}); err != nil {
			return err
		}
		if err := writer.Intake().Park(ctx, tx, []intake.Parked{parked}); err != nil {
			return err
		}
		_, err := writer.Subjects().Apply(ctx, tx, []forget.Entry{entry}, &entry)
		return err
	})
	if err == nil {
		err = writer.Tenancy().AddTenant(t.Context(), tenancy.Tenant{ID: tenant, Name: "n"})
	}
	if err != nil {
		t.Fatal(err)
	}
	reads := personalReads(t.Context(), tenant, who, o.ID)
	fresh := opened(t, c) // knows of nothing that it is durable
	for name, read := range reads {
		if n, err := read(writer); err != nil || n != 1 { // connections are open and checked now
			t.Fatalf("%s: %d, %v", name, n, err)
		}
	}
	if h := fresh.Health(t.Context()); h[0].Err != nil {
		t.Fatal(h)
	}
	release := holdBarriers(t, c)
	for name, read := range reads {
		if n, err := read(fresh); hub.KindOf(err) != hub.KindUnavailable || n != 0 {
			t.Errorf("%s did not wait for the barrier: %d, %v", name, n, err)
		}
	}
	release()
	for name, read := range reads {
		if n, err := read(fresh); err != nil || n != 1 {
			t.Errorf("%s after the barrier: %d, %v", name, n, err)
		}
	}
	t.Logf("%d readers wait", len(reads))
}

// personalReads returns how many things each reader returns: one.
func personalReads(ctx context.Context, tenant hub.TenantID, who gdpr.SubjectID, order hub.OrderID) map[string]func(*store.Store) (int, error) {
	return map[string]func(*store.Store) (int, error){
		"OrderPersonal": func(s *store.Store) (int, error) {
			_, sealed, err := s.ERP().OrderPersonal(ctx, tenant, order)
			if err != nil {
				return 0, err
			}
			return len(sealed.Parts), nil
		},
		"Personal": func(s *store.Store) (int, error) {
			parts, err := s.ERP().Personal(ctx, tenant, []hub.OrderID{order})
			return len(parts), err
		},
		"Head": func(s *store.Store) (int, error) {
			head, err := s.Subjects().Head(ctx, s.Of(tenant))
			return int(head.Number), err
		},
		"ShardEntries": func(s *store.Store) (int, error) {
			list, err := s.Subjects().ShardEntries(ctx, s.Of(tenant), "", 10)
			return len(list), err
		},
		"Count": func(s *store.Store) (int, error) {
			m, err := s.Subjects().Count(ctx, tenant, []gdpr.SubjectID{who})
			return int(m[gdpr.InOrders]), err
		},
		"OrdersOf": func(s *store.Store) (int, error) {
			list, err := s.Subjects().OrdersOf(ctx, tenant, who, "", 10)
			return len(list), err
		},
		"Unparsed": func(s *store.Store) (int, error) {
			list, err := s.Subjects().Unparsed(ctx, tenant, "", 10)
			return len(list), err
		},
		"audit records of a shard": func(s *store.Store) (int, error) {
			list, err := s.Outbox().Read(ctx, string(s.Of(tenant)), 10)
			return len(list), err
		},
		"audit records of the control database": func(s *store.Store) (int, error) {
			list, err := s.Outbox().Read(ctx, "control", 10)
			return len(list), err
		},
	}
}
