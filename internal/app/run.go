package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"hub"
	"hub/internal/httpapi"
	"hub/internal/tenancy"
	"hub/internal/wal"
)

// Times of a regular stop, which together stay below the 15 seconds that an operator's tools wait.
const (
	closeDoors   = 4 * time.Second // for requests under way; waiting feeds are woken at once
	finishDrain  = 7 * time.Second // for what was accepted; the rest stays in the log
	finishTell   = time.Second     // for what was committed; the next start, or another hub, tells the rest
	finishTraces = time.Second     // for spans; the rest of them is lost
	tidyEvery    = 200 * time.Millisecond
)

// servers are the two ports.
type servers struct {
	public, admin net.Listener
}

// Listen takes the ports, so that URL is known; Run calls it when nobody has.
func (h *Hub) Listen() error {
	if h.servers != nil {
		return nil
	}
	public, err := net.Listen("tcp", h.cfg.Listen)
	if err != nil {
		return hub.Errorf(hub.KindUnavailable, "listening", "HUB_LISTEN: %w", err)
	}
	admin, err := net.Listen("tcp", h.cfg.AdminListen)
	if err != nil {
		return errors.Join(hub.Errorf(hub.KindUnavailable, "listening", "HUB_ADMIN_LISTEN: %w", err), public.Close())
	}
	h.servers = &servers{public: public, admin: admin}
	return nil
}

// URL is the address of the API on this machine, once it listens.
func (h *Hub) URL() string { return "http://" + h.servers.public.Addr().String() }

// AdminURL is the address of the admin port.
func (h *Hub) AdminURL() string { return "http://" + h.servers.admin.Addr().String() }

func (h *Hub) publicURL() string { return h.cfg.Public(h.servers.public.Addr()) }

// Run serves until ctx ends or a part fails for good, then stops in this order: doors closed, accepted work drained, what
// it changed told, parts closed. It ends within 15 seconds of ctx.
func (h *Hub) Run(ctx context.Context) error {
	if err := h.Listen(); err != nil {
		return errors.Join(err, h.close())
	}
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	failed := make(chan error, 1)
	var background sync.WaitGroup
	start := func(f func(context.Context) error) {
		background.Go(func() {
			if err := f(work); err != nil {
				report(failed, err)
			}
		})
	}
	for _, d := range h.drainers {
		start(d.Run)
	}
	start(h.follow)
	start(h.tidy)
	start(h.intake.run)
	start(h.forgetLoop)
	start(h.audit.Run)
	start(h.keepTokens)
	start(h.planDays)
	start(h.broker.keep)
	for _, r := range h.relays {
		start(r.Run)
	}
	later, stopLater := context.WithCancel(ctx)
	defer stopLater()
	background.Go(func() { h.work(later) })
	stopServing := h.serve(ctx, failed)

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		h.o.Logger.Error("stopping: a part failed", "error", err)
	}
	stopLater() // beside the rest: what is under way has its own grace
	stopServing()
	h.finish(err == nil)
	stopWork()
	background.Wait()
	return errors.Join(err, h.close())
}

// report hands on the first failure; one is enough to stop.
func report(failed chan<- error, err error) {
	select {
	case failed <- err:
	default:
	}
}

// serve starts both ports and returns what stops them.
func (h *Hub) serve(ctx context.Context, failed chan<- error) (stop func()) {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	base := func(net.Listener) context.Context { return requests }
	public, admin := httpapi.Server(h.api.Handler()), httpapi.Server(h.api.AdminHandler())
	public.BaseContext, admin.BaseContext = base, base
	run := func(s *http.Server, l net.Listener) {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			report(failed, hub.Errorf(hub.KindUnavailable, "serving", "%w", err))
		}
	}
	go run(public, h.servers.public)
	go run(admin, h.servers.admin)
	h.o.Logger.Info("serving", "url", h.URL(), "admin", h.AdminURL(), "instance", h.instance.id)
	return func() {
		limit, done := context.WithTimeout(context.WithoutCancel(ctx), closeDoors)
		defer done()
		// New work is refused at once; what waits for news is told that there is none.
		time.AfterFunc(closeDoors/4, cancel)
		err := errors.Join(public.Shutdown(limit), admin.Shutdown(limit))
		cancel()
		if err != nil {
			h.o.Logger.Warn("some requests did not end in time", "error", errors.Join(err, public.Close(), admin.Close()))
		}
	}
}

// finish waits until everything accepted is in the shards, within bounds. What is left is in the log.
func (h *Hub) finish(healthy bool) {
	if !healthy {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishDrain)
	defer cancel()
	last := h.log.Synced()
	for _, d := range h.drainers {
		if err := d.WaitFor(ctx, last); err != nil {
			h.o.Logger.Warn("stopping with deliveries in the log; the next start drains them", "shard", d.Shard)
		}
	}
	h.settle()
}

// follow keeps the directory up to date. When the control database is away the last state stays in force.
func (h *Hub) follow(ctx context.Context) error {
	tick := time.NewTicker(tenancy.RefreshEvery)
	defer tick.Stop()
	away, locked := false, 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := h.tenancy.Directory.Refresh(ctx)
		if (err != nil) != away && ctx.Err() == nil {
			away = err != nil
			h.o.Logger.Warn("refreshing the directory", "failing", away, "error", err)
		}
		h.full.directory.Store(away)
		if now := len(h.tenancy.Directory.Locked()); now != locked {
			locked = now
			h.o.Logger.Warn("apps whose secrets do not open: their deliveries are refused", "apps", h.tenancy.Directory.Locked())
		}
	}
}

// tidy deletes log segments that every shard has drained and watches the backlog.
func (h *Hub) tidy(ctx context.Context) error {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var most int64
		for _, c := range h.cursors {
			_, bytes := c.Backlog()
			most = max(most, bytes)
		}
		h.full.over.Store(most > h.cfg.BacklogMax)
		if _, err := h.log.Trim(); err != nil && !errors.Is(err, wal.ErrClosed) {
			h.o.Logger.Warn("trimming log", "error", err)
		}
	}
}
