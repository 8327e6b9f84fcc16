package app

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"net/http"
	"sync"
	"time"

	"hub"
	"hub/adapters"
	"hub/adapters/driver"
	"hub/gdpr"
	"hub/internal/connect"
	"hub/internal/jobs"
	"hub/internal/store"
	"hub/internal/tenancy"
)

// knownURL is the public address once it is known: what is made before the hub listens is made without it.
func (h *Hub) knownURL() string {
	if h.servers == nil && h.cfg.PublicURL == "" {
		return ""
	}
	return h.publicURL()
}

// door is the directory for whoever takes deliveries.
func (h *Hub) door() door { return door{h.tenancy.Directory, h.knownURL} }

// openConnect puts together what lets shops in and keeps their tokens.
func (h *Hub) openConnect(context.Context) error {
	kept := h.store.Connect()
	who := shops{h.tenancy.Directory, h.knownURL}
	direct := connect.Send{Transport: transport, Errands: kept}
	h.tokens = &connect.Source{}
	h.calls = &calls{
		clients: clientsOf(h.o.Storefronts), tokens: tokens{h.tokens}, worked: h.worked, observer: watch{h.metrics, h.tracer}, clock: h.o.Clock, fronts: map[hub.AppID]*adapters.Storefront{},
		who: who,
	}
	refresher := &connect.Refresher{
		Platforms: connectors(h.o.Storefronts), Directory: who, Calls: h.calls, Vault: h.keys, Tokens: kept, Errands: kept,
		Direct: direct, Keeper: direct, Holder: h.instance.id, Clock: h.o.Clock, Jitter: jitter, Logger: h.o.Logger,
	}
	if len(h.o.Keeper) > 0 {
		refresher.Keeper = keeper{command: h.o.Keeper, control: controlOf(h.cfg), instead: direct, logger: h.o.Logger}
	}
	h.tokens.Refresher, h.tokens.Notes = refresher, kept
	h.connect = &connect.Service{
		Platforms: refresher.Platforms, Directory: who, Calls: h.calls, Lines: h.calls, Vault: h.keys, Journeys: kept, Grants: kept, Tokens: kept, Starts: kept, Graves: kept, Killer: killer{h},
		Work: work{h.store}, Source: h.tokens, Refresh: h.tenancy.Directory.Refresh, Clock: h.o.Clock, IDs: h.ids, Random: rand.Reader,
		Jitter: jitter, PublicURL: h.publicURL, Logger: h.o.Logger,
	}
	return nil
}

// killer kills the keys of connections that have ended.
type killer struct{ h *Hub }

// KillCredential implements connect.Killer.
func (k killer) KillCredential(ctx context.Context, t hub.TenantID, owner gdpr.CredentialOwner) error {
	return k.h.forgetter.KillCredential(ctx, t, owner) // which is opened after connections are
}

// worked notes that a platform took a token, so that the one before need not be kept. When it cannot be noted the next call does.
func (h *Hub) worked(ctx context.Context, s adapters.Shop, token string) {
	if err := h.tokens.Worked(ctx, s.Connection, token); err != nil {
		h.o.Logger.Debug("noting that a token works", "connection", s.Connection, "error", err)
	}
}

// keepTokens refreshes tokens ahead of their end and begins and ends the standing work on connections and apps, until ctx ends.
func (h *Hub) keepTokens(ctx context.Context) error {
	var all sync.WaitGroup
	all.Go(func() { _ = h.tokens.Refresher.Run(ctx) }) // they report for themselves
	all.Go(func() { _ = h.connect.Run(ctx) })
	all.Go(func() { h.keepLost(ctx) })
	all.Go(func() { h.purgeFetches(ctx) })
	all.Wait()
	return nil
}

