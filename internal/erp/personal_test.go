package erp

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hub"
	"hub/gdpr"
)

// feedOf makes a page of the feed from documents.
func feedOf(docs ...document) Page {
	page := Page{Next: int64(len(docs))}
	for i, d := range docs {
		page.Changes = append(page.Changes, hub.Change{Stream: hub.StreamOrders, Sequence: int64(i + 1), OrderID: d.order, Revision: d.revision, Doc: d.doc})
	}
	return page
}

func mustPage(t *testing.T, a *archive, page Page) Page {
	t.Helper()
	got, err := a.use().Page(t.Context(), erpClient, page)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Everything personal is added, disclosed by name, and the rest of the document is untouched.
func TestPersonalIsAdded(t *testing.T) {
	a := newArchive()
	o := fullOrder(id(1), 3)
	doc := a.keep("a", o, apart)
	got := mustPage(t, a, feedOf(document{id(1), 3, doc}))
	var served hub.Order
	if err := json.Unmarshal(got.Changes[0].Doc, &served); err != nil || !reflect.DeepEqual(served, o) {
		t.Errorf("served %s, %v", got.Changes[0].Doc, err)
	}
	names, same := added(t, got.Changes[0].Doc, doc)
	if n := len(got.Changes[0].Doc); cap(got.Changes[0].Doc) != n {
		t.Errorf("what is appended to a document of %d bytes runs into the next", n)
	}
	if len(a.rows) != 1 || !same {
		t.Fatalf("%d rows, the same %v", len(a.rows), same)
	}
	r := a.rows[0]
	listed := slices.Sorted(slices.Values(r.Fields.Names()))
	if !slices.Equal(listed, names) || len(names) != len(hub.PersonalFields()) {
		t.Errorf("disclosed %v, served %v", listed, names)
	}
	r.Fields = 0
	want := Disclosure{Tenant: "a", Client: "sap", Key: "key_1", Request: "req_1", Order: id(1), Revision: 3,
		Subjects: []gdpr.SubjectID{subject(1), subject(2), subject(3)}, At: noon}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("disclosed %+v, want %+v", r, want)
	}
	if steps := strings.Join(a.calls, " "); steps != "ready read open disclose" {
		t.Errorf("steps %s", steps)
	}
}

// The record of a page says from which change to which anything was served, that of orders says nothing.
func TestAnswerSaysWhatItIs(t *testing.T) {
	a := newArchive()
	var docs []document
	for n := range byte(6) {
		doc := []byte(`{"revision":1}`)
		if n > 0 && n < 5 && n != 3 {
			doc = a.keep("a", fullOrder(id(n), 1), apart)
		}
		docs = append(docs, document{id(n), 1, doc})
	}
	page := feedOf(docs...)
	mustPage(t, a, page)
	if got := a.last; got.Stream != hub.StreamOrders || got.First != page.Changes[1].Sequence || got.Last != page.Changes[4].Sequence || len(got.Rows) != 3 {
		t.Errorf("a page: %q from %d to %d, %d rows", got.Stream, got.First, got.Last, len(got.Rows))
	}
	if _, err := a.use().List(t.Context(), erpClient, List{Rows: []Row{{id(1), docs[1].doc}, {id(2), docs[2].doc}}}); err != nil {
		t.Fatal(err)
	}
	if got := a.last; got.Stream != "" || got.First != 0 || got.Last != 0 || len(got.Rows) != 2 {
		t.Errorf("a list: %q from %d to %d, %d rows", got.Stream, got.First, got.Last, len(got.Rows))
	}
}

// What belongs to a person who is gone, or to several of whom one is, is absent; the others keep theirs.
func TestGoneIsAbsent(t *testing.T) {
	shared := []string{"buyer.attributes", "buyer.note", "buyer.tags", "discounts.code", "discounts.title",
		"fulfillments.tracking_number", "fulfillments.tracking_url", "lines.properties", "lines.title"}
	buyer := []string{"buyer.company", "buyer.email", "buyer.external_id", "buyer.name", "buyer.phone", "buyer.tax_id"}
	for who, want := range map[uint64][]string{
		1: {"buyer.billing_address", "buyer.shipping_address"},
		2: append([]string{"buyer.billing_address"}, buyer...),
		3: append([]string{"buyer.shipping_address"}, buyer...),
		4: append([]string{"buyer.billing_address", "buyer.shipping_address"}, append(shared, buyer...)...),
	} {
		slices.Sort(want)
		for how, leave := range map[string]func(*archive){
			"gone":                    func(a *archive) { a.gone[subject(who)] = true },
			"fenced":                  func(a *archive) { a.fenced[subject(who)] = true },
			"fenced after it opened":  func(a *archive) { a.during = func() { a.fenced[subject(who)] = true } },
			"gone and another fenced": func(a *archive) { a.gone[subject(who)], a.fenced[subject(99)] = true, true },
		} {
			a := newArchive()
			doc := a.keep("a", fullOrder(id(1), 1), apart)
			leave(a)
			got := mustPage(t, a, feedOf(document{id(1), 1, doc}))
			names, same := added(t, got.Changes[0].Doc, doc)
			if !slices.Equal(names, want) || !same {
				t.Errorf("%d %s: served %v, want %v", who, how, names, want)
			}
			if len(a.rows) != 1 || slices.Contains(a.rows[0].Subjects, subject(who)) {
				t.Errorf("%d %s: disclosed %+v", who, how, a.rows)
			}
			if a.logs.Len() > 0 {
				t.Errorf("%d %s: logged %s", who, how, &a.logs)
			}
		}
	}
}

