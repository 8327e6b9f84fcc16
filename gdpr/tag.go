package gdpr

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"hub"
)

// What a tag seals: the version of the slot's key (4), then nonce, inner hash (32) and subject id (16) as ciphertext, and
// the authentication tag.
const (
	tagLabel   = "hub tag 1"
	tagSize    = 4 + gcmSize + 32 + 16
	ownerLabel = "hub subject owner 1"
)

// indexEntry is what a tag says: that what hashes to inner leads to a subject.
type indexEntry struct {
	inner    [32]byte
	subject  [16]byte
	owner    [16]byte
	identity bool
}

// ownerOf is what all tags of a subject share, so that they can be deleted together; only the subject's key yields it.
func ownerOf(secret *[32]byte) [16]byte { return [16]byte(subkey(secret, ownerLabel, 16)) }

// tag returns the row of e under the newest key of its slot.
func (r *Keyring) tag(e indexEntry) Tag {
	slot := BucketOf(e.inner[:])
	key := r.newest(slot)
	d := key.indexKeys()
	t := Tag{Tag: r.tools.tagOf(key, e.inner), Slot: slot, Owner: e.owner[:], Identity: e.identity, Generation: r.generation}
	if t.Link = t.Tag; !e.identity {
		t.Link = r.tools.linkOf(key, e)
	}
	plain := append(e.inner[:], e.subject[:]...)
	head := binary.BigEndian.AppendUint32(make([]byte, 0, tagSize), key.version)
	t.Sealed = r.tools.gcm(&d.seal).Seal(head, nil, plain, t.bound())
	return t
}

// tagOf is what a search for inner computes.
func (k *slotKey) tagOf(inner [32]byte) []byte { return (*tools)(nil).tagOf(k, inner) }

func (t *tools) tagOf(k *slotKey, inner [32]byte) []byte {
	tag := t.keyed(&k.indexKeys().tag, inner[:])
	return tag[:]
}

// linkOf is unique for each pair of inner hash and subject, and for an identity for the inner hash: it has one subject.
func (k *slotKey) linkOf(e indexEntry) []byte { return (*tools)(nil).linkOf(k, e) }

func (t *tools) linkOf(k *slotKey, e indexEntry) []byte {
	if e.identity {
		return t.tagOf(k, e.inner)
	}
	link := t.keyed(&k.indexKeys().tag, append(e.inner[:], e.subject[:]...))
	return link[:]
}

// bound is what is authenticated with the sealed part. Tag and link are not: opening computes them anew.
func (t Tag) bound() []byte {
	flag := byte(0)
	if t.Identity {
		flag = 1
	}
	return append(part(parts(tagLabel), t.Owner), flag)
}

// read opens a tag. All of it is compared with what it should be; what differs is hub.CodeUnreadable. Its cause is
// errBehind when the slot has no key of that version, which a newer keyring may have.
func (r *Keyring) read(op string, t Tag) (e indexEntry, err error) {
	e, _, err = r.readVersion(op, t)
	return e, err
}

// LeadsTo returns the subject that a tag leads to; false when the tag does not open.
func (r *Keyring) LeadsTo(t Tag) (SubjectID, bool) {
	e, err := r.read(opFind, t)
	return SubjectID(idText(SubjectPrefix, e.subject)), err == nil
}

func (r *Keyring) readVersion(op string, t Tag) (e indexEntry, version uint32, err error) {
	if len(t.Sealed) != tagSize || len(t.Owner) != 16 || t.Slot.IsWeek() {
		return e, 0, damagedTag(op, t)
	}
	version = binary.BigEndian.Uint32(t.Sealed)
	key, err := r.version(op, "", t.Slot, version)
	if err != nil {
		return e, 0, &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeUnreadable, Op: op, Subject: t.Name(), Err: errBehind}
	}
	d := key.indexKeys()
	plain, err := r.tools.gcm(&d.seal).Open(nil, nil, t.Sealed[4:], t.bound())
	if err != nil || len(plain) != 48 {
		return e, 0, damagedTag(op, t)
	}
	e = indexEntry{inner: [32]byte(plain), subject: [16]byte(plain[32:]), owner: [16]byte(t.Owner), identity: t.Identity}
	tag := r.tools.tagOf(key, e.inner)
	link := tag
	if !e.identity {
		link = r.tools.linkOf(key, e)
	}
	if BucketOf(e.inner[:]) != t.Slot || !hmac.Equal(t.Tag, tag) || !hmac.Equal(t.Link, link) {
		return e, 0, damagedTag(op, t)
	}
	return e, version, nil
}

func damagedTag(op string, t Tag) error {
	return &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeUnreadable, Op: op, Subject: t.Name()}
}

// same reports whether two rows are equal in all that says whom they lead to.
func (t Tag) same(o Tag) bool {
	return t.Slot == o.Slot && t.Identity == o.Identity && bytes.Equal(t.Link, o.Link) && bytes.Equal(t.Tag, o.Tag) &&
		bytes.Equal(t.Owner, o.Owner) && bytes.Equal(t.Sealed, o.Sealed)
}

// Sum is a hash of all that says whom the row leads to.
func (t Tag) Sum() [32]byte {
	return sha256.Sum256(part(part(part(binary.BigEndian.AppendUint32(t.bound(), uint32(t.Slot)), t.Link), t.Tag), t.Sealed))
}

// Name tells a tag in a text for people: a few bytes of a hash that needs a key of the keyring to compute.
func (t Tag) Name() string { return "tag " + hex.EncodeToString(t.Link[:min(4, len(t.Link))]) }

// Retag returns the tag under the newest key of its slot; changed is false when it is already. Its link changes with it.
// Either way it was opened, and what is new was opened again and compared. Nothing personal is needed for it.
func (r *Keyring) Retag(t Tag) (_ Tag, changed bool, err error) {
	e, version, err := r.readVersion(opRewrap, t)
	if err != nil {
		return Tag{}, false, err
	}
	if version == r.newest(t.Slot).version {
		return t, false, nil
	}
	next := r.tag(e)
	next.Generation = t.Generation
	if again, err := r.read(opRewrap, next); err != nil || again != e {
		return Tag{}, false, hub.Errorf(hub.KindInternal, opRewrap, "%s does not open as it was sealed", t.Name())
	}
	return next, true, nil
}

// versions returns the keys with which a row of the slot can be tagged: one, or two during a forget cycle.
func (r *Keyring) versions(s Slot) []*slotKey {
	at, _ := r.find(s)
	return slices.DeleteFunc([]*slotKey{r.slots[at].now, r.slots[at].old}, func(k *slotKey) bool { return k == nil })
}
