package gdpr

import (
	"encoding/binary"
	"slices"

	"hub"
)

// Codes of this package, beside hub.CodeUnreadable.
const (
	// CodeKeyGone: a key that the value needs is not in the vault. It was erased, has aged out, or the vault is older
	// than the value. The kind is not found; nothing about it is retried into success, and it is never parked.
	CodeKeyGone hub.Code = "key_gone"
	// CodeRootMismatch: a key was wrapped under another root than the loaded one. That is a wrong HUB_KEYS, not trouble
	// with one value, so it is never parked.
	CodeRootMismatch hub.Code = "root_mismatch"
)

// Place is where a sealed value rests. All of it is authenticated: a value that was copied to another place, or put
// back after its row has moved on to another version, does not open.
type Place struct {
	Tenant  hub.TenantID
	Table   string    // the table or file, as "orders" or "wal"
	Row     string    // the row's identifier, never anything personal: error texts name it
	Class   hub.Class // of the field or blob
	Version int64     // the row's version, such as the order's revision; 0 where rows never change
}

const placeLabel = "hub sealed value 1"

// additional appends the data that is authenticated with a value: the place, and the header in front of the ciphertext.
func (p Place) additional(b, header []byte) []byte {
	b = slices.Grow(b, 5*4+len(placeLabel)+len(p.Tenant)+len(p.Table)+len(p.Row)+len(p.Class)+8+4+len(header))
	b = part(b, placeLabel)
	b = part(b, p.Tenant)
	b = part(b, p.Table)
	b = part(b, p.Row)
	b = part(b, p.Class)
	b = binary.BigEndian.AppendUint64(b, uint64(p.Version))
	return part(b, header)
}

// OrderPlace is where one part of the personal data of an order rests, sealed at a revision.
func OrderPlace(t hub.TenantID, id hub.OrderID, part hub.PersonalPart, revision int64) Place {
	return Place{Tenant: t, Table: "orders/" + string(part), Row: string(id), Class: hub.P1, Version: revision}
}

// ParkedPlace is where the bytes of a parked delivery rest.
func ParkedPlace(t hub.TenantID, id hub.ParkedID) Place {
	return Place{Tenant: t, Table: "parked", Row: string(id), Class: hub.P1}
}

// check refuses a place that leaves open where the value rests. Only what the intake seals may have no tenant yet.
func (p Place) check(op string) error {
	if p.Table == "" || p.Row == "" || p.Class == "" {
		return hub.Errorf(hub.KindInvalid, op, "place without table, row or class")
	}
	return nil
}

// String names the place without its tenant, for error texts.
func (p Place) String() string { return p.Table + "/" + p.Row }

const opOpen = "opening sealed value"

func (p Place) unreadable() error {
	return &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeUnreadable, Op: opOpen, Subject: p.String()}
}

func (p Place) gone() error {
	return &hub.Error{Kind: hub.KindNotFound, Code: CodeKeyGone, Op: opOpen, Subject: p.String()}
}
