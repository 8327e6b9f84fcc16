package mariadb

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A test binary that is killed half way leaves no server behind.
func TestServerDiesWithItsProcess(t *testing.T) {
	requireInstalled(t)
	const childMark = "HUB_TEST_MARIADB_CHILD"
	if os.Getenv(childMark) == "1" {
		s := Start(t)
		fmt.Printf("\nserver %d %s\n", s.port, s.dir)
		select {} // until we are killed
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), childMark+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var port int
	var dir string
	for lines := bufio.NewScanner(out); port == 0 && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "server ") {
			fmt.Sscanf(lines.Text(), "server %d %s", &port, &dir)
		}
	}
	defer os.RemoveAll(dir) // the killed child could not
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	if port == 0 {
		t.Fatal("the child started no server")
	}
	if !eventually(func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			conn.Close()
		}
		return err != nil
	}) {
		t.Errorf("the server on port %d outlived the process that started it", port)
	}
}

// A thread that ends must not take the server with it: the kernel's parent-death signal follows threads.
func TestServerOutlivesTheThreadThatAskedForIt(t *testing.T) {
	requireInstalled(t)
	var s *Server
	var thread int
	done := make(chan error)
	var ask func()
	ask = func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		if thread = syscall.Gettid(); thread == os.Getpid() {
			go ask() // all but the main thread, so try on another one, and keep this one busy
			select {}
		}
		var err error
		s, err = open(nil)
		done <- err
	}
	go ask()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if !eventually(func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", thread))
		return os.IsNotExist(err)
	}) {
		t.Fatal("the thread did not end, so nothing was tried")
	}
	for range 200 { // the kernel has sent its signal by now; give it time to work
		if err := s.Admin().Ping(); err != nil {
			t.Fatalf("the server went with the thread that started it: %v", err)
		}
	}
}

// eventually polls what other processes do, of which nothing tells us.
func eventually(ok func() bool) bool {
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			return false
		case <-tick.C:
		}
	}
	return true
}
