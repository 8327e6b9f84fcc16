package connect

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/adapters/driver"
)

// due brings the clock to the next refresh.
func (w *town) due(id hub.ConnectionID) {
	s, _ := w.base.Get(w.Context(), id)
	w.clock.add(max(s.DueAt.Sub(w.clock.time()), 0) + time.Second)
}

func (w *town) look() {
	w.Helper()
	if err := w.hub("hub-1").Look(w.Context()); err != nil {
		w.Fatal(err)
	}
}

// A refresh is due ahead of the end and not all at once, keeps the former pair until the next one has worked, and is done once.
func TestRefresh(t *testing.T) {
	w := newTown(t, single)
	w.connected("con_1", "1")
	start := w.clock.time()
	s, first := w.stored("con_1")
	if ahead := start.Add(4 * time.Hour).Sub(s.DueAt); ahead < 30*time.Minute || ahead > 38*time.Minute {
		t.Errorf("due %v ahead", ahead)
	}
	w.look()
	if w.endpoint.asked != 0 {
		t.Error("asked before it was due")
	}
	w.due("con_1")
	w.look()
	w.look()
	s, second := w.stored("con_1")
	if w.endpoint.asked != 1 || second.Access == first.Access || s.Generation != 2 || len(s.Previous) == 0 || s.Standing != OK {
		t.Errorf("%d asked, %+v", w.endpoint.asked, s)
	}
	w.alive("con_1", "1")
	source := &Source{Refresher: w.hub("hub-1"), Notes: w.base}
	token, err := source.Token(t.Context(), "con_1")
	if err != nil || token != second.Access {
		t.Errorf("%q, %v", token, err)
	}
	for _, worked := range []string{first.Access, second.Access} {
		if err := source.Worked(t.Context(), "con_1", worked); err != nil {
			t.Fatal(err)
		}
		if s, _ := w.stored("con_1"); (len(s.Previous) == 0) != (worked == second.Access) {
			t.Errorf("after %s worked, the former pair is kept: %v", worked, len(s.Previous) > 0)
		}
	}
}

// Whatever a token endpoint answers: a connection is never lost where the platform gives an answer again, and never silently
// where it does not.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		fault    string
		rotation driver.Rotation
		stands   Standing
		code     hub.Code
		recovers bool
	}{
		{"dial", single, OK, CodeUnreachable, true}, {"before", single, OK, CodeUnknown, true}, {"throttle", single, OK, "throttled", true},
		{"client", single, OK, "client_refused", true},
		{"cut", single, OK, CodeUnknown, false}, {"520", single, OK, CodeUnknown, false}, {"half", single, OK, CodeUnknown, false},
		{"other", single, OK, CodeUnknown, false},
		{"dial", repeats, OK, CodeUnreachable, true}, {"cut", repeats, OK, CodeUnknown, true}, {"520", repeats, OK, CodeUnknown, true},
		{"half", repeats, OK, CodeUnknown, true}, {"other", repeats, OK, CodeUnknown, true},
	} {
		t.Run(fmt.Sprint(c.fault, c.rotation.SingleUse), func(t *testing.T) {
			w := newTown(t, c.rotation)
			w.connected("con_1", "1")
			w.due("con_1")
			w.endpoint.fault = c.fault
			w.look()
			s, _ := w.stored("con_1")
			if s.Standing != c.stands || s.Code != c.code || s.Attempts != 1 || s.Generation != 1 {
				t.Errorf("after it: %s %s, %d attempts", s.Standing, s.Code, s.Attempts)
			}
			if wait := s.DueAt.Sub(w.clock.time()); wait <= 0 || wait > time.Hour || c.fault == "throttle" && wait < 7*time.Second {
				t.Errorf("tried again after %v", wait)
			}
			w.due("con_1")
			w.look()
			s, _ = w.stored("con_1")
			if c.recovers {
				w.alive("con_1", "1")
				if s.Attempts != 0 || s.Code != "" {
					t.Errorf("after it recovered: %+v", s)
				}
				return
			}
			if s.Standing != ReconnectNeeded || s.Code != CodeLost || !s.DueAt.IsZero() {
				t.Errorf("in the end: %s %s", s.Standing, s.Code)
			}
			asked := w.endpoint.asked
			w.clock.add(time.Hour)
			w.look()
			if err := w.hub("hub-2").Renew(t.Context(), "con_1", s.Generation); hub.CodeOf(err) != driver.CodeReconnect || w.endpoint.asked != asked {
				t.Errorf("asked again: %v", err)
			}
		})
	}
}

