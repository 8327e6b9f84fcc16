package shopee

import "slices"

// The states of a return that happen here.
const (
	returnRequested = "REQUESTED"
	returnAccepted  = "ACCEPTED"
	returnClosed    = "CLOSED"
)

// refundCase is a return: what a buyer sends back, or wants money for.
type refundCase struct {
	sn               string
	order            *order
	status           string
	created, updated int64
	amount           int64 // that the buyer gets when it is accepted
	after            bool  // asked for after completion
	whole            bool
	pieces           []piece
}

// piece is so many of a line.
type piece struct {
	line     int // index
	quantity int64
	amount   int64
}

// ask opens a return over one piece of the first line that has one left, or over all that is left. nil: nothing is.
func (o *order) ask(whole bool, now int64, sn string) *refundCase {
	r := &refundCase{sn: sn, order: o, status: returnRequested, created: now, updated: now, after: o.status == completed, whole: whole}
	for i, l := range o.lines {
		n := l.quantity - l.returned - l.asked
		if n <= 0 || !whole && len(r.pieces) > 0 {
			continue
		}
		if !whole {
			n = 1
		}
		r.pieces = append(r.pieces, piece{i, n, o.share(l.reduced * n)})
	}
	for _, x := range r.pieces {
		r.amount += x.amount
		o.lines[x.line].asked += x.quantity
	}
	if whole { // all of it, with freight and whatever rounding left over
		r.amount = o.total() - o.refunded()
	}
	if len(r.pieces) == 0 || r.amount <= 0 {
		for _, x := range r.pieces {
			o.lines[x.line].asked -= x.quantity
		}
		return nil
	}
	return r
}

// share is what was paid for goods of a price: without their part of vouchers and coins, rounded down.
func (o *order) share(price int64) int64 {
	goods := o.subtotal()
	if goods == 0 {
		return 0
	}
	paid := goods - o.voucher - o.platformVoucher - o.coins - o.promotion
	return price * paid / goods
}

// goodsBack is the price of what came back.
func (o *order) goodsBack() (sum int64) {
	for _, l := range o.lines {
		sum += l.reduced * l.returned
	}
	return sum
}

// opened is the return that is not decided yet.
func (o *order) opened() *refundCase {
	i := slices.IndexFunc(o.returns, func(r *refundCase) bool { return r.status == returnRequested })
	if i < 0 {
		return nil
	}
	return o.returns[i]
}

// decide ends a return.
func (r *refundCase) decide(status string, now int64) {
	r.status, r.updated = status, now
	for _, x := range r.pieces {
		l := &r.order.lines[x.line]
		l.asked -= x.quantity
		if status == returnAccepted {
			l.returned += x.quantity
		}
	}
}

// returnDetail is get_return_detail.
func returnDetail(c *call) ([]byte, *refusal) {
	r := c.shop.returns[c.one("return_sn")]
	if r == nil {
		return nil, &refusal{200, "error_not_exists", "The return is not found."} // the text is (U)
	}
	var t text
	r.print(&t)
	return t.b, nil
}

// returnList is get_return_list: pages from 0 on, with a window of at most 15 days over either time.
func returnList(c *call) ([]byte, *refusal) {
	page, refused := c.integer("page_no", 0, 1<<31)
	if refused != nil {
		return nil, refused
	}
	size, refused := c.integer("page_size", 1, maxPage)
	if refused != nil {
		return nil, refused
	}
	var bounds [4]int64 // created from, to, updated from, to
	for i, name := range [...]string{"create_time_from", "create_time_to", "update_time_from", "update_time_to"} {
		if c.one(name) == "" {
			continue
		}
		if bounds[i], refused = c.integer(name, 1, maxID); refused != nil {
			return nil, refused
		}
	}
	for i := 0; i < 4; i += 2 {
		if from, to := bounds[i], bounds[i+1]; (from == 0) != (to == 0) || to-from > longestWindow || to < from {
			return nil, wrong("Wrong parameters, detail: a window must have two ends and at most 15 days.")
		}
	}
	return c.returnsIn(bounds, int(page), int(size)), nil
}

func (c *call) returnsIn(bounds [4]int64, page, size int) []byte {
	var found []*refundCase
	for _, o := range c.shop.orders {
		for _, r := range o.returns {
			inside := (bounds[0] == 0 || r.created >= bounds[0] && r.created <= bounds[1]) &&
				(bounds[2] == 0 || r.updated >= bounds[2] && r.updated <= bounds[3])
			if inside && (c.one("status") == "" || c.one("status") == r.status) {
				found = append(found, r)
			}
		}
	}
	begin := min(page*size, len(found))
	end := min(begin+size, len(found))
	var t text
	t.open("", '{')
	t.flag("more", end < len(found))
	t.open("return", '[')
	for _, r := range found[begin:end] {
		t.comma()
		var one text
		r.print(&one)
		t.b = append(t.b, one.b...)
	}
	t.end(']')
	t.end('}')
	return t.b
}

// print prints a return.
func (r *refundCase) print(t *text) {
	digits := r.order.shop.market.digits
	kind := map[bool]string{false: "RRBOC", true: "RRAOC"}[r.after]
	t.open("", '{')
	t.str("return_sn", r.sn)
	t.str("order_sn", r.order.sn)
	t.str("reason", "PHYSICAL_DMG")
	t.str("text_reason", "")
	t.amount("refund_amount", r.amount, digits)
	t.str("currency", r.order.shop.market.currency)
	t.num("create_time", r.created)
	t.num("update_time", r.updated)
	t.str("status", r.status)
	t.num("due_date", r.created+3*86_400)
	t.str("return_refund_type", kind)
	t.flag("needs_logistics", true)
	t.amount("amount_before_discount", r.amount, digits)
	t.open("user", '{')
	t.str("username", r.order.username(0))
	t.str("email", "***********r1@example.com")
	t.str("portrait", "")
	t.end('}')
	t.open("item", '[')
	for _, x := range r.pieces {
		l := r.order.lines[x.line]
		t.open("", '{')
		t.num("item_id", l.item)
		t.num("model_id", l.model)
		t.str("name", l.title)
		t.strs("images")
		t.num("amount", x.quantity)
		t.amount("item_price", l.reduced, digits)
		t.str("item_sku", l.sku)
		t.str("variation_sku", l.modelSKU)
		t.end('}')
	}
	t.end(']')
	t.end('}')
}
