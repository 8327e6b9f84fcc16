package erp

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"hub"
	"hub/gdpr"
)

// document is one document that is to be served, or is served.
type document struct {
	order    hub.OrderID
	revision int64
	doc      []byte
}

// document reads which revision a row is.
func (r Row) document() (document, error) {
	var read struct {
		Revision int64 `json:"revision"`
	}
	if err := json.Unmarshal(r.Doc, &read); err != nil {
		return document{}, hub.Errorf(hub.KindInternal, opPersonal, "the stored document of %s is no order", r.ID)
	}
	return document{r.ID, read.Revision, r.Doc}, nil
}

// people is what was opened.
type people struct {
	orders map[hub.OrderID]openOrder
	lost   losses
}

// openOrder is the personal data of one order, without what is gone.
type openOrder struct {
	revision int64 // that it was sealed at
	parts    []openPart
}

// openPart is one part of it and whose it is.
type openPart struct {
	part     hub.PersonalPart
	subjects []gdpr.SubjectID
	personal hub.Personal
}

// open opens everything with one look into the vault. What is gone is left out without a word, what is damaged is left out
// and noted.
func (p *Personal) open(ctx context.Context, to Recipient, sealed map[hub.OrderID]Sealed) (people, error) {
	var list []gdpr.Sealed
	ids := slices.Sorted(maps.Keys(sealed))
	for _, id := range ids {
		for _, part := range sealed[id].Parts {
			list = append(list, gdpr.Sealed{
				Place: gdpr.OrderPlace(to.Tenant, id, part.Part, sealed[id].Revision), Envelope: part.Envelope,
			})
		}
	}
	found := people{map[hub.OrderID]openOrder{}, losses{}}
	if len(list) == 0 {
		return found, nil
	}
	opened, err := p.Keys.OpenAll(ctx, list)
	if err != nil {
		return people{}, err
	}
	for _, id := range ids {
		o := openOrder{revision: sealed[id].Revision}
		for _, part := range sealed[id].Parts {
			got := opened[0]
			opened = opened[1:]
			open, err := part.opened(got)
			switch code := hub.CodeOf(err); {
			case err == nil:
				o.parts = append(o.parts, open)
			case code == hub.CodeUnreadable:
				found.lost[loss{code, id, part.Part}] = true
			case code != gdpr.CodeKeyGone:
				return people{}, err
			}
		}
		found.orders[id] = o
	}
	return found, nil
}

// opened reads what one part's envelope held.
func (s SealedPart) opened(o gdpr.Opened) (openPart, error) {
	damaged := &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeUnreadable, Op: opPersonal}
	if o.Err != nil {
		return openPart{}, o.Err
	}
	part := openPart{part: s.Part}
	if err := json.Unmarshal(o.Plaintext, &part.personal); err != nil {
		return openPart{}, damaged
	}
	subjects, ok := gdpr.SubjectsOf(s.Envelope)
	if !ok {
		return openPart{}, damaged
	}
	part.subjects = subjects
	return part, nil
}

// leaveOut takes out every part that belongs to one of the subjects, alone or with others, and reports whether there was
// one.
func (p people) leaveOut(fenced []gdpr.SubjectID) (some bool) {
	for id, o := range p.orders {
		kept := slices.DeleteFunc(slices.Clone(o.parts), func(part openPart) bool {
			return slices.ContainsFunc(part.subjects, func(s gdpr.SubjectID) bool { return slices.Contains(fenced, s) })
		})
		some = some || len(kept) < len(o.parts)
		o.parts = kept
		p.orders[id] = o
	}
	return some
}

// at joins what belongs to a revision, and says whose it is. Before the revision that the parts were sealed at, lines,
// discounts and parcels may have been others, so that only the people are known.
func (o openOrder) at(revision int64) (joined hub.Personal, subjects []gdpr.SubjectID) {
	parts := map[hub.PersonalPart]hub.Personal{}
	for _, part := range o.parts {
		p := part.personal
		if revision < o.revision {
			p = hub.Personal{Buyer: p.Buyer}
		}
		if p.Fields() != 0 {
			parts[part.part] = p
			subjects = append(subjects, part.subjects...)
		}
	}
	return hub.JoinParts(parts), subjects
}
