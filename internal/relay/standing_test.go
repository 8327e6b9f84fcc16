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

// What a relay shows of a trouble stays shown for as long as it lasts, through every retry and every change of leader, and
// the age of what waits is counted from the commit. Nobody who looks now and then is told that all is well.
func TestTroubleStays(t *testing.T) {
	for _, alone := range []bool{true, false} {
		for what, faulty := range map[string]string{"takes nothing": "publish", "is away": ""} {
			t.Run(fmt.Sprintf("alone %v, the broker %s", alone, what), func(t *testing.T) {
				inBubble(t, 3, func(b *bench) {
					var bad atomic.Bool
					bad.Store(true)
					b.broker.Fault = func(call string) relaytest.Fault {
						if bad.Load() && (faulty == "" || faulty == call) {
							return relaytest.Before
						}
						return relaytest.Works
					}
					b.commit(b.lines[0], 10)
					committed := time.Now()
					wait(5 * time.Minute) // before any hub runs
					r := b.start("ins_1", func(r *relay.Relay) { r.Alone, r.Broker = alone, slowBroker{r.Broker} })
					wait(time.Second)
					looks, epochs := 0, int64(0)
					for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); wait(7 * time.Millisecond) {
						looks++
						if s := r.Status(); s.Trouble == "" || s.Behind != 10 || s.Oldest.After(committed) {
							b.Fatalf("look %d: the oldest should be %v old, status %+v", looks, time.Since(committed), s)
						}
					}
					if _, _, epochs = b.outbox.Counts(); alone != (epochs == 1) {
						b.Errorf("%d terms", epochs)
					}
					bad.Store(false)
					b.eventually("back", 10*time.Second, func() bool { return b.count() == 10 })
					b.eventually("all is well", 2*time.Second, func() bool {
						s := r.Status()
						return s.Trouble == "" && s.Behind == 0 && s.Oldest.IsZero()
					})
					b.Logf("%d looks in %d terms", looks, epochs)
				})
			})
		}
	}
}

// slowBroker takes its time, as a real one does: what is shown meanwhile is seen.
type slowBroker struct{ relay.Broker }

func (b slowBroker) Publish(ctx context.Context, runs []relay.Run) []relay.Told {
	wait(40 * time.Millisecond)
	return b.Broker.Publish(ctx, runs)
}

func (b slowBroker) Created(ctx context.Context) (time.Time, error) {
	wait(40 * time.Millisecond)
	return b.Broker.Created(ctx)
}

// A line that was held and turns out to be told, though nobody knew, is held no longer.
func TestHeldAndThere(t *testing.T) {
	inBubble(t, 2, func(b *bench) {
		var poisoned atomic.Bool
		poisoned.Store(true)
		lost := 0
		b.broker.Refuse = func(hub.Change) hub.Code {
			if poisoned.Load() {
				return "poison"
			}
			return ""
		}
		b.broker.Fault = func(call string) relaytest.Fault {
			if call == "publish" && !poisoned.Load() {
				lost++
				return relaytest.After
			}
			return relaytest.Works
		}
		r := b.start("ins_1", func(r *relay.Relay) { r.Alone = true })
		b.commit(b.lines[0], 1)
		wait(5 * time.Second)
		if s := r.Status(); len(s.Held) != 1 {
			b.Errorf("status %+v", s)
		}
		poisoned.Store(false)
		wait(2 * time.Minute)
		if s := r.Status(); s.Held != nil || s.Behind != 0 || lost != 1 || b.count() != 1 {
			b.Errorf("%d messages, %d answers lost, status %+v", b.count(), lost, s)
		}
	})
}

// A trouble that is over counts no more when the next begins: nobody gives up at once because of what was yesterday.
func TestTroubleIsForgotten(t *testing.T) {
	inBubble(t, 2, func(b *bench) {
		var away atomic.Bool
		b.broker.Fault = func(string) relaytest.Fault {
			if away.Load() {
				return relaytest.Before
			}
			return relaytest.Works
		}
		r := b.start("ins_1")
		b.commit(b.lines[0], 5)
		wait(5 * time.Second)
		for range 3 { // nothing is told in between
			away.Store(true)
			wait(12 * time.Second)
			if s := r.Status(); s.Trouble == "" {
				b.Errorf("status %+v", s)
			}
			away.Store(false)
			wait(10 * time.Minute)
			if s := r.Status(); s.Trouble != "" || !s.Leading {
				b.Errorf("status %+v", s)
			}
		}
		if _, _, epoch := b.outbox.Counts(); epoch != 1 {
			b.Errorf("%d terms: somebody gave up after 12 seconds of trouble", epoch)
		}
	})
}

