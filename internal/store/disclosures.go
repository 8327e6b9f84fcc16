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
	"hub/gdpr"
	"hub/internal/erp"
)

var _ erp.Disclosures = ERP{}

// DisclosurePrefix begins the ids of disclosures.
const DisclosurePrefix = "dsc_"

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

// Of implements erp.Disclosures.
func (e ERP) Of(tenant hub.TenantID) hub.ShardID { return e.s.Of(tenant) }

// Disclose implements erp.Disclosures. Whoever fences one of the subjects waits until the rows are committed, or is seen.
func (e ERP) Disclose(ctx context.Context, shard hub.ShardID, answers []erp.Answer) (fenced [][]gdpr.SubjectID, err error) {
	const op = "recording disclosures"
	for _, a := range answers {
		if err := checkAnswer(op, a); err != nil {
			return nil, err
		}
	}
	if len(answers) == 0 {
		return nil, nil
	}
	d, err := e.s.find(ctx, shard)
	if err != nil {
		return nil, err
	}
	err = e.s.do(ctx, d, func(ctx context.Context, t *tx) error {
		mark, err := t.fenceMark(ctx)
		if err != nil {
			return err
		}
		var whole []*erp.Answer
		if whole, fenced, err = t.shareAll(ctx, op, mark, answers); err != nil {
			return err
		}
		return t.disclose(ctx, op, whole)
	})
	if err != nil {
		return nil, err
	}
	return fenced, nil
}

// shareAll sees to it that nobody of the answers is fenced until the transaction ends. Answers in which somebody is fenced
// are left out, and these are returned at their places; the lines of the others are made if they are missing. Lines of people
// who are known to be live at this mark are not looked at.
func (t *tx) shareAll(ctx context.Context, op, mark string, answers []erp.Answer) (whole []*erp.Answer, fenced [][]gdpr.SubjectID, err error) {
	fenced = make([][]gdpr.SubjectID, len(answers))
	for {
		whole = whole[:0]
		owners := map[gdpr.SubjectID]hub.TenantID{}
		for i := range answers {
			a := &answers[i]
			if len(fenced[i]) > 0 {
				continue
			}
			if err := t.owns(op, a.Tenant); err != nil {
				return nil, nil, err
			}
			whole = append(whole, a)
			for _, r := range a.Rows {
				for _, id := range r.Subjects {
					if owner, known := owners[id]; known && owner != a.Tenant {
						return nil, nil, t.poison(&hub.Error{Kind: hub.KindInternal, Op: op, Subject: string(id), Err: words("two tenants name the subject")})
					}
					owners[id] = a.Tenant
				}
			}
		}
		t.d.living.leaveOut(mark, owners)
		if len(owners) == 0 {
			return whole, fenced, nil
		}
		found, err := t.share(ctx, op, owners)
		if err == nil && len(found) == 0 {
			t.d.living.learn(mark, owners)
		}
		if err != nil || len(found) == 0 {
			return whole, fenced, err
		}
		for i, a := range answers {
			if len(fenced[i]) == 0 {
				fenced[i] = among(a, found)
			}
		}
	}
}

// among lists those of the subjects, which are sorted, that an answer names.
func among(a erp.Answer, subjects []gdpr.SubjectID) (named []gdpr.SubjectID) {
	for _, id := range subjects {
		if slices.ContainsFunc(a.Rows, func(r erp.Disclosure) bool { return slices.Contains(r.Subjects, id) }) {
			named = append(named, id)
		}
	}
	return named
}

// disclose writes what is served, and one audit record for each answer.
func (t *tx) disclose(ctx context.Context, op string, answers []*erp.Answer) error {
	var single []*erp.Disclosure
	var several []*erp.Answer
	deeds := make([]deed, len(answers))
	for i, a := range answers {
		deeds[i] = deed{action: "personal.read", tenant: a.Tenant, count: int64(len(a.Rows)), who: &a.Actor}
		if len(a.Rows) == 1 {
			deeds[i].target = string(a.Rows[0].Order)
			single = append(single, &a.Rows[0])
		} else if len(a.Rows) > 1 {
			several = append(several, a)
		}
	}
	err := t.shelve(ctx, op, single)
	if err == nil {
		err = t.keepAnswers(ctx, op, several)
	}
	if err != nil {
		return err
	}
	return t.record(ctx, deeds...)
}

// checkAnswer refuses what could not be found again, or would be told wrongly.
func checkAnswer(op string, a erp.Answer) error {
	if a.Stream != "" && (a.First < 1 || a.Last < a.First) {
		return &hub.Error{Kind: hub.KindInvalid, Op: op, Path: "first", Err: words("a page ends before it begins")}
	}
	for i := range a.Rows {
		d, first := &a.Rows[i], &a.Rows[0]
		switch {
		case d.Tenant != a.Tenant:
			return &hub.Error{Kind: hub.KindInvalid, Op: op, Path: "tenant", Err: words("a row is of another tenant")}
		case d.Client != first.Client || d.Key != first.Key || d.Request != first.Request || !d.At.Equal(first.At):
			return &hub.Error{Kind: hub.KindInvalid, Op: op, Path: "client", Err: words("two rows are of different answers")}
		case d.Order == "":
			return &hub.Error{Kind: hub.KindInvalid, Op: op, Path: "order_id", Err: words("a row is of no order")}
		}
		err := within(op, field{"stream", string(a.Stream), maxWord}, field{"client", d.Client, maxClient}, field{"key_id", string(d.Key), maxID},
			field{"request_id", d.Request, maxRequest}, field{"order_id", string(d.Order), maxID})
		if err != nil {
			return err
		}
	}
	return nil
}

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

// eachPacked calls each for the answers of a row, of which there are count. ok is false when the bytes are damaged; each was called for
// those before.
func eachPacked(count int64, b []byte, each func(packedAnswer)) (ok bool) {
	if len(b) == 0 || b[0] != bundleForm {
		return false
	}
	for b = b[1:]; len(b) > 0; {
		var texts [4][]byte
		var values [3]uint64
		begin := b
		for i := range texts {
			n, size := binary.Uvarint(b)
			if size <= 0 || n > uint64(len(b)-size) {
				return false
			}
			b = b[size:]
			texts[i], b = b[:n], b[n:]
		}
		for i := range values {
			v, size := binary.Uvarint(b)
			if size <= 0 {
				return false
			}
			values[i], b = v, b[size:]
		}
		each(packedAnswer{begin[:len(begin)-len(b)], texts[0], texts[1], texts[2], texts[3], int64(values[0]), int64(values[1]), hub.Fields(values[2])})
		count--
	}
	return count == 0
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
		ok := eachPacked(count, packed, func(a packedAnswer) {
			if string(a.order) == string(id) {
				each(string(a.request), erp.Served{Client: string(a.client), Key: hub.KeyID(a.key), At: moment(a.at), Revision: a.revision, Fields: a.fields})
			}
		})
		if !ok {
			return damagedBundle(op, its)
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
		if !eachPacked(count, packed, func(packedAnswer) {}) {
			damaged = id
			return nil
		}
		eachPacked(count, packed, func(a packedAnswer) {
			shelf := shelfOf(string(a.order))
			if of[shelf] == nil {
				of[shelf] = newBundle(tenant, shelf)
			}
			of[shelf].packed = append(of[shelf].packed, a.whole...)
			of[shelf].count++
		})
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
