package erp

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hub"
)

// jsonNames lists the members of a struct, in the order in which they are printed.
func jsonNames(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// The tables are the structs that are sealed and the catalogue of fields: a field that is added there fails here.
func TestTablesAreTheCatalogue(t *testing.T) {
	for of, names := range map[reflect.Type][]string{
		reflect.TypeFor[hub.Personal](): partFields[:], reflect.TypeFor[hub.Buyer](): buyerFields[:],
		reflect.TypeFor[hub.Address](): addressFields[:], reflect.TypeFor[hub.Note](): noteFields[:],
		reflect.TypeFor[hub.PersonalLine]():        append(atField[:], listFields[0][:]...),
		reflect.TypeFor[hub.PersonalDiscount]():    append(atField[:], listFields[1][:]...),
		reflect.TypeFor[hub.PersonalFulfillment](): append(atField[:], listFields[2][:]...),
	} {
		if got := jsonNames(of); !slices.Equal(got, names) {
			t.Errorf("%s has %v, the table %v", of, got, names)
		}
	}
	var paths []string
	for _, name := range buyerFields {
		paths = append(paths, "buyer."+name)
	}
	for list, names := range listFields {
		paths = append(paths, listNames[list]+"."+names[0], listNames[list]+"."+names[1])
	}
	if !slices.Equal(paths, hub.PersonalFields()) {
		t.Errorf("bits %v, want %v", paths, hub.PersonalFields())
	}
	for at, name := range map[int]string{billingField: "billing_address", shippingField: "shipping_address", noteField: "note",
		attributesField: "attributes", tagsField: "tags"} {
		if buyerFields[at] != name {
			t.Errorf("field %d is %s, not %s", at, buyerFields[at], name)
		}
	}
}

// What was sealed is taken apart without being decoded, says which fields it has, and joins as hub.JoinParts does, whichever
// parts are left.
func TestPiecesAreParts(t *testing.T) {
	runs, joins := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var o hub.Order
		fill(t, reflect.ValueOf(&o).Elem())
		_, whole := o.Split()
		parts := whole.Parts(rapid.Bool().Draw(t, "recipient"), rapid.Bool().Draw(t, "payer"))
		maps.DeleteFunc(parts, func(hub.PersonalPart, hub.Personal) bool { return rapid.IntRange(0, 3).Draw(t, "erased") == 0 })
		open := openOrder{revision: 1}
		for _, name := range hub.PersonalParts() {
			part, ok := parts[name]
			if !ok {
				continue
			}
			runs++
			text, _ := json.Marshal(part)
			apart, ok := canonical(text)
			if !ok || apart.fields() != part.Fields() {
				t.Fatalf("%s has %v, want %v", text, apart.fields().Names(), part.Fields().Names())
			}
			open.parts = append(open.parts, openPart{part: name, pieces: apart})
			if part.Fields() == 0 {
				delete(parts, name)
			}
		}
		joins++
		want := hub.JoinParts(parts)
		text, _ := json.Marshal(want)
		joined, _ := open.at(1)
		if apart, ok := canonical(text); !ok || !reflect.DeepEqual(texts(joined), texts(apart)) {
			t.Fatalf("joined %q, want %s", texts(joined), text)
		}
	})
	t.Logf("%d parts, %d orders joined", runs, joins)
}

// texts is pieces without the difference between no list and an empty one.
func texts(p pieces) (list []string) {
	if p.person {
		list = append(list, "buyer")
	}
	for i, v := range p.buyer {
		list = append(list, buyerFields[min(i, len(buyerFields)-1)]+"="+string(v))
	}
	for l, elements := range p.lists {
		for _, e := range elements {
			list = append(list, listNames[l], string(rune('0'+e.at)), string(e.values[0]), string(e.values[1]))
		}
	}
	return list
}

