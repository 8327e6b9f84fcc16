package mariadb

import (
	"sync"
	"testing"
)

// shared is the server of this test binary. It is package state because testing offers no other place for what all
// tests of a process share.
var shared struct {
	sync.Mutex
	main   bool // Main runs, so somebody will clean up
	server *Server
	err    error // the first start failed: the others need not wait for it again
}

// Main runs the tests of a package, then ends the server that Shared started, if it did. It returns the exit code.
func Main(m *testing.M) int {
	shared.Lock()
	shared.main = true
	shared.Unlock()
	defer func() {
		shared.Lock()
		defer shared.Unlock()
		if shared.server != nil {
			shared.server.close()
		}
	}()
	return m.Run()
}

// Shared returns the one server of this package's tests, started by the first call. Tests that use it run in databases
// of their own (NewDatabase) and never call Kill, Stop or Restart: a test that does needs Start.
func Shared(t testing.TB) *Server {
	t.Helper()
	requireInstalled(t)
	shared.Lock()
	defer shared.Unlock()
	if !shared.main {
		t.Fatal("mariadb.Shared needs func TestMain(m *testing.M) { os.Exit(mariadb.Main(m)) }")
	}
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = open(nil)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}
