package intake

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"hub"
	"hub/internal/wal"
)

// Limits of one batch and of what a drainer holds in memory.
const (
	moveTries   = 8    // after so many tries a delivery that holds the mark back goes to the end of the log …
	moveBehind  = 1000 // … if so many records came after it
	batchRows   = 500
	batchBytes  = 8 << 20
	windowRows  = 100_000 // entries of some 100 bytes each; bodies stay in the log until their batch
	readAhead   = 10_000  // records between two batches, other shards' among them
	saveEvery   = time.Second
	backoffBase = 50 * time.Millisecond
	backoffMost = 5 * time.Second
)

// DrainLog is the log as a drainer sees it.
type DrainLog interface {
	// Reader reads from a record on.
	Reader(from wal.Index) (*wal.Reader, error)
	// ReadAt reads the record at a place again.
	ReadAt(p wal.Position) (wal.Record, error)
	// Synced is the last record that is durable.
	Synced() wal.Index
	// Append is durable when it returns; it moves what is stuck to the end.
	Append(ctx context.Context, payload []byte) (wal.Index, error)
}

// Cursor remembers durably how far one shard's drain has come: *wal.Cursor.
type Cursor interface {
	// At is the last record that is finished, as all before it are.
	At() wal.Index
	// Advance is durable when it returns.
	Advance(to wal.Index) error
}

// Drainer brings the deliveries of one shard from the log into it. Run it once; its other methods are safe at any time.
//
// Its cursor is a low-water mark: everything up to it is finished. What is finished above it is remembered in memory only,
// so after a crash some deliveries come again and are recognised in the shard. Tenants take turns within a batch.
type Drainer struct {
	Shard    hub.ShardID
	Log      DrainLog
	Cursor   Cursor
	Key      Sealer
	Pipeline *Pipeline
	Clock    hub.Clock
	Logger   *slog.Logger
	// Hurry reports that a forget cycle waits for old records to leave the log; nil is never. What does not go in moves to
	// the log's end then, however little came after it.
	Hurry func() bool
	// Drained is told of each batch when all of it is settled; nil is nobody. It must not block.
	Drained func(Batch)

	reader   *wal.Reader
	queue    fair
	later    later
	retried  bool // the last batch was a retry: the next is none if anything else waits
	progress progress
	saved    time.Time
	status   status
}

// entry is one delivery in the log.
type entry struct {
	index   wal.Index
	at      wal.Position
	size    int
	tenant  hub.TenantID
	attempt int
	due     time.Time
}

// Run drains until ctx ends or the log is closed. It returns an error only when the log itself cannot be read or cannot
// keep the cursor in the end; everything else is retried, parked, and shown in Status.
func (d *Drainer) Run(ctx context.Context) (err error) {
	d.progress.start(d.Cursor.At())
	if d.reader, err = d.Log.Reader(d.Cursor.At() + 1); err != nil {
		return ended(err)
	}
	flight := make(chan outcome, 1)
	flying := false
	land := func() {
		o := <-flight
		d.settle(o)
		d.tell(o)
		flying = false
	}
	defer func() {
		if flying {
			land()
		}
		err = errors.Join(err, ended(d.save(true)))
	}()
	for ctx.Err() == nil {
		if err := d.fill(ctx); err != nil && (d.queue.len() == 0 || errors.Is(err, wal.ErrClosed)) {
			return ended(err)
		}
		batch := d.take(ctx)
		if len(batch) == 0 && !flying {
			if err := d.idle(ctx); err != nil {
				return ended(err)
			}
			continue
		}
		var next prepared
		if len(batch) > 0 {
			next = d.prepare(ctx, batch) // while the batch before it commits
		}
		if flying {
			land()
		}
		if len(batch) > 0 {
			flying = true
			go func() { flight <- d.commit(ctx, next) }()
		}
	}
	return nil
}

