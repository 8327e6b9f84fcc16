package main

import (
	"fmt"

	"hub/internal/app"
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
	h, err := app.Open(p.ctx, settings, app.Options{Logger: newLogger(settings, p.stderr), Version: version()})
	if err != nil {
		return err
	}
	if err := h.Listen(); err == nil { // what it cannot listen on, Run reports
		fmt.Fprintln(p.stdout, "The hub listens on", h.URL())
		if file := h.OperatorKeyFile(); file != "" {
			fmt.Fprintln(p.stdout, "The operator key is in", file)
		}
	}
	return h.Run(p.ctx)
}

// demoCommand shows the hub at work.
type demoCommand struct {
	Orders int    `help:"How many orders." default:"300"`
	Seed   uint64 `help:"Of duplicates, order and faults; the same seed repeats a run." default:"1"`
	Serve  bool   `help:"Stay up at the end and print the address."`
}

// Run needs no settings.
func (c *demoCommand) Run(p *process) error {
	return demo.Run(p.ctx, demo.Options{
		Out: p.stdout, Interactive: isTerminal(p.stdout), Orders: c.Orders, Seed: c.Seed, Serve: c.Serve, Version: version(),
	})
}
