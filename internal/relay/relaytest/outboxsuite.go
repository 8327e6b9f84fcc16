package relaytest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"hub"
	"hub/internal/relay"
)

// OutboxFixture is a shard that only the suite uses, and what can be done beside its outbox. All fields are required.
type OutboxFixture struct {
	Outbox  relay.Outbox
	Shard   hub.ShardID
	NewLine func() relay.Line                        // a line of that shard that nobody else has
	Commit  func(t *testing.T, changes []hub.Change) // appends them to the feed, in one transaction
	Advance func(time.Duration)                      // of the clock by which leadership ends
	Again   func(t *testing.T) (beside relay.Outbox) // the same shard, opened by another hub where that can be
}

// RunOutbox runs the suite of relay.Outbox.
func RunOutbox(t *testing.T, f OutboxFixture) {
	for _, c := range []struct {
		name string
		test func(*outboxEnv)
	}{
		{"Lead", outboxLead}, {"Wrong clock", outboxWrongClock}, {"Behind", outboxBehind}, {"Changes", outboxChanges}, {"Large", outboxLarge}, {"Tell", outboxTell},
		{"Fenced", outboxFenced}, {"Rewind", outboxRewind}, {"Context", outboxContext},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.test(&outboxEnv{T: t, f: f, o: f.Outbox, beside: f.Again(t)})
		})
	}
}

type outboxEnv struct {
	*testing.T
	f      OutboxFixture
	o      relay.Outbox
	beside relay.Outbox
}

// leader leads under a name of its own, after whoever led before.
func (e *outboxEnv) leader() (holder string, epoch int64) {
	e.Helper()
	e.f.Advance(time.Hour)
	holder = ids().New("ins_")
	epoch, err := e.o.Lead(e.Context(), e.f.Shard, holder, 5*time.Second)
	if err != nil {
		e.Fatal(err)
	}
	return holder, epoch
}

// commit appends n changes to a line, the first of them made at a time, each of the others a minute later.
func (e *outboxEnv) commit(l relay.Line, from int64, n int, at time.Time) []hub.Change {
	e.Helper()
	list := Changes(l, from, from+int64(n)-1)
	for i := range list {
		list[i].Time = at.Add(time.Duration(i) * time.Minute)
	}
	e.f.Commit(e.T, list)
	return list
}

// behind returns those of the lines that are behind, reading in pages.
func (e *outboxEnv) behind(o relay.Outbox, lines ...relay.Line) (list []relay.Place) {
	e.Helper()
	for after := (relay.Line{}); ; {
		page, err := o.Behind(e.Context(), e.f.Shard, after, 3)
		if err != nil {
			e.Fatal(err)
		}
		for _, p := range page {
			if relay.Compare(p.Line, after) <= 0 {
				e.Fatalf("line %v comes after %v", p.Line, after)
			}
			after = p.Line
			if slices.Contains(lines, p.Line) {
				list = append(list, p)
			}
		}
		if len(page) < 3 {
			return list
		}
	}
}

func (e *outboxEnv) notLeader(what string, err error) {
	e.Helper()
	if hub.CodeOf(err) != relay.CodeNotLeader || hub.KindOf(err) != hub.KindConflict {
		e.Errorf("%s: %v", what, err)
	}
}

func outboxLead(e *outboxEnv) {
	ctx, shard := e.Context(), e.f.Shard
	first, epoch := e.leader()
	again, err := e.o.Lead(ctx, shard, first, 10*time.Second)
	if err != nil || again != epoch {
		e.Errorf("extended: epoch %d, %v; want %d", again, err, epoch)
	}
	_, err = e.beside.Lead(ctx, shard, "ins_other", 5*time.Second)
	e.notLeader("while another leads", err)
	e.f.Advance(9 * time.Second)
	_, err = e.beside.Lead(ctx, shard, "ins_other", 5*time.Second)
	e.notLeader("in the extension", err)
	must(e.T, e.beside.Resign(ctx, shard, "ins_other"))
	_, err = e.beside.Lead(ctx, shard, "ins_other", 5*time.Second)
	e.notLeader("after somebody else resigned", err)
	e.f.Advance(2 * time.Second)
	next, err := e.beside.Lead(ctx, shard, "ins_other", 5*time.Second)
	if err != nil || next <= epoch {
		e.Errorf("after it lapsed: epoch %d, %v; more than %d is due", next, err, epoch)
	}
	_, err = e.o.Lead(ctx, shard, first, 5*time.Second)
	e.notLeader("who lost it", err)
	must(e.T, e.beside.Resign(ctx, shard, "ins_other"))
	last, err := e.o.Lead(ctx, shard, first, 5*time.Second)
	if err != nil || last <= next {
		e.Errorf("after a resignation: epoch %d, %v; more than %d is due", last, err, next)
	}
}

