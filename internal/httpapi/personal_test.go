package httpapi

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/internal/erp"
	"hub/internal/tenancy"
)

// people is sealed parts, their keys and the record of disclosures in memory. An envelope is a header that names one
// person, and the plaintext.
type people struct {
	shelf  erp.Reader // the orders
	sealed map[hub.OrderID]erp.Sealed
	rows   []erp.Disclosure
	actors []hub.Actor
	fenced []gdpr.SubjectID
	fail   map[string]error
	opened int
	left   time.Duration // of the lease
	looks  int           // how often it may still be looked at, when it is not 0
	during func()        // while disclosures are stored
}

// buyer is the person of an order; each has another.
func (p *people) seal(id hub.OrderID, personal hub.Personal) gdpr.SubjectID {
	text, err := json.Marshal(personal)
	if err != nil {
		panic(err)
	}
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[8:], uint64(len(p.sealed)+1))
	b := append(append([]byte{'H', 'E', 1, 1}, raw[:]...), make([]byte, 16+32)...)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	b = append(append(b, make([]byte, 28)...), text...)
	p.sealed[id] = erp.Sealed{Revision: 1, Parts: []erp.SealedPart{{Part: hub.PartBuyer, Envelope: b}}}
	return gdpr.SubjectID(hub.IDSource(func() [16]byte { return raw }).New(gdpr.SubjectPrefix))
}

const headerSize = 4 + 16 + 16 + 32 + 4 + 28

func (p *people) Personal(_ context.Context, _ hub.TenantID, ids []hub.OrderID) (map[hub.OrderID]erp.Sealed, error) {
	found := map[hub.OrderID]erp.Sealed{}
	for _, id := range ids {
		if s, ok := p.sealed[id]; ok {
			found[id] = s
		}
	}
	return found, p.fail["read"]
}

func (p *people) OrderPersonal(ctx context.Context, t hub.TenantID, id hub.OrderID) (erp.Row, erp.Sealed, error) {
	row, err := p.shelf.Order(ctx, t, id)
	if err == nil {
		err = p.fail["read"]
	}
	return row, p.sealed[id], err
}

func (p *people) OpenAll(_ context.Context, list []gdpr.Sealed) ([]gdpr.Opened, error) {
	p.opened += len(list)
	opened := make([]gdpr.Opened, len(list))
	for i, s := range list {
		opened[i].Plaintext = s.Envelope[headerSize:]
		opened[i].Subjects, _ = gdpr.SubjectsOf(s.Envelope)
	}
	return opened, p.fail["open"]
}

func (p *people) Mark() gdpr.Mark { return gdpr.Mark{} }

func (p *people) FreshSince(gdpr.Mark) (time.Duration, error) {
	if p.looks > 0 {
		if p.looks--; p.looks == 0 {
			p.fail["fresh"] = hub.Errorf(hub.KindUnavailable, "looking", "stale")
		}
	}
	return p.left, p.fail["fresh"]
}

func (p *people) Of(hub.TenantID) hub.ShardID { return "s0" }

func (p *people) File(context.Context, hub.ShardID) error { return nil }

func (p *people) Disclose(_ context.Context, _ hub.ShardID, answers []erp.Answer) (fenced [][]gdpr.SubjectID, err error) {
	if p.during != nil {
		p.during()
	}
	for _, a := range answers {
		var of []gdpr.SubjectID
		for _, r := range a.Rows {
			for _, s := range r.Subjects {
				if slices.Contains(p.fenced, s) {
					of = append(of, s)
				}
			}
		}
		if len(of) == 0 && p.fail["disclose"] == nil {
			p.rows = append(p.rows, a.Rows...)
			p.actors = append(p.actors, a.Actor)
		}
		fenced = append(fenced, of)
	}
	return fenced, p.fail["disclose"]
}

