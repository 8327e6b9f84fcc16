package orders_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"hub"
	"hub/gdpr"
	"hub/internal/orders"
)

// people is an order of three people with something in every part.
func people(o *hub.Order) {
	o.Buyer = &hub.Buyer{
		Name: canary, Email: "ann@example.test", Note: canary + " note",
		ShippingAddress: &hub.Address{Name: "Cid", City: canary}, BillingAddress: &hub.Address{Name: "Eve", City: canary},
	}
	o.Fulfillments = []hub.Fulfillment{{ExternalID: "f", TrackingNumber: canary}}
}

// crowd is a version of such an order, with its seals.
func (s sealing) crowd(n int) orders.Incoming {
	in := version(n, people)
	in.Seals = s.of(key, "Cid", "Eve")
	return in
}

func (s sealing) open(row orders.Stored, part hub.PersonalPart) (p hub.Personal, err error) {
	plain, err := s.keys.Open(ctx, gdpr.OrderPlace(row.Tenant, row.ID, part, row.SealedAt), parts(row)[part])
	if err == nil {
		err = json.Unmarshal(plain, &p)
	}
	return p, err
}

// Each person's part holds that person and dies alone; what is shared dies with anybody.
func TestEverybodyApart(t *testing.T) {
	for _, dead := range []hub.PersonalPart{hub.PartBuyer, hub.PartRecipient, hub.PartPayer} {
		ids := &source{}
		db, s := newDatabase(t), newSealing(t, ids)
		results, err := db.do(ids, epoch, []orders.Incoming{s.crowd(1)}, true)
		must(t, results, err)
		row := db.rows[key]
		whole := map[hub.PersonalPart]hub.Personal{}
		for part := range parts(row) {
			if whole[part], err = s.open(row, part); err != nil {
				t.Fatalf("part %s: %v", part, err)
			}
		}
		var want hub.Order
		people(&want)
		_, personal := want.Split()
		if got := hub.JoinParts(whole); !sameJSON(t, got, personal) || len(whole) != 4 {
			t.Fatalf("%d parts make up %+v", len(whole), got)
		}
		subjects, _ := gdpr.SubjectsOf(parts(row)[dead])
		if len(subjects) != 1 {
			t.Fatalf("part %s belongs to %v", dead, subjects)
		}
		s.vault.Destroy(string(subjects[0]))
		fresh := newSealing(t, ids)
		fresh.vault.Restore(s.vault)
		for part := range whole {
			gone := part == dead || part == hub.PartShared
			if _, err := fresh.open(row, part); gone && hub.CodeOf(err) != gdpr.CodeKeyGone || !gone && err != nil {
				t.Errorf("after the death of the %s, part %s: %v", dead, part, err)
			}
		}
	}
}

func sameJSON(t *testing.T, a, b any) bool {
	t.Helper()
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	return err == nil && bytes.Equal(x, y)
}

// A late version takes away what may not be written any more and changes the rest: the business record, the totals and the
// parts of the others.
func TestLateVersionOfErased(t *testing.T) {
	for _, c := range []struct {
		erased []hub.PersonalPart
		left   []hub.PersonalPart
	}{
		{[]hub.PersonalPart{hub.PartBuyer, hub.PartShared}, []hub.PersonalPart{hub.PartPayer, hub.PartRecipient}},
		{[]hub.PersonalPart{hub.PartRecipient, hub.PartShared}, []hub.PersonalPart{hub.PartBuyer, hub.PartPayer}},
		{hub.PersonalParts(), nil},
	} {
		ids := &source{}
		db, s := newDatabase(t), newSealing(t, ids)
		late := s.crowd(2)
		for _, part := range c.erased {
			late.Seals[part] = suppressed{late.Seals[part]}
		}
		results, err := db.do(ids, epoch, []orders.Incoming{s.crowd(1)}, false)
		must(t, results, err)
		results, err = db.do(ids, epoch, []orders.Incoming{late}, true)
		must(t, results, err)
		row := db.rows[key]
		var left []hub.PersonalPart
		for part := range parts(row) {
			left = append(left, part)
			if p, err := s.open(row, part); err != nil || p.Empty() {
				t.Errorf("part %s: %+v, %v", part, p, err)
			}
		}
		slices.Sort(left)
		if !slices.Equal(left, c.left) || (row.Expires == "") != (len(left) == 0) {
			t.Errorf("without %v: %v is stored, expires %q", c.erased, left, row.Expires)
		}
		if row.Revision != 2 || !bytes.Contains(row.Doc, []byte(`"0.002"`)) || len(db.changes) != 2 {
			t.Errorf("revision %d: %s", row.Revision, row.Doc)
		}
	}
}

