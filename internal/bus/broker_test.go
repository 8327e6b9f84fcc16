package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hub"
	"hub/internal/relay"
	"hub/internal/relay/relaytest"
)

func TestRelaySuite(t *testing.T) {
	onBoth(t, func(r *rig) {
		relaytest.RunBroker(r.T, func(t *testing.T) (relay.Broker, relaytest.BrokerFaults) {
			return r.bus, relaytest.BrokerFaults{
				Window: r.config.Window,
				Empty: func() {
					if s, err := r.bus.js.Stream(t.Context(), StreamOrders); err != nil || s.Purge(t.Context()) != nil {
						t.Fatal("not emptied")
					}
				},
				Delete: func() {
					if err := r.bus.js.DeleteStream(t.Context(), StreamOrders); err != nil {
						t.Fatal(err)
					}
				},
			}
		})
	})
}

// Several publishers tell the same lines at once, each from where it believes the line to be, as hubs do that lost their
// leadership. Each line ends up whole, once and in order.
func TestConcurrentPublishers(t *testing.T) {
	onBoth(t, func(r *rig) {
		t := r.T
		const publishers, lines, each = 4, 4, 250
		var mu sync.Mutex
		refusals := 0
		var group sync.WaitGroup
		for p := range publishers {
			group.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(p)))
				refused := 0
				for done := 0; done < lines; {
					done = 0
					var runs []relay.Run
					for n := range lines {
						m, err := r.bus.Last(r.Context(), line(n))
						if err != nil {
							t.Error(err)
							return
						}
						if m.Sequence == each {
							done++
							continue
						}
						to := min(m.Sequence+1+random.Int64N(60), each)
						runs = append(runs, relay.Run{Line: line(n), After: m.Position, Changes: changes(line(n), m.Sequence+1, to)})
					}
					for _, told := range r.bus.Publish(r.Context(), runs) {
						switch {
						case hub.CodeOf(told.Err) == relay.CodeOutOfStep:
							refused++
						case told.Err != nil && hub.KindOf(told.Err) != hub.KindUnavailable:
							t.Error(told.Err)
							return
						}
					}
				}
				mu.Lock()
				defer mu.Unlock()
				refusals += refused
			})
		}
		group.Wait()
		want := map[relay.Line]int64{}
		for n := range lines {
			want[line(n)] = each
		}
		t.Logf("%d publishers, %d lines, %d events in order, %d zombies refused", publishers, lines, r.inOrder(want), refusals)
		if refusals == 0 {
			t.Error("nobody was refused, so nothing was tried")
		}
	})
}

// One call with more than a batch, with long and short runs and two runs of one line.
func TestManyBatches(t *testing.T) {
	onBoth(t, func(r *rig) {
		t := r.T
		big := changes(line(2), 1, 6)
		for i := range big { // more than a batch may have
			big[i].Doc = fmt.Appendf(nil, `{"platform":"shopee","pad":%q,"id":%q,"tenant_id":%q,"revision":1}`,
				bytes.Repeat([]byte("x"), 800<<10), big[i].OrderID, big[i].Tenant)
		}
		big[5].Doc = append(big[5].Doc, bytes.Repeat([]byte(" "), 300<<10)...) // too large: thin
		runs := []relay.Run{
			{Line: line(0), Changes: changes(line(0), 1, 2500)},
			{Line: line(1), Changes: changes(line(1), 1, 1)},
			{Line: line(2), Changes: big},
			{Line: line(1), Changes: changes(line(1), 2, 3)}, // does not know of the one before it
			{Line: line(3)},
		}
		told := r.bus.Publish(t.Context(), runs)
		for i, x := range told {
			if i != 3 && (x.Err != nil || x.Count != len(runs[i].Changes)) {
				t.Errorf("run %d: %+v", i, x)
			}
		}
		if x := told[3]; x.Count != 0 || hub.CodeOf(x.Err) != relay.CodeOutOfStep {
			t.Errorf("the second run of a line: %+v", x)
		}
		for i := range 3 {
			m, err := r.bus.Last(t.Context(), line(i))
			if age := time.Since(m.At); age < 0 || age > time.Hour {
				t.Errorf("line %d was told at %s", i, m.At)
			}
			m.At = time.Time{}
			if last := runs[i].Changes[len(runs[i].Changes)-1]; err != nil || m != (relay.Message{Position: told[i].Position, Sequence: last.Sequence, Change: last.ID}) {
				t.Errorf("line %d: %+v, %v; told %+v", i, m, err, told[i])
			}
		}
		t.Logf("%d events", r.inOrder(map[relay.Line]int64{line(0): 2500, line(1): 1, line(2): 6}))
	})
}

