package bus

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"hub"
	"hub/internal/hubtest/natsserver"
	"hub/internal/relay"
)

// rig is a broker under test: what the suite needs to know and to do beside the Bus.
type rig struct {
	*testing.T
	bus     *Bus
	config  Config
	process *natsserver.Server // nil when embedded
	log     *lockedBuffer
}

// lockedBuffer collects log lines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newConfig() (Config, *lockedBuffer) {
	log := &lockedBuffer{}
	return Config{
		URL: Embedded, Window: time.Hour, Clock: func() time.Time { return time.Now().UTC() },
		Log: slog.New(slog.NewTextHandler(log, nil)),
	}, log
}

// onBoth runs a test on an embedded and on an external server, each fresh.
func onBoth(t *testing.T, test func(*rig)) { onBothWith(t, func(*Config) {}, test) }

func onBothWith(t *testing.T, edit func(*Config), test func(*rig)) {
	t.Run("embedded", func(t *testing.T) {
		config, log := newConfig()
		config.Dir = t.TempDir()
		edit(&config)
		r := &rig{T: t, config: config, log: log}
		r.open()
		test(r)
	})
	t.Run("external", func(t *testing.T) { onExternal(t, edit, test) })
}

func onExternal(t *testing.T, edit func(*Config), test func(*rig), more ...string) {
	config, log := newConfig()
	process := natsserver.Start(t, more...)
	config.URL = process.URL()
	edit(&config)
	r := &rig{T: t, config: config, process: process, log: log}
	r.open()
	test(r)
}

// open opens the bus, which ends with the test.
func (r *rig) open() {
	r.Helper()
	b, err := Open(context.Background(), r.config)
	if err != nil {
		r.Fatalf("%v\n%s", err, r.log)
	}
	r.bus = b
	r.Cleanup(b.Close)
}

// offline runs f while the server is down and then brings it back on what f left of its files.
func (r *rig) offline(f func(store string)) {
	r.Helper()
	if r.process == nil {
		r.bus.Close()
		f(filepath.Join(r.config.Dir, storeFolder))
		r.open()
		return
	}
	r.process.Stop()
	f(filepath.Join(r.process.StoreDir(), storeFolder))
	r.process.Restart(r)
	r.ready()
}

// ready waits until the bus is connected again.
func (r *rig) ready() {
	r.Helper()
	r.eventually("the broker is back", func() bool { return r.bus.Health(r.Context()) == nil })
}

// eventually polls what other processes do, of which nothing tells us.
func (r *rig) eventually(what string, ok func() bool) {
	r.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			r.Fatalf("never came true: %s\n%s", what, r.log)
		case <-tick.C:
		}
	}
}

// line is the nth line of a test, changes its changes: the same each time they are asked for.
func line(n int) relay.Line {
	return relay.Line{Tenant: hub.TenantID(source("line", n).New(hub.TenantPrefix)), Stream: hub.StreamOrders}
}

func source(what string, n int) hub.IDSource {
	return func() (id [16]byte) {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", what, n))
		copy(id[:], sum[:])
		return id
	}
}

// changes are those of a line with the numbers from first to last.
func changes(l relay.Line, first, last int64) (list []hub.Change) {
	for n := first; n <= last; n++ {
		c := hub.Change{
			ID:     hub.ChangeID(source(string(l.Tenant), int(n)).New(hub.ChangePrefix)),
			Tenant: l.Tenant, Stream: l.Stream, Sequence: n, Type: hub.OrderUpdated, Time: time.Unix(1700000000+n, 0).UTC(),
			OrderID: hub.OrderID(source("order", int(n%5)).New(hub.OrderPrefix)), Revision: n,
		}
		c.Doc = fmt.Appendf(nil, `{"id":%q,"tenant_id":%q,"platform":"shopify","revision":%d}`, c.OrderID, c.Tenant, n)
		list = append(list, c)
	}
	return list
}

// told publishes one run and requires that all of it is told.
func (r *rig) told(l relay.Line, after uint64, list ...hub.Change) uint64 {
	r.Helper()
	t := r.bus.Publish(r.Context(), []relay.Run{{Line: l, After: after, Changes: list}})[0]
	if t.Err != nil || t.Count != len(list) {
		r.Fatalf("told %d of %d: %v\n%s", t.Count, len(list), t.Err, r.log)
	}
	return t.Position
}

// contents are the messages of a stream in order.
func (r *rig) contents(stream string) (all []jetstream.Msg) {
	r.Helper()
	s, err := r.bus.js.Stream(r.Context(), stream)
	if err != nil {
		r.Fatal(err)
	}
	reader, err := s.OrderedConsumer(r.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		r.Fatal(err)
	}
	messages, err := reader.Messages()
	if err != nil {
		r.Fatal(err)
	}
	defer messages.Stop()
	for range s.CachedInfo().State.Msgs {
		m, err := messages.Next(jetstream.NextContext(r.Context()))
		if err != nil {
			r.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// inOrder requires that each line has the numbers 1 to its last once and in order, and that each event fits the schema.
// It returns how many messages there are.
func (r *rig) inOrder(last map[relay.Line]int64) int {
	r.Helper()
	schema, next := published(r), map[hub.TenantID]int64{}
	all := r.contents(StreamOrders)
	for _, m := range all {
		e, err := decode(m.Data(), m.Headers())
		if err != nil {
			r.Fatal(err)
		}
		if err := valid(r, schema, m.Data()); err != nil {
			r.Error(err)
		}
		next[e.Tenant]++
		if e.Sequence != next[e.Tenant] || changeOf(m.Headers()) != e.ID {
			r.Fatalf("change %d of %s, want %d", e.Sequence, e.Tenant, next[e.Tenant])
		}
	}
	for l, n := range last {
		if next[l.Tenant] != n {
			r.Errorf("%s has %d changes, want %d", l.Tenant, next[l.Tenant], n)
		}
	}
	return len(all)
}

// copyFolder copies files as they are.
func copyFolder(t testing.TB, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
