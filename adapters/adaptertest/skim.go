package adaptertest

import (
	"math/rand/v2"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// testSkim requires of a driver that skims: of an order that it accepts, exactly what it reads; of one with another value
// somewhere, each field as it was or nothing; of damaged bytes no panic; and of what is no order nothing.
func testSkim(t *testing.T, h Harness) {
	skimmer, ok := h.Driver.(driver.Skimmer)
	if !ok {
		t.Log("the driver does not skim")
		return
	}
	topic := topicOf(h, WantDraft)
	skim := func(body []byte) driver.Gist {
		return skimmer.Skim(driver.Delivery{Notice: driver.Notice{Topic: topic}, Account: h.Account, Body: body})
	}
	refused, named, priced := 0, 0, 0
	for _, o := range h.Orders {
		for _, document := range o.Documents {
			parts, err := h.Driver.Split(document)
			if err != nil {
				t.Fatalf("%s: %v", o.Name, err)
			}
			whole, computed := gistOf(t, h, o.Name, parts[0])
			if got := skim(parts[0]); !sameGist(got, whole) && !(computed && sameGist(got, withoutTotal(whole))) {
				t.Errorf("%s: skimmed %+v of an order that reads as %+v", o.Name, got, whole)
			}
			eachLeaf(parts[0], func(body []byte) {
				if _, err := h.Driver.Order(body); err == nil {
					return
				}
				refused++
				got := skim(body)
				if !within(got, whole) {
					t.Errorf("%s: skimmed %+v, which the order never said", o.Name, got)
				}
				if got.ExternalID != "" {
					named++
				}
				if got.Total != nil {
					priced++
				}
			})
		}
	}
	if named == 0 || priced == 0 || named == refused || priced == refused {
		t.Errorf("of %d refused orders %d are named and %d have a total", refused, named, priced)
	}
	t.Logf("%d refused orders: %d still named, %d still with a total, none with another", refused, named, priced)
	testSkimOthers(t, h, skimmer)
}

// gistOf is what Order says of the fields that are skimmed. A total that had to be computed from parts is not read from
// the document, so it may be missing in a gist.
func gistOf(t *testing.T, h Harness, name string, document []byte) (gist driver.Gist, computed bool) {
	t.Helper()
	draft, err := h.Driver.Order(document)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	o := draft.Order
	return driver.Gist{ExternalID: o.ExternalID, SourceUpdatedAt: o.SourceUpdatedAt, Total: o.Totals.GrandTotal}, o.Totals.Basis != hub.BasisPlatform
}

func withoutTotal(g driver.Gist) driver.Gist {
	g.Total = nil
	return g
}

// testSkimOthers skims what is no order, and damaged bytes.
func testSkimOthers(t *testing.T, h Harness, skimmer driver.Skimmer) {
	random := rand.New(rand.NewPCG(11, 11))
	for _, d := range h.Deliveries {
		read := driver.Delivery{Notice: d.Notice, Account: h.Account, Body: d.Body}
		got := skimmer.Skim(read)
		if d.Want != WantDraft && d.Want != WantError && got != (driver.Gist{}) {
			t.Errorf("%s: skimmed %+v of what is no order", d.Name, got)
		}
		if d.Code == hub.CodeShopMismatch && got != (driver.Gist{}) {
			t.Errorf("%s: skimmed %+v of another shop's", d.Name, got)
		}
		for range 200 {
			read.Body = damage(random, d.Body)
			skimmer.Skim(read)
		}
	}
}

// topicOf is the topic under which an order comes, "" when no delivery of the platform holds one.
func topicOf(h Harness, want Meaning) string {
	for _, d := range h.Deliveries {
		if d.Want == want {
			return d.Notice.Topic
		}
	}
	return ""
}

func sameGist(a, b driver.Gist) bool { return within(a, b) && within(b, a) }

// within reports whether every field of a is empty or that of b.
func within(a, b driver.Gist) bool {
	return (a.ExternalID == "" || a.ExternalID == b.ExternalID) &&
		(a.SourceUpdatedAt == time.Time{} || a.SourceUpdatedAt.Equal(b.SourceUpdatedAt)) &&
		(a.Total == nil || b.Total != nil && *a.Total == *b.Total)
}
