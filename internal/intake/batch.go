package intake

import (
	"context"
	"math/rand/v2"
	"time"

	"hub"
)

// Batch says what became of deliveries that were drained together.
type Batch struct {
	Shard   hub.ShardID
	Done    int // committed, recognised as known, or parked
	Parked  int // of these
	Later   int // to be tried again
	Tenants int
	Took    time.Duration // from the log to the last commit
}

// outcome is what became of a batch.
type outcome struct {
	began  time.Time
	done   []entry // committed, recognised as known, or parked
	parked int     // of these
	later  []entry // to be tried again alone
}

// tell says what became of a batch.
func (d *Drainer) tell(o outcome) {
	if d.Drained == nil {
		return
	}
	tenants := map[hub.TenantID]bool{}
	for _, list := range [][]entry{o.done, o.later} {
		for _, e := range list {
			tenants[e.tenant] = true
		}
	}
	d.Drained(Batch{
		Shard: d.Shard, Done: len(o.done), Parked: o.parked, Later: len(o.later), Tenants: len(tenants), Took: d.Clock().Sub(o.began),
	})
}

// prepared is a batch that is ready for its transaction.
type prepared struct {
	entries []entry
	items   []*item
	outcome outcome // of those that did not get so far
}

// prepare reads, decodes and seals a batch. While the vault cannot serve, it waits and tries again; trouble with one
// delivery parks it or sets it aside. It leaves the batch only when ctx ends.
func (d *Drainer) prepare(ctx context.Context, batch []entry) (p prepared) {
	p.outcome.began = d.Clock()
	entries, items := make([]entry, 0, len(batch)), make([]*item, 0, len(batch))
	for _, e := range batch {
		it, err := d.load(e)
		if err != nil {
			p.outcome.later = append(p.outcome.later, d.postpone(e, err))
			continue
		}
		entries, items = append(entries, e), append(items, it)
	}
	d.prepareRange(ctx, entries, items, &p)
	return p
}

// prepareRange halves what fails as a whole, until the culprit stands alone.
func (d *Drainer) prepareRange(ctx context.Context, entries []entry, items []*item, p *prepared) {
	if len(items) == 0 {
		return
	}
	var failed map[int]error
	err := d.persist(ctx, "preparing deliveries", func() (err error) {
		failed, err = d.Pipeline.prepare(ctx, items)
		return err
	})
	half := len(items) / 2
	switch {
	case err == nil:
		p.sort(entries, items, failed, d.postpone)
	case passing(err): // ctx ended
		p.outcome.later = append(p.outcome.later, entries...)
	case half > 0:
		d.prepareRange(ctx, entries[:half], items[:half], p)
		d.prepareRange(ctx, entries[half:], items[half:], p)
	case hub.Parkable(err) && items[0].parked == nil:
		items[0].park(err)
		d.prepareRange(ctx, entries, items, p)
	default:
		p.outcome.later = append(p.outcome.later, d.postpone(entries[0], err))
	}
}

// sort takes over what is ready for its transaction and sets aside what is not.
func (p *prepared) sort(entries []entry, items []*item, failed map[int]error, postpone func(entry, error) entry) {
	for i, it := range items {
		if err := failed[i]; err != nil {
			p.outcome.later = append(p.outcome.later, postpone(entries[i], err))
			continue
		}
		p.entries, p.items = append(p.entries, entries[i]), append(p.items, it)
	}
}

// load reads one delivery from the log. Bytes that do not open are parked without a body: nothing can be done for them,
// and they must not be silent. Bytes that were sealed under another intake key are not among them: the right key may
// come back.
func (d *Drainer) load(e entry) (*item, error) {
	r, err := d.Log.ReadAt(e.at)
	if err != nil {
		return nil, hub.Errorf(hub.KindUnavailable, "reading log", "%w", err)
	}
	it := &item{}
	err = it.open(d.Key, r.Payload)
	if hub.CodeOf(err) == hub.CodeUnreadable {
		it.head.Tenant, it.record = e.tenant, r.Payload
		it.park(unreadable("opening delivery", name(e.tenant, uint64(e.index))))
		return it, nil
	}
	hub.Wrap(&err, "opening delivery", name(e.tenant, uint64(e.index)))
	return it, err
}

