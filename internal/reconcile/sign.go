package reconcile

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"

	"hub"
)

// Signed is a statement with its signature, which covers the exact bytes of the compact JSON of the member statement. White
// space outside of texts does not count, so the whole may be printed prettily; members must stay in their order.
type Signed struct {
	Statement json.RawMessage `json:"statement"`
	KeyID     string          `json:"key_id"`
	PublicKey string          `json:"public_key"` // 32 bytes, base64
	Signature string          `json:"signature"`  // 64 bytes, base64
}

// Key signs statements. It belongs into HUB_KEYS/keep: without it no new statement can be signed with the key that people know,
// and old ones can still be verified.
type Key struct{ private ed25519.PrivateKey }

// NewKey makes a key from 32 bytes of randomness.
func NewKey(random io.Reader) (Key, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return Key{}, hub.Errorf(hub.KindUnavailable, "making a key for statements", "no randomness")
	}
	return Key{ed25519.NewKeyFromSeed(seed)}, nil
}

const (
	pemPrivate = "PRIVATE KEY"
	pemPublic  = "PUBLIC KEY"
)

// File prints the key as the file that ParseKey reads: PKCS #8 in PEM. It is a secret.
func (k Key) File() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, hub.Errorf(hub.KindInternal, "printing the key of statements", "not printable")
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPrivate, Bytes: der}), nil
}

// ParseKey reads the file of a key; KindPermanent when it holds none.
func ParseKey(file []byte) (Key, error) {
	const op = "reading the key of statements"
	block, rest := pem.Decode(file)
	if block == nil || block.Type != pemPrivate || len(bytes.TrimSpace(rest)) > 0 {
		return Key{}, hub.Errorf(hub.KindPermanent, op, "it is no private key in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := key.(ed25519.PrivateKey)
	if err != nil || !ok {
		return Key{}, hub.Errorf(hub.KindPermanent, op, "it is no Ed25519 key")
	}
	return Key{private}, nil
}

// Public returns what verifies the statements of the key.
func (k Key) Public() PublicKey { return PublicKey(k.private.Public().(ed25519.PublicKey)) }

// Sign prints a statement and signs what it printed.
func (k Key) Sign(s Statement) (Signed, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // so that a printer which escapes less prints the same bytes
	if err := e.Encode(s); err != nil {
		return Signed{}, hub.Errorf(hub.KindInternal, "printing statement "+string(s.ID), "not printable")
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	public := k.Public()
	return Signed{
		Statement: text, KeyID: public.ID(), PublicKey: public.text(),
		Signature: base64.StdEncoding.EncodeToString(ed25519.Sign(k.private, text)),
	}, nil
}

// PublicKey verifies statements.
type PublicKey ed25519.PublicKey

// ID is the beginning of the key's SHA-256 in hexadecimal, by which people tell keys apart.
func (p PublicKey) ID() string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:8])
}

func (p PublicKey) text() string { return base64.StdEncoding.EncodeToString(p) }

// PEM prints the key as other programs read it.
func (p PublicKey) PEM() (string, error) {
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(p))
	if err != nil {
		return "", hub.Errorf(hub.KindInternal, "printing a public key", "not printable")
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: der})), nil
}

// Text prints the key as envelopes have it: 32 bytes, base64.
func (p PublicKey) Text() string { return p.text() }

// ParsePublicKey reads a key in PEM, or as the base64 that envelopes have; KindInvalid with CodeKeyMalformed for everything else.
func ParsePublicKey(file []byte) (PublicKey, error) {
	if block, _ := pem.Decode(file); block != nil && block.Type == pemPublic {
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if public, ok := key.(ed25519.PublicKey); err == nil && ok {
			return PublicKey(public), nil
		}
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(string(bytes.TrimSpace(file)))
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, &hub.Error{Kind: hub.KindInvalid, Code: CodeKeyMalformed, Op: "reading a public key"}
	}
	return PublicKey(raw), nil
}

// Codes of statements that are not believed.
const (
	CodeKeyMalformed hub.Code = "key_malformed"       // no Ed25519 public key
	CodeMalformed    hub.Code = "statement_malformed" // no signed statement
	CodeOtherKey     hub.Code = "key_other"           // signed with another key than the one that is believed
	CodeWrong        hub.Code = "signature_wrong"     // not what was signed
)

// open reads an envelope by the exact names of its members, each of which is there once and nothing else: what two readers could
// read differently is none.
func open(envelope []byte) (e Signed, ok bool) {
	into := map[string]any{"statement": &e.Statement, "key_id": &e.KeyID, "public_key": &e.PublicKey, "signature": &e.Signature}
	d := json.NewDecoder(bytes.NewReader(envelope))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return e, false
	}
	for d.More() {
		name, err := d.Token()
		text, _ := name.(string)
		if err != nil || into[text] == nil || d.Decode(into[text]) != nil {
			return e, false
		}
		delete(into, text)
	}
	if _, err := d.Token(); err != nil || len(into) > 0 {
		return e, false
	}
	_, err := d.Token()
	return e, err == io.EOF
}

// Verify reads a signed statement and checks its signature with a key that the caller has from elsewhere. Without one, nil, it
// takes the key that came with the statement, which proves that the statement is whole and not who made it. KindInvalid:
// it is no signed statement. KindUnauthentic: it is, and is not to be believed.
func Verify(envelope []byte, believed PublicKey) (Statement, PublicKey, error) {
	const op = "verifying a statement"
	malformed := &hub.Error{Kind: hub.KindInvalid, Code: CodeMalformed, Op: op}
	e, ok := open(envelope)
	if !ok {
		return Statement{}, nil, malformed
	}
	key, err := ParsePublicKey([]byte(e.PublicKey))
	signature, wrong := base64.StdEncoding.Strict().DecodeString(e.Signature)
	var text bytes.Buffer
	if err != nil || wrong != nil || json.Compact(&text, e.Statement) != nil {
		return Statement{}, nil, malformed
	}
	if believed == nil {
		believed = key
	}
	if !bytes.Equal(believed, key) || e.KeyID != key.ID() {
		return Statement{}, nil, &hub.Error{Kind: hub.KindUnauthentic, Code: CodeOtherKey, Op: op}
	}
	if !ed25519.Verify(ed25519.PublicKey(believed), text.Bytes(), signature) {
		return Statement{}, nil, &hub.Error{Kind: hub.KindUnauthentic, Code: CodeWrong, Op: op}
	}
	var s Statement
	if err := json.Unmarshal(text.Bytes(), &s); err != nil || s.Version != Version {
		return Statement{}, nil, malformed
	}
	return s, key, nil
}
