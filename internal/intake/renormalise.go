package intake

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/gdpr"
	"hub/internal/orders"
)

// RenewOutcome says what today's rules make of one stored order.
type RenewOutcome string

// The outcomes of renormalising.
const (
	RenewCurrent   RenewOutcome = "current"   // its rules are today's, or newer
	RenewSame      RenewOutcome = "same"      // today's rules say the same
	RenewDiffers   RenewOutcome = "differs"   // a dry run found a difference
	RenewRenewed   RenewOutcome = "renewed"   // it has a new revision
	RenewOvertaken RenewOutcome = "overtaken" // a newer version came in between
	RenewSkipped   RenewOutcome = "skipped"   // its payload is gone, or is not of the version that is stored
	RenewRefused   RenewOutcome = "refused"   // today's rules would park the payload
)

// The codes of what is skipped.
const (
	CodePayloadGone  hub.Code = "payload_gone"  // erased, aged out, or never kept
	CodeOtherVersion hub.Code = "other_version" // the payload is of another version than the one that is stored
)

// Renewal is what became of one order.
type Renewal struct {
	Order    hub.OrderID
	Revision int64 // before
	Outcome  RenewOutcome
	Code     hub.Code // why it was skipped or refused
	Path     string   // where in the payload
	From     string   // rules of the stored order
	Diff
}

// Renewals is a page of them.
type Renewals struct {
	List   []Renewal // without those that are current or the same
	Counts map[RenewOutcome]int
	Next   hub.OrderID // the last that was dealt with
	More   bool
}

// Renormaliser reads stored payloads again under today's rules.
type Renormaliser struct {
	Pipeline *Pipeline
	Reader   AppliedReader
}

// renewed is the action of the audit record of one order that was read again.
const renewed = "orders.renormalise"

// Page deals with up to limit orders after the given id. A dry run says what is different and changes nothing. Otherwise an
// order of which today's rules make something else gets a new revision, in a transaction of its own and under the guard of
// orders.Apply: same source version, newer rules, so that it never replaces a newer state and a hub with older rules never
// undoes it. Trouble that is not about one payload, such as a database or a vault that fails, ends the page early; before the
// first order it is the error. Going on with Next and beginning anew are both safe.
func (n *Renormaliser) Page(ctx context.Context, t hub.TenantID, f AppliedFilter, after hub.OrderID, limit int, dry bool) (Renewals, error) {
	rows, more, err := n.Reader.Applied(ctx, t, f, after, limit)
	if err != nil {
		return Renewals{}, err
	}
	page := Renewals{Counts: map[RenewOutcome]int{}, Next: after, More: more}
	for i, row := range rows {
		r, err := n.one(ctx, row, dry)
		if err != nil && i == 0 {
			return Renewals{}, err
		}
		if err != nil {
			page.More = true
			return page, nil
		}
		page.Next = row.ID
		if page.Counts[r.Outcome]++; r.Outcome != RenewCurrent && r.Outcome != RenewSame {
			page.List = append(page.List, r)
		}
	}
	return page, nil
}

// one reads one order again. Its errors are not about the payload.
func (n *Renormaliser) one(ctx context.Context, row orders.Stored, dry bool) (Renewal, error) {
	r := Renewal{Order: row.ID, Revision: row.Revision}
	platform, ok := n.Pipeline.Platforms[row.Platform]
	if !ok {
		return r, hub.Errorf(hub.KindInternal, "renormalising", "no driver for %s", row.Platform)
	}
	var said struct{ Source hub.Source }
	if err := json.Unmarshal(row.Doc, &said); err != nil {
		return r, hub.Errorf(hub.KindInternal, "renormalising", "%s is stored damaged", row.ID)
	}
	if r.From = said.Source.Rules; row.Version.Rules >= orders.RulesNumber(platform.Rules()) {
		r.Outcome = RenewCurrent
		return r, nil
	}
	it, err := n.reread(ctx, platform, row, said.Source.RawRef)
	if settledAs(&r, err) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	if it.dry = dry; dry {
		return r, n.compare(ctx, row, it, &r)
	}
	return r, n.apply(ctx, row, it, &r)
}