// open takes a record of the log apart. The head is set even when the rest does not open.
func (it *item) open(key Sealer, record []byte) error {
	head, encoded, sealed, err := splitRecord(record)
	if err != nil {
		return err
	}
	it.head = head
	plain, err := key.Open(head.place(encoded), sealed)
	if err != nil { // without its text, which names the place, which is the head: bytes, and no words for people
		return &hub.Error{Kind: hub.KindOf(err), Code: hub.CodeOf(err), Op: "opening sealed record"}
	}
	it.delivery, err = decodeDelivery(plain)
	return err
}

// commit brings a prepared batch into the shard. Passing trouble of the shard is waited out; a batch that fails for
// another reason is halved until the culprit stands alone, which is then parked or tried again later.
func (d *Drainer) commit(ctx context.Context, p prepared) outcome {
	o := p.outcome
	d.commitRange(ctx, p.entries, p.items, &o)
	return o
}

func (d *Drainer) commitRange(ctx context.Context, entries []entry, items []*item, o *outcome) {
	if len(items) == 0 {
		return
	}
	err := d.persist(ctx, "committing deliveries", func() error { return d.Pipeline.commit(ctx, d.Shard, items) })
	half := len(items) / 2
	switch {
	case err == nil:
		o.done = append(o.done, entries...)
		o.parked += parkings(items)
		d.status.lag(d.Clock().Sub(items[0].head.ReceivedAt))
	case passing(err): // ctx ended
		o.later = append(o.later, entries...)
	case half > 0:
		d.commitRange(ctx, entries[:half], items[:half], o)
		d.commitRange(ctx, entries[half:], items[half:], o)
	case hub.Parkable(err) && items[0].parked == nil:
		d.parkRefused(ctx, entries[0], items[0], err, o)
	default:
		o.later = append(o.later, d.postpone(entries[0], err))
	}
}

// parkings counts those that were parked.
func parkings(items []*item) (n int) {
	for _, it := range items {
		if it.parked != nil {
			n++
		}
	}
	return n
}

// parkRefused parks a single delivery that its transaction refuses, under the identity that it has.
func (d *Drainer) parkRefused(ctx context.Context, e entry, it *item, err error, o *outcome) {
	again := *it
	again.park(err)
	var p prepared
	d.prepareRange(ctx, []entry{e}, []*item{&again}, &p)
	o.later = append(o.later, p.outcome.later...)
	d.commitRange(ctx, p.entries, p.items, o)
}

// passing reports whether the trouble is the shard's or the vault's and not a delivery's. After an unknown outcome trying
// again is safe: the claims of the first try, if it happened, make the second do nothing.
func passing(err error) bool {
	if err == nil {
		return false
	}
	switch hub.KindOf(err) {
	case hub.KindUnavailable, hub.KindThrottled, hub.KindUnknown:
		return true
	}
	return hub.CodeOf(err) == hub.CodeStaleEpoch
}

// persist tries until there is no passing trouble, waiting longer and longer. It returns passing trouble only when ctx
// ended.
func (d *Drainer) persist(ctx context.Context, op string, try func() error) error {
	for attempt := 0; ; attempt++ {
		err := try()
		if !passing(err) {
			return err
		}
		if attempt == 0 {
			d.status.wait(+1)
			defer d.status.wait(-1)
		}
		if !d.pause(ctx, attempt, op, err) {
			return err
		}
	}
}

// pause waits before the next try of a batch; false when ctx ended.
func (d *Drainer) pause(ctx context.Context, attempt int, op string, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	d.note(attempt, op, string(d.Shard), err)
	t := time.NewTimer(backoff(attempt))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// postpone sets one delivery aside for another try, alone and visibly.
func (d *Drainer) postpone(e entry, err error) entry {
	d.note(e.attempt, "delivery", name(e.tenant, uint64(e.index)), err)
	e.due = d.Clock().Add(backoff(e.attempt))
	e.attempt++
	return e
}

// note shows trouble in Status, and in the log the first time, the second, the fourth and so on.
func (d *Drainer) note(attempt int, what, subject string, err error) {
	d.status.trouble(what, err)
	if tries := attempt + 1; tries&(tries-1) != 0 {
		return
	}
	d.Logger.Warn("drain: trying again", "shard", d.Shard, "what", what, "subject", subject, "tries", attempt+1,
		"kind", hub.KindOf(err).String(), "code", hub.CodeOf(err), "error", err)
}

// backoff doubles from backoffBase to backoffMost, with jitter so that hubs do not march in step.
func backoff(attempt int) time.Duration {
	d := backoffMost
	if attempt < 7 {
		d = min(backoffMost, backoffBase<<attempt)
	}
	return d/2 + time.Duration(rand.Int64N(int64(d/2)))
}
