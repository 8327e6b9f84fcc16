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
	"time"

	"hub"
	"hub/internal/app"
)

// sandboxCommand serves a made-up platform.
type sandboxCommand struct {
	secretFlags
	format
	Platform hub.Platform      `help:"Which one: shopify, shopee or mercadolibre." enum:"shopify,shopee,mercadolibre" default:"shopify" placeholder:"NAME"`
	Listen   string            `help:"Where to listen, on loopback only: it has no sign-in." default:"127.0.0.1:8787" placeholder:"ADDRESS"`
	Seed     uint64            `help:"Of everything that is made up." default:"1" placeholder:"N"`
	Shops    []string          `help:"Names of shops." default:"little-shop" placeholder:"NAME,…"`
	Currency string            `help:"Of all shops on Shopify." enum:"USD,EUR,BRL,JPY,KWD" default:"USD" placeholder:"CODE"`
	Country  string            `help:"Of all shops elsewhere: a region of Shopee, SG if left out, or a site of Mercado Libre, MLB if left out." placeholder:"CODE"`
	Rate     int               `help:"Orders a minute in each shop; 0 leaves that to the control API." default:"6" placeholder:"N"`
	Pace     time.Duration     `help:"Time between the steps of an order's life." default:"10s" placeholder:"DURATION"`
	Fault    map[string]int    `help:"Faults in per mille, such as duplicate, reorder, delay, drop, forge, api_error, api_slow, api_throttle, api_lag; docs/sandbox.md has all." placeholder:"NAME=N;…"`
	Hook     map[string]string `help:"Where a shop's webhooks go, such as the address that hub connection add prints." placeholder:"SHOP=URL;…"`
	Redirect []string          `help:"Allowed redirect_uri of the app that merchants can install; Shopee looks at its host alone." placeholder:"URL,…"`
	Push     string            `help:"Where the webhooks of that app go, as hub app add prints it; on Shopify the app subscribes to them itself." placeholder:"URL"`
	AppURL   string            `help:"Where an install request goes, on Shopify." placeholder:"URL"`
	Speed    int               `help:"Seconds that pass there while one passes here." default:"1" placeholder:"N"`
	Virtual  bool              `help:"A clock that only the control API moves."`
}

// Help says what kong's one line cannot.
func (sandboxCommand) Help() string {
	return "A strict platform in one process, in memory: webhooks signed and repeated as documented, OAuth pages, the API for orders " +
		"and subscriptions. --secret or --secret-file is what the webhooks of --hook are signed with; without one a " +
		"secret is made up and printed. docs/sandbox.md has the control API, and what is a guess."
}

// stage is what the command needs of a made-up platform: it serves, it is filled, and things go wrong on it.
type stage interface {
	// Run sends what is due until ctx ends.
	Run(ctx context.Context)
	// Control serves its pages and its API.
	Control() http.Handler
	stock
	faults
}

// stock fills a platform.
type stock interface {
	// app makes the app that merchants can install and returns its client id.
	app(c *sandboxCommand, secret string) (clientID string, err error)
	// shop opens a shop and returns the platform's name of it, and its address below that of the sandbox.
	shop(c *sandboxCommand, name string) (id, path string, err error)
	// hook gives the n-th shop an app of its own that is let in, and whose deliveries go to its HookURL.
	hook(n int, s sandboxShop) error
	// trade has orders come to a shop, one each interval, and their steps at a pace.
	trade(shop string, interval, pace time.Duration) error
}