// A change that is there already is not appended again, and counts as told.
func TestDuplicates(t *testing.T) {
	onBoth(t, func(r *rig) {
		t := r.T
		l, list := line(0), changes(line(0), 1, 9)
		first := r.told(l, 0, list[:3]...)
		for name, after := range map[string]uint64{"after none": 0, "after the last": first, "after nonsense": 77} {
			if x := r.bus.Publish(t.Context(), []relay.Run{{Line: l, After: after, Changes: list[:3]}})[0]; x.Err != nil || x.Count != 3 || x.Position != first {
				t.Errorf("the same again %s: %+v", name, x)
			}
		}
		// Three of six are there: with the right position the rest goes in, with the wrong one it is refused.
		x := r.bus.Publish(t.Context(), []relay.Run{{Line: l, After: 0, Changes: list[:6]}, {Line: line(1), Changes: changes(line(1), 1, 2)}})
		if hub.CodeOf(x[0].Err) != relay.CodeOutOfStep || x[0].Count != 3 || x[0].Position != first || x[1].Err != nil || x[1].Count != 2 {
			t.Errorf("half of it again: %+v", x)
		}
		at := r.told(l, first, list[:9]...)
		// A run that is out of step, behind one that is not, in the same batch.
		x = r.bus.Publish(t.Context(), []relay.Run{{Line: line(2), Changes: changes(line(2), 1, 2)}, {Line: l, After: first, Changes: changes(l, 20, 21)}})
		if x[0].Err != nil || x[0].Count != 2 || hub.CodeOf(x[1].Err) != relay.CodeOutOfStep || x[1].Count != 0 {
			t.Errorf("one in step and one out of it: %+v", x)
		}
		// The same identifier twice in a run is a fault of the run: the second one is refused, for ever.
		twice := changes(l, 10, 12)
		twice[2].ID = twice[1].ID
		if x := r.bus.Publish(t.Context(), []relay.Run{{Line: l, After: at, Changes: twice}})[0]; x.Count != 2 || hub.CodeOf(x.Err) != CodeRefused {
			t.Errorf("an identifier twice: %+v", x)
		}
		r.inOrder(map[relay.Line]int64{l: 11, line(1): 2, line(2): 2})
	})
}

// A message that the broker refuses holds its own line at its own place, and nobody else. The limit is set by hand, as
// an operator might.
func TestPoisonIsAlone(t *testing.T) {
	onBoth(t, func(r *rig) {
		t := r.T
		s, err := r.bus.js.Stream(t.Context(), StreamOrders)
		if err != nil {
			t.Fatal(err)
		}
		config := s.CachedInfo().Config
		config.MaxMsgSize = 4096
		if _, err := r.bus.js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		var runs []relay.Run
		want := map[relay.Line]int64{}
		for n := range 20 {
			runs = append(runs, relay.Run{Line: line(n), Changes: changes(line(n), 1, 10)})
			want[line(n)] = 10
		}
		for n, at := range map[int]int{3: 0, 7: 4, 11: 9} {
			runs[n].Changes[at].Doc = fmt.Appendf(nil, `{"platform":"shopify","pad":%q}`, bytes.Repeat([]byte("x"), 5000))
			want[line(n)] = int64(at)
		}
		for n, edit := range map[int]func(*hub.Change){
			14: func(c *hub.Change) { c.Type = "order" }, 15: func(c *hub.Change) { c.Tenant = "ten_other" },
		} {
			edit(&runs[n].Changes[5])
			want[line(n)] = 5
		}
		for i, x := range r.bus.Publish(t.Context(), runs) {
			if int64(x.Count) != want[line(i)] || (x.Err != nil) != (x.Count < 10) || x.Err != nil && hub.KindOf(x.Err) != hub.KindPermanent {
				t.Errorf("run %d: %+v", i, x)
			}
			if m, err := r.bus.Last(t.Context(), line(i)); err != nil || m.Position != x.Position {
				t.Errorf("run %d: %+v, %v; told %+v", i, m, err, x)
			}
		}
		r.inOrder(want)
		t.Logf("%d lines, 5 with poison", len(runs))
	})
}

