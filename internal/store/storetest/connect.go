package storetest

import (
	"bytes"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"hub"
	"hub/internal/connect"
	"hub/internal/store"
	"hub/internal/tenancy"
)

// grant is a pair that is due at some time.
func grant(text string, due time.Time) connect.Grant {
	return connect.Grant{Sealed: []byte(text), AccessUntil: created().Add(4 * time.Hour), RefreshUntil: created().Add(720 * time.Hour),
		GrantUntil: created().Add(8760 * time.Hour), DueAt: due, At: created()}
}

// lived is a pair of a life that is not the first, never due.
func lived(life int64, text string) connect.Grant {
	g := grant(text, time.Time{})
	g.Life = life
	return g
}

// authorised is a connection with tokens.
func (e *env) authorised(due time.Time) (tenancy.Tenant, connect.NewShop) {
	e.Helper()
	n, a, c := e.company()
	must(e, e.s.Tenancy().AddTenant(e.Context(), n), e.s.Tenancy().AddApp(e.Context(), a))
	shop := connect.NewShop{Shop: connect.Shop{ID: c.ID, Tenant: n.ID, App: a.ID, Platform: c.Platform, Environment: c.Environment, Account: c.Account}, Endpoint: c.Endpoint}
	must(e, e.s.Connect().Connect(e.Context(), shop, grant("first", due)))
	return n, shop
}

// testConnectSteps: a step is taken once, whoever asks and however many at once, and a tenant begins a bounded number.
func testConnectSteps(e *env) {
	ctx, hash := e.Context(), func() (h [32]byte) { id := e.ids(); copy(h[:], id[:]); return h }
	one := connect.Step{Kind: connect.State, Hash: hash(), Tenant: e.tenant(), Platform: hub.Shopee, App: "app_1", Account: "42", Site: "MLB", Browser: hash(),
		Verifier: []byte{0, 255}, Actor: hub.Actor{Key: "key_1", Role: "merchant", Request: "req_1"}, ExpiresAt: created().Add(8760 * time.Hour)}
	must(e, e.s.Connect().Put(ctx, one))
	_, err := e.s.Connect().Take(ctx, connect.Ticket, one.Hash)
	e.wantKind(err, hub.KindNotFound, "a state as a ticket")
	_, err = e.s.Connect().Look(ctx, connect.Ticket, one.Hash)
	e.wantKind(err, hub.KindNotFound, "a state looked at as a ticket")
	if got, err := e.second().Connect().Look(ctx, connect.State, one.Hash); err != nil || !reflect.DeepEqual(got, one) {
		e.Errorf("looked at: %+v, %v", got, err)
	}
	stores := []*store.Store{e.s, e.second()}
	won := atomic.Int64{}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			got, err := stores[i%2].Connect().Take(ctx, connect.State, one.Hash)
			switch {
			case err == nil && reflect.DeepEqual(got, one):
				won.Add(1)
			case err == nil || hub.KindOf(err) != hub.KindNotFound:
				e.Errorf("%+v, %v", got, err)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		e.Errorf("%d took the step", won.Load())
	}
	_, err = e.s.Connect().Take(ctx, connect.State, one.Hash)
	e.wantKind(err, hub.KindNotFound, "a step that was taken")

	over := one
	over.Hash, over.ExpiresAt = hash(), created().Add(-time.Hour)
	must(e, e.s.Connect().Put(ctx, over))
	more := one
	var last error
	n := 0
	for ; n < 1000 && last == nil; n++ {
		more.Hash = hash()
		last = e.s.Connect().Put(ctx, more)
	}
	e.wantKind(last, hub.KindThrottled, "many steps")
	_, err = e.s.Connect().Take(ctx, connect.State, over.Hash)
	e.wantKind(err, hub.KindNotFound, "a step that is over, after others were begun")
	e.Logf("%d steps before it is enough", n-1)
}

