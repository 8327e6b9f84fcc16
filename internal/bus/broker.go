package bus

import (
	"context"
	"errors"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hub"
	"hub/internal/relay"
)

var _ relay.Broker = (*Bus)(nil)

// piece is a part of a run that goes in one batch. Its first message says what the line's last one has to be.
type piece struct {
	run     int // index of the run
	line    relay.Line
	after   uint64
	changes []hub.Change
	msgs    []*nats.Msg
	fresh   bool // its identifiers were never used: a duplicate is in the run itself
}

// publication is one call of Publish. The state of a run is its Told: unfinished while Count is short and Err is nil.
type publication struct {
	*Bus
	runs  []relay.Run
	told  []relay.Told
	limit int // of documents
	most  int // of messages, in bytes
}

// Publish implements relay.Broker. It divides the runs into atomic batches of at most 1,000 messages and 4 MiB, one run
// of a line in each; a refused batch is told run by run, and a refused run in halves, so that what the broker takes is
// there and the first change that it does not take has the error: CodeRefused or CodeEvent (KindPermanent) for one that
// never will be taken. When the fate of a batch is not known, what would come after it is not tried: KindUnavailable.
func (b *Bus) Publish(ctx context.Context, runs []relay.Run) []relay.Told {
	p := &publication{Bus: b, runs: runs, told: make([]relay.Told, len(runs))}
	for i, r := range runs {
		p.told[i].Position = r.After
	}
	if err := b.connected("publishing"); err != nil {
		return p.fail(err)
	}
	p.most = int(b.nc.MaxPayload())
	p.limit = min(maxDocument, p.most-envelopeRoom)
	for batch := p.take(); len(batch) > 0; batch = p.take() {
		if err := p.publish(ctx, batch); err != nil {
			return p.fail(unavailable("publishing", "", errors.New("not tried after a failure")))
		}
	}
	return p.told
}

// fail gives the error to every run that is not finished.
func (p *publication) fail(err error) []relay.Told {
	for i := range p.told {
		if p.told[i].Err == nil && p.told[i].Count < len(p.runs[i].Changes) {
			p.told[i].Err = err
		}
	}
	return p.told
}

// take returns the next batch: of each unfinished run what fits, of each line one run at most.
func (p *publication) take() (batch []*piece) {
	lines := make(map[relay.Line]bool, len(p.runs))
	messages, size := 0, 0
	for i, r := range p.runs {
		t := &p.told[i]
		if t.Err != nil || t.Count >= len(r.Changes) || lines[r.Line] {
			continue
		}
		lines[r.Line] = true
		c := &piece{run: i, line: r.Line, after: t.Position}
		for _, change := range r.Changes[t.Count:] {
			if messages > 0 && (messages == maxBatchMessages || size+len(change.Doc) > maxBatchBytes) {
				break
			}
			m, err := p.encode(r.Line, change)
			if err != nil {
				if len(c.msgs) == 0 {
					t.Err = err
				}
				break // what stands before it goes first
			}
			c.changes, c.msgs = append(c.changes, change), append(c.msgs, m)
			messages, size = messages+1, size+len(m.Data)
		}
		if len(c.msgs) > 0 {
			batch = append(batch, c)
		}
		if messages == maxBatchMessages || size >= maxBatchBytes {
			break
		}
	}
	return batch
}

// encode makes the message of a change that belongs to the line and fits into a message.
func (p *publication) encode(l relay.Line, c hub.Change) (*nats.Msg, error) {
	if c.Tenant != l.Tenant || c.Stream != l.Stream {
		return nil, &hub.Error{Kind: hub.KindPermanent, Code: CodeEvent, Op: "making event", Subject: string(c.ID)}
	}
	m, err := encode(c, p.limit)
	if err == nil && m.Size()+envelopeRoom/8 > p.most { // the client would refuse it, in the middle of a batch
		err = &hub.Error{Kind: hub.KindPermanent, Code: CodeRefused, Op: "publishing", Subject: string(c.ID)}
	}
	return m, err
}

