package gdprtest

import (
	"bytes"
	"context"
	"reflect"
	"testing"

	"hub"
	"hub/gdpr"
)

// RunVault runs the suite that every gdpr.Vault passes. open returns an empty vault and cleans up after the test.
func RunVault(t *testing.T, open func(*testing.T) Store) {
	run(t, open, []test{
		{"Empty", testEmpty}, {"RoundTrip", testRoundTrip}, {"MissingIsAbsent", testMissing}, {"FirstWriterWins", testFirstWriter},
		{"FirstWinsInOneCall", testOneCall}, {"FirstIdentityWins", testFirstIdentity}, {"IDTakenIsConflict", testIDTaken},
		{"SecondIdentityIsConflict", testSecondIdentity}, {"KindsAreKept", testKinds}, {"BytesCompareExactly", testExact},
		{"LargeBatch", testLarge}, {"SlicesAreOwned", testOwned}, {"EndedContext", testContext}, {"Tagged", testTagged},
		{"TagsWithoutIdentity", testTagsWithoutIdentity}, {"ConcurrentAdd", testConcurrentAdd}, {"Keyrings", testKeyrings},
		{"LargeKeyring", testLargeKeyring}, {"StaleRevision", testStaleRevision}, {"ConcurrentPutKeyring", testConcurrentPut},
		{"NothingUnderAReplacedKey", testAddAgainstPut},
	})
}

func testEmpty(b bench) {
	added := b.add(gdpr.Addition{})
	if len(added.Identities)+len(added.Keys) != 0 || len(b.find()) != 0 {
		b.Errorf("adding nothing = %v", added)
	}
	links := must[map[string]gdpr.Tag](b)(b.v.Links(b.ctx, nil))
	rings := must[[]gdpr.SealedKeyring](b)(b.v.Keyrings(b.ctx))
	b.equal(b.poll(0), gdpr.State{}, "the state")
	if len(links)+len(rings) != 0 {
		b.Errorf("links %v, keyrings %v", links, rings)
	}
}

func testRoundTrip(b bench) {
	keys := []gdpr.WrappedKey{row(gdpr.KindLot, 1), row(gdpr.KindTenant, 2), row(gdpr.KindCredential, 3)}
	p, tag := person(4), mail(4, "a")
	keys[0].Wrapped = bytes.Repeat([]byte{0x5c, 0, '\'', 0xc3, 0x28}, 51) // 255 bytes, no UTF-8
	p.Identity.Sealed = keys[0].Wrapped
	added := b.add(gdpr.Addition{Subjects: []gdpr.NewSubject{p}, Keys: keys, Tags: []gdpr.Tag{tag}})
	found := b.find(append(keys, p.Key)...)
	for _, k := range keys {
		b.equal(added.Keys[string(k.Tag)], k, "Add returned")
		b.equal(found[string(k.Tag)], k, "found")
	}
	b.equal(found[string(p.Key.Tag)], p.Key, "found the person")
	b.equal(added.Identities, map[string]gdpr.Tag{string(p.Identity.Link): p.Identity}, "identities")
	links := must[map[string]gdpr.Tag](b)(b.v.Links(b.ctx, []gdpr.Link{tag.At(), p.Identity.At(), {Slot: tag.Slot, Link: hash("nobody")}}))
	elsewhere := must[map[string]gdpr.Tag](b)(b.v.Links(b.ctx, []gdpr.Link{{Slot: tag.Slot + 1, Link: tag.Link}}))
	if other := must[[]gdpr.Tag](b)(b.v.Tagged(b.ctx, tag.Slot+1, tag.Tag, nil, 10)); len(elsewhere)+len(other) != 0 {
		b.Errorf("in another slot there are %v, %v", elsewhere, other)
	}
	b.equal(links, map[string]gdpr.Tag{string(tag.Link): tag, string(p.Identity.Link): p.Identity}, "links")
}

func testMissing(b bench) {
	here, absent := row(gdpr.KindTenant, 1), row(gdpr.KindTenant, 2)
	b.add(gdpr.Addition{Keys: []gdpr.WrappedKey{here}})
	got := b.find(here, absent, here)
	if _, ok := got[string(absent.Tag)]; ok || len(got) != 1 {
		b.Errorf("found %d keys, want the one that exists", len(got))
	}
}

