package relay_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"hub"
	"hub/internal/relay"
	"hub/internal/relay/relaytest"
)

func TestTells(t *testing.T) {
	inBubble(t, 30, func(b *bench) {
		for i, l := range b.lines {
			b.commit(l, 100*(1+i%3))
		}
		r := b.start("ins_1")
		b.eventually("what was there", 2*time.Second, func() bool { return b.count() == 6000 })
		b.commit(b.lines[3], 2)
		asked := time.Now()
		r.Wake([]hub.TenantID{b.lines[3].Tenant})
		b.eventually("a wake", 60*time.Millisecond, func() bool { return b.count() == 6002 })
		b.Logf("told %v after a wake", time.Since(asked))
		fresh := relaytest.NewLine()
		b.commit(fresh, 1)
		r.Wake([]hub.TenantID{fresh.Tenant})
		b.eventually("a wake of a tenant that was never heard of", 60*time.Millisecond, func() bool { return b.count() == 6003 })
		b.commit(b.lines[5], 1)
		b.eventually("no wake", 200*time.Millisecond, func() bool { return b.count() == 6004 })
		wait(2 * time.Second)
		b.toldAll("at last")
		s := r.Status()
		if !s.Leading || s.Behind != 0 || !s.Oldest.IsZero() || s.Held != nil || s.Trouble != "" || s.Told != 6004 || s.Rewinds != 0 {
			b.Errorf("status %+v", s)
		}
		if n := len(b.broker.Entries()); n != 6004 {
			b.Errorf("%d messages were told, 6004 changes are there", n)
		}
	})
}

// A stop tells what is committed, stores how far it came, and lets the next begin at once where it ended.
func TestStop(t *testing.T) {
	inBubble(t, 5, func(b *bench) {
		r := b.start("ins_1", func(r *relay.Relay) { r.Alone = true })
		wait(5 * time.Second)
		for _, l := range b.lines {
			b.commit(l, 2000)
		}
		if err := r.Settle(b.Context()); err != nil {
			b.Error(err)
		}
		b.toldAll("settled")
		r.stop()
		for _, p := range b.outbox.Places() {
			if p.Told != 2000 || p.Position == 0 {
				b.Errorf("stored place %+v", p)
			}
		}
		if s := r.Status(); s.Leading {
			b.Errorf("status after the stop %+v", s)
		}
		if err := r.Settle(b.Context()); err != nil {
			b.Errorf("settling without leading: %v", err)
		}
		calls := 0
		b.broker.Fault = func(call string) relaytest.Fault {
			if call == "last" {
				calls++
			}
			return relaytest.Works
		}
		b.commit(b.lines[0], 1)
		b.start("ins_2")
		b.eventually("the next hub", 300*time.Millisecond, func() bool { return b.count() == 10001 })
		if calls > 0 {
			b.Errorf("the next hub asked %d times where it is", calls)
		}
	})
}

// A refused line is tried again now and then and holds back nobody else, however often its tenant calls.
func TestPoison(t *testing.T) {
	inBubble(t, 20, func(b *bench) {
		bad := b.lines[7]
		poisoned := true
		tries := 0
		b.broker.Refuse = func(c hub.Change) hub.Code {
			if poisoned && c.Tenant == bad.Tenant && c.Sequence >= 6 {
				tries++
				return "poison"
			}
			return ""
		}
		r := b.start("ins_1")
		for round := range 50 {
			var tenants []hub.TenantID
			for _, l := range b.lines {
				b.commit(l, 3)
				tenants = append(tenants, l.Tenant)
			}
			r.Wake(tenants)
			wait(100 * time.Millisecond)
			if round < 2 {
				continue
			}
			if got, want := b.count(), 19*3*(round+1)+5; got != want {
				b.Fatalf("round %d: the stream has %d messages, want %d", round, got, want)
			}
		}
		wait(200 * time.Millisecond) // the next look at the feed
		s := r.Status()
		if len(s.Held) != 1 || s.Held[0].Line != bad || s.Held[0].Code != "poison" || s.Behind != 145 || s.Trouble != "" {
			b.Errorf("status %+v", s)
		}
		if age := time.Since(s.Oldest); age < 4*time.Second || age > 5200*time.Millisecond {
			b.Errorf("the oldest change not told is %v old", age)
		}
		if tries < 3 || tries > 8 {
			b.Errorf("%d tries in 5 seconds", tries)
		}
		poisoned = false
		b.eventually("the cure", 90*time.Second, func() bool { return b.count() == 3000 })
		wait(time.Second)
		b.toldAll("cured")
		if s := r.Status(); s.Held != nil || s.Behind != 0 {
			b.Errorf("status %+v", s)
		}
		b.Logf("%d tries of the poisoned line; 19 others told 57 changes every 100 ms", tries)
	})
}

