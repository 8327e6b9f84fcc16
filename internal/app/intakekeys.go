package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"hub"
	"hub/gdpr"
	"hub/internal/wal"
)

const (
	// rotateAfter bounds what one key has sealed: the less it is, the sooner a drained delivery is beyond opening.
	rotateAfter = 32 << 20
	tendEvery   = 200 * time.Millisecond
)

// keyLog is what the keys ask the log: *wal.Log.
type keyLog interface {
	Assigned() wal.Index
	Consumed() wal.Index
}

// intakeKeys looks after the keys that the log and the sealed copies are sealed under: it makes new ones, seals the copies
// again under them, drops those that nothing needs, and moves to another root when a forget cycle wants it.
type intakeKeys struct {
	*gdpr.IntakeKeys
	folder string
	logger *slog.Logger

	moving atomic.Bool // a forget cycle waits for what is sealed under older keys

	mu     sync.Mutex // one change at a time: copies are saved before keys are dropped
	log    keyLog     // nil until the log is open
	copies []*sealedCopy
}

// copy returns the sealed copy of that name, which from now on follows the keys.
func (k *intakeKeys) copy(name string) *sealedCopy {
	c := newCopy(k.folder, name, k.IntakeKeys)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.copies = append(k.copies, c)
	return c
}

// follow says which log the keys seal. Nothing is dropped before.
func (k *intakeKeys) follow(l keyLog) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.log = l
}

// run tends the keys until ctx ends. Trouble is tried again: a key that stays too long is no reason to stop serving.
func (k *intakeKeys) run(ctx context.Context) error {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	trouble := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := k.tend(ctx)
		if err != nil && ctx.Err() == nil && !trouble {
			k.logger.Warn("intake keys: trying again", "error", err)
		}
		trouble = err != nil
	}
}

// tend makes a new key when the newest has sealed enough, and drops what is not needed any more.
func (k *intakeKeys) tend(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var err error
	if k.Sealed() >= rotateAfter {
		err = k.Rotate(ctx)
	}
	return errors.Join(err, k.drop(ctx))
}

// drop seals the copies again under the newest key, durably, and then drops the keys that nothing needs; it needs mu.
func (k *intakeKeys) drop(ctx context.Context) error {
	for _, c := range k.copies {
		if err := c.renew(); err != nil {
			return err
		}
	}
	if k.log == nil {
		return nil
	}
	_, err := k.Drop(ctx, func() uint64 { return uint64(k.log.Assigned()) }, uint64(k.log.Consumed()))
	return err
}

// moveTo brings everything that this hub keeps on its disk under another root, a step further with each call: a forget
// cycle repeats it until it returns true. Until the log has drained what came before, it returns false.
func (k *intakeKeys) moveTo(ctx context.Context, to gdpr.Root) (moved bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer func() { k.moving.Store(!moved) }()
	if moved, err = k.Move(ctx, to); moved || err != nil {
		return moved, err
	}
	if err := k.drop(ctx); err != nil {
		return false, err
	}
	return k.Move(ctx, to)
}

// openIntakeKeys opens the keys in the data folder. A hub that was stopped while a forget cycle destroyed its root has lost
// what its log held. When that is nothing, it starts with new keys; the copies are made again from their databases.
func (h *Hub) openIntakeKeys(ctx context.Context, roots []gdpr.Root) error {
	folder := h.path("intake")
	keys, err := gdpr.OpenIntakeKeys(ctx, folder, roots)
	if hub.CodeOf(err) == gdpr.CodeRootGone {
		empty, looked := h.logIsEmpty()
		switch {
		case looked != nil:
			return errors.Join(err, looked)
		case !empty:
			return hub.Errorf(hub.KindPermanent, "opening intake keys",
				"%w; the log beside it holds deliveries that nothing can open any more: move %s and %s away to give them up",
				err, folder, h.path("wal"))
		}
		h.o.Logger.Warn("the root was destroyed while this hub was stopped with an empty log: starting with new intake keys")
		keys, err = gdpr.ReplaceIntakeKeys(ctx, folder, roots)
	}
	if err != nil {
		return err
	}
	h.intake = &intakeKeys{IntakeKeys: keys, folder: filepath.Clean(folder), logger: h.o.Logger}
	return nil
}

// logIsEmpty reports whether every delivery in the log was drained.
func (h *Hub) logIsEmpty() (bool, error) {
	if !exists(h.path("wal")) {
		return true, nil
	}
	l, err := wal.Open(h.path("wal"), wal.Options{Now: h.o.Clock, SegmentBytes: h.o.LogSegment})
	if err != nil {
		return false, hub.Errorf(hub.KindUnavailable, "opening log", "%w", err)
	}
	return l.Consumed() == l.Synced(), l.Close()
}
