package storetest

import (
	"context"
	"database/sql"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/erp"
	"hub/internal/orders"
	"hub/internal/store"
)

// onRecord is one order of one answer, as it is stored.
type onRecord struct {
	client, key, request, order string
	revision                    int64
	fields                      hub.Fields
	at                          int64
}

// recorded reads what is on record of a tenant, with a reader of its own.
func (e *env) recorded(tenant hub.TenantID) (all []onRecord) {
	e.Helper()
	for _, name := range e.Config.Shards {
		all = append(all, e.recordedIn(e.db(name), tenant)...)
	}
	return all
}

func (e *env) recordedIn(db *sql.DB, tenant hub.TenantID) (all []onRecord) {
	e.Helper()
	rows, err := db.Query("SELECT client, key_id, request_id, order_id, revision, fields, disclosed_at FROM disclosures WHERE tenant_id = ?", string(tenant))
	must(e, err)
	defer rows.Close()
	for rows.Next() {
		var r onRecord
		var fields int64
		must(e, rows.Scan(&r.client, &r.key, &r.request, &r.order, &r.revision, &fields, &r.at))
		r.fields = hub.Fields(fields)
		all = append(all, r)
	}
	must(e, rows.Err())
	several, err := db.Query("SELECT client, key_id, request_id, orders, disclosed_at FROM answers WHERE tenant_id = ?", string(tenant))
	must(e, err)
	defer several.Close()
	for several.Next() {
		var r onRecord
		var packed []byte
		must(e, several.Scan(&r.client, &r.key, &r.request, &packed, &r.at))
		all = append(all, unpacked(e, r, packed)...)
	}
	must(e, several.Err())
	alone, err := db.Query("SELECT shelf, count, packed FROM disclosed WHERE tenant_id = ?", string(tenant))
	must(e, err)
	defer alone.Close()
	for alone.Next() {
		var shelf, count int64
		var packed []byte
		must(e, alone.Scan(&shelf, &count, &packed))
		its := unbundled(e, packed)
		for _, r := range its {
			h := fnv.New32a()
			h.Write([]byte(r.order))
			if shelf != 0 && shelf != 1+int64(h.Sum32()%128) {
				e.Errorf("%s lies on shelf %d", r.order, shelf)
			}
		}
		if int64(len(its)) != count {
			e.Errorf("a row of %d answers says %d", len(its), count)
		}
		all = append(all, its...)
	}
	must(e, alone.Err())
	return all
}

// unbundled reads answers about one order each as the format says.
func unbundled(e *env, packed []byte) (all []onRecord) {
	e.Helper()
	if packed[0] != 1 {
		e.Fatalf("form %d", packed[0])
	}
	for b := packed[1:]; len(b) > 0; {
		number := func() uint64 {
			v, size := binary.Uvarint(b)
			b = b[size:]
			return v
		}
		text := func() string {
			n := number()
			s := string(b[:n])
			b = b[n:]
			return s
		}
		r := onRecord{order: text(), client: text(), key: text(), request: text()}
		r.at, r.revision, r.fields = int64(number()), int64(number()), hub.Fields(number())
		all = append(all, r)
	}
	return all
}

// beyond runs a statement beside the store, where a tenant has rows in the table.
func (e *env) beyond(tenant hub.TenantID, table, query string, args ...any) {
	e.Helper()
	for _, name := range e.Config.Shards {
		var n int
		must(e, e.db(name).QueryRow("SELECT COUNT(*) FROM "+table+" WHERE tenant_id = ?", string(tenant)).Scan(&n))
		if n > 0 {
			_, err := e.db(name).Exec(query, args...)
			must(e, err)
		}
	}
}

// unpacked reads packed orders as the format says.
func unpacked(e *env, r onRecord, packed []byte) (all []onRecord) {
	e.Helper()
	text := base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
	if packed[0] != 1 {
		e.Fatalf("form %d", packed[0])
	}
	for b := packed[1:]; len(b) > 0; {
		n := int(b[0])
		if b = b[1:]; n == 0 {
			r.order, b = "ord_"+text.EncodeToString(b[:16]), b[16:]
		} else {
			r.order, b = string(b[:n]), b[n:]
		}
		revision, size := binary.Uvarint(b)
		fields, more := binary.Uvarint(b[size:])
		b = b[size+more:]
		r.revision, r.fields = int64(revision), hub.Fields(fields)
		all = append(all, r)
	}
	return all
}

