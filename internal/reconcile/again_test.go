package reconcile_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/internal/reconcile"
)

// sweep returns what is planned now.
func (w *world) sweep(t *testing.T) map[string]reconcile.Task {
	t.Helper()
	clear(w.tasks)
	if err := w.service.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w.tasks
}

// asked counts how often an order was asked for.
func (w *world) asked(id string) (n int) {
	for _, c := range w.causes {
		if strings.HasSuffix(c, " "+id) {
			n++
		}
	}
	return n
}

// One order that the platform shows and does not list makes the day unknown, and hides no other: what is missing is named,
// counted and repaired.
func TestIncompleteHidesNothing(t *testing.T) {
	for name, most := range map[string]int{"one stray": 500, "too many to ask for": 1} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.some(7)
			w.service.MostFetched = most
			w.listedAt["0001"], w.listedAt["0002"] = noon.AddDate(0, 0, 3), noon.AddDate(0, 0, 3)
			delete(w.held, "0004")
			last := w.ask(t)
			first := w.kept[0]
			wantSaid(t, first.Statement, "unknown, list_incomplete, missing 0004")
			wantSaid(t, last, "unknown, list_incomplete, missing 0004 repaired")
			if first.Open != 1 || first.Fetching != 1 || last.Open != 0 || last.Final() || last.Listed != nil || last.Held.Orders != 7 || len(last.Compared) != 0 {
				t.Errorf("%+v, then %+v", first.Statement, last)
			}
			if w.asked("0004") != 1 || (w.asked("0001") > 0) != (most > 1) {
				t.Errorf("asked for %v", w.causes)
			}
		})
	}
}

// What was missing stays open when a list that is not whole does not show it any more.
func TestIncompleteKeepsWhatWasFound(t *testing.T) {
	w := newWorld()
	w.some(7)
	delete(w.held, "0004")
	w.applies = func(hub.ExternalID) bool { return false }
	wantSaid(t, w.ask(t), "different, missing 0004")
	w.listedAt["0001"], w.listedAt["0004"] = noon.AddDate(0, 0, 3), noon.AddDate(0, 0, 3)
	st := w.ask(t)
	wantSaid(t, st, "unknown, list_incomplete, missing 0004")
	if st.Open != 1 {
		t.Errorf("%d open", st.Open)
	}
}

// Orders that only the hub has are asked for in the first looks at a day, and then once a day.
func TestStraysAreNotAskedForAlways(t *testing.T) {
	for name, c := range map[string]struct {
		make func(w *world)
		want string
	}{
		"shown":     {func(w *world) { w.listedAt["0001"] = noon.AddDate(0, 0, 3) }, "unknown, list_incomplete"},
		"not shown": {func(w *world) { delete(w.orders, "0001") }, "different, extra 0001"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.some(3)
			c.make(w)
			for range 30 {
				w.clock = w.clock.Add(12 * time.Hour / 30)
				w.do(reconcile.Task{Round: 1})
			}
			last, _ := w.last(day)
			wantSaid(t, last.Statement, c.want)
			first := w.asked("0001")
			w.clock = w.clock.Add(24 * time.Hour)
			if _, err := w.do(reconcile.Task{Round: 1}); err != nil || first > 6 || w.asked("0001") != first+1 {
				t.Errorf("asked for %d times in 30 looks, then %d, %v", first, w.asked("0001"), err)
			}
		})
	}
}

// A row that is deleted by hand after the day was equal is found within a day; after three days
// only by asking.
func TestRowDeletedAfterFinal(t *testing.T) {
	w := newWorld()
	w.some(5)
	for _, task := range w.sweep(t) {
		if _, err := w.do(task); err != nil {
			t.Fatal(err)
		}
	}
	if last, _ := w.last(day); !last.Final() {
		t.Fatalf("%+v", last)
	}
	delete(w.held, "0002")
	looks := 0
	for w.clock = later.Add(reconcile.SweepEvery); w.clock.Before(later.AddDate(0, 0, 9)); w.clock = w.clock.Add(reconcile.SweepEvery) {
		task, planned := w.sweep(t)[string(shop)+string(day)]
		clear(w.tasks)
		if !planned {
			continue
		}
		if looks++; looks == 1 && w.clock.Sub(later) > 24*time.Hour {
			t.Errorf("found after %v", w.clock.Sub(later))
		}
		if _, err := w.do(task); err != nil {
			t.Fatal(err)
		}
		w.settle(t)
	}
	last, _ := w.last(day)
	wantSaid(t, last.Statement, "equal, missing 0002 repaired")
	if looks != 2 || len(w.kept) != 4 { // found, repaired, confirmed a day after
		t.Errorf("%d looks, %d statements", looks, len(w.kept))
	}
}