// checks looks at connections: again and again, slowly, and when a platform has news of them.
func (h *Hub) checks(look func(context.Context, hub.ConnectionID) error) jobs.Kind {
	return jobs.Kind{
		Handle: func(ctx context.Context, j jobs.Job) error { return enduring(look(ctx, j.Connection)) },
		Slots:  4, PerConnection: 1, Most: 2 * time.Minute,
	}
}

// transport is the way out for one refresh call.
func transport(a driver.App) http.RoundTripper { return adapters.Transport(a) }

// jitter draws evenly.
func jitter(d time.Duration) time.Duration { return mathrand.N(max(d, 0) + 1) }

// connectors are the platforms whose shops can be connected through a page of theirs.
func connectors(list []driver.Storefront) map[hub.Platform]connect.Platform {
	m := map[hub.Platform]connect.Platform{}
	for _, s := range list {
		if c, ok := s.(connect.Platform); ok {
			m[s.Platform()] = c
		}
	}
	return m
}

// clientsOf are the platforms that can be asked.
func clientsOf(list []driver.Storefront) map[hub.Platform]driver.Client {
	m := map[hub.Platform]driver.Client{}
	for _, s := range list {
		if c, ok := s.(driver.Client); ok {
			m[s.Platform()] = c
		}
	}
	return m
}

// shops shows the directory to internal/connect in its words.
type shops struct {
	*tenancy.Directory
	public func() string
}

// App implements connect.Directory.
func (s shops) App(id hub.AppID) (connect.App, bool) {
	t, ok := s.Directory.App(id)
	return connectApp(t), ok
}

func connectApp(t tenancy.Target) connect.App {
	a := t.App
	return connect.App{
		App: driver.App{ClientID: a.ClientID, Secrets: t.Secrets, Environment: a.Environment, Base: a.Base, Redirect: a.Redirect, Scopes: a.Scopes},
		ID:  a.ID, Tenant: a.Tenant, Platform: a.Platform, HookURL: a.HookURL,
	}
}

// Apps implements connect.Directory.
func (s shops) Apps(t hub.TenantID, p hub.Platform) (list []connect.App) {
	for _, a := range s.List().Apps {
		if a.Platform == p && (a.Tenant == "" || a.Tenant == t) {
			if found, ok := s.App(a.ID); ok {
				list = append(list, found)
			}
		}
	}
	return list
}

// Shop implements connect.Directory.
func (s shops) Shop(id hub.ConnectionID) (connect.Shop, bool) {
	c, ok := s.Connection(id)
	return s.shop(c), ok
}

func (s shops) shop(c tenancy.Connection) connect.Shop {
	return connect.Shop{
		ID: c.ID, Tenant: c.Tenant, App: c.App, Platform: c.Platform, Environment: c.Environment, Account: c.Account,
		HookURL: s.public() + tenancy.HookPath(c.Platform, c.Endpoint), Released: c.Released,
	}
}

// Account implements connect.Directory.
func (s shops) Account(p hub.Platform, name string) (list []connect.Shop) {
	for _, c := range s.List().Connections {
		if c.Platform == p && c.Account == name {
			list = append(list, s.shop(c))
		}
	}
	return list
}

// tokens hands access tokens to the carriers of calls.
type tokens struct{ *connect.Source }

// Token implements adapters.Tokens.
func (t tokens) Token(ctx context.Context, s adapters.Shop) (string, error) {
	return t.Source.Token(ctx, s.Connection)
}

// Renew implements adapters.Tokens.
func (t tokens) Renew(ctx context.Context, s adapters.Shop, refused string) (string, error) {
	return t.Source.Renew(ctx, s.Connection, refused)
}

// calls has one carrier of calls for each app.
type calls struct {
	clients  map[hub.Platform]driver.Client
	tokens   adapters.Tokens
	worked   func(context.Context, adapters.Shop, string)
	observer adapters.Observer
	clock    hub.Clock
	who      shops

	mu     sync.Mutex
	fronts map[hub.AppID]*adapters.Storefront
}

