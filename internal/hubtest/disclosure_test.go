package hubtest_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hub"
	"hub/internal/app"
	"hub/internal/demo"
	"hub/internal/hubtest"
	"hub/internal/hubtest/mariadb"
)

func TestDrillDisclosureEmbedded(t *testing.T) {
	t.Parallel()
	disclosureDrill(t, hubtest.Embedded("2"), rounds(6, 60), 71)
}

func TestDrillDisclosureMariaDB(t *testing.T) {
	t.Parallel()
	disclosureDrill(t, hubtest.OnMariaDB(t, mariadb.Shared(t)), rounds(6, 60), 72)
}

// disclosureDrill reads personal fields while the hub is killed again and again, then for a while without kills, and
// compares what was received with what the hub says it has served. Kills fall by chance, between a record and its answer, and while
// what has gathered is filed.
func disclosureDrill(t *testing.T, size hubtest.Size, kills int, seed uint64) {
	data, page := t.TempDir(), filepath.Join(t.TempDir(), "probe")
	h := hubtest.Spawn(t, size, data, page)
	if err := h.Await(); err != nil {
		t.Fatal(err)
	}
	w := found(t, h, "Town", 12)
	now := time.Now().Truncate(time.Second)
	for _, p := range w.People[:6] { // second revisions
		send(t, w.Shop, p.news(p.Orders[0], now.Add(-time.Hour), now))
		w.awaitOrder(t, p.Orders[0], now)
	}
	if err := erase(h, w.tenant(), w.People[5:8]); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, w)

	random, done := rand.New(rand.NewPCG(seed, 5)), 0
	var stacks, filed, hit int // planted; filed when the hub was killed as it began to; kills that fell into a record
	aims := []app.Phase{-1, app.PhaseDisclose, app.PhaseFile}
	c.read(t, 3, seed, func(g *gate) {
		// On until a kill fell between the record and the answer, and one after filing, within reason.
		proven := func() bool { return hit > 0 && filed > 0 && c.recordedAndCut(w.disclosed(t, size, data)) > 0 }
		for ; done < kills || done < 6*kills && !proven(); done++ {
			aim := aims[done%len(aims)]
			if aim >= 0 {
				h.LingerAt(aim)
			}
			g.up(h.URL)
			switch aim {
			case app.PhaseFile: // the first time, which finds a whole stack
				h.Aim(func(f hubtest.Fell) bool { return f.Phases[aim] }, time.Second)
				pause(random, 0, 120*time.Millisecond)
			case app.PhaseDisclose:
				pause(random, 50*time.Millisecond, 300*time.Millisecond)
				h.Aim(func(f hubtest.Fell) bool { return f.Phases[aim] }, time.Second)
				pause(random, 0, 10*time.Millisecond)
			default:
				pause(random, 50*time.Millisecond, 500*time.Millisecond)
			}
			if h.Kill(t).Phases[app.PhaseDisclose] {
				hit++
			}
			g.down()
			if aim == app.PhaseFile && !w.lies(t, shards(t, size, data), stacks) {
				filed++
			}
			if aims[(done+1)%len(aims)] == app.PhaseFile {
				stacks++
				w.plant(t, shards(t, size, data), stacks, c.ids)
			}
			h = hubtest.Spawn(t, size, data, page)
			if err := h.Await(); err != nil {
				t.Fatal(err)
			}
		}
	})
	killed := c.take()
	calm := c.calm(t, h.URL, seed+100)
	disturbed := 0
	for ; len(calm.cut) > 0 && disturbed < 2; disturbed++ { // a connection broke without a kill: that proves nothing
		t.Logf("without kills %d requests were cut, once more: %v", len(calm.cut), c.why)
		killed.add(calm)
		calm = c.calm(t, h.URL, seed+200+uint64(disturbed))
	}
	h.Terminate(t)

	rows := w.disclosed(t, size, data)
	for i := range stacks * stackHeight {
		id := fmt.Sprint("planted-", i)
		if len(rows[id]) != 1 || rows[id][0].order != c.ids[i%len(c.ids)] {
			t.Errorf("%s, which was on record, has the rows %v now", id, rows[id])
		}
		delete(rows, id)
	}
	a, b := killed.compare(t, rows), calm.compare(t, rows)
	if len(calm.cut) > 0 || b.beyond > 0 || b.refused > 0 {
		t.Errorf("without kills %d requests were cut, %d rows were not received", len(calm.cut), b.beyond+b.refused)
	}
	if left := len(rows); left > 0 {
		t.Errorf("%d rows are of requests that nobody sent", left)
	}
	if len(killed.cut) == 0 || a.beyond == 0 || a.fields == 0 || b.fields == 0 {
		t.Error("no kill fell between a record and its answer, or nothing was served: the drill proves nothing")
	}
	if hit == 0 || filed == 0 {
		t.Errorf("%d kills fell into a record, and %d of %d stacks were filed: the drill proves nothing", hit, filed, stacks)
	}
	t.Logf("%s: %d kills, %d of them into a record; %d stacks of %d older answers, %d filed when the hub was killed, each answer on record once",
		size.Name, done, hit, stacks, stackHeight, filed)
	t.Logf("%s: %d kills, %d answers, %d requests cut, %d answered 503; %d personal fields of %d orders received, %d without a row, %d rows "+
		"too few, %d rows of requests that were cut, %d of those answered 503. Without kills: %d answers, %d fields of %d orders, %d rows missing, %d too many; seed %d",
		size.Name, done, len(killed.received), len(killed.cut), len(killed.refused), a.fields, a.orders, a.unrecorded, a.missing, a.beyond, a.refused,
		len(calm.received), b.fields, b.orders, b.missing+b.unrecorded, b.beyond+b.refused, seed)
}