// The machine dies with hub and keeper, between the platform's answer and the database: nothing can bring the pair back, and
// the connection says so, after the time in which a keeper might still have come.
func TestPowerCut(t *testing.T) {
	w := newTown(t, single)
	w.connected("con_1", "1")
	w.due("con_1")
	r := w.hub("hub-1")
	r.Keeper = keeper{w, &fuse{}, &fuse{left: 2}, ""} // dies with the answer in its hands
	r.Tokens = mortal{w.base, &fuse{left: 2}}
	if err := r.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.look()
	if s, _ := w.stored("con_1"); w.endpoint.asked != 1 || s.Standing == ReconnectNeeded || s.DueAt.Before(w.clock.time()) {
		t.Errorf("did not wait for the keeper: %+v", s)
	}
	w.due("con_1")
	w.look()
	if s, _ := w.stored("con_1"); s.Standing != ReconnectNeeded || s.Code != CodeLost || w.endpoint.spent != 1 {
		t.Errorf("%s %s, %d spent", s.Standing, s.Code, w.endpoint.spent)
	}
}

// A pair that comes after everybody gave up is taken.
func TestLateAnswer(t *testing.T) {
	w := newTown(t, single)
	w.connected("con_1", "1")
	w.due("con_1")
	w.life("hub-1", &fuse{}, "answer")
	w.clock.add(time.Hour)
	w.look()
	if s, _ := w.stored("con_1"); s.Standing != ReconnectNeeded || s.Code != CodeLost {
		t.Fatalf("%s %s", s.Standing, s.Code)
	}
	w.later[0]()
	w.look()
	w.alive("con_1", "1")
	// One that nobody waits for any more changes nothing.
	w.due("con_1")
	w.later = nil
	w.life("hub-1", &fuse{}, "answer")
	first := w.endpoint.mint("1")
	g, err := sealer{w.vault}.grant(t.Context(), Shop{ID: "con_1", Tenant: "ten_a"}, 0, "app_1", driver.Token{Account: "1", Access: first.Access, Refresh: first.Refresh}, single, w.clock.time(), w.jitter)
	if err == nil {
		err = w.base.Reconnect(t.Context(), Shop{ID: "con_1", Tenant: "ten_a", App: "app_1"}, g, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.later[0]()
	w.look()
	w.alive("con_1", "1")
}

// A keeper that had not begun when its lease went to another never sends.
func TestKeeperOfALostLease(t *testing.T) {
	w := newTown(t, single)
	w.connected("con_1", "1")
	w.due("con_1")
	w.life("hub-1", &fuse{left: 4}, "all") // dies after it began a keeper, which stands still
	w.life("hub-1", &fuse{}, "")
	w.alive("con_1", "1")
	w.later[0]()
	if w.endpoint.spent != 0 || w.endpoint.asked != 1 {
		t.Errorf("%d calls, %d with a spent token", w.endpoint.asked, w.endpoint.spent)
	}
}

// The pair that was stored last may be one that never counted: where the platform still takes the former, it is tried.
func TestFormerPair(t *testing.T) {
	w := newTown(t, repeats)
	w.connected("con_1", "1")
	w.due("con_1")
	w.look()
	a := w.endpoint.accounts["1"]
	a.refresh, a.access = "never", "seen" // the platform forgot what it gave last
	w.due("con_1")
	w.look()
	w.alive("con_1", "1")
	s, _ := w.stored("con_1")
	if err := w.base.Note(t.Context(), "con_1", s.Generation, Note{Worked: true}); err != nil {
		t.Fatal(err)
	}
	a.refresh, a.former = "never", ""
	w.due("con_1")
	w.look()
	if s, _ := w.stored("con_1"); s.Standing != ReconnectNeeded || s.Code != CodeRefused {
		t.Errorf("%s %s", s.Standing, s.Code)
	}
}

// Many callers in two hubs whose token was refused cause one refresh, and all get its token.
func TestRenewTogether(t *testing.T) {
	w := newTown(t, single)
	w.connected("con_1", "1")
	sources := []*Source{{Refresher: w.hub("hub-1"), Notes: w.base}, {Refresher: w.hub("hub-2"), Notes: w.base}}
	for round := range rounds(50, 2000) {
		refused := w.endpoint.accounts["1"].access
		got := make([]string, 16)
		var group sync.WaitGroup
		for i := range got {
			group.Go(func() {
				var err error
				if got[i], err = sources[i%2].Renew(t.Context(), "con_1", refused); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for _, token := range got {
			if token != w.endpoint.accounts["1"].access || token == refused {
				t.Fatalf("round %d: %q", round, token)
			}
		}
		if w.endpoint.asked != round+1 || w.endpoint.spent != 0 {
			t.Fatalf("round %d: %d refreshes, %d with a spent token", round, w.endpoint.asked, w.endpoint.spent)
		}
	}
}

// While the database is away the last token is handed out for ten minutes, since its shop may be somebody else's by now; while
// the vault is away an answer is kept.
func TestAway(t *testing.T) {
	w := newTown(t, single)
	w.connected("con_1", "1")
	r := w.hub("hub-1")
	source := &Source{Refresher: r, Notes: w.base}
	first, err := source.Token(t.Context(), "con_1")
	if err != nil {
		t.Fatal(err)
	}
	r.Tokens = away{r.Tokens}
	w.clock.add(9 * time.Minute)
	if token, err := source.Token(t.Context(), "con_1"); err != nil || token != first {
		t.Errorf("%q, %v", token, err)
	}
	w.clock.add(2 * time.Minute)
	if token, err := source.Token(t.Context(), "con_1"); hub.KindOf(err) != hub.KindUnavailable || token != "" {
		t.Errorf("after eleven minutes: %q, %v", token, err)
	}
	w.clock.add(4 * time.Hour)
	if token, err := source.Token(t.Context(), "con_1"); hub.KindOf(err) != hub.KindUnavailable || token != "" {
		t.Errorf("%q, %v", token, err)
	}
	w.life("hub-1", &fuse{left: 4}, "") // the answer is there, and the hub is not
	w.vault.away, w.vault.only = true, "connect_errands"
	w.look()
	if s, _ := w.base.Get(t.Context(), "con_1"); s.Standing != OK && s.Standing != Refreshing || s.Generation != 1 {
		t.Errorf("%+v", s)
	}
	w.vault.away = false
	w.due("con_1")
	w.look()
	w.alive("con_1", "1")
	if w.endpoint.asked != 1 {
		t.Errorf("asked %d times", w.endpoint.asked)
	}
}

// away is a control database that does not answer.
type away struct{ Tokens }

func (away) Get(context.Context, hub.ConnectionID) (Stored, error) {
	return Stored{}, &hub.Error{Kind: hub.KindUnavailable}
}

// stores gives a connection a pair of its own.
func (w *town) stores(id hub.ConnectionID, token driver.Token) {
	w.Helper()
	g, err := sealer{w.vault}.grant(w.Context(), Shop{ID: id, Tenant: "ten_a"}, 0, "app_1", token, w.script.rotation, w.clock.time(), w.jitter)
	if err == nil {
		err = w.base.Reconnect(w.Context(), Shop{ID: id, Tenant: "ten_a", App: "app_1"}, g, 0)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// What cannot be renewed is good as long as the platform takes it, and then says why it is over.
func TestHopeless(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*driver.Token, time.Time)
		taken  int // looks for which the platform takes the access token
		code   hub.Code
		asked  int
	}{
		"refused early":   {func(d *driver.Token, _ time.Time) { d.Refresh = "" }, 0, CodeRefused, 0},
		"over":            {func(d *driver.Token, _ time.Time) { d.Refresh = "" }, 1, CodeExpired, 0},
		"over, and later": {func(d *driver.Token, _ time.Time) { d.Refresh = "" }, 4, CodeExpired, 0},
		"grant over": {func(d *driver.Token, now time.Time) { d.Refresh, d.GrantUntil = "", now.Add(time.Hour) },
			0, CodeGrantEnded, 0},
		"grant over, asked":   {func(d *driver.Token, now time.Time) { d.GrantUntil = now.Add(time.Hour) }, 0, CodeGrantEnded, 1},
		"refresh token ended": {func(d *driver.Token, now time.Time) { d.RefreshUntil = now.Add(time.Second) }, 0, CodeExpired, 1},
	} {
		w := newTown(t, single)
		w.connected("con_1", "1")
		token := driver.Token{Account: "1", Access: "a", Refresh: "r", AccessUntil: w.clock.time().Add(4 * time.Hour)}
		c.change(&token, w.clock.time())
		w.stores("con_1", token)
		for look := range c.taken + 1 {
			if w.endpoint.accounts["1"].access = "a"; look == c.taken {
				w.endpoint.accounts["1"].access = "x"
			}
			w.due("con_1")
			w.look()
			if s, _ := w.stored("con_1"); look < c.taken && (s.Standing != OK || !s.DueAt.After(w.clock.time())) {
				t.Errorf("%s: while the platform takes the token: %s %s, due %v", name, s.Standing, s.Code, s.DueAt)
			}
		}
		if s, _ := w.stored("con_1"); s.Standing != ReconnectNeeded || s.Code != c.code || w.endpoint.asked != c.asked {
			t.Errorf("%s: %s %s, asked %d times", name, s.Standing, s.Code, w.endpoint.asked)
		}
		source := &Source{Refresher: w.hub("hub-1"), Notes: w.base}
		if token, err := source.Token(t.Context(), "con_1"); hub.CodeOf(err) != driver.CodeReconnect || token != "" {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}
}

// A clock that jumps a month ahead gives no connection up: the platform is asked, and what it says counts.
func TestClockJump(t *testing.T) {
	w := newTown(t, single)
	w.connected("con_1", "1")
	w.connected("con_2", "2")
	now := w.clock.time()
	first := w.endpoint.accounts["1"]
	w.stores("con_1", driver.Token{Account: "1", Access: first.access, Refresh: first.refresh, AccessUntil: now.Add(4 * time.Hour),
		RefreshUntil: now.Add(30 * 24 * time.Hour), GrantUntil: now.Add(30 * 24 * time.Hour)})
	w.stores("con_2", driver.Token{Account: "2", Access: w.endpoint.accounts["2"].access, AccessUntil: now.Add(4 * time.Hour)})
	w.clock.add(31 * 24 * time.Hour)
	w.look()
	w.alive("con_1", "1")
	if s, p := w.stored("con_2"); s.Standing != OK || p.Access != w.endpoint.accounts["2"].access || w.script.tried != 1 {
		t.Errorf("%s %s, its token was tried %d times", s.Standing, s.Code, w.script.tried)
	}
	// While the platform does not answer nothing is given up either.
	w.script.inspect = func() (driver.Shop, error) { return driver.Shop{}, &hub.Error{Kind: hub.KindUnavailable} }
	w.due("con_2")
	w.look()
	if s, _ := w.stored("con_2"); s.Standing != OK || s.Code != "unavailable" {
		t.Errorf("%s %s", s.Standing, s.Code)
	}
}

// One refresh whose answer does not come keeps nobody else waiting, and keeps one slot however often somebody looks.
func TestSlowRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, single)
		w.connected("con_1", "1")
		w.clock.add(time.Hour)
		w.connected("con_2", "2")
		w.due("con_1")
		r := w.hub("hub-1")
		stuck := make(chan struct{})
		r.Keeper = senderFunc(func(ctx context.Context, e Errand) error {
			if e.Connection == "con_1" {
				<-stuck
			}
			return r.Direct.Send(ctx, e)
		})
		slots := make(chan struct{}, atOnce)
		var group sync.WaitGroup
		look := func() {
			if err := r.begin(t.Context(), slots, &group); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		for range 2 * atOnce {
			look()
		}
		if len(slots) != 1 || w.generation("con_2") != 1 {
			t.Errorf("%d slots are taken by one refresh", len(slots))
		}
		w.clock.add(time.Hour)
		look()
		if w.generation("con_1") != 1 || w.generation("con_2") != 2 {
			t.Errorf("behind one that is stuck: generations %d and %d", w.generation("con_1"), w.generation("con_2"))
		}
		close(stuck)
		group.Wait()
		w.alive("con_2", "2")
	})
}

func (w *town) generation(id hub.ConnectionID) int64 {
	s, err := w.base.Get(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	return s.Generation
}

type senderFunc func(context.Context, Errand) error

func (f senderFunc) Send(ctx context.Context, e Errand) error { return f(ctx, e) }

// What a platform says ahead of a grant's end, and what a check found, is not lost when a refresh falls in between.
func TestNotesOverARefresh(t *testing.T) {
	w := newTown(t, single)
	s := w.service()
	w.connected("con_1", "1")
	end := w.clock.time().Add(6 * 24 * time.Hour).UTC()
	if err := s.Grants.Note(t.Context(), "con_1", 1, Note{GrantUntil: end}); err != nil {
		t.Fatal(err)
	}
	w.script.inspect = func() (driver.Shop, error) {
		w.due("con_1")
		w.look()
		return driver.Shop{Active: true, Name: "Loja"}, nil
	}
	if _, err := s.Check(t.Context(), "con_1"); err != nil {
		t.Fatal(err)
	}
	row, _ := w.stored("con_1")
	if row.Generation != 2 || row.Report == nil || !row.GrantUntil.Equal(end) || row.Previous == nil {
		t.Errorf("generation %d, report %s, grant until %v, former pair kept %v", row.Generation, row.Report, row.GrantUntil, row.Previous != nil)
	}
}

// Of many that are due a few are refreshed at once, each by itself; a look begins what it can and waits for nobody.
func TestManyDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, single)
		for i := range 20 {
			w.connected(hub.ConnectionID(fmt.Sprint("con_", i)), fmt.Sprint(i))
		}
		w.due("con_0")
		r := w.hub("hub-1")
		var under atomic.Int64
		gate := make(chan struct{})
		r.Keeper = senderFunc(func(ctx context.Context, e Errand) error {
			under.Add(1)
			<-gate
			return r.Direct.Send(ctx, e)
		})
		slots := make(chan struct{}, atOnce)
		var group sync.WaitGroup
		for range 3 {
			if err := r.begin(t.Context(), slots, &group); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n := under.Load(); n != atOnce {
				t.Errorf("%d are under way, want %d", n, atOnce)
			}
		}
		close(gate)
		group.Wait()
		for range 3 {
			if err := r.begin(t.Context(), slots, &group); err != nil {
				t.Fatal(err)
			}
			group.Wait()
		}
		for i := range 20 {
			w.alive(hub.ConnectionID(fmt.Sprint("con_", i)), fmt.Sprint(i))
		}
		if under.Load() != 20 || w.endpoint.asked != 20 {
			t.Errorf("%d refreshes, %d calls", under.Load(), w.endpoint.asked)
		}
	})
}
