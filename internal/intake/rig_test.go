package intake

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/gdpr"
	"hub/gdpr/gdprtest"
	"hub/internal/orders"
	"hub/internal/wal"
)

// canary is in every body: nothing in clear may hold it.
const canary = "CANARY-Mäx-Müller"

// script is a storefront whose deliveries say what is to happen: "account kind id version text".
type script struct {
	cured atomic.Bool
	rules atomic.Int64 // 0 and 1 are script/1; newer rules read a channel, and another note
}

var _ driver.Storefront = (*script)(nil)

func (*script) Platform() hub.Platform       { return hub.Shopify }
func (s *script) Rules() string              { return fmt.Sprint("script/", max(1, s.rules.Load())) }
func (*script) Statuses() []driver.StatusRow { return nil }

// Split makes two orders of a pair.
func (s *script) Split(body []byte) (documents [][]byte, err error) {
	f := strings.Fields(string(body))
	if len(f) > 2 && f[1] == "pair" {
		other := slices.Clone(f)
		other[2] += "-other"
		return [][]byte{body, []byte(strings.Join(other, " "))}, nil
	}
	return [][]byte{body}, nil
}

func (s *script) Order(body []byte) (driver.Draft, error) {
	f := strings.Fields(string(body))
	if s.rules.Load() > 1 && slices.Contains(f, "forbidden") {
		return driver.Draft{}, hub.Invalid(hub.CodeMissing, "id")
	}
	return s.ruled(draftOf(f)), nil
}

// ruled is what the rules make of a draft.
func (s *script) ruled(d driver.Draft) driver.Draft {
	d.Order.Source.Rules = s.Rules()
	if s.rules.Load() > 1 && d.Order.Number != "#plain" {
		d.Order.Channel = "read"
		d.Order.Totals.Tip = &hub.Money{Minor: 5, Currency: "BRL"}
		if d.Order.Buyer.Note != "" {
			d.Order.Buyer.Note += " " + canary
		}
	}
	return d
}

func (*script) Shop(name string) (string, error) { return name, nil }

func (*script) Verify(signed driver.Signed) (driver.Notice, error) {
	h := signed.Header
	if !slices.Contains(signed.Secrets, h.Get("Secret")) {
		return driver.Notice{}, &hub.Error{Kind: hub.KindUnauthentic, Code: "signature_wrong", Op: "verifying"}
	}
	return driver.Notice{Topic: h.Get("Topic"), DeliveryID: h.Get("Id"), TriggeredAt: time.Now().UTC(), APIVersion: "2026-10", Account: h.Get("Shop"),
		Duty: h.Get("Topic") == "customers/redact"}, nil
}

func (*script) Account(body []byte) (string, error) {
	account, _, _ := strings.Cut(string(body), " ")
	if account == "-" {
		return "", hub.Invalid(hub.CodeMissing, "shop_domain")
	}
	return account, nil
}

// draftOf makes an order of words. Those with an equals sign say more of its people: customer, name, email, ship, bill,
// note, coupon, placed in seconds since 1970, what it lacks, and enriched in seconds since then.
func draftOf(words []string) driver.Draft {
	var f []string
	more := map[string]string{}
	for _, w := range words {
		if name, value, ok := strings.Cut(w, "="); ok {
			more[name] = strings.ReplaceAll(value, "_", " ")
		} else {
			f = append(f, w)
		}
	}
	version, _ := strconv.Atoi(f[3])
	total := hub.Money{Minor: int64(version), Currency: "BRL"}
	o := hub.Order{
		Platform: hub.Shopify, ExternalID: hub.ExternalID(f[2]), Status: hub.StatusOpen, Number: "#" + f[2],
		SourceUpdatedAt: time.Unix(int64(1_700_000_000+version), 0).UTC(),
		Totals:          hub.Totals{GrandTotal: &total},
		Buyer:           &hub.Buyer{Name: cmp.Or(more["name"], f[4]), Email: more["email"], Note: more["note"]},
	}
	for what, address := range map[string]**hub.Address{"ship": &o.Buyer.ShippingAddress, "bill": &o.Buyer.BillingAddress} {
		if more[what] != "" {
			*address = &hub.Address{Name: more[what], City: canary + " " + what}
		}
	}
	if more["coupon"] != "" {
		o.Discounts = []hub.Discount{{Code: more["coupon"], Kind: "order", Amount: &total}}
	}
	if placed, err := strconv.Atoi(more["placed"]); err == nil {
		o.PlacedAt = time.Unix(int64(placed), 0).UTC()
	}
	d := driver.Draft{Order: o, Subject: hub.ExternalID(more["customer"]), Lacks: strings.Fields(more["lacks"])}
	if enriched, err := strconv.Atoi(more["enriched"]); err == nil {
		d.EnrichedAt = time.Unix(int64(enriched), 0).UTC()
	}
	return d
}