// front returns the carrier of an app, with its newest secrets; nil for a platform that cannot be asked.
func (c *calls) front(a connect.App) *adapters.Storefront {
	client := c.clients[a.Platform]
	if client == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.fronts[a.ID]; f != nil {
		f.SetApp(a.App)
		return f
	}
	f := adapters.New(client, a.App, adapters.Options{Clock: c.clock, Tokens: c.tokens, Worked: c.worked, Observer: c.observer})
	c.fronts[a.ID] = f
	return f
}

// App implements connect.Calls.
func (c *calls) App(a connect.App, t hub.TenantID, account string) driver.Caller {
	return c.caller(a, adapters.Shop{Tenant: t, Account: account}, adapters.Fresh)
}

// Bearer implements connect.Calls.
func (c *calls) Bearer(a connect.App, s connect.Shop, access string) driver.Caller {
	if f := c.front(a); f != nil {
		return f.Bearer(adapters.Shop{Tenant: s.Tenant, Connection: s.ID, Account: s.Account}, access, adapters.Fresh)
	}
	return mute{}
}

// Shop implements connect.Calls.
func (c *calls) Shop(s connect.Shop) driver.Caller { return c.For(s, adapters.Fresh) }

// For carries calls for a shop with a priority.
func (c *calls) For(s connect.Shop, p adapters.Priority) driver.Caller {
	a, _ := c.who.App(s.App)
	return c.caller(a, adapters.Shop{Tenant: s.Tenant, Connection: s.ID, Account: s.Account}, p)
}

func (c *calls) caller(a connect.App, s adapters.Shop, p adapters.Priority) driver.Caller {
	if f := c.front(a); f != nil {
		return f.Caller(s, p)
	}
	return mute{}
}

// mute carries no call.
type mute struct{}

// Call implements driver.Caller.
func (mute) Call(context.Context, driver.Call) (driver.Answer, error) {
	return driver.Answer{}, &hub.Error{Kind: hub.KindUnavailable, Code: connect.CodeAppUnusable, Op: "calling a platform"}
}

// Forget implements connect.Lines.
func (c *calls) Forget(s connect.Shop) {
	c.mu.Lock()
	f := c.fronts[s.App]
	c.mu.Unlock()
	if f != nil {
		f.Forget(adapters.Shop{Tenant: s.Tenant, Connection: s.ID, Account: s.Account})
	}
}

// States implements connect.Lines.
func (c *calls) States(s connect.Shop) (list []connect.CallState) {
	a, ok := c.who.App(s.App)
	f := c.front(a)
	if !ok || f == nil {
		return nil
	}
	for _, one := range f.States(adapters.Shop{Tenant: s.Tenant, Connection: s.ID, Account: s.Account}) {
		state := connect.CallState{
			Class: string(one.Class), Breaker: one.Breaker, Left: one.Budget.Left, Size: one.Budget.Size, PerSecond: one.Budget.PerSecond,
			LastCode: one.LastCode, LastErrorAt: one.LastErrorAt, LastSuccess: one.LastSuccess,
		}
		if !one.LastErrorAt.IsZero() {
			state.LastError = one.LastError.String()
		}
		list = append(list, state)
	}
	return list
}

// work enqueues jobs of connections on the shard of their tenant.
type work struct{ *store.Store }

// Enqueue implements connect.Work.
func (w work) Enqueue(ctx context.Context, s connect.Shop, kind string, due time.Time) error {
	job := jobs.Job{Ref: jobs.Ref{Lane: jobs.Lane{Kind: kind, Tenant: s.Tenant, Connection: s.ID}}, Class: jobs.Fresh, DueAt: due}
	if kind == connect.JobBackfill {
		job.Class, job.Afresh = jobs.Backfill, true // its owner has just come
	}
	return w.Do(ctx, w.Of(s.Tenant), func(ctx context.Context, tx hub.Tx) error {
		return w.Jobs().Enqueue(ctx, tx, []jobs.Job{job})
	})
}
