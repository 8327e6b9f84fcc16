package app

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"hub"
	"hub/internal/httpapi"
	"hub/internal/intake"
	"hub/internal/wal"
)

// bound is what the housekeeping last saw.
type bound struct {
	over      atomic.Bool // the backlog exceeds its bound
	directory atomic.Bool // the directory cannot be refreshed
}

func (b *bound) exceeded() bool { return b.over.Load() }

// gauge remembers when the log last refused an append, to say so in /readyz: the platforms notice first.
type gauge struct {
	intake.Appender
	clock   hub.Clock
	refused atomic.Int64 // Unix seconds, 0 once an append went well
}

// refusedFor is how long a refusal makes the hub unready. After it somebody must try, or nothing would ever clear it.
const refusedFor = 15 * time.Second

func (g *gauge) Append(ctx context.Context, payload []byte) (wal.Index, error) {
	i, err := g.Appender.Append(ctx, payload)
	switch {
	case err == nil:
		if g.refused.Load() != 0 {
			g.refused.Store(0)
		}
	case ctx.Err() == nil:
		g.refused.Store(g.clock().Unix())
	}
	return i, err
}

func (g *gauge) refuses() bool {
	at := g.refused.Load()
	return at != 0 && g.clock().Unix()-at < int64(refusedFor/time.Second)
}

// health keeps the last answer for a moment, because anybody may ask.
type health struct {
	mu   sync.Mutex
	at   time.Time
	list []httpapi.Problem
}

// healthFor is how long an answer is kept.
const healthFor = time.Second

// healthWait is how long a database has to answer. One that hangs must not make /readyz hang, for then whoever probes it takes a
// hub away that accepts; a probe waits a second unless it is told otherwise.
const healthWait = 800 * time.Millisecond

// problems says what keeps the hub from working as it should, and which of it keeps it from accepting.
func (h *Hub) problems(ctx context.Context) []httpapi.Problem {
	h.health.mu.Lock()
	defer h.health.mu.Unlock()
	now := h.o.Clock()
	if since := now.Sub(h.health.at); since < 0 || since >= healthFor {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthWait) // the answer is for others, too
		defer cancel()
		h.health.at, h.health.list = now, h.examine(ctx)
	}
	return h.health.list
}

func (h *Hub) examine(ctx context.Context) (list []httpapi.Problem) {
	add := func(blocks bool, part, detail string) {
		list = append(list, httpapi.Problem{Part: part, Detail: detail, Blocks: blocks})
	}
	if h.gauge.refuses() {
		add(true, "log", "it refuses what arrives, as when the disk is full; webhooks are answered 503")
	}
	if h.full.exceeded() {
		add(true, "backlog", "undrained deliveries exceed HUB_BACKLOG_MAX; webhooks are answered 503")
	}
	if h.full.directory.Load() {
		add(h.tenancy.Directory.Version() == 0, "directory", "it cannot be refreshed; working from the last one")
	}
	if n := len(h.tenancy.Directory.Locked()); n > 0 {
		add(false, "apps", fmt.Sprintf("the secrets of %d do not open; deliveries to them are answered 503", n))
	}
	for _, s := range h.store.Health(ctx) {
		if s.Err != nil {
			add(false, s.Name, s.Err.Error())
		}
	}
	for _, c := range h.chores {
		if err := c.failing(); err != nil {
			add(false, c.name, err.Error())
		}
	}
	list = append(list, h.untold()...)
	for _, d := range h.drainers {
		if s := d.Status(); s.Waiting || s.Retrying > 0 {
			add(false, "drain "+string(s.Shard), s.Trouble)
		}
	}
	return list
}
