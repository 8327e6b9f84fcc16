package storetest

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/gdpr/gdprtest"
	"hub/internal/store"
)

// testVault runs the suites of the vault, each test on empty tables.
func testVault(e *env) {
	open := func(t *testing.T) gdprtest.Store {
		e.emptyVault(t)
		return e.s.Vault()
	}
	e.Run("Keys", func(t *testing.T) { gdprtest.RunVault(t, open) })
	e.Run("Ledger", func(t *testing.T) { gdprtest.RunLedger(t, open) })
	e.Run("Cycles", func(t *testing.T) { gdprtest.RunCycles(t, open) })
	e.Run("Audit", func(t *testing.T) { testVaultAudit(&env{T: t, Fixture: e.Fixture, s: e.s, ids: e.ids}) })
	e.emptyVault(e.T)
}

// emptyVault puts the tables of the vault back to what a migration makes.
func (e *env) emptyVault(t *testing.T) *sql.DB {
	t.Helper()
	db := e.Raw(t, e.Config.Vault)
	statements := []string{"UPDATE vault_state SET revision = 0, generation = 0, ledger = 0, leader = '', epoch = 0, leads_until = 0"}
	for _, table := range strings.Fields("vault_keys vault_tags vault_keyrings vault_tombstones vault_ledger vault_dirty vault_census " +
		"vault_ended vault_cycles vault_hubs audit_outbox") {
		statements = append(statements, "DELETE FROM "+table)
	}
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return db
}

// testVaultAudit looks for one record of each change, under the name of who made it, and for none of a repetition.
func testVaultAudit(e *env) {
	db, v := e.emptyVault(e.T), e.s.Vault()
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	ctx := hub.WithActor(e.Context(), hub.Actor{Key: "key_1", Role: "officer", Request: "req_1"})
	subject := func(n int, what forget.What, tenant hub.TenantID) forget.Entry {
		id := fmt.Sprintf("%s%d", what, n)
		return forget.Entry{ID: "ers_" + id, What: what, Tenant: tenant, Subject: gdpr.SubjectID(fmt.Sprintf("sub_%d", n))}
	}
	kills := []forget.Entry{subject(1, forget.Killed, "ten_a"), subject(2, forget.Killed, "ten_b"), subject(3, forget.Killed, "ten_b")}
	lots := forget.Entry{ID: "ers_lots", Tenant: "ten_a"}
	epoch, err := v.Lead(ctx, "h", noon, noon.Add(time.Hour))
	must(e, err)
	for range 2 {
		_, err = v.Fence(ctx, []forget.Entry{subject(1, forget.Fenced, "ten_a")}, nil, nil)
		must(e, err)
		_, err = v.Kill(ctx, kills, nil)
		must(e, err)
		_, err = v.KillLots(ctx, lots, "con_a", false)
		must(e, err)
		must(e, v.Save(ctx, epoch, forget.Cycle{Number: 1, Phase: forget.PhaseDone, Kills: 3}))
	}
	must(e, v.Report(ctx, forget.Hub{Instance: "hub-1"}))
	must(e, v.RemoveHub(ctx, "hub-1"))
	rows, err := db.Query("SELECT action, tenant_id, target, count, actor_key, role, request_id FROM audit_outbox")
	must(e, err)
	defer rows.Close()
	var got []string
	for rows.Next() {
		var action, tenant, target, key, role, request string
		var count int
		must(e, rows.Scan(&action, &tenant, &target, &count, &key, &role, &request))
		got = append(got, fmt.Sprint(action, "|", tenant, "|", target, "|", count))
		if key != "key_1" || role != "officer" || request != "req_1" {
			e.Errorf("%s was done by %s, %s, %s", action, key, role, request)
		}
	}
	must(e, rows.Err())
	want := []string{
		store.ActionFence + "|ten_a|ers_fenced1|1", store.ActionKill + "|ten_a|ers_killed1|1", store.ActionKill + "|ten_b||2",
		store.ActionKillLots + "|ten_a|ers_lots|1", store.ActionCycle + "||1|3", store.ActionRemoveHub + "||hub-1|1",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		e.Errorf("records\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if strings.Contains(strings.Join(got, ""), "sub_") {
		e.Error("a record names a person")
	}
}
