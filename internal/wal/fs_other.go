//go:build !linux

package wal

import (
	"errors"
	"os"
	"runtime"
)

func datasync(f *os.File) error { return f.Sync() }

// preallocate does nothing: the zeros written afterwards take the space.
func preallocate(*os.File, int64) error { return nil }

// syncDir does nothing on Windows, which cannot open a directory for syncing
// and journals its entries.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
