package connect

import (
	"context"
	"fmt"
	"sync"
	"testing"
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
	g, err := sealer{w.vault}.grant(t.Context(), "ten_a", "con_1", driver.Token{Account: "1", Access: first.Access, Refresh: first.Refresh}, single, w.clock.time(), w.jitter)
	if err == nil {
		err = w.base.Reconnect(t.Context(), "con_1", "ten_a", g)
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

// While the database is away the last token is handed out until it ends; while the vault is away an answer is kept.
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
	w.clock.add(time.Hour)
	if token, err := source.Token(t.Context(), "con_1"); err != nil || token != first {
		t.Errorf("%q, %v", token, err)
	}
	w.clock.add(3 * time.Hour)
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

// What cannot be renewed is good until its end, and then says why.
func TestHopeless(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*driver.Token, time.Time)
		code   hub.Code
	}{
		"no refresh token": {func(d *driver.Token, _ time.Time) { d.Refresh = "" }, CodeExpired},
		"grant over":       {func(d *driver.Token, now time.Time) { d.GrantUntil = now.Add(time.Hour) }, CodeGrantEnded},
	} {
		w := newTown(t, single)
		w.connected("con_1", "1")
		token := driver.Token{Account: "1", Access: "a", Refresh: "r", AccessUntil: w.clock.time().Add(4 * time.Hour)}
		c.change(&token, w.clock.time())
		g, err := sealer{w.vault}.grant(t.Context(), "ten_a", "con_1", token, single, w.clock.time(), w.jitter)
		if err == nil {
			err = w.base.Reconnect(t.Context(), "con_1", "ten_a", g)
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			w.due("con_1")
			w.look()
		}
		if s, _ := w.stored("con_1"); s.Standing != ReconnectNeeded || s.Code != c.code || w.endpoint.asked != 0 {
			t.Errorf("%s: %s %s, asked %d times", name, s.Standing, s.Code, w.endpoint.asked)
		}
		source := &Source{Refresher: w.hub("hub-1"), Notes: w.base}
		if token, err := source.Token(t.Context(), "con_1"); hub.CodeOf(err) != driver.CodeReconnect || token != "" {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}
}