// Skim knows id, version and total of everything with enough words that names an order.
func (s *script) Skim(d driver.Delivery) driver.Gist {
	f := strings.Fields(string(d.Body))
	if len(f) < 5 {
		return driver.Gist{}
	}
	switch f[1] {
	case "hint", "delete", "ignore":
		return driver.Gist{}
	case "panic":
		panic(canary)
	}
	o := draftOf(f).Order
	return driver.Gist{ExternalID: o.ExternalID, SourceUpdatedAt: o.SourceUpdatedAt, Total: o.Totals.GrandTotal}
}

func (s *script) Read(d driver.Delivery) (driver.Reading, error) {
	f := strings.Fields(string(d.Body))
	if len(f) < 5 {
		return driver.Reading{Ignored: "nothing in it"}, nil
	}
	switch kind := f[1]; {
	case kind == "hint":
		return driver.Reading{Hints: []driver.Hint{{Kind: "order", ExternalID: hub.ExternalID(f[2])}}}, nil
	case kind == "delete":
		return driver.Reading{Drafts: []driver.Draft{{Order: hub.Order{ExternalID: hub.ExternalID(f[2])}, Deleted: d.ReceivedAt}}}, nil
	case kind == "pair": // two orders of two people in one body
		other := slices.Clone(f)
		other[2] += "-other"
		return driver.Reading{Drafts: []driver.Draft{s.ruled(draftOf(f)), s.ruled(draftOf(other))}}, nil
	case kind == "ignore":
		return driver.Reading{Ignored: "not about orders"}, nil
	case kind == "bad" && !s.cured.Load():
		return driver.Reading{}, hub.Invalid(hub.CodeMoneyInvalid, "total_price")
	case kind == "panic" && !s.cured.Load():
		panic(canary)
	case kind == "error" && !s.cured.Load():
		return driver.Reading{}, errSurprise
	}
	return driver.Reading{Drafts: []driver.Draft{s.ruled(draftOf(f))}}, nil
}

// vault is a vault in memory that can be away.
type vault struct {
	*gdprtest.Memory
	away atomic.Bool
}

// roots has one root and never another.
type roots struct {
	gdpr.RootStore
	root gdpr.Root
}

func (r roots) Load(context.Context) ([]gdpr.Root, error) { return []gdpr.Root{r.root}, nil }

// newKeys returns keys with nothing in their cache.
func newKeys(root gdpr.Root, v gdpr.Vault, ids hub.IDSource) *gdpr.Keys {
	return gdpr.NewKeys(roots{root: root}, v, ids, now, gdpr.Options{Monotonic: time.Now})
}

// ringed is a vault with nothing but a keyring of the time at which bubbles begin. Its many keys are made once for all
// tests.
var ringed = sync.OnceValues(func() (*gdprtest.Memory, error) {
	v := gdprtest.NewMemory()
	begin := func() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }
	ids := func() [16]byte { return [16]byte{1} }
	_, err := gdpr.NewKeys(roots{root: testRoot()}, v, ids, begin, gdpr.Options{Monotonic: begin}).Keyring(context.Background())
	return v, err
})

