package gdprtest_test

import (
	"errors"
	"testing"
	"time"

	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/gdpr/gdprtest"
)

func open(*testing.T) gdprtest.Store { return gdprtest.NewMemory() }

func TestVault(t *testing.T)  { gdprtest.RunVault(t, open) }
func TestLedger(t *testing.T) { gdprtest.RunLedger(t, open) }
func TestCycles(t *testing.T) { gdprtest.RunCycles(t, open) }

// TestHands has what only the vault in memory can do.
func TestHands(t *testing.T) {
	m, boom := gdprtest.NewMemory(), errors.New("boom")
	put := func(revision int64) error {
		return m.PutKeyring(t.Context(), revision, gdpr.SealedKeyring{Generation: 1, Revision: revision + 1})
	}
	m.Faults(func(method string, done bool) error {
		if method == "PutKeyring" && !done {
			return boom
		}
		return nil
	})
	if err := put(0); err != boom {
		t.Errorf("a lost call: %v", err)
	}
	m.Faults(func(_ string, done bool) error {
		if done {
			return boom
		}
		return nil
	})
	if err := put(0); err != boom {
		t.Errorf("a call that happened and failed: %v", err)
	}
	m.Faults(nil)
	backup := m.Copy()
	if err := put(1); err != nil {
		t.Errorf("after it: %v", err)
	}
	if _, err := m.Lead(t.Context(), "a", time.Unix(0, 0), time.Unix(1, 0)); err != nil {
		t.Error(err)
	}
	m.Restore(backup)
	s, err := m.Poll(t.Context(), 0)
	if c, _ := m.Current(t.Context()); err != nil || s.Revision != 1 || c.Number != 0 {
		t.Errorf("restored %+v, %v", s, err)
	}
	if err := m.Save(t.Context(), 1, forget.Cycle{Number: 1, Phase: forget.PhaseBegun}); err == nil {
		t.Error("a restored vault knows the epoch of later")
	}
	if calls := m.Calls(); calls.PutKeyring != 3 || calls.Poll != 1 {
		t.Errorf("calls %+v", calls)
	}
}
