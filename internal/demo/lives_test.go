package demo

import (
	"testing"
	"testing/synctest"
	"time"

	"hub/adapters/sandbox/shopify"
)

// No life ends on a step that was not told, no deletion is kept back or stands behind a step that was, and no two steps
// of an order share a second.
func TestNoLifeEndsInSilence(t *testing.T) {
	orders, steps, silent, deleted := 0, 0, 0, 0
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			p := shopify.Open(shopify.Options{Seed: seed, Clock: time.Now, Speed: speed})
			if _, err := p.AddShop(shopify.ShopSpec{Name: shopName}); err != nil {
				t.Fatal(err)
			}
			dropping, hidden, version := false, map[int64]bool{}, map[int64]time.Time{}
			l := &lives{seed: seed, drop: func(next int) error { dropping = next > 0; return nil }}
			l.act = func(domain string, action shopify.Action, id int64) (shopify.OrderState, error) {
				o, err := p.Act(domain, action, id)
				if err != nil {
					return o, err
				}
				if action == shopify.Delete {
					deleted++
					if dropping || hidden[id] {
						t.Errorf("seed %d: a deletion in silence", seed)
					}
				}
				if !o.Updated.After(version[o.ID]) {
					t.Errorf("seed %d: two versions in one second", seed)
				}
				hidden[o.ID], version[o.ID] = dropping, o.Updated
				return o, nil
			}
			if err := l.run(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
			for id, last := range hidden {
				if last {
					t.Errorf("seed %d: order %d ends in silence", seed, id)
				}
			}
			orders, steps, silent = orders+len(hidden), steps+int(l.steps.Load()), silent+int(l.silent.Load())
		})
	}
	t.Logf("8 seeds: %d orders, %d steps, %d of them not told, %d deletions", orders, steps, silent, deleted)
	if orders != 800 || silent == 0 || deleted == 0 {
		t.Error("the seeds show nothing")
	}
}
