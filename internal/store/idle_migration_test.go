package store

import (
	"slices"
	"testing"

	"hub/gdpr"
)

// TestWhoLeftBefore: persons of whom the register names orders and no payload are looked at once more, for they may have left
// the orders before hubs remembered it.
func TestWhoLeftBefore(t *testing.T) {
	upgraded(t, roleShard, 86, func(t *testing.T, d *database) {
		for _, statement := range []string{
			"INSERT INTO subject_places (subject_id, place, row_id, tenant_id) VALUES ('sub_1', 'orders', 'ord_1', 'ten_a'), ('sub_1', 'orders', 'ord_2', 'ten_a')," +
				" ('sub_2', 'orders', 'ord_1', 'ten_a'), ('sub_2', 'raws', 'raw_1', 'ten_a'), ('sub_3', 'raws', 'raw_1', 'ten_a'), ('sub_4', 'orders', 'ord_3', 'ten_b')",
			"INSERT INTO idle_subjects (subject_id, tenant_id) VALUES ('sub_4', 'ten_b'), ('sub_5', 'ten_b')",
		} {
			if _, err := d.write.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
	}, func(t *testing.T, s *Store) {
		list, err := s.Subjects().Idle(t.Context(), "s0", "", 10)
		var got []gdpr.SubjectID
		for _, i := range list {
			if want := map[bool]string{true: "ten_a", false: "ten_b"}[i.Subject == "sub_1"]; string(i.Tenant) != want {
				t.Errorf("%+v", i)
			}
			got = append(got, i.Subject)
		}
		if err != nil || !slices.Equal(got, []gdpr.SubjectID{"sub_1", "sub_4", "sub_5"}) {
			t.Errorf("idle are %v, %v", got, err)
		}
	})
}
