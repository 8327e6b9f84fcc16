package wal

import (
	"errors"
	"os"
	"syscall"
)

// datasync leaves out the times of the file, so on a preallocated and zeroed
// segment it does not wait for the journal.
func datasync(f *os.File) error {
	return control(f, "fdatasync", syscall.Fdatasync)
}

func preallocate(f *os.File, n int64) error {
	err := control(f, "fallocate", func(fd int) error { return syscall.Fallocate(fd, 0, 0, n) })
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) {
		return nil
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// control runs one system call on f's descriptor, again if a signal cut it short.
func control(f *os.File, name string, call func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = call(int(fd))
		for failed == syscall.EINTR {
			failed = call(int(fd))
		}
	})
	if err == nil && failed != nil {
		err = &os.PathError{Op: name, Path: f.Name(), Err: failed}
	}
	return err
}
