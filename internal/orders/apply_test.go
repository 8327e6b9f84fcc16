package orders_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/internal/orders"
)

var key = orders.Key{Tenant: "ten_a", Connection: "con_a", External: "1001"}

// version is an order without personal fields, n seconds after the epoch.
func version(n int, change ...func(*hub.Order)) orders.Incoming {
	total := hub.Money{Minor: int64(n), Currency: "KWD"}
	o := hub.Order{
		ExternalID: key.External, SourceUpdatedAt: epoch.Add(time.Duration(n) * time.Second), Status: hub.StatusOpen,
		Totals: hub.Totals{GrandTotal: &total},
	}
	for _, c := range change {
		c(&o)
	}
	in := orders.Incoming{Key: key, Order: o}
	canonical, _ := json.Marshal(o)
	copy(in.Digest[:], canonical[max(0, len(canonical)-32):])
	in.Digest[0] = byte(n)
	return in
}

func refunded(minor int64) func(*hub.Order) {
	return func(o *hub.Order) { o.Totals.Refunded = &hub.Money{Minor: minor, Currency: "KWD"} }
}

func cancelled(o *hub.Order) { o.Status = hub.StatusCancelled }

func TestChangeTypes(t *testing.T) {
	for _, c := range []struct {
		name    string
		history []orders.Incoming
		want    hub.ChangeType // of the last
	}{
		{"first", []orders.Incoming{version(1)}, hub.OrderCreated},
		{"first already cancelled", []orders.Incoming{version(1, cancelled)}, hub.OrderCreated},
		{"first after its deletion", []orders.Incoming{{Key: key, Deleted: epoch}, version(1, cancelled)}, hub.OrderCreated},
		{"later", []orders.Incoming{version(1), version(2)}, hub.OrderUpdated},
		{"cancelled", []orders.Incoming{version(1), version(2, cancelled)}, hub.OrderCancelled},
		{"cancelled and refunded", []orders.Incoming{version(1), version(2, cancelled, refunded(5))}, hub.OrderCancelled},
		{"still cancelled", []orders.Incoming{version(1, cancelled), version(2, cancelled)}, hub.OrderUpdated},
		{"opened again", []orders.Incoming{version(1, cancelled), version(2)}, hub.OrderUpdated},
		{"refunded", []orders.Incoming{version(1), version(2, refunded(5))}, hub.OrderRefunded},
		{"refunded less", []orders.Incoming{version(1, refunded(5)), version(2, refunded(4))}, hub.OrderUpdated},
		{"deleted", []orders.Incoming{version(1), {Key: key, Deleted: epoch}}, hub.OrderDeleted},
		{"news of a deleted one", []orders.Incoming{version(1), {Key: key, Deleted: epoch}, version(2)}, hub.OrderUpdated},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, ids := newDatabase(t), &source{}
			for _, in := range c.history {
				results, err := db.do(ids, epoch, []orders.Incoming{in}, false)
				must(t, results, err)
			}
			if got := db.changes[len(db.changes)-1].Type; got != c.want {
				t.Fatalf("last change is %s, want %s", got, c.want)
			}
		})
	}
}

// A deletion that comes first, last or twice ends in the same order.
func TestDeletionSticks(t *testing.T) {
	gone := orders.Incoming{Key: key, Deleted: epoch.Add(time.Minute)}
	for _, history := range [][]orders.Incoming{
		{gone, version(1), version(2)}, {version(1), gone, version(2)}, {version(1), version(2), gone},
		{gone, gone, version(2), version(1)}, {version(2), gone, version(1), gone},
	} {
		db, ids := newDatabase(t), &source{}
		for _, in := range history {
			results, err := db.do(ids, epoch, []orders.Incoming{in}, false)
			must(t, results, err)
		}
		var o hub.Order
		row := db.rows[key]
		if err := json.Unmarshal(row.Doc, &o); err != nil {
			t.Fatal(err)
		}
		if !o.DeletedAt.Equal(gone.Deleted) || !row.DeletedAt.Equal(gone.Deleted) || o.Totals.GrandTotal.Amount() != "0.002" {
			t.Errorf("after %d versions deleted at %v with %s", len(history), o.DeletedAt, o.Totals.GrandTotal)
		}
	}
}

