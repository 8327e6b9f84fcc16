package hubtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/internal/app"
	"hub/internal/hubtest"
	"hub/internal/hubtest/mariadb"
)

func TestDrillRestoreEmbedded(t *testing.T) {
	t.Parallel()
	size, data := hubtest.Embedded("2"), t.TempDir()
	restoreDrill(t, size, data, rounds(9, 300), newFileCopies(t, size, data))
}

func TestDrillRestoreMariaDB(t *testing.T) {
	t.Parallel()
	size := hubtest.OnMariaDB(t, mariadb.Shared(t))
	restoreDrill(t, size, t.TempDir(), rounds(9, 300), newDumps(t, size))
}

// copies is how an operator copies and restores one size.
type copies interface {
	take(t *testing.T)                       // while the hub serves
	restore(t *testing.T)                    // shards and control database, under the present vault; the hub is stopped
	swapVault(t *testing.T) (restore func()) // for the old copy, by force
}

// restoreDrill copies everything, erases a third of a town, runs the cycle, and puts the old shards back under the newest
// vault. Then it tries the old vault and the old roots.
func restoreDrill(t *testing.T, size hubtest.Size, data string, people int, c copies) {
	page := filepath.Join(t.TempDir(), "probe")
	serve := func() *hubtest.Process {
		h := hubtest.Spawn(t, size, data, page)
		if err := h.Await(); err != nil {
			t.Fatal(err)
		}
		return h
	}
	h := serve()
	w := found(t, h, "Town", people)
	dead, living := w.People[:people/3], w.People[people/3:people:people]
	c.take(t)
	oldRoots := filepath.Join(t.TempDir(), "forget")
	copyFolder(t, filepath.Join(data, "forget"), oldRoots)

	// Two come after the copy: one is erased, too, the other stays.
	w.settle(t)
	w.settle(t)
	awaitChanges(t, w.Shop.ERP, w.Orders)
	w.identify(t, h)
	gone, stays := w.People[people], w.People[people+1]
	if err := erase(h, w.tenant(), append(dead[:len(dead):len(dead)], gone)); err != nil {
		t.Fatal(err)
	}
	if err := finishCycle(t.Context(), h.Operator(), 1000); err != nil {
		t.Fatal(err)
	}
	h.Terminate(t)

	c.restore(t)
	before, rawsBefore, parkedBefore := w.sealedBytes(t, shards(t, size, data), dead)
	h = serve()
	w.moved(h.URL)
	deadRead, waited := w.census(t, dead)
	livingRead, _ := w.census(t, living)
	if deadRead > 0 || livingRead < len(living) {
		t.Errorf("after the restore %d of %d erased persons are read, %d of %d others", deadRead, len(dead), livingRead, len(living))
	}
	after, rawsAfter, parkedAfter := w.sealedBytes(t, shards(t, size, data), dead)
	if before == 0 || rawsBefore == 0 || parkedBefore <= parkedAfter {
		t.Errorf("the restored shards held %d bytes of orders and %d of payloads, %d deliveries were parked: the drill proves nothing",
			before, rawsBefore, parkedBefore)
	}
	if after > 0 || rawsAfter > 0 || parkedAfter != parkedOf(living) {
		t.Errorf("%d bytes of the erased in orders, %d in payloads; %d parked deliveries, want %d", after, rawsAfter, parkedAfter, parkedOf(living))
	}
	late := w.newsOf(t, append(dead[:len(dead):len(dead)], gone, stays))
	if late[stays.mark()] == 0 || len(late) > 1 {
		t.Errorf("late news: %d orders show who stays, %d persons are shown in all, want 1", late[stays.mark()], len(late))
	}
	h.Terminate(t)
	refusals(t, size, data, page, oldRoots, c)

	h = serve()
	w.moved(h.URL)
	again, _ := w.census(t, living)
	if deadRead, _ = w.census(t, dead); again < len(living) || deadRead > 0 {
		t.Errorf("at the end %d of %d persons and %d of %d erased ones are read", again, len(living), deadRead, len(dead))
	}
	h.Terminate(t)
	t.Logf("%s: %d persons, %d erased after the copy and %d who came later; restored shards held %d sealed bytes of the erased in orders, "+
		"%d in payloads, %d parked deliveries; after the replay %d, %d and %d. Reads: 0 of %d erased persons, %d of %d others; %d answers 503 first",
		size.Name, people, len(dead), 1, before, rawsBefore, parkedBefore, after, rawsAfter, parkedAfter, len(dead), livingRead, len(living), waited)
}

// parkedOf counts the deliveries of people that were parked.
func parkedOf(people []person) (n int64) {
	for _, p := range people {
		if p.n%3 == 0 {
			n += int64(len(p.Orders))
		}
	}
	return n
}

// newsOf sends news of the orders of people, which were placed before, and returns by person how many orders are shown with
// personal fields.
func (w *town) newsOf(t *testing.T, people []person) map[string]int {
	t.Helper()
	now := time.Now().Truncate(time.Second)
	for _, p := range people {
		for _, n := range p.Orders {
			send(t, w.Shop, p.news(n, now.Add(-time.Hour), now))
		}
	}
	shown := map[string]int{}
	for _, p := range people {
		for _, n := range p.Orders {
			w.awaitOrder(t, n, now)
		}
	}
	ids := w.ids(t)
	for _, p := range people {
		for _, n := range p.Orders {
			var waits int
			for mark := range names(w.patientRead(t, "/v1/orders/"+ids[n]+"?include=personal", &waits).body) {
				shown[mark]++
			}
		}
	}
	return shown
}