// When everybody is fenced, one after the other, nothing is served and nothing recorded.
func TestEverybodyFenced(t *testing.T) {
	a := newArchive()
	doc := a.keep("a", fullOrder(id(1), 1), apart)
	for n := range uint64(3) {
		a.fenced[subject(n+1)] = true
	}
	got := mustPage(t, a, feedOf(document{id(1), 1, doc}))
	if string(got.Changes[0].Doc) != string(doc) || len(a.rows) != 0 {
		t.Errorf("%d rows, served %s", len(a.rows), got.Changes[0].Doc)
	}
	stubborn := stubbornLog{a}
	p := a.use()
	p.Disclosures = stubborn
	if _, err := p.Page(t.Context(), erpClient, feedOf(document{id(1), 1, doc})); hub.KindOf(err) != hub.KindInternal {
		t.Errorf("a record that names strangers for ever: %v", err)
	}
}

// An older revision in the feed gets the people only; a deletion, which seals nothing, gets everything.
func TestRevisions(t *testing.T) {
	a := newArchive()
	o := fullOrder(id(1), 2)
	now := a.keep("a", o, apart)
	older := o
	older.Revision, older.Lines, older.Discounts, older.Fulfillments = 1, nil, nil, nil
	business, _ := older.Split()
	before, err := json.Marshal(business)
	if err != nil {
		t.Fatal(err)
	}
	got := mustPage(t, a, feedOf(document{id(1), 1, before}, document{id(1), 2, now}, document{id(1), 3, now}))
	for i, all := range []bool{false, true, true} {
		plain := now
		if i == 0 {
			plain = before
		}
		names, same := added(t, got.Changes[i].Doc, plain)
		if people := slices.Contains(names, "buyer.note"); !people || slices.Contains(names, "lines.title") != all || !same {
			t.Errorf("revision %d: %v", i+1, names)
		}
	}
	if len(a.rows) != 1 || a.rows[0].Revision != 3 || len(a.rows[0].Fields.Names()) != len(hub.PersonalFields()) {
		t.Errorf("%+v", a.rows)
	}
	a.rows = nil
	mustPage(t, a, feedOf(document{id(1), 1, before}))
	if names := a.rows[0].Fields.Names(); len(names) != 11 || a.rows[0].Revision != 1 {
		t.Errorf("the first revision alone: %+v with %v", a.rows, names)
	}
}

// Whose part adds nothing to the page is not on record for it, and whose it is does not matter.
func TestOnlyWhoIsServedIsNamed(t *testing.T) {
	a := newArchive()
	o := fullOrder(id(1), 2)
	o.Buyer = &hub.Buyer{Name: "canary Ana", ShippingAddress: &hub.Address{Name: "canary Caio"}}
	doc := a.keep("a", o, map[hub.PersonalPart][]uint64{hub.PartBuyer: {1}, hub.PartRecipient: {2}, hub.PartShared: {1, 2, 3}})
	a.fenced[subject(3)] = true
	got := mustPage(t, a, feedOf(document{id(1), 1, doc}))
	names, _ := added(t, got.Changes[0].Doc, doc)
	if len(a.rows) != 1 || !slices.Equal(a.rows[0].Subjects, []gdpr.SubjectID{subject(1), subject(2)}) || len(names) != 2 || len(a.calls) != 4 {
		t.Errorf("served %v, disclosed %+v after %v", names, a.rows, a.calls)
	}
}

