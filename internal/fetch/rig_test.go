package fetch_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"hub"
	"hub/adapters/driver"
	"hub/internal/fetch"
)

var (
	epoch = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	shopA = fetch.Name{Tenant: "ten_a", Connection: "con_a"}
	errIO = errors.New("connection reset")
)

// order is one at the platform.
type order struct {
	id              hub.ExternalID
	placed, changed time.Time
	version         int
}

// platform is one shop at a platform whose lists are small and move while they are read.
type platform struct {
	driver.Client // what is not used here
	orders        map[hub.ExternalID]order
	now           time.Time     // its own clock
	lag           time.Duration // of its lists
	silent        bool          // its lists do not say when an order changed
	limits        driver.Limits
	page          int
	meanwhile     func() // before each answer
	fail          func(call string) error
	calls         map[string]int
	exports       int           // that were begun
	prepares      time.Duration // how long it takes until one can be read
	gone          map[hub.ExternalID]bool
	parcels       map[hub.ExternalID][]hub.ExternalID
}

func newPlatform() *platform {
	return &platform{
		orders: map[hub.ExternalID]order{}, now: epoch, limits: driver.Limits{FetchAtOnce: 3}, page: 2, prepares: time.Second,
		calls: map[string]int{}, gone: map[hub.ExternalID]bool{}, meanwhile: func() {}, fail: func(string) error { return nil },
	}
}

func (p *platform) call(name string) error {
	p.meanwhile()
	p.calls[name]++
	return p.fail(name)
}

func (p *platform) Limits() driver.Limits { return p.limits }

// Changed lists by offset, newest change last, as the worst of platforms does.
func (p *platform) Changed(_ context.Context, _ driver.Caller, w driver.Window, cursor string) (driver.Page, error) {
	if err := p.call("list"); err != nil {
		return driver.Page{}, err
	}
	list := p.list(func(o order) bool {
		return !o.changed.Before(w.From) && o.changed.Before(w.To) && !o.changed.After(p.now.Add(-p.lag))
	})
	slices.SortFunc(list, func(a, b order) int { return cmp.Or(a.changed.Compare(b.changed), cmp.Compare(a.id, b.id)) })
	from, _ := strconv.Atoi(cursor)
	page := driver.Page{AsOf: p.now}
	for _, o := range list[min(from, len(list)):min(from+p.page, len(list))] {
		seen := driver.Seen{ExternalID: o.id, ChangedAt: o.changed}
		if p.silent {
			seen.ChangedAt = time.Time{}
		}
		page.Orders = append(page.Orders, seen)
	}
	if from+p.page < len(list) {
		page.Next = strconv.Itoa(from + p.page)
	}
	return page, nil
}

func (p *platform) list(keep func(order) bool) (list []order) {
	for _, o := range p.orders {
		if keep(o) {
			list = append(list, o)
		}
	}
	return list
}

func (p *platform) Fetch(_ context.Context, _ driver.Caller, ids []hub.ExternalID) (f driver.Fetched, err error) {
	if err := p.call("fetch"); err != nil {
		return driver.Fetched{}, err
	}
	if len(ids) > p.limits.FetchAtOnce {
		return driver.Fetched{}, hub.Invalid("too_many", "ids")
	}
	for _, id := range ids {
		if o, known := p.orders[id]; known && !p.gone[id] {
			f.Documents = append(f.Documents, o.document())
		} else {
			f.Missing = append(f.Missing, id)
		}
	}
	return f, nil
}

func (o order) document() []byte {
	return fmt.Appendf(nil, "%s %d %d", o.id, o.version, o.changed.UnixMicro())
}

