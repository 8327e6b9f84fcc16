package bus

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hub"
	"hub/internal/bench/baseline"
	"hub/internal/relay"
)

// BenchmarkPublish compares, in turns of one run, what Publish tells with bare atomic batches of the same bytes. 1,000
// changes of 50 lines a call, 1 KiB documents.
func BenchmarkPublish(b *testing.B) {
	config, _ := newConfig()
	config.Dir = b.TempDir()
	bus, err := Open(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	defer bus.Close()
	const lines, each = 50, 20
	var product, bare time.Duration
	after := make([]uint64, lines)
	first := int64(1)
	for b.Loop() {
		runs := make([]relay.Run, lines)
		for n := range runs {
			runs[n] = relay.Run{Line: line(n), After: after[n], Changes: padded(changes(line(n), first, first+each-1))}
		}
		first += each
		start := time.Now()
		told := bus.Publish(context.Background(), runs)
		product += time.Since(start)
		for n, x := range told {
			if x.Err != nil {
				b.Fatal(x.Err)
			}
			after[n] = x.Position
		}
		batch := same(b, runs)
		start = time.Now()
		if err := baseline.PublishBare(bus.nc, batch); err != nil {
			b.Fatal(err)
		}
		bare += time.Since(start)
	}
	b.ReportMetric(float64(lines*each*b.N)/product.Seconds(), "told/s")
	b.ReportMetric(float64(lines*each*b.N)/bare.Seconds(), "bare/s")
	b.ReportMetric(bare.Seconds()/product.Seconds(), "ratio")
}

func padded(list []hub.Change) []hub.Change {
	for i := range list {
		list[i].Doc = fmt.Appendf(nil, `{"platform":"shopify","pad":%q}`, bytes.Repeat([]byte("x"), 1000))
	}
	return list
}

// same are the messages of the runs for lines of nobody, so that no line of the product moves on.
func same(b *testing.B, runs []relay.Run) (batch []*nats.Msg) {
	for _, r := range runs {
		for _, c := range r.Changes {
			m, err := encode(c, maxDocument)
			if err != nil {
				b.Fatal(err)
			}
			m.Subject = "hub.b" + m.Subject[len("hub.t"):]
			m.Header.Set(jetstream.MsgIDHeader, m.Header.Get(jetstream.MsgIDHeader)+"b")
			batch = append(batch, m)
		}
	}
	return batch
}
