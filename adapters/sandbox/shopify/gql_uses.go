package shopify

import (
	"fmt"
	"strings"
)

// What a document declares must be used, and a variable must fit wherever it is (spec.graphql.org, October 2021, 5.5.1.4 and
// 5.8). The words are those of the library that the real API is written with, which recorded answers show in part.

// uses notes the variables in a literal, and holds them against the type of their place, which is called place.
func (c *checker) uses(v *literal, of *typeRef, place string) {
	switch {
	case v.dollar:
		c.usesVariable(v, of, place)
	case v.open == '[':
		if of.elem != nil {
			of = of.elem
		}
		for _, item := range v.list {
			c.uses(item, of, place)
		}
	case v.open == '{':
		t := c.schema.types[of.name]
		for _, member := range v.fields {
			if t != nil && t.fields[member.name] != nil {
				c.uses(member.value, t.fields[member.name].of, member.name)
			}
		}
	}
}

func (c *checker) usesVariable(v *literal, of *typeRef, place string) {
	for _, d := range c.operation.variables {
		if d.name != v.text {
			continue
		}
		c.used["$"+d.name] = true
		if !d.fits(of) {
			text := fmt.Sprintf("Type mismatch on variable $%s and argument %s (%s / %s)", d.name, place, d.of, of)
			c.fail(v.at, "variableMismatch", text, "variableName", d.name, "typeName", d.of.String(), "argumentName", place)
		}
		return
	}
	c.fail(v.at, "variableNotDefined", "Variable $"+v.text+" is used but not declared", "variableName", v.text)
}

// fits says whether a variable may stand where a type is wanted. One that has a value of its own may be given null.
func (d variable) fits(of *typeRef) bool {
	own := d.fallback != nil && (d.fallback.text != "null" || d.fallback.kind != tokenName)
	if of.required && !d.of.required && !own {
		return false
	}
	return d.of.within(of)
}

// within says whether all values of a type are values of another one, but for null at the top.
func (t *typeRef) within(of *typeRef) bool {
	if t.elem == nil || of.elem == nil {
		return t.elem == nil && of.elem == nil && t.name == of.name
	}
	return (t.elem.required || !of.elem.required) && t.elem.within(of.elem)
}

// directive checks the two that there are.
func (c *checker) directive(d directive, at place) {
	if d.name != "skip" && d.name != "include" {
		c.fail(at, "undefinedDirective", "Directive @"+d.name+" is not defined", "directiveName", d.name)
		return
	}
	for _, a := range d.arguments {
		c.uses(a.value, required("Boolean"), a.name)
	}
}

// unused notes what the document declares and nothing uses.
func (c *checker) unused() {
	name := strings.TrimSpace(c.operation.name)
	if name == "" {
		name = "anonymous " + c.operation.kind
	}
	for _, d := range c.operation.variables {
		if !c.used["$"+d.name] {
			c.fail(d.at, "variableNotUsed", "Variable $"+d.name+" is declared by "+name+" but not used", "variableName", d.name)
		}
	}
	for _, f := range c.document.names {
		if !c.used["..."+f] && len(c.document.operations) == 1 {
			c.fail(c.document.fragments[f].at, "useAndDefineFragment", "Fragment "+f+" was defined, but not used", "fragmentName", f)
		}
	}
}
