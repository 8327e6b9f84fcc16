package shopify

import (
	_ "embed"
	"slices"
	"strings"
)

//go:embed schema.graphql
var schemaText string

// schema is what can be asked.
type schema struct {
	types map[string]*typeDef
}

type typeDef struct {
	name   string
	kind   string // type, interface, union, input, enum
	fields map[string]*fieldDef
	values []string // of an enum
	parts  []string // of a union, or the types that implement an interface
}

type fieldDef struct {
	of   *typeRef
	args map[string]*typeRef
}

// leaf types have no fields: scalars and enums. What the schema text does not define is a scalar, or an enum whose values
// only come out.
func (s *schema) leaf(name string) bool {
	t := s.types[name]
	return t == nil || t.kind == "enum"
}

// adminSchema is the schema of every platform.
var adminSchema = schemaTable(schemaText)

// schemaTable reads a schema, and adds the connections and the topics, which it implies.
func schemaTable(text string) *schema {
	s := &schema{types: map[string]*typeDef{}}
	p := &parser{lexer: lexer{text: text}}
	p.advance()
	for p.token.kind != tokenEnd {
		t := p.typeDef()
		s.types[t.name] = t
		if p.depth != 0 {
			p.stop("unbalanced schema")
		}
	}
	for _, t := range topics {
		s.types["WebhookSubscriptionTopic"].values = append(s.types["WebhookSubscriptionTopic"].values, enumOf(t.name))
	}
	for name := range connections(s) {
		s.addConnection(name)
	}
	s.types["PageInfo"] = &typeDef{name: "PageInfo", kind: "type", fields: map[string]*fieldDef{
		"hasNextPage": {of: required("Boolean")}, "hasPreviousPage": {of: required("Boolean")},
		"startCursor": {of: &typeRef{name: "String"}}, "endCursor": {of: &typeRef{name: "String"}},
	}}
	return s
}

func required(name string) *typeRef { return &typeRef{name: name, required: true} }

// connections lists the connection types that fields have.
func connections(s *schema) map[string]bool {
	found := map[string]bool{}
	for _, t := range s.types {
		for _, f := range t.fields {
			if strings.HasSuffix(f.of.name, "Connection") {
				found[f.of.name] = true
			}
		}
	}
	return found
}

func (s *schema) addConnection(name string) {
	node := strings.TrimSuffix(name, "Connection")
	list := func(of string) *typeRef { return &typeRef{elem: required(of), required: true} }
	s.types[name] = &typeDef{name: name, kind: "type", fields: map[string]*fieldDef{
		"nodes": {of: list(node)}, "edges": {of: list(node + "Edge")}, "pageInfo": {of: required("PageInfo")},
	}}
	s.types[node+"Edge"] = &typeDef{name: node + "Edge", kind: "type", fields: map[string]*fieldDef{
		"node": {of: required(node)}, "cursor": {of: required("String")},
	}}
}

// typeDef reads one definition of the embedded text.
func (p *parser) typeDef() *typeDef {
	t := &typeDef{kind: p.nameToken(), name: p.nameToken(), fields: map[string]*fieldDef{}}
	if p.token.text == "implements" {
		p.advance()
		p.nameToken()
	}
	if t.kind == "union" {
		p.want("=")
		for t.parts = append(t.parts, p.nameToken()); p.take("|"); {
			t.parts = append(t.parts, p.nameToken())
		}
		return t
	}
	p.want("{")
	for !p.take("}") {
		name := p.nameToken()
		if t.kind == "enum" {
			t.values = append(t.values, name)
			continue
		}
		t.fields[name] = p.fieldDef()
	}
	return t
}

func (p *parser) fieldDef() *fieldDef {
	f := &fieldDef{args: map[string]*typeRef{}}
	if p.take("(") {
		for !p.take(")") {
			name := p.nameToken()
			p.want(":")
			f.args[name] = p.typeRef()
		}
	}
	p.want(":")
	f.of = p.typeRef()
	return f
}

// isPaged says whether a field hands out a connection.
func (f *fieldDef) isPaged() bool { return strings.HasSuffix(f.of.name, "Connection") }

// objectName is the name of the type behind lists.
func (t *typeRef) objectName() string {
	for t.elem != nil {
		t = t.elem
	}
	return t.name
}

// free are the types of objects that cost nothing: values and wrappers, as recorded answers of the real API show for money,
// addresses (U) and the endpoint of a subscription.
var free = [...]string{
	"MoneyBag", "MoneyV2", "MailingAddress", "Attribute", "PageInfo", "WebhookHttpEndpoint", "ApiVersion", "UserError", "ShopPlan",
	"CashRoundingAdjustment", "PricingPercentageValue", "PricingValue", "AccessScope",
	"BulkOperationUserError",
}

func costOf(name string) int {
	if slices.Contains(free[:], name) {
		return 0
	}
	return 1
}