func testRoot() gdpr.Root { return gdpr.NewRoot(1, [32]byte{9}) }

func newVault(t *testing.T) *vault {
	t.Helper()
	empty, err := ringed()
	if err != nil {
		t.Fatal(err)
	}
	v := &vault{Memory: empty.Copy()}
	v.Faults(func(_ string, done bool) error {
		if !done && v.away.Load() {
			return &hub.Error{Kind: hub.KindUnavailable, Op: "asking vault"}
		}
		return nil
	})
	return v
}

// directory is the door's in memory.
type directory struct {
	endpoints map[string]Endpoint
	accounts  map[string]Endpoint
	left      map[string]bool
}

func (d directory) Endpoint(_ hub.Platform, token string) (Endpoint, bool) {
	e, ok := d.endpoints[token]
	return e, ok
}

func (d directory) Account(_ hub.Platform, app hub.AppID, account string) (Endpoint, bool) {
	e, ok := d.accounts[string(app)+"/"+account]
	return e, ok
}

func (d directory) Left(_ hub.Platform, app hub.AppID, account string) bool {
	return d.left[string(app)+"/"+account]
}

// connections has one shop for each of three tenants, and an app that serves them all.
func connections() directory {
	d := directory{map[string]Endpoint{}, map[string]Endpoint{}, map[string]bool{"app_all/shop-left": true}}
	for _, name := range []string{"a", "b", "c"} {
		e := Endpoint{
			Platform: hub.Shopify, Secrets: []string{"secret-" + name}, App: hub.AppID("app_" + name),
			Tenant: hub.TenantID("ten_" + name), Connection: hub.ConnectionID("con_" + name), Account: "shop-" + name,
		}
		d.endpoints["token-"+name] = e
		d.accounts["app_all/shop-"+name], d.accounts["/shop-"+name] = e, e
	}
	d.endpoints["token-all"] = Endpoint{Platform: hub.Shopify, Secrets: []string{"secret-all"}, App: "app_all"}
	return d
}

// journal is a log that a test can read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// rig is an intake with everything real but the store and the platform.
type rig struct {
	t        *testing.T
	dir      string
	fs       wal.FS // under the log; nil is the real one
	log      *wal.Log
	key      *gdpr.IntakeKeys
	vault    *vault
	store    *memory
	script   *script
	door     *Door
	pipeline *Pipeline
	journal  *journal
	running  map[hub.ShardID]*Drainer
	stops    []func()
	count    atomic.Uint64
}

// inBubble runs a test with a rig under a clock that jumps.
func inBubble(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory("s1", "s2"), nil)
		defer r.close()
		f(t, r)
	})
}

func now() time.Time { return time.Now().UTC() }

func (r *rig) ids() (id [16]byte) {
	binary.BigEndian.PutUint64(id[8:], r.count.Add(1))
	return id
}

func newRig(t *testing.T, store *memory, fs wal.FS) *rig {
	r := &rig{t: t, dir: t.TempDir(), fs: fs, store: store, script: &script{}, journal: &journal{}, running: map[hub.ShardID]*Drainer{}}
	root := testRoot()
	var err error
	if r.key, err = gdpr.OpenIntakeKeys(t.Context(), r.dir+"/key", []gdpr.Root{root}); err != nil {
		t.Fatal(err)
	}
	r.open()
	r.vault = newVault(t)
	platforms := map[hub.Platform]driver.Storefront{hub.Shopify: r.script}
	r.pipeline = &Pipeline{
		Platforms: platforms, Keys: newKeys(root, r.vault, r.ids), Shards: r.store,
		Orders: orders.New(r.store, r.store, r.store, r.ids), Repo: r.store, IDs: r.ids,
	}
	r.door = &Door{
		Platforms: platforms, Directory: connections(), Key: r.key, Log: r.log, Full: func() bool { return false },
		Clock: now, IDs: r.ids, Timeout: time.Minute,
	}
	return r
}

