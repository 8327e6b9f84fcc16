package strictjson

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"hub"
)

// TestRefused lists what is not JSON to us, with the code and the place.
func TestRefused(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		text string
		code hub.Code
		path string
	}{
		{"", hub.CodeMalformed, ""}, {" \t\r\n", hub.CodeMalformed, ""}, {"\v1", hub.CodeMalformed, ""}, {"\ufeff{}", hub.CodeMalformed, ""},
		{"{", hub.CodeMalformed, ""}, {"[", hub.CodeMalformed, "[0]"}, {"}", hub.CodeMalformed, ""}, {"{]", hub.CodeMalformed, ""},
		{"{}x", hub.CodeMalformed, ""}, {"{}{}", hub.CodeMalformed, ""}, {"1 2", hub.CodeMalformed, ""}, {"[1,]", hub.CodeMalformed, "[1]"},
		{"[1 2]", hub.CodeMalformed, ""}, {`{"a":1,}`, hub.CodeMalformed, ""}, {`{"a" 1}`, hub.CodeMalformed, ""}, {`{"a":}`, hub.CodeMalformed, "a"},
		{`{a:1}`, hub.CodeMalformed, ""}, {`{'a':1}`, hub.CodeMalformed, ""}, {`{"a":1 "b":2}`, hub.CodeMalformed, ""}, {"{} // x", hub.CodeMalformed, ""},
		{"nul", hub.CodeMalformed, ""}, {"True", hub.CodeMalformed, ""}, {"NaN", hub.CodeMalformed, ""}, {`{"a":[1,-Infinity]}`, hub.CodeMalformed, "a[1]"},
		{"01", hub.CodeMalformed, ""}, {"+1", hub.CodeMalformed, ""}, {".5", hub.CodeMalformed, ""}, {"1.", hub.CodeMalformed, ""}, {"-", hub.CodeMalformed, ""},
		{"1e", hub.CodeMalformed, ""}, {"1e+", hub.CodeMalformed, ""}, {"0x1", hub.CodeMalformed, ""}, {"1_0", hub.CodeMalformed, ""}, {"--1", hub.CodeMalformed, ""},
		{`"a`, hub.CodeMalformed, ""}, {`"\`, hub.CodeMalformed, ""}, {`"\"`, hub.CodeMalformed, ""}, {`"\x41"`, hub.CodeMalformed, ""}, {`"\u12"`, hub.CodeMalformed, ""},
		{`"\u12g4"`, hub.CodeMalformed, ""}, {"\"a\nb\"", hub.CodeMalformed, ""}, {"\"\x00\"", hub.CodeMalformed, ""}, {`"\'"`, hub.CodeMalformed, ""},
		{"\"\xff\"", hub.CodeInvalidUTF8, ""}, {"{\"a\":[\"\xc3\"]}", hub.CodeInvalidUTF8, "a[0]"}, {"\"\xed\xa0\x80\"", hub.CodeInvalidUTF8, ""}, {"\"\xc0\xaf\"", hub.CodeInvalidUTF8, ""},
		{`{"a":{"b":"\ud83d"}}`, hub.CodeInvalidUTF8, "a.b"}, {`"\udc00"`, hub.CodeInvalidUTF8, ""}, {`"\ud83d\ud83d"`, hub.CodeInvalidUTF8, ""},
		{`"\ud83d\n"`, hub.CodeInvalidUTF8, ""}, {`"\ud83dx\ude00"`, hub.CodeInvalidUTF8, ""}, {"{\"\xff\":1}", hub.CodeInvalidUTF8, ""},
		{`{"a":1,"a":2}`, hub.CodeDuplicateKey, "a"}, {`[{"b":{"x":1,"y":2,"x":1}}]`, hub.CodeDuplicateKey, "[0].b.x"}, {`{"a":1,"\u0061":1}`, hub.CodeDuplicateKey, "a"},
		{`{"shipTo_2":1,"shipTo_2":1}`, hub.CodeDuplicateKey, "shipTo_2"}, {`{"Ana_Souza":1,"Ana_Souza":1}`, hub.CodeDuplicateKey, "?"},
		{`{"cpf52998224725":1,"cpf52998224725":1}`, hub.CodeDuplicateKey, "?"}, {`{"5299":{"5":1,"5":1}}`, hub.CodeDuplicateKey, "?.?"},
		{`{"":1,"":1}`, hub.CodeDuplicateKey, "?"}, {`{"a b@c.example":1,"a b@c.example":1}`, hub.CodeDuplicateKey, "?"}, {`{"é":1,"\u00e9":1}`, hub.CodeDuplicateKey, "?"},
		{deep(MaxDepth + 1), hub.CodeTooDeep, strings.Repeat("[0]", MaxDepth)}, {strings.Repeat("[", 1_000_000), hub.CodeTooDeep, strings.Repeat("[0]", MaxDepth)},
		{strings.Repeat(`{"a":`, MaxDepth+1), hub.CodeTooDeep, strings.TrimSuffix(strings.Repeat("a.", MaxDepth), ".")},
		{`{"a":[{"b":1},{"c":[1,2,x]}]}`, hub.CodeMalformed, "a[1].c[2]"},
	} {
		_, err := Parse([]byte(c.text))
		if hub.CodeOf(err) != c.code || hub.PathOf(err) != c.path || hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%.40q: %v, want %s at %q", c.text, err, c.code, c.path)
		}
	}
}

