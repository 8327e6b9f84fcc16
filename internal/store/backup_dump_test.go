package store_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"hub"
	"hub/internal/hubtest/mariadb"
	"hub/internal/store"
	"hub/internal/store/storetest"
)

// needDump skips where the client's tools are missing, or fails when HUB_TEST_REQUIRE=1.
func needDump(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"mariadb-dump", "mariadb"} {
		_, err := exec.LookPath(tool)
		switch {
		case err == nil:
		case os.Getenv("HUB_TEST_REQUIRE") == "1":
			t.Fatalf("HUB_TEST_REQUIRE=1 and %s is missing; scripts/servers installs it (package mariadb-client)", tool)
		default:
			t.Skipf("%s is missing; scripts/servers installs it (package mariadb-client)", tool)
		}
	}
}

// documented returns the commands of docs/operations.md in the block that begins with a comment.
func documented(t *testing.T, comment string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(text), "```sh\n# "+comment)
	if !found {
		t.Fatalf("docs/operations.md has no block %q", comment)
	}
	block, _, _ = strings.Cut(block, "\n```")
	return "#" + block
}

// servers are the databases of a hub as the documented commands see them.
type servers struct {
	environ []string
	set     string
	short   string
}

func newServers(t *testing.T, c store.Config) servers {
	t.Helper()
	dir := t.TempDir()
	s := servers{set: filepath.Join(dir, "set"), short: filepath.Join(dir, "short")}
	login := filepath.Join(dir, "login")
	var shards []string
	for _, name := range c.Shards {
		shards = append(shards, parsed(t, name).DBName)
	}
	d := parsed(t, c.Control)
	host, port, _ := strings.Cut(d.Addr, ":")
	text := fmt.Sprintf("[client]\nprotocol=tcp\nhost=%s\nport=%s\nuser=%s\npassword=\"%s\"\n", host, port, d.User, d.Passwd)
	if err := os.WriteFile(login, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{s.set, s.short} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.environ = append(os.Environ(), "LOGIN="+login, "SHARDS="+strings.Join(shards, " "), "CONTROL="+d.DBName,
		"VAULT="+parsed(t, c.Vault).DBName, "SET="+s.set, "SHORT="+s.short)
	return s
}

func parsed(t *testing.T, name string) *mysql.Config {
	t.Helper()
	d, err := mysql.ParseDSN(strings.TrimPrefix(name, "mysql:"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (s servers) run(t *testing.T, script string) {
	t.Helper()
	c := exec.Command("sh", "-c", script)
	c.Env = s.environ
	if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v: %s", err, out)
	}
}

// empty makes databases as new.
func empty(t *testing.T, server *mariadb.Server, names ...string) {
	t.Helper()
	for _, name := range names {
		database := parsed(t, name).DBName
		for _, statement := range []string{"DROP DATABASE ", "CREATE DATABASE "} {
			if _, err := server.Admin().Exec(statement + database); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestDocumentedDump runs the commands of docs/operations.md while a hub commits, loses shards and control database, then the
// vault, and loads the copies.
func TestDocumentedDump(t *testing.T) {
	needDump(t)
	server := mariadb.Shared(t)
	c := migrated(t, mysqlConfig(t, server))
	s, ids := opened(t, c), storetest.IDs()
	blob := make([]byte, 256)
	for i := range blob {
		blob[i] = byte(i)
	}
	vault := raw(t, c.Vault)
	for i := range 200 { // quotes, zeros and ends of lines among them
		if _, err := vault.Exec("INSERT INTO vault_tombstones (hash, at, expires_at) VALUES (?, ?, 0)", append([]byte{byte(i), byte(i >> 8)}, blob[i%200:i%200+30]...), i); err != nil {
			t.Fatal(err)
		}
	}
	stop, ended, committed := make(chan struct{}), make(chan struct{}), make(chan struct{}, 1)
	go func() {
		defer close(ended)
		for {
			tenant := hub.TenantID(ids.New(hub.TenantPrefix))
			err := s.Do(context.Background(), s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
				o := newOrder(tenant, "1", ids)
				o.Doc = slices.Concat(blob, []byte(`'"\`), blob)
				return put(ctx, s, tx, o)
			})
			if err != nil {
				t.Error(err)
				return
			}
			select {
			case committed <- struct{}{}:
			default:
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	<-committed
	commands := newServers(t, c)
	commands.run(t, documented(t, "copy: "))
	close(stop)
	<-ended
	before := counts(t, c)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	privateDumps(t, commands)

	empty(t, server, append([]string{c.Control}, c.Shards...)...)
	refused(t, c, store.CodeSchema, "run hub migrate")
	commands.run(t, documented(t, "restore: "))
	again := opened(t, c)
	for _, h := range again.Health(t.Context()) {
		if h.Err != nil {
			t.Errorf("%s: %v", h.Name, h.Err)
		}
	}
	after := counts(t, c)
	if after["orders"] == 0 || after["orders"] != after["feed"] || after["orders"] != after["feed_head"] || after["orders"] > before["orders"] {
		t.Errorf("restored %v, there were %v", after, before)
	}
	damaged := 0
	for _, name := range c.Shards {
		var n int
		if err := raw(t, name).QueryRow("SELECT COUNT(*) FROM orders WHERE doc <> ?", slices.Concat(blob, []byte(`'"\`), blob)).Scan(&n); err != nil {
			t.Fatal(err)
		}
		damaged += n
	}
	if damaged > 0 {
		t.Errorf("%d documents changed", damaged)
	}
	if err := again.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	sum := checksum(t, c.Vault)
	empty(t, server, c.Vault)
	commands.run(t, documented(t, "restore the vault"))
	if got := checksum(t, c.Vault); got != sum {
		t.Errorf("tombstones have the checksum %s, had %s", got, sum)
	}
	opened(t, c)
	t.Logf("%d orders at the end, %d in the copies; %d documents changed", before["orders"], after["orders"], damaged)
}

// counts adds up rows over all shards.
func counts(t *testing.T, c store.Config) map[string]int {
	t.Helper()
	sum := map[string]int{}
	for _, name := range c.Shards {
		for _, table := range []string{"orders", "feed", "feed_head"} {
			var n int
			if err := raw(t, name).QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil {
				t.Fatal(err)
			}
			sum[table] += n
		}
	}
	return sum
}

func checksum(t *testing.T, name string) (sum string) {
	t.Helper()
	var table string
	if err := raw(t, name).QueryRow("CHECKSUM TABLE vault_tombstones").Scan(&table, &sum); err != nil {
		t.Fatal(err)
	}
	return sum
}

// privateDumps: no one else may read a dump, and the vault is not in the set.
func privateDumps(t *testing.T, s servers) {
	t.Helper()
	if in := names(t, s.set); len(in) != 3 || len(names(t, s.short)) != 1 {
		t.Errorf("the set holds %v", in)
	}
	for _, folder := range []string{s.set, s.short} {
		for _, name := range names(t, folder) {
			info, err := os.Stat(filepath.Join(folder, name))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: mode %o, %v", name, info.Mode().Perm(), err)
			}
		}
	}
}
