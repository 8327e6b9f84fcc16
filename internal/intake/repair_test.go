package intake

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
)

// snapshot is everything that a dry run must leave alone.
func (r *rig) snapshot() []any {
	rows := r.store.of("s1")
	return []any{
		maps.Clone(rows.orders), slices.Clone(rows.changes), maps.Clone(rows.parked), maps.Clone(rows.raws), maps.Clone(rows.notes),
		maps.Clone(rows.claims), maps.Clone(rows.places), slices.Clone(rows.records), len(r.vault.All()),
	}
}

// A dry run says what the replay then does, and changes nothing: no row, no record, no attempt, no key in the vault.
func TestDryRunForetells(t *testing.T) {
	cases := map[string]ReplayOutcome{
		"shop-a bad 1 1": ReplayApplied, "shop-a bad 2 1 x ship=Somebody_Else note=hello": ReplayApplied, "shop-a panic 4 1": ReplayApplied,
		"shop-a bad 9 4": ReplayUnchanged, "shop-a bad 9 3": ReplayStale,
	}
	runs := 0
	for body, outcome := range cases {
		for _, cured := range []bool{true, false} {
			inBubble(t, func(t *testing.T, r *rig) {
				it := item{head: Head{Platform: hub.Shopify, Tenant: "ten_a", Connection: "con_a", ReceivedAt: now()}}
				it.delivery.Body = []byte(body + " " + canary)
				it.park(hub.Invalid(hub.CodeMoneyInvalid, "total_price"))
				if err := commitItem(t, r, &it); err != nil {
					t.Fatal(err)
				}
				if outcome == ReplayUnchanged || outcome == ReplayStale {
					d := r.drainer("s1")
					stop := r.run(d)
					r.script.cured.Store(true)
					r.deliver("a", "good", "shop-a order 9 4")
					r.drained(d)
					stop()
					row := r.store.of("s1").parked[it.parked.ID] // it was closed: open it, as a replay that races with the drain finds it
					row.State, row.Sealed, row.Expires = ParkedOpen, it.parked.Sealed, it.parked.Expires
					r.store.of("s1").parked[it.parked.ID] = row
				}
				r.script.cured.Store(cured)
				want := outcome
				if !cured {
					want = ReplayStays
				}
				p := &Parking{Pipeline: r.pipeline, Reader: r.store, Directory: connections()}
				if body == "shop-a panic 4 1" && !cured {
					return // an internal error, tried again by somebody
				}
				before := r.snapshot()
				told, err := p.Replay(t.Context(), "ten_a", it.parked.ID, true)
				if err != nil || told.Outcome != want {
					t.Fatalf("%s, cured %v: %+v, %v", body, cured, told, err)
				}
				if !reflect.DeepEqual(before, r.snapshot()) {
					t.Errorf("%s, cured %v: the dry run left something behind", body, cured)
				}
				did, err := p.Replay(t.Context(), "ten_a", it.parked.ID, false)
				if told.Type == hub.OrderCreated {
					told.Order = did.Order
				}
				if err != nil || did != told && did.State != ParkedClosed {
					t.Errorf("%s, cured %v: foretold %+v, did %+v, %v", body, cured, told, did, err)
				}
				runs++
			})
		}
	}
	t.Logf("%d dry runs, each as foretold", runs)
}

// commitItem brings a parked item into its shard as the drain does.
func commitItem(t *testing.T, r *rig, it *item) error {
	t.Helper()
	if failed, err := r.pipeline.prepare(t.Context(), []*item{it}); err != nil || failed[0] != nil {
		t.Fatal(err, failed[0])
	}
	return r.pipeline.commit(t.Context(), r.store.Of(it.head.Tenant), []*item{it})
}