func testFirstWriter(b bench) {
	first, second, other := row(gdpr.KindLot, 1), row(gdpr.KindLot, 2), row(gdpr.KindLot, 3)
	second.Tag = first.Tag
	b.add(gdpr.Addition{Keys: []gdpr.WrappedKey{first}})
	stored := b.add(gdpr.Addition{Keys: []gdpr.WrappedKey{other, second}}).Keys
	b.equal(stored[string(first.Tag)], first, "the second writer got")
	b.equal(stored[string(other.Tag)], other, "the new key beside it")
	if got := must[map[string]gdpr.WrappedKey](b)(b.v.ByID(b.ctx, []string{second.ID})); len(got) != 0 {
		b.Errorf("the refused key is found: %v", got)
	}
}

func testOneCall(b bench) {
	first, second := row(gdpr.KindLot, 1), row(gdpr.KindLot, 2)
	second.Tag = first.Tag
	p, again := person(3), person(4)
	again.Identity.Link, again.Identity.Slot = p.Identity.Link, p.Identity.Slot
	added := b.add(gdpr.Addition{Keys: []gdpr.WrappedKey{first, second}, Subjects: []gdpr.NewSubject{p, again}})
	if got := added.Keys[string(first.Tag)]; got.ID != first.ID || b.find(first)[string(first.Tag)].ID != first.ID {
		b.Errorf("stored %s, want the first of the call, %s", got.ID, first.ID)
	}
	b.equal(added.Identities[string(p.Identity.Link)], p.Identity, "the identity")
	if b.has(4) {
		b.Error("the second subject of an identity is stored")
	}
}

// testFirstIdentity has a second writer for a person: neither its key nor any of its tags is stored.
func testFirstIdentity(b bench) {
	first, second, other := person(1), person(2), person(3)
	second.Identity.Link, second.Identity.Slot = first.Identity.Link, first.Identity.Slot
	b.add(gdpr.Addition{Subjects: []gdpr.NewSubject{first}, Tags: []gdpr.Tag{mail(1, "a")}})
	added := b.add(gdpr.Addition{Subjects: []gdpr.NewSubject{second, other}, Tags: []gdpr.Tag{mail(2, "a"), mail(3, "a"), mail(1, "b")}})
	b.equal(added.Identities, map[string]gdpr.Tag{string(first.Identity.Link): first.Identity, string(other.Identity.Link): other.Identity}, "identities")
	if b.has(2) || !b.has(1) || !b.has(3) {
		b.Error("the wrong keys are stored")
	}
	for n, want := range map[int]int{1: 2, 2: 0, 3: 1} {
		if _, others := b.tags(n); others != want {
			b.Errorf("person %d has %d tags, want %d", n, others, want)
		}
	}
}

func testIDTaken(b bench) {
	first, thief, bystander := row(gdpr.KindTenant, 1), row(gdpr.KindTenant, 2), row(gdpr.KindTenant, 3)
	thief.ID = first.ID
	b.add(gdpr.Addition{Keys: []gdpr.WrappedKey{first}})
	a := gdpr.Addition{Keys: []gdpr.WrappedKey{bystander, thief}, Subjects: people(4, 5), Tags: []gdpr.Tag{mail(4, "a")}}
	_, err := b.v.Add(b.ctx, 0, a)
	b.refused(err, hub.KindConflict, "", "an id under a second tag")
	if hub.CodeOf(err) == gdpr.CodeKeyringStale || hub.CodeOf(err) == gdpr.CodeSubjectFenced {
		b.Errorf("code %s", hub.CodeOf(err))
	}
	b.equal(b.find(first)[string(first.Tag)], first, "the first key")
	if got := b.find(bystander); len(got) != 0 || b.has(4) {
		b.Error("a refused call stored something")
	}
	if identities, others := b.tags(4); identities+others != 0 {
		b.Error("a refused call stored tags")
	}
	twice := row(gdpr.KindTenant, 5)
	twin := row(gdpr.KindTenant, 6)
	twin.ID = twice.ID
	_, err = b.v.Add(b.ctx, 0, gdpr.Addition{Keys: []gdpr.WrappedKey{twice, twin}})
	b.refused(err, hub.KindConflict, "", "an id twice in one call")
}

