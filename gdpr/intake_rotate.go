package gdpr

import (
	"context"
	"errors"
	"slices"

	"hub"
)

var errManyKeys = errors.New("too many keys wait for the drain")

// Sealed is how many bytes were sealed under the newest key since it was made or the process began.
func (k *IntakeKeys) Sealed() int64 { return k.newest.Load().sealed.Load() }

// Turn counts the keys that this process has made. What is sealed under a lease taken after Turn was read needs no key of an
// earlier turn.
func (k *IntakeKeys) Turn() int64 { return k.turn.Load() }

// Generation is that of the root that the file is sealed under.
func (k *IntakeKeys) Generation() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.root.Generation
}

// Rotate makes a new key, durable before anything is sealed under it. After an error the keys are as they were. With too
// many keys it is KindUnavailable until some were dropped.
func (k *IntakeKeys) Rotate(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rotate(ctx)
}

// rotate needs mu.
func (k *IntakeKeys) rotate(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return rootError(opIntakeSet, k.name, err)
	}
	if len(k.list) >= maxIntakeKeys {
		k.show()
		return &hub.Error{Kind: hub.KindUnavailable, Op: opIntakeSet, Subject: k.name, Err: errManyKeys}
	}
	list := append(slices.Clone(k.list), newIntakeKey())
	if err := k.write(k.root, list); err != nil {
		return err
	}
	k.list = list
	k.show()
	k.turn.Add(1) // last, so that whoever reads a turn seals under its key or a newer one
	return nil
}

// show makes the list the one in use; it needs mu. A key can be opened under before anything is sealed under it.
func (k *IntakeKeys) show() {
	byID := make(map[[16]byte]*intakeKey, len(k.list))
	for _, key := range k.list {
		byID[key.id] = key
	}
	k.byID.Store(&byID)
	k.newest.Store(k.list[len(k.list)-1])
}

// Drop drops the keys that nothing needs any more, durably, and returns how many are left: 1 is the newest alone.
//
// A key is not needed once it has no lease and the log's consumers have durably passed every record under it: assigned
// returns the last index that the log has given out or that a crash may bring back, and is asked after the leases were
// counted; consumed is what every consumer has passed. What else was sealed under an older key, such as a copy of the
// directory, must have been sealed again under the newest before the call, durably.
func (k *IntakeKeys) Drop(ctx context.Context, assigned func() uint64, consumed uint64) (left int, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return len(k.list), rootError(opIntakeSet, k.name, err)
	}
	k.setMarks(assigned)
	last := len(k.list) - 1
	list := slices.DeleteFunc(slices.Clone(k.list), func(key *intakeKey) bool {
		return key != k.list[last] && key.idle && key.mark <= consumed
	})
	if len(list) == len(k.list) {
		return len(list), nil
	}
	if err := k.write(k.root, list); err != nil {
		return len(k.list), err
	}
	k.list = list
	k.show()
	return len(list), nil
}

// setMarks notes for each older key without leases where its last record can be; it needs mu. Indexes that were refused
// are given out again, so a later look may find a lower bound, and each is true.
func (k *IntakeKeys) setMarks(assigned func() uint64) {
	var idle []*intakeKey
	for _, key := range k.list[:len(k.list)-1] {
		if key.uses.Load() == 0 {
			idle = append(idle, key)
		}
	}
	if len(idle) == 0 {
		return
	}
	mark := assigned() // after the counts: an append under a lease had its index before the lease was done
	for _, key := range idle {
		if !key.idle || mark < key.mark {
			key.mark, key.idle = mark, true
		}
	}
}

// Move brings the file under another root, for a forget cycle. The first call for a root makes a new key; what was sealed
// before it dies with the old root, so the move waits until all older keys were dropped. Repeat it until it returns true:
// from then on nothing here needs an older root.
func (k *IntakeKeys) Move(ctx context.Context, to Root) (moved bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if to.Generation <= k.root.Generation {
		return true, nil
	}
	if k.target != to.Generation {
		k.seen = max(k.seen, to.Generation)
		if err := k.rotate(ctx); err != nil {
			return false, err
		}
		k.target, k.barrier = to.Generation, k.list[len(k.list)-1]
	}
	if k.list[0] != k.barrier && slices.Contains(k.list, k.barrier) {
		return false, nil
	}
	if err := k.write(to, k.list); err != nil {
		return false, err
	}
	k.root, k.target, k.barrier = to, 0, nil
	return true, nil
}

// write makes the file hold the list, sealed under a root; it needs mu. After an error the file holds the old content or
// the new one, and both open all that the keys in memory have sealed.
func (k *IntakeKeys) write(root Root, list []*intakeKey) error {
	if err := replace(k.disk, k.name, intakeBytes(root, max(k.seen, root.Generation), list)); err != nil {
		return rootError(opIntakeSet, k.name, err)
	}
	return nil
}
