package orders_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hub"
	"hub/gdpr"
	"hub/internal/orders"
)

// world is one drawn set of orders with all versions that their source ever had, and what the model says of them.
type world struct {
	ids     *source
	seals   sealing
	db      *database
	models  map[orders.Key]*model
	changes int
	sealed  int // parts that were opened
	left    int // parts that were rightly missing
}

// model is what must be true of one order, decided without the code under test.
type model struct {
	best     *orders.Incoming
	rules    string    // newest that say the same of best as it was read last
	enriched time.Time // when that was
	lacks    int       // how many parts it lacked then
	deleted  time.Time
	seen     []orders.Incoming // all versions that came, deletions left out
	accepted int
	types    []hub.ChangeType
}

func drawVersion(t *rapid.T, w *world, k orders.Key, n int) orders.Incoming {
	currency := rapid.SampledFrom([]hub.Currency{"BRL", "JPY", "KWD", "COP"}).Draw(t, "currency")
	total := hub.Money{Minor: rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(t, "total"), Currency: currency}
	refunded := hub.Money{Minor: rapid.Int64Range(0, 2).Draw(t, "refunded") * 100, Currency: currency}
	o := hub.Order{
		Platform: hub.Shopify, ExternalID: k.External, Number: fmt.Sprintf("#%s <&>", k.External),
		SourceUpdatedAt: epoch.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "seconds")) * time.Second),
		Status:          rapid.SampledFrom([]hub.OrderStatus{hub.StatusOpen, hub.StatusCancelled}).Draw(t, "status"),
		PaymentStatus:   rapid.SampledFrom([]hub.PaymentStatus{"", hub.PaymentPaid, hub.PaymentRefunded}).Draw(t, "payment"),
		Fulfillment:     rapid.SampledFrom([]hub.FulfillmentStatus{"", hub.Unfulfilled, hub.Delivered}).Draw(t, "fulfilment"),
		Currency:        currency, PlatformStatus: fmt.Sprint("word ", n),
		Totals: hub.Totals{GrandTotal: &total, Refunded: &refunded},
		Lines:  []hub.Line{{Title: canary + " engraved", Custom: true, Quantity: 1, Total: &total}, {Title: "Mug", Quantity: 2}},
	}
	if rapid.Bool().Draw(t, "buyer") {
		o.Buyer = &hub.Buyer{Name: canary, Note: fmt.Sprint(canary, n)}
		o.Discounts = []hub.Discount{{Code: canary, Kind: "order", Amount: &refunded}}
		name := rapid.SampledFrom([]string{"", canary, canary + " the other"})
		o.Buyer.ShippingAddress = &hub.Address{Name: name.Draw(t, "ship"), City: canary}
		o.Buyer.BillingAddress = &hub.Address{Name: name.Draw(t, "bill"), City: canary}
		o.Fulfillments = []hub.Fulfillment{{ExternalID: "f1", TrackingNumber: canary}}
	}
	canonical, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	o.Source.Rules = fmt.Sprint("shopify/", rapid.IntRange(1, 3).Draw(t, "rules")) // after the digest, which is blind to it
	recipient, payer := o.Buyer.Apart()
	seals := w.seals.of(k, recipient, payer)
	for part, seal := range seals {
		if rapid.IntRange(0, 9).Draw(t, "erased "+string(part)) == 0 {
			seals[part] = suppressed{seal}
		}
	}
	in := orders.Incoming{
		Key: k, Order: o, Digest: w.seals.digest(k, canonical), Seals: seals, RawRef: hub.RawRef(fmt.Sprint("raw_", n)),
	}
	in.EnrichedAt, in.Lacks = enriched(rapid.IntRange(0, 5).Draw(t, "enriched"))
	return in
}

// enriched is one of six ways in which parcels and fees were read: never, without some of them, or whole at two times.
func enriched(n int) (at time.Time, lacks int) {
	switch n {
	case 0:
		return time.Time{}, 0
	case 1, 2, 3:
		return time.Time{}, n
	}
	return epoch.Add(time.Duration(n) * time.Minute), 0
}

// fuller compares what two readings of one state of the order have beside it: nothing, some of it, or all of it, and then
// the later one.
func fuller(a, b orders.Incoming) int {
	has := func(in orders.Incoming) int {
		switch {
		case in.Lacks > 0:
			return 100 - in.Lacks
		case in.EnrichedAt.IsZero():
			return 0
		}
		return 100
	}
	return cmp.Or(cmp.Compare(has(a), has(b)), a.EnrichedAt.Compare(b.EnrichedAt))
}