// Whatever this program does not know is not served: not a member that a newer one sealed, at any depth, nor one that is
// written in another way, nor one twice. What it knows comes through, printed as it always was.
func TestUnknownIsNotServed(t *testing.T) {
	for text, want := range map[string]string{
		`{"buyer":{"name":"A","canary":"x"}}`:                                            `{"buyer":{"name":"A"}}`,
		`{"buyer":{"canary":{"name":"x"},"name":"A"}}`:                                   `{"buyer":{"name":"A"}}`,
		`{"canary":{"name":"x"},"buyer":{"name":"A"}}`:                                   `{"buyer":{"name":"A"}}`,
		`{"buyer":{"name":"A"},"canary":"x"}`:                                            `{"buyer":{"name":"A"}}`,
		`{"buyer":{"billing_address":{"city":"B","canary":"x"}}}`:                        `{"buyer":{"billing_address":{"city":"B"}}}`,
		`{"buyer":{"attributes":[{"name":"n","canary":"x"}]}}`:                           `{"buyer":{"attributes":[{"name":"n"}]}}`,
		`{"buyer":{"name":"A"},"lines":[{"at":0,"title":"t","canary":"x"}]}`:             `{"lines":[{"title":"t"}],"buyer":{"name":"A"}}`,
		`{"lines":[{"at":0,"properties":[{"value":"v","canary":[{"name":"canary"}]}]}]}`: `{"lines":[{"properties":[{"value":"v"}]}]}`,
		`{"buyer":{"name":"A","name":"canary","name":"B"}}`:                              `{"buyer":{"name":"B"}}`,
		`{"buyer":{"email":"b","name":"A"}}`:                                             `{"buyer":{"name":"A","email":"b"}}`,
		`{ "buyer" : { "name" : "<A>" } }`:                                               `{"buyer":{"name":"\u003cA\u003e"}}`,
		`{"buyer":{"name":"","email":"b","note":null,"tags":[]}}`:                        `{"buyer":{"email":"b"}}`,
		`{"buyer":null,"lines":null}`:                                                    `{}`,
	} {
		apart, err := takeApart([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		doc := `{}`
		if len(apart.lists[linesList]) > 0 {
			doc = `{"lines":[{}]}`
		}
		if got, err := splice(nil, []byte(doc), &apart); err != nil || string(got) != want || strings.Contains(string(got), "canary") {
			t.Errorf("%s is served as %s (%v), want %s", text, got, err, want)
		}
		if _, ok := canonical([]byte(text)); ok {
			t.Errorf("%s passes for what this program prints", text)
		}
	}
	for _, text := range []string{``, `{`, `[]`, `"x"`, `{"buyer":5}`, `{"buyer":{"name":5}}`, `{"buyer":{"name":"x}`, `{"buyer":{}}x`, `{"lines":[{"at":"x"}]}`} {
		if apart, err := takeApart([]byte(text)); hub.CodeOf(err) != hub.CodeUnreadable {
			t.Errorf("%s opens: %q, %v", text, texts(apart), err)
		}
	}
}

// Whatever text is canonical is one that json.Marshal prints of what it decodes to: nothing passes unseen.
func FuzzCanonical(f *testing.F) {
	for _, text := range []string{`{}`, `{"buyer":{}}`, `{"buyer":{"name":"\\\"","tags":["",""]},"lines":[{"at":-1,"properties":[{}]}]}`,
		`{"discounts":[{"at":07,"code":"x"}],"fulfillments":[{"at":1}]}`, `{"buyer":{"billing_address":{}}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		apart, ok := canonical(text)
		var p hub.Personal
		err := json.Unmarshal(text, &p)
		if !ok || err != nil { // what is inside of a string is not looked at: it was sealed
			return
		}
		if again, _ := json.Marshal(p); apart.fields() != p.Fields() || len(text) == len(again) && string(again) != string(text) {
			t.Errorf("%q has %v, want %v", text, apart.fields().Names(), p.Fields().Names())
		}
	})
}
