package intake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"

	"hub"
	"hub/adapters/driver"
	"hub/gdpr"
	"hub/internal/orders"
)

// item is one delivery on its way from the log, or from the parked ones, into a shard.
type item struct {
	head     Head
	delivery driver.Delivery
	record   []byte // as it is in the log, when it does not open: all that tells it from others
	tenant   *gdpr.TenantKeys
	resource hub.ExternalID
	key      [32]byte
	reading  driver.Reading
	shares   [][]share // of each draft of the reading
	drafts   []draft
	parked   *Parked    // set: it cannot be applied, and why
	rawRef   hub.RawRef // of the payload that a given reading was made from; it is stored already
	given    bool       // the reading is given and not to be made from the delivery
	dry      bool       // nothing of it will be stored: it needs no keys, and nobody becomes known by it
	kept     bool       // it lies among the parked already: parking it again seals nothing
	bare     bool       // somebody of its tenant was erased since it was received: nothing of a person in it may be stored
	stale    bool       // people may have been erased since it was prepared: to be prepared again before it is committed
}

// draft is one full order of a delivery, sealed.
type draft struct {
	orders.Incoming
	raw Raw // without a reference when none is kept
}

// read decodes what the delivery means. Trouble that is permanent parks it, a panic in a driver is an internal error of
// this one delivery; other errors come back and are tried again. What is parked already stays so.
func (it *item) read(platforms map[hub.Platform]driver.Storefront) error {
	var err error
	if it.parked == nil && !it.given {
		err = it.interpret(platforms)
	}
	if it.parked != nil {
		it.skim(platforms)
	}
	return err
}

// skim notes what is readable of the order in a delivery that is parked. What a driver makes of another shop's body, or in
// a panic, is nothing.
func (it *item) skim(platforms map[hub.Platform]driver.Storefront) {
	defer func() {
		if recover() != nil {
			it.parked.Gist = driver.Gist{}
		}
	}()
	skimmer, ok := platforms[it.head.Platform].(driver.Skimmer)
	if !ok || it.record != nil || it.parked.Code == hub.CodeShopMismatch {
		return
	}
	if it.parked.Gist = skimmer.Skim(it.delivery); len(it.parked.Gist.ExternalID) > maxResource {
		it.parked.Gist.ExternalID = ""
	}
}

func (it *item) interpret(platforms map[hub.Platform]driver.Storefront) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = hub.Errorf(hub.KindInternal, "reading delivery", "the driver of %s panicked (%T)", it.head.Platform, r)
		}
	}()
	if it.head.Connection == "" {
		it.park(&hub.Error{Kind: hub.KindPermanent, Code: hub.CodeNoTarget, Op: "routing delivery"})
		return nil
	}
	platform, ok := platforms[it.head.Platform]
	if !ok {
		return hub.Errorf(hub.KindInternal, "reading delivery", "no driver for %s", it.head.Platform)
	}
	it.reading, err = readDelivery(platform, it.delivery)
	if hub.Parkable(err) {
		it.park(err)
		return nil
	}
	return err
}

func (it *item) park(err error) {
	it.reading, it.shares, it.drafts = driver.Reading{}, nil, nil
	it.parked = &Parked{
		Tenant: it.head.Tenant, Connection: it.head.Connection, App: it.head.App, Platform: it.head.Platform,
		Topic: it.delivery.Topic, Code: hub.CodeOf(err), Path: hub.PathOf(err),
		ReceivedAt: it.head.ReceivedAt, State: ParkedOpen,
	}
}

// maxResource bounds what becomes a part of the identity, in bytes; no platform makes longer identifiers. A longer one is
// refused when the order is stored, and must not refuse the parking, too.
const maxResource = 128

