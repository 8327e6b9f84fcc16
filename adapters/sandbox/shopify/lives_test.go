package shopify

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestLives: whatever happens to an order in whatever order, its books stay right in both spellings.
func TestLives(t *testing.T) {
	actions := []Action{Pay, Pay, Pay, FulfillPart, Fulfill, Edit, Edit, Note, RefundOne, RefundOne, RefundOne, RefundAll, Cancel, Delete}
	taken := map[Action]int{}
	rapid.Check(t, func(t *rapid.T) {
		p := Open(Options{Seed: rapid.Uint64().Draw(t, "seed"), Start: begin})
		if _, err := p.AddShop(ShopSpec{Name: "acme"}); err != nil {
			t.Fatal(err)
		}
		made, err := p.Act(testShop, Create, 0)
		if err != nil {
			t.Fatal(err)
		}
		o := p.shops[0].orders[0]
		for range rapid.IntRange(2, 16).Draw(t, "steps") {
			p.Advance(t.Context(), time.Second)
			a := rapid.SampledFrom(actions).Draw(t, "action")
			before := o.Updated
			_, err := p.Act(testShop, a, made.ID)
			if (err == nil) != o.Updated.After(before) {
				t.Fatalf("%s: %v, and the version is %s after %s", a, err, o.Updated, before)
			}
			if err == nil {
				taken[a]++
			}
			check(t, o)
		}
	})
	t.Logf("actions taken: %v", taken)
}

// check holds what is always true of an order.
func check(t *rapid.T, o *Order) {
	switch {
	case o.Refunded() > o.paid && o.payment != 0, o.Refunded() > o.Total():
		t.Fatalf("paid %d, given back %d", o.paid, o.Refunded())
	case o.payment == 0 && len(o.refunds) > 0:
		t.Fatal("given back without a payment")
	case o.Financial == "refunded" && o.current() != 0:
		t.Fatalf("refunded, and %d is owed", o.current())
	case o.outstanding() != 0 && o.payment != 0 && !o.edited:
		t.Fatalf("paid, and %d is outstanding", o.outstanding())
	}
	shipped := map[int64]bool{}
	for _, f := range o.parcels {
		for _, l := range f.lines {
			if shipped[l.line] {
				t.Fatal("a line is in two parcels")
			}
			shipped[l.line] = true
		}
	}
	for _, l := range o.lines {
		if l.current < 0 || l.current > l.quantity {
			t.Fatalf("%d of %d pieces", l.current, l.quantity)
		}
	}
	rest, graph := o.resource(), o.graph()
	for name, twin := range map[string]string{
		"total_price_set": "totalPriceSet", "current_total_price_set": "currentTotalPriceSet", "total_tax_set": "totalTaxSet", "total_discounts_set": "totalDiscountsSet",
	} {
		a, b := rest[name].(object)["shop_money"].(object)["amount"], graph[twin].(object)["shopMoney"].(object)["amount"]
		if decimal(a.(string)) != b {
			t.Fatalf("%s is %v and %v", name, a, b)
		}
	}
	if fmt.Sprint(len(rest["refunds"].([]object)), len(rest["fulfillments"].([]object))) != fmt.Sprint(len(graph["refunds"].([]object)), len(graph["fulfillments"].([]object))) {
		t.Fatal("the spellings disagree")
	}
	if _, err := json.Marshal(graph); err != nil {
		t.Fatal(err)
	}
}

// TestNoOverRefund: a piece that cost more than was paid in all, because of a discount, cannot be given back at its price.
func TestNoOverRefund(t *testing.T) {
	s := New("a.myshopify.com", "secret", 1, begin)
	o := s.Place()
	o.shipping, o.lines = 0, []line{{id: 1, quantity: 1, current: 1, price: 10_000, discount: 1_000}}
	o.Pay()
	if o.Refund() || o.Refunded() != 0 {
		t.Errorf("paid %d, given back %d", o.paid, o.Refunded())
	}
	if !o.RefundAll() || o.Refunded() != 9_000 || o.current() != 0 || o.RefundAll() {
		t.Errorf("given back %d, %d is owed", o.Refunded(), o.current())
	}
}
