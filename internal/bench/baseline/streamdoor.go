package baseline

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Stream is a JetStream of its own, in this process, that syncs every write before it confirms it.
type Stream struct {
	JS jetstream.JetStream

	server *server.Server
	conn   *nats.Conn
}

// StreamSubject is what messages of the baseline are published to, followed by a dot and more.
const StreamSubject = "baseline"

// OpenStream starts the server on a folder, with one stream that keeps StreamSubject and all below.
func OpenStream(ctx context.Context, dir string) (_ *Stream, err error) {
	s, err := server.NewServer(&server.Options{
		DontListen: true, JetStream: true, StoreDir: dir, SyncAlways: true, NoSigs: true, NoLog: true, JetStreamMaxStore: 64 << 30,
	})
	if err != nil {
		return nil, err
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return nil, fmt.Errorf("the server does not start")
	}
	b := &Stream{server: s}
	if b.conn, err = nats.Connect("", nats.InProcessServer(s)); err != nil {
		b.Close()
		return nil, err
	}
	if b.JS, err = jetstream.New(b.conn); err == nil {
		_, err = b.JS.CreateStream(ctx, jetstream.StreamConfig{
			Name: "BASELINE", Subjects: []string{StreamSubject + ".>"}, Storage: jetstream.FileStorage, AllowAtomicPublish: true,
		})
	}
	if err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Close ends the server; its files stay.
func (b *Stream) Close() {
	if b.conn != nil {
		b.conn.Close()
	}
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

// StreamDoor is a webhook handler that verifies and publishes each body, and answers when the stream has confirmed it. It
// seals nothing.
type StreamDoor struct {
	Secret  []byte // signs bodies
	Token   string // of the one endpoint
	MaxBody int64
	Stream  *Stream
}

// Handler serves POST /hooks/{platform}/{endpoint}.
func (d StreamDoor) Handler() http.Handler {
	r := chi.NewRouter()
	r.Post("/hooks/{platform}/{endpoint}", d.take)
	return r
}

func (d StreamDoor) take(w http.ResponseWriter, r *http.Request) {
	body, ok := verified(w, r, d.Token, d.Secret, d.MaxBody)
	if !ok {
		return
	}
	if _, err := d.Stream.JS.Publish(r.Context(), StreamSubject+".shopify", body); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}
