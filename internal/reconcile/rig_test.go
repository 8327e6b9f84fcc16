package reconcile_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/internal/reconcile"
)

const (
	day  = reconcile.Day("2026-11-20")
	shop = hub.ConnectionID("con_a")
)

var (
	name  = reconcile.Name{Tenant: "ten_a", Connection: shop}
	noon  = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	later = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	errIO = errors.New("connection reset")
)

// world is a platform, a hub and everything around the service, in memory.
type world struct {
	service *reconcile.Service
	clock   time.Time

	// The platform.
	orders    map[hub.ExternalID]driver.Seen
	ahead     time.Duration // of our clock before the platform's
	listedAt  map[hub.ExternalID]time.Time
	page      int
	limits    driver.Limits
	back      time.Duration
	backErr   error
	meanwhile func()                         // before each page
	stall     func(context.Context) error    // before each page, as long as it takes
	bend      func(driver.Page) driver.Page  // what is wrong with a page
	fail      func(call string, n int) error // n counts the calls of that name
	calls     map[string]int
	snapshots []map[hub.ExternalID]bool
	noLister  bool
	shopErr   error

	// The hub.
	held    map[hub.ExternalID]reconcile.Held
	parked  map[hub.ExternalID]hub.ParkedID
	applies func(hub.ExternalID) bool // whether what is fetched again reaches the hub
	causes  []string
	kept    []kept
	tasks   map[string]reconcile.Task
	known   []reconcile.Connected
	away    map[hub.TenantID]bool
}

type kept struct {
	reconcile.Statement
	signed reconcile.Signed
}

func newWorld() *world {
	w := &world{
		clock: later, limits: driver.Limits{Totals: driver.GrandTotals}, orders: map[hub.ExternalID]driver.Seen{}, listedAt: map[hub.ExternalID]time.Time{}, page: 3, calls: map[string]int{},
		meanwhile: func() {}, stall: func(context.Context) error { return nil }, bend: func(p driver.Page) driver.Page { return p }, fail: func(string, int) error { return nil },
		held: map[hub.ExternalID]reconcile.Held{}, parked: map[hub.ExternalID]hub.ParkedID{}, applies: func(hub.ExternalID) bool { return true },
		tasks: map[string]reconcile.Task{}, known: []reconcile.Connected{{Name: name, Since: noon}},
	}
	key, err := reconcile.NewKey(bytes.NewReader(make([]byte, 32)))
	if err != nil {
		panic(err)
	}
	var ids uint64
	w.service = &reconcile.Service{
		Shops: w, Orders: w, Statements: w, Queue: w, Fetch: w, Key: key, Clock: func() time.Time { return w.clock },
		IDs:    func() (id [16]byte) { ids++; binary.BigEndian.PutUint64(id[8:], ids); return id },
		Logger: slog.New(slog.DiscardHandler), Options: reconcile.Defaults(),
	}
	return w
}

// real is a total as shops have it.
func real(minor int64) *hub.Money { return &hub.Money{Minor: minor, Currency: "BRL"} }

// place puts an order onto the platform, and both into the hub when it has it.
func (w *world) place(id hub.ExternalID, at time.Time, total *hub.Money, has bool) {
	w.orders[id] = driver.Seen{ExternalID: id, PlacedAt: at, ChangedAt: at, Total: total}
	if has {
		w.take(id)
	}
}

// take brings the platform's order into the hub.
func (w *world) take(id hub.ExternalID) {
	o, there := w.orders[id]
	if !there {
		return
	}
	w.held[id] = reconcile.Held{
		ID: hub.OrderID("ord_" + id), External: id, PlacedAt: o.PlacedAt, ChangedAt: o.ChangedAt, Total: o.Total, Unshipped: o.Total, Cancelled: o.Cancelled,
		Acknowledged: w.held[id].Acknowledged,
	}
}

// hold changes what the hub has of an order.
func (w *world) hold(id hub.ExternalID, change func(*reconcile.Held)) {
	h := w.held[id]
	change(&h)
	w.held[id] = h
}

func (w *world) call(name string) error {
	w.calls[name]++
	return w.fail(name, w.calls[name])
}

