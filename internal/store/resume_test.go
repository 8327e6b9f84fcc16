package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"hub"
	"hub/internal/hubtest/mariadb"
)

// onServer returns a configuration of new databases, and its first shard, control database and vault.
func onServer(t *testing.T, server *mariadb.Server) (Config, []*database) {
	t.Helper()
	c := Config{Control: "mysql:" + server.NewDatabase(t), Vault: "mysql:" + server.NewDatabase(t), Shards: []string{"mysql:" + server.NewDatabase(t)},
		Clock: time.Now, IDs: rising()}
	s, err := assemble(c, forUse)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	return c, []*database{s.shards[0], s.control, s.vault}
}

// versions lists the numbers of a database's migrations.
func (d *database) versions(t *testing.T) (list []int64) {
	t.Helper()
	for _, step := range d.steps() {
		list = append(list, step.Version)
	}
	return list
}

// shape is how all tables were made, and the rows that migrations put into them.
func (d *database) shape(t *testing.T) map[string]string {
	t.Helper()
	rows, err := d.write.Query("SHOW TABLES")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]string{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		found[name] = ""
	}
	for name := range found {
		var made string
		var count int
		if err := d.write.QueryRow("SHOW CREATE TABLE "+name).Scan(&name, &made); err != nil {
			t.Fatal(err)
		}
		if err := d.write.QueryRow("SELECT COUNT(*) FROM " + name).Scan(&count); err != nil {
			t.Fatal(err)
		}
		if cut := strings.Index(made, " AUTO_INCREMENT="); cut > 0 {
			made = made[:cut]
		}
		found[name] = fmt.Sprint(count, " rows ", made)
	}
	return found
}

// TestMigrationGoesOnAfterAKill ends a migration after each change of a table and before the note of it, one file after the
// other: the server refuses the note, as if the hub had died. The next run goes on from there, and in the end everything is
// as if nothing had happened.
func TestMigrationGoesOnAfterAKill(t *testing.T) {
	server := mariadb.Shared(t)
	_, clean := onServer(t, server)
	_, killed := onServer(t, server)
	kills := 0
	for i, d := range killed {
		if err := clean[i].up(t.Context()); err != nil {
			t.Fatal(err)
		}
		table := "schema_" + string(d.role)
		_, create, _ := strings.Cut(clean[i].shape(t)[table], " rows ")
		exec(t, d, create)
		exec(t, d, "CREATE TABLE kill_at (version BIGINT NOT NULL)")
		exec(t, d, "INSERT INTO kill_at VALUES (0)")
		exec(t, d, "INSERT INTO "+table+" (version_id, is_applied) VALUES (0, 1)")
		exec(t, d, "CREATE TRIGGER killer BEFORE INSERT ON "+table+` FOR EACH ROW
			IF NEW.version_id = (SELECT version FROM kill_at) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'killed'; END IF`)
		for _, version := range d.versions(t) {
			exec(t, d, fmt.Sprint("UPDATE kill_at SET version = ", version))
			var my *mysql.MySQLError
			if err := d.up(t.Context()); err == nil || errors.As(err, &my) || !strings.Contains(err.Error(), fmt.Sprint("version ", version)) {
				t.Fatalf("%s, killed at version %d: %v", d.role, version, err)
			}
			var noted int
			if err := d.write.QueryRow("SELECT COUNT(*) FROM "+table+" WHERE version_id = ?", version).Scan(&noted); err != nil || noted != 0 {
				t.Fatalf("%s, version %d is noted: %v", d.role, version, err)
			}
			kills++
		}
		exec(t, d, "DROP TRIGGER killer")
		exec(t, d, "DROP TABLE kill_at")
		if err := d.up(t.Context()); err != nil {
			t.Fatal(err)
		}
		want, got := clean[i].shape(t), d.shape(t)
		for name := range want {
			if got[name] != want[name] {
				t.Errorf("%s, %s is\n%s\nwant\n%s", d.role, name, got[name], want[name])
			}
			delete(got, name)
		}
		if len(got) > 0 {
			t.Errorf("%s has also %v", d.role, got)
		}
	}
	t.Logf("%d files, each killed between the change and its note, all gone on from", kills)
}

func exec(t *testing.T, d *database, query string) {
	t.Helper()
	if _, err := d.write.Exec(query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// TestForeignTableIsRefused has a table of somebody else's where one of ours is to be, also after a run was killed earlier.
// However often it is tried, it is refused and stays as it is; when it is gone everything goes on.
func TestForeignTableIsRefused(t *testing.T) {
	for _, killed := range []bool{false, true} {
		_, databases := onServer(t, mariadb.Shared(t))
		d := databases[0]
		if killed {
			if _, err := d.markRun(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		exec(t, d, "CREATE TABLE orders (theirs INT NOT NULL)")
		before := d.shape(t)["orders"]
		for try := range 4 {
			err := d.up(t.Context())
			if hub.CodeOf(err) != CodeSchema || !strings.Contains(err.Error(), "version 4") {
				t.Fatalf("killed %v, try %d: %v", killed, try, err)
			}
		}
		if after := d.shape(t)["orders"]; after != before {
			t.Errorf("it was %s and is %s", before, after)
		}
		exec(t, d, "DROP TABLE orders")
		if err := d.up(t.Context()); err != nil {
			t.Error(err)
		}
		if got, want := appliedVersions(t, d), d.versions(t); !slices.Equal(got, want) {
			t.Errorf("applied %v, want %v", got, want)
		}
	}
}

func appliedVersions(t *testing.T, d *database) (list []int64) {
	t.Helper()
	rows, err := d.write.Query("SELECT version_id FROM schema_" + string(d.role) + " WHERE version_id > 0 ORDER BY version_id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
	}
	return list
}