// stackHeight is how many answers a hub files together.
const stackHeight = 4096

// plant puts a stack of answers on record that a hub files when it adds the next.
func (w *town) plant(t *testing.T, dbs []*sql.DB, n int, ids []string) {
	t.Helper()
	packed := []byte{1}
	for i := (n - 1) * stackHeight; i < n*stackHeight; i++ {
		for _, text := range []string{ids[i%len(ids)], "crm", "key_1", fmt.Sprint("planted-", i)} {
			packed = append(binary.AppendUvarint(packed, uint64(len(text))), text...)
		}
		packed = append(packed, 1, 1, 1) // time, revision, fields
	}
	for _, db := range w.home(t, dbs) {
		const insert = "INSERT INTO disclosed (tenant_id, shelf, id, count, packed) VALUES (?, 0, ?, ?, ?)"
		if _, err := db.Exec(insert, w.Shop.Tenant, fmt.Sprint("dsc_", n), stackHeight, packed); err != nil {
			t.Fatal(err)
		}
	}
}

// lies reports whether a stack was not filed.
func (w *town) lies(t *testing.T, dbs []*sql.DB, n int) bool {
	t.Helper()
	lie := 0
	for _, db := range w.home(t, dbs) {
		err := db.QueryRow("SELECT COUNT(*) FROM disclosed WHERE tenant_id = ? AND shelf = 0 AND id = ?", w.Shop.Tenant, fmt.Sprint("dsc_", n)).Scan(&lie)
		if err != nil {
			t.Fatal(err)
		}
	}
	return lie > 0
}

// home is the shard of the town.
func (w *town) home(t *testing.T, dbs []*sql.DB) []*sql.DB {
	t.Helper()
	return slices.DeleteFunc(dbs, func(db *sql.DB) bool {
		var n int
		if err := db.QueryRow("SELECT COUNT(*) FROM orders WHERE tenant_id = ?", w.Shop.Tenant).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n == 0
	})
}

// disclosed is one order of one answer.
type disclosed struct {
	order    string
	revision int64
}

// client is an ERP that remembers which personal fields it has received.
type client struct {
	demo.Client
	plain map[disclosed]map[string]int // leaves of documents without personal fields, how many of each
	ids   []string

	mu  sync.Mutex
	why error // of the last request that was cut
	books
}

// books are by the id of the request.
type books struct {
	received map[string]map[disclosed]hub.Fields
	cut      map[string]bool // no whole answer came
	refused  map[string]bool // answered with 503
}

// calm reads from a hub that nobody kills.
func (c *client) calm(t *testing.T, url string, seed uint64) books {
	t.Helper()
	c.read(t, 3, seed, func(g *gate) {
		g.up(url)
		for c.answered() < 200 {
			<-time.After(10 * time.Millisecond)
		}
	})
	return c.take()
}

// add takes over what is in other books; the ids of requests are unique.
func (b books) add(other books) {
	maps.Copy(b.received, other.received)
	maps.Copy(b.cut, other.cut)
	maps.Copy(b.refused, other.refused)
}

func newBooks() books {
	return books{map[string]map[disclosed]hub.Fields{}, map[string]bool{}, map[string]bool{}}
}

