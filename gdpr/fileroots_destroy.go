package gdpr

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"hub"
)

const (
	goneName      = "gone." // of a root on its way out, with its generation
	lockName      = "cycle.lock"
	opDestroyRoot = "destroying root"
	opLockRoots   = "locking roots"
)

// destroyMethod is what receipts of files say.
const destroyMethod = "file overwritten with zeros, flushed, unlinked, folder flushed; " +
	"blocks that a medium, a journal or a snapshot keeps by itself are not reached"

// Destroy takes the root's name away first, so that no crash leaves half a root where Load looks. Then it overwrites the
// file, flushes it, unlinks it and flushes the folder; copies that a crash of Create has left go the same way. A root
// under its new name is no root any more, and the next Destroy of its generation goes on with it.
func (f *FileRoots) Destroy(ctx context.Context, generation int) (Receipt, error) {
	if err := ctx.Err(); err != nil {
		return Receipt{}, rootError(opDestroyRoot, f.forget(), err)
	}
	name, gone := f.name(generation), filepath.Join(f.forget(), goneName+strconv.Itoa(generation))
	if err := f.succeeded(generation); err != nil {
		return Receipt{}, err
	}
	if err := f.takeName(name, gone); err != nil {
		return Receipt{}, destroyError(name, err)
	}
	if err := errors.Join(shred(f.disk, gone), f.shredTemp(name)); err != nil {
		return Receipt{}, destroyError(name, err)
	}
	if err := f.disk.SyncDir(f.forget()); err != nil {
		return Receipt{}, destroyError(name, err)
	}
	return Receipt{Generation: generation, GoneAt: f.clock(), Method: destroyMethod, SameVolume: f.sameVolume()}, nil
}

// succeeded requires a sound newer root. Without one this is the root that everything lives under, or a folder whose disk is
// not mounted, which must not look like one whose root is gone.
func (f *FileRoots) succeeded(generation int) error {
	list, err := f.generations(opDestroyRoot)
	if err != nil {
		return destroyError(f.name(generation), err)
	}
	if len(list) == 0 || list[len(list)-1] <= generation {
		return hub.Errorf(hub.KindConflict, opDestroyRoot, "no newer root than %s is there", f.name(generation))
	}
	newest := list[len(list)-1]
	_, err = readRoot(f.name(newest), newest)
	return err
}

// takeName renames a root. What an earlier try renamed goes first: renaming would unlink it without overwriting it.
func (f *FileRoots) takeName(name, gone string) error {
	if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := shred(f.disk, gone); err != nil {
		return err
	}
	if err := f.disk.Rename(name, gone); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.disk.SyncDir(f.forget())
}

// shredTemp destroys the copies that were being made of a root.
func (f *FileRoots) shredTemp(name string) error {
	entries, err := os.ReadDir(f.forget())
	for _, e := range entries {
		if err == nil && strings.HasPrefix(e.Name(), filepath.Base(name)+tempMark) {
			err = shred(f.disk, filepath.Join(f.forget(), e.Name()))
		}
	}
	return err
}

// destroyError makes whatever the disk says something to try again.
func destroyError(name string, err error) error {
	var known *hub.Error
	if errors.As(err, &known) && known.Kind != hub.KindNotFound {
		return err
	}
	return &hub.Error{Kind: hub.KindUnavailable, Op: opDestroyRoot, Subject: name, Err: err}
}

// sameVolume is true when in doubt.
func (f *FileRoots) sameVolume() bool {
	if f.data == "" {
		return false
	}
	a, errA := device(f.forget())
	b, errB := device(f.data)
	return errA != nil || errB != nil || a == b
}

// Lock locks DIR/forget/cycle.lock. Where a second open file can lock it too, as on some network file systems, two cycles
// could run at once, so that is refused with KindPermanent. It cannot be seen from one machine whether locks reach the
// others: hubs on several machines need a file system whose locks do.
func (f *FileRoots) Lock(ctx context.Context) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, rootError(opLockRoots, f.forget(), err)
	}
	name := filepath.Join(f.forget(), lockName)
	held, err := f.disk.Lock(name)
	switch {
	case errors.Is(err, errLocked):
		return nil, &hub.Error{Kind: hub.KindConflict, Op: opLockRoots, Subject: name, Err: errors.New("a forget cycle is running")}
	case errors.Is(err, errors.ErrUnsupported):
		return nil, cannotLock(name)
	case err != nil:
		return nil, rootError(opLockRoots, name, err)
	}
	second, err := f.disk.Lock(name)
	if errors.Is(err, errLocked) {
		return func() { _ = held.Close() }, nil // a lock ends with its file, whatever Close says
	}
	_ = held.Close()
	if err != nil {
		return nil, rootError(opLockRoots, name, err)
	}
	_ = second.Close()
	return nil, cannotLock(name)
}

func cannotLock(name string) error {
	return &hub.Error{Kind: hub.KindPermanent, Op: opLockRoots, Subject: name,
		Err: errors.New("file locks do not work there, so two forget cycles could run at once; put HUB_KEYS on a local disk")}
}
