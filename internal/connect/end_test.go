package connect

import (
	"testing"

	"hub"
	"hub/adapters/driver"
)

// buried requires which keys are dead, and that nothing is left to be killed.
func (w *town) buried(when string, dead ...string) {
	w.Helper()
	if len(w.vault.dead) != len(dead) || len(w.base.graves) != 0 {
		w.Errorf("%s: dead are %v, to be killed %v", when, w.vault.dead, w.base.graves)
	}
	for _, key := range dead {
		if !w.vault.dead[key] {
			w.Errorf("%s: %s lives", when, key)
		}
	}
}

// A connection's key dies with it, by whomever it ends, and one that comes back has another, as often as it does.
func TestKeyDiesWithItsConnection(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_a", "42")
	w.connected("con_b", "43")
	if _, err := s.Disconnect(t.Context(), "con_a"); err != nil {
		t.Fatal(err)
	}
	w.buried("disconnected", "con_a#0")
	if c, err := w.arrives(s, "ten_a", "42"); err != nil || c.ID != "con_a" {
		t.Fatalf("%+v, %v", c, err)
	}
	w.alive("con_a", "42")
	w.due("con_a")
	w.look() // a refresh stays in the same life
	w.alive("con_a", "42")
	w.script.inspect = func() (driver.Shop, error) { return driver.Shop{}, reconnect(CodeRefused) }
	if err := s.Heard(t.Context(), "con_a"); err != nil {
		t.Fatal(err)
	}
	w.script.inspect = nil
	w.buried("ended at the platform", "con_a#0", "con_a#1")
	w.alive("con_b", "43")
}

// Whatever a hub that died has left is done by another, and not to a connection that is back by then.
func TestKeyOfAnEndThatWasCutOff(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_a", "42")
	w.connected("con_b", "43")
	w.vault.err = &hub.Error{Kind: hub.KindUnavailable}
	if _, err := s.Disconnect(t.Context(), "con_a"); err != nil {
		t.Fatalf("while the vault is away: %v", err)
	}
	if changed, err := s.Grants.End(t.Context(), "con_b", "ten_a", CodeByUser, 0); err != nil || !changed { // and the hub dies
		t.Fatal(changed, err)
	}
	if len(w.vault.dead) != 0 || len(w.base.graves) != 2 {
		t.Fatalf("dead are %v, to be killed %v", w.vault.dead, w.base.graves)
	}
	if c, err := w.arrives(s, "ten_a", "42"); err != nil || c.ID != "con_a" {
		t.Fatalf("%+v, %v", c, err)
	}
	if err := s.bury(t.Context()); hub.KindOf(err) != hub.KindUnavailable || len(w.base.graves) != 2 {
		t.Errorf("while the vault is away: %v, to be killed %v", err, w.base.graves)
	}
	w.vault.err = nil
	if err := w.service().bury(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.buried("by another hub", "con_a#0", "con_b#0")
	w.alive("con_a", "42")
}

// Tokens that come while the connection ends once more are sealed anew: the key that they were sealed under is dying.
func TestBackBetweenTwoEnds(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_a", "42")
	if _, err := s.Disconnect(t.Context(), "con_a"); err != nil {
		t.Fatal(err)
	}
	s.Grants = &between{w.base, func() { // somebody else has brought it back, and ended it
		w.base.rows["con_a"].Life++
		w.vault.dead["con_a#1"] = true
	}}
	if c, err := w.arrives(s, "ten_a", "42"); err != nil || c.ID != "con_a" {
		t.Fatalf("%+v, %v", c, err)
	}
	w.alive("con_a", "42")
}
