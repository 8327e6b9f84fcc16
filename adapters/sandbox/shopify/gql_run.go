package shopify

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// maxPage bounds first and last.
const maxPage = 250

// answer is an object of a response, with its members in the order in which they were asked for.
type answer struct {
	names  []string
	values []any
}

// set adds a member. One that was asked for twice has what either selection asked for.
func (a *answer) set(name string, v any) {
	if i := slices.Index(a.names, name); i >= 0 {
		a.values[i] = merged(a.values[i], v)
		return
	}
	a.names, a.values = append(a.names, name), append(a.values, v)
}

func merged(a, b any) any {
	switch b := b.(type) {
	case *answer:
		if into, ok := a.(*answer); ok {
			for i, name := range b.names {
				into.set(name, b.values[i])
			}
			return into
		}
	case []any:
		if into, ok := a.([]any); ok && len(into) == len(b) {
			for i := range b {
				into[i] = merged(into[i], b[i])
			}
			return into
		}
	}
	return b
}

// MarshalJSON prints the members in order.
func (a *answer) MarshalJSON() ([]byte, error) { return a.append(nil) }

// append prints without going through encoding/json for each level, which reads again what it printed.
func (a *answer) append(b []byte) ([]byte, error) {
	var err error
	b = append(b, '{')
	for i, name := range a.names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(strconv.AppendQuote(b, name), ':')
		if b, err = appendValue(b, a.values[i]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case *answer:
		return v.append(b)
	case bool:
		return strconv.AppendBool(b, v), nil
	case string:
		if plainText(v) {
			return append(append(append(b, '"'), v...), '"'), nil
		}
	case []any:
		var err error
		b = append(b, '[')
		for i, item := range v {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendValue(b, item); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	}
	var other bytes.Buffer
	encoder := json.NewEncoder(&other)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return append(b, bytes.TrimSpace(other.Bytes())...), nil
}

// plainText says whether a text is its own JSON.
func plainText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// listing is one page of a connection.
type listing struct {
	nodes      []object
	cursors    []string
	next, prev bool
}

// resolver answers a root field. A nil error with a nil value is null.
type resolver func(*call, map[string]any) (any, *gqlError)

// call is one request to the API while it is answered.
type call struct {
	platform *Platform
	install  *install
	host     string // where the request came in
	version  string
	checker  *checker
	cost     int
	errors   []gqlError
	search   []any // warnings about query arguments
	void     bool  // a field that must not be null is, so all of data is
	lag      bool  // a fault: lists miss the newest changes
	hidden   map[string]bool
	path     []any // where in the answer we are
}

// run answers a checked operation, field by field. The cost is counted by what really is there.
func (c *call) run() *answer {
	out := &answer{}
	mutation := c.checker.operation.kind == "mutation"
	root, table := "QueryRoot", queries()
	if mutation {
		root, table = "Mutation", mutations()
	}
	c.root(out, c.checker.operation.selections, root, table, mutation)
	return out
}

func (c *call) root(out *answer, list []*selection, root string, table map[string]resolver, mutation bool) {
	for _, s := range list {
		switch {
		case c.skipped(s):
		case s.spread != "":
			c.root(out, c.checker.document.fragments[s.spread].selections, root, table, mutation)
		case s.name == "":
			c.root(out, s.selections, root, table, mutation)
		case s.name == "__typename":
			out.set(s.key(), root)
		default:
			f := c.checker.schema.types[root].fields[s.name]
			c.path = []any{s.key()}
			v, failed := table[s.name](c, c.checker.arguments(s, f))
			if failed != nil {
				c.fail(s, failed)
				c.void = c.void || f.of.required
				v = nil
			}
			before := c.cost
			out.set(s.key(), c.complete(s, f, v))
			if mutation {
				c.cost = before + 10
			}
		}
	}
}

// skipped obeys @skip and @include.
func (c *call) skipped(s *selection) bool {
	for _, d := range s.directives {
		for _, a := range d.arguments {
			v, _ := c.checker.value(a.value, required("Boolean"))
			if on, _ := v.(bool); a.name == "if" && (d.name == "skip" && on || d.name == "include" && !on) {
				return true
			}
		}
	}
	return false
}

// complete cuts a value down to what was selected.
func (c *call) complete(s *selection, f *fieldDef, v any) any {
	name := f.of.objectName()
	switch v := v.(type) {
	case nil:
		return nil
	case object:
		c.cost += costOf(name)
		if o := c.object(s.selections, name, v); o != nil {
			return o
		}
		return nil
	case connection:
		return c.listing(s, name, pageOf(v, c.checker.arguments(s, f)))
	case listing:
		return c.listing(s, name, v)
	case []object:
		if n, ok := c.checker.arguments(s, f)["first"].(int64); ok {
			v = v[:min(len(v), int(n))]
		}
		list := []any{}
		for i, item := range v {
			if item == nil {
				list = append(list, nil)
				continue
			}
			c.cost += costOf(name)
			list = append(list, c.element(i, s.selections, name, item))
		}
		return list
	}
	return v
}

// element is an object of a list.
func (c *call) element(i int, list []*selection, on string, v object) *answer {
	c.path = append(c.path, i)
	defer func() { c.path = c.path[:len(c.path)-1] }()
	return c.object(list, on, v)
}

// object is nil when a member is not shown that has to be there. The only type with such members is Customer, which nothing
// has to have.
func (c *call) object(list []*selection, on string, v object) *answer {
	out := &answer{}
	if !c.fill(out, list, on, v) {
		return nil
	}
	return out
}

func (c *call) fill(out *answer, list []*selection, on string, v object) (whole bool) {
	whole = true
	for _, s := range list {
		switch {
		case c.skipped(s):
		case s.spread != "":
			f := c.checker.document.fragments[s.spread]
			whole = c.fillFragment(out, f, on, v) && whole
		case s.name == "":
			whole = c.fillFragment(out, s, on, v) && whole
		case s.name == "__typename":
			out.set(s.key(), typeName(on, v))
		default:
			m, shown := c.member(s, on, v)
			whole = whole && (shown || !c.checker.schema.types[on].fields[s.name].of.required)
			out.set(s.key(), m)
		}
	}
	return whole
}

// fillFragment applies a fragment when the object is of its type, or of one of the types behind it.
func (c *call) fillFragment(out *answer, s *selection, on string, v object) (whole bool) {
	is := typeName(on, v)
	switch {
	case s.on == "", s.on == is, s.on == on:
		return c.fill(out, s.selections, cmp.Or(s.on, on), v)
	case c.checker.schema.types[s.on].kind == "interface" && strings.HasSuffix(is, s.on):
		return c.fill(out, s.selections, s.on, v)
	}
	return true
}

func typeName(on string, v object) string {
	if name, ok := v["__typename"].(string); ok {
		return name
	}
	return on
}

func (c *call) listing(s *selection, name string, l listing) any {
	node := strings.TrimSuffix(name, "Connection")
	out := &answer{}
	depth := len(c.path)
	defer func() { c.path = c.path[:depth] }()
	for _, part := range flat(c, s.selections) {
		c.path = append(c.path[:depth], part.key())
		switch part.name {
		case "nodes":
			list := []any{}
			for i, v := range l.nodes {
				c.cost += costOf(node)
				list = append(list, c.element(i, part.selections, node, v))
			}
			out.set(part.key(), list)
		case "edges":
			list := []any{}
			for i, v := range l.nodes {
				list = append(list, c.element(i, part.selections, node+"Edge", object{"node": v, "cursor": l.cursors[i]}))
			}
			out.set(part.key(), list)
		case "pageInfo":
			info := object{"hasNextPage": l.next, "hasPreviousPage": l.prev, "startCursor": nil, "endCursor": nil}
			if n := len(l.cursors); n > 0 {
				info["startCursor"], info["endCursor"] = l.cursors[0], l.cursors[n-1]
			}
			out.set(part.key(), c.object(part.selections, "PageInfo", info))
		case "__typename":
			out.set(part.key(), name)
		}
	}
	return out
}

// flat lists the fields of a selection with those of its fragments.
func flat(c *call, list []*selection) (fields []*selection) {
	for _, s := range list {
		switch {
		case c.skipped(s):
		case s.spread != "":
			fields = append(fields, flat(c, c.checker.document.fragments[s.spread].selections)...)
		case s.name == "":
			fields = append(fields, flat(c, s.selections)...)
		default:
			fields = append(fields, s)
		}
	}
	return fields
}

// pageOf cuts a connection within an object. Its cursors are positions, which is enough for what does not change between two
// pages.
func pageOf(all connection, args map[string]any) (l listing) {
	if reverse, _ := args["reverse"].(bool); reverse {
		all = slices.Clone(all)
		slices.Reverse(all)
	}
	from, to := 0, len(all)
	if after, ok := args["after"].(string); ok {
		from = min(position(after)+1, to)
	}
	if before, ok := args["before"].(string); ok {
		to = max(from, min(position(before), to))
	}
	if first, ok := args["first"].(int64); ok {
		to = min(to, from+int(first))
	}
	if last, ok := args["last"].(int64); ok {
		from = max(from, to-int(last))
	}
	l.next, l.prev = to < len(all), from > 0
	for i := from; i < to; i++ {
		l.nodes, l.cursors = append(l.nodes, all[i]), append(l.cursors, cursor(strconv.Itoa(i)))
	}
	return l
}

func cursor(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// position reads a cursor of pageOf; one that is none is before everything.
func position(cursor string) int {
	text, _ := base64.StdEncoding.DecodeString(cursor)
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 {
		return -1
	}
	return n
}
