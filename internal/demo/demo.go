package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"hub/adapters/sandbox/shopify"
	"hub/internal/app"
	"hub/internal/config"
)

// Options of a demo.
type Options struct {
	Out         io.Writer
	Interactive bool // Out is a terminal: the progress line is redrawn in place
	Orders      int  // 300 when 0
	Seed        uint64
	Serve       bool // stay up after the summary until ctx ends
	Logger      *slog.Logger
	Version     string
}

const (
	shopDomain  = "little-shop.myshopify.com"
	shopSecret  = "demo-secret-of-a-made-up-app"
	connections = 16
)

// Run runs the demo and prints what happens. It returns an error unless every order reached the ERP exactly once, in its
// newest version, with the right amount. When ctx ends first that is its error and says nothing about orders. A write to
// Out that fails ends the demo too.
func Run(ctx context.Context, o Options) (err error) {
	if o.Orders == 0 {
		o.Orders = 300
	}
	folder, err := os.MkdirTemp("", "hub-demo-")
	if err != nil {
		return fmt.Errorf("making a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()

	watched, cancel := context.WithCancel(ctx)
	defer cancel()
	out := &screen{Writer: o.Out, gone: cancel}
	o.Out = out
	err = show(watched, folder, o)
	switch {
	case out.err != nil:
		return fmt.Errorf("printing: %w", out.err)
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("interrupted: %w", ctx.Err())
	}
	return err
}

// screen is where the demo prints, from one goroutine. What cannot be printed nobody sees, so the demo ends.
type screen struct {
	io.Writer
	gone func()
	err  error // the first
}

// Write notes a failure.
func (s *screen) Write(b []byte) (int, error) {
	n, err := s.Writer.Write(b)
	if err != nil && s.err == nil {
		s.err = err
		s.gone()
	}
	return n, err
}

// show starts a hub and shows it.
func show(ctx context.Context, folder string, o Options) (err error) {
	hub, stop, err := start(ctx, folder, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	fmt.Fprintf(o.Out, "A hub is up: SQLite shards, full durability, everything in a temporary folder.\n")
	key, err := os.ReadFile(filepath.Join(folder, "operator.key"))
	if err != nil {
		return fmt.Errorf("reading the operator key: %w", err)
	}
	operator := Client{HTTP: httpClient(), URL: hub.URL(), Key: strings.TrimSpace(string(key))}
	connected, err := operator.Connect(ctx, "Little Shop", "shopify", shopDomain, shopSecret)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "Little Shop is connected: %s sends signed webhooks, an ERP holds a key.\n", shopDomain)
	if err := trade(ctx, o, connected); err != nil {
		return err
	}
	if o.Serve {
		fmt.Fprintf(o.Out, "\nStill serving %s until you press Ctrl-C. Operator key: %s\n", hub.URL(), filepath.Join(folder, "operator.key"))
		<-ctx.Done()
	}
	return nil
}

// start opens a hub on free ports and runs it; stop ends it and reports how that went.
func start(ctx context.Context, folder string, o Options) (hub *app.Hub, stop func() error, err error) {
	cfg, _, err := config.Load(config.Input{Flags: map[string]string{
		"data": folder, "listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0",
	}})
	if err != nil {
		return nil, nil, err
	}
	hub, err = app.Open(ctx, cfg, app.Options{Logger: o.Logger, Version: o.Version})
	if err != nil {
		return nil, nil, err
	}
	if err := hub.Listen(); err != nil {
		return nil, nil, err
	}
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- hub.Run(serving) }()
	return hub, func() error { cancel(); return <-ended }, nil
}

// httpClient keeps enough connections for the senders.
func httpClient() *http.Client {
	return &http.Client{Timeout: 90 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: connections + 8}}
}