// newClient knows how every document is without personal fields.
func newClient(t *testing.T, w *town) *client {
	t.Helper()
	c := &client{Client: w.reader, plain: map[disclosed]map[string]int{}, books: newBooks()}
	for _, change := range wholeFeed(t, w.Shop.ERP) {
		var entry struct{ Order json.RawMessage }
		if err := json.Unmarshal(change.raw, &entry); err != nil {
			t.Fatal(err)
		}
		c.plain[disclosed{change.Order.ID, change.Order.Revision}] = leaves(t, entry.Order)
		if !slices.Contains(c.ids, change.Order.ID) {
			c.ids = append(c.ids, change.Order.ID)
		}
	}
	return c
}

// leaves counts the values of a document by their paths.
func leaves(t testing.TB, document []byte) map[string]int {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Error("reading a document: ", err)
	}
	found := map[string]int{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				walk(strings.TrimPrefix(path+"."+name, "."), inner)
			}
		case []any:
			for _, inner := range v {
				walk(path, inner)
			}
		default:
			found[path]++
		}
	}
	walk("", v)
	return found
}

// personal returns the personal fields of a document: what is in it beyond the document without them.
func (c *client) personal(t testing.TB, of disclosed, document []byte) (f hub.Fields) {
	for path, n := range leaves(t, document) {
		if n == c.plain[of][path] {
			continue
		}
		for !f.Add(path) {
			up := strings.LastIndexByte(path, '.')
			if up < 0 {
				t.Errorf("%s was added and is no personal field", path)
				break
			}
			path = path[:up]
		}
	}
	return f
}

