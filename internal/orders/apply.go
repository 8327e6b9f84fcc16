package orders

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"hub"
	"hub/gdpr"
)

// Incoming is one version of an order, normalised, with the means to seal it.
type Incoming struct {
	Key
	Order   hub.Order // canonical, without the identifiers that the hub gives
	Deleted time.Time // set: the platform deleted the order then, and Order is empty
	Digest  [32]byte  // keyed digest of the canonical order
	// EnrichedAt is that of the version, see there; it says nothing when Lacks is not 0.
	EnrichedAt time.Time
	// Lacks is how many parts the platform could not tell and may tell later.
	Lacks int
	// Seals are for the parts that the personal data is divided into. One that is suppressed leaves its part out.
	Seals map[hub.PersonalPart]Sealer
	// RawRef is the payload that is stored with the version if it is accepted, and RawOf is whose data it holds; both are
	// empty when none is.
	RawRef hub.RawRef
	RawOf  []gdpr.SubjectID
}

func (in Incoming) version() Version {
	v := Version{
		SourceUpdatedAt: stored(in.Order.SourceUpdatedAt),
		EnrichedAt:      stored(in.EnrichedAt),
		Rules:           RulesNumber(in.Order.Source.Rules),
		Cancelled:       in.Order.Status == hub.StatusCancelled,
		PaymentRank:     in.Order.PaymentStatus.Rank(),
		FulfillmentRank: in.Order.Fulfillment.Rank(),
		Digest:          in.Digest,
	}
	if in.Lacks > 0 {
		v.EnrichedAt = lackingAt(in.Lacks)
	}
	if r := in.Order.Totals.Refunded; r != nil {
		v.Refunded = r.Minor
	}
	return v
}

// stored is a time as a database gives it back, so that a version is equal to itself after it was stored.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// Outcome says what became of one version.
type Outcome uint8

// The outcomes.
const (
	Applied   Outcome = iota // a new revision, one change in the feed
	Unchanged                // the stored state already is this one
	Stale                    // the stored state is newer
	Noted                    // the deletion of an order that never came; remembered, nothing to tell yet
)

// Result is what became of one version.
type Result struct {
	Outcome  Outcome
	Order    hub.OrderID
	Revision int64          // that is stored after it
	Type     hub.ChangeType // when applied
	// Tied: another state with the same source time is stored or was replaced. The rule decided alike on every hub, but
	// the order should be fetched; so it should when its row is lost and this version is too old to bring it back.
	Tied bool
	// KeepsRaw: the payload is to be stored with the version.
	KeepsRaw bool
	// Lacking: this version is the stored state, and parts are lacking in it that the platform may tell later.
	Lacking bool
	// StoredAt is when the hub stored the revision.
	StoredAt time.Time
}

// Service applies versions.
type Service struct {
	repo     Repo
	feed     Feed
	register gdpr.Register
	ids      hub.IDSource
}

// New returns a service over one store.
func New(repo Repo, feed Feed, register gdpr.Register, ids hub.IDSource) *Service {
	return &Service{repo, feed, register, ids}
}

// Apply brings a batch of versions into the transaction and returns their results in the same order. Several versions of
// one order may be among them. Everything it changes is in tx; running it again in another transaction is safe. It is
// gdpr.CodeSubjectFenced when somebody in it is being erased: the versions are made anew and tried again.
func (s *Service) Apply(ctx context.Context, tx hub.Tx, batch []Incoming) ([]Result, error) {
	states, err := s.lock(ctx, tx, batch)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(batch))
	var changes []hub.Change
	var raws []gdpr.Holding
	for i, in := range batch {
		st := states[in.Key]
		if st.Erased {
			in.RawRef, in.RawOf = "", nil
		}
		change, result, err := st.take(tx.Now(), in)
		if err != nil {
			return nil, err
		}
		result.Revision, result.StoredAt = st.Revision, st.UpdatedAt
		if st.Lost && !st.dirty {
			result.Tied, result.StoredAt = true, tx.Now() // nothing is stored yet
		}
		result.Lacking = st.lacking(result.Outcome)
		if result.Outcome == Applied {
			change.ID = hub.ChangeID(s.ids.New(hub.ChangePrefix))
			changes = append(changes, change)
			raws = in.holdRaw(raws)
			st.rawOf = in.RawOf
			result.KeepsRaw = in.RawRef != ""
		}
		results[i] = result
	}
	if err := s.hold(ctx, tx, states, raws); err != nil {
		return nil, err
	}
	if err := s.save(ctx, tx, states); err != nil {
		return nil, err
	}
	if len(changes) == 0 {
		return results, nil
	}
	return results, s.feed.Append(ctx, tx, changes)
}

