package intake

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hub"
	"hub/adapters/driver"
	"hub/gdpr"
)

// TestShares: who is in an order, in which part, and by what each can be found.
func TestShares(t *testing.T) {
	placed, received := time.Unix(1000, 0).UTC(), time.Unix(2000, 0).UTC()
	id := func(kind gdpr.IdentifierKind, value string) gdpr.Identifier {
		got, err := gdpr.NewIdentifier(kind, value)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	person := func(ref gdpr.SubjectRef, ids ...gdpr.Identifier) gdpr.Person {
		return gdpr.Person{SubjectRef: ref, PlacedAt: placed, Identifiers: ids}
	}
	mail, phone, other := id(gdpr.IdentifierEmail, "ann@example.test"), id(gdpr.IdentifierPhone, "+49 30 1"), id(gdpr.IdentifierPhone, "+49302")
	customer, guest := gdpr.SubjectRef{Customer: "7"}, gdpr.SubjectRef{Order: "1001"}
	recipient := gdpr.SubjectRef{Order: "1001", Role: gdpr.RoleRecipient, Name: hub.FoldName("Cid Dot")}
	payer := gdpr.SubjectRef{Order: "1001", Role: gdpr.RolePayer, Name: hub.FoldName("Eve")}
	ann := hub.Buyer{Name: "Ann Bee", Email: " ANN@example.test", Phone: "+49 (30) 1", TaxID: "-"}
	for _, c := range []struct {
		what     string
		customer hub.ExternalID
		change   func(*hub.Buyer)
		want     []share
	}{
		{"a customer", "7", func(*hub.Buyer) {}, []share{{hub.PartBuyer, []gdpr.Person{person(customer, mail, phone)}}}},
		{"a guest with an own address", "", func(b *hub.Buyer) {
			b.ShippingAddress = &hub.Address{Name: "ANN  bee", Phone: "+49302"}
			b.BillingAddress = &hub.Address{Phone: "+49 302"}
		}, []share{{hub.PartBuyer, []gdpr.Person{person(guest, mail, phone, other)}}}},
		{"a recipient", "7", func(b *hub.Buyer) { b.ShippingAddress = &hub.Address{Name: "Cid Dot", Phone: "+49302"} }, []share{
			{hub.PartBuyer, []gdpr.Person{person(customer, mail, phone)}},
			{hub.PartRecipient, []gdpr.Person{person(recipient, other)}},
			{hub.PartShared, []gdpr.Person{person(customer, mail, phone), person(recipient, other)}},
		}},
		{"three people", "", func(b *hub.Buyer) {
			b.ShippingAddress = &hub.Address{Name: "Cid Dot"}
			b.BillingAddress = &hub.Address{Name: "Eve", Phone: "+49302"}
		}, []share{
			{hub.PartBuyer, []gdpr.Person{person(guest, mail, phone)}},
			{hub.PartRecipient, []gdpr.Person{person(recipient)}},
			{hub.PartPayer, []gdpr.Person{person(payer, other)}},
			{hub.PartShared, []gdpr.Person{person(guest, mail, phone), person(recipient), person(payer, other)}},
		}},
	} {
		b := ann
		c.change(&b)
		d := driver.Draft{Order: hub.Order{ExternalID: "1001", PlacedAt: placed, Buyer: &b}, Subject: c.customer}
		if got := shares(d, received); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v\nwant %+v", c.what, got, c.want)
		}
	}
	nobody := driver.Draft{Order: hub.Order{ExternalID: "1001"}}
	want := []share{{hub.PartBuyer, []gdpr.Person{{SubjectRef: guest, PlacedAt: received}}}}
	if got := shares(nobody, received); !reflect.DeepEqual(got, want) {
		t.Errorf("an order without a buyer or a time: %+v", got)
	}
}

// TestSharesFitTheParts: whatever the names, each part of the personal data has a share, and each share but the shared one
// has one person.
func TestSharesFitTheParts(t *testing.T) {
	name := rapid.SampledFrom([]string{"", " ", "Ann Bee", "ann  BEE", "Cid Dot", "Eve"})
	several := 0
	rapid.Check(t, func(t *rapid.T) {
		o := hub.Order{ExternalID: "1", Lines: []hub.Line{{Custom: true, Title: "engraved"}}, Discounts: []hub.Discount{{Code: "ANN5"}}}
		if rapid.Bool().Draw(t, "buyer") {
			o.Buyer = &hub.Buyer{Name: name.Draw(t, "name"), Email: "x", Note: "ring at Eve's"}
			for what, at := range map[string]**hub.Address{"ship": &o.Buyer.ShippingAddress, "bill": &o.Buyer.BillingAddress} {
				if rapid.Bool().Draw(t, what) {
					*at = &hub.Address{Name: name.Draw(t, what+" to"), City: "Kielau"}
				}
			}
		}
		list := shares(driver.Draft{Order: o}, now())
		found := map[hub.PersonalPart]int{}
		everybody := map[string]bool{}
		for _, s := range list {
			found[s.part] = len(s.people)
			for _, p := range s.people {
				everybody[fmt.Sprint(p.SubjectRef)] = true
			}
		}
		_, personal := o.Split()
		for part := range personal.Parts(found[hub.PartRecipient] > 0, found[hub.PartPayer] > 0) {
			if found[part] == 0 {
				t.Fatalf("nobody owns the part %s", part)
			}
		}
		for part, n := range found {
			if want := 1; part != hub.PartShared && n != want || part == hub.PartShared && n != len(everybody) {
				t.Fatalf("%d people of %d in the part %s", n, len(everybody), part)
			}
		}
		if len(everybody) > 1 {
			several++
		}
	})
	if several == 0 {
		t.Fatal("no order had several people")
	}
	t.Logf("%d orders of several people, 0 violations", several)
}
