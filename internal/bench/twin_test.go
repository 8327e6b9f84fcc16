package bench

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/sandbox/shopify"
	"hub/gdpr"
	"hub/internal/app"
	"hub/internal/intake"
	"hub/internal/orders"
)

// drainBatch is how many deliveries the drain prepares at once.
const drainBatch = 500

// twin does what the drain does with deliveries once they are out of the log: it reads a batch, gets its seals, digests and
// seals, on all processors, while the batch before it is in its transaction. What it seals with can be exchanged, which
// the drain, for good reason, does not allow.
type twin struct {
	rig     *rig
	front   driver.Storefront
	hashes  *gdpr.TenantKeys
	sealer  sealer
	ids     hub.IDSource
	flying  chan error
	started bool
}

func (r *rig) newTwin(tb testing.TB, s sealer) *twin {
	tb.Helper()
	var hashes *gdpr.TenantKeys
	patient(tb, func() (err error) {
		hashes, err = r.keys.Tenant(context.Background(), r.connection.Tenant)
		return err
	})
	return &twin{
		rig: r, front: r.door.Platforms[hub.Shopify], hashes: hashes,
		sealer: s, ids: app.NewIDs(), flying: make(chan error, 1),
	}
}

// read gives deliveries the form in which the log gives them to the drain.
func (r *rig) read(tb testing.TB, list []shopify.Delivery) []driver.Delivery {
	tb.Helper()
	front, now := r.door.Platforms[hub.Shopify], time.Now()
	all := make([]driver.Delivery, len(list))
	for i, d := range list {
		all[i] = driver.Delivery{Notice: got(front.Verify(driver.Signed{Header: d.Header, Body: d.Body, Secrets: []string{shopSecret}}))(tb), Account: shopDomain, Body: d.Body, ReceivedAt: now}
	}
	return all
}

// parcel is one delivery on its way.
type parcel struct {
	order driver.Draft
	parts []hub.PersonalPart // of the holders but the last, which is everybody, for the payload
	list  []gdpr.Holder
	claim intake.Delivery
	ready orders.Incoming
	raw   intake.Raw
}

// drain brings deliveries into the shard, a batch at a time.
func (w *twin) drain(tb testing.TB, list []driver.Delivery) {
	tb.Helper()
	land := func() {
		if w.started {
			must(tb, <-w.flying)
			w.started = false
		}
	}
	for batch := range slices.Chunk(list, drainBatch) {
		ready := w.prepare(tb, batch)
		land()
		w.started = true
		go func() { w.flying <- w.commit(ready) }()
	}
	land()
}

func (w *twin) prepare(tb testing.TB, batch []driver.Delivery) []parcel {
	tb.Helper()
	all, errs := make([]parcel, len(batch)), make([]error, len(batch))
	each := func(f func(i int) error) {
		tb.Helper()
		var workers sync.WaitGroup
		for at := range processors() {
			workers.Go(func() {
				for i := at; i < len(batch); i += processors() {
					errs[i] = f(i)
				}
			})
		}
		workers.Wait()
		for _, err := range errs {
			must(tb, err)
		}
	}
	each(func(i int) (err error) { all[i], err = w.open(batch[i]); return err })
	var holders []gdpr.Holder
	for _, p := range all {
		holders = append(holders, p.list...)
	}
	seals := w.sealer(tb, holders)
	of := make([][]seal, len(all))
	for i, p := range all {
		of[i], seals = seals[:len(p.list)], seals[len(p.list):]
	}
	each(func(i int) error { return w.seal(&all[i], batch[i], of[i]) })
	return all
}

// open reads a delivery and says whose data is in it.
func (w *twin) open(d driver.Delivery) (p parcel, err error) {
	reading, err := w.front.Read(d)
	if err != nil {
		return p, err
	}
	p.order = reading.Drafts[0]
	c := w.rig.connection
	p.claim = intake.Delivery{Tenant: c.Tenant, Connection: c.ID, Resource: p.order.Order.ExternalID, Key: w.hashes.DeliveryKey(c.ID, d.Topic, d.DeliveryID, d.Body)}
	people := peopleOf(p.order)
	add := func(class gdpr.LotClass, people []gdpr.Person) {
		p.list = append(p.list, gdpr.Holder{Tenant: c.Tenant, Connection: c.ID, People: people, Lot: class, Week: gdpr.WeekOf(p.order.Order.PlacedAt)})
	}
	for _, part := range hub.PersonalParts() {
		if who, ok := people[part]; ok && (part != hub.PartShared || len(who) > 1) {
			p.parts = append(p.parts, part)
			add(gdpr.LotOrder, who)
		}
	}
	add(gdpr.LotRaw, people[hub.PartShared])
	return p, nil
}

