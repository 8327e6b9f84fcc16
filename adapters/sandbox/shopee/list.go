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

// orderList is get_order_list: the newest first (U), as its sample shows. Its end is exclusive (U).
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
	var page []entry
	more := false
	history.newest(q.from, to, q.cursor, q.moving, func(e entry) bool {
		if q.status != "" && e.order.shown(true) != q.status {
			return true
		}
		if more = len(page) == int(q.size); more {
			return false
		}
		page = append(page, e)
		return true
	})
	next := ""
	if more {
		next = itoa(c.p.nextPage(page))
	}
	return q.print(page, next), nil
}

// nextPage is the cursor behind a page: the place of its last order, unless a fault moves it.
func (p *Platform) nextPage(page []entry) int64 {
	last := page[len(page)-1].place
	switch {
	case p.faults.Hit(p.streams.answers, PagesRepeat) && len(page) > 1:
		return page[max(1, len(page)-3)].place + 1
	case p.faults.Hit(p.streams.answers, PagesSkip):
		return last - 1
	}
	return last
}

func (q question) print(page []entry, next string) []byte {
	var t text
	t.open("", '{')
	t.flag("more", next != "")
	t.str("next_cursor", next)
	t.open("order_list", '[')
	for _, e := range page {
		t.open("", '{')
		t.str("order_sn", e.order.sn)
		if q.tellStatus {
			t.str("order_status", e.order.shown(q.pendingToo))
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