// identify computes what makes the delivery itself. The resource follows from the body alone.
func (it *item) identify(keys *gdpr.TenantKeys) {
	it.tenant = keys
	switch {
	case len(it.reading.Drafts) > 0:
		it.resource = it.reading.Drafts[0].Order.ExternalID
	case len(it.reading.Hints) > 0:
		it.resource = it.reading.Hints[0].ExternalID
	}
	if len(it.resource) > maxResource {
		it.resource = ""
	}
	d := it.delivery
	if it.record != nil {
		d.Body = it.record
	}
	it.key = keys.DeliveryKey(it.head.Connection, d.Topic, d.DeliveryID, d.Body)
}

// noConnection stands for the connection of what has none, in the name of its lot. No connection can have this id.
const noConnection hub.ConnectionID = hub.ConnectionPrefix + "none"

// holders lists whose keys the item needs, in the order in which seal takes them: one for each share of a draft and one for
// the payload, or one when parked with a body. A payload belongs to everybody who is in it.
func (it *item) holders() []gdpr.Holder {
	if it.record != nil || it.dry || it.bare || it.kept && it.parked != nil {
		return nil
	}
	if it.parked != nil {
		return []gdpr.Holder{{
			Tenant: it.head.Tenant, Connection: cmp.Or(it.head.Connection, noConnection),
			Lot: gdpr.LotUnparsed, Week: gdpr.WeekOf(it.head.ReceivedAt),
			People: []gdpr.Person{{SubjectRef: gdpr.SubjectRef{Unparsed: it.parked.ID}, PlacedAt: it.head.ReceivedAt}},
		}}
	}
	var everybody []gdpr.Person
	it.shares = make([][]share, len(it.reading.Drafts))
	for i, d := range it.reading.Drafts {
		list := shares(d, it.head.ReceivedAt)
		it.shares[i] = list
		everybody = append(everybody, list[len(list)-1].people...)
	}
	holders := make([]gdpr.Holder, 0, 2*len(it.reading.Drafts))
	for i, d := range it.reading.Drafts {
		if !d.Deleted.IsZero() {
			continue
		}
		h := gdpr.Holder{
			Tenant: it.head.Tenant, Connection: it.head.Connection, Lot: gdpr.LotOrder,
			Week: gdpr.WeekOf(lotTime(d.Order.PlacedAt, it.head.ReceivedAt)),
		}
		for _, s := range it.shares[i] {
			h.People = s.people
			holders = append(holders, h)
		}
		if it.given {
			continue
		}
		h.Lot, h.People = gdpr.LotRaw, everybody
		holders = append(holders, h)
	}
	return holders
}

// seal makes the sealed forms, with the seals of holders.
func (it *item) seal(seals []*gdpr.Seal, ids hub.IDSource) error {
	if it.bare {
		it.renounce()
		return nil
	}
	if it.parked != nil {
		return it.sealParked(seals)
	}
	drafts := make([]draft, len(it.reading.Drafts))
	for i, d := range it.reading.Drafts {
		out := &drafts[i]
		key := orders.Key{Tenant: it.head.Tenant, Connection: it.head.Connection, External: d.Order.ExternalID}
		out.Incoming = orders.Incoming{Key: key, Order: d.Order, Deleted: d.Deleted, EnrichedAt: d.EnrichedAt, Lacks: len(d.Lacks)}
		if !d.Deleted.IsZero() {
			continue
		}
		var err error
		if out.Digest, err = digest(it.tenant, d.Order); err != nil {
			return err
		}
		if out.RawRef = it.rawRef; it.dry {
			out.Seals = unwritten(d)
			continue
		}
		n := len(it.shares[i])
		out.Seals = make(map[hub.PersonalPart]orders.Sealer, n)
		for at, s := range it.shares[i] {
			out.Seals[s.part] = seals[at]
		}
		if seals = seals[n:]; it.given {
			continue
		}
		if err := it.sealRaw(out, seals[0], ids); err != nil {
			return err
		}
		seals = seals[1:]
	}
	it.drafts = drafts
	return nil
}