// withPeople gives every order of both tenants a buyer and returns the buyers of the first.
func (l *lab) withPeople() (buyers []gdpr.SubjectID) {
	for _, p := range []party{l.a, l.b} {
		for _, row := range l.shard.orders[p.id] {
			s := l.people.seal(row.ID, hub.Personal{
				Buyer: &hub.Buyer{Name: "canary Ana", Email: "canary@example.com", ShippingAddress: &hub.Address{City: "Recife"}},
				Lines: []hub.PersonalLine{{At: 0, Properties: []hub.Note{{Name: "for", Value: "canary Bia"}}}},
			})
			if p.id == l.a.id {
				buyers = append(buyers, s)
			}
		}
	}
	return buyers
}

// scoped is a key of the first tenant that may read personal fields.
func (l *lab) scoped(role tenancy.Role) string {
	n := tenancy.NewKey{Tenant: l.a.id, Role: role, Client: "sap", Scopes: []string{tenancy.ScopePersonalRead}}
	if role == operator {
		n.Tenant = ""
	}
	return l.newKey(n)
}

// personalPaths are the addresses that serve personal fields, with a query begun.
func (l *lab) personalPaths(p party) []string {
	return []string{"/v1/orders/feed?tenant=" + string(p.id), "/v1/orders?tenant=" + string(p.id), "/v1/orders/" + string(p.order) + "?tenant=" + string(p.id)}
}

func TestPersonalNeedsTheScope(t *testing.T) {
	l := newLab(t)
	l.withPeople()
	// A key of an older version, when every role could have the scope.
	for i, k := range l.repo.all.Keys {
		if k.Role == auditor || k.Role == officer {
			l.repo.all.Keys[i].Scopes = []string{tenancy.ScopePersonalRead}
		}
	}
	l.repo.all.Version++
	l.must(l.api.Directory.Refresh(t.Context()))
	for _, path := range l.personalPaths(l.a) {
		for _, role := range []tenancy.Role{merchant, erpRole, auditor} {
			l.want(l.do("GET", path+"&include=personal", l.a.keys[role], ""), 403, "personal_scope_missing")
			l.want(l.do("GET", path, l.a.keys[role], ""), 200, "")
		}
		l.want(l.do("GET", path+"&include=personal", l.a.keys[officer], ""), 403, "role_forbidden")
		l.want(l.do("GET", path+"&include=personal", l.operator, ""), 403, "personal_scope_missing")
		for _, role := range []tenancy.Role{merchant, erpRole, operator} {
			if got := l.want(l.do("GET", path+"&include=personal", l.scoped(role), ""), 200, ""); !strings.Contains(got.Body.String(), "canary Ana") {
				t.Errorf("%s as %s: %s", path, role, got.Body)
			}
		}
	}
	if len(l.people.rows) != 3*(3+3+1) {
		t.Errorf("%d disclosures", len(l.people.rows))
	}
	for _, body := range []string{`{"tenant":"` + string(l.a.id) + `","role":"auditor","scopes":["personal:read"]}`, `{"tenant":"` + string(l.a.id) + `","role":"compliance_officer","scopes":["personal:read"]}`} {
		l.want(l.do("POST", "/v1/keys", l.operator, body), 422, "scope_of_other_role")
	}
	bootstrap := strings.Repeat("bootstrap", 4)
	l.api.Directory.Trust(bootstrap)
	l.want(l.do("GET", l.personalPaths(l.a)[0]+"&include=personal", bootstrap, ""), 403, "personal_scope_missing")
}

