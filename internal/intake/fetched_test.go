package intake

import (
	"fmt"
	"testing"

	"hub"
	"hub/adapters/driver"
	"hub/internal/orders"
)

// fetched makes orders of shop a, ids from..from+n.
func fetched(from, n int, cause string) (list []Fetched) {
	for i := from; i < from+n; i++ {
		list = append(list, Fetched{Document: fmt.Appendf(nil, "shop-a order %d 1 %s", i, canary), Cause: cause})
	}
	return list
}

// What was fetched goes the way of every delivery: once, sealed, or parked. A cause makes it another delivery, so that a
// stored order that is gone comes back.
func TestFetched(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		shop := connections().endpoints["token-a"]
		take := func(list []Fetched) {
			if err := r.door.Take(t.Context(), shop, list); err != nil {
				t.Fatal(err)
			}
		}
		d := r.drainer("s1")
		r.run(d)
		take(fetched(0, 100, ""))
		take(fetched(50, 100, "")) // half of them again
		r.drained(d)
		r.once("s1", 150)

		gone := orders.Key{Tenant: "ten_a", Connection: "con_a", External: "7"}
		rows := r.store.of("s1")
		if rows.orders[gone].Revision != 1 {
			t.Fatalf("order 7 is %+v", rows.orders[gone])
		}
		r.store.remove(gone)
		take(fetched(7, 1, ""))
		r.drained(d)
		if _, back := r.store.of("s1").orders[gone]; back {
			t.Fatal("an equal document came back without a cause")
		}
		take(fetched(7, 1, "statement 1"))
		take(fetched(7, 1, "statement 1"))
		r.drained(d)
		if row := r.store.of("s1").orders[gone]; row.Revision != 1 {
			t.Fatalf("the order that was gone is %+v", row)
		}

		r.script.rules.Store(2)
		take([]Fetched{{Document: []byte("shop-a order 9 1 forbidden")}})
		r.drained(d)
		if p := r.parked("s1"); len(p) != 1 || p[0].Code != hub.CodeMissing || p[0].Topic != TopicFetched {
			t.Errorf("parked %+v", p)
		}
	})
}

// A full hub takes nothing, and a log that fails says so.
func TestFetchedIsRefused(t *testing.T) {
	door, log := newDoor(t)
	shop := connections().endpoints["token-a"]
	door.Full = func() bool { return true }
	if err := door.Take(t.Context(), shop, fetched(0, 2, "")); hub.KindOf(err) != hub.KindUnavailable || hub.RetryAfterOf(err) == 0 || len(log.records) != 0 {
		t.Errorf("full: %v, %d records", err, len(log.records))
	}
	door.Full, log.err = func() bool { return false }, errSurprise
	if err := door.Take(t.Context(), shop, fetched(0, 2, "")); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("broken log: %v", err)
	}
}

// Nobody outside speaks with the hub's own topics.
func TestOwnTopicFromOutside(t *testing.T) {
	door, log := newDoor(t)
	request := request("a", "1", "shop-a order 1 1 x")
	request.Header.Set("Topic", TopicFetched)
	if err := door.Accept(t.Context(), request); hub.KindOf(err) != hub.KindInvalid || len(log.records) != 0 {
		t.Errorf("got %v, %d records", err, len(log.records))
	}
}

// remove takes an order out of the books, as a hand in the database does.
func (m *memory) remove(k orders.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.shards[m.Of(k.Tenant)].orders, k)
}

// noticed is a platform whose notices are given.
type noticed struct {
	script
	notice driver.Notice
}

func (n *noticed) Verify(driver.Signed) (driver.Notice, error) { return n.notice, nil }

// A probe has no effect. What nobody signed has one only for the shop that it names, and never another's.
func TestUnprovenDeliveries(t *testing.T) {
	for _, c := range []struct {
		name, token, body string
		notice            driver.Notice
		records           int
	}{
		{"probe", "token-a", "", driver.Notice{Probe: true}, 0},
		{"unsigned, known shop", "token-all", "shop-a hint 7 0", driver.Notice{Unproven: true}, 1},
		{"unsigned, unknown shop", "token-all", "shop-x hint 7 0", driver.Notice{Unproven: true}, 0},
		{"unsigned, no shop", "token-all", "- hint 7 0", driver.Notice{Unproven: true}, 0},
		{"unsigned, own endpoint", "token-a", "shop-a hint 7 0", driver.Notice{Unproven: true, Account: "shop-a"}, 1},
		{"unsigned, another's shop", "token-a", "shop-b hint 7 0", driver.Notice{Unproven: true, Account: "shop-b"}, 0},
		{"unsigned, nobody's shop", "token-a", "shop-x hint 7 0", driver.Notice{Unproven: true, Account: "shop-x"}, 0},
	} {
		door, log := newDoor(t)
		door.Platforms[hub.Shopify] = &noticed{notice: c.notice}
		request := request("a", "1", c.body)
		request.Token = c.token
		if err := door.Accept(t.Context(), request); err != nil || len(log.records) != c.records {
			t.Errorf("%s: %v, %d records, want %d", c.name, err, len(log.records), c.records)
		}
	}
}

// A delivery that a platform hands over late is the one that may have come in time; one for a shop that the app does not
// serve is nobody's.
func TestRecovered(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d := r.drainer("s1")
		r.run(d)
		const body = "shop-a order 1 1"
		r.deliver("a", "id-1", body)
		notice, err := r.script.Verify(driver.Signed{Header: request("a", "id-1", "").Header, Secrets: []string{"secret-a"}})
		if err != nil {
			t.Fatal(err)
		}
		for account, app := range map[string]hub.AppID{"shop-a": "app_all", "shop-b": "app_other", "shop-x": "app_all"} {
			m := driver.Missed{Notice: notice, Account: account, Body: []byte(body + " " + canary)}
			if err := r.door.Recover(t.Context(), hub.Shopify, app, m); err != nil {
				t.Fatal(err)
			}
		}
		missed := driver.Missed{Notice: notice, Account: "shop-a", Body: []byte("shop-a order 2 1 " + canary)}
		if err := r.door.Recover(t.Context(), hub.Shopify, "app_all", missed); err != nil {
			t.Fatal(err)
		}
		r.drained(d)
		r.once("s1", 2)
		missed.Notice.Topic = TopicFetched
		if err := r.door.Recover(t.Context(), hub.Shopify, "app_all", missed); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("the hub's own topic: %v", err)
		}
		r.door.Full = func() bool { return true }
		missed.Notice = notice
		if err := r.door.Recover(t.Context(), hub.Shopify, "app_all", missed); hub.KindOf(err) != hub.KindUnavailable {
			t.Errorf("full: %v", err)
		}
	})
}