// book is what was disclosed, by order, as a lineage tells it.
type book map[hub.OrderID][]erp.Served

func (b book) note(a erp.Answer) {
	for _, d := range a.Rows {
		b[d.Order] = append(b[d.Order], erp.Served{Client: d.Client, Key: d.Key, At: d.At, Revision: d.Revision, Fields: d.Fields})
	}
}

// testAnswers reads pages of all sizes from everywhere in the feed and lists of orders, and then finds of each order every
// answer that it was in, and no other: also those in the form in which they were kept at first.
func testAnswers(e *env) {
	tenants := e.tenants(2)
	const count = 60
	list := make([]orders.Stored, count)
	for i := range list {
		list[i] = e.order(tenants[0], fmt.Sprint(i))
	}
	e.save(list...)
	random := rand.New(rand.NewPCG(11, 50))
	for range 200 { // one order has many changes
		o := &list[random.IntN(count)*random.IntN(count)/count]
		o.New, o.Revision = false, o.Revision+1
		e.save(*o)
	}
	e.do(tenants[0], func(ctx context.Context, tx hub.Tx) error { // and one more than are looked up together
		return e.s.Feed().Append(ctx, tx, slices.Repeat([]hub.Change{e.change(list[3])}, 510))
	})
	feed := e.feed(e.s, tenants[0])
	told, at, answersOf := book{}, created(), 0
	disclose := func(a erp.Answer) {
		at = at.Add(time.Second)
		for i := range a.Rows {
			a.Rows[i].At = at
		}
		e.wantFenced("an answer", tenants[0], []erp.Answer{a}, nil)
		told.note(a)
		answersOf++
	}
	for range e.rounds(150, 1000) {
		disclose(e.anyPage(random, feed))
		disclose(e.anyList(random, tenants[0], list))
	}
	old := e.disclosure(tenants[0], list[7].ID)
	old.At = created()
	for i := range 3 { // an answer as it was kept before: a row for each order
		old.Order = list[7+i].ID
		e.rawDisclosure(old, i)
		told[old.Order] = slices.Insert(told[old.Order], 0, erp.Served{Client: old.Client, Key: old.Key, At: old.At, Revision: old.Revision, Fields: old.Fields})
	}
	e.Logf("%d answers, %d disclosures found again by order, 0 missing", answersOf, e.foundAgain(e.s, list, told))
}

// foundAgain requires that the lineage of each order tells the answers of a book and no others, and returns how many.
func (e *env) foundAgain(s *store.Store, list []orders.Stored, told book) (found int) {
	e.Helper()
	for _, o := range list {
		l, err := s.ERP().Lineage(e.Context(), o.Tenant, o.ID, 100_000)
		must(e, err)
		if !slices.EqualFunc(l.Served, told[o.ID], func(a, b erp.Served) bool {
			return a.At.Equal(b.At) && a.Client == b.Client && a.Key == b.Key && a.Revision == b.Revision && a.Fields == b.Fields
		}) {
			e.Fatalf("%s: found %d answers, want %d:\n%v\n%v", o.ID, len(l.Served), len(told[o.ID]), l.Served, told[o.ID])
		}
		found += len(l.Served)
		few, err := s.ERP().Lineage(e.Context(), o.Tenant, o.ID, 2)
		if want := l.Served[:min(2, len(l.Served))]; err != nil || !slices.Equal(few.Served, want) || !few.Cut && len(l.Served) > 2 {
			e.Errorf("%s: the oldest are %v, cut %v, %v; want %v", o.ID, few.Served, few.Cut, err, want)
		}
	}
	return found
}

