package mariadb

import (
	"database/sql"
	"os"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// The tests of the product mean nothing on a server that is laxer than production.
func TestSettingsAreThoseOfProduction(t *testing.T) {
	s := Shared(t)
	want := map[string]string{
		"innodb_flush_log_at_trx_commit": "1",
		"innodb_doublewrite":             "1",
		"innodb_checksum_algorithm":      "full_crc32",
		"innodb_flush_method":            "O_DIRECT",
		"sync_binlog":                    "1",
		"character_set_server":           "utf8mb4",
		"collation_server":               "utf8mb4_bin",
		"sql_mode":                       "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION",
		"innodb_log_file_size":           "268435456",
		"bind_address":                   "127.0.0.1",
	}
	for name, value := range want {
		var got string
		if err := s.Admin().QueryRow("SELECT @@GLOBAL." + name).Scan(&got); err != nil {
			t.Errorf("reading %s: %v", name, err)
		} else if got != value {
			t.Errorf("%s = %s, want %s", name, got, value)
		}
	}
}

func TestSettingsOfATestWin(t *testing.T) {
	s := Start(t, "--log-bin", "--max-connections=20")
	var binlog, connections int
	if err := s.Admin().QueryRow("SELECT @@log_bin, @@max_connections").Scan(&binlog, &connections); err != nil {
		t.Fatal(err)
	}
	if binlog != 1 || connections != 20 {
		t.Errorf("log_bin = %d, max_connections = %d, want 1 and 20", binlog, connections)
	}
}

func TestDatabasesAreApart(t *testing.T) {
	s := Shared(t)
	one, two := connect(t, s.NewDatabase(t)), connect(t, s.NewDatabase(t))
	mustExec(t, one, "CREATE TABLE x (id INT PRIMARY KEY)")
	mustExec(t, two, "CREATE TABLE x (id INT PRIMARY KEY)")
	again := connect(t, s.DSN("named"))
	mustExec(t, again, "CREATE TABLE x (id INT PRIMARY KEY)")
	if one, two := s.DSN("named"), s.DSN("named"); one != two {
		t.Errorf("the same database has two DSNs, %s and %s", one, two)
	}
}

func TestCommittedRowsSurviveKill(t *testing.T) {
	s := Start(t)
	db := connect(t, s.NewDatabase(t))
	mustExec(t, db, "CREATE TABLE x (id INT PRIMARY KEY)")
	mustExec(t, db, "INSERT INTO x VALUES (1)")
	s.Kill()
	if s.Running() || db.Ping() == nil {
		t.Fatal("the server answers after Kill")
	}
	s.Restart(t)
	var n int
	if err := db.QueryRow("SELECT COUNT(*) FROM x").Scan(&n); err != nil || n != 1 {
		t.Errorf("after Kill and Restart: %d rows, %v; want 1", n, err)
	}
	s.Stop()
	s.Stop() // once more does nothing
	s.Restart(t)
	if err := db.QueryRow("SELECT COUNT(*) FROM x").Scan(&n); err != nil || n != 1 {
		t.Errorf("after Stop and Restart: %d rows, %v; want 1", n, err)
	}
}

func TestNothingIsLeftAtTheEnd(t *testing.T) {
	var s *Server
	t.Run("inner", func(t *testing.T) { s = Start(t) })
	if s == nil {
		t.Skip("the inner test was skipped: no MariaDB server is installed")
	}
	if s.Running() {
		t.Error("the server runs after its test")
	}
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("the server's folder is still there: %v", err)
	}
}

func connect(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func mustExec(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.Exec(query); err != nil {
		t.Fatal(err)
	}
}
