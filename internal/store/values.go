package store

import (
	"time"

	"hub"
)

// The longest values that the tables hold, in bytes. They are checked here because MySQL would report, and with INSERT
// IGNORE even cut, what is too long, while SQLite would take it.
const (
	maxID        = 40
	maxExternal  = 128
	maxName      = 255
	maxClient    = 128
	maxReference = 512
	maxPath      = 512
	maxTopic     = 128
	maxCode      = 64
	maxEndpoint  = 64
	maxWord      = 32 // platforms, states, roles
	maxPlace     = 16 // places, kinds of entries
	maxWeek      = 8  // 2026-W47
	maxRequest   = 64 // ids of requests
	maxTarget    = 64 // what an audit record is about
	maxAddress   = 512
	maxScopes    = 4096
	maxCursor    = 2048
	// maxRow bounds the bytes of one row: escaped, at most twice as long, it still fits into a packet of 16 MiB.
	maxRow = 7 << 20
)

// field is a value on its way into a column of a bounded size.
type field struct {
	name  string
	value string
	max   int
}

// within refuses values that are too long. The code is one that parks a delivery.
func within(op string, fields ...field) error {
	for _, f := range fields {
		if len(f.value) > f.max {
			return &hub.Error{Kind: hub.KindInvalid, Code: hub.CodeTooLong, Op: op, Path: f.name}
		}
	}
	return nil
}

// clip cuts text that informs people and identifies nothing. A cut inside a character is fine: it is shown, not compared.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most]
}

// micros is how times are kept; absent is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment reads a time.
func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// blob is how bytes are kept; none is NULL.
func blob(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