// Somebody was erased from the order, and the platform calls its people otherwise now: what is gone stays gone, what is left
// of the others is written on, and no payload is kept.
func TestErasedUnderAnotherName(t *testing.T) {
	ids := &source{}
	db, s := newDatabase(t), newSealing(t, ids)
	results, err := db.do(ids, epoch, []orders.Incoming{s.crowd(1)}, false)
	must(t, results, err)
	row := db.rows[key]
	row.Erased, row.Personal, row.Shared = true, nil, nil
	db.rows[key] = row
	late := s.crowd(2)
	late.RawRef = "raw_late"
	results, err = db.do(ids, epoch, []orders.Incoming{late}, true)
	must(t, results, err)
	row = db.rows[key]
	if row.Revision != 2 || row.Personal != nil || row.Shared != nil || row.Recipient == nil || row.Payer == nil || !row.Erased {
		t.Errorf("%+v", row)
	}
	if results[0].KeepsRaw || bytes.Contains(row.Doc, []byte("raw_late")) {
		t.Errorf("the payload is kept: %+v, %s", results[0], row.Doc)
	}
}

// Whoever is written is held in the same transaction: when the people change, when a payload comes along, and when
// nothing else would lock them. It is one call however many orders there are.
func TestHolds(t *testing.T) {
	ids := &source{}
	db, s := newDatabase(t), newSealing(t, ids)
	apply := func(what string, holds, held, places int, batch ...orders.Incoming) {
		t.Helper()
		calls, lines, known := db.holds, db.held, len(db.places)
		results, err := db.do(ids, epoch, batch, false)
		must(t, results, err)
		if db.holds-calls != holds || db.held-lines != held || len(db.places)-known != places {
			t.Errorf("%s: %d calls with %d places, %d of them new, want %d, %d and %d", what,
				db.holds-calls, db.held-lines, len(db.places)-known, holds, held, places)
		}
		db.registered()
	}
	raw := func(in orders.Incoming, ref hub.RawRef) orders.Incoming {
		in.RawRef, in.RawOf = ref, in.Seals[hub.PartBuyer].(*gdpr.Seal).Subjects()
		if shared := in.Seals[hub.PartShared]; shared != nil {
			in.RawOf = shared.(*gdpr.Seal).Subjects()
		}
		return in
	}
	alone := func(n int) orders.Incoming {
		in := version(n, func(o *hub.Order) { o.Buyer = &hub.Buyer{Name: canary} })
		in.Seals = s.of(key, "", "")
		return in
	}
	second := alone(1)
	second.External, second.Seals = "1002", s.of(orders.Key{Tenant: key.Tenant, Connection: key.Connection, External: "1002"}, "", "")
	apply("two new orders with payloads", 1, 4, 4, raw(alone(1), "raw_1"), raw(second, "raw_2"))
	apply("the same person with a payload", 1, 1, 1, raw(alone(2), "raw_3"))
	apply("the same person without one", 1, 1, 0, alone(3))
	apply("two more people with a payload", 1, 6, 2+3, raw(s.crowd(4), "raw_4"))
	apply("a stale one", 0, 0, 0, raw(alone(1), "raw_5"))
	apply("a deletion", 0, 0, 0, orders.Incoming{Key: key, Deleted: epoch})
	apply("nobody", 0, 0, 0, version(5))
	apply("the same as long ago", 1, 1, 0, alone(6))
}