// What is served is disclosed before, to the client of the key, and everything else of the page is the same, byte for byte.
func TestPersonalIsServedAndDisclosed(t *testing.T) {
	l := newLab(t)
	buyers := l.withPeople()
	key := l.scoped(erpRole)
	for i, path := range l.personalPaths(l.a) {
		l.people.rows, l.people.actors = nil, nil
		got := l.want(l.do("GET", path+"&include=personal", key, ""), 200, "")
		if got.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be cached: %v", path, got.Header())
		}
		if length := got.Header().Get("Content-Length"); length != strconv.Itoa(got.Body.Len()) {
			t.Errorf("%s: %d bytes, announced as %q", path, got.Body.Len(), length)
		}
		orders := 3
		if i == 2 {
			orders = 1
		}
		if len(l.people.rows) != orders || len(l.people.actors) != 1 {
			t.Fatalf("%s: %d rows in %d calls", path, len(l.people.rows), len(l.people.actors))
		}
		r, id := l.people.rows[orders-1], got.Header().Get("X-Request-Id")
		who := l.people.actors[0]
		if r.Client != "sap" || r.Tenant != l.a.id || r.Order != l.a.order || r.Revision != 1 || r.Request != id || !slices.Equal(r.Subjects, buyers[2:]) ||
			fmt.Sprint(r.Fields.Names()) != "[buyer.name buyer.email buyer.shipping_address lines.properties]" {
			t.Errorf("%s: disclosed %+v %v", path, r, r.Fields.Names())
		}
		if who.Key != r.Key || who.Role != "erp" || who.Request != id || !hub.ValidID(hub.KeyPrefix, string(who.Key)) {
			t.Errorf("%s: done by %+v", path, who)
		}
		plain := l.do("GET", path, key, "").Body.String()
		buyer := `,"buyer":{"name":"canary Ana","email":"canary@example.com","shipping_address":{"city":"Recife"}}`
		line := `,"properties":[{"name":"for","value":"canary Bia"}]`
		if stripped := strings.ReplaceAll(strings.ReplaceAll(got.Body.String(), buyer, ""), line, ""); stripped != plain || stripped == got.Body.String() {
			t.Errorf("%s:\n%s\nwithout personal fields\n%s", path, got.Body, plain)
		}
		if strings.Contains(plain, "canary") {
			t.Errorf("%s without include: %s", path, plain)
		}
	}
	if strings.Contains(l.logs.String(), "canary") {
		t.Error("the log holds personal values")
	}
}

// The next page is asked for with personal fields as well.
func TestPersonalPagesGoOn(t *testing.T) {
	l := newLab(t)
	l.withPeople()
	key := l.scoped(merchant)
	seen := 0
	for target := "/v1/orders?include=personal&limit=2"; target != ""; seen++ {
		got := l.want(l.do("GET", target, key, ""), 200, "")
		link := got.Header().Get("Link")
		target, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
		if seen == 0 && !strings.Contains(link, "include=personal") || !strings.Contains(got.Body.String(), "canary Ana") {
			t.Errorf("page %d: %s %s", seen, link, got.Body)
		}
	}
	if seen != 2 || len(l.people.rows) != 3 {
		t.Errorf("%d pages, %d rows", seen, len(l.people.rows))
	}
}

// A vault that is away, a shard that is behind, a record that cannot be kept, keys that got stale after all: 503, and not
// one byte of anybody.
func TestPersonalIsNotServedInDoubt(t *testing.T) {
	n := 0
	for call, code := range map[string]string{"ready": "vault_behind", "read": "personal_unavailable", "open": "vault_stale", "disclose": "personal_unavailable", "fresh": "vault_stale"} {
		l := newLab(t)
		l.withPeople()
		key := l.scoped(erpRole)
		failure := &hub.Error{Kind: hub.KindUnavailable, Code: hub.Code(code)}
		if code == "personal_unavailable" {
			failure = &hub.Error{Kind: hub.KindUnknown}
		}
		l.people.fail = map[string]error{call: failure}
		for _, path := range l.personalPaths(l.a) {
			n++
			got := l.want(l.do("GET", path+"&include=personal", key, ""), 503, code)
			if got.Header().Get("Retry-After") == "" || strings.Contains(got.Body.String(), "ord_") || strings.Contains(got.Body.String(), "canary") {
				t.Errorf("%s when %s fails: %v %s", path, call, got.Header(), got.Body)
			}
			if disclosed := len(l.people.rows) > 0; disclosed != (call == "fresh") {
				t.Errorf("%s when %s fails: %d rows", path, call, len(l.people.rows))
			}
			l.want(l.do("GET", path, key, ""), 200, "")
		}
	}
	for _, code := range []hub.Code{"vault_stale", "vault_behind", "shard_behind", "not_reconciled", "personal_unavailable", "root_mismatch"} {
		if texts[code] == "" {
			t.Errorf("%s has no text", code)
		}
	}
	t.Logf("%d answers", n)
}

