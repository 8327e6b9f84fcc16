package intake

import (
	"context"

	"hub"
	"hub/gdpr"
)

// fencedTries is how often a transaction that meets people who are being erased is tried again at once. Each erasure can
// come in between once; what meets more of them than that is tried again later.
const fencedTries = 3

// transact runs a transaction with what items were prepared into. When it meets somebody who is being erased, or when it
// waited for so long that somebody may have been, it learns from the vault what has ended, prepares the items again and
// repeats itself: the person is somebody new by then, or is not written. After an error items may be stale; they are
// prepared again before the next try, whichever that is.
func (p *Pipeline) transact(ctx context.Context, shard hub.ShardID, items []*item, f func(context.Context, hub.Tx) error) error {
	for try := 0; ; try++ {
		if err := p.renew(ctx, items); err != nil {
			return err
		}
		err := p.Shards.Do(ctx, shard, f)
		if !overtaken(err) {
			return err
		}
		for _, it := range items {
			it.stale = true
		}
		if try == fencedTries {
			return err
		}
		if err := p.Keys.Refresh(ctx); err != nil {
			return err
		}
	}
}

// overtaken reports whether a transaction failed because of keys that have ended, or may have, since it was prepared.
func overtaken(err error) bool {
	code := hub.CodeOf(err)
	return code == gdpr.CodeSubjectFenced || code == gdpr.CodeVaultStale
}

// renew prepares stale items again, all or none: after an error, which is that of the first item that fails, all of them
// stay stale.
func (p *Pipeline) renew(ctx context.Context, items []*item) error {
	var stale []*item
	for _, it := range items {
		if it.stale {
			stale = append(stale, it)
		}
	}
	if len(stale) == 0 {
		return nil
	}
	failed, err := p.prepare(ctx, stale)
	if err != nil {
		return err
	}
	for i := range stale {
		if failed[i] != nil {
			return failed[i]
		}
	}
	for _, it := range stale {
		it.stale = false
	}
	return nil
}
