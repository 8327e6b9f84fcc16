package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hub"
	"hub/internal/relay"
)

// listener is a consumer's handler that notes what it is given.
type listener struct {
	mu     sync.Mutex
	seen   map[hub.TenantID][]int64
	tries  int
	fail   func(Event, int) error // given how often the event was tried
	of     map[hub.ChangeID]int
	wanted int
	done   chan struct{}
}

func newListener(wanted int, fail func(Event, int) error) *listener {
	return &listener{seen: map[hub.TenantID][]int64{}, of: map[hub.ChangeID]int{}, fail: fail, wanted: wanted, done: make(chan struct{})}
}

func (l *listener) handle(_ context.Context, e Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tries++
	l.of[e.ID]++
	if l.fail != nil {
		if err := l.fail(e, l.of[e.ID]); err != nil {
			return err
		}
	}
	l.seen[e.Tenant] = append(l.seen[e.Tenant], e.Sequence)
	if l.wanted--; l.wanted == 0 {
		close(l.done)
	}
	return nil
}

// consume runs a consumer until the listener has all it waits for, or what is given comes true.
func (r *rig) consume(c Consumer, l *listener, also func() bool) {
	r.Helper()
	ctx, cancel := context.WithCancel(r.Context())
	ended := make(chan error)
	go func() { ended <- r.bus.Consume(ctx, c, l.handle) }()
	r.eventually("all is handled", func() bool {
		select {
		case <-l.done:
			return also == nil || also()
		default:
			return false
		}
	})
	cancel()
	if err := <-ended; err != nil {
		r.Error(err)
	}
}

// pending is what a durable consumer has not acknowledged or not been given.
func (r *rig) pending(name string) int {
	r.Helper()
	c, err := r.bus.js.Consumer(r.Context(), StreamOrders, name)
	if err != nil {
		r.Fatal(err)
	}
	i := c.CachedInfo()
	return i.NumAckPending + int(i.NumPending)
}

// publishLines tells the first changes of so many lines, mixed.
func (r *rig) publishLines(lines int, each int64) {
	r.Helper()
	after := make([]uint64, lines)
	for n := int64(1); n <= each; n++ {
		var runs []relay.Run
		for i := range lines {
			runs = append(runs, relay.Run{Line: line(i), After: after[i], Changes: changes(line(i), n, n)})
		}
		for i, x := range r.bus.Publish(r.Context(), runs) {
			if x.Err != nil {
				r.Fatal(x.Err)
			}
			after[i] = x.Position
		}
	}
}

// An event that fails some times is tried in place, and its line keeps its order; other lines go on meanwhile.
func TestOrderedConsumer(t *testing.T) {
	onBoth(t, func(r *rig) {
		t := r.T
		const lines, each = 5, 20
		r.publishLines(lines, each)
		others := 0
		l := newListener(lines*each, nil)
		l.fail = func(e Event, tries int) error {
			if e.Tenant != line(0).Tenant {
				others++
			}
			// The third of line 0 fails until all other lines are through: they do not wait for it.
			if e.Tenant == line(0).Tenant && e.Sequence == 3 && (others < (lines-1)*each || tries < 4) {
				return hub.Errorf(hub.KindUnavailable, "testing", "not yet")
			}
			return nil
		}
		r.consume(Consumer{Name: "ordered", Ordered: true, Handlers: 3, MaxDeliver: 1000, Backoff: time.Millisecond}, l, nil)
		for tenant, got := range l.seen {
			if len(got) != each || !slices.IsSorted(got) {
				t.Errorf("%s: %v", tenant, got)
			}
		}
		if n := r.pending("ordered"); n != 0 {
			t.Errorf("%d events are not acknowledged", n)
		}
		t.Logf("%d lines, %d events, %d attempts", len(l.seen), lines*each, l.tries)
	})
}