// A day is looked at again though every job of it is gone.
func TestJobsLost(t *testing.T) {
	w := newWorld()
	w.some(3)
	delete(w.held, "0001")
	if _, err := w.do(reconcile.Task{}); err != nil {
		t.Fatal(err)
	}
	w.clock = w.clock.Add(time.Hour)
	if _, planned := w.sweep(t)[string(shop)+string(day)]; !planned {
		t.Fatal("nobody looks at the day again")
	}
	wantSaid(t, w.settle(t), "equal, missing 0001 repaired")
	w.sweep(t)
	if st := w.settle(t); st.Revision != 2 {
		t.Errorf("revision %d", st.Revision)
	}
	if st, err := w.do(reconcile.Task{}); err != nil || st.Revision != 0 {
		t.Errorf("a second task of the same sweep: revision %d, %v", st.Revision, err)
	}
}

// The end of a day is believed when the platform's clock is past it by half of Settle, and its beginning when it is a day inside
// of what the shop shows, also after the list was read.
func TestEdges(t *testing.T) {
	settle, back := reconcile.Defaults().Settle, 60*24*time.Hour
	at := func(d time.Duration) func(w *world) {
		return func(w *world) { w.clock, w.back = day.From().Add(d), back }
	}
	for name, c := range map[string]struct {
		make func(w *world)
		want string
	}{
		"past the end":         {func(w *world) { w.ahead = later.Sub(day.To()) - settle/2 }, "equal"},
		"hardly past the end":  {func(w *world) { w.ahead = later.Sub(day.To()) - settle/2 + 1 }, "unknown, day_too_young"},
		"inside":               {at(back - 24*time.Hour), "equal"},
		"at the edge":          {at(back - 24*time.Hour + 1), "unknown, day_too_old"},
		"over it meanwhile":    {func(w *world) { at(back - 25*time.Hour)(w); w.meanwhile = func() { w.clock = w.clock.Add(time.Hour) } }, "unknown, day_too_old"},
		"30 days, nearly":      {func(w *world) { at(30*24*time.Hour - 1)(w); w.back = 29 * 24 * time.Hour }, "unknown, day_too_old"},
		"everything is shown":  {func(w *world) { at(400 * 24 * time.Hour)(w); w.back = 0 }, "equal"},
		"as all shops, inside": {func(w *world) { at(back - 24*time.Hour)(w); w.limits.Back = back }, "equal"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.some(4)
			c.make(w)
			st, err := w.do(reconcile.Task{Asked: true})
			if err != nil {
				t.Fatal(err)
			}
			wantSaid(t, st, c.want)
		})
	}
}

// A statement about an order that is newer here claims nothing of its money, and is not the last.
func TestNewerIsNotFinal(t *testing.T) {
	w := newWorld()
	w.some(3)
	w.hold("0001", func(h *reconcile.Held) { h.Total, h.ChangedAt = real(9), noon.Add(time.Hour) })
	st := w.ask(t)
	wantSaid(t, st, "equal, newer_at_hub")
	if st.Final() || st.Newer != 1 || fmt.Sprint(st.Compared) != "[orders]" {
		t.Errorf("%+v", st)
	}
	w.clock = w.clock.Add(time.Hour)
	o := w.orders["0001"]
	o.ChangedAt, o.Total = noon.Add(time.Hour), real(8)
	w.orders["0001"] = o
	if len(w.sweep(t)) == 0 {
		t.Fatal("nobody looks at the day again")
	}
	st = w.settle(t)
	wantSaid(t, st, "equal, amount 0001 repaired")
	if !st.Final() || fmt.Sprint(st.Compared) != "[orders cancelled money]" {
		t.Errorf("%+v", st)
	}
}

// Of more differences than are fetched at once each has its turn. After the first looks what does not get better is fetched
// again once a day, and what is new at once.
func TestTurns(t *testing.T) {
	w := newWorld()
	w.some(30)
	w.service.MostFetched = 5
	w.applies = func(hub.ExternalID) bool { return false }
	for i := range 12 {
		delete(w.held, hub.ExternalID(fmt.Sprintf("%04d", i)))
	}
	look := func() (fetched []string) {
		t.Helper()
		from := len(w.causes)
		w.clock = w.clock.Add(time.Hour)
		if len(w.sweep(t)) == 0 {
			return nil
		}
		w.settle(t)
		for _, c := range w.causes[from:] {
			fetched = append(fetched, c[len(c)-2:])
		}
		return fetched
	}
	if got := look(); fmt.Sprint(got) != "[00 01 02 03 04 05 06 07 08 09]" {
		t.Errorf("the first look fetches %v", got)
	}
	if got := look(); len(got) < 2 || fmt.Sprint(got[:2]) != "[10 11]" {
		t.Errorf("the second look fetches %v", got)
	}
	for range 6 {
		look()
	}
	before := len(w.causes)
	for range 12 {
		look()
	}
	if n := len(w.causes) - before; n != 0 {
		t.Errorf("%d orders fetched again in 12 hours though nothing is new", n)
	}
	delete(w.held, "0020")
	var got []string
	for range 4 {
		got = append(got, look()...)
	}
	if fmt.Sprint(got) != "[20]" {
		t.Errorf("of what is new: fetched %v", got)
	}
	w.clock = w.clock.Add(24 * time.Hour)
	got = nil
	for range 24 {
		got = append(got, look()...)
	}
	if slices.Sort(got); len(slices.Compact(got)) != 13 {
		t.Errorf("a day later: fetched %v", got)
	}
	if last, _ := w.last(day); last.Open != 13 {
		t.Errorf("%d open", last.Open)
	}
}

