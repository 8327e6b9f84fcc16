package archtest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"hub"
)

// unclassified lists the fields without a class in all structs of the package that are reachable from one, and counts
// the fields seen. A value that prints itself, such as money, is a leaf: it has the class of the field that holds it.
func unclassified(root reflect.Type, own string) (fields int, wrong []string) {
	seen := map[reflect.Type]bool{}
	var visit func(reflect.Type)
	visit = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array:
			visit(t.Elem())
			return
		case reflect.Map:
			visit(t.Key())
			visit(t.Elem())
			return
		case reflect.Struct:
		default:
			return
		}
		if seen[t] || t.PkgPath() != own || t.Implements(reflect.TypeFor[json.Marshaler]()) {
			return
		}
		seen[t] = true
		for f := range t.Fields() {
			if !f.IsExported() && !f.Anonymous {
				continue // no encoding shows it
			}
			fields++
			class := hub.Class(f.Tag.Get("class"))
			if !slices.Contains([]hub.Class{hub.P1, hub.P2, hub.P3}, class) {
				wrong = append(wrong, fmt.Sprintf("%s.%s: class %q, want P1, P2 or P3", t.Name(), f.Name, class))
			}
			visit(f.Type)
		}
	}
	visit(root)
	return fields, wrong
}

func TestEveryFieldOfTheOrderHasAClass(t *testing.T) {
	fields, wrong := unclassified(reflect.TypeFor[hub.Order](), module)
	for _, w := range wrong {
		t.Error(w)
	}
	if fields < 100 {
		t.Errorf("only %d fields were seen; the order of order-model.md has more", fields)
	}
	t.Logf("%d fields classified", fields)
}

func TestClassRuleCanFail(t *testing.T) {
	type inner struct {
		Bare string
	}
	type outer struct {
		Good  string              `class:"P3"`
		Odd   string              `class:"P4"`
		Inner map[string][]*inner `class:"P1"`
	}
	_, wrong := unclassified(reflect.TypeFor[outer](), reflect.TypeFor[outer]().PkgPath())
	want := []string{`outer.Odd: class "P4", want P1, P2 or P3`, `inner.Bare: class "", want P1, P2 or P3`}
	if !slices.Equal(wrong, want) {
		t.Errorf("got %q, want %q", wrong, want)
	}
}
