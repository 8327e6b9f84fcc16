package mercadolibre

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// sum adds a printed number to a total, exactly; what is not there is nothing.
func sum(t testing.TB, total *big.Rat, v any, sign int64) {
	t.Helper()
	if v == nil {
		return
	}
	n, ok := new(big.Rat).SetString(v.(json.Number).String())
	if !ok {
		t.Fatalf("%v is no number", v)
	}
	total.Add(total, n.Mul(n, big.NewRat(sign, 1)))
}

// added adds an order up from what the API prints, by the documentation: total_amount, taxes and the receiver's cost of each
// parcel on the lowest order in it, less the coupon of payments that were not rejected.
func (r *rig) added(o map[string]any) (total, refunded *big.Rat) {
	total, refunded = new(big.Rat), new(big.Rat)
	id := o["id"].(json.Number).String()
	sum(r.t, total, o["total_amount"], 1)
	sum(r.t, total, at(r.t, o, "taxes", "amount"), 1)
	for _, p := range o["payments"].([]any) {
		payment := p.(map[string]any)
		if payment["status"] == "rejected" {
			continue
		}
		sum(r.t, total, payment["coupon_amount"], -1)
		if back, said := payment["transaction_amount_refunded"]; said {
			sum(r.t, refunded, back, 1)
		} else {
			sum(r.t, refunded, payment["transaction_amount"], 1)
		}
	}
	a := r.get("/orders/"+id+"/shipments", "X-New-Domain", "true")
	if a.status == http.StatusNoContent {
		return total, refunded
	}
	for _, s := range decoded[[]any](r.t, a.body) {
		parcel, first := at(r.t, s, "id").(json.Number).String(), id
		if at(r.t, s, "type") != "forward" {
			continue
		}
		for _, item := range decoded[[]any](r.t, r.get("/shipments/"+parcel+"/items").body) {
			first = min(first, at(r.t, item, "order_id").(json.Number).String())
		}
		if first == id {
			sum(r.t, total, at(r.t, r.read("/shipments/"+parcel+"/costs"), "receiver", "cost"), 1)
		}
	}
	return total, refunded
}

// TestExpectedIsWhatTheAPISays: in every country, Expected is what a reader of the documentation adds up from the answers, and
// the word of the status and the version are those of the answer.
func TestExpectedIsWhatTheAPISays(t *testing.T) {
	orders, seen := 0, map[string]int{}
	for _, site := range Sites() {
		r := newRig(t, site, func(o *Options, _ *AppSpec) { o.Unlimited, o.Seed = true, uint64(site[1])<<8|uint64(site[2]) })
		if err := r.Trade(r.seller, 60, time.Minute, time.Minute); err != nil {
			t.Fatal(err)
		}
		r.pass(5 * time.Hour)
		for _, want := range r.Orders(r.seller) {
			o := r.read("/orders/" + digitsOf(want.ID))
			total, refunded := r.added(o)
			digits := siteOf(site).digits
			if got := total.FloatString(digits); got != want.Total || refunded.FloatString(digits) != want.Refunded || !exact(total, digits) {
				t.Errorf("%s %d: %s and %s refunded, want %s and %s", site, want.ID, got, refunded.FloatString(digits), want.Total, want.Refunded)
			}
			updated, err := time.Parse(time.RFC3339, o["last_updated"].(string))
			if err != nil || !updated.Equal(want.Updated) || o["status"] != want.Status || o["currency_id"] != want.Currency {
				t.Errorf("%s %d: %v %v %v", site, want.ID, o["last_updated"], o["status"], want)
			}
			left := new(big.Rat).Sub(total, refunded)
			if want.Cancelled {
				left.SetInt64(0)
			}
			if left.FloatString(digits) != want.Current {
				t.Errorf("%s %d: %s is left, want %s", site, want.ID, left.FloatString(digits), want.Current)
			}
			orders++
			seen[want.Status+"/"+want.Shipment]++
		}
	}
	t.Logf("%d orders of %d countries: %v", orders, len(Sites()), seen)
	for _, kind := range []string{"paid/delivered", "cancelled/delivered", "cancelled/cancelled", "partially_refunded/delivered", "paid/not_delivered", "paid/ready_to_ship"} {
		if seen[kind] == 0 {
			t.Errorf("nothing came to %s", kind)
		}
	}
}

func exact(n *big.Rat, digits int) bool {
	back, _ := new(big.Rat).SetString(n.FloatString(digits))
	return back.Cmp(n) == 0
}

