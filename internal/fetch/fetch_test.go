package fetch_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hub"
	"hub/adapters/driver"
	"hub/internal/fetch"
)

// Whatever changes while lists are read, whatever fails and however often the hub dies on the way: once polls get through
// again, the newest version of every order is in the log. The hub's clock is wrong by minutes.
func TestPollMissesNothing(t *testing.T) {
	histories, polls, failed, changes := 0, 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		d := newDesk()
		d.clock = d.now.Add(time.Duration(rapid.IntRange(-20, 20).Draw(t, "skew")) * time.Minute)
		d.service.Overlap = time.Minute // lists lag by less, and nothing else may need it
		d.silent = rapid.Bool().Draw(t, "silent")
		d.lag = time.Duration(rapid.IntRange(0, 30).Draw(t, "lag")) * time.Second
		d.limits.Window = time.Duration(rapid.SampledFrom([]int{0, 1, 7}).Draw(t, "window")) * time.Hour
		number := rapid.IntRange(0, 12)
		moving, budget := false, 0
		d.meanwhile = func() {
			d.pass(time.Duration(rapid.IntRange(0, 3).Draw(t, "call takes")) * time.Second)
			if moving && budget > 0 && rapid.IntRange(0, 3).Draw(t, "changes meanwhile") == 0 {
				budget--
				changes++
				d.set(hub.ExternalID(fmt.Sprint(number.Draw(t, "order"))))
			}
		}
		fails := func(string) error {
			if moving && rapid.IntRange(0, 15).Draw(t, "fault") == 0 {
				return errIO
			}
			return nil
		}
		d.fail, d.fault, d.after = fails, fails, fails
		must(t, d.service.Poll(t.Context(), shopA)) // the shop is connected, nothing is there yet
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch moving, budget = true, 5; rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				d.pass(time.Duration(rapid.IntRange(1, 100).Draw(t, "minutes")) * time.Minute)
			case 1:
				changes++
				d.set(hub.ExternalID(fmt.Sprint(number.Draw(t, "order"))))
			default:
				polls++
				if d.service.Poll(t.Context(), shopA) != nil {
					failed++
				}
			}
		}
		moving = false
		for range 2 { // a clock of ours that is late finds the latest changes when it gets there
			d.pass(15 * time.Minute)
			must(t, d.service.Poll(t.Context(), shopA))
		}
		d.complete(t)
		if next := d.next[fetch.Poll]; next.Before(d.clock) {
			t.Fatalf("the next poll is at %v, now is %v", next, d.clock)
		}
		histories++
	})
	t.Logf("%d histories, %d polls, %d of them failed, %d changes, 0 missed", histories, polls, failed, changes)
}

func must(t interface{ Fatalf(string, ...any) }, err error) {
	if err != nil {
		t.Fatalf("%v", err)
	}
}

// What the books have already is not fetched again, and a list that does not say what changed has everything fetched.
func TestPollFetchesNews(t *testing.T) {
	d := newDesk()
	must(t, d.service.Poll(t.Context(), shopA))
	for i := range 7 {
		d.set(hub.ExternalID(fmt.Sprint(i)))
	}
	d.pass(time.Minute)
	must(t, d.service.Poll(t.Context(), shopA))
	d.complete(t)
	before := d.calls["fetch"]
	d.pass(time.Minute)
	must(t, d.service.Poll(t.Context(), shopA))
	if d.calls["fetch"] != before {
		t.Errorf("%d orders that did not change were fetched in %d calls", 7, d.calls["fetch"]-before)
	}
	d.silent = true
	must(t, d.service.Poll(t.Context(), shopA))
	if d.calls["fetch"] == before {
		t.Error("nothing was fetched although the list does not say what changed")
	}
}

