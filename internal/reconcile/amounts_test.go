package reconcile_test

import (
	"fmt"
	"testing"

	"hub"
	"hub/adapters/driver"
	"hub/internal/reconcile"
)

// Money is compared as the list tells it: with the buyer's shipping, without it, or not at all, and the statement says which.
func TestAmounts(t *testing.T) {
	for _, c := range []struct {
		totals      driver.Totals
		listed      *hub.Money // of an order of 9.00 with 2.00 for shipping
		amounts     reconcile.Amounts
		compared    string
		listedMoney string
		heldMoney   string
		wrong       string // what a statement says when the hub has a unit more
	}{
		{driver.GrandTotals, real(900), reconcile.GrandTotal, "[orders cancelled money]", "[9.00]", "[9.00]", "different, amount x"},
		{driver.UnshippedTotals, real(700), reconcile.WithoutShipping, "[orders cancelled money]", "[7.00]", "[7.00]", "different, amount x"},
		{driver.NoTotals, nil, reconcile.NotListed, "[orders cancelled]", "[]", "[9.00]", "equal"},
	} {
		t.Run(string(c.amounts), func(t *testing.T) {
			w := newWorld()
			w.limits.Totals = c.totals
			w.place("x", noon, c.listed, true)
			w.hold("x", func(h *reconcile.Held) { h.Total, h.Unshipped = real(900), real(700) })
			check := func(st reconcile.Statement) {
				t.Helper()
				wantSaid(t, st, "equal")
				if fmt.Sprint(st.Compared) != c.compared || st.Amounts != c.amounts || amounts(st.Listed) != c.listedMoney || amounts(st.Held) != c.heldMoney {
					t.Errorf("%s of %v: %s and %s", st.Amounts, st.Compared, amounts(st.Listed), amounts(st.Held))
				}
			}
			check(w.ask(t))
			w.hold("x", func(h *reconcile.Held) { h.PlacedAt = noon.AddDate(0, 0, -3) }) // found by its id alone
			check(w.ask(t))
			w.applies = func(hub.ExternalID) bool { return false }
			w.hold("x", func(h *reconcile.Held) { h.Total, h.Unshipped = real(901), real(701) })
			wantSaid(t, w.ask(t), c.wrong)
			w.place("y", noon, c.listed, false)
			w.fail = func(call string, _ int) error { // in doubt the hub's side is of the same kind
				if call == "list" {
					return &hub.Error{Kind: hub.KindUnavailable, Code: "away"}
				}
				return nil
			}
			w.hold("x", func(h *reconcile.Held) { h.PlacedAt, h.Total, h.Unshipped = noon, real(900), real(700) })
			if st := w.ask(t); st.State != reconcile.Unknown || st.Amounts != c.amounts || amounts(st.Held) != c.heldMoney {
				t.Errorf("%s: %s %s", st.State, st.Amounts, amounts(st.Held))
			}
		})
	}
}

// Of a day without orders nothing is said of money that the platform's list never tells.
func TestAmountsOfNothing(t *testing.T) {
	w := newWorld()
	w.limits.Totals = driver.NoTotals
	if st := w.ask(t); st.State != reconcile.Equal || fmt.Sprint(st.Compared) != "[orders cancelled]" || st.Listed.MoneyKnown {
		t.Errorf("%s of %v, %+v", st.State, st.Compared, st.Listed)
	}
	w.noLister = true
	if st := w.ask(t); st.Amounts != "" {
		t.Errorf("nobody was asked, and the amounts are %s", st.Amounts)
	}
}

// amounts prints the money of a side.
func amounts(s *reconcile.Side) string {
	list := []string{}
	for _, m := range s.Money {
		list = append(list, m.Amount())
	}
	return fmt.Sprint(list)
}
