package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"hash/fnv"
	"slices"
	"sync"

	"hub"
	"hub/internal/erp"
)

// What clients were served of one order each is kept many answers to a row. Nobody is answered before that is durable, so a group
// of answers is added as one row on shelf 0 and changes one page, not one for each of its orders. When enough has gathered there
// it is filed beside the work: taken apart and put, in one row for each, on the shelves of its orders. Whoever looks for an order reads
// its shelf, which holds one answer in 128 of the tenant's, and shelf 0.
//
// A row of the table disclosures for each answer, with an index by order, is what older versions kept. It is read as well.
const (
	shelves = 128 // as long as there are rows
	// fileFrom is how many answers of a tenant gather before a hub files them. A look at an order reads as many more for each hub,
	// and those that could not be filed when it was their time.
	fileFrom = 4096
	// fileRows and fileBytes bound what is filed in one transaction, all of which may go into one row; the first row may be larger.
	fileRows  = fileFrom
	fileBytes = 4 << 20
)

// shelfOf is the shelf of an order.
func shelfOf(id string) int64 {
	h := fnv.New32a()
	h.Write([]byte(id))
	return 1 + int64(h.Sum32()%shelves)
}

var shelfKeys = []string{"tenant_id", "shelf", "id"}

var disclosedColumns = []string{"tenant_id", "shelf", "id", "count", "packed"}

// shelve writes answers about one order each.
func (t *tx) shelve(ctx context.Context, op string, list []*erp.Disclosure) error {
	gathered := map[hub.TenantID]*bundle{}
	var bundles []*bundle
	for _, d := range list {
		b := gathered[d.Tenant]
		if b == nil {
			b = newBundle(d.Tenant, 0)
			gathered[d.Tenant], bundles = b, append(bundles, b)
		}
		b.add(d)
	}
	t.OnCommit(func() { t.d.unfiled.add(bundles) })
	return t.putBundles(ctx, op, bundles)
}

func (t *tx) putBundles(ctx context.Context, op string, list []*bundle) error {
	in := insertion{op: op, table: "disclosed", columns: disclosedColumns}
	return t.insert(ctx, in, len(list), func(i int, r *row) {
		b := list[i]
		r.add(string(b.tenant), b.shelf, t.s.cfg.IDs.New(DisclosurePrefix), b.count, b.packed)
	})
}

// bundle is what one row of disclosed has.
type bundle struct {
	tenant hub.TenantID
	shelf  int64
	count  int64
	packed []byte
}

// bundleForm begins the packed answers of a row, each of which is its order, client, key and request, as texts, and then the
// microseconds of its time, its revision and the mask of its fields. Numbers are varints without sign; a text begins with its length.
const bundleForm = 1

func newBundle(t hub.TenantID, shelf int64) *bundle {
	return &bundle{tenant: t, shelf: shelf, packed: []byte{bundleForm}}
}

func (b *bundle) add(d *erp.Disclosure) {
	for _, text := range []string{string(d.Order), d.Client, string(d.Key), d.Request} {
		b.packed = append(binary.AppendUvarint(b.packed, uint64(len(text))), text...)
	}
	for _, v := range []uint64{uint64(micros(d.At)), uint64(d.Revision), uint64(d.Fields)} {
		b.packed = binary.AppendUvarint(b.packed, v)
	}
	b.count++
}

// packedAnswer is one of a row, whose memory it shares.
type packedAnswer struct {
	whole                       []byte
	order, client, key, request []byte
	at                          int64
	revision                    int64
	fields                      hub.Fields
}

