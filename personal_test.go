package hub

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// leaf says that a type is walked no further.
func leaf(t reflect.Type) bool {
	return t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[Money]() || t.Kind() != reflect.Struct
}

// TestEveryFieldHasAClass: a field without a class could reach a feed page unnoticed.
func TestEveryFieldHasAClass(t *testing.T) {
	seen := map[reflect.Type]bool{}
	fields := 0
	var walk func(reflect.Type)
	walk = func(at reflect.Type) {
		for at.Kind() == reflect.Pointer || at.Kind() == reflect.Slice {
			at = at.Elem()
		}
		if leaf(at) || seen[at] {
			return
		}
		seen[at] = true
		for i := range at.NumField() {
			f := at.Field(i)
			fields++
			if c := Class(f.Tag.Get("class")); c != P1 && c != P2 && c != P3 {
				t.Errorf("%s.%s has class %q", at.Name(), f.Name, c)
			}
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == "" || name != strings.ToLower(name) {
				t.Errorf("%s.%s is called %q in JSON", at.Name(), f.Name, name)
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[Order]())
	walk(reflect.TypeFor[Personal]())
	t.Logf("%d fields in %d types", fields, len(seen))
}

// fill gives a random value, every third time none. Slices are nil or have elements, for JSON cannot tell an empty one.
func fill(r *rand.Rand, v reflect.Value) {
	if r.IntN(3) == 0 && v.Kind() != reflect.Struct {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(r, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+r.IntN(3), 4))
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", r.Uint64()))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(r.IntN(1000)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Struct:
		switch v.Type() {
		case reflect.TypeFor[time.Time]():
			v.Set(reflect.ValueOf(time.Unix(int64(r.IntN(1e9)), 0).UTC()))
		case reflect.TypeFor[Money]():
			v.Set(reflect.ValueOf(Money{int64(r.IntN(1e6)), "EUR"}))
		default:
			for i := range v.NumField() {
				fill(r, v.Field(i))
			}
		}
	}
}

// personalIn lists the fields of class P1 or P2 that hold something. The title of a custom line is one of them.
func personalIn(v reflect.Value, path string) (found []string) {
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return personalIn(v.Elem(), path)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			found = append(found, personalIn(v.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
	case !leaf(v.Type()):
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Tag.Get("class") != string(P3) && !v.Field(i).IsZero() {
				found = append(found, path+"."+f.Name)
			}
			found = append(found, personalIn(v.Field(i), path+"."+f.Name)...)
		}
		if l, ok := v.Interface().(Line); ok && l.Custom && l.Title != "" {
			found = append(found, path+".Title")
		}
	}
	return found
}

// TestSplit: the business record holds nothing personal, the whole comes back from the parts, also through JSON, and
// the order itself stays as it was.
func TestSplit(t *testing.T) {
	rounds := 500
	if os.Getenv("HUB_DRILL") != "" {
		rounds = 200_000
	}
	const seed = 3
	r := rand.New(rand.NewPCG(seed, seed))
	personal := 0
	for range rounds {
		var o Order
		fill(r, reflect.ValueOf(&o).Elem())
		before := mustJSON(t, o)
		business, part := o.Split()
		if found := personalIn(reflect.ValueOf(business), "Order"); len(found) > 0 {
			t.Fatalf("left in the business record: %v", found)
		}
		personal += len(personalIn(reflect.ValueOf(o), "Order"))
		if after := mustJSON(t, o); after != before {
			t.Fatal("Split changed its order")
		}
		back, err := Join(business, part)
		if err != nil || !reflect.DeepEqual(back, o) {
			t.Fatalf("not the same: %v\n%s\n%s", err, before, mustJSON(t, back))
		}
		var stored Order
		var sealed Personal
		if json.Unmarshal([]byte(mustJSON(t, business)), &stored) != nil || json.Unmarshal([]byte(mustJSON(t, part)), &sealed) != nil {
			t.Fatal("the parts do not read back")
		}
		if back, err = Join(stored, sealed); err != nil || mustJSON(t, back) != before {
			t.Fatalf("not the same through JSON: %v\n%s\n%s", err, before, mustJSON(t, back))
		}
	}
	t.Logf("%d orders, seed %d: %d personal fields taken out, 0 left", rounds, seed, personal)
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestJoinRefuses: a personal part that belongs to another revision is never put into the wrong line.
func TestJoinRefuses(t *testing.T) {
	business := Order{Lines: make([]Line, 1), Discounts: make([]Discount, 1), Fulfillments: make([]Fulfillment, 1)}
	for _, at := range []int{-1, 1} {
		for _, p := range []Personal{
			{Lines: []PersonalLine{{At: at}}}, {Discounts: []PersonalDiscount{{At: at}}}, {Fulfillments: []PersonalFulfillment{{At: at}}},
		} {
			if _, err := Join(business, p); KindOf(err) != KindConflict {
				t.Errorf("place %d: %v", at, err)
			}
		}
	}
}
