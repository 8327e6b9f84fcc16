package hub

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestApart: who is whom is told by names alone, whatever their case and white space, and nobody is told apart from a
// buyer without a name.
func TestApart(t *testing.T) {
	at := func(name string) *Address { return &Address{Name: name, City: "Kielau"} }
	for _, c := range []struct {
		what             string
		b                *Buyer
		recipient, payer string
	}{
		{"nobody", nil, "", ""},
		{"no addresses", &Buyer{Name: "Ann Bee"}, "", ""},
		{"the same", &Buyer{Name: "Ann Bee", ShippingAddress: at("Ann Bee"), BillingAddress: at("Ann Bee")}, "", ""},
		{"spelled otherwise", &Buyer{Name: "Ann  Bee ", ShippingAddress: at("ANN bee"), BillingAddress: at("\tann\u00a0BEE")}, "", ""},
		{"letters beyond ASCII", &Buyer{Name: "Özil ΣΑΣ", ShippingAddress: at("öZIL σας")}, "", ""},
		{"a recipient", &Buyer{Name: "Ann Bee", ShippingAddress: at("Cid  Dot"), BillingAddress: at("Ann Bee")}, FoldName("cid dot"), ""},
		{"a payer", &Buyer{Name: "Ann Bee", ShippingAddress: at("Ann Bee"), BillingAddress: at("Eve")}, "", FoldName("EVE")},
		{"both", &Buyer{Name: "Ann Bee", ShippingAddress: at("Cid"), BillingAddress: at("Eve")}, FoldName("Cid"), FoldName("Eve")},
		{"addresses without names", &Buyer{Name: "Ann Bee", ShippingAddress: at(" "), BillingAddress: at("")}, "", ""},
		{"a buyer without one", &Buyer{ShippingAddress: at("Cid")}, "", ""},
		{"a guest who pays", &Buyer{Name: " ", ShippingAddress: at("Cid"), BillingAddress: at("Ann Bee")}, FoldName("Cid"), ""},
		{"an accent", &Buyer{Name: "Ann Bée", ShippingAddress: at("Ann Bee")}, FoldName("Ann Bee"), ""},
	} {
		if recipient, payer := c.b.Apart(); recipient != c.recipient || payer != c.payer {
			t.Errorf("%s: %q and %q, want %q and %q", c.what, recipient, payer, c.recipient, c.payer)
		}
	}
}

// TestFoldName: the folded form is one for names that strings.EqualFold calls equal, and for no others.
func TestFoldName(t *testing.T) {
	word := rapid.StringOfN(rapid.SampledFrom([]rune("aAbBſsSkKKåÅÅ σςΣßẞıİiI")), 0, 4, -1)
	equal, other := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		if rapid.Bool().Draw(t, "another case") {
			b = strings.ToUpper(a)
		}
		collapse := func(s string) string { return strings.Join(strings.Fields(s), " ") }
		want := strings.EqualFold(collapse(a), collapse(b))
		if (FoldName(a) == FoldName(b)) != want {
			t.Fatalf("%q and %q fold to %q and %q", a, b, FoldName(a), FoldName(b))
		}
		if FoldName(FoldName(a)) != FoldName(a) {
			t.Fatalf("%q folds twice", a)
		}
		if want {
			equal++
		} else {
			other++
		}
	})
	if equal == 0 || other == 0 {
		t.Fatal("nothing was tried")
	}
	t.Logf("%d equal pairs, %d others, 0 violations", equal, other)
}

// drawPersonal draws a personal part in which every text is another one.
func drawPersonal(t *rapid.T) (Order, Personal) {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	var o Order
	fill(r, reflect.ValueOf(&o).Elem())
	if o.Buyer != nil {
		name := rapid.SampledFrom([]string{"", "Ann Bee", "ann  bee", "Cid Dot", "Eve"})
		o.Buyer.Name = name.Draw(t, "buyer")
		for what, a := range map[string]*Address{"shipping": o.Buyer.ShippingAddress, "billing": o.Buyer.BillingAddress} {
			if a != nil {
				a.Name = name.Draw(t, what)
			}
		}
	}
	_, p := o.Split()
	return o, p
}

