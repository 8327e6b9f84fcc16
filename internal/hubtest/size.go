package hubtest

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"hub/internal/app"
	"hub/internal/config"
	"hub/internal/hubtest/mariadb"
)

// Size is one of the two sizes of a hub, on fresh and empty databases.
type Size struct {
	Name    string
	flags   map[string]string
	MariaDB *mariadb.Server // nil on the embedded size
	Habits  Habits
}

// Habits are what no operator sets, of a hub in a process of its own.
type Habits struct {
	PollEvery time.Duration // see app.Options; usual when 0
	Ahead     time.Duration // how far the hub's clock is before this machine's
	Keepers   bool          // refresh calls are made by processes of their own, as `hub serve` has it
}

// Embedded is a hub on SQLite files under its data folder.
func Embedded(shards string) Size {
	return Size{Name: "embedded", flags: map[string]string{"sqlite_shards": shards}}
}

// OnMariaDB is a hub on two shards, a control database and a vault of a real server. They are made and migrated.
func OnMariaDB(t testing.TB, server *mariadb.Server) Size {
	t.Helper()
	return OnTwoServers(t, server, server)
}

// OnTwoServers is the same with the vault on a server of its own.
func OnTwoServers(t testing.TB, server, vault *mariadb.Server) Size {
	t.Helper()
	s := Size{Name: "mariadb", MariaDB: server, flags: map[string]string{
		"store":   "mysql:" + strings.Join([]string{server.NewDatabase(t), server.NewDatabase(t)}, ","),
		"control": "mysql:" + server.NewDatabase(t),
		"vault":   "mysql:" + vault.NewDatabase(t),
	}}
	if err := app.Migrate(context.Background(), s.Config(t, t.TempDir()), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal("migrating: ", err)
	}
	return s
}

// With is this size with one setting changed.
func (s Size) With(setting, value string) Size {
	s.flags = maps.Clone(s.flags)
	s.flags[setting] = value
	return s
}

// Databases are the names of this size's databases on its server: the shards, control, the vault.
func (s Size) Databases() (names []string) {
	for _, flag := range []string{"store", "control", "vault"} {
		for dsn := range strings.SplitSeq(s.flags[flag], ",") {
			if _, name, ok := strings.Cut(dsn, ")/"); ok {
				name, _, _ = strings.Cut(name, "?")
				names = append(names, name)
			}
		}
	}
	return names
}

// Config is the configuration of one hub of this size on a data folder and free ports. The operator key is BootstrapKey.
func (s Size) Config(t testing.TB, data string) config.Config {
	t.Helper()
	cfg, _, err := config.Load(config.Input{Flags: s.Flags(data)})
	if err != nil {
		t.Fatal("reading settings: ", err)
	}
	return cfg
}

// BootstrapKey is the operator key of every hub that this package starts.
const BootstrapKey = "an-operator-key-for-tests-only-0123456789"

// Flags are the settings as package config takes them.
func (s Size) Flags(data string) map[string]string {
	flags := map[string]string{
		"data": data, "listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0", "bootstrap_key": BootstrapKey,
	}
	for name, value := range s.flags {
		flags[name] = value
	}
	return flags
}
