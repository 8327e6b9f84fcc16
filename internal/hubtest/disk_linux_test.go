package hubtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// disk is a file system of its own in an image file, whose power can be cut.
type disk struct {
	image, folder string
	mounted       bool
}

// newDisk mounts an image. It returns why not where the machine does not allow that: mounting takes root, loop devices
// and the tools of ext4.
func newDisk(t *testing.T, size int64) (*disk, error) {
	t.Helper()
	dir := t.TempDir()
	d := &disk{image: filepath.Join(dir, "image"), folder: filepath.Join(dir, "disk")}
	f, err := os.Create(d.image)
	if err == nil {
		err = f.Truncate(size)
		f.Close()
	}
	if err == nil {
		err = os.Mkdir(d.folder, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("mkfs.ext4", "-q", "-F", d.image).Run(); err != nil {
		return nil, err
	}
	if err := d.mount(); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if d.mounted {
			if err := d.unmount(); err != nil {
				t.Error("unmounting: ", err)
			}
		}
	})
	return d, nil
}

// mount recovers the journal, as the start after a power cut does.
func (d *disk) mount() error {
	err := exec.Command("mount", "-o", "loop", d.image, d.folder).Run()
	d.mounted = err == nil
	return err
}

// unmount waits until nobody has a file open: a process that was killed lets go a moment later.
func (d *disk) unmount() (err error) {
	for range 100 {
		if err = exec.Command("umount", d.folder).Run(); err == nil {
			d.mounted = false
			return nil
		}
		<-time.After(50 * time.Millisecond)
	}
	return err
}

// What FS_IOC_SHUTDOWN takes: go down now, and flush neither data nor journal.
const (
	ioctlShutdown = 0x8004587d
	noFlush       = uint32(2)
)

// cut takes the power away: from now on every write and fsync fails, and what was not fsynced before is gone, file
// contents and folder entries alike.
func (d *disk) cut() error {
	f, err := os.Open(d.folder)
	if err != nil {
		return err
	}
	defer f.Close()
	flags := noFlush
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), ioctlShutdown, uintptr(unsafe.Pointer(&flags))); errno != 0 {
		return errno
	}
	return nil
}

// restore brings the power back, after every process on the disk has ended.
func (d *disk) restore(t *testing.T) {
	t.Helper()
	if err := d.unmount(); err != nil {
		t.Fatal("unmounting after the cut: ", err)
	}
	if err := d.mount(); err != nil {
		t.Fatal("mounting after the cut: ", err)
	}
}

// TestDiskForgets: the drill proves nothing on a disk that keeps what was not fsynced.
func TestDiskForgets(t *testing.T) {
	d, err := newDisk(t, 16<<20)
	if err != nil {
		t.Logf("no disk of our own here: %v", err)
		return
	}
	write := func(name string, sync bool) {
		f, err := os.Create(filepath.Join(d.folder, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString("content"); err != nil {
			t.Fatal(err)
		}
		if sync {
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("synced", true)
	write("unsynced", false)
	if err := d.cut(); err != nil {
		t.Fatal("cutting: ", err)
	}
	if _, err := os.Create(filepath.Join(d.folder, "after")); err == nil {
		t.Error("a disk without power takes a file")
	}
	d.restore(t)
	if b, err := os.ReadFile(filepath.Join(d.folder, "synced")); string(b) != "content" {
		t.Errorf("what was synced is %q, %v", b, err)
	}
	if b, err := os.ReadFile(filepath.Join(d.folder, "unsynced")); string(b) == "content" {
		t.Errorf("what was not synced survived the cut, %v", err)
	}
}
