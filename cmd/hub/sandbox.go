package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"hub/adapters/sandbox/shopify"
	"hub/internal/app"
)

// sandboxCommand serves a made-up Shopify.
type sandboxCommand struct {
	secretFlags
	format
	Listen   string            `help:"Where to listen, on loopback only: it has no sign-in." default:"127.0.0.1:8787" placeholder:"ADDRESS"`
	Seed     uint64            `help:"Of everything that is made up." default:"1" placeholder:"N"`
	Shops    []string          `help:"Names of shops." default:"little-shop" placeholder:"NAME,…"`
	Currency string            `help:"Of all shops." enum:"USD,EUR,BRL,JPY,KWD" default:"USD" placeholder:"CODE"`
	Rate     int               `help:"Orders a minute in each shop; 0 leaves that to the control API." default:"6" placeholder:"N"`
	Pace     time.Duration     `help:"Time between the steps of an order's life." default:"10s" placeholder:"DURATION"`
	Fault    map[string]int    `help:"Faults in per mille: duplicate, reorder, delay, drop, stale, forge, api_error, api_half, api_slow, api_throttle, api_lag." placeholder:"NAME=N;…"`
	Hook     map[string]string `help:"Where a shop's webhooks go, such as the address that hub connection add prints." placeholder:"SHOP=URL;…"`
	Redirect []string          `help:"Allowed redirect_uri of the app that merchants can install." placeholder:"URL,…"`
	AppURL   string            `help:"Where an install request goes." placeholder:"URL"`
	Speed    int               `help:"Seconds that pass there while one passes here." default:"1" placeholder:"N"`
	Virtual  bool              `help:"A clock that only the control API moves."`
}

// Help says what kong's one line cannot.
func (sandboxCommand) Help() string {
	return "A strict Shopify in one process, in memory: webhooks signed and repeated as documented, OAuth pages, the GraphQL Admin " +
		"API for orders and subscriptions. --secret or --secret-file is what the webhooks of --hook are signed with; without one a " +
		"secret is made up and printed. docs/sandbox.md has the control API, and what is a guess."
}

// sandboxShop is a line of what the command prints.
type sandboxShop struct {
	Shop    string `json:"shop"`
	Address string `json:"address"`
	HookURL string `json:"hook_url,omitempty"`
	Secret  string `json:"secret,omitempty"`
}

// sandboxApp is the app that merchants can install.
type sandboxApp struct {
	ClientID string `json:"client_id"`
	Secret   string `json:"client_secret"`
}

const sandboxClient = "sandbox-app"

