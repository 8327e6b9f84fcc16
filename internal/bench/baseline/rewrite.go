package baseline

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// Copy copies the tables into a fresh database of the same kind, so that nothing of the work is left to be done later. Nobody
// may write meanwhile.
func (s Source) Copy(ctx context.Context, to Source) error {
	db, err := s.Open()
	if err != nil {
		return err
	}
	defer db.Close()
	if s.SQLite != "" {
		if _, err := db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
			return err
		}
		return copyFile(s.SQLite, to.SQLite)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	cfg, err := mysql.ParseDSN(to.MySQL)
	if err != nil {
		return err
	}
	for _, table := range s.Tables {
		fresh := cfg.DBName + "." + table
		for _, text := range []string{
			"CREATE TABLE " + fresh + " LIKE " + table,
			"INSERT INTO " + fresh + " SELECT * FROM " + table,
			"FLUSH TABLES " + fresh + " FOR EXPORT", // writes its pages
			"UNLOCK TABLES",
		} {
			if _, err := conn.ExecContext(ctx, text); err != nil {
				return fmt.Errorf("copying %s: %w", table, err)
			}
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	if err := out.Sync(); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// Rewriter writes the rows of slots of a vault anew, some slots in one transaction, with other bytes of the same size where
// the product's would differ. The bytes are random, which costs less than sealing.
type Rewriter struct {
	db     *sql.DB
	update string // what follows an INSERT of keys that exist
	most   int    // rows in one INSERT
}

// NewRewriter returns what rewrites a vault.
func NewRewriter(s Source, db *sql.DB) Rewriter {
	if s.MySQL != "" {
		return Rewriter{db, " ON DUPLICATE KEY UPDATE wrapped = VALUES(wrapped)", 500}
	}
	return Rewriter{db, " ON CONFLICT (id) DO UPDATE SET wrapped = excluded.wrapped", 250} // the quickest of what was tried
}

// Rewrite writes the rows of slots in one transaction and returns how many they are.
func (w Rewriter) Rewrite(ctx context.Context, slots []int64) (rows int, err error) {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // after a commit it does nothing
	where, args := " WHERE slot IN ("+strings.TrimSuffix(strings.Repeat("?,", len(slots)), ",")+")", make([]any, len(slots))
	for i, s := range slots {
		args[i] = s
	}
	keys, tags := Table{Name: "vault_keys"}, Table{Name: "vault_tags"}
	if err := keys.take(tx.QueryContext(ctx, "SELECT * FROM vault_keys"+where, args...)); err != nil {
		return 0, err
	}
	if err := tags.take(tx.QueryContext(ctx, "SELECT * FROM vault_tags"+where+" ORDER BY slot, link", args...)); err != nil {
		return 0, err
	}
	if err := w.insert(ctx, tx, keys, w.update, "wrapped"); err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM vault_tags"+where, args...); err != nil {
		return 0, err
	}
	if err := w.insert(ctx, tx, tags, "", "link", "tag", "sealed"); err != nil {
		return 0, err
	}
	return len(keys.Rows) + len(tags.Rows), tx.Commit()
}

// insert writes all rows, those of some columns with other bytes.
func (w Rewriter) insert(ctx context.Context, tx *sql.Tx, t Table, tail string, others ...string) error {
	for rows := range slices.Chunk(t.Rows, w.most) {
		some := t
		some.Rows = rows
		if _, err := tx.ExecContext(ctx, t.insert(len(rows))+tail, some.others(others...)...); err != nil {
			return err
		}
	}
	return nil
}

// others returns the values of all rows, those of some columns with other bytes.
func (t *Table) others(columns ...string) (args []any) {
	random := "," + strings.Join(columns, ",") + ","
	for _, row := range t.Rows {
		for i, v := range row {
			if b, ok := v.([]byte); ok && strings.Contains(random, ","+t.Columns[i]+",") {
				rand.Read(b) // never fails: the runtime ends the process instead
			}
			args = append(args, v)
		}
	}
	return args
}
