package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"hub"
	"hub/internal/erp"
	"hub/internal/orders"
)

func testListOrders(e *env) {
	tenants := e.tenants(2)
	at := time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)
	var rows []orders.Stored
	for i := range 9 {
		o := e.order(tenants[0], fmt.Sprint(i))
		o.UpdatedAt = at.Add(time.Duration(i) * time.Minute)
		o.Doc = fmt.Appendf(nil, "%d", i)
		if i%3 == 0 {
			o.Status, o.Platform, o.Connection = "closed", hub.Shopee, "con_other"+o.Connection[4:14]
		}
		rows = append(rows, o)
	}
	onlyDeleted := e.order(tenants[0], "gone")
	onlyDeleted.Revision, onlyDeleted.Doc = 0, nil
	theirs := e.order(tenants[1], "0")
	e.save(append(slices.Clone(rows), onlyDeleted, theirs)...)
	for name, c := range map[string]struct {
		filter erp.Filter
		want   string
	}{
		"all":            {erp.Filter{}, "0 1 2 3 4 5 6 7 8"},
		"one status":     {erp.Filter{Status: "closed"}, "0 3 6"},
		"one platform":   {erp.Filter{Platform: hub.Shopify}, "1 2 4 5 7 8"},
		"one connection": {erp.Filter{Connection: rows[0].Connection}, "0 3 6"},
		"one order":      {erp.Filter{External: "4"}, "4"},
		"one of a shop":  {erp.Filter{External: "3", Connection: rows[0].Connection}, "3"},
		"of no shop":     {erp.Filter{External: "4", Connection: rows[0].Connection}, ""},
		"since":          {erp.Filter{UpdatedSince: at.Add(6 * time.Minute)}, "6 7 8"},
		"several":        {erp.Filter{UpdatedSince: at.Add(time.Minute), Status: "closed", Platform: hub.Shopee}, "3 6"},
		"none":           {erp.Filter{Status: "nothing"}, ""},
	} {
		var got []string
		var after hub.OrderID
		for {
			page, err := e.s.ERP().Orders(e.Context(), tenants[0], c.filter, after, 2)
			if err != nil {
				e.Fatalf("%s: %v", name, err)
			}
			if len(page) == 0 {
				break
			}
			for _, r := range page {
				got = append(got, string(r.Doc))
			}
			after = page[len(page)-1].ID
		}
		if strings.Join(got, " ") != c.want {
			e.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
	row, err := e.s.ERP().Order(e.Context(), tenants[0], rows[5].ID)
	if err != nil || string(row.Doc) != "5" || row.ID != rows[5].ID {
		e.Errorf("one: %+v, %v", row, err)
	}
	for name, id := range map[string]hub.OrderID{"another tenant's": theirs.ID, "a missing one": "ord_none", "only its deletion known": onlyDeleted.ID} {
		_, err := e.s.ERP().Order(e.Context(), tenants[0], id)
		e.wantKind(err, hub.KindNotFound, name)
	}
}

func testAcknowledge(e *env) {
	tenants := e.tenants(2)
	o, theirs := e.order(tenants[0], "1"), e.order(tenants[1], "1")
	e.save(o, theirs)
	at := time.Date(2026, 11, 21, 1, 2, 3, 4000, time.UTC)
	ack := erp.Ack{Tenant: tenants[0], Client: "sap", Order: o.ID, Reference: "R-1", At: at}
	later := ack
	later.At, later.Reference = at.Add(time.Hour), "R-2"
	other := later
	other.Client = "SAP"
	for i, c := range []struct{ give, want erp.Ack }{{ack, ack}, {ack, ack}, {later, ack}, {other, other}} {
		got, err := e.s.ERP().Acknowledge(e.Context(), c.give)
		if err != nil || got != c.want {
			e.Errorf("%d: stored %+v, %v; want %+v", i, got, err, c.want)
		}
	}
	for name, id := range map[string]hub.OrderID{"another tenant's order": theirs.ID, "a missing order": "ord_none", "nonsense": hub.OrderID(strings.Repeat("x", 99))} {
		wrong := ack
		wrong.Order = id
		_, err := e.s.ERP().Acknowledge(e.Context(), wrong)
		e.wantKind(err, hub.KindNotFound, name)
	}
	long := ack
	long.Reference = strings.Repeat("x", 600)
	_, err := e.s.ERP().Acknowledge(e.Context(), long)
	e.wantKind(err, hub.KindInvalid, "a reference that is too long")
}

// testAcknowledgeConcurrent has one client acknowledge one order with several references at once: all are told the same.
func testAcknowledgeConcurrent(e *env) {
	o := e.order(e.tenant(), "1")
	e.save(o)
	other := e.second()
	got := make([]erp.Ack, 8)
	var wg sync.WaitGroup
	for i := range got {
		s := e.s
		if i%2 == 1 {
			s = other
		}
		wg.Go(func() {
			var err error
			got[i], err = s.ERP().Acknowledge(e.Context(), erp.Ack{Tenant: o.Tenant, Client: "c", Order: o.ID, Reference: fmt.Sprint(i), At: o.UpdatedAt})
			if err != nil {
				e.Errorf("client %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for i := range got {
		if got[i] != got[0] {
			e.Errorf("client %d was told %+v, client 0 %+v", i, got[i], got[0])
		}
	}
}
