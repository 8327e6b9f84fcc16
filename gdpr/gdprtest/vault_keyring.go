package gdprtest

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"

	"hub"
	"hub/gdpr"
)

// testConcurrentAdd has several writers add keys and persons under the same names at once, in opposite orders.
func testConcurrentAdd(b bench) {
	const writers, names = 6, 20
	results := make([]gdpr.Added, writers)
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			var a gdpr.Addition
			for i := range names {
				at := i
				if w%2 == 1 {
					at = names - 1 - i
				}
				k, p := row(gdpr.KindLot, 1000*(w+1)+at), person(1000*(w+1)+at)
				k.Tag, p.Identity.Link, p.Identity.Slot = hash("lot", at), hash("who", at), 7
				a.Keys, a.Subjects, a.Tags = append(a.Keys, k), append(a.Subjects, p), append(a.Tags, mail(1000*(w+1)+at, "a"))
			}
			results[w], errs[w] = b.v.Add(b.ctx, 0, a)
		})
	}
	wg.Wait()
	persons, tags := 0, 0
	for w, err := range errs {
		b.ok(err)
		if len(results[w].Keys) != names || len(results[w].Identities) != names || !reflect.DeepEqual(results[w], results[0]) {
			b.Errorf("writer %d was told something else than writer 0", w)
		}
		for i := range names {
			identities, others := b.tags(1000*(w+1) + i)
			persons, tags = persons+identities, tags+others
			if b.has(1000*(w+1)+i) != (identities == 1) || others != identities {
				b.Errorf("a person is stored by half")
			}
		}
	}
	if persons != names || tags != names {
		b.Errorf("%d persons and %d tags of %d", persons, tags, names)
	}
	b.Logf("%d writers, %d names, all told the same", writers, names)
}

func ring(generation int, revision int64, blob string) gdpr.SealedKeyring {
	return gdpr.SealedKeyring{Generation: generation, Revision: revision, Blob: []byte(blob)}
}

func (b bench) rings() []gdpr.SealedKeyring {
	b.Helper()
	return must[[]gdpr.SealedKeyring](b)(b.v.Keyrings(b.ctx))
}

func testKeyrings(b bench) {
	put := func(revision int64, k gdpr.SealedKeyring) error { return b.v.PutKeyring(b.ctx, revision, k) }
	b.refused(put(1, ring(3, 2, "x")), hub.KindConflict, gdpr.CodeKeyringStale, "a second before the first")
	b.refused(put(0, ring(3, 2, "x")), hub.KindInvalid, "", "a revision that is not the next")
	b.ok(put(0, ring(3, 1, "one")))
	b.refused(put(0, ring(3, 1, "rival")), hub.KindConflict, gdpr.CodeKeyringStale, "a second first")
	b.equal(b.rings(), []gdpr.SealedKeyring{ring(3, 1, "one")}, "the first")
	b.ok(put(1, ring(3, 2, "two")))
	b.ok(put(2, ring(4, 3, "next")))
	b.equal(b.rings(), []gdpr.SealedKeyring{ring(3, 2, "two"), ring(4, 3, "next")}, "under two roots")
	b.equal(b.poll(0), gdpr.State{Revision: 3, Generation: 4}, "the state")
	b.ok(put(3, ring(3, 4, "three")))
	b.equal(b.rings(), []gdpr.SealedKeyring{ring(3, 4, "three"), ring(4, 3, "next")}, "the older again")
	b.equal(b.poll(0), gdpr.State{Revision: 4, Generation: 4}, "the state after the older")
	got := b.rings()
	clear(got[0].Blob)
	b.equal(b.rings()[0], ring(3, 4, "three"), "what a caller did to a result")
}

