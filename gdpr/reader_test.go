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
	"path/filepath"
	"testing"

	"hub"
	"hub/gdpr"
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

// docRoot reads a root file.
func docRoot(file string) (root string, err error) {
	if len(file) != 48 || file[:8] != "hubroot\x01" || file[44:] != docCRC(file[:44]) {
		return "", errors.New("not a root file")
	}
	return file[12:44], nil
}

// docUnwrap opens a wrapped key.
func docUnwrap(root, label, wrapped string, row ...string) (string, error) {
	if len(wrapped) != 88 || wrapped[:4] != "HW\x01\x00" || wrapped[24:28] != docCRC(wrapped[:24]) {
		return "", errors.New("not a wrapped key")
	}
	if wrapped[8:24] != docHKDF(root, "hub root id 1", 16) {
		return "", errors.New("another root")
	}
	aad := docParts(append([]string{"hub wrapped key 1"}, row...)...) + docParts(wrapped[:28])
	return docGCM(docHKDF(root, label, 32), aad, wrapped[28:])
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
func docVault(root string, rows []gdpr.WrappedKey) func(prefix, raw string) (string, error) {
	return func(prefix, raw string) (string, error) {
		for _, r := range rows {
			if r.ID == docID(prefix, raw) {
				return docUnwrap(root, "hub vault wrap 1", string(r.Wrapped), string(r.Kind), r.ID, string(r.Tenant), string(r.Tag),
					string(r.Connection), string(r.Class), string(r.Week))
			}
		}
		return "", errors.New("key gone")
	}
}

func TestIndependentReader(t *testing.T) {
	dir := t.TempDir()
	made := createRoot(t, dir)
	rootKey, err := docRoot(string(read(t, filepath.Join(dir, "forget", "root.1"))))
	if err != nil {
		t.Fatal(err)
	}
	v := newVault()
	k := gdpr.NewKeys(made, v, ids, clock, gdpr.Options{})
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
	for i, e := range envelopes {
		got, err := docOpen(e, tenant, table, row, class, version, docVault(rootKey, v.All()))
		if err != nil || got != canary {
			t.Errorf("envelope %d: %q, %v", i, got, err)
		}
		if _, err := docOpen(e, tenant, table, "ord_2", class, version, docVault(rootKey, v.All())); err == nil {
			t.Errorf("envelope %d opens at another place: this reader proves nothing", i)
		}
	}
	v.Destroy(string(one.Subjects()[0]))
	for i, e := range envelopes {
		_, err := docOpen(e, tenant, table, row, class, version, docVault(rootKey, v.All()))
		if dead := i < 2; (err != nil) != dead {
			t.Errorf("envelope %d after the first subject's death: %v", i, err)
		}
	}
}

func TestIndependentReaderOfIntake(t *testing.T) {
	dir := t.TempDir()
	made := createRoot(t, dir)
	rootKey, err := docRoot(string(read(t, filepath.Join(dir, "forget", "root.1"))))
	if err != nil {
		t.Fatal(err)
	}
	k, err := gdpr.OpenIntakeKey(ctx, filepath.Join(dir, "intake"), made)
	if err != nil {
		t.Fatal(err)
	}
	e, err := k.Seal(nil, walPlace, []byte(canary))
	if err != nil {
		t.Fatal(err)
	}
	file := string(read(t, filepath.Join(dir, "intake", "intake.key")))
	if len(file) != 112 || file[:8] != "hubintk\x01" {
		t.Fatal("not an intake key file")
	}
	find := func(_, raw string) (string, error) {
		if raw != file[8:24] {
			return "", errors.New("another intake key")
		}
		return docUnwrap(rootKey, "hub intake wrap 1", file[24:], "intake", raw, "", "", "", "", "")
	}
	if got, err := docOpen(string(e), "", "wal", "con_1", "P1", 0, find); err != nil || got != canary {
		t.Errorf("%q, %v", got, err)
	}
}

// TestDocumentedHashes computes tags, delivery key and digest by the document.
func TestDocumentedHashes(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	s := sealFor(t, k, holder(customer("77"), gdpr.SubjectRef{Order: "88"}))
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
	tenantRow := rows[sha("hub tenant tag 1", "ten_a")]
	rootKey := string([]byte{1, 2, 3}) + string(make([]byte, 29))
	tk, err := docUnwrap(rootKey, "hub vault wrap 1", string(tenantRow.Wrapped), "tenant", tenantRow.ID, "ten_a", string(tenantRow.Tag), "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	index := docHKDF(tk, "hub tenant index 1", 32)
	for tag, want := range map[string]string{
		sha("hub lot tag 1", "ten_a", "con_a", "order", "2026-W47"): string(s.Lot()),
		docHMAC(index, docParts("con_a", "customer", "77")):         string(s.Subjects()[0]),
		docHMAC(index, docParts("con_a", "order", "88")):            string(s.Subjects()[1]),
		sha("hub credential tag 1", "ten_a", "con_a", ""):           "ck_",
		sha("hub tenant tag 1", "ten_a"):                            "tk_",
	} {
		if got := rows[tag].ID; got == "" || got[:len(want)] != want {
			t.Errorf("a documented tag finds %q, want %q", got, want)
		}
	}
	body := sha256.Sum256([]byte("body"))
	delivery := tenantKeys(t, k, "ten_a").DeliveryKey("con_a", "orders/create", "d1", []byte("body"))
	if want := docHMAC(docHKDF(tk, "hub tenant delivery 1", 32), docParts("con_a", "orders/create", "d1", string(body[:]))); string(delivery[:]) != want {
		t.Error("delivery key differs from the document")
	}
	digest := tenantKeys(t, k, "ten_a").Digest([]byte("a"), nil, []byte("b"))
	if want := docHMAC(docHKDF(tk, "hub tenant digest 1", 32), docParts("a", "", "b")); string(digest[:]) != want {
		t.Error("digest differs from the document")
	}
}