// newer is the rule of the order model in its own words.
func newer(a, b orders.Incoming) bool {
	x, y := a.Order, b.Order
	if !x.SourceUpdatedAt.Equal(y.SourceUpdatedAt) {
		return x.SourceUpdatedAt.After(y.SourceUpdatedAt)
	}
	if c := fuller(a, b); c != 0 {
		return c > 0
	}
	if (x.Status == hub.StatusCancelled) != (y.Status == hub.StatusCancelled) {
		return x.Status == hub.StatusCancelled
	}
	if x.Totals.Refunded.Minor != y.Totals.Refunded.Minor {
		return x.Totals.Refunded.Minor > y.Totals.Refunded.Minor
	}
	further := map[string]int{"": 0, "unfulfilled": 1, "paid": 1, "delivered": 2, "refunded": 2}
	if p, q := further[string(x.PaymentStatus)], further[string(y.PaymentStatus)]; p != q {
		return p > q
	}
	if p, q := further[string(x.Fulfillment)], further[string(y.Fulfillment)]; p != q {
		return p > q
	}
	if x.Source.Rules != y.Source.Rules {
		return x.Source.Rules > y.Source.Rules
	}
	return bytes.Compare(a.Digest[:], b.Digest[:]) > 0
}

// confirmed is the best version as if it had come at the latest reading and under the newest rules that say the same of it.
func (m *model) confirmed() orders.Incoming {
	best := *m.best
	best.Order.Source.Rules, best.EnrichedAt, best.Lacks = m.rules, m.enriched, m.lacks
	return best
}

// take applies one version to the model and says what must come of it.
func (m *model) take(in orders.Incoming) (orders.Outcome, hub.ChangeType) {
	accept := func(t hub.ChangeType) (orders.Outcome, hub.ChangeType) {
		m.accepted++
		m.types = append(m.types, t)
		return orders.Applied, t
	}
	if in.Deleted.IsZero() {
		m.seen = append(m.seen, in)
	}
	switch {
	case !in.Deleted.IsZero() && !m.deleted.IsZero():
		return orders.Unchanged, ""
	case !in.Deleted.IsZero():
		m.deleted = in.Deleted
		if m.accepted == 0 {
			return orders.Noted, ""
		}
		return accept(hub.OrderDeleted)
	case m.best != nil && m.best.Digest == in.Digest:
		if newer(in, m.confirmed()) {
			m.rules, m.enriched, m.lacks = in.Order.Source.Rules, in.EnrichedAt, in.Lacks
		}
		return orders.Unchanged, ""
	case m.best != nil && !newer(in, m.confirmed()):
		return orders.Stale, ""
	}
	before := m.best
	m.best, m.rules, m.enriched, m.lacks = &in, in.Order.Source.Rules, in.EnrichedAt, in.Lacks
	switch {
	case before == nil:
		return accept(hub.OrderCreated)
	case in.Order.Status == hub.StatusCancelled && before.Order.Status != hub.StatusCancelled:
		return accept(hub.OrderCancelled)
	case in.Order.Totals.Refunded.Minor > before.Order.Totals.Refunded.Minor:
		return accept(hub.OrderRefunded)
	}
	return accept(hub.OrderUpdated)
}

// drawHistory draws versions of several orders, each at least once, in any order, with copies and deletions.
func drawHistory(t *rapid.T, w *world) []orders.Incoming {
	var all []orders.Incoming
	for i := range rapid.IntRange(1, 3).Draw(t, "orders") {
		k := orders.Key{Tenant: "ten_a", Connection: hub.ConnectionID(fmt.Sprint("con_", i%2)), External: hub.ExternalID(fmt.Sprint(i))}
		w.models[k] = &model{}
		for v := range rapid.IntRange(0, 5).Draw(t, "versions") {
			all = append(all, drawVersion(t, w, k, v))
		}
		for range rapid.IntRange(0, 2).Draw(t, "deletions") {
			at := epoch.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "deleted")) * time.Minute)
			all = append(all, orders.Incoming{Key: k, Deleted: at})
		}
	}
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, 1<<20), 0, 6).Draw(t, "copies") {
		if len(all) > 0 {
			again := all[i%len(all)]
			if again.Deleted.IsZero() && i%3 == 0 { // the same payload, read by another version of the program
				again.Order.Source.Rules = fmt.Sprint("shopify/", 1+i%4)
				again.EnrichedAt, again.Lacks = enriched(i % 7 % 6)
			}
			all = append(all, again)
		}
	}
	return rapid.Permutation(all).Draw(t, "history")
}

