package gdprtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
)

// RunVault runs the suite that every gdpr.Vault passes. open returns an empty vault and cleans up after the test.
func RunVault(t *testing.T, open func(*testing.T) gdpr.Vault) {
	for _, c := range []struct {
		name string
		test func(*testing.T, gdpr.Vault)
	}{
		{"Empty", testEmpty},
		{"RoundTrip", testRoundTrip},
		{"MissingIsAbsent", testMissing},
		{"FirstWriterWins", testFirstWriter},
		{"FirstWinsInOneCall", testOneCall},
		{"IDTakenIsConflict", testIDTaken},
		{"BytesCompareExactly", testExact},
		{"LargeBatch", testLarge},
		{"SlicesAreOwned", testOwned},
		{"ConcurrentAdd", testConcurrent},
		{"EndedContext", testContext},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// row makes a key that looks like one of the hub's; n tells it apart.
func row(kind gdpr.Kind, n int) gdpr.WrappedKey {
	var id [16]byte
	copy(id[:], fmt.Sprintf("%016d", n))
	tag := sha256.Sum256(fmt.Append(nil, kind, n))
	k := gdpr.WrappedKey{
		ID: hub.IDSource(func() [16]byte { return id }).New(gdpr.SubjectPrefix), Kind: kind, Tenant: "ten_a", Tag: tag[:],
		Wrapped: bytes.Repeat([]byte{0, 0xff, ' ', byte(n)}, 22), CreatedAt: time.Date(2026, 11, 20, 1, 2, 3, 456789000, time.UTC),
	}
	if kind == gdpr.KindLot {
		k.ID = gdpr.LotPrefix + strings.TrimPrefix(k.ID, gdpr.SubjectPrefix)
		k.Connection, k.Class, k.Week = "con_a", gdpr.LotRaw, "2026-W47"
	}
	return k
}

func tagsOf(keys ...gdpr.WrappedKey) (tags [][]byte) {
	for _, k := range keys {
		tags = append(tags, k.Tag)
	}
	return tags
}

func idsOf(keys ...gdpr.WrappedKey) (ids []string) {
	for _, k := range keys {
		ids = append(ids, k.ID)
	}
	return ids
}

func add(t *testing.T, v gdpr.Vault, keys ...gdpr.WrappedKey) map[string]gdpr.WrappedKey {
	t.Helper()
	stored, err := v.Add(context.Background(), keys)
	if err != nil {
		t.Fatalf("Add: %v", err)
	}
	return stored
}

// find looks keys up both ways and requires both to agree.
func find(t *testing.T, v gdpr.Vault, keys ...gdpr.WrappedKey) map[string]gdpr.WrappedKey {
	t.Helper()
	byTag, err := v.ByTag(context.Background(), tagsOf(keys...))
	if err != nil {
		t.Fatalf("ByTag: %v", err)
	}
	byID, err := v.ByID(context.Background(), idsOf(keys...))
	if err != nil {
		t.Fatalf("ByID: %v", err)
	}
	for id, k := range byID {
		if k.ID != id || !reflect.DeepEqual(byTag[string(k.Tag)], k) {
			t.Fatalf("ByID of %s = %+v, ByTag = %+v", id, k, byTag[string(k.Tag)])
		}
	}
	for tag, k := range byTag {
		if string(k.Tag) != tag {
			t.Fatalf("ByTag answers %x under %x", k.Tag, tag)
		}
	}
	return byTag
}

func testEmpty(t *testing.T, v gdpr.Vault) {
	if got := add(t, v); len(got) != 0 {
		t.Errorf("Add of nothing = %v", got)
	}
	if got := find(t, v); len(got) != 0 {
		t.Errorf("looking for nothing = %v", got)
	}
}

func testRoundTrip(t *testing.T, v gdpr.Vault) {
	kinds := []gdpr.Kind{gdpr.KindSubject, gdpr.KindLot, gdpr.KindTenant, gdpr.KindCredential}
	var keys []gdpr.WrappedKey
	for i, kind := range kinds {
		keys = append(keys, row(kind, i))
	}
	keys[0].Wrapped = bytes.Repeat([]byte{0x5c, 0, '\'', 0xc3, 0x28}, 51) // 255 bytes, no UTF-8
	stored, found := add(t, v, keys...), find(t, v, keys...)
	for _, k := range keys {
		if stored := stored[string(k.Tag)]; !reflect.DeepEqual(stored, k) {
			t.Errorf("Add returned\n%+v for\n%+v", stored, k)
		}
		if found := found[string(k.Tag)]; !reflect.DeepEqual(found, k) {
			t.Errorf("found\n%+v for\n%+v", found, k)
		}
	}
}

func testMissing(t *testing.T, v gdpr.Vault) {
	here, absent := row(gdpr.KindSubject, 1), row(gdpr.KindSubject, 2)
	add(t, v, here)
	got := find(t, v, here, absent, here)
	if _, ok := got[string(absent.Tag)]; ok || len(got) != 1 {
		t.Errorf("found %d keys, want the one that exists", len(got))
	}
}

func testFirstWriter(t *testing.T, v gdpr.Vault) {
	first, second, other := row(gdpr.KindSubject, 1), row(gdpr.KindSubject, 2), row(gdpr.KindSubject, 3)
	second.Tag = first.Tag
	add(t, v, first)
	stored := add(t, v, other, second)
	if got := stored[string(first.Tag)]; !reflect.DeepEqual(got, first) {
		t.Errorf("the second writer got %+v, want the first's key", got)
	}
	if got := stored[string(other.Tag)]; !reflect.DeepEqual(got, other) {
		t.Errorf("the new key beside it = %+v", got)
	}
	got, err := v.ByID(context.Background(), []string{second.ID})
	if err != nil || len(got) != 0 {
		t.Errorf("the refused key is found: %v, %v", got, err)
	}
}

func testOneCall(t *testing.T, v gdpr.Vault) {
	first, second := row(gdpr.KindSubject, 1), row(gdpr.KindSubject, 2)
	second.Tag = first.Tag
	if got := add(t, v, first, second)[string(first.Tag)]; got.ID != first.ID {
		t.Errorf("stored %s, want the first of the call, %s", got.ID, first.ID)
	}
	if got := find(t, v, first)[string(first.Tag)]; got.ID != first.ID {
		t.Errorf("found %s, want %s", got.ID, first.ID)
	}
}

func testIDTaken(t *testing.T, v gdpr.Vault) {
	first, thief, bystander := row(gdpr.KindSubject, 1), row(gdpr.KindSubject, 2), row(gdpr.KindSubject, 3)
	thief.ID = first.ID
	add(t, v, first)
	if _, err := v.Add(context.Background(), []gdpr.WrappedKey{bystander, thief}); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("an id under a second tag: %v, want a conflict", err)
	}
	if got := find(t, v, first)[string(first.Tag)]; !reflect.DeepEqual(got, first) {
		t.Errorf("the first key is now %+v", got)
	}
	if got, _ := v.ByTag(context.Background(), tagsOf(thief, bystander)); len(got) != 0 {
		t.Errorf("a refused call stored %d keys", len(got))
	}
}

// testExact has tags and ids that a collation, a padded column or a C string would take for one another.
func testExact(t *testing.T, v gdpr.Vault) {
	var keys []gdpr.WrappedKey
	for i, end := range []byte{0, ' ', 'a', 'A', '\t', '\n', 0xe9, 'e', '%', '_', '\\', 0xff} {
		k := row(gdpr.KindSubject, i)
		k.Tag = append(bytes.Repeat([]byte{'a'}, 31), end)
		keys = append(keys, k)
	}
	lower, upper := row(gdpr.KindTenant, 100), row(gdpr.KindTenant, 101)
	lower.ID, upper.ID = "tk_abc", "tk_ABC"
	keys = append(keys, lower, upper)
	add(t, v, keys...)
	found := find(t, v, keys...)
	for _, k := range keys {
		if got := found[string(k.Tag)]; got.ID != k.ID {
			t.Errorf("tag %x finds %q, want %q", k.Tag, got.ID, k.ID)
		}
	}
}

func testLarge(t *testing.T, v gdpr.Vault) {
	const n = 3000
	var keys []gdpr.WrappedKey
	for i := range n {
		keys = append(keys, row(gdpr.KindSubject, i))
	}
	add(t, v, keys[:n/2]...)
	if got := add(t, v, keys...); len(got) != n {
		t.Errorf("Add returned %d keys of %d", len(got), n)
	}
	if got := find(t, v, keys...); len(got) != n {
		t.Errorf("found %d keys of %d", len(got), n)
	}
}

func testOwned(t *testing.T, v gdpr.Vault) {
	k, given := row(gdpr.KindSubject, 1), row(gdpr.KindSubject, 1)
	stored := add(t, v, given)[string(k.Tag)]
	clear(given.Wrapped)
	clear(given.Tag)
	clear(stored.Wrapped)
	found := find(t, v, k)[string(k.Tag)]
	if !reflect.DeepEqual(found, k) {
		t.Fatalf("what the caller did to its slices shows in the vault: %+v", found)
	}
	clear(found.Wrapped)
	if again := find(t, v, k)[string(k.Tag)]; !reflect.DeepEqual(again, k) {
		t.Errorf("what the caller did to a result shows in the vault: %+v", again)
	}
}

// testConcurrent has several writers add keys for the same tags at once, in opposite orders.
func testConcurrent(t *testing.T, v gdpr.Vault) {
	const writers, tags = 6, 20
	results := make([]map[string]gdpr.WrappedKey, writers)
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			keys := make([]gdpr.WrappedKey, tags)
			for i := range keys {
				at := i
				if w%2 == 1 {
					at = tags - 1 - i
				}
				keys[i] = row(gdpr.KindSubject, 1000*(w+1)+at)
				keys[i].Tag = row(gdpr.KindSubject, at).Tag
			}
			results[w], errs[w] = v.Add(context.Background(), keys)
		})
	}
	wg.Wait()
	for w, err := range errs {
		if err != nil {
			t.Fatalf("writer %d: %v", w, err)
		}
		if len(results[w]) != tags || !reflect.DeepEqual(results[w], results[0]) {
			t.Errorf("writer %d was told something else than writer 0", w)
		}
	}
	t.Logf("%d writers, %d tags, all told the same", writers, tags)
}

func testContext(t *testing.T, v gdpr.Vault) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	k := row(gdpr.KindSubject, 1)
	if _, err := v.Add(ctx, []gdpr.WrappedKey{k}); err == nil {
		t.Error("Add under an ended context succeeded")
	}
	if _, err := v.ByTag(ctx, tagsOf(k)); err == nil {
		t.Error("ByTag under an ended context succeeded")
	}
	if _, err := v.ByID(ctx, []string{k.ID}); err == nil {
		t.Error("ByID under an ended context succeeded")
	}
	if got := find(t, v, k); len(got) != 0 {
		t.Error("a refused Add stored a key")
	}
}