// A tenant with very much to tell waits for itself.
func TestFair(t *testing.T) {
	inBubble(t, 40, func(b *bench) {
		var published atomic.Int64
		observe := func() func() { published.Add(1); wait(20 * time.Millisecond); return func() {} }
		r := b.start("ins_1", func(r *relay.Relay) { r.Observe, r.Limits.Lines = observe, 1 })
		wait(time.Second)
		b.commit(b.lines[0], 50_000)
		r.Wake([]hub.TenantID{b.lines[0].Tenant})
		wait(100 * time.Millisecond)
		if b.count() < 1000 {
			b.Fatalf("only %d", b.count())
		}
		var tenants []hub.TenantID
		for _, l := range b.lines[1:] {
			b.commit(l, 1)
			tenants = append(tenants, l.Tenant)
		}
		before := published.Load()
		r.Wake(tenants)
		others := func() (n int) {
			for _, e := range b.broker.Live() {
				if e.Line != b.lines[0] {
					n++
				}
			}
			return n
		}
		b.eventually("the others", 2*time.Second, func() bool { return others() == 39 })
		n := published.Load() - before
		if n > 45 {
			b.Errorf("the others were told after %d publications", n)
		}
		b.eventually("the large one", time.Minute, func() bool { return b.count() == 50_039 })
		b.toldAll("at last")
		b.Logf("39 tenants overtook one with 50,000 changes within %d publications; %d in all", n, published.Load())
	})
}

// A broker that is away is named, and the telling goes on by itself.
func TestBrokerAway(t *testing.T) {
	inBubble(t, 3, func(b *bench) {
		var away atomic.Bool
		away.Store(true)
		b.broker.Fault = func(string) relaytest.Fault {
			if away.Load() {
				return relaytest.Before
			}
			return relaytest.Works
		}
		r := b.start("ins_1", func(r *relay.Relay) { r.Alone = true })
		b.commit(b.lines[0], 10)
		wait(time.Minute)
		if s := r.Status(); !s.Leading || s.Trouble == "" || s.Behind != 10 || time.Since(s.Oldest) < 50*time.Second {
			b.Errorf("status %+v", s)
		}
		if err := r.Settle(b.Context()); err == nil {
			b.Error("settled without a broker")
		}
		away.Store(false)
		b.eventually("back", 6*time.Second, func() bool { return b.count() == 10 })
		wait(time.Second)
		if s := r.Status(); s.Trouble != "" || s.Behind != 0 {
			b.Errorf("status %+v", s)
		}
		away.Store(true)
		b.commit(b.lines[1], 10)
		wait(10 * time.Second)
		if s := r.Status(); s.Trouble == "" || s.Behind != 10 || s.Held != nil {
			b.Errorf("status %+v", s)
		}
		away.Store(false)
		b.eventually("back again", 6*time.Second, func() bool { return b.count() == 20 })
	})
}

// A hub that does not reach the broker lets another tell.
func TestGivesUp(t *testing.T) {
	inBubble(t, 3, func(b *bench) {
		first := b.start("ins_1", func(r *relay.Relay) { r.Broker = cutOff{r.Broker} })
		wait(time.Second)
		second := b.start("ins_2")
		b.commit(b.lines[0], 10)
		b.eventually("the other hub", time.Minute, func() bool { return b.count() == 10 })
		if !second.Status().Leading || first.Status().Leading {
			b.Error("the wrong hub leads")
		}
	})
}

// cutOff is a broker that one hub does not reach.
type cutOff struct{ relay.Broker }

func (cutOff) Created(context.Context) (time.Time, error) { return time.Time{}, gone() }

// A shard that was put back from a backup: the stream holds what the feed no longer knows, or knows otherwise. That line
// waits for its operator, the others go on; once the line is purged from the stream it is told again.
func TestAhead(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		r := b.start("ins_1")
		for _, l := range b.lines {
			b.commit(l, 50)
		}
		wait(3 * time.Second)
		restore := b.outbox.Copy()
		a := b.lines[0]
		b.commit(a, 30)
		wait(3 * time.Second)
		r.stop()
		restore()
		b.next[a] = 50
		r = b.start("ins_1")
		expect := func(what string, code hub.Code, told int) {
			b.Helper()
			wait(70 * time.Second)
			s := r.Status()
			if code == "" && s.Held != nil || code != "" && (len(s.Held) != 1 || s.Held[0].Line != a || s.Held[0].Code != code) || b.count() != told {
				b.Errorf("%s: %d messages, status %+v", what, b.count(), s)
			}
		}
		expect("put back", "", 230)
		b.commit(a, 10)
		b.commit(b.lines[1], 10)
		expect("fewer than were told", relay.CodeAhead, 240)
		b.commit(a, 30)
		b.commit(b.lines[1], 10)
		expect("more than were told", relay.CodeForked, 250)
		b.broker.Purge(a)
		expect("purged", "", 260)
		b.toldAll("at last")
		if s := r.Status(); s.Rewinds != 1 {
			b.Errorf("status %+v", s)
		}
	})
}

