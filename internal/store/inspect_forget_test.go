package store_test

import (
	"testing"
	"time"

	"hub"
	"hub/gdpr/forget"
	"hub/internal/store"
)

// TestInspectForget reads a vault in which one kill is older than the last finished cycle, one younger, and a third cycle
// is under way.
func TestInspectForget(t *testing.T) {
	dialects(t, func(t *testing.T, c store.Config) {
		if _, err := store.InspectForget(t.Context(), c); err == nil {
			t.Error("an installation that is not there was inspected")
		}
		migrated(t, c)
		if st, err := store.InspectForget(t.Context(), c); err != nil || !st.KilledAt.IsZero() || st.Cycle.Number != 0 || st.Pending.Kills != 0 {
			t.Errorf("fresh: %+v, %v", st, err)
		}
		db := raw(t, c.Vault)
		at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
		for i, what := range []string{"killed", "fenced", "killed", "killed"} {
			_, err := db.Exec("INSERT INTO vault_ledger (number, id, what, tenant_id, subject_id, reason, at, person) VALUES (?, ?, ?, 'ten_1', ?, 'erasure', ?, 1)",
				i+1, forget.EntryPrefix+string(rune('a'+i)), what, "sub_"+string(rune('a'+i)), at.Add(time.Duration(i)*time.Hour).UnixMicro())
			if err != nil {
				t.Fatal(err)
			}
		}
		for number, phase := range map[int]string{1: "done", 2: "sealed"} {
			_, err := db.Exec("INSERT INTO vault_cycles (number, phase, from_root, to_root, ledger, kills, weeks, slots, rewrapped, began_at, ended_at, waits_for,"+
				" gone_root, gone_at, gone_method, gone_same_volume) VALUES (?, ?, ?, ?, ?, 1, 0, 1, 1, 0, 0, 'null', 0, 0, '', 0)", number, phase, number, number+1, number)
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.Exec("INSERT INTO vault_hubs (instance, generation, seen_at) VALUES ('ins_1', 2, ?)", at.UnixMicro()); err != nil {
			t.Fatal(err)
		}
		st, err := store.InspectForget(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if !st.KilledAt.Equal(at.Add(2*time.Hour)) || st.Pending.Kills != 2 || st.Cycle.Number != 2 || st.Cycle.Phase != forget.PhaseSealed ||
			len(st.Hubs) != 1 || st.Hubs[0].Instance != "ins_1" {
			t.Errorf("%+v", st)
		}
		c.Vault = "nonsense"
		if _, err := store.InspectForget(t.Context(), c); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("no vault: %v", err)
		}
	})
}