// A deletion keeps the personal part, sealed at the revision that it came with.
func TestDeletionKeepsPersonal(t *testing.T) {
	ids := &source{}
	db, seals := newDatabase(t), newSealing(t, ids)
	in := version(1, func(o *hub.Order) { o.Buyer = &hub.Buyer{Name: canary} })
	in.Seals = seals.of(key, "", "")
	results, err := db.do(ids, epoch, []orders.Incoming{in, {Key: key, Deleted: epoch}}, true)
	must(t, results, err)
	row := db.rows[key]
	plain, err := seals.keys.Open(ctx, gdpr.OrderPlace(key.Tenant, row.ID, hub.PartBuyer, row.SealedAt), row.Personal)
	if err != nil || !bytes.Contains(plain, []byte(canary)) || row.Revision != 2 || row.SealedAt != 1 || row.Expires == "" {
		t.Fatalf("opened %d bytes (%v) at revision %d, sealed at %d", len(plain), err, row.Revision, row.SealedAt)
	}
}

// A time finer than a database keeps is no newer version when it comes again.
func TestFineTimes(t *testing.T) {
	db, ids := newDatabase(t), &source{}
	in := version(1)
	in.Order.SourceUpdatedAt = in.Order.SourceUpdatedAt.Add(999)
	gone := orders.Incoming{Key: key, Deleted: epoch.Add(999)}
	for i, want := range []orders.Outcome{orders.Applied, orders.Unchanged} {
		results, err := db.do(ids, epoch, []orders.Incoming{in}, false)
		if got := must(t, results, err)[0].Outcome; got != want {
			t.Errorf("copy %d came out as %d, want %d", i, got, want)
		}
	}
	for _, in := range []orders.Incoming{gone, version(2)} {
		results, err := db.do(ids, epoch, []orders.Incoming{in}, false)
		must(t, results, err)
	}
	var first, last hub.Order
	err := errors.Join(json.Unmarshal(db.changes[1].Doc, &first), json.Unmarshal(db.changes[2].Doc, &last))
	if err != nil || !first.DeletedAt.Equal(last.DeletedAt) {
		t.Errorf("deleted at %v and then at %v (%v)", first.DeletedAt, last.DeletedAt, err)
	}
}

func TestTied(t *testing.T) {
	a, b := version(1), version(1)
	b.Digest[0]++
	db, ids := newDatabase(t), &source{}
	results, err := db.do(ids, epoch, []orders.Incoming{a, b, a, b, version(2)}, false)
	var ties []bool
	for _, r := range must(t, results, err) {
		ties = append(ties, r.Tied)
	}
	if want := []bool{false, true, true, false, false}; !reflect.DeepEqual(ties, want) {
		t.Errorf("ties %v, want %v", ties, want)
	}
}

// What does not change anything writes nothing.
func TestNothingToSave(t *testing.T) {
	db, ids := newDatabase(t), &source{}
	results, err := db.do(ids, epoch, []orders.Incoming{version(2)}, false)
	must(t, results, err)
	saves := db.saves
	results, err = db.do(ids, epoch, []orders.Incoming{version(2), version(1)}, false)
	if r := must(t, results, err); r[0].Outcome != orders.Unchanged || r[1].Outcome != orders.Stale || db.saves != saves {
		t.Errorf("%+v, saved %d times", r, db.saves-saves)
	}
}