// Damage hides what it hits and nothing else, and the operator reads of it without a value.
func TestDamage(t *testing.T) {
	a := newArchive()
	doc := a.keep("a", fullOrder(id(1), 1), apart)
	whole := a.keep("a", fullOrder(id(2), 1), apart)
	parts := a.sealed[id(1)].Parts
	a.damaged[string(parts[1].Envelope)] = true
	broken := a.plain[string(parts[2].Envelope)]
	broken.text = []byte(`{"buyer":"canary`)
	a.plain[string(parts[2].Envelope)] = broken
	got := mustPage(t, a, feedOf(document{id(1), 1, doc}, document{id(2), 1, whole}))
	names, _ := added(t, got.Changes[0].Doc, doc)
	if slices.Contains(names, "buyer.shipping_address") || slices.Contains(names, "buyer.billing_address") || !slices.Contains(names, "buyer.name") {
		t.Errorf("served %v", names)
	}
	if all, _ := added(t, got.Changes[1].Doc, whole); len(all) != len(hub.PersonalFields()) {
		t.Errorf("of the other order %v", all)
	}
	line := a.logs.String()
	if !strings.Contains(line, `"code":"unreadable","parts":2,"tenant":"a","order":"`+string(id(1))+`","part":"payer","request_id":"req_1"`) ||
		strings.Contains(line, "canary") || strings.Count(line, "\n") != 1 {
		t.Errorf("logged %s", line)
	}
	if a.counted != 2 {
		t.Errorf("counted %d", a.counted)
	}
}

// Parts that do not fit the document leave the people, and one line in the log.
func TestMisplaced(t *testing.T) {
	a := newArchive()
	o := fullOrder(id(1), 1)
	a.keep("a", o, apart)
	o.Lines = nil
	business, _ := o.Split()
	doc, _ := json.Marshal(business)
	got := mustPage(t, a, feedOf(document{id(1), 1, doc}))
	names, same := added(t, got.Changes[0].Doc, doc)
	if len(names) != 11 || !same || len(a.rows) != 1 || len(a.rows[0].Fields.Names()) != 11 {
		t.Errorf("served %v, disclosed %+v", names, a.rows)
	}
	if line := a.logs.String(); !strings.Contains(line, `"code":"misplaced","parts":1`) || strings.Contains(line, "canary") {
		t.Errorf("logged %s", line)
	}
	a.logs.Reset()
	a.rows = nil
	taken := strings.Replace(string(doc), `"test":`, `"buyer":null,"test":`, 1)
	if got := mustPage(t, a, feedOf(document{id(1), 1, []byte(taken)})); string(got.Changes[0].Doc) != taken || len(a.rows) != 0 {
		t.Errorf("a document that has a buyer became %s, %d rows", got.Changes[0].Doc, len(a.rows))
	}
}

// Whatever cannot be looked at is an error after which a client asks again, and no document is returned.
func TestNotServed(t *testing.T) {
	internal, away := errors.New("bug"), &hub.Error{Kind: hub.KindUnavailable, Code: "vault_stale", Op: "asking vault"}
	n := 0
	for _, call := range []string{"ready", "read", "open", "disclose", "fresh"} {
		for _, c := range []struct {
			err  error
			kind hub.Kind
			code hub.Code
		}{
			{away, hub.KindUnavailable, "vault_stale"},
			{&hub.Error{Kind: hub.KindUnavailable}, hub.KindUnavailable, CodePersonalUnavailable},
			{&hub.Error{Kind: hub.KindUnknown}, hub.KindUnavailable, CodePersonalUnavailable},
			{&hub.Error{Kind: hub.KindPermanent, Code: gdpr.CodeRootMismatch}, hub.KindUnavailable, gdpr.CodeRootMismatch},
			{&hub.Error{Kind: hub.KindNotFound}, hub.KindUnavailable, CodePersonalUnavailable},
			{internal, hub.KindInternal, CodePersonalUnavailable},
		} {
			n++
			a := newArchive()
			doc := a.keep("a", fullOrder(id(1), 1), apart)
			a.fail[call] = c.err
			p := a.use()
			got, err := p.Page(t.Context(), erpClient, feedOf(document{id(1), 1, doc}))
			if call == "fresh" {
				_, err = p.Fresh(erpClient)
			} else if len(got.Changes) != 0 {
				t.Errorf("%s fails with %v and a page is served", call, c.err)
			}
			if hub.KindOf(err) != c.kind || hub.CodeOf(err) != c.code || !errors.Is(err, c.err) {
				t.Errorf("%s fails with %v: %v", call, c.err, err)
			}
		}
	}
	a := newArchive()
	doc := a.keep("a", fullOrder(id(1), 1), apart)
	p := a.use()
	mustPage(t, a, feedOf(document{id(1), 1, doc}))
	a.fail["ready"] = away // an old vault came back while the page was made
	if _, err := p.Fresh(erpClient); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("a shard that is not ready any more: %v", err)
	}
	a.fail["ready"] = nil
	p.Keys = lockedOut{a}
	if _, err := p.Page(t.Context(), erpClient, feedOf(document{id(1), 1, doc})); hub.KindOf(err) != hub.KindUnavailable || hub.CodeOf(err) != gdpr.CodeRootMismatch {
		t.Errorf("a wrong root is %v", err)
	}
	if _, err := p.List(t.Context(), erpClient, List{Rows: []Row{{ID: id(1), Doc: []byte(`{"revision":"canary`)}}}); hub.KindOf(err) != hub.KindInternal || strings.Contains(err.Error(), "canary") {
		t.Errorf("a damaged document is %v", err)
	}
	t.Logf("%d failures", n)
}

