package erp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/gdpr"
)

// ledger is a record whose transactions end when the test says so.
type ledger struct {
	mu     sync.Mutex
	groups [][]string                // requests of each transaction, begun
	hold   chan struct{}             // one element lets one transaction end; nil lets all
	bad    map[string]error          // by request
	fenced map[string]gdpr.SubjectID // by request
	stored []string                  // requests
	after  func(ctx context.Context) // before a transaction ends
	file   func() error              // nil: nothing to file
	logs   bytes.Buffer
}

func (l *ledger) Of(t hub.TenantID) hub.ShardID { return hub.ShardID("shard of " + t) }

func (l *ledger) Disclose(ctx context.Context, _ hub.ShardID, answers []Answer) ([][]gdpr.SubjectID, error) {
	var names []string
	for _, a := range answers {
		names = append(names, a.Rows[0].Request)
	}
	l.mu.Lock()
	l.groups = append(l.groups, names)
	l.mu.Unlock()
	if l.hold != nil {
		select {
		case <-l.hold:
		case <-ctx.Done():
			return nil, &hub.Error{Kind: hub.KindUnavailable, Err: ctx.Err()}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.after != nil {
		l.after(ctx)
	}
	fenced := make([][]gdpr.SubjectID, len(answers))
	for i, name := range names {
		if err := l.bad[name]; err != nil {
			return nil, err
		}
		if s, ok := l.fenced[name]; ok {
			fenced[i] = []gdpr.SubjectID{s}
		}
	}
	for i, name := range names {
		if fenced[i] == nil {
			l.stored = append(l.stored, name)
		}
	}
	return fenced, nil
}

func (l *ledger) File(context.Context, hub.ShardID) error {
	if l.file == nil {
		return nil
	}
	return l.file()
}

// queue is readers at one desk.
type queue struct {
	t        *testing.T
	l        *ledger
	d        *desk
	all      sync.WaitGroup
	mu       sync.Mutex
	outcomes map[string]error
	fenced   map[string][]gdpr.SubjectID
}

func newQueue(t *testing.T, l *ledger) *queue {
	var all desks
	return &queue{t: t, l: l, d: all.at("s0", l, slog.New(slog.NewJSONHandler(&l.logs, nil))), outcomes: map[string]error{}, fenced: map[string][]gdpr.SubjectID{}}
}

// reads has somebody read, and returns when everybody waits for something.
func (q *queue) reads(ctx context.Context, name string, rows int) {
	a := Answer{Tenant: "a", Rows: slices.Repeat([]Disclosure{{Request: name}}, rows)}
	q.all.Go(func() {
		fenced, err := q.d.disclose(ctx, a)
		q.mu.Lock()
		defer q.mu.Unlock()
		q.outcomes[name], q.fenced[name] = err, fenced
	})
	synctest.Wait()
}

// answered lists who was answered.
func (q *queue) answered() (names []string) {
	synctest.Wait()
	q.mu.Lock()
	defer q.mu.Unlock()
	for name := range q.outcomes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (q *queue) want(what string, got, want any) {
	q.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		q.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// idle requires that nobody waits and nothing works.
func (q *queue) idle() {
	q.t.Helper()
	q.all.Wait()
	synctest.Wait()
	q.d.mu.Lock()
	defer q.d.mu.Unlock()
	if q.d.working || q.d.waiting != nil || q.d.tidying {
		q.t.Error("the desk goes on with nobody waiting")
	}
}

// One who waits is stored alone and answered when that is done, not before.
func TestDeskOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, &ledger{hold: make(chan struct{})})
		for _, name := range []string{"a", "b"} {
			before := q.answered()
			q.reads(t.Context(), name, 1)
			q.want("answered before it is durable", q.answered(), before)
			q.l.hold <- struct{}{}
			q.idle()
			q.want("outcome", q.outcomes[name], nil)
		}
		q.want("groups", q.l.groups, [][]string{{"a"}, {"b"}})
	})
}