// Keys that end while the answer waits for its disclosure, however long that takes, end it too: what was opened under them is
// on record and not served.
func TestLeaseEndsDuringTheWait(t *testing.T) {
	for _, ends := range []string{"fresh", "ready"} {
		l := newLab(t)
		l.withPeople()
		key := l.scoped(erpRole)
		for _, path := range l.personalPaths(l.a) {
			l.people.rows, l.people.fail = nil, map[string]error{}
			l.people.during = func() { l.people.fail[ends] = &hub.Error{Kind: hub.KindUnavailable, Code: "vault_stale"} }
			got := l.want(l.do("GET", path+"&include=personal", key, ""), 503, "vault_stale")
			if strings.Contains(got.Body.String(), "canary") || len(l.people.rows) == 0 {
				t.Errorf("%s: %d rows, served %s", path, len(l.people.rows), got.Body)
			}
		}
	}
}

// A key that is revoked while the answer waits for its disclosure is not served.
func TestRevokedDuringTheDisclosure(t *testing.T) {
	l := newLab(t)
	l.withPeople()
	for _, path := range l.personalPaths(l.a) {
		key := l.scoped(erpRole)
		id := l.repo.all.Keys[len(l.repo.all.Keys)-1].ID
		l.people.rows, l.people.during = nil, func() { l.must(l.api.Tenancy.RevokeKey(t.Context(), id)) }
		got := l.want(l.do("GET", path+"&include=personal", key, ""), 401, "key_refused")
		if strings.Contains(got.Body.String(), "canary") || len(l.people.rows) == 0 {
			t.Errorf("%s: %d rows, served %s", path, len(l.people.rows), got.Body)
		}
	}
}

// Who is fenced while the page is made is in neither the page nor the record.
func TestFencedIsNotServed(t *testing.T) {
	l := newLab(t)
	buyers := l.withPeople()
	l.people.fenced = buyers[1:2]
	got := l.want(l.do("GET", "/v1/orders/feed?include=personal", l.scoped(erpRole), ""), 200, "")
	if strings.Count(got.Body.String(), "canary Ana") != 2 || len(l.people.rows) != 2 {
		t.Errorf("%d rows: %s", len(l.people.rows), got.Body)
	}
	if data := got.body["data"].([]any)[1].(map[string]any)["order"].(map[string]any); data["buyer"] != nil {
		t.Errorf("served %v", data)
	}
	single := l.do("GET", "/v1/orders/"+string(l.shard.orders[l.a.id][1].ID)+"?include=personal", l.scoped(erpRole), "")
	if single.Body.String() != string(l.shard.orders[l.a.id][1].Doc)+"\n" || len(l.people.rows) != 2 {
		t.Errorf("served %s", single.Body)
	}
}