// slowOutbox is a shard with so many lines that a look at all of them takes long.
type slowOutbox struct {
	relay.Outbox
	takes       time.Duration
	looks, alls atomic.Int64
}

func (o *slowOutbox) Behind(ctx context.Context, s hub.ShardID, after relay.Line, limit int) ([]relay.Place, error) {
	if o.looks.Add(1); after.Tenant == "" {
		o.alls.Add(1)
		wait(o.takes)
	}
	return o.Outbox.Behind(ctx, s, after, limit)
}

// The shard is not kept busy by looks at it: each is followed by ten times as long without one. Who calls is heard at once.
func TestLooksAreRare(t *testing.T) {
	inBubble(t, 1, func(b *bench) {
		slow := &slowOutbox{takes: 400 * time.Millisecond}
		r := b.start("ins_1", func(r *relay.Relay) { slow.Outbox, r.Outbox = r.Outbox, slow })
		wait(10 * time.Second)
		before := slow.alls.Load()
		const minutes = 2
		for n := range minutes * 60 {
			fresh := relaytest.NewLine()
			b.commit(fresh, 2)
			r.Wake([]hub.TenantID{fresh.Tenant})
			if n%10 == 0 {
				wait(time.Second / 2) // at most one look at all is under way
				continue
			}
			wait(time.Second)
		}
		b.eventually("who called", time.Second, func() bool { return b.count() == 2*60*minutes })
		alls := slow.alls.Load() - before
		if most := int64(minutes * 60 * 10 / 44); alls > most+1 || alls < most/2 {
			b.Errorf("%d looks at all in %d minutes, at most %d are due", alls, minutes, most)
		}
		b.commit(b.lines[0], 1) // nobody calls
		b.eventually("the next look", 5*time.Second, func() bool { return b.count() == 2*60*minutes+1 })
		b.Logf("%d looks at all, %d at one", alls, slow.looks.Load()-slow.alls.Load())
	})
}

// A stream that is full drops its oldest messages, also young ones. That is no loss, also of a line that has nothing left in
// it, and nothing is told again; what is purged of the same stream is.
func TestStreamIsFull(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		r := b.start("ins_1", func(r *relay.Relay) { r.Alone = true })
		for _, l := range b.lines {
			b.commit(l, 20)
			wait(3 * time.Second)
		}
		b.broker.MakeRoom(10) // of the last line
		wait(10 * time.Second)
		for _, l := range b.lines[:2] {
			b.commit(l, 5)
		}
		wait(10 * time.Second)
		r.stop()
		b.broker.MakeRoom(3)
		r = b.start("ins_2", func(r *relay.Relay) { r.Alone = true })
		for _, l := range b.lines {
			b.commit(l, 1)
		}
		wait(10 * time.Second)
		if s := r.Status(); s.Rewinds != 0 || s.Behind != 0 || s.Held != nil {
			b.Errorf("status %+v", s)
		}
		if n, want := len(b.broker.Entries()), 4*20+2*5+4; n != want {
			b.Errorf("%d messages were told, want %d", n, want)
		}
		b.broker.Purge(b.lines[3])
		b.commit(b.lines[3], 1)
		wait(10 * time.Second)
		if s := r.Status(); s.Rewinds != 1 {
			b.Errorf("after a purge: status %+v", s)
		}
	})
}

// A mark that a hub has only found in the stream is as old as the message, not as the finding: on a quiet shard it ages out
// soon after, and that is no loss.
func TestMarkOfAQuietShard(t *testing.T) {
	inBubble(t, 2, func(b *bench) {
		r := b.start("ins_1")
		wait(2 * time.Second)
		b.commit(b.lines[0], 20)
		r.Wake([]hub.TenantID{b.lines[0].Tenant})
		b.eventually("the line", 500*time.Millisecond, func() bool { return b.count() == 20 })
		r.kill() // before it stored how far it came
		r.stop()
		wait(window - 10*time.Minute)
		r = b.start("ins_2", func(r *relay.Relay) { r.Alone = true })
		wait(10 * time.Second)
		if n := len(b.broker.Entries()); n != 20 {
			b.Fatalf("%d messages were told", n)
		}
		wait(15 * time.Minute)
		b.broker.Age()
		wait(10 * time.Second)
		if s := r.Status(); s.Rewinds != 0 || b.count() != 0 {
			b.Errorf("%d messages are left, status %+v", b.count(), s)
		}
	})
}