// TestSpelling: what recorded answers do differently from one another is all there.
func TestSpelling(t *testing.T) {
	count := map[string]int{}
	for _, site := range []string{"MLB", "MLC", "MCO", "MLM"} {
		r := newRig(t, site, func(o *Options, _ *AppSpec) { o.Unlimited = true })
		for range 150 {
			o := r.do(0, Create)
			r.do(o.ID, Pay)
			got := r.read("/orders/" + digitsOf(o.ID))
			total, line := at(t, got, "total_amount").(json.Number).String(), at(t, got, "order_items", 0)
			_, cents, dotted := strings.Cut(total, ".")
			count[fmt.Sprint("decimals ", len(cents), dotted)]++
			if site == "MLC" && cents != "" && strings.Trim(cents, "0") != "" {
				t.Errorf("cents of a peso of Chile: %s", total)
			}
			for name, there := range map[string]bool{
				"ids as texts": isText(at(t, got, "seller", "id")), "bare buyer": len(got["buyer"].(map[string]any)) == 1,
				"noise":      len(at(t, line, "sale_fee").(json.Number)) > 12,
				"stock list": !isObject(at(t, line, "stock")), "stock object": isObject(at(t, line, "stock")),
				"gross_price": at(t, line, "gross_price") != nil, "full_unit_price": at(t, line, "full_unit_price") != nil,
				"shipping null": at(t, got, "shipping", "id") == nil, "pack of one": got["pack_id"] != nil, "no pack": got["pack_id"] == nil,
				"coupon on top": got["coupon"] != nil, "two times": got["date_last_updated"] != nil,
				"rejected first": at(t, got, "payments", 0, "status") == "rejected",
				"tax":            at(t, got, "taxes", "amount") != nil,
				"no shipping":    slices.Contains(got["tags"].([]any), any("no_shipping")),
			} {
				if there {
					count[name]++
				}
			}
		}
	}
	t.Log(count)
	for _, name := range []string{
		"decimals 0 false", "decimals 1 true", "decimals 2 true", "ids as texts", "bare buyer", "noise", "stock list", "stock object", "gross_price",
		"full_unit_price", "shipping null", "pack of one", "no pack", "coupon on top", "two times", "rejected first", "tax", "no shipping",
	} {
		if count[name] == 0 || count[name] == 600 {
			t.Errorf("%s: %d of 600", name, count[name])
		}
	}
}

func isText(v any) bool   { _, ok := v.(string); return ok }
func isObject(v any) bool { _, ok := v.(map[string]any); return ok }

// TestIDs: an order's id has sixteen digits; a pack's asked as an order is not found, and the reverse.
func TestIDs(t *testing.T) {
	r := newRig(t, "MLB", nil)
	o := r.do(0, CreatePack)
	if n := len(digitsOf(o.ID)); n != 16 || len(digitsOf(o.Pack)) != 16 {
		t.Errorf("%d digits", n)
	}
	r.refused("pack as order", r.get("/orders/"+digitsOf(o.Pack)), 404, "order_not_found")
	r.refused("order as pack", r.get("/packs/"+digitsOf(o.ID)), 404, "not_found")
	r.refused("no id", r.get("/orders/abc"), 400, "invalid_order_id")
	r.refused("no id", r.get("/packs/-1"), 400, "bad_request")
	r.refused("no path", r.get("/nothing"), 404, "not_found")
	r.refused("Global Selling", r.get("/marketplace/orders/"+digitsOf(o.ID)), 404, "not_found")
	stranger := newRigOf(t, r)
	for path, word := range map[string]string{
		"/orders/" + digitsOf(o.ID): "not_owned_order", "/packs/" + digitsOf(o.Pack): "forbidden", "/orders/search?seller=" + r.seller: "caller.id.invalid",
	} {
		stranger.refused(path, stranger.get(path), 403, word)
	}
}

// newRigOf is another seller on the platform of a rig.
func newRigOf(t testing.TB, r *rig) *rig {
	t.Helper()
	other := &rig{Platform: r.Platform, t: t, in: r.in}
	other.seller = other.another("MLB")
	made, err := r.Install(testApp, other.seller)
	if err != nil {
		t.Fatal(err)
	}
	other.token = made.Access
	return other
}

