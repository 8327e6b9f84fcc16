package shopify

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The window of orders without read_all_orders, and the end of any pagination.
const (
	orderWindow = 60 * 24 * time.Hour
	maxListed   = 25_000
)

// visible says whether the app may see an order at all.
func (c *call) visible(o *Order) bool {
	return !o.deleted && (c.install.may("read_all_orders") || !o.created.Before(c.platform.line.Time().Add(-orderWindow)))
}

// order answers one order. What is too old, deleted or another shop's is null.
func (c *call) order(args map[string]any) (any, *gqlError) {
	if refused := c.mayRead("order"); refused != nil {
		return nil, refused
	}
	id, ok := number(args["id"].(string), "Order")
	if !ok {
		return nil, invalidID(args["id"].(string))
	}
	o := c.install.store.order(id)
	if o == nil || !c.visible(o) {
		return nil, nil
	}
	return o.graph(), nil
}

// orders answers a page. It is cut by the sort key and the id, so that what changes between two pages moves, and nothing
// else is left out or repeated.
func (c *call) orders(args map[string]any) (any, *gqlError) {
	if refused := c.mayRead("orders"); refused != nil {
		return nil, refused
	}
	c.lag = c.platform.faults.Hit(c.platform.streams.answers, APILag)
	found, key, compare := c.found(args)
	return c.cut(found, key, compare, args)
}

// found lists the orders that a query argument matches, sorted.
func (c *call) found(args map[string]any) (found []*Order, key func(*Order) int64, compare func(a, b mark) int) {
	text, _ := args["query"].(string)
	match := c.filter(text)
	for _, o := range c.install.store.orders {
		late := c.lag && o.Updated.After(c.platform.line.Time().Add(-lagBehind))
		if c.visible(o) && match(o) && !late {
			found = append(found, o)
		}
	}
	key = sortKey(args["sortKey"])
	reverse, _ := args["reverse"].(bool)
	compare = func(a, b mark) int {
		order := cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.id, b.id))
		if reverse {
			return -order
		}
		return order
	}
	slices.SortFunc(found, func(a, b *Order) int { return compare(mark{key(a), a.ID, 0}, mark{key(b), b.ID, 0}) })
	return found, key, compare
}

// mark is what a cursor holds: where its order stands, and how many were handed out up to it.
type mark struct {
	key, id int64
	count   int64
}

func (m mark) cursor() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d:%d:%d", m.key, m.id, m.count))
}

func readMark(cursor any) (m mark, given, ok bool) {
	text, given := cursor.(string)
	if !given {
		return m, false, true
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	parts := strings.Split(string(raw), ":")
	if err != nil || len(parts) != 3 {
		return m, true, false
	}
	for i, into := range []*int64{&m.key, &m.id, &m.count} {
		if *into, err = strconv.ParseInt(parts[i], 10, 64); err != nil {
			return m, true, false
		}
	}
	return m, true, true
}

// cut makes the page. Beyond 25,000 objects there is no next one (U: how it ends).
func (c *call) cut(found []*Order, key func(*Order) int64, compare func(a, b mark) int, args map[string]any) (any, *gqlError) {
	after, hasAfter, ok := readMark(args["after"])
	before, hasBefore, ok2 := readMark(args["before"])
	if !ok || !ok2 {
		return nil, &gqlError{Message: "Invalid cursor for current pagination sort.", Extensions: map[string]any{"code": "BAD_REQUEST"}}
	}
	from, to := 0, len(found)
	if hasAfter {
		for from < to && compare(mark{key(found[from]), found[from].ID, 0}, after) <= 0 {
			from++
		}
	}
	if hasBefore {
		for to > from && compare(mark{key(found[to-1]), found[to-1].ID, 0}, before) >= 0 {
			to--
		}
	}
	if first, ok := args["first"].(int64); ok {
		to = min(to, from+int(first))
	}
	if last, ok := args["last"].(int64); ok {
		from = max(from, to-int(last))
	}
	l := listing{next: to < len(found), prev: from > 0}
	for i, o := range found[from:to] {
		count := after.count + int64(i) + 1
		if count > maxListed {
			break
		}
		l.next = l.next && count < maxListed
		l.nodes = append(l.nodes, o.graph())
		l.cursors = append(l.cursors, mark{key(o), o.ID, count}.cursor())
	}
	return l, nil
}

// sortKey is the number that an order is sorted by; other keys than these sort by id here.
func sortKey(name any) func(*Order) int64 {
	switch name {
	case "UPDATED_AT":
		return func(o *Order) int64 { return o.Updated.UnixMilli() }
	case "CREATED_AT":
		return func(o *Order) int64 { return o.created.UnixMilli() }
	case "PROCESSED_AT", nil: // which is the default
		return func(o *Order) int64 { return o.processed.UnixMilli() }
	}
	return func(o *Order) int64 { return o.ID }
}

// filter reads a query argument: terms of field:value, joined by blanks or AND. A field that is not known here is left out
// with a warning in extensions.search, as the real platform does, so a mistyped field lists everything.
func (c *call) filter(text string) func(*Order) bool {
	var tests []func(*Order) bool
	for _, term := range terms(text) {
		name, value, ok := strings.Cut(term, ":")
		test := orderTest(name, value)
		switch {
		case term == "AND":
		case !ok || test == nil:
			c.search = append(c.search, map[string]any{"path": []string{"orders"}, "query": text, "warnings": []any{
				map[string]any{"field": name, "message": "Invalid search field for this query.", "code": "invalid_field"},
			}})
		default:
			tests = append(tests, test)
		}
	}
	return func(o *Order) bool {
		return !slices.ContainsFunc(tests, func(test func(*Order) bool) bool { return !test(o) })
	}
}

// terms cuts at blanks outside of quotes, and takes the quotes away.
func terms(text string) (list []string) {
	var b strings.Builder
	var quote rune
	flush := func() {
		if b.Len() > 0 {
			list = append(list, b.String())
			b.Reset()
		}
	}
	for _, r := range text {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case quote == 0 && r == ' ':
			flush()
		default:
			b.WriteRune(r)
		}
	}
	flush()
	return list
}

func orderTest(name, value string) func(*Order) bool {
	operator := span(value, func(c byte) bool { return c == '<' || c == '>' || c == '=' })
	value = strings.TrimPrefix(value, operator)
	switch name {
	case "updated_at", "created_at", "processed_at":
		t, err := parseTime(value)
		if err != nil {
			return nil
		}
		return func(o *Order) bool {
			at := map[string]time.Time{"updated_at": o.Updated, "created_at": o.created, "processed_at": o.processed}[name]
			return compared(at.Compare(t), operator)
		}
	case "id":
		n, err := strconv.ParseInt(value, 10, 64)
		return func(o *Order) bool { return err == nil && compared(cmp.Compare(o.ID, n), operator) }
	case "name":
		return func(o *Order) bool { return strings.TrimPrefix(value, "#") == strconv.Itoa(o.Number) }
	case "financial_status":
		return func(o *Order) bool { return value == "any" || strings.EqualFold(value, o.Financial) }
	case "status":
		return func(o *Order) bool {
			return value == "any" || value == "cancelled" && !o.Cancelled.IsZero() || value == "open" && o.Cancelled.IsZero()
		}
	case "test":
		return func(*Order) bool { return value == "false" }
	}
	return nil
}

func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Parse("2006-01-02", text)
	}
	return t, nil
}

func compared(order int, operator string) bool {
	switch operator {
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	}
	return order == 0
}