// faults are what can go wrong.
type faults interface {
	// names lists them.
	names() []string
	// rate sets one to so many per mille.
	rate(name string, perMille int) error
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

// open makes the platform.
func (c *sandboxCommand) open() stage {
	start, clock := time.Now(), hub.Clock(nil)
	if !c.Virtual {
		start, clock = time.Time{}, app.SystemClock
	}
	switch c.Platform {
	case hub.Shopee:
		return openShopee(c, start, clock)
	case hub.MercadoLibre:
		return openMercadoLibre(c, start, clock)
	}
	return openShopify(c, start, clock)
}

// Run serves until the context ends.
func (c *sandboxCommand) Run(p *process) error {
	platform := c.open()
	if err := c.check(platform); err != nil {
		return err
	}
	secret, err := c.read(p)
	if err != nil {
		return err
	}
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
func (c *sandboxCommand) check(of faults) error {
	address, err := netip.ParseAddrPort(c.Listen)
	if err != nil || !address.Addr().IsLoopback() {
		return usageError{"--listen must be a loopback address with a port, such as 127.0.0.1:8787"}
	}
	if c.Rate < 0 || c.Rate > 60_000 || c.Pace <= 0 || c.Speed < 1 || c.Speed > 100_000 {
		return usageError{"--rate must be 0 to 60000, --speed 1 to 100000 and --pace more than 0"}
	}
	for name, rate := range c.Fault {
		if !slices.Contains(of.names(), name) || rate < 0 || rate > 1000 {
			return usageError{fmt.Sprintf("--fault takes names that %s has with 0 to 1000 per mille", c.Platform)}
		}
	}
	return c.checkAddresses()
}

// checkAddresses finds those that lead nowhere, or that the platform has no use for.
func (c *sandboxCommand) checkAddresses() error {
	for name, target := range c.Hook {
		if !slices.Contains(c.Shops, name) || !isAddress(target) {
			return usageError{"--hook takes shops of --shops with the address of each"}
		}
	}
	shopify := c.Platform == hub.Shopify
	switch {
	case shopify && (c.Country != "" || c.Push != ""):
		return usageError{"--country and --push are not for shopify"}
	case !shopify && (c.Currency != "USD" || c.AppURL != ""):
		return usageError{"--currency and --app-url are for shopify alone"}
	case c.Push != "" && !isAddress(c.Push):
		return usageError{"--push takes an address"}
	}
	for _, back := range c.Redirect {
		if !isAddress(back) {
			return usageError{"--redirect takes addresses"}
		}
	}
	return nil
}

func isAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != ""
}

// fill makes the shops, the app that merchants can install, and for each hook an app of the shop's own.
func (c *sandboxCommand) fill(platform stage, base, secret string) (shops []sandboxShop, installable sandboxApp, err error) {
	installable.Secret = c.madeUp("app")
	if installable.ClientID, err = platform.app(c, installable.Secret); err != nil {
		return nil, installable, err
	}
	for i, name := range c.Shops {
		id, path, err := platform.shop(c, name)
		if err != nil {
			return nil, installable, fmt.Errorf("opening shop %s: %w", name, err)
		}
		s := sandboxShop{Shop: id, Address: base + path, HookURL: c.Hook[name]}
		if s.HookURL != "" {
			if s.Secret = secret; secret == "" {
				s.Secret = c.madeUp(name)
			}
			if err := platform.hook(i, s); err != nil {
				return nil, installable, err
			}
		}
		shops = append(shops, s)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fault)) {
		if err := platform.rate(name, c.Fault[name]); err != nil {
			return nil, installable, err
		}
	}
	for _, s := range shops {
		if c.Rate > 0 {
			if err := platform.trade(s.Shop, time.Minute/time.Duration(c.Rate), c.Pace); err != nil {
				return nil, installable, err
			}
		}
	}
	return shops, installable, nil
}

// madeUp is a secret that the seed decides. It protects nothing: the shops it belongs to do not exist.
func (c *sandboxCommand) madeUp(of string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "sandbox %d %s", c.Seed, of))
	prefix := map[hub.Platform]string{hub.Shopify: "shpss_", hub.Shopee: "shpk"}[c.Platform]
	return fmt.Sprintf("%s%x", prefix, sum[:16])
}

// announce says where everything is, for the person who started it.
func (c *sandboxCommand) announce(p *process, base string, shops []sandboxShop, installable sandboxApp) error {
	if !c.json() {
		title := map[hub.Platform]string{hub.Shopify: "Shopify", hub.Shopee: "Shopee", hub.MercadoLibre: "Mercado Libre"}[c.Platform]
		fmt.Fprintf(p.stdout, "A made-up %s listens on %s: open it in a browser.\n", title, base)
		fmt.Fprintf(p.stdout, "Its app for installing: client id %s, client secret %s\n", installable.ClientID, installable.Secret)
	}
	rows := [][]string{}
	for _, s := range shops {
		rows = append(rows, []string{s.Shop, s.Address, s.HookURL, s.Secret})
	}
	value := map[string]any{"address": base, "platform": c.Platform, "app": installable, "shops": shops}
	return c.print(p, value, []string{"SHOP", "ADDRESS", "SENDS TO", "SIGNS WITH"}, rows)
}

// serve answers and sends until the context ends.
func (c *sandboxCommand) serve(ctx context.Context, listener net.Listener, platform stage) error {
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

// texts are the names of faults as texts.
func texts[F ~string](list []F) (names []string) {
	for _, f := range list {
		names = append(names, string(f))
	}
	return names
}

// sandboxWorkers is how many deliveries a made-up platform sends at once.
const sandboxWorkers = 16