// ended makes a regular end of the log or of the context no error.
func ended(err error) error {
	if errors.Is(err, wal.ErrClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// fill reads ahead, up to the window, without waiting. A log that stopped gives what it holds before its error.
func (d *Drainer) fill(ctx context.Context) error {
	for range readAhead {
		if d.queue.len() >= windowRows || ctx.Err() != nil {
			return nil
		}
		r, ok, err := d.reader.TryNext()
		if err != nil || !ok {
			return err
		}
		d.enqueue(r)
	}
	return nil
}

// enqueue takes a record of this shard; the others are finished as far as this drainer goes. A record whose head cannot
// be read belongs to the operator.
func (d *Drainer) enqueue(r wal.Record) {
	tenant := hub.Operator
	if h, _, _, err := splitRecord(r.Payload); err == nil {
		tenant = h.Tenant
	}
	if d.Pipeline.Shards.Of(tenant) != d.Shard {
		d.progress.finish(r.Index)
		return
	}
	d.queue.push(entry{index: r.Index, at: r.At, size: len(r.Payload), tenant: tenant})
}

// take chooses the next batch: one that is due for another try, alone, or the tenants in turn. The two alternate, so that
// neither keeps the other waiting.
func (d *Drainer) take(ctx context.Context) []entry {
	if !d.retried || d.queue.len() == 0 {
		if e, ok := d.later.pop(d.Clock()); ok && !d.move(ctx, e) {
			d.retried = true
			return []entry{e}
		}
	}
	d.retried = false
	return d.queue.take(batchRows, batchBytes)
}

// move puts a delivery that will not go in to the end of the log, so that one of them does not keep all that came after
// it from being deleted. It is the same delivery there: should both be found after a crash, the second does nothing.
func (d *Drainer) move(ctx context.Context, e entry) bool {
	if e.attempt%moveTries != 0 || d.Log.Synced() < e.index+moveBehind && !(d.Hurry != nil && d.Hurry()) {
		return false
	}
	r, err := d.Log.ReadAt(e.at)
	if err != nil {
		return false // it stays where it is
	}
	lease := d.Key.Use()
	defer lease.Done() // after the append, as at the door
	record, err := resealed(d.Key, lease, r.Payload)
	if err == nil {
		_, err = d.Log.Append(ctx, record)
	}
	if err != nil {
		return false
	}
	d.progress.finish(e.index)
	return true
}

// idle waits for a record, for the next try, or for the time to save the cursor.
func (d *Drainer) idle(ctx context.Context) error {
	d.saveSoon()
	wait := ctx
	if at, ok := d.wake(); ok {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(ctx, min(max(at.Sub(d.Clock()), time.Millisecond), backoffMost))
		defer cancel()
	}
	r, err := d.reader.Next(wait)
	switch {
	case err == nil:
		d.enqueue(r)
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		return nil
	}
	return err
}

// wake is when there is something to do without a new record.
func (d *Drainer) wake() (at time.Time, ok bool) {
	at, ok = d.later.next()
	if d.progress.low() == d.Cursor.At() {
		return at, ok
	}
	if save := d.saved.Add(saveEvery); !ok || save.Before(at) {
		return save, true
	}
	return at, true
}

// settle takes over what became of a batch.
func (d *Drainer) settle(o outcome) {
	for _, e := range o.done {
		d.progress.finish(e.index)
	}
	for _, e := range o.later {
		d.later.push(e)
	}
	d.status.set(d.queue.len(), d.later.len())
	d.saveSoon()
}

// saveSoon saves at most once a second. A cursor that lags costs only work.
func (d *Drainer) saveSoon() {
	if err := d.save(false); err != nil {
		d.Logger.Warn("saving drain cursor", "shard", d.Shard, "error", err)
	}
}

// save makes the low-water mark durable, if it is time or if told to.
func (d *Drainer) save(now bool) error {
	low := d.progress.low()
	since := d.Clock().Sub(d.saved)
	if low == d.Cursor.At() || !now && since >= 0 && since < saveEvery { // a clock that was set back is no reason to wait
		return nil
	}
	d.saved = d.Clock()
	return d.Cursor.Advance(low)
}

// WaitFor returns once every delivery of this shard up to index is finished.
func (d *Drainer) WaitFor(ctx context.Context, index wal.Index) error {
	return d.progress.wait(ctx, index)
}

// Status says how the drain stands.
func (d *Drainer) Status() Status {
	s := d.status.get()
	s.Shard, s.LowWater = d.Shard, d.progress.low()
	return s
}
