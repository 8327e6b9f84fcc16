package erp

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
)

// archive is orders with sealed parts, the keys to them and the record of disclosures, as the contracts of the ports say.
type archive struct {
	counted int                    // damaged parts
	docs    map[hub.OrderID][]byte // for OrderPersonal
	sealed  map[hub.OrderID]Sealed
	plain   map[string]plainPart // by envelope
	gone    map[gdpr.SubjectID]bool
	fenced  map[gdpr.SubjectID]bool // on the shard; their keys still open
	damaged map[string]bool         // envelopes
	rows    []Disclosure            // stored
	last    Answer                  // stored last
	calls   []string                // in their order
	fail    map[string]error        // by call
	asked   int                     // most orders of one read
	held    int                     // most bytes of one, of several orders
	during  func()                  // between opening and disclosing
	logs    bytes.Buffer
}

// plainPart is what an envelope holds and where it has to be.
type plainPart struct {
	place gdpr.Place
	text  []byte
	of    []gdpr.SubjectID
}

func newArchive() *archive {
	return &archive{
		sealed: map[hub.OrderID]Sealed{}, plain: map[string]plainPart{}, gone: map[gdpr.SubjectID]bool{},
		fenced: map[gdpr.SubjectID]bool{}, damaged: map[string]bool{}, fail: map[string]error{},
	}
}

func (a *archive) use() *Personal {
	return &Personal{
		Reader: a, Keys: a, Disclosures: a, Ready: func(hub.TenantID) error { return a.call("ready") },
		Clock: func() time.Time { return noon }, Logger: slog.New(slog.NewJSONHandler(&a.logs, nil)),
		Damaged: func(parts int) { a.counted += parts },
	}
}

func (a *archive) call(name string) error {
	a.calls = append(a.calls, name)
	return a.fail[name]
}

// subject returns the nth person.
func subject(n uint64) gdpr.SubjectID {
	return gdpr.SubjectID(hub.IDSource(func() (raw [16]byte) {
		binary.BigEndian.PutUint64(raw[8:], n)
		return raw
	}).New(gdpr.SubjectPrefix))
}

// seal stores parts of an order; of[part] are the numbers of the people.
func (a *archive) seal(t hub.TenantID, id hub.OrderID, revision int64, parts map[hub.PersonalPart]hub.Personal, of map[hub.PersonalPart][]uint64) {
	s := Sealed{Revision: revision}
	for _, part := range hub.PersonalParts() {
		p, ok := parts[part]
		if !ok {
			continue
		}
		text, err := json.Marshal(p)
		if err != nil {
			panic(err)
		}
		envelope, people := a.envelope(of[part])
		a.plain[string(envelope)] = plainPart{gdpr.OrderPlace(t, id, part, revision), text, people}
		s.Parts = append(s.Parts, SealedPart{part, envelope})
	}
	a.sealed[id] = s
}

// envelope makes a header that names people, and bytes that differ.
func (a *archive) envelope(numbers []uint64) (envelope []byte, people []gdpr.SubjectID) {
	b := append([]byte("HE"), 1, byte(len(numbers)))
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint64(append(b, make([]byte, 8)...), n)
		people = append(people, subject(n))
	}
	b = binary.BigEndian.AppendUint64(append(b, make([]byte, 16+24)...), uint64(len(a.plain)+1)) // lot, commitment
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return append(b, make([]byte, 64)...), people
}

func (a *archive) Personal(_ context.Context, _ hub.TenantID, ids []hub.OrderID) (map[hub.OrderID]Sealed, error) {
	if err := a.call("read"); err != nil {
		return nil, err
	}
	a.asked = max(a.asked, len(ids))
	found, bytes := map[hub.OrderID]Sealed{}, 0
	for _, id := range ids {
		if s, ok := a.sealed[id]; ok {
			found[id] = s
			if bytes += s.Size(); bytes > MaxPageBytes && len(found) > 1 {
				return nil, &hub.Error{Kind: hub.KindTooLarge, Op: "reading"}
			}
		}
	}
	if len(found) > 1 {
		a.held = max(a.held, bytes)
	}
	return found, nil
}

