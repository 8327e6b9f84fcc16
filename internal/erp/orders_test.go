package erp

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"hub"
)

// register keeps acknowledgements as the contract of Acks says.
type register struct {
	shelf *shelf
	acks  map[Ack]Ack // by tenant, client and order
	calls int
	err   error
}

func (r *register) Acknowledge(ctx context.Context, a Ack) (Ack, error) {
	r.calls++
	if r.err != nil {
		return Ack{}, r.err
	}
	if _, err := r.shelf.Order(ctx, a.Tenant, a.Order); err != nil {
		return Ack{}, err
	}
	key := Ack{Tenant: a.Tenant, Client: a.Client, Order: a.Order}
	if stored, ok := r.acks[key]; ok {
		return stored, nil
	}
	r.acks[key] = a
	return a, nil
}

func id(n byte) hub.OrderID {
	return hub.OrderID(hub.IDSource(func() [16]byte { return [16]byte{15: n} }).New(hub.OrderPrefix))
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func newOrders() (*Orders, *register) {
	s := newShelf()
	for n := range byte(5) {
		s.orders["a"] = append(s.orders["a"], Row{ID: id(n)})
	}
	r := &register{shelf: s, acks: map[Ack]Ack{}}
	calls := 0
	clock := func() time.Time {
		calls++
		return noon.Add(time.Duration(calls) * time.Hour)
	}
	return NewOrders(s, r, clock), r
}

// The first word of a client counts; saying it again changes nothing, and another reference is a conflict.
func TestAcknowledge(t *testing.T) {
	o, r := newOrders()
	first, err := o.Acknowledge(t.Context(), "a", "sap", id(1), "DOC 1")
	if err != nil || first.Reference != "DOC 1" || first.Client != "sap" || first.At.IsZero() {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := o.Acknowledge(t.Context(), "a", "sap", id(1), "DOC 1")
	if err != nil || again != first {
		t.Errorf("again: %+v, %v", again, err)
	}
	for _, reference := range []string{"DOC 2", "DOC 1 ", "doc 1", "DOC\u00a01"} {
		if _, err := o.Acknowledge(t.Context(), "a", "sap", id(1), reference); hub.KindOf(err) != hub.KindConflict || strings.Contains(err.Error(), "DOC") {
			t.Errorf("%q: %v", reference, err)
		}
	}
	other, err := o.Acknowledge(t.Context(), "a", "odoo", id(1), "SO-9")
	if err != nil || other.Reference != "SO-9" {
		t.Errorf("another client: %+v, %v", other, err)
	}
	if len(r.acks) != 2 {
		t.Errorf("%d acknowledgements", len(r.acks))
	}
	r.err = errors.New("away")
	if _, err := o.Acknowledge(t.Context(), "a", "sap", id(2), "x"); !errors.Is(err, r.err) {
		t.Errorf("error %v", err)
	}
}

func TestAcknowledgeRefuses(t *testing.T) {
	o, r := newOrders()
	for bad, code := range map[string]hub.Code{
		"": "reference_blank", " ": "reference_blank", "\t": "reference_blank",
		strings.Repeat("x", maxReference+1): "reference_too_long", strings.Repeat("注", maxReference+1): "reference_too_long",
		"a\nb": "reference_characters", "a\x00": "reference_characters", "\x1b[31m": "reference_characters", "a\u0085b": "reference_characters",
		"a\u2028b": "reference_characters", "a\u202eb": "reference_characters", "\xff": "reference_characters", "a\u2066b": "reference_characters",
	} {
		_, err := o.Acknowledge(t.Context(), "a", "sap", id(1), bad)
		if hub.KindOf(err) != hub.KindInvalid || hub.PathOf(err) != "reference" || hub.CodeOf(err) != code {
			t.Errorf("%q: %v, want %s", bad, err, code)
		}
	}
	for _, unknown := range []hub.OrderID{"", "1", "ord_1", id(77), hub.OrderID(strings.ToUpper(string(id(1))))} {
		if _, err := o.Acknowledge(t.Context(), "a", "sap", unknown, "x"); hub.KindOf(err) != hub.KindNotFound {
			t.Errorf("%q: %v", unknown, err)
		}
	}
	if _, err := o.Acknowledge(t.Context(), "b", "sap", id(1), "x"); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("another tenant: %v", err)
	}
	if len(r.acks) != 0 {
		t.Errorf("%d acknowledgements", len(r.acks))
	}
	for _, good := range []string{strings.Repeat("x", maxReference), strings.Repeat("𝟙", maxReference), "Auftrag №7 / ö", "注文　7", "=1+1"} {
		if _, err := o.Acknowledge(t.Context(), "a", good, id(1), good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func TestListAndOrder(t *testing.T) {
	o, _ := newOrders()
	var seen []hub.OrderID
	for after := hub.OrderID(""); ; {
		list, err := o.List(t.Context(), "a", Filter{}, after, 2)
		if err != nil || len(list.Rows) > 2 || (list.Next == "") != (len(seen)+len(list.Rows) == 5) {
			t.Fatalf("%+v, %v after %d", list, err, len(seen))
		}
		for _, r := range list.Rows {
			seen = append(seen, r.ID)
		}
		if after = list.Next; after == "" {
			break
		}
	}
	if len(seen) != 5 {
		t.Errorf("listed %v", seen)
	}
	for _, limit := range []int{0, -1, MaxLimit + 1} {
		if _, err := o.List(t.Context(), "a", Filter{}, "", limit); hub.PathOf(err) != "limit" {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
	if row, err := o.Order(t.Context(), "a", id(3)); err != nil || row.ID != id(3) {
		t.Errorf("%+v, %v", row, err)
	}
	foreign, missing := errorOf(o.Order(t.Context(), "b", id(3))), errorOf(o.Order(t.Context(), "a", id(99)))
	if foreign == "" || foreign != missing || foreign != errorOf(o.Order(t.Context(), "a", "x' OR 1=1")) {
		t.Errorf("foreign %q, missing %q", foreign, missing)
	}
}

func errorOf(_ Row, err error) string {
	if hub.KindOf(err) != hub.KindNotFound {
		return ""
	}
	return err.Error()
}
