package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"hub/internal/bench/baseline"
)

const (
	feedConns = 4
	feedPage  = 250
)

// library is a hub with a feed to read, kept over all turns of a comparison.
type library struct {
	rig    *rig
	orders int
}

func newLibrary(tb testing.TB, s size, orders int) *library {
	tb.Helper()
	l := &library{rig: newRig(tb, s), orders: orders}
	l.rig.accept(tb, many(natural(200), 0, orders))
	l.rig.drainAll(tb, orders)
	return l
}

// request asks for the page after a sequence.
func (l *library) request(addr string, after, limit int) []byte {
	return fmt.Appendf(nil, "GET /v1/orders/feed?after=%d&limit=%d HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nAccept: application/json\r\n\r\n",
		after, limit, addr, l.rig.key)
}

// read reads the whole feed, page by page, again and again, each connection from another place on.
func (l *library) read(tb testing.TB, h http.Handler, d time.Duration) rate {
	tb.Helper()
	addr, stop := serve(tb, h)
	defer stop()
	wire := make([][]byte, l.orders/feedPage)
	for i := range wire {
		wire[i] = l.request(addr, i*feedPage, feedPage)
	}
	client := load{addr: addr, conns: feedConns, request: func(conn, i int) []byte {
		return wire[(conn*len(wire)/feedConns+i)%len(wire)]
	}}
	client.run(tb, d/8)
	r, _ := client.run(tb, d)
	return r
}

func (l *library) product() http.Handler { return l.rig.handler(l.rig.door) }

func (l *library) bare(tb testing.TB) (h http.Handler, done func()) {
	tb.Helper()
	db := got(l.rig.shard.Open())(tb)
	db.SetMaxOpenConns(feedConns)
	db.SetMaxIdleConns(feedConns)
	feed := got(baseline.NewFeed(db, string(l.rig.connection.Tenant)))(tb)
	return feed, func() { must(tb, db.Close()) }
}

// fetch reads one page from a handler.
func (l *library) fetch(tb testing.TB, h http.Handler, after, limit int) []byte {
	tb.Helper()
	addr, stop := serve(tb, h)
	defer stop()
	c := got(net.Dial("tcp", addr))(tb)
	defer c.Close()
	got(c.Write(l.request(addr, after, limit)))(tb)
	var body bytes.Buffer
	got(readAnswer(bufio.NewReader(c), io.Writer(&body)))(tb)
	return body.Bytes()
}

func feedComparisons(tb testing.TB, orders int, d time.Duration) []comparison {
	return []comparison{
		feedComparison(tb, "SQLite", onSQLite, orders, d),
		feedComparison(tb, "MariaDB", onMariaDB, orders, d),
	}
}

func feedComparison(tb testing.TB, name string, s size, orders int, d time.Duration) comparison {
	l := newLibrary(tb, s, orders)
	return comparison{
		name: "feed, pages of 250, " + name, unit: "pages/s", against: "SELECT plus write of the same bytes", demanded: 0.50,
		ours: func(tb testing.TB) rate { return l.read(tb, l.product(), d) },
		baseline: func(tb testing.TB) rate {
			h, done := l.bare(tb)
			defer done()
			return l.read(tb, h, d)
		},
		done: func() { l.rig.close(tb) },
	}
}
