package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"hub"
)

// holds reports whether the file of a SQLite database is there and has bytes. A link to nowhere, as before a late mount,
// is not there.
func (s source) holds() (bool, error) {
	info, err := os.Stat(s.dsn)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fileError("looking for the file of database "+s.name, err)
	}
	return info.Size() > 0, nil
}

// makeFile makes the file of a SQLite database that is missing, for its owner alone. SQLite gives the mode of the file to
// its -wal and -shm. Nothing else here makes a file: connections open what is there.
func (s source) makeFile() error {
	op := "making the file of database " + s.name
	folder := filepath.Dir(s.dsn)
	_, err := os.Stat(folder)
	made := errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fileError(op, err)
	}
	f, err := os.OpenFile(s.dsn, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = syncFolder(folder)
	}
	if err == nil && made {
		err = syncFolder(filepath.Dir(folder))
	}
	return fileError(op, err)
}

// syncFolder makes the names in a folder survive a power cut.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// fileError keeps the system's text, which names the path: that of a SQLite file is no secret.
func fileError(op string, err error) error {
	if err == nil {
		return nil
	}
	return hub.Errorf(hub.KindUnavailable, op, "%w", err)
}

// missing is the refusal of a SQLite database without a file.
func (s source) missing() error {
	return refuse(CodeSchema, s.name, "%s is missing or empty; bring it back, or run hub migrate if this hub never had it", s.dsn)
}
