package erp

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"hub"
	"hub/gdpr"
)

// composed is documents with their personal fields, and what is to be recorded of them: one row for each order that has any.
type composed struct {
	docs        []document
	rows        []Disclosure
	first, last int // documents that have any
}

// compose makes the answer from what was opened and is not left out.
func (p people) compose(to Recipient, docs []document, now time.Time) composed {
	a := composed{docs: make([]document, 0, len(docs)), rows: make([]Disclosure, 0, len(docs))}
	row := make(map[hub.OrderID]int, len(docs))
	room := to.room(p.size(docs))
	for at, d := range docs {
		served, fields, subjects := p.serve(d, room)
		if fields != 0 {
			room = served.doc[len(served.doc):]
			served.doc = slices.Clip(served.doc)
		}
		a.docs = append(a.docs, served)
		if fields == 0 {
			continue
		}
		if a.last = at; len(a.rows) == 0 {
			a.first = at
		}
		i, known := row[d.order]
		if !known {
			i = len(a.rows)
			row[d.order] = i
			a.rows = append(a.rows, Disclosure{
				Tenant: to.Tenant, Client: to.Client, Key: to.Key, Request: to.Request, Order: d.order, At: now,
			})
		}
		a.rows[i].add(d.revision, fields, subjects)
	}
	return a
}

// room is an empty one for n bytes.
func (to Recipient) room(n int) []byte {
	if to.Room == nil {
		return make([]byte, 0, n)
	}
	if cap(*to.Room) < n {
		*to.Room = make([]byte, 0, n)
	}
	return (*to.Room)[:0]
}

// size is how many bytes the documents have with all that was opened for them.
func (p people) size(docs []document) (n int) {
	for _, d := range docs {
		n += len(d.doc)
		for _, part := range p.orders[d.order].parts {
			n += part.size
		}
	}
	return n
}

// serve adds its personal fields to one document, in the room that it is given. When they do not fit, which only damage
// explains, the people are served alone, and failing that nothing.
func (p people) serve(d document, room []byte) (served document, fields hub.Fields, subjects []gdpr.SubjectID) {
	o := p.orders[d.order]
	for _, revision := range []int64{d.revision, o.revision - 1} {
		personal, subjects := o.at(revision)
		fields := personal.fields()
		if fields == 0 {
			return d, 0, nil
		}
		if doc, err := splice(room, d.doc, &personal); err == nil {
			return document{d.order, d.revision, doc}, fields, subjects
		}
		p.lost[loss{codeMisplaced, d.order, ""}] = true
	}
	return d, 0, nil
}

// add says that one more revision of the order is served.
func (r *Disclosure) add(revision int64, fields hub.Fields, subjects []gdpr.SubjectID) {
	r.Revision = max(r.Revision, revision)
	r.Fields |= fields
	r.Subjects = append(r.Subjects, subjects...)
	slices.Sort(r.Subjects)
	r.Subjects = slices.Compact(r.Subjects)
}

// codeMisplaced: personal fields do not fit the document that they were sealed with.
const codeMisplaced hub.Code = "misplaced"

// loss is something personal that was left out because it is damaged.
type loss struct {
	code  hub.Code
	order hub.OrderID
	part  hub.PersonalPart
}

// losses are all of one request, each once.
type losses map[loss]bool

// log tells the operator that somebody was hidden: one line for each code, with how many there are and the first of them.
// What the parts hold is not known, and nothing of it is in the line.
func (l losses) log(ctx context.Context, logger *slog.Logger, to Recipient) {
	for _, code := range []hub.Code{hub.CodeUnreadable, codeMisplaced} {
		var of []loss
		for lost := range l {
			if lost.code == code {
				of = append(of, lost)
			}
		}
		if len(of) == 0 {
			continue
		}
		first := slices.MinFunc(of, func(a, b loss) int { return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.part, b.part)) })
		logger.LogAttrs(ctx, slog.LevelError, "personal fields are damaged and were left out", slog.String("code", string(code)),
			slog.Int("parts", len(of)), slog.String("tenant", string(to.Tenant)), slog.String("order", string(first.order)),
			slog.String("part", string(first.part)), slog.String("request_id", to.Request))
	}
}