// Shop implements reconcile.Shops.
func (w *world) Shop(reconcile.Name) (reconcile.Shop, error) {
	s := reconcile.Shop{Platform: hub.Shopify, Account: "loja.myshopify.com", Lister: w, Back: func(context.Context) (time.Duration, error) { return w.back, w.backErr }}
	if w.noLister {
		s.Lister = nil
	}
	return s, w.shopErr
}

// All implements reconcile.Shops.
func (w *world) All() []reconcile.Connected { return w.known }

// Limits implements reconcile.Lister.
func (w *world) Limits() driver.Limits { return w.limits }

// listed is when the platform thinks that an order was made.
func (w *world) listed(o driver.Seen) time.Time {
	if at, other := w.listedAt[o.ExternalID]; other {
		return at
	}
	return o.PlacedAt
}

// within is the truth about a window.
func (w *world) within(from, to time.Time) (list []driver.Seen) {
	for _, o := range w.orders {
		if at := w.listed(o); !at.Before(from) && at.Before(to) {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b driver.Seen) int {
		return cmp.Or(w.listed(a).Compare(w.listed(b)), cmp.Compare(a.ExternalID, b.ExternalID))
	})
	return list
}

// Changed implements reconcile.Lister: by offset, oldest first, over a list that shifts.
func (w *world) Changed(ctx context.Context, _ driver.Caller, in driver.Window, cursor string) (driver.Page, error) {
	w.meanwhile()
	if err := w.stall(ctx); err != nil {
		return driver.Page{}, err
	}
	w.snapshot()
	if err := w.call("list"); err != nil {
		return driver.Page{}, err
	}
	if in.By != driver.ByCreation {
		return driver.Page{}, hub.Invalid("by", "window")
	}
	if in.To.Sub(in.From) > w.limits.Window && w.limits.Window > 0 {
		return driver.Page{}, hub.Invalid("too_long", "window")
	}
	list := w.within(in.From, in.To)
	from, _ := strconv.Atoi(cursor)
	page := driver.Page{AsOf: w.clock.Add(-w.ahead), Orders: slices.Clone(list[min(from, len(list)):min(from+w.page, len(list))])}
	if from+w.page < len(list) {
		page.Next = strconv.Itoa(from + w.page)
	}
	return w.bend(page), nil
}

// snapshot remembers what there is at the platform at this moment.
func (w *world) snapshot() {
	now := map[hub.ExternalID]bool{}
	for _, o := range w.within(day.From(), day.To()) {
		now[o.ExternalID] = true
	}
	w.snapshots = append(w.snapshots, now)
}

// Placed implements reconcile.Orders.
func (w *world) Placed(_ context.Context, _ reconcile.Name, from, to time.Time, after reconcile.Held, limit int) ([]reconcile.Held, error) {
	order := func(a, b reconcile.Held) int {
		return cmp.Or(a.PlacedAt.Compare(b.PlacedAt), cmp.Compare(a.External, b.External))
	}
	list := slices.DeleteFunc(slices.SortedFunc(maps.Values(w.held), order), func(h reconcile.Held) bool {
		return h.PlacedAt.Before(from) || !h.PlacedAt.Before(to) || order(h, after) <= 0
	})
	return list[:min(limit, len(list))], w.call("placed")
}

// Held implements reconcile.Orders.
func (w *world) Held(_ context.Context, _ reconcile.Name, ids []hub.ExternalID) (list []reconcile.Held, err error) {
	for _, id := range ids {
		if h, known := w.held[id]; known {
			list = append(list, h)
		}
	}
	return list, w.call("held")
}

// Parked implements reconcile.Orders.
func (w *world) Parked(_ context.Context, _ reconcile.Name, ids []hub.ExternalID) (map[hub.ExternalID]hub.ParkedID, error) {
	found := map[hub.ExternalID]hub.ParkedID{}
	for _, id := range ids {
		if p := w.parked[id]; p != "" {
			found[id] = p
		}
	}
	return found, w.call("parked")
}

// Save implements reconcile.Statements.
func (w *world) Save(_ context.Context, st reconcile.Statement, signed reconcile.Signed) error {
	if err := w.call("save"); err != nil {
		return err
	}
	if _, key, err := reconcile.Verify(envelope(signed), w.service.Key.Public()); err != nil || key == nil {
		return fmt.Errorf("saved what does not verify: %w", err)
	}
	if last, some := w.last(st.Day); some && st.Revision != last.Revision+1 || !some && st.Revision != 1 {
		return &hub.Error{Kind: hub.KindConflict, Code: "revision_taken"}
	}
	w.kept = append(w.kept, kept{st, signed})
	return nil
}

