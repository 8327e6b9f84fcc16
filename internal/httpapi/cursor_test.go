package httpapi

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPagesFollowEachOther(t *testing.T) {
	l := newLab(t)
	for path, role := range map[string]string{
		"/v1/orders?limit=1": l.a.keys[erpRole], "/v1/parked?limit=1&state=open": l.a.keys[merchant], "/v1/orders?limit=1&tenant=" + string(l.a.id): l.operator,
		"/v1/keys?limit=2": l.operator, "/v1/tenants?limit=1": l.operator, "/v1/connections?limit=1": l.operator, "/v1/apps?limit=1": l.operator,
	} {
		seen, pages := map[string]bool{}, 0
		for next := path; next != ""; pages++ {
			got := l.want(l.do("GET", next, role, ""), 200, "")
			for _, row := range got.body["data"].([]any) {
				seen[string(mustJSON(t, row))] = true
			}
			link := got.Header().Get("Link")
			if (link != "") != (got.body["has_more"] == true) || (got.body["next_cursor"] != nil) != (link != "") {
				t.Fatalf("%s: Link %q beside %v", next, link, got.body)
			}
			next = strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
		}
		want := map[string]int{"/v1/keys": 9, "/v1/tenants": 2, "/v1/connections": 2, "/v1/apps": 2}[strings.Split(path, "?")[0]]
		if want == 0 {
			want = 3
		}
		if len(seen) != want {
			t.Errorf("%s: %d rows on %d pages, want %d", path, len(seen), pages, want)
		}
	}
}

func TestCursorIsBoundToItsList(t *testing.T) {
	l := newLab(t)
	key := l.a.keys[merchant]
	cursor := l.do("GET", "/v1/orders?limit=1&status=open", key, "").body["next_cursor"].(string)
	l.want(l.do("GET", "/v1/orders?limit=3&status=open&cursor="+cursor, key, ""), 200, "") // the limit may change
	l.want(l.do("GET", "/v1/orders?status=open&tenant="+string(l.a.id)+"&cursor="+cursor, l.operator, ""), 200, "")
	raw, _ := base64.RawURLEncoding.DecodeString(cursor)
	refused := []string{
		"/v1/orders?cursor=" + cursor, "/v1/orders?status=completed&cursor=" + cursor, "/v1/parked?cursor=" + cursor,
		"/v1/orders?status=open&platform=shopify&cursor=" + cursor, "/v1/orders?status=open&cursor=" + cursor[:len(cursor)-1],
		"/v1/orders?status=open&cursor=" + cursor + "A", "/v1/orders?status=open&cursor=" + url.QueryEscape(cursor+"="),
		"/v1/orders?status=open&cursor=" + strings.Repeat("A", 256), "/v1/orders?status=open&cursor=AAAA",
	}
	for i := range raw { // one bit at every place
		flipped := append([]byte{}, raw...)
		flipped[i] ^= 1
		refused = append(refused, "/v1/orders?status=open&cursor="+base64.RawURLEncoding.EncodeToString(flipped))
	}
	for _, target := range refused {
		l.want(l.do("GET", target, key, ""), 422, "cursor_invalid")
	}
	t.Logf("%d cursors refused", len(refused))
}

func FuzzCursor(f *testing.F) {
	l := listing{"orders", "ten_1", []string{"open", ""}}
	f.Add(l.cursor("ord_1"))
	f.Add(l.cursor("ord_1")[:22] + "B") // bits that no byte has
	f.Add(l.cursor("ord_1") + "\n")
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAA")
	f.Add(strings.Repeat("_", 300))
	f.Fuzz(func(t *testing.T, text string) {
		after, err := l.after(text)
		if err == nil && text != "" && l.cursor(after) != text {
			t.Errorf("%q was taken as %q, which prints as %q", text, after, l.cursor(after))
		}
		other := listing{"orders", "ten_2", l.filter}
		if _, err := other.after(text); err == nil && text != "" && l.cursor(after) == text {
			t.Errorf("%q is good for two tenants", text)
		}
	})
}

func FuzzBody(f *testing.F) {
	f.Add([]byte(`{"reference":"a"}`))
	f.Add([]byte(`{"a":{"a":[1,{"b":null}]},"a":1}`))
	f.Add([]byte(strings.Repeat(`{"a":`, 64)))
	f.Fuzz(func(t *testing.T, body []byte) {
		members, err := checkJSON(body)
		if err == nil && (!utf8.Valid(body) || len(members) > len(body)) {
			t.Errorf("%q was taken", body)
		}
	})
}
