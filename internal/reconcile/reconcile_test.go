package reconcile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/internal/reconcile"
)

// ask has the day looked at until it is quiet.
func (w *world) ask(t *testing.T) reconcile.Statement {
	t.Helper()
	if _, err := w.service.Ask(t.Context(), name, day); err != nil {
		t.Fatal(err)
	}
	return w.settle(t)
}

// said prints what a statement names, so that it can be compared at a glance.
func said(st reconcile.Statement) string {
	list := []string{string(st.State)}
	if code := st.Code(); code != "" {
		list = append(list, string(code))
	}
	for _, d := range st.Differences {
		text := fmt.Sprint(d.Kind, " ", d.ExternalID)
		if d.Repaired {
			text += " repaired"
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

func wantSaid(t *testing.T, st reconcile.Statement, want string) {
	t.Helper()
	if got := said(st); got != want {
		t.Errorf("revision %d says %q, want %q", st.Revision, got, want)
	}
}

// A day on which both sides have the same is equal, with what was counted.
func TestEqual(t *testing.T) {
	w := newWorld()
	w.some(7)
	w.place("jpy", noon, &hub.Money{Minor: 900, Currency: "JPY"}, true)
	w.hold("0001", func(h *reconcile.Held) { h.Acknowledged = true })
	gone := w.orders["0002"]
	gone.Cancelled = true
	w.orders["0002"] = gone
	w.take("0002")
	w.place("before", day.From().Add(-time.Nanosecond), real(1), false)
	w.place("after", day.To(), real(1), false)
	w.held["deleted"] = reconcile.Held{External: "deleted", PlacedAt: noon, Deleted: true}
	st := w.ask(t)
	wantSaid(t, st, "equal")
	text, err := json.Marshal([]any{st.Compared, st.Listed, st.Held, st.Acked, len(st.Unacked), st.WholeDay, st.Final()})
	if err != nil {
		t.Fatal(err)
	}
	side := `{"orders":8,"cancelled":1,"money_known":true,"money":[{"amount":"7.21","currency":"BRL"},{"amount":"900","currency":"JPY"}]}`
	want := `[["orders","cancelled","money"],` + side + `,` + side + `,{"orders":1,"cancelled":0,"money_known":true,"money":[{"amount":"1.01","currency":"BRL"}]},7,true,true]`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if len(w.tasks) != 0 || w.calls["again"] != 0 {
		t.Errorf("an equal day leaves %v, %d fetches", w.tasks, w.calls["again"])
	}
}

// Each way to differ is named with both sides, fetched again where that helps, and stays in the history.
func TestDifferences(t *testing.T) {
	old := func(h *reconcile.Held) { h.ChangedAt = h.ChangedAt.Add(-time.Hour) }
	for name, c := range map[string]struct {
		make        func(w *world)
		first, last string
		fetched     int
	}{
		"missing": {func(w *world) { w.place("x", noon, real(5), false) }, "different, missing x", "equal, missing x repaired", 1},
		"amount": {func(w *world) {
			w.place("x", noon, real(5), true)
			w.hold("x", func(h *reconcile.Held) { h.Total = real(6) })
		}, "different, amount x", "equal, amount x repaired", 1},
		"currency": {func(w *world) {
			w.place("x", noon, real(5), true)
			w.hold("x", func(h *reconcile.Held) { h.Total = &hub.Money{Minor: 5, Currency: "USD"} })
		}, "different, amount x", "equal, amount x repaired", 1},
		"cancelled": {func(w *world) {
			w.place("x", noon, real(5), true)
			w.hold("x", func(h *reconcile.Held) { h.Cancelled = true; old(h) })
		}, "different, cancelled x", "equal, cancelled x repaired", 1},
		"both": {func(w *world) {
			w.place("x", noon, real(5), true)
			w.hold("x", func(h *reconcile.Held) { h.Cancelled, h.Total = true, real(1) })
		}, "different, amount x, cancelled x", "equal, amount x repaired, cancelled x repaired", 1},
		"extra": {func(w *world) { w.place("x", noon, real(5), true); delete(w.orders, "x") }, "different, extra x", "different, extra x", 1},
		"deleted": {func(w *world) {
			w.place("x", noon, real(5), true)
			w.hold("x", func(h *reconcile.Held) { h.Deleted = true })
		}, "different, deleted x", "different, deleted x", 0},
		"parked": {func(w *world) { w.place("x", noon, real(5), false); w.parked["x"] = "prk_1" }, "different, parked x", "different, parked x", 0},
		"both deleted": {func(w *world) {
			w.place("x", noon, real(5), true)
			w.hold("x", func(h *reconcile.Held) { h.Deleted = true })
			delete(w.orders, "x")
		}, "equal", "equal", 0},
		"newer here": {func(w *world) {
			w.place("x", noon, real(5), true)
			w.hold("x", func(h *reconcile.Held) { h.Total = real(9); h.ChangedAt = noon.Add(time.Hour) })
		}, "equal, newer_at_hub", "equal, newer_at_hub", 0},
		"outdated": {func(w *world) {
			w.place("x", noon.Add(time.Minute+999), real(5), true)
			w.hold("x", func(h *reconcile.Held) { h.ChangedAt = noon })
		}, "different, outdated x", "equal, outdated x repaired", 1},
		"as old as can be stored": {func(w *world) {
			w.place("x", noon.Add(999), real(5), true)
			w.hold("x", func(h *reconcile.Held) { h.ChangedAt = noon })
		}, "equal", "equal", 0},
		"not shown": {func(w *world) {
			w.place("x", noon, real(5), false)
			w.applies = func(hub.ExternalID) bool { return false }
		}, "different, missing x", "different, missing x", 2},
		"placed beside": {func(w *world) {
			w.place("x", noon, real(5), true)
			w.hold("x", func(h *reconcile.Held) { h.PlacedAt = noon.AddDate(0, 0, -9) })
		}, "equal", "equal", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.some(4)
			c.make(w)
			last := w.ask(t)
			first := w.kept[0]
			wantSaid(t, first.Statement, c.first)
			wantSaid(t, last, c.last)
			if len(w.causes) != c.fetched || last.Fetching != 0 {
				t.Errorf("fetched %q", w.causes)
			}
			if first.Fetching > 0 && w.causes[0] != "statement "+string(first.ID)+" x" {
				t.Errorf("fetched because of %q, not of %s", w.causes[0], first.ID)
			}
			for i, k := range w.kept {
				if k.Revision != int64(i+1) || i > 0 && k.Previous != w.kept[i-1].ID {
					t.Errorf("revision %d after %s", k.Revision, k.Previous)
				}
			}
			for _, d := range first.Differences {
				if (d.Platform == nil) != (d.Kind == reconcile.Extra) || (d.Hub == nil) != (d.Kind == reconcile.Missing || d.Kind == reconcile.Parked) || (d.ParkedID != "") != (d.Kind == reconcile.Parked) {
					t.Errorf("%+v", d)
				}
			}
			if first.Open != len(first.Differences) || last.Open != strings.Count(said(last), " x")-strings.Count(said(last), "repaired") {
				t.Errorf("open %d and %d", first.Open, last.Open)
			}
			w.clock = w.clock.Add(time.Hour)
			if planned := len(w.sweep(t)) > 0; planned == last.Final() {
				t.Errorf("looked at again: %v", planned)
			}
		})
	}
}

// A row that somebody deletes by hand is named and brought back, and the next statement says so; a look later says equal with
// the repair still named.
func TestRowDeletedByHand(t *testing.T) {
	w := newWorld()
	w.some(9)
	wantSaid(t, w.ask(t), "equal")
	delete(w.held, "0004")
	w.hold("0005", func(h *reconcile.Held) { h.Total = real(1) })
	wantSaid(t, w.ask(t), "equal, missing 0004 repaired, amount 0005 repaired")
	w.hold("0006", func(h *reconcile.Held) { h.Total = real(1) })
	wantSaid(t, w.ask(t), "equal, amount 0006 repaired, missing 0004 repaired, amount 0005 repaired")
}

// TestRowNamed: what is missing is named, repaired, and named as repaired from then on.
func TestRowNamed(t *testing.T) {
	w := newWorld()
	w.some(9)
	wantSaid(t, w.ask(t), "equal")
	delete(w.held, "0004")
	wantSaid(t, w.ask(t), "equal, missing 0004 repaired")
	wantSaid(t, w.kept[1].Statement, "different, missing 0004")
	if w.held["0004"].Total == nil || w.kept[1].Fetching != 1 || w.kept[1].Open != 1 {
		t.Errorf("%+v", w.kept[1])
	}
	wantSaid(t, w.ask(t), "equal, missing 0004 repaired")
}

// Whatever keeps the platform from being asked in full makes the day unknown, with the code, however equal the two look.
func TestUnknown(t *testing.T) {
	fails := func(call string, from int, err error) func(w *world) {
		return func(w *world) {
			w.fail = func(c string, n int) error {
				if c == call && n >= from {
					return err
				}
				return nil
			}
		}
	}
	dead := &hub.Error{Kind: hub.KindPermanent, Code: driver.CodeReconnect}
	stray := func(w *world) { w.listedAt["0001"] = noon.AddDate(0, 0, 3) }
	for name, c := range map[string]struct {
		make func(w *world)
		code hub.Code
	}{
		"away in the middle":      {fails("list", 2, &hub.Error{Kind: hub.KindUnavailable}), "unavailable"},
		"away in the second pass": {fails("list", 4, errIO), "internal"},
		"token dead":              {fails("list", 1, dead), driver.CodeReconnect},
		"outcome unknown":         {fails("list", 3, &hub.Error{Kind: hub.KindUnknown}), "unknown_outcome"},
		"throttled":               {fails("list", 3, &hub.Error{Kind: hub.KindThrottled}), "throttled"},
		"does not go on":          {func(w *world) { w.bend = func(p driver.Page) driver.Page { p.Next = "3"; return p } }, driver.CodeUnreadable},
		"without an end": {func(w *world) {
			n := 0
			w.bend = func(p driver.Page) driver.Page { n++; p.Next = fmt.Sprint(n%2 + 1); return p }
			w.service.Pages = 50
		}, reconcile.CodeUnsettled},
		"never the same": {func(w *world) {
			n := 0
			w.meanwhile = func() { n++; w.place(hub.ExternalID(fmt.Sprint("new", n)), noon.Add(-time.Hour), real(1), true) }
		}, reconcile.CodeUnsettled},
		"60 days, as all shops":       {func(w *world) { w.clock, w.limits.Back = noon.AddDate(0, 0, 60), 60*24*time.Hour }, reconcile.CodeTooOld},
		"60 days, as this shop":       {func(w *world) { w.clock, w.back = noon.AddDate(0, 0, 60), 60*24*time.Hour }, reconcile.CodeTooOld},
		"nobody knows how far":        {func(w *world) { w.clock, w.backErr = noon.AddDate(0, 0, 60), dead }, driver.CodeReconnect},
		"our clock is ahead":          {func(w *world) { w.ahead = later.Sub(day.To()) + time.Second }, reconcile.CodeTooYoung},
		"hardly begun":                {func(w *world) { w.clock = day.From().Add(9 * time.Minute) }, reconcile.CodeTooYoung},
		"cannot be asked":             {func(w *world) { w.noLister = true }, reconcile.CodeNotAsked},
		"not this shop":               {func(w *world) { w.shopErr = &hub.Error{Kind: hub.KindNotFound} }, reconcile.CodeNotAsked},
		"shown and not listed":        {stray, reconcile.CodeIncomplete},
		"shown? the platform is away": {func(w *world) { stray(w); fails("again", 1, errIO)(w) }, "internal"},
		"too many to ask for":         {func(w *world) { stray(w); w.service.MostFetched = 0 }, reconcile.CodeIncomplete},
		"beside the day, and away":    {func(w *world) { w.listedAt["0001"] = day.To(); fails("list", 6, errIO)(w) }, "internal"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.some(7)
			c.make(w)
			w.held["gone"] = reconcile.Held{External: "gone", PlacedAt: noon, Deleted: true}
			st, err := w.do(reconcile.Task{})
			if err != nil {
				t.Fatal(err)
			}
			wantSaid(t, st, "unknown, "+string(c.code))
			if st.Listed != nil || len(st.Compared) != 0 || st.Final() || st.Fetching != 0 {
				t.Errorf("%+v", st)
			}
			if st.From.Before(st.To) && (st.Held == nil || st.Held.Orders != len(w.held)-1) {
				t.Errorf("the hub holds %+v", st.Held)
			}
		})
	}
}

// What was found before the platform could not be asked is not forgotten: it stays open, and is named as repaired in the end.
func TestUnknownKeepsWhatWasFound(t *testing.T) {
	w := newWorld()
	w.some(3)
	delete(w.held, "0001")
	if _, err := w.do(reconcile.Task{}); err != nil { // finds, and fetches again
		t.Fatal(err)
	}
	w.noLister = true
	st, err := w.do(reconcile.Task{Round: 1})
	wantSaid(t, st, "unknown, platform_unasked, missing 0001")
	if err != nil || st.Open != 1 {
		t.Errorf("%d open, %v", st.Open, err)
	}
	w.noLister = false
	wantSaid(t, w.ask(t), "equal, missing 0001 repaired")
}

// An order that is listed on the neighbouring day is no difference of this one, and is counted there.
func TestListedBeside(t *testing.T) {
	w := newWorld()
	w.some(3)
	w.place("late", day.To().Add(-time.Second), real(1), true)
	w.listedAt["late"] = day.To().Add(time.Second)
	st := w.ask(t)
	wantSaid(t, st, "equal")
	if st.Listed.Orders != 3 || st.Held.Orders != 3 {
		t.Errorf("%+v %+v", st.Listed, st.Held)
	}
	w.clock = w.clock.AddDate(0, 0, 1)
	next, err := w.do(reconcile.Task{Day: "2026-11-21"})
	if err == nil {
		wantSaid(t, next, "equal")
	}
	if err != nil || next.Listed.Orders != 1 || next.Held.Orders != 1 {
		t.Errorf("%+v, %v", next, err)
	}
}

// Lists that repeat, leave out once, or shift while they are read end in what there is.
func TestPages(t *testing.T) {
	for name, c := range map[string]func(w *world){
		"repeat": func(w *world) {
			w.bend = func(p driver.Page) driver.Page {
				p.Orders = append(p.Orders, w.orders["0000"], w.orders["0001"])
				return p
			}
		},
		"skip once": func(w *world) {
			w.bend = func(p driver.Page) driver.Page {
				if w.calls["list"] == 2 {
					p.Orders = p.Orders[1:]
				}
				return p
			}
		},
		"skip once, of one page": func(w *world) {
			w.page = 100
			w.bend = func(p driver.Page) driver.Page {
				if w.calls["list"] == 1 {
					p.Orders = slices.DeleteFunc(p.Orders, func(o driver.Seen) bool { return o.ExternalID == "0006" })
				}
				return p
			}
		},
		"shift": func(w *world) {
			w.meanwhile = func() {
				if w.calls["list"] == 1 { // 0000 was read: the first of the second page moves to the first
					delete(w.orders, "0000")
					w.hold("0000", func(h *reconcile.Held) { h.Deleted = true })
				}
			}
		},
		"spans": func(w *world) {
			w.limits.Window = 5 * time.Hour
			for i, at := range []time.Duration{0, 5 * time.Hour, 10*time.Hour - 1, 24*time.Hour - 1} {
				w.place(hub.ExternalID(fmt.Sprint("edge", i)), day.From().Add(at), real(1), true)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.some(10)
			delete(w.held, "0003")
			delete(w.held, "0006")
			c(w)
			last := w.ask(t)
			wantSaid(t, w.kept[0].Statement, "different, missing 0003, missing 0006")
			wantSaid(t, last, "equal, missing 0003 repaired, missing 0006 repaired")
			if last.Listed.Orders != len(w.orders) {
				t.Errorf("%d listed, there are %d", last.Listed.Orders, len(w.orders))
			}
		})
	}
}

// Money is compared where the list tells all of it, and said to be unknown where it does not.
func TestMoneyUnknown(t *testing.T) {
	w := newWorld()
	w.some(3)
	w.place("x", noon, nil, true)
	w.hold("x", func(h *reconcile.Held) { h.Total = real(7) })
	st := w.ask(t)
	wantSaid(t, st, "equal")
	if fmt.Sprint(st.Compared) != "[orders cancelled]" || st.Listed.MoneyKnown || st.Listed.Money != nil || !st.Held.MoneyKnown || len(st.Held.Money) != 1 {
		t.Errorf("%+v %+v %v", st.Listed, st.Held, st.Compared)
	}
	w = newWorld()
	w.place("a", noon, real(1<<62), true)
	w.place("b", noon, real(1<<62), true)
	if st := w.ask(t); st.Listed.MoneyKnown || st.Held.MoneyKnown {
		t.Errorf("a sum that does not fit: %+v", st.Listed)
	}
}

// What a statement names is bounded, and what is beyond is counted. Many orders are read in pages.
func TestBounds(t *testing.T) {
	w := newWorld()
	w.page = 100
	w.some(1700)
	for i := range 1100 {
		delete(w.held, hub.ExternalID(fmt.Sprintf("%04d", i)))
	}
	w.applies = func(hub.ExternalID) bool { return false }
	w.service.MostFetched = 1050
	w.place("zzz", noon.Add(time.Hour), real(1), true) // behind the first page
	delete(w.orders, "zzz")
	st, err := w.do(reconcile.Task{})
	if err != nil || st.Open != 1101 || len(st.Differences) != reconcile.MaxDifferences || !st.Truncated || st.Fetching != 1050 ||
		st.Held.Orders != 601 || len(st.Unacked) != reconcile.MaxUnacknowledged || len(w.causes) != 1051 {
		t.Errorf("%d open, %d named, %d fetched, %d held, %v", st.Open, len(st.Differences), st.Fetching, st.Held.Orders, err)
	}
}

// While a day goes on the statement is about a part of it, and never final.
func TestPartOfADay(t *testing.T) {
	w := newWorld()
	w.clock = noon.Add(time.Hour)
	w.some(3)
	w.place("fresh", w.clock.Add(-9*time.Minute), real(1), false)
	st := w.ask(t)
	wantSaid(t, st, "equal")
	if st.WholeDay || st.Final() || !st.To.Equal(w.clock.Add(-10*time.Minute)) {
		t.Errorf("%+v", st)
	}
	w.clock = later
	wantSaid(t, w.ask(t), "equal, missing fresh repaired")
	if len(w.kept) != 3 || !w.kept[2].Final() {
		t.Errorf("%d statements", len(w.kept))
	}
}

// A final day is looked at again only when somebody asks.
func TestFinal(t *testing.T) {
	w := newWorld()
	w.some(1)
	w.ask(t)
	if _, err := w.do(reconcile.Task{}); err != nil || len(w.kept) != 1 {
		t.Errorf("%d statements, %v", len(w.kept), err)
	}
	w.ask(t)
	if len(w.kept) != 2 {
		t.Errorf("%d statements after asking", len(w.kept))
	}
	if _, err := w.service.Ask(t.Context(), name, "2026-11-22"); hub.CodeOf(err) != reconcile.CodeDayInFuture || hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("tomorrow: %v", err)
	}
	if after, err := w.service.Ask(t.Context(), name, day); after != 2 || err != nil {
		t.Errorf("after revision %d, %v", after, err)
	}
}