// testConnectGrants: connection, tokens and record are one; the generation and the epoch only grow.
func testConnectGrants(e *env) {
	ctx, c := e.Context(), e.s.Connect()
	n, shop := e.authorised(created().Add(3 * time.Hour))
	got, err := c.Get(ctx, shop.ID)
	must(e, err)
	want := connect.Stored{Connection: shop.ID, Tenant: n.ID, Generation: 1, Sealed: []byte("first"), AccessUntil: created().Add(4 * time.Hour),
		RefreshUntil: created().Add(720 * time.Hour), GrantUntil: created().Add(8760 * time.Hour), Standing: connect.OK,
		DueAt: created().Add(3 * time.Hour), ConnectedAt: created(), RefreshedAt: created()}
	if !reflect.DeepEqual(got, want) {
		e.Errorf("%+v, want %+v", got, want)
	}
	has(e, e.directory().Connections, tenancy.Connection{ID: shop.ID, Tenant: n.ID, App: shop.App, Platform: shop.Platform,
		Environment: shop.Environment, Account: shop.Account, Endpoint: shop.Endpoint, CreatedAt: created()})
	again := shop
	again.ID, again.Endpoint = hub.ConnectionID(e.ids.New(hub.ConnectionPrefix)), e.name()
	if err := c.Connect(ctx, again, grant("x", time.Time{})); hub.CodeOf(err) != store.CodeShopTaken {
		e.Errorf("the account twice: %v", err)
	}
	_, err = c.Get(ctx, again.ID)
	e.wantKind(err, hub.KindNotFound, "tokens of a refused connection")
	foreign := shop.Shop
	foreign.Tenant = "ten_other"
	e.wantKind(c.Reconnect(ctx, foreign, grant("x", time.Time{}), 0), hub.KindNotFound, "another tenant's connection")
	foreign = shop.Shop
	foreign.App = "app_other"
	e.wantKind(c.Reconnect(ctx, foreign, grant("x", time.Time{}), 0), hub.KindNotFound, "by an app that there is not")

	before, err := c.Lease(ctx, shop.ID, "hub-1", time.Minute)
	must(e, err, c.Intend(ctx, connect.Intent{Connection: shop.ID, Epoch: before.Epoch, Generation: 1, Key: []byte{1}}), c.Begin(ctx, shop.ID, before.Epoch))
	must(e, c.Reconnect(ctx, shop.Shop, grant("second", time.Time{}), 0))
	e.wantKind(c.Save(ctx, shop.ID, before.Epoch, connect.Outcome{Standing: connect.ReconnectNeeded}), hub.KindConflict, "a lease from before the owner came back")
	e.wantKind(c.Answer(ctx, shop.ID, before.Epoch, []byte{1}), hub.KindNotFound, "an answer from before the owner came back")
	must(e, c.Note(ctx, shop.ID, 1, connect.Note{Started: true, Report: []byte("{}")}))
	if got, err = c.Get(ctx, shop.ID); err != nil || got.Generation != 2 || string(got.Sealed) != "second" || got.Started || got.Report != nil || !got.DueAt.IsZero() {
		e.Errorf("after the owner came back: %+v, %v", got, err)
	}
	must(e, c.Note(ctx, shop.ID, 2, connect.Note{Started: true, Report: []byte("{}"), CheckedAt: created(), GrantUntil: created().Add(time.Hour), Mended: 2}))
	if got, err = c.Get(ctx, shop.ID); err != nil || !got.Started || string(got.Report) != "{}" || !got.GrantUntil.Equal(created().Add(time.Hour)) {
		e.Errorf("noted: %+v, %v", got, err)
	}
	version := e.directory().Version
	if changed, err := c.End(ctx, shop.ID, n.ID, "app_uninstalled", 1); err != nil || changed {
		e.Errorf("late news of its end: %v, %v", changed, err)
	}
	if changed, err := c.End(ctx, again.ID, n.ID, "app_uninstalled", 0); err != nil || changed {
		e.Errorf("the end of one without tokens: %v, %v", changed, err)
	}
	if changed, err := c.End(ctx, shop.ID, "ten_other", "app_uninstalled", 0); err != nil || changed {
		e.Errorf("its end by another tenant: %v, %v", changed, err)
	}
	if now := e.directory().Version; now != version {
		e.Errorf("nothing has changed, and the directory went from version %d to %d", version, now)
	}
	if changed, err := c.End(ctx, shop.ID, n.ID, "app_uninstalled", 2); err != nil || !changed {
		e.Errorf("its end: %v, %v", changed, err)
	}
	if got, err = c.Get(ctx, shop.ID); err != nil || got.Standing != connect.Disconnected || got.Sealed != nil || got.Code != "app_uninstalled" {
		e.Errorf("ended: %+v, %v", got, err)
	}
	if err := c.Reconnect(ctx, shop.Shop, grant("x", time.Time{}), 2); hub.CodeOf(err) != store.CodeShopTaken {
		e.Errorf("brought back by somebody else's permission: %v", err)
	}
	must(e, c.Reconnect(ctx, shop.Shop, lived(1, "third"), 0))
	if got, err = c.Get(ctx, shop.ID); err != nil || got.Standing != connect.OK || got.Generation != 3 || got.Life != 1 {
		e.Errorf("back: %+v, %v", got, err)
	}
}