// A foreign order is answered like a missing one with personal fields, too, and nothing of it is opened.
func TestForeignPersonalIsMissing(t *testing.T) {
	l := newLab(t)
	l.withPeople()
	pairs := 0
	for _, key := range []string{l.scoped(erpRole), l.scoped(merchant), l.a.keys[erpRole]} {
		for foreign, missing := range map[string]string{
			"/v1/orders/" + string(l.b.order) + "?include=personal":                                "/v1/orders/ord_0000000000000000000000zzzz?include=personal",
			"/v1/orders/" + string(l.b.order) + "?include=personal&tenant=" + string(l.b.id):       "/v1/orders/x?include=personal&tenant=ten_0000000000000000000000zzzz",
			"/v1/orders/feed?include=personal&tenant=" + string(l.b.id):                            "/v1/orders/feed?include=personal&tenant=x",
			"/v1/orders?include=personal&tenant=" + string(l.b.id):                                 "/v1/orders?include=personal&tenant=x",
			"/v1/orders?include=personal&connection_id=con_0000000000000000000000zzzz&cursor=abcd": "/v1/orders?include=personal&cursor=abcd",
		} {
			pairs++
			f, m := l.do("GET", foreign, key, ""), l.do("GET", missing, key, "")
			if fingerprint(f) != fingerprint(m) || f.Code < 400 {
				t.Errorf("foreign %s\nmissing %s", fingerprint(f), fingerprint(m))
			}
		}
	}
	if l.people.opened != 0 || len(l.people.rows) != 0 {
		t.Errorf("%d opened, %d rows", l.people.opened, len(l.people.rows))
	}
	t.Logf("%d pairs", pairs)
}

// HEAD serves nothing, so nothing is opened and nothing recorded; who may ask is the same.
func TestHeadOpensNothing(t *testing.T) {
	l := newLab(t)
	l.withPeople()
	server := httptest.NewServer(l.handler)
	defer server.Close()
	for _, path := range l.personalPaths(l.a) {
		for key, status := range map[string]int{l.scoped(erpRole): 200, l.a.keys[erpRole]: 403} {
			r := newRequest(t, http.MethodHead, server.URL+path+"&include=personal", "")
			r.RequestURI = ""
			r.Header.Set("Authorization", "Bearer "+key)
			answer, err := server.Client().Do(r)
			l.must(err)
			answer.Body.Close()
			if answer.StatusCode != status {
				t.Errorf("HEAD %s: %d", path, answer.StatusCode)
			}
		}
	}
	if l.people.opened != 0 || len(l.people.rows) != 0 {
		t.Errorf("%d opened, %d rows", l.people.opened, len(l.people.rows))
	}
}

// Only the three addresses know the parameter.
func TestIncludeElsewhereIsRefused(t *testing.T) {
	l := newLab(t)
	n := 0
	for i, r := range routes() {
		if r.method == "GET" && strings.HasPrefix(r.path, "/v1/orders") {
			continue
		}
		key := l.a.keys[r.roles[0]]
		if r.roles[0] == operator {
			key = l.operator
		}
		n++
		l.want(l.do(r.method, l.fill(r.path, l.a, i)+"?include=personal", key, l.fill(r.body, l.a, i)), 422, "request_invalid")
	}
	t.Logf("%d routes", n)
}

// Whoever is let in is named to what is behind the door.
func TestActorIsKnown(t *testing.T) {
	l := newLab(t)
	bootstrap := strings.Repeat("bootstrap", 4)
	l.api.Directory.Trust(bootstrap)
	for _, key := range []string{l.operator, bootstrap} {
		id := l.want(l.do("POST", "/v1/forget-cycles", key, ""), 200, "").Header().Get("X-Request-Id")
		got := l.forget.actor
		if got.Role != "operator" || got.Request != id || hub.ValidID(hub.KeyPrefix, string(got.Key)) != (key == l.operator) || (got.Key == "") != (key == bootstrap) {
			t.Errorf("%+v", got)
		}
	}
}

// keeper keeps the memory that was written, not a copy of it.
type keeper struct {
	*httptest.ResponseRecorder
	written [][]byte
}

func (k *keeper) Write(p []byte) (int, error) {
	k.written = append(k.written, p)
	return k.ResponseRecorder.Write(p)
}

