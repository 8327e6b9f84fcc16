package app

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"hub"
	"hub/internal/bus"
	"hub/internal/config"
	"hub/internal/httpapi"
	"hub/internal/obs"
	"hub/internal/relay"
)

// openBus opens the broker and makes a relay for each shard. A broker that does not answer, or that takes long to open,
// keeps nothing else from working.
func (h *Hub) openBus(ctx context.Context) (err error) {
	c := bus.Config{URL: h.cfg.Bus.Reveal(), Dir: h.path("jetstream"), Window: h.cfg.StreamWindow, Log: h.o.Logger, Clock: h.o.Clock}
	if h.cfg.Bus == config.Embedded {
		c.MaxStore = streamRoom(c.Dir, h.cfg.Data)
	}
	h.broker, err = openBroker(ctx, h.o.Logger, func(ctx context.Context) (*bus.Bus, error) { return bus.Open(ctx, c) })
	if err != nil && (ctx.Err() != nil || hub.KindOf(err) == hub.KindInvalid) {
		return err
	}
	h.relays = map[hub.ShardID]*relay.Relay{}
	for _, shard := range h.store.Map().Shards() {
		h.relays[shard] = &relay.Relay{
			Shard: shard, Holder: h.instance.id, Outbox: h.store.Relay(), Broker: measuredBroker{h.broker, shard, h.metrics, h.tracer},
			Clock: h.o.Clock, Logger: h.o.Logger, Window: h.cfg.StreamWindow, Alone: h.cfg.Store.Kind == config.SQLite,
			Observe: func() func() { return h.o.Observe.phase(PhaseRelay) },
		}
	}
	return nil
}

// grown is told after each commit whose feeds grew. They are of one shard.
func (h *Hub) grown(tenants []hub.TenantID) {
	h.bell.Ring(tenants)
	if r := h.relays[h.store.Of(tenants[0])]; r != nil {
		r.Wake(tenants)
	}
}

// settle tells what is committed, within a bound.
func (h *Hub) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), finishTell)
	defer cancel()
	var telling sync.WaitGroup
	for shard, r := range h.relays {
		telling.Go(func() {
			if err := r.Settle(ctx); err != nil {
				h.o.Logger.Warn("stopping with changes that are not told; the next start tells them", "shard", shard, "error", err)
			}
		})
	}
	telling.Wait()
}

// lateAfter is how old a change may get before it is told and nobody is warned.
const lateAfter = time.Minute

// untold says what is not told, by shard. A broker that is away is named once, not for each shard.
func (h *Hub) untold() (list []httpapi.Problem) {
	seen := map[string]bool{}
	for _, shard := range slices.Sorted(maps.Keys(h.relays)) {
		s := h.relays[shard].Status()
		add := func(detail string) {
			list = append(list, httpapi.Problem{Part: "stream " + string(shard), Detail: detail})
		}
		switch {
		case s.Trouble != "" && seen[s.Trouble]:
		case s.Trouble != "":
			seen[s.Trouble] = true
			add("changes are not told: " + s.Trouble)
		case len(s.Held) > 0:
			add(heldDetail(s.Held))
		case !s.Oldest.IsZero() && h.o.Clock().Sub(s.Oldest) > lateAfter:
			add(fmt.Sprintf("%d changes are not told, the oldest since %s", s.Behind, age(h.o.Clock(), s.Oldest)))
		}
	}
	return list
}

// heldDetail counts held lines by reason.
func heldDetail(held []relay.Held) string {
	count := map[hub.Code]int{}
	for _, l := range held {
		count[l.Code]++
	}
	var reasons []string
	for _, code := range slices.Sorted(maps.Keys(count)) {
		reasons = append(reasons, fmt.Sprintf("%d %s", count[code], code))
	}
	return fmt.Sprintf("%d tenants are held back: %s", len(held), strings.Join(reasons, ", "))
}

// measureRelay adds how the relay of the shard stands.
func (h *Hub) measureRelay(shard *obs.Shard) {
	r := h.relays[shard.ID]
	if r == nil {
		return
	}
	s := r.Status()
	shard.Leads, shard.Behind, shard.Held = s.Leading, s.Behind, len(s.Held)
	if !s.Oldest.IsZero() {
		shard.Oldest = max(0, h.o.Clock().Sub(s.Oldest))
	}
}

// measuredBroker counts what is told, and traces it.
type measuredBroker struct {
	relay.Broker
	shard   hub.ShardID
	metrics *obs.Metrics
	tracer  *obs.Tracer
}

func (b measuredBroker) Publish(ctx context.Context, runs []relay.Run) []relay.Told {
	begin := time.Now()
	told := b.Broker.Publish(ctx, runs)
	n, changes := 0, 0
	var err error
	for i, t := range told {
		n, changes, err = n+t.Count, changes+len(runs[i].Changes), cmp.Or(err, t.Err)
	}
	b.metrics.Told(b.shard, n)
	b.tracer.Publication(ctx, b.shard, len(runs), changes, n, err, time.Since(begin))
	return told
}
