package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"hub"
)

// instance is this process's hold on its data folder.
type instance struct {
	id   string
	lock *os.File
}

// instancePrefix starts the identifier of a hub instance, kept in its data folder.
const instancePrefix = "ins_"

// holdFolder makes the data folder if need be, takes it for this process alone, and reads or makes the instance id. A folder
// that another process holds is KindConflict; the lock goes with the process, so a crash never leaves it behind.
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
		held := &hub.Error{Kind: hub.KindConflict, Code: "folder_held", Op: op, Subject: dir,
			Err: errors.New("another hub uses it; give each its own HUB_DATA")}
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
