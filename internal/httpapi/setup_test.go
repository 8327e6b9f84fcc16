package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/internal/erp"
	"hub/internal/intake"
	"hub/internal/tenancy"
)

var testTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func testClock() time.Time { return testTime }

// testIDs counts, so that ids grow and repeat in every run.
func testIDs() hub.IDSource {
	var n atomic.Uint64
	return func() (id [16]byte) {
		binary.BigEndian.PutUint64(id[8:], n.Add(1))
		return id
	}
}

// controlRepo is a control database in memory.
type controlRepo struct {
	mu  sync.Mutex
	all tenancy.Everything
	err error // of every change, when set
}

func (r *controlRepo) change(taken hub.Code, f func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.err != nil:
		return r.err
	case taken != "":
		return &hub.Error{Kind: hub.KindConflict, Code: taken, Op: "adding"}
	}
	r.all.Version++
	f()
	return nil
}

func codeIf(code hub.Code, taken bool) hub.Code {
	if taken {
		return code
	}
	return ""
}

func (r *controlRepo) AddTenant(_ context.Context, t tenancy.Tenant) error {
	taken := codeIf("name_taken", slices.ContainsFunc(r.all.Tenants, func(o tenancy.Tenant) bool { return o.Name == t.Name }))
	return r.change(taken, func() { r.all.Tenants = append(r.all.Tenants, t) })
}

func (r *controlRepo) AddKey(_ context.Context, k tenancy.Key) error {
	return r.change("", func() { r.all.Keys = append(r.all.Keys, k) })
}

func (r *controlRepo) AddConnection(_ context.Context, c tenancy.Connection, app *tenancy.App) error {
	taken := codeIf("shop_taken", slices.ContainsFunc(r.all.Connections, func(o tenancy.Connection) bool { return o.Account == c.Account }))
	return r.change(taken, func() {
		r.all.Connections = append(r.all.Connections, c)
		if app != nil {
			r.all.Apps = append(r.all.Apps, *app)
		}
	})
}

func (r *controlRepo) AddApp(_ context.Context, a tenancy.App) error {
	return r.change("", func() { r.all.Apps = append(r.all.Apps, a) })
}

func (r *controlRepo) RevokeKey(_ context.Context, id hub.KeyID, at time.Time) error {
	for i, k := range r.all.Keys {
		if k.ID == id {
			return r.change("", func() {
				r.all.Keys = slices.Clone(r.all.Keys)
				r.all.Keys[i].RevokedAt = at
			})
		}
	}
	return &hub.Error{Kind: hub.KindNotFound, Op: "revoking key", Subject: string(id)}
}

func (r *controlRepo) Version(context.Context) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all.Version, nil
}

func (r *controlRepo) Load(context.Context) (tenancy.Everything, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all, nil
}

// plainCredentials seals nothing: sealing has its own tests.
type plainCredentials struct{}

func (plainCredentials) SealCredential(_ context.Context, _ gdpr.CredentialOwner, _ gdpr.Place, plain []byte) ([]byte, error) {
	return plain, nil
}

func (plainCredentials) OpenCredentials(_ context.Context, list []gdpr.Sealed) ([]gdpr.Opened, error) {
	opened := make([]gdpr.Opened, len(list))
	for i, s := range list {
		opened[i].Plaintext = s.Envelope
	}
	return opened, nil
}

type noCopy struct{}

func (noCopy) Save([]byte) error     { return nil }
func (noCopy) Load() ([]byte, error) { return nil, &hub.Error{Kind: hub.KindNotFound} }

// shardRows is a shard in memory, with its own rules of what belongs to whom.
type shardRows struct {
	mu      sync.Mutex
	orders  map[hub.TenantID][]erp.Row // by id
	changes map[hub.TenantID][]hub.Change
	acks    map[string]erp.Ack
	err     error
	filter  erp.Filter // the last that was asked for
}

func (s *shardRows) Changes(_ context.Context, t hub.TenantID, _ hub.Stream, after int64, limit int) ([]hub.Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if after > int64(len(s.changes[t])) {
		return nil, &hub.Error{Kind: hub.KindConflict, Code: "after_beyond_head", Op: "reading the feed"}
	}
	list := s.changes[t][after:]
	return list[:min(limit, len(list))], s.err
}

func (s *shardRows) Orders(_ context.Context, t hub.TenantID, f erp.Filter, after hub.OrderID, limit int) (rows []erp.Row, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filter = f
	for _, row := range s.orders[t] {
		if row.ID > after && len(rows) < limit {
			rows = append(rows, row)
		}
	}
	return rows, s.err
}

