package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"hub/internal/app"
	"hub/internal/bus"
)

// show is one demo: a shop, a road, a hub, an ERP that pulls and a listener on the stream.
type show struct {
	o      Options
	folder string
	closes []func() error // in the order of opening

	market *market
	road   *road
	hub    *app.Hub
	lives  *lives
	books  *Books
	ears   *Ears
}

// close ends what was opened, in reverse.
func (s *show) close() error {
	var errs []error
	for i := len(s.closes) - 1; i >= 0; i-- {
		errs = append(errs, s.closes[i]())
	}
	return errors.Join(errs...)
}

// run opens everything and shows it.
func (s *show) run(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	fmt.Fprintf(s.o.Out, "A hub is up: SQLite shards, an embedded stream, full durability, everything in a temporary folder.\n")
	if err := s.connect(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts, working := errgroup.WithContext(ctx)
	parts.Go(func() error { s.market.Run(working); return nil })
	parts.Go(func() error { return s.books.Follow(working) })
	parts.Go(func() error {
		return s.hub.Consume(working, bus.Consumer{Name: "demo", Ordered: true}, s.ears.Hear)
	})
	parts.Go(func() error { return s.lives.run(working, s.o.Orders) })
	err := s.watch(working)
	if err == nil && s.o.Serve {
		s.stay(working)
	}
	cancel()
	if failed := parts.Wait(); failed != nil && !errors.Is(failed, context.Canceled) {
		return failed
	}
	return err
}

// open starts the platform, the road and the hub behind it.
func (s *show) open(ctx context.Context) (err error) {
	if s.market, err = openMarket(s.o.Seed); err != nil {
		return err
	}
	s.closes = append(s.closes, s.market.close)
	if s.road, err = openRoad(s.o.Seed); err != nil {
		return err
	}
	s.closes = append(s.closes, s.road.close)
	hub, stop, err := start(ctx, s.folder, s.road.url, s.o)
	if err != nil {
		return err
	}
	s.closes = append(s.closes, stop)
	s.hub = hub
	door, err := proxy(hub.URL())
	if err != nil {
		return err
	}
	if s.o.between != nil {
		door = s.o.between(door)
	}
	s.road.lead(door)
	s.lives = &lives{act: s.market.Act, drop: func(n int) error { return s.market.FaultNext("drop", n) }, seed: s.o.Seed}
	return nil
}

// connect adds the shop to the hub with the app's secret, and the hub's door to the shop's subscriptions.
func (s *show) connect(ctx context.Context) error {
	client, err := operator(s.folder, s.hub.URL())
	if err != nil {
		return err
	}
	shop, err := client.Connect(ctx, "Little Shop", "shopify", shopDomain, shopSecret)
	if err != nil {
		return err
	}
	topics, err := s.market.subscribe(ctx, shop.PublicHookURL)
	if err != nil {
		return err
	}
	s.books, s.ears = &Books{Client: shop.ERP}, &Ears{}
	fmt.Fprintf(s.o.Out, "Little Shop is connected: %s tells %d topics with signed webhooks, an ERP pulls, a listener is on the stream.\n", shopDomain, topics)
	fmt.Fprintf(s.o.Out, "%d orders will live there, an hour of theirs in %d seconds of ours, and much goes wrong on the way.\n\n", s.o.Orders, 3600/speed)
	return nil
}

// watch draws the progress until everything has arrived, or nothing has moved for too long. Then it prints the summary.
func (s *show) watch(ctx context.Context) error {
	line := &progress{out: s.o.Out, interactive: s.o.Interactive}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	begin := time.Now()
	moved, last, quiet := begin, seen{}, 0
	for {
		now, complete := s.look(line)
		if quiet++; now != last || !complete {
			quiet = 0
		}
		if now != last {
			moved, last = time.Now(), now
		}
		if quiet == settle || time.Since(moved) > s.o.patience {
			line.end()
			return s.summary(time.Since(begin))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			line.end()
			return ctx.Err()
		}
	}
}

// settle is for how many looks in a row nothing moves when all has arrived: something that came twice would show by then.
const settle = 3

// seen is what can move.
type seen struct{ steps, attempts, changes, heard, acknowledged int }

// look draws where everything stands, and says whether all is where it belongs.
func (s *show) look(line *progress) (now seen, complete bool) {
	orders := s.market.Orders(shopDomain)
	_, changes, acknowledged := s.books.Count()
	now = seen{int(s.lives.steps.Load()), s.road.traffic().attempts, changes, s.ears.Count(), acknowledged}
	ended, same := int(s.lives.ended.Load()), settled(orders, s.books)
	line.draw(min(ended, same), s.o.Orders, fmt.Sprintf("%d attempts to deliver, %d changes pulled, %d heard", now.attempts, now.changes, now.heard))
	complete = ended == s.o.Orders && same == ended && acknowledged >= ended && now.heard >= now.changes
	return now, complete && s.market.dispatched().open == 0
}

// summary prints the figures and is an error unless they are clean.
func (s *show) summary(took time.Duration) error {
	t := s.tally()
	t.print(s.o.Out)
	if err := t.err(); err != nil {
		return err
	}
	fmt.Fprintf(s.o.Out, "\nEvery order is in the ERP's hands exactly once, after %.1f s.\n", took.Seconds())
	return nil
}

// stay keeps everything up until ctx ends. The platform's clock goes like ours from now on.
func (s *show) stay(ctx context.Context) {
	s.market.watch.slow()
	fmt.Fprintf(s.o.Out, `
Still up until you press Ctrl-C; the ERP goes on pulling.
The hub        %s, its API described at %s/docs
Operator key   %s
The sandbox    %s: shop, deliveries and faults in a browser
`, s.hub.URL(), s.hub.URL(), filepath.Join(s.folder, "operator.key"), s.market.url)
	<-ctx.Done()
}
