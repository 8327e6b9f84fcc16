package audit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/internal/audit"
	"hub/internal/wal"
	"hub/internal/wal/waltest"
)

var errDown = errors.New("the database is down")

// outbox is a set of databases: it survives every crash, and may do what it was asked and then report that it did not.
type outbox struct {
	mu     sync.Mutex
	names  []string
	rows   map[string][]audit.Entry
	all    map[string][]string // ids of every row there ever was
	fault  func(source string) fault
	faults int
}

type fault int

const (
	works fault = iota
	fails
	failsAfter // did it, then reported failure
)

func newOutbox(names ...string) *outbox {
	return &outbox{names: names, rows: map[string][]audit.Entry{}, all: map[string][]string{}}
}

// commit adds n rows to a database.
func (o *outbox) commit(source string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for range n {
		e := audit.Entry{
			ID: fmt.Sprintf("aud_%s_%06d", source, len(o.all[source])), Tenant: "ten_1", Action: "key.create", Target: "key_1", Count: 1,
			At: time.Date(2026, 7, 1, 12, 0, 0, len(o.all[source])*1000, time.UTC), Actor: hub.Actor{Key: "key_2", Role: "operator", Request: "req_1"},
		}
		o.rows[source] = append(o.rows[source], e)
		o.all[source] = append(o.all[source], e.ID)
	}
}

func (o *outbox) Sources() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.names
}

func (o *outbox) next(source string) fault {
	if o.fault == nil {
		return works
	}
	f := o.fault(source)
	if f != works {
		o.faults++
	}
	return f
}

func (o *outbox) Read(_ context.Context, source string, limit int) ([]audit.Entry, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.next(source) != works {
		return nil, errDown
	}
	return append([]audit.Entry(nil), o.rows[source][:min(limit, len(o.rows[source]))]...), nil
}

func (o *outbox) Delete(_ context.Context, source string, ids []string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.next(source)
	if f == fails {
		return errDown
	}
	gone := map[string]bool{}
	for _, id := range ids {
		gone[id] = true
	}
	var left []audit.Entry
	for _, e := range o.rows[source] {
		if !gone[e.ID] {
			left = append(left, e)
		}
	}
	o.rows[source] = left
	if f == failsAfter {
		return errDown
	}
	return nil
}

func (o *outbox) waiting() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, rows := range o.rows {
		n += len(rows)
	}
	return n
}

// flaky fails one call in n.
func flaky(r *rand.Rand, n int) func(string) fault {
	return func(string) fault {
		if r.IntN(n) > 0 {
			return works
		}
		return fails + fault(r.IntN(2))
	}
}

// openLog opens a log of small segments: a full batch of rows does not fit one and is halved.
func openLog(fs *waltest.CrashFS) (*wal.Log, error) {
	return wal.Open("/audit", wal.Options{FS: fs, Now: time.Now, SegmentBytes: 16 << 10})
}

func openedLog(t *testing.T, fs *waltest.CrashFS) *wal.Log {
	t.Helper()
	log, err := openLog(fs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

// inLog reads ids by the database that they came from.
func inLog(t *testing.T, log *wal.Log) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for e, err := range audit.Entries(log) {
		if err != nil {
			t.Fatal(err)
		}
		var source string
		var n int
		if _, err := fmt.Sscanf(e.ID, "aud_%1s_%d", &source, &n); err != nil {
			t.Fatal(err)
		}
		found[source] = append(found[source], e.ID)
	}
	return found
}
