package hubtest_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hub/internal/app"
	"hub/internal/hubtest"
)

// TestDrillNothingMissed drops every twentieth delivery of three platforms for good and has the hub away for two hours of
// their time, while people go on buying. The day's statements must then end without a missing order and without anything
// unknown, and an order that somebody deletes by hand must be named and repaired. One that changes at its platform before
// anybody looks comes back by itself. Either keeps its id and its revisions.
func TestDrillNothingMissed(t *testing.T) {
	t.Parallel()
	const seed = 94
	d := openMissing(t, seed, rounds(1, 3))
	d.day(t, rounds(30, 300), time.Minute)
	d.hub.Stop(t)
	d.day(t, rounds(24, 240), 2*time.Hour/time.Duration(rounds(24, 240)))
	d.start(t)
	d.day(t, rounds(15, 150), time.Minute/time.Duration(rounds(1, 10)))
	d.polled(t)
	d.pass(13 * time.Hour) // into the next day

	first := map[string]int{}
	for _, s := range d.everybody() {
		d.equal(t, s, first)
	}
	dropped, deleted := 0, 0
	for _, s := range d.stalls {
		dropped += s.dropped()
	}
	for _, s := range d.everybody() {
		d.deleteOne(t, s)
		deleted++
	}
	changed := d.changeDeleted(t)
	t.Logf("%d orders of %d shops, %d deliveries dropped for good, the hub away for two hours of platform time: differences that the day's first statements had: %v; "+
		"in the end 0 missing, 0 unknown; %d orders deleted by hand, each named and repaired by the next statement, and %d that changed before one; "+
		"of %d changes %d under another id or revision than was due; seed %d", d.sold(), len(d.everybody()), dropped, first, deleted, changed, d.feed, d.astray, seed)
	if dropped == 0 {
		t.Error("nothing was dropped: the drill proves nothing")
	}
}

// missing is a hub in this process whose clock, like the platforms', is moved by hand.
type missing struct {
	*bazaar
	size   hubtest.Size
	data   string
	clock  func() time.Time
	ahead  *atomic.Int64
	today  string // the day on which everything is sold
	hub    *hubtest.Hub
	random *rand.Rand
	open   map[seller][]string
	feed   int // changes that the whole feed has
	astray int
}

