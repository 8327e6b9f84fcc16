package app

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"hub"
	"hub/adapters"
	"hub/adapters/driver"
	"hub/internal/fetch"
	"hub/internal/jobs"
	"hub/internal/reconcile"
)

// openReconcile puts together what says that no order is missing.
func (h *Hub) openReconcile(context.Context) error {
	key, err := statementKey(filepath.Join(h.cfg.Keys, keepFolder))
	if err != nil {
		return err
	}
	h.reconcile = &reconcile.Service{
		Shops: compared{h.calls}, Orders: h.store.Reconcilable(), Statements: h.store.Statements(), Queue: h.store.Statements(),
		Fetch: refetching{h}, Key: key, Clock: h.o.Clock, IDs: h.ids, Logger: h.o.Logger, Options: reconcile.Defaults(),
	}
	return nil
}

// reconciles are the jobs of package reconcile. A shop is looked at one day at a time, and a large one for a while.
func (h *Hub) reconciles() map[string]jobs.Kind {
	return map[string]jobs.Kind{reconcile.Job: {
		Handle: func(ctx context.Context, j jobs.Job) error {
			task, err := reconcile.ReadTask(reconcile.Name{Tenant: j.Tenant, Connection: j.Connection}, j.Key, j.Payload)
			if err != nil {
				return err
			}
			return enduring(h.reconcile.Do(ctx, task))
		},
		Slots: 4, PerConnection: 1, Most: 30 * time.Minute,
	}}
}

// planDays looks for days that are to be looked at until ctx ends. Trouble is logged when it begins and ends.
func (h *Hub) planDays(ctx context.Context) error {
	tick := time.NewTicker(reconcile.SweepEvery)
	defer tick.Stop()
	failing := false
	for {
		err := h.reconcile.Sweep(ctx)
		if (err != nil) != failing && ctx.Err() == nil {
			failing = err != nil
			h.o.Logger.Warn("planning statements", "failing", failing, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// statementKeyFile holds the key that signs statements. It is one for all hubs that share the folder.
const statementKeyFile = "statements.key"

// statementKey loads the key, and makes it when there is none. Of several hubs that do so at once one makes it.
func statementKey(folder string) (reconcile.Key, error) {
	const op = "opening the key of statements"
	path := filepath.Join(folder, statementKeyFile)
	key, err := readStatementKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	fresh, err := reconcile.NewKey(rand.Reader)
	if err != nil {
		return key, err
	}
	text, err := fresh.File()
	if err != nil {
		return key, err
	}
	next := path + "." + NewIDs().New("")
	if err := errors.Join(os.MkdirAll(folder, 0o700), writeSynced(next, text)); err != nil {
		return key, hub.Errorf(hub.KindUnavailable, op, "%w", err)
	}
	if err := os.Link(next, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return key, errors.Join(hub.Errorf(hub.KindUnavailable, op, "%w", err), os.Remove(next))
	}
	if err := errors.Join(os.Remove(next), syncFolder(folder)); err != nil {
		return key, hub.Errorf(hub.KindUnavailable, op, "%w", err)
	}
	return readStatementKey(path)
}

// readStatementKey refuses a file that others may read.
func readStatementKey(path string) (reconcile.Key, error) {
	const op = "reading the key of statements"
	info, err := os.Stat(path)
	if err != nil {
		return reconcile.Key{}, hub.Errorf(hub.KindUnavailable, op, "%w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return reconcile.Key{}, hub.Errorf(hub.KindForbidden, op, "%s may be read by others: chmod 600", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return reconcile.Key{}, hub.Errorf(hub.KindUnavailable, op, "%w", err)
	}
	return reconcile.ParseKey(text)
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Statement says what is known of the orders of a shop and day, and StatementSide what one of the three knows of them.
type (
	Statement     = reconcile.Statement
	StatementSide = reconcile.Side
)

// VerifyStatement checks a signed statement with the public key in a file, or with the one that came with it when the file is
// empty: see reconcile.Verify.
func VerifyStatement(envelope, keyFile []byte) (Statement, reconcile.PublicKey, error) {
	if len(keyFile) == 0 {
		return reconcile.Verify(envelope, nil)
	}
	believed, err := reconcile.ParsePublicKey(keyFile)
	if err != nil {
		return Statement{}, nil, err
	}
	return reconcile.Verify(envelope, believed)
}

// compared shows the connected shops to package reconcile.
type compared struct{ *calls }

// Shop implements reconcile.Shops.
func (c compared) Shop(n reconcile.Name) (reconcile.Shop, error) {
	shop, known := c.who.Shop(n.Connection)
	if !known { // connections are never deleted: this hub has not heard of it yet
		return reconcile.Shop{}, &hub.Error{Kind: hub.KindUnavailable, Code: "connection_not_found", Op: "asking platform", Subject: string(n.Connection)}
	}
	if shop.Tenant != n.Tenant {
		return reconcile.Shop{}, &hub.Error{Kind: hub.KindNotFound, Code: "connection_not_found", Op: "asking platform", Subject: string(n.Connection)}
	}
	found := reconcile.Shop{Platform: shop.Platform, Account: shop.Account}
	client := c.clients[shop.Platform]
	if client == nil {
		return found, nil
	}
	found.Lister, found.Caller = client, c.For(shop, adapters.Backfill)
	if inspector, ok := client.(inspector); ok {
		found.Back = func(ctx context.Context) (time.Duration, error) {
			app, _ := c.who.App(shop.App)
			seen, err := inspector.Inspect(ctx, found.Caller, app.App, shop.Account)
			return seen.Back, err
		}
	}
	return found, nil
}

// inspector is the part of driver.Connector that says how far a shop shows its orders.
type inspector interface {
	Inspect(ctx context.Context, c driver.Caller, app driver.App, account string) (driver.Shop, error)
}

// All implements reconcile.Shops. Of a connection that is over nobody can ask anything.
func (c compared) All() (list []reconcile.Connected) {
	for _, one := range c.who.List().Connections {
		if one.Released {
			continue
		}
		list = append(list, reconcile.Connected{Name: reconcile.Name{Tenant: one.Tenant, Connection: one.ID}, Since: one.CreatedAt})
	}
	return list
}

// refetching brings orders back for package reconcile.
type refetching struct{ *Hub }

// Again implements reconcile.Fetcher.
func (r refetching) Again(ctx context.Context, n reconcile.Name, ids []hub.ExternalID, cause string) ([]hub.ExternalID, error) {
	return r.fetch.Again(ctx, fetch.Name{Tenant: n.Tenant, Connection: n.Connection}, ids, cause)
}

// drainPatience bounds the wait for the log; what is applied later is seen by a later look.
const drainPatience = 30 * time.Second

// Drained implements reconcile.Fetcher.
func (r refetching) Drained(ctx context.Context, t hub.TenantID) error {
	ctx, cancel := context.WithTimeout(ctx, drainPatience)
	defer cancel()
	last, shard := r.log.Synced(), r.store.Of(t)
	for _, d := range r.drainers {
		if d.Shard == shard {
			return d.WaitFor(ctx, last)
		}
	}
	return hub.Errorf(hub.KindUnavailable, "waiting for the drain", "%s has no drainer here", shard)
}
