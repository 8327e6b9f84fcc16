package hubtest

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// KillKeepers ends the keepers of the hub on a data folder at once, as the end of a container does, and says how many there were.
func KillKeepers(data string) (n int) {
	for _, pid := range keepers(data) {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
	return n
}

// Keepers counts the keepers of the hub on a data folder.
func Keepers(data string) int { return len(keepers(data)) }

func keepers(data string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is a good one
	for _, file := range files {
		text, err := os.ReadFile(file)
		words := strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
		if err != nil || len(words) != 3 || !slices.Equal(words[1:], []string{keeperArgument, data}) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
