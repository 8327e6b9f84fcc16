package forget_test

import (
	"cmp"
	"context"
	"slices"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// thief has rows of one copy of the vault and one keyring of any.
type thief struct {
	gdpr.Vault
	ring gdpr.SealedKeyring
}

func (t *thief) Keyrings(context.Context) ([]gdpr.SealedKeyring, error) {
	return []gdpr.SealedKeyring{t.ring}, nil
}

func (t *thief) Poll(context.Context, int64) (gdpr.State, error) {
	return gdpr.State{Revision: t.ring.Revision, Generation: t.ring.Generation}, nil
}

// verdict is what was counted of everything that was ever sealed.
type verdict struct{ living, dead, attacks, control int }

// ledger returns all entries of the vault.
func (w *world) ledger() (all []forget.Entry) {
	w.t.Helper()
	all, err := w.vault.Entries(ctx, 0, 1<<20)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// states returns what the ledger says of everybody; killed goes over fenced.
func (w *world) states() map[gdpr.SubjectID]forget.What {
	states := map[gdpr.SubjectID]forget.What{}
	for _, e := range w.ledger() {
		if states[e.Subject] != forget.Killed {
			states[e.Subject] = e.What
		}
	}
	return states
}

// check requires that everybody lives or is dead as the ledger says, in the shards, in the vault, and in every copy that was
// ever made of it, together with what is left of the roots.
func (w *world) check() (v verdict) {
	w.t.Helper()
	n := w.settle()
	w.compareLedgers()
	states := w.states()
	var dead []record
	for _, r := range w.records {
		killed, fenced := false, false
		for _, s := range r.subjects {
			killed = killed || states[s] == forget.Killed
			fenced = fenced || states[s] == forget.Fenced
		}
		values, err := w.shards.Values(ctx, r.row.Tenant, r.row.Place, r.row.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		switch {
		case killed:
			dead = append(dead, r)
			if len(values) > 0 {
				w.t.Errorf("%s still holds a value of the dead", r.place)
			}
		case fenced:
		case len(values) == 0: // the process died before it was stored
		default:
			v.living++
			text, err := n.keys.Open(ctx, r.place, r.envelope())
			if err != nil || string(text) != r.text {
				w.t.Errorf("a survivor is lost: %s: %v", r.place, err)
			}
			if len(r.subjects) == 1 && answers(n.keys, r) != 1 {
				w.t.Errorf("a survivor is not found by its address any more: %s", r.place)
			}
		}
	}
	v.dead = len(dead)
	w.attack(&v, dead)
	return v
}

func (r record) envelope() []byte {
	for _, e := range r.row.Values {
		return e
	}
	return nil
}

// attack opens the dead with every keyring there ever was, the rows of every copy of the vault, and the roots that are left.
// With the roots of the time some must open, or it proves nothing.
func (w *world) attack(v *verdict, dead []record) {
	w.t.Helper()
	w.acting = nil
	copies := append(w.copies, loot{w.vault.Copy(), w.roots.Copy()})
	last := copies[len(copies)-1].roots
	tried := map[int64]bool{} // revisions
	for _, c := range copies {
		rings, err := c.vault.Keyrings(ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, ring := range rings {
			if at := ring.Revision<<32 | int64(ring.Generation); tried[at] {
				continue
			} else {
				tried[at] = true
			}
			v.attacks += len(copies)
			if n := w.opens(ring, last, copies, dead); n > 0 {
				w.t.Errorf("%d values and addresses of the dead open from copies, with the keyring of revision %d under root %d", n, ring.Revision, ring.Generation)
			}
			v.control += w.opens(ring, c.roots, copies, dead)
		}
	}
}

// opens counts what opens.
func (w *world) opens(ring gdpr.SealedKeyring, roots gdpr.RootStore, copies []loot, dead []record) (n int) {
	t := &thief{ring: ring}
	keys := gdpr.NewKeys(roots, t, w.ids, w.clock, gdpr.Options{Monotonic: w.clock})
	if hub.CodeOf(keys.Refresh(ctx)) == gdpr.CodeRootMismatch {
		return 0
	}
	for _, c := range copies {
		t.Vault = c.vault
		guessed := map[string]bool{}
		for _, r := range dead {
			if _, err := keys.Open(ctx, r.place, r.envelope()); err == nil {
				n++
			}
			if !guessed[r.customer] && len(r.subjects) == 1 {
				guessed[r.customer] = true
				n += answers(keys, r)
			}
		}
	}
	return n
}

// answers counts how often a guess of somebody's address leads to the dead person.
func answers(keys *gdpr.Keys, r record) (n int) {
	found, err := keys.Find(ctx, r.row.Tenant, []hub.ConnectionID{"con_1"}, customer{r.row.Tenant, r.customer}.identifiers()[0])
	if err == nil && slices.Contains(found, r.subjects[0]) {
		n++
	}
	return n
}

// compareLedgers requires the same entries on both sides.
func (w *world) compareLedgers() {
	w.t.Helper()
	byID := func(a, b forget.Entry) int { return cmp.Compare(a.ID, b.ID) }
	for _, shard := range shardIDs {
		want := slices.DeleteFunc(w.ledger(), func(e forget.Entry) bool { return w.shards.Of(e.Tenant) != shard })
		got, err := w.shards.ShardEntries(ctx, shard, "", 1<<20)
		if err != nil {
			w.t.Fatal(err)
		}
		slices.SortFunc(want, byID)
		for i := range want {
			want[i].Number = 0
		}
		for i := range got {
			got[i].Number = 0
		}
		if !slices.Equal(got, want) {
			w.t.Errorf("shard %s has %d entries, the vault %d for it, or they differ", shard, len(got), len(want))
		}
	}
}
