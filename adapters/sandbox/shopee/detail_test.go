package shopee

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestOptionalFields: without a name nothing optional comes, with one that alone.
func TestOptionalFields(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil, "BR")
	o := b.order(t, Pay, Invoice, Arrange, PickUp, Deliver)
	b.install(t, b.shop)
	always := []string{"cod", "create_time", "currency", "days_to_ship", "message_to_seller", "order_sn", "order_status", "region", "ship_by_date", "update_time"}
	bare := b.get(t, "order/get_order_detail", url.Values{"order_sn_list": {o.ID}})
	if got := slices.Sorted(maps.Keys(bare.member(t, "response", "order_list", 0).(map[string]any))); !slices.Equal(got, always) {
		t.Errorf("bare: %q", got)
	}
	for _, name := range optionalFields {
		order := b.get(t, "order/get_order_detail", url.Values{"order_sn_list": {o.ID}, "response_optional_fields": {name}}).member(t, "response", "order_list", 0).(map[string]any)
		want := len(always) + 1
		if name == "return_request_due_date" || name == "international_label" { // it was not completed; nobody has such
			want--
		}
		if name == "edt" {
			want++
		}
		if len(order) != want {
			t.Errorf("%s: %q", name, slices.Sorted(maps.Keys(order)))
		}
	}
	full := b.detail(t, o.ID)
	if len(full) != len(always)+29 {
		t.Errorf("all: %d", len(full))
	}
	if r := b.get(t, "order/get_order_detail", url.Values{"order_sn_list": {o.ID}, "response_optional_fields": {"item_list,price"}}); r.Error != "error_param" {
		t.Errorf("a field that is none: %s", r.raw)
	}
}

// TestDetailNumbers: up to 50 at once, each once; one that is another shop's refuses all.
func TestDetailNumbers(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil, "SG", "MY")
	var numbers []string
	for range 51 {
		numbers = append(numbers, b.act(t, Create, "").ID)
	}
	theirs, err := b.Act(b.State().Shops[1].ID, Create, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		list []string
		want string
		n    int
	}{
		"50": {numbers[:50], "", 50}, "51": {numbers, "error_param", 0}, "none": {nil, "error_param", 0}, "twice": {[]string{numbers[0], numbers[0]}, "", 1},
		"another shop's": {[]string{numbers[0], theirs.ID}, "error_not_found", 0}, "nobody's": {[]string{"261121ABCDEFGH"}, "error_not_found", 0},
	} {
		r := b.get(t, "order/get_order_detail", url.Values{"order_sn_list": {strings.Join(c.list, ",")}})
		n := 0
		if r.Error == "" {
			n = len(r.member(t, "response", "order_list").([]any))
		}
		if r.Error != c.want || n != c.n || c.want == "error_not_found" && r.Body["message"] != "Wrong parameters, detail: the order is not found." {
			t.Errorf("%s: %q, %d orders", name, r.Error, n)
		}
	}
}

// TestCachedBodies: a body is printed anew for each version and for each way of asking.
func TestCachedBodies(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil)
	o := b.order(t)
	for i, a := range []Action{Pay, Hold, Release, Arrange, PickUp, Deliver, ReturnOne, AcceptReturn, Note} {
		b.Advance(t.Context(), time.Second)
		now := b.act(t, a, o.ID)
		for _, pendingToo := range []string{"true", "false"} {
			got := b.detail(t, o.ID, "request_order_status_pending", pendingToo)
			want := now.Status
			if want == pending && pendingToo == "false" {
				want = ready
			}
			if got["order_status"] != want || fmt.Sprint(got["update_time"]) != fmt.Sprint(now.Updated.Unix()) {
				t.Errorf("step %d: %v at %v, want %s", i, got["order_status"], got["update_time"], want)
			}
			if _, told := got["pending_terms"]; told != (want == pending) {
				t.Errorf("step %d: pending_terms %v", i, told)
			}
		}
		if bare := b.get(t, "order/get_order_detail", url.Values{"order_sn_list": {o.ID}}); strings.Contains(bare.raw, "item_list") {
			t.Error("what was asked for before comes again")
		}
		if b.Advance(t.Context(), time.Minute); i > 0 {
			escrow := b.get(t, "payment/get_escrow_detail", url.Values{"order_sn": {o.ID}})
			back := fmt.Sprint(escrow.member(t, "response", "order_income", "drc_adjustable_refund"))
			if returns := escrow.member(t, "response", "return_order_sn_list").([]any); (a == AcceptReturn || a == Note) != (back != "0") || (i >= 6) != (len(returns) == 1) {
				t.Errorf("step %d: %s back, %d returns", i, back, len(returns))
			}
		}
		b.detail(t, o.ID, "request_order_status_pending", "true") // as the next step begins, so that its version alone is new
	}
}