// A poll that fails says why, until one ends well; it goes on where it stopped, and looks at everything since.
func TestPollAfterTrouble(t *testing.T) {
	d := newDesk()
	must(t, d.service.Poll(t.Context(), shopA))
	began := d.progress.Poll.Polled
	d.fail = func(string) error {
		return &hub.Error{Kind: hub.KindPermanent, Code: driver.CodeReconnect, Op: "calling"}
	}
	d.pass(50 * time.Hour)
	d.set("late")
	if err := d.service.Poll(t.Context(), shopA); hub.CodeOf(err) != driver.CodeReconnect || hub.KindOf(err) != hub.KindPermanent {
		t.Fatalf("polling a shop that must be connected again: %v", err)
	}
	if p := d.progress.Poll; p.Trouble != driver.CodeReconnect || !p.Polled.Equal(began) {
		t.Fatalf("progress %+v", p)
	}
	d.fail = func(string) error { return nil }
	must(t, d.service.Poll(t.Context(), shopA))
	if p := d.progress.Poll; p.Trouble != "" || !p.Polled.Equal(d.clock) {
		t.Fatalf("progress %+v", p)
	}
	if d.calls["list"] < 9 { // 50 hours in parts of six
		t.Errorf("%d lists for 50 hours", d.calls["list"])
	}
	d.complete(t)
}

// A poll that has much to catch up with keeps what it has and gives way to others, so that no turn is cut off as too long.
func TestPollTakesTurns(t *testing.T) {
	d := newDesk()
	must(t, d.service.Poll(t.Context(), shopA))
	d.pass(300 * time.Hour)
	for i := range 5 {
		d.set(hub.ExternalID(fmt.Sprint(i)))
	}
	before := d.progress.Poll
	d.meanwhile = func() { d.pass(20 * time.Second) }
	turns := 0
	for ; d.progress.Poll.PolledAt.Equal(before.PolledAt); turns++ {
		calls, polled := d.calls["list"], d.progress.Poll.Polled
		delete(d.next, fetch.Poll)
		must(t, d.service.Poll(t.Context(), shopA))
		if n := d.calls["list"] - calls; n > 7 { // the last window is read twice, of three pages
			t.Fatalf("%d lists of 20 s in a turn of 30 s", n)
		}
		if next := d.next[fetch.Poll]; next.IsZero() || !d.progress.Poll.Polled.After(polled) {
			t.Fatalf("polled %v after %v, next %v", d.progress.Poll.Polled, polled, next)
		}
		if next := d.next[fetch.Poll]; d.progress.Poll.PolledAt.Equal(before.PolledAt) && next.After(d.clock) {
			t.Fatalf("not ended, and scheduled for %v, now is %v", next, d.clock)
		}
	}
	d.complete(t)
	if next := d.next[fetch.Poll]; turns < 20 || !next.Equal(d.clock.Add(d.service.Every)) {
		t.Errorf("%d turns, next %v", turns, next)
	}
	t.Logf("%d turns for 300 hours", turns)
}

// A list that never comes to rest fails the poll, and so does one that does not go on.
func TestPollOfABrokenList(t *testing.T) {
	d := newDesk()
	must(t, d.service.Poll(t.Context(), shopA))
	d.service.Pages = 20
	n := 0
	d.meanwhile = func() {
		n++
		d.set(hub.ExternalID(fmt.Sprint("o", n)))
	}
	d.page = 1
	d.pass(time.Second)
	for range 3 {
		d.meanwhile()
	}
	before := d.progress.Poll.Polled
	for name, size := range map[string]int{"endless": 1, "without rest": 30} {
		d.page = size
		for len(d.orders) < 2*size {
			d.meanwhile()
		}
		if err := d.service.Poll(t.Context(), shopA); hub.CodeOf(err) != "list_unsettled" || !d.progress.Poll.Polled.Equal(before) {
			t.Errorf("a list that is %s: %v, polled %v", name, err, d.progress.Poll.Polled)
		}
	}
}

// A disconnected shop is left alone, and nothing is scheduled for it.
func TestDisconnected(t *testing.T) {
	d := newDesk()
	d.away = true
	must(t, d.service.Poll(t.Context(), shopA))
	must(t, d.service.Backfill(t.Context(), shopA))
	if len(d.next) != 0 || len(d.calls) != 0 {
		t.Errorf("next %v, calls %v", d.next, d.calls)
	}
	if err := d.service.Order(t.Context(), shopA, "1"); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("fetching: %v", err)
	}
}