// Whatever the order of arrival, the copies, the batches and the transactions that run twice.
func TestDrillConverges(t *testing.T) {
	rounds := 1 // of a hundred histories
	if os.Getenv("HUB_DRILL") != "" {
		rounds = 200
	}
	versions, changes, histories, ties, sealed, left, poorer, fetched := 0, 0, 0, 0, 0, 0, 0, 0
	ids := &source{}
	seals := newSealing(t, ids) // one for all histories: a keyring has many keys
	check := func(t *rapid.T) {
		w := &world{ids: ids, seals: seals, db: newDatabase(t), models: map[orders.Key]*model{}}
		history := drawHistory(t, w)
		for at := 0; at < len(history); {
			n := min(rapid.IntRange(1, 5).Draw(t, "batch"), len(history)-at)
			batch := history[at : at+n]
			results, err := w.db.do(ids, epoch.Add(time.Hour), batch, rapid.Bool().Draw(t, "again"))
			if err != nil {
				t.Fatal(err)
			}
			for i, in := range batch {
				m := w.models[in.Key]
				outcome, kind := m.take(in)
				if results[i].Outcome != outcome || results[i].Type != kind {
					t.Fatalf("version %d came out as %d %q, want %d %q", at+i, results[i].Outcome, results[i].Type, outcome, kind)
				}
				if want := outcome <= orders.Unchanged && m.lacks > 0 && m.deleted.IsZero(); results[i].Lacking != want {
					t.Fatalf("version %d is lacking: %v, want %v", at+i, results[i].Lacking, want)
				}
				if results[i].Tied {
					ties++
				}
				if in.Lacks > 0 {
					poorer++
				}
				if results[i].Lacking {
					fetched++
				}
			}
			at += n
		}
		for k, m := range w.models {
			w.check(t, k, m)
		}
		if len(w.db.changes) != w.changes {
			t.Fatalf("%d changes, want %d", len(w.db.changes), w.changes)
		}
		histories++
		w.db.registered()
		versions, changes, sealed, left = versions+len(history), changes+w.changes, sealed+w.sealed, left+w.left
	}
	for range rounds {
		rapid.Check(t, check)
	}
	if changes == 0 || ties == 0 || sealed == 0 || left == 0 || poorer == 0 || fetched == 0 {
		t.Fatal("the histories tried nothing")
	}
	t.Logf("%d histories, %d versions, %d of them lacking parts (%d stored like that and fetched again), %d changes, %d ties, %d parts opened, %d left out, 0 violations",
		histories, versions, poorer, fetched, changes, ties, sealed, left)
}

// check holds the stored order and its changes against the model.
func (w *world) check(t *rapid.T, k orders.Key, m *model) {
	row, stored := w.db.rows[k]
	if stored != (m.best != nil || !m.deleted.IsZero()) {
		t.Fatalf("%v is stored: %v", k, stored)
	}
	if !stored {
		return
	}
	w.changes += m.accepted
	w.checkFeed(t, row, m)
	if v := row.Version; m.best != nil && (v.Rules != orders.RulesNumber(m.rules) || v.Lacking() != (m.lacks > 0) || m.lacks == 0 && !v.EnrichedAt.Equal(m.enriched)) {
		t.Fatalf("stored under rules %d, enriched %v, want %s, %v without %d", v.Rules, v.EnrichedAt, m.rules, m.enriched, m.lacks)
	}
	w.checkNewest(t, m)
	if row.Revision != int64(m.accepted) || !row.DeletedAt.Equal(m.deleted) {
		t.Fatalf("revision %d deleted %v, want %d and %v", row.Revision, row.DeletedAt, m.accepted, m.deleted)
	}
	if m.best == nil {
		if row.Doc != nil || len(parts(row)) != 0 {
			t.Fatal("an order that never came has a content")
		}
		return
	}
	want := m.best.Order
	want.ID, want.TenantID, want.ConnectionID = row.ID, k.Tenant, k.Connection
	want.Revision, want.DeletedAt, want.Source.RawRef = row.Revision, m.deleted, m.best.RawRef
	business, personal := want.Split()
	if doc, _ := json.Marshal(business); string(doc) != string(row.Doc) {
		t.Fatalf("stored %s\nwant %s", row.Doc, doc)
	}
	if exact := exactly(*want.Totals.GrandTotal); !strings.Contains(string(row.Doc), `"grand_total":`+exact) {
		t.Fatalf("no grand total %s in %s", exact, row.Doc)
	}
	w.checkSealed(t, row, m.best.Seals, personal)
}