// refusal is what a driver says of a payload, whatever its kind: it has nothing but the payload to go by.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// settledAs takes over an error that concerns this order alone: of the driver, or on the closed list of what parks.
func settledAs(r *Renewal, err error) bool {
	code := hub.CodeOf(err)
	switch {
	case code == CodePayloadGone || code == CodeOtherVersion || code == hub.CodeUnreadable:
		r.Outcome = RenewSkipped
	case hub.Parkable(err) || errors.As(err, new(refusal)):
		r.Outcome = RenewRefused
	default:
		return false
	}
	r.Code, r.Path = code, hub.PathOf(err)
	return true
}

// reread makes an item of the payload that the stored version was made from.
func (n *Renormaliser) reread(ctx context.Context, platform driver.Storefront, row orders.Stored, ref hub.RawRef) (*item, error) {
	gone := &hub.Error{Kind: hub.KindNotFound, Code: CodePayloadGone, Op: "renormalising", Subject: string(row.ID)}
	if ref == "" || row.Erased {
		return nil, gone
	}
	raw, err := n.Reader.RawByRef(ctx, row.Tenant, ref)
	if hub.KindOf(err) == hub.KindNotFound {
		return nil, gone
	}
	if err != nil {
		return nil, err
	}
	body, err := n.Pipeline.Keys.Open(ctx, rawPlace(row.Tenant, ref), raw.Sealed)
	if hub.CodeOf(err) == gdpr.CodeKeyGone {
		return nil, gone
	}
	if err != nil {
		return nil, err
	}
	draft, err := draftIn(platform, body, row.External)
	if err != nil {
		return nil, err
	}
	if !draft.Order.SourceUpdatedAt.UTC().Truncate(time.Microsecond).Equal(row.Version.SourceUpdatedAt) {
		return nil, &hub.Error{Kind: hub.KindConflict, Code: CodeOtherVersion, Op: "renormalising", Subject: string(row.ID)}
	}
	it := &item{given: true, rawRef: ref, reading: driver.Reading{Drafts: []driver.Draft{draft}}}
	it.head = Head{Platform: row.Platform, Tenant: row.Tenant, Connection: row.Connection, ReceivedAt: raw.ReceivedAt}
	return it, nil
}

// draftIn reads the order with that id out of a payload. A driver that panics refuses it.
func draftIn(platform driver.Storefront, body []byte, id hub.ExternalID) (found driver.Draft, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = refusal{hub.Errorf(hub.KindInternal, "renormalising", "the driver panicked (%T)", r)}
		}
	}()
	documents, err := platform.Split(body)
	if err != nil {
		return found, refusal{err}
	}
	for _, document := range documents {
		draft, err := platform.Order(document)
		if err != nil {
			return found, refusal{err}
		}
		if draft.Order.ExternalID == id {
			return draft, nil
		}
	}
	return found, &hub.Error{Kind: hub.KindConflict, Code: CodeOtherVersion, Op: "renormalising"}
}

// apply brings the item into its shard.
func (n *Renormaliser) apply(ctx context.Context, row orders.Stored, it *item, r *Renewal) error {
	items := []*item{it}
	failed, err := n.Pipeline.prepare(ctx, items)
	if err = errors.Join(err, failed[0]); settledAs(r, err) {
		return nil
	}
	if err != nil {
		return err
	}
	var results []orders.Result
	err = n.Pipeline.transact(ctx, n.Pipeline.Shards.Of(row.Tenant), items, func(ctx context.Context, tx hub.Tx) (err error) {
		if results, err = n.Pipeline.apply(ctx, tx, items); err != nil || results[0].Outcome != orders.Applied {
			return err
		}
		return n.Pipeline.Repo.Record(ctx, tx, renewed, row.Tenant, 1)
	})
	if settledAs(r, err) {
		return nil
	}
	if err != nil {
		return err
	}
	r.Outcome = map[orders.Outcome]RenewOutcome{
		orders.Applied: RenewRenewed, orders.Unchanged: RenewSame, orders.Stale: RenewOvertaken,
	}[results[0].Outcome]
	return nil
}