// What only the owner can bring on ends, and begins again where it was when the owner is back.
func TestOwnerAwayAndBack(t *testing.T) {
	for _, access := range []fetch.Access{fetch.Withdrawn, fetch.Over} {
		d := newDesk()
		must(t, d.service.Begin(t.Context(), shopA, epoch.Add(-time.Hour)))
		must(t, d.service.Poll(t.Context(), shopA))
		d.fail = func(string) error { return &hub.Error{Kind: hub.KindPermanent, Code: driver.CodeReconnect} }
		both := func() (poll, backfill error) {
			clear(d.next)
			return d.service.Poll(t.Context(), shopA), d.service.Backfill(t.Context(), shopA)
		}
		d.pass(50 * time.Hour)
		d.set("late")
		refused := func(name string) {
			t.Helper()
			if poll, backfill := both(); hub.CodeOf(poll) != driver.CodeReconnect || hub.CodeOf(backfill) != driver.CodeReconnect {
				t.Errorf("%s: %v, %v", name, poll, backfill)
			}
		}
		refused("with the permission before the one that is stored")
		d.access, d.fault = access, func(what string) error {
			if what == "access" {
				return errIO
			}
			return nil
		}
		refused("while nobody knows")
		d.fault = func(string) error { return nil }
		if poll, backfill := both(); poll != nil || backfill != nil || len(d.next) != 0 {
			t.Errorf("without access: %v, %v, next %v", poll, backfill, d.next)
		}
		if p := d.progress; p.Poll.Trouble != driver.CodeReconnect || p.Backfill.Trouble != driver.CodeReconnect {
			t.Errorf("people are told %+v", p)
		}
		d.fail = func(string) error { return errIO }
		if poll, backfill := both(); poll == nil || backfill == nil {
			t.Error("an error of another kind ended the work")
		}
		d.fail, d.access = func(string) error { return nil }, fetch.Granted
		must(t, d.service.Begin(t.Context(), shopA, epoch.Add(-time.Hour)))
		if d.next[fetch.Poll] != d.clock || d.next[fetch.Backfill] != d.clock {
			t.Errorf("resumed at %v, now is %v", d.next, d.clock)
		}
		for d.progress.Backfill.EndedAt.IsZero() {
			must(t, d.service.Backfill(t.Context(), shopA))
		}
		must(t, d.service.Poll(t.Context(), shopA))
		d.complete(t)
	}
}

func TestOrder(t *testing.T) {
	d := newDesk()
	d.set("1")
	d.set("2")
	d.parcels = map[hub.ExternalID][]hub.ExternalID{"p": {"2"}}
	must(t, d.service.Order(t.Context(), shopA, "1"))
	must(t, d.service.Related(t.Context(), shopA, "shipment", "p"))
	d.complete(t)
	must(t, d.service.Order(t.Context(), shopA, "unknown"))
	must(t, d.service.Related(t.Context(), shopA, "shipment", "unknown"))
	d.gone["2"] = true
	missing, err := d.service.Again(t.Context(), shopA, []hub.ExternalID{"1", "2"}, "statement 7")
	if must(t, err); !slices.Equal(missing, []hub.ExternalID{"2"}) || d.causes["statement 7"] != 1 {
		t.Errorf("missing %v, causes %v", missing, d.causes)
	}
	d.fail = func(string) error { return errIO }
	if d.service.Order(t.Context(), shopA, "1") == nil || d.service.Related(t.Context(), shopA, "shipment", "p") == nil {
		t.Error("a failed call was taken for an answer")
	}
}

// An order that will never fit holds up nobody behind it, and whoever asked for it alone is told.
func TestTooLarge(t *testing.T) {
	d := newDesk()
	must(t, d.service.Poll(t.Context(), shopA))
	for i := range 9 {
		d.set(hub.ExternalID(fmt.Sprint(i)))
	}
	over := &hub.Error{Kind: hub.KindTooLarge, Code: "body_too_large"}
	first := true
	d.after = func(call string) error {
		if call == "take" && first {
			first = false
			return over
		}
		return nil
	}
	d.pass(time.Minute)
	must(t, d.service.Poll(t.Context(), shopA))
	d.complete(t)
	first = true
	must(t, d.service.Begin(t.Context(), shopA, epoch))
	for d.progress.Backfill.EndedAt.IsZero() {
		must(t, d.service.Backfill(t.Context(), shopA))
	}
	first = true
	if err := d.service.Order(t.Context(), shopA, "1"); hub.KindOf(err) != hub.KindTooLarge {
		t.Errorf("alone: %v", err)
	}
}

