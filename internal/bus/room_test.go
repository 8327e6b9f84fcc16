package bus

import (
	"bytes"
	"fmt"
	"testing"

	"hub"
	"hub/internal/relay"
)

// big are changes of a line with documents of 100 KB.
func big(l relay.Line, first, last int64) []hub.Change {
	list := changes(l, first, last)
	for i, c := range list {
		list[i].Doc = fmt.Appendf(nil, `{"platform":"shopify","pad":%q,"tenant_id":%q}`, bytes.Repeat([]byte("x"), 100_000), c.Tenant)
	}
	return list
}

// A stream that is full drops its oldest events and goes on taking new ones. What it dropped is no loss, young as it is;
// what somebody purges is. The bound holds after a start with a smaller one, too.
func TestStreamMakesRoom(t *testing.T) {
	onBothWith(t, func(c *Config) { c.MaxStore = 16 << 20 }, func(r *rig) {
		t := r.T
		created, err := r.bus.Created(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		quiet := changes(line(1), 1, 3)
		mark := relay.Mark{Created: created, Position: r.told(line(1), 0, quiet...), Change: quiet[2].ID, At: r.config.Clock()}
		at := uint64(0)
		tell := func(first, last int64) {
			t.Helper()
			for n := first; n <= last; n += 10 {
				at = r.told(line(0), at, big(line(0), n, min(n+9, last))...)
			}
		}
		holds := func(what string, m relay.Mark, want bool) {
			t.Helper()
			if ok, err := r.bus.Holds(t.Context(), m); ok != want || err != nil {
				t.Errorf("%s: holds is %v, %v", what, ok, err)
			}
		}
		size := func(most int64) {
			t.Helper()
			s, err := r.bus.js.Stream(t.Context(), StreamOrders)
			if err != nil {
				t.Fatal(err)
			}
			if i := s.CachedInfo(); i.State.Bytes > uint64(most) || i.State.Bytes < uint64(most/8*7) || i.Config.MaxBytes != most {
				t.Errorf("%d bytes in the stream, its bound is %d and should be %d", i.State.Bytes, i.Config.MaxBytes, most)
			}
		}
		tell(1, 60)
		holds("with room left", mark, true)
		tell(61, 300)
		size(12 << 20)
		if m, err := r.bus.Last(t.Context(), line(1)); err != nil || m.Position != 0 {
			t.Errorf("the first events are still there: %+v, %v", m, err)
		}
		holds("after it made room", mark, true)
		r.config.MaxStore = 8 << 20
		r.offline(func(string) {})
		if r.process != nil { // another start of the hub
			r.bus.Close()
			r.open()
		}
		tell(301, 310)
		size(6 << 20)
		last := relay.Mark{Created: created, Position: at, Change: changes(line(0), 310, 310)[0].ID, At: r.config.Clock()}
		holds("with a smaller bound", last, true)
		s, err := r.bus.js.Stream(t.Context(), StreamOrders)
		if err == nil {
			err = s.Purge(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		holds("after a purge", last, false)
	})
}

// What the operator of an external broker says of its room stays.
func TestRoomOfTheOperator(t *testing.T) {
	onExternal(t, func(*Config) {}, func(r *rig) {
		t := r.T
		s, err := r.bus.js.Stream(t.Context(), StreamOrders)
		if err != nil {
			t.Fatal(err)
		}
		config := s.CachedInfo().Config
		config.MaxBytes, config.MaxAge = 32<<20, 0
		if _, err := r.bus.js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		r.bus.Close()
		r.open()
		if s, err = r.bus.js.Stream(t.Context(), StreamOrders); err != nil {
			t.Fatal(err)
		}
		if c := s.CachedInfo().Config; c.MaxBytes != 32<<20 || c.MaxAge != r.config.Window {
			t.Errorf("%+v", c)
		}
	})
}

// A stream that takes nothing at all is not the fault of a message: nobody's line is held for it.
func TestSealedIsNoRefusal(t *testing.T) {
	onBoth(t, func(r *rig) {
		t := r.T
		at := r.told(line(0), 0, changes(line(0), 1, 2)...)
		s, err := r.bus.js.Stream(t.Context(), StreamOrders)
		if err != nil {
			t.Fatal(err)
		}
		config := s.CachedInfo().Config
		config.Sealed = true
		if _, err := r.bus.js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		runs := []relay.Run{{Line: line(0), After: at, Changes: changes(line(0), 3, 4)}, {Line: line(1), Changes: changes(line(1), 1, 2)}}
		for i, x := range r.bus.Publish(t.Context(), runs) {
			if x.Count != 0 || hub.KindOf(x.Err) != hub.KindUnavailable {
				t.Errorf("run %d: %+v", i, x)
			}
		}
	})
}
