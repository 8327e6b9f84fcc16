package erp

import (
	"context"
	"log/slog"
	"time"

	"hub"
	"hub/gdpr"
)

// CodePersonalUnavailable is the KindUnavailable of personal fields that cannot be served at the moment, when nothing says
// more precisely why.
const CodePersonalUnavailable hub.Code = "personal_unavailable"

// Personal adds personal fields to what was read without them, for clients that may see them. All fields are set before its
// first use and not changed afterwards. Readers of one shard that wait for their disclosures at the same time share a
// transaction; each waits until its own is durable.
//
// It promises that whatever it adds was disclosed durably before, field for field; that a person who is fenced or whose key
// is gone is absent, and that apart from what is damaged, which the log names, nobody else is: what cannot be looked at is an
// error; and that the bytes which were there stay as they are. A page that would get too large with its personal fields ends
// earlier and says that there is more.
//
// The caller asks Fresh right before it writes the answer, or each part of it.
type Personal struct {
	Reader      PersonalReader
	Keys        Opener
	Disclosures Disclosures
	// Ready is nil when the tenant's shard knows all erasures that the vault knows, and why not otherwise.
	Ready  func(hub.TenantID) error
	Clock  hub.Clock
	Logger *slog.Logger
	// Damaged is called with how many parts one answer goes without because they are damaged; nil: nobody counts.
	Damaged func(parts int)

	desks desks
}

// Recipient is who is about to be served.
type Recipient struct {
	Tenant  hub.TenantID // whose orders
	Client  string
	Key     hub.KeyID
	Request string
	Since   gdpr.Mark // of Mark, before the first of this answer was read
	// Room is memory that the documents are put together in: made, or made larger, when it is too small. Whoever gives the same
	// room again has no use for the former documents any more. nil: each answer has its own.
	Room *[]byte

	changes []hub.Change // of the feed, which the documents are of; none: they are a list of orders
}

// Page adds personal fields to a page of the feed. An older revision of an order gets its people only: what belongs to a
// line, a discount or a parcel is known for the newest revision, whose lines may be others.
func (p *Personal) Page(ctx context.Context, to Recipient, page Page) (Page, error) {
	docs := make([]document, len(page.Changes))
	for i, c := range page.Changes {
		docs[i] = document{c.OrderID, c.Revision, c.Doc}
	}
	to.changes = page.Changes
	served, err := p.add(ctx, to, docs, map[hub.OrderID]Sealed{})
	if err != nil {
		return Page{}, err
	}
	out := Page{Changes: make([]hub.Change, len(served)), Next: page.Next, More: page.More}
	for i, d := range served {
		out.Changes[i] = page.Changes[i]
		out.Changes[i].Doc = d.doc
	}
	if n := len(served); n < len(docs) {
		out.Next, out.More = out.Changes[n-1].Sequence, true
	}
	return out, nil
}

// List adds personal fields to a page of orders.
func (p *Personal) List(ctx context.Context, to Recipient, list List) (List, error) {
	docs := make([]document, len(list.Rows))
	for i, r := range list.Rows {
		d, err := r.document()
		if err != nil {
			return List{}, err
		}
		docs[i] = d
	}
	served, err := p.add(ctx, to, docs, map[hub.OrderID]Sealed{})
	if err != nil {
		return List{}, err
	}
	out := List{Rows: make([]Row, len(served)), Next: list.Next}
	for i, d := range served {
		out.Rows[i] = Row{ID: d.order, Doc: d.doc}
	}
	if n := len(served); n < len(docs) {
		out.Next = out.Rows[n-1].ID
	}
	return out, nil
}

// Order returns one order with its personal fields; KindNotFound for a missing one and for another tenant's alike.
func (p *Personal) Order(ctx context.Context, to Recipient, id hub.OrderID) (Row, error) {
	if !hub.ValidID(hub.OrderPrefix, string(id)) {
		return Row{}, notFound()
	}
	row, sealed, err := p.Reader.OrderPersonal(ctx, to.Tenant, id)
	switch {
	case hub.KindOf(err) == hub.KindNotFound:
		return Row{}, err
	case err != nil:
		return Row{}, unserved(err)
	}
	d, err := row.document()
	if err != nil {
		return Row{}, err
	}
	served, err := p.add(ctx, to, []document{d}, map[hub.OrderID]Sealed{id: sealed})
	if err != nil {
		return Row{}, err
	}
	return Row{ID: id, Doc: served[0].doc}, nil
}

// Mark is where the reading for a recipient begins.
func (p *Personal) Mark() gdpr.Mark { return p.Keys.Mark() }

