package orders_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/gdprtest"
	"hub/internal/orders"
)

// canary is in every personal value: nothing in clear may hold it.
const canary = "CANARY-Mäx-Müller"

var (
	ctx   = context.Background()
	epoch = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
)

// source counts identifiers; production makes them random.
type source struct{ n atomic.Uint64 }

func (s *source) next() (id [16]byte) {
	binary.BigEndian.PutUint64(id[8:], s.n.Add(1))
	return id
}

// failer is what *testing.T and *rapid.T have in common.
type failer interface {
	Helper()
	Fatal(...any)
	Errorf(string, ...any)
}

type tx struct{ now time.Time }

func (t tx) Now() time.Time  { return t.now }
func (t tx) Epoch() int64    { return 1 }
func (t tx) OnCommit(func()) {}

// database is the rows of one shard and its feed, as the contract of the ports says. It keeps times as a database does.
type database struct {
	t       failer
	rows    map[orders.Key]orders.Stored
	changes []hub.Change
	saves   int
	fail    error // of Save
}

func newDatabase(t failer) *database {
	return &database{t: t, rows: map[orders.Key]orders.Stored{}}
}

func (d *database) Lock(_ context.Context, _ hub.Tx, keys []orders.Key) (map[orders.Key]orders.Stored, error) {
	found := map[orders.Key]orders.Stored{}
	seen := map[orders.Key]bool{}
	for _, k := range keys {
		if seen[k] {
			d.t.Errorf("Lock was given %v twice", k)
		}
		seen[k] = true
		if row, ok := d.rows[k]; ok {
			found[k] = row
		}
	}
	return found, nil
}

func (d *database) Save(_ context.Context, _ hub.Tx, rows []orders.Stored) error {
	if d.fail != nil {
		return d.fail
	}
	d.saves++
	for i, row := range rows {
		if _, exists := d.rows[row.Key]; exists == row.New {
			d.t.Errorf("Save of %v with New %v", row.Key, row.New)
		}
		if i > 0 && rows[i-1].External >= row.External && rows[i-1].Connection == row.Connection {
			d.t.Errorf("Save is not in the order of keys")
		}
		row.New = false
		row.Doc, row.Personal = bytes.Clone(row.Doc), bytes.Clone(row.Personal)
		row.Version.SourceUpdatedAt = kept(row.Version.SourceUpdatedAt)
		row.DeletedAt = kept(row.DeletedAt)
		d.rows[row.Key] = row
	}
	return nil
}

func kept(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

func (d *database) Append(_ context.Context, _ hub.Tx, changes []hub.Change) error {
	for _, c := range changes {
		c.Doc, c.Sequence = bytes.Clone(c.Doc), int64(len(d.changes)+1)
		d.changes = append(d.changes, c)
	}
	return nil
}

// do applies a batch in one transaction. With again the first run is rolled back, as after a deadlock.
func (d *database) do(ids *source, now time.Time, batch []orders.Incoming, again bool) ([]orders.Result, error) {
	service := orders.New(d, d, ids.next)
	rows, changes := maps.Clone(d.rows), slices.Clone(d.changes)
	results, err := service.Apply(ctx, tx{now}, batch)
	if again && err == nil {
		d.rows, d.changes = rows, changes
		results, err = service.Apply(ctx, tx{now}, batch)
	}
	if err != nil {
		d.rows, d.changes = rows, changes
	}
	return results, err
}

func must(t failer, results []orders.Result, err error) []orders.Result {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// sealing is a vault with real keys over it.
type sealing struct {
	t    failer
	keys *gdpr.Keys
}

func newSealing(t failer, ids *source) sealing {
	root := gdpr.NewRoot(1, [32]byte{7})
	return sealing{t, gdpr.NewKeys(root, gdprtest.NewMemory(), ids.next, func() time.Time { return epoch }, gdpr.Options{})}
}

func (s sealing) of(k orders.Key) *gdpr.Seal {
	seals, err := s.keys.Seals(ctx, []gdpr.Holder{{
		Tenant: k.Tenant, Connection: k.Connection, Lot: gdpr.LotOrder, Week: gdpr.WeekOf(epoch),
		Subjects: []gdpr.SubjectRef{{Order: k.External}},
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	return seals[0]
}

func (s sealing) digest(k orders.Key, canonical []byte) [32]byte {
	keys, err := s.keys.Tenant(ctx, k.Tenant)
	if err != nil {
		s.t.Fatal(err)
	}
	return keys.Digest(canonical)
}

var errSave = errors.New("save refused")
