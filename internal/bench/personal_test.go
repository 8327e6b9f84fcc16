package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"hub/internal/app"
	"hub/internal/hubtest/mariadb"
)

const (
	personalPage = 100
	include      = "include=personal"
)

// get is a request of an ERP.
func (l *library) get(addr, target string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nAccept: application/json\r\n\r\n", target, addr, l.rig.key)
}

// addresses lists the orders one by one.
func (l *library) addresses(tb testing.TB) (targets []string) {
	tb.Helper()
	db := got(l.rig.shard.Open())(tb)
	defer db.Close()
	rows := got(db.QueryContext(context.Background(), "SELECT id FROM orders ORDER BY external_id"))(tb)
	defer rows.Close()
	for rows.Next() {
		var id string
		must(tb, rows.Scan(&id))
		targets = append(targets, "/v1/orders/"+id+"?")
	}
	must(tb, rows.Err())
	return targets
}

// pages lists the pages of the feed.
func (l *library) pages(limit int) (targets []string) {
	for after := 0; after < l.orders; after += limit {
		targets = append(targets, fmt.Sprintf("/v1/orders/feed?after=%d&limit=%d&", after, limit))
	}
	return targets
}

// ask asks for the same targets again and again, each connection from another place on.
func (l *library) ask(tb testing.TB, targets []string, query string, conns int, d time.Duration) rate {
	tb.Helper()
	return l.askOf(tb, l.product(), targets, query, conns, d)
}

func (l *library) askOf(tb testing.TB, h http.Handler, targets []string, query string, conns int, d time.Duration) rate {
	tb.Helper()
	defer app.UseProcessors()()                        // as hub serve does
	must(tb, l.rig.keys.Refresh(context.Background())) // as a hub does each second
	addr, stop := serve(tb, h)
	defer stop()
	wire := make([][]byte, len(targets))
	for i, target := range targets {
		wire[i] = l.get(addr, target+query)
	}
	client := load{addr: addr, conns: conns, request: func(conn, i int) []byte {
		return wire[(conn*len(wire)/conns+i)%len(wire)]
	}}
	client.run(tb, d/8)
	r, _ := client.run(tb, d)
	return r
}

// How many clients read single orders or pages at a time. Of few each waits for a sync of its own, so what is demanded is demanded of
// more: those who wait share one.
var (
	orderConns = []int{feedConns, 64, 256}
	pageConns  = []int{feedConns, 16}
)

func personalComparisons(tb testing.TB, orders int, d time.Duration) []comparison {
	var list []comparison
	for name, s := range sizes() {
		l := newLibrary(tb, s, orders)
		line := func(what, unit string, conns int, targets []string) comparison {
			c := comparison{
				name: fmt.Sprintf("%s with personal fields, %d connections, %s", what, conns, name), unit: unit, against: "the same without them",
				ours:     func(tb testing.TB) rate { return l.ask(tb, targets, include, conns, d) },
				baseline: func(tb testing.TB) rate { return l.ask(tb, targets, "", conns, d) },
			}
			if conns > feedConns {
				c.demanded = 0.50
			}
			return c
		}
		floor := func(what, unit string, conns int, targets []string) comparison { // what is left of a plain read when something is made durable first
			c := line(what, unit, conns, targets)
			c.name, c.demanded = fmt.Sprintf("the least: %s after a bare durable row, %d connections, %s", what, conns, name), 0
			c.ours = func(tb testing.TB) rate {
				f := newFloor(tb, l.rig.shard)
				defer f.close(tb)
				return l.askOf(tb, f.before(l.product()), targets, "", conns, d)
			}
			return c
		}
		reads := []struct {
			what, unit string
			targets    []string
			conns      []int
		}{{"one order", "orders/s", l.addresses(tb), orderConns}, {"a page of 100", "pages/s", l.pages(personalPage), pageConns}}
		for _, r := range reads {
			for _, conns := range r.conns {
				list = append(list, line(r.what, r.unit, conns, r.targets), floor(r.what, r.unit, conns, r.targets))
			}
		}
		list[len(list)-1].done = func() { l.rig.close(tb) }
	}
	return list
}

// TestPersonalBytes: what is compared differs by personal fields, and each read of them is on record.
func TestPersonalBytes(t *testing.T) {
	mariadb.Shared(t)
	for name, s := range sizes() {
		t.Run(name, func(t *testing.T) {
			l := newLibrary(t, s, 12)
			defer l.rig.close(t)
			buyers, anonymous := 0, 0 // orders without any person
			for _, target := range append(l.addresses(t), l.pages(personalPage)...) {
				plain, personal := l.answer(t, target), l.answer(t, target+include)
				buyers += strings.Count(personal, `"buyer":{`)
				if plain == personal {
					anonymous++
				} else if strings.Contains(plain, `"buyer":{`) || len(personal) <= len(plain) {
					t.Errorf("%s: %d bytes with personal fields, %d without", target, len(personal), len(plain))
				}
			}
			if buyers < l.orders || anonymous > l.orders/4 { // few orders have none, and each is read twice
				t.Errorf("%d buyers served of %d orders, %d of them without a person", buyers, l.orders, anonymous)
			}
			db := got(l.rig.shard.Open())(t)
			defer db.Close()
			var count, pages int // each order by itself, and all on one page
			must(t, db.QueryRowContext(context.Background(), "SELECT COALESCE(SUM(count), 0) FROM disclosed").Scan(&count))
			must(t, db.QueryRowContext(context.Background(), "SELECT COUNT(*) FROM answers").Scan(&pages))
			if count != l.orders-anonymous || pages != 1 {
				t.Errorf("%d disclosures and %d of pages, of %d orders with persons", count, pages, l.orders-anonymous)
			}
		})
	}
}

// answer is the body of one answer.
func (l *library) answer(tb testing.TB, target string) string {
	tb.Helper()
	addr, stop := serve(tb, l.product())
	defer stop()
	c := got(net.Dial("tcp", addr))(tb)
	defer c.Close()
	got(c.Write(l.get(addr, target)))(tb)
	var body bytes.Buffer
	got(readAnswer(bufio.NewReader(c), io.Writer(&body)))(tb)
	return body.String()
}