// An empty page asks nobody.
func TestNothingToAdd(t *testing.T) {
	a := newArchive()
	a.fail["ready"] = errors.New("away")
	got := mustPage(t, a, Page{Next: 7})
	if len(a.calls) != 0 || got.Next != 7 || got.More {
		t.Errorf("%v %+v", a.calls, got)
	}
	a.fail["ready"] = nil
	doc := []byte(`{"revision":1}`)
	a.docs = map[hub.OrderID][]byte{id(1): doc}
	row, err := a.use().Order(t.Context(), erpClient, id(1))
	if err != nil || string(row.Doc) != string(doc) || strings.Join(a.calls, " ") != "order ready" {
		t.Errorf("an order without a buyer: %s, %v after %v", row.Doc, err, a.calls)
	}
}

// One order is read with its parts at once. One that is not there is said so; trouble is what it is.
func TestPersonalOrder(t *testing.T) {
	a := newArchive()
	o := fullOrder(id(1), 1)
	a.docs = map[hub.OrderID][]byte{id(1): a.keep("a", o, apart), id(3): []byte(`{"revision":"canary`)}
	row, err := a.use().Order(t.Context(), erpClient, id(1))
	var served hub.Order
	if err != nil || json.Unmarshal(row.Doc, &served) != nil || !reflect.DeepEqual(served, o) || len(a.rows) != 1 {
		t.Errorf("served %s, %v, %d rows", row.Doc, err, len(a.rows))
	}
	if steps := strings.Join(a.calls, " "); steps != "order ready open disclose" {
		t.Errorf("steps %s", steps)
	}
	for who, kind := range map[hub.OrderID]hub.Kind{id(2): hub.KindNotFound, "x' OR 1=1": hub.KindNotFound, id(3): hub.KindInternal} {
		if row, err := a.use().Order(t.Context(), erpClient, who); hub.KindOf(err) != kind || row.Doc != nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %s, %v", who, row.Doc, err)
		}
	}
	a.fail["disclose"] = &hub.Error{Kind: hub.KindNotFound} // not of the order
	if row, err := a.use().Order(t.Context(), erpClient, id(1)); hub.KindOf(err) != hub.KindUnavailable || row.Doc != nil {
		t.Errorf("%s, %v", row.Doc, err)
	}
}

// Pages end before their personal fields become too much, and reading on finds everything once.
func TestPersonalBytes(t *testing.T) {
	a := newArchive()
	var docs []document
	var rows []Row
	for n := range byte(60) {
		o := hub.Order{ID: id(n), Revision: 1, Buyer: &hub.Buyer{Name: "x"}}
		doc := a.keep("a", o, map[hub.PersonalPart][]uint64{hub.PartBuyer: {uint64(n)}})
		if n%14 == 3 {
			s := a.sealed[id(n)]
			big := append(slices.Clone(s.Parts[0].Envelope), make([]byte, int(n)*MaxPageBytes/24)...)
			a.plain[string(big)] = a.plain[string(s.Parts[0].Envelope)]
			s.Parts[0].Envelope = big
		}
		docs, rows = append(docs, document{id(n), 1, doc}), append(rows, Row{id(n), doc})
	}
	all := feedOf(docs...)
	pages, seen := 0, 0
	for seen < len(docs) {
		page := mustPage(t, a, Page{Changes: all.Changes[seen:], Next: all.Next, More: false})
		list, err := a.use().List(t.Context(), erpClient, List{Rows: rows[seen:]})
		if err != nil || len(list.Rows) != len(page.Changes) || len(page.Changes) == 0 {
			t.Fatalf("%d changes, %d orders, %v", len(page.Changes), len(list.Rows), err)
		}
		pages++
		bytes := 0
		for i, c := range page.Changes {
			if bytes += len(docs[seen].doc) + a.sealed[c.OrderID].Size(); c.OrderID != id(byte(seen)) || !strings.Contains(string(c.Doc), `"name":"x"`) {
				t.Fatalf("change %d is %s", i, c.Doc)
			}
			seen++
		}
		if bytes > MaxPageBytes && len(page.Changes) > 1 {
			t.Errorf("a page of %d bytes", bytes)
		}
		last := page.Changes[len(page.Changes)-1]
		if page.More != (seen < len(docs)) || page.Next != last.Sequence || (list.Next == "") != (seen == len(docs)) || page.More && list.Next != last.OrderID {
			t.Errorf("after %d of %d: more %v, next %d and %q", seen, len(docs), page.More, page.Next, list.Next)
		}
	}
	if pages < 5 || a.asked > ordersAtOnce || a.held > MaxPageBytes {
		t.Errorf("%d pages, %d orders asked for at once, %d bytes held", pages, a.asked, a.held)
	}
	t.Logf("%d orders in %d pages, at most %d read at once", seen, pages, a.asked)
}

