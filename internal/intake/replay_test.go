package intake

import (
	"reflect"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// withParked runs f with one parked delivery of ten_a: "bad", or one whose transaction is refused.
func withParked(t *testing.T, kind string, f func(t *testing.T, r *rig, p *Parking, id hub.ParkedID)) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.store.set(nil, func(hub.ExternalID) error {
			if r.script.cured.Load() {
				return nil
			}
			return hub.Invalid(hub.CodeMoneyOverflow, "totals")
		})
		d := r.drainer("s1")
		r.run(d)
		r.deliver("a", "1", "shop-a "+kind+" 1 1")
		r.drained(d)
		parked := r.parked("s1")
		if len(parked) != 1 {
			t.Fatalf("%d parked", len(parked))
		}
		f(t, r, &Parking{Pipeline: r.pipeline, Reader: r.store, Directory: connections()}, parked[0].ID)
	})
}

// Under rules that are still the same a replay counts an attempt and changes nothing else.
func TestReplayStillBad(t *testing.T) {
	for _, kind := range []string{"bad", "order"} {
		withParked(t, kind, func(t *testing.T, r *rig, p *Parking, id hub.ParkedID) {
			before, keys := r.parked("s1")[0], len(r.vault.All())
			for n := 1; n <= 2; n++ {
				result, err := p.Replay(t.Context(), "ten_a", id, false)
				row := r.parked("s1")[0]
				if err != nil || result.State != ParkedOpen || result.Code != before.Code || result.Path != before.Path ||
					row.State != ParkedOpen || row.Attempts != n || row.Sealed == nil {
					t.Fatalf("%s, replay %d: %+v, %v; row %+v", kind, n, result, err, row)
				}
			}
			r.once("s1", 0)
			if n := len(r.vault.All()); n != keys {
				t.Errorf("%s: replays that changed nothing left %d keys in the vault, before %d", kind, n, keys)
			}
		})
	}
}

// Under mended rules a replay applies and settles in one transaction: neither is there without the other.
func TestReplayApplies(t *testing.T) {
	for _, kind := range []string{"bad", "order"} {
		withParked(t, kind, func(t *testing.T, r *rig, p *Parking, id hub.ParkedID) {
			r.script.cured.Store(true)
			r.store.set(func(hub.ShardID, int) fault { return lost }, nil)
			if _, err := p.Replay(t.Context(), "ten_a", id, false); hub.KindOf(err) != hub.KindUnknown {
				t.Fatalf("Replay: %v", err)
			}
			r.once("s1", 0)
			if r.parked("s1")[0].State != ParkedOpen {
				t.Fatal("settled without its effect")
			}
			r.store.set(nil, nil)
			result, err := p.Replay(t.Context(), "ten_a", id, false)
			if row := r.parked("s1")[0]; err != nil || result != (ReplayResult{ID: id, State: ParkedReplayed, Outcome: ReplayApplied, Order: result.Order, Type: hub.OrderCreated}) || result.Order == "" || row.State != ParkedReplayed || row.Sealed != nil {
				t.Fatalf("%+v, %v; row %+v", result, err, row)
			}
			r.once("s1", 1)
			if _, err := p.Replay(t.Context(), "ten_a", id, false); hub.KindOf(err) != hub.KindConflict {
				t.Errorf("the second replay: %v", err)
			}
			if err := p.Drop(t.Context(), "ten_a", id); hub.KindOf(err) != hub.KindConflict {
				t.Errorf("dropping what was replayed: %v", err)
			}
			r.once("s1", 1)
		})
	}
}

func TestReplayForeign(t *testing.T) {
	withParked(t, "bad", func(t *testing.T, r *rig, p *Parking, id hub.ParkedID) {
		for _, tenant := range []hub.TenantID{"ten_c", "ten_b", hub.Operator} {
			if _, err := p.Replay(t.Context(), tenant, id, false); hub.KindOf(err) != hub.KindNotFound {
				t.Errorf("Replay by %s: %v", tenant, err)
			}
			if err := p.Drop(t.Context(), tenant, id); hub.KindOf(err) != hub.KindNotFound {
				t.Errorf("Drop by %s: %v", tenant, err)
			}
			if list, err := p.List(t.Context(), tenant, ParkedFilter{}, "", 10); err != nil || len(list) != 0 {
				t.Errorf("List by %s: %v, %v", tenant, list, err)
			}
		}
		if _, err := p.Replay(t.Context(), "ten_a", "prk_x", false); hub.KindOf(err) != hub.KindNotFound {
			t.Errorf("a missing one: %v", err)
		}
		list, err := p.List(t.Context(), "ten_a", ParkedFilter{State: ParkedOpen, Code: hub.CodeMoneyInvalid}, "", 10)
		if err != nil || len(list) != 1 || list[0].Sealed != nil {
			t.Errorf("List: %+v, %v", list, err)
		}
	})
}

func TestDrop(t *testing.T) {
	withParked(t, "bad", func(t *testing.T, r *rig, p *Parking, id hub.ParkedID) {
		if err := p.Drop(t.Context(), "ten_a", id); err != nil {
			t.Fatal(err)
		}
		if row := r.parked("s1")[0]; row.State != ParkedDropped || row.Sealed != nil {
			t.Errorf("row %+v", row)
		}
		if _, err := p.Replay(t.Context(), "ten_a", id, false); hub.KindOf(err) != hub.KindConflict {
			t.Errorf("replaying what was dropped: %v", err)
		}
		r.once("s1", 0)
	})
}