// Export gives two orders a part, newest first; its cursor is the number of the export and an offset.
func (p *platform) Export(_ context.Context, _ driver.Caller, w driver.Window, cursor string) (driver.Part, error) {
	if err := p.call("export"); err != nil {
		return driver.Part{}, err
	}
	number, from := p.exports, 0
	if cursor == "" {
		p.exports++
		if p.calls["export"] > 1000 {
			return driver.Part{}, errIO // whoever asks that often does not stop
		}
		return driver.Part{Next: fmt.Sprint(p.exports, " ", 0), Wait: p.prepares}, nil
	}
	if _, err := fmt.Sscan(cursor, &number, &from); err != nil || number != p.exports {
		return driver.Part{}, &hub.Error{Kind: hub.KindUnavailable, Code: driver.CodeExportLost}
	}
	list := p.list(func(o order) bool { return !o.placed.Before(w.From) && o.placed.Before(w.To) })
	slices.SortFunc(list, func(a, b order) int { return cmp.Or(b.placed.Compare(a.placed), cmp.Compare(a.id, b.id)) })
	part := driver.Part{Total: len(list)}
	for _, o := range list[min(from, len(list)):min(from+2, len(list))] {
		part.Documents = append(part.Documents, o.document())
		part.Reached = o.placed
	}
	if from+2 < len(list) {
		part.Next = fmt.Sprint(number, " ", from+2)
	}
	return part, nil
}

// Orders resolves parcels.
func (p *platform) Orders(_ context.Context, _ driver.Caller, _ string, id hub.ExternalID) ([]hub.ExternalID, error) {
	if err := p.call("resolve"); err != nil {
		return nil, err
	}
	ids, known := p.parcels[id]
	if !known {
		return nil, &hub.Error{Kind: hub.KindNotFound}
	}
	return ids, nil
}

// set places an order or changes it.
func (p *platform) set(id hub.ExternalID) {
	o, known := p.orders[id]
	if !known {
		o = order{id: id, placed: p.now}
	}
	if known && !p.now.After(o.changed) {
		p.now = o.changed.Add(time.Second) // two changes of one second are one to a list
	}
	o.version++
	o.changed = p.now
	p.orders[id] = o
}

// desk is everything around the service: the log, the books, and the queue.
type desk struct {
	*platform
	service  *fetch.Service
	clock    time.Time
	taken    map[hub.ExternalID]int // newest version in the log
	changed  map[hub.ExternalID]time.Time
	causes   map[string]int
	progress fetch.Progress
	next     map[fetch.Work]time.Time
	away     bool // the shop is disconnected
	access   fetch.Access
	fault    func(string) error // of log and store, before the effect
	after    func(string) error // after it
	confirms []string
	missed   []driver.LostPage
	callers  []driver.Caller
	recover  []driver.Missed
	stranger string // a shop that is not connected
	same     bool   // the list of lost deliveries ignores from where it is to go on, and what was confirmed
}

func newDesk() *desk {
	fine := func(string) error { return nil }
	d := &desk{
		platform: newPlatform(), clock: epoch, taken: map[hub.ExternalID]int{}, changed: map[hub.ExternalID]time.Time{},
		causes: map[string]int{}, next: map[fetch.Work]time.Time{}, fault: fine, after: fine, callers: []driver.Caller{asker{}},
	}
	d.service = &fetch.Service{
		Shops: d, Log: d, Store: d, Schedule: turns{d}, Clock: func() time.Time { return d.clock }, Logger: slog.New(slog.DiscardHandler),
		Options: fetch.Defaults(),
	}
	return d
}

// pass lets time go by for everybody.
func (d *desk) pass(by time.Duration) { d.clock, d.now = d.clock.Add(by), d.now.Add(by) }

func (d *desk) Shop(fetch.Name) (fetch.Shop, error) {
	if d.away {
		return fetch.Shop{}, &hub.Error{Kind: hub.KindNotFound, Code: "connection_not_found"}
	}
	return fetch.Shop{Client: d.platform}, nil
}

func (d *desk) Access(context.Context, fetch.Name) (fetch.Access, error) {
	return d.access, d.fault("access")
}

func (d *desk) App(hub.AppID) (fetch.App, error) {
	if d.away {
		return fetch.App{}, &hub.Error{Kind: hub.KindNotFound, Code: "app_not_found"}
	}
	return fetch.App{Lost: d, Callers: d.callers, Every: 10 * time.Minute}, nil
}

