package bench

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/internal/app"
	"hub/internal/bench/baseline"
	"hub/internal/orders"
)

// sealer gives what the personal data of holders is sealed with, in their order.
type sealer func(testing.TB, []gdpr.Holder) []seal

// seal is a *gdpr.Seal, or one that copies.
type seal interface {
	orders.Sealer
	Subjects() []gdpr.SubjectID
}

// keySeals asks the vault, as the drain does.
func (r *rig) keySeals(tb testing.TB, holders []gdpr.Holder) []seal {
	list := make([]seal, len(holders))
	for i, s := range r.seals(tb, holders) {
		list[i] = s
	}
	return list
}

// seals asks for seals. On a machine that is too busy to keep the lease of five seconds it asks again, as the drain does.
func (r *rig) seals(tb testing.TB, holders []gdpr.Holder) []*gdpr.Seal {
	tb.Helper()
	var seals []*gdpr.Seal
	patient(tb, func() (err error) {
		seals, err = r.keys.Seals(context.Background(), holders)
		return err
	})
	return seals
}

// patient repeats what may be repeated while the machine is too busy to keep the lease.
func patient(tb testing.TB, f func() error) {
	tb.Helper()
	err := f()
	for try := 0; hub.KindOf(err) == hub.KindUnavailable && try < 50; try++ {
		err = f()
	}
	must(tb, err)
}

// copier stands for a seal: it has no keys, and no vault knows whose data it is. What it makes has a header that names
// subjects and a lot, which the register of places reads, and is as long as what a seal makes.
type copier struct {
	header   []byte
	subjects []gdpr.SubjectID
	expires  gdpr.Week
}

func (c *copier) Suppressed() bool           { return false }
func (c *copier) Expires() gdpr.Week         { return c.expires }
func (c *copier) Subjects() []gdpr.SubjectID { return c.subjects }

func (c *copier) Seal(_ gdpr.Place, plain []byte) ([]byte, error) {
	const nonceAndTag = 12 + 16
	b := make([]byte, 0, len(c.header)+nonceAndTag+len(plain))
	b = append(b, c.header...)
	b = append(b, plain...)
	return b[:cap(b)], nil
}

// copiers makes seals that copy. Each person has one id, as with a vault.
type copiers struct {
	ids  hub.IDSource
	who  map[gdpr.SubjectRef][16]byte
	lot  [16]byte
	ends gdpr.Week
}

func newCopiers() *copiers {
	return &copiers{ids: app.NewIDs(), who: map[gdpr.SubjectRef][16]byte{}, ends: gdpr.WeekOf(time.Now().Add(gdpr.DefaultRetention(gdpr.LotRaw)))}
}

func (c *copiers) seals(_ testing.TB, holders []gdpr.Holder) []seal {
	list := make([]seal, len(holders))
	for i, h := range holders {
		one := &copier{expires: c.ends, header: []byte{'H', 'E', 1, byte(len(h.People))}}
		for _, p := range h.People {
			id, known := c.who[p.SubjectRef]
			if !known {
				id = c.ids()
				c.who[p.SubjectRef] = id
			}
			one.header = append(one.header, id[:]...)
			one.subjects = append(one.subjects, gdpr.SubjectID(hub.IDSource(func() [16]byte { return id }).New(gdpr.SubjectPrefix)))
		}
		one.header = append(append(one.header, c.lot[:]...), make([]byte, 32)...)
		one.header = binary.BigEndian.AppendUint32(one.header, crc32.Checksum(one.header, crc32.MakeTable(crc32.Castagnoli)))
		list[i] = one
	}
	return list
}

// sealing compares the drain with the same drain without keys, cipher and vault.
type sealing struct {
	size   size
	few    int
	orders int
	sealed [2][]baseline.Table // of the shard and of the vault, from the last drain that sealed
}

// run drains into a fresh hub of the size, and reads what is there then.
func (s *sealing) run(tb testing.TB, of func(*rig) sealer) (measured rate, tables [2][]baseline.Table) {
	r := newRig(tb, s.size)
	defer r.close(tb)
	w := r.newTwin(tb, of(r))
	warm := min(warmOrders, s.orders)
	list := r.read(tb, many(natural(s.few), 0, s.orders+warm))
	w.drain(tb, list[:warm])
	clock := start()
	w.drain(tb, list[warm:])
	measured = clock.rate(int64(s.orders))
	tables[0] = got(r.shard.Read(context.Background()))(tb)
	tables[1] = got(r.vault.Read(context.Background()))(tb)
	return measured, tables
}

func (s *sealing) ours(tb testing.TB) (measured rate) {
	measured, s.sealed = s.run(tb, func(r *rig) sealer { return r.keySeals })
	return measured
}

// unsealed is the same drain with copies in the place of envelopes: as many rows and bytes in the shard, none in the vault
// but those of the tenant and its app.
func (s *sealing) unsealed(tb testing.TB) rate {
	measured, copied := s.run(tb, func(*rig) sealer { return newCopiers().seals })
	for i, t := range copied[0] {
		if full := s.sealed[0][i]; len(t.Rows) != len(full.Rows) || t.Bytes != full.Bytes {
			tb.Fatalf("%s: copying made %d rows of %d bytes, sealing %d of %d", t.Name, len(t.Rows), t.Bytes, len(full.Rows), full.Bytes)
		}
	}
	const few = 10
	if keys, tags := copied[1][0], copied[1][1]; len(keys.Rows) > few || len(tags.Rows) > 0 {
		tb.Fatalf("copying made %d keys and %d tags in the vault", len(keys.Rows), len(tags.Rows))
	}
	return measured
}

// sealingComparisons demand that sealing adds a quarter at most: 1/1.25 is 80 %.
func sealingComparisons(orders int) []comparison {
	var list []comparison
	for name, s := range sizes() {
		c := &sealing{size: s, few: 200, orders: orders}
		list = append(list, comparison{
			name: "drain, " + name + ", sealing in it", unit: "orders/s", against: "the same drain with copies for envelopes and no vault",
			demanded: 0.80, ours: c.ours, baseline: c.unsealed,
		})
	}
	return list
}

// TestTwin: what the twin of the drain leaves in the databases is what the drain leaves there.
func TestTwin(t *testing.T) {
	for name, s := range sizes() {
		t.Run(name, func(t *testing.T) {
			const orders = 60
			real := &drainage{size: s, few: natural(20), orders: orders}
			real.ours(t)
			twin := &sealing{size: s, few: 20, orders: orders}
			twin.ours(t)
			for i, tables := range real.tables {
				for at, drained := range tables {
					made := twin.sealed[i][at]
					if drained.Name == "audit_outbox" { // a row for each batch, which the drain divides otherwise
						continue
					}
					if len(made.Rows) != len(drained.Rows) || len(made.Rows) == 0 {
						t.Errorf("%s: the twin made %d rows, the drain %d", drained.Name, len(made.Rows), len(drained.Rows))
					}
					if off := float64(made.Bytes) / float64(drained.Bytes); off < 0.97 || off > 1.03 {
						t.Errorf("%s: the twin made %d bytes, the drain %d", drained.Name, made.Bytes, drained.Bytes)
					}
				}
			}
		})
	}
}
