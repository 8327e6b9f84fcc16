package shopee

import "slices"

const (
	longestWindow = 15 * 24 * 3600 // seconds that a list may span
	maxPage       = 100
)

// filters are the values of order_status that the list takes (reference of get_order_list): not all that an order can have.
func filters() []string {
	return []string{unpaid, ready, processed, shipped, completed, inCancel, cancelled, invoicing}
}

// question is what get_order_list was asked.
type question struct {
	from, to, size, cursor int64
	moving                 bool // by update_time
	status                 string
	tellStatus, pendingToo bool
}

// orderList is get_order_list: the newest first (U), as its sample shows. Its end is exclusive (U). A cursor is the entry that
// the next page begins with, counted from the newest: the reference says "the starting entry", and its sample is 20. So an order
// that changes while its pages are read moves those behind it, of which one is then on no page.
func orderList(c *call) ([]byte, *refusal) {
	q, refused := c.question()
	if refused != nil {
		return nil, refused
	}
	history := &c.shop.creation
	if q.moving {
		history = &c.shop.changes
	}
	to := q.to
	if c.p.faults.Hit(c.p.streams.answers, APILag) {
		to = min(to, c.p.line.Time().Unix()-lagBehind+1)
	}
	var page []*order
	next, before := "", q.cursor
	history.newest(q.from, to, q.moving, func(o *order) bool {
		switch {
		case q.status != "" && o.shown(q.pendingToo) != q.status:
		case before > 0:
			before--
		case len(page) == int(q.size):
			next = itoa(q.cursor + c.p.counted(int64(len(page))))
			return false
		default:
			page = append(page, o)
		}
		return true
	})
	return q.print(page, next), nil
}

// counted is how many orders of a page the cursor behind it counts as listed: all, or by a fault one more or up to three less.
func (p *Platform) counted(page int64) int64 {
	switch {
	case page > 1 && p.faults.Hit(p.streams.answers, PagesRepeat):
		return page - min(3, page-1)
	case p.faults.Hit(p.streams.answers, PagesSkip):
		return page + 1
	}
	return page
}

func (q question) print(page []*order, next string) []byte {
	var t text
	t.open("", '{')
	t.flag("more", next != "")
	t.str("next_cursor", next)
	t.open("order_list", '[')
	for _, o := range page {
		t.open("", '{')
		t.str("order_sn", o.sn)
		if q.tellStatus {
			t.str("order_status", o.shown(q.pendingToo))
		}
		t.end('}')
	}
	t.end(']')
	t.end('}')
	return t.b
}

// question checks the parameters of get_order_list.
func (c *call) question() (q question, refused *refusal) {
	field := c.one("time_range_field")
	if field != "create_time" && field != "update_time" {
		return q, wrong("Wrong parameters, detail: time_range_field must be create_time or update_time.")
	}
	q.moving = field == "update_time"
	for _, n := range []struct {
		name      string
		low, high int64
		into      *int64
	}{{"time_from", 0, maxID, &q.from}, {"time_to", 0, maxID, &q.to}, {"page_size", 1, maxPage, &q.size}} {
		if *n.into, refused = c.integer(n.name, n.low, n.high); refused != nil {
			return q, refused
		}
	}
	if q.to <= q.from || q.to-q.from > longestWindow {
		return q, &refusal{200, "order.order_list_invalid_time", "Start time must be earlier than end time and diff in 15days."}
	}
	if c.one("cursor") != "" {
		if q.cursor, refused = c.integer("cursor", 1, 1<<62); refused != nil {
			return q, refused
		}
	}
	if q.status = c.one("order_status"); q.status != "" && !slices.Contains(filters(), q.status) {
		return q, wrong("Wrong parameters, detail: order_status is invalid.")
	}
	if f := c.one("response_optional_fields"); f != "" && f != "order_status" {
		return q, wrong("Wrong parameters, detail: response_optional_fields is invalid.")
	}
	q.tellStatus = c.one("response_optional_fields") != ""
	q.pendingToo = c.one("request_order_status_pending") == "true"
	return q, nil
}
