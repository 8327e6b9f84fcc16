package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"hub"
)

const (
	startTimeout = 60 * time.Second // recovery of a large store
	storeFolder  = "jetstream"      // the server's own name for it, inside Dir
	damagedName  = "damaged-"
	// noBound is the server's own. The streams have bounds, which a start may lower or raise; the server's, which it would
	// derive from the room that is left, would keep it from opening a stream that was given more.
	noBound = 1 << 60
)

// openEmbedded starts the server. A store that does not open is put aside: nothing is in it that the databases lack.
func (b *Bus) openEmbedded(ctx context.Context) error {
	err := b.startServer(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	b.Close()
	aside, moveErr := b.putAside()
	if moveErr != nil {
		return errors.Join(err, moveErr)
	}
	if aside == "" { // there was no store, so it was not the store
		return err
	}
	b.config.Log.Warn("the broker's store does not open, starting with an empty one", "aside", aside, "error", err)
	return b.startServer(ctx)
}

func (b *Bus) startServer(ctx context.Context) (err error) {
	defer hub.Wrap(&err, "starting embedded broker", "")
	if err := os.MkdirAll(b.config.Dir, 0o700); err != nil {
		return unavailable("", "", err)
	}
	s, err := server.NewServer(&server.Options{
		ServerName: "hub", DontListen: true, NoSigs: true,
		JetStream: true, StoreDir: b.config.Dir, SyncAlways: true,
		JetStreamMaxStore: noBound, JetStreamMaxMemory: 64 << 20, // no stream lives in memory
		MaxPayload: int32(b.payload),
	})
	if err != nil {
		return unavailable("", "", err)
	}
	b.server = s
	log := &serverLog{log: b.config.Log, broken: &b.broken}
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	if what := log.fatal(); what != "" {
		return unavailable("", "", errors.New(what))
	}
	if !s.ReadyForConnections(startTimeout) || !s.JetStreamEnabled() {
		return unavailable("", "", errors.New("not ready in time"))
	}
	b.link = newLink()
	if err := b.connect("nats://in-process", nats.InProcessServer(s)); err != nil {
		return err
	}
	return b.ensure(ctx)
}

// stopServer ends the embedded server, if there is one, and returns when its files are closed.
func (b *Bus) stopServer() {
	if b.server == nil {
		return
	}
	b.server.Shutdown()
	b.server.WaitForShutdown()
	b.server = nil
}

// putAside renames the store and returns its new path, "" when there is none. Only the newest damaged store is kept.
func (b *Bus) putAside() (string, error) {
	store := filepath.Join(b.config.Dir, storeFolder)
	if _, err := os.Lstat(store); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	older, err := filepath.Glob(filepath.Join(b.config.Dir, damagedName+"*"))
	if err != nil {
		return "", err
	}
	for _, path := range older {
		if err := os.RemoveAll(path); err != nil {
			return "", err
		}
	}
	aside := filepath.Join(b.config.Dir, damagedName+b.config.Clock().Format("20060102T150405Z"))
	return aside, os.Rename(store, aside)
}

// serverLog brings the server's own words to the hub's log.
type serverLog struct {
	log  *slog.Logger
	last atomic.Pointer[string] // what it could not start with

	broken *atomic.Pointer[string] // what it does not recover from
}

// fatalWords are in what the server says when it has stopped writing for good: its files keep the first error.
var fatalWords = []string{"Critical write error", "will be DISABLED"}

func (l *serverLog) Noticef(format string, v ...any) { l.write(slog.LevelDebug, format, v) }
func (l *serverLog) Warnf(format string, v ...any)   { l.write(slog.LevelWarn, format, v) }
func (l *serverLog) Debugf(string, ...any)           {}
func (l *serverLog) Tracef(string, ...any)           {}

// Errorf remembers what the server does not recover from.
func (l *serverLog) Errorf(format string, v ...any) {
	what := fmt.Sprintf(format, v...)
	for _, word := range fatalWords {
		if strings.Contains(what, word) {
			l.broken.CompareAndSwap(nil, &what)
		}
	}
	l.write(slog.LevelError, format, v)
}

// Fatalf does not end the process, as the server's own logger would: the caller sees that the server is not ready.
func (l *serverLog) Fatalf(format string, v ...any) {
	what := fmt.Sprintf(format, v...)
	l.last.Store(&what)
	l.write(slog.LevelError, format, v)
}

func (l *serverLog) fatal() string {
	if what := l.last.Load(); what != nil {
		return *what
	}
	return ""
}

func (l *serverLog) write(level slog.Level, format string, v []any) {
	l.log.Log(context.Background(), level, "broker: "+strings.TrimSpace(fmt.Sprintf(format, v...)))
}
