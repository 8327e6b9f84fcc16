package strictjson

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"hub"
)

// FuzzParse holds the parser against encoding/json: what we accept it accepts too and means the same, and what only we
// refuse we refuse for one of our own reasons.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5,-3e4,"x\u00e9\n",null,true],"b":{"c":"\ud83d\ude00"}}`, `{"a":1,"a":2}`, `{"A":1,"a":2}`, "[[[]]]", `"\ud83d"`, "\"\xff\"", "01", "{}{}", "",
		`{"total_price":"1.00","line_items":[{"id":1,"price":"1.00","quantity":1}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		v, err := Parse(text)
		if !bytes.Equal(before, text) {
			t.Fatal("the input was changed")
		}
		switch {
		case err == nil:
			if !json.Valid(text) || !utf8.Valid(text) {
				t.Fatal("accepted what is not JSON")
			}
			same(t, v, text)
		case !hub.Parkable(err):
			t.Fatalf("not parkable: %v", err)
		case hub.CodeOf(err) == hub.CodeMalformed && json.Valid(text):
			t.Fatalf("refused JSON: %v", err)
		}
	})
}

// same compares the values with what encoding/json makes of the text.
func same(t *testing.T, v Value, text []byte) {
	var want any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&want); err != nil {
		t.Fatal(err)
	}
	compare(t, v, want)
}

func compare(t *testing.T, v Value, want any) {
	switch want := want.(type) {
	case map[string]any:
		n := 0
		for name, member := range v.Members() {
			x, ok := want[name]
			if !ok || v.Get(name) != member {
				t.Fatal("a member differs")
			}
			compare(t, member, x)
			n++
		}
		if v.Kind() != Object || n != len(want) {
			t.Fatalf("%d members, want %d", n, len(want))
		}
	case []any:
		if v.Kind() != Array || v.Len() != len(want) {
			t.Fatalf("%d items, want %d", v.Len(), len(want))
		}
		i := 0
		for item := range v.Items() {
			compare(t, item, want[i])
			i++
		}
	case string:
		if v.Kind() != String || v.Text() != want {
			t.Fatal("a string differs")
		}
	case json.Number:
		if v.Kind() != Number || v.Text() != want.String() {
			t.Fatal("a number differs")
		}
	case bool:
		if v.Kind() != Bool || (v.Text() == "true") != want {
			t.Fatal("a truth differs")
		}
	default:
		if v.Kind() != Null || v.Given() {
			t.Fatal("null differs")
		}
	}
}
