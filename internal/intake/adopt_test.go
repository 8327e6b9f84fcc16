package intake

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/gdpr"
)

// unclaimed runs f with one delivery that came to an app before its shop was connected to ten_b, on another shard, or to
// ten_a, on the operator's own.
func unclaimed(t *testing.T, name, kind string, f func(t *testing.T, r *rig, p *Parking, id hub.ParkedID)) {
	inBubble(t, func(t *testing.T, r *rig) {
		directory := connections()
		account := "app_all/shop-" + name
		target := directory.accounts[account]
		delete(directory.accounts, account)
		delete(directory.accounts, "/shop-"+name)
		r.door.Directory = directory
		d := r.drainer("s1")
		stop := r.run(d)
		if err := r.door.Accept(t.Context(), request("all", "1", "shop-"+name+" "+kind+" 1 1 "+canary)); err != nil {
			t.Fatal(err)
		}
		r.drained(d)
		stop()
		directory.accounts[account] = target
		f(t, r, &Parking{Pipeline: r.pipeline, Reader: r.store, Directory: directory}, r.parked("s1")[0].ID)
	})
}

// persons counts the keys of persons in the vault, beside those of parked deliveries themselves.
func (r *rig) persons() (n int) {
	for _, k := range r.vault.All() {
		if k.Kind == gdpr.KindSubject {
			n++
		}
	}
	return n
}

// What lay with the operator while somebody of its tenant was erased was searched by nobody. It comes to the tenant with
// nothing of a person, and its order is fetched; an erasure from before it was received does not matter.
func TestMoveAfterAnErasure(t *testing.T) {
	for _, name := range []string{"a", "b"} {
		for _, kind := range []string{"order", "bad", "pair", "delete"} {
			for _, when := range []string{"before", "after", "meanwhile"} {
				unclaimed(t, name, kind, func(t *testing.T, r *rig, p *Parking, id hub.ParkedID) {
					tenant, shard := hub.TenantID("ten_"+name), r.store.Of(hub.TenantID("ten_"+name))
					persons := r.persons()
					switch when {
					case "before":
						r.store.erase(tenant, now().Add(-time.Hour))
					case "after":
						pass(time.Hour)
						r.store.erase(tenant, now())
					case "meanwhile":
						calls := 0
						r.store.set(func(hub.ShardID, int) fault {
							if calls++; calls == 2 { // after the first look, before the commit
								r.store.erase(tenant, now())
							}
							return fine
						}, nil)
					}
					got, err := p.Replay(t.Context(), hub.Operator, id, false)
					if err != nil || got.Outcome != ReplayMoved {
						t.Fatalf("%s %s %s: %+v, %v", name, kind, when, got, err)
					}
					there := r.store.of(shard)
					var here []Parked
					for _, row := range there.parked {
						if row.Tenant == tenant {
							here = append(here, row)
						}
					}
					orders, notes := map[string]int{"order": 1, "pair": 2, "delete": 1}[kind], map[string]int{"order": 1, "pair": 2, "bad": 1}[kind]
					bare, deleted := when != "before", map[string]int{"delete": 1}[kind] // of an order that never came
					if bare && (len(there.orders) != deleted || len(there.raws) != 0 || len(there.places) != 0 || len(there.notes) != notes) ||
						bare && when == "after" && r.persons() != persons {
						t.Errorf("%s %s %s: %d orders, %d payloads, %d places, %d notes, %d persons of %d", name, kind, when,
							len(there.orders), len(there.raws), len(there.places), len(there.notes), r.persons(), persons)
					}
					if !bare && (len(there.orders) != orders || len(there.notes) != 0) {
						t.Errorf("%s %s %s: %d orders, %d notes", name, kind, when, len(there.orders), len(there.notes))
					}
					if kind == "bad" && (len(here) != 1 || (here[0].Sealed == nil) != bare || here[0].State != ParkedOpen) || kind != "bad" && len(here) != 0 {
						t.Errorf("%s %s %s: parked %+v", name, kind, when, here)
					}
					ours := 0
					for c := range there.claims {
						if c.Tenant == tenant {
							ours++
						}
					}
					if row := r.store.of("s1").parked[id]; row.State != ParkedReplayed || row.Sealed != nil || ours != 1 {
						t.Errorf("%s %s %s: its row is %s, %d claims", name, kind, when, row.State, ours)
					}
				})
			}
		}
	}
}

