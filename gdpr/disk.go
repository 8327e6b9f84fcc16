package gdpr

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"hub"
)

// disk is what making and destroying a small durable file needs; tests break each step of it.
type disk interface {
	Mkdir(dir string) error              // 0700; nothing happens when it exists
	Create(name string) (file, error)    // 0600, never replacing one
	Open(name string) (file, error)      // an existing one, to write over its content
	Link(from, to string) error          // a second name, never replacing one
	Rename(from, to string) error        // replacing to at once
	Remove(name string) error            //
	SyncDir(dir string) error            // the names in it on the disk
	Lock(name string) (io.Closer, error) // errLocked while another open file holds it, errors.ErrUnsupported where none can
}

type file interface {
	io.WriteCloser
	Sync() error // the content on the disk
}

// errLocked says that somebody else holds a lock.
var errLocked = errors.New("locked")

type osDisk struct{}

func (osDisk) Mkdir(dir string) error { return os.MkdirAll(dir, 0o700) }

func (osDisk) Create(name string) (file, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (osDisk) Open(name string) (file, error) { return os.OpenFile(name, os.O_WRONLY, 0) }

func (osDisk) Link(from, to string) error { return os.Link(from, to) }

func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) Remove(name string) error { return os.Remove(name) }

func (osDisk) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (osDisk) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// tempMark is in the name of a file that is not complete yet.
const tempMark = ".new-"

// writeNew makes a file that is there whole or not at all, and never replaces one: fs.ErrExist then. It links instead
// of renaming, because rename would replace what another process made a moment ago.
func writeNew(d disk, name string, data []byte) error {
	temp := name + tempMark + rand.Text()
	if err := writeSynced(d, temp, data); err != nil {
		return errors.Join(err, removed(d, temp))
	}
	if err := d.Link(temp, name); err != nil {
		return errors.Join(err, removed(d, temp))
	}
	if err := removed(d, temp); err != nil {
		return err
	}
	return d.SyncDir(filepath.Dir(name))
}

// replace makes the file hold data. A crash, or an error, leaves the whole old content or the whole new one.
func replace(d disk, name string, data []byte) error {
	temp := name + tempMark + rand.Text()
	if err := writeSynced(d, temp, data); err != nil {
		return errors.Join(err, removed(d, temp))
	}
	if err := d.Rename(temp, name); err != nil {
		return errors.Join(err, removed(d, temp))
	}
	return d.SyncDir(filepath.Dir(name))
}

func writeSynced(d disk, name string, data []byte) error {
	f, err := d.Create(name)
	if err != nil {
		return err
	}
	return fill(f, data)
}

func fill(f file, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// shred overwrites a file of keys and unlinks it. A file that is not there is done with.
func shred(d disk, name string) error {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() {
		f, err := d.Open(name)
		if err != nil {
			return err
		}
		if err := fill(f, make([]byte, info.Size())); err != nil {
			return err
		}
	}
	return removed(d, name)
}

// sweep removes what a crash left of a file that was being made: a second copy of a key would outlive the first. It may
// take a file from under a process that is making it right now, whose link then fails.
func sweep(d disk, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), tempMark) {
			if err := removed(d, filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func removed(d disk, name string) error {
	if err := d.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// private refuses what others than the owner may open. Windows has no such bits; there the folder's own rights hold.
func private(op, name string, mode fs.FileMode) error {
	if runtime.GOOS != "windows" && mode.Perm()&0o077 != 0 {
		return &hub.Error{Kind: hub.KindForbidden, Op: op, Subject: name,
			Err: errors.New("group or others may open it; take the rights away with chmod go-rwx")}
	}
	return nil
}

// readPrivate reads a small regular file that only its owner may open.
func readPrivate(op, name string, most int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if err := private(op, name, info.Mode()); err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, hub.Errorf(hub.KindPermanent, op, "%s is not a file of the expected size", name)
	}
	return os.ReadFile(name)
}