// An export that is lost again and again is begun again after a pause, and not at once.
func TestExportLost(t *testing.T) {
	d := newDesk()
	d.set("1")
	must(t, d.service.Begin(t.Context(), shopA, epoch))
	d.prepares, d.meanwhile = 0, func() { d.exports++ }
	for range 5 {
		before := d.calls["export"]
		err := d.service.Backfill(t.Context(), shopA)
		if n := d.calls["export"] - before; n > 2 || hub.CodeOf(err) != driver.CodeExportLost {
			t.Fatalf("%d calls, %v, %+v", n, err, d.progress.Backfill)
		}
	}
	if b := d.progress.Backfill; b.Trouble != driver.CodeExportLost || b.Cursor != "" {
		t.Errorf("progress %+v", b)
	}
}

// Backfill survives faults and deaths at any step, takes every order of the window, newest first, and ends.
func TestBackfillIsWhole(t *testing.T) {
	histories, turns, failed := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		d := newDesk()
		orders := rapid.IntRange(0, 15).Draw(t, "orders")
		for i := range orders {
			d.pass(time.Hour)
			d.set(hub.ExternalID(fmt.Sprint(i)))
		}
		d.pass(time.Hour)
		budget := rapid.IntRange(0, 12).Draw(t, "faults")
		fails := func(string) error {
			if budget > 0 && rapid.IntRange(0, 2).Draw(t, "fault") == 0 {
				budget--
				return errIO
			}
			return nil
		}
		d.fail, d.fault, d.after = fails, fails, fails
		d.meanwhile = func() {
			if budget > 0 && rapid.IntRange(0, 5).Draw(t, "lost") == 0 {
				budget--
				d.exports++ // the platform forgets the export
			}
		}
		for d.service.Begin(t.Context(), shopA, epoch) != nil {
		}
		for d.progress.Backfill.EndedAt.IsZero() {
			delete(d.next, fetch.Backfill)
			if turns++; d.service.Backfill(t.Context(), shopA) != nil {
				failed++
			} else if next := d.next[fetch.Backfill]; d.progress.Backfill.EndedAt.IsZero() && (next.IsZero() || next.After(d.clock.Add(time.Minute))) {
				t.Fatalf("not ended, and scheduled for %v", next)
			}
			d.pass(time.Second)
		}
		d.complete(t)
		if b := d.progress.Backfill; b.Orders < int64(orders) || b.Total != int64(orders) && orders > 0 || !b.Reached.Equal(b.From) {
			t.Fatalf("progress %+v of %d orders", b, orders)
		}
		histories++
	})
	t.Logf("%d histories, %d turns, %d of them failed, 0 orders missed", histories, turns, failed)
}

// A backfill gives way to others, and goes no further back than the shop lets us see.
func TestBackfillTakesTurns(t *testing.T) {
	d := newDesk()
	d.limits.Back = 60 * 24 * time.Hour
	for i := range 40 {
		d.set(hub.ExternalID(fmt.Sprint(i)))
	}
	d.pass(time.Minute)
	must(t, d.service.Begin(t.Context(), shopA, time.Time{}))
	if b := d.progress.Backfill; !b.From.Equal(d.clock.Add(-d.limits.Back)) {
		t.Errorf("from %v", b.From)
	}
	if p := d.progress.Poll.Polled; !p.Equal(d.clock.Add(-24 * time.Hour)) {
		t.Errorf("the first poll begins at %v", p)
	}
	d.meanwhile = func() { d.pass(20 * time.Second) }
	turns := 0
	for ; d.progress.Backfill.EndedAt.IsZero(); turns++ {
		before := d.calls["export"]
		must(t, d.service.Backfill(t.Context(), shopA))
		if n := d.calls["export"] - before; n > 2 {
			t.Fatalf("%d parts of 20 s in a turn of 30 s", n)
		}
	}
	ended := d.progress.Backfill
	must(t, d.service.Begin(t.Context(), shopA, ended.From)) // the owner authorises again
	if d.progress.Backfill != ended {
		t.Errorf("exported again: %+v", d.progress.Backfill)
	}
	d.limits.Back *= 2 // the shop lets us see more
	must(t, d.service.Begin(t.Context(), shopA, time.Time{}))
	if b := d.progress.Backfill; !b.EndedAt.IsZero() || b.Orders != 0 || !b.From.Before(ended.From) {
		t.Errorf("begun again, for older orders: %+v", b)
	}
	t.Logf("%d turns for 40 orders", turns)
}