// unpacked are the answers of a row, of which there are count; ok is false when the bytes are damaged.
func unpacked(count int64, b []byte) (list []packedAnswer, ok bool) {
	if len(b) == 0 || b[0] != bundleForm {
		return nil, false
	}
	for b = b[1:]; len(b) > 0; {
		var texts [4][]byte
		var values [3]uint64
		begin := b
		for i := range texts {
			n, size := binary.Uvarint(b)
			if size <= 0 || n > uint64(len(b)-size) {
				return nil, false
			}
			b = b[size:]
			texts[i], b = b[:n], b[n:]
		}
		for i := range values {
			v, size := binary.Uvarint(b)
			if size <= 0 {
				return nil, false
			}
			values[i], b = v, b[size:]
		}
		whole := begin[:len(begin)-len(b)]
		list = append(list, packedAnswer{whole, texts[0], texts[1], texts[2], texts[3], int64(values[0]), int64(values[1]), hub.Fields(values[2])})
	}
	return list, int64(len(list)) == count
}

func damagedBundle(op, id string) error {
	return &hub.Error{Kind: hub.KindPermanent, Code: hub.CodeUnreadable, Op: op, Subject: id, Err: words("the answers on record are damaged")}
}

// shelved calls each for the answers about an order alone, in no order. Of several at the same moment the request tells them apart.
func (d *database) shelved(ctx context.Context, op string, tenant hub.TenantID, id hub.OrderID, each func(request string, s erp.Served)) error {
	query := "SELECT id, count, packed FROM disclosed" + d.dialect.by(primary) + " WHERE tenant_id = ? AND shelf IN (0, ?)"
	return d.query(ctx, op, query, []any{string(tenant), shelfOf(string(id))}, func(r *sql.Rows) error {
		var its string
		var count int64
		var packed sql.RawBytes
		if err := r.Scan(&its, &count, &packed); err != nil {
			return err
		}
		list, ok := unpacked(count, packed)
		if !ok {
			return damagedBundle(op, its)
		}
		for _, a := range list {
			if string(a.order) == string(id) {
				each(string(a.request), erp.Served{Client: string(a.client), Key: hub.KeyID(a.key), At: moment(a.at), Revision: a.revision, Fields: a.fields})
			}
		}
		return nil
	})
}

// unfiled is how many answers of each tenant a hub knows to lie on shelf 0: those that it has added, and what it counted. It is never
// less than there are of its own, as one that is added meanwhile may be counted twice.
type unfiled struct {
	mu   sync.Mutex
	of   map[hub.TenantID]int64
	look map[hub.TenantID]bool // whom File looks at: there may be enough
}

func (u *unfiled) add(list []*bundle) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, b := range list {
		if n, known := u.of[b.tenant]; !known || n+b.count >= fileFrom {
			u.lookAt(b.tenant)
		} else {
			u.of[b.tenant] = n + b.count
		}
	}
}

func (u *unfiled) lookAt(t hub.TenantID) {
	if u.of == nil {
		u.of, u.look = map[hub.TenantID]int64{}, map[hub.TenantID]bool{}
	}
	u.look[t] = true
}

// next takes a tenant that is to be looked at, of whom nothing is known from now on but what counted adds.
func (u *unfiled) next() (t hub.TenantID, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for t := range u.look {
		delete(u.look, t)
		u.of[t] = 0
		return t, true
	}
	return "", false
}

func (u *unfiled) counted(t hub.TenantID, n int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.of[t] += n
}

// failed has a tenant looked at again.
func (u *unfiled) failed(t hub.TenantID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lookAt(t)
}

const opFile = "filing disclosures"

// File implements erp.Disclosures. Damaged rows are an error when all others have been filed. What the database cannot do now is
// looked at again the next time; after another error, when as much again has gathered.
func (e ERP) File(ctx context.Context, shard hub.ShardID) (first error) {
	d, err := e.s.find(ctx, shard)
	if err != nil {
		return err
	}
	for t, ok := d.unfiled.next(); ok; t, ok = d.unfiled.next() {
		damaged, err := e.s.file(ctx, d, t)
		if err == nil && damaged != "" {
			err = damagedBundle(opFile, damaged)
		}
		switch kind := hub.KindOf(err); {
		case err == nil:
		case kind == hub.KindUnavailable, kind == hub.KindUnknown:
			d.unfiled.failed(t)
			return err
		case first == nil:
			first = err
		}
	}
	return first
}