// testLargeKeyring has the largest keyring there can be, each of 65,536 slots with an old key beside the new, and bytes
// that would double when they are escaped.
func testLargeKeyring(b bench) {
	random := rand.New(rand.NewPCG(1, 2))
	blob := make([]byte, gdpr.Buckets*(4+4+32+4+32)+20_000)
	for i := range blob {
		blob[i] = []byte{0, '\'', '\\', 0xff, '"'}[random.IntN(5)]
	}
	want := gdpr.SealedKeyring{Generation: 1, Revision: 1, Blob: blob}
	b.ok(b.v.PutKeyring(b.ctx, 0, want))
	got := b.rings()
	if len(got) != 1 || got[0].Revision != 1 || !bytes.Equal(got[0].Blob, blob) {
		b.Errorf("%d keyrings came back, another than the one of %d bytes", len(got), len(blob))
	}
	b.Logf("%d bytes", len(blob))
}

func testStaleRevision(b bench) {
	b.ok(b.v.PutKeyring(b.ctx, 0, ring(1, 1, "x")))
	a := gdpr.Addition{Keys: []gdpr.WrappedKey{row(gdpr.KindLot, 1)}, Subjects: people(1, 2), Tags: []gdpr.Tag{mail(1, "a")}}
	for _, revision := range []int64{0, 2} {
		_, err := b.v.Add(b.ctx, revision, a)
		b.refused(err, hub.KindConflict, gdpr.CodeKeyringStale, "Add under another revision")
		_, err = b.v.Add(b.ctx, revision, gdpr.Addition{})
		b.refused(err, hub.KindConflict, gdpr.CodeKeyringStale, "Add of nothing under another revision")
	}
	if len(b.find(a.Keys[0])) != 0 || b.has(1) {
		b.Error("something is stored")
	}
	b.add(a)
}

// testConcurrentPut has several hubs replace each revision: exactly one succeeds.
func testConcurrentPut(b bench) {
	const hubs, rounds = 4, 5
	for revision := range int64(rounds) {
		var won atomic.Int64
		var wg sync.WaitGroup
		for h := range hubs {
			wg.Go(func() {
				err := b.v.PutKeyring(b.ctx, revision, ring(1, revision+1, string(rune('a'+h))))
				if err == nil {
					won.Add(1)
				} else if hub.CodeOf(err) != gdpr.CodeKeyringStale {
					b.Errorf("hub %d: %v", h, err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			b.Errorf("%d hubs replaced revision %d", won.Load(), revision)
		}
	}
	b.Logf("%d rounds of %d hubs", rounds, hubs)
}

// testAddAgainstPut adds rows while the keyring is replaced: once the new one is stored, no row appears that was added
// under the old one.
func testAddAgainstPut(b bench) {
	const writers, rounds, each = 4, 8, 12
	b.ok(b.v.PutKeyring(b.ctx, 0, ring(1, 1, "x")))
	inTime, all := 0, 0
	for revision := int64(1); revision <= rounds; revision++ {
		var wg sync.WaitGroup
		under, half := []gdpr.WrappedKey{}, make(chan struct{}, writers)
		for w := range writers {
			mine := lots(tenant, "con_a", int(revision)*1000+w*100, int(revision)*1000+w*100+each)
			under = append(under, mine...)
			wg.Go(func() {
				for i, k := range mine {
					if i == each/2 {
						half <- struct{}{}
					}
					if _, err := b.v.Add(b.ctx, revision, gdpr.Addition{Keys: []gdpr.WrappedKey{k}}); err != nil && hub.CodeOf(err) != gdpr.CodeKeyringStale {
						b.Error(err)
					}
				}
			})
		}
		<-half // one of them is half through
		b.ok(b.v.PutKeyring(b.ctx, revision, ring(1, revision+1, "x")))
		before := len(b.find(under...))
		wg.Wait()
		if after := len(b.find(under...)); after != before {
			b.Errorf("revision %d: %d rows when it was replaced, %d later", revision, before, after)
		}
		inTime, all = inTime+before, all+len(under)
	}
	b.Logf("%d rounds, %d of %d rows in time", rounds, inTime, all)
}
