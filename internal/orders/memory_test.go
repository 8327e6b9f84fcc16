package orders_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/gdprtest"
	"hub/internal/orders"
)

// canary is in every personal value: nothing in clear may hold it.
const canary = "CANARY-Mäx-Müller"

var (
	ctx   = context.Background()
	epoch = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
)

// source counts identifiers; production makes them random.
type source struct{ n atomic.Uint64 }

func (s *source) next() (id [16]byte) {
	binary.BigEndian.PutUint64(id[8:], s.n.Add(1))
	return id
}

// failer is what *testing.T and *rapid.T have in common.
type failer interface {
	Helper()
	Fatal(...any)
	Errorf(string, ...any)
}

type tx struct{ now time.Time }

func (t tx) Now() time.Time  { return t.now }
func (t tx) Epoch() int64    { return 1 }
func (t tx) OnCommit(func()) {}

// database is the rows of one shard and its feed, as the contract of the ports says. It keeps times as a database does.
type database struct {
	t       failer
	rows    map[orders.Key]orders.Stored
	changes []hub.Change
	places  map[gdpr.Holding]bool
	fenced  map[gdpr.SubjectID]bool
	saves   int
	holds   int // calls
	held    int // holdings in them
	left    []gdpr.Holding
	fail    error // of Save
}

func newDatabase(t failer) *database {
	return &database{
		t: t, rows: map[orders.Key]orders.Stored{}, places: map[gdpr.Holding]bool{}, fenced: map[gdpr.SubjectID]bool{},
	}
}

// Hold implements gdpr.Register.
func (d *database) Hold(_ context.Context, _ hub.Tx, holdings []gdpr.Holding) error {
	d.holds++
	d.held += len(holdings)
	for i, h := range holdings {
		if i > 0 && holdings[i-1].Subject > h.Subject && holdings[i-1].Tenant == h.Tenant || slices.Contains(holdings[:i], h) {
			d.t.Errorf("Hold is not in the order of subjects, or twice: %v", holdings)
		}
		if d.fenced[h.Subject] {
			return &hub.Error{Kind: hub.KindConflict, Code: gdpr.CodeSubjectFenced, Op: "holding", Subject: string(h.Subject)}
		}
		d.places[h] = true
	}
	if len(holdings) == 0 {
		d.t.Errorf("Hold was given nothing")
	}
	return nil
}

// Leave implements gdpr.Register.
func (d *database) Leave(_ context.Context, _ hub.Tx, left []gdpr.Holding) error {
	if len(left) == 0 {
		d.t.Errorf("Leave was given nothing")
	}
	d.left = append(d.left, left...)
	return nil
}

// registered requires that everybody whose data a row holds is in the register.
func (d *database) registered() (n int) {
	d.t.Helper()
	for _, row := range d.rows {
		for _, sealed := range parts(row) {
			subjects, ok := gdpr.SubjectsOf(sealed)
			if !ok || len(subjects) == 0 {
				d.t.Errorf("a part of %s belongs to nobody", row.External)
			}
			for _, s := range subjects {
				n++
				if !d.places[gdpr.Holding{Tenant: row.Tenant, Subject: s, Place: gdpr.InOrders, Row: string(row.ID)}] {
					d.t.Errorf("%s holds data of %s and is not registered", row.External, s)
				}
			}
		}
	}
	return n
}

// parts returns what is stored of each part.
func parts(row orders.Stored) map[hub.PersonalPart][]byte {
	all := map[hub.PersonalPart][]byte{
		hub.PartBuyer: row.Personal, hub.PartRecipient: row.Recipient, hub.PartPayer: row.Payer, hub.PartShared: row.Shared,
	}
	for name, sealed := range all {
		if sealed == nil {
			delete(all, name)
		}
	}
	return all
}

func (d *database) Lock(_ context.Context, _ hub.Tx, keys []orders.Key) (map[orders.Key]orders.Stored, error) {
	found := map[orders.Key]orders.Stored{}
	seen := map[orders.Key]bool{}
	for _, k := range keys {
		if seen[k] {
			d.t.Errorf("Lock was given %v twice", k)
		}
		seen[k] = true
		if row, ok := d.rows[k]; ok {
			found[k] = row
		}
	}
	return found, nil
}

// Lost implements orders.Repo, from what was told.
func (d *database) Lost(_ context.Context, _ hub.Tx, keys []orders.Key) (map[orders.Key]orders.Stored, error) {
	lost := map[orders.Key]orders.Stored{}
	for _, c := range d.changes {
		var o hub.Order
		if err := json.Unmarshal(c.Doc, &o); err != nil {
			return nil, err
		}
		k := orders.Key{Tenant: c.Tenant, Connection: o.ConnectionID, External: o.ExternalID}
		if _, there := d.rows[k]; there || !slices.Contains(keys, k) {
			continue
		}
		row := orders.Rebuilt(k, c)
		row.CreatedAt = c.Time
		if first, known := lost[k]; known {
			row.CreatedAt = first.CreatedAt
		}
		lost[k] = row
	}
	return lost, nil
}

