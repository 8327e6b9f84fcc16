package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load is a generator that costs little beside the server, with which it shares the processors: one goroutine a
// connection, requests made beforehand, answers read and hardly looked at.
type load struct {
	addr    string
	conns   int
	request func(conn, i int) []byte // the i-th of a connection; nil ends it
}

// tally is what one connection saw.
type tally struct {
	count, bytes int64
	times        []time.Duration
	err          error
}

// run sends until the duration is over, or until every connection has no more requests when it is 0.
func (l load) run(tb testing.TB, d time.Duration) (r rate, bytes int64) {
	tb.Helper()
	conns := l.dial(tb)
	var stop atomic.Bool
	var workers sync.WaitGroup
	tallies := make([]tally, l.conns)
	clock := start()
	for i, c := range conns {
		workers.Go(func() { tallies[i] = l.work(c, i, &stop) })
	}
	if d > 0 {
		timer := time.AfterFunc(d, func() { stop.Store(true) })
		defer timer.Stop()
	}
	workers.Wait()
	r = clock.rate(0)
	var times []time.Duration
	for i, t := range tallies {
		if t.err != nil {
			tb.Fatalf("connection %d: %v", i, t.err)
		}
		r.count, bytes = r.count+t.count, bytes+t.bytes
		times = append(times, t.times...)
	}
	slices.Sort(times)
	if len(times) > 0 {
		r.p99 = times[len(times)*99/100]
	}
	return r, bytes
}

func (l load) dial(tb testing.TB) []net.Conn {
	tb.Helper()
	conns := make([]net.Conn, l.conns)
	for i := range conns {
		c, err := net.Dial("tcp", l.addr)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { c.Close() })
		conns[i] = c
	}
	return conns
}

func (l load) work(c net.Conn, conn int, stop *atomic.Bool) (t tally) {
	defer c.Close()
	in := bufio.NewReaderSize(c, 16<<10)
	for i := 0; !stop.Load(); i++ {
		request := l.request(conn, i)
		if request == nil {
			return t
		}
		start := time.Now()
		if _, t.err = c.Write(request); t.err != nil {
			return t
		}
		n, err := readAnswer(in, io.Discard)
		if err != nil {
			t.err = err
			return t
		}
		t.count, t.bytes, t.times = t.count+1, t.bytes+n, append(t.times, time.Since(start))
	}
	return t
}

// readAnswer reads one answer, which must be a success, and returns the length of its body.
func readAnswer(in *bufio.Reader, body io.Writer) (n int64, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 2")) {
		rest := make([]byte, min(in.Buffered(), 1000))
		_, _ = io.ReadFull(in, rest)
		return 0, fmt.Errorf("answer %.40s %s", line, rest)
	}
	length, chunked := int64(0), false
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return 0, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
	if !chunked {
		return io.CopyN(body, in, length)
	}
	if n, err = io.Copy(body, httputil.NewChunkedReader(in)); err != nil {
		return n, err
	}
	_, err = in.ReadSlice('\n') // the empty line behind the last chunk
	return n, err
}
