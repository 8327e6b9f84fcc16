package gdpr

import (
	"context"
	"errors"
	"fmt"

	"hub"
)

// Keyring returns the newest keyring, after a poll of its own.
func (k *Keys) Keyring(ctx context.Context) (*Keyring, error) {
	if err := k.Refresh(ctx); err != nil {
		return nil, err
	}
	return k.ring.Load(), nil
}

// loadTries is how often root store and vault are read anew before they are said not to belong together: a forget cycle
// changes first one and then the other.
const loadTries = 3

// load reads the newest keyring, and makes the first one when the vault has none.
func (k *Keys) load(ctx context.Context, last *Keyring) (ring *Keyring, err error) {
	for range loadTries {
		if ring, err = k.loadOnce(ctx, last); err == nil {
			return ring, nil
		}
		if code := hub.CodeOf(err); code != CodeRootMismatch && code != CodeKeyringStale {
			break
		}
	}
	return nil, err
}

func (k *Keys) loadOnce(ctx context.Context, last *Keyring) (*Keyring, error) {
	roots, err := k.loadRoots(ctx)
	if err != nil {
		return nil, err
	}
	rings, err := k.vault.Keyrings(ctx)
	if err != nil {
		return nil, vaultError(opKeyring, err)
	}
	if len(rings) == 0 {
		root := roots[len(roots)-1]
		first := newKeyring(k.clock()).Sealed(root, 1)
		if err := k.vault.PutKeyring(ctx, 0, first); err != nil {
			return nil, vaultError("making the first keyring", err)
		}
		return openKeyring(root, first, nil)
	}
	newest := rings[len(rings)-1]
	root, err := rootOf(roots, newest.Generation)
	if err != nil {
		return nil, err
	}
	return openKeyring(root, newest, last)
}

// CheckKeyring says whether the newest of a vault's keyrings opens, and changes nothing. A vault that has none yet is well.
func CheckKeyring(roots []Root, rings []SealedKeyring) error {
	if len(rings) == 0 || len(roots) == 0 {
		return nil
	}
	newest := rings[len(rings)-1]
	root, err := rootOf(roots, newest.Generation)
	if err == nil {
		_, err = openKeyring(root, newest, nil)
	}
	return err
}

func (k *Keys) loadRoots(ctx context.Context) ([]Root, error) {
	roots, err := k.roots.Load(ctx)
	if hub.KindOf(err) == hub.KindNotFound && err != nil || err == nil && len(roots) == 0 {
		return nil, mismatch("HUB_KEYS holds no root")
	}
	hub.Wrap(&err, opKeyring, "root store")
	return roots, err
}

// rootOf picks the root of a generation, and says what is wrong when it is not there.
func rootOf(roots []Root, generation int) (Root, error) {
	oldest, newest := roots[0].Generation, roots[len(roots)-1].Generation
	switch {
	case newest < generation:
		return Root{}, mismatch(fmt.Sprintf("HUB_KEYS is an old copy: it has root %d and the keyring needs root %d", newest, generation))
	case generation < oldest:
		return Root{}, mismatch(fmt.Sprintf("the vault is an old copy: it was sealed under root %d, which is destroyed", generation))
	}
	for _, r := range roots {
		if r.Generation == generation {
			return r, nil
		}
	}
	return Root{}, mismatch(fmt.Sprintf("HUB_KEYS lacks root %d, which the keyring needs", generation))
}

func mismatch(why string) error {
	return &hub.Error{Kind: hub.KindInternal, Code: CodeRootMismatch, Op: opKeyring, Subject: "vault", Err: errors.New(why)}
}

// addWeeks gives the keyring of the vault slots for weeks that it lacks.
func (k *Keys) addWeeks(ctx context.Context, ring *Keyring, slots []Slot) error {
	roots, err := k.loadRoots(ctx)
	if err != nil {
		return err
	}
	root, err := rootOf(roots, ring.generation)
	if err != nil {
		return err
	}
	next := ring.withWeeks(slots, k.clock()).Sealed(root, ring.revision+1)
	if err := k.vault.PutKeyring(ctx, ring.revision, next); err != nil {
		return vaultError("adding weeks to the keyring", err)
	}
	return nil
}

// ringTries bounds how often work begins anew because the keyring changed under it.
const ringTries = 6

// errAgain is the cause when something changed and the same work will succeed when it is repeated.
var errAgain = errors.New("another hub was faster")

func again(op string) error {
	return &hub.Error{Kind: hub.KindConflict, Op: op, Subject: "vault", Err: errAgain}
}

// withRing runs f under a keyring, and again under the newest when it turns out to be an old one. An error with the cause
// errBehind is final when there is no newer keyring.
func (k *Keys) withRing(ctx context.Context, ring *Keyring, f func(*Keyring) error) error {
	for try := 1; ; try++ {
		err := f(ring)
		behind, again := errors.Is(err, errBehind), errors.Is(err, errAgain) || hub.CodeOf(err) == CodeKeyringStale
		if !behind && !again || try == ringTries {
			return err
		}
		if err := k.Refresh(ctx); err != nil {
			return err
		}
		next := k.ring.Load()
		if next == ring && !again {
			return err
		}
		ring = next
	}
}
