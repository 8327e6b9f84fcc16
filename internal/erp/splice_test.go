package erp

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"hub"
)

// sealedAs is personal data as the envelopes hold it.
func sealedAs(t interface {
	Helper()
	Fatal(...any)
}, p hub.Personal) *pieces {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	apart, ok := canonical(text)
	if !ok {
		t.Fatal("not canonical: ", string(text))
	}
	return &apart
}

// Whatever the document looks like, its own bytes stay; members come last in their object.
func TestSpliceKeepsBytes(t *testing.T) {
	everything := hub.Personal{
		Buyer:        &hub.Buyer{Name: "A \"<b>\" }"},
		Lines:        []hub.PersonalLine{{At: 1, Title: "t", Properties: []hub.Note{{Name: "n", Value: "]"}}}},
		Fulfillments: []hub.PersonalFulfillment{{At: 0, TrackingNumber: "1"}},
	}
	for doc, want := range map[string]string{
		`{"lines":[{"a":1},{"b":"}]"}],"fulfillments":[{}]}`:                                                      `{"lines":[{"a":1},{"b":"}]","properties":[{"name":"n","value":"]"}],"title":"t"}],"fulfillments":[{"tracking_number":"1"}],"buyer":{"name":"A \"\u003cb\u003e\" }"}}`,
		"{ \"fulfillments\" : [ { } ] ,\n \"lines\":[ {\"lines\":[{}]},{\"x\":1.50e+2 }\t],\"é\":\"\\u0041\" }\n": "{ \"fulfillments\" : [ {\"tracking_number\":\"1\" } ] ,\n \"lines\":[ {\"lines\":[{}]},{\"x\":1.50e+2,\"properties\":[{\"name\":\"n\",\"value\":\"]\"}],\"title\":\"t\" }\t],\"é\":\"\\u0041\",\"buyer\":{\"name\":\"A \\\"\\u003cb\\u003e\\\" }\"} }\n",
	} {
		if got, err := splice(nil, []byte(doc), sealedAs(t, everything)); err != nil || string(got) != want {
			t.Errorf("%s\nbecame %s (%v)\nwant   %s", doc, got, err, want)
		}
	}
	if got, err := splice(nil, []byte(`{}`), sealedAs(t, hub.Personal{Buyer: &hub.Buyer{}})); err != nil || string(got) != `{"buyer":{}}` {
		t.Errorf("%s, %v", got, err)
	}
}

// A document without the place, or with the place taken, is refused.
func TestSpliceRefuses(t *testing.T) {
	for _, doc := range []string{
		``, `{`, `[]`, `null`, `{"lines":[{}`, `{}`, `{"lines":[]}`, `{"lines":[{}]}`, `{"lines":{}}`, `{"lines":null}`, `{"lines":[{},1]}`,
		`{"lines":[{},{"title":"x"}]}`, `{"lines":[{},{"title":""}]}`, `{"lines":[{},{}],"buyer":null}`, `{"buyer":{},"lines":[{},{}]}`,
	} {
		if got, err := splice(nil, []byte(doc), sealedAs(t, hub.Personal{Buyer: &hub.Buyer{Name: "x"}, Lines: []hub.PersonalLine{{At: 1, Title: "t"}}})); err == nil {
			t.Errorf("%s became %s", doc, got)
		}
	}
	for _, at := range []int{-1, 1, 1 << 40} {
		if got, err := splice(nil, []byte(`{"lines":[{}]}`), sealedAs(t, hub.Personal{Lines: []hub.PersonalLine{{At: at, Title: "t"}}})); err == nil {
			t.Errorf("line %d: %s", at, got)
		}
	}
	twice := hub.Personal{Lines: []hub.PersonalLine{{At: 0, Title: "t"}, {At: 0, Title: "u"}}}
	if got, err := splice(nil, []byte(`{"lines":[{}]}`), sealedAs(t, twice)); err == nil {
		t.Errorf("twice: %s", got)
	}
}

// For every order, splicing what Split took out into what it left decodes to the order: what hub.Join gives.
func TestSpliceIsJoin(t *testing.T) {
	runs, personal := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var o hub.Order
		fill(t, reflect.ValueOf(&o).Elem())
		o.Status, o.Totals, o.Presentment, o.Settlement, o.Currency = "", hub.Totals{}, nil, nil, ""
		business, p := o.Split()
		doc, err := json.Marshal(business)
		if err != nil {
			t.Skip("not printable")
		}
		runs++
		joined, err := hub.Join(business, p)
		if err != nil {
			t.Fatal(err)
		}
		got := doc
		if p.Fields() != 0 {
			personal++
			if got, err = splice(nil, doc, sealedAs(t, p)); err != nil {
				t.Fatalf("%v: %+v into %s", err, p, doc)
			}
		} else {
			joined.Buyer = nil
		}
		var a, b hub.Order
		whole, _ := json.Marshal(joined)
		if json.Unmarshal(got, &a) != nil || json.Unmarshal(whole, &b) != nil || !reflect.DeepEqual(a, b) {
			t.Fatalf("spliced\n%s\njoined\n%s", got, whole)
		}
		again, _ := a.Split()
		if text, _ := json.Marshal(again); string(text) != string(doc) {
			t.Fatalf("%s\nbecame %s", doc, text)
		}
	})
	t.Logf("%d orders, %d with personal fields", runs, personal)
}

// fill gives every text, flag, list and pointer of an order that can be personal a drawn value; new fields take part by
// themselves.
func fill(t *rapid.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.SampledFrom([]string{"", "x", "<&>\u2028", `"}],{`, "é"}).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "flag"))
	case reflect.Struct:
		if v.Type().String() == "time.Time" || v.Type() == reflect.TypeFor[hub.Money]() {
			return
		}
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Pointer:
		if v.Type().Elem() != reflect.TypeFor[hub.Money]() && rapid.Bool().Draw(t, "there") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem())
		}
	case reflect.Slice:
		n := rapid.IntRange(0, 3).Draw(t, "elements")
		if n == 0 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(t, v.Index(i))
		}
	}
}

// A damaged document is refused or stays what it was; nothing is ever made that is no JSON.
func FuzzSplice(f *testing.F) {
	for _, doc := range []string{`{}`, `{"lines":[{"title":"x"},{}],"fulfillments":[{}]}`, `{"lines":[{},{}]`, `{"lines":[{ },{"a":"}"}] , "fulfillments":[{"b":[]}]}`} {
		f.Add([]byte(doc))
	}
	p := sealedAs(f, hub.Personal{
		Buyer: &hub.Buyer{Name: "x"}, Lines: []hub.PersonalLine{{At: 1, Title: "t"}},
		Fulfillments: []hub.PersonalFulfillment{{At: 0, TrackingNumber: "1"}},
	})
	f.Fuzz(func(t *testing.T, doc []byte) {
		given := string(doc)
		got, err := splice(nil, doc, p)
		if string(doc) != given {
			t.Errorf("%q was changed", given)
		}
		if err == nil && (json.Valid(doc) != json.Valid(got) || len(got) <= len(doc)) {
			t.Errorf("%q became %q", doc, got)
		}
	})
}
