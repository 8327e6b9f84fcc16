package store_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"

	"hub"
	"hub/internal/hubtest/mariadb"
	"hub/internal/orders"
	"hub/internal/store"
	"hub/internal/store/storetest"
)

// proxy stands between the hub and a server and can cut the connection at COMMIT.
type proxy struct {
	listener net.Listener
	server   string
	cut      atomic.Int32 // one of the constants below
}

const (
	cutNothing    = iota
	cutBeforeSend // the server never sees the COMMIT
	cutAfterSend  // the server commits, the hub never hears of it
	cutAll        // every connection, at once
)

// newProxy returns a proxy and the DSN that leads through it.
func newProxy(t *testing.T, name string) (*proxy, string) {
	dsn, err := mysql.ParseDSN(strings.TrimPrefix(name, "mysql:"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, server: dsn.Addr}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	dsn.Addr = listener.Addr().String()
	return p, "mysql:" + dsn.FormatDSN()
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	if p.cut.Load() == cutAll {
		return
	}
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	var mute atomic.Bool // answers are no longer passed on
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		b := make([]byte, 64<<10)
		for {
			n, err := server.Read(b)
			if mute.Load() || err != nil {
				client.Close()
				return
			}
			if _, err := client.Write(b[:n]); err != nil {
				return
			}
		}
	}()
	b := make([]byte, 64<<10)
	for {
		n, err := client.Read(b)
		if err != nil {
			return
		}
		if bytes.HasSuffix(b[:n], []byte("\x03COMMIT")) {
			switch p.cut.Load() {
			case cutBeforeSend:
				return
			case cutAfterSend:
				mute.Store(true)
				_, _ = io.Copy(server, bytes.NewReader(b[:n]))
				<-answered // the server has answered, so it has committed
				return
			}
		}
		if _, err := server.Write(b[:n]); err != nil {
			return
		}
	}
}

// TestUnknownOutcome cuts the connection during COMMIT, on either side of the server's decision.
func TestUnknownOutcome(t *testing.T) {
	c := mysqlConfig(t, mariadb.Shared(t))
	c.Shards = c.Shards[:1]
	migrated(t, c)
	direct := opened(t, c)
	p, through := newProxy(t, c.Shards[0])
	c.Shards = []string{through}
	fed := 0
	c.OnFeed = func([]hub.TenantID) { fed++ }
	s, ids := opened(t, c), storetest.IDs()
	tenant := hub.TenantID(ids.New(hub.TenantPrefix))
	for name, cut := range map[string]struct{ how, rows int }{"before": {cutBeforeSend, 0}, "after": {cutAfterSend, 1}} {
		o := newOrder(tenant, name, ids)
		runs, woken := 0, 0
		p.cut.Store(int32(cut.how))
		err := s.Do(t.Context(), s.Of(tenant), func(ctx context.Context, tx hub.Tx) error {
			runs++
			tx.OnCommit(func() { woken++ })
			return put(ctx, s, tx, o)
		})
		p.cut.Store(cutNothing)
		if hub.KindOf(err) != hub.KindUnknown || runs != 1 || woken != 0 || fed != 0 {
			t.Errorf("cut %s: %v (%v), %d runs, woken %d times, feed told %d times", name, err, hub.KindOf(err), runs, woken, fed)
		}
		if got := len(stored(t, direct, o.Key)); got != cut.rows {
			t.Errorf("cut %s: %d rows, want %d", name, got, cut.rows)
		}
		t.Logf("cut %s the server saw COMMIT: %v", name, err)
	}
	if page, err := s.ERP().Changes(t.Context(), tenant, hub.StreamOrders, 0, 10); err != nil || len(page) != 1 {
		t.Errorf("%d changes, %v", len(page), err)
	}
}

// TestDatabasesDownAtStart starts a hub while its databases cannot be reached, then brings them back.
func TestDatabasesDownAtStart(t *testing.T) {
	c := migrated(t, mysqlConfig(t, mariadb.Shared(t)))
	healthy := opened(t, c)
	var proxies []*proxy
	for _, name := range []*string{&c.Control, &c.Vault, &c.Shards[0], &c.Shards[1]} {
		p, through := newProxy(t, *name)
		p.cut.Store(cutAll)
		*name = through
		proxies = append(proxies, p)
	}
	_, err := store.Open(t.Context(), c)
	if hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("without the control database and without a map: %v", err)
	}
	c.Map = healthy.Map()
	s, ids := opened(t, c), storetest.IDs()
	tenant := hub.TenantID(ids.New(hub.TenantPrefix))
	if s.Of(tenant) != healthy.Of(tenant) {
		t.Error("the map that came along is not used")
	}
	o := newOrder(tenant, "1", ids)
	write := func() error {
		return s.Do(t.Context(), s.Of(tenant), func(ctx context.Context, tx hub.Tx) error { return s.Orders().Save(ctx, tx, []orders.Stored{o}) })
	}
	for name, err := range map[string]error{
		"Do": write(), "Version": second(s.Tenancy().Version(t.Context())), "ByID": second(s.Vault().ByID(t.Context(), []string{"x"})),
		"Changes": second(s.ERP().Changes(t.Context(), tenant, hub.StreamOrders, 0, 1)),
	} {
		if hub.KindOf(err) != hub.KindUnavailable {
			t.Errorf("%s while databases are down: %v", name, err)
		}
	}
	for _, h := range s.Health(t.Context()) {
		if h.Err == nil {
			t.Errorf("%s is called healthy", h.Name)
		}
	}
	for _, p := range proxies {
		p.cut.Store(cutNothing)
	}
	if err := write(); err != nil {
		t.Errorf("after they came back: %v", err)
	}
	if _, err := s.Tenancy().Version(t.Context()); err != nil {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }
