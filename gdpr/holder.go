package gdpr

import (
	"crypto/sha256"
	"slices"
	"time"

	"hub"
)

// LotClass says which retention a lot has.
type LotClass string

// The classes of lots.
const (
	LotRaw      LotClass = "raw"      // payloads as received, sealed under all subjects of the order
	LotUnparsed LotClass = "unparsed" // what could not be attributed to anybody, sealed under a key of its own
	LotOrder    LotClass = "order"    // the personal fields of orders
)

// Holder says whose data is to be sealed. A value that cannot be attributed to one person belongs to all subjects of
// the order together and dies with the first of them; what could not be parsed belongs to nobody, so its lot is
// LotUnparsed and its only subject is itself, if it has one.
type Holder struct {
	Tenant     hub.TenantID
	Connection hub.ConnectionID
	People     []Person // without order and repetition mattering; at most 32
	Lot        LotClass
	Week       Week // of the order, or of receipt where there is none
}

const opSeals = "preparing to seal"

// maxIdentifiers of one person: an e-mail address, telephone numbers of two addresses, a tax id, and room.
const maxIdentifiers = 8

func (h Holder) check() error {
	ok := h.Tenant != "" && h.Connection != "" && h.Week.valid() && len(h.People) <= maxSubjects
	switch h.Lot {
	case LotUnparsed:
		ok = ok && len(h.People) <= 1
	case LotRaw, LotOrder:
		ok = ok && len(h.People) > 0
	default:
		ok = false
	}
	for _, p := range h.People {
		ok = ok && (p.Unparsed != "") == (h.Lot == LotUnparsed) && p.sound() && len(p.Identifiers) <= maxIdentifiers && !slices.ContainsFunc(p.Identifiers, notSound)
	}
	if !ok {
		return hub.Errorf(hub.KindInvalid, opSeals, "holder is incomplete or contradicts itself")
	}
	return nil
}

func notSound(i Identifier) bool { return !i.sound() }

// sound reports whether s names one person.
func (s SubjectRef) sound() bool {
	switch s.Role {
	case RoleBuyer:
		named := 0
		for _, set := range []bool{s.Customer != "", s.Order != "", s.Unparsed != ""} {
			if set {
				named++
			}
		}
		return named == 1 && s.Name == ""
	case RoleRecipient, RolePayer:
		return s.Customer == "" && s.Unparsed == "" && s.Order != "" && s.Name != ""
	}
	return false
}

const day = 24 * time.Hour

// DefaultRetention is how long lots of a class are kept where nobody says otherwise.
func DefaultRetention(class LotClass) time.Duration {
	switch class {
	case LotRaw:
		return 90 * day
	case LotUnparsed:
		return 30 * day
	}
	return 730 * day
}

// lot describes the lot of h. It expires with the week in which what came last in h.Week is as old as the retention. A week
// in the future counts as the present one, or an absurd date in a payload would keep a person for ever.
func (h Holder) lot(now time.Time, retention time.Duration) want {
	last := min(h.Week, WeekOf(now)).start().Add(weekLength - 1)
	w := want{kind: KindLot, tenant: h.Tenant, connection: h.Connection, class: h.Lot, week: h.Week, expires: WeekOf(last.Add(retention))}
	w.tag = w.lotTag()
	return w
}

// lotTag needs no key, because nothing of a lot is personal and its row says the same in clear.
func (w want) lotTag() [32]byte {
	return sha256.Sum256(parts("hub lot tag 2", string(w.tenant), string(w.connection), string(w.class), string(w.week), string(w.expires)))
}

// over reports whether the week has ended.
func (w Week) over(now time.Time) bool { return w < WeekOf(now) }