// Fresh is nil while what was opened for a recipient may still be served, and says how long that is. KindUnavailable otherwise,
// and then none of it is served.
func (p *Personal) Fresh(to Recipient) (left time.Duration, err error) {
	if err := p.Ready(to.Tenant); err != nil {
		return 0, unserved(err)
	}
	left, err = p.Keys.FreshSince(to.Since)
	return left, unserved(err)
}

// add adds personal fields to the documents, or to the first of them when all would be too much for one page. found is what was
// read with them.
func (p *Personal) add(ctx context.Context, to Recipient, docs []document, found map[hub.OrderID]Sealed) ([]document, error) {
	if len(docs) == 0 {
		return nil, nil
	}
	if err := p.Ready(to.Tenant); err != nil {
		return nil, unserved(err)
	}
	n, err := p.read(ctx, to.Tenant, docs, found)
	if err != nil {
		return nil, unserved(err)
	}
	people, err := p.open(ctx, to, found)
	if err != nil {
		return nil, unserved(err)
	}
	defer p.tell(ctx, to, people.lost)
	return p.disclose(ctx, to, docs[:n], people)
}

// tell tells the operator what an answer goes without.
func (p *Personal) tell(ctx context.Context, to Recipient, lost losses) {
	if p.Damaged != nil && len(lost) > 0 {
		p.Damaged(len(lost))
	}
	lost.log(ctx, p.Logger, to)
}

// disclose composes the answer and records what it holds, until nobody in it is being erased. Each round leaves somebody
// out, so it ends.
func (p *Personal) disclose(ctx context.Context, to Recipient, docs []document, people people) ([]document, error) {
	for {
		made := people.compose(to, docs, p.Clock())
		if len(made.rows) == 0 {
			return made.docs, nil
		}
		answer := Answer{Tenant: to.Tenant, Actor: hub.ActorOf(ctx), Rows: made.rows}
		if len(to.changes) > 0 {
			first, last := &to.changes[made.first], &to.changes[made.last]
			answer.Stream, answer.First, answer.Last = first.Stream, first.Sequence, last.Sequence
		}
		fenced, err := p.desks.at(p.Disclosures.Of(to.Tenant), p.Disclosures, p.Logger).disclose(ctx, answer)
		switch {
		case err != nil:
			return nil, unserved(err)
		case len(fenced) == 0:
			return made.docs, nil
		case !people.leaveOut(fenced):
			return nil, hub.Errorf(hub.KindInternal, opPersonal, "the fenced subjects are none of those that were named")
		}
	}
}

const opPersonal = "reading personal fields"

// unserved makes of an error of what is behind Personal one after which a client asks again: nothing was served, whatever
// else is not known.
func unserved(err error) error {
	if err == nil {
		return nil
	}
	out := &hub.Error{Kind: hub.KindUnavailable, Code: hub.CodeOf(err), Op: opPersonal, RetryAfter: hub.RetryAfterOf(err), Err: err}
	if hub.KindOf(err) == hub.KindInternal {
		out.Kind = hub.KindInternal
	}
	if out.Code == "" {
		out.Code = CodePersonalUnavailable
	}
	return out
}

// ordersAtOnce is how many orders' sealed parts are asked for with one query. An order can have megabytes of them, and what a
// page has no room for is not to be in memory either: then it is fewer.
const ordersAtOnce = 128

// read adds to what was found the sealed parts of the first n documents, which together are no more than MaxPageBytes unless
// the first alone is.
func (p *Personal) read(ctx context.Context, t hub.TenantID, docs []document, found map[hub.OrderID]Sealed) (n int, err error) {
	bytes := 0
	for atOnce := ordersAtOnce; n < len(docs); {
		batch := docs[n:min(n+atOnce, len(docs))]
		var read map[hub.OrderID]Sealed
		if ids := unread(batch, found); len(ids) > 0 {
			read, err = p.Reader.Personal(ctx, t, ids)
			if hub.KindOf(err) == hub.KindTooLarge && len(batch) > 1 {
				atOnce = (len(batch) + 1) / 2
				continue
			}
			if err != nil {
				return 0, err
			}
		}
		for _, d := range batch {
			s, known := found[d.order]
			if !known {
				s = read[d.order]
			}
			if bytes += len(d.doc) + s.Size(); n > 0 && bytes > MaxPageBytes {
				return n, nil
			}
			found[d.order] = s
			n++
		}
	}
	return n, nil
}

// unread lists the orders of a batch, each once, that were not read yet.
func unread(batch []document, found map[hub.OrderID]Sealed) []hub.OrderID {
	var ids []hub.OrderID
	listed := map[hub.OrderID]bool{}
	for _, d := range batch {
		if _, known := found[d.order]; !known && !listed[d.order] {
			listed[d.order] = true
			ids = append(ids, d.order)
		}
	}
	return ids
}
