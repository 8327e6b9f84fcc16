package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// minPacket is the smallest max_allowed_packet of a server that we accept: a row of maxRow bytes must fit when each byte of
// it is escaped. It is the default of MariaDB; MySQL's is larger.
const minPacket = 16 << 20

// sqlMode makes MySQL refuse what it would otherwise change.
const sqlMode = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"

// maxSilence is how long the server waits for a silent session before it rolls back and closes it.
const maxSilence = 30 * time.Second

// openMySQL makes the pools of a MySQL or MariaDB database: one for transactions and one for reads, so that readers never
// keep a transaction waiting for a connection. Nothing is connected yet.
func openMySQL(s source, cfg Config) (write, read *sql.DB, err error) {
	dsn, err := mysqlConfig(s, cfg)
	if err != nil {
		return nil, nil, err
	}
	pool := func(size int) (*sql.DB, error) {
		connector, err := mysql.NewConnector(dsn)
		if err != nil {
			return nil, refuse(CodeSchema, s.name, "the DSN cannot be used")
		}
		db := sql.OpenDB(checked{connector, func(ctx context.Context, c driver.Conn) error { return prepareSession(ctx, c, s.name) }})
		db.SetMaxOpenConns(size)
		db.SetMaxIdleConns(size)
		db.SetConnMaxIdleTime(maxSilence / 2)  // ours first, so that no statement meets a connection that the server closed
		db.SetConnMaxLifetime(5 * time.Minute) // so that a changed setting is noticed, and a moved server found
		return db, nil
	}
	if write, err = pool(cfg.Writers); err != nil {
		return nil, nil, err
	}
	read, err = pool(cmp.Or(cfg.Readers, 16))
	return write, read, err
}

// mysqlConfig reads the DSN and sets what correctness rests on, whatever it says. Session variables in the DSN are refused:
// any of them might weaken a promise, and a silent override would mislead.
//
// Parameters are written into the statement by the driver (interpolated) instead of prepared on the server: a statement
// then costs one round trip and no state on the connection. It is safe with utf8mb4 and without NO_BACKSLASH_ESCAPES.
func mysqlConfig(s source, cfg Config) (*mysql.Config, error) {
	dsn, err := mysql.ParseDSN(s.dsn)
	if err != nil {
		return nil, refuse(CodeSchema, s.name, "the DSN cannot be read; it looks like mysql:user:password@tcp(host:3306)/database")
	}
	if dsn.DBName == "" {
		return nil, refuse(CodeSchema, s.name, "the DSN names no database")
	}
	for variable := range dsn.Params {
		return nil, refuse(CodeNotDurable, s.name, "the DSN sets %s; remove it, the hub sets the session's variables itself", variable)
	}
	dsn.Params = map[string]string{
		"sql_mode":                 "'" + sqlMode + "'",
		"innodb_lock_wait_timeout": strconv.Itoa(int(cfg.LockWait / time.Second)),
		// A hub that vanishes in a transaction, by a power cut or a pause, keeps its locks no longer than this.
		"wait_timeout": strconv.Itoa(int(maxSilence / time.Second)),
	}
	dsn.Collation = "utf8mb4_bin"
	dsn.ParseTime, dsn.Loc = true, time.UTC
	dsn.ClientFoundRows, dsn.InterpolateParams, dsn.CheckConnLiveness = true, true, true
	dsn.MultiStatements, dsn.AllowAllFiles, dsn.AllowOldPasswords, dsn.ColumnsWithAlias = false, false, false, false
	dsn.RejectReadOnly = true // a failover left us on a replica: connect anew
	dsn.MaxAllowedPacket = minPacket
	dsn.Timeout = cmp.Or(dsn.Timeout, cfg.Contact)
	dsn.ReadTimeout = cmp.Or(dsn.ReadTimeout, 30*time.Second+cfg.LockWait)
	dsn.WriteTimeout = cmp.Or(dsn.WriteTimeout, 30*time.Second)
	dsn.Logger = &mysql.NopLogger{} // it would print to standard error; we report every error ourselves
	return dsn, nil
}

