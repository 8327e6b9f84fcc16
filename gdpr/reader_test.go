package gdpr_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"hub"
	"hub/gdpr"
	"hub/gdpr/gdprtest"
)

// The functions of this file are written from docs/format-sealed.md alone. They use no function and no constant of
// package gdpr, and HKDF and the splitting of GCM are spelled out.

func docParts(list ...string) string {
	s := ""
	for _, p := range list {
		s += string(binary.BigEndian.AppendUint32(nil, uint32(len(p)))) + p
	}
	return s
}

func docHMAC(key, message string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(message))
	return string(mac.Sum(nil))
}

func docExpand(prk, info string, n int) string {
	out, block := "", ""
	for i := byte(1); len(out) < n; i++ {
		block = docHMAC(prk, block+info+string([]byte{i}))
		out += block
	}
	return out[:n]
}

func docExtract(salt, key string) string {
	if salt == "" {
		salt = string(make([]byte, 32))
	}
	return docHMAC(salt, key)
}

func docHKDF(key, label string, n int) string { return docExpand(docExtract("", key), label, n) }

func docGCM(key, aad, sealed string) (string, error) {
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		return "", err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return "", err
	}
	if len(sealed) < 28 {
		return "", errors.New("too short")
	}
	b, err := aead.Open(nil, []byte(sealed[:12]), []byte(sealed[12:]), []byte(aad))
	return string(b), err
}

func docCRC(s string) string {
	sum := crc32.Checksum([]byte(s), crc32.MakeTable(crc32.Castagnoli))
	return string(binary.BigEndian.AppendUint32(nil, sum))
}

// docRing is a keyring: of each slot the keys by version.
type docRing map[uint32]map[uint32]string

func u32(s string) uint32 { return binary.BigEndian.Uint32([]byte(s)) }

// docKeyring opens a sealed keyring.
func docKeyring(root, blob string) (docRing, error) {
	if len(blob) < 40 || blob[:8] != "hubring\x01" || blob[36:40] != docCRC(blob[:36]) {
		return nil, errors.New("not a keyring")
	}
	if blob[12:28] != docHKDF(root, "hub root id 1", 16) {
		return nil, errors.New("another root")
	}
	plain, err := docGCM(docHKDF(root, "hub keyring 1", 32), docParts("hub keyring 1", blob[:40]), blob[40:])
	if err != nil {
		return nil, err
	}
	ring := docRing{}
	n, plain := u32(plain), plain[4:]
	for range n {
		slot, keys := u32(plain), map[uint32]string{u32(plain[4:]): plain[8:40]}
		old := u32(plain[40:])
		if plain = plain[44:]; old != 0 {
			keys[old], plain = plain[:32], plain[32:]
		}
		ring[slot] = keys
	}
	if len(plain) != 0 {
		return nil, errors.New("bytes behind the last slot")
	}
	return ring, nil
}

func docBucket(raw string) uint32 { return uint32(raw[len(raw)-2])<<8 | uint32(raw[len(raw)-1]) }

// docUnwrap opens the wrapped key of a row.
func docUnwrap(ring docRing, r gdpr.WrappedKey) (string, error) {
	w := string(r.Wrapped)
	if len(w) != 92 || w[:4] != "HW\x02\x00" || w[28:32] != docCRC(w[:28]) {
		return "", errors.New("not a wrapped key")
	}
	key, ok := ring[u32(w[4:])][u32(w[8:])]
	if !ok {
		return "", errors.New("key of the slot gone")
	}
	if w[12:28] != docHKDF(key, "hub slot id 1", 16) {
		return "", errors.New("another keyring")
	}
	aad := docParts("hub wrapped key 2", string(r.Kind), r.ID, string(r.Tenant), string(r.Tag), string(r.Connection),
		string(r.Class), string(r.Week), string(r.Expires)) + docParts(w[:32])
	return docGCM(docHKDF(key, "hub slot wrap 1", 32), aad, w[32:])
}

