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
	"strings"
	"time"

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

	temporary string                          // folder for the demo's own, the system's when ""
	patience  time.Duration                   // what has not come when nothing has moved for so long is lost; 30 s when 0
	poll      time.Duration                   // between two polls of a shop; 2 s when 0
	calm      bool                            // the platforms tell everything and answer well once the past has been read, and the road loses nothing
	between   func(http.Handler) http.Handler // in tests: stands between the road and the hub
}

// Run runs the demo and prints what happens. It returns an error unless every order reached its ERP exactly once, in its
// newest version, with the right amount, and every change was heard on the stream. When ctx ends first that is its error
// and says nothing about orders. A write to Out that fails ends the demo too.
func Run(ctx context.Context, o Options) (err error) {
	if o.Orders == 0 {
		o.Orders = 300
	}
	if o.patience == 0 {
		o.patience = 30 * time.Second
	}
	if o.poll == 0 {
		o.poll = 2 * time.Second
	}
	folder, err := os.MkdirTemp(o.temporary, "hub-demo-")
	if err != nil {
		return fmt.Errorf("making a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()

	watched, cancel := context.WithCancel(ctx)
	defer cancel()
	out := &screen{Writer: o.Out, gone: cancel}
	o.Out = out
	s := &show{o: o, folder: folder}
	err = errors.Join(s.run(watched), s.close())
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

// start opens a hub on free ports, reached by platforms at public, and runs it; stop ends it and reports how that went.
func start(ctx context.Context, folder, public string, o Options) (hub *app.Hub, stop func() error, err error) {
	cfg, _, err := config.Load(config.Input{Flags: map[string]string{
		"data": folder, "listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0", "public_url": public,
	}})
	if err != nil {
		return nil, nil, err
	}
	hub, err = app.Open(ctx, cfg, app.Options{
		Logger: o.Logger, Version: o.Version, PollEvery: o.poll, Storefronts: hurried(),
	})
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

// operator is a client with the key that a new hub leaves in its folder.
func operator(folder, url string) (Client, error) {
	key, err := os.ReadFile(filepath.Join(folder, "operator.key"))
	if err != nil {
		return Client{}, fmt.Errorf("reading the operator key: %w", err)
	}
	return Client{HTTP: &http.Client{Timeout: 90 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: atOnce + 1}}, URL: url, Key: strings.TrimSpace(string(key))}, nil
}
