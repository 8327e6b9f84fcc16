package hubtest_test

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hub/internal/hubtest"
	"hub/internal/hubtest/mariadb"
	"hub/internal/hubtest/stranger"
)

func TestDrillKeyDeathEmbedded(t *testing.T) { keyDeath(t, hubtest.Embedded("2"), rounds(24, 120)) }

func TestDrillKeyDeathMariaDB(t *testing.T) {
	keyDeath(t, hubtest.OnMariaDB(t, mariadb.Start(t)), rounds(24, 120))
}

// keyDeath erases half of a town and runs the forget cycle. Then a stranger gets every file that the system has ever owned,
// copies from before included, except for roots that are destroyed.
func keyDeath(t *testing.T, size hubtest.Size, people int) {
	data := t.TempDir()
	h := hubtest.Spawn(t, size, data, filepath.Join(t.TempDir(), "probe"))
	if err := h.Await(); err != nil {
		t.Fatal(err)
	}
	w := found(t, h, "Town", people)
	w.calm(t, h)
	dead, living := w.People[:people/2], w.People[people/2:]
	files := map[string][]byte{}
	collect(t, files, size, data, "before")
	lost := rootFiles(t, data)

	if err := erase(h, w.tenant(), dead); err != nil {
		t.Fatal(err)
	}
	collect(t, files, size, data, "killed")
	if _, err := runCycle(t.Context(), h.Operator(), 0); err == nil || !strings.Contains(err.Error(), "approval_needed") {
		t.Errorf("a cycle that kills half of everybody: %v, want approval_needed", err)
	}
	done, err := runCycle(t.Context(), h.Operator(), 2*people)
	if err != nil || done.Phase != "done" {
		t.Fatalf("the cycle: %+v, %v", done, err)
	}
	h.Terminate(t)
	collect(t, files, size, data, "after")
	if size.MariaDB != nil {
		size.MariaDB.Kill()
		walk(t, files, size.MariaDB.DataDir(), "server")
	}

	evidence, err := stranger.Gather(files)
	if err != nil {
		t.Fatal(err)
	}
	now, then := evidence.Try(rootFiles(t, data)), evidence.Try(slices.Concat(lost, rootFiles(t, data)))
	deadRead, _ := read(now, dead)
	livingRead, values := read(now, living)
	deadThen, _ := read(then, dead)
	if deadRead > 0 {
		t.Errorf("%d of %d erased persons can be read", deadRead, len(dead))
	}
	if livingRead < len(living) || deadThen < len(dead) {
		t.Errorf("of %d living persons %d can be read, with the old root %d of %d dead ones: the search proves nothing",
			len(living), livingRead, deadThen, len(dead))
	}
	for _, p := range living {
		if now.Opened[string(p.Subject)] == 0 {
			t.Errorf("nothing of %s opens", p.Subject)
		}
	}
	t.Logf("%s: %d files, %d sealed values; cycle: %d kills, %d slots, %d rows. With the root that is left: %d keyrings, %d keys, "+
		"%d values open, %d do not; %d of %d erased persons and %d of %d others are read (%d values). With the destroyed root, too: %d erased ones",
		size.Name, len(files), evidence.Envelopes, done.Kills, done.Slots, done.Rows, now.Keyrings, len(now.Keys), len(now.Plain), now.Closed,
		deadRead, len(dead), livingRead, len(living), values, deadThen)
}

var marks = regexp.MustCompile(`mark\d{5}person`)

// read counts the persons whose words are in what opened.
func read(f stranger.Findings, people []person) (n, values int) {
	seen := map[string]int{}
	for _, plain := range f.Plain {
		for _, m := range marks.FindAll(plain, -1) {
			seen[string(m)]++
		}
	}
	for _, p := range people {
		if seen[p.mark()] > 0 {
			n++
			values += seen[p.mark()]
		}
	}
	return n, values
}

// collect adds the files of a hub as they are now, without its roots, and the contents of its databases on servers.
func collect(t *testing.T, files map[string][]byte, size hubtest.Size, data, when string) {
	t.Helper()
	walk(t, files, data, when)
	if size.MariaDB == nil {
		return
	}
	for _, name := range size.Databases() {
		dump := exec.Command("mariadb-dump", "--no-defaults", "--socket="+size.MariaDB.Socket(), "--user=root", "--hex-blob", "--complete-insert",
			"--single-transaction", "--skip-extended-insert", name)
		text, err := dump.Output()
		if err != nil {
			t.Fatal("dumping: ", err)
		}
		files[when+"/"+name+".sql"] = text
	}
}

func walk(t *testing.T, files map[string][]byte, folder, when string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Base(filepath.Dir(path)) == "forget" {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		files[when+"/"+name] = bytes.Clone(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// rootFiles are the contents of all roots that are there.
func rootFiles(t *testing.T, data string) (list [][]byte) {
	t.Helper()
	files := map[string][]byte{}
	names, err := filepath.Glob(filepath.Join(data, "forget", "root.*"))
	if err != nil || len(names) == 0 {
		t.Fatal("no roots: ", err)
	}
	for _, name := range names {
		if files[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return slices.Collect(maps.Values(files))
}