// testConnectSeen: tokens that somebody else's permission brought replace those that were seen, by the same app, and no others.
func testConnectSeen(e *env) {
	ctx, c := e.Context(), e.s.Connect()
	n, shop := e.authorised(time.Time{})
	_, more, _ := e.company()
	more.Tenant = n.ID
	must(e, e.s.Tenancy().AddApp(ctx, more))
	refused := func(s connect.Shop, seen int64, what string) {
		e.Helper()
		if err := c.Reconnect(ctx, s, grant("x", time.Time{}), seen); hub.CodeOf(err) != store.CodeShopTaken {
			e.Errorf("%s: %v", what, err)
		}
	}
	other := shop.Shop
	other.App = more.ID
	refused(other, 1, "by another app than it goes by now")
	refused(shop.Shop, 2, "of another generation")
	refused(shop.Shop, -1, "of a generation that there is not")
	must(e, c.Reconnect(ctx, shop.Shop, grant("second", time.Time{}), 1))
	l, err := c.Lease(ctx, shop.ID, "hub-1", time.Minute)
	must(e, err, c.Save(ctx, shop.ID, l.Epoch, connect.Outcome{Standing: connect.ReconnectNeeded}))
	refused(shop.Shop, 2, "while its owner is to authorise again")
	if got, err := c.Get(ctx, shop.ID); err != nil || got.Generation != 2 || string(got.Sealed) != "second" || got.Standing != connect.ReconnectNeeded {
		e.Errorf("%+v, %v", got, err)
	}
	none := shop.Shop
	none.ID = hub.ConnectionID(e.ids.New(hub.ConnectionPrefix))
	refused(none, 1, "one without tokens")
}

// testConnectReleased: the shop of a connection that is over is free for others, and its own again when they let it go; a
// connection goes on by another app of its tenant and environment.
func testConnectReleased(e *env) {
	ctx, c, y := e.Context(), e.s.Connect(), e.s.Tenancy()
	n, first := e.authorised(time.Time{})
	version := e.directory().Version
	if changed, err := c.End(ctx, first.ID, n.ID, "disconnected", 0); err != nil || !changed {
		e.Fatalf("its end: %v, %v", changed, err)
	}
	released := tenancy.Connection{ID: first.ID, Tenant: n.ID, App: first.App, Platform: first.Platform, Environment: first.Environment,
		Account: first.Account, Endpoint: first.Endpoint, CreatedAt: created(), Released: true}
	has(e, e.directory().Connections, released)
	if got := e.directory().Version; got <= version {
		e.Errorf("the directory is at version %d, as before", got)
	}
	n2, a2, c2 := e.company()
	must(e, y.AddTenant(ctx, n2), y.AddApp(ctx, a2))
	second := connect.NewShop{Shop: connect.Shop{ID: c2.ID, Tenant: n2.ID, App: a2.ID, Platform: first.Platform, Environment: first.Environment,
		Account: first.Account}, Endpoint: c2.Endpoint}
	must(e, c.Connect(ctx, second, grant("theirs", time.Time{})))
	if err := c.Reconnect(ctx, first.Shop, grant("x", time.Time{}), 0); hub.CodeOf(err) != store.CodeShopTaken {
		e.Errorf("back, while another has the shop: %v", err)
	}
	if got, err := c.Get(ctx, first.ID); err != nil || got.Sealed != nil || got.Standing != connect.Disconnected {
		e.Errorf("refused, and yet: %+v, %v", got, err)
	}
	if _, err := c.End(ctx, second.ID, n2.ID, "app_uninstalled", 0); err != nil {
		e.Fatal(err)
	}
	_, own, _ := e.company()
	own.Tenant = n.ID
	theirs := first.Shop
	theirs.App = a2.ID
	must(e, y.AddApp(ctx, own))
	e.wantKind(c.Reconnect(ctx, theirs, grant("x", time.Time{}), 0), hub.KindNotFound, "by another tenant's app")
	theirs.App = own.ID
	must(e, c.Reconnect(ctx, theirs, lived(1, "again"), 0))
	released.Released, released.App = false, own.ID
	has(e, e.directory().Connections, released)
	_, _, c3 := e.company()
	c3.Account, c3.Tenant, c3.App = first.Account, n2.ID, a2.ID
	if err := y.AddConnection(ctx, c3, nil); hub.CodeOf(err) != store.CodeShopTaken {
		e.Errorf("by a secret, while another has the shop: %v", err)
	}
}

