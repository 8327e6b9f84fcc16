package shopify

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// notNodes are the types of connections that a bulk query cannot have, for they are no Node.
var notNodes = [...]string{"ShippingLine", "DiscountApplication", "RefundLineItem", "RefundShippingLine", "OrderAdjustment"}

// bulkProblems reads a bulk query and holds it against the rules for one: the texts are those of recorded answers, but for
// the one about types (U).
func bulkProblems(s *schema, text string) (*checker, []string) {
	d, err := parseQuery(text)
	if err != nil {
		return nil, []string{"Invalid bulk query: " + err.Error()}
	}
	if len(d.operations) != 1 || d.operations[0].kind != "query" {
		return nil, []string{"Invalid operation type. Only `query` operations are supported."}
	}
	c := &checker{schema: s, document: d, operation: d.operations[0], bulk: true}
	c.bind(nil)
	if c.check(); len(c.errors) > 0 {
		return nil, []string{"Invalid bulk query: " + c.errors[0].Message}
	}
	l := bulkLook{checker: c}
	l.look(c.operation.selections, "QueryRoot", 0, false)
	if l.connections == 0 && len(l.problems) == 0 {
		l.problems = append(l.problems, "Bulk queries must contain at least one connection.")
	}
	if l.connections > 5 {
		l.problems = append(l.problems, "Bulk queries cannot contain more than 5 connections.")
	}
	if len(l.problems) == 0 && (len(c.operation.selections) != 1 || c.operation.selections[0].name != "orders") {
		l.problems = append(l.problems, "This sandbox exports orders only.")
	}
	return c, l.problems
}

// bulkLook walks through a bulk query.
type bulkLook struct {
	checker     *checker
	connections int
	problems    []string
}

func (l *bulkLook) problem(text string) {
	if !slices.Contains(l.problems, text) {
		l.problems = append(l.problems, text)
	}
}

func (l *bulkLook) look(list []*selection, on string, depth int, inList bool) {
	for _, s := range list {
		switch {
		case s.spread != "":
			l.look(l.checker.document.fragments[s.spread].selections, on, depth, inList)
			continue
		case s.name == "":
			l.look(s.selections, s.on, depth, inList)
			continue
		case on == "QueryRoot" && (s.name == "node" || s.name == "nodes"):
			l.problem("Bulk queries cannot contain a top level `" + s.name + "` field.")
		}
		f := l.checker.schema.types[on].fields[s.name]
		if f == nil || s.selections == nil {
			continue
		}
		if !f.isPaged() {
			l.look(s.selections, f.of.objectName(), depth, inList || f.of.elem != nil)
			continue
		}
		l.connection(s, strings.TrimSuffix(f.of.name, "Connection"), depth+1, inList)
	}
}

func (l *bulkLook) connection(s *selection, node string, depth int, inList bool) {
	l.connections++
	if depth > 2 {
		l.problem("Bulk queries cannot contain connections with a nesting depth greater than 2.")
	}
	if inList {
		l.problem("Queries that contain a connection field within a list field are not currently supported.")
	}
	if slices.Contains(notNodes[:], node) {
		l.problem("The connection '" + s.name + "' must implement the Node interface.")
	}
	for _, part := range s.selections {
		if part.name != "edges" {
			if part.name == "nodes" {
				l.problem("All connection fields in a bulk query must select their contents using 'edges' > 'node', e.g: '" + s.name +
					" { edges { node {'. Selecting via 'nodes' is not supported. Invalid connection fields: '" + s.name + "'.")
			}
			continue
		}
		for _, e := range part.selections {
			if e.name == "node" {
				l.look(e.selections, node, depth, false)
			}
		}
	}
}

// bulkWriter writes the file: one line for each order, and one for each object of its connections, with __parentId.
type bulkWriter struct {
	call    *call
	lines   [][]byte
	parents []string // of each line
	roots   int
}

// scatter brings the lines into any order, but those of one order keep theirs.
func (w *bulkWriter) scatter(r *rand.Rand) {
	at := r.Perm(len(w.lines))
	places := map[string][]int{}
	for i, parent := range w.parents {
		places[parent] = append(places[parent], at[i])
	}
	made := make([][]byte, len(w.lines))
	for parent := range places {
		slices.Sort(places[parent])
	}
	for i, parent := range w.parents {
		made[places[parent][0]], places[parent] = w.lines[i], places[parent][1:]
	}
	w.lines = made
}

// found are the orders that the operation was asked for; an operation that may not read any has a refusal instead.
func (w *bulkWriter) found() []*Order {
	if refused := w.call.mayRead("orders"); refused != nil {
		w.call.errors = append(w.call.errors, *refused)
		return nil
	}
	s := w.call.checker.operation.selections[0]
	found, _, _ := w.call.found(w.call.checker.arguments(s, w.call.checker.schema.types["QueryRoot"].fields["orders"]))
	return found
}

func (w *bulkWriter) write(orders []*Order) {
	selected := nodeOf(w.call.checker.operation.selections[0])
	for _, o := range orders {
		if !o.deleted {
			w.roots++
			w.object(o.graph(), "Order", selected, "")
		}
	}
}

// nodeOf is what a connection selects of its nodes.
func nodeOf(s *selection) []*selection {
	for _, part := range s.selections {
		for _, e := range part.selections {
			if part.name == "edges" && e.name == "node" {
				return e.selections
			}
		}
	}
	return nil
}

func (w *bulkWriter) object(v object, on string, selected []*selection, parent string) {
	out := &answer{}
	type child struct {
		s    *selection
		node string
	}
	var children []child
	for _, s := range flat(w.call, selected) {
		f := w.call.checker.schema.types[on].fields[s.name]
		switch {
		case s.name == "__typename":
			out.set(s.key(), typeName(on, v))
		case f == nil: // of a fragment on another type
		case f.isPaged():
			children = append(children, child{s, strings.TrimSuffix(f.of.name, "Connection")})
		default:
			m, _ := w.call.member(s, on, v)
			out.set(s.key(), m)
		}
	}
	if parent != "" {
		out.set("__parentId", parent)
	}
	line, err := out.append(nil)
	if err != nil {
		panic("sandbox: " + err.Error()) // maps of strings and numbers always encode
	}
	w.lines, w.parents = append(w.lines, append(line, '\n')), append(w.parents, parent)
	id, _ := v["id"].(string)
	for _, c := range children {
		list, _ := v[c.s.name].(connection)
		for _, node := range list {
			w.object(node, c.node, nodeOf(c.s), id)
		}
	}
}
