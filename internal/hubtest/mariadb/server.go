package mariadb

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"hub/internal/hubtest/child"
)

const (
	user         = "hub"
	password     = "hub-test-password"
	startTimeout = 90 * time.Second // recovery after a kill on a busy machine takes seconds
)

// Server is one private mariadbd. Its methods are safe for concurrent use, except Kill, Stop and Restart, which one
// goroutine at a time may call while others query and see broken connections.
type Server struct {
	dir      string // removed by close
	port     int    // stays the same over Restart
	settings []string
	admin    *sql.DB
	proc     atomic.Pointer[child.Process]
	names    atomic.Int64
}

// Start runs a fresh server until t ends. settings are further mariadbd options, such as "--log-bin"; a later option
// wins over those of production. It returns when the server answers.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	requireInstalled(t)
	s, err := open(settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// open makes the data folder and starts a server on it.
func open(settings []string) (_ *Server, err error) {
	dir, err := os.MkdirTemp("", "hub-mariadb-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, settings: settings}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err := initialise(s.DataDir()); err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.path("init.sql"), []byte(initSQL), 0o600); err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(&mysql.Config{
		User: "root", Net: "unix", Addr: s.path("sock"), AllowNativePasswords: true,
		Logger: &mysql.NopLogger{}, // a server that is killed on purpose is no news
	})
	if err != nil {
		return nil, err
	}
	s.admin = sql.OpenDB(connector)
	s.admin.SetMaxIdleConns(1)
	for range 5 { // another process may take the port between our look and the server's bind
		if s.port, err = freePort(); err != nil {
			return nil, err
		}
		if err = s.run(); err == nil || !strings.Contains(err.Error(), "Address already in use") {
			break
		}
	}
	return s, err
}

// initSQL runs inside the server before it accepts connections, at every start. Root can only come through the socket.
const initSQL = "CREATE USER IF NOT EXISTS '" + user + "'@'127.0.0.1' IDENTIFIED BY '" + password + "';\n" +
	"GRANT ALL ON *.* TO '" + user + "'@'127.0.0.1';\n" +
	"DROP USER IF EXISTS 'root'@'127.0.0.1';\n"

// run starts mariadbd on the data folder and waits until it answers.
func (s *Server) run() error {
	binary, err := findBinary("mariadbd")
	if err != nil {
		return err
	}
	p, err := child.Start(exec.Command(binary, s.options()...))
	if err != nil {
		return fmt.Errorf("starting mariadbd: %w", err)
	}
	s.proc.Store(p)
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.admin.Ping()
		if err == nil {
			return nil
		}
		select {
		case <-p.Done():
			return fmt.Errorf("mariadbd ended while it started: %s", s.logTail())
		case <-timeout.C:
			p.End(syscall.SIGKILL)
			return fmt.Errorf("mariadbd did not answer within %v (%w): %s", startTimeout, err, s.logTail())
		case <-tick.C:
		}
	}
}

// options is the server's command line: production's durability on a small machine.
func (s *Server) options() []string {
	return append([]string{
		"--no-defaults",
		"--user=root", // ignored unless we are root, and then needed
		"--datadir=" + s.DataDir(),
		"--tmpdir=" + s.dir,
		"--socket=" + s.path("sock"),
		"--pid-file=" + s.path("pid"),
		"--log-error=" + s.path("error.log"),
		"--init-file=" + s.path("init.sql"),
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--port=%d", s.port),
		"--skip-name-resolve",
		"--innodb-flush-log-at-trx-commit=1",
		"--sync-binlog=1",
		"--innodb-doublewrite=ON",
		"--sql-mode=STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION",
		"--character-set-server=utf8mb4",
		"--collation-server=utf8mb4_bin",
		"--innodb-buffer-pool-size=256M",
		"--innodb-log-file-size=256M",
		"--innodb-buffer-pool-dump-at-shutdown=OFF",
		"--innodb-buffer-pool-load-at-startup=OFF",
		"--max-connections=200",
	}, s.settings...)
}

// DSN returns a go-sql-driver DSN over TCP for the database, which is created if it is missing. It holds no parameters:
// what the product needs, the product has to add. It panics when the server is down.
func (s *Server) DSN(database string) string {
	if _, err := s.admin.Exec("CREATE DATABASE IF NOT EXISTS `" + strings.ReplaceAll(database, "`", "``") + "`"); err != nil {
		panic(fmt.Sprintf("creating test database %q: %v", database, err))
	}
	return fmt.Sprintf("%s:%s@tcp(127.0.0.1:%d)/%s", user, password, s.port, database)
}

// NewDatabase creates an empty database that no other call returned, and returns its DSN. It is dropped when t ends,
// if the server is still there.
func (s *Server) NewDatabase(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("t%d", s.names.Add(1))
	dsn := s.DSN(name)
	t.Cleanup(func() {
		if s.Running() {
			if _, err := s.admin.Exec("DROP DATABASE IF EXISTS " + name); err != nil {
				t.Logf("dropping test database %s: %v", name, err)
			}
		}
	})
	return dsn
}

// Admin is a pool of root connections through the unix socket; it survives Kill and Restart. Do not close it.
func (s *Server) Admin() *sql.DB { return s.admin }

// Socket is where root may come in, for the client programs.
func (s *Server) Socket() string { return s.path("sock") }

// DataDir is the folder that holds everything the server keeps.
func (s *Server) DataDir() string { return s.path("data") }

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
		t.Fatal("signalling mariadbd: ", err)
	}
}

func (s *Server) end(sig syscall.Signal) {
	if p := s.proc.Load(); p != nil {
		p.End(sig)
	}
}

// Restart starts a killed or stopped server again on the same files and port and returns when it answers, which is
// after its crash recovery. A running server is stopped first.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop()
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
}

// close ends the server and removes its files, which nobody reads any more, so SIGKILL does.
func (s *Server) close() {
	if s.admin != nil {
		s.admin.Close() // first, since the driver complains aloud about connections that break
	}
	s.Kill()
	os.RemoveAll(s.dir)
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

// logTail is the end of the server's error log, for messages.
func (s *Server) logTail() string {
	b, err := os.ReadFile(s.path("error.log"))
	if errors.Is(err, os.ErrNotExist) {
		return "no error log"
	}
	return string(b[max(0, len(b)-4000):])
}

// freePort finds a loopback port outside the range from which the kernel hands out ports to clients, so that nobody
// is given it while the server is down between Kill and Restart.
func freePort() (int, error) {
	for range 100 {
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		return port, l.Close()
	}
	return 0, errors.New("no free port between 20000 and 32000")
}
