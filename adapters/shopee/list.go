package shopee

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hub"
	"hub/adapters/driver"
)

const (
	pageSize = 100                 // most orders of a page of get_order_list
	longest  = 15 * 24 * time.Hour // most that a list's window spans

	longestSpan = int64(longest / time.Second)
)

// place is where a reader of a list stands: in the span that begins (or, going backwards, ends) at a time, at the
// platform's own cursor.
type place struct {
	at     int64 // seconds since 1970
	span   int64 // seconds that are read at once; 0 is as many as may be
	cursor string
}

// String prints a place as a cursor.
func (p place) String() string {
	at := strconv.FormatInt(p.at, 10)
	if p.span > 0 {
		at += "+" + strconv.FormatInt(p.span, 10)
	}
	return at + ":" + p.cursor
}

// maxCursor bounds the platform's cursor; real ones are numbers of a few digits.
const maxCursor = 1 << 10

// placeOf reads a cursor, which must lie in the window.
func placeOf(cursor string, from, to int64) (p place, ok bool) {
	at, rest, found := strings.Cut(cursor, ":")
	at, span, spanned := strings.Cut(at, "+")
	var err, failed error
	p.cursor = rest
	if p.at, err = strconv.ParseInt(at, 10, 64); spanned {
		p.span, failed = strconv.ParseInt(span, 10, 64)
	}
	fits := p.at >= from && p.at <= to && p.span >= 0 && p.span <= longestSpan && len(rest) <= maxCursor
	return p, found && err == nil && failed == nil && fits
}

// seconds are the ends of a window in the platform's resolution, widened to whole seconds. Whether the list takes its end
// for inclusive is (U), and does no harm: an order more is one that is repeated.
func seconds(w driver.Window) (from, to int64) {
	from, to = w.From.Unix(), w.To.Unix()
	if w.To.Nanosecond() > 0 {
		to++
	}
	return from, to
}

// Changed lists the orders of a window by update_time or create_time. It goes 15 days at a time, the rest is in the
// cursor. The list tells the status of an order and no time.
//
// The platform's own cursor counts entries from the newest, so an order that changes while its pages are read has another one
// slip through between them. A list by update_time that has a second page is therefore asked for again over half the span,
// down to a second, so that there is none.
func (*Driver) Changed(ctx context.Context, c driver.Caller, w driver.Window, cursor string) (driver.Page, error) {
	from, to := seconds(w)
	if to <= from {
		return driver.Page{}, nil
	}
	here := place{at: from}
	if cursor != "" {
		var ok bool
		if here, ok = placeOf(cursor, from, to); !ok {
			return driver.Page{}, hub.Invalid(CodePlace, "cursor")
		}
	}
	span := here.span
	if span == 0 {
		span = longestSpan
	}
	for {
		span = min(span, to-here.at)
		page, next, err := list(ctx, c, w.By, here.at, here.at+span, here.cursor)
		if err != nil {
			return driver.Page{}, err
		}
		switch {
		case next != "" && w.By == driver.ByChange && here.cursor == "" && span > 1:
			span /= 2
			continue
		case next != "":
			page.Next = place{here.at, span, next}.String()
		case here.at+span < to:
			page.Next = place{at: here.at + span, span: wider(span)}.String()
		}
		return page, nil
	}
}

// wider is the span to try behind one that had a single page; 0 is the longest.
func wider(span int64) int64 {
	if span *= 2; span >= longestSpan {
		return 0
	}
	return span
}

// list asks for one page of a span. next is the platform's cursor, "" at the end of the span.
func list(ctx context.Context, c driver.Caller, by driver.By, from, to int64, cursor string) (page driver.Page, next string, err error) {
	field := "update_time"
	if by == driver.ByCreation {
		field = "create_time"
	}
	got, err := c.Call(ctx, reads("get_order_list", pathList, url.Values{
		"time_range_field": {field}, "time_from": {strconv.FormatInt(from, 10)}, "time_to": {strconv.FormatInt(to, 10)},
		"page_size": {strconv.Itoa(pageSize)}, "cursor": {cursor},
		"response_optional_fields": {"order_status"}, "request_order_status_pending": {"true"},
	}))
	if err != nil {
		return page, "", err
	}
	a := openAnswer(got)
	response := a.response()
	orders := a.list(a.Need(response, "order_list"))
	seen := map[hub.ExternalID]bool{}
	for v := range orders.Items() {
		id := a.number(a.Need(v, "order_sn"))
		if !seen[id] {
			page.Orders = append(page.Orders, driver.Seen{ExternalID: id, Cancelled: a.Name(v.Get("order_status"), maxName) == "CANCELLED"})
		}
		seen[id] = true
	}
	if a.Bool(a.Need(response, "more")) {
		if next = a.Name(response.Get("next_cursor"), maxCursor); next == "" || next == cursor {
			a.Fail(hub.CodeOutOfRange, response.Get("next_cursor")) // asking again would never end
		}
	}
	if err := a.err("get_order_list"); err != nil {
		return driver.Page{}, "", err
	}
	page.AsOf = platformTime(got)
	return page, next, nil
}