// What the stream loses is told again, what it has is not, and nothing is mixed up.
func TestLoss(t *testing.T) {
	for name, lose := range map[string]func(*bench, func()){
		"emptied":     func(b *bench, _ func()) { b.broker.Empty() },
		"deleted":     func(b *bench, _ func()) { b.broker.Delete() },
		"rolled back": func(_ *bench, restore func()) { restore() },
	} {
		for _, idle := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, idle %v", name, idle), func(t *testing.T) {
				inBubble(t, 6, func(b *bench) {
					r := b.start("ins_1", func(r *relay.Relay) { r.Alone = true })
					for _, l := range b.lines {
						b.commit(l, 20)
					}
					wait(5 * time.Second)
					restore := b.broker.Copy()
					for _, l := range b.lines[:3] {
						b.commit(l, 20)
					}
					wait(5 * time.Second)
					lose(b, restore)
					if !idle {
						fresh := relaytest.NewLine() // its first message would hide the loss
						b.commit(fresh, 1)
						r.Wake([]hub.TenantID{fresh.Tenant})
					}
					wait(5 * time.Second)
					b.toldAll("afterwards")
					if s := r.Status(); s.Rewinds != 1 {
						b.Errorf("status %+v", s)
					}
				})
			})
		}
	}
}

// Losses that follow each other between two looks at the stream, each hidden by a message that was told after it.
func TestLossHidden(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		r := b.start("ins_1", func(r *relay.Relay) { r.Alone = true })
		tell := func(l relay.Line) {
			b.Helper()
			before := b.count()
			b.commit(l, 20)
			r.Wake([]hub.TenantID{l.Tenant})
			b.eventually("the line", 200*time.Millisecond, func() bool { return b.count() == before+20 })
		}
		wait(2 * time.Second)
		tell(b.lines[0])
		wait(5 * time.Second)
		restore := b.broker.Copy()
		tell(b.lines[1])
		restore()
		tell(b.lines[2])
		restore()
		tell(b.lines[3])
		wait(5 * time.Second)
		b.toldAll("afterwards")
		if s := r.Status(); s.Rewinds != 1 {
			b.Errorf("status %+v", s)
		}
	})
}

// What a hub has only found in the stream is missed there like what it has told.
func TestFoundAndLost(t *testing.T) {
	inBubble(t, 2, func(b *bench) {
		refused := false
		b.broker.Refuse = func(c hub.Change) hub.Code {
			if refused && c.Tenant == b.lines[1].Tenant {
				return "poison"
			}
			return ""
		}
		r := b.start("ins_1", func(r *relay.Relay) { r.Alone = true })
		for _, l := range b.lines {
			b.commit(l, 20)
			wait(5 * time.Second)
		}
		refused = true
		b.broker.Purge(b.lines[1])
		wait(10 * time.Second)
		b.broker.Empty()
		wait(10 * time.Second)
		if s := r.Status(); b.count() != 20 || s.Rewinds != 2 {
			b.Errorf("%d messages of the line that is not refused, status %+v", b.count(), s)
		}
	})
}

// The same, while no hub runs.
func TestLossAtStop(t *testing.T) {
	inBubble(t, 6, func(b *bench) {
		r := b.start("ins_1")
		for _, l := range b.lines {
			b.commit(l, 20)
		}
		wait(5 * time.Second)
		restore := b.broker.Copy()
		b.commit(b.lines[0], 1)
		wait(5 * time.Second)
		r.stop()
		restore()
		r = b.start("ins_1")
		wait(5 * time.Second)
		b.toldAll("rolled back")
		r.stop()
		b.broker.Delete()
		r = b.start("ins_2")
		wait(5 * time.Second)
		b.toldAll("deleted")
		if s := r.Status(); s.Rewinds != 1 {
			b.Errorf("status %+v", s)
		}
	})
}

// What aged out of the stream is no loss.
func TestAgedOut(t *testing.T) {
	inBubble(t, 3, func(b *bench) {
		r := b.start("ins_1", func(r *relay.Relay) { r.Alone = true })
		for _, l := range b.lines {
			b.commit(l, 20)
		}
		wait(window + time.Minute)
		b.broker.Age()
		wait(10 * time.Second)
		b.commit(b.lines[1], 5)
		wait(10 * time.Second)
		if s := r.Status(); s.Rewinds != 0 || s.Behind != 0 || s.Held != nil {
			b.Errorf("status %+v", s)
		}
		if n := len(b.broker.Entries()); n != 65 {
			b.Errorf("%d messages were told, want 65", n)
		}
	})
}
