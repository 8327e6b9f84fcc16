package bench

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"hub/adapters/sandbox/shopify"
	"hub/internal/app"
	"hub/internal/bench/baseline"
	"hub/internal/wal"
)

const (
	doorConns   = 64
	doorBodies  = 512 // different ones, sent again and again: the door does not read them
	maxBody     = 8 << 20
	doorTimeout = 3 * time.Second
)

// forgetful is a log that stores nothing: what is left of the door is verifying and sealing.
type forgetful struct{}

func (forgetful) Append(context.Context, []byte) (wal.Index, error) { return 1, nil }

// requests makes what one connection sends, given where to.
type requests func(addr, endpoint string) func(conn, i int) []byte

// again sends the same deliveries again and again, each connection from another place on.
func again(list []shopify.Delivery) requests {
	return func(addr, endpoint string) func(conn, i int) []byte {
		wire := onWire(list, addr, endpoint)
		return func(conn, i int) []byte { return wire[(conn*len(wire)/doorConns+i)%len(wire)] }
	}
}

// once sends n different orders once.
func once(few []shopify.Delivery, n int) requests {
	return func(addr, endpoint string) func(conn, i int) []byte {
		wire := onWire(many(few, 0, n), addr, endpoint)
		return func(conn, i int) []byte {
			if n := i*doorConns + conn; n < len(wire) {
				return wire[n]
			}
			return nil
		}
	}
}

func onWire(list []shopify.Delivery, addr, endpoint string) [][]byte {
	wire := make([][]byte, len(list))
	for i, d := range list {
		wire[i] = post(addr, endpoint, d)
	}
	return wire
}

// knock sends for a while, or until there is nothing more to send if d is 0.
func knock(tb testing.TB, h http.Handler, endpoint string, q requests, d time.Duration) rate {
	tb.Helper()
	addr, stop := serve(tb, h)
	defer stop()
	l := load{addr: addr, conns: doorConns, request: q(addr, endpoint)}
	if d > 0 {
		l.run(tb, d/8) // connections, pools, the first segment
	}
	r, _ := l.run(tb, d)
	return r
}

// durable is the hub's door with its drain paused.
func durable(q requests, d time.Duration) func(testing.TB) rate {
	return func(tb testing.TB) rate {
		defer app.UseProcessors()() // as hub serve does; the baseline is quicker without
		r := newRig(tb, onSQLite)
		defer r.close(tb)
		return knock(tb, r.handler(r.door), r.connection.Endpoint, q, d)
	}
}

// unstored is the same door in front of a log that stores nothing.
func unstored(q requests, d time.Duration) func(testing.TB) rate {
	return func(tb testing.TB) rate {
		defer app.UseProcessors()() // as hub serve does; the baseline is quicker without
		r := newRig(tb, onSQLite)
		defer r.close(tb)
		r.door.Log = forgetful{}
		return knock(tb, r.handler(r.door), r.connection.Endpoint, q, d)
	}
}

// drained is the hub's door with its drain running beside it. The time is that of the answers.
func drained(q requests) func(testing.TB) rate {
	return func(tb testing.TB) rate {
		defer app.UseProcessors()() // as hub serve does; the baseline is quicker without
		r := newRig(tb, onSQLite)
		defer r.close(tb)
		stop := r.drain(tb)
		defer stop()
		return knock(tb, r.handler(r.door), r.connection.Endpoint, q, 0)
	}
}

// told is the door with drain and relay running beside it.
func told(q requests) func(testing.TB) rate {
	return func(tb testing.TB) rate {
		defer app.UseProcessors()() // as hub serve does; the baseline is quicker without
		r := newRig(tb, onSQLite)
		defer r.close(tb)
		_, silence := r.tell(tb)
		defer silence()
		stop := r.drain(tb)
		defer stop()
		return knock(tb, r.handler(r.door), r.connection.Endpoint, q, 0)
	}
}

// drain starts the drain; stop ends it wherever it is.
func (r *rig) drain(tb testing.TB) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() {
		if err := r.drainer.Run(ctx); err != nil {
			tb.Error(err)
		}
	})
	return func() { cancel(); ended.Wait() }
}

// bareDoor is the baseline's handler.
func bareDoor(q requests, d time.Duration) func(testing.TB) rate {
	return func(tb testing.TB) rate {
		const endpoint = "0123456789abcdefghijklmnop"
		h := baseline.Door{
			Secret: []byte(shopSecret), Key: make([]byte, 32), Token: endpoint, MaxBody: maxBody, Sealed: func([]byte) {},
		}
		return knock(tb, h.Handler(), endpoint, q, d)
	}
}

// streamed is a door that publishes each delivery to JetStream, which syncs each.
func streamed(q requests, d time.Duration) func(testing.TB) rate {
	return func(tb testing.TB) rate {
		const endpoint = "0123456789abcdefghijklmnop"
		stream := got(baseline.OpenStream(context.Background(), folder(tb)))(tb)
		defer stream.Close()
		h := baseline.StreamDoor{Secret: []byte(shopSecret), Token: endpoint, MaxBody: maxBody, Stream: stream}
		return knock(tb, h.Handler(), endpoint, q, d)
	}
}

// doorComparisons has the drain running over fresh orders, which come once; otherwise a few come again and again, as the
// door does not know the difference.
func doorComparisons(d time.Duration, bodies, fresh int) []comparison {
	list := padded(bodies)
	none := known{
		what: "chi, HMAC checked, nothing sealed, nothing stored", value: 69_900,
		why: func() string {
			return "it also derives a key for each record and seals 4 KiB, which the known figure does not"
		},
	}
	const unit = "requests/s"
	return []comparison{
		{
			name: "door, drain paused", unit: unit, against: "a handler of the baseline that verifies and seals",
			demanded: 0.50, known: none, ours: durable(again(list), d), baseline: bareDoor(again(list), d),
		},
		{
			name: "door, drain paused", unit: unit, against: "the same door in front of a log that stores nothing",
			demanded: 0.50, ours: durable(again(list), d), baseline: unstored(again(list), d),
		},
		{
			name: "door, drain running", unit: unit, against: "a handler of the baseline that verifies and seals",
			ours: drained(once(list, fresh)), baseline: bareDoor(again(list), d),
		},
		{
			name: "door, drain paused", unit: unit, against: "a door that publishes each request to JetStream with SyncAlways",
			demanded: 5, ours: durable(again(list), d), baseline: streamed(again(list), d),
		},
		{
			name: "door, drain and relay running", unit: unit, against: "a door that publishes each request to JetStream with SyncAlways",
			demanded: 2, ours: told(once(list, fresh)), baseline: streamed(again(list), d),
		},
	}
}
