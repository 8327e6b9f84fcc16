package adaptertest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// File reads a sample of the driver under test, from its folder testdata.
func File(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(text)
}

// Removed as a value takes the member away.
const Removed = "\x00removed"

// Edited returns the document with the values at the paths replaced: Edited(t, doc, "item_list.0.model_id", `"7"`, …). Values
// are raw JSON.
func Edited(t testing.TB, document []byte, changes ...string) []byte {
	t.Helper()
	var root any
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	if err := decoder.Decode(&root); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(changes); i += 2 {
		replace(t, root, strings.Split(changes[i], "."), changes[i+1])
	}
	out, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func replace(t testing.TB, v any, path []string, raw string) {
	t.Helper()
	if len(path) > 1 {
		switch v := v.(type) {
		case map[string]any:
			replace(t, v[path[0]], path[1:], raw)
		case []any:
			i, _ := strconv.Atoi(path[0])
			replace(t, v[i], path[1:], raw)
		default:
			t.Fatalf("no %q in the document", path[0])
		}
		return
	}
	switch v := v.(type) {
	case map[string]any:
		if raw == Removed {
			delete(v, path[0])
			return
		}
		v[path[0]] = json.RawMessage(raw)
	case []any:
		i, _ := strconv.Atoi(path[0])
		v[i] = json.RawMessage(raw)
	}
}