// A personal part without keys, a damaged row and a refused write come back as errors, and their text is clean.
func TestApplyErrors(t *testing.T) {
	personal := version(2, func(o *hub.Order) { o.Buyer = &hub.Buyer{Name: canary} })
	for _, c := range []struct {
		name    string
		prepare func(*database)
		in      orders.Incoming
	}{
		{"no keys", func(*database) {}, personal},
		{"damaged", func(db *database) {
			row := db.rows[key]
			row.Doc = []byte(`{"buyer":"` + canary)
			db.rows[key] = row
		}, orders.Incoming{Key: key, Deleted: epoch}},
		{"refused", func(db *database) { db.fail = errSave }, version(2)},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, ids := newDatabase(t), &source{}
			results, err := db.do(ids, epoch, []orders.Incoming{version(1)}, false)
			must(t, results, err)
			c.prepare(db)
			_, err = db.do(ids, epoch, []orders.Incoming{c.in}, false)
			if err == nil || hub.Parkable(err) || bytes.Contains([]byte(err.Error()), []byte(canary)) {
				t.Fatalf("error %v", err)
			}
			if len(db.changes) != 1 {
				t.Fatalf("%d changes", len(db.changes))
			}
		})
	}
}

// A reading that lacks parts never takes the place of one that has them, of the same state of the source, in any order. It
// says that it is to be fetched again where it is the newest there is.
func TestPoorer(t *testing.T) {
	whole, poor, poorest, newer := version(1), version(1), version(1), version(2)
	whole.EnrichedAt, whole.Digest[1] = epoch.Add(time.Hour), 1
	poor.Lacks, poor.Digest[1] = 1, 2
	poorest.Lacks, poorest.Digest[1] = 2, 3
	newer.Lacks = 1
	for _, c := range []struct {
		name    string
		history []orders.Incoming
		want    [32]byte
		lacking []bool
	}{
		{"alone", []orders.Incoming{poor}, poor.Digest, []bool{true}},
		{"the same again", []orders.Incoming{poor, poor}, poor.Digest, []bool{true, true}},
		{"whole, poor", []orders.Incoming{whole, poor}, whole.Digest, []bool{false, false}},
		{"poor, whole", []orders.Incoming{poor, whole}, whole.Digest, []bool{true, false}},
		{"poor, poorest", []orders.Incoming{poor, poorest}, poor.Digest, []bool{true, false}},
		{"poorest, poor, whole, poor", []orders.Incoming{poorest, poor, whole, poor}, whole.Digest, []bool{true, true, false, false}},
		{"a newer state that lacks", []orders.Incoming{whole, newer}, newer.Digest, []bool{false, true}},
		{"and comes first", []orders.Incoming{newer, whole}, newer.Digest, []bool{true, false}},
		{"gone", []orders.Incoming{poor, {Key: key, Deleted: epoch}, poor}, poor.Digest, []bool{true, false, false}},
	} {
		db, ids := newDatabase(t), &source{}
		for i, in := range c.history {
			results, err := db.do(ids, epoch.Add(time.Duration(i)*time.Hour), []orders.Incoming{in}, false)
			if r := must(t, results, err)[0]; r.Lacking != c.lacking[i] || r.StoredAt.IsZero() {
				t.Errorf("%s: version %d came out as %+v", c.name, i, r)
			}
		}
		if got := db.rows[key].Version; got.Digest != c.want {
			t.Errorf("%s: ended with %v", c.name, got)
		}
	}
}

// An order that stays as it is says since when, also when a later reading that says the same lacks less.
func TestStoredAt(t *testing.T) {
	db, ids := newDatabase(t), &source{}
	poor := version(1)
	for i := range 3 {
		poor.Lacks = 3 - i
		results, err := db.do(ids, epoch.Add(time.Duration(i)*time.Hour), []orders.Incoming{poor}, false)
		if r := must(t, results, err)[0]; !r.StoredAt.Equal(epoch) {
			t.Errorf("reading %d: stored at %v", i, r.StoredAt)
		}
	}
}
