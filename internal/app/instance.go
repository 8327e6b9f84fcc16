package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"hub"
)

// instance is this process's hold on its data folder.
type instance struct {
	id   string
	lock *os.File
}

// instancePrefix starts the identifier of a hub instance, kept in its data folder.
const instancePrefix = "ins_"

// lockPatience is how long a start waits for the folder. The lock goes with the process, so a crash never leaves it behind, but
// one that began a keeper at that moment leaves it to the keeper until that has become the program that it is to be. On two
// busy processors this was seen to take 26 ms.
const (
	lockPatience = 2 * time.Second
	lockEvery    = 10 * time.Millisecond
)

// awaitFolder is holdFolder for a hub that starts, perhaps right after the death of the one before: it waits for a moment until
// the folder is free, and says so.
func awaitFolder(ctx context.Context, dir string, ids hub.IDSource, log *slog.Logger) (*instance, error) {
	begun := time.Now()
	tick := time.NewTicker(lockEvery)
	defer tick.Stop()
	for waits := false; ; waits = true {
		i, err := holdFolder(dir, ids)
		since := time.Since(begun)
		switch {
		case err == nil && waits:
			log.Info("the data folder is free", "after", since.Truncate(time.Millisecond))
			return i, nil
		case hub.CodeOf(err) != CodeFolderHeld || since >= lockPatience:
			return i, err
		case !waits:
			log.Info("waiting for the data folder: the process that had it last may be ending", "at_most", lockPatience)
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-tick.C:
		}
	}
}

// CodeFolderHeld is the conflict of a data folder that another process has.
const CodeFolderHeld hub.Code = "folder_held"

// holdFolder makes the data folder if need be, takes it for this process alone, and reads or makes the instance id. A folder
// that another process holds is KindConflict with CodeFolderHeld.
func holdFolder(dir string, ids hub.IDSource) (*instance, error) {
	const op = "taking data folder"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, hub.Errorf(hub.KindUnavailable, op, "%w", err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o002 != 0 {
		return nil, &hub.Error{Kind: hub.KindForbidden, Code: "folder_open", Op: op, Subject: dir,
			Err: errors.New("everybody may write to it; chmod 700")}
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, hub.Errorf(hub.KindUnavailable, op, "%w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		held := &hub.Error{Kind: hub.KindConflict, Code: CodeFolderHeld, Op: op, Subject: dir,
			Err: errors.New("another hub uses it: stop that one first, or give each its own HUB_DATA")}
		return nil, errors.Join(held, lock.Close())
	}
	i := &instance{lock: lock}
	if i.id, err = instanceID(filepath.Join(dir, "instance"), ids); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return i, nil
}

func instanceID(path string, ids hub.IDSource) (string, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		id := ids.New(instancePrefix)
		return id, replaceFile(path, []byte(id+"\n"))
	}
	if err != nil {
		return "", hub.Errorf(hub.KindUnavailable, "reading instance id", "%w", err)
	}
	id := strings.TrimSpace(string(b))
	if !hub.ValidID(instancePrefix, id) {
		return "", hub.Errorf(hub.KindPermanent, "reading instance id", "%s is damaged", path)
	}
	return id, nil
}

func (i *instance) release() error { return i.lock.Close() }
