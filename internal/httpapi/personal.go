package httpapi

import (
	"context"
	"time"

	"hub"
	"hub/internal/erp"
)

// IncludeParameter is the query parameter that asks for personal fields.
type IncludeParameter struct {
	Include string `query:"include" enum:"personal" doc:"Adds personal fields, for a key with the scope personal:read. What is erased or too old is absent; what was served is recorded before."`
}

// personalRead is what one request reads of persons.
type personalRead struct {
	open bool // whether anything is opened; not when nobody would see it
	to   erp.Recipient
	use  *erp.Personal
	hold func() error // whether the key is still good
	on   *scratch     // of a page
}

// scratch is memory in which a page is put together and then printed. Both take half a megabyte, so it is used again for
// another page, and wiped before that.
type scratch struct{ documents, text []byte }

// largestScratch is how many bytes are kept of either; a page can have 8 MiB.
const largestScratch = 1 << 20

// usesScratch gives the page of a request its memory, until the answer has been written. A writer that returns before it has
// copied what it was given, as one of HTTP/2 may when its stream ends, must not be put in front of this handler; the port speaks
// HTTP/1.
func (s *server) usesScratch(ctx context.Context, r *personalRead) {
	on, _ := s.scratches.Get().(*scratch)
	if on == nil {
		on = new(scratch)
	}
	r.on, r.to.Room = on, &on.documents
	traceOf(ctx).sent = func() {
		on.wipe()
		s.scratches.Put(on)
	}
}

func (s *scratch) wipe() {
	for _, room := range []*[]byte{&s.documents, &s.text} {
		clear((*room)[:cap(*room)])
		if cap(*room) > largestScratch {
			*room = nil
		}
	}
}

// begin is called right before what is to be served is read.
func (r *personalRead) begin() erp.Recipient {
	r.to.Since = r.use.Mark()
	return r.to
}

// personal says whether a request reads personal fields, and refuses a key that may not.
func (s *server) personal(ctx context.Context, c caller, t hub.TenantID, in IncludeParameter) (personalRead, error) {
	if in.Include == "" {
		return personalRead{}, nil
	}
	if !c.ReadsPersonal() {
		return personalRead{}, &hub.Error{Kind: hub.KindForbidden, Code: "personal_scope_missing"}
	}
	to := erp.Recipient{Tenant: t, Client: c.Client, Key: c.Key, Request: traceOf(ctx).id}
	return personalRead{open: !c.head, to: to, use: s.Personal, hold: func() error { return s.holds(c) }}, nil
}

// printed prints a body with personal fields and looks then whether they may still be served. A body without them is printed
// while it is sent: nil. A page takes a moment and much memory to print, so size is what its documents have.
func (r personalRead) printed(ctx context.Context, body selfWriter, size int) ([]byte, error) {
	if !r.open {
		return nil, nil
	}
	room := new([]byte)
	if r.on != nil {
		room = &r.on.text
	}
	if cap(*room) < size {
		*room = make([]byte, 0, size)
	}
	text := body.appendJSON((*room)[:0])
	return text, r.fresh(ctx, text)
}

// fresh looks, with nothing left to do but to send the answer, whether it may still be served, and has it looked at again
// before each piece.
func (r personalRead) fresh(ctx context.Context, answer []byte) error {
	look := func() (time.Duration, error) { return r.use.Fresh(r.to) }
	_, err := look()
	if err == nil {
		err = r.hold() // revoked while the disclosure was stored
	}
	if err == nil { // a problem holds nothing personal
		t := traceOf(ctx)
		t.fresh, t.size = look, len(answer)+len(lineEnd)
	}
	return err
}

// aroundDocument is more than a page prints around each of its documents, and around them all.
const aroundDocument = 256

// whole is what was printed before, behind b. Nothing is copied when b is empty.
func whole(b, printed []byte) []byte {
	if len(b) == 0 {
		return printed
	}
	return append(b, printed...)
}