// Run serves until the context ends.
func (c *sandboxCommand) Run(p *process) error {
	if err := c.check(); err != nil {
		return err
	}
	secret, err := c.read(p)
	if err != nil {
		return err
	}
	options := shopify.Options{Seed: c.Seed, Start: time.Now(), Loopback: true, Workers: 16}
	if !c.Virtual {
		options.Start, options.Clock, options.Speed = time.Time{}, app.SystemClock, c.Speed
	}
	platform := shopify.Open(options)
	listener, err := (&net.ListenConfig{}).Listen(p.ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	base := "http://" + listener.Addr().String()
	shops, installable, err := c.fill(platform, base, secret)
	if err != nil {
		return err
	}
	if err := c.announce(p, base, shops, installable); err != nil {
		return err
	}
	return c.serve(p.ctx, listener, platform)
}

// check finds mistakes on the command line.
func (c *sandboxCommand) check() error {
	address, err := netip.ParseAddrPort(c.Listen)
	if err != nil || !address.Addr().IsLoopback() {
		return usageError{"--listen must be a loopback address with a port, such as 127.0.0.1:8787"}
	}
	if c.Rate < 0 || c.Rate > 60_000 || c.Pace <= 0 || c.Speed < 1 || c.Speed > 100_000 {
		return usageError{"--rate must be 0 to 60000, --speed 1 to 100000 and --pace more than 0"}
	}
	for name, rate := range c.Fault {
		if !slices.Contains(shopify.FaultNames(), shopify.Fault(name)) || rate < 0 || rate > 1000 {
			return usageError{"--fault takes known names with 0 to 1000 per mille"}
		}
	}
	for name, target := range c.Hook {
		u, err := url.Parse(target)
		if !slices.Contains(c.Shops, name) || err != nil || u.Host == "" {
			return usageError{"--hook takes shops of --shops with the address of each"}
		}
	}
	return nil
}

// fill makes the shops, the app that merchants can install, and for each hook an app of the shop's own.
func (c *sandboxCommand) fill(platform *shopify.Platform, base, secret string) (shops []sandboxShop, installable sandboxApp, err error) {
	installable = sandboxApp{sandboxClient, c.madeUp("app")}
	everything := []string{"name", "address", "phone", "email"}
	if _, err := platform.AddApp(shopify.AppSpec{
		ClientID: installable.ClientID, Secrets: []string{installable.Secret}, Name: "Sandbox app", URL: c.AppURL, Redirects: c.Redirect, Customers: true, Fields: everything,
	}); err != nil {
		return nil, installable, err
	}
	decimals := map[string]int{"JPY": 0, "KWD": 3}
	for _, name := range c.Shops {
		digits, other := decimals[c.Currency]
		if !other {
			digits = 2
		}
		domain, err := platform.AddShop(shopify.ShopSpec{Name: name, Currency: c.Currency, Decimals: digits})
		if err != nil {
			return nil, installable, fmt.Errorf("opening shop %s: %w", name, err)
		}
		s := sandboxShop{Shop: domain, Address: base + "/shops/" + domain, HookURL: c.Hook[name]}
		if s.HookURL != "" {
			if s.Secret = secret; secret == "" {
				s.Secret = c.madeUp(name)
			}
			if err := c.hook(platform, s, everything); err != nil {
				return nil, installable, err
			}
		}
		shops = append(shops, s)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fault)) {
		if err := platform.SetFault(shopify.Fault(name), c.Fault[name]); err != nil {
			return nil, installable, err
		}
	}
	for _, s := range shops {
		if c.Rate > 0 {
			if err := platform.Trade(s.Shop, -1, time.Minute/time.Duration(c.Rate), c.Pace); err != nil {
				return nil, installable, err
			}
		}
	}
	return shops, installable, nil
}

// hook gives a shop an app of its own, whose subscriptions no failure removes.
func (c *sandboxCommand) hook(platform *shopify.Platform, s sandboxShop, fields []string) error {
	id := "hook-" + strings.TrimSuffix(s.Shop, ".myshopify.com")
	if _, err := platform.AddApp(shopify.AppSpec{
		ClientID: id, Secrets: []string{s.Secret}, Name: "Webhooks of --hook", Customers: true, Fields: fields,
		Hooks: []shopify.Hook{{Topics: shopify.Topics(), URI: s.HookURL}}, PrivacyURI: s.HookURL,
	}); err != nil {
		return err
	}
	_, err := platform.Install(id, s.Shop, []string{"read_orders", "read_all_orders"})
	return err
}

// madeUp is a secret that the seed decides. It protects nothing: the shops it belongs to do not exist.
func (c *sandboxCommand) madeUp(of string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "sandbox %d %s", c.Seed, of))
	return fmt.Sprintf("shpss_%x", sum[:16])
}

// announce says where everything is, for the person who started it.
func (c *sandboxCommand) announce(p *process, base string, shops []sandboxShop, installable sandboxApp) error {
	if !c.json() {
		fmt.Fprintf(p.stdout, "A made-up Shopify listens on %s: open it in a browser.\n", base)
		fmt.Fprintf(p.stdout, "Its app for installing: client id %s, client secret %s\n", installable.ClientID, installable.Secret)
	}
	rows := [][]string{}
	for _, s := range shops {
		rows = append(rows, []string{s.Shop, s.Address, s.HookURL, s.Secret})
	}
	value := map[string]any{"address": base, "app": installable, "shops": shops}
	return c.print(p, value, []string{"SHOP", "ADDRESS", "SENDS TO", "SIGNS WITH"}, rows)
}

// serve answers and sends until the context ends.
func (c *sandboxCommand) serve(ctx context.Context, listener net.Listener, platform *shopify.Platform) error {
	ctx, cancel := context.WithCancel(ctx)
	server := &http.Server{Handler: platform.Control(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
	sending := make(chan struct{})
	go func() {
		defer close(sending)
		if !c.Virtual {
			platform.Run(ctx)
		}
	}()
	defer func() { cancel(); <-sending }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