// Lost deliveries are confirmed when they are durable, and not before.
func TestMissed(t *testing.T) {
	d := newDesk()
	pages := func() []driver.LostPage {
		return []driver.LostPage{
			{Deliveries: []driver.Missed{{Account: "1"}, {Account: "2"}}, Next: "x", Receipt: "r1"},
			{Deliveries: []driver.Missed{{Account: "3"}}, Receipt: "r2"},
		}
	}
	d.missed = pages()
	d.fault = func(string) error { return errIO }
	if _, err := d.service.Missed(t.Context(), "app"); err == nil || len(d.confirms) != 0 {
		t.Fatalf("%v, confirmed %v", err, d.confirms)
	}
	d.fault = func(string) error { return nil }
	taken, err := d.service.Missed(t.Context(), "app")
	if must(t, err); taken != 3 || len(d.recover) != 3 || !slices.Equal(d.confirms, []string{"r1", "r2"}) {
		t.Errorf("taken %d, %d recovered, confirmed %v", taken, len(d.recover), d.confirms)
	}
}

// A platform that tells lost deliveries until they are too old has each taken once; a list that does not go on is read no further;
// and one delivery that can never be taken holds up nobody.
func TestMissedOnce(t *testing.T) {
	d := newDesk()
	d.same, d.stranger = true, "3"
	d.missed = []driver.LostPage{{Deliveries: []driver.Missed{{Account: "1"}, {Account: "large"}, {Account: "odd"}, {Account: "2"}, {Account: "3"}, {Account: "1"}}, Receipt: "r"}}
	d.fault = func(call string) error {
		switch {
		case call == "recover large":
			return &hub.Error{Kind: hub.KindTooLarge}
		case call == "recover odd":
			return &hub.Error{Kind: hub.KindInvalid}
		case d.calls["lost"] > 20:
			return errIO // whoever asks that often does not stop
		}
		return nil
	}
	look := func(want, all, calls int) {
		t.Helper()
		before := d.calls["lost"]
		taken, err := d.service.Missed(t.Context(), "app")
		if must(t, err); taken != want || len(d.recover) != all || d.calls["lost"]-before != calls || len(d.confirms) != d.calls["lost"] {
			t.Errorf("taken %d, recovered %d, %d calls, %d confirmed", taken, len(d.recover), d.calls["lost"]-before, len(d.confirms))
		}
	}
	look(2, 2, 2)
	look(0, 2, 2)
	d.stranger = "" // the shop was connected
	look(1, 3, 2)
	d.missed[0].Deliveries[0].Body = []byte("another")
	look(1, 4, 2)
	if taken, err := d.service.Missed(t.Context(), "other app"); err != nil || taken != 4 {
		t.Errorf("taken %d for another app, %v", taken, err)
	}
	d.missed[0].Deliveries[0].Body = []byte("yet another")
	d.fault = func(string) error { return errIO }
	if _, err := d.service.Missed(t.Context(), "app"); err == nil {
		t.Error("a delivery that could not be taken now was passed over")
	}
}

// The deliveries that a platform could not deliver are taken again and again, by a shop whose permission is good.
func TestLost(t *testing.T) {
	d := newDesk()
	due := func(want time.Time) {
		t.Helper()
		if got := d.next[fetch.Lost]; !got.Equal(want) {
			t.Errorf("the next look is at %v, want %v", got, want)
		}
		delete(d.next, fetch.Lost)
	}
	page := []driver.LostPage{{Deliveries: []driver.Missed{{Account: "1"}}, Receipt: "r1"}}
	d.missed, d.callers = page, []driver.Caller{asker{dead: true}, asker{}}
	must(t, d.service.Lost(t.Context(), "app"))
	if due(epoch.Add(10 * time.Minute)); len(d.recover) != 1 {
		t.Errorf("%d recovered", len(d.recover))
	}
	d.missed, d.callers = page, []driver.Caller{asker{dead: true}}
	must(t, d.service.Lost(t.Context(), "app"))
	d.callers = nil
	must(t, d.service.Lost(t.Context(), "app"))
	if due(epoch.Add(10 * time.Minute)); len(d.recover) != 1 {
		t.Errorf("%d recovered for an app without shops", len(d.recover))
	}
	d.callers = []driver.Caller{asker{}}
	d.fail = func(string) error { return errIO }
	if err := d.service.Lost(t.Context(), "app"); err == nil {
		t.Error("a failed call was taken for an answer")
	}
	due(time.Time{}) // the queue tries again
	d.away = true
	must(t, d.service.Lost(t.Context(), "app"))
	due(time.Time{}) // the app is gone
}