// One line fails while the connection is lost, and while the consumer is taken away, which ends its session: the others go
// on at once with what was told meanwhile, and the failing line keeps its order when it is cured.
func TestReconnectWaitsForNobody(t *testing.T) {
	onExternal(t, func(*Config) {}, func(r *rig) {
		t := r.T
		const lines, each = 4, 10
		r.publishLines(lines, each)
		var mu sync.Mutex
		seen, tries, cured := map[hub.TenantID][]int64{}, 0, false
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		consumer := Consumer{Name: "reconnects", Ordered: true, Handlers: 2, MaxDeliver: 1 << 20, Backoff: 20 * time.Millisecond, AckWait: 2 * time.Second}
		go func() {
			ended <- r.bus.Consume(ctx, consumer, func(_ context.Context, e Event) error {
				mu.Lock()
				defer mu.Unlock()
				if e.Tenant == line(0).Tenant && e.Sequence == 3 && !cured {
					tries++
					return errors.New("poison")
				}
				seen[e.Tenant] = append(seen[e.Tenant], e.Sequence)
				return nil
			})
		}()
		others := func(want int) func() bool {
			return func() bool {
				mu.Lock()
				defer mu.Unlock()
				for n := 1; n < lines; n++ {
					if len(seen[line(n).Tenant]) < want {
						return false
					}
				}
				return tries > 0
			}
		}
		r.eventually("the others", others(each))
		for round := range 3 {
			if round == 1 {
				if err := r.bus.js.DeleteConsumer(t.Context(), StreamOrders, consumer.Name); err != nil {
					t.Fatal(err)
				}
			} else {
				r.process.Kill()
				r.process.Restart(t)
				r.ready()
			}
			for n := range lines {
				m, err := r.bus.Last(t.Context(), line(n))
				if err != nil {
					t.Fatal(err)
				}
				r.told(line(n), m.Position, changes(line(n), m.Sequence+1, m.Sequence+each)...)
			}
			r.eventually("the others after a reconnect", others((round+2)*each))
		}
		mu.Lock()
		if got := seen[line(0).Tenant]; len(got) > 0 && slices.Max(got) > 2 {
			t.Errorf("of the poisoned line %v were handled", got)
		}
		cured = true
		mu.Unlock()
		r.eventually("the cure", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return slices.Contains(seen[line(0).Tenant], 4*each)
		})
		r.eventually("all is acknowledged", func() bool { return r.pending("reconnects") == 0 })
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		again := 0 // a server that was killed has forgotten some of what was acknowledged, a new consumer all
		for tenant, got := range seen {
			last := int64(0)
			for _, n := range got {
				switch {
				case n <= last:
					again++
				case n == last+1:
					last = n
				default:
					t.Fatalf("%s: %d follows %d in %v", tenant, n, last, got)
				}
			}
			if last != 4*each {
				t.Errorf("%s: %d events of %d", tenant, last, 4*each)
			}
		}
		t.Logf("3 reconnects, %d tries of the poison, %d events handled in order, %d again", tries, lines*4*each, again)
	})
}

// A line that fails has far more to tell than a consumer holds at once: the others are heard all the same, and no event is
// lost. In either way of handling.
func TestLongPoisonedLine(t *testing.T) {
	for _, ordered := range []bool{true, false} {
		t.Run(fmt.Sprint("ordered ", ordered), func(t *testing.T) {
			onExternal(t, func(*Config) {}, func(r *rig) {
				const long, each, lines = 5 * inHand, 20, 4
				r.told(line(0), 0, changes(line(0), 1, long)...)
				for n := 1; n < lines; n++ {
					r.told(line(n), 0, changes(line(n), 1, each)...)
				}
				var mu sync.Mutex
				others := 0
				all := newListener((lines-1)*each+long, func(e Event, _ int) error {
					mu.Lock()
					defer mu.Unlock()
					if e.Tenant != line(0).Tenant {
						others++
					} else if others < (lines-1)*each { // cured when nobody else waits
						return errors.New("poison")
					}
					return nil
				})
				c := Consumer{Name: "long", Ordered: ordered, Handlers: 4, MaxDeliver: 1 << 20, Backoff: time.Second}
				r.consume(c, all, func() bool { return r.pending("long") == 0 })
				for tenant, got := range all.seen {
					if ordered && !slices.IsSorted(got) {
						r.Errorf("%s: %v", tenant, got)
					}
				}
				r.Logf("%d events of 3 lines were heard beside %d of a line that failed, %d tries", others, long, all.tries)
			})
		})
	}
}

