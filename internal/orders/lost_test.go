package orders_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hub"
	"hub/internal/orders"
)

// Whatever comes first of an order whose row is lost, it is the same order: news become its next revision, and what is older
// than what was told changes nothing and asks for a fetch.
func TestLostRow(t *testing.T) {
	told := []orders.Incoming{version(1), version(4, cancelled, refunded(5))}
	for _, c := range []struct {
		name  string
		batch []orders.Incoming
		want  []orders.Outcome
		last  hub.ChangeType // "": there is no change
		tied  bool           // of the first
	}{
		{"newer", []orders.Incoming{version(5, cancelled, refunded(5))}, []orders.Outcome{orders.Applied}, hub.OrderUpdated, false},
		{"the same", []orders.Incoming{version(4, cancelled, refunded(5))}, []orders.Outcome{orders.Applied}, hub.OrderUpdated, true},
		{"of the same time, further", []orders.Incoming{version(4, cancelled, refunded(6))}, []orders.Outcome{orders.Applied}, hub.OrderRefunded, true},
		{"of the same time, behind", []orders.Incoming{version(4)}, []orders.Outcome{orders.Stale}, "", true},
		{"older", []orders.Incoming{version(1)}, []orders.Outcome{orders.Stale}, "", true},
		{"older, then newer", []orders.Incoming{version(3), version(5, cancelled)}, []orders.Outcome{orders.Stale, orders.Applied}, hub.OrderUpdated, true},
		{"deleted", []orders.Incoming{{Key: key, Deleted: epoch}}, []orders.Outcome{orders.Applied}, hub.OrderDeleted, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, ids := newDatabase(t), &source{}
			results, err := db.do(ids, epoch, told, false)
			must(t, results, err)
			was := db.rows[key]
			delete(db.rows, key)
			results, err = db.do(ids, epoch.Add(time.Hour), c.batch, true)
			for i, r := range must(t, results, err) {
				if r.Outcome != c.want[i] || r.Order != was.ID || i == 0 && r.Tied != c.tied {
					t.Errorf("version %d came out as %+v", i, r)
				}
			}
			if c.last == "" {
				if _, stored := db.rows[key]; stored || len(db.changes) != 2 {
					t.Errorf("stored %v, %d changes", stored, len(db.changes))
				}
				return
			}
			now, change := db.rows[key], db.changes[len(db.changes)-1]
			if now.ID != was.ID || now.Revision != 3 || !now.CreatedAt.Equal(epoch) || len(db.changes) != 3 {
				t.Errorf("%s at revision %d of %v was %s; %d changes", now.ID, now.Revision, now.CreatedAt, was.ID, len(db.changes))
			}
			if change.Type != c.last || change.OrderID != was.ID || change.Revision != 3 {
				t.Errorf("told %s of revision %d of %s", change.Type, change.Revision, change.OrderID)
			}
		})
	}
}

// However often rows are lost between versions that come in any order: an order keeps its id, its revisions are dense, what is
// told of it never goes back, and once its newest version comes again after the last loss, that is what is stored.
func TestRowsLostAnywhere(t *testing.T) {
	histories, losses, back, stale := 0, 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		db, ids := newDatabase(t), &source{}
		newest := rapid.IntRange(1, 6).Draw(t, "newest")
		deliver := func(n int) {
			lost := len(db.changes) > 0 && len(db.rows) == 0
			results, err := db.do(ids, epoch, []orders.Incoming{version(n)}, rapid.Bool().Draw(t, "again"))
			r := must(t, results, err)[0]
			if lost && r.Outcome == orders.Applied {
				back++
			}
			if lost && r.Outcome == orders.Stale {
				stale++
				if !r.Tied {
					t.Fatal("nobody fetches what is lost")
				}
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			if rapid.IntRange(0, 2).Draw(t, "lose") == 0 && len(db.rows) > 0 {
				delete(db.rows, key)
				losses++
			}
			deliver(rapid.IntRange(1, newest).Draw(t, "version"))
		}
		deliver(newest)
		var last time.Time
		for i, c := range db.changes {
			var o hub.Order
			if err := json.Unmarshal(c.Doc, &o); err != nil {
				t.Fatal(err)
			}
			if c.OrderID != db.changes[0].OrderID || c.Revision != int64(i+1) || o.SourceUpdatedAt.Before(last) || (i == 0) != (c.Type == hub.OrderCreated) {
				t.Fatalf("change %d is %+v of %v", i, c, o.SourceUpdatedAt)
			}
			last = o.SourceUpdatedAt
		}
		if row := db.rows[key]; !row.Version.SourceUpdatedAt.Equal(version(newest).Order.SourceUpdatedAt) {
			t.Fatalf("version %v is stored, the newest is %d", row.Version.SourceUpdatedAt, newest)
		}
		histories++
	})
	if back == 0 || stale == 0 {
		t.Error("the histories tried nothing")
	}
	t.Logf("%d histories, %d rows lost, %d times news brought one back, %d times it was too old and fetched; 0 violations", histories, losses, back, stale)
}
