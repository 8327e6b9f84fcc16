package bus

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hub"
)

const (
	dialTimeout   = 3 * time.Second
	reconnectWait = 500 * time.Millisecond
	pingInterval  = 5 * time.Second // two without an answer end a connection: a paused server is noticed in 15 s
)

// connect makes the connection, or leaves it to the background.
func (b *Bus) connect(list string, more ...nats.Option) error {
	servers, err := serverList(list)
	if err != nil {
		return err
	}
	options := append([]nats.Option{
		nats.Name("hub"), nats.Timeout(dialTimeout), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait), nats.FlusherTimeout(dialTimeout), nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(2),
		nats.IgnoreAuthErrorAbort(), // a password that is wrong for a minute must not end the hub's connection for good
		nats.ReconnectBufSize(-1),   // what cannot be sent now is an error now, not a surprise after the reconnect
		nats.NoCallbacksAfterClientClose(),
		nats.ConnectHandler(func(*nats.Conn) { b.link.up() }),
		nats.ReconnectHandler(func(*nats.Conn) { b.link.up(); b.config.Log.Info("broker is back") }),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { b.link.down(); b.config.Log.Warn("broker connection lost") }),
		// The text of such an error may name a subject, never a credential; it is about permissions and slow consumers.
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { b.config.Log.Warn("broker", "error", err) }),
	}, more...)
	if b.nc, err = nats.Connect(servers, options...); err != nil {
		return &hub.Error{Kind: hub.KindUnavailable, Code: CodeBroker, Op: "connecting to broker", Err: clean(err)}
	}
	if b.nc.IsConnected() {
		b.link.up()
	}
	if b.js, err = jetstream.New(b.nc, jetstream.WithDefaultTimeout(sendTimeout)); err != nil {
		return unavailable("connecting to broker", "", clean(err))
	}
	return nil
}

// serverList brings nats://user:password@host,host into the form that the library wants: credentials with each host.
func serverList(list string) (string, error) {
	bad := hub.Errorf(hub.KindInvalid, "reading address of broker", "not of the form nats://host,host")
	var user *url.Userinfo
	var servers []string
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimSpace(part)
		if !strings.Contains(part, "://") {
			part = "nats://" + part
		}
		u, err := url.Parse(part) // its error would print the address
		if err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls" {
			return "", bad
		}
		if user == nil {
			user = u.User
		}
		if u.User == nil {
			u.User = user
		}
		servers = append(servers, u.String())
	}
	return strings.Join(servers, ","), nil
}

// clean keeps the reason of an error, without the address in it.
func clean(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// connected is nil while there is a connection.
func (b *Bus) connected(op string) error {
	if b.nc.IsConnected() {
		return b.Broken()
	}
	return unavailable(op, "", errors.New("no connection"))
}

// link is the present connection as a context: what waits for an answer over it need not wait longer than it lives.
type link struct {
	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
}

func newLink() *link {
	l := &link{}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.cancel()
	return l
}

func (l *link) up() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		l.ctx, l.cancel = context.WithCancel(context.Background())
	}
}

func (l *link) down() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel()
}

// during returns ctx, ended also when the connection ends.
func (l *link) during(ctx context.Context) (context.Context, context.CancelFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}
