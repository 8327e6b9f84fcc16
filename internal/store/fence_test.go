package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"testing"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/erp"
	"hub/internal/hubtest/mariadb"
	"hub/internal/store"
	"hub/internal/store/storetest"
)

// TestDrillKilledWhileFencing kills MariaDB while persons are fenced and data of others is disclosed. Every fence that was
// reported holds afterwards, and every disclosure that was reported is there.
func TestDrillKilledWhileFencing(t *testing.T) {
	kills := 2
	if os.Getenv("HUB_DRILL") != "" {
		kills = 20
	}
	server := mariadb.Start(t)
	c := mysqlConfig(t, server)
	c.Shards = c.Shards[:1]
	s, ids := opened(t, migrated(t, c)), storetest.IDs()
	tenant, shard := hub.TenantID(ids.New(hub.TenantPrefix)), raw(t, c.Shards[0])
	fences, disclosures := 0, 0
	for range kills {
		var fenced []gdpr.SubjectID
		var served []hub.OrderID
		fencing := load(func() bool {
			who := gdpr.SubjectID(ids.New(gdpr.SubjectPrefix))
			err := fence(s, forget.Entry{ID: ids.New(forget.EntryPrefix), What: forget.Fenced, Tenant: tenant, Subject: who})
			if err == nil {
				fenced = append(fenced, who)
			}
			return err == nil
		})
		serving := load(func() bool {
			d := erp.Disclosure{Tenant: tenant, Client: "c", Order: hub.OrderID(ids.New(hub.OrderPrefix)), Subjects: []gdpr.SubjectID{gdpr.SubjectID(ids.New(gdpr.SubjectPrefix))}}
			_, err := s.ERP().Disclose(context.Background(), s.Of(tenant), []erp.Answer{{Tenant: tenant, Rows: []erp.Disclosure{d}}})
			if err == nil {
				served = append(served, d.Order)
			}
			return err == nil
		})
		<-fencing.enough
		<-serving.enough
		server.Kill()
		<-fencing.ended
		<-serving.ended
		server.Restart(t)
		holds(t, s, tenant, fenced)
		isThere(t, shard, tenant, served)
		fences, disclosures = fences+len(fenced), disclosures+len(served)
	}
	t.Logf("%d kills; %d fences and %d disclosures reported, 0 lost", kills, fences, disclosures)
}

// worker repeats something until it fails.
type worker struct{ enough, ended chan struct{} }

func load(once func() bool) worker {
	w := worker{make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(w.ended)
		i := 0
		for ; once(); i++ {
			if i == 20 {
				close(w.enough)
			}
		}
		if i <= 20 {
			close(w.enough)
		}
	}()
	return w
}

func fence(s *store.Store, e forget.Entry) error {
	return s.Do(context.Background(), s.Of(e.Tenant), func(ctx context.Context, tx hub.Tx) error {
		_, err := s.Subjects().Apply(ctx, tx, []forget.Entry{e}, nil)
		return err
	})
}

// holds requires that nobody can write what belongs to fenced persons.
func holds(t *testing.T, s *store.Store, tenant hub.TenantID, fenced []gdpr.SubjectID) {
	t.Helper()
	for _, who := range fenced {
		err := s.Do(t.Context(), s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
			return s.Subjects().Hold(ctx, tx, []gdpr.Holding{{Tenant: tenant, Subject: who, Place: gdpr.InOrders, Row: "ord_1"}})
		})
		if hub.CodeOf(err) != gdpr.CodeSubjectFenced {
			t.Errorf("a fence is lost: %v", err)
		}
	}
}

func isThere(t *testing.T, shard *sql.DB, tenant hub.TenantID, served []hub.OrderID) {
	t.Helper()
	rows, err := shard.Query("SELECT packed FROM disclosed WHERE tenant_id = ?", string(tenant))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []byte
	for rows.Next() {
		var packed []byte
		if err := rows.Scan(&packed); err != nil {
			t.Fatal(err)
		}
		all = append(all, packed...)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, order := range served {
		if n := bytes.Count(all, []byte(order)); n != 1 { // nothing else of the row has such an id
			t.Errorf("a disclosure is there %d times", n)
		}
	}
}