func testSecondIdentity(b bench) {
	p := person(1)
	b.add(gdpr.Addition{Subjects: []gdpr.NewSubject{p}})
	p.Identity = person(2).Identity
	_, err := b.v.Add(b.ctx, 0, gdpr.Addition{Subjects: []gdpr.NewSubject{p}})
	b.refused(err, hub.KindConflict, "", "a person under a second identity")
}

func testKinds(b bench) {
	p := person(1)
	noIdentity, lot := p, p
	noIdentity.Identity.Identity = false
	lot.Key = row(gdpr.KindLot, 1)
	for what, a := range map[string]gdpr.Addition{
		"a person without identity": {Subjects: []gdpr.NewSubject{noIdentity}},
		"a lot as a person":         {Subjects: []gdpr.NewSubject{lot}},
		"a person's key alone":      {Keys: []gdpr.WrappedKey{p.Key}},
		"an identity alone":         {Subjects: people(2, 3), Tags: []gdpr.Tag{p.Identity}},
	} {
		_, err := b.v.Add(b.ctx, 0, a)
		b.refused(err, hub.KindInvalid, "", what)
	}
	if b.has(1) || b.has(2) {
		b.Error("a refused call stored a key")
	}
}

// testExact has tags and ids that a collation, a padded column or a C string would take for one another.
func testExact(b bench) {
	var keys []gdpr.WrappedKey
	var tags []gdpr.Tag
	for i, end := range []byte{0, ' ', 'a', 'A', '\t', '\n', 0xe9, 'e', '%', '_', '\\', 0xff} {
		k, tag := row(gdpr.KindTenant, i), mail(500, string(rune('a'+i)))
		k.Tag = append(bytes.Repeat([]byte{'a'}, 31), end)
		tag.Link, tag.Tag = k.Tag, k.Tag
		keys, tags = append(keys, k), append(tags, tag)
	}
	lower, upper := row(gdpr.KindTenant, 100), row(gdpr.KindTenant, 101)
	lower.ID, upper.ID = "tk_abc", "tk_ABC"
	keys = append(keys, lower, upper)
	b.add(gdpr.Addition{Keys: keys, Subjects: people(500, 501), Tags: tags})
	found := b.find(keys...)
	for _, k := range keys {
		if got := found[string(k.Tag)]; got.ID != k.ID {
			b.Errorf("tag %x finds %q, want %q", k.Tag, got.ID, k.ID)
		}
	}
	for _, tag := range tags {
		b.equal(must[[]gdpr.Tag](b)(b.v.Tagged(b.ctx, tag.Slot, tag.Tag, nil, 10)), []gdpr.Tag{tag}, "tagged")
		b.equal(must[map[string]gdpr.Tag](b)(b.v.Links(b.ctx, []gdpr.Link{tag.At()})), map[string]gdpr.Tag{string(tag.Link): tag}, "linked")
	}
}

// large is how many elements the batches of the tests have.
const large = 3000

func testLarge(b bench) {
	a := gdpr.Addition{Subjects: people(0, large)}
	var keys []gdpr.WrappedKey
	var links []gdpr.Link
	for n := range large {
		keys = append(keys, a.Subjects[n].Key, row(gdpr.KindLot, n))
		a.Keys, a.Tags = append(a.Keys, row(gdpr.KindLot, n)), append(a.Tags, mail(n, "a"))
		links = append(links, a.Subjects[n].Identity.At(), a.Tags[n].At())
	}
	half := gdpr.Addition{Subjects: a.Subjects[:large/2], Keys: a.Keys[large/2:]}
	b.add(half)
	added := b.add(a)
	found := must[map[string]gdpr.Tag](b)(b.v.Links(b.ctx, links))
	if len(added.Identities) != large || len(added.Keys) != large || len(found) != 2*large || len(b.find(keys...)) != 2*large {
		b.Errorf("added %d and %d, found %d tags", len(added.Identities), len(added.Keys), len(found))
	}
}