// deliveredMsg is a message as the server delivers it, which counts its answers.
type deliveredMsg struct {
	jetstream.Msg
	position uint64
	event    *nats.Msg
	acks     *atomic.Int64
}

func (m deliveredMsg) Metadata() (*jetstream.MsgMetadata, error) {
	return &jetstream.MsgMetadata{NumDelivered: 1, Sequence: jetstream.SequencePair{Stream: m.position}}, nil
}
func (m deliveredMsg) Data() []byte         { return m.event.Data }
func (m deliveredMsg) Headers() nats.Header { return m.event.Header }
func (m deliveredMsg) Ack() error           { m.acks.Add(1); return nil }

// What was lost on its way comes again behind what was not: it takes its place in the line that waits, and what is in hand
// already is not handled twice.
func TestLateDelivery(t *testing.T) {
	begun, goOn := make(chan struct{}, 10), make(chan struct{})
	var handled []int64
	var acks atomic.Int64
	d := newDispatcher(&Bus{}, Consumer{Name: "late", Ordered: true}.withDefaults(), func(_ context.Context, e Event) error {
		begun <- struct{}{}
		<-goOn
		handled = append(handled, e.Sequence)
		return nil
	})
	list := changes(line(0), 1, 5)
	for i, n := range []uint64{1, 3, 5, 3, 1, 2, 4, 5} {
		event, err := encode(list[n-1], maxDocument)
		if err != nil {
			t.Fatal(err)
		}
		d.add(t.Context(), deliveredMsg{position: n, event: event, acks: &acks})
		if i == 0 {
			<-begun
		}
	}
	close(goOn)
	d.group.Wait()
	if !slices.Equal(handled, []int64{1, 2, 3, 4, 5}) || acks.Load() != 5 || len(d.hand) > 0 {
		t.Errorf("handled %v with %d answers, %d are in hand", handled, acks.Load(), len(d.hand))
	}
}

// An event that fails comes again later; what never succeeds is a dead letter that names its cause and nothing personal.
func TestRetriesAndDeadLetters(t *testing.T) {
	t.Run("any order", func(t *testing.T) { deadLetters(t, false) })
	t.Run("ordered", func(t *testing.T) { deadLetters(t, true) })
}

func deadLetters(t *testing.T, ordered bool) {
	onBoth(t, func(r *rig) {
		t := r.T
		const lines, each = 2, 10
		r.publishLines(lines, each)
		if _, err := r.bus.js.Publish(t.Context(), "hub.ten_x.orders.shopify.created", []byte("no event")); err != nil {
			t.Fatal(err)
		}
		permanent := &hub.Error{Kind: hub.KindPermanent, Code: "unknown_sku", Op: "testing", Err: errors.New("canary text")}
		l := newListener(lines*each-2, func(e Event, tries int) error {
			switch {
			case e.Tenant == line(0).Tenant && e.Sequence == 2 && tries < 3:
				return errors.New("canary text")
			case e.Tenant == line(0).Tenant && e.Sequence == 4:
				return errors.New("canary text") // never
			case e.Tenant == line(1).Tenant && e.Sequence == 6:
				return permanent
			}
			return nil
		})
		c := Consumer{Name: "dead", Ordered: ordered, Handlers: 4, MaxDeliver: 3, Backoff: time.Millisecond}
		r.consume(c, l, func() bool { return r.pending("dead") == 0 })
		want := map[string][2]string{
			string(changes(line(0), 4, 4)[0].ID): {"internal", "3"},
			string(changes(line(1), 6, 6)[0].ID): {"unknown_sku", "1"},
			"":                                   {string(CodeEvent), "1"},
		}
		letters := r.contents(StreamDead)
		for _, m := range letters {
			id := strings.TrimPrefix(m.Headers().Get("Nats-Msg-Id"), "dead/")
			w, ok := want[id]
			if !ok || m.Headers().Get(HeaderCause) != w[0] || m.Headers().Get(HeaderDeliveries) != w[1] || m.Headers().Get(HeaderConsumer) != "dead" {
				t.Errorf("dead letter %q: %v", id, m.Headers())
			}
			delete(want, id)
			if all := fmt.Sprint(m.Headers(), string(m.Data())); strings.Contains(all, "canary") {
				t.Errorf("the error's text is in %s", all)
			}
			if _, err := decode(m.Data(), m.Headers()); (err != nil) != (id == "") || !strings.HasSuffix(m.Subject(), ".dead.dead") {
				t.Errorf("%s: %v", m.Subject(), err)
			}
		}
		if len(want) > 0 || strings.Contains(r.log.String(), "canary") {
			t.Errorf("missing %v\n%s", want, r.log)
		}
		if n := l.of[changes(line(0), 2, 2)[0].ID]; n != 3 {
			t.Errorf("an event that fails twice was tried %d times", n)
		}
	})
}

