package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"

	"hub"
	"hub/internal/erp"
)

// An answer about several orders is one row of the table answers, with all its orders in one value: a row and two index entries for
// each order of a page cost more than the page. Answers about one order each are in the table disclosed.
//
// Which answers hold an order is found without an entry for each of its orders. A page of the feed is the changes from its
// first to its last, so it is filed at one node of a binary tree over all sequences, the highest that its reach goes across; a
// list of orders likewise by the beginnings of its ids. Whoever looks for an order asks for the nodes above each of its changes,
// and above its id, some 64 a change, and reads the answers that are filed there: as a rule one or two for each level of
// the tree below the whole, so about two dozen each time that this part of the feed was read, however many were served.

var answerKeys = []string{"tenant_id", "stream", "node"}

var answerColumns = []string{"tenant_id", "disclosed_at", "id", "stream", "node", "client", "key_id", "request_id", "orders"}

// keepAnswers writes answers about several orders.
func (t *tx) keepAnswers(ctx context.Context, op string, answers []*erp.Answer) error {
	in := insertion{op: op, table: "answers", columns: answerColumns}
	return t.insert(ctx, in, len(answers), func(i int, r *row) {
		a := answers[i]
		d, first, last := &a.Rows[0], uint64(a.First), uint64(a.Last)
		if a.Stream == "" {
			first, last = reachOf(a.Rows)
		}
		r.add(string(a.Tenant), micros(d.At), t.s.cfg.IDs.New(DisclosurePrefix), string(a.Stream), nodeOf(first, last), d.Client, string(d.Key),
			d.Request, packOrders(a.Rows))
	})
}

// packedForm begins the packed orders of an answer, each of which is, in the order of the bytes of the ids: the length of its
// id in one byte and the id, or a zero and the 16 bytes that a made id spells; then as varints without sign the newest revision
// that was served and the mask of the fields.
const packedForm = 1

func packOrders(rows []erp.Disclosure) []byte {
	sorted := make([]*erp.Disclosure, len(rows))
	for i := range rows {
		sorted[i] = &rows[i]
	}
	slices.SortFunc(sorted, func(a, b *erp.Disclosure) int { return cmp.Compare(a.Order, b.Order) })
	b := append(make([]byte, 0, 1+24*len(rows)), packedForm)
	for _, d := range sorted {
		if raw, ok := hub.RawID(hub.OrderPrefix, string(d.Order)); ok {
			b = append(append(b, 0), raw[:]...)
		} else {
			b = append(append(b, byte(len(d.Order))), d.Order...)
		}
		b = binary.AppendUvarint(b, uint64(d.Revision))
		b = binary.AppendUvarint(b, uint64(d.Fields))
	}
	return b
}

// findPacked looks for an order among packed ones. ok is false when it is not there, and bad when the bytes are damaged before it.
func findPacked(b []byte, id hub.OrderID) (revision int64, fields hub.Fields, ok, bad bool) {
	want, made := hub.RawID(hub.OrderPrefix, string(id))
	if len(b) == 0 || b[0] != packedForm {
		return 0, 0, false, true
	}
	for b = b[1:]; len(b) > 0; {
		n, raw := int(b[0]), b[0] == 0
		if raw {
			n = len(want)
		}
		if len(b) < 1+n {
			return 0, 0, false, true
		}
		its := b[1 : 1+n]
		found := raw && made && string(its) == string(want[:]) || !raw && string(its) == string(id)
		b = b[1+n:]
		var values [2]uint64
		for i := range values {
			v, size := binary.Uvarint(b)
			if size <= 0 {
				return 0, 0, false, true
			}
			values[i], b = v, b[size:]
		}
		if found {
			return int64(values[0]), hub.Fields(values[1]), true, false
		}
	}
	return 0, 0, false, false
}

