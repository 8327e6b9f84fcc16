package gdpr_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"hub"
	"hub/gdpr"
)

func TestRoundTrip(t *testing.T) {
	for _, h := range []gdpr.Holder{
		holder(customer("1")),
		holder(customer("1"), customer("2"), gdpr.SubjectRef{Order: "9"}),
		{Tenant: "ten_a", Connection: "con_a", Lot: gdpr.LotUnparsed, Week: week},
		{Tenant: "ten_a", Connection: "con_a", Lot: gdpr.LotRaw, Week: week, People: people(gdpr.SubjectRef{Order: "9"})},
	} {
		v := newVault()
		s := sealFor(t, keysOver(v), h)
		for _, text := range []string{"", "x", canary, strings.Repeat(canary, 1000)} {
			b := sealed(t, s, place, text)
			opens(t, v, place, b, text)
			if text != "" && text != "x" && bytes.Contains(b, []byte(canary)) {
				t.Error("the envelope holds the plaintext")
			}
			if bytes.Equal(b, sealed(t, s, place, text)) {
				t.Error("sealing twice gave the same bytes")
			}
		}
	}
}

// TestPlaceIsBound moves a value to each other place, one part at a time.
func TestPlaceIsBound(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	b := sealed(t, sealFor(t, k, holder(customer("1"))), place, canary)
	h := holder(customer("1"))
	h.Tenant = "ten_b"
	sealFor(t, k, h) // the other tenant exists and has keys
	moves := map[string]func(*gdpr.Place){
		"tenant":   func(p *gdpr.Place) { p.Tenant = "ten_b" },
		"table":    func(p *gdpr.Place) { p.Table = "raw" },
		"row":      func(p *gdpr.Place) { p.Row = "ord_2" },
		"class":    func(p *gdpr.Place) { p.Class = hub.P2 },
		"older":    func(p *gdpr.Place) { p.Version-- },
		"newer":    func(p *gdpr.Place) { p.Version++ },
		"negative": func(p *gdpr.Place) { p.Version = -p.Version },
		"border":   func(p *gdpr.Place) { p.Table, p.Row = "order", "sord_1" },
	}
	for name, move := range moves {
		t.Run(name, func(t *testing.T) {
			p := place
			move(&p)
			got, err := k.Open(ctx, p, b)
			unreadable(t, p, got, err)
		})
	}
	opens(t, v, place, b, canary)
}

func TestSealRefusesForeignPlaces(t *testing.T) {
	s := sealFor(t, keysOver(newVault()), holder(customer("1")))
	for name, p := range map[string]gdpr.Place{
		"other tenant": {Tenant: "ten_b", Table: "orders", Row: "ord_1", Class: hub.P1},
		"no tenant":    {Table: "orders", Row: "ord_1", Class: hub.P1},
		"no table":     {Tenant: "ten_a", Row: "ord_1", Class: hub.P1},
		"no row":       {Tenant: "ten_a", Table: "orders", Class: hub.P1},
		"no class":     {Tenant: "ten_a", Table: "orders", Row: "ord_1"},
	} {
		b, err := s.Seal(p, []byte(canary))
		if b != nil || hub.KindOf(err) != hub.KindInvalid || hub.Parkable(err) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v, %v", name, b, err)
		}
	}
}

// TestEveryBitCounts flips each bit of an envelope and cuts it at each length.
func TestEveryBitCounts(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	holders := []gdpr.Holder{
		holder(customer("1"), customer("2")),
		{Tenant: "ten_a", Connection: "con_a", Lot: gdpr.LotUnparsed, Week: week},
	}
	flips, cuts := 0, 0
	for _, h := range holders {
		b := sealed(t, sealFor(t, k, h), place, canary)
		for at := range b {
			for bit := range 8 {
				damaged := bytes.Clone(b)
				damaged[at] ^= 1 << bit
				got, err := k.Open(ctx, place, damaged)
				unreadable(t, place, got, err)
				flips++
			}
			got, err := k.Open(ctx, place, b[:at])
			unreadable(t, place, got, err)
			cuts++
		}
		got, err := k.Open(ctx, place, append(bytes.Clone(b), 0))
		unreadable(t, place, got, err)
	}
	t.Logf("%d bits flipped, %d cuts, none opened", flips, cuts)
}

// TestTogether destroys each key that a value is sealed under, and one that it is not.
func TestTogether(t *testing.T) {
	for dead := range 3 {
		v := newVault()
		k := keysOver(v)
		s := sealFor(t, k, holder(customer("1"), customer("2")))
		other := sealFor(t, k, holder(customer("3")))
		b, survivor := sealed(t, s, place, canary), sealed(t, other, place, "other")
		opens(t, v, place, b, canary)
		v.Destroy(string(other.Subjects()[0]))
		opens(t, v, place, b, canary)
		got, err := keysOver(v).Open(ctx, place, survivor)
		gone(t, place, got, err)
		id := append(s.Subjects(), gdpr.SubjectID(s.Lot()))[dead]
		v.Destroy(string(id))
		got, err = keysOver(v).Open(ctx, place, b)
		gone(t, place, got, err)
	}
}

// TestKeysAreAllUsed proves that each key really goes into the row key: exchanging the material of one closes the value.
func TestKeysAreAllUsed(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	s := sealFor(t, k, holder(customer("1"), customer("2")))
	b := sealed(t, s, place, canary)
	other := v.Copy()
	opens(t, other, place, b, canary)
	for _, id := range append(s.Subjects(), gdpr.SubjectID(s.Lot())) {
		rows, _ := v.ByID(ctx, []string{string(id)})
		row := rows[string(id)]
		other.Replace(gdpr.WrapOther(k, row, [32]byte{7}))
		got, err := keysOver(other).Open(ctx, place, b)
		unreadable(t, place, got, err)
		other.Replace(row)
		opens(t, other, place, b, canary)
	}
}

func TestOpenAll(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	dead, alive := sealFor(t, k, holder(customer("1"))), sealFor(t, k, holder(customer("2")))
	var list []gdpr.Sealed
	for i := range 300 {
		p := place
		p.Row = fmt.Sprint("ord_", i)
		s := alive
		if i%3 == 1 {
			s = dead
		}
		b := sealed(t, s, p, fmt.Sprint(canary, i))
		if i%3 == 2 {
			b[len(b)-1]++
		}
		list = append(list, gdpr.Sealed{Place: p, Envelope: b})
	}
	v.Destroy(string(dead.Subjects()[0]))
	cold := keysOver(v)
	before := v.Calls()
	opened, err := cold.OpenAll(ctx, list)
	if err != nil || len(opened) != len(list) {
		t.Fatalf("OpenAll: %d results, %v", len(opened), err)
	}
	want := before
	want.ByID++
	want.Poll++
	want.Keyrings++
	if calls := v.Calls(); calls != want {
		t.Errorf("the vault was asked %+v, want %+v", calls, want)
	}
	for i, o := range opened {
		switch i % 3 {
		case 0:
			if o.Err != nil || string(o.Plaintext) != fmt.Sprint(canary, i) {
				t.Fatalf("value %d: %q, %v", i, o.Plaintext, o.Err)
			}
		case 1:
			gone(t, list[i].Place, o.Plaintext, o.Err)
		case 2:
			unreadable(t, list[i].Place, o.Plaintext, o.Err)
		}
	}
}
