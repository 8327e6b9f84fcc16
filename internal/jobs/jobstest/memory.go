package jobstest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"hub"
	"hub/internal/jobs"
)

// Memory is one shard in memory. It keeps the contracts of jobs.Store, jobs.Queue and hub.Shards, and forgets.
type Memory struct {
	Clock  hub.Clock
	OnJobs func(hub.ShardID) // called after commits that enqueued; may be nil

	mu     sync.Mutex
	book   book
	epoch  int64
	served map[jobs.Lane]time.Time
}

var (
	_ jobs.Store = (*Memory)(nil)
	_ jobs.Heir  = (*Memory)(nil)
	_ jobs.Queue = (*Memory)(nil)
	_ hub.Shards = (*Memory)(nil)
)

// NewMemory returns an empty shard.
func NewMemory(clock hub.Clock) *Memory {
	return &Memory{Clock: clock, book: book{}, served: map[jobs.Lane]time.Time{}}
}

// memoryTx is a transaction on a copy.
type memoryTx struct {
	now  time.Time
	book book
	wake []func()
}

func (t *memoryTx) Now() time.Time    { return t.now }
func (t *memoryTx) Epoch() int64      { return 1 }
func (t *memoryTx) OnCommit(f func()) { t.wake = append(t.wake, f) }

// Of implements hub.Shards.
func (m *Memory) Of(hub.TenantID) hub.ShardID { return "s0" }

// Do implements hub.Shards.
func (m *Memory) Do(ctx context.Context, _ hub.ShardID, f func(context.Context, hub.Tx) error) error {
	m.mu.Lock()
	t := &memoryTx{now: m.Clock(), book: m.book.clone()}
	err := f(ctx, t)
	if err == nil {
		m.book = t.book
	}
	m.mu.Unlock()
	if err != nil {
		return err
	}
	for _, f := range t.wake {
		f()
	}
	return nil
}

// Enqueue implements jobs.Queue.
func (m *Memory) Enqueue(_ context.Context, tx hub.Tx, list []jobs.Job) error {
	t := tx.(*memoryTx)
	for _, j := range list {
		if err := check(j, t.now); err != nil {
			return err
		}
		j.Payload = slices.Clone(j.Payload)
		t.book.enqueue(j, t.now)
	}
	if m.OnJobs != nil && len(list) > 0 {
		t.OnCommit(func() { m.OnJobs("s0") })
	}
	return nil
}

// Claim implements jobs.Store.
func (m *Memory) Claim(_ context.Context, _ hub.ShardID, a jobs.Ask) (claimed []jobs.Claimed, err error) {
	if a.Kind == "" || a.Limit < 1 || a.Lease <= 0 || a.Lease > jobs.MaxLease || len(a.Holder) > 64 {
		return nil, &hub.Error{Kind: hub.KindInvalid, Op: "claiming jobs"}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.Clock()
	lanes, live := map[jobs.Lane][]*entry{}, map[jobs.Lane]int{}
	for _, e := range m.book {
		if e.State == jobs.Running && !jobs.Lapsed(e.Until, now) {
			live[e.Lane]++
		}
	}
	for _, e := range m.book {
		if e.Kind == a.Kind && e.ready(now) && (a.PerConnection == 0 || live[e.Lane] < a.PerConnection) {
			lanes[e.Lane] = append(lanes[e.Lane], e)
		}
	}
	var turns []jobs.Turn
	for l, list := range lanes {
		slices.SortFunc(list, func(x, y *entry) int {
			return cmp.Or(cmp.Compare(x.Class, y.Class), x.DueAt.Compare(y.DueAt), cmp.Compare(x.Key, y.Key))
		})
		since := list[0].DueAt
		if s := m.served[l]; s.After(since) {
			since = s
		}
		turns = append(turns, jobs.Turn{Lane: l, Class: list[0].Class, Since: since})
	}
	m.epoch++
	for _, s := range jobs.Divide(turns, a) {
		m.served[s.Lane] = now
		for _, e := range lanes[s.Lane][:min(s.Most, len(lanes[s.Lane]))] {
			if live[s.Lane]++; a.PerConnection > 0 && live[s.Lane] > a.PerConnection {
				break
			}
			e.claim(m.epoch, now.Add(a.Lease))
			e.Holder = a.Holder
			j := e.Job
			j.DueAt = time.Time{}
			claimed = append(claimed, jobs.Claimed{Job: j, Epoch: e.Epoch, Until: e.Until})
		}
	}
	return claimed, nil
}

// Extend implements jobs.Store.
func (m *Memory) Extend(_ context.Context, _ hub.ShardID, claims []jobs.Claim, d time.Duration) (lost []jobs.Claim, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range claims {
		if m.book.holds(c) {
			m.book[c.Ref].Until = m.Clock().Add(d)
			continue
		}
		lost = append(lost, c)
	}
	return lost, nil
}

// Finish implements jobs.Store.
func (m *Memory) Finish(_ context.Context, _ hub.ShardID, results []jobs.Result) (lost []jobs.Claim, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range results {
		if !m.book.finish(r, m.Clock()) {
			lost = append(lost, r.Claim)
		}
	}
	return lost, nil
}

// Inherit implements jobs.Heir.
func (m *Memory) Inherit(_ context.Context, _ hub.ShardID, holder string) (n int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.Clock()
	for _, e := range m.book {
		if e.State == jobs.Running && e.Holder == holder && !jobs.Lapsed(e.Until, now) {
			e.Until = now
			n++
		}
	}
	return n, nil
}

// Counts implements jobs.Store.
func (m *Memory) Counts(context.Context) ([]jobs.Count, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.book.counts(), nil
}

func (b book) counts() (list []jobs.Count) {
	for _, e := range b {
		i := slices.IndexFunc(list, func(c jobs.Count) bool { return c.Kind == e.Kind && c.State == e.State })
		if i < 0 {
			i, list = len(list), append(list, jobs.Count{Kind: e.Kind, State: e.State})
		}
		list[i].Jobs++
	}
	slices.SortFunc(list, func(a, b jobs.Count) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.State, b.State)) })
	return list
}