// docTag reads what a tag leads to, and checks it.
func docTag(ring docRing, t gdpr.Tag) (inner, subject string, err error) {
	sealed, flag := string(t.Sealed), "\x00"
	if t.Identity {
		flag = "\x01"
	}
	key, ok := ring[uint32(t.Slot)][u32(sealed)]
	if !ok {
		return "", "", errors.New("key of the slot gone")
	}
	aad := docParts("hub tag 1", string(t.Owner)) + flag
	plain, err := docGCM(docHKDF(key, "hub slot tag seal 1", 32), aad, sealed[4:])
	if err != nil {
		return "", "", err
	}
	inner, subject = plain[:32], plain[32:]
	tagKey := docHKDF(key, "hub slot tag 1", 32)
	link := docHMAC(tagKey, inner+subject)
	if t.Identity {
		link = docHMAC(tagKey, inner)
	}
	if uint32(t.Slot) != docBucket(inner) || string(t.Tag) != docHMAC(tagKey, inner) || string(t.Link) != link {
		return "", "", errors.New("the tag contradicts what it seals")
	}
	return inner, subject, nil
}

// docOpen opens an envelope of any format; key finds a key by its 16 bytes and prefix.
func docOpen(e, tenant, table, row, class string, version uint64, key func(prefix, raw string) (string, error)) (string, error) {
	if len(e) < 4 || e[:2] != "HE" {
		return "", errors.New("not an envelope")
	}
	at, secret, salt := 4, "", ""
	var prefixes []string
	switch e[2] {
	case 1:
		for range e[3] {
			prefixes = append(prefixes, "sub_")
		}
		prefixes = append(prefixes, "lot_")
	case 2:
		prefixes = []string{""}
	case 3:
		prefixes = []string{"ck_"}
	}
	for _, prefix := range prefixes {
		k, err := key(prefix, e[at:at+16])
		if err != nil {
			return "", err
		}
		secret, at = secret+k, at+16
	}
	if e[2] == 2 {
		salt, at = e[at:at+32], at+32
	}
	both := docExpand(docExtract(salt, secret), docParts("hub row key 1", tenant, class, e[2:3]), 64)
	if e[at:at+32] != both[32:] || e[at+32:at+36] != docCRC(e[:at+32]) {
		return "", errors.New("commitment or checksum")
	}
	aad := docParts("hub sealed value 1", tenant, table, row, class) + string(binary.BigEndian.AppendUint64(nil, version)) + docParts(e[:at+36])
	return docGCM(both[:32], aad, e[at+36:])
}

func docID(prefix, raw string) string {
	return prefix + base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding).EncodeToString([]byte(raw))
}

// docVault returns a finder of keys in the vault's rows.
func docVault(ring docRing, rows []gdpr.WrappedKey) func(prefix, raw string) (string, error) {
	return func(prefix, raw string) (string, error) {
		for _, r := range rows {
			if r.ID == docID(prefix, raw) {
				return docUnwrap(ring, r)
			}
		}
		return "", errors.New("key gone")
	}
}

// docRootFile makes a root file of a chosen key and returns the store over it.
func docRootFile(t *testing.T, key string) gdpr.RootStore {
	t.Helper()
	dir := t.TempDir()
	file := "hubroot\x01" + "\x00\x00\x00\x01" + key
	if err := os.Mkdir(filepath.Join(dir, "forget"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "forget", "root.1"), []byte(file+docCRC(file)), 0o600); err != nil {
		t.Fatal(err)
	}
	return gdpr.OpenFileRoots(dir, clock, dir)
}