// A consumer that is stopped goes on where it was, at once: nothing is lost and nothing waits for AckWait.
func TestConsumerGoesOn(t *testing.T) {
	onBoth(t, func(r *rig) {
		t := r.T
		const lines, each, rounds = 3, 100, 4
		r.publishLines(lines, each)
		all := map[hub.TenantID]map[int64]int{}
		for range rounds {
			l := newListener(lines*each/rounds, nil)
			l.fail = func(Event, int) error {
				if l.wanted <= 0 { // what is over stays for the next
					return hub.Errorf(hub.KindUnavailable, "testing", "enough")
				}
				return nil
			}
			r.consume(Consumer{Name: "goes-on", Ordered: true, Handlers: 2, MaxDeliver: 1000, Backoff: time.Millisecond, AckWait: time.Hour}, l, nil)
			for tenant, got := range l.seen {
				if all[tenant] == nil {
					all[tenant] = map[int64]int{}
				}
				for _, n := range got {
					all[tenant][n]++
				}
			}
		}
		for n := range lines {
			if got := all[line(n).Tenant]; len(got) != each {
				t.Errorf("line %d has %d events, want %d", n, len(got), each)
			}
		}
		t.Logf("%d stops, %d events, each handled once", rounds, lines*each)
	})
}

// The consumer outlives its server and its stream.
func TestConsumerOutlivesTheServer(t *testing.T) {
	onExternal(t, func(*Config) {}, func(r *rig) {
		t := r.T
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		got := make(chan int64, 100)
		go func() {
			ended <- r.bus.Consume(ctx, Consumer{Name: "outlives"}, func(_ context.Context, e Event) error { got <- e.Sequence; return nil })
		}()
		expect := func(n int64) {
			t.Helper()
			deadline := time.NewTimer(40 * time.Second)
			defer deadline.Stop()
			for {
				select {
				case x := <-got:
					if x == n {
						return
					}
				case <-deadline.C:
					t.Fatalf("change %d does not come\n%s", n, r.log)
				}
			}
		}
		list := changes(line(0), 1, 3)
		at := r.told(line(0), 0, list[0])
		expect(1)
		r.process.Kill()
		r.process.Restart(t)
		r.ready()
		r.told(line(0), at, list[1])
		expect(2)
		if err := r.bus.js.DeleteStream(t.Context(), StreamOrders); err != nil {
			t.Fatal(err)
		}
		r.told(line(0), 0, list[2])
		expect(3)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestBackoff(t *testing.T) {
	c := Consumer{}.withDefaults()
	throttled := &hub.Error{Kind: hub.KindThrottled, RetryAfter: 90 * time.Second}
	for _, x := range []struct {
		n    int
		err  error
		want time.Duration
	}{{1, nil, time.Second}, {3, nil, 4 * time.Second}, {7, nil, time.Minute}, {1000, nil, time.Minute}, {1, throttled, 90 * time.Second}} {
		if got := c.backoff(x.n, x.err); got != x.want {
			t.Errorf("after failure %d: %v, want %v", x.n, got, x.want)
		}
	}
	b := &Bus{}
	if err := b.Consume(t.Context(), Consumer{Name: "a.b"}, nil); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("a name with a dot: %v", err)
	}
}
