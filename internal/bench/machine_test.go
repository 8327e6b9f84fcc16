package bench

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// machine is how busy the processors have been since the start of the machine, and this process since its own.
type machine struct {
	at        time.Time
	all, ours time.Duration // of processor time; all is 0 where it cannot be read
}

// look reads /proc/stat (proc(5): the first line, in hundredths of a second) and getrusage.
func look() machine {
	m := machine{at: time.Now()}
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
		m.ours = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return m
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	for i, field := range strings.Fields(line) {
		const idle, wait, guest = 4, 5, 9 // what guests use is in user already
		if n, err := strconv.ParseInt(field, 10, 64); err == nil && i != idle && i != wait && i < guest {
			m.all += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return m
}

// others is how many processors somebody else kept busy since before, a database server of ours included.
func (m machine) others(before machine) float64 {
	if m.all == 0 {
		return 0
	}
	return max(0, float64((m.all-before.all)-(m.ours-before.ours))/float64(m.at.Sub(before.at)))
}

// onDisk refuses to measure durability where there is none to measure.
func onDisk(tb testing.TB) {
	tb.Helper()
	const tmpfs = 0x01021994 // statfs(2)
	var s syscall.Statfs_t
	must(tb, syscall.Statfs(os.TempDir(), &s))
	if int64(s.Type) == tmpfs {
		tb.Fatalf("%s is in memory, where syncing costs nothing: set TMPDIR to a folder on a disk", os.TempDir())
	}
}

func processors() int { return runtime.NumCPU() }