// TestPack: the orders of a basket are paid at once and share a parcel, whose items name them; a split gives one of them a
// pack and a parcel of its own.
func TestPack(t *testing.T) {
	r := newRig(t, "MLB", nil)
	first := r.do(0, CreatePack)
	r.do(first.ID, Pay)
	r.pass(2 * time.Minute)
	pack := r.read("/packs/" + digitsOf(first.Pack))
	orders := pack["orders"].([]any)
	parcel := at(t, pack, "shipment", "id").(json.Number).String()
	if len(orders) != 2 || pack["status"] != "released" || !strings.HasSuffix(pack["date_created"].(string), "-0400") {
		t.Errorf("%v", pack)
	}
	second := at(t, orders, 0, "id").(json.Number).String()
	var named []string
	for _, item := range decoded[[]any](t, r.get("/shipments/"+parcel+"/items").body) {
		named = append(named, at(t, item, "order_id").(json.Number).String())
	}
	if !slices.Equal(named, []string{digitsOf(first.ID), second}) {
		t.Errorf("the parcel has %v", named)
	}
	for _, s := range r.Orders(r.seller) {
		if (s.ID == first.ID) != (s.Freight != "0.00") && r.ledger.orders[first.ID].shipment.cost > 0 {
			t.Errorf("freight %s of %d", s.Freight, s.ID)
		}
	}
	r.do(r.Orders(r.seller)[1].ID, Split)
	child := r.read("/orders/" + second)["pack_id"].(json.Number).String()
	if got := r.read("/packs/" + child); at(t, got, "family_pack_id").(json.Number).String() != digitsOf(first.Pack) || len(got["orders"].([]any)) != 1 {
		t.Errorf("%v", got)
	}
	if _, err := r.Act(r.seller, Split, first.ID); err == nil {
		t.Error("one order was split")
	}
}

// TestShipmentFormats: the hosted view is 204 and then a list; a parcel is new or old by its header.
func TestShipmentFormats(t *testing.T) {
	r := newRig(t, "MLC", nil)
	o := r.do(0, Create)
	for r.ledger.orders[o.ID].pickup || !r.ledger.orders[o.ID].style.slowParcel {
		o = r.do(0, Create)
	}
	path := "/orders/" + digitsOf(o.ID) + "/shipments"
	r.do(o.ID, Pay)
	if a := r.get(path, "X-New-Domain", "true"); a.status != http.StatusNoContent || len(a.body) > 0 || at(t, r.read("/orders/"+digitsOf(o.ID)), "shipping", "id") != nil {
		t.Errorf("before there is one: %d %s", a.status, a.body)
	}
	r.refused("the old view", r.get(path), 404, "not_found")
	r.pass(time.Minute)
	if o = r.do(o.ID, Note); o.Shipment != "ready_to_ship" || !o.Complete {
		t.Fatalf("%+v", o)
	}
	list := decoded[[]any](t, r.get(path, "X-New-Domain", "true").body)
	if len(list) != 1 || len(list[0].(map[string]any)) != 2 || at(t, list, 0, "type") != "forward" {
		t.Errorf("%v", list)
	}
	if old := r.read(path); at(t, old, "shipping_option", "cost") == nil {
		t.Errorf("the old view: %v", old)
	}
	parcel := "/shipments/" + at(t, list, 0, "id").(json.Number).String()
	made := r.read(parcel, "X-Format-New", "true")
	if at(t, made, "logistic", "direction") != "forward" || at(t, made, "destination", "shipping_address", "zip_code") != nil || made["receiver_address"] != nil {
		t.Errorf("%v", made)
	}
	if old := r.read(parcel); old["receiver_address"] == nil || old["logistic"] != nil {
		t.Errorf("%v", old)
	}
	if got := r.read(parcel + "/lead_time"); at(t, got, "currency_id") != "CLP" {
		t.Errorf("%v", got)
	}
	r.do(o.ID, Ship)
	if got := r.read(parcel, "X-Format-New", "true"); got["status"] != "shipped" || got["tracking_number"] == nil {
		t.Errorf("%v", got)
	}
}