// TestPeople: personal data are stars unless the app may see them, everything in Taiwan, and in Brazil by the seller and
// the state of the order.
func TestPeople(t *testing.T) {
	read := func(b *bench, actions ...Action) (name, phone, full, city, cpf string) {
		sn := b.order(t, actions...).ID
		b.install(t, b.shop) // hours have passed
		o := b.detail(t, sn)
		a := o["recipient_address"].(map[string]any)
		cpf, _ = o["buyer_cpf_id"].(string)
		return a["name"].(string), a["phone"].(string), a["full_address"].(string), a["city"].(string), cpf
	}
	clear := func(s *AppSpec) { s.Clear = true }
	if name, phone, full, city, _ := read(open(t, Options{}, nil, "VN")); name != "N******u" || phone != "******64" || full != "Ấp******" || city != "Huyện Mẫu" {
		t.Error("VN:", name, phone, full, city)
	}
	if name, phone, full, _, _ := read(open(t, Options{}, clear, "VN")); name != "Nguyễn Thị Mẫu" || phone != "84912340064" || !strings.HasPrefix(full, "Ấp Mẫu") {
		t.Error("VN in clear:", name, phone, full)
	}
	if name, phone, full, city, _ := read(open(t, Options{}, nil, "TW")); name+phone+full+city != "****************" {
		t.Error("TW:", name, phone, full, city)
	}
	if name, phone, full, _, cpf := read(open(t, Options{}, clear, "BR"), Pay); name != "João Exemplo" || phone != "******17" || strings.Contains(full, "*") || cpf != "00000000191" {
		t.Error("BR, to be sent:", name, phone, full, cpf)
	}
	if name, _, full, _, cpf := read(open(t, Options{}, clear, "BR"), Pay, Invoice, Arrange, PickUp); name != "J******o" || strings.Contains(full, "*") || !strings.HasPrefix(cpf, "***") {
		t.Error("BR, on its way:", name, full, cpf)
	}
	private := open(t, Options{}, clear)
	shop, err := private.AddShop(ShopSpec{Name: "CPF", Region: "BR"})
	if err != nil {
		t.Fatal(err)
	}
	private.install(t, shop)
	if name, _, full, _, cpf := read(private, Pay); name != "J******o" || strings.Contains(full, "*") || !strings.HasPrefix(cpf, "***") {
		t.Error("BR, a seller with a CPF:", name, full, cpf)
	}
}

// TestOddities: the member with a blank behind its name, the total that comes with the payment, numbers without useless
// zeros, and bundles without prices.
func TestOddities(t *testing.T) {
	for _, region := range slices.Sorted(maps.Keys(markets)) {
		b := open(t, Options{Unlimited: true, Seed: 3}, nil, region)
		bundles, cods := 0, 0
		for range 40 {
			before := b.act(t, Create, "")
			o := b.detail(t, before.ID)
			if _, told := o["total_amount"]; told || o["pay_time"] != nil || before.Told {
				t.Fatalf("%s: an unpaid order has a total", region)
			}
			_, blank := o["actual_shipping_fee "]
			if _, plain := o["actual_shipping_fee"]; blank != (region == "SG") || plain == blank {
				t.Fatalf("%s: the blank", region)
			}
			paid := b.act(t, Pay, before.ID)
			o = b.detail(t, before.ID)
			total := o["total_amount"].(json.Number).String()
			if o["cod"] == true {
				cods++
			}
			if o["pay_time"] == nil != (o["cod"] == true) || !paid.Told || padded(total, paid.Total) != paid.Total || o["currency"] != paid.Currency {
				t.Fatalf("%s: %v and %s, %v", region, total, paid.Total, o["pay_time"])
			}
			if strings.Contains(total, ".") && (strings.HasSuffix(total, "0") || markets[region].digits == 0) {
				t.Fatalf("%s: %s", region, total)
			}
			items := o["item_list"].([]any)
			if first := items[0].(map[string]any); first["promotion_type"] == "bundle_deal" {
				bundles++
				for _, item := range items {
					l := item.(map[string]any)
					if l["model_discounted_price"].(json.Number) != "0" || l["order_item_id"] != first["order_item_id"] {
						t.Fatalf("%s: a bundle with prices", region)
					}
				}
			}
		}
		if bundles == 0 || markets[region].cod && cods == 0 {
			t.Errorf("%s: %d bundles, %d at the door", region, bundles, cods)
		}
	}
}

// TestQuietChannels: two Brazilian channels stay READY_TO_SHIP until the carrier has the parcel; the package tells more, and
// so does push 30.
func TestQuietChannels(t *testing.T) {
	b := open(t, Options{Unlimited: true}, nil, "BR")
	seen := map[bool]int{}
	for range 40 {
		o := b.act(t, Create, "")
		b.act(t, Pay, o.ID)
		b.act(t, Invoice, o.ID)
		b.Advance(t.Context(), 0)
		b.in.bodies, b.in.got = nil, nil
		arranged := b.act(t, Arrange, o.ID)
		b.Advance(t.Context(), 0)
		got := b.detail(t, o.ID)
		parcel := got["package_list"].([]any)[0].(map[string]any)
		quiet := parcel["logistics_channel_id"].(json.Number) == "90021"
		seen[quiet]++
		status, codes := processed, "[3 30]"
		if quiet {
			status, codes = ready, "[30]"
		}
		if got["order_status"] != status || arranged.Status != status || fmt.Sprint(b.in.codes(t)) != codes || parcel["logistics_status"] != "LOGISTICS_REQUEST_CREATED" {
			t.Errorf("%v, %s, pushes %v, %v", got["order_status"], arranged.Status, b.in.codes(t), parcel)
		}
		if after := b.act(t, PickUp, o.ID); after.Status != shipped {
			t.Error(after.Status)
		}
	}
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("%v", seen)
	}
}

// padded brings a number to as many decimals as another one has.
func padded(number, like string) string {
	_, want, _ := strings.Cut(like, ".")
	whole, have, _ := strings.Cut(number, ".")
	if want == "" {
		return number
	}
	return whole + "." + have + strings.Repeat("0", len(want)-len(have))
}