func docOpenRing(t *testing.T, v gdpr.Vault, root string) docRing {
	t.Helper()
	sealed, err := v.Keyrings(ctx)
	if err != nil || len(sealed) != 1 {
		t.Fatal(len(sealed), err)
	}
	ring, err := docKeyring(root, string(sealed[0].Blob))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestIndependentReader(t *testing.T) {
	rootKey := "thirty-two bytes of a root key.."
	v := newVault()
	k := gdpr.NewKeys(docRootFile(t, rootKey), v, ids, clock, gdpr.Options{})
	p := gdpr.Place{Tenant: "ten_a", Table: "orders", Row: "ord_ü", Class: hub.P2, Version: -7}
	tenant, table, row, class, version := "ten_a", "orders", "ord_ü", "P2", uint64(1<<64-7)
	one := sealFor(t, k, holder(customer("1")))
	envelopes := []string{
		string(sealed(t, one, p, canary)),
		string(sealed(t, sealFor(t, k, holder(customer("1"), customer("2"), gdpr.SubjectRef{Order: "3"})), p, canary)),
		string(sealed(t, sealFor(t, k, gdpr.Holder{Tenant: "ten_a", Connection: "con_a", Lot: gdpr.LotUnparsed, Week: week}), p, canary)),
	}
	credential, err := k.SealCredential(ctx, gdpr.CredentialOwner{App: "app_1"}, p, []byte(canary))
	if err != nil {
		t.Fatal(err)
	}
	envelopes = append(envelopes, string(credential))
	ring := docOpenRing(t, v, rootKey)
	for i, e := range envelopes {
		got, err := docOpen(e, tenant, table, row, class, version, docVault(ring, v.All()))
		if err != nil || got != canary {
			t.Errorf("envelope %d: %q, %v", i, got, err)
		}
		if _, err := docOpen(e, tenant, table, "ord_2", class, version, docVault(ring, v.All())); err == nil {
			t.Errorf("envelope %d opens at another place: this reader proves nothing", i)
		}
	}
	v.Destroy(string(one.Subjects()[0]))
	for i, e := range envelopes {
		_, err := docOpen(e, tenant, table, row, class, version, docVault(ring, v.All()))
		if dead := i < 2; (err != nil) != dead {
			t.Errorf("envelope %d after the first subject's death: %v", i, err)
		}
	}
}

// TestIndependentReaderBetweenKeys reads a keyring in the middle of a forget cycle.
func TestIndependentReaderBetweenKeys(t *testing.T) {
	v, made := populated(t, 3)
	rootKey := string([]byte{1, 2, 3}) + string(make([]byte, 29))
	rows := v.All()
	next := made.Renewed([]gdpr.Slot{rows[0].Slot, rows[1].Slot})
	ring, err := docKeyring(rootKey, string(next.Sealed(root, 2).Blob))
	if err != nil {
		t.Fatal(err)
	}
	done, err := docKeyring(rootKey, string(next.Finished(nil).Sealed(root, 3).Blob))
	if err != nil {
		t.Fatal(err)
	}
	after, _, err := next.Rewrap(rows[0])
	if err != nil {
		t.Fatal(err)
	}
	before, err := docUnwrap(ring, rows[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []docRing{ring, done} {
		if got, err := docUnwrap(r, after); err != nil || got != before {
			t.Errorf("wrapped again: %v", err)
		}
	}
	if _, err := docUnwrap(done, rows[0]); err == nil {
		t.Error("the former bytes open under the finished keyring")
	}
}

// TestDocumentedHashes computes tags, tombstone, owner, delivery key and digest by the document.
func TestDocumentedHashes(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	h := holder(customer("77"), gdpr.SubjectRef{Order: "88"}, gdpr.SubjectRef{Order: "88", Role: gdpr.RolePayer, Name: "anna"})
	h.People[0].Identifiers = []gdpr.Identifier{email("A@example.com")}
	s := sealFor(t, k, h)
	if _, err := k.SealCredential(ctx, gdpr.CredentialOwner{Connection: "con_a"}, place, nil); err != nil {
		t.Fatal(err)
	}
	sha := func(list ...string) string {
		sum := sha256.Sum256([]byte(docParts(list...)))
		return string(sum[:])
	}
	rows := map[string]gdpr.WrappedKey{}
	for _, r := range v.All() {
		rows[string(r.Tag)] = r
	}
	ring := docOpenRing(t, v, string([]byte{1, 2, 3})+string(make([]byte, 29)))
	tk, err := docUnwrap(ring, rows[sha("hub tenant tag 1", "ten_a")])
	if err != nil {
		t.Fatal(err)
	}
	subjects := map[string]string{}
	for _, id := range s.Subjects() {
		raw, err := base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding).DecodeString(string(id[4:]))
		if err != nil {
			t.Fatal(err)
		}
		subjects[string(id)] = string(raw)
	}
	for tag, want := range map[string]string{
		sha("hub lot tag 2", "ten_a", "con_a", "order", "2026-W47", "2028-W47"): string(s.Lot()),
		sha("hub subject key tag 1", subjects[string(s.Subjects()[0])]):         string(s.Subjects()[0]),
		sha("hub credential tag 1", "ten_a", "con_a", ""):                       "ck_",
		sha("hub tenant tag 1", "ten_a"):                                        "tk_",
	} {
		r := rows[tag]
		if got := r.ID; got == "" || got[:len(want)] != want {
			t.Errorf("a documented tag finds %q, want %q", got, want)
		}
		if slot := uint32(r.Slot); r.Kind == gdpr.KindLot && slot != 65536+(2028-1970)*52+10+46+1 {
			t.Errorf("2028-W47 has slot 65536 + %d", slot-65536)
		}
	}
	docIndex(t, ring, v, tk, s)
	body := sha256.Sum256([]byte("body"))
	delivery := tenantKeys(t, k, "ten_a").DeliveryKey("con_a", "orders/create", "d1", []byte("body"))
	if want := docHMAC(docHKDF(tk, "hub tenant delivery 1", 32), docParts("con_a", "orders/create", "d1", string(body[:]))); string(delivery[:]) != want {
		t.Error("delivery key differs from the document")
	}
	digest := tenantKeys(t, k, "ten_a").Digest([]byte("a"), nil, []byte("b"))
	if want := docHMAC(docHKDF(tk, "hub tenant digest 1", 32), docParts("a", "", "b")); string(digest[:]) != want {
		t.Error("digest differs from the document")
	}
	hashes, err := k.TombstoneHashes(ctx, "ten_a", v.Tags())
	inner := docHMAC(docHKDF(tk, "hub tenant index 1", 32), docParts("con_a", "order", "88"))
	if want := docHMAC(docHKDF(tk, "hub tenant tombstone 1", 32), inner); err != nil || len(hashes) != 3 ||
		len(hashes[s.Subjects()[1]]) != 1 || string(hashes[s.Subjects()[1]][0]) != want {
		t.Errorf("tombstone differs from the document: %v", err)
	}
}

// docIndex reads all tags and holds them against what the document says of the people of TestDocumentedHashes.
func docIndex(t *testing.T, ring docRing, v *gdprtest.Memory, tk string, s *gdpr.Seal) {
	t.Helper()
	index := docHKDF(tk, "hub tenant index 1", 32)
	want := map[string]gdpr.SubjectID{
		docHMAC(index, docParts("con_a", "customer", "77")):              s.Subjects()[0],
		docHMAC(index, docParts("con_a", "order", "88")):                 s.Subjects()[1],
		docHMAC(index, docParts("con_a", "payer", "88", "anna")):         s.Subjects()[2],
		docHMAC(index, docParts("identifier", "email", "a@example.com")): s.Subjects()[0],
	}
	for _, tag := range v.Tags() {
		inner, raw, err := docTag(ring, tag)
		if err != nil || docID("sub_", raw) != string(want[inner]) {
			t.Errorf("a tag leads to %s, %v; want %s", docID("sub_", raw), err, want[inner])
		}
		delete(want, inner)
		sk, err := docVault(ring, v.All())("sub_", raw)
		if err != nil || string(tag.Owner) != docHKDF(sk, "hub subject owner 1", 16) {
			t.Errorf("owner differs from the document: %v", err)
		}
	}
	if len(want) != 0 {
		t.Errorf("%d tags are missing", len(want))
	}
}