// state is one order while a batch is applied to it.
type state struct {
	Stored
	dirty  bool
	before Stored           // as it was locked
	rawOf  []gdpr.SubjectID // whose data the payload of the newest version holds
}

// lock reads the states of all orders in the batch. Those whose row was lost come back as they were told; those that never were
// get a fresh one.
func (s *Service) lock(ctx context.Context, tx hub.Tx, batch []Incoming) (map[Key]*state, error) {
	states := make(map[Key]*state, len(batch))
	keys := make([]Key, 0, len(batch))
	for _, in := range batch {
		if states[in.Key] == nil {
			states[in.Key] = &state{}
			keys = append(keys, in.Key)
		}
	}
	slices.SortFunc(keys, compareKeys)
	rows, err := s.repo.Lock(ctx, tx, keys)
	if err != nil {
		return nil, err
	}
	if absent := rowless(keys, rows); len(absent) > 0 {
		lost, err := s.repo.Lost(ctx, tx, absent)
		if err != nil {
			return nil, err
		}
		maps.Copy(rows, lost)
	}
	for _, key := range keys {
		row, ok := rows[key]
		if !ok {
			row = Stored{Key: key, ID: hub.OrderID(s.ids.New(hub.OrderPrefix)), CreatedAt: tx.Now(), New: true}
		}
		states[key].Stored, states[key].before = row, row
	}
	return states, nil
}

// rowless returns the keys that have no row.
func rowless(keys []Key, rows map[Key]Stored) (absent []Key) {
	for _, key := range keys {
		if _, there := rows[key]; !there {
			absent = append(absent, key)
		}
	}
	return absent
}

func (s *Service) save(ctx context.Context, tx hub.Tx, states map[Key]*state) error {
	var rows []Stored
	for _, st := range states {
		if st.dirty {
			rows = append(rows, st.Stored)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	slices.SortFunc(rows, func(a, b Stored) int { return compareKeys(a.Key, b.Key) })
	return s.repo.Save(ctx, tx, rows)
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Connection, b.Connection), cmp.Compare(a.External, b.External), cmp.Compare(a.Tenant, b.Tenant))
}

// take decides about one version and, if it is accepted, makes it the state.
func (st *state) take(now time.Time, in Incoming) (hub.Change, Result, error) {
	if !in.Deleted.IsZero() {
		return st.delete(now, stored(in.Deleted))
	}
	v := in.version()
	result := Result{Order: st.ID}
	if st.Revision > 0 {
		result.Tied = v.Tied(st.Version)
		switch {
		case v.Same(st.Version):
			result.Outcome = Unchanged
			st.confirm(v)
			return hub.Change{}, result, nil
		case v.Compare(st.Version) < 0:
			result.Outcome = Stale
			return hub.Change{}, result, nil
		}
	}
	result.Type = st.changeType(v)
	if err := st.replace(in, v); err != nil {
		return hub.Change{}, Result{}, err
	}
	return st.commit(now, result.Type), result, nil
}

// lacking reports whether the version that came out like that is the state, and is to be fetched again.
func (st *state) lacking(o Outcome) bool {
	return (o == Applied || o == Unchanged) && st.Version.Lacking() && st.DeletedAt.IsZero()
}