// Our own side's errors are no statement: the task is done again. A repair that fails leaves the next look.
func TestOwnErrors(t *testing.T) {
	for _, call := range []string{"latest", "placed", "held", "parked", "save", "later"} {
		w := newWorld()
		w.some(3)
		w.place("x", noon, real(1), true)
		w.hold("x", func(h *reconcile.Held) { h.PlacedAt = noon.AddDate(0, 0, -3) })
		w.place("y", noon, real(1), false)
		w.fail = func(c string, _ int) error {
			if c == call {
				return errIO
			}
			return nil
		}
		if _, err := w.do(reconcile.Task{}); err == nil || call != "later" && len(w.kept) != 0 {
			t.Errorf("%s fails: %v, %d statements", call, err, len(w.kept))
		}
	}
	for _, call := range []string{"again", "drained"} {
		w := newWorld()
		w.place("y", noon, real(1), false)
		w.fail = func(c string, _ int) error {
			if c == call {
				return errIO
			}
			return nil
		}
		_, err := w.do(reconcile.Task{})
		next := w.tasks[string(shop)+string(day)]
		if err != nil || next.Round != 1 || !next.DueAt.Equal(later.Add(time.Minute)) {
			t.Errorf("%s fails: %v, next %+v", call, err, next)
		}
	}
	w := newWorld()
	w.some(3)
	ctx, cancel := context.WithCancel(t.Context())
	w.fail = func(c string, _ int) error {
		if c == "list" {
			cancel()
			return ctx.Err()
		}
		return nil
	}
	if err := w.service.Do(ctx, reconcile.Task{Name: name, Day: day}); err == nil || len(w.kept) != 0 {
		t.Errorf("our time is over: %v, and says %v", err, w.kept)
	}
}