// Whoever an order held and does not hold any more has left it, once; whoever stays, or leaves and comes back within a batch,
// has not. A part that is damaged does not say who has; the others do.
func TestLeaves(t *testing.T) {
	ids := &source{}
	db, s := newDatabase(t), newSealing(t, ids)
	who := func(in orders.Incoming, part hub.PersonalPart) gdpr.SubjectID {
		return in.Seals[part].(*gdpr.Seal).Subjects()[0]
	}
	renamed := func(n int, recipient string) orders.Incoming {
		in := version(n, people)
		in.Order.Buyer.ShippingAddress.Name = recipient
		in.Seals = s.of(key, recipient, "Eve")
		return in
	}
	apply := func(what string, batch []orders.Incoming, want ...gdpr.SubjectID) {
		t.Helper()
		db.left = nil
		results, err := db.do(ids, epoch, batch, false)
		must(t, results, err)
		var got []gdpr.SubjectID
		for _, h := range db.left {
			if h.Place != gdpr.InOrders || h.Row != string(db.rows[key].ID) || h.Tenant != key.Tenant {
				t.Errorf("%s: %+v", what, h)
			}
			got = append(got, h.Subject)
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v have left, want %v", what, got, want)
		}
	}
	cid, dora := s.crowd(1), renamed(2, "Dora")
	apply("a new order", []orders.Incoming{cid})
	apply("another recipient", []orders.Incoming{dora}, who(cid, hub.PartRecipient))
	apply("the same people", []orders.Incoming{renamed(3, "Dora")})
	apply("there and back", []orders.Incoming{renamed(4, "Cid"), renamed(5, "Dora")})
	apply("a stale version", []orders.Incoming{s.crowd(1)})
	gone := renamed(6, "Dora")
	gone.Seals[hub.PartRecipient], gone.Seals[hub.PartShared] = suppressed{gone.Seals[hub.PartRecipient]}, suppressed{gone.Seals[hub.PartShared]}
	apply("one part is suppressed", []orders.Incoming{gone}, who(dora, hub.PartRecipient))
	apply("nobody is named", []orders.Incoming{version(7)}, who(cid, hub.PartBuyer), who(cid, hub.PartPayer))
	apply("everybody is back", []orders.Incoming{s.crowd(8)})
	row := db.rows[key]
	row.Payer, row.Shared = row.Payer[5:], nil
	db.rows[key] = row
	apply("a part is damaged", []orders.Incoming{version(9)}, who(cid, hub.PartBuyer), who(cid, hub.PartRecipient))
}

// Nothing is stored, and nothing is told, when somebody is being erased, whether new in the row or not.
func TestFenced(t *testing.T) {
	for _, known := range []bool{true, false} {
		ids := &source{}
		db, s := newDatabase(t), newSealing(t, ids)
		in := s.crowd(1)
		results, err := db.do(ids, epoch, []orders.Incoming{in}, false)
		must(t, results, err)
		again := s.crowd(2)
		if !known {
			again.Seals = s.of(key, "Dora", "Eve")
		}
		db.fenced[again.Seals[hub.PartRecipient].(*gdpr.Seal).Subjects()[0]] = true
		saves := db.saves
		_, err = db.do(ids, epoch, []orders.Incoming{again}, false)
		if hub.KindOf(err) != hub.KindConflict || hub.CodeOf(err) != gdpr.CodeSubjectFenced || hub.Parkable(err) {
			t.Errorf("known %v: %v", known, err)
		}
		if db.rows[key].Revision != 1 || len(db.changes) != 1 || db.saves != saves {
			t.Errorf("known %v: revision %d, %d changes", known, db.rows[key].Revision, len(db.changes))
		}
	}
}
