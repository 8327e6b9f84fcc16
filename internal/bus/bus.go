package bus

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hub"
)

// Codes of errors.
const (
	CodeBroker  hub.Code = "broker_unavailable" // away, not ready or full
	CodeRefused hub.Code = "broker_refused"     // this message, for ever
	CodeEvent   hub.Code = "invalid_event"      // a change or message that makes no event
)

// Embedded is the URL of the server that lives in this process.
const Embedded = "embedded"

// Config says where the broker is and how it keeps the streams. URL is a secret: it may hold credentials.
type Config struct {
	URL      string        // Embedded, or nats://host,host; credentials of the first host serve for those without
	Dir      string        // folder of the embedded server, its own
	Window   time.Duration // how long events stay; at least 100 ms
	Replicas int           // 0: three on a cluster of three or more, else one
	MaxStore int64         // bytes that all streams may take: the oldest events make room; 0: no limit of ours
	Log      *slog.Logger
	Clock    hub.Clock
}

// Bus is a broker: embedded or a connection to one. It is safe for concurrent use.
type Bus struct {
	config   Config
	server   *server.Server // nil when external
	nc       *nats.Conn
	js       jetstream.JetStream
	link     *link
	slots    chan struct{} // one a batch under way
	ensuring sync.Mutex
	payload  int64                  // largest message of the embedded server; tests make it smaller
	broken   atomic.Pointer[string] // what the embedded server has said that it does not recover from
}

// Open starts the embedded server or connects. An external broker that is away is no error: the connection is made in
// the background, for ever, and until then every operation is KindUnavailable. Close it.
func Open(ctx context.Context, c Config) (*Bus, error) { return open(ctx, c, maxPayload) }

func open(ctx context.Context, c Config, payload int64) (_ *Bus, err error) {
	b := &Bus{config: c, link: newLink(), slots: make(chan struct{}, maxBatches), payload: payload}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	if c.URL == Embedded {
		return b, b.openEmbedded(ctx)
	}
	if err := b.connect(c.URL); err != nil {
		return nil, err
	}
	if !b.nc.IsConnected() {
		c.Log.Warn("broker is away, connecting in the background")
		return b, nil
	}
	if err := b.ensure(ctx); err != nil { // whoever publishes tries again
		c.Log.Warn("broker is not ready", "error", err)
	}
	return b, nil
}

// Close ends connection and server. What was told is on disk; what is under way becomes KindUnknown.
func (b *Bus) Close() {
	if b.nc != nil {
		b.nc.Close()
	}
	b.link.down()
	b.stopServer()
}

// Broken is why an embedded server takes nothing any more, though it answers, and will not until it is started anew: one
// write failed, as on a full disk. Close the bus and open another on the same folder; nothing is lost that was confirmed.
func (b *Bus) Broken() error {
	if what := b.broken.Load(); what != nil {
		return unavailable("writing to embedded broker", "", errors.New(*what))
	}
	return nil
}

// Health is nil when events can be told: connected, and the stream of orders answers.
func (b *Bus) Health(ctx context.Context) error {
	_, err := b.stream(ctx, "looking at broker")
	return err
}

// stream returns the stream of orders with fresh information; one that is missing is made first.
func (b *Bus) stream(ctx context.Context, op string) (jetstream.Stream, error) {
	if err := b.connected(op); err != nil {
		return nil, err
	}
	s, err := b.js.Stream(ctx, StreamOrders)
	if missing(err) {
		if err := b.ensure(ctx); err != nil {
			return nil, err
		}
		s, err = b.js.Stream(ctx, StreamOrders)
	}
	if err != nil {
		return nil, unavailable(op, StreamOrders, err)
	}
	return s, nil
}