// Over random pages, what is disclosed is exactly what is served, field by field and person by person; the documents are the
// same without it; nobody who is gone or fenced is in one.
func TestDisclosedIsServed(t *testing.T) {
	const seeds = 1000
	orders, fields, absent := 0, 0, 0
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 3))
		a := newArchive()
		var docs []document
		for n := range byte(1 + r.IntN(5)) {
			o := randomOrder(r, id(n), 1+r.Int64N(3))
			of := map[hub.PersonalPart][]uint64{hub.PartBuyer: {r.Uint64N(9)}}
			for i, part := range []hub.PersonalPart{hub.PartRecipient, hub.PartPayer} {
				if r.IntN(2) == 0 {
					of[part] = []uint64{uint64(10*(i+1)) + r.Uint64N(9)}
				}
			}
			of[hub.PartShared] = slices.Concat(of[hub.PartBuyer], of[hub.PartRecipient], of[hub.PartPayer])
			doc := a.keep("a", o, of)
			for revision := int64(1); revision <= o.Revision+1; revision++ {
				if r.IntN(2) == 0 {
					docs = append(docs, document{o.ID, revision, doc})
				}
			}
		}
		for n := range uint64(30) {
			a.gone[subject(n)] = r.IntN(12) == 0
			if r.IntN(12) == 0 {
				a.during = also(a.during, func() { a.fenced[subject(n)] = true })
			}
		}
		for envelope := range a.plain {
			a.damaged[envelope] = r.IntN(20) == 0
		}
		r.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
		got := mustPage(t, a, feedOf(docs...))
		served, newest := map[hub.OrderID]map[string]bool{}, map[hub.OrderID]int64{}
		for i, c := range got.Changes {
			names, same := added(t, c.Doc, docs[i].doc)
			if !same {
				t.Fatalf("seed %d: %s became %s", seed, docs[i].doc, c.Doc)
			}
			for _, name := range names {
				if served[c.OrderID] == nil {
					served[c.OrderID] = map[string]bool{}
				}
				served[c.OrderID][name] = true
				newest[c.OrderID] = max(newest[c.OrderID], c.Revision)
				fields++
			}
			if len(names) == 0 {
				absent++
			}
		}
		if len(a.rows) != len(served) {
			t.Fatalf("seed %d: %d orders served, %d rows", seed, len(served), len(a.rows))
		}
		for _, row := range a.rows {
			orders++
			if row.Revision != newest[row.Order] {
				t.Fatalf("seed %d: disclosed revision %d, served %d", seed, row.Revision, newest[row.Order])
			}
			listed := row.Fields.Names()
			if len(listed) != len(served[row.Order]) || slices.ContainsFunc(listed, func(n string) bool { return !served[row.Order][n] }) {
				t.Fatalf("seed %d: disclosed %v, served %v", seed, listed, served[row.Order])
			}
			if len(row.Subjects) == 0 || slices.ContainsFunc(row.Subjects, func(s gdpr.SubjectID) bool { return a.gone[s] || a.fenced[s] }) {
				t.Fatalf("seed %d: disclosed %v", seed, row.Subjects)
			}
		}
	}
	if absent == 0 {
		t.Error("nothing was ever absent")
	}
	t.Logf("%d pages, %d orders disclosed, %d fields, %d documents with nothing personal, 0 differences", seeds, orders, fields, absent)
}

func also(first, then func()) func() {
	if first == nil {
		return then
	}
	return func() { first(); then() }
}
