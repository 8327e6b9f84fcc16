package app

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hub"
)

// heir is a process that has the lock of a folder for as long as its standard input is open, as one that is becoming a
// keeper has it for a moment after the death of its hub.
func heir(t *testing.T, dir string) (end func()) {
	t.Helper()
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("cat")
	child.ExtraFiles = []*os.File{lock}
	in, err := child.StdinPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil { // the hub is dead
		t.Fatal(err)
	}
	ended := false
	end = func() {
		if !ended {
			ended = true
			_ = in.Close()
			_ = child.Wait()
		}
	}
	t.Cleanup(end)
	return end
}

// telling is where a log goes: each line is told.
type telling chan string

func (l telling) Write(line []byte) (int, error) {
	l <- string(bytes.TrimSpace(line))
	return len(line), nil
}

// A hub that starts right after the death of the one before has the folder as soon as that is free, and says what it waits for.
// One that finds another at work is refused, after a moment, as whoever only looks is at once.
func TestFolderOfADeadHub(t *testing.T) {
	dir, lines := t.TempDir(), make(telling, 9)
	log := slog.New(slog.NewTextHandler(lines, nil))
	end := heir(t, dir)
	if _, err := holdFolder(dir, NewIDs()); hub.CodeOf(err) != CodeFolderHeld || hub.KindOf(err) != hub.KindConflict {
		t.Fatalf("a folder that is held: %v", err)
	}
	type outcome struct {
		*instance
		error
	}
	got := make(chan outcome, 1)
	await := func() {
		i, err := awaitFolder(t.Context(), dir, NewIDs(), log)
		got <- outcome{i, err}
	}
	go await()
	select {
	case line := <-lines:
		if !strings.Contains(line, "waiting for the data folder") {
			t.Errorf("it says %q", line)
		}
	case first := <-got:
		t.Fatalf("it does not wait: %v", first.error)
	}
	end()
	first := <-got
	if first.error != nil {
		t.Fatalf("when it is free: %v", first.error)
	}
	if line := <-lines; !strings.Contains(line, "is free") {
		t.Errorf("it says %q", line)
	}
	begun := time.Now()
	go await()
	second := <-got
	if took := time.Since(begun); hub.CodeOf(second.error) != CodeFolderHeld || took < lockPatience || took > 10*lockPatience {
		t.Errorf("beside a hub that works: %v after %s", second.error, took)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := awaitFolder(over, dir, NewIDs(), log); hub.CodeOf(err) != CodeFolderHeld {
		t.Errorf("told to stop: %v", err)
	}
	if err := first.release(); err != nil {
		t.Fatal(err)
	}
	again, err := awaitFolder(t.Context(), dir, NewIDs(), slog.New(slog.DiscardHandler))
	if err != nil || again.id != first.id {
		t.Fatalf("%+v, %v; it was %s", again, err, first.id)
	}
	if err := again.release(); err != nil {
		t.Error(err)
	}
}
