package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"hub"
	"hub/gdpr"
	"hub/internal/intake"
	"hub/internal/tenancy"
)

// door shows the directory to the webhook door in its words.
type door struct {
	*tenancy.Directory
	public func() string // where platforms reach this hub
}

func (d door) Endpoint(p hub.Platform, token string) (intake.Endpoint, bool) {
	t, ok := d.Directory.Endpoint(p, token)
	return d.endpoint(t), ok
}

func (d door) Account(p hub.Platform, app hub.AppID, name string) (intake.Endpoint, bool) {
	t, ok := d.Directory.Account(p, app, name)
	return d.endpoint(t), ok
}

func (d door) endpoint(t tenancy.Target) intake.Endpoint {
	e := intake.Endpoint{
		Platform: t.App.Platform, App: t.App.ID, Tenant: t.App.Tenant, Secrets: t.Secrets, ClientID: t.App.ClientID, HookURL: t.App.HookURL,
	}
	if c := t.Connection; c != nil {
		e.Tenant, e.Connection, e.Account = c.Tenant, c.ID, c.Account
		e.HookURL = d.public() + tenancy.HookPath(c.Platform, c.Endpoint)
	}
	return e
}

// sealedCopy keeps one sealed file, replaced as a whole. It is safe for concurrent use.
type sealedCopy struct {
	path  string
	place gdpr.Place
	keys  *gdpr.IntakeKeys

	mu   sync.Mutex // one at a time, so that an older copy never replaces a newer one
	turn int64      // of the keys when it was last sealed: nothing on the disk needs an older key
}

func newCopy(folder, name string, keys *gdpr.IntakeKeys) *sealedCopy {
	return &sealedCopy{
		path:  filepath.Join(folder, name),
		place: gdpr.Place{Tenant: hub.Operator, Table: "intake", Row: name, Class: hub.P1},
		keys:  keys,
	}
}

// Save writes beside the file, flushes, renames and flushes the folder: a crash leaves the old copy or the new one.
func (c *sealedCopy) Save(plaintext []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.save(plaintext)
}

// save needs mu.
func (c *sealedCopy) save(plaintext []byte) (err error) {
	defer hub.Wrap(&err, "saving", c.place.Row)
	turn := c.keys.Turn() // before the lease, which may be of a later turn
	lease := c.keys.Use()
	defer lease.Done()
	sealed, err := lease.Seal(nil, c.place, plaintext)
	if err != nil {
		return err
	}
	if err := replaceFile(c.path, sealed); err != nil {
		return err
	}
	c.turn = turn
	return nil
}

// Load is KindNotFound when there is no copy yet, or none that opens under the keys that are left.
func (c *sealedCopy) Load() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.load()
}

// load needs mu.
func (c *sealedCopy) load() ([]byte, error) {
	sealed, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &hub.Error{Kind: hub.KindNotFound, Op: "loading", Subject: c.place.Row}
	}
	if err != nil {
		return nil, hub.Errorf(hub.KindUnavailable, "loading", "%s: %w", c.place.Row, err)
	}
	return c.keys.Open(c.place, sealed)
}

// renew seals the copy again if there is a newer key, so that the older ones can be dropped once it returns nil.
func (c *sealedCopy) renew() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	turn := c.keys.Turn()
	if c.turn == turn {
		return nil
	}
	plain, err := c.load()
	if hub.KindOf(err) == hub.KindNotFound {
		c.turn = turn // there is nothing to lose
		return nil
	}
	if err != nil {
		return err
	}
	return c.save(plain)
}

// replaceFile makes path hold data, durably and all at once, readable by its owner only.
func replaceFile(path string, data []byte) error {
	next := path + ".next"
	if err := writeSynced(next, data); err != nil {
		return hub.Errorf(hub.KindUnavailable, "writing file", "%w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return hub.Errorf(hub.KindUnavailable, "replacing file", "%w", err)
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return hub.Errorf(hub.KindUnavailable, "opening folder", "%w", err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return hub.Errorf(hub.KindUnavailable, "flushing folder", "%w", err)
	}
	return nil
}

func writeSynced(path string, data []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // what a crash left
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
