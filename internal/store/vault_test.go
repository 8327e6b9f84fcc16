package store_test

import (
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/hubtest/mariadb"
	"hub/internal/store"
)

// TestVaultBarrier holds the row that a barrier of the vault would update and looks who waits for one: whoever is told of
// what other hubs committed a moment ago, also by a change that changes nothing.
func TestVaultBarrier(t *testing.T) {
	c := migrated(t, mysqlConfig(t, mariadb.Shared(t)))
	c.Contact = 300 * time.Millisecond
	writer, fresh := opened(t, c), opened(t, c)
	ctx, noon := t.Context(), time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	b32 := func(c byte) []byte { return append(make([]byte, 31), c) }
	person := gdpr.NewSubject{Key: gdpr.WrappedKey{ID: "sub_1", Kind: gdpr.KindSubject, Tag: b32(1), Wrapped: []byte("x")},
		Identity: gdpr.Tag{Link: b32(2), Tag: b32(2), Owner: b32(3)[16:], Identity: true, Sealed: []byte("x")}}
	dead := []forget.Entry{{ID: "ers_1", What: forget.Fenced, Tenant: "ten_a", Subject: "sub_2"}}
	stones := []forget.Tombstone{{Hash: b32(4), At: noon, Expires: noon.Add(time.Hour)}}
	done := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	w := writer.Vault()
	epoch, err := w.Lead(ctx, "h", noon, noon.Add(time.Hour))
	done(err, w.PutKeyring(ctx, 0, gdpr.SealedKeyring{Generation: 1, Revision: 1}), w.Report(ctx, forget.Hub{Instance: "hub-1"}),
		w.Save(ctx, epoch, forget.Cycle{Number: 1, Phase: forget.PhaseBegun}))
	_, err = w.Add(ctx, 1, gdpr.Addition{Subjects: []gdpr.NewSubject{person}})
	done(err)
	_, err = w.Fence(ctx, dead, nil, stones)
	done(err)
	calls := func(s *store.Store) map[string]func() error {
		v := s.Vault()
		return map[string]func() error{
			"Links":       func() error { _, err := v.Links(ctx, []gdpr.Link{{Link: b32(2)}}); return err },
			"Tagged":      func() error { _, err := v.Tagged(ctx, 0, b32(2), nil, 1); return err },
			"TagsOf":      func() error { _, err := v.TagsOf(ctx, [][]byte{b32(3)[16:]}); return err },
			"Tombstones":  func() error { _, err := v.Tombstones(ctx, [][]byte{b32(4)}, noon); return err },
			"Keyrings":    func() error { _, err := v.Keyrings(ctx); return err },
			"Poll":        func() error { _, err := v.Poll(ctx, 0); return err },
			"Entries":     func() error { _, err := v.Entries(ctx, 0, 9); return err },
			"EntriesByID": func() error { _, err := v.EntriesByID(ctx, []string{"ers_1"}); return err },
			"Pending":     func() error { _, err := v.Pending(ctx); return err },
			"Current":     func() error { _, err := v.Current(ctx); return err },
			"Hubs":        func() error { _, err := v.Hubs(ctx); return err },
			"Fence again": func() error { _, err := v.Fence(ctx, dead, nil, nil); return err },
			"Add again":   func() error { _, err := v.Add(ctx, 1, gdpr.Addition{Subjects: []gdpr.NewSubject{person}}); return err },
		}
	}
	for _, h := range fresh.Health(ctx) {
		done(h.Err)
	}
	release := holdBarriers(t, c)
	waits := func(s *store.Store, names ...string) {
		t.Helper()
		for _, name := range names {
			if err := calls(s)[name](); hub.KindOf(err) != hub.KindUnavailable {
				t.Errorf("%s did not wait for the barrier: %v", name, err)
			}
		}
	}
	var all []string
	for name := range calls(fresh) {
		all = append(all, name)
	}
	waits(fresh, all...)
	done(calls(writer)["Poll"]()) // of its own commits
	release()
	for name, call := range calls(fresh) {
		if err := call(); err != nil {
			t.Errorf("%s after the barrier: %v", name, err)
		}
	}
	release = holdBarriers(t, c)
	done(calls(fresh)["Poll"]()) // nothing is new
	dead[0].ID, dead[0].Subject = "ers_2", "sub_3"
	_, err = w.Fence(ctx, dead, nil, nil)
	done(err)
	waits(fresh, "Poll")
	release()
	done(calls(fresh)["Poll"]())
	t.Logf("%d calls wait for what another hub committed", len(all))
}