// Pages of replays deal with each delivery once, go on where one died, and find only what is open when they begin anew.
func TestReplayMany(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		const n = 23
		d := r.drainer("s1")
		r.run(d)
		for i := range n {
			r.deliver("a", fmt.Sprint(i), fmt.Sprintf("shop-a bad %d 1", i))
		}
		r.deliver("c", "theirs", "shop-c bad 1 1")
		r.drained(d)
		p := &Parking{Pipeline: r.pipeline, Reader: r.store}
		r.script.cured.Store(true)
		all := func(dry bool) (counts map[ReplayOutcome]int) {
			counts = map[ReplayOutcome]int{}
			var after hub.ParkedID
			for {
				page, err := p.ReplayMany(t.Context(), "ten_a", ParkedFilter{Code: hub.CodeMoneyInvalid}, after, 5, dry)
				if err != nil || len(page.Results) > 5 {
					t.Fatalf("%d results, %v", len(page.Results), err)
				}
				for _, result := range page.Results {
					counts[result.Outcome]++
				}
				if after = page.Next; !page.More {
					return counts
				}
			}
		}
		if got := all(true); got[ReplayApplied] != n || len(got) != 1 {
			t.Fatalf("dry: %v", got)
		}
		r.once("s1", 0)
		calls := 0
		r.store.set(func(hub.ShardID, int) fault {
			if calls++; calls == 4 {
				return down
			}
			return fine
		}, nil)
		page, err := p.ReplayMany(t.Context(), "ten_a", ParkedFilter{}, "", 10, false)
		if err != nil || len(page.Results) != 3 || !page.More || page.Next != page.Results[2].ID {
			t.Fatalf("a page that ends early: %+v, %v", page, err)
		}
		r.store.set(nil, nil)
		if got := all(false); got[ReplayApplied] != n-3 || len(got) != 1 {
			t.Errorf("the rest: %v", got)
		}
		r.once("s1", n)
		if got := all(false); len(got) != 0 {
			t.Errorf("again: %v", got)
		}
		r.store.set(func(hub.ShardID, int) fault { return down }, nil)
		if _, err := p.ReplayMany(t.Context(), "ten_c", ParkedFilter{}, "", 5, false); hub.KindOf(err) != hub.KindUnavailable {
			t.Errorf("a page that cannot begin: %v", err)
		}
	})
}

// What was gone or settled meanwhile is a result.
func TestReplayManyGone(t *testing.T) {
	withParked(t, "bad", func(t *testing.T, r *rig, p *Parking, id hub.ParkedID) {
		row := r.store.of("s1").parked[id]
		row.Sealed, row.Expires = nil, ""
		r.store.of("s1").parked[id] = row
		for _, dry := range []bool{true, false} {
			page, err := p.ReplayMany(t.Context(), "ten_a", ParkedFilter{}, "", 5, dry)
			want := ReplayResult{ID: id, State: ParkedDropped, Outcome: ReplayGone, Code: gdpr.CodeKeyGone}
			if err != nil || len(page.Results) != 1 || page.Results[0] != want {
				t.Errorf("dry %v: %+v, %v", dry, page, err)
			}
			if open := r.parked("s1")[0].State == ParkedOpen; open != dry {
				t.Errorf("dry %v: open %v", dry, open)
			}
		}
		if got, err := p.one(t.Context(), "ten_a", id, false); err != nil || got.Outcome != ReplaySettled || got.State != ParkedDropped {
			t.Errorf("settled: %+v, %v", got, err)
		}
	})
}