// TestAccepted lists what is JSON, unusual as it looks.
func TestAccepted(t *testing.T) {
	for _, text := range []string{
		"0", "-0", "0.0", "-1.5e-10", "1E400", strings.Repeat("9", 400), "true", "false", "null", `""`, `"\/"`, `"\u0000"`, `"\ud83d\ude00"`, "\"\u2028\"",
		"[]", "{}", " [ 1 , 2 ] \r\n", `{"a":1,"A":2,"a ":3,"á":4,"a\u0301":5}`, strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth), "\"\x7f\"",
	} {
		if v, err := Parse([]byte(text)); err != nil || !json.Valid([]byte(text)) || v.Kind() == Absent {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

// TestLookUp: names are compared exactly, whatever their spelling in the text.
func TestLookUp(t *testing.T) {
	v, err := Parse([]byte(`{"Total_Price":"1","total_price":"2","tot\u0061l":"3","x":{"total_price":"4"},"l":[1,"b",null]}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"total_price": "2", "Total_Price": "1", "TOTAL_PRICE": "", "total": "3", "tot\\u0061l": "", "": ""} {
		if got := v.Get(name).Text(); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	if got := v.Get("x").Get("total_price"); got.Text() != "4" || got.Path() != "x.total_price" || got.Get("a").Kind() != Absent {
		t.Errorf("%q at %q", got.Text(), got.Path())
	}
	texts := ""
	for item := range v.Get("l").Items() {
		texts += item.Text() + item.Path() + " "
	}
	if texts != "1l[0] bl[1] l[2] " || v.Get("l").Len() != 3 || v.Get("l").Get("x").Kind() != Absent {
		t.Errorf("items %q", texts)
	}
	if v.Get("none").Path() != "" || v.Get("none").Raw() != nil || v.Get("l").Join("n") != "l.n" || v.Join("n") != "n" {
		t.Error("paths of what is not there")
	}
	for range v.Members() {
		break
	}
	for range v.Get("l").Items() {
		break
	}
}

// TestNext reads documents that follow one another.
func TestNext(t *testing.T) {
	rest, n := []byte("{}[1] \n 7 true"), 0
	for len(strings.TrimSpace(string(rest))) > 0 {
		var err error
		if _, rest, err = Next(rest); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 4 {
		t.Errorf("%d documents", n)
	}
}

// TestReader reads each type from each value: right, absent and null, or refused with code and place.
func TestReader(t *testing.T) {
	v, err := Parse([]byte(`{"s":"é\n","n":12,"neg":-1,"f":1.5,"e":1e2,"big":9223372036854775808,"t":true,"u":null,"o":{},"a":[],
		"when":"2026-03-01T09:00:00.5+09:00","day":"2026-03-01","old":"0001-01-01T00:00:00Z","m":"1.50","c":"EUR","ctl":"a\u0085b","esc":"2026-03-01T09:00:00\u005a"}`))
	if err != nil {
		t.Fatal(err)
	}
	eur := hub.Currency("EUR")
	for _, c := range []struct {
		name string
		read func(*Reader, Value) any
		want map[string]any // by member; a hub.Code is a refusal
	}{
		{"Text", func(r *Reader, v Value) any { return r.Text(v) }, map[string]any{"s": "é\n", "none": "", "u": "", "n": hub.CodeWrongType, "o": hub.CodeWrongType}},
		{"Name", func(r *Reader, v Value) any { return r.Name(v, 3) }, map[string]any{"c": "EUR", "none": "", "s": hub.CodeOutOfRange, "ctl": hub.CodeTooLong, "n": hub.CodeWrongType}},
		{"Name", func(r *Reader, v Value) any { return r.Name(v, 9) }, map[string]any{"ctl": hub.CodeOutOfRange}},
		{"Bool", func(r *Reader, v Value) any { return r.Bool(v) }, map[string]any{"t": true, "u": false, "n": hub.CodeWrongType}},
		{"Count", func(r *Reader, v Value) any { return r.Count(v) }, map[string]any{"n": int64(12), "none": int64(0), "neg": hub.CodeOutOfRange, "f": hub.CodeOutOfRange, "e": hub.CodeOutOfRange, "big": hub.CodeOutOfRange, "s": hub.CodeWrongType}},
		{"Time", func(r *Reader, v Value) any { return r.Time(v).Format(time.RFC3339Nano) }, map[string]any{"when": "2026-03-01T09:00:00.5+09:00", "esc": "2026-03-01T09:00:00Z", "day": hub.CodeTimeInvalid, "old": hub.CodeTimeInvalid, "n": hub.CodeWrongType}},
		{"Money", func(r *Reader, v Value) any {
			if m := r.Money(v, eur); m != (hub.Money{}) {
				return m.Amount()
			}
			return nil
		}, map[string]any{"m": "1.50", "n": "12.00", "neg": "-1.00", "f": "1.50", "none": nil, "u": nil, "e": hub.CodeMoneyInvalid, "big": hub.CodeMoneyOverflow, "t": hub.CodeWrongType, "o": hub.CodeWrongType}},
		{"Currency", func(r *Reader, v Value) any { return string(r.Currency(v)) }, map[string]any{"c": "EUR", "none": "", "m": hub.CodeCurrencyUnknown, "a": hub.CodeWrongType}},
	} {
		for name, want := range c.want {
			var r Reader
			got := c.read(&r, v.Get(name))
			code, refused := want.(hub.Code)
			switch {
			case refused && (hub.CodeOf(r.Err()) != code || hub.PathOf(r.Err()) != name):
				t.Errorf("%s of %s: %v, want %s", c.name, name, r.Err(), code)
			case !refused && (got != want || r.Err() != nil):
				t.Errorf("%s of %s: %v, %v, want %v", c.name, name, got, r.Err(), want)
			}
		}
	}
}

// TestFirstFailure: the first failure stays, and nothing is read after it.
func TestFirstFailure(t *testing.T) {
	v, err := Parse([]byte(`{"a":1,"b":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	var r Reader
	r.Text(v.Get("a"))
	r.Need(v, "missing")
	if got := r.Text(v.Get("b")); got != "" || hub.PathOf(r.Err()) != "a" {
		t.Errorf("%q after %v", got, r.Err())
	}
	var other Reader
	if other.Need(v, "missing"); hub.CodeOf(other.Err()) != hub.CodeMissing || hub.PathOf(other.Err()) != "missing" {
		t.Errorf("missing: %v", other.Err())
	}
}

// TestCollision: names with one hash are told apart, and found when they come twice.
func TestCollision(t *testing.T) {
	if hashOf("costarring") != hashOf("liquid") || hashOf("declinate") != hashOf("macallums") {
		t.Fatal("these names no longer collide")
	}
	if _, err := Parse([]byte(`{"costarring":1,"liquid":2,"declinate":3,"macallums":4}`)); err != nil {
		t.Error(err)
	}
	if _, err := Parse([]byte(`{"costarring":1,"liquid":2,"costarring":3}`)); hub.PathOf(err) != "costarring" {
		t.Error(err)
	}
}

// TestLinear: input made to be slow is not. Many members of one object, a failure behind many values, many documents one
// after another; with a square of these numbers the test would not end.
func TestLinear(t *testing.T) {
	var many strings.Builder
	many.WriteString("{")
	for i := range 50_000 {
		many.WriteString(`"k` + strconv.Itoa(i) + `":0,`)
	}
	start := time.Now()
	many.WriteString(`"k0":1}`)
	if _, err := Parse([]byte(many.String())); hub.CodeOf(err) != hub.CodeDuplicateKey || hub.PathOf(err) != "k0" {
		t.Errorf("many members: %v", err)
	}
	long := "[" + strings.Repeat("[],", 500_000) + "x]"
	if _, err := Parse([]byte(long)); hub.PathOf(err) != "[500000]" {
		t.Errorf("late failure: %v", err)
	}
	documents := 0
	for rest := []byte(strings.Repeat("{}\n", 20_000)); len(rest) > 1; documents++ {
		var err error
		if _, rest, err = Next(rest); err != nil {
			t.Fatal(err)
		}
	}
	if documents != 20_000 {
		t.Errorf("%d documents", documents)
	}
	t.Logf("%d and %d bytes in %v", many.Len(), len(long), time.Since(start))
}
