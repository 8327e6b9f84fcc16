package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"hub"
	"hub/internal/orders"
	"hub/internal/store"
)

// Fixture is one fresh installation. Its tests share it and keep to tenants of their own.
type Fixture struct {
	// Config names the databases; they are migrated, and there are two shards.
	Config store.Config
	// Many says that several stores may be open on the databases at once.
	Many bool
	// Raw is a connection to a database beside the store, by the name that Config has for it.
	Raw func(t *testing.T, name string) *sql.DB
}

// IDs returns a source of identifiers that rise with time.
func IDs() hub.IDSource {
	return func() (id [16]byte) {
		binary.BigEndian.PutUint64(id[:8], uint64(time.Now().UnixNano()))
		rand.Read(id[8:])
		return id
	}
}

// Clock returns a clock that is a microsecond later at every call.
func Clock() hub.Clock {
	var calls atomic.Int64
	start := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	return func() time.Time { return start.Add(time.Duration(calls.Add(1)) * time.Microsecond) }
}

// env is what a test gets.
type env struct {
	*testing.T
	Fixture
	s      *store.Store
	ids    hub.IDSource
	beside map[string]*sql.DB // connections beside the store, by database
}

// db is a connection beside the store that the test keeps.
func (e *env) db(name string) *sql.DB {
	e.Helper()
	if e.beside[name] == nil {
		e.beside[name] = e.Raw(e.T, name)
	}
	return e.beside[name]
}

// Run runs the suite.
func Run(t *testing.T, f Fixture) {
	for _, c := range []struct {
		name string
		test func(*env)
	}{
		{"OrdersRoundTrip", testOrdersRoundTrip}, {"OrdersInBulk", testOrdersInBulk}, {"OrdersOfAnotherTenant", testOrdersTenant},
		{"LockSerialises", testLockSerialises}, {"RacingInsert", testRacingInsert},
		{"CommitAndRollback", testCommitAndRollback}, {"Panic", testPanic}, {"Poison", testPoison}, {"TokenAfterEnd", testTokenAfterEnd},
		{"StaleEpoch", testStaleEpoch}, {"WrongShard", testWrongShard}, {"EndedContext", testEndedContext},
		{"FeedDense", testFeedDense}, {"FeedOrder", testFeedOrder}, {"FeedBounds", testFeedBounds}, {"OnFeed", testOnFeed},
		{"Claim", testClaim}, {"ClaimConcurrent", testClaimConcurrent}, {"KeysAreBytes", testKeysAreBytes}, {"LongKeys", testLongKeys},
		{"LargeRows", testLargeRows}, {"Notes", testNotes}, {"Parked", testParked}, {"Settle", testSettle},
		{"Supersede", testSupersede}, {"SupersedeRace", testSupersedeRace}, {"Lineage", testLineage}, {"Applied", testApplied}, {"Erased", testErased},
		{"ListOrders", testListOrders}, {"Acknowledge", testAcknowledge}, {"AcknowledgeConcurrent", testAcknowledgeConcurrent},
		{"Directory", testDirectory}, {"DirectoryConflicts", testDirectoryConflicts}, {"DirectoryConcurrent", testDirectoryConcurrent},
		{"ConnectSteps", testConnectSteps}, {"ConnectGrants", testConnectGrants}, {"ConnectReleased", testConnectReleased}, {"ConnectSeen", testConnectSeen}, {"ConnectLives", testConnectLives}, {"ConnectBare", testConnectBare}, {"ConnectNotes", testConnectNotes},
		{"ConnectLease", testConnectLease}, {"ConnectRace", testConnectRace},
		{"Fetches", testFetches}, {"FetchesPurged", testFetchesPurged}, {"FetchesResumed", testFetchesResumed}, {"Versions", testVersions},
		{"Statements", testStatements}, {"StatementRace", testStatementRace}, {"StatementTasks", testStatementTasks}, {"Reconcilable", testReconcilable}, {"LostOrders", testLostOrders}, {"LostOrderRace", testLostOrderRace},
		{"Hold", testHold}, {"HoldInBulk", testHoldInBulk}, {"HoldConcurrent", testHoldConcurrent}, {"FenceRace", testFenceRace},
		{"FenceWaits", testFenceWaits}, {"FenceAgainstKill", testFenceAgainstKill},
		{"Fence", testFence}, {"Entries", testEntries}, {"ErasureHead", testErasureHead},
		{"Shard", testShard}, {"VisitOrders", testVisitOrders}, {"VisitRaws", testVisitRaws}, {"VisitInSteps", testVisitInSteps}, {"VisitWhileWriting", testVisitWhileWriting},
		{"VisitWaits", testVisitWaits}, {"WrittenAnew", testWrittenAnew},
		{"Expired", testExpired}, {"ExpiredParked", testExpiredParked}, {"Unparsed", testUnparsed}, {"IdleParked", testIdleParked},
		{"Personal", testPersonal}, {"Disclose", testDisclose}, {"DiscloseTogether", testDiscloseTogether}, {"DiscloseRace", testDiscloseRace},
		{"Answers", testAnswers}, {"AnswersDamaged", testAnswersDamaged}, {"Living", testLiving},
		{"Shelves", testShelves}, {"ShelvesDamaged", testShelvesDamaged}, {"ShelvesApart", testShelvesApart}, {"ShelvesAtOnce", testShelvesAtOnce},
		{"AuditDirectory", testAuditDirectory}, {"AuditShards", testAuditShards}, {"AuditOfEachHub", testAuditOfEachHub},
		{"ErrorsHoldNoValues", testErrorsHoldNoValues}, {"Vault", testVault}, {"Health", testHealth},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &env{T: t, Fixture: f, ids: IDs(), beside: map[string]*sql.DB{}}
			e.s = e.open()
			c.test(e)
		})
	}
}