func (a *archive) OrderPersonal(_ context.Context, _ hub.TenantID, id hub.OrderID) (Row, Sealed, error) {
	if err := a.call("order"); err != nil {
		return Row{}, Sealed{}, err
	}
	doc, ok := a.docs[id]
	if !ok {
		return Row{}, Sealed{}, notFound()
	}
	return Row{id, doc}, a.sealed[id], nil
}

func (a *archive) OpenAll(_ context.Context, list []gdpr.Sealed) ([]gdpr.Opened, error) {
	if err := a.call("open"); err != nil {
		return nil, err
	}
	opened := make([]gdpr.Opened, len(list))
	for i, s := range list {
		part, ok := a.plain[string(s.Envelope)]
		switch {
		case !ok || part.place != s.Place || a.damaged[string(s.Envelope)]:
			opened[i].Err = &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeUnreadable, Op: "opening"}
		case slices.ContainsFunc(part.of, func(s gdpr.SubjectID) bool { return a.gone[s] }):
			opened[i].Err = &hub.Error{Kind: hub.KindNotFound, Code: gdpr.CodeKeyGone, Op: "opening"}
		default:
			opened[i].Plaintext, opened[i].Subjects = part.text, part.of
		}
	}
	if a.during != nil {
		a.during()
	}
	return opened, nil
}

func (a *archive) Mark() gdpr.Mark { return gdpr.Mark{} }

func (a *archive) FreshSince(gdpr.Mark) (time.Duration, error) { return 0, a.call("fresh") }

func (a *archive) Of(hub.TenantID) hub.ShardID { return "s0" }

func (a *archive) File(context.Context, hub.ShardID) error { return nil }

func (a *archive) Disclose(_ context.Context, _ hub.ShardID, answers []Answer) (fenced [][]gdpr.SubjectID, err error) {
	if err := a.call("disclose"); err != nil {
		return nil, err
	}
	for _, answer := range answers {
		var of []gdpr.SubjectID
		for _, r := range answer.Rows {
			for _, s := range r.Subjects {
				if a.fenced[s] && !slices.Contains(of, s) {
					of = append(of, s)
				}
			}
		}
		if len(of) == 0 {
			a.rows = append(a.rows, answer.Rows...)
			a.last = answer
		}
		fenced = append(fenced, of)
	}
	return fenced, nil
}

var erpClient = Recipient{Tenant: "a", Client: "sap", Key: "key_1", Request: "req_1"}

// fullOrder is an order with everything personal in it.
func fullOrder(id hub.OrderID, revision int64) hub.Order {
	return hub.Order{
		ID: id, Revision: revision, Number: "#1",
		Lines: []hub.Line{
			{ExternalID: "1", Title: "Chá <verde>"},
			{ExternalID: "2", Custom: true, Title: "canary engraving", Properties: []hub.Note{{Name: "for", Value: "canary Ana"}}},
		},
		Discounts:    []hub.Discount{{Code: "canary-code", Title: "canary title", Kind: "order"}},
		Fulfillments: []hub.Fulfillment{{ExternalID: "f"}, {TrackingNumber: "canary-number", TrackingURL: "https://canary.example"}},
		Buyer: &hub.Buyer{
			ExternalID: "canary-7", Name: "canary Ana", Email: "canary@example.com", Phone: "1", TaxID: "2", Company: "c",
			BillingAddress: &hub.Address{Name: "canary Bia"}, ShippingAddress: &hub.Address{Name: "canary Caio"},
			Note: "canary note", Attributes: []hub.Note{{Name: "a"}}, Tags: []string{"canary tag"},
		},
	}
}

// people of a full order: who has which part.
var apart = map[hub.PersonalPart][]uint64{hub.PartBuyer: {1}, hub.PartRecipient: {2}, hub.PartPayer: {3}, hub.PartShared: {1, 2, 3}}

