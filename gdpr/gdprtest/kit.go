package gdprtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"reflect"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// Store is what the suites test: everything that the vault database is for.
type Store interface {
	gdpr.Vault
	forget.Ledger
	forget.Cycles
}

// bench is what a test gets: an empty vault.
type bench struct {
	*testing.T
	v   Store
	ctx context.Context
}

// test is one test of a suite.
type test struct {
	name string
	run  func(bench)
}

func run(t *testing.T, open func(*testing.T) Store, tests []test) {
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) { c.run(bench{t, open(t), context.Background()}) })
	}
}

// noon is when everything here happens.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 456789000, time.UTC)

const tenant hub.TenantID = "ten_a"

// id makes an identifier that n tells apart and that sorts like n.
func id(prefix string, n int) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	h := sha256.Sum256(b[:8])
	copy(b[8:], h[:]) // so that the last two bytes, the bucket, are spread
	return hub.IDSource(func() [16]byte { return b }).New(prefix)
}

func hash(parts ...any) []byte {
	h := sha256.Sum256(fmt.Append(nil, parts...))
	return h[:]
}

// row makes a key that looks like one of the hub's; n tells it apart.
func row(kind gdpr.Kind, n int) gdpr.WrappedKey {
	prefix := map[gdpr.Kind]string{gdpr.KindSubject: gdpr.SubjectPrefix, gdpr.KindLot: gdpr.LotPrefix, gdpr.KindTenant: gdpr.TenantKeyPrefix,
		gdpr.KindCredential: gdpr.CredentialPrefix}[kind]
	tag := hash(kind, n)
	k := gdpr.WrappedKey{
		ID: id(prefix, n), Kind: kind, Tenant: tenant, Tag: tag, Slot: gdpr.BucketOf(tag), Generation: 3,
		Wrapped: bytes.Repeat([]byte{0, 0xff, ' ', byte(n)}, 22), CreatedAt: noon,
	}
	if kind == gdpr.KindLot {
		k.Connection, k.Class, k.Week, k.Expires = "con_a", gdpr.LotRaw, "2026-W47", "2027-W08"
		k.Slot = k.Expires.Slot()
	}
	return k
}

// owner is the mark of person n on all tags.
func owner(n int) []byte { return hash("owner", n)[:16] }

// person makes a new subject.
func person(n int) gdpr.NewSubject {
	link := hash("identity", n)
	return gdpr.NewSubject{Key: row(gdpr.KindSubject, n), Identity: gdpr.Tag{Link: link, Tag: link, Slot: gdpr.BucketOf(link), Owner: owner(n),
		Identity: true, Sealed: bytes.Repeat([]byte{byte(n), 0, '\''}, 40), Generation: 3}}
}

// mail makes the tag by which person n is found under an address.
func mail(n int, address string) gdpr.Tag {
	tag := hash("mail", address)
	return gdpr.Tag{Link: hash("link", n, address), Tag: tag, Slot: gdpr.BucketOf(tag), Owner: owner(n), Sealed: []byte{0xff, 0, byte(n)}, Generation: 3}
}

func people(from, to int) (list []gdpr.NewSubject) {
	for n := from; n < to; n++ {
		list = append(list, person(n))
	}
	return list
}

// entry makes an entry of person n.
func entry(what forget.What, n int) forget.Entry {
	return forget.Entry{ID: id(forget.EntryPrefix, n) + string(what[0]), What: what, Tenant: tenant, Subject: gdpr.SubjectID(id(gdpr.SubjectPrefix, n)),
		Reason: "erasure", At: noon}
}

func entries(what forget.What, from, to int) (list []forget.Entry) {
	for n := from; n < to; n++ {
		list = append(list, entry(what, n))
	}
	return list
}

func owners(from, to int) (list [][]byte) {
	for n := from; n < to; n++ {
		list = append(list, owner(n))
	}
	return list
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

func must[T any](b bench) func(T, error) T {
	return func(v T, err error) T {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
}

func (b bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// refused requires a kind and a code.
func (b bench) refused(err error, kind hub.Kind, code hub.Code, what string) {
	b.Helper()
	if err == nil || hub.KindOf(err) != kind || code != "" && hub.CodeOf(err) != code {
		b.Errorf("%s: %v (%v %s), want %v %s", what, err, hub.KindOf(err), hub.CodeOf(err), kind, code)
	}
}

func (b bench) equal(got, want any, what string) {
	b.Helper()
	if !reflect.DeepEqual(got, want) {
		b.Errorf("%s:\n%+v\nwant\n%+v", what, got, want)
	}
}

// add adds under the revision of the moment.
func (b bench) add(a gdpr.Addition) gdpr.Added {
	b.Helper()
	return must[gdpr.Added](b)(b.v.Add(b.ctx, b.poll(0).Revision, a))
}

func (b bench) poll(ledger int64) gdpr.State {
	b.Helper()
	return must[gdpr.State](b)(b.v.Poll(b.ctx, ledger))
}

// find looks keys up both ways and requires both to agree.
func (b bench) find(keys ...gdpr.WrappedKey) map[string]gdpr.WrappedKey {
	b.Helper()
	byTag := must[map[string]gdpr.WrappedKey](b)(b.v.ByTag(b.ctx, tagsOf(keys...)))
	byID := must[map[string]gdpr.WrappedKey](b)(b.v.ByID(b.ctx, idsOf(keys...)))
	for id, k := range byID {
		if k.ID != id || !reflect.DeepEqual(byTag[string(k.Tag)], k) {
			b.Fatalf("ByID of %s = %+v, ByTag = %+v", id, k, byTag[string(k.Tag)])
		}
	}
	for tag, k := range byTag {
		if string(k.Tag) != tag {
			b.Fatalf("ByTag answers %x under %x", k.Tag, tag)
		}
	}
	return byTag
}

// has reports whether person n has a key.
func (b bench) has(n int) bool {
	b.Helper()
	return len(must[map[string]gdpr.WrappedKey](b)(b.v.ByID(b.ctx, []string{id(gdpr.SubjectPrefix, n)}))) == 1
}

// tags returns how many tags of person n are identities, and how many are not.
func (b bench) tags(n int) (identities, others int) {
	b.Helper()
	for _, t := range must[[]gdpr.Tag](b)(b.v.TagsOf(b.ctx, [][]byte{owner(n)})) {
		if t.Identity {
			identities++
		} else {
			others++
		}
	}
	return identities, others
}