// renounce keeps nothing of the body but which orders it is about, and has those fetched: what the platform says of them
// today goes the way of every other news. A deletion holds nothing of a person, and stays.
func (it *item) renounce() {
	drafts := it.reading.Drafts
	it.reading.Drafts, it.shares, it.drafts = nil, nil, nil
	fetch := func(id hub.ExternalID) {
		if id != "" && len(id) <= maxResource {
			it.reading.Hints = append(it.reading.Hints, driver.Hint{Kind: "order", ExternalID: id})
		}
	}
	for _, d := range drafts {
		if d.Deleted.IsZero() {
			fetch(d.Order.ExternalID)
			continue
		}
		key := orders.Key{Tenant: it.head.Tenant, Connection: it.head.Connection, External: d.Order.ExternalID}
		it.drafts = append(it.drafts, draft{Incoming: orders.Incoming{Key: key, Order: d.Order, Deleted: d.Deleted}})
	}
	if it.parked != nil {
		it.parked.Sealed, it.parked.Expires = nil, ""
		fetch(it.parked.Gist.ExternalID)
	}
}

// sealParked seals the body of what cannot be applied. One that is past its retention already, after a shard was away for
// weeks, is parked without it.
func (it *item) sealParked(seals []*gdpr.Seal) (err error) {
	it.parked.Sealed, it.parked.Expires = nil, ""
	if it.record != nil || it.dry || it.kept || seals[0].Suppressed() {
		return nil
	}
	it.parked.Expires = seals[0].Expires()
	it.parked.Sealed, err = seals[0].Seal(gdpr.ParkedPlace(it.head.Tenant, it.parked.ID), encodeDelivery(it.delivery))
	return err
}

// sealRaw seals the payload of one draft. It is left out when somebody in it was erased, or when it is past its retention.
func (it *item) sealRaw(out *draft, seal *gdpr.Seal, ids hub.IDSource) error {
	if seal.Suppressed() {
		return nil
	}
	ref := hub.RawRef(ids.New(hub.RawPrefix))
	sealed, err := seal.Seal(rawPlace(it.head.Tenant, ref), it.delivery.Body)
	if err != nil {
		return err
	}
	out.RawRef, out.RawOf = ref, seal.Subjects()
	out.raw = Raw{
		Ref: ref, Order: out.Key, Sealed: sealed, Expires: seal.Expires(), ReceivedAt: it.head.ReceivedAt,
		Topic: it.delivery.Topic, Delivery: it.key,
	}
	return nil
}

// digest is the keyed digest of what the order says, whichever shape and rules it came through.
func digest(keys *gdpr.TenantKeys, o hub.Order) ([32]byte, error) {
	o.Source = hub.Source{}
	canonical, err := json.Marshal(o)
	if err != nil {
		return [32]byte{}, hub.Errorf(hub.KindInternal, "digesting order", "not printable")
	}
	return keys.Digest(canonical), nil
}

func rawPlace(t hub.TenantID, ref hub.RawRef) gdpr.Place {
	return gdpr.Place{Tenant: t, Table: "raws", Row: string(ref), Class: hub.P1}
}

// name is how logs call a delivery: by its place in the log, never by its content.
func name(tenant hub.TenantID, index uint64) string {
	return fmt.Sprintf("%s#%s", tenant, strconv.FormatUint(index, 10))
}

// blank is the sealer of what is only tried: it leaves every part out, as for somebody who was erased.
type blank struct{}

func (blank) Suppressed() bool   { return true }
func (blank) Expires() gdpr.Week { return "" }

func (blank) Seal(gdpr.Place, []byte) ([]byte, error) {
	return nil, hub.Errorf(hub.KindInternal, "sealing", "it is only tried")
}

// unwritten are the sealers of a draft that is only tried, for the parts that it has.
func unwritten(d driver.Draft) map[hub.PersonalPart]orders.Sealer {
	seals := map[hub.PersonalPart]orders.Sealer{hub.PartBuyer: blank{}, hub.PartShared: blank{}}
	recipient, payer := d.Order.Buyer.Apart()
	if recipient != "" {
		seals[hub.PartRecipient] = blank{}
	}
	if payer != "" {
		seals[hub.PartPayer] = blank{}
	}
	return seals
}
