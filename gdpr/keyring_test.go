package gdpr

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hub"
)

var (
	ringRoot = NewRoot(1, [32]byte{1})
	ringTime = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
)

func reopen(t testing.TB, s SealedKeyring) *Keyring {
	t.Helper()
	r, err := openKeyring(ringRoot, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestKeyringRoundTrip(t *testing.T) {
	first := newKeyring(ringTime)
	weeks := first.Weeks()
	if len(weeks) != 120 || weeks[0].Week() != "2026-W47" || !slices.IsSorted(weeks) || len(first.slots) != Buckets+120 {
		t.Fatalf("%d weeks from %s", len(weeks), weeks[0].Week())
	}
	dirty := []Slot{weeks[3], 7, 65535, 7, 0, weeks[119] + 5}
	renewed := first.Renewed(dirty)
	if got := renewed.Old(); !slices.Equal(got, []Slot{0, 7, 65535, weeks[3]}) || len(first.Old()) != 0 {
		t.Fatalf("old keys in %v", got)
	}
	sealed := renewed.Sealed(ringRoot, 5)
	r := reopen(t, sealed)
	if r.Revision() != 5 || r.Generation() != 1 || !bytes.Equal(r.plaintext(), renewed.plaintext()) {
		t.Fatal("it does not open as it was sealed")
	}
	if again := renewed.Renewed(dirty); !bytes.Equal(again.plaintext(), renewed.plaintext()) {
		t.Error("renewing again changes keys that something is wrapped under")
	}
	done := r.Finished([]Slot{weeks[3], weeks[0], 9})
	if len(done.Old()) != 0 || len(done.Weeks()) != 118 || done.newest(weeks[0]) != nil || done.newest(9) == nil {
		t.Errorf("finished: %d old, %d weeks", len(done.Old()), len(done.Weeks()))
	}
	for slot, changed := range map[Slot]bool{7: true, 8: false} {
		if (*done.newest(slot).secret != *first.newest(slot).secret) != changed || done.newest(slot).version == 1 == changed {
			t.Errorf("slot %d has version %d", slot, done.newest(slot).version)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%d", "%s"} {
		if got := fmt.Sprintf(verb, r); got != "keyring revision 5" {
			t.Errorf("%s prints %q", verb, got[:min(len(got), 60)])
		}
	}
}

// TestDamagedKeyring flips each bit of header, nonce and authentication tag and some of each part between, and cuts it.
func TestDamagedKeyring(t *testing.T) {
	sealed := newKeyring(ringTime).Renewed([]Slot{1}).Sealed(ringRoot, 5)
	n := len(sealed.Blob)
	flips := 0
	damaged := func(b []byte, at int) {
		t.Helper()
		s := sealed
		s.Blob = b
		_, err := openKeyring(ringRoot, s, nil)
		if hub.CodeOf(err) != CodeKeyringDamaged || hub.Parkable(err) || !strings.HasPrefix(err.Error(), "opening keyring vault: keyring_damaged: ") {
			t.Fatalf("byte %d: %v", at, err)
		}
	}
	for at := 0; at < n; at++ {
		if at == ringHeader+12 {
			at = n - 16 - 40*70_001
		}
		if at >= ringHeader+12 && at < n-16 {
			at = min(at+70_000, n-16)
		}
		for bit := range 8 {
			if at > ringHeader && bit > 0 && at%8 != bit { // the others of a byte would show the same
				continue
			}
			sealed.Blob[at] ^= 1 << bit
			damaged(sealed.Blob, at)
			sealed.Blob[at] ^= 1 << bit
			flips++
		}
	}
	for _, cut := range []int{0, 1, ringHeader - 1, ringHeader, ringHeader + gcmSize - 1, ringHeader + gcmSize, n - 33, n - 1} {
		damaged(sealed.Blob[:cut], cut)
	}
	damaged(append(bytes.Clone(sealed.Blob), 0), n)
	s := sealed
	s.Revision++
	if _, err := openKeyring(ringRoot, s, nil); hub.CodeOf(err) != CodeKeyringDamaged {
		t.Errorf("put back as another revision: %v", err)
	}
	for _, other := range []Root{NewRoot(1, [32]byte{2}), NewRoot(2, [32]byte{1})} {
		if _, err := openKeyring(other, sealed, nil); hub.CodeOf(err) != CodeRootMismatch {
			t.Errorf("another root: %v", err)
		}
	}
	reopen(t, sealed)
	t.Logf("%d bits of a keyring of %d bytes flipped", flips, n)
}

// TestKeyringKeepsWhatWasDerived: a keyring that is read again does not derive everything again, and never takes over what
// belongs to another key.
func TestKeyringKeepsWhatWasDerived(t *testing.T) {
	last := newKeyring(ringTime)
	for _, s := range []Slot{1, 2} {
		last.newest(s).wrapKeys()
		last.newest(s).indexKeys()
	}
	next, err := openKeyring(ringRoot, last.Renewed([]Slot{2}).Sealed(ringRoot, 2), last)
	if err != nil {
		t.Fatal(err)
	}
	if next.newest(1).wrapping.Load() != last.newest(1).wrapping.Load() || next.newest(1).indexing.Load() == nil {
		t.Error("the same key is derived from again")
	}
	if next.newest(2).wrapping.Load() != nil || next.newest(2).indexing.Load() != nil {
		t.Error("a new key has what was derived from the former")
	}
	if at, _ := next.find(2); next.slots[at].old.wrapping.Load() == nil {
		t.Error("the old key beside it is derived from again")
	}
}

// FuzzKeyring feeds foreign bytes to the opening of keyrings, and to the parser of what they seal: as they are, and patched
// into a keyring that is right. None panics, and what parses is exactly its parts.
func FuzzKeyring(f *testing.F) {
	r := newKeyring(ringTime).Renewed([]Slot{3, 65535})
	sealed, plain := r.Sealed(ringRoot, 1), r.plaintext()
	f.Add(uint32(0), sealed.Blob[:ringHeader+gcmSize])
	f.Add(uint32(0), []byte{0, 1, 0, 1})
	f.Add(uint32(4+3*ringSlot), []byte{0, 0, 0, 3, 0, 0, 0, 1})
	f.Add(uint32(len(plain)-8), []byte{0, 0, 0, 9, 1, 1, 1, 1, 1, 1, 1, 1})
	f.Fuzz(func(t *testing.T, at uint32, b []byte) {
		if _, err := openKeyring(ringRoot, SealedKeyring{Generation: 1, Revision: 1, Blob: b}, nil); err == nil {
			t.Fatal("foreign bytes open")
		}
		patched := bytes.Clone(plain)
		patched = append(patched[:min(int(at), len(plain))], b...)
		if len(patched) < len(plain) {
			patched = append(patched, plain[len(patched):]...)
		}
		for _, in := range [][]byte{b, patched} {
			slots, ok := parseSlots(in, nil)
			if !ok {
				continue
			}
			if again := (&Keyring{slots: slots}).plaintext(); !bytes.Equal(again, in) {
				t.Fatal("what parses does not print as it parsed")
			}
			for i, s := range slots[:Buckets] {
				if s.slot != Slot(i) {
					t.Fatalf("bucket %d is missing", i)
				}
			}
		}
	})
}

// FuzzWrapped feeds foreign bytes to the parsers of wrapped keys and tags: none panics, and nothing foreign opens.
func FuzzWrapped(f *testing.F) {
	r := newKeyring(ringTime)
	row := WrappedKey{ID: idText(SubjectPrefix, [16]byte{15: 9}), Kind: KindSubject, Tenant: "ten_a", Tag: make([]byte, 32), Slot: 9}
	e := indexEntry{inner: [32]byte{31: 9}, subject: [16]byte{1}, owner: [16]byte{2}, identity: true}
	tag := r.tag(e)
	row.Wrapped = r.wrap(&[32]byte{5}, row)
	whole := bytes.Clone(row.Wrapped)
	f.Add(row.Wrapped)
	f.Add(tag.Sealed)
	f.Add([]byte(slotWrapMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		row, tag := row, tag
		row.Wrapped = b
		if secret, err := r.unwrap("fuzzing", row); (err == nil) != bytes.Equal(b, whole) {
			t.Fatalf("%x opens to %x, %v", b, secret, err)
		}
		same := bytes.Equal(b, tag.Sealed)
		tag.Sealed = b
		if got, err := r.read("fuzzing", tag); (err == nil) != same || err == nil && got != e {
			t.Fatalf("%x opens to %+v, %v", b, got, err)
		}
		tag.Link, tag.Tag, tag.Owner = b, b, b
		if _, err := r.read("fuzzing", tag); err == nil {
			t.Fatal("a foreign tag opens")
		}
	})
}
