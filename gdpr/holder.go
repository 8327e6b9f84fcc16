package gdpr

import (
	"crypto/sha256"
	"slices"

	"hub"
)

// LotClass says which retention a lot has.
type LotClass string

// The classes of lots.
const (
	LotRaw      LotClass = "raw"      // payloads as received, sealed under all subjects of the order
	LotUnparsed LotClass = "unparsed" // what could not be attributed to anybody, sealed under the lot alone
	LotOrder    LotClass = "order"    // the personal fields of orders
)

// Holder says whose data is to be sealed. A value that cannot be attributed to one person belongs to all subjects of
// the order together and dies with the first of them; what could not be parsed belongs to nobody, so its lot is
// LotUnparsed and it has no subjects.
type Holder struct {
	Tenant     hub.TenantID
	Connection hub.ConnectionID
	Subjects   []SubjectRef // without order and repetition mattering; at most 32
	Lot        LotClass
	Week       Week // of the order, or of receipt where there is none
}

// SubjectRef is what a platform calls a person: the customer's id, or for a guest the order's. Exactly one is set.
// Subjects of two connections are never the same, whatever their ids.
type SubjectRef struct {
	Customer hub.ExternalID
	Order    hub.ExternalID
}

const opSeals = "preparing to seal"

func (h Holder) check() error {
	ok := h.Tenant != "" && h.Connection != "" && h.Week.valid() && len(h.Subjects) <= maxSubjects
	switch h.Lot {
	case LotUnparsed:
		ok = ok && len(h.Subjects) == 0
	case LotRaw, LotOrder:
		ok = ok && len(h.Subjects) > 0
	default:
		ok = false
	}
	for _, s := range h.Subjects {
		ok = ok && (s.Customer == "") != (s.Order == "")
	}
	if !ok {
		return hub.Errorf(hub.KindInvalid, opSeals, "holder is incomplete or contradicts itself")
	}
	return nil
}

// wants lists the keys that h needs: the subjects, each once, and then the lot.
func (h Holder) wants(t *TenantKeys) []want {
	list := make([]want, 0, len(h.Subjects)+1)
	for _, s := range h.Subjects {
		w := want{kind: KindSubject, tenant: h.Tenant, tag: t.subjectTag(h.Connection, s)}
		if !slices.Contains(list, w) {
			list = append(list, w)
		}
	}
	return append(list, want{kind: KindLot, tenant: h.Tenant, tag: h.lotTag(),
		connection: h.Connection, class: h.Lot, week: h.Week})
}

// lotTag needs no key, because nothing of a lot is personal and its row says the same in clear.
func (h Holder) lotTag() [32]byte {
	return sha256.Sum256(parts("hub lot tag 1", string(h.Tenant), string(h.Connection), string(h.Lot), string(h.Week)))
}