func (d *database) Save(_ context.Context, _ hub.Tx, rows []orders.Stored) error {
	if d.fail != nil {
		return d.fail
	}
	d.saves++
	for i, row := range rows {
		if _, exists := d.rows[row.Key]; exists == row.New {
			d.t.Errorf("Save of %v with New %v", row.Key, row.New)
		}
		if i > 0 && rows[i-1].External >= row.External && rows[i-1].Connection == row.Connection {
			d.t.Errorf("Save is not in the order of keys")
		}
		row.New, row.Lost = false, false
		row.Doc, row.Personal, row.Shared = bytes.Clone(row.Doc), bytes.Clone(row.Personal), bytes.Clone(row.Shared)
		row.Recipient, row.Payer = bytes.Clone(row.Recipient), bytes.Clone(row.Payer)
		row.Version.SourceUpdatedAt = kept(row.Version.SourceUpdatedAt)
		row.DeletedAt = kept(row.DeletedAt)
		d.rows[row.Key] = row
	}
	return nil
}

func kept(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

func (d *database) Append(_ context.Context, _ hub.Tx, changes []hub.Change) error {
	for _, c := range changes {
		c.Doc, c.Sequence = bytes.Clone(c.Doc), int64(len(d.changes)+1)
		d.changes = append(d.changes, c)
	}
	return nil
}

// do applies a batch in one transaction. With again the first run is rolled back, as after a deadlock.
func (d *database) do(ids *source, now time.Time, batch []orders.Incoming, again bool) ([]orders.Result, error) {
	service := orders.New(d, d, d, ids.next)
	rows, changes, places := maps.Clone(d.rows), slices.Clone(d.changes), maps.Clone(d.places)
	results, err := service.Apply(ctx, tx{now}, batch)
	if again && err == nil {
		d.rows, d.changes, d.places = maps.Clone(rows), slices.Clone(changes), maps.Clone(places)
		results, err = service.Apply(ctx, tx{now}, batch)
	}
	if err != nil {
		d.rows, d.changes, d.places = rows, changes, places
	}
	return results, err
}

func must(t failer, results []orders.Result, err error) []orders.Result {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// roots has one root and never another.
type roots struct {
	gdpr.RootStore
	root gdpr.Root
}

func (r roots) Load(context.Context) ([]gdpr.Root, error) { return []gdpr.Root{r.root}, nil }

// sealing is a vault with real keys over it.
type sealing struct {
	t     failer
	vault *gdprtest.Memory
	keys  *gdpr.Keys
}

func keysOver(v gdpr.Vault, ids hub.IDSource) *gdpr.Keys {
	clock := func() time.Time { return epoch }
	return gdpr.NewKeys(roots{root: gdpr.NewRoot(1, [32]byte{7})}, v, ids, clock, gdpr.Options{Monotonic: clock})
}

// ringed is a vault with nothing but a keyring, whose many keys are made once for all tests.
var ringed = sync.OnceValues(func() (*gdprtest.Memory, error) {
	v := gdprtest.NewMemory()
	_, err := keysOver(v, (&source{}).next).Keyring(ctx)
	return v, err
})

func newSealing(t failer, ids *source) sealing {
	empty, err := ringed()
	if err != nil {
		t.Fatal(err)
	}
	vault := empty.Copy()
	return sealing{t, vault, keysOver(vault, ids.next)}
}

// of returns the seals of an order whose people are these: the buyer, who is a guest, and whoever else is apart.
func (s sealing) of(k orders.Key, recipient, payer string) map[hub.PersonalPart]orders.Sealer {
	names := []hub.PersonalPart{hub.PartBuyer}
	people := []gdpr.Person{{SubjectRef: gdpr.SubjectRef{Order: k.External}, PlacedAt: epoch}}
	apart := func(part hub.PersonalPart, role gdpr.Role, name string) {
		if name != "" {
			names = append(names, part)
			people = append(people, gdpr.Person{SubjectRef: gdpr.SubjectRef{Order: k.External, Role: role, Name: name}, PlacedAt: epoch})
		}
	}
	apart(hub.PartRecipient, gdpr.RoleRecipient, recipient)
	apart(hub.PartPayer, gdpr.RolePayer, payer)
	var holders []gdpr.Holder
	for i := range names {
		holders = append(holders, s.holder(k, people[i:i+1]))
	}
	if len(names) > 1 {
		names, holders = append(names, hub.PartShared), append(holders, s.holder(k, people))
	}
	seals, err := s.keys.Seals(ctx, holders)
	if err != nil {
		s.t.Fatal(err)
	}
	of := map[hub.PersonalPart]orders.Sealer{}
	for i, name := range names {
		of[name] = seals[i]
	}
	return of
}

func (s sealing) holder(k orders.Key, people []gdpr.Person) gdpr.Holder {
	return gdpr.Holder{Tenant: k.Tenant, Connection: k.Connection, Lot: gdpr.LotOrder, Week: gdpr.WeekOf(epoch), People: people}
}

// suppressed is a seal of somebody who was erased.
type suppressed struct{ orders.Sealer }

func (suppressed) Suppressed() bool                        { return true }
func (suppressed) Seal(gdpr.Place, []byte) ([]byte, error) { return nil, errSave }

func (s sealing) digest(k orders.Key, canonical []byte) [32]byte {
	keys, err := s.keys.Tenant(ctx, k.Tenant)
	if err != nil {
		s.t.Fatal(err)
	}
	return keys.Digest(canonical)
}

var errSave = errors.New("save refused")