// openMissing begins in the morning of yesterday, so that the day is over when somebody looks.
func openMissing(t *testing.T, seed uint64, shops int) *missing {
	t.Helper()
	d := &missing{
		size: hubtest.Embedded("2").With("listen", freeAddress(t)), data: t.TempDir(), ahead: &atomic.Int64{},
		random: rand.New(rand.NewPCG(seed, 9)), open: map[seller][]string{},
	}
	now := app.SystemClock()
	morning := now.Truncate(24 * time.Hour).Add(-14 * time.Hour) // ten o'clock
	d.today = morning.Format(time.DateOnly)
	d.ahead.Store(int64(morning.Sub(now)))
	d.clock = func() time.Time { return app.SystemClock().Add(time.Duration(d.ahead.Load())) }
	stalls := []*stall{openStall(t, onShopify(seed, d.clock), shops), openStall(t, onShopee(seed, d.clock), shops), openStall(t, onMercadoLibre(seed, d.clock), shops)}
	d.start(t)
	d.bazaar = joinBazaar(t, d.hub.Operator, stalls...)
	for _, s := range stalls {
		if err := s.drop(50); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func (d *missing) start(t *testing.T) {
	t.Helper()
	d.hub = hubtest.Start(t, d.size, d.data, app.Options{
		Logger: hubtest.Logger(t), Clock: d.clock, PollEvery: 2 * time.Minute, Storefronts: hurried(),
	})
}

func (d *missing) pass(by time.Duration) { d.ahead.Add(int64(by)) }

// day has n things happen at each shop, a while apart.
func (d *missing) day(t *testing.T, n int, apart time.Duration) {
	t.Helper()
	for range n {
		for _, s := range d.everybody() {
			if list := d.open[s]; len(list) > 0 && d.random.IntN(3) == 0 {
				if err := s.change(s.account, list[0]); err != nil {
					t.Fatal(err)
				}
				d.open[s] = list[1:]
				continue
			}
			d.open[s] = append(d.open[s], s.sell(t))
		}
		d.pass(apart)
		pause(d.random, time.Millisecond, 60*time.Millisecond)
	}
}

// polled lets time pass until polls, and what platforms deliver again, have brought everything.
func (d *missing) polled(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var passing sync.WaitGroup
	passing.Go(func() {
		for ctx.Err() == nil {
			d.pass(10 * time.Second)
			<-time.After(100 * time.Millisecond)
		}
	})
	d.arrived(t)
	stop()
	passing.Wait()
}

// sold counts all orders.
func (d *missing) sold() (n int) {
	for _, s := range d.everybody() {
		n += len(s.orders(s.account))
	}
	return n
}

// statement is the part of one that the drill looks at.
type statement struct {
	Revision    int64
	State       string
	WholeDay    bool                 `json:"whole_day"`
	Unknown     map[string]any       `json:"unknown"`
	Listed      struct{ Orders int } `json:"platform_lists"`
	Held        struct{ Orders int } `json:"hub_holds"`
	Differences []struct {
		Kind     string
		External string `json:"external_id"`
		Repaired bool
	}
	Open, Fetching int
}

// look asks for a statement of the day, and returns those that were made until nothing is fetched any more.
func (d *missing) look(t *testing.T, s seller) (list []statement) {
	t.Helper()
	var asked struct {
		After int64 `json:"after_revision"`
	}
	in := map[string]string{"connection_id": s.connection, "day": d.today}
	if err := d.merchant.Do(t.Context(), http.MethodPost, "/v1/reconciliations", in, &asked); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for next := asked.After; ; <-time.After(50 * time.Millisecond) {
		var page struct {
			Data []struct {
				ID       string `json:"reconciliation_id"`
				Revision int64
			}
		}
		path := fmt.Sprintf("/v1/reconciliations?connection_id=%s&day_from=%s&day_to=%s&limit=250", s.connection, d.today, d.today)
		if err := d.merchant.Do(ctx, http.MethodGet, path, nil, &page); err != nil {
			t.Fatalf("%s: no statement comes that is the last: %+v, %v", s.app.Platform, list, err)
		}
		for _, row := range page.Data {
			if row.Revision <= next {
				continue
			}
			var signed struct{ Statement statement }
			if err := d.merchant.Do(ctx, http.MethodGet, "/v1/reconciliations/"+row.ID, nil, &signed); err != nil {
				t.Fatal(err)
			}
			list, next = append(list, signed.Statement), row.Revision
			if signed.Statement.Fetching == 0 && signed.Statement.State != "unknown" {
				return list
			}
		}
	}
}

// equal looks at a shop's day until the hub has what the platform has, and counts what differed at first.
func (d *missing) equal(t *testing.T, s seller, first map[string]int) {
	t.Helper()
	list := d.look(t, s)
	for _, difference := range list[0].Differences {
		first[string(s.app.Platform)+" "+difference.Kind]++
	}
	last, all := list[len(list)-1], len(s.orders(s.account))
	if last.State != "equal" || !last.WholeDay || last.Open > 0 || last.Unknown != nil || last.Listed.Orders != all || last.Held.Orders != all {
		t.Errorf("%s has %d orders, and the day ends with %+v", s.app.Platform, all, last)
	}
}

// deleteOne deletes the row of an order, and looks again.
func (d *missing) deleteOne(t *testing.T, s seller) {
	t.Helper()
	all := s.orders(s.account)
	id := all[d.random.IntN(len(all))].id
	d.lose(t, s, id)
	list := d.look(t, s)
	named, repaired := false, false
	for _, one := range list {
		for _, difference := range one.Differences {
			named = named || difference.External == id && difference.Kind == "missing" && !difference.Repaired
			repaired = repaired || difference.External == id && difference.Repaired
		}
	}
	if last := list[len(list)-1]; !named || !repaired || last.State != "equal" || last.Held.Orders != len(all) {
		t.Errorf("%s: an order that was deleted by hand is named: %v, repaired: %v; the last statement is %+v", s.app.Platform, named, repaired, last)
	}
}

// changeDeleted deletes an order of each shop, which changes at its platform then, and returns how many when all have come back.
func (d *missing) changeDeleted(t *testing.T) (n int) {
	t.Helper()
	for _, s := range d.everybody() {
		for _, id := range d.open[s][:min(1, len(d.open[s]))] {
			d.lose(t, s, id)
			if err := s.change(s.account, id); err != nil {
				t.Fatal(err)
			}
			n++
		}
	}
	d.polled(t)
	type place struct{ connection, external string }
	ids, revisions := map[place]string{}, map[place]int64{}
	for _, c := range wholeFeed(t, d.erp) {
		at := place{c.Order.ConnectionID, c.Order.ExternalID}
		if before, known := ids[at]; known && before != c.Order.ID || c.Order.Revision != revisions[at]+1 {
			t.Errorf("%v has id %s and revision %d after id %s and revision %d", at, c.Order.ID, c.Order.Revision, before, revisions[at])
			d.astray++
		}
		ids[at], revisions[at] = c.Order.ID, c.Order.Revision
		d.feed++
	}
	if n == 0 {
		t.Error("nothing changed: the drill proves nothing")
	}
	return n
}

// lose deletes the row of an order, whatever shard it is on.
func (d *missing) lose(t *testing.T, s seller, id string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(d.data, "shards", "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	gone := int64(0)
	for _, file := range files {
		db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)")
		if err != nil {
			t.Fatal(err)
		}
		result, err := db.ExecContext(t.Context(), "DELETE FROM orders WHERE connection_id = ? AND external_id = ?", s.connection, id)
		if err != nil {
			t.Fatal(err)
		}
		n, err := result.RowsAffected()
		if gone += n; err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if gone != 1 {
		t.Fatalf("%d rows were deleted", gone)
	}
}
