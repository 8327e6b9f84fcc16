package erp

import (
	"context"
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

// document reads which revision a row is, and no further.
func (r Row) document() (document, error) {
	d := document{order: r.ID, doc: r.Doc}
	w := walk{text: r.Doc}
	for w.enter('{'); w.more('}'); w.skip() {
		name, err := w.name()
		if err != nil {
			break
		}
		if string(name) == "revision" {
			d.revision, w.bad = w.integer()
			break
		}
	}
	if w.bad {
		return document{}, hub.Errorf(hub.KindInternal, opPersonal, "the stored document of %s is no order", r.ID)
	}
	return d, nil
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

// open opens everything with one look into the vault. What is gone is left out without a word, what is damaged is left out
// and noted.
func (p *Personal) open(ctx context.Context, to Recipient, sealed map[hub.OrderID]Sealed) (people, error) {
	list := make([]gdpr.Sealed, 0, 2*len(sealed))
	ids := make([]hub.OrderID, 0, len(sealed))
	for id, its := range sealed {
		ids = append(ids, id)
		for _, part := range its.Parts {
			list = append(list, gdpr.Sealed{Place: gdpr.OrderPlace(to.Tenant, id, part.Part, its.Revision), Envelope: part.Envelope})
		}
	}
	found := people{make(map[hub.OrderID]openOrder, len(ids)), losses{}}
	if len(list) == 0 {
		return found, nil
	}
	opened, err := p.Keys.OpenAll(ctx, list)
	if err != nil {
		return people{}, err
	}
	for _, id := range ids {
		its := sealed[id]
		o := openOrder{revision: its.Revision, parts: make([]openPart, 0, len(its.Parts))}
		for _, part := range its.Parts {
			open, err := part.opened(opened[0])
			opened = opened[1:]
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
	if o.Err != nil {
		return openPart{}, o.Err
	}
	apart, err := takeApart(o.Plaintext)
	return openPart{s.Part, o.Subjects, apart, len(o.Plaintext)}, err
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