// outboxWrongClock holds that a leadership which a wrong clock has given for years ends with that clock.
func outboxWrongClock(e *outboxEnv) {
	const years = 50_000 * time.Hour
	e.f.Advance(years)
	wrong, epoch := e.leader()
	e.f.Advance(-years)
	_, err := e.beside.Lead(e.Context(), e.f.Shard, "ins_right", 5*time.Second)
	if err == nil {
		_, err = e.o.Lead(e.Context(), e.f.Shard, wrong, 5*time.Second)
		e.notLeader("who led until far in the future", err)
		e.notLeader("its telling", e.o.Tell(e.Context(), e.f.Shard, epoch, nil, relay.Mark{}))
	} else {
		e.Errorf("the right clock does not lead: %v", err)
	}
	must(e.T, e.beside.Resign(e.Context(), e.f.Shard, "ins_right"))
}

func outboxBehind(e *outboxEnv) {
	_, epoch := e.leader()
	var lines []relay.Line
	for range 7 {
		lines = append(lines, e.f.NewLine())
	}
	slices.SortFunc(lines, relay.Compare)
	now := time.Now().UTC().Truncate(time.Microsecond)
	var want, told []relay.Place
	for i, l := range lines[1:] {
		list := e.commit(l, 1, 3, now)
		p := relay.Place{Line: l, Told: int64(i % 4), Position: uint64(i % 4 * 1000), Head: 3}
		if p.Told > 0 {
			told = append(told, p)
		}
		if p.Told < 3 {
			p.Since = list[p.Told].Time
			want = append(want, p)
		}
	}
	must(e.T, e.o.Tell(e.Context(), e.f.Shard, epoch, told, relay.Mark{}))
	for _, o := range []relay.Outbox{e.o, e.beside} {
		if got := e.behind(o, lines...); !reflect.DeepEqual(got, want) {
			e.Errorf("behind are %+v, want %+v", got, want)
		}
	}
}

// pages reads with a bound on bytes until nothing follows, and returns the changes of each line.
func (e *outboxEnv) pages(o relay.Outbox, lines []relay.Line, limit, maxBytes int) (all [][]hub.Change, calls int) {
	e.Helper()
	all = make([][]hub.Change, len(lines))
	for open := true; open; calls++ {
		wants := make([]relay.Want, len(lines))
		for i, l := range lines {
			wants[i] = relay.Want{Line: l, After: int64(len(all[i])), Limit: limit}
		}
		pages, err := o.Changes(e.Context(), e.f.Shard, wants, maxBytes)
		if err != nil || len(pages) != len(wants) {
			e.Fatalf("%d pages for %d wants: %v", len(pages), len(wants), err)
		}
		open = false
		size, count := 0, 0
		for i, p := range pages {
			for k, c := range p.Changes {
				if c.Sequence != int64(len(all[i])+1) || k >= limit {
					e.Fatalf("number %d at %d of a page of %d", c.Sequence, k, limit)
				}
				all[i] = append(all[i], c)
				size += len(c.Doc)
			}
			count += len(p.Changes)
			open = open || p.More
		}
		if count > 1 && size > maxBytes || count == 0 && open {
			e.Fatalf("%d changes of %d bytes; the bound is %d", count, size, maxBytes)
		}
	}
	return all, calls
}

