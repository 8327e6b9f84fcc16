package stranger

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
)

func u32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }

func crc(b []byte) []byte {
	return binary.BigEndian.AppendUint32(nil, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

func part(x []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(x))), x...) }

func parts(list ...string) (b []byte) {
	for _, x := range list {
		b = append(b, part([]byte(x))...)
	}
	return b
}

func derive(key []byte, label string, n int) []byte {
	b, err := hkdf.Key(sha256.New, key, nil, label, n)
	if err != nil {
		panic(err)
	}
	return b
}

// unseal opens nonce ‖ ciphertext ‖ tag; nil when it does not open.
func unseal(key, aad, sealed []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil || len(sealed) < 28 {
		return nil
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil
	}
	plain, err := gcm.Open(nil, sealed[:12], sealed[12:], aad)
	if err != nil {
		return nil
	}
	return plain
}

var alphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

func idText(prefix string, raw []byte) string { return prefix + alphabet.EncodeToString(raw) }

// A root as its file says.
type root struct {
	generation uint32
	key        []byte
}

func parseRoot(b []byte) (root, bool) {
	if len(b) != 48 || string(b[:8]) != "hubroot\x01" || !bytes.Equal(crc(b[:44]), b[44:]) {
		return root{}, false
	}
	return root{u32(b[8:]), b[12:44]}, true
}

// A slotKey is one key of a keyring.
type slotKey struct {
	slot, version uint32
	key           []byte
}

// openKeyring returns all keys of a keyring, the old ones too; nil when this root does not open it.
func openKeyring(blob []byte, r root) (keys []slotKey) {
	const header = 8 + 4 + 16 + 8 + 4
	if len(blob) < header+28 || string(blob[:8]) != "hubring\x01" || !bytes.Equal(crc(blob[:header-4]), blob[header-4:header]) {
		return nil
	}
	aad := append(part([]byte("hub keyring 1")), part(blob[:header])...)
	b := unseal(derive(r.key, "hub keyring 1", 32), aad, blob[header:])
	if len(b) < 4 {
		return nil
	}
	n, b := u32(b), b[4:]
	for range n {
		k := slotKey{u32(b), u32(b[4:]), b[8:40]}
		keys = append(keys, k)
		old := u32(b[40:])
		b = b[44:]
		if old > 0 {
			keys = append(keys, slotKey{k.slot, old, b[:32]})
			b = b[32:]
		}
	}
	return keys
}

// id is what a wrapped key calls the key that wraps it.
func (k slotKey) id() string { return string(derive(k.key, "hub slot id 1", 16)) }

// wrapSize is the size of a key of the vault, wrapped.
const wrapSize = 32 + 28 + 32

// wrapper returns slot key id of a wrapped key; ok is false when b does not begin with one.
func wrapperOf(b []byte) (id string, ok bool) {
	if len(b) < wrapSize || string(b[:4]) != "HW\x02\x00" || !bytes.Equal(crc(b[:28]), b[28:32]) {
		return "", false
	}
	return string(b[12:28]), true
}

// unwrap opens the wrapped key of a row of the vault.
func (k slotKey) unwrap(wrapped []byte, r row) []byte {
	aad := append(parts("hub wrapped key 2", r.text("kind"), r.text("id"), r.text("tenant_id"), r.text("tag"), r.text("connection_id"),
		r.text("class"), r.text("week"), r.text("expires")), part(wrapped[:32])...)
	return unseal(derive(k.key, "hub slot wrap 1", 32), aad, wrapped[32:wrapSize])
}

// An envelope is a sealed value.
type envelope struct {
	format             byte
	ids                []string // of keys, with their prefixes; of format 2 the intake key's sixteen bytes
	salt, commitment   []byte
	header, ciphertext []byte // of a value that was found in the middle of a file, the ciphertext goes on to its end
}

func parseEnvelope(b []byte) (e envelope, ok bool) {
	if len(b) < 4 || string(b[:2]) != "HE" {
		return e, false
	}
	e.format = b[2]
	count, salt := int(b[3]), 0
	prefixes := []string{}
	switch {
	case e.format == 1 && count <= 32:
		for range count {
			prefixes = append(prefixes, "sub_")
		}
		prefixes = append(prefixes, "lot_")
	case e.format == 2 && count == 0:
		prefixes, salt = []string{""}, 32
	case e.format == 3 && count == 0:
		prefixes = []string{"ck_"}
	default:
		return e, false
	}
	end := 4 + 16*len(prefixes) + salt + 32 + 4
	if len(b) < end+28 || !bytes.Equal(crc(b[:end-4]), b[end-4:end]) {
		return e, false
	}
	for i, p := range prefixes {
		id := b[4+16*i : 20+16*i]
		if p == "" {
			e.ids = append(e.ids, string(id))
		} else {
			e.ids = append(e.ids, idText(p, id))
		}
	}
	e.salt = b[end-36-salt : end-36]
	e.commitment, e.header, e.ciphertext = b[end-36:end-4], b[:end], b[end:]
	return e, true
}

// key derives the row key from the keys that the envelope names; nil when they are not the ones it was sealed under.
func (e envelope) key(tenant, class string, secrets ...[]byte) []byte {
	prk, err := hkdf.Extract(sha256.New, bytes.Join(secrets, nil), e.salt)
	if err != nil {
		return nil
	}
	both, err := hkdf.Expand(sha256.New, prk, string(parts("hub row key 1", tenant, class, string(rune(e.format)))), 64)
	if err != nil || !bytes.Equal(both[32:], e.commitment) {
		return nil
	}
	return both[:32]
}