// A tenant whose shard may lack entries of the ledger gets nothing yet.
func TestMoveWaitsForTheLedger(t *testing.T) {
	unclaimed(t, "b", "order", func(t *testing.T, r *rig, p *Parking, id hub.ParkedID) {
		p.Ready = func(t hub.TenantID) error {
			return &hub.Error{Kind: hub.KindUnavailable, Code: "not_reconciled", Subject: string(t)}
		}
		if _, err := p.Replay(t.Context(), hub.Operator, id, false); hub.KindOf(err) != hub.KindUnavailable || hub.CodeOf(err) != "not_reconciled" {
			t.Errorf("moved: %v", err)
		}
		if r.parked("s1")[0].State != ParkedOpen || len(r.store.of("s2").claims) != 0 {
			t.Error("something was done")
		}
	})
}

// Of a drop and a move of one delivery one happens, at whichever step of the move the drop comes.
func TestMoveMeetsDrop(t *testing.T) {
	ways := map[string]int{}
	for _, name := range []string{"a", "b"} {
		for step := 1; step <= 4; step++ {
			unclaimed(t, name, "order", func(t *testing.T, r *rig, p *Parking, id hub.ParkedID) {
				dropped := make(chan error, 1)
				calls := 0
				r.store.set(func(hub.ShardID, int) fault {
					if calls++; calls == step {
						r.store.set(nil, nil)
						go func() { dropped <- p.Drop(t.Context(), hub.Operator, id) }()
						if name == "b" && step == 1 { // the operator's shard is free: it goes through
							synctest.Wait()
						}
					}
					return fine
				}, nil)
				got, err := p.Replay(t.Context(), hub.Operator, id, false)
				if calls < step { // the move was over
					return
				}
				drop := <-dropped
				there, row := r.store.of(r.store.Of(hub.TenantID("ten_"+name))), r.store.of("s1").parked[id]
				effect := len(there.orders)
				switch {
				case err == nil && hub.KindOf(drop) == hub.KindConflict && drop != nil && effect == 1 && row.State == ParkedReplayed && got.Outcome == ReplayMoved:
					ways["moved"]++
				case hub.KindOf(err) == hub.KindConflict && err != nil && drop == nil && effect == 0 && row.State == ParkedDropped:
					ways["dropped"]++
				default:
					t.Errorf("ten_%s, step %d: moved %v, dropped %v, %d orders, the row is %s", name, step, err, drop, effect, row.State)
				}
			})
		}
	}
	if ways["moved"] == 0 || ways["dropped"] == 0 {
		t.Errorf("only one of both: %v", ways)
	}
	t.Log(fmt.Sprint(ways, " of a drop at each step"))
}

// A dry run of a move makes nobody's key, whichever shard the tenant is on.
func TestDryMoveMakesNoKey(t *testing.T) {
	for _, name := range []string{"a", "b"} {
		unclaimed(t, name, "order", func(t *testing.T, r *rig, p *Parking, id hub.ParkedID) {
			before := r.snapshot()
			has := func() bool {
				return slices.ContainsFunc(r.vault.All(), func(k gdpr.WrappedKey) bool {
					return k.Kind == gdpr.KindTenant && k.Tenant == hub.TenantID("ten_"+name)
				})
			}
			if has() {
				t.Fatal("it has a key already")
			}
			if got, err := p.Replay(t.Context(), hub.Operator, id, true); err != nil || got.Outcome != ReplayMoved {
				t.Fatalf("%+v, %v", got, err)
			}
			if has() || fmt.Sprint(before...) != fmt.Sprint(r.snapshot()...) {
				t.Errorf("ten_%s: the dry run left something behind", name)
			}
		})
	}
}
