package shopee

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hub"
)

// exactly reads a number of an answer without rounding.
func exactly(t rapid.TB, v any) *big.Rat {
	t.Helper()
	n, ok := v.(json.Number)
	r, good := new(big.Rat).SetString(n.String())
	if !ok || !good {
		t.Fatalf("%v is no number", v)
	}
	return r
}

// TestMoney: whatever happens to an order in whatever order, what its escrow says adds up to the last unit, as a reader
// with a pencil would add it, and Orders says the same.
func TestMoney(t *testing.T) {
	regions := []string{"SG", "VN", "BR", "ID", "TW"}
	actions := []Action{
		Pay, Hold, Release, Invoice, Arrange, RetryShip, PickUp, Deliver, Complete, RequestCancel, RefuseCancel, Cancel, Lose, ReturnOne, ReturnAll,
		AcceptReturn, RefuseReturn, Note,
	}
	taken, checked, returned := map[Action]int{}, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		b := open(t, Options{Unlimited: true, Seed: rapid.Uint64().Draw(rt, "seed")}, nil, rapid.SampledFrom(regions).Draw(rt, "region"))
		o := b.act(t, Create, "")
		for range rapid.IntRange(3, 30).Draw(rt, "steps") {
			b.Advance(t.Context(), 2*time.Minute)
			can := slices.DeleteFunc(slices.Clone(actions), func(a Action) bool {
				return a == Cancel || a == Lose || !slices.Contains(from(a), o.Status)
			})
			if rapid.IntRange(0, 7).Draw(rt, "any") == 0 || len(can) == 0 {
				can = actions
			}
			a := rapid.SampledFrom(can).Draw(rt, "action")
			now, err := b.Act(b.shop, a, o.ID)
			if err == nil {
				taken[a]++
				if !now.Updated.After(o.Updated) {
					rt.Fatalf("%s: the version is %s after %s", a, now.Updated, o.Updated)
				}
				o = now
			}
		}
		b.install(t, b.shop)
		o = b.Orders(b.shop)[0]
		r := b.get(t, "payment/get_escrow_detail", url.Values{"order_sn": {o.ID}})
		if (r.Error == "") != o.Settled || !o.Settled && r.Error != "order_not_found" {
			rt.Fatalf("settled %v: %s", o.Settled, r.raw)
		}
		if o.Settled {
			checked++
			returned += adds(t, rt, b, r, o)
		}
	})
	t.Logf("%d orders added up, %d returns, actions taken: %v", checked, returned, taken)
}

// adds holds an escrow against the state of its order, and returns how many returns it has.
func adds(t *testing.T, rt *rapid.T, b *bench, r reply, o OrderState) (returns int) {
	income, buyer := r.member(t, "response", "order_income").(map[string]any), r.member(t, "response", "buyer_payment_info").(map[string]any)
	sum := func(of map[string]any, names ...string) *big.Rat {
		total := new(big.Rat)
		for _, name := range names {
			total.Add(total, exactly(rt, of[name]))
		}
		return total
	}
	want, _ := new(big.Rat).SetString(o.Total)
	paid := sum(buyer, "merchant_subtotal", "seller_voucher", "shopee_voucher", "shopee_coins_redeemed", "credit_card_promotion", "shipping_fee",
		"initial_buyer_txn_fee", "import_tax_amount")
	if paid.Cmp(want) != 0 || exactly(rt, income["buyer_total_amount"]).Cmp(want) != 0 || want.Sign() <= 0 {
		rt.Fatalf("the buyer's block adds up to %s, the income says %v, the order %s", paid, income["buyer_total_amount"], o.Total)
	}
	lines := new(big.Rat)
	for _, item := range income["items"].([]any) {
		l := item.(map[string]any)
		lines.Add(lines, sum(l, "original_price"))
		if left := new(big.Rat).Sub(sum(l, "original_price"), sum(l, "discounted_price", "seller_discount", "shopee_discount")); left.Sign() != 0 {
			rt.Fatalf("a line of %v leaves %s", l, left)
		}
	}
	off := new(big.Rat).Sub(lines, sum(income, "seller_discount", "shopee_discount"))
	if lines.Cmp(sum(income, "original_price")) != 0 || off.Cmp(sum(buyer, "merchant_subtotal")) != 0 {
		rt.Fatalf("the lines are %s, less promotions %s", lines, off)
	}
	back := new(big.Rat)
	for _, sn := range r.member(t, "response", "return_order_sn_list").([]any) {
		one := b.get(t, "returns/get_return_detail", url.Values{"return_sn": {sn.(string)}})
		if one.member(t, "response", "order_sn") != o.ID || one.member(t, "response", "currency") != o.Currency {
			rt.Fatal(one.raw)
		}
		if returns++; one.member(t, "response", "status") == returnAccepted {
			back.Add(back, exactly(rt, one.member(t, "response", "refund_amount")))
		}
	}
	left := new(big.Rat).Sub(want, back)
	if o.Cancelled {
		left = new(big.Rat)
	}
	current, _ := new(big.Rat).SetString(o.CurrentTotal)
	if back.Cmp(exactly(rt, income["drc_adjustable_refund"])) != 0 || back.Cmp(want) > 0 || left.Cmp(current) != 0 {
		rt.Fatalf("of %s came back %s, and the order says %s is left", o.Total, back, o.CurrentTotal)
	}
	return returns
}