// A delivery that belonged to no shop finds its connection when that is there, under its own app and no other, with one
// effect however often the move dies.
func TestReplayMoves(t *testing.T) {
	for _, kind := range []string{"order", "bad"} {
		inBubble(t, func(t *testing.T, r *rig) {
			directory := connections()
			target := directory.accounts["app_all/shop-b"]
			delete(directory.accounts, "app_all/shop-b")
			delete(directory.accounts, "/shop-b")
			r.door.Directory = directory
			d := r.drainer("s1")
			r.run(d)
			in := request("all", "1", "shop-b "+kind+" 1 1 "+canary)
			if err := r.door.Accept(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			r.drained(d)
			row := r.parked("s1")[0]
			if row.Code != hub.CodeNoTarget || row.App != "app_all" || row.Tenant != hub.Operator || row.Gist.ExternalID != "1" {
				t.Fatalf("parked %+v", row)
			}
			p := &Parking{Pipeline: r.pipeline, Reader: r.store, Directory: directory}
			for _, account := range []string{"app_other/shop-b", "/shop-b"} {
				directory.accounts[account] = target
				if got, err := p.Replay(t.Context(), hub.Operator, row.ID, false); err != nil || got.Outcome != ReplayStays || got.Code != hub.CodeNoTarget {
					t.Fatalf("connected as %s: %+v, %v", account, got, err)
				}
			}
			directory.accounts["app_all/shop-b"] = target
			keys := len(r.vault.All())
			if got, err := p.Replay(t.Context(), hub.Operator, row.ID, true); err != nil || got.Outcome != ReplayMoved || len(r.store.of("s2").claims) != 0 ||
				len(r.vault.All()) != keys || r.parked("s1")[0].State != ParkedOpen {
				t.Fatalf("dry: %+v, %v; %d keys, before %d", got, err, len(r.vault.All()), keys)
			}
			for _, f := range []struct { // it dies between the two shards, after the one, and after the other
				shard hub.ShardID
				fault fault
			}{{"s2", down}, {"s2", lost}, {"s2", kept}, {"s1", lost}} {
				r.store.set(func(shard hub.ShardID, _ int) fault {
					if shard == f.shard {
						return f.fault
					}
					return fine
				}, nil)
				if _, err := p.Replay(t.Context(), hub.Operator, row.ID, false); err == nil {
					t.Fatalf("no error of %+v", f)
				}
			}
			r.store.set(nil, nil)
			got, err := p.Replay(t.Context(), hub.Operator, row.ID, false)
			if err != nil || got.Outcome != ReplayMoved || got.MovedTo != "con_b" || (got.Code == hub.CodeMoneyInvalid) != (kind == "bad") {
				t.Fatalf("%+v, %v", got, err)
			}
			there := r.store.of("s2")
			if kind == "order" {
				r.once("s2", 1)
			}
			if len(there.claims) != 1 || len(there.parked) != map[string]int{"order": 0, "bad": 1}[kind] || r.parked("s1")[0].State != ParkedReplayed {
				t.Errorf("%s: %d claims, %d parked, its row %s", kind, len(there.claims), len(there.parked), r.parked("s1")[0].State)
			}
			for _, p := range there.parked {
				if p.Tenant != "ten_b" || p.Connection != "con_b" || p.Sealed == nil || p.State != ParkedOpen {
					t.Errorf("parked there: %+v", p)
				}
			}
		})
	}
}

// tallied is what the tests compare of a cause.
func tallied(c Cause) string {
	return fmt.Sprint(c.Code, " ", c.Path, " ", c.Topic, ": ", c.Deliveries, " ", c.Orders, "+", c.UnknownOrders, " ", c.Money, "+", c.UnknownMoney)
}

// Causes count deliveries, distinct orders and the newest total of each, and never guess.
func TestCauses(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		at := now()
		n := 0
		park := func(connection hub.ConnectionID, path, external string, version int, total *hub.Money) *Parked {
			n++
			row := Parked{
				ID: hub.ParkedID(fmt.Sprintf("prk_%03d", n)), Tenant: "ten_a", Connection: connection, Platform: hub.Shopify, Topic: "orders/create",
				Code: hub.CodeMoneyInvalid, Path: path, ReceivedAt: at.Add(time.Duration(n) * time.Minute), State: ParkedOpen,
			}
			row.Gist.ExternalID, row.Gist.Total = hub.ExternalID(external), total
			row.Gist.SourceUpdatedAt = time.Unix(int64(version), 0)
			r.store.of("s1").parked[row.ID] = row
			return &row
		}
		brl := func(minor int64) *hub.Money { return &hub.Money{Minor: minor, Currency: "BRL"} }
		park("con_a", "lines[0].price", "1", 1, brl(500))
		park("con_a", "lines[17].price", "1", 3, brl(700))
		park("con_a", "lines[2].price", "1", 2, brl(600))
		park("con_a", "lines[2].price", "1", 4, nil) // the newest says nothing of money
		park("con_x", "lines[2].price", "1", 1, &hub.Money{Minor: 9, Currency: "JPY"})
		park("con_a", "lines[2].price", "2", 1, nil)
		park("con_a", "lines[2].price", "", 0, nil)
		park("con_a", "lines[2].price", "", 0, brl(1))
		park("con_a", "total", "9", 1, brl(1<<63-1))
		park("con_a", "total", "8", 1, brl(1<<63-1))
		settled := park("con_a", "total", "7", 1, brl(1))
		settled.State = ParkedDropped
		r.store.of("s1").parked[settled.ID] = *settled
		p := &Parking{Pipeline: r.pipeline, Reader: r.store}
		got, err := p.Causes(t.Context(), "ten_a")
		if err != nil || !got.Complete || len(got.List) != 2 {
			t.Fatalf("%+v, %v", got, err)
		}
		for i, want := range []string{
			fmt.Sprint("money_invalid lines[].price orders/create: 8 3+2 ", []hub.Money{*brl(700), {Minor: 9, Currency: "JPY"}}, "+1"),
			fmt.Sprint("money_invalid total orders/create: 2 2+0 ", []hub.Money{*brl(1<<63 - 1)}, "+1"),
		} {
			if tallied(got.List[i]) != want {
				t.Errorf("got  %s\nwant %s", tallied(got.List[i]), want)
			}
		}
		if c := got.List[0]; !c.Oldest.Equal(at.Add(time.Minute)) || !c.Newest.Equal(at.Add(8*time.Minute)) {
			t.Errorf("from %v to %v", c.Oldest, c.Newest)
		}
		if theirs, err := p.Causes(t.Context(), "ten_c"); err != nil || len(theirs.List) != 0 || !theirs.Complete {
			t.Errorf("another tenant's: %+v, %v", theirs, err)
		}
	})
}

