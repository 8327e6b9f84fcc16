package intake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

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
	drafts   []draft
	parked   *Parked // set: it cannot be applied, and why
}

// draft is one full order of a delivery, sealed.
type draft struct {
	orders.Incoming
	raw Raw
}

// read decodes what the delivery means. Trouble that is permanent parks it, a panic in a driver is an internal error of
// this one delivery; other errors come back and are tried again. What is parked already stays so.
func (it *item) read(platforms map[hub.Platform]driver.Storefront) (err error) {
	if it.parked != nil {
		return nil
	}
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
	it.reading, err = platform.Read(it.delivery)
	if hub.Parkable(err) {
		it.park(err)
		return nil
	}
	return err
}

func (it *item) park(err error) {
	it.reading, it.drafts = driver.Reading{}, nil
	it.parked = &Parked{
		Tenant: it.head.Tenant, Connection: it.head.Connection, Platform: it.head.Platform,
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

// holders lists whose keys the item needs, in the order in which seal takes them: two a draft, or one when parked with a
// body. A payload belongs to everybody who is in it.
func (it *item) holders() []gdpr.Holder {
	if it.record != nil {
		return nil
	}
	if it.parked != nil {
		return []gdpr.Holder{{
			Tenant: it.head.Tenant, Connection: cmp.Or(it.head.Connection, noConnection),
			Lot: gdpr.LotUnparsed, Week: gdpr.WeekOf(it.head.ReceivedAt),
		}}
	}
	var everybody []gdpr.SubjectRef
	for _, d := range it.reading.Drafts {
		everybody = append(everybody, subject(d))
	}
	holders := make([]gdpr.Holder, 0, 2*len(it.reading.Drafts))
	for _, d := range it.reading.Drafts {
		if !d.Deleted.IsZero() {
			continue
		}
		h := gdpr.Holder{
			Tenant: it.head.Tenant, Connection: it.head.Connection, Lot: gdpr.LotOrder,
			Week:     gdpr.WeekOf(lotTime(d.Order.PlacedAt, it.head.ReceivedAt)),
			Subjects: []gdpr.SubjectRef{subject(d)},
		}
		raw := h
		raw.Lot, raw.Subjects = gdpr.LotRaw, everybody
		holders = append(holders, h, raw)
	}
	return holders
}

// subject is whom an order belongs to: the platform's customer, or a guest who is known by this order only.
func subject(d driver.Draft) gdpr.SubjectRef {
	if d.Subject != "" {
		return gdpr.SubjectRef{Customer: d.Subject}
	}
	return gdpr.SubjectRef{Order: d.Order.ExternalID}
}

// lotTime is the time whose week an order ages from: when it was placed. A platform that gives none, or one that is yet to
// come, must not keep it for ever, so receipt is the latest.
func lotTime(placed, received time.Time) time.Time {
	if placed.IsZero() || placed.After(received) {
		return received
	}
	return placed
}

// seal makes the sealed forms, with the seals of holders.
func (it *item) seal(seals []*gdpr.Seal, ids hub.IDSource) (err error) {
	if it.parked != nil {
		it.parked.ID = hub.ParkedID(ids.New(hub.ParkedPrefix))
		if it.record != nil {
			return nil
		}
		it.parked.Sealed, err = seals[0].Seal(parkedPlace(it.head.Tenant, it.parked.ID), encodeDelivery(it.delivery))
		return err
	}
	it.drafts = make([]draft, len(it.reading.Drafts))
	for i, d := range it.reading.Drafts {
		key := orders.Key{Tenant: it.head.Tenant, Connection: it.head.Connection, External: d.Order.ExternalID}
		out := &it.drafts[i]
		out.Incoming = orders.Incoming{Key: key, Order: d.Order, Deleted: d.Deleted}
		if !d.Deleted.IsZero() {
			continue
		}
		ref := hub.RawRef(ids.New(hub.RawPrefix))
		out.Seal, out.RawRef = seals[0], ref
		if out.Digest, err = digest(it.tenant, d.Order); err != nil {
			return err
		}
		sealed, err := seals[1].Seal(rawPlace(it.head.Tenant, ref), it.delivery.Body)
		if err != nil {
			return err
		}
		out.raw = Raw{Ref: ref, Order: key, Sealed: sealed, ReceivedAt: it.head.ReceivedAt}
		seals = seals[2:]
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

func parkedPlace(t hub.TenantID, id hub.ParkedID) gdpr.Place {
	return gdpr.Place{Tenant: t, Table: "parked", Row: string(id), Class: hub.P1}
}

func rawPlace(t hub.TenantID, ref hub.RawRef) gdpr.Place {
	return gdpr.Place{Tenant: t, Table: "raws", Row: string(ref), Class: hub.P1}
}

// name is how logs call a delivery: by its place in the log, never by its content.
func name(tenant hub.TenantID, index uint64) string {
	return fmt.Sprintf("%s#%s", tenant, strconv.FormatUint(index, 10))
}
