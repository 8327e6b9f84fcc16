package hubtest_test

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hub/adapters/sandbox/shopify"
	"hub/internal/hubtest"
	"hub/internal/hubtest/mariadb"
	"hub/internal/hubtest/natsserver"
)

// TestNobodyIsHeldBack has a broker that cannot be reached and then a change that cannot be told: every feed goes on, and
// the stream goes on for everybody but the tenant of that change, who is told in order once it is cured.
func TestNobodyIsHeldBack(t *testing.T) {
	t.Parallel()
	server, broker := mariadb.Shared(t), natsserver.Start(t)
	size := hubtest.OnMariaDB(t, server).With("bus", broker.URL())
	hub := hubtest.Spawn(t, size, t.TempDir(), filepath.Join(t.TempDir(), "probe"))
	if err := hub.Await(); err != nil {
		t.Fatal(err)
	}
	merchants, _ := connect(t, hub.Operator(), 4)
	poisoned, others := merchants[0], merchants[1:]
	hearing, stopHearing := context.WithCancel(t.Context())
	ear, deaf := listen(hearing, broker.URL())

	const orders = 8
	var shops []*shopify.Shop
	for i, m := range merchants {
		shops = append(shops, shopify.New(shopDomain(m.Shop.Tenant), secret, uint64(i), time.Now()))
	}
	placeAll(t, hub.URL, merchants, shops, orders)
	ear.complete(t, merchants)
	broker.Pause(t)
	placeAll(t, hub.URL, merchants, shops, orders) // feeds grow while the broker is away
	poison(t, size, server, poisoned.Shop.Tenant, orders+3, "order.up dated")
	broker.Resume(t)
	ear.complete(t, others)
	placeAll(t, hub.URL, merchants, shops, orders)
	ear.complete(t, others)

	v, changes, _ := ear.compare(t, others)
	v.strange = 0 // those of the poisoned tenant are none of theirs
	if v.sum() > 0 || changes != 3*orders*len(others) {
		t.Errorf("others: %+v of %d changes", v, changes)
	}
	heardOf := func(tenant string) (n int64) {
		once, _ := ear.first()
		for _, e := range once {
			if e.Data.TenantID == tenant {
				n++
			}
		}
		return n
	}
	if n := heardOf(poisoned.Shop.Tenant); n != orders+2 {
		t.Errorf("%d changes of the poisoned tenant were told, want the %d before the poison", n, orders+2)
	}
	if all := wholeFeed(t, poisoned.ERP); len(all) != 3*orders {
		t.Errorf("the poisoned tenant's feed has %d of %d changes", len(all), 3*orders)
	}
	ready, err := readyz(hub.URL)
	if err != nil || !strings.Contains(ready, "held back") {
		t.Errorf("/readyz does not name the held line: %s, %v", ready, err)
	}
	poison(t, size, server, poisoned.Shop.Tenant, orders+3, "order.created")
	ear.complete(t, merchants)
	stopHearing()
	deaf.Wait()
	if v, changes, repeated := ear.compare(t, merchants); v.sum() > 0 {
		t.Errorf("after the cure: %+v", v)
	} else {
		t.Logf("%d changes of %d tenants, %d heard again, %d held for a while; %+v", changes, len(merchants), repeated, 2*orders-2, v)
	}
	hub.Terminate(t)
}

// placeAll places n orders with each merchant and waits until they are in the feeds.
func placeAll(t *testing.T, url string, merchants []*merchant, shops []*shopify.Shop, n int) {
	t.Helper()
	for i, m := range merchants {
		before := m.accepted
		for range n {
			m.post(t.Context(), http.DefaultClient, url, shops[i].Deliver("orders/create", shops[i].Place()))
		}
		if m.accepted != before+n {
			t.Fatalf("%d of %d deliveries accepted", m.accepted-before, n)
		}
		waitForAll(t, m)
	}
}

// poison writes a type into a change that no event can have, or the right one again.
func poison(t *testing.T, size hubtest.Size, server *mariadb.Server, tenant string, sequence int, kind string) {
	t.Helper()
	var changed int64
	for _, database := range size.Databases()[:2] {
		done, err := server.Admin().ExecContext(t.Context(),
			"UPDATE `"+database+"`.feed SET type = ? WHERE tenant_id = ? AND stream = 'orders' AND sequence = ?", kind, tenant, sequence)
		if err != nil {
			t.Fatal(err)
		}
		n, err := done.RowsAffected()
		if err != nil {
			t.Fatal(err)
		}
		changed += n
	}
	if changed != 1 {
		t.Fatalf("%d changes poisoned", changed)
	}
}

// readyz is what the hub says of itself.
func readyz(url string) (string, error) {
	answer, err := http.Get(url + "/readyz")
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}
