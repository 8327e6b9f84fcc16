package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strconv"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"

	"hub"
)

// The codes of errors that callers may want to tell apart.
const (
	CodeWrongShard   hub.Code = "wrong_shard"   // the tenant's rows live on another shard
	CodeNotDurable   hub.Code = "not_durable"   // a setting of the database loses commits
	CodeSchema       hub.Code = "schema"        // missing, older or newer than this hub's
	CodeWrongShards  hub.Code = "wrong_shards"  // the set of databases is not the installation's
	CodeNameTaken    hub.Code = "name_taken"    // another tenant has the name
	CodeShopTaken    hub.Code = "shop_taken"    // another connection has the account
	CodeTaken        hub.Code = "taken"         // an id or endpoint of the hub's own making exists
	CodeRacingInsert hub.Code = "racing_insert" // somebody else inserted the same key, again and again
	CodeErased       hub.Code = "erased"        // of a parked delivery: it named an erased person, its bytes are gone
	CodeExpired      hub.Code = "expired"       // of a parked delivery: it has aged out, its bytes are gone
	CodePoisoned     hub.Code = "poisoned"      // used after its end
)

// words is an error text of our own.
type words string

func (w words) Error() string { return string(w) }

// fault is a database's error in our own words. The driver's text is dropped: it may quote values of rows.
type fault struct {
	text  string
	retry bool // the transaction did nothing and may succeed when it is run again
}

func (f *fault) Error() string { return f.text }

// retryable reports whether the whole transaction may be run again.
func retryable(err error) bool {
	var f *fault
	return errors.As(err, &f) && f.retry
}

// fail turns an error of a driver into ours. op names what was being done, in words that hold no value.
func fail(op string, err error) error {
	if err == nil {
		return nil
	}
	var own *hub.Error
	if errors.As(err, &own) {
		return &hub.Error{Kind: own.Kind, Op: op, Err: own} // without what others wrapped around it
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		cause := context.Canceled
		if errors.Is(err, context.DeadlineExceeded) {
			cause = context.DeadlineExceeded
		}
		return &hub.Error{Kind: hub.KindUnavailable, Op: op, Err: cause}
	}
	kind, f := classify(err)
	e := &hub.Error{Kind: kind, Op: op, Err: f}
	if f == faultDuplicate {
		e.Code = CodeRacingInsert
	}
	return e
}

var (
	faultDuplicate = &fault{text: "the key exists already", retry: true}
	faultBusy      = &fault{text: "SQLite is busy", retry: true}
	faultLost      = &fault{text: "connection lost or refused"}
)

// poolClosed is what database/sql says of a pool that was closed, an error without a name.
const poolClosed = "sql: database is closed"

// classify maps a driver's error to a kind and to our words.
func classify(err error) (hub.Kind, *fault) {
	var my *mysql.MySQLError
	var lite *sqlite.Error
	var network net.Error
	switch {
	case errors.As(err, &my):
		return classifyMySQL(int(my.Number))
	case errors.As(err, &lite):
		return classifySQLite(lite.Code())
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.As(err, &network):
		return hub.KindUnavailable, faultLost
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, sql.ErrTxDone), err.Error() == poolClosed:
		return hub.KindUnavailable, &fault{text: "the connection or transaction is closed"}
	case errors.Is(err, mysql.ErrPktTooLarge):
		return hub.KindTooLarge, &fault{text: "the statement exceeds max_allowed_packet"}
	}
	return hub.KindInternal, &fault{text: "the driver reports an error of an unknown kind"}
}

// mysqlFaults holds the errors that mean something to us, by number (MySQL 8 and MariaDB error references).
var mysqlFaults = map[int]struct {
	kind  hub.Kind
	text  string
	retry bool
}{
	1020: {hub.KindUnavailable, "row changed since last read", true},
	1205: {hub.KindUnavailable, "lock wait timeout", true},
	1213: {hub.KindUnavailable, "deadlock", true},
	1021: {hub.KindUnavailable, "disk full", false},
	1114: {hub.KindUnavailable, "table full", false},
	1040: {hub.KindUnavailable, "too many connections", false},
	1203: {hub.KindUnavailable, "too many connections of this user", false},
	1044: {hub.KindUnavailable, "access to the database denied", false},
	1045: {hub.KindUnavailable, "user or password refused", false},
	1053: {hub.KindUnavailable, "server shutdown in progress", false},
	1927: {hub.KindUnavailable, "connection killed", false},
	1290: {hub.KindUnavailable, "server is read-only", false},
	1792: {hub.KindUnavailable, "server is read-only", false},
	1836: {hub.KindUnavailable, "server is read-only", false},
	1317: {hub.KindUnavailable, "query interrupted", false},
	1969: {hub.KindUnavailable, "query took too long", false},
	3024: {hub.KindUnavailable, "query took too long", false},
	1153: {hub.KindTooLarge, "statement exceeds max_allowed_packet", false},
	1142: {hub.KindPermanent, "the user lacks a right on a table: grant it", false},
	1049: {hub.KindPermanent, "no such database: create it, then run hub migrate", false},
	1146: {hub.KindPermanent, "a table is missing: run hub migrate", false},
	1054: {hub.KindPermanent, "a column is missing: run hub migrate", false},
}

func classifyMySQL(number int) (hub.Kind, *fault) {
	switch number {
	case 1062, 1586:
		return hub.KindConflict, faultDuplicate
	}
	text := "MySQL error " + strconv.Itoa(number)
	if known, ok := mysqlFaults[number]; ok {
		return known.kind, &fault{text: text + ", " + known.text, retry: known.retry}
	}
	return hub.KindInternal, &fault{text: text}
}

// classifySQLite goes by the primary result code in the low byte (sqlite.org/rescode.html).
func classifySQLite(code int) (hub.Kind, *fault) {
	text := "SQLite error " + strconv.Itoa(code)
	switch code & 0xff {
	case 5, 6: // BUSY, LOCKED
		return hub.KindUnavailable, faultBusy
	case 19: // CONSTRAINT
		if code == 19|6<<8 || code == 19|8<<8 || code == 19|10<<8 { // PRIMARYKEY, UNIQUE, ROWID
			return hub.KindConflict, faultDuplicate
		}
		return hub.KindInternal, &fault{text: text + ", a constraint"}
	case 8: // READONLY
		return hub.KindUnavailable, &fault{text: text + ", the file is read-only"}
	case 9: // INTERRUPT
		return hub.KindUnavailable, &fault{text: text + ", interrupted"}
	case 10, 13, 14: // IOERR, FULL, CANTOPEN
		return hub.KindUnavailable, &fault{text: text + ", the file cannot be read or written"}
	case 11, 26: // CORRUPT, NOTADB
		return hub.KindInternal, &fault{text: text + ", the file is damaged: restore it from a backup"}
	case 1: // ERROR: as a rule a missing table
		return hub.KindInternal, &fault{text: text + ", the schema does not fit the statement"}
	}
	return hub.KindInternal, &fault{text: text}
}

// refuse makes the error of a database that must not be used as it is; the text says what to do.
func refuse(code hub.Code, name, format string, args ...any) error {
	e := hub.Errorf(hub.KindPermanent, "checking database", format, args...)
	e.Code, e.Subject = code, name
	return e
}

// refused reports whether err is a definite refusal, as opposed to a database that is not there.
func refused(err error) bool { return hub.KindOf(err) == hub.KindPermanent }