// refusals tries old copies of what must not be old.
func refusals(t *testing.T, size hubtest.Size, data, page, oldRoots string, c copies) {
	t.Helper()
	refused := func(what, want string) {
		h := hubtest.Spawn(t, size, data, page)
		err := h.Await()
		if err == nil {
			h.Terminate(t)
			t.Errorf("a hub starts with %s", what)
			return
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("with %s the hub says %v, want %q", what, err, want)
		}
		t.Logf("%s: %s", what, firstLine(err))
	}
	back := c.swapVault(t)
	refused("an old vault", "the vault is an old copy")
	back()
	forget := filepath.Join(data, "forget")
	if err := os.Rename(forget, forget+".now"); err != nil {
		t.Fatal(err)
	}
	copyFolder(t, oldRoots, forget)
	refused("old roots", "old copy")
	if err := os.RemoveAll(forget); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(forget+".now", forget); err != nil {
		t.Fatal(err)
	}
}

// fileCopies are those of hub backup.
type fileCopies struct {
	size                hubtest.Size
	data, folder, vault string
}

func newFileCopies(t *testing.T, size hubtest.Size, data string) *fileCopies {
	return &fileCopies{size, data, filepath.Join(t.TempDir(), "set"), filepath.Join(t.TempDir(), "vault")}
}

func (c *fileCopies) take(t *testing.T) {
	t.Helper()
	o := app.BackupOptions{To: c.folder, VaultTo: c.vault, Clock: app.SystemClock}
	if _, err := app.Backup(t.Context(), c.size.Config(t, c.data), o); err != nil {
		t.Fatal(err)
	}
}

func (c *fileCopies) restore(t *testing.T) {
	t.Helper()
	o := app.RestoreOptions{From: c.folder, VaultFrom: c.vault, Clock: app.SystemClock}
	if _, err := app.Restore(t.Context(), c.size.Config(t, c.data), o); hub.CodeOf(err) != app.CodeOlderVault {
		t.Errorf("restoring an older vault: %v", err)
	}
	o.VaultFrom = ""
	if _, err := app.Restore(t.Context(), c.size.Config(t, c.data), o); err != nil {
		t.Fatal(err)
	}
}

func (c *fileCopies) swapVault(t *testing.T) func() {
	t.Helper()
	aside := t.TempDir()
	move := func(from, to string) {
		names, err := filepath.Glob(filepath.Join(from, "vault.db*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if err := os.Rename(name, filepath.Join(to, filepath.Base(name))); err != nil {
				t.Fatal(err)
			}
		}
	}
	move(c.data, aside)
	if err := os.WriteFile(filepath.Join(c.data, "vault.db"), mustRead(t, filepath.Join(c.vault, "vault.db")), 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		move(c.data, t.TempDir())
		move(aside, c.data)
	}
}

// dumps are those of docs/operations.md.
type dumps struct {
	server     *mariadb.Server
	set, short string
	environ    []string
	databases  []string // shards, control, vault
}

func newDumps(t *testing.T, size hubtest.Size) *dumps {
	t.Helper()
	d := &dumps{server: size.MariaDB, set: t.TempDir(), short: t.TempDir(), databases: size.Databases()}
	login := filepath.Join(t.TempDir(), "login")
	if err := os.WriteFile(login, []byte("[client]\nsocket="+size.MariaDB.Socket()+"\nuser=root\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := len(d.databases)
	d.environ = append(os.Environ(), "LOGIN="+login, "SHARDS="+strings.Join(d.databases[:n-2], " "), "CONTROL="+d.databases[n-2],
		"VAULT="+d.databases[n-1], "SET="+d.set, "SHORT="+d.short)
	return d
}

// run runs a block of commands of docs/operations.md.
func (d *dumps) run(t *testing.T, comment string, environ ...string) {
	t.Helper()
	_, block, found := strings.Cut(string(mustRead(t, "../../docs/operations.md")), "```sh\n# "+comment)
	if !found {
		t.Fatalf("docs/operations.md has no block %q", comment)
	}
	block, _, _ = strings.Cut(block, "\n```")
	c := exec.Command("sh", "-c", "#"+block)
	c.Env = append(d.environ, environ...)
	if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%s: %v: %s", comment, err, out)
	}
}

func (d *dumps) empty(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		for _, statement := range []string{"DROP DATABASE ", "CREATE DATABASE "} {
			if _, err := d.server.Admin().Exec(statement + name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (d *dumps) take(t *testing.T) { d.run(t, "copy: all shards") }

func (d *dumps) restore(t *testing.T) {
	d.empty(t, d.databases[:len(d.databases)-1]...)
	d.run(t, "restore: shards and control")
}

func (d *dumps) swapVault(t *testing.T) func() {
	t.Helper()
	now, vault := t.TempDir(), d.databases[len(d.databases)-1]
	d.run(t, "copy: all shards", "SHORT="+now, "SET="+t.TempDir())
	d.empty(t, vault)
	d.run(t, "restore the vault")
	return func() {
		d.empty(t, vault)
		d.run(t, "restore the vault", "SHORT="+now)
	}
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(to, 0o700); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(to, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.Chmod(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// firstLine is what the hub said when it ended.
func firstLine(err error) string {
	for line := range strings.Lines(err.Error()) {
		if strings.HasPrefix(line, "hub: ") {
			return strings.TrimSpace(line)
		}
	}
	return err.Error()
}
