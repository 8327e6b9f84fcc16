package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"hub"
	"hub/internal/config"
	"hub/internal/store"
	"hub/sharding"
)

// storeConfig names the databases that the settings ask for.
func storeConfig(c config.Config) store.Config {
	var s store.Config
	for _, dsn := range c.Store.DSNs {
		s.Shards = append(s.Shards, "mysql:"+dsn.Reveal())
	}
	if c.Store.Kind == config.SQLite {
		for i := range c.Store.Shards {
			s.Shards = append(s.Shards, "sqlite:"+filepath.Join(c.Data, "shards", fmt.Sprintf("%d.db", i)))
		}
	}
	s.Control = single(c.Control, filepath.Join(c.Data, "control.db"))
	s.Vault = single(c.Vault, filepath.Join(c.Data, "vault.db"))
	return s
}

func single(d config.Database, file string) string {
	if d.DSN != "" {
		return "mysql:" + d.DSN.Reveal()
	}
	return "sqlite:" + file
}

// loadMap reads the slot map that this hub saw last, for a start while the control database is down.
func loadMap(c *sealedCopy) (sharding.Map, error) {
	plain, err := c.Load()
	if hub.KindOf(err) == hub.KindNotFound {
		return sharding.Map{}, nil
	}
	if err != nil {
		return sharding.Map{}, err
	}
	return sharding.Parse(plain)
}

// saveMap remembers the slot map.
func saveMap(c *sealedCopy, m sharding.Map) error {
	plain, err := json.Marshal(m)
	if err != nil {
		return hub.Errorf(hub.KindInternal, "saving slot map", "not printable")
	}
	return c.Save(plain)
}

// embedded reports whether some database of the settings is a file in the data folder.
func embedded(c config.Config) bool {
	return c.Store.Kind == config.SQLite || c.Control.DSN == "" || c.Vault.DSN == ""
}

// Migrate brings the schema of every database to this program's version. On servers it is safe to run while older hubs
// serve, and for several at once; files are migrated by the hub that opens them, and only while none does here. It is
// done when it returns.
func Migrate(ctx context.Context, cfg config.Config, log *slog.Logger) (err error) {
	if embedded(cfg) {
		held, err := holdFolder(cfg.Data, NewIDs())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, held.release()) }()
	}
	c := storeConfig(cfg)
	c.Clock, c.IDs, c.Log = SystemClock, NewIDs(), log
	return store.Migrate(ctx, c)
}
