package audit

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"hub"
	"hub/internal/wal"
)

// batchRows is how many rows one record of the log holds at most. A row has bounded columns, so a record stays far below
// a mebibyte.
const batchRows = 256

// CursorName is the name of the drainer's cursor in the log.
const CursorName = "outbox"

// Drainer moves rows from the databases into the log. It is the log's only writer. Its methods are safe for concurrent use.
//
// A record is appended and flushed, then its rows are deleted, then the next rows of that database are read. So for each
// database at most one record is new whose rows may still be there; after a crash it is found behind the cursor, and its
// rows are deleted before anything is read. That makes every row one entry, and needs no list of what is in the log.
type Drainer struct {
	log    *wal.Log
	cursor *wal.Cursor
	outbox Outbox
	logger *slog.Logger
	bell   chan struct{}

	mu       sync.Mutex
	lines    map[string]*queue
	low      wal.Index // every record up to here is settled: its rows are gone
	settled  map[wal.Index]bool
	advanced sync.Mutex // one Advance at a time
}

// queue is one database: what the log has of it and the database may still have, too.
type queue struct {
	mu   sync.Mutex // held while rows are moved
	open []unsettled
}

// unsettled is a record whose rows may still be in the database.
type unsettled struct {
	index wal.Index
	at    wal.Position // of a record found at the start; its ids are read again when they are needed
	ids   []string     // of a record appended since
}

// NewDrainer takes a log that nobody else writes to. It reads what is behind the cursor, and refuses a log that it cannot
// read. Closing the log is the caller's, after Run has ended.
func NewDrainer(log *wal.Log, outbox Outbox, logger *slog.Logger) (*Drainer, error) {
	const op = "opening audit log"
	cursor, err := log.Cursor(CursorName)
	if err != nil {
		return nil, hub.Errorf(hub.KindUnavailable, op, "%w", err)
	}
	d := &Drainer{
		log: log, cursor: cursor, outbox: outbox, logger: logger, bell: make(chan struct{}, 1),
		lines: map[string]*queue{}, low: cursor.At(), settled: map[wal.Index]bool{},
	}
	err = records(log, cursor.At()+1, func(r wal.Record, source string, _ []Entry) bool {
		q := d.queue(source)
		q.open = append(q.open, unsettled{index: r.Index, at: r.At})
		return true
	})
	if err != nil {
		return nil, hub.Errorf(hub.KindOf(err), op, "%w", err)
	}
	return d, nil
}

func (d *Drainer) queue(source string) *queue {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.lines[source]
	if q == nil {
		q = &queue{}
		d.lines[source] = q
	}
	return q
}

// Drain moves everything that waits now, database by database, and returns what kept it from doing so, nil when nothing is
// left. An error of one database holds back no other.
func (d *Drainer) Drain(ctx context.Context) error {
	var errs []error
	for _, source := range d.outbox.Sources() {
		errs = append(errs, d.drain(ctx, source))
	}
	return errors.Join(errs...)
}

// drain moves what waits in one database.
func (d *Drainer) drain(ctx context.Context, source string) error {
	q := d.queue(source)
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if err := d.settle(ctx, source, q); err != nil {
			return err
		}
		rows, err := d.outbox.Read(ctx, source, batchRows)
		if err != nil {
			return hub.Errorf(hub.KindOf(err), "reading audit rows", "%s: %w", source, err)
		}
		if len(rows) == 0 {
			return nil
		}
		if err := d.append(ctx, source, q, rows); err != nil {
			return err
		}
	}
}

// append makes rows durable in the log. The wait for the disk does not end with ctx: an outcome that nobody waited for
// could not be told from none.
func (d *Drainer) append(ctx context.Context, source string, q *queue, rows []Entry) error {
	const op = "appending audit rows"
	payload, err := encode(source, rows)
	if err != nil {
		return err
	}
	index, err := d.log.Append(context.WithoutCancel(ctx), payload)
	if errors.Is(err, wal.ErrTooLarge) && len(rows) > 1 {
		return d.append(ctx, source, q, rows[:len(rows)/2]) // the rest is read again
	}
	if err != nil {
		return hub.Errorf(hub.KindUnavailable, op, "%s: %w", source, err)
	}
	ids := make([]string, len(rows))
	for i, e := range rows {
		ids[i] = e.ID
	}
	q.open = append(q.open, unsettled{index: index, ids: ids})
	return nil
}

// settle deletes the rows of all records that may still have some, oldest first.
func (d *Drainer) settle(ctx context.Context, source string, q *queue) error {
	const op = "deleting audit rows"
	for len(q.open) > 0 {
		u := q.open[0]
		if u.ids == nil {
			ids, err := d.idsAt(u.at)
			if err != nil {
				return hub.Errorf(hub.KindOf(err), op, "%s: %w", source, err)
			}
			u.ids = ids
		}
		if err := d.outbox.Delete(ctx, source, u.ids); err != nil {
			return hub.Errorf(hub.KindOf(err), op, "%s: %w", source, err)
		}
		q.open = q.open[1:]
		if err := d.finish(u.index); err != nil {
			return hub.Errorf(hub.KindUnavailable, op, "%s: %w", source, err)
		}
	}
	return nil
}

func (d *Drainer) idsAt(p wal.Position) (ids []string, err error) {
	r, err := d.log.ReadAt(p)
	if err != nil {
		return nil, err
	}
	_, entries, err := decode(r.Payload)
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	return ids, err
}

// finish notes that the rows of a record are gone and moves the cursor over every record before which none is open.
func (d *Drainer) finish(index wal.Index) error {
	d.advanced.Lock()
	defer d.advanced.Unlock()
	d.mu.Lock()
	d.settled[index] = true
	for d.settled[d.low+1] {
		d.low++
		delete(d.settled, d.low)
	}
	low := d.low
	d.mu.Unlock()
	if err := d.cursor.Advance(low); err != nil && !errors.Is(err, wal.ErrFull) { // a full disk: with the next one
		return err
	}
	return nil
}