func outboxChanges(e *outboxEnv) {
	var lines []relay.Line
	var want [][]hub.Change
	for i := range 150 {
		l := e.f.NewLine()
		lines = append(lines, l)
		if i%10 == 9 {
			want = append(want, nil)
			continue
		}
		want = append(want, e.commit(l, 1, 1+i%7, time.Now().UTC().Truncate(time.Microsecond)))
	}
	long := e.f.NewLine()
	lines, want = append(lines, long), append(want, e.commit(long, 1, 700, time.Now().UTC().Truncate(time.Microsecond)))
	for _, bound := range []struct{ limit, bytes int }{{1000, 1 << 20}, {40, 1 << 20}, {400, 10_000}} {
		for _, o := range []relay.Outbox{e.o, e.beside} {
			got, calls := e.pages(o, lines, bound.limit, bound.bytes)
			if !reflect.DeepEqual(got, want) {
				for i := range got {
					if !reflect.DeepEqual(got[i], want[i]) {
						e.Fatalf("limits %v, line %d: %+v, want %+v", bound, i, got[i], want[i])
					}
				}
			}
			e.Logf("%d lines in pages of %d changes and %d bytes: %d calls", len(lines), bound.limit, bound.bytes, calls)
		}
	}
	if pages, err := e.o.Changes(e.Context(), e.f.Shard, nil, 100); err != nil || len(pages) != 0 {
		e.Errorf("nothing wanted: %+v, %v", pages, err)
	}
	beyond := []relay.Want{{Line: long, After: 700, Limit: 5}, {Line: long, After: 5000, Limit: 5}, {Line: e.f.NewLine(), After: 0, Limit: 5}}
	if pages, err := e.o.Changes(e.Context(), e.f.Shard, beyond, 100); err != nil || !reflect.DeepEqual(pages, make([]relay.Page, 3)) {
		e.Errorf("beyond the head: %+v, %v", pages, err)
	}
}

// outboxLarge holds that one large document comes alone and keeps nothing behind it away for good.
func outboxLarge(e *outboxEnv) {
	a, b := e.f.NewLine(), e.f.NewLine()
	list := Changes(a, 1, 5)
	for i := range list {
		if i%2 == 1 {
			list[i].Doc = fmt.Appendf(nil, `{"platform":"shopify","pad":%q}`, make([]byte, 300_000))
		}
	}
	e.f.Commit(e.T, list)
	small := e.commit(b, 1, 2, time.Now().UTC().Truncate(time.Microsecond))
	got, calls := e.pages(e.o, []relay.Line{a, b}, 100, 1000)
	if !reflect.DeepEqual(got, [][]hub.Change{list, small}) || calls < 3 {
		e.Errorf("%d and %d changes in %d calls", len(got[0]), len(got[1]), calls)
	}
}

func outboxTell(e *outboxEnv) {
	_, epoch := e.leader()
	a, b := e.f.NewLine(), e.f.NewLine()
	now := time.Now().UTC().Truncate(time.Microsecond)
	list := e.commit(a, 1, 9, now)
	e.commit(b, 1, 9, now)
	mark := relay.Mark{Created: now.Add(-time.Hour), Position: 1 << 40, Change: "evt_1", At: now}
	for i, told := range []int64{4, 8, 2, 9, 0} { // also back
		place := relay.Place{Line: a, Told: told, Position: uint64(1000 + i)}
		mark.Position++
		must(e.T, e.o.Tell(e.Context(), e.f.Shard, epoch, []relay.Place{place}, mark))
		got := e.behind(e.beside, a)
		place.Head = 9
		if told < 9 {
			place.Since = list[told].Time
		}
		if want := []relay.Place{place}; told < 9 && !reflect.DeepEqual(got, want) || told == 9 && got != nil {
			e.Errorf("told %d: %+v", told, got)
		}
		if m, err := e.beside.Marked(e.Context(), e.f.Shard); err != nil || m != mark {
			e.Errorf("the mark is %+v, %v; want %+v", m, err, mark)
		}
	}
	if got := e.behind(e.o, b); len(got) != 1 || got[0].Told != 0 || got[0].Position != 0 {
		e.Errorf("another line: %+v", got)
	}
	var many []relay.Place
	for range 1200 {
		many = append(many, relay.Place{Line: e.f.NewLine(), Told: 3, Position: 7})
	}
	must(e.T, e.o.Tell(e.Context(), e.f.Shard, epoch, many, mark))
	e.commit(many[1199].Line, 1, 4, now)
	if got := e.behind(e.o, many[1199].Line); len(got) != 1 || got[0].Told != 3 {
		e.Errorf("the last of many: %+v", got)
	}
}

