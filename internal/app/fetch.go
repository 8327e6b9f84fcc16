package app

import (
	"context"
	"time"

	"hub"
	"hub/adapters"
	"hub/adapters/driver"
	"hub/internal/connect"
	"hub/internal/fetch"
	"hub/internal/intake"
	"hub/internal/jobs"
)

// openFetch puts together what reads orders from platforms.
func (h *Hub) openFetch(context.Context) error {
	h.fetch = &fetch.Service{
		Shops: asked{h.calls}, Log: taken{h.accept, h.door()}, Store: h.store.Fetches(), Clock: h.o.Clock, Logger: h.o.Logger,
		Options: fetch.Defaults(),
	}
	return nil
}

// fetches are the jobs of package fetch. A shop has one poll and one backfill at a time, and a few orders that somebody
// waits for; platforms count by shop, and package adapters by what they allow.
func (h *Hub) fetches() map[string]jobs.Kind {
	of := func(j jobs.Job) fetch.Name { return fetch.Name{Tenant: j.Tenant, Connection: j.Connection} }
	one := func(do func(context.Context, fetch.Name) error) jobs.Kind {
		return jobs.Kind{
			Handle: func(ctx context.Context, j jobs.Job) error { return enduring(do(ctx, of(j))) },
			Slots:  8, PerConnection: 1, Most: 10 * time.Minute,
		}
	}
	kinds := map[string]jobs.Kind{
		string(fetch.Order): {
			Handle: func(ctx context.Context, j jobs.Job) error { return patient(h.fetch.Order(ctx, of(j), j.Key)) },
			Slots:  32, PerConnection: 8,
		},
		string(fetch.Poll):     one(h.fetch.Poll),
		string(fetch.Backfill): one(h.fetch.Backfill),
		connect.JobBackfill:    one(func(ctx context.Context, n fetch.Name) error { return h.fetch.Begin(ctx, n, time.Time{}) }),
	}
	for work, kind := range map[fetch.Work]string{fetch.Shipment: "shipment", fetch.Payment: "payment", fetch.Claim: "claim"} {
		kinds[string(work)] = jobs.Kind{
			Handle: func(ctx context.Context, j jobs.Job) error { return patient(h.fetch.Related(ctx, of(j), kind, j.Key)) },
			Slots:  16, PerConnection: 4,
		}
	}
	return kinds
}

// unauthorised is how long what needs a token waits to be tried again while there is none.
const unauthorised = time.Hour

// patient has work wait that cannot be done until the merchant authorises, for the first time or again: it is not the work's
// fault, and whoever left it relies on it.
func patient(err error) error {
	if hub.CodeOf(err) != driver.CodeReconnect {
		return err
	}
	return &hub.Error{Kind: hub.KindUnavailable, Code: driver.CodeReconnect, Op: "waiting for the merchant", RetryAfter: unauthorised, Err: err}
}

// enduring has work that goes on for as long as its shop is connected never be given up, whatever a platform answers: a shop
// that is frozen today thaws, and nobody else would begin it again. It is tried with growing pauses, and its trouble shows.
func enduring(err error) error {
	err = patient(err)
	switch hub.KindOf(err) {
	case hub.KindThrottled, hub.KindUnavailable:
		return err
	}
	if err == nil {
		return nil
	}
	return &hub.Error{Kind: hub.KindUnavailable, Code: hub.CodeOf(err), Op: "trying again", RetryAfter: hub.RetryAfterOf(err), Err: err}
}

// asked shows the connected shops to package fetch.
type asked struct{ *calls }

// Shop implements fetch.Shops.
func (a asked) Shop(n fetch.Name) (fetch.Shop, error) {
	shop, known := a.who.Shop(n.Connection)
	if !known { // connections are never deleted: this hub has not heard of it yet
		return fetch.Shop{}, &hub.Error{Kind: hub.KindUnavailable, Code: "connection_not_found", Op: "asking platform", Subject: string(n.Connection)}
	}
	client := a.clients[shop.Platform]
	if shop.Tenant != n.Tenant || client == nil {
		return fetch.Shop{}, &hub.Error{Kind: hub.KindNotFound, Code: "connection_not_found", Op: "asking platform", Subject: string(n.Connection)}
	}
	return fetch.Shop{Client: client, Fresh: a.For(shop, adapters.Fresh), Slow: a.For(shop, adapters.Backfill)}, nil
}

// App implements fetch.Shops.
func (a asked) App(id hub.AppID) (fetch.App, error) {
	app, known := a.who.App(id)
	lost, keeps := a.clients[app.Platform].(driver.Lost)
	if !known || !keeps {
		return fetch.App{}, &hub.Error{Kind: hub.KindNotFound, Code: "app_not_found", Op: "asking platform", Subject: string(id)}
	}
	return fetch.App{Platform: app.Platform, Lost: lost, Caller: a.calls.App(app, ""), Access: app.App}, nil
}

// taken hands to the log what was read.
type taken struct {
	door *intake.Door
	who  door
}

// Take implements fetch.Log.
func (t taken) Take(ctx context.Context, n fetch.Name, documents []fetch.Document) error {
	shop, known := t.who.Connection(n.Connection)
	if !known || shop.Tenant != n.Tenant {
		return &hub.Error{Kind: hub.KindNotFound, Code: "connection_not_found", Op: "taking fetched orders", Subject: string(n.Connection)}
	}
	list := make([]intake.Fetched, len(documents))
	for i, d := range documents {
		list[i] = intake.Fetched{Document: d.Body, Cause: d.Cause}
	}
	e := intake.Endpoint{Platform: shop.Platform, App: shop.App, Tenant: shop.Tenant, Connection: shop.ID, Account: shop.Account}
	return t.door.Take(ctx, e, list)
}

// Recover implements fetch.Log.
func (t taken) Recover(ctx context.Context, p hub.Platform, app hub.AppID, m driver.Missed) error {
	return t.door.Recover(ctx, p, app, m)
}