// keep stores the parts of an order and returns its document.
func (a *archive) keep(t hub.TenantID, o hub.Order, of map[hub.PersonalPart][]uint64) []byte {
	business, personal := o.Split()
	a.seal(t, o.ID, o.Revision, personal.Parts(of[hub.PartRecipient] != nil, of[hub.PartPayer] != nil), of)
	doc, err := json.Marshal(business)
	if err != nil {
		panic(err)
	}
	return doc
}

// added lists the personal fields that a served document has and the plain one has not, by looking at the JSON alone, and
// reports whether without them the two are the same.
func added(t testing.TB, served, plain []byte) (names []string, same bool) {
	t.Helper()
	var with, without map[string]any
	for text, into := range map[*[]byte]*map[string]any{&served: &with, &plain: &without} {
		d := json.NewDecoder(bytes.NewReader(*text))
		d.UseNumber()
		if err := d.Decode(into); err != nil {
			t.Fatalf("%v in %s", err, *text)
		}
	}
	take := func(name string, o, other map[string]any, fields ...string) {
		for _, f := range fields {
			if _, ok := o[f]; ok && other[f] == nil {
				names = append(names, strings.TrimPrefix(name+"."+f, "."))
				delete(o, f)
			}
		}
	}
	if buyer, ok := with["buyer"].(map[string]any); ok && without["buyer"] == nil {
		for f := range buyer {
			names = append(names, "buyer."+f)
		}
		delete(with, "buyer")
	}
	for list, fields := range map[string][]string{
		"lines": {"title", "properties"}, "discounts": {"code", "title"}, "fulfillments": {"tracking_number", "tracking_url"},
	} {
		elements, _ := with[list].([]any)
		others, _ := without[list].([]any)
		for i, e := range elements {
			if i < len(others) {
				take(list, e.(map[string]any), others[i].(map[string]any), fields...)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), fmt.Sprint(with) == fmt.Sprint(without)
}

// randomOrder makes an order with a random choice of personal fields.
func randomOrder(r *rand.Rand, id hub.OrderID, revision int64) hub.Order {
	o := fullOrder(id, revision)
	for _, clear := range []func(){
		func() { o.Buyer.ExternalID = "" }, func() { o.Buyer.Email = "" }, func() { o.Buyer.Name = "" }, func() { o.Buyer.Phone = "" },
		func() { o.Buyer.TaxID, o.Buyer.Company = "", "" }, func() { o.Buyer.BillingAddress = nil }, func() { o.Buyer.ShippingAddress = nil },
		func() { o.Buyer.Note = "" }, func() { o.Buyer.Attributes = nil }, func() { o.Buyer.Tags = nil }, func() { o.Lines = o.Lines[:1] },
		func() { o.Lines[len(o.Lines)-1].Properties = nil }, func() { o.Discounts = nil }, func() { o.Fulfillments = nil },
	} {
		if r.IntN(3) == 0 {
			clear()
		}
	}
	if r.IntN(6) == 0 {
		o.Buyer = nil
	}
	return o
}

// stubbornLog says for ever that somebody is fenced who was not named.
type stubbornLog struct{ *archive }

func (stubbornLog) Disclose(context.Context, hub.ShardID, []Answer) ([][]gdpr.SubjectID, error) {
	return [][]gdpr.SubjectID{{subject(77)}}, nil
}

// lockedOut has the wrong root.
type lockedOut struct{ *archive }

func (lockedOut) OpenAll(_ context.Context, list []gdpr.Sealed) ([]gdpr.Opened, error) {
	opened := make([]gdpr.Opened, len(list))
	opened[len(list)-1].Err = &hub.Error{Kind: hub.KindPermanent, Code: gdpr.CodeRootMismatch, Op: "opening"}
	for i := range opened {
		opened[i].Plaintext = []byte(`{}`)
	}
	return opened, nil
}
