package storetest

import (
	"context"
	"slices"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/intake"
)

// testIdleParked: however a parked delivery ends, its own key is listed as one under which nothing is left; as long as it is
// tried again, it is not.
func testIdleParked(e *env) {
	k := e.order(e.tenant(), "z").Key
	at := time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC)
	var all []intake.Parked
	var keys []gdpr.SubjectID
	for range 5 {
		p := e.parkedOf(k, at.Add(-time.Hour))
		key := gdpr.SubjectID(e.ids.New(gdpr.SubjectPrefix))
		p.Sealed = e.envelope(50, key)
		all, keys = append(all, p), append(keys, key)
	}
	all[3].Gist.ExternalID = "other"
	all[4].Gist.ExternalID = "other"
	all[4].Sealed = append([]byte("damaged"), all[4].Sealed...)
	e.park(all...)
	settle := func(p intake.Parked, state intake.ParkedState) {
		p.State = state
		e.do(k.Tenant, func(ctx context.Context, tx hub.Tx) error { return e.s.Intake().Settle(ctx, tx, p) })
	}
	idle := func(what string, want ...gdpr.SubjectID) {
		e.Helper()
		var got []gdpr.SubjectID
		list, err := e.s.Subjects().Idle(e.Context(), e.s.Of(k.Tenant), "", 100)
		must(e, err)
		for _, i := range list {
			if i.Tenant == k.Tenant {
				got = append(got, i.Subject)
			}
		}
		if !slices.Equal(got, want) {
			e.Errorf("%s: idle are %v, want %v", what, got, want)
		}
	}
	settle(all[0], intake.ParkedOpen)
	idle("tried again")
	settle(all[0], intake.ParkedReplayed)
	idle("replayed", keys[0])
	settle(all[3], intake.ParkedDropped)
	settle(all[4], intake.ParkedDropped) // nobody can say whose its key was
	idle("dropped", keys[0], keys[3])
	e.do(k.Tenant, func(ctx context.Context, tx hub.Tx) error {
		return e.s.Intake().Supersede(ctx, tx, []intake.Newest{{Order: k, SourceUpdatedAt: at, Revision: 4}})
	})
	idle("closed by a newer version", keys[0], keys[1], keys[2], keys[3])
	entry := forget.Entry{ID: e.ids.New(forget.EntryPrefix), Number: 1, What: forget.Killed, Tenant: k.Tenant, Subject: keys[1], At: at}
	e.do(k.Tenant, func(ctx context.Context, tx hub.Tx) error {
		ended, err := e.s.Subjects().Retire(ctx, tx, keys)
		if len(ended) != 4 || slices.Contains(ended, keys[4]) {
			e.Errorf("retired %v", ended)
		}
		if err == nil {
			_, err = e.s.Subjects().Apply(ctx, tx, []forget.Entry{entry}, nil)
		}
		return err
	})
	idle("one is killed", keys[0], keys[2], keys[3])
}