// A stream that somebody changed is corrected; what it holds stays.
func TestStreamIsCorrected(t *testing.T) {
	onBoth(t, func(r *rig) {
		t := r.T
		at := r.told(line(0), 0, changes(line(0), 1, 2)...)
		s, err := r.bus.js.Stream(t.Context(), StreamOrders)
		if err != nil {
			t.Fatal(err)
		}
		config := s.CachedInfo().Config
		config.AllowAtomicPublish, config.MaxAge, config.Description = false, 0, "of the operator"
		if _, err := r.bus.js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		r.told(line(0), at, changes(line(0), 3, 4)...) // atomic publishing is off, so this heals
		if s, err = r.bus.js.Stream(t.Context(), StreamOrders); err != nil {
			t.Fatal(err)
		}
		if c := s.CachedInfo().Config; !c.AllowAtomicPublish || c.MaxAge != time.Hour || c.Description != "of the operator" || c.Replicas != 1 ||
			c.Duplicates != duplicateWindow || c.Retention != jetstream.LimitsPolicy || c.Storage != jetstream.FileStorage || c.AllowDirect {
			t.Errorf("%+v", c)
		}
		r.inOrder(map[relay.Line]int64{line(0): 4})
	})
}

// The store is put back to what it was: the mark says so, and the lines can be told again from there.
func TestRolledBackStore(t *testing.T) {
	onBoth(t, func(r *rig) {
		t := r.T
		l, list := line(0), changes(line(0), 1, 9)
		created, err := r.bus.Created(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		mark := func(p uint64, c hub.Change) relay.Mark {
			return relay.Mark{Created: created, Position: p, Change: c.ID, At: r.config.Clock()}
		}
		holds := func(what string, m relay.Mark, want bool) {
			t.Helper()
			if got, err := r.bus.Holds(t.Context(), m); got != want || err != nil {
				t.Errorf("%s: %v, %v", what, got, err)
			}
		}
		old := r.told(l, 0, list[:3]...)
		kept := t.TempDir() + "/copy"
		r.offline(func(store string) { copyFolder(t, store, kept) })
		holds("after a restart", mark(old, list[2]), true)
		last := r.told(l, old, list[3:6]...)
		r.offline(func(store string) { copyFolder(t, kept, store) })
		holds("the mark of what came after the copy", mark(last, list[5]), false)
		holds("the mark of before the copy", mark(old, list[2]), true)
		if x := r.bus.Publish(t.Context(), []relay.Run{{Line: l, After: last, Changes: list[6:]}})[0]; hub.CodeOf(x.Err) != relay.CodeOutOfStep {
			t.Errorf("after what is gone: %+v", x)
		}
		if m, err := r.bus.Last(t.Context(), l); err != nil || m.Position != old || m.Sequence != 3 {
			t.Errorf("%+v, %v", m, err)
		}
		r.told(line(1), 0, changes(line(1), 1, 3)...) // the positions that were lost are taken by others
		holds("where another change is", mark(last, list[5]), false)
		r.told(l, old, list[3:]...)
		r.inOrder(map[relay.Line]int64{l: 9, line(1): 3})
	})
}

// What aged out was no loss; the line goes on after nothing.
func TestExpiry(t *testing.T) {
	onBothWith(t, func(c *Config) { c.Window = 500 * time.Millisecond }, func(r *rig) {
		t := r.T
		l, list := line(0), changes(line(0), 1, 4)
		created, err := r.bus.Created(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		at := r.config.Clock()
		position := r.told(l, 0, list[:2]...)
		r.eventually("the events are gone", func() bool {
			m, err := r.bus.Last(t.Context(), l)
			return err == nil && m == relay.Message{}
		})
		if ok, err := r.bus.Holds(t.Context(), relay.Mark{Created: created, Position: position, Change: list[1].ID, At: at}); !ok || err != nil {
			t.Errorf("an event that aged out: %v, %v", ok, err)
		}
		young := relay.Mark{Created: created, Position: position, Change: list[1].ID, At: at.Add(time.Hour)}
		if ok, err := r.bus.Holds(t.Context(), young); ok || err != nil {
			t.Errorf("an event that went too early: %v, %v", ok, err)
		}
		r.told(l, 0, list[2:]...)
	})
}

// The server is killed again and again while events are told. What is unknown is asked for, and in the end every line is
// whole, once and in order.
func TestDrillKilledServer(t *testing.T) {
	kills, lines, each := 4, 4, int64(1000)
	if drill() {
		kills, each = 50, 20000
	}
	onExternal(t, func(*Config) {}, func(r *rig) {
		t := r.T
		unknown, away, published := 0, 0, 0
		progress := make(chan struct{}, 1)
		done := make(chan struct{})
		go func() {
			defer close(done)
			places := make([]relay.Message, lines)
			sure := make([]bool, lines)
			for finished := 0; finished < lines; {
				finished = 0
				var runs []relay.Run
				var of []int
				for n := range lines {
					if !sure[n] {
						m, err := r.bus.Last(t.Context(), line(n))
						if err != nil {
							pause(t.Context(), 20*time.Millisecond)
							continue
						}
						if m.Sequence < places[n].Sequence {
							t.Errorf("line %d was told up to %d and has %d", n, places[n].Sequence, m.Sequence)
							return
						}
						places[n], sure[n] = m, true
					}
					if places[n].Sequence == each {
						finished++
						continue
					}
					to := min(places[n].Sequence+50, each)
					runs = append(runs, relay.Run{Line: line(n), After: places[n].Position, Changes: changes(line(n), places[n].Sequence+1, to)})
					of = append(of, n)
				}
				for i, x := range r.bus.Publish(t.Context(), runs) {
					n := of[i]
					places[n].Sequence, places[n].Position = places[n].Sequence+int64(x.Count), x.Position
					switch hub.KindOf(x.Err) {
					case hub.KindUnknown:
						unknown, sure[n] = unknown+1, false
					case hub.KindUnavailable, hub.KindConflict:
						away, sure[n] = away+1, false
					}
					if x.Err == nil {
						published += x.Count
						select {
						case progress <- struct{}{}:
						default:
						}
					}
				}
			}
		}()
		random := rand.New(rand.NewPCG(7, 7))
		killed := 0
		for ; killed < kills; killed++ {
			select {
			case <-progress:
			case <-done:
			}
			pause(t.Context(), time.Duration(random.Int64N(int64(30*time.Millisecond))))
			r.process.Kill()
			r.process.Restart(t)
		}
		<-done
		r.ready()
		want := map[relay.Line]int64{}
		for n := range lines {
			want[line(n)] = each
		}
		t.Logf("%d kills, %d runs of unknown outcome, %d known not to be there, %d events in order", killed, unknown, away, r.inOrder(want))
	})
}

// A paused server ends in an unknown outcome, never in a wrong one.
func TestPausedServer(t *testing.T) {
	onExternal(t, func(*Config) {}, func(r *rig) {
		t := r.T
		l, list := line(0), changes(line(0), 1, 6)
		at := r.told(l, 0, list[:2]...)
		r.process.Pause(t)
		short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		x := r.bus.Publish(short, []relay.Run{{Line: l, After: at, Changes: list[2:4]}})[0]
		if hub.KindOf(x.Err) != hub.KindUnknown {
			t.Errorf("%+v", x)
		}
		r.process.Resume(t)
		r.eventually("all is told", func() bool { // what the pause held up may go in between our look and our publication
			m, err := r.bus.Last(t.Context(), l)
			return err == nil && (m.Sequence == 6 ||
				r.bus.Publish(t.Context(), []relay.Run{{Line: l, After: m.Position, Changes: list[m.Sequence:]}})[0].Err == nil)
		})
		r.inOrder(map[relay.Line]int64{l: 6})
	})
}

// A paused server takes nothing out of the connection. Who tells more than fits into it waits for a time, not for the server.
func TestPausedServerHoldsNobody(t *testing.T) {
	onExternal(t, func(*Config) {}, func(r *rig) {
		t := r.T
		r.told(line(0), 0, changes(line(0), 1, 1)...)
		r.process.Pause(t)
		defer r.process.Resume(t)
		const publishers, documents = 8, 25 // of 100 KB: 20 MB, more than the buffers of both sides
		ended := make(chan relay.Told, publishers)
		for n := range publishers {
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				ended <- r.bus.Publish(ctx, []relay.Run{{Line: line(n + 1), Changes: big(line(n+1), 1, documents)}})[0]
			}()
		}
		begin, deadline := time.Now(), time.NewTimer(10*dialTimeout)
		defer deadline.Stop()
		for n := range publishers {
			select {
			case x := <-ended:
				if kind := hub.KindOf(x.Err); x.Count > 0 || kind != hub.KindUnknown && kind != hub.KindUnavailable {
					t.Errorf("%+v", x)
				}
			case <-deadline.C:
				t.Fatalf("%d of %d publishers still wait for a paused server", publishers-n, publishers)
			}
		}
		t.Logf("%d publishers gave up after %v at most", publishers, time.Since(begin).Round(time.Millisecond))
	})
}

// Errors that the broker answers with, and what they mean.
func TestOutcomes(t *testing.T) {
	api := func(code int, number jetstream.ErrorCode) error {
		return &jetstream.APIError{Code: code, ErrorCode: number}
	}
	for _, x := range []struct {
		err     error
		refused bool
		kind    hub.Kind
	}{
		{api(400, 10054), true, hub.KindUnavailable},
		{api(503, 10023), false, hub.KindUnavailable},
		{api(429, 10210), false, hub.KindUnavailable},
		{api(409, errDuplicateMeets), false, hub.KindUnavailable},
		{api(400, errLimits), false, hub.KindUnavailable}, // full: the next message fares no better
		{api(400, errSealed), false, hub.KindUnavailable},
		{api(400, errIncomplete), true, hub.KindUnavailable}, // unless it is of one message
		{nats.ErrNoResponders, false, hub.KindUnavailable},
		{nats.ErrReconnectBufExceeded, false, hub.KindUnavailable},
		{nats.ErrTimeout, false, hub.KindUnknown},
		{context.Canceled, false, hub.KindUnknown},
		{errors.New("anything else"), false, hub.KindUnknown},
	} {
		if refused(x.err) != x.refused || hub.KindOf(outcome(x.err)) != x.kind {
			t.Errorf("%v: refused %v, %v", x.err, refused(x.err), hub.KindOf(outcome(x.err)))
		}
	}
}

// The server that is asked for is the one of the embedded hub: synced, and it listens nowhere.
func TestEmbeddedSettings(t *testing.T) {
	config, _ := newConfig()
	config.Dir = t.TempDir()
	b, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	js, err := b.server.Jsz(nil)
	if err != nil || !js.Config.SyncAlways || !strings.HasPrefix(js.Config.StoreDir, config.Dir) || js.Config.MaxStore != noBound {
		t.Errorf("%+v, %v", js, err)
	}
	if a := b.server.Addr(); a != nil {
		t.Errorf("it listens on %v", a)
	}
}

// TestPositionsNeverComeBack: what somebody expects of a stream that is gone fits nowhere in the one after it.
func TestPositionsNeverComeBack(t *testing.T) {
	config, _ := newConfig()
	config.Dir = t.TempDir()
	b, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	tell := func(after uint64, first, last int64) relay.Told {
		return b.Publish(t.Context(), []relay.Run{{Line: line(1), After: after, Changes: changes(line(1), first, last)}})[0]
	}
	old := tell(0, 1, 40)
	if old.Err != nil {
		t.Fatal(old.Err)
	}
	if err := b.js.DeleteStream(t.Context(), StreamOrders); err != nil {
		t.Fatal(err)
	}
	anew := tell(0, 1, 2)
	if anew.Err != nil || anew.Position <= old.Position {
		t.Errorf("the new stream begins at %d, the old one ended at %d: %v", anew.Position, old.Position, anew.Err)
	}
	if zombie := tell(old.Position, 41, 41); hub.CodeOf(zombie.Err) != relay.CodeOutOfStep {
		t.Errorf("somebody who expects the old stream is told %v", zombie.Err)
	}
}