// graves lists what is to be killed of a connection.
func (e *env) graves(id hub.ConnectionID) (list []connect.Ended) {
	e.Helper()
	all, err := e.s.Connect().Ended(e.Context(), 1000)
	must(e, err)
	for _, one := range all {
		if one.Connection == id {
			list = append(list, one)
		}
	}
	return list
}

// testConnectLives: each end leaves a note of the life whose key is to be killed, until that is done, and tokens that were
// sealed in a life that is over come too late.
func testConnectLives(e *env) {
	ctx, c := e.Context(), e.s.Connect()
	n, shop := e.authorised(time.Time{})
	if list := e.graves(shop.ID); len(list) != 0 {
		e.Errorf("a connection that lives: %+v", list)
	}
	end := func() {
		e.Helper()
		for i := range 2 {
			if changed, err := c.End(ctx, shop.ID, n.ID, "disconnected", 0); err != nil || changed != (i == 0) {
				e.Fatalf("its end: %v, %v", changed, err)
			}
		}
	}
	want := func(when string, want ...connect.Ended) {
		e.Helper()
		if got := e.graves(shop.ID); !reflect.DeepEqual(got, want) {
			e.Errorf("%s: %+v, want %+v", when, got, want)
		}
	}
	first, second := connect.Ended{Connection: shop.ID, Tenant: n.ID}, connect.Ended{Connection: shop.ID, Tenant: n.ID, Life: 1}
	end()
	want("ended", first)
	if err := c.Reconnect(ctx, shop.Shop, grant("late", time.Time{}), 0); hub.CodeOf(err) != store.CodeShopTaken {
		e.Errorf("tokens of the first life: %v", err)
	}
	must(e, c.Reconnect(ctx, shop.Shop, lived(1, "second"), 0))
	want("back", first)
	l, err := c.Lease(ctx, shop.ID, "hub-1", time.Minute)
	g := lived(1, "third")
	must(e, err, c.Save(ctx, shop.ID, l.Epoch, connect.Outcome{Next: &g, Standing: connect.OK}))
	want("refreshed", first)
	if l.Life != 1 {
		e.Errorf("leased %+v", l)
	}
	end()
	want("ended again", first, second)
	must(e, c.Killed(ctx, second), c.Killed(ctx, second))
	want("the second is dead", first)
	must(e, c.Killed(ctx, first))
	want("both are dead")
}

