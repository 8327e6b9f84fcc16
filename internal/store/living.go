package store

import (
	"context"
	"database/sql"
	"sync"

	"hub"
	"hub/gdpr"
)

// FenceMarkPrefix begins the marks of fences.
const FenceMarkPrefix = "fnc_"

// markFence gives the shard another mark, after everybody who discloses under the old one. It is the first lock of a
// transaction that fences.
func (t *tx) markFence(ctx context.Context, op string) error {
	n, err := t.exec(ctx, op, "UPDATE fence_mark SET mark = ? WHERE one = 1", t.s.cfg.IDs.New(FenceMarkPrefix))
	if err == nil && n != 1 {
		err = t.poison(noMark(op))
	}
	return err
}

func noMark(op string) error {
	return &hub.Error{Kind: hub.KindInternal, Op: op, Err: words("the shard has no mark of its fences")}
}

// fenceMark is fence, and returns the mark of the shard, which does not change either until the end: nobody is fenced before
// that.
func (t *tx) fenceMark(ctx context.Context) (mark string, err error) {
	var epoch int64
	found := false
	query := "SELECT m.epoch, f.mark FROM shard_meta m, fence_mark f WHERE m.one = 1 AND f.one = 1" + t.d.dialect.forShare
	err = t.query(ctx, opFence, query, nil, func(r *sql.Rows) error {
		found = true
		return r.Scan(&epoch, &mark)
	})
	if err == nil && !found {
		err = t.poison(noMark(opFence))
	}
	if err == nil {
		err = t.sameEpoch(epoch)
	}
	return mark, err
}

// mostLiving is how many subjects of a shard are known to be live; with one more it begins anew. It is some 8 MB.
const mostLiving = 1 << 16

// living is which subjects of a shard are not fenced while it has one mark, and whose they are. What was read in a
// transaction that shared the mark stays true as long as the mark is the same, whatever became of that transaction; in an older
// copy of the shard too, which has the mark of its own time.
type living struct {
	mu     sync.Mutex
	mark   string
	owners map[gdpr.SubjectID]hub.TenantID
}

// leaveOut takes out those who are known to be live.
func (l *living) leaveOut(mark string, owners map[gdpr.SubjectID]hub.TenantID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if mark != l.mark {
		return
	}
	for id, owner := range owners {
		if its, ok := l.owners[id]; ok && its == owner {
			delete(owners, id)
		}
	}
}

// learn adds those who were found live. Whoever comes late, with an older mark, does no harm: the next one begins anew.
func (l *living) learn(mark string, owners map[gdpr.SubjectID]hub.TenantID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owners == nil || mark != l.mark || len(l.owners)+len(owners) > mostLiving {
		l.mark, l.owners = mark, make(map[gdpr.SubjectID]hub.TenantID, len(owners))
	}
	for id, owner := range owners {
		l.owners[id] = owner
	}
}