// mysqlSetting is a setting that durability rests on.
type mysqlSetting struct {
	name, expression string
	good             []string
	fix              string
}

var mysqlSettings = []mysqlSetting{
	{"innodb_flush_log_at_trx_commit", "@@GLOBAL.innodb_flush_log_at_trx_commit", []string{"1", "3"},
		"SET GLOBAL innodb_flush_log_at_trx_commit=1 and put it into the server's configuration"},
	{"sync_binlog", "IF(@@GLOBAL.log_bin, @@GLOBAL.sync_binlog, 1)", []string{"1"},
		"SET GLOBAL sync_binlog=1 and put it into the server's configuration"},
	{"innodb_doublewrite", "@@GLOBAL.innodb_doublewrite", []string{"1", "ON", "DETECT_AND_RECOVER"},
		"set innodb_doublewrite=ON in the server's configuration and restart it"},
	{"autocommit", "@@SESSION.autocommit", []string{"1"},
		"SET GLOBAL autocommit=1 and put it into the server's configuration"},
	{"innodb_flush_method", "@@GLOBAL.innodb_flush_method",
		[]string{"fsync", "O_DIRECT", "O_DSYNC", "O_DIRECT_NO_FSYNC", "unbuffered", "async_unbuffered", "normal", ""},
		"set innodb_flush_method=O_DIRECT in the server's configuration and restart it"},
}

// prepareSession sets and reads back under which isolation the session's transactions run, also those of one statement. REPEATABLE READ
// would decide on rows as they were when the transaction began, READ UNCOMMITTED on what may be taken back. The variable has two names among the servers, the statement one, and saying
// it with each transaction would cost each a round trip.
func prepareSession(ctx context.Context, c driver.Conn, name string) error {
	if err := checkMySQL(ctx, c, name); err != nil {
		return err
	}
	op := "setting the isolation of database " + name
	if _, err := c.(driver.ExecerContext).ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", nil); err != nil {
		return fail(op, err)
	}
	row, err := firstRow(ctx, c, "SHOW SESSION VARIABLES WHERE Variable_name IN ('tx_isolation', 'transaction_isolation')")
	if err != nil {
		return fail(op, err)
	}
	if text(row[1]) != "READ-COMMITTED" {
		return refuse(CodeNotDurable, name, "the session's transactions are not READ COMMITTED; a proxy in between must pass session variables on")
	}
	return nil
}

// checkMySQL reads the settings of the server that durability rests on, and our own session's.
func checkMySQL(ctx context.Context, c driver.Conn, name string) error {
	expressions := []string{"@@SESSION.sql_mode", "@@GLOBAL.max_allowed_packet"}
	for _, s := range mysqlSettings {
		expressions = append(expressions, s.expression)
	}
	row, err := firstRow(ctx, c, "SELECT "+strings.Join(expressions, ","))
	if err != nil {
		return fail("reading the settings of database "+name, err)
	}
	if mode := text(row[0]); !strings.Contains(mode, "STRICT_ALL_TABLES") || strings.Contains(mode, "NO_BACKSLASH_ESCAPES") {
		return refuse(CodeNotDurable, name, "the session's sql_mode is not the one the hub sets; a proxy in between must pass session variables on")
	}
	if packet, err := strconv.Atoi(text(row[1])); err != nil || packet < minPacket {
		return refuse(CodeNotDurable, name, "max_allowed_packet is %s and must be %d or more: set it in the server's configuration", text(row[1]), minPacket)
	}
	for i, s := range mysqlSettings {
		if got := text(row[i+2]); !slices.ContainsFunc(s.good, func(g string) bool { return strings.EqualFold(g, got) }) {
			return refuse(CodeNotDurable, name, "%s is %s and loses commits; %s", s.name, got, s.fix)
		}
	}
	return nil
}
