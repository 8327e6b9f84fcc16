package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/hubtest/mariadb"
)

// crowd is how many persons the vault holds while its statements are looked at: so many that a scan shows.
const crowd = 10_000

// planConfig names databases for one test.
func planConfig(kind string, name func() string) Config {
	n := byte(0)
	return Config{
		Control: kind + ":" + name(), Vault: kind + ":" + name(), Shards: []string{kind + ":" + name()}, Log: slog.New(slog.DiscardHandler),
		Clock: func() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) },
		IDs:   func() (id [16]byte) { n++; id[15] = n; return id },
	}
}

// planned opens a store whose vault is full.
func planned(t *testing.T, c Config, fill ...string) *Store {
	t.Helper()
	if err := Migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	for _, statement := range fill { // each in a transaction, as SQLite's one writer is taken otherwise
		err := s.do(t.Context(), s.vault, func(ctx context.Context, t *tx) error {
			_, err := t.exec(ctx, statement, statement)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// ownerOf is the mark on the tags of person n of the crowd.
func ownerOf(n int) []byte { return fmt.Appendf(nil, "%016d", n) }

// exerciseVault calls every method, for a person in the middle of the crowd.
func exerciseVault(t *testing.T, s *Store) {
	t.Helper()
	v, ctx, noon := s.Vault(), t.Context(), s.cfg.now()
	id, owner := "sub_7", ownerOf(7)
	hash, dead := make([]byte, 32), gdpr.SubjectID(id)
	fence := forget.Entry{ID: "ers_1", What: forget.Fenced, Tenant: "ten_a", Subject: dead}
	kill := forget.Entry{ID: "ers_2", What: forget.Killed, Tenant: "ten_a", Subject: dead}
	fresh := gdpr.NewSubject{Key: gdpr.WrappedKey{ID: "sub_new", Kind: gdpr.KindSubject, Tag: []byte("key"), Wrapped: hash},
		Identity: gdpr.Tag{Link: []byte("new"), Tag: hash, Owner: []byte("new"), Identity: true, Sealed: hash}}
	tag := gdpr.Tag{Link: []byte("other"), Tag: hash, Owner: owner, Sealed: hash}
	epoch, err := v.Lead(ctx, "h", noon, noon.Add(time.Hour))
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	must("Lead", err)
	must("PutKeyring", v.PutKeyring(ctx, 0, gdpr.SealedKeyring{Generation: 1, Revision: 1}))
	for what, call := range map[string]func() error{
		"ByTag":      func() error { _, err := v.ByTag(ctx, [][]byte{hash}); return err },
		"ByID":       func() error { _, err := v.ByID(ctx, []string{id}); return err },
		"Links":      func() error { _, err := v.Links(ctx, []gdpr.Link{{Link: hash}, {Slot: 7, Link: hash}}); return err },
		"Tagged":     func() error { _, err := v.Tagged(ctx, 7, hash, nil, 10); return err },
		"TagsOf":     func() error { _, err := v.TagsOf(ctx, [][]byte{owner}); return err },
		"Index":      func() error { _, err := v.Index(ctx, 7, 9); return err },
		"Tombstones": func() error { _, err := v.Tombstones(ctx, [][]byte{hash}, noon); return err },
		"Keyrings":   func() error { _, err := v.Keyrings(ctx); return err },
		"Poll":       func() error { _, err := v.Poll(ctx, crowd-10); return err },
		"Entries":    func() error { _, err := v.Entries(ctx, crowd-10, 10); return err },
		"ByEntryID":  func() error { _, err := v.EntriesByID(ctx, []string{"ers_x"}); return err },
		"Add": func() error {
			_, err := v.Add(ctx, 1, gdpr.Addition{Subjects: []gdpr.NewSubject{fresh}, Tags: []gdpr.Tag{tag}})
			return err
		},
		"Rewrite": func() error {
			return v.Rewrite(ctx, epoch, []gdpr.Slot{7, 8, 9}, func(all []forget.Slotful) ([]forget.Slotful, error) {
				for i := range all {
					all[i].Census = &forget.Census{Digest: hash}
				}
				return all, nil
			})
		},
		"DropSlots": func() error { _, err := v.DropSlots(ctx, epoch, []gdpr.Slot{gdpr.Buckets + 7}); return err },
		"Fence": func() error {
			_, err := v.Fence(ctx, []forget.Entry{fence}, [][]byte{owner}, []forget.Tombstone{{Hash: hash, At: noon, Expires: noon}})
			return err
		},
		"Kill": func() error { _, err := v.Kill(ctx, []forget.Entry{kill}, [][]byte{owner}); return err },
		"KillLots": func() error {
			_, err := v.KillLots(ctx, forget.Entry{ID: "ers_3", Tenant: "ten_a"}, "con_none", false)
			return err
		},
		"Save": func() error {
			return v.Save(ctx, epoch, forget.Cycle{Number: 1, Phase: forget.PhaseDone, EndedAt: noon})
		},
	} {
		must(what, call())
	}
	must("StoreKeyring", v.StoreKeyring(ctx, epoch, 1, gdpr.SealedKeyring{Generation: 1, Revision: 2}))
}

// small are tables that have a row for each hub, keyring, cycle or dirty slot, and none for a person.
func small(text string) bool {
	for _, table := range []string{"vault_state", "vault_hubs", "vault_keyrings", "vault_cycles", "vault_dirty", "vault_meta", "schema_vault"} {
		if strings.Contains(text, table) {
			return true
		}
	}
	return false
}

// TestVaultPlansSQLite asks SQLite for the plan of each statement that it was given.
func TestVaultPlansSQLite(t *testing.T) {
	dir, files := t.TempDir(), 0
	numbers := "WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < " + fmt.Sprint(crowd) + ") "
	s := planned(t, planConfig("sqlite", func() string { files++; return fmt.Sprintf("%s/%d.db", dir, files) }), crowded(numbers, "n", "randomblob(32)", "||")...)
	exerciseVault(t, s)
	texts := map[string]bool{}
	for text := range s.vault.line.stmts {
		texts[text] = true
	}
	s.vault.prepared.Range(func(text, _ any) bool { texts[text.(string)] = true; return true })
	looked := 0
	for text := range texts {
		if !strings.Contains(text, "vault_") || strings.HasPrefix(text, "INSERT") {
			continue
		}
		looked++
		rows, err := s.vault.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, make([]any, strings.Count(text, "?"))...)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for rows.Next() {
			var plan string
			if err := rows.Scan(new(int), new(int), new(int), &plan); err != nil {
				t.Fatal(err)
			}
			scanned, scan := strings.CutPrefix(plan, "SCAN ")
			if scan && !small(scanned) && !strings.HasPrefix(scanned, "CONSTANT") || strings.Contains(plan, "AUTOMATIC") {
				t.Errorf("%s\n%s", text, plan)
			}
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
	if looked < 25 {
		t.Errorf("only %d statements were found", looked)
	}
	t.Logf("%d statements, %d persons, no scan", looked, crowd)
}

// crowded are the statements that fill a vault: persons, two tags each, lots, and a ledger of others.
func crowded(with, numbers, random, join string) []string {
	id := func(prefix string) string {
		if join == "||" {
			return "'" + prefix + "' || seq"
		}
		return "CONCAT('" + prefix + "', seq)"
	}
	from := " FROM " + numbers
	keys := "INSERT INTO vault_keys (id, kind, tenant_id, tag, slot, wrapped, connection_id, class, week, expires, generation, created_at, counted) "
	tags := "INSERT INTO vault_tags (link, tag, slot, owner, identity, sealed, generation) "
	owner := "LPAD(seq, 16, '0')"
	if join == "||" {
		owner = "CAST(printf('%016d', seq) AS BLOB)"
	}
	return []string{
		keys + with + "SELECT " + id("sub_") + ", 'subject', 'ten_a', " + random + ", seq % 65536, 'x', '', '', '', '', 1, 0, 0" + from,
		keys + with + "SELECT " + id("lot_") + ", 'lot', 'ten_a', " + random + ", 65536 + seq % 100, 'x', " + id("con_") + ", 'raw', '', '', 1, 0, 0" + from,
		tags + with + "SELECT " + random + ", " + random + ", seq % 65536, " + owner + ", 1, 'x', 1" + from,
		tags + with + "SELECT " + random + ", " + random + ", seq % 65536, " + owner + ", 0, 'x', 1" + from,
		"INSERT INTO vault_ledger (number, id, what, tenant_id, subject_id, reason, at, person) " + with + "SELECT seq, " + id("ers_o") +
			", 'killed', 'ten_a', " + id("sub_o") + ", '', 0, 1" + from,
		"INSERT INTO vault_tombstones (hash, at, expires_at) " + with + "SELECT " + random + ", 0, 9000000000000000" + from,
		"INSERT INTO vault_ended (id, slot) " + with + "SELECT " + id("sub_e") + ", seq % 65536" + from,
		"INSERT INTO vault_census (slot, generation, key_count, digest) " + with + "SELECT seq, 1, 1, 'x'" + from,
		fmt.Sprintf("UPDATE vault_state SET ledger = %d", crowd),
	}
}

// TestVaultPlansMariaDB has the server log what it was asked, asks for the plan of each statement, and counts the rows
// that a kill touches.
func TestVaultPlansMariaDB(t *testing.T) {
	server := mariadb.Shared(t)
	fill := crowded("", fmt.Sprintf("seq_1_to_%d", crowd), "UNHEX(SHA2(CONCAT(RAND(), seq), 256))", "")
	fill = append(fill, "ANALYZE TABLE vault_keys, vault_tags, vault_ledger, vault_tombstones, vault_ended, vault_census")
	s := planned(t, planConfig("mysql", func() string { return server.NewDatabase(t) }), fill...)
	admin := server.Admin()
	command := func(query string) {
		t.Helper()
		if _, err := admin.ExecContext(t.Context(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	command("TRUNCATE mysql.general_log")
	command("SET GLOBAL log_output = 'TABLE'")
	command("SET GLOBAL general_log = 1")
	t.Cleanup(func() {
		admin.Exec("SET GLOBAL general_log = 0")
		admin.Exec("SET GLOBAL log_output = 'FILE'")
	})
	exerciseVault(t, s)
	command("SET GLOBAL general_log = 0")
	var texts []string
	rows, err := admin.QueryContext(t.Context(), "SELECT CONVERT(argument USING latin1) FROM mysql.general_log WHERE command_type IN ('Query', 'Execute')")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	looked := 0
	for _, text := range texts {
		text = latin1(text)
		if !strings.Contains(text, "vault_") || strings.HasPrefix(text, "INSERT") {
			continue
		}
		looked++
		explain(t, s.vault.write, text)
	}
	if looked < 25 {
		t.Errorf("only %d statements were found among %d", looked, len(texts))
	}
	t.Logf("%d statements, %d persons, no scan", looked, crowd)
	touched(t, s, admin)
}

// latin1 gives the bytes back that were read as Latin-1.
func latin1(text string) string {
	var b strings.Builder
	for _, r := range text {
		b.WriteByte(byte(r))
	}
	return b.String()
}

func explain(t *testing.T, db *sql.DB, text string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN "+text)
	if err != nil {
		t.Fatalf("%.200q: %v", text, err)
	}
	defer rows.Close()
	for rows.Next() {
		var table, path, key sql.NullString
		var estimate sql.NullInt64
		if err := rows.Scan(new(any), new(any), &table, &path, new(any), &key, new(any), new(any), &estimate, new(any)); err != nil {
			t.Fatal(err)
		}
		alias := map[string]string{"s": "vault_state", "n": "vault_ledger", "l": "vault_ledger"}
		name := table.String
		if full, ok := alias[name]; ok {
			name = full
		}
		if (path.String == "ALL" || path.String == "index" || estimate.Int64 > 1000) && !small(name) {
			t.Errorf("%.300q\ntable %s, path %s, key %s, %d rows", text, table.String, path.String, key.String, estimate.Int64)
		}
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
}

// touched kills one more person and counts.
func touched(t *testing.T, s *Store, admin *sql.DB) {
	t.Helper()
	reads := func() (sum int64) {
		query := "SELECT SUM(variable_value) FROM information_schema.global_status WHERE variable_name LIKE 'HANDLER_READ%'"
		if err := admin.QueryRowContext(t.Context(), query).Scan(&sum); err != nil {
			t.Fatal(err)
		}
		return sum
	}
	kill := []forget.Entry{{ID: "ers_last", What: forget.Killed, Tenant: "ten_a", Subject: "sub_9"}}
	before := reads()
	idle := reads() - before // what the question itself costs
	before = reads()
	_, err := s.Vault().Kill(t.Context(), kill, [][]byte{ownerOf(9)})
	if n := reads() - before - idle; err != nil || n > 300 {
		t.Errorf("a kill among %d persons read %d rows, %v", crowd, n, err)
	} else {
		t.Logf("a kill among %d persons read %d rows", crowd, n)
	}
	if gone, err := s.Vault().TagsOf(t.Context(), [][]byte{ownerOf(7), ownerOf(9)}); err != nil || len(gone) != 0 {
		t.Errorf("%d tags of the dead, %v", len(gone), err)
	}
	if here, err := s.Vault().TagsOf(t.Context(), [][]byte{ownerOf(8)}); err != nil || len(here) != 2 {
		t.Errorf("%d tags of a survivor, %v", len(here), err)
	}
}

// TestVaultTakenBack has polled what a server lost when it was killed before its flush.
func TestVaultTakenBack(t *testing.T) {
	server := mariadb.Shared(t)
	s := planned(t, planConfig("mysql", func() string { return server.NewDatabase(t) }))
	entries := []forget.Entry{{ID: "ers_1", What: forget.Fenced, Tenant: "ten_a", Subject: "sub_1"}}
	if _, err := s.Vault().Fence(t.Context(), entries, nil, nil); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		p    polled
		lost bool
	}{
		"what is there":          {polled{gdpr.State{Ledger: 1}, "ers_1"}, false},
		"another entry's number": {polled{gdpr.State{Ledger: 1}, "ers_2"}, true},
		"an entry that went":     {polled{gdpr.State{Ledger: 2}, "ers_2"}, true},
		"a revision that went":   {polled{gdpr.State{Ledger: 1, Revision: 1}, "ers_1"}, true},
		"less than there is now": {polled{gdpr.State{}, ""}, false},
	} {
		s.vault.marks = marks{}
		if err := s.vault.settledVault(t.Context(), c.p); (hub.KindOf(err) == hub.KindUnavailable) != c.lost || !c.lost && err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