// open opens the log, again after a crash of the process.
func (r *rig) open() {
	r.t.Helper()
	var err error
	if r.log, err = wal.Open(r.dir+"/log", wal.Options{Now: time.Now, FS: r.fs, SegmentBytes: 256 << 10}); err != nil {
		r.t.Fatal(err)
	}
	if r.door != nil {
		r.door.Log = r.log
	}
}

// close ends the drains and the log.
func (r *rig) close() {
	for _, stop := range r.stops {
		stop()
	}
	if err := r.log.Close(); err != nil {
		r.t.Error(err)
	}
	if strings.Contains(r.journal.String(), canary) {
		r.t.Errorf("the log says %s", r.journal)
	}
}

// request makes a signed delivery for the shop of one tenant.
func request(name, id, body string) Request {
	h := http.Header{}
	h.Set("Secret", "secret-"+name)
	h.Set("Topic", "orders/create")
	h.Set("Id", id)
	return Request{Platform: hub.Shopify, Token: "token-" + name, Header: h, Body: []byte(body)}
}

func (r *rig) deliver(name, id, body string) {
	r.t.Helper()
	if err := r.door.Accept(r.t.Context(), request(name, id, body+" "+canary)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) cursor(shard hub.ShardID) *wal.Cursor {
	r.t.Helper()
	c, err := r.log.Cursor("shard-" + string(shard))
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *rig) drainer(shard hub.ShardID) *Drainer {
	return &Drainer{
		Shard: shard, Log: r.log, Cursor: r.cursor(shard), Key: r.key, Pipeline: r.pipeline, Clock: now,
		Logger: slog.New(slog.NewTextHandler(r.journal, nil)),
	}
}

// run starts a drainer, the only one of its shard, and returns what stops it; the rig stops it at the latest.
func (r *rig) run(d *Drainer) (stop func()) {
	r.t.Helper()
	if r.running[d.Shard] != nil {
		r.t.Fatalf("shard %s has a drainer: two would share its cursor", d.Shard)
	}
	r.running[d.Shard] = d
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Errorf("Run: %v", err)
		}
		delete(r.running, d.Shard)
	})
	r.stops = append(r.stops, stop)
	return stop
}

// pass lets that much time go by and waits until everybody waits.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// drained requires that the drainer finishes everything in the log within a minute.
func (r *rig) drained(d *Drainer) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	if err := d.WaitFor(ctx, r.log.Synced()); err != nil {
		r.t.Fatalf("WaitFor: %v, %+v\n%s", err, d.Status(), r.journal)
	}
}

// once requires that each of the orders of a shard made exactly one change, and that there are so many.
func (r *rig) once(shard hub.ShardID, want int) {
	r.t.Helper()
	rows := r.store.of(shard)
	seen := map[hub.OrderID]int{}
	for _, c := range rows.changes {
		seen[c.OrderID]++
		if c.Type != hub.OrderCreated || seen[c.OrderID] > 1 || bytes.Contains(c.Doc, []byte(canary)) {
			r.t.Fatalf("change %s number %d of its order: %s", c.Type, seen[c.OrderID], c.Doc)
		}
	}
	if len(seen) != want || len(rows.orders) != want || len(rows.raws) != want {
		r.t.Fatalf("%d changed orders, %d stored, %d payloads, want %d", len(seen), len(rows.orders), len(rows.raws), want)
	}
	r.registered(shard)
}

func (r *rig) parked(shard hub.ShardID) []Parked {
	rows := r.store.of(shard).parked
	list := make([]Parked, 0, len(rows))
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		list = append(list, rows[id])
	}
	return list
}

var errDisk = errors.New("input/output error")
