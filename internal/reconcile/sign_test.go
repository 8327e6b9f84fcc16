package reconcile_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"hub"
	"hub/internal/reconcile"
)

func newKey(t testing.TB, seed byte) reconcile.Key {
	k, err := reconcile.NewKey(bytes.NewReader(bytes.Repeat([]byte{seed}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// signed is a statement with something of everything, with characters that printers escape.
func signed(t testing.TB, k reconcile.Key, id reconcile.ID) []byte {
	s, err := k.Sign(reconcile.Statement{
		Version: reconcile.Version, ID: id, Account: "a<b>&c.example", Day: day, State: reconcile.Different, Compared: []string{"orders"},
		Differences: []reconcile.Difference{{Kind: reconcile.Missing, ExternalID: "12345678901234567890", Platform: &reconcile.View{Total: real(7)}}}, Open: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return envelope(s)
}

// No byte of a statement, of its signature or of its key can be changed.
func TestEveryByteIsSigned(t *testing.T) {
	k := newKey(t, 1)
	text := signed(t, k, "rec_1")
	if _, _, err := reconcile.Verify(text, k.Public()); err != nil {
		t.Fatal(err)
	}
	changed := 0
	for i := range text {
		for _, with := range []byte{text[i] ^ 1, text[i] ^ 0x20, '0', ' '} {
			if with == text[i] {
				continue
			}
			other := bytes.Clone(text)
			other[i] = with
			changed++
			if st, _, err := reconcile.Verify(other, k.Public()); err == nil {
				t.Errorf("byte %d as %q is believed: %s: %+v", i, with, other, st)
			}
		}
	}
	t.Logf("%d changes refused", changed)
}

// A statement is believed under its own signature and key alone.
func TestForeignSignatures(t *testing.T) {
	k, other := newKey(t, 1), newKey(t, 2)
	var a, b, foreign reconcile.Signed
	for text, into := range map[string]*reconcile.Signed{
		string(signed(t, k, "rec_1")): &a, string(signed(t, k, "rec_2")): &b, string(signed(t, other, "rec_1")): &foreign,
	} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	swapped, relabelled, posing := a, foreign, foreign
	swapped.Signature = b.Signature
	relabelled.PublicKey, relabelled.KeyID = a.PublicKey, a.KeyID
	posing.KeyID = a.KeyID
	for name, c := range map[string]struct {
		envelope reconcile.Signed
		key      reconcile.PublicKey
		code     hub.Code
	}{
		"own": {a, k.Public(), ""}, "own, no key": {a, nil, ""}, "another's, no key": {foreign, nil, ""},
		"another statement's signature": {swapped, k.Public(), reconcile.CodeWrong}, "the same, no key": {swapped, nil, reconcile.CodeWrong},
		"another key": {foreign, k.Public(), reconcile.CodeOtherKey}, "another key under our name": {relabelled, k.Public(), reconcile.CodeWrong},
		"our key's id": {posing, nil, reconcile.CodeOtherKey},
	} {
		_, by, err := reconcile.Verify(envelope(c.envelope), c.key)
		if hub.CodeOf(err) != c.code || err != nil && hub.KindOf(err) != hub.KindUnauthentic || err == nil && by.Text() != c.envelope.PublicKey {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Printing it prettily does not harm a statement; anything beside it does.
func TestSpelling(t *testing.T) {
	k := newKey(t, 1)
	text := signed(t, k, "rec_1")
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, text, " ", "\t"); err != nil {
		t.Fatal(err)
	}
	st, _, err := reconcile.Verify(pretty.Bytes(), k.Public())
	if err != nil || st.Account != "a<b>&c.example" || st.Differences[0].Platform.Total.Minor != 7 {
		t.Errorf("%+v, %v", st, err)
	}
	for name, bad := range map[string]string{
		"empty": "", "no object": "[]", "null": "null", "more behind": string(text) + "{}", "an unknown member": strings.Replace(string(text), "{", `{"more":1,`, 1),
		"a member twice": strings.Replace(string(text), "{", `{"statement":{},`, 1), "another spelling": strings.Replace(string(text), "key_id", "Key_id", 1),
		"the statement alone": `{"statement":{}}`,
	} {
		if _, _, err := reconcile.Verify([]byte(bad), k.Public()); hub.CodeOf(err) != reconcile.CodeMalformed || hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := reconcile.Verify([]byte(string(text)+" \n"), k.Public()); err != nil {
		t.Errorf("a line end: %v", err)
	}
	later, err := k.Sign(reconcile.Statement{Version: reconcile.Version + 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := reconcile.Verify(envelope(later), k.Public()); hub.CodeOf(err) != reconcile.CodeMalformed {
		t.Errorf("a later version: %v", err)
	}
}

// The signature is plain Ed25519 over the compact statement, as anybody's library checks it.
func TestPlainEd25519(t *testing.T) {
	k := newKey(t, 1)
	var e struct {
		Statement                     json.RawMessage
		Public_key, Signature, Key_id string //nolint:revive // names of the wire
	}
	if err := json.Unmarshal(signed(t, k, "rec_1"), &e); err != nil {
		t.Fatal(err)
	}
	raw := func(text string) []byte {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !ed25519.Verify(raw(e.Public_key), e.Statement, raw(e.Signature)) {
		t.Error("another library refuses it")
	}
}

// Keys survive their files, and nothing else is taken for one.
func TestKeyFiles(t *testing.T) {
	k := newKey(t, 1)
	file, err := k.File()
	if err != nil {
		t.Fatal(err)
	}
	again, err := reconcile.ParseKey(file)
	if err != nil || again.Public().Text() != k.Public().Text() {
		t.Errorf("%v", err)
	}
	text, err := k.Public().PEM()
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{text, k.Public().Text(), k.Public().Text() + "\n"} {
		if p, err := reconcile.ParsePublicKey([]byte(form)); err != nil || p.ID() != k.Public().ID() {
			t.Errorf("%q: %v", form, err)
		}
	}
	for _, bad := range [][]byte{nil, []byte("x"), file[:len(file)/2], []byte(text), append(bytes.Clone(file), "x"...)} {
		if _, err := reconcile.ParseKey(bad); hub.KindOf(err) != hub.KindPermanent || err == nil {
			t.Errorf("%q: %v", bad, err)
		}
		if bytes.Equal(bad, []byte(text)) {
			continue
		}
		if _, err := reconcile.ParsePublicKey(bad); hub.CodeOf(err) != reconcile.CodeKeyMalformed {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := reconcile.NewKey(strings.NewReader("short")); err == nil {
		t.Error("a key of five bytes of randomness")
	}
}

// FuzzVerify: whatever is believed under a key is what that key signed, but for white space.
func FuzzVerify(f *testing.F) {
	k := newKey(f, 1)
	text := signed(f, k, "rec_1")
	f.Add(text)
	f.Add([]byte(`{"statement":{},"key_id":"","public_key":"","signature":""}`))
	want, _, err := reconcile.Verify(text, k.Public())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		st, _, err := reconcile.Verify(b, k.Public())
		if err == nil && (st.ID != want.ID || st.Open != want.Open) {
			t.Errorf("%q is believed", b)
		}
		_, _, _ = reconcile.Verify(b, nil)
		_, _ = reconcile.ParsePublicKey(b)
		_, _ = reconcile.ParseKey(b)
	})
}