func envelope(s reconcile.Signed) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // as the API does
	if err := e.Encode(s); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// last is the newest statement of a day.
func (w *world) last(d reconcile.Day) (k kept, some bool) {
	for _, k := range slices.Backward(w.kept) {
		if k.Day == d {
			return k, true
		}
	}
	return k, false
}

// Latest implements reconcile.Statements.
func (w *world) Latest(_ context.Context, _ reconcile.Name, d reconcile.Day) (reconcile.Signed, error) {
	if err := w.call("latest"); err != nil {
		return reconcile.Signed{}, err
	}
	if last, some := w.last(d); some {
		return last.signed, nil
	}
	return reconcile.Signed{}, &hub.Error{Kind: hub.KindNotFound}
}

// Statement implements reconcile.Statements.
func (w *world) Statement(_ context.Context, t hub.TenantID, id reconcile.ID) (reconcile.Signed, error) {
	for _, k := range w.kept {
		if k.ID == id && k.Tenant == t {
			return k.signed, nil
		}
	}
	return reconcile.Signed{}, &hub.Error{Kind: hub.KindNotFound}
}

// List implements reconcile.Statements.
func (w *world) List(context.Context, hub.TenantID, reconcile.Filter, reconcile.ID, int) ([]reconcile.Entry, error) {
	return nil, nil
}

// Later implements reconcile.Queue.
func (w *world) Later(_ context.Context, list []reconcile.Task) error {
	if err := w.call("later"); err != nil {
		return err
	}
	for _, t := range list {
		w.tasks[string(t.Connection)+string(t.Day)] = t
	}
	return nil
}

// Stated implements reconcile.Queue.
func (w *world) Stated(_ context.Context, d reconcile.Day) (reconcile.Stated, error) {
	last := map[hub.ConnectionID]reconcile.Last{}
	for _, k := range w.kept {
		if k.Day == d && k.WholeDay {
			last[k.Connection] = reconcile.Last{MadeAt: k.MadeAt, State: k.State, Code: k.Code()}
		}
	}
	return reconcile.Stated{Last: last, Away: func(t hub.TenantID) bool { return w.away[t] }}, w.call("stated")
}

// Again implements reconcile.Fetcher.
func (w *world) Again(_ context.Context, _ reconcile.Name, ids []hub.ExternalID, cause string) (missing []hub.ExternalID, err error) {
	if err := w.call("again"); err != nil {
		return nil, err
	}
	for _, id := range ids {
		w.causes = append(w.causes, cause+" "+string(id))
		switch _, there := w.orders[id]; {
		case !there:
			missing = append(missing, id)
		case w.applies(id):
			w.take(id)
		}
	}
	return missing, nil
}

// Drained implements reconcile.Fetcher.
func (w *world) Drained(context.Context, hub.TenantID) error { return w.call("drained") }

// do does one task for the day and returns the statement that came of it.
func (w *world) do(t reconcile.Task) (reconcile.Statement, error) {
	t.Name, t.Day = name, cmp.Or(t.Day, day)
	before := len(w.kept)
	err := w.service.Do(context.Background(), t)
	if len(w.kept) == before {
		return reconcile.Statement{}, err
	}
	return w.kept[len(w.kept)-1].Statement, err
}

// settle does tasks that are due until there are none, and returns the last statement.
func (w *world) settle(t interface {
	Helper()
	Fatal(...any)
}) reconcile.Statement {
	t.Helper()
	for range 20 {
		due := slices.DeleteFunc(slices.Collect(maps.Values(w.tasks)), func(t reconcile.Task) bool { return t.DueAt.After(w.clock) })
		if len(due) == 0 {
			last, _ := w.last(day)
			return last.Statement
		}
		for _, task := range due {
			delete(w.tasks, string(task.Connection)+string(task.Day))
			if err := w.service.Do(context.Background(), task); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Fatal("the tasks do not end")
	return reconcile.Statement{}
}

// some fills a day with orders that both sides have.
func (w *world) some(n int) {
	for i := range n {
		w.place(hub.ExternalID(fmt.Sprintf("%04d", i)), noon.Add(time.Duration(i)*time.Second), real(int64(100+i)), true)
	}
}