// An error that is not on the closed list leaves the row as it is.
func TestReplayTrouble(t *testing.T) {
	withParked(t, "bad", func(t *testing.T, r *rig, p *Parking, id hub.ParkedID) {
		r.script.cured.Store(true)
		r.store.set(func(hub.ShardID, int) fault { return down }, nil)
		if _, err := p.Replay(t.Context(), "ten_a", id, false); hub.KindOf(err) != hub.KindUnavailable {
			t.Errorf("Replay: %v", err)
		}
		if row := r.parked("s1")[0]; row.State != ParkedOpen || row.Attempts != 0 {
			t.Errorf("row %+v", row)
		}
	})
}

// A delivery whose bytes are gone is dropped by its replay, which says why. While there are bytes a missing key may come back.
func TestReplayOfWhatIsGone(t *testing.T) {
	for _, how := range []string{"key killed", "past its retention", "bytes emptied"} {
		withParked(t, "bad", func(t *testing.T, r *rig, p *Parking, id hub.ParkedID) {
			switch how {
			case "key killed":
				entry := forget.Entry{ID: "ers_1", Tenant: "ten_a", Reason: "disconnected", At: now()}
				if _, err := r.vault.KillLots(t.Context(), entry, "con_a", false); err != nil {
					t.Fatal(err)
				}
				pass(2 * time.Second)
			case "past its retention":
				pass(60 * 24 * time.Hour)
			default:
				row := r.store.of("s1").parked[id]
				row.Sealed, row.Expires = nil, ""
				r.store.of("s1").parked[id] = row
			}
			r.script.cured.Store(true)
			before := r.parked("s1")[0]
			_, err := p.Replay(t.Context(), "ten_a", id, false)
			if hub.KindOf(err) != hub.KindConflict || hub.CodeOf(err) != gdpr.CodeKeyGone {
				t.Errorf("%s: %v", how, err)
			}
			r.once("s1", 0)
			row := r.parked("s1")[0]
			if before.Sealed != nil {
				if !reflect.DeepEqual(row, before) {
					t.Errorf("%s: row %+v, was %+v", how, row, before)
				}
				return
			}
			if row.State != ParkedDropped || row.Attempts != 0 {
				t.Errorf("%s: row %+v", how, row)
			}
			if _, err := p.Replay(t.Context(), "ten_a", id, false); hub.CodeOf(err) != CodeParkedSettled {
				t.Errorf("%s, again: %v", how, err)
			}
		})
	}
}

// A clock that is years ahead, and a vault that is not the right one, miss keys that exist: nothing is lost by a replay
// under them.
func TestReplayWithTheWrongClockOrVault(t *testing.T) {
	for _, wrong := range []string{"clock", "vault"} {
		withParked(t, "bad", func(t *testing.T, r *rig, p *Parking, id hub.ParkedID) {
			r.script.cured.Store(true)
			right := r.pipeline.Keys
			switch wrong {
			case "clock":
				ahead := func() time.Time { return now().AddDate(3, 0, 0) }
				r.pipeline.Keys = gdpr.NewKeys(roots{root: testRoot()}, r.vault, r.ids, ahead, gdpr.Options{Monotonic: time.Now})
			case "vault":
				r.pipeline.Keys = newKeys(testRoot(), newVault(t), r.ids)
			}
			for _, dry := range []bool{true, false} {
				page, err := p.ReplayMany(t.Context(), "ten_a", ParkedFilter{}, "", 5, dry)
				want := ReplayResult{ID: id, State: ParkedOpen, Outcome: ReplayGone, Code: gdpr.CodeKeyGone}
				if err != nil || len(page.Results) != 1 || page.Results[0] != want {
					t.Fatalf("wrong %s, dry %v: %+v, %v", wrong, dry, page, err)
				}
			}
			r.pipeline.Keys = right
			if result, err := p.Replay(t.Context(), "ten_a", id, false); err != nil || result.Outcome != ReplayApplied {
				t.Errorf("under the right %s: %+v, %v", wrong, result, err)
			}
			r.once("s1", 1)
		})
	}
}

// Without the vault a replay leaves the row as it is.
func TestReplayWithoutVault(t *testing.T) {
	withParked(t, "bad", func(t *testing.T, r *rig, p *Parking, id hub.ParkedID) {
		r.vault.away.Store(true)
		pass(time.Minute)
		if _, err := p.Replay(t.Context(), "ten_a", id, false); hub.KindOf(err) != hub.KindUnavailable {
			t.Errorf("Replay: %v", err)
		}
		if row := r.parked("s1")[0]; row.State != ParkedOpen || row.Attempts != 0 || row.Sealed == nil {
			t.Errorf("row %+v", row)
		}
	})
}

// A replay that meets a fence is prepared again, like a batch.
func TestReplayMeetsFence(t *testing.T) {
	withParked(t, "bad", func(t *testing.T, r *rig, p *Parking, id hub.ParkedID) {
		r.script.cured.Store(true)
		seals, err := r.pipeline.Keys.Seals(t.Context(), []gdpr.Holder{{
			Tenant: "ten_a", Connection: "con_a", Lot: gdpr.LotOrder, Week: gdpr.WeekOf(now()),
			People: []gdpr.Person{{SubjectRef: gdpr.SubjectRef{Order: "1"}, PlacedAt: now()}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		guest := seals[0].Subjects()[0]
		e := r.erasure("ten_a", guest, now())
		races := 0
		r.store.set(func(hub.ShardID, int) fault {
			if races++; races == 1 {
				r.fenceVault(e)
				r.store.fence("s1", guest)
			}
			return fine
		}, nil)
		if result, err := p.Replay(t.Context(), "ten_a", id, false); err != nil || result.State != ParkedReplayed {
			t.Fatalf("%+v, %v", result, err)
		}
		if row := r.row("a", "1"); len(parts(row)) != 0 || row.Revision != 1 || races != 2 {
			t.Errorf("%d parts at revision %d after %d transactions", len(parts(row)), row.Revision, races)
		}
	})
}
