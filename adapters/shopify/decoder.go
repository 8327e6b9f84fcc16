package shopify

import (
	"iter"
	"strconv"
	"strings"

	"hub"
	"hub/adapters/driver/strictjson"
)

// Bounds of what Shopify makes, in bytes. Its ids are int64; 255 is what its own text columns hold.
const (
	maxID   = 64
	maxName = 255
	maxGID  = 128
	maxText = 2048 // addresses of the web
)

// decoder reads one order in either spelling. Both names of a field stand side by side where it is read.
type decoder struct {
	strictjson.Reader
	words    map[term]string
	graphql  bool
	shop     hub.Currency // what the merchant books in
	buyer    hub.Currency // what the buyer paid in; "" when it is the shop's
	applied  []pair       // what each discount application took off, summed over the allocations
	strange  []string     // words that the status table does not know
	tipLines pair         // Σ tip lines, which are not items

	taxIncluded         bool
	delivered, underWay int // fulfilments that arrived, and that are on their way
}

// get returns the member by its REST or its GraphQL name; "" where that spelling has none.
func (d *decoder) get(v strictjson.Value, rest, graphql string) strictjson.Value {
	name := rest
	if d.graphql {
		name = graphql
	}
	if name == "" {
		return strictjson.Value{}
	}
	return v.Get(name)
}

// list yields the elements of an array or of a GraphQL connection. A connection that says it has another page is
// CodeMissing: an order with half its lines is not that order.
func (d *decoder) list(v strictjson.Value) iter.Seq[strictjson.Value] {
	if d.graphql && d.Bool(v.Get("pageInfo").Get("hasNextPage")) {
		d.Fail(hub.CodeMissing, v)
	}
	return elements(&d.Reader, v, d.graphql)
}

// elements yields the elements of an array, or of a connection by nodes or by edges where one may stand. What is absent
// or null has none; anything else is CodeWrongType.
func elements(r *strictjson.Reader, v strictjson.Value, connection bool) iter.Seq[strictjson.Value] {
	if !connection || v.Kind() != strictjson.Object {
		r.Is(v, strictjson.Array)
		return v.Items()
	}
	if nodes := v.Get("nodes"); nodes.Given() {
		r.Is(nodes, strictjson.Array)
		return nodes.Items()
	}
	edges := r.Need(v, "edges")
	r.Is(edges, strictjson.Array)
	return func(yield func(strictjson.Value) bool) {
		for edge := range edges.Items() {
			if node := r.Need(edge, "node"); r.Err() != nil || !yield(node) {
				return
			}
		}
	}
}

// id reads an identifier: a REST number, or a GraphQL gid://shopify/Kind/number. Zero, a sign, a leading zero, a point
// or more than int64 holds is CodeOutOfRange; another kind than asked for ("" takes any) CodeWrongType.
func (d *decoder) id(v strictjson.Value, kind string) string {
	if !v.Given() || d.Err() != nil {
		return ""
	}
	text := v.Text()
	if v.Kind() == strictjson.String {
		if len(text) > maxGID {
			d.Fail(hub.CodeTooLong, v)
			return ""
		}
		if rest, ok := strings.CutPrefix(text, "gid://shopify/"); ok {
			named, number, _ := strings.Cut(rest, "/")
			if kind != "" && named != kind {
				d.Fail(hub.CodeWrongType, v)
				return ""
			}
			text, _, _ = strings.Cut(number, "?")
		}
	} else if v.Kind() != strictjson.Number {
		d.Fail(hub.CodeWrongType, v)
		return ""
	}
	if code := checkID(text); code != "" {
		d.Fail(code, v)
		return ""
	}
	return text
}

func checkID(text string) hub.Code {
	if len(text) > maxID {
		return hub.CodeTooLong
	}
	if n, err := strconv.ParseInt(text, 10, 64); err != nil || n <= 0 || text[0] < '1' || text[0] > '9' {
		return hub.CodeOutOfRange
	}
	return ""
}

// needID reads an identifier that must be there.
func (d *decoder) needID(v strictjson.Value, name, kind string) string {
	return d.id(d.Need(v, name), kind)
}

// word reads a word of a closed list in lower case, for the two spellings differ in case only.
func (d *decoder) word(v strictjson.Value) string { return strings.ToLower(d.Name(v, maxName)) }

// label reads text that is shown as it is: a title, a name. An empty one is absent.
func (d *decoder) label(v strictjson.Value) string { return d.Text(v) }

// flag reads true or false, absent being false.
func (d *decoder) flag(v strictjson.Value) bool { return d.Bool(v) }