func (s *shardRows) Order(_ context.Context, t hub.TenantID, id hub.OrderID) (erp.Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.orders[t] {
		if row.ID == id {
			return row, s.err
		}
	}
	return erp.Row{}, &hub.Error{Kind: hub.KindNotFound, Op: "reading order", Subject: string(id)}
}

func (s *shardRows) Lineage(ctx context.Context, t hub.TenantID, id hub.OrderID, limit int) (erp.Lineage, error) {
	_, err := s.Order(ctx, t, id)
	return erp.Lineage{
		Order: id, Connection: "con_1", Platform: hub.Shopify, External: "1", Revision: 2, Cut: limit != erp.MaxLineage,
		Received:  []erp.Receipt{{Delivery: [32]byte{1, 2, 3, 255}, ClaimedAt: testTime}},
		Parked:    []erp.Parking{{ID: "prk_1", Code: hub.CodeMissing, State: "closed", ClosedBy: 2, ReceivedAt: testTime, ParkedAt: testTime}},
		Revisions: []erp.Revision{{Sequence: 3, Revision: 1, Type: hub.OrderCreated, Time: testTime}, {Sequence: 9, Revision: 2, Type: hub.OrderUpdated, Time: testTime}},
		Served:    []erp.Served{{Client: "c", At: testTime, Fields: 3}}, Acks: []erp.Ack{{Order: id, Client: "c", Reference: "r", At: testTime}},
	}, err
}

// Told is a line that was told in part.
func (s *shardRows) Told(context.Context, hub.TenantID, hub.Stream) (int64, error) { return 5, nil }