// nodeOf is where a reach of numbers below 2^63 is filed: the number in the middle of the smallest part that holds both, when the
// numbers are halved again and again.
func nodeOf(first, last uint64) int64 {
	high := bits.Len64(first ^ last)
	if high == 0 {
		return int64(last)
	}
	return int64(last >> (high - 1) << (high - 1))
}

// nodes are those where somebody looks, each once.
type nodes struct {
	known map[int64]bool
	next  []int64 // where nobody has looked yet
}

// above adds all nodes at which a reach can be filed that holds the number.
func (l *nodes) above(n uint64) {
	l.add(int64(n))
	for high := 1; high < 64; high++ {
		l.add(int64(n>>high<<high | 1<<(high-1)))
	}
}

func (l *nodes) add(node int64) {
	if !l.known[node] {
		l.known[node] = true
		l.next = append(l.next, node)
	}
}

// placeOf is the place of an order's id among numbers below 2^63. Ids that lie together have places that do.
func placeOf(id hub.OrderID) uint64 {
	raw, ok := hub.RawID(hub.OrderPrefix, string(id))
	if !ok {
		copy(raw[:], strings.TrimPrefix(string(id), hub.OrderPrefix))
	}
	return binary.BigEndian.Uint64(raw[:]) >> 1
}

func reachOf(rows []erp.Disclosure) (first, last uint64) {
	first = placeOf(rows[0].Order)
	last = first
	for _, d := range rows[1:] {
		first, last = min(first, placeOf(d.Order)), max(last, placeOf(d.Order))
	}
	return first, last
}

// changesAtOnce is how many changes of an order are looked up together.
const changesAtOnce = 500

// answered calls each for all answers about several orders in which personal fields of one were served, in no order. It holds a
// number for each change of the order in memory, and some more.
func (d *database) answered(ctx context.Context, op string, tenant hub.TenantID, id hub.OrderID, each func(disclosure string, s erp.Served)) error {
	looked := nodes{known: map[int64]bool{}}
	looked.above(placeOf(id))
	if err := d.answersAt(ctx, op, tenant, "", id, &looked, each); err != nil {
		return err
	}
	looked = nodes{known: map[int64]bool{}}
	query := "SELECT sequence FROM feed" + d.dialect.by("feed_order") +
		" WHERE tenant_id = ? AND order_id = ? AND stream = ? AND sequence > ? ORDER BY sequence LIMIT ?"
	for after, n := int64(0), changesAtOnce; n == changesAtOnce; {
		n = 0
		err := d.query(ctx, op, query, []any{string(tenant), string(id), string(hub.StreamOrders), after, changesAtOnce}, func(r *sql.Rows) error {
			err := r.Scan(&after)
			looked.above(uint64(after))
			n++
			return err
		})
		if err == nil {
			err = d.answersAt(ctx, op, tenant, hub.StreamOrders, id, &looked, each)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// answersAt reads the answers at the nodes, and calls each for those that have the order.
func (d *database) answersAt(ctx context.Context, op string, tenant hub.TenantID, stream hub.Stream, id hub.OrderID, nodes *nodes,
	each func(disclosure string, s erp.Served)) error {
	sel := selection{op: op, columns: "id, client, key_id, disclosed_at, orders", table: "answers" + d.dialect.by("answers_node"), keys: answerKeys}
	next := nodes.next
	nodes.next = nil
	fill := func(i int, r *row) { r.add(string(tenant), string(stream), next[i]) }
	return d.find(ctx, sel, len(next), fill, func(r *sql.Rows) error {
		var its string
		var v erp.Served
		var at int64
		var packed sql.RawBytes
		if err := r.Scan(&its, &v.Client, &v.Key, &at, &packed); err != nil {
			return err
		}
		var found, bad bool
		if v.Revision, v.Fields, found, bad = findPacked(packed, id); bad {
			return &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeUnreadable, Op: op, Subject: its, Err: words("the orders of the answer are damaged")}
		}
		if found {
			v.At = moment(at)
			each(its, v)
		}
		return nil
	})
}
