package connect

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// town is everything around the hubs of a test.
type town struct {
	*testing.T
	clock    *clock
	base     *base
	vault    *vault
	script   *script
	endpoint *endpoint
	apps     []App
	more     []Shop // connections that were not made by this package
	random   *rand.ChaCha8
	work     works
	later    []func() // what a slow keeper has still to do
	public   string
	count    atomic.Uint64

	forgotten []hub.ConnectionID
	changes   int // of the directory that were read again
}

type works struct {
	mu   sync.Mutex
	list []string
	err  error
}

func (w *works) Enqueue(_ context.Context, s Shop, kind string, _ time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.list = append(w.list, kind+" "+string(s.ID))
	}
	return w.err
}

var (
	single  = driver.Rotation{SingleUse: true, Ahead: 30 * time.Minute}
	repeats = driver.Rotation{Repeats: true, Ahead: 30 * time.Minute}
)

func newTown(t *testing.T, r driver.Rotation) *town {
	c := &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	return &town{
		T: t, clock: c, base: newBase(c), vault: &vault{}, script: &script{rotation: r}, endpoint: newEndpoint(r.Repeats),
		random: rand.NewChaCha8([32]byte{5}), public: "https://hub.example",
		apps: []App{
			{driver.App{ClientID: "c1", Secrets: []string{"s"}, Environment: "live", Redirect: "https://hub.example/connect/shopee/callback"}, "app_1", "", hub.Shopee, ""},
			{driver.App{ClientID: "c2", Secrets: []string{"s"}, Environment: "live", Redirect: "https://hub.example/connect/shopee/callback"}, "app_2", "ten_b", hub.Shopee, ""},
		},
	}
}

// Directory of the town.
func (w *town) App(id hub.AppID) (App, bool) {
	i := slices.IndexFunc(w.apps, func(a App) bool { return a.ID == id })
	if i < 0 {
		return App{}, false
	}
	return w.apps[i], true
}

func (w *town) Apps(t hub.TenantID, p hub.Platform) (list []App) {
	for _, a := range w.apps {
		if a.Platform == p && (a.Tenant == "" || a.Tenant == t) {
			list = append(list, a)
		}
	}
	return list
}

func (w *town) shops() []Shop {
	w.base.mu.Lock()
	defer w.base.mu.Unlock()
	list := slices.Clone(w.more)
	for i := range list {
		list[i].Released = w.base.released[list[i].ID]
	}
	for _, s := range w.base.shops {
		s.HookURL = w.public + "/hooks/shopee/" + s.Endpoint
		s.Released = w.base.released[s.ID]
		list = append(list, s.Shop)
	}
	return list
}

func (w *town) Shop(id hub.ConnectionID) (Shop, bool) {
	for _, s := range w.shops() {
		if s.ID == id {
			return s, true
		}
	}
	return Shop{}, false
}

func (w *town) Account(p hub.Platform, name string) (list []Shop) {
	for _, s := range w.shops() {
		if s.Platform == p && s.Account == name {
			list = append(list, s)
		}
	}
	return list
}

// calls carries calls straight to the endpoint.
type calls struct{ *town }

func (c calls) App(a App, _ hub.TenantID, _ string) driver.Caller { return caller{c.town, a} }
func (c calls) Shop(Shop) driver.Caller                           { return nil }
func (c calls) Bearer(_ App, _ Shop, access string) driver.Caller { return bearer{c.town, access} }
func (c calls) States(Shop) []CallState                           { return []CallState{{Class: "orders"}} }
func (c calls) Forget(s Shop)                                     { c.forgotten = append(c.forgotten, s.ID) }

// bearer is a caller whose token is given.
type bearer struct {
	*town
	access string
}

func (bearer) Call(context.Context, driver.Call) (driver.Answer, error) { return driver.Answer{}, nil }

type caller struct {
	*town
	app App
}

func (c caller) Call(_ context.Context, call driver.Call) (driver.Answer, error) {
	r, err := c.script.Request(call, driver.Access{App: c.app.App}, time.Time{})
	if err != nil {
		return driver.Answer{}, err
	}
	response, err := c.endpoint.RoundTrip(r)
	if err != nil {
		return driver.Answer{}, &hub.Error{Kind: hub.KindUnknown}
	}
	body, _ := io.ReadAll(response.Body)
	a := driver.Answer{Status: response.StatusCode, Body: body}
	_, err = c.script.Judge(call, a)
	return a, err
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (w *town) jitter(d time.Duration) time.Duration { return d / 2 }

// hub is the refresher of one hub in the town.
func (w *town) hub(name string) *Refresher {
	r := &Refresher{
		Platforms: map[hub.Platform]Platform{hub.Shopee: w.script}, Directory: w, Vault: w.vault, Tokens: w.base, Errands: w.base,
		Calls: calls{w}, Holder: name, Clock: w.clock.time, Jitter: w.jitter, Logger: quiet(),
	}
	send := Send{Transport: func(driver.App) Transport { return w.endpoint }, Errands: w.base}
	r.Direct, r.Keeper = send, send
	return r
}

// service lets shops in.
func (w *town) service() *Service {
	r := w.hub("hub-1")
	return &Service{
		Platforms: r.Platforms, Directory: w, Calls: calls{w}, Lines: calls{w}, Vault: w.vault, Journeys: w.base, Grants: w.base, Tokens: w.base, Starts: w.base, Graves: w.base, Killer: w.vault,
		Work: &w.work, Source: &Source{Refresher: r, Notes: w.base}, Refresh: func(context.Context) error { w.changes++; return nil }, Clock: w.clock.time,
		IDs: func() (id [16]byte) { binary.BigEndian.PutUint64(id[8:], w.count.Add(1)); return id }, Random: w.random,
		Jitter: w.jitter, PublicURL: func() string { return w.public }, Logger: quiet(),
	}
}

// connected is a connection with tokens, as if its owner had just authorised.
func (w *town) connected(id hub.ConnectionID, name string) {
	w.Helper()
	first := w.endpoint.mint(name)
	shop := NewShop{Shop{ID: id, Tenant: "ten_a", App: "app_1", Platform: hub.Shopee, Environment: "live", Account: name}, "e"}
	token := driver.Token{Account: name, Access: first.Access, Refresh: first.Refresh, AccessUntil: w.clock.time().Add(4 * time.Hour)}
	g, err := sealer{w.vault}.grant(w.Context(), shop.Shop, 0, shop.App, token, w.script.rotation, w.clock.time(), w.jitter)
	if err == nil {
		err = w.base.Connect(w.Context(), shop, g)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// stored reads a connection's row and its pair.
func (w *town) stored(id hub.ConnectionID) (Stored, Pair) {
	w.Helper()
	s, err := w.base.Get(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	p, err := sealer{w.vault}.open(w.Context(), s.Tenant, id, s.Sealed)
	if err != nil {
		w.Fatal(err)
	}
	return s, p
}

// alive requires that the stored pair is the one that the platform takes.
func (w *town) alive(id hub.ConnectionID, name string) {
	w.Helper()
	s, p := w.stored(id)
	if s.Standing != OK || p.Refresh != w.endpoint.accounts[name].refresh || p.Access != w.endpoint.accounts[name].access {
		w.Errorf("%s: %s (%s), stored %s and %s, the platform takes %+v", id, s.Standing, s.Code, p.Access, p.Refresh, w.endpoint.accounts[name])
	}
}

var _ http.RoundTripper = (*endpoint)(nil)
