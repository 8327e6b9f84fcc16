package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"hub/internal/app"
	"hub/internal/bus"
)

// show is one demo: platforms with a shop each, a road, a hub, merchants with an ERP that pulls, and a listener on the stream.
type show struct {
	o      Options
	folder string
	closes []func() error // in the order of opening

	watch   *watch
	tenants []*tenant
	road    *road
	hub     *app.Hub
	ears    *Ears
}

// markets are those of all tenants.
func (s *show) markets() (list []*market) {
	for _, t := range s.tenants {
		list = append(list, t.markets...)
	}
	return list
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
	fmt.Fprintf(s.o.Out, "A hub is up, as hub serve starts it: SQLite files, its own event stream, nothing answered before it is on disk.\n")
	fmt.Fprintf(s.o.Out, "Everything else is made up and runs in here, too: the platforms, their shops and buyers, the ERPs. All files are in a temporary folder.\n\n")
	if err := s.connect(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts, working := errgroup.WithContext(ctx)
	s.watch.begin()
	for _, t := range s.tenants {
		parts.Go(func() error { return t.books.Follow(working) })
		for _, m := range t.markets {
			parts.Go(func() error { m.Run(working); return nil })
			parts.Go(func() error {
				if s.o.calm { // what is told from here on, the hub has from deliveries and polls alone
					t.past(working, m)
				}
				return m.lives.run(working)
			})
		}
	}
	parts.Go(func() error {
		return s.hub.Consume(working, bus.Consumer{Name: "demo", Ordered: true}, s.ears.Hear)
	})
	err := s.follow(working)
	if err == nil && s.o.Serve {
		s.stay(working)
	}
	cancel()
	if failed := parts.Wait(); failed != nil && !errors.Is(failed, context.Canceled) {
		return failed
	}
	return err
}

// past returns when the tenant's ERP has what was at a market before anybody was connected.
func (t *tenant) past(ctx context.Context, m *market) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for settled(m.orders(), t.books, m.connection) < len(m.lives.old) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// open starts the platforms, the road and the hub behind it.
func (s *show) open(ctx context.Context) error {
	s.watch, s.ears = newWatch(), &Ears{}
	if err := s.openMarkets(ctx); err != nil {
		return err
	}
	news := map[string]reader{}
	for _, m := range s.markets() {
		news[string(m.name)] = m.news
	}
	var err error
	if s.road, err = openRoad(s.o, news); err != nil {
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
	return nil
}

// opener makes one platform with a shop.
type opener func(o Options, w *watch) (profile, platform, error)

// cast is who sells where.
func cast() []merchant {
	return []merchant{{"Little Shop", []opener{openShopify, openMercadoLibre}}, {"Small Things", []opener{openShopee}}}
}

type merchant struct {
	name  string
	shops []opener
}

// openMarkets opens the platforms, shares the orders out to them, and has some of them pass before anybody is connected.
func (s *show) openMarkets(ctx context.Context) error {
	for _, one := range cast() {
		t := &tenant{name: one.name}
		s.tenants = append(s.tenants, t)
		for _, open := range one.shops {
			about, made, err := open(s.o, s.watch)
			if err != nil {
				return err
			}
			m, err := openMarket(about, made, s.watch, s.o)
			if err != nil {
				return err
			}
			s.closes = append(s.closes, m.close)
			t.markets = append(t.markets, m)
		}
	}
	left, shares := s.o.Orders, 0
	for _, m := range s.markets() {
		shares += m.share
	}
	for _, m := range s.markets() {
		m.lives.all = left * m.share / shares
		left, shares = left-m.lives.all, shares-m.share
		if err := m.history(ctx, m.lives.all/pastOne, s.watch.time); err != nil {
			return err
		}
	}
	return nil
}

// connect adds the tenants to the hub and has the owners of their shops connect them.
func (s *show) connect(ctx context.Context) error {
	client, err := operator(s.folder, s.hub.URL())
	if err != nil {
		return err
	}
	for _, t := range s.tenants {
		if err := t.join(ctx, client); err != nil {
			return err
		}
		for _, m := range t.markets {
			if err := introduce(ctx, client, m); err != nil {
				return err
			}
			if err := t.connect(ctx, m); err != nil {
				return err
			}
			fmt.Fprintf(s.o.Out, "%s has connected its shop %s, on the page on which %s asks for consent; orders from before: %d.%s\n", t.name, m.shop, m.title, len(m.lives.old), m.mends())
		}
	}
	fmt.Fprintf(s.o.Out, "The ERP of each merchant pulls orders from the hub and acknowledges them, and one more program listens to the event stream.\n\n")
	fmt.Fprintf(s.o.Out, "Now buyers order, pay, return: %d orders in all, %d seconds of theirs in one of ours. On purpose, deliveries (webhooks) are lost, doubled,\n", s.o.Orders, speed)
	fmt.Fprintf(s.o.Out, "late or forged, and the platforms answer some questions badly. An order is done when its life is over and the ERP has it as its\n")
	fmt.Fprintf(s.o.Out, "shop does. Counted beside that: deliveries tried, changes pulled by the ERPs, and changes heard on the stream.\n\n")
	return nil
}

// mends says what somebody must mend at a connection.
func (m *market) mends() string {
	if len(m.todo) == 0 {
		return ""
	}
	return " Somebody must mend: " + strings.Join(m.todo, ", ") + "."
}

// follow draws the progress until everything has arrived, or nothing has moved for too long. Then it prints the summary.
func (s *show) follow(ctx context.Context) error {
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

// seen is what can move. Polls are not in it: they go on for ever.
type seen struct{ steps, attempts, changes, heard, acknowledged int }

// look draws where everything stands, and says whether all is where it belongs.
func (s *show) look(line *progress) (now seen, complete bool) {
	done, complete := 0, true
	for _, t := range s.tenants {
		for _, m := range t.markets {
			shelf := t.books.Shop(m.connection)
			ended, same := int(m.lives.ended.Load()), settled(m.orders(), t.books, m.connection)
			done += min(ended, same)
			now.steps += int(m.lives.steps.Load())
			now.attempts += s.road.traffic(string(m.name)).attempts
			now.changes += shelf.Changes
			now.acknowledged += shelf.Acknowledged
			complete = complete && ended == m.lives.all && same == ended && shelf.Acknowledged >= ended
		}
	}
	now.heard = s.ears.Count()
	line.draw(done, s.o.Orders, fmt.Sprintf("%d deliveries, %d pulled, %d heard", now.attempts, now.changes, now.heard))
	return now, complete && now.heard >= now.changes
}

// summary prints the figures and is an error unless they are clean.
func (s *show) summary(took time.Duration) error {
	t := s.tally()
	t.print(s.o.Out)
	if err := t.err(); err != nil {
		return err
	}
	fmt.Fprintf(s.o.Out, "\nEvery order is in the ERP's hands exactly once, after %.1f s.\n", took.Seconds())
	if !s.o.Serve {
		fmt.Fprintln(s.o.Out, "To look around in the hub and the made-up platforms, run hub demo --serve.")
	}
	return nil
}

// stay keeps everything up until ctx ends. The platforms' clocks go like ours from now on.
func (s *show) stay(ctx context.Context) {
	s.watch.end()
	sandboxes := ""
	for _, m := range s.markets() {
		sandboxes += fmt.Sprintf("%-14s %s, made up: its shop, deliveries and faults, in a browser\n", m.title, m.url)
	}
	fmt.Fprintf(s.o.Out, `
Still up until you press Ctrl-C; the ERPs go on pulling.
The hub        %s, its API described at %s/docs
Operator key   in %s
%s`, s.hub.URL(), s.hub.URL(), filepath.Join(s.folder, "operator.key"), sandboxes)
	<-ctx.Done()
}
