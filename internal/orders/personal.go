package orders

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"hub"
	"hub/gdpr"
)

// Sealer seals one part of an order's personal data under the keys of the people in it; *gdpr.Seal is one. It is pure
// computation, so it may run inside of a transaction.
type Sealer interface {
	// Suppressed reports that the part must not be stored: somebody in it was erased after the order was placed, or it is
	// past its retention.
	Suppressed() bool
	// Seal seals for a place. It refuses when suppressed.
	Seal(p gdpr.Place, plaintext []byte) ([]byte, error)
	// Expires returns the week with which what it seals ages out.
	Expires() gdpr.Week
}

// part returns where the row keeps one part.
func (s *Stored) part(p hub.PersonalPart) *[]byte {
	switch p {
	case hub.PartRecipient:
		return &s.Recipient
	case hub.PartPayer:
		return &s.Payer
	case hub.PartShared:
		return &s.Shared
	}
	return &s.Personal
}

// seal replaces all parts. What was there goes also where nothing may take its place: late news of an erased person takes
// away what an older version left, and never leaves it standing beside a newer business record.
func (st *state) seal(seals map[hub.PersonalPart]Sealer, personal hub.Personal, revision int64) error {
	parts := personal.Parts(seals[hub.PartRecipient] != nil, seals[hub.PartPayer] != nil)
	st.Expires = ""
	for _, name := range hub.PersonalParts() {
		*st.part(name) = nil
		part, ok := parts[name]
		if !ok {
			continue
		}
		seal := seals[name]
		if seal == nil {
			return hub.Errorf(hub.KindInternal, "sealing order", "%s has personal data of the %s and no keys", st.ID, name)
		}
		if seal.Suppressed() || st.Erased && *st.before.part(name) == nil {
			continue
		}
		plain, err := json.Marshal(part)
		if err != nil {
			return hub.Errorf(hub.KindInternal, "sealing order", "%s is not printable", st.ID)
		}
		if *st.part(name), err = seal.Seal(gdpr.OrderPlace(st.Tenant, st.ID, name, revision), plain); err != nil {
			return err
		}
		st.Expires = max(st.Expires, seal.Expires())
	}
	return nil
}

// people lists whose data the row holds, each once, in order. ok is false when a part does not tell; the others do.
func (s *Stored) people() (list []gdpr.SubjectID, ok bool) {
	ok = true
	for _, name := range hub.PersonalParts() {
		envelope := *s.part(name)
		if envelope == nil {
			continue
		}
		subjects, readable := gdpr.SubjectsOf(envelope)
		list, ok = append(list, subjects...), ok && readable
	}
	slices.Sort(list)
	return slices.Compact(list), ok
}

// holdRaw adds the holdings of the payload of an accepted version.
func (in *Incoming) holdRaw(list []gdpr.Holding) []gdpr.Holding {
	for _, subject := range in.RawOf {
		list = append(list, gdpr.Holding{Tenant: in.Tenant, Subject: subject, Place: gdpr.InRaws, Row: string(in.RawRef)})
	}
	return list
}

// hold registers the payloads, and the orders that hold data of other people than before, and locks the line of everybody
// whose data is written. It is one call, so that two transactions lock people in the same order and never wait for each
// other in a circle. An order whose people stay the same and are all in its payload needs no more: they are registered
// with it already, and the payload locks them. Whoever an order held and does not hold any more has left it.
func (s *Service) hold(ctx context.Context, tx hub.Tx, states map[Key]*state, list []gdpr.Holding) error {
	var left []gdpr.Holding
	for _, st := range states {
		if st.SealedAt == st.before.SealedAt { // nothing was sealed
			continue
		}
		now, ok := st.people()
		if !ok {
			return hub.Errorf(hub.KindInternal, "registering order", "the parts of %s do not tell whose they are", st.ID)
		}
		before, ok := st.before.people()
		if ok && slices.Equal(now, before) && within(now, st.rawOf) {
			continue
		}
		list = append(list, st.holdings(now)...)
		left = append(left, st.holdings(without(before, now))...)
	}
	if len(list) > 0 {
		slices.SortFunc(list, compareHoldings)
		if err := s.register.Hold(ctx, tx, slices.Compact(list)); err != nil {
			return err
		}
	}
	if len(left) == 0 {
		return nil
	}
	slices.SortFunc(left, compareHoldings)
	return s.register.Leave(ctx, tx, left)
}

// holdings are of the order's row.
func (s *Stored) holdings(subjects []gdpr.SubjectID) (list []gdpr.Holding) {
	for _, subject := range subjects {
		list = append(list, gdpr.Holding{Tenant: s.Tenant, Subject: subject, Place: gdpr.InOrders, Row: string(s.ID)})
	}
	return list
}

// without returns those of list that are not in among.
func without(list, among []gdpr.SubjectID) []gdpr.SubjectID {
	return slices.DeleteFunc(slices.Clone(list), func(s gdpr.SubjectID) bool { return slices.Contains(among, s) })
}

// within reports whether all of list are in among.
func within(list, among []gdpr.SubjectID) bool { return len(without(list, among)) == 0 }

func compareHoldings(a, b gdpr.Holding) int {
	return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Place, b.Place), cmp.Compare(a.Row, b.Row))
}
