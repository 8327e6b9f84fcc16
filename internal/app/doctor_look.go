package app

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"hub/internal/config"
)

// surroundings are the facts that doctor judges. What could not be found out is not known, which is no good news.
type surroundings struct {
	now         time.Time
	open        []string // what others than the owner may read or write
	roots       []rootFile
	sameVolume  verdict // whether root and vault are on one device
	swapOn      verdict
	coreLimit   verdict // whether the limit of this process allows a core file
	corePattern string  // of the kernel, "" when not known
}

// rootFile is one root, by its name.
type rootFile struct {
	generation int
	madeAt     time.Time
}

// verdict is yes, no or not known.
type verdict int

const (
	unknown verdict = iota
	no
	yes
)

func verdictOf(b bool) verdict {
	if b {
		return yes
	}
	return no
}

// look collects the facts and changes nothing.
func look(cfg config.Config) surroundings {
	s := surroundings{now: SystemClock()}
	forget, keep := filepath.Join(cfg.Keys, "forget"), filepath.Join(cfg.Keys, keepFolder)
	s.open = othersMayOpen(cfg.Data, filepath.Join(cfg.Data, "intake"), forget, keep)
	entries, _ := os.ReadDir(forget) // what cannot be read is reported by the check of the root
	for _, e := range entries {
		path := filepath.Join(forget, e.Name())
		s.open = append(s.open, othersMayOpen(path)...)
		number, ok := strings.CutPrefix(e.Name(), "root.")
		generation, err := strconv.Atoi(number)
		if info, statErr := e.Info(); ok && err == nil && statErr == nil {
			s.roots = append(s.roots, rootFile{generation, info.ModTime()})
		}
	}
	if s.sameVolume = no; cfg.Vault.DSN == "" {
		a, errA := device(forget)
		b, errB := device(cfg.Data)
		if s.sameVolume = unknown; errA == nil && errB == nil {
			s.sameVolume = verdictOf(a == b)
		}
	}
	if text, err := os.ReadFile("/proc/swaps"); err == nil {
		s.swapOn = verdictOf(strings.Count(strings.TrimSpace(string(text)), "\n") > 0)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit); err == nil {
		s.coreLimit = verdictOf(limit.Cur != 0)
	}
	if text, err := os.ReadFile("/proc/sys/kernel/core_pattern"); err == nil {
		s.corePattern = strings.TrimSpace(string(text))
	}
	return s
}

// othersMayOpen returns those of the paths that exist and are not their owner's alone.
func othersMayOpen(paths ...string) (open []string) {
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
			open = append(open, path)
		}
	}
	return open
}

func device(path string) (uint64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Dev), nil
	}
	return 0, fs.ErrInvalid
}
