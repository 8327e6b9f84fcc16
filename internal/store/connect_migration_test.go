package store

import (
	"slices"
	"testing"

	"hub"
	"hub/internal/connect"
)

// TestEndedBeforeTheirKeysDied migrates a control database with connections that ended before keys died with them: they have
// begun another life, and the keys of the first are to be killed. Those that live are left alone.
func TestEndedBeforeTheirKeysDied(t *testing.T) {
	upgraded(t, roleControl, 74, func(t *testing.T, d *database) {
		for id, standing := range map[string]connect.Standing{"con_ended": connect.Disconnected, "con_lives": connect.OK} {
			_, err := d.write.Exec("INSERT INTO connect_tokens (connection_id, tenant_id, generation, access_until, refresh_until, grant_until, standing, code,"+
				" attempts, due_at, connected_at, refreshed_at, started, checked_at, epoch, holder, lease_until) VALUES (?, 'ten_a', 3, 0, 0, 0, ?, '', 0, 0, 0, 0, 0, 0, 0, '', 0)",
				id, string(standing))
			if err != nil {
				t.Fatal(err)
			}
		}
	}, func(t *testing.T, s *Store) {
		list, err := s.Connect().Ended(t.Context(), 10)
		if err != nil || !slices.Equal(list, []connect.Ended{{Connection: "con_ended", Tenant: "ten_a"}}) {
			t.Errorf("to be killed: %+v, %v", list, err)
		}
		for id, want := range map[hub.ConnectionID]int64{"con_ended": 1, "con_lives": 0} {
			if got, err := s.Connect().Get(t.Context(), id); err != nil || int64(got.Life) != want {
				t.Errorf("%s: life %d, %v", id, got.Life, err)
			}
		}
	})
}
