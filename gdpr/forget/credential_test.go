package forget_test

import (
	"testing"
	"testing/synctest"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// TestKillCredential: the key of a life that is over dies, wherever the hub dies on the way; that of a life which began since
// lives.
func TestKillCredential(t *testing.T) { synctest.Test(t, bodyKillCredential) }

func bodyKillCredential(t *testing.T) {
	crashes := 0
	for at, over := 1, false; !over; at++ {
		for _, after := range []bool{false, true} {
			w := newWorld(t, 1)
			w.populate()
			n, other := w.hubs[0], w.hubs[1]
			first, second := gdpr.CredentialOwner{Connection: "con_1"}, gdpr.CredentialOwner{Connection: "con_1", Life: 1}
			place := gdpr.Place{Tenant: "ten_c", Table: "connect_tokens", Row: "con_1", Class: hub.P1}
			old, err := n.keys.SealCredential(ctx, first, place, []byte("old"))
			must(t, err)
			now, err := other.keys.SealCredential(ctx, second, place, []byte("now"))
			must(t, err)
			_, err = other.keys.OpenCredential(ctx, place, old) // it has the key in memory
			must(t, err)
			backup := w.vault.Copy()
			n.calls, n.crashAt, n.after = 0, at, after
			err = w.as(n, func() error { return n.f.KillCredential(ctx, "ten_c", first) })
			if over = !n.dead; over {
				n.crashAt = 0
			} else {
				crashes++
				n.restart()
				err = w.as(n, func() error { return n.f.KillCredential(ctx, "ten_c", first) })
			}
			must(t, err, n.f.ReconcileAll(ctx, shardIDs), other.keys.Refresh(ctx))
			opens := func(when string) {
				t.Helper()
				if _, err := other.keys.OpenCredential(ctx, place, old); hub.CodeOf(err) != gdpr.CodeKeyGone {
					t.Errorf("crash at %d: %s, what was sealed before the end: %v", at, when, err)
				}
				if text, err := other.keys.OpenCredential(ctx, place, now); err != nil || string(text) != "now" {
					t.Errorf("crash at %d: %s, what is in use: %q, %v", at, when, text, err)
				}
			}
			opens("killed")
			if entries := w.ledger(); len(entries) != 1 || entries[0].Reason != forget.ReasonEnded || entries[0].What != forget.Killed {
				t.Errorf("crash at %d: the ledger has %+v", at, entries)
			}
			w.vault.Restore(backup)
			n.restart()
			other.restart()
			must(t, n.f.ReconcileAll(ctx, shardIDs))
			opens("after an old vault was restored")
			if entries := w.ledger(); len(entries) != 1 || entries[0].Subject[:3] != gdpr.CredentialPrefix {
				t.Errorf("crash at %d: after an old vault was restored the ledger has %+v", at, entries)
			}
			w.forget(n, 0)
			opens("after the cycle")
		}
	}
	t.Logf("%d crashes", crashes)
	if crashes < 6 {
		t.Error("proves little")
	}
}