// TestReturn is a claim with a return: the order changes only at its end, the parcel back is listed before the other one.
func TestReturn(t *testing.T) {
	r := newRig(t, "MLB", nil)
	o := r.sold(nil)
	id := digitsOf(o.id)
	r.do(o.id, Ship, Deliver, Claim)
	if _, err := r.Act(r.seller, Claim, o.id); err == nil {
		t.Error("a second claim beside an open one")
	}
	claims := r.read("/post-purchase/v1/claims/search?order_id=" + id)["data"].([]any)
	path := "/post-purchase/v1/claims/" + at(t, claims, 0, "id").(json.Number).String()
	back := "/post-purchase/v2/claims/" + at(t, claims, 0, "id").(json.Number).String() + "/returns"
	if at(t, claims, 0, "type") != "mediations" || at(t, claims, 0, "stage") != "claim" {
		t.Errorf("%v", claims)
	}
	r.refused("no return yet", r.get(back), 404, "not_found")
	r.refused("no filter", r.get("/post-purchase/v1/claims/search"), 400, "bad_request")
	r.pass(time.Minute)
	before := r.do(o.id, Return).Updated
	if after := r.do(o.id, ReturnSent).Updated; !after.Equal(before) {
		t.Error("the order changed with the return")
	}
	list := decoded[[]any](t, r.get("/orders/"+id+"/shipments", "X-New-Domain", "true").body)
	if len(list) != 2 || at(t, list, 0, "type") != "return" || at(t, list, 1, "type") != "forward" {
		t.Errorf("%v", list)
	}
	got := r.read(back)
	if got["status"] != "shipped" || got["status_money"] != "retained" || at(t, got, "orders", 0, "return_quantity") != fmt.Sprint(o.quantity, ".0") {
		t.Errorf("%v", got)
	}
	state := r.do(o.id, Returned)
	if got = r.read(back); got["status"] != "delivered" || got["status_money"] != "refunded" || !strings.HasSuffix(got["date_closed"].(string), "+00:00") {
		t.Errorf("%v", got)
	}
	if c := r.read(path); c["status"] != "closed" || at(t, c, "related_entities", 0) != "return" || at(t, c, "resolution", "reason") != "payment_refunded" {
		t.Errorf("%v", c)
	}
	if !state.Cancelled || state.Current != "0.00" || at(t, r.read("/orders/"+id), "cancel_detail", "group") != "mediations" {
		t.Errorf("%+v", state)
	}
	paid := r.read("/collections/" + digitsOf(o.paid().id))
	if at(t, paid, "collection", "status") != "refunded" || at(t, paid, "collection", "order_id").(json.Number).String() != id {
		t.Errorf("%v", paid)
	}
}

// TestUndonePaid: in Mexico a cancelled sale may stay paid and be tagged.
func TestUndonePaid(t *testing.T) {
	r := newRig(t, "MLM", nil)
	o := r.sold(func(o *order) bool { return o.style.undonePaid })
	s := r.do(o.id, Cancel)
	got := r.read("/orders/" + digitsOf(o.id))
	if got["status"] != "paid" || !slices.Contains(got["tags"].([]any), any("unfulfilled")) || !s.Cancelled || s.Current != "0.00" {
		t.Errorf("%v %+v", got["tags"], s)
	}
}

// TestBuyersData: the tax data are a resource of their own, as the country spells them; discounts say who pays.
func TestBuyersData(t *testing.T) {
	for _, site := range Sites() {
		r := newRig(t, site, nil)
		o := r.sold(func(o *order) bool { return !o.style.bareBuyer && o.coupon > 0 && o.full > o.unit })
		got := r.read("/orders/" + digitsOf(o.id))
		info := r.read("/orders/billing-info/" + site + "/" + at(t, got, "buyer", "billing_info", "id").(string))
		_, zip := at(t, info, "buyer", "billing_info", "address").(map[string]any)["zip_code"]
		if isText(at(t, info, "buyer", "cust_id")) != (site == "MPE" || site == "MLU") || zip == slices.Contains([]string{"MLC", "MPE", "MEC"}, site) {
			t.Errorf("%s: %v", site, info)
		}
		details := r.read("/orders/" + digitsOf(o.id) + "/discounts")["details"].([]any)
		if len(details) < 2 || at(t, details, 0, "type") != "coupon" || at(t, details, 1, "type") != "discount" {
			t.Errorf("%s: %v", site, details)
		}
		if me := r.read("/users/me"); me["site_id"] != site || at(t, me, "status", "site_status") != "active" {
			t.Errorf("%v", me)
		}
	}
	r := newRig(t, "MCO", nil)
	for _, c := range decoded[[]any](t, r.get("/currencies").body) {
		if at(t, c, "id") == "COP" && at(t, c, "decimal_places").(json.Number) != "0" {
			t.Errorf("%v", c)
		}
	}
}
