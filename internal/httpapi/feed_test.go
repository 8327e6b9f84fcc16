package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"hub"
)

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFeedPages(t *testing.T) {
	l := newLab(t)
	key := l.a.keys[erpRole]
	page := func(target string) (sequences []float64, next float64, more bool) {
		got := l.want(l.do("GET", target, key, ""), 200, "")
		for _, row := range got.body["data"].([]any) {
			sequences = append(sequences, row.(map[string]any)["sequence"].(float64))
		}
		return sequences, got.body["next_after"].(float64), got.body["has_more"].(bool)
	}
	if s, next, more := page("/v1/orders/feed?limit=2"); len(s) != 2 || next != 2 || !more {
		t.Errorf("first page: %v, %v, %v", s, next, more)
	}
	if s, next, more := page("/v1/orders/feed?after=2&limit=2"); len(s) != 1 || next != 3 || more {
		t.Errorf("last page: %v, %v, %v", s, next, more)
	}
	if s, next, more := page("/v1/orders/feed?after=3"); len(s) != 0 || next != 3 || more {
		t.Errorf("empty page: %v, %v, %v", s, next, more)
	}
}

// What is printed by hand is what encoding/json prints, and the documents are passed on byte for byte.
func TestPagesArePrintedLikeJSON(t *testing.T) {
	l := newLab(t)
	changes := l.shard.changes[l.a.id]
	p := feedPage{NextAfter: 3, HasMore: true, Data: []change{}}
	cursor := "c"
	o := orderList{HasMore: true, NextCursor: &cursor, Data: []orderDocument{}}
	for range 2 {
		for _, v := range []any{p, o, orderList{Data: []orderDocument{}}} {
			if got, want := v.(selfWriter).appendJSON(nil), mustJSON(t, v); string(got) != string(want) {
				t.Errorf("printed\n%s want\n%s", got, want)
			}
		}
		for _, c := range changes {
			p.Data = append(p.Data, change{c.Sequence, string(c.ID), c.Type, c.Time, c.Doc})
			o.Data = append(o.Data, c.Doc)
		}
	}
	got := l.do("GET", "/v1/orders/"+string(l.a.order), l.a.keys[erpRole], "")
	if got.Body.String() != string(changes[2].Doc)+"\n" {
		t.Errorf("order\n%s want\n%s", got.Body, changes[2].Doc)
	}
}

// A reader that waits is woken by the bell at the moment of the commit, not by a poll.
func TestFeedWaitsForTheBell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		key := l.a.keys[erpRole]
		begin := time.Now()
		done := make(chan reply)
		go func() { done <- l.do("GET", "/v1/orders/feed?after=3&wait=60s", key, "") }()
		synctest.Wait() // until it waits
		select {
		case <-done:
			t.Fatal("did not wait")
		default:
		}
		l.addOrder(l.a.id, "ord_0000000000000000000000zzzz")
		l.bell.Ring([]hub.TenantID{l.b.id}) // somebody else's
		synctest.Wait()
		select {
		case <-done:
			t.Fatal("woken by another tenant's bell")
		default:
		}
		l.bell.Ring([]hub.TenantID{l.a.id})
		got := <-done
		if n := len(got.body["data"].([]any)); n != 1 || time.Since(begin) != 0 {
			t.Errorf("%d changes after %v", n, time.Since(begin))
		}
	})
}

// A key that is revoked while its reader waits reads nothing any more.
func TestRevokedWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.withPeople()
		for i, include := range []string{"", "&include=personal"} {
			key := l.scoped(erpRole)
			done := make(chan reply)
			go func() { done <- l.do("GET", fmt.Sprintf("/v1/orders/feed?after=%d&wait=60s%s", 3+i, include), key, "") }()
			synctest.Wait() // until it waits
			id := l.repo.all.Keys[len(l.repo.all.Keys)-1].ID
			l.must(l.api.Tenancy.RevokeKey(t.Context(), id))
			l.addOrder(l.a.id, hub.OrderID(fmt.Sprintf("ord_0000000000000000000000zzz%d", i)))
			l.bell.Ring([]hub.TenantID{l.a.id})
			l.want(<-done, 401, "key_refused")
		}
		if len(l.people.rows) > 0 {
			t.Errorf("recorded %+v", l.people.rows)
		}
	})
}

func TestFeedWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		key := l.a.keys[erpRole]
		begin := time.Now()
		got := l.want(l.do("GET", "/v1/orders/feed?after=3&wait=30s", key, ""), 200, "")
		if got.body["next_after"] != 3.0 || time.Since(begin) != 30*time.Second {
			t.Errorf("%s after %v", got.Body, time.Since(begin))
		}
	})
}

// A hub that stops tells waiting readers that there is nothing new, which loses nothing.
func TestFeedOfAStoppingHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan *httptest.ResponseRecorder)
		go func() {
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/orders/feed?after=3&wait=60s", nil)
			r.Header.Set("Authorization", "Bearer "+l.a.keys[erpRole])
			w := httptest.NewRecorder()
			l.handler.ServeHTTP(w, r)
			done <- w
		}()
		synctest.Wait()
		stop()
		if w := <-done; w.Code != 200 || w.Body.String() != `{"data":[],"next_after":3,"has_more":false}`+"\n" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestAcknowledgement(t *testing.T) {
	l := newLab(t)
	path := "/v1/orders/" + string(l.a.order) + "/acknowledgement"
	first := l.want(l.do("POST", path, l.a.keys[erpRole], `{"reference":"ERP-1"}`), 200, "")
	again := l.want(l.do("POST", path, l.a.keys[erpRole], `{"reference":"ERP-1"}`), 200, "")
	if first.Body.String() != again.Body.String() || first.body["reference"] != "ERP-1" || first.body["client"] != "erp" {
		t.Errorf("%s and then %s", first.Body, again.Body)
	}
	got := l.want(l.do("POST", path, l.a.keys[erpRole], `{"reference":"ERP-2"}`), 409, "acknowledged_otherwise")
	if string(mustJSON(t, got.body)) == "" || len(l.shard.acks) != 1 {
		t.Errorf("%d acknowledgements", len(l.shard.acks))
	}
}