// TestPartsJoin: whoever is apart, the parts put together are the whole, also through JSON, and every personal value is in
// exactly one of them, in the one it belongs to.
func TestPartsJoin(t *testing.T) {
	orders, parts, values := 0, map[PersonalPart]int{}, 0
	rapid.Check(t, func(t *rapid.T) {
		o, p := drawPersonal(t)
		recipient, payer := p.Buyer.Apart()
		recipientApart, payerApart := recipient != "", payer != ""
		if rapid.Bool().Draw(t, "whatever the names") {
			recipientApart, payerApart = rapid.Bool().Draw(t, "recipient apart"), rapid.Bool().Draw(t, "payer apart")
		}
		before := mustPrint(t, p)
		divided := p.Parts(recipientApart, payerApart)
		if joined := JoinParts(divided); !reflect.DeepEqual(joined, p) {
			t.Fatalf("joined %s\nfrom %s", mustPrint(t, joined), before)
		}
		stored := map[PersonalPart]Personal{}
		for name, part := range divided {
			if part.Empty() || !slices.Contains(PersonalParts(), name) {
				t.Fatalf("part %q with %s", name, mustPrint(t, part))
			}
			var read Personal
			if err := json.Unmarshal([]byte(mustPrint(t, part)), &read); err != nil {
				t.Fatal(err)
			}
			stored[name] = read
			parts[name]++
		}
		business, _ := o.Split()
		if whole, err := Join(business, JoinParts(stored)); err != nil || mustPrint(t, whole) != mustPrint(t, o) {
			t.Fatalf("joined through JSON %s (%v)\nfrom %s", mustPrint(t, whole), err, mustPrint(t, o))
		}
		if mustPrint(t, p) != before {
			t.Fatal("Parts changed what it divided")
		}
		values += checkDivision(t, p, divided, recipientApart, payerApart)
		orders++
	})
	for _, name := range PersonalParts() {
		if parts[name] == 0 {
			t.Errorf("no order had a part %s", name)
		}
	}
	t.Logf("%d orders, %v parts, %d values each in exactly one, 0 violations", orders, parts, values)
}

// owner is the part that a field belongs to, in the words of the rule and not in those of the code.
func owner(path string, recipientApart, payerApart bool) PersonalPart {
	switch {
	case !recipientApart && !payerApart:
		return PartBuyer
	case strings.HasPrefix(path, "buyer.shipping_address"):
		if recipientApart {
			return PartRecipient
		}
		return PartBuyer
	case strings.HasPrefix(path, "buyer.billing_address"):
		if payerApart {
			return PartPayer
		}
		return PartBuyer
	}
	for _, shared := range []string{"lines", "discounts", "fulfillments", "buyer.note", "buyer.attributes", "buyer.tags"} {
		if strings.HasPrefix(path, shared) {
			return PartShared
		}
	}
	return PartBuyer
}

// checkDivision holds where each value is against the rule. It returns how many values there are.
func checkDivision(t *rapid.T, whole Personal, divided map[PersonalPart]Personal, recipientApart, payerApart bool) int {
	want := map[PersonalPart][]string{}
	all := values(reflect.ValueOf(whole), "")
	for _, v := range all {
		part := owner(v.path, recipientApart, payerApart)
		want[part] = append(want[part], v.path+"="+v.text)
	}
	for _, name := range PersonalParts() {
		var got []string
		for _, v := range values(reflect.ValueOf(divided[name]), "") {
			got = append(got, v.path+"="+v.text)
		}
		if !slices.Equal(got, want[name]) {
			t.Fatalf("part %s holds %v\nwant %v", name, got, want[name])
		}
	}
	return len(all)
}

type value struct{ path, text string }

// values lists every text of class P1 or P2 with its path, as JSON names it, without indices.
func values(v reflect.Value, path string) (list []value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return values(v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			list = append(list, values(v.Index(i), path)...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			list = append(list, values(v.Field(i), strings.TrimPrefix(path+"."+name, "."))...)
		}
	case reflect.String:
		if v.String() != "" {
			return []value{{path, v.String()}}
		}
	}
	return list
}

// TestJoinWhatIsLeft: without the part of somebody who was erased the others' fields are as they were, and a part that holds
// fields of another adds none of them.
func TestJoinWhatIsLeft(t *testing.T) {
	missing := 0
	rapid.Check(t, func(t *rapid.T) {
		_, p := drawPersonal(t)
		divided := p.Parts(true, true)
		gone := rapid.SampledFrom(PersonalParts()).Draw(t, "gone")
		var want []value
		for _, v := range values(reflect.ValueOf(p), "") {
			if owner(v.path, true, true) != gone {
				want = append(want, v)
			}
		}
		if _, ok := divided[gone]; ok {
			missing++
		}
		delete(divided, gone)
		if got := values(reflect.ValueOf(JoinParts(divided)), ""); !slices.Equal(got, want) {
			t.Fatalf("without %s %v\nwant %v", gone, got, want)
		}
		for name, part := range divided {
			if name == PartBuyer || part.Buyer == nil {
				continue
			}
			greedy := *part.Buyer
			greedy.Email = "intruder"
			part.Buyer = &greedy
			if name != PartShared {
				part.Lines, part.Discounts = []PersonalLine{{Title: "intruder"}}, []PersonalDiscount{{Code: "intruder"}}
				part.Fulfillments = []PersonalFulfillment{{TrackingNumber: "intruder"}}
			}
			divided[name] = part
		}
		if got := values(reflect.ValueOf(JoinParts(divided)), ""); !slices.Equal(got, want) {
			t.Fatalf("a foreign field came in: %v", got)
		}
	})
	if missing == 0 {
		t.Fatal("nothing was missing")
	}
	t.Logf("%d parts taken away, 0 violations", missing)
}

func mustPrint(t *rapid.T, v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
