// Package config reads the hub's settings: flags over environment over hub.yaml over defaults.
//
// It promises: a value is either valid or an error that names its setting and where it came from; an unknown key is an
// error in the file and among the flags and a warning in the environment, where others may own it; any setting can be
// read from a file (HUB_X_FILE); connection strings and keys appear in no error, warning, log or listing.
//
// It does not open, connect to or create anything, it does not notice later changes, and a setting exists only when
// the program acts on it.
package config

import (
	"log/slog"
	"net"
	"time"

	"hub"
)

// Config is every setting, parsed and checked. Load makes it.
type Config struct {
	Data        string   // HUB_DATA: the folder of everything that this hub keeps, relative to the working directory
	Store       Store    // HUB_STORE, HUB_SQLITE_SHARDS: where orders live
	Control     Database // HUB_CONTROL: tenants, apps, connections, API keys
	Vault       Database // HUB_VAULT: wrapped keys; its backups are its own
	Bus         Secret   // HUB_BUS: Embedded, or the URLs of NATS servers with JetStream
	Keys        string   // HUB_KEYS: the folder that holds forget/ and keep/, without "file:"
	Listen      string   // HUB_LISTEN: host:port of the API and the webhook door; port 0 takes a free one
	AdminListen string   // HUB_ADMIN_LISTEN: host:port of profiles, never for the public

	PublicURL    string // HUB_PUBLIC_URL as configured, without a slash at the end; see Public for its default
	BootstrapKey Secret // HUB_BOOTSTRAP_KEY: the first operator key; empty writes a random one to HUB_DATA/operator.key
	MaxBody      int64  // HUB_MAX_BODY: bytes of a request's body above which it is refused
	BacklogMax   int64  // HUB_BACKLOG_MAX: bytes of undrained log above which webhooks are answered 503

	StreamWindow time.Duration // HUB_STREAM_WINDOW: how long the stream keeps changes

	LogLevel  slog.Level // HUB_LOG_LEVEL
	LogFormat LogFormat  // HUB_LOG_FORMAT
	Traces    Secret     // OTEL_EXPORTER_OTLP_ENDPOINT: where traces go, below it /v1/traces; empty makes none

	URL    string // HUB_URL: the running hub that client commands talk to, without a slash at the end
	APIKey Secret // HUB_API_KEY: what client commands prove themselves with

	origin map[string]origin // by setting name, for Describe and messages
}

// StoreKind says which database holds the shards.
type StoreKind string

// The stores.
const (
	SQLite StoreKind = "sqlite" // files under HUB_DATA
	MySQL  StoreKind = "mysql"  // MySQL 8 or MariaDB 10.11 and later
)

// Embedded is the HUB_BUS of a broker inside the hub's own process.
const Embedded = "embedded"

// Store says where the shards are.
type Store struct {
	Kind   StoreKind
	DSNs   []Secret // of MySQL: one for each shard, in no particular order; empty for SQLite
	Shards int      // how many; for MySQL the number of DSNs
}

// Database is one database that is not a shard.
type Database struct {
	DSN Secret // of MySQL; empty means a SQLite file under HUB_DATA
}

// LogFormat is the shape of a log line.
type LogFormat string

// The log formats.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// Public is the address under which the outside reaches the hub: HUB_PUBLIC_URL, or else what the hub listens on.
// bound is the address that was really bound, since HUB_LISTEN may leave the port open.
func (c Config) Public(bound net.Addr) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	return urlOf(bound.String())
}

// urlOf turns host:port into a URL on this machine when the host is "all interfaces".
func urlOf(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// wrong is the error of one setting. what must not hold the value of a secret.
func (c Config) wrong(name, what string, args ...any) error {
	e := hub.Errorf(hub.KindInvalid, "setting", what, args...)
	e.Subject = envName(name)
	if from := c.origin[name].source; from != "" && from != SourceDefault {
		e.Subject += " (from " + string(from) + ")"
	}
	return e
}