// seal digests the order and seals its payload. The parts are sealed in the transaction, under the id that the order gets.
func (w *twin) seal(p *parcel, d driver.Delivery, seals []seal) error {
	c, order := w.rig.connection, p.order.Order
	key := orders.Key{Tenant: c.Tenant, Connection: c.ID, External: order.ExternalID}
	p.ready = orders.Incoming{Key: key, Order: order, Seals: map[hub.PersonalPart]orders.Sealer{}}
	order.Source = hub.Source{}
	canonical, err := json.Marshal(order)
	if err != nil {
		return err
	}
	p.ready.Digest = w.hashes.Digest(canonical)
	for i, part := range p.parts {
		p.ready.Seals[part] = seals[i]
	}
	whole := seals[len(p.parts)]
	ref := hub.RawRef(w.ids.New(hub.RawPrefix))
	sealed, err := whole.Seal(gdpr.Place{Tenant: c.Tenant, Table: "raws", Row: string(ref), Class: hub.P1}, d.Body)
	p.ready.RawRef, p.ready.RawOf = ref, whole.Subjects()
	p.raw = intake.Raw{Ref: ref, Order: key, Sealed: sealed, Expires: whole.Expires(), ReceivedAt: d.ReceivedAt}
	return err
}

// commit is the drain's transaction.
func (w *twin) commit(all []parcel) error {
	p := w.rig.drainer.Pipeline
	return p.Shards.Do(context.Background(), w.rig.drainer.Shard, func(ctx context.Context, tx hub.Tx) error {
		claims, ready, raws := make([]intake.Delivery, len(all)), make([]orders.Incoming, len(all)), make([]intake.Raw, len(all))
		for i, one := range all {
			claims[i], ready[i], raws[i] = one.claim, one.ready, one.raw
		}
		if _, err := p.Repo.Claim(ctx, tx, claims); err != nil {
			return err
		}
		if _, err := p.Orders.Apply(ctx, tx, ready); err != nil {
			return err
		}
		if err := p.Repo.KeepRaw(ctx, tx, raws); err != nil {
			return err
		}
		return p.Repo.Record(ctx, tx, "orders.drain", "", int64(len(all)))
	})
}

// peopleOf says whose each part of an order is.
func peopleOf(d driver.Draft) map[hub.PersonalPart][]gdpr.Person {
	var list []gdpr.Identifier
	know := func(kind gdpr.IdentifierKind, value string) {
		if id, err := gdpr.NewIdentifier(kind, value); err == nil && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	of := map[hub.PersonalPart][]gdpr.Person{}
	add := func(part hub.PersonalPart, ref gdpr.SubjectRef) {
		one := gdpr.Person{SubjectRef: ref, PlacedAt: d.Order.PlacedAt, Identifiers: list}
		of[part], of[hub.PartShared] = []gdpr.Person{one}, append(of[hub.PartShared], one)
		list = nil
	}
	buyer, who := d.Order.Buyer, gdpr.SubjectRef{Customer: d.Subject}
	if d.Subject == "" {
		who = gdpr.SubjectRef{Order: d.Order.ExternalID}
	}
	recipient, payer := buyer.Apart()
	if buyer != nil {
		know(gdpr.IdentifierEmail, buyer.Email)
		know(gdpr.IdentifierPhone, buyer.Phone)
		know(gdpr.IdentifierTaxID, buyer.TaxID)
		for _, a := range []*hub.Address{buyer.ShippingAddress, buyer.BillingAddress} {
			if a != nil && hub.FoldName(a.Name) != recipient && hub.FoldName(a.Name) != payer {
				know(gdpr.IdentifierPhone, a.Phone)
			}
		}
	}
	add(hub.PartBuyer, who)
	if recipient != "" {
		know(gdpr.IdentifierPhone, buyer.ShippingAddress.Phone)
		add(hub.PartRecipient, gdpr.SubjectRef{Order: d.Order.ExternalID, Role: gdpr.RoleRecipient, Name: recipient})
	}
	if payer != "" {
		know(gdpr.IdentifierPhone, buyer.BillingAddress.Phone)
		add(hub.PartPayer, gdpr.SubjectRef{Order: d.Order.ExternalID, Role: gdpr.RolePayer, Name: payer})
	}
	return of
}