// TestEscrowLater: the money is known a while after the payment, single and in a batch, which leaves out what is not known.
func TestEscrowLater(t *testing.T) {
	b := open(t, Options{EscrowAfter: 5 * time.Minute}, nil)
	early, late := b.act(t, Create, ""), b.act(t, Create, "")
	b.act(t, Pay, early.ID)
	b.Advance(t.Context(), 4*time.Minute)
	b.act(t, Pay, late.ID)
	batch := func() []any {
		r := b.post1(t, "payment/get_escrow_detail_batch", fmt.Sprintf(`{"order_sn_list":[%q,%q,"NOBODYS"]}`, early.ID, late.ID))
		return r.member(t, "response").([]any)
	}
	if n := len(batch()); n != 0 {
		t.Errorf("%d at once", n)
	}
	b.Advance(t.Context(), time.Minute)
	if got := batch(); len(got) != 1 || got[0].(map[string]any)["escrow_detail"].(map[string]any)["order_sn"] != early.ID {
		t.Errorf("%v", got)
	}
	for body, want := range map[string]string{
		`{"order_sn_list":[]}`: "error_param", `{}`: "error_param", `{"order_sn_list":"A"}`: "error_param", `[`: "error_param",
		`{"order_sn_list":[` + many(51) + `]}`: "exceed_max_limit", `{"order_sn_list":[` + many(50) + `]}`: "",
	} {
		if r := b.post1(t, "payment/get_escrow_detail_batch", body); r.Error != want {
			t.Errorf("%.40s: %s", body, r.raw)
		}
	}
	if r := b.get(t, "payment/get_escrow_detail", url.Values{}); r.Error != "error_param" {
		t.Error(r.raw)
	}
}

func many(n int) string {
	text := ""
	for i := range n {
		text += fmt.Sprintf(`,"A%d"`, i)
	}
	return text[1:]
}

// TestOneReturnAtATime: what is asked back is decided before more is, and nothing comes back twice.
func TestOneReturnAtATime(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil)
	o := b.order(t, Pay, Arrange, PickUp, Deliver, Complete, ReturnOne)
	if _, err := b.Act(b.shop, ReturnAll, o.ID); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("a second return beside the first: %v", err)
	}
	one := b.act(t, AcceptReturn, o.ID)
	b.act(t, ReturnAll, o.ID)
	all := b.act(t, AcceptReturn, o.ID)
	if all.CurrentTotal != "0.00" || all.Refunded != all.Total || one.Refunded == "0.00" || all.Status != completed {
		t.Errorf("%+v, then %+v", one, all)
	}
	if _, err := b.Act(b.shop, ReturnOne, o.ID); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("nothing is left to come back: %v", err)
	}
	if _, err := b.Act(b.shop, AcceptReturn, o.ID); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("nothing is left to decide: %v", err)
	}
}

// TestReturnList: by either time, by state, in pages.
func TestReturnList(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil)
	for range 3 {
		b.order(t, Pay, Arrange, PickUp, Deliver, ReturnOne)
	}
	accepted := b.order(t, Pay, Arrange, PickUp, Deliver, Complete, ReturnOne, AcceptReturn)
	b.install(t, b.shop)
	now := b.Now().Unix()
	for query, want := range map[string]int{
		"page_no=0&page_size=10": 4, "page_no=0&page_size=3": 3, "page_no=1&page_size=3": 1, "page_no=2&page_size=3": 0,
		"page_no=0&page_size=10&status=ACCEPTED": 1, fmt.Sprintf("page_no=0&page_size=10&update_time_from=%d&update_time_to=%d", now-60, now): 1,
		fmt.Sprintf("page_no=0&page_size=10&create_time_from=%d&create_time_to=%d", now-60, now):        0,
		fmt.Sprintf("page_no=0&page_size=10&create_time_from=%d&create_time_to=%d", now-16*86_400, now): -1,
		"page_no=0&page_size=101": -1, "page_no=0": -1, "page_no=0&page_size=10&create_time_from=5": -1,
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		r := b.get(t, "returns/get_return_list", q)
		got := -1
		if r.Error == "" {
			got = len(r.member(t, "response", "return").([]any))
			if r.member(t, "response", "more").(bool) != (query == "page_no=0&page_size=3") {
				t.Errorf("%s: more", query)
			}
		}
		if got != want {
			t.Errorf("%s: %d", query, got)
		}
		if q.Get("status") != "" && r.member(t, "response", "return", 0, "order_sn") != accepted.ID {
			t.Error(r.raw)
		}
	}
	if r := b.get(t, "returns/get_return_detail", url.Values{"return_sn": {"NOBODYS"}}); r.Error != "error_not_exists" {
		t.Error(r.raw)
	}
}