// Every page of a large heap is counted, and what is beyond the bound is said.
func TestCausesInPages(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		count := func(n int) Causes {
			for i := range n {
				id := hub.ParkedID(fmt.Sprintf("prk_%07d", i))
				r.store.of("s1").parked[id] = Parked{ID: id, Tenant: "ten_a", Code: hub.CodeMissing, State: ParkedOpen}
			}
			got, err := (&Parking{Pipeline: r.pipeline, Reader: pages{r.store, r.store.of("s1").parked}}).Causes(t.Context(), "ten_a")
			if err != nil || len(got.List) != 1 {
				t.Fatal(err)
			}
			return got
		}
		for _, n := range []int{1, tallyPage - 1, tallyPage, tallyPage + 1, 3*tallyPage + 7} {
			if got := count(n); got.List[0].Deliveries != n || !got.Complete {
				t.Errorf("%d: %+v", n, got)
			}
		}
		if got := count(MaxTallied + 5); got.List[0].Deliveries != MaxTallied || got.Complete {
			t.Errorf("beyond the bound: %+v", got)
		}
	})
}

// pages reads ids that are numbers without sorting them.
type pages struct {
	ParkedReader
	rows map[hub.ParkedID]Parked
}

func (p pages) Parked(_ context.Context, _ hub.TenantID, _ ParkedFilter, after hub.ParkedID, limit int) (list []Parked, err error) {
	next := 0
	if after != "" {
		_, _ = fmt.Sscanf(string(after), "prk_%d", &next)
		next++
	}
	for ; len(list) < limit; next++ {
		row, ok := p.rows[hub.ParkedID(fmt.Sprintf("prk_%07d", next))]
		if !ok {
			break
		}
		list = append(list, row)
	}
	return list, nil
}

// One that cannot be read keeps nobody behind it from being replayed, and is not called settled.
func TestReplayManyPassesTheUnreadable(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		const n, sick = 5, 2
		d := r.drainer("s1")
		r.run(d)
		for i := range n {
			r.deliver("a", fmt.Sprint(i), fmt.Sprintf("shop-a bad %d 1", i))
		}
		r.drained(d)
		rows := r.parked("s1")
		bad := rows[sick]
		bad.Sealed = slices.Clone(bad.Sealed)
		bad.Sealed[len(bad.Sealed)-1] ^= 1
		r.store.of("s1").parked[bad.ID] = bad
		p := &Parking{Pipeline: r.pipeline, Reader: r.store}
		r.script.cured.Store(true)
		page, err := p.ReplayMany(t.Context(), "ten_a", ParkedFilter{}, "", n, false)
		if err != nil || len(page.Results) != n || page.More {
			t.Fatalf("%+v, %v", page, err)
		}
		for i, result := range page.Results {
			want := ReplayApplied
			if i == sick {
				want = ReplayStays
			}
			if result.Outcome != want {
				t.Errorf("delivery %d: %+v", i, result)
			}
		}
		r.once("s1", n-1)
	})
}
