package adaptertest

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"hub"
	"hub/adapters/driver"
)

// testDamaged throws damaged bodies at the driver: it must not panic, what it refuses must be parkable without a word
// of the payload, and what it accepts must hold what is always true.
func testDamaged(t *testing.T, h Harness) {
	rounds := 400
	if os.Getenv("HUB_DRILL") != "" {
		rounds = 40_000
	}
	const seed = 7
	random := rand.New(rand.NewPCG(seed, seed))
	accepted, refusals := 0, 0
	for _, d := range h.Deliveries {
		leaves := textLeaves(d.Body)
		for range rounds {
			body := damage(random, d.Body)
			got, err := h.Driver.Read(driver.Delivery{Notice: d.Notice, Account: h.Account, Body: body, ReceivedAt: d.Notice.TriggeredAt})
			if err != nil {
				refusals++
				silent(t, d.Name, err, leaves)
				continue
			}
			accepted++
			for _, draft := range got.Drafts {
				if draft.Deleted.IsZero() && draft.Order.Check() != nil {
					t.Errorf("%s: accepted an order that does not add up", d.Name)
				}
				encode(t, draft.Order)
			}
		}
	}
	t.Logf("%d damaged bodies, seed %d: %d refused, %d still readable", accepted+refusals, seed, refusals, accepted)
}

// silent fails when err is not parkable or when its text holds one of the texts of the payload.
func silent(t *testing.T, name string, err error, leaves []string) {
	t.Helper()
	if !hub.Parkable(err) {
		t.Errorf("%s: %v is not parkable", name, err)
	}
	for _, leaf := range leaves {
		if strings.Contains(err.Error(), leaf) {
			t.Errorf("%s: the error shows a text of the payload", name)
		}
	}
}

// damage changes a few places: bits, deletions, insertions of what parsers dislike, repeated and swapped pieces.
func damage(random *rand.Rand, body []byte) []byte {
	out := bytes.Clone(body)
	for range 1 + random.IntN(3) {
		if len(out) < 4 {
			return out
		}
		at := random.IntN(len(out))
		end := min(len(out), at+1+random.IntN(24))
		switch random.IntN(6) {
		case 0:
			out[at] ^= 1 << random.IntN(8)
		case 1:
			out = append(out[:at], out[end:]...)
		case 2:
			out = bytes.Join([][]byte{out[:at], []byte(nasty[random.IntN(len(nasty))]), out[at:]}, nil)
		case 3:
			out = bytes.Join([][]byte{out[:end], out[at:end], out[end:]}, nil)
		case 4:
			out = out[:at]
		case 5:
			if digit := bytes.IndexAny(out[at:], "0123456789"); digit >= 0 {
				out[at+digit] = byte('0' + random.IntN(10))
			}
		}
	}
	return out
}

var nasty = []string{
	"\x00", "\xff", "\xed\xa0\x80", `\ud800`, `\u0000`, "NaN", "Infinity", "-0", "1e999", "null", `"`, "{", "}", "[", "]", ",", ":",
	"-", "99999999999999999999", `"id":`, "\ufeff", "/*", `{"a":1,"a":2}`,
}

// canary is text that no mapping expects and no error may show.
const canary = "canary.7f3a@person.example"

// testLeaks puts the canary, and other types, in the place of each value of each sample, one at a time.
func testLeaks(t *testing.T, h Harness) {
	changed, refusals := 0, 0
	for _, o := range h.Orders {
		for _, document := range o.Documents {
			parts, err := h.Driver.Split(document)
			if err != nil {
				t.Fatalf("%s: %v", o.Name, err)
			}
			leaves := append(textLeaves(parts[0]), canary)
			eachLeaf(parts[0], func(body []byte) {
				changed++
				draft, err := h.Driver.Order(body)
				if err != nil {
					refusals++
					silent(t, o.Name, err, leaves)
				} else if draft.Order.Check() != nil {
					t.Errorf("%s: accepted an order that does not add up", o.Name)
				}
			})
		}
	}
	if refusals == 0 {
		t.Error("nothing was refused")
	}
	t.Logf("%d documents with one value replaced: %d refused, none showed a text of the payload", changed, refusals)
}

// eachLeaf calls f with the document for every scalar and two replacements of it, taking turns; with HUB_DRILL for all.
func eachLeaf(document []byte, f func([]byte)) {
	var root any
	exact := json.NewDecoder(bytes.NewReader(document))
	exact.UseNumber() // an id above 2^53 stays what it is
	if exact.Decode(&root) != nil {
		return
	}
	turn := 0
	var walk func(v any, put func(any))
	try := func(old any, put func(any)) {
		others := []any{canary, []any{canary}, map[string]any{canary: canary}, true, -1, json.RawMessage("1e-3"), nil}
		some := len(others)
		if os.Getenv("HUB_DRILL") == "" {
			some = 2
		}
		for range some {
			put(others[turn%len(others)])
			turn++
			if body, err := json.Marshal(root); err == nil {
				f(body)
			}
		}
		put(old)
	}
	walk = func(v any, put func(any)) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				walk(member, func(x any) { v[name] = x })
			}
		case []any:
			for i, item := range v {
				walk(item, func(x any) { v[i] = x })
			}
		default:
			try(v, put)
		}
	}
	walk(root, func(x any) { root = x })
}

// textLeaves returns the strings of a document that are long enough not to occur by chance, without those that are part
// of a member's name, for paths show names.
func textLeaves(document []byte) (leaves []string) {
	names := vocabulary
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				names += " " + name
				walk(member)
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		case string:
			if len(v) >= 6 {
				leaves = append(leaves, v)
			}
		}
	}
	var root any
	if json.Unmarshal(document, &root) == nil {
		walk(root)
	}
	return slices.DeleteFunc(leaves, func(leaf string) bool { return strings.Contains(names, leaf) })
}

// vocabulary holds texts that errors use themselves.
const vocabulary = "reading shopify shopee mercadolibre document delivery"