// file files what lies on shelf 0 of a tenant, if it is enough. Of the damaged rows, which stay there, it names one.
func (s *Store) file(ctx context.Context, d *database, t hub.TenantID) (damaged string, err error) {
	var lies int64
	count := "SELECT COALESCE(SUM(count), 0) FROM disclosed" + d.dialect.by(primary) + " WHERE tenant_id = ? AND shelf = 0"
	err = d.query(ctx, opFile, count, []any{string(t)}, func(r *sql.Rows) error { return r.Scan(&lies) })
	if err != nil || lies < fileFrom {
		d.unfiled.counted(t, lies)
		return "", err
	}
	for after := ""; err == nil; {
		var rows []string
		if rows, after, err = d.oldest(ctx, t, after); err != nil || len(rows) == 0 {
			break
		}
		var its string
		err = s.do(ctx, d, func(ctx context.Context, tx *tx) (err error) {
			if err = tx.fence(ctx); err == nil {
				its, err = tx.file(ctx, t, rows)
			}
			return err
		})
		damaged = cmp.Or(damaged, its)
	}
	return damaged, err
}

// oldest lists the rows on shelf 0 of a tenant that are filed together, from the oldest on after the last one.
func (d *database) oldest(ctx context.Context, t hub.TenantID, after string) (rows []string, last string, err error) {
	query := "SELECT id, LENGTH(packed) FROM disclosed" + d.dialect.by(primary) + " WHERE tenant_id = ? AND shelf = 0 AND id > ? ORDER BY id LIMIT ?"
	var bytes int64
	err = d.query(ctx, opFile, query, []any{string(t), after, fileRows}, func(r *sql.Rows) error {
		var id string
		var size int64
		err := r.Scan(&id, &size)
		if bytes += size; err == nil && len(rows) > 0 && bytes > fileBytes {
			err = errEnough
		}
		if err == nil {
			rows, last = append(rows, id), id
		}
		return err
	})
	return rows, last, err
}

// file moves rows from shelf 0 to the shelves of their orders, but for those that are damaged, of which it names one, and those that
// somebody else is filing.
func (t *tx) file(ctx context.Context, tenant hub.TenantID, rows []string) (damaged string, err error) {
	if err := t.owns(opFile, tenant); err != nil {
		return "", err
	}
	var of [shelves + 1]*bundle
	var taken []string
	sel := selection{op: opFile, columns: "id, count, packed", table: "disclosed" + t.d.dialect.by(primary), keys: shelfKeys, tail: t.d.dialect.forUpdateFree}
	err = t.find(ctx, sel, len(rows), func(i int, r *row) { r.add(string(tenant), 0, rows[i]) }, func(r *sql.Rows) error {
		var id string
		var count int64
		var packed sql.RawBytes
		if err := r.Scan(&id, &count, &packed); err != nil {
			return err
		}
		list, ok := unpacked(count, packed)
		if !ok {
			damaged = id
			return nil
		}
		for _, a := range list {
			shelf := shelfOf(string(a.order))
			if of[shelf] == nil {
				of[shelf] = newBundle(tenant, shelf)
			}
			of[shelf].packed = append(of[shelf].packed, a.whole...)
			of[shelf].count++
		}
		taken = append(taken, id)
		return nil
	})
	if err != nil {
		return "", err
	}
	full := slices.DeleteFunc(of[:], func(b *bundle) bool { return b == nil })
	err = t.putBundles(ctx, opFile, full)
	for i := 0; i < len(taken) && err == nil; i++ { // one by one: MySQL would look at all of shelf 0 for several, and wait for the locks of others
		_, err = t.exec(ctx, opFile, "DELETE FROM disclosed WHERE tenant_id = ? AND shelf = 0 AND id = ?", string(tenant), taken[i])
	}
	return damaged, err
}