// testConnectBare: a connection that only receives webhooks ends by releasing its shop, once, and comes back with its first
// tokens.
func testConnectBare(e *env) {
	ctx, c := e.Context(), e.s.Connect()
	n, a, bare := e.company()
	must(e, e.s.Tenancy().AddTenant(ctx, n), e.s.Tenancy().AddApp(ctx, a), e.s.Tenancy().AddConnection(ctx, bare, nil))
	version := e.directory().Version
	for what, end := range map[string]func() (bool, error){
		"by another tenant":        func() (bool, error) { return c.End(ctx, bare.ID, "ten_other", "disconnected", 0) },
		"of tokens it never had":   func() (bool, error) { return c.End(ctx, bare.ID, n.ID, "disconnected", 1) },
		"of one that there is not": func() (bool, error) { return c.End(ctx, "con_none", n.ID, "disconnected", 0) },
	} {
		if changed, err := end(); err != nil || changed {
			e.Errorf("its end %s: %v, %v", what, changed, err)
		}
	}
	if now := e.directory().Version; now != version {
		e.Errorf("nothing has changed, and the directory went from version %d to %d", version, now)
	}
	if changed, err := c.End(ctx, bare.ID, n.ID, "disconnected", 0); err != nil || !changed {
		e.Errorf("its end: %v, %v", changed, err)
	}
	bare.Released = true
	has(e, e.directory().Connections, bare)
	version = e.directory().Version
	if changed, err := c.End(ctx, bare.ID, n.ID, "disconnected", 0); err != nil || changed || e.directory().Version != version {
		e.Errorf("its end once more: %v, %v", changed, err)
	}
	if list := e.graves(bare.ID); len(list) != 0 {
		e.Errorf("it had no key: %+v", list)
	}
	_, err := c.Get(ctx, bare.ID)
	e.wantKind(err, hub.KindNotFound, "its tokens")
	again := connect.Shop{ID: bare.ID, Tenant: n.ID, App: a.ID, Platform: bare.Platform, Environment: bare.Environment, Account: bare.Account}
	must(e, c.Reconnect(ctx, again, grant("first", time.Time{}), 0))
	bare.Released = false
	has(e, e.directory().Connections, bare)
	if changed, err := c.End(ctx, bare.ID, n.ID, "disconnected", 0); err != nil || !changed || len(e.graves(bare.ID)) != 1 {
		e.Errorf("its end with tokens: %v, %v, %+v", changed, err, e.graves(bare.ID))
	}
}

// testConnectNotes: a report outlives a refresh that falls in between, and no new permission; a refresh that is told no end of
// the permission leaves the one that is known.
func testConnectNotes(e *env) {
	ctx, c := e.Context(), e.s.Connect()
	_, shop := e.authorised(created())
	end := created().Add(48 * time.Hour)
	must(e, c.Note(ctx, shop.ID, 1, connect.Note{ConnectedAt: created(), GrantUntil: end}))
	l, err := c.Lease(ctx, shop.ID, "hub-1", time.Minute)
	g := grant("second", time.Time{})
	g.GrantUntil = time.Time{}
	must(e, err, c.Save(ctx, shop.ID, l.Epoch, connect.Outcome{Next: &g, Standing: connect.OK}))
	must(e, c.Note(ctx, shop.ID, 1, connect.Note{ConnectedAt: created(), Worked: true, Started: true, Report: []byte("{}"), CheckedAt: created()}))
	got, err := c.Get(ctx, shop.ID)
	if err != nil || string(got.Report) != "{}" || got.Started || string(got.Previous) != "first" || !got.GrantUntil.Equal(end) {
		e.Errorf("noted over a refresh: %+v, %v", got, err)
	}
	must(e, c.Note(ctx, shop.ID, 1, connect.Note{ConnectedAt: created().Add(-time.Hour), Report: []byte("[]"), CheckedAt: created()}))
	if got, err = c.Get(ctx, shop.ID); err != nil || string(got.Report) != "{}" {
		e.Errorf("noted about a former permission: %s, %v", got.Report, err)
	}
}