// Those who come while one group is stored share the next, and each hears of its own people.
func TestDeskShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, &ledger{hold: make(chan struct{}), fenced: map[string]gdpr.SubjectID{"c": "sub_c"}})
		for _, name := range []string{"a", "b", "c", "d"} {
			q.reads(t.Context(), name, 2)
		}
		q.l.hold <- struct{}{}
		q.want("answered with the first group", q.answered(), "[a]")
		q.reads(t.Context(), "e", 1)
		q.l.hold <- struct{}{}
		q.want("answered with the second", q.answered(), "[a b c d]")
		q.l.hold <- struct{}{}
		q.idle()
		q.want("groups", q.l.groups, [][]string{{"a"}, {"b", "c", "d"}, {"e"}})
		q.want("stored", q.l.stored, []string{"a", "b", "d", "e"})
		q.want("fenced", q.fenced, map[string][]gdpr.SubjectID{"a": nil, "b": nil, "c": {"sub_c"}, "d": nil, "e": nil})
	})
}

// A group has its bounds of rows and bytes; what alone has more is stored alone.
func TestDeskBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, &ledger{hold: make(chan struct{})})
		big := string(make([]byte, groupBytes))
		for _, r := range []struct {
			name string
			rows int
		}{{"first", 1}, {"a", groupRows - 1}, {"b", 1}, {"c", 1}, {"d", 5 * groupRows}, {"e", 1}, {big, 1}, {"f", 1}} {
			q.reads(t.Context(), r.name, r.rows)
		}
		close(q.l.hold)
		q.idle()
		var sizes []int
		for _, group := range q.l.groups {
			sizes = append(sizes, len(group))
		}
		q.want("groups of first, a and b, c, d, e, the big one, f", sizes, []int{1, 2, 1, 1, 1, 1, 1})
	})
}

// Trouble with the database reaches everybody of the group, once; what is wrong with one of them reaches that one.
func TestDeskErrors(t *testing.T) {
	for _, c := range []struct {
		kind   hub.Kind
		groups string
		failed string
	}{
		{hub.KindUnavailable, "[[a] [b c d]]", "[b c d]"},
		{hub.KindUnknown, "[[a] [b c d]]", "[b c d]"},
		{hub.KindInvalid, "[[a] [b c d] [b] [c] [d]]", "[c]"},
		{hub.KindInternal, "[[a] [b c d] [b] [c] [d]]", "[c]"},
		{hub.KindConflict, "[[a] [b c d] [b] [c] [d]]", "[c]"},
	} {
		synctest.Test(t, func(t *testing.T) {
			failure := &hub.Error{Kind: c.kind}
			q := newQueue(t, &ledger{hold: make(chan struct{}), bad: map[string]error{"c": failure}})
			for _, name := range []string{"a", "b", "c", "d"} {
				q.reads(t.Context(), name, 1)
			}
			close(q.l.hold)
			q.idle()
			var failed []string
			for _, name := range q.answered() {
				if errors.Is(q.outcomes[name], failure) {
					failed = append(failed, name)
				} else if q.outcomes[name] != nil {
					t.Error(q.outcomes[name])
				}
			}
			q.want("groups", q.l.groups, c.groups)
			q.want("failed", failed, c.failed)
			q.want("stored and failed", len(q.l.stored)+len(failed), 4)
		})
	}
}

// Who leaves is answered at once. In the line nothing of it is recorded; in a transaction the others go on, also behind the
// one who began it.
func TestDeskLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, &ledger{hold: make(chan struct{})})
		first, leave := context.WithCancel(t.Context())
		second, leaveLine := context.WithCancel(t.Context())
		var ended error
		q.l.after = func(ctx context.Context) { ended = errors.Join(ended, ctx.Err()) }
		q.reads(first, "a", 1)
		q.reads(second, "b", 1)
		q.reads(t.Context(), "c", 1)
		leave()
		leaveLine()
		q.want("answered when they left", q.answered(), "[a b]")
		for _, name := range []string{"a", "b"} {
			if err := q.outcomes[name]; !errors.Is(err, context.Canceled) || hub.KindOf(err) != hub.KindUnavailable {
				t.Errorf("%s left: %v", name, err)
			}
		}
		q.l.hold <- struct{}{}
		q.l.hold <- struct{}{}
		q.idle()
		q.want("transactions were cancelled", ended, nil)
		q.want("outcome of who stayed", q.outcomes["c"], nil)
		q.want("stored", q.l.stored, "[a c]")
		q.want("groups", q.l.groups, "[[a] [c]]")
		gone, leave := context.WithCancel(t.Context())
		leave()
		q.reads(gone, "d", 1)
		q.idle()
		q.want("groups", len(q.l.groups), 2)
	})
}