// anyPage is an answer of some changes in a row, of which some have personal fields.
func (e *env) anyPage(random *rand.Rand, feed []hub.Change) erp.Answer {
	from := random.IntN(len(feed))
	to := min(len(feed), from+1+random.IntN(1<<random.IntN(9)))
	a := erp.Answer{Tenant: feed[0].Tenant, Stream: hub.StreamOrders}
	at := map[hub.OrderID]int{}
	for i, c := range feed[from:to] {
		if i > 0 && random.IntN(4) == 0 {
			continue
		}
		if a.Last = c.Sequence; a.First == 0 {
			a.First = c.Sequence
		}
		if _, known := at[c.OrderID]; !known {
			at[c.OrderID] = len(a.Rows)
			a.Rows = append(a.Rows, e.disclosure(c.Tenant, c.OrderID))
		}
		d := &a.Rows[at[c.OrderID]]
		d.Revision, d.Fields = c.Revision, d.Fields|hub.Fields(random.Uint64()>>random.IntN(64))
	}
	return a
}

// anyList is an answer of some orders whose ids lie together.
func (e *env) anyList(random *rand.Rand, tenant hub.TenantID, list []orders.Stored) erp.Answer {
	a := erp.Answer{Tenant: tenant}
	from := random.IntN(len(list))
	for _, o := range list[from:min(len(list), from+1+random.IntN(20))] {
		if len(a.Rows) == 0 || random.IntN(4) > 0 {
			d := e.disclosure(tenant, o.ID)
			d.Revision = o.Revision
			a.Rows = append(a.Rows, d)
		}
	}
	random.Shuffle(len(a.Rows), func(i, j int) { a.Rows[i], a.Rows[j] = a.Rows[j], a.Rows[i] })
	return a
}

// rawDisclosure stores a row beside the store.
func (e *env) rawDisclosure(d erp.Disclosure, n int) {
	e.Helper()
	e.beyond(d.Tenant, "feed", "INSERT INTO disclosures (tenant_id, disclosed_at, id, client, key_id, request_id, order_id, revision, fields)"+
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", string(d.Tenant), d.At.UnixMicro(), fmt.Sprint("dsc_", n), d.Client, string(d.Key), d.Request, string(d.Order), d.Revision, int64(d.Fields))
}

// testAnswersDamaged: a damaged record is told and no answer that is not there is made of it.
func testAnswersDamaged(e *env) {
	o := e.order(e.tenant(), "1")
	e.save(o)
	a := erp.Answer{Tenant: o.Tenant, Stream: hub.StreamOrders, First: 1, Last: 1}
	for range 3 {
		a.Rows = append(a.Rows, e.disclosure(o.Tenant, hub.OrderID(e.ids.New(hub.OrderPrefix))))
	}
	a.Rows = append(a.Rows, e.disclosure(o.Tenant, o.ID))
	e.wantFenced("an answer", o.Tenant, []erp.Answer{a}, nil)
	damaged := 0
	for _, bytes := range []string{"", "\x02", "\x01\x00", "\x01\x05ord_1", "\x01\x01a\x80", "\x01\xff" + strings.Repeat("a", 9)} {
		e.beyond(o.Tenant, "answers", "UPDATE answers SET orders = ? WHERE tenant_id = ?", []byte(bytes), string(o.Tenant))
		_, err := e.s.ERP().Lineage(e.Context(), o.Tenant, o.ID, 10)
		e.wantKind(err, hub.KindPermanent, fmt.Sprintf("%q", bytes))
		damaged++
	}
	e.Logf("%d ways of damage", damaged)
}

// testLiving: who was found live is not looked at again, until somebody is fenced, whoever it is and whichever hub does it.
func testLiving(e *env) {
	tenant, other := e.tenant(), e.second()
	a, b := e.subject(), e.subject()
	both := answers(tenant, e.disclosure(tenant, "ord_1", a), e.disclosure(tenant, "ord_2", b))
	e.wantFenced("the first time", tenant, both, nil)
	// The line says so, but nobody has fenced: only a look at it would tell.
	e.beyond(tenant, "subjects", "UPDATE subjects SET state = 'erasing' WHERE subject_id = ?", string(a))
	e.wantFenced("without a look", tenant, both, nil)
	entry := e.entry(1, forget.Fenced, tenant, e.subject())
	must(e, other.Do(e.Context(), other.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
		_, err := other.Subjects().Apply(ctx, tx, []forget.Entry{entry}, nil)
		return err
	}))
	e.wantFenced("after somebody was fenced", tenant, both, []gdpr.SubjectID{a})
	e.wantFenced("the other", tenant, answers(tenant, both[0].Rows[1]), nil)
	e.wantFenced("again", tenant, both, []gdpr.SubjectID{a})
}