// confirm remembers that the same state was read later, or under newer rules. It is no news for anybody, and without it
// another state with the same source time could win on one hub and lose on another.
func (st *state) confirm(v Version) {
	if v.Compare(st.Version) > 0 {
		st.Version, st.dirty = v, true
	}
}

// Versions returns what is stored of orders, and locks them until the transaction ends. Those that never came are absent.
func (s *Service) Versions(ctx context.Context, tx hub.Tx, keys []Key) (map[Key]Stored, error) {
	sorted := slices.Clone(keys)
	slices.SortFunc(sorted, compareKeys)
	rows, err := s.repo.Lock(ctx, tx, slices.Compact(sorted))
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(rows, func(_ Key, row Stored) bool { return row.Revision == 0 || row.Version.SourceUpdatedAt.IsZero() })
	return rows, nil
}

// changeType names the change from the stored state to v. Whatever topic brought it, the first is always a creation.
func (st *state) changeType(v Version) hub.ChangeType {
	switch {
	case st.Revision == 0:
		return hub.OrderCreated
	case v.Cancelled && !st.Version.Cancelled:
		return hub.OrderCancelled
	case v.Refunded > st.Version.Refunded:
		return hub.OrderRefunded
	}
	return hub.OrderUpdated
}

// replace makes the version the state at the next revision: business record in clear, personal part sealed.
func (st *state) replace(in Incoming, v Version) error {
	o := in.Order
	o.ID, o.TenantID, o.ConnectionID = st.ID, st.Tenant, st.Connection
	o.Revision, o.DeletedAt, o.Source.RawRef = st.Revision+1, st.DeletedAt, in.RawRef
	business, personal := o.Split()
	if err := st.seal(in.Seals, personal, o.Revision); err != nil {
		return err
	}
	doc, err := json.Marshal(business)
	if err != nil {
		return hub.Errorf(hub.KindInternal, "printing order", "%s is not printable", st.ID)
	}
	st.Version, st.Platform, st.Status, st.PlacedAt, st.Number = v, o.Platform, o.Status, o.PlacedAt, o.Number
	st.Doc, st.SealedAt = doc, o.Revision
	return nil
}

// delete marks the order as gone at the platform, once and for good: no later body brings it back, and the first news of
// the deletion gives its time.
func (st *state) delete(now, at time.Time) (hub.Change, Result, error) {
	if !st.DeletedAt.IsZero() {
		return hub.Change{}, Result{Outcome: Unchanged, Order: st.ID}, nil
	}
	st.DeletedAt = at
	if st.Revision == 0 {
		st.dirty, st.UpdatedAt = true, now
		return hub.Change{}, Result{Outcome: Noted, Order: st.ID}, nil
	}
	var o hub.Order
	if err := json.Unmarshal(st.Doc, &o); err != nil {
		return hub.Change{}, Result{}, hub.Errorf(hub.KindInternal, "deleting order", "%s is stored damaged", st.ID)
	}
	o.DeletedAt, o.Revision = at, st.Revision+1
	doc, err := json.Marshal(o)
	if err != nil {
		return hub.Change{}, Result{}, hub.Errorf(hub.KindInternal, "deleting order", "%s is not printable", st.ID)
	}
	st.Doc = doc
	return st.commit(now, hub.OrderDeleted), Result{Outcome: Applied, Order: st.ID, Type: hub.OrderDeleted}, nil
}

// commit counts the revision and makes its change.
func (st *state) commit(now time.Time, t hub.ChangeType) hub.Change {
	st.Revision++
	st.UpdatedAt, st.dirty = now, true
	return hub.Change{
		Tenant: st.Tenant, Stream: hub.StreamOrders, Type: t, Time: now,
		OrderID: st.ID, Revision: st.Revision, Doc: st.Doc,
	}
}
