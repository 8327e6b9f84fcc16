package shopify

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// pieceBytes is how much of a file is read at once; an order of 3,000 lines is larger and then read by its id.
const pieceBytes = 2 << 20

// number64 reads an UnsignedInt64, which GraphQL writes as text; 0 for what is none.
func number64(v strictjson.Value) int64 {
	n, err := strconv.ParseInt(v.Text(), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// readFile reads the next piece of a finished export. The address is asked for each time, for it ends. Where nothing was
// exported there is no file; one that is missing, or is empty, although there are orders is none of ours to take for the end.
func (dr *Driver) readFile(ctx context.Context, c driver.Caller, w driver.Window, p exportPlace, op strictjson.Value, part driver.Part) (driver.Part, error) {
	size, orders := number64(op.Get("fileSize")), op.Get("rootObjectCount")
	if empty := size == 0 || !op.Get("url").Given(); empty && (!orders.Given() || number64(orders) > 0) {
		return driver.Part{}, unreadable()
	} else if empty || p.At >= size {
		part.Reached = w.From
		return part, nil
	}
	body, err := download(ctx, c, op.Get("url").Text(), p.At)
	if err != nil {
		return driver.Part{}, err
	}
	piece, err := readPiece(body, p.At+int64(len(body)) >= size)
	if err != nil {
		return driver.Part{}, err
	}
	if part.Documents, err = dr.documents(ctx, c, piece); err != nil {
		return driver.Part{}, err
	}
	p.At += piece.used
	if p.At >= size {
		part.Reached = w.From
		return part, nil
	}
	part.Next = written(p)
	return part, nil
}

// download reads a piece of the file. A server that knows no ranges sends all of it.
func download(ctx context.Context, c driver.Caller, address string, at int64) ([]byte, error) {
	last := strconv.FormatInt(at+pieceBytes-1, 10)
	answer, err := c.Call(ctx, driver.Call{
		Name: "bulk_file", Class: driver.ClassOrders, Method: http.MethodGet, URL: address, Repeat: true, Secret: true,
		Header: http.Header{"Range": {"bytes=" + strconv.FormatInt(at, 10) + "-" + last}}, Timeout: 30 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	body := answer.Body
	if answer.Status != http.StatusPartialContent {
		if int64(len(body)) <= at {
			return nil, unreadable()
		}
		body = body[at:]
	}
	if len(body) == 0 {
		return nil, unreadable()
	}
	return body, nil
}

// piece is what a part of the file holds.
type piece struct {
	roots []root
	// elsewhere are orders of which only lines are here: the platform does not promise that an order's lines follow it.
	elsewhere []hub.ExternalID
	used      int64 // bytes that need not be read again
}

// root is an order of the file, with those of its lines that stand in the same piece.
type root struct {
	id           hub.ExternalID
	order        strictjson.Value
	at           int64 // where it begins
	lines        [][]byte
	applications []strictjson.Value // of discounts, by index, as the lines name them
}

// readPiece sorts the lines of a piece by the orders that they belong to. What may go on behind the piece is left for the
// next one: half a line, and the last order with it.
func readPiece(body []byte, last bool) (piece, error) {
	var p piece
	byID := map[hub.ExternalID]int{}
	strange := map[hub.ExternalID]bool{}
	at := 0
	for at < len(body) {
		line, rest, complete := bytes.Cut(body[at:], []byte{'\n'})
		if !complete && !last {
			break
		}
		start := at
		at = len(body) - len(rest)
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		v, err := strictjson.Parse(line)
		if err != nil || v.Kind() != strictjson.Object {
			return piece{}, unreadable()
		}
		if id, ok := plainID(v.Get("id"), "Order"); ok && !v.Get("__parentId").Given() {
			byID[id] = len(p.roots)
			p.roots = append(p.roots, root{id: id, order: v, at: int64(start)})
		} else if parent, ok := plainID(v.Get("__parentId"), "Order"); !ok {
			return piece{}, unreadable()
		} else if i, known := byID[parent]; known {
			p.roots[i].add(v)
		} else if !strange[parent] {
			strange[parent] = true
			p.elsewhere = append(p.elsewhere, parent)
		}
	}
	p.used = int64(at)
	if last {
		return p, nil
	}
	switch n := len(p.roots); {
	case n > 1:
		p.used, p.roots = p.roots[n-1].at, p.roots[:n-1]
	case n == 1: // larger than a piece
		p.elsewhere, p.roots = append(p.elsewhere, p.roots[0].id), nil
	}
	if p.used == 0 {
		return piece{}, unreadable() // one line that is larger than a piece
	}
	return p, nil
}

// add takes a line of the order.
func (r *root) add(line strictjson.Value) {
	r.lines = append(r.lines, line.Raw())
	for a := range line.Get("discountAllocations").Items() {
		application := a.Get("discountApplication")
		i, err := strconv.Atoi(application.Get("index").Text())
		if err != nil || i < 0 || i > 1000 {
			continue
		}
		for len(r.applications) <= i {
			r.applications = append(r.applications, strictjson.Value{})
		}
		r.applications[i] = application
	}
}

// documents makes whole orders of a piece. Those that it does not hold whole are fetched.
func (dr *Driver) documents(ctx context.Context, c driver.Caller, p piece) (list [][]byte, err error) {
	missing := p.elsewhere
	for _, r := range p.roots {
		document, ok := r.document()
		if ok && dr.explains(document) {
			list = append(list, document)
		} else {
			missing = append(missing, r.id)
		}
	}
	for len(missing) > 0 {
		n := min(len(missing), ordersAtOnce)
		got, err := dr.Fetch(ctx, c, missing[:n])
		if err != nil {
			return nil, err
		}
		list, missing = append(list, got.Documents...), missing[n:]
	}
	return list, nil
}

// document puts the order together as a query by id would answer it; ok is false when it has what a file cannot hold.
func (r *root) document() (document []byte, ok bool) {
	if r.order.Get("refunds").Len() > 0 {
		return nil, false
	}
	raw := bytes.TrimSpace(r.order.Raw())
	b := bytes.NewBuffer(make([]byte, 0, len(raw)+256+r.size()))
	b.Write(raw[:len(raw)-1])
	b.WriteString(`,"lineItems":{"nodes":[`)
	b.Write(bytes.Join(r.lines, []byte{','}))
	b.WriteString(`]},"shippingLines":{"nodes":[`)
	if shipping := r.order.Get("shippingLine"); shipping.Given() {
		b.Write(shipping.Raw())
	}
	b.WriteString(`]},"discountApplications":{"nodes":[`)
	for i, application := range r.applications {
		if !application.Given() {
			return nil, false // one that applies to something else than these lines
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(application.Raw())
	}
	b.WriteString(`]}}`)
	return b.Bytes(), true
}

func (r *root) size() (n int) {
	for _, l := range r.lines {
		n += len(l) + 1
	}
	return n
}

// explains reports whether a document can be read and its parts make up its totals, the discounts too: then no line, no
// shipping line and no discount is missing.
func (dr *Driver) explains(document []byte) bool {
	draft, err := dr.Order(document)
	if err != nil || draft.Order.Totals.Adjustment == nil || draft.Order.Totals.Adjustment.Minor != 0 {
		return false
	}
	if len(draft.Order.Lines) == 0 || draft.Order.Totals.Discount == nil {
		return false
	}
	sum := hub.Zero(draft.Order.Totals.Discount.Currency)
	for _, d := range draft.Order.Discounts {
		if d.Amount == nil {
			return false
		}
		if sum, err = sum.Add(*d.Amount); err != nil {
			return false
		}
	}
	return sum == *draft.Order.Totals.Discount
}