// The memory of a page is used for the next one: nothing personal is left in it, and nothing is taken away before it is written.
func TestPersonalMemoryIsWiped(t *testing.T) {
	l := newLab(t)
	l.withPeople()
	key := l.scoped(erpRole)
	for round := range 4 {
		for _, path := range l.personalPaths(l.a)[:2] {
			w := &keeper{ResponseRecorder: httptest.NewRecorder()}
			r := httptest.NewRequest(http.MethodGet, path+"&include=personal", nil)
			r.Header.Set("Authorization", "Bearer "+key)
			l.handler.ServeHTTP(w, r)
			var sent struct{ Data []json.RawMessage }
			if err := json.Unmarshal(w.Body.Bytes(), &sent); err != nil || len(sent.Data) != 3 || strings.Count(w.Body.String(), "canary Ana") != 3 {
				t.Errorf("round %d, %s: %v: %s", round, path, err, w.Body)
			}
			for _, p := range w.written {
				if left := strings.Trim(string(p[:cap(p)]), "\x00"); left != "" {
					t.Errorf("round %d, %s: left in memory: %.100s", round, path, left)
				}
			}
		}
	}
}

// What is kept for the next page is bounded.
func TestScratchIsBounded(t *testing.T) {
	s := scratch{documents: []byte("personal")[:3], text: make([]byte, 0, largestScratch+1)}
	documents, text := s.documents, append(s.text, "personal"...)
	s.wipe()
	if s.text != nil || len(s.documents) != 3 || strings.Trim(string(documents[:8])+string(text), "\x00") != "" {
		t.Errorf("left %q and %q", documents[:8], text)
	}
}

// long gives an order of the first tenant a note of n bytes, and returns where its personal fields are served.
func (l *lab) long(n int) (target, key string) {
	l.withPeople()
	l.people.left, l.people.fail = time.Minute, map[string]error{}
	l.people.seal(l.a.order, hub.Personal{Buyer: &hub.Buyer{Note: strings.Repeat("canary ", n/7)}})
	return l.personalPaths(l.a)[2] + "&include=personal", l.scoped(erpRole)
}

// An answer goes on only while its personal fields may be served: what a hub finds out in the middle cuts it.
func TestPersonalIsCutInTheMiddle(t *testing.T) {
	l := newLab(t)
	target, key := l.long(10 * personalPiece)
	for looks := 2; looks < 8; looks++ { // the first is before anything is sent, and the last fails
		l.people.looks, l.people.fail["fresh"] = looks, nil
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Header.Set("Authorization", "Bearer "+key)
		func() {
			defer func() {
				if thrown := recover(); thrown != http.ErrAbortHandler {
					t.Errorf("%d looks: the answer ends with %v", looks, thrown)
				}
			}()
			l.handler.ServeHTTP(w, r)
		}()
		if n := w.Body.Len(); n != (looks-2)*personalPiece {
			t.Errorf("%d looks: %d bytes were sent", looks, n)
		}
	}
}

// A client that stops reading does not get the rest later than it may: the connection is cut with the lease.
func TestPersonalIsCutWithTheLease(t *testing.T) {
	l := newLab(t)
	const size = 7_000_000 // more than sockets hold
	target, key := l.long(size)
	l.people.left = 50 * time.Millisecond
	ended := make(chan any, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			thrown := recover()
			ended <- thrown
			panic(thrown)
		}()
		l.handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	l.must(err)
	defer c.Close()
	l.must(c.(*net.TCPConn).SetReadBuffer(64 << 10))
	_, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer %s\r\n\r\n", target, key)
	l.must(err)
	if thrown := <-ended; thrown != http.ErrAbortHandler {
		t.Errorf("the answer ends with %v", thrown)
	}
	got, err := io.ReadAll(c) // the last thing that the server does is closing
	if len(got) >= size || !strings.HasPrefix(string(got), "HTTP/1.1 200") {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	t.Logf("%d of %d bytes before the lease was over", len(got), size)
}