// An order that could not be fetched is fetched again soon, however many looks there were.
func TestFailedFetchHasItsTurn(t *testing.T) {
	w := newWorld()
	w.some(5)
	for range 9 {
		w.ask(t)
	}
	delete(w.held, "0003")
	w.fail = func(c string, n int) error {
		if c == "again" && n == 1 {
			return errIO
		}
		return nil
	}
	w.clock = w.clock.Add(24 * time.Hour)
	w.sweep(t)
	wantSaid(t, w.settle(t), "different, missing 0003")
	w.clock = w.clock.Add(time.Minute)
	wantSaid(t, w.settle(t), "equal, missing 0003 repaired")
}

// What is missing is fetched though the statement has no room to name it.
func TestFetchedBeyondTheNamed(t *testing.T) {
	w := newWorld()
	w.page = 2000
	w.some(reconcile.MaxDifferences + 1)
	for id := range w.held {
		w.hold(id, func(h *reconcile.Held) { h.Deleted = true })
	}
	w.place("zzz", noon, real(1), false)
	if _, err := w.do(reconcile.Task{}); err != nil || w.asked("zzz") != 1 {
		t.Errorf("asked for %v, %v", w.causes, err)
	}
}

// A list that takes too long ends in a statement that says so.
func TestTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.some(5)
		began := time.Now()
		w.stall = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		st, err := w.do(reconcile.Task{})
		if err != nil {
			t.Fatal(err)
		}
		wantSaid(t, st, "unknown, list_too_long")
		if took := time.Since(began); took != 20*time.Minute || st.Held.Orders != 5 {
			t.Errorf("after %v: %+v", took, st)
		}
	})
}

// A shard that cannot be reached keeps nobody else from being planned for.
func TestSweepBesideADeadShard(t *testing.T) {
	w := newWorld()
	other := reconcile.Name{Tenant: "ten_b", Connection: "con_b"}
	w.known = append(w.known, reconcile.Connected{Name: other, Since: noon})
	w.away = map[hub.TenantID]bool{other.Tenant: true}
	w.fail = func(c string, _ int) error {
		if c == "stated" {
			return errIO
		}
		return nil
	}
	if err := w.service.Sweep(t.Context()); err == nil || len(w.tasks) != 1 || w.tasks[string(shop)+string(day)].Tenant != name.Tenant {
		t.Errorf("planned %v, %v", w.tasks, err)
	}
	w = newWorld()
	w.clock = w.clock.AddDate(0, 0, 1)
	w.fail = func(c string, n int) error {
		if c == "later" && n == 1 {
			return errIO
		}
		return nil
	}
	if err := w.service.Sweep(t.Context()); err == nil || len(w.tasks) != 1 {
		t.Errorf("one day cannot be written down: planned %v, %v", w.tasks, err)
	}
}

// An unknown statement keeps all of what the one before said, also what that had no room for; and who once had no room says so
// from then on.
func TestUnknownKeepsWhatWasCutOff(t *testing.T) {
	w := newWorld()
	w.page = 2000
	w.some(1100)
	clear(w.held)
	w.service.Rounds = 0
	if _, err := w.do(reconcile.Task{}); err != nil {
		t.Fatal(err)
	}
	w.noLister = true
	for range 2 {
		st, err := w.do(reconcile.Task{Asked: true})
		if err != nil || st.Open != 1100 || !st.Truncated || len(st.Differences) != reconcile.MaxDifferences {
			t.Errorf("%d open, %d named, cut off %v, %v", st.Open, len(st.Differences), st.Truncated, err)
		}
	}
	w.noLister = false
	for id := range w.orders {
		w.take(id)
	}
	st, err := w.do(reconcile.Task{Asked: true})
	if err != nil || st.State != reconcile.Equal || st.Open != 0 || !st.Truncated {
		t.Errorf("%s, %d open, cut off %v, %v", st.State, st.Open, st.Truncated, err)
	}
}