// read has workers read until during returns.
func (c *client) read(t *testing.T, workers int, seed uint64, during func(*gate)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	g := newGate()
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() { c.work(ctx, t, g, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	during(g)
	cancel()
	all.Wait()
}

func (c *client) work(ctx context.Context, t *testing.T, g *gate, random *rand.Rand) {
	own := c.Client
	// A connection for each request: package http sends a request again whose old connection broke.
	own.HTTP = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	cursor := ""
	for {
		address, ok := g.pass(ctx)
		if !ok {
			return
		}
		own.URL = address
		id, query := requestID(), url.Values{"include": {"personal"}, "limit": {fmt.Sprint(1 + random.IntN(8))}}
		var path string
		switch random.IntN(3) {
		case 0:
			query.Set("after", fmt.Sprint(random.IntN(len(c.plain))))
			path = "/v1/orders/feed?" + query.Encode()
		case 1:
			if cursor != "" {
				query.Set("cursor", cursor)
			}
			path = "/v1/orders?" + query.Encode()
		case 2:
			path = "/v1/orders/" + c.ids[random.IntN(len(c.ids))] + "?include=personal"
		}
		// A request that was begun is waited for, also at the end: only a kill cuts it.
		a, err := get(context.WithoutCancel(ctx), own, path, id)
		if next, ok := c.book(t, id, a, err); ok {
			cursor = next
		}
	}
}

// book notes what came back. ok is for a page of the list.
func (c *client) book(t *testing.T, id string, a answer, err error) (cursor string, ok bool) {
	if dial := new(net.OpError); errors.As(err, &dial) && dial.Op == "dial" {
		return "", false // nobody was there to be asked
	}
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.cut[id], c.why = true, err
		return "", false
	}
	var page struct {
		Data       []json.RawMessage
		NextCursor string `json:"next_cursor"`
		Next       *int64 `json:"next_after"`
	}
	if a.status != http.StatusOK {
		if a.status != http.StatusServiceUnavailable {
			t.Errorf("a read was answered %d %s", a.status, a.code)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.refused[id] = true
		return "", false
	}
	if err := json.Unmarshal(a.body, &page); err != nil {
		t.Error(err)
	}
	documents := page.Data
	if page.Data == nil {
		documents = []json.RawMessage{a.body}
	}
	rows := map[disclosed]hub.Fields{}
	for _, document := range documents {
		if page.Next != nil {
			var entry struct{ Order json.RawMessage }
			if err := json.Unmarshal(document, &entry); err != nil {
				t.Error(err)
			}
			document = entry.Order
		}
		var o demo.Order
		if err := json.Unmarshal(document, &o); err != nil {
			t.Error(err)
		}
		of := disclosed{o.ID, o.Revision}
		if fields := c.personal(t, of, document); fields != 0 {
			rows[of] = fields
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received[id] = rows
	return page.NextCursor, page.Data != nil && page.Next == nil
}

func (c *client) answered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.received)
}

// recordedAndCut counts the requests that have a row and were not answered.
func (c *client) recordedAndCut(rows map[string][]disclosureRow) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.cut {
		n += min(len(rows[id]), 1)
	}
	return n
}

// take returns the books and begins new ones.
func (c *client) take() books {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.books
	c.books = newBooks()
	return old
}

// disclosureRow is one row as it is stored.
type disclosureRow struct {
	disclosed
	client string
	fields hub.Fields
}

// disclosed returns all rows of the shards by request.
func (w *town) disclosed(t *testing.T, size hubtest.Size, data string) map[string][]disclosureRow {
	t.Helper()
	found := map[string][]disclosureRow{}
	for _, db := range shards(t, size, data) {
		w.answered(t, db, found)
		w.shelved(t, db, found)
	}
	return found
}

// shelved adds what one shard has on record of answers about one order each.
func (w *town) shelved(t *testing.T, db *sql.DB, found map[string][]disclosureRow) {
	t.Helper()
	rows, err := db.Query("SELECT packed FROM disclosed WHERE tenant_id = ?", w.Shop.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var packed []byte
		if err := rows.Scan(&packed); err != nil {
			t.Fatal(err)
		}
		take := func() uint64 {
			v, n := binary.Uvarint(packed)
			if n <= 0 {
				t.Fatalf("% x is no number", packed)
			}
			packed = packed[n:]
			return v
		}
		if form := take(); form != 1 {
			t.Fatalf("a row has the form %d", form)
		}
		for len(packed) > 0 {
			var texts [4]string // order, client, key, request
			for i := range texts {
				n := take()
				texts[i], packed = string(packed[:n]), packed[n:]
			}
			take() // time
			r := disclosureRow{client: texts[1]}
			r.order, r.revision, r.fields = texts[0], int64(take()), hub.Fields(take())
			found[texts[3]] = append(found[texts[3]], r)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// answered adds what one shard has on record of answers about several orders.
func (w *town) answered(t *testing.T, db *sql.DB, found map[string][]disclosureRow) {
	t.Helper()
	rows, err := db.Query("SELECT request_id, client, orders FROM answers WHERE tenant_id = ?", w.Shop.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var request, client string
		var packed []byte
		if err := rows.Scan(&request, &client, &packed); err != nil {
			t.Fatal(err)
		}
		found[request] = append(found[request], unpack(t, client, packed)...)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// unpack reads the orders of one answer: a one, and then of each order a zero, the 16 bytes that its id spells, the revision
// and the fields.
func unpack(t *testing.T, client string, packed []byte) (list []disclosureRow) {
	t.Helper()
	spelled := base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
	if len(packed) == 0 || packed[0] != 1 {
		t.Fatalf("an answer begins with % x", packed[:min(len(packed), 1)])
	}
	for rest := packed[1:]; len(rest) > 0; {
		if len(rest) < 19 || rest[0] != 0 {
			t.Fatalf("% x is no order of an answer", rest)
		}
		r := disclosureRow{client: client}
		r.order = hub.OrderPrefix + spelled.EncodeToString(rest[1:17])
		revision, n := binary.Uvarint(rest[17:])
		fields, m := binary.Uvarint(rest[17+n:])
		if n <= 0 || m <= 0 {
			t.Fatalf("% x is no order of an answer", rest)
		}
		r.revision, r.fields = int64(revision), hub.Fields(fields)
		list, rest = append(list, r), rest[17+n+m:]
	}
	return list
}

// balance is how what was received and what was recorded differ.
type balance struct {
	orders, fields int // received
	unrecorded     int // fields that were received and are in no row
	missing        int // orders of which something was received without a row
	beyond         int // rows of requests that were cut
	refused        int // rows of requests that were answered 503
}

// compare holds the rows against the books and removes those that it knows.
func (b books) compare(t *testing.T, rows map[string][]disclosureRow) (s balance) {
	t.Helper()
	for id, received := range b.received {
		recorded := map[disclosed]hub.Fields{}
		for _, r := range rows[id] {
			if _, twice := recorded[r.disclosed]; twice || r.client != "crm" {
				t.Errorf("request %s has two rows for one document, or a row of client %q", id, r.client)
			}
			recorded[r.disclosed] = r.fields
		}
		delete(rows, id)
		for of, fields := range received {
			s.orders++
			s.fields += len(fields.Names())
			if _, ok := recorded[of]; !ok {
				s.missing++
			}
			s.unrecorded += len((fields &^ recorded[of]).Names())
			if recorded[of] != fields {
				t.Errorf("request %s, order %s revision %d: received %v, recorded %v", id, of.order, of.revision, fields.Names(), recorded[of].Names())
			}
			delete(recorded, of)
		}
		if len(recorded) > 0 {
			t.Errorf("request %s was answered whole and has %d rows of what was not in the answer", id, len(recorded))
		}
	}
	for id := range b.cut {
		s.beyond += len(rows[id])
		delete(rows, id)
	}
	for id := range b.refused {
		s.refused += len(rows[id])
		delete(rows, id)
	}
	return s
}