// checkNewest requires that what came out is the newest of all that came, whatever came first: that no poorer reading of one
// update time stands where a fuller one was.
func (w *world) checkNewest(t *rapid.T, m *model) {
	if m.best == nil {
		return
	}
	end := m.confirmed()
	for _, in := range m.seen {
		if newer(in, end) && in.Digest != end.Digest {
			t.Fatalf("%+v is stored although %+v came", end.Order, in.Order)
		}
		if in.Order.SourceUpdatedAt.Equal(end.Order.SourceUpdatedAt) && fuller(in, end) > 0 {
			t.Fatalf("a reading that lacks %d of %v is stored although one came that lacks %d of %v", end.Lacks, end.EnrichedAt, in.Lacks, in.EnrichedAt)
		}
	}
}

func (w *world) checkFeed(t *rapid.T, row orders.Stored, m *model) {
	var types []hub.ChangeType
	seen := map[hub.ChangeID]bool{}
	for _, c := range w.db.changes {
		if c.OrderID != row.ID {
			continue
		}
		types = append(types, c.Type)
		var o hub.Order
		if err := json.Unmarshal(c.Doc, &o); err != nil {
			t.Fatal(err)
		}
		if c.Revision != int64(len(types)) || o.Revision != c.Revision || c.Tenant != row.Tenant || c.Stream != hub.StreamOrders {
			t.Fatalf("change %+v after %d of its order", c, len(types)-1)
		}
		if c.Type == hub.OrderDeleted && o.DeletedAt.IsZero() || seen[c.ID] || bytes.Contains(c.Doc, []byte(canary)) {
			t.Fatalf("change %s of type %s holds %s", c.ID, c.Type, c.Doc)
		}
		seen[c.ID] = true
		if len(types) == m.accepted && !bytes.Equal(c.Doc, row.Doc) {
			t.Fatal("the newest change is not what is stored")
		}
	}
	if !slices.Equal(types, m.types) {
		t.Fatalf("changes %v, want %v", types, m.types)
	}
}

// checkSealed requires that the parts that may be stored are, and no others, that each opens at its place and at no other,
// and that they make up the whole.
func (w *world) checkSealed(t *rapid.T, row orders.Stored, seals map[hub.PersonalPart]orders.Sealer, personal hub.Personal) {
	want := personal.Parts(seals[hub.PartRecipient] != nil, seals[hub.PartPayer] != nil)
	for name := range want {
		if seals[name].Suppressed() {
			delete(want, name)
			w.left++
		}
	}
	stored := parts(row)
	if len(stored) != len(want) || (len(stored) == 0) != (row.Expires == "") {
		t.Fatalf("%d parts are stored, want %d; they expire with %q", len(stored), len(want), row.Expires)
	}
	for name, sealed := range stored {
		if bytes.Contains(sealed, []byte(canary)) {
			t.Fatal("the personal part is in clear")
		}
		plain, err := w.seals.keys.Open(ctx, gdpr.OrderPlace(row.Tenant, row.ID, name, row.SealedAt), sealed)
		if err != nil {
			t.Fatalf("opening the part %s: %v", name, err)
		}
		var got hub.Personal
		if err := json.Unmarshal(plain, &got); err != nil || !reflect.DeepEqual(got, want[name]) {
			t.Fatalf("opened %+v, want %+v (%v)", got, want[name], err)
		}
		for _, other := range []gdpr.Place{
			gdpr.OrderPlace(row.Tenant, row.ID, name, row.SealedAt+1), gdpr.OrderPlace(row.Tenant, row.ID, name+"x", row.SealedAt),
		} {
			if _, err := w.seals.keys.Open(ctx, other, sealed); hub.CodeOf(err) != hub.CodeUnreadable {
				t.Fatalf("it opened at another place: %v", err)
			}
		}
		w.sealed++
	}
}

// exactly prints money by big integers, apart from the code under test.
func exactly(m hub.Money) string {
	decimals, _ := m.Currency.Exponent()
	digits := new(big.Int).Abs(big.NewInt(m.Minor)).String()
	if missing := decimals + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	if decimals > 0 {
		digits = digits[:len(digits)-decimals] + "." + digits[len(digits)-decimals:]
	}
	if m.Minor < 0 {
		digits = "-" + digits
	}
	return fmt.Sprintf(`{"amount":"%s","currency":"%s"}`, digits, m.Currency)
}