func testOwned(b bench) {
	k, p, tag := row(gdpr.KindLot, 1), person(2), mail(2, "a")
	given, givenPerson, givenTag := row(gdpr.KindLot, 1), person(2), mail(2, "a")
	added := b.add(gdpr.Addition{Keys: []gdpr.WrappedKey{given}, Subjects: []gdpr.NewSubject{givenPerson}, Tags: []gdpr.Tag{givenTag}})
	stored, identity := added.Keys[string(k.Tag)], added.Identities[string(p.Identity.Link)]
	for range 2 { // what the caller does to its own slices first, and then to results
		for _, s := range [][]byte{given.Wrapped, given.Tag, givenPerson.Key.Wrapped, givenPerson.Identity.Sealed, givenPerson.Identity.Link,
			givenTag.Sealed, givenTag.Owner, givenTag.Link, stored.Wrapped, stored.Tag, identity.Sealed, identity.Owner} {
			clear(s)
		}
		links := must[map[string]gdpr.Tag](b)(b.v.Links(b.ctx, []gdpr.Link{p.Identity.At(), tag.At()}))
		found := b.find(k, p.Key)
		if !reflect.DeepEqual(found[string(k.Tag)], k) || !reflect.DeepEqual(found[string(p.Key.Tag)], p.Key) ||
			!reflect.DeepEqual(links[string(p.Identity.Link)], p.Identity) || !reflect.DeepEqual(links[string(tag.Link)], tag) {
			b.Fatal("what the caller did to its slices shows in the vault")
		}
		stored, identity = found[string(k.Tag)], links[string(tag.Link)]
	}
}

func testContext(b bench) {
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	k := row(gdpr.KindLot, 1)
	_, add := b.v.Add(ctx, 0, gdpr.Addition{Keys: []gdpr.WrappedKey{k}})
	_, byTag := b.v.ByTag(ctx, tagsOf(k))
	_, byID := b.v.ByID(ctx, []string{k.ID})
	_, links := b.v.Links(ctx, []gdpr.Link{{Link: k.Tag}})
	_, poll := b.v.Poll(ctx, 0)
	_, kill := b.v.Kill(ctx, nil, nil)
	put := b.v.PutKeyring(ctx, 0, gdpr.SealedKeyring{Generation: 1, Revision: 1})
	for what, err := range map[string]error{"Add": add, "ByTag": byTag, "ByID": byID, "Links": links, "Poll": poll, "Kill": kill, "PutKeyring": put} {
		if err == nil {
			b.Errorf("%s under an ended context succeeded", what)
		}
	}
	if len(b.find(k)) != 0 || b.poll(0).Revision != 0 {
		b.Error("a refused call stored something")
	}
}

func testTagged(b bench) {
	const n = 25
	a := gdpr.Addition{Subjects: people(0, n)}
	for i := range n {
		a.Tags = append(a.Tags, mail(i, "household"), mail(i, "other"))
	}
	b.add(a)
	tag := mail(0, "household").Tag
	var after []byte
	var all []gdpr.Tag
	for pages := 0; ; pages++ {
		page := must[[]gdpr.Tag](b)(b.v.Tagged(b.ctx, gdpr.BucketOf(tag), tag, after, 10))
		if len(page) == 0 {
			break
		}
		for _, t := range page {
			if !bytes.Equal(t.Tag, tag) || bytes.Compare(t.Link, after) <= 0 {
				b.Fatalf("page %d is out of order or of another tag", pages)
			}
			after, all = t.Link, append(all, t)
		}
	}
	if len(all) != n {
		b.Errorf("%d of %d", len(all), n)
	}
	b.equal(must[[]gdpr.Tag](b)(b.v.Tagged(b.ctx, person(0).Identity.Slot, person(0).Identity.Tag, nil, 10)), []gdpr.Tag{person(0).Identity}, "an identity")
	if got := must[[]gdpr.Tag](b)(b.v.Tagged(b.ctx, gdpr.BucketOf(hash("nobody")), hash("nobody"), nil, 10)); len(got) != 0 {
		b.Errorf("nobody is tagged %v", got)
	}
}

func testTagsWithoutIdentity(b bench) {
	b.add(gdpr.Addition{Subjects: people(1, 2), Tags: []gdpr.Tag{mail(1, "a"), mail(9, "a")}})
	got := must[[]gdpr.Tag](b)(b.v.Tagged(b.ctx, mail(1, "a").Slot, mail(1, "a").Tag, nil, 10))
	b.equal(got, []gdpr.Tag{mail(1, "a")}, "a tag whose owner is nobody beside another")
	b.add(gdpr.Addition{Tags: []gdpr.Tag{mail(1, "a"), mail(1, "a"), mail(1, "b")}})
	if _, others := b.tags(1); others != 2 {
		b.Errorf("%d tags, want 2", others)
	}
}
