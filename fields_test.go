package hub

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestPersonalFieldsAreComplete: every field of class P1 or P2 is on the list or inside of one that is, and the list has
// nothing else. A field that is missing would be served without a record.
func TestPersonalFieldsAreComplete(t *testing.T) {
	list := PersonalFields()
	if len(list) > 64 || len(slices.Compact(slices.Sorted(slices.Values(list)))) != len(list) {
		t.Fatalf("%d fields: %v", len(list), list)
	}
	found := map[string]bool{}
	leaves := 0
	var walk func(at reflect.Type, path string)
	walk = func(at reflect.Type, path string) {
		for at.Kind() == reflect.Pointer || at.Kind() == reflect.Slice {
			at = at.Elem()
		}
		if leaf(at) {
			return
		}
		for i := range at.NumField() {
			f := at.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			inside := strings.TrimPrefix(path+"."+name, ".")
			if slices.Contains(list, inside) {
				if f.Tag.Get("class") == string(P3) && inside != "lines.title" {
					t.Errorf("%s is P3", inside)
				}
				found[inside] = true
				continue
			}
			element := f.Type
			for element.Kind() == reflect.Pointer || element.Kind() == reflect.Slice {
				element = element.Elem()
			}
			if leaf(element) && f.Tag.Get("class") != string(P3) {
				t.Errorf("%s is %s and not on the list", inside, f.Tag.Get("class"))
			}
			leaves++
			walk(f.Type, inside)
		}
	}
	walk(reflect.TypeFor[Order](), "")
	for _, path := range list {
		if !found[path] {
			t.Errorf("%s is no field of the order", path)
		}
	}
	t.Logf("%d fields on the list, %d others, 0 forgotten", len(list), leaves)
}

// TestFieldsOfPersonal: with one personal value an order has exactly that field, whichever it is.
func TestFieldsOfPersonal(t *testing.T) {
	seen := Fields(0)
	var walk func(p *Personal, v reflect.Value, path string)
	walk = func(p *Personal, v reflect.Value, path string) {
		switch v.Kind() {
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			walk(p, v.Elem(), path)
			v.SetZero()
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			walk(p, v.Index(1), path)
			v.SetZero()
		case reflect.String:
			v.SetString("x")
			want := path
			for want != "" && bit(want) == 0 {
				want = want[:max(0, strings.LastIndexByte(want, '.'))]
			}
			if got := p.Fields().Names(); !slices.Equal(got, []string{want}) {
				t.Errorf("with %s: %v", path, got)
			}
			seen |= p.Fields()
			v.SetString("")
		case reflect.Struct:
			for i := range v.NumField() {
				name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
				walk(p, v.Field(i), strings.TrimPrefix(path+"."+name, "."))
			}
		}
	}
	var p Personal
	walk(&p, reflect.ValueOf(&p).Elem(), "")
	if got := seen.Names(); !slices.Equal(got, PersonalFields()) {
		t.Errorf("reached %v", got)
	}
}

// TestFieldsAreStable: the bits are stored, so an order that changes would tell other fields of old disclosures.
func TestFieldsAreStable(t *testing.T) {
	first := []string{
		"buyer.external_id", "buyer.name", "buyer.email", "buyer.phone", "buyer.tax_id", "buyer.company",
		"buyer.billing_address", "buyer.shipping_address", "buyer.note", "buyer.attributes", "buyer.tags",
		"lines.title", "lines.properties", "discounts.code", "discounts.title",
		"fulfillments.tracking_number", "fulfillments.tracking_url",
	}
	if list := PersonalFields(); len(list) < len(first) || !slices.Equal(list[:len(first)], first) {
		t.Fatalf("the list begins with %v", list)
	}
	var f Fields
	if f.Has("buyer.email") || !f.Add("buyer.email") || f != 4 || !f.Has("buyer.email") || f.Has("buyer.phone") {
		t.Errorf("%b after adding the third field", f)
	}
	if f.Add("buyer.shoe_size") || f != 4 || f.Has("buyer.shoe_size") {
		t.Errorf("%b after adding what is no field", f)
	}
	if names := (f | 1<<63).Names(); !slices.Equal(names, []string{"buyer.email"}) {
		t.Errorf("names %v", names)
	}
}