func (s *shardRows) Acknowledge(ctx context.Context, a erp.Ack) (erp.Ack, error) {
	if _, err := s.Order(ctx, a.Tenant, a.Order); err != nil {
		return erp.Ack{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := a.Client + "/" + string(a.Order)
	if _, ok := s.acks[name]; !ok {
		s.acks[name] = a
	}
	return s.acks[name], nil
}

// parkedRows is the parked deliveries in memory.
type parkedRows struct {
	rows   map[hub.TenantID][]intake.Parked
	filter intake.ParkedFilter // of the last replay of many
	err    error               // of every replay and drop
}

func (p *parkedRows) find(t hub.TenantID, id hub.ParkedID) (*intake.Parked, error) {
	if p.err != nil {
		return nil, p.err
	}
	for i, row := range p.rows[t] {
		if row.ID == id {
			if row.State != intake.ParkedOpen {
				return nil, &hub.Error{Kind: hub.KindConflict, Code: "parked_settled", Op: "replaying", Subject: string(id)}
			}
			return &p.rows[t][i], nil
		}
	}
	return nil, &hub.Error{Kind: hub.KindNotFound, Op: "reading parked", Subject: string(id)}
}

func (p *parkedRows) List(_ context.Context, t hub.TenantID, f intake.ParkedFilter, after hub.ParkedID, limit int) (rows []intake.Parked, err error) {
	for _, row := range p.rows[t] {
		if row.ID > after && (f.State == "" || f.State == row.State) && (f.Code == "" || f.Code == row.Code) && len(rows) < limit {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func (p *parkedRows) Replay(_ context.Context, t hub.TenantID, id hub.ParkedID, dry bool) (intake.ReplayResult, error) {
	row, err := p.find(t, id)
	if err != nil {
		return intake.ReplayResult{}, err
	}
	if !dry {
		row.Attempts++
	}
	return intake.ReplayResult{ID: id, State: intake.ParkedOpen, Outcome: intake.ReplayStays, Code: row.Code, Path: row.Path}, nil
}

func (p *parkedRows) ReplayMany(ctx context.Context, t hub.TenantID, f intake.ParkedFilter, after hub.ParkedID, limit int, dry bool) (done intake.Replays, err error) {
	f.State = intake.ParkedOpen
	rows, _ := p.List(ctx, t, f, after, limit+1)
	done.More, p.filter = len(rows) > limit, f
	for _, row := range rows[:min(limit, len(rows))] {
		result, err := p.Replay(ctx, t, row.ID, dry)
		if err != nil {
			return done, err
		}
		done.Results, done.Next = append(done.Results, result), row.ID
	}
	return done, nil
}

func (p *parkedRows) Causes(_ context.Context, t hub.TenantID) (intake.Causes, error) {
	list := intake.Causes{Complete: true}
	for _, row := range p.rows[t] {
		list.List = append(list.List, intake.Cause{Code: row.Code, Path: row.Path, Platform: row.Platform, Topic: row.Topic, Deliveries: 1, UnknownOrders: 1, Oldest: testTime, Newest: testTime})
	}
	return list, nil
}

func (p *parkedRows) Drop(_ context.Context, t hub.TenantID, id hub.ParkedID) error {
	row, err := p.find(t, id)
	if err == nil {
		row.State = intake.ParkedDropped
	}
	return err
}

// renewals has one order to renew for every tenant, and remembers what it was asked.
type renewals struct {
	tenant hub.TenantID
	filter intake.AppliedFilter
	after  hub.OrderID
	dry    bool
}

func (r *renewals) Page(_ context.Context, t hub.TenantID, f intake.AppliedFilter, after hub.OrderID, limit int, dry bool) (intake.Renewals, error) {
	*r = renewals{t, f, after, dry}
	one := intake.Renewal{Order: "ord_1", Revision: 3, Outcome: intake.RenewDiffers, From: "shopify/1"}
	one.Personal.Add("buyer.note")
	one.Business = []intake.Difference{{Path: "channel", After: []byte(`"web"`)}, {Path: "totals.tax.amount", Before: []byte(`"1.00"`), After: []byte(`"2.00"`)}}
	return intake.Renewals{List: []intake.Renewal{one}, Counts: map[intake.RenewOutcome]int{"differs": 1, "same": limit}, Next: "ord_1", More: after == ""}, nil
}

// doorFunc is a door that only this function decides.
type doorFunc func(context.Context, intake.Request) error

func (f doorFunc) Accept(ctx context.Context, r intake.Request) error { return f(ctx, r) }

// lab is an API over memory, with two tenants that have the same things each, and a key for every role.
type lab struct {
	*testing.T
	api      API
	handler  http.Handler
	repo     *controlRepo
	shard    *shardRows
	parked   *parkedRows
	renewing renewals
	people   *people
	forget   *forgetting
	shops    *shopkeeping
	days     *dayKeeping
	bell     *erp.Bell
	logs     *syncBuffer
	contract *contract
	a, b     party
	operator string // key
}

// party is one tenant and what it owns.
type party struct {
	id         hub.TenantID
	keys       map[tenancy.Role]string
	connection tenancy.Connection
	order      hub.OrderID
	parked     hub.ParkedID
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newLab(t *testing.T) *lab {
	t.Helper()
	ids := testIDs()
	l := &lab{
		T: t, repo: &controlRepo{}, bell: erp.NewBell(), logs: &syncBuffer{},
		shard:  &shardRows{orders: map[hub.TenantID][]erp.Row{}, changes: map[hub.TenantID][]hub.Change{}, acks: map[string]erp.Ack{}},
		parked: &parkedRows{rows: map[hub.TenantID][]intake.Parked{}},
		people: &people{sealed: map[hub.OrderID]erp.Sealed{}}, forget: newForgetting(), shops: &shopkeeping{}, days: newDayKeeping(t),
	}
	l.people.shelf = l.shard
	directory := tenancy.NewDirectory(l.repo, plainCredentials{}, noCopy{})
	l.api = API{
		Door:    doorFunc(func(context.Context, intake.Request) error { return nil }),
		Parking: l.parked, Renewing: &l.renewing, Lineage: &erp.Tracer{Reader: l.shard, Told: l.shard}, Feed: erp.NewFeed(l.shard, l.bell), Orders: erp.NewOrders(l.shard, l.shard, testClock),
		Forget: l.forget, Cycles: l.forget, Journey: l.shops, Shops: l.shops, Reconciliations: l.days,
		Tenancy: &tenancy.Service{
			Repo: l.repo, Credentials: plainCredentials{}, Directory: directory, Clock: testClock, IDs: ids,
			Random: rand.NewChaCha8([32]byte{7}), Platforms: []hub.Platform{hub.Shopify},
			Shop: shopName, PublicURL: func() string { return "https://hub.example" },
		},
		Directory: directory, Ready: func(context.Context) []Problem { return nil }, MaxBody: 1 << 20,
		PublicURL: func() string { return "https://hub.example" }, Logger: slog.New(slog.NewJSONHandler(l.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		RequestID: func() string { return ids.New(hub.RequestPrefix) }, Clock: testClock, Version: "test",
	}
	l.api.Personal = &erp.Personal{
		Reader: l.people, Keys: l.people, Disclosures: l.people, Ready: func(hub.TenantID) error { return l.people.fail["ready"] },
		Clock: testClock, Logger: l.api.Logger,
	}
	l.handler = l.api.Handler()
	l.contract = newContract(t, l.handler)
	l.a, l.b = l.newParty("Loja Azul", ids), l.newParty("Tienda Roja", ids)
	l.operator = l.newKey(tenancy.NewKey{Role: tenancy.RoleOperator})
	return l
}

func (l *lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *lab) newKey(n tenancy.NewKey) string {
	l.Helper()
	_, text, err := l.api.Tenancy.CreateKey(l.Context(), n)
	l.must(err)
	return text
}

func (l *lab) newParty(name string, ids hub.IDSource) party {
	ctx := l.Context()
	t, err := l.api.Tenancy.CreateTenant(ctx, tenancy.NewTenant{Name: name})
	l.must(err)
	p := party{id: t.ID, keys: map[tenancy.Role]string{}}
	for _, role := range []tenancy.Role{tenancy.RoleERP, tenancy.RoleMerchant, tenancy.RoleCompliance, tenancy.RoleAuditor} {
		p.keys[role] = l.newKey(tenancy.NewKey{Tenant: t.ID, Role: role, Client: string(role)})
	}
	p.connection, err = l.api.Tenancy.CreateConnection(ctx, tenancy.NewConnection{
		Tenant: t.ID, Platform: hub.Shopify, Environment: "live", Shop: strings.ReplaceAll(strings.ToLower(name), " ", "-"),
		Secrets: []string{"canary-secret-of-" + name},
	})
	l.must(err)
	for range 3 {
		id := hub.OrderID(ids.New(hub.OrderPrefix))
		l.addOrder(t.ID, id)
		p.order = id
		p.parked = hub.ParkedID(ids.New(hub.ParkedPrefix))
		l.parked.rows[t.ID] = append(l.parked.rows[t.ID], intake.Parked{
			ID: p.parked, Tenant: t.ID, Connection: p.connection.ID, Platform: hub.Shopify, Topic: "orders/create",
			Code: hub.CodeMoneyInvalid, Path: "total_price", ReceivedAt: testTime, ParkedAt: testTime, State: intake.ParkedOpen,
		})
	}
	return p
}

// addOrder stores one order and its change.
func (l *lab) addOrder(t hub.TenantID, id hub.OrderID) {
	amount := hub.Money{Minor: 1999, Currency: "BRL"}
	quantity := int64(2)
	doc, err := json.Marshal(hub.Order{
		ID: id, TenantID: t, Platform: hub.Shopify, ExternalID: "820982911946154508", Number: "#1001", Revision: 1,
		PlacedAt: testTime, Status: hub.StatusOpen, PaymentStatus: hub.PaymentPaid, Fulfillment: hub.Unfulfilled, Currency: "BRL",
		Totals: hub.Totals{GrandTotal: &amount, Basis: hub.BasisPlatform},
		Lines:  []hub.Line{{ExternalID: "1", Quantity: 2, CurrentQuantity: &quantity, Subtotal: &amount, Title: "Chá <verde> & \u2028"}},
		Source: hub.Source{Rules: "shopify/1"},
	})
	l.must(err)
	l.shard.mu.Lock()
	defer l.shard.mu.Unlock()
	n := int64(len(l.shard.changes[t]) + 1)
	l.shard.orders[t] = append(l.shard.orders[t], erp.Row{ID: id, Doc: doc})
	l.shard.changes[t] = append(l.shard.changes[t], hub.Change{
		ID: hub.ChangeID(fmt.Sprintf("evt_%026d", n)), Tenant: t, Stream: hub.StreamOrders, Sequence: n, Type: hub.OrderCreated,
		Time: testTime, OrderID: id, Revision: 1, Doc: doc,
	})
}

// reply is an answer that has been held against the contract.
type reply struct {
	*httptest.ResponseRecorder
	body map[string]any
}

func (r reply) code() string {
	if r.Code < 400 {
		return ""
	}
	return r.body["code"].(string)
}

// do sends a request and holds the answer against the served description.
func (l *lab) do(method, target, key, body string) reply {
	l.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(l.Context(), method, target, content)
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	return l.send(r)
}

func (l *lab) send(r *http.Request) reply {
	l.Helper()
	w := httptest.NewRecorder()
	l.handler.ServeHTTP(w, r)
	return reply{w, l.contract.check(l.T, r, w)}
}

func (l *lab) want(r reply, status int, code string) reply {
	l.Helper()
	if r.Code != status || r.code() != code {
		l.Errorf("status %d code %q, want %d %q: %s", r.Code, r.code(), status, code, r.Body)
	}
	return r
}

// fingerprint is an answer without what differs in every answer.
func fingerprint(r reply) string {
	header := r.Header().Clone()
	id := header.Get("X-Request-Id")
	header.Del("X-Request-Id")
	body := strings.ReplaceAll(r.Body.String(), id, "ID")
	return fmt.Sprintf("%d %v %x", r.Code, header, sha256.Sum256([]byte(body))) + body
}

// shopName is what a driver makes of the name of a shop.
func shopName(_ hub.Platform, name string) (string, error) {
	name = strings.ToLower(strings.TrimSuffix(name, ".myshopify.com"))
	if strings.ContainsAny(name, " ./@") {
		return "", hub.Invalid("shop_invalid", "shop")
	}
	return name + ".myshopify.com", nil
}
