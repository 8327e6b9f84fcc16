package audit

import (
	"reflect"
	"testing"
	"time"

	"hub"
)

func TestRecordRoundTrip(t *testing.T) {
	at := time.Date(2026, 7, 1, 12, 30, 0, 123456000, time.UTC)
	want := []Entry{
		{ID: "aud_1", Tenant: "ten_1", At: at, Actor: hub.Actor{Key: "key_1", Role: "erp", Request: "req_1"}, Action: "a", Target: "b", Count: 7, Hub: "ins_1"},
		{ID: "aud_2", At: at, Actor: hub.Actor{Role: "system"}, Action: "c", Count: 1},
	}
	b, err := encode("shard s0", want)
	if err != nil {
		t.Fatal(err)
	}
	source, got, err := decode(b)
	if err != nil || source != "shard s0" || !reflect.DeepEqual(got, want) {
		t.Errorf("%s %+v: %v", source, got, err)
	}
	for _, wrong := range []string{
		"", "null", "{}", `{"format":1,"source":"a","entries":[]}`, `{"format":1,"entries":[{"id":"a"}]}`, string(b) + "{}", string(b) + "x",
		`{"format":2,"source":"a","entries":[{"id":"a"}]}`, `{"format":1,"source":"a","entries":[{"id":""}]}`, `{"format":1,"source":"a","more":1,"entries":[{"id":"a"}]}`,
	} {
		if _, _, err := decode([]byte(wrong)); hub.KindOf(err) != hub.KindPermanent {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, err := encode("a", []Entry{{At: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}}); err == nil {
		t.Error("a time that JSON cannot hold was encoded")
	}
}

// FuzzDecode: whatever is read, there is an entry with an id or an error, and what is read is written the same way.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"format":1,"source":"a","entries":[{"id":"aud_1","at":"2026-07-01T00:00:00Z","count":1}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		source, entries, err := decode(b)
		if err != nil {
			return
		}
		again, err := encode(source, entries)
		if err != nil || len(entries) == 0 {
			return
		}
		if s, e, err := decode(again); err != nil || s != source || len(e) != len(entries) {
			t.Errorf("%d entries became %d of %s: %v", len(entries), len(e), s, err)
		}
	})
}