// publish sends a batch and notes what became of its runs. An error ends the whole publication.
func (p *publication) publish(ctx context.Context, batch []*piece) error {
	last, err := p.send(ctx, batch)
	if heals(err) { // the stream is missing or was changed by hand: nothing of the batch is there
		if err = p.ensure(ctx); err == nil {
			last, err = p.send(ctx, batch)
		}
	}
	switch {
	case err == nil:
		p.tell(batch, last)
		return nil
	case !refused(err):
		err = outcome(err)
		for _, c := range batch {
			p.told[c.run].Err = err
		}
		return err
	case len(batch) == 1:
		return p.alone(ctx, batch[0], err)
	}
	for _, c := range batch {
		if err := p.publish(ctx, []*piece{c}); err != nil {
			return err
		}
	}
	return nil
}

// tell notes a batch as told. A batch is contiguous in the stream, so its last position gives those of all runs.
func (p *publication) tell(batch []*piece, last uint64) {
	for i := len(batch) - 1; i >= 0; i-- {
		t := &p.told[batch[i].run]
		t.Count, t.Position = t.Count+len(batch[i].msgs), last
		last -= uint64(len(batch[i].msgs))
	}
}

// alone finds out what is wrong with a single refused run.
func (p *publication) alone(ctx context.Context, c *piece, err error) error {
	t := &p.told[c.run]
	switch {
	case outOfStep(err):
		t.Err = &hub.Error{Kind: hub.KindConflict, Code: relay.CodeOutOfStep, Op: "publishing", Subject: string(c.line.Tenant)}
		return nil
	case duplicate(err) && !c.fresh:
		return p.again(ctx, c)
	case len(c.msgs) == 1 && has(err, errIncomplete): // one that it refuses has a reason of its own
		t.Err = outcome(err)
		return t.Err
	case len(c.msgs) == 1:
		t.Err = &hub.Error{Kind: hub.KindPermanent, Code: CodeRefused, Op: "publishing", Subject: string(c.changes[0].ID), Err: err}
		return nil
	}
	half := len(c.msgs) / 2
	first := &piece{run: c.run, line: c.line, after: c.after, changes: c.changes[:half], msgs: c.msgs[:half], fresh: c.fresh}
	if err := p.publish(ctx, []*piece{first}); err != nil || t.Err != nil {
		return err
	}
	rest := &piece{run: c.run, line: c.line, after: t.Position, changes: c.changes[half:], msgs: c.msgs[half:], fresh: c.fresh}
	return p.publish(ctx, []*piece{rest})
}

// again handles a run of which the broker knows an identifier already. What the line has, counts as told. What it does
// not have was emptied out of the stream, which keeps identifiers for two minutes longer: such changes go in under
// identifiers that were never used, the old ones and the stream's present end.
func (p *publication) again(ctx context.Context, c *piece) error {
	t := &p.told[c.run]
	last, err := p.Last(ctx, c.line)
	if err != nil {
		t.Err = err
		return err
	}
	there := 0
	for there < len(c.changes) && last.Position > 0 && c.changes[there].Sequence <= last.Sequence {
		there++
	}
	if there > 0 {
		t.Count, t.Position = t.Count+there, last.Position
	}
	if there == len(c.changes) {
		return nil
	}
	if last.Position != c.after {
		t.Err = &hub.Error{Kind: hub.KindConflict, Code: relay.CodeOutOfStep, Op: "publishing", Subject: string(c.line.Tenant)}
		return nil
	}
	s, err := p.stream(ctx, "publishing")
	if err != nil {
		t.Err = err
		return err
	}
	rest := &piece{run: c.run, line: c.line, after: last.Position, changes: c.changes[there:], msgs: c.msgs[there:], fresh: true}
	for i, m := range rest.msgs {
		id := string(rest.changes[i].ID) + "." + strconv.FormatUint(s.CachedInfo().State.LastSeq, 10)
		m.Header.Set(jetstream.MsgIDHeader, id)
	}
	return p.publish(ctx, []*piece{rest})
}