// A day that is not equal is looked at again, less and less often, for a week; what waits for people once a day, and what is too
// old never.
func TestPauses(t *testing.T) {
	for _, c := range []struct {
		age  time.Duration
		code hub.Code
		want time.Duration
	}{
		{30 * time.Minute, "away", 15 * time.Minute}, {3 * time.Hour, "away", time.Hour}, {40 * time.Hour, "away", 4 * time.Hour},
		{100 * time.Hour, "away", 12 * time.Hour}, {168*time.Hour + time.Second, "away", 0},
		{30 * time.Minute, driver.CodeReconnect, 24 * time.Hour}, {30 * time.Minute, reconcile.CodeNotAsked, 24 * time.Hour},
		{168*time.Hour + time.Second, driver.CodeReconnect, 0}, {30 * time.Minute, reconcile.CodeTooOld, 0},
	} {
		w := newWorld()
		w.clock = day.To().Add(c.age)
		w.fail = func(call string, _ int) error {
			if call != "list" {
				return nil
			}
			return &hub.Error{Kind: hub.KindPermanent, Code: c.code}
		}
		if _, err := w.do(reconcile.Task{}); err != nil {
			t.Fatal(err)
		}
		for range 200 * 4 {
			if task, some := w.sweep(t)[string(shop)+string(day)]; some {
				if waited := w.clock.Sub(day.To().Add(c.age)); waited != c.want || task.Round != 0 || task.Asked {
					t.Errorf("%v after its end, %s: after %v %+v", c.age, c.code, waited, task)
				}
				c.want = 0
				break
			}
			w.clock = w.clock.Add(reconcile.SweepEvery)
		}
		if c.want > 0 {
			t.Errorf("%v after its end, %s: never again", c.age, c.code)
		}
	}
}

