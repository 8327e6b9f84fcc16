package app

import (
	"context"
	"math/rand/v2"
	"time"

	"hub"
	"hub/adapters"
	"hub/adapters/driver"
	"hub/internal/connect"
	"hub/internal/fetch"
	"hub/internal/intake"
	"hub/internal/jobs"
	"hub/internal/store"
)

// openFetch puts together what reads orders from platforms.
func (h *Hub) openFetch(context.Context) error {
	options := fetch.Defaults()
	options.Every = h.o.PollEvery
	h.fetch = &fetch.Service{
		Shops: asked{h.calls, h.store.Connect()}, Log: taken{h.accept, h.door()}, Store: h.store.Fetches(), Schedule: lost{h.store, h.calls.who}, Clock: h.o.Clock, Logger: h.o.Logger,
		Options: options,
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
			Slots:  8, PerConnection: 1, Most: 10 * time.Minute, Endless: true,
		}
	}
	kinds := map[string]jobs.Kind{
		string(fetch.Order): {
			Handle: func(ctx context.Context, j jobs.Job) error {
				return patient(h.unlessOver(ctx, of(j), h.fetch.Order(ctx, of(j), j.Key)))
			},
			Slots: 32, PerConnection: 8,
		},
		string(fetch.Poll):     one(h.fetch.Poll),
		string(fetch.Backfill): one(h.fetch.Backfill),
		string(fetch.Lost): {
			Handle: func(ctx context.Context, j jobs.Job) error {
				return enduring(h.fetch.Lost(ctx, hub.AppID(j.Key)))
			},
			Slots: 4, Most: 10 * time.Minute, Endless: true,
		},
		connect.JobBackfill: one(func(ctx context.Context, n fetch.Name) error { return h.fetch.Begin(ctx, n, time.Time{}) }),
	}
	for work, kind := range map[fetch.Work]string{fetch.Shipment: "shipment", fetch.Payment: "payment", fetch.Claim: "claim"} {
		kinds[string(work)] = jobs.Kind{
			Handle: func(ctx context.Context, j jobs.Job) error {
				return patient(h.unlessOver(ctx, of(j), h.fetch.Related(ctx, of(j), kind, j.Key)))
			},
			Slots: 16, PerConnection: 4,
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

// unlessOver settles what a shop was to be asked that is disconnected. Should its owner come back, polls take what changed since.
func (h *Hub) unlessOver(ctx context.Context, n fetch.Name, err error) error {
	if hub.CodeOf(err) != driver.CodeReconnect {
		return err
	}
	if access, unknown := h.fetch.Shops.Access(ctx, n); unknown == nil && access == fetch.Over {
		return nil
	}
	return err
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
type asked struct {
	*calls
	stored interface { // as of now
		Get(context.Context, hub.ConnectionID) (connect.Stored, error)
	}
}

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

// Access implements fetch.Shops. A connection without tokens only receives webhooks, until its owner authorises.
func (a asked) Access(ctx context.Context, n fetch.Name) (fetch.Access, error) {
	stored, err := a.stored.Get(ctx, n.Connection)
	switch {
	case hub.KindOf(err) == hub.KindNotFound && err != nil:
		return fetch.Withdrawn, nil
	case err != nil:
		return fetch.Granted, err
	case stored.Standing == connect.Disconnected:
		return fetch.Over, nil
	case stored.Standing == connect.ReconnectNeeded:
		return fetch.Withdrawn, nil
	}
	return fetch.Granted, nil
}

// App implements fetch.Shops.
func (a asked) App(id hub.AppID) (fetch.App, error) {
	app, known := a.who.App(id)
	lost, keeps := a.clients[app.Platform].(driver.Lost)
	if !known || !keeps {
		return fetch.App{}, &hub.Error{Kind: hub.KindNotFound, Code: "app_not_found", Op: "asking platform", Subject: string(id)}
	}
	return fetch.App{Platform: app.Platform, Lost: lost, Callers: a.some(app), Access: app.App, Every: lostEvery[app.Platform]}, nil
}

// lostEvery is how often platforms are asked for what they could not deliver: Mercado Libre gives up after an hour and keeps it
// for two days, Shopee after four hours and for three.
var lostEvery = map[hub.Platform]time.Duration{hub.MercadoLibre: 10 * time.Minute, hub.Shopee: 30 * time.Minute}

// maxAskers bounds the shops of an app that are tried in one turn; the next turn draws others.
const maxAskers = 8

// some draws shops of an app that may have a permission.
func (a asked) some(app connect.App) (list []driver.Caller) {
	all := a.who.List().Connections
	for _, i := range rand.Perm(len(all)) {
		if c := all[i]; c.App == app.ID && !c.Released && len(list) < maxAskers {
			list = append(list, a.For(a.who.shop(c), adapters.Backfill))
		}
	}
	return list
}

// lost schedules what an app's platform could not deliver: one job for each app, on the shard of whom it belongs to.
type lost struct {
	*store.Store
	who shops
}

// Lost implements fetch.Schedule.
func (l lost) Lost(ctx context.Context, id hub.AppID, due time.Time) error {
	app, known := l.who.App(id)
	if !known {
		return nil
	}
	owner := app.Tenant
	if owner == "" {
		owner = hub.Operator
	}
	job := jobs.Job{
		Ref: jobs.Ref{Lane: jobs.Lane{Kind: string(fetch.Lost), Tenant: owner}, Key: hub.ExternalID(id)}, Class: jobs.Backfill, DueAt: due,
	}
	return l.Do(ctx, l.Of(owner), func(ctx context.Context, tx hub.Tx) error { return l.Jobs().Enqueue(ctx, tx, []jobs.Job{job}) })
}

const (
	seedLook  = 10 * time.Second // how soon a new app is found
	seedAgain = time.Hour        // until the job of an app is asked for again, should it have got lost
)

// keepLost sees to it that each app whose platform keeps what it could not deliver has its job, until ctx ends.
func (h *Hub) keepLost(ctx context.Context) {
	seeded := map[hub.AppID]time.Time{}
	for connect.Pause(ctx, seedLook/2+jitter(seedLook)) {
		h.seedLost(ctx, seeded)
	}
}

// seedLost asks for the jobs of apps for which it has not asked lately. A job that is there stays as it is; what could not be asked
// for is at the next look.
func (h *Hub) seedLost(ctx context.Context, seeded map[hub.AppID]time.Time) {
	now := h.o.Clock()
	for _, app := range h.tenancy.Directory.List().Apps {
		every, keeps := lostEvery[app.Platform]
		since := now.Sub(seeded[app.ID])
		if !keeps || app.ClientID == "" || since >= 0 && since < seedAgain {
			continue
		}
		if err := h.fetch.Schedule.Lost(ctx, app.ID, now.Add(jitter(every))); err == nil {
			seeded[app.ID] = now
		}
	}
}

const (
	purgeEvery = time.Hour
	// keptFailed is how long a fetch that was given up is shown.
	keptFailed = 30 * 24 * time.Hour
)

// purgeFetches deletes fetches that were given up long ago, until ctx ends.
func (h *Hub) purgeFetches(ctx context.Context) {
	for connect.Pause(ctx, purgeEvery/2+jitter(purgeEvery)) {
		for _, shard := range h.store.Map().Shards() {
			for more := true; more && ctx.Err() == nil; {
				var err error
				if _, more, err = h.store.Fetches().Purge(ctx, shard, h.o.Clock().Add(-keptFailed)); err != nil {
					h.o.Logger.Debug("purging fetches that were given up", "shard", shard, "error", err)
					more = false
				}
			}
		}
	}
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
func (t taken) Recover(ctx context.Context, p hub.Platform, app hub.AppID, m driver.Missed) (kept bool, err error) {
	_, kept = t.who.Account(p, app, m.Account) // before, so that what is said to be kept was
	return kept, t.door.Recover(ctx, p, app, m)
}