// testConnectLease: one holder at a time by the database's clock, everything fenced by the epoch, answers by nothing.
func testConnectLease(e *env) {
	ctx, c, other := e.Context(), e.s.Connect(), e.second().Connect()
	_, shop := e.authorised(created())
	due, err := c.Due(ctx, created(), 1000)
	must(e, err)
	has(e, due, connect.Due{Connection: shop.ID, Generation: 1})
	if none, err := c.Due(ctx, created().Add(-time.Second), 1000); err != nil || len(none) > 0 {
		for _, d := range none {
			if d.Connection == shop.ID {
				e.Errorf("due early: %v", err)
			}
		}
	}
	first, err := c.Lease(ctx, shop.ID, "hub-1", time.Hour)
	must(e, err)
	if _, err := other.Lease(ctx, shop.ID, "hub-2", time.Hour); hub.CodeOf(err) != connect.CodeBusy {
		e.Errorf("leased twice: %v", err)
	}
	intent := connect.Intent{Connection: shop.ID, Epoch: first.Epoch, Generation: 1, Key: []byte{0, 255}}
	must(e, c.Intend(ctx, intent))
	mine, err := c.Lease(ctx, shop.ID, "hub-1", time.Hour) // a new life of the same hub
	must(e, err)
	if mine.Epoch <= first.Epoch || mine.Standing != connect.Refreshing || len(mine.Errands) != 1 || mine.Errands[0].Begun ||
		!bytes.Equal(mine.Errands[0].Key, intent.Key) || mine.Errands[0].Answer != nil {
		e.Errorf("%+v", mine)
	}
	e.wantKind(other.Begin(ctx, shop.ID, first.Epoch), hub.KindConflict, "beginning under a lost lease")
	e.wantKind(other.Intend(ctx, intent), hub.KindConflict, "intending under a lost lease")
	e.wantKind(other.Save(ctx, shop.ID, first.Epoch, connect.Outcome{Standing: connect.OK}), hub.KindConflict, "storing under a lost lease")
	intent.Epoch = mine.Epoch
	must(e, c.Intend(ctx, intent), c.Begin(ctx, shop.ID, mine.Epoch))
	e.wantKind(c.Begin(ctx, shop.ID, mine.Epoch), hub.KindConflict, "beginning twice")
	must(e, c.Save(ctx, shop.ID, mine.Epoch, connect.Outcome{Standing: connect.ReconnectNeeded, Code: "refresh_lost", Attempts: 2}))

	// The answer comes late, from whoever; the connection is due, and the next lease sees it.
	must(e, other.Answer(ctx, shop.ID, mine.Epoch, []byte("answer")))
	e.wantKind(other.Answer(ctx, shop.ID, first.Epoch, []byte("answer")), hub.KindNotFound, "the answer of what was never begun")
	due, err = c.Due(ctx, created(), 1000)
	must(e, err)
	has(e, due, connect.Due{Connection: shop.ID, Generation: 1})
	next, err := other.Lease(ctx, shop.ID, "hub-2", time.Hour)
	must(e, err)
	if len(next.Errands) != 1 || !next.Errands[0].Begun || next.Errands[0].Since < 0 || next.Errands[0].Since > time.Minute ||
		string(next.Errands[0].Answer) != "answer" || next.Code != "refresh_lost" || next.Attempts != 2 {
		e.Errorf("%+v", next)
	}
	g := grant("second", created().Add(time.Hour))
	must(e, other.Save(ctx, shop.ID, next.Epoch, connect.Outcome{Next: &g, Standing: connect.OK, DueAt: g.DueAt}))
	got, err := c.Get(ctx, shop.ID)
	if err != nil || got.Generation != 2 || string(got.Sealed) != "second" || string(got.Previous) != "first" || got.Code != "" || got.Attempts != 0 {
		e.Errorf("%+v, %v", got, err)
	}
	e.wantKind(c.Answer(ctx, shop.ID, mine.Epoch, []byte("again")), hub.KindNotFound, "an answer that nobody waits for")
	must(e, c.Note(ctx, shop.ID, 2, connect.Note{Worked: true}))
	last, err := c.Lease(ctx, shop.ID, "hub-3", 0) // over at once
	if err != nil || last.Previous != nil || len(last.Errands) != 0 {
		e.Errorf("%+v, %v", last, err)
	}
	_, err = other.Lease(ctx, shop.ID, "hub-4", time.Hour)
	must(e, err)
	e.wantKind(c.Save(ctx, shop.ID, last.Epoch, connect.Outcome{}), hub.KindConflict, "storing after another took over")
	_, err = c.Lease(ctx, "con_none", "hub-1", time.Hour)
	e.wantKind(err, hub.KindNotFound, "leasing nothing")
}

// testConnectRace: of many that want a lease at once one gets it.
func testConnectRace(e *env) {
	ctx, stores := e.Context(), []*store.Store{e.s, e.second()}
	_, shop := e.authorised(created())
	for range e.rounds(10, 500) {
		var won, lost atomic.Int64
		var epoch atomic.Int64
		var group sync.WaitGroup
		for i := range 6 {
			group.Go(func() {
				l, err := stores[i%2].Connect().Lease(ctx, shop.ID, e.name(), time.Hour)
				switch {
				case err == nil:
					won.Add(1)
					epoch.Store(l.Epoch)
				case hub.CodeOf(err) == connect.CodeBusy:
					lost.Add(1)
				default:
					e.Error(err)
				}
			})
		}
		group.Wait()
		if won.Load() != 1 || lost.Load() != 5 {
			e.Fatalf("%d got the lease", won.Load())
		}
		must(e, e.s.Connect().Save(ctx, shop.ID, epoch.Load(), connect.Outcome{Standing: connect.OK}))
	}
}