// outboxFenced holds that who leads no more stores nothing.
func outboxFenced(e *outboxEnv) {
	ctx, shard := e.Context(), e.f.Shard
	_, old := e.leader()
	a := e.f.NewLine()
	now := time.Now().UTC().Truncate(time.Microsecond)
	e.commit(a, 1, 5, now)
	mark := relay.Mark{Created: now, Position: 5, Change: "evt_1", At: now}
	place := []relay.Place{{Line: a, Told: 3, Position: 3}}
	must(e.T, e.o.Tell(ctx, shard, old, place, mark))
	_, epoch := e.leader()
	place[0].Told = 5
	e.notLeader("telling", e.o.Tell(ctx, shard, old, place, relay.Mark{}))
	e.notLeader("telling nothing", e.o.Tell(ctx, shard, old, nil, relay.Mark{}))
	e.notLeader("telling before one's time", e.o.Tell(ctx, shard, epoch+1, place, relay.Mark{}))
	e.notLeader("rewinding", e.o.Rewind(ctx, shard, old, now.Add(-time.Hour)))
	if got := e.behind(e.o, a); len(got) != 1 || got[0].Told != 3 || got[0].Position != 3 {
		e.Errorf("after that: %+v", got)
	}
	if m, err := e.o.Marked(ctx, shard); err != nil || m != mark {
		e.Errorf("the mark is %+v, %v", m, err)
	}
}

func outboxRewind(e *outboxEnv) {
	ctx, shard := e.Context(), e.f.Shard
	_, epoch := e.leader()
	since := time.Now().UTC().Truncate(time.Microsecond)
	old := since.Add(-1000 * time.Hour)
	lines := make([]relay.Line, 6)
	for i := range lines {
		lines[i] = e.f.NewLine()
	}
	e.commit(lines[0], 1, 40, old)          // all too old
	e.commit(lines[1], 1, 1500, old)        // some old, the others not
	e.commit(lines[1], 1501, 1100, since)   //
	e.commit(lines[2], 1, 20, since)        // none too old
	e.commit(lines[3], 1, 20, since)        // told less than the beginning of the window
	e.commit(lines[4], 1, 10, old)          // a clock that was put back
	e.commit(lines[4], 11, 5, since)        //
	e.commit(lines[4], 16, 10, old)         //
	e.commit(lines[4], 26, 3, since)        //
	told := []int64{40, 2600, 20, 0, 28, 0} // the last has neither changes nor a place
	want := []int64{40, 1500, 0, 0, 10, 0}
	var places []relay.Place
	for i, l := range lines[:5] {
		places = append(places, relay.Place{Line: l, Told: told[i], Position: 77})
	}
	must(e.T, e.o.Tell(ctx, shard, epoch, places, relay.Mark{Created: since, Position: 9, Change: "evt_1", At: since}))
	for range 2 { // once more changes nothing
		must(e.T, e.o.Rewind(ctx, shard, epoch, since))
	}
	e.commit(lines[0], 41, 1, since)
	got := e.behind(e.beside, lines...)
	if len(got) != 5 {
		e.Errorf("%d lines are behind: %+v", len(got), got)
	}
	for _, p := range got {
		if i := slices.Index(lines, p.Line); p.Told != want[i] || p.Position != 0 {
			e.Errorf("line %d: told %d at %d, want %d at 0", i, p.Told, p.Position, want[i])
		}
	}
	if m, err := e.o.Marked(ctx, shard); err != nil || m != (relay.Mark{}) {
		e.Errorf("the mark is %+v, %v", m, err)
	}
}

func outboxContext(e *outboxEnv) {
	ctx, cancel := context.WithCancel(e.Context())
	cancel()
	_, lead := e.o.Lead(ctx, e.f.Shard, "ins_1", time.Second)
	_, behind := e.o.Behind(ctx, e.f.Shard, relay.Line{}, 1)
	_, changes := e.o.Changes(ctx, e.f.Shard, []relay.Want{{Line: e.f.NewLine(), Limit: 1}}, 1)
	for what, err := range map[string]error{"leading": lead, "looking": behind, "reading": changes} {
		if err == nil {
			e.Errorf("%s after the end of the context was no error", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
