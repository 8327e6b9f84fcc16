package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"hub/internal/app"
	"hub/internal/config"
	"hub/internal/demo"
)

// serveCommand runs the hub until a signal.
type serveCommand struct {
	serverSettings
}

// Help says what kong's one line cannot.
func (serveCommand) Help() string {
	return "Without any setting this is a complete, durable hub for one small merchant. A signal (SIGTERM, SIGINT) stops it " +
		"after what it has accepted is stored, within 15 seconds; a second one ends it at once."
}

// Run serves until the context ends.
func (c *serveCommand) Run(p *process) error {
	settings, err := c.load(p)
	if err != nil {
		return err
	}
	app.UseProcessors()
	logger := newLogger(settings, p.stderr)
	h, err := app.Open(p.ctx, settings, app.Options{Logger: logger, Version: version(), Keeper: keeper()})
	if err != nil {
		return p.opened(err, logger)
	}
	if err := h.Listen(); err == nil { // what it cannot listen on, Run reports
		announce(p.stdout, settings, h.URL(), h.OperatorKeyFile())
	}
	return h.Run(p.ctx)
}

// keeper is this program as the hub begins it for refresh calls; none where the system does not tell where the program is.
func keeper() []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{self, "keep-token"}
}

// opened is what an error of opening ends the program with. A stop that somebody asked for is a regular end at any moment;
// databases report it in many words, so the log keeps them.
func (p *process) opened(err error, logger *slog.Logger) error {
	if p.ctx.Err() == nil {
		return err
	}
	logger.Info("stopped while opening", "at", err)
	return nil
}

// announce says where the hub is, for the person who started it.
func announce(w io.Writer, settings config.Config, url, operatorKey string) {
	fmt.Fprintln(w, "The hub listens on", url)
	bound, err := netip.ParseAddrPort(strings.TrimPrefix(url, "http://"))
	if err == nil {
		if public := settings.Public(net.TCPAddrFromAddrPort(bound)); public != url {
			fmt.Fprintln(w, "Platforms reach it at", public)
		}
	}
	if operatorKey != "" {
		fmt.Fprintln(w, "The operator key is in", operatorKey)
	}
}

// demoCommand shows the hub at work.
type demoCommand struct {
	Orders int    `help:"How many orders." default:"300"`
	Seed   uint64 `help:"Of the shops, the lives of their orders and the faults." default:"1"`
	Serve  bool   `help:"Stay up at the end and print the addresses."`
}

// Run needs no settings. A reader of the output that goes away is an error to clean up after, not a signal that kills.
func (c *demoCommand) Run(p *process) error {
	if c.Orders < 1 {
		return usageError{"--orders must be 1 or more"}
	}
	signal.Ignore(syscall.SIGPIPE)
	return demo.Run(p.ctx, demo.Options{
		Out: p.stdout, Interactive: isTerminal(p.stdout), Orders: c.Orders, Seed: c.Seed, Serve: c.Serve, Version: version(),
	})
}