// A store that is closed, or panics, or hangs, keeps nobody: each hears of it and the desk takes the next.
func TestDeskClosed(t *testing.T) {
	closed := &hub.Error{Kind: hub.KindUnavailable, Op: "beginning a transaction"}
	for what, c := range map[string]struct {
		l    *ledger
		kind hub.Kind
		took time.Duration
	}{
		"closed": {&ledger{bad: map[string]error{"a": closed, "b": closed, "c": closed}}, hub.KindUnavailable, 0},
		"panics": {&ledger{after: func(context.Context) { panic("canary") }}, hub.KindInternal, 0},
		"hangs":  {&ledger{hold: make(chan struct{})}, hub.KindUnavailable, 2 * groupTime},
	} {
		synctest.Test(t, func(t *testing.T) {
			if c.l.hold != nil {
				c.l.hold = make(chan struct{}) // of the bubble
			}
			q, began := newQueue(t, c.l), time.Now()
			for _, name := range []string{"a", "b", "c"} {
				q.reads(t.Context(), name, 1)
			}
			q.idle()
			for name, err := range q.outcomes {
				if hub.KindOf(err) != c.kind || err == nil {
					t.Errorf("%s, %s: %v", what, name, err)
				}
			}
			q.want(what+": answered", q.answered(), "[a b c]")
			q.want(what+": took", time.Since(began), c.took)
		})
	}
}

// Filing is done beside the work, by one at a time, and what becomes of it keeps nobody.
func TestDeskFiles(t *testing.T) {
	for what, c := range map[string]struct {
		end func() error
		log string
	}{
		"works":          {func() error { return nil }, ""},
		"fails":          {func() error { return &hub.Error{Kind: hub.KindPermanent, Op: "filing"} }, "filing"},
		"is unavailable": {func() error { return &hub.Error{Kind: hub.KindUnavailable, Op: "filing"} }, ""},
		"panics":         {func() error { panic("canary") }, "filing disclosures: panic: string"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, hold, filing, times := &ledger{}, make(chan struct{}), 0, 0
			l.file = func() error {
				filing++
				if times++; filing > 1 {
					t.Errorf("%s: %d at a time", what, filing)
				}
				<-hold
				filing--
				return c.end()
			}
			q := newQueue(t, l)
			for _, name := range []string{"a", "b", "c"} {
				q.reads(t.Context(), name, 1)
			}
			q.want(what+": answered while it files", q.answered(), "[a b c]")
			q.want(what+": times while it files", times, 1)
			close(hold)
			synctest.Wait()
			q.reads(t.Context(), "d", 1)
			q.idle()
			q.want(what+": answered", q.answered(), "[a b c d]")
			q.want(what+": times", times, 2)
			if log := l.logs.String(); c.log == "" && log != "" || !strings.Contains(log, c.log) || strings.Contains(log, "canary") {
				t.Errorf("%s: %q", what, log)
			}
		})
	}
}

// A shard that hangs holds up its own readers only.
func TestDesksApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, fast := &ledger{hold: make(chan struct{})}, &ledger{}
		var all desks
		q := &queue{t: t, l: slow, d: all.at("s0", slow, slog.Default()), outcomes: map[string]error{}, fenced: map[string][]gdpr.SubjectID{}}
		q.reads(t.Context(), "a", 1)
		if _, err := all.at("s1", fast, slog.Default()).disclose(t.Context(), Answer{Rows: []Disclosure{{Request: "b"}}}); err != nil {
			t.Error(err)
		}
		q.want("answered", q.answered(), "[]")
		if all.at("s0", slow, slog.Default()) != q.d {
			t.Error("a shard has two desks")
		}
		slow.hold <- struct{}{}
		q.idle()
	})
}
