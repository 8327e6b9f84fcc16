package shopify

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// coerce makes of what came as JSON or as a literal a value of an input type: int64, string, bool, []any or map[string]any.
func (s *schema) coerce(v any, of *typeRef) (any, bool) {
	if v == nil {
		return nil, !of.required
	}
	if of.elem != nil {
		return s.coerceList(v, of.elem)
	}
	switch of.name {
	case "Int":
		n, err := strconv.ParseInt(string(numeral(v)), 10, 32)
		return n, err == nil
	case "Boolean":
		b, ok := v.(bool)
		return b, ok
	case "ID":
		if n := numeral(v); n != "" {
			return string(n), !strings.ContainsAny(string(n), ".eE")
		}
		return textOf(v)
	}
	t := s.types[of.name]
	if t != nil && t.kind == "input" {
		return s.coerceInput(v, t)
	}
	if t != nil && t.kind == "enum" {
		word, ok := v.(enumWord)
		if text, isText := v.(variableText); isText {
			word, ok = enumWord(text), true
		}
		return string(word), ok && slices.Contains(t.values, string(word))
	}
	return textOf(v)
}

func textOf(v any) (any, bool) {
	switch text := v.(type) {
	case string:
		return text, true
	case variableText:
		return string(text), true
	}
	return nil, false
}

func numeral(v any) json.Number {
	n, _ := v.(json.Number)
	return n
}

// variableText is a string that came as a variable, which is how enum values come too.
type variableText string

func (s *schema) coerceList(v any, elem *typeRef) (any, bool) {
	items, ok := v.([]any)
	if !ok {
		items = []any{v} // one value stands for a list of it
	}
	list := []any{}
	for _, item := range items {
		made, ok := s.coerce(item, elem)
		if !ok {
			return nil, false
		}
		list = append(list, made)
	}
	return list, true
}

func (s *schema) coerceInput(v any, t *typeDef) (any, bool) {
	members, ok := v.(map[string]any)
	if !ok {
		return nil, false
	}
	made := map[string]any{}
	for name, value := range members {
		f := t.fields[name]
		if f == nil {
			return nil, false
		}
		if made[name], ok = s.coerce(value, f.of); !ok {
			return nil, false
		}
	}
	for name, f := range t.fields {
		if _, given := members[name]; f.of.required && !given {
			return nil, false
		}
	}
	return made, true
}

// bind gives the variables of an operation their values.
func (c *checker) bind(given map[string]any) {
	c.variables, c.raw = map[string]any{}, map[string]any{}
	for _, d := range c.operation.variables {
		v, ok := given[d.name]
		if !ok && d.fallback != nil {
			v, ok = c.written(d.fallback), true
		}
		if !ok && !d.of.required {
			continue
		}
		c.raw[d.name] = asVariable(v)
		value, fits := c.schema.coerce(c.raw[d.name], d.of)
		if known := c.schema.types[d.of.objectName()]; known != nil && known.kind != "enum" && known.kind != "input" {
			fits = false
		}
		if !fits {
			c.errors = append(c.errors, gqlError{
				Message:    fmt.Sprintf("Variable $%s of type %s was provided invalid value", d.name, d.of),
				Locations:  []place{d.at},
				Extensions: map[string]any{"code": "INVALID_VARIABLE", "value": v, "problems": []any{}},
			})
			continue
		}
		c.variables[d.name] = value
	}
}

// asVariable marks the texts of a value as coming from outside.
func asVariable(v any) any {
	switch v := v.(type) {
	case string:
		return variableText(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = asVariable(v[i])
		}
		return list
	case map[string]any:
		members := make(map[string]any, len(v))
		for name := range v {
			members[name] = asVariable(v[name])
		}
		return members
	}
	return v
}