// turns is where the job of an app is scheduled.
type turns struct{ *desk }

func (s turns) Lost(_ context.Context, _ hub.AppID, due time.Time) error {
	s.next[fetch.Lost] = due
	return s.fault("schedule")
}

// asker is a caller of a shop whose permission may be gone.
type asker struct{ dead bool }

func (asker) Call(context.Context, driver.Call) (driver.Answer, error) { return driver.Answer{}, nil }

func (d *desk) Take(_ context.Context, _ fetch.Name, list []fetch.Document) error {
	if err := d.fault("take"); err != nil {
		return err
	}
	for _, f := range list {
		var id hub.ExternalID
		var version int
		var changed int64
		if _, err := fmt.Sscan(string(f.Body), &id, &version, &changed); err != nil {
			return err
		}
		if version > d.taken[id] {
			d.taken[id], d.changed[id] = version, time.UnixMicro(changed).UTC()
		}
		d.causes[f.Cause]++
	}
	return d.after("take")
}

func (d *desk) Recover(_ context.Context, _ hub.Platform, _ hub.AppID, m driver.Missed) (bool, error) {
	if err := d.fault("recover " + m.Account); err != nil {
		return false, err
	}
	if m.Account == d.stranger {
		return false, nil
	}
	d.recover = append(d.recover, m)
	return true, nil
}

func (d *desk) Progress(context.Context, fetch.Name) (fetch.Progress, error) {
	return d.progress, d.fault("progress")
}

func (d *desk) SavePoll(_ context.Context, _ fetch.Name, p fetch.PollProgress, next time.Time) error {
	if err := d.fault("save"); err != nil {
		return err
	}
	d.progress.Poll = p
	if !next.IsZero() {
		d.next[fetch.Poll] = next
	}
	return d.after("save")
}

func (d *desk) SaveBackfill(_ context.Context, _ fetch.Name, b fetch.BackfillProgress, next time.Time) error {
	if err := d.fault("save"); err != nil {
		return err
	}
	d.progress.Backfill = b
	if !next.IsZero() {
		d.next[fetch.Backfill] = next
	}
	return d.after("save")
}

func (d *desk) Resume(context.Context, fetch.Name) error {
	if err := d.fault("save"); err != nil {
		return err
	}
	d.next[fetch.Poll], d.next[fetch.Backfill] = d.clock, d.clock
	return d.after("save")
}

func (d *desk) Versions(_ context.Context, _ fetch.Name, ids []hub.ExternalID) (map[hub.ExternalID]time.Time, error) {
	known := map[hub.ExternalID]time.Time{}
	for _, id := range ids {
		if at, stored := d.changed[id]; stored {
			known[id] = at
		}
	}
	return known, d.fault("versions")
}

// Lost and Confirm are a platform's list of lost deliveries.
func (d *desk) Lost(_ context.Context, c driver.Caller, _ driver.App, _ string) (driver.LostPage, error) {
	if c.(asker).dead {
		return driver.LostPage{}, &hub.Error{Kind: hub.KindPermanent, Code: driver.CodeReconnect}
	}
	if len(d.missed) == 0 {
		return driver.LostPage{}, nil
	}
	d.calls["lost"]++
	page := d.missed[0]
	if d.same {
		page.Next = fmt.Sprint(d.calls["lost"])
	}
	return page, d.fail("lost")
}

func (d *desk) Confirm(_ context.Context, _ driver.Caller, receipt string) error {
	if err := d.fail("confirm"); err != nil {
		return err
	}
	d.confirms = append(d.confirms, receipt)
	if !d.same {
		d.missed = d.missed[1:]
	}
	return nil
}

// complete requires that the newest version of every order is in the log.
func (d *desk) complete(t interface{ Fatalf(string, ...any) }) {
	for id, o := range d.orders {
		if d.taken[id] != o.version {
			t.Fatalf("order %s is at version %d, taken %d", id, o.version, d.taken[id])
		}
	}
}