// trade lets the shop live, the ERP follow, and compares the two.
func trade(ctx context.Context, o Options, connected Shop) error {
	shop := shopify.New(shopDomain, shopSecret, o.Seed, time.Now())
	p := makePlan(shop, o.Orders, o.Seed)
	fmt.Fprintf(o.Out, "%d orders make %d deliveries: %d are copies, %d come before an older one.\n\n",
		len(p.newest), len(p.deliveries), p.copies, p.moved)

	limit, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	books := &Books{Client: connected.ERP}
	out := &sender{client: httpClient(), url: connected.HookURL}
	var complete atomic.Bool
	followed := make(chan error, 1)
	go func() { followed <- books.Follow(limit, complete.Load) }()

	begin := time.Now()
	sent := make(chan error, 1)
	go func() { sent <- out.send(limit, p.deliveries, connections) }()
	err := watch(limit, o, out, books, p, sent)
	took := time.Since(begin)
	complete.Store(true)
	if err := errors.Join(err, <-followed); err != nil {
		return err
	}
	return report(o.Out, p, out, books, took)
}

// watch draws the progress until everything sent is in the books.
func watch(ctx context.Context, o Options, s *sender, b *Books, p plan, sent <-chan error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	all := false
	for drawn := 0; ; drawn++ {
		s.mu.Lock()
		answered := len(s.times)
		s.mu.Unlock()
		orders, changes := b.Count()
		draw(o, drawn, fmt.Sprintf("  %d/%d delivered, %d/%d orders booked, %d changes", answered, len(p.deliveries), orders, len(p.newest), changes))
		if all && p.settled(b) {
			draw(o, -1, "")
			return nil
		}
		select {
		case err := <-sent:
			if err != nil {
				return err
			}
			all = true
			sent = nil
		case <-tick.C:
		case <-ctx.Done():
			draw(o, -1, "")
			if errors.Is(ctx.Err(), context.DeadlineExceeded) { // it took too long: what is missing may be lost
				return report(o.Out, p, s, b, 0)
			}
			return ctx.Err()
		}
	}
}

// draw shows one progress line: redrawn on a terminal, once a second elsewhere.
func draw(o Options, n int, line string) {
	switch {
	case o.Interactive && n < 0:
		fmt.Fprint(o.Out, "\r\x1b[K")
	case o.Interactive:
		fmt.Fprint(o.Out, "\r\x1b[K"+line)
	case n >= 0 && n%10 == 0:
		fmt.Fprintln(o.Out, line)
	}
}

// settled reports whether the books hold the newest version of every order.
func (p plan) settled(b *Books) bool { return p.lost(b) == 0 }

// lost counts orders that are not in the books in their newest version with the right amount.
func (p plan) lost(b *Books) (lost int) {
	for id, o := range p.newest {
		got, ok := b.Order(strconv.FormatInt(id, 10))
		if !ok || !got.SourceUpdatedAt.Equal(o.Updated) || got.Totals.CurrentTotal.Amount != o.CurrentTotal() {
			lost++
		}
	}
	return lost
}

// report prints the summary and is an error unless it is clean.
func report(out io.Writer, p plan, s *sender, b *Books, took time.Duration) error {
	orders, changes := b.Count()
	twice, holes, disorder := b.Faults()
	lost := p.lost(b)
	row := func(value int, name string) { fmt.Fprintf(out, "%8d  %s\n", value, name) }
	fmt.Fprintln(out, "Little Shop (Shopify)")
	row(orders, fmt.Sprintf("orders in the ERP, of %d placed", len(p.newest)))
	row(len(s.times), fmt.Sprintf("deliveries answered, half within %s, 99 %% within %s", round(s.quantile(500)), round(s.quantile(990))))
	row(changes, "changes in the feed, numbered without a hole")
	row(lost, "lost")
	row(twice, "twice")
	row(holes+disorder, "out of order")
	if lost+twice+holes+disorder > 0 {
		return fmt.Errorf("demo: %d lost, %d twice, %d holes, %d out of order", lost, twice, holes, disorder)
	}
	fmt.Fprintf(out, "\nEvery order is in the ERP's hands exactly once, after %s.\n", took.Round(10*time.Millisecond))
	return nil
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
