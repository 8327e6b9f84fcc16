package shopify

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// gqlError is one entry of errors[], in the shape that the real API has.
type gqlError struct {
	Message    string         `json:"message"`
	Locations  []place        `json:"locations,omitempty"`
	Path       []any          `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

// checker holds one operation against the schema, before anything is done, and adds up what it costs at most.
type checker struct {
	schema    *schema
	document  *document
	operation *operation
	variables map[string]any
	raw       map[string]any // the same before they were given a type
	errors    []gqlError
	path      []any
	spreads   []string        // fragments that we are in
	steps     int             // fields seen, as fragments multiply
	bulk      bool            // a query of a bulk operation, whose connections have no pages
	used      map[string]bool // $variables and ...fragments
}

const maxSteps = 20_000

// fail notes an error at a place. Its texts and codes follow recorded answers where there is one; the rest is (U).
func (c *checker) fail(at place, code, text string, more ...any) {
	e := gqlError{Message: text, Locations: []place{at}, Path: slices.Clone(c.path), Extensions: map[string]any{"code": code}}
	for i := 0; i+1 < len(more); i += 2 {
		e.Extensions[more[i].(string)] = more[i+1]
	}
	c.errors = append(c.errors, e)
}

// check returns the cost of the operation, with the errors in c.errors.
func (c *checker) check() (cost int) {
	root, base := "QueryRoot", 0
	if c.operation.kind == "mutation" {
		root, base = "Mutation", 10
	}
	c.path = []any{strings.TrimSpace(c.operation.kind + " " + c.operation.name)}
	if c.operation.kind == "subscription" {
		c.fail(c.operation.at, "missingSchema", "Schema is not configured for subscriptions")
		return 0
	}
	c.used = map[string]bool{}
	cost = c.selections(c.operation.selections, root, base)
	c.unused()
	return cost
}

// selections checks a selection of a type. each is the base cost of every field, which mutations have.
func (c *checker) selections(list []*selection, on string, each int) (cost int) {
	best := 0 // of fragments only one type applies
	for _, s := range list {
		if c.steps++; c.steps > maxSteps {
			return cost
		}
		for _, d := range s.directives {
			c.directive(d, s.at)
		}
		switch {
		case s.spread != "":
			best = max(best, c.spread(s, on))
		case s.name == "":
			best = max(best, c.fragment(s, on))
		default:
			cost += c.field(s, on, each)
		}
	}
	return cost + best
}

func (c *checker) spread(s *selection, on string) int {
	f := c.document.fragments[s.spread]
	switch {
	case f == nil:
		c.fail(s.at, "useAndDefineFragment", "Fragment "+s.spread+" was used, but not defined", "fragmentName", s.spread)
		return 0
	case slices.Contains(c.spreads, s.spread):
		c.fail(s.at, "infiniteLoop", "Fragment "+s.spread+" contains an infinite loop", "fragmentName", s.spread)
		return 0
	}
	c.used["..."+s.spread] = true
	c.spreads = append(c.spreads, s.spread)
	defer func() { c.spreads = c.spreads[:len(c.spreads)-1] }()
	return c.fragment(f, on)
}

func (c *checker) fragment(s *selection, on string) int {
	if s.on == "" {
		return c.selections(s.selections, on, 0)
	}
	t := c.schema.types[s.on]
	if t == nil || t.kind == "enum" || t.kind == "input" {
		c.fail(s.at, "undefinedType", "No such type "+s.on+", so it can't be a fragment condition", "typeName", s.on)
		return 0
	}
	return c.selections(s.selections, s.on, 0)
}

func (c *checker) field(s *selection, on string, each int) (cost int) {
	c.path = append(c.path, s.key())
	defer func() { c.path = c.path[:len(c.path)-1] }()
	if s.name == "__typename" {
		return 0
	}
	t := c.schema.types[on]
	f := t.fields[s.name]
	if f == nil {
		c.fail(s.at, "undefinedField", fmt.Sprintf("Field '%s' doesn't exist on type '%s'", s.name, on), "typeName", on, "fieldName", s.name)
		return 0
	}
	for _, a := range s.arguments {
		if of := f.args[a.name]; of != nil {
			c.uses(a.value, of, a.name)
		}
	}
	args := c.arguments(s, f)
	name := f.of.objectName()
	if leaf := c.schema.leaf(name); leaf != (s.selections == nil) {
		text := fmt.Sprintf("Field must have selections (field '%s' returns %s but has no selections. Did you mean '%s { ... }'?)", s.name, name, s.name)
		if leaf {
			text = fmt.Sprintf("Selections can't be made on scalars (field '%s' returns %s but has selections)", s.name, name)
		}
		c.fail(s.at, "selectionMismatch", text, "nodeName", "field '"+s.name+"'", "typeName", name)
		return each
	} else if leaf {
		return each
	}
	inner := c.selections(s.selections, name, 0)
	if each > 0 {
		return each // recorded: what a mutation on subscriptions returns costs nothing more
	}
	if f.isPaged() {
		return c.size(s, args) * inner
	}
	if ids, ok := args["ids"].([]any); ok {
		if len(ids) > maxPage {
			c.fail(s.at, "MAX_INPUT_SIZE_EXCEEDED", "The input array size of "+fmt.Sprint(len(ids))+" is greater than the maximum allowed of 250.")
		}
		return len(ids) * (inner + costOf(name))
	}
	if n, ok := args["first"].(int64); ok && f.of.elem != nil {
		return int(n) * (inner + costOf(name))
	}
	if strings.HasSuffix(on, "Connection") && s.name == "edges" {
		return inner
	}
	return inner + costOf(name)
}

// size is how many objects a connection is asked for. Both sides of a connection are bounded at 250.
func (c *checker) size(s *selection, args map[string]any) int {
	first, hasFirst := args["first"].(int64)
	last, hasLast := args["last"].(int64)
	switch {
	case c.bulk:
	case !hasFirst && !hasLast:
		c.fail(s.at, "BAD_REQUEST", "you must provide one of first or last")
	case max(first, last) > maxPage:
		c.fail(s.at, "MAX_INPUT_SIZE_EXCEEDED", "The input array size of "+fmt.Sprint(max(first, last))+" is greater than the maximum allowed of 250.")
	case min(first, last) < 0:
		c.fail(s.at, "BAD_REQUEST", "first and last must not be negative")
	}
	return int(min(max(first, last, 0), maxPage))
}

// arguments checks what a field was given, and returns it as values.
func (c *checker) arguments(s *selection, f *fieldDef) map[string]any {
	values := map[string]any{}
	for _, a := range s.arguments {
		of := f.args[a.name]
		if of == nil {
			text := fmt.Sprintf("Field '%s' doesn't accept argument '%s'", s.name, a.name)
			c.fail(a.at, "argumentNotAccepted", text, "name", s.name, "typeName", "Field", "argumentName", a.name)
			continue
		}
		v, ok := c.value(a.value, of)
		if !ok {
			text := fmt.Sprintf("Argument '%s' on Field '%s' has an invalid value (%s). Expected type '%s'.", a.name, s.name, a.value.text, of)
			c.fail(s.at, "argumentLiteralsIncompatible", text, "typeName", "Field", "argumentName", a.name)
			continue
		}
		values[a.name] = v
	}
	var missing []string
	for name, of := range f.args {
		if of.required && !slices.ContainsFunc(s.arguments, func(a argument) bool { return a.name == name }) {
			missing = append(missing, name)
		}
	}
	if slices.Sort(missing); len(missing) > 0 {
		text := fmt.Sprintf("Field '%s' is missing required arguments: %s", s.name, strings.Join(missing, ", "))
		c.fail(s.at, "missingRequiredArguments", text, "className", "Field", "name", s.name, "arguments", strings.Join(missing, ", "))
	}
	return values
}

// value makes of a literal, or of the variable that it names, a value of a type.
func (c *checker) value(v *literal, of *typeRef) (any, bool) {
	if v.dollar {
		if !slices.ContainsFunc(c.operation.variables, func(d variable) bool { return d.name == v.text && d.fits(of) }) {
			return nil, true // which uses has found
		}
		if value, given := c.variables[v.text]; given {
			return value, value != nil || !of.required
		}
		return nil, !of.required
	}
	if v.open == 0 && v.kind == tokenName && v.text == "null" {
		return nil, !of.required
	}
	return c.schema.coerce(c.written(v), of)
}

// enumWord is an enum value as a literal, apart from strings.
type enumWord string

// written turns a literal into what JSON would give, with the variables in it.
func (c *checker) written(v *literal) any {
	switch {
	case v.dollar:
		return c.raw[v.text]
	case v.open == '[':
		list := []any{}
		for _, item := range v.list {
			list = append(list, c.written(item))
		}
		return list
	case v.open == '{':
		members := map[string]any{}
		for _, f := range v.fields {
			members[f.name] = c.written(f.value)
		}
		return members
	case v.kind == tokenInt, v.kind == tokenFloat:
		return json.Number(v.text)
	case v.kind == tokenString:
		return v.text
	case v.text == "null":
		return nil
	case v.text == "true", v.text == "false":
		return v.text == "true"
	}
	return enumWord(v.text)
}
