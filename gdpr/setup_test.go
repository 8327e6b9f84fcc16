package gdpr_test

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/gdprtest"
)

// canary stands for personal data: no error text may hold it.
const canary = "CANARY-Mäx-Müller"

var (
	ctx  = context.Background()
	root = gdpr.NewRoot(1, [32]byte{1, 2, 3})
	week = gdpr.Week("2026-W47")
)

func clock() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 123456789, time.UTC) }

var lastID atomic.Uint64

// ids counts, over all tests, so that no two vaults share an id by chance.
func ids() (id [16]byte) {
	binary.BigEndian.PutUint64(id[8:], lastID.Add(1))
	return id
}

func keysOver(v gdpr.Vault) *gdpr.Keys {
	return gdpr.NewKeys(rootsOf(root), v, ids, clock, gdpr.Options{})
}

// shelf is a root store in memory: the roots that it holds.
type shelf struct{ roots []gdpr.Root }

func rootsOf(roots ...gdpr.Root) *shelf { return &shelf{roots} }

func (s *shelf) Load(context.Context) ([]gdpr.Root, error) {
	if len(s.roots) == 0 {
		return nil, &hub.Error{Kind: hub.KindNotFound, Op: "loading root"}
	}
	return s.roots, nil
}

func (s *shelf) Create(context.Context, int) (gdpr.Root, error) {
	return gdpr.Root{}, errors.ErrUnsupported
}

func (s *shelf) Destroy(context.Context, int) (gdpr.Receipt, error) {
	return gdpr.Receipt{}, errors.ErrUnsupported
}

func (s *shelf) Lock(context.Context) (func(), error) { return nil, errors.ErrUnsupported }

func customer(id hub.ExternalID) gdpr.SubjectRef { return gdpr.SubjectRef{Customer: id} }

func holder(subjects ...gdpr.SubjectRef) gdpr.Holder {
	return gdpr.Holder{Tenant: "ten_a", Connection: "con_a", People: people(subjects...), Lot: gdpr.LotOrder, Week: week}
}

// people are persons who placed their orders before the clock's time.
func people(subjects ...gdpr.SubjectRef) (list []gdpr.Person) {
	for _, s := range subjects {
		list = append(list, gdpr.Person{SubjectRef: s, PlacedAt: clock().Add(-time.Hour)})
	}
	return list
}

var place = gdpr.Place{Tenant: "ten_a", Table: "orders", Row: "ord_1", Class: hub.P1, Version: 3}

func sealFor(t testing.TB, k *gdpr.Keys, h gdpr.Holder) *gdpr.Seal {
	t.Helper()
	seals, err := k.Seals(ctx, []gdpr.Holder{h})
	if err != nil {
		t.Fatalf("Seals: %v", err)
	}
	return seals[0]
}

func sealed(t testing.TB, s *gdpr.Seal, p gdpr.Place, plaintext string) []byte {
	t.Helper()
	b, err := s.Seal(p, []byte(plaintext))
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	return b
}

// opens requires that envelope opens to plaintext with a cold cache.
func opens(t testing.TB, v gdpr.Vault, p gdpr.Place, envelope []byte, plaintext string) {
	t.Helper()
	got, err := keysOver(v).Open(ctx, p, envelope)
	if err != nil || string(got) != plaintext {
		t.Fatalf("Open = %q, %v; want %q", got, err, plaintext)
	}
}

// refused requires an error of that kind and code whose text is clean and names the place, and no plaintext beside it.
func refused(t testing.TB, p gdpr.Place, plaintext []byte, err error, kind hub.Kind, code hub.Code) {
	t.Helper()
	if err == nil || plaintext != nil {
		t.Fatalf("it opened: %q, %v", plaintext, err)
	}
	if hub.KindOf(err) != kind || hub.CodeOf(err) != code {
		t.Fatalf("error %v is %v %s, want %v %s", err, hub.KindOf(err), hub.CodeOf(err), kind, code)
	}
	if text := err.Error(); strings.Contains(text, canary) || !strings.Contains(text, p.Table+"/"+p.Row) {
		t.Fatalf("error text %q", text)
	}
}

func unreadable(t testing.TB, p gdpr.Place, plaintext []byte, err error) {
	t.Helper()
	refused(t, p, plaintext, err, hub.KindPermanent, hub.CodeUnreadable)
}

func gone(t testing.TB, p gdpr.Place, plaintext []byte, err error) {
	t.Helper()
	refused(t, p, plaintext, err, hub.KindNotFound, gdpr.CodeKeyGone)
}

func email(address string) gdpr.Identifier {
	id, err := gdpr.NewIdentifier(gdpr.IdentifierEmail, address)
	if err != nil {
		panic(err)
	}
	return id
}

func newVault() *gdprtest.Memory { return gdprtest.NewMemory() }
