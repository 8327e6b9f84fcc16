package natsserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hub/internal/hubtest/child"
)

const startTimeout = 60 * time.Second // recovery after a kill on a busy machine takes seconds

// Server is one private nats-server with JetStream. Its methods are safe for concurrent use, except Kill, Stop and
// Restart, which one goroutine at a time may call while others publish and see broken connections.
type Server struct {
	dir, binary   string
	port, monitor int // stay the same over Restart
	more          string
	proc          atomic.Pointer[child.Process]
}

// Start runs a fresh server until t ends and returns when JetStream answers. more is added to its configuration file.
func Start(t testing.TB, more ...string) *Server {
	t.Helper()
	s := prepare(t)
	for _, m := range more {
		s.more += m + "\n"
	}
	s.start(t)
	return s
}

// Cluster runs three fresh servers that form a cluster until t ends.
func Cluster(t testing.TB) []*Server {
	t.Helper()
	servers := make([]*Server, 3)
	ports := make([]int, len(servers))
	var routes []string
	for i := range servers {
		servers[i] = prepare(t)
		ports[i] = freePort(t)
		routes = append(routes, fmt.Sprintf("%q", fmt.Sprintf("nats-route://127.0.0.1:%d", ports[i])))
	}
	for i, s := range servers {
		s.more = fmt.Sprintf("cluster { name: hub-test, listen: \"127.0.0.1:%d\", routes: [%s] }\n", ports[i], strings.Join(routes, ", "))
		if err := s.launch(); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range servers {
		s.await(t)
	}
	return servers
}

// prepare gives a server its folder and ports.
func prepare(t testing.TB) *Server {
	t.Helper()
	path := requireInstalled(t)
	dir, err := os.MkdirTemp("", "hub-nats-")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{dir: dir, binary: path, port: freePort(t), monitor: freePort(t)}
	t.Cleanup(s.close)
	return s
}

// URL is where clients connect.
func (s *Server) URL() string { return fmt.Sprintf("nats://127.0.0.1:%d", s.port) }

// StoreDir is the folder of the streams. Copy or replace it only while the server is down.
func (s *Server) StoreDir() string { return filepath.Join(s.dir, "data") }

// config is the server's configuration file: production's durability, nothing to the outside.
func (s *Server) config() string {
	return fmt.Sprintf("server_name: %q\nlisten: \"127.0.0.1:%d\"\nhttp: \"127.0.0.1:%d\"\n"+
		"jetstream { store_dir: %q, sync_interval: always, max_file_store: 4GB, max_memory_store: 64MB }\n%s",
		filepath.Base(s.dir), s.port, s.monitor, s.StoreDir(), s.more)
}

func (s *Server) start(t testing.TB) {
	t.Helper()
	if err := s.launch(); err != nil {
		t.Fatal(err)
	}
	s.await(t)
}

func (s *Server) launch() error {
	file := filepath.Join(s.dir, "nats.conf")
	if err := os.WriteFile(file, []byte(s.config()), 0o600); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the child has its own
	cmd := exec.Command(s.binary, "-c", file)
	cmd.Stdout, cmd.Stderr = log, log
	p, err := child.Start(cmd)
	if err != nil {
		return fmt.Errorf("starting nats-server: %w", err)
	}
	s.proc.Store(p)
	return nil
}

// await returns when JetStream is enabled and its streams are there, in a cluster when it has a leader.
func (s *Server) await(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.Get(ctx, "/healthz", nil)
		if err == nil {
			return
		}
		select {
		case <-s.proc.Load().Done():
			t.Fatalf("nats-server ended while it started: %s", s.logTail())
		case <-ctx.Done():
			t.Fatalf("nats-server is not ready (%v): %s", err, s.logTail())
		case <-tick.C:
		}
	}
}

// Get reads a page of the server's monitoring, such as /jsz, into the value, which may be nil.
func (s *Server) Get(ctx context.Context, page string, value any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", s.monitor, page), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	if err == nil && value != nil {
		err = json.Unmarshal(body, value)
	}
	return err
}

// Running says whether the server process is alive.
func (s *Server) Running() bool {
	p := s.proc.Load()
	return p != nil && !p.Ended()
}

// Kill ends the server with SIGKILL and returns when the process is gone. Restart brings it back.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Stop ends the server as an operator would and returns when the process is gone. Restart brings it back.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Pause stops the server as it stands: it answers nobody and closes no connection. Resume lets it go on.
func (s *Server) Pause(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := s.proc.Load().Signal(sig); err != nil {
		t.Fatal("signalling nats-server: ", err)
	}
}

func (s *Server) end(sig syscall.Signal) {
	if p := s.proc.Load(); p != nil {
		p.End(sig)
	}
}

// Restart starts a killed or stopped server again on the same files and ports and returns when it is ready. A running
// server is stopped first.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop()
	s.start(t)
}

func (s *Server) close() {
	s.Kill()
	os.RemoveAll(s.dir)
}

// logTail is the end of the server's log, for messages.
func (s *Server) logTail() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return "no log"
	}
	return string(b[max(0, len(b)-4000):])
}

// freePort finds a loopback port outside the range from which the kernel hands out ports to clients, so that nobody
// is given it while the server is down between Kill and Restart.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("no free port between 20000 and 32000")
	return 0
}
