package store

import (
	"cmp"
	"log/slog"
	"strings"
	"time"

	"hub"
	"hub/sharding"
)

// Config says which databases make up the hub. A database is named "sqlite:PATH" or "mysql:" followed by a DSN of the Go
// driver, such as mysql:user:pw@tcp(host:3306)/database?tls=true. DSNs are secrets and never printed.
type Config struct {
	Shards  []string // in any order: a shard carries its own id
	Control string
	Vault   string

	Instance string // of this hub; it moves the audit records that it wrote, and no others

	Clock  hub.Clock
	IDs    hub.IDSource
	Log    *slog.Logger
	OnFeed func([]hub.TenantID) // called after a commit with the tenants whose feed grew; must not block; may be nil
	OnJobs func(hub.ShardID)    // called after a commit that enqueued jobs; must not block; may be nil

	// Map is the last known slot map. It is used when the control database cannot be reached at the start, so that a
	// hub starts while databases are down. Its version is 0 when there is none.
	Map sharding.Map

	Contact  time.Duration // bound of the first contact with a database; 5 s when zero
	LockWait time.Duration // how long a statement waits for a row lock on MySQL, whole seconds; 5 s when zero
	Attempts int           // how often a transaction is run before its conflict is reported; 8 when zero
	Writers  int           // connections for transactions to each MySQL database; 8 when zero
	Readers  int           // connections for reads to each database; 16 on MySQL and 4 on SQLite when zero
}

// source is one database of a Config, parsed.
type source struct {
	role    role
	name    string // for messages: "control", "shard 0", "shard DSN 2"; never the DSN itself
	dialect *dialect
	dsn     string // what follows the dialect; of SQLite the path
	purpose purpose
}

// role is what a database is for. It names its migrations and its table of versions.
type role string

const (
	roleControl role = "control"
	roleVault   role = "vault"
	roleShard   role = "shard"
)

// parse splits the name of a database.
func parse(r role, name, text string) (source, error) {
	kind, dsn, _ := strings.Cut(text, ":")
	for _, d := range []*dialect{sqliteDialect, mysqlDialect} {
		if d.prefix == kind && dsn != "" {
			return source{role: r, name: name, dialect: d, dsn: dsn}, nil
		}
	}
	return source{}, &hub.Error{Kind: hub.KindInvalid, Op: "reading the name of database " + name,
		Err: words("it starts with neither sqlite: nor mysql:")}
}

// withDefaults fills what was left zero.
func (c Config) withDefaults() Config {
	c.Contact = cmp.Or(c.Contact, 5*time.Second)
	c.LockWait = max(cmp.Or(c.LockWait, 5*time.Second), time.Second)
	c.Attempts = cmp.Or(c.Attempts, 8)
	c.Writers = cmp.Or(c.Writers, 8)
	if c.OnFeed == nil {
		c.OnFeed = func([]hub.TenantID) {}
	}
	if c.OnJobs == nil {
		c.OnJobs = func(hub.ShardID) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// now returns the time as the databases keep it: UTC, whole microseconds.
func (c Config) now() time.Time { return c.Clock().UTC().Truncate(time.Microsecond) }