// open returns a store that is closed at the end of the test.
func (e *env) open() *store.Store {
	e.Helper()
	s, err := store.Open(e.Context(), e.Config)
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			e.Errorf("closing: %v", err)
		}
	})
	return s
}

// second returns another store on the same databases where that is allowed, else the same.
func (e *env) second() *store.Store {
	if !e.Many {
		return e.s
	}
	return e.open()
}

// tenant returns a tenant that nobody else has.
func (e *env) tenant() hub.TenantID { return hub.TenantID(e.ids.New(hub.TenantPrefix)) }

// tenants returns n tenants that live on the shard of the first.
func (e *env) tenants(n int) []hub.TenantID {
	list := []hub.TenantID{e.tenant()}
	for len(list) < n {
		if t := e.tenant(); e.s.Of(t) == e.s.Of(list[0]) {
			list = append(list, t)
		}
	}
	return list
}

// do runs a transaction on the shard of a tenant and requires success.
func (e *env) do(tenant hub.TenantID, f func(context.Context, hub.Tx) error) {
	e.Helper()
	if err := e.s.Do(e.Context(), e.s.Of(tenant), f); err != nil {
		e.Fatal(err)
	}
}

// order makes the row of a new order.
func (e *env) order(tenant hub.TenantID, external string) orders.Stored {
	now := time.Date(2026, 11, 20, 9, 8, 7, 654321000, time.UTC)
	connection := "con_" + string(tenant[len(hub.TenantPrefix):])
	return orders.Stored{
		Key: orders.Key{Tenant: tenant, Connection: hub.ConnectionID(connection), External: hub.ExternalID(external)},
		ID:  hub.OrderID(e.ids.New(hub.OrderPrefix)), Revision: 1,
		Version: orders.Version{SourceUpdatedAt: now, EnrichedAt: now.Add(time.Hour), Rules: 7, Cancelled: true, Refunded: -5, PaymentRank: 3, FulfillmentRank: 2, Digest: [32]byte{0, 1, 255, ' '}},
		Status:  "open", Platform: hub.Shopify, PlacedAt: now.Add(-time.Hour), CreatedAt: now, UpdatedAt: now,
		Doc: []byte(`{"number":"#1"}`), Personal: []byte{0, 255, '\'', '\\', 0xc3, 0x28}, SealedAt: 3, New: true,
		Recipient: []byte{1}, Payer: []byte{2}, Shared: []byte{3, 0}, Expires: "2028-W47", Number: "#1",
	}
}

// change makes the change that belongs to a row.
func (e *env) change(o orders.Stored) hub.Change {
	return hub.Change{ID: hub.ChangeID(e.ids.New(hub.ChangePrefix)), Tenant: o.Tenant, Stream: hub.StreamOrders, Type: hub.OrderCreated,
		Time: o.UpdatedAt, OrderID: o.ID, Revision: o.Revision, Doc: o.Doc}
}

// save stores rows and their changes in one transaction.
func (e *env) save(rows ...orders.Stored) {
	e.Helper()
	e.do(rows[0].Tenant, func(ctx context.Context, tx hub.Tx) error { return e.put(ctx, tx, rows...) })
}

func (e *env) put(ctx context.Context, tx hub.Tx, rows ...orders.Stored) error {
	if err := e.s.Orders().Save(ctx, tx, rows); err != nil {
		return err
	}
	changes := make([]hub.Change, len(rows))
	for i, o := range rows {
		changes[i] = e.change(o)
	}
	return e.s.Feed().Append(ctx, tx, changes)
}

// lock reads rows as they are stored.
func (e *env) lock(keys ...orders.Key) (found map[orders.Key]orders.Stored) {
	e.Helper()
	e.do(keys[0].Tenant, func(ctx context.Context, tx hub.Tx) (err error) {
		found, err = e.s.Orders().Lock(ctx, tx, keys)
		return err
	})
	return found
}

// feed reads the whole feed of a tenant in pages and requires it to be dense.
func (e *env) feed(s *store.Store, tenant hub.TenantID) (all []hub.Change) {
	e.Helper()
	for {
		page, err := s.ERP().Changes(e.Context(), tenant, hub.StreamOrders, int64(len(all)), 37)
		if err != nil {
			e.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		for _, c := range page {
			all = append(all, c)
			if c.Sequence != int64(len(all)) {
				e.Fatalf("tenant %s: number %d where %d is due", tenant, c.Sequence, len(all))
			}
		}
	}
}

// rounds is how often a race is run: often, or very often with HUB_DRILL=1.
func (e *env) rounds(often, drill int) int {
	switch {
	case os.Getenv("HUB_DRILL") != "":
		return drill
	case testing.Short():
		return often / 5
	}
	return often
}

// wantKind requires an error of a kind.
func (e *env) wantKind(err error, kind hub.Kind, what string) {
	e.Helper()
	if err == nil || hub.KindOf(err) != kind {
		e.Errorf("%s: %v (%v), want %v", what, err, hub.KindOf(err), kind)
	}
}

// name returns a text that no other test has.
func (e *env) name() string { return fmt.Sprintf("n-%x", e.ids()) }