// Days that nobody has looked at are planned, spread out and the same on all hubs; those that have a statement are not.
func TestSweep(t *testing.T) {
	w := newWorld()
	w.known = nil
	for i := range 300 {
		n := reconcile.Name{Tenant: "ten_a", Connection: hub.ConnectionID(fmt.Sprint("con_", i))}
		w.known = append(w.known, reconcile.Connected{Name: n, Since: noon.AddDate(0, 0, -30)})
	}
	w.known = append(w.known, reconcile.Connected{Name: reconcile.Name{Tenant: "ten_a", Connection: "con_new"}, Since: day.To()})
	w.clock = day.To().Add(reconcile.Defaults().Settle)
	plan := func() map[reconcile.Day]int {
		clear(w.tasks)
		if err := w.service.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		days := map[reconcile.Day]int{}
		for _, task := range w.tasks {
			days[task.Day]++
			if task.DueAt.Before(w.clock) || task.DueAt.After(w.clock.Add(reconcile.SweepEvery)) || task.Asked {
				t.Errorf("%+v", task)
			}
		}
		return days
	}
	days := plan()
	if days[day] < 10 || days[day] > 45 || days["2026-11-19"] != 300 || days["2026-11-14"] != 300 || len(days) != 7 {
		t.Errorf("at the end of the day: %v", days)
	}
	w.clock = w.clock.Add(3 * time.Hour)
	w.kept = append(w.kept, kept{Statement: reconcile.Statement{Connection: "con_7", Day: day, WholeDay: true, State: reconcile.Equal, MadeAt: w.clock}},
		kept{Statement: reconcile.Statement{Connection: "con_8", Day: day}})
	if days = plan(); days[day] != 299 {
		t.Errorf("three hours later: %v", days)
	}
	if w.tasks["con_7"+string(day)].Connection != "" || w.tasks["con_8"+string(day)].Connection == "" || w.tasks["con_new"+string(day)].Connection != "" {
		t.Error("planned for what has a statement, or for a shop from later; or not for one that has a part of the day")
	}
	w.fail = func(string, int) error { return errIO }
	if err := w.service.Sweep(t.Context()); err == nil {
		t.Error("nobody knows what was stated, and that is no error")
	}
}

// Tasks survive their way through the queue; what is none is refused.
func TestTasks(t *testing.T) {
	for _, task := range []reconcile.Task{{Name: name, Day: day}, {Name: name, Day: day, Round: 2}, {Name: name, Day: day, Asked: true}, {Name: name, Day: day, Round: 1, Turn: true}} {
		got, err := reconcile.ReadTask(name, hub.ExternalID(task.Day), task.Payload())
		if err != nil || got != task {
			t.Errorf("%+v came back as %+v, %v", task, got, err)
		}
	}
	for key, text := range map[hub.ExternalID]string{"": "", "2026-11-31": "", "2026-11-2": "", "2026-11-20": "x"} {
		if _, err := reconcile.ReadTask(name, key, []byte(text)); hub.KindOf(err) != hub.KindPermanent || err == nil {
			t.Errorf("%q %q: %v", key, text, err)
		}
	}
}
