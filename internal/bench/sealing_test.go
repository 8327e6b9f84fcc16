package bench

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/sandbox/shopify"
	"hub/gdpr"
	"hub/internal/app"
)

// drainBatch is how many deliveries the drain prepares at once.
const drainBatch = 500

// parcel is what one order gives to seal: for each holder what is sealed for it, and where.
type parcel struct {
	holders []gdpr.Holder
	places  []gdpr.Place
	plain   [][]byte
}

// parcels says what the drain seals for deliveries, as package intake does: the personal data of each order in the parts of
// its people, and the payload under all of them.
func (r *rig) parcels(tb testing.TB, list []shopify.Delivery) []parcel {
	tb.Helper()
	front, now, ids := r.door.Platforms[hub.Shopify], time.Now(), app.NewIDs()
	parcels := make([]parcel, 0, len(list))
	for _, d := range list {
		notice := got(front.Verify(d.Header, d.Body, []string{shopSecret}))(tb)
		read := got(front.Read(driver.Delivery{Notice: notice, Account: shopDomain, Body: d.Body, ReceivedAt: now}))(tb)
		for _, draft := range read.Drafts {
			people := peopleOf(draft)
			recipient, payer := draft.Order.Buyer.Apart()
			_, personal := draft.Order.Split()
			parts := personal.Parts(recipient != "", payer != "")
			order, p := hub.OrderID(ids.New(hub.OrderPrefix)), parcel{}
			add := func(class gdpr.LotClass, people []gdpr.Person, at gdpr.Place, plain []byte) {
				p.holders = append(p.holders, gdpr.Holder{
					Tenant: r.connection.Tenant, Connection: r.connection.ID, People: people, Lot: class, Week: gdpr.WeekOf(draft.Order.PlacedAt),
				})
				p.places, p.plain = append(p.places, at), append(p.plain, plain)
			}
			for _, name := range hub.PersonalParts() {
				if part, ok := parts[name]; ok {
					add(gdpr.LotOrder, people[name], gdpr.OrderPlace(r.connection.Tenant, order, name, 1), got(json.Marshal(part))(tb))
				}
			}
			add(gdpr.LotRaw, people[hub.PartShared],
				gdpr.Place{Tenant: r.connection.Tenant, Table: "raws", Row: ids.New(hub.RawPrefix), Class: hub.P1}, d.Body)
			parcels = append(parcels, p)
		}
	}
	return parcels
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

// seals asks for seals. On a machine that is too busy to keep the lease of five seconds it asks again, as the drain does.
func (r *rig) seals(tb testing.TB, holders []gdpr.Holder) []*gdpr.Seal {
	tb.Helper()
	seals, err := r.keys.Seals(context.Background(), holders)
	for range 20 {
		if hub.KindOf(err) != hub.KindUnavailable {
			break
		}
		seals, err = r.keys.Seals(context.Background(), holders)
	}
	must(tb, err)
	return seals
}

// seal seals parcels as the drain does, a batch at a time, but one after the other on one processor.
func (r *rig) seal(tb testing.TB, list []parcel) (bytes int) {
	tb.Helper()
	for batch := range slices.Chunk(list, drainBatch) {
		var holders []gdpr.Holder
		for _, p := range batch {
			holders = append(holders, p.holders...)
		}
		seals := r.seals(tb, holders)
		for _, p := range batch {
			for i, plain := range p.plain {
				bytes += len(got(seals[i].Seal(p.places[i], plain))(tb))
			}
			seals = seals[len(p.plain):]
		}
	}
	return bytes
}

// sealing is the drain, and what of it would be left if sealing took no time.
type sealing struct {
	drainage
	drained rate
}

func (s *sealing) ours(tb testing.TB) rate {
	s.drained = s.drainage.ours(tb)
	return s.drained
}

// unsealed is the last drain less the time in which a fresh vault of the same kind and one processor seal the same values
// for the same people. The drain seals one batch while it commits another, so less than that is the price of sealing.
func (s *sealing) unsealed(tb testing.TB) rate {
	r := newRig(tb, s.size)
	defer r.close(tb)
	list := r.parcels(tb, many(s.few, 0, s.orders+warmOrders))
	bytes := r.seal(tb, list[:warmOrders])
	clock := start()
	bytes += r.seal(tb, list[warmOrders:])
	alone := clock.rate(0)
	s.check(tb, r, bytes)
	tb.Logf("%d orders drained in %s, sealed alone in %s", s.orders, s.drained.took.Round(time.Millisecond), alone.took.Round(time.Millisecond))
	if s.drained.took <= alone.took {
		tb.Logf("sealing alone took longer than the drain")
		return rate{count: s.drained.count, took: time.Microsecond}
	}
	return rate{count: s.drained.count, took: s.drained.took - alone.took, cpu: max(0, s.drained.cpu-alone.cpu)}
}

// check compares what was sealed with what the drain has stored.
func (s *sealing) check(tb testing.TB, r *rig, sealed int) {
	tb.Helper()
	for i, t := range got(r.vault.Read(context.Background()))(tb) {
		if drained := s.tables[1][i]; len(t.Rows) != len(drained.Rows) || t.Bytes != drained.Bytes {
			tb.Fatalf("%s: sealing alone made %d rows of %d bytes, the drain %d of %d", t.Name, len(t.Rows), t.Bytes, len(drained.Rows), drained.Bytes)
		}
	}
	stored := 0
	for _, t := range s.tables[0] {
		for i, column := range t.Columns {
			if !slices.Contains([]string{"personal", "recipient", "payer", "shared", "sealed"}, column) {
				continue
			}
			for _, row := range t.Rows {
				if b, ok := row[i].([]byte); ok {
					stored += len(b)
				}
			}
		}
	}
	if stored != sealed {
		tb.Fatalf("sealing alone made %d bytes, the drain stored %d", sealed, stored)
	}
}

// sealingComparisons demand that sealing adds a quarter at most: 1/1.25 is 80 %.
func sealingComparisons(orders int) []comparison {
	few := natural(200)
	var list []comparison
	for name, s := range sizes() {
		c := &sealing{drainage: drainage{size: s, few: few, orders: orders}}
		list = append(list, comparison{
			name: "drain, " + name + ", sealing in it", unit: "orders/s", against: "the same drain less the time of sealing alone",
			demanded: 0.80, ours: c.ours, baseline: c.unsealed,
		})
	}
	return list
}
