package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"hub"
	"hub/gdpr"
	"hub/internal/intake"
)

func (l *lab) decode(body []byte, into any) {
	l.Helper()
	if err := json.Unmarshal(body, into); err != nil {
		l.Fatal(err)
	}
}

// Pages of replays go on with their cursor, which is bound to the filter, and a dry run leaves everything as it is.
func TestReplayManyInPages(t *testing.T) {
	l := newLab(t)
	key := l.a.keys[merchant]
	total := len(l.parked.rows[l.a.id])
	seen, cursor := 0, ""
	for range total + 1 {
		body := fmt.Sprintf(`{"limit":1,"dry_run":true,"cursor":%q,"code":"money_invalid","before":"2030-01-01T00:00:00+02:00"}`, cursor)
		got := l.do("POST", "/v1/parked/replay", key, body)
		l.want(got, 200, "")
		var page struct {
			Data       []struct{ Outcome string }
			Counts     map[string]int
			HasMore    bool    `json:"has_more"`
			NextCursor *string `json:"next_cursor"`
		}
		l.decode(got.Body.Bytes(), &page)
		if seen += len(page.Data); page.Counts["stays"] != len(page.Data) || page.HasMore != (page.NextCursor != nil) {
			t.Fatalf("%s", got.Body)
		}
		if !page.HasMore {
			break
		}
		cursor = *page.NextCursor
		l.want(l.do("POST", "/v1/parked/replay", key, fmt.Sprintf(`{"cursor":%q}`, cursor)), 422, "cursor_invalid")
		l.want(l.do("POST", "/v1/parked/replay", l.b.keys[merchant], strings.Replace(body, `"cursor":""`, fmt.Sprintf(`"cursor":%q`, cursor), 1)), 422, "cursor_invalid")
	}
	if seen != total || l.parked.filter.Code != hub.CodeMoneyInvalid || l.parked.filter.Before.Hour() != 22 {
		t.Errorf("%d of %d, filter %+v", seen, total, l.parked.filter)
	}
	for _, row := range l.parked.rows[l.a.id] {
		if row.Attempts != 0 || row.State != intake.ParkedOpen {
			t.Errorf("%+v", row)
		}
	}
	got := l.do("POST", "/v1/parked/"+string(l.a.parked)+"/replay?dry_run=true", key, "")
	l.want(got, 200, "")
	if !strings.Contains(got.Body.String(), `"dry_run":true`) {
		t.Errorf("%s", got.Body)
	}
}

// Renormalising is a dry run unless told otherwise, shows values as they are written, and goes on with its cursor.
func TestRenormalisePages(t *testing.T) {
	l := newLab(t)
	key := l.a.keys[merchant]
	got := l.do("POST", "/v1/renormalisations", key, `{}`)
	l.want(got, 200, "")
	for _, part := range []string{
		`"diff":[{"path":"channel","before":null,"after":"web"},{"path":"totals.tax.amount","before":"1.00","after":"2.00"}]`,
		`"personal":["buyer.note"]`, `"dry_run":true`, `"counts":{"differs":1,"same":50}`, `"has_more":true`,
	} {
		if !strings.Contains(got.Body.String(), part) {
			t.Errorf("%s is not in %s", part, got.Body)
		}
	}
	var page struct {
		NextCursor string `json:"next_cursor"`
	}
	l.decode(got.Body.Bytes(), &page)
	got = l.do("POST", "/v1/renormalisations", key, fmt.Sprintf(`{"dry_run":false,"cursor":%q}`, page.NextCursor))
	l.want(got, 200, "")
	if l.renewing.dry || l.renewing.tenant != l.a.id || l.renewing.after != "ord_1" || !strings.Contains(got.Body.String(), `"next_cursor":null`) {
		t.Errorf("asked %+v, answered %s", l.renewing, got.Body)
	}
	l.want(l.do("POST", "/v1/renormalisations", key, fmt.Sprintf(`{"connection_id":"con_1","cursor":%q}`, page.NextCursor)), 422, "cursor_invalid")
	l.want(l.do("POST", "/v1/renormalisations", key, `{"tenant":"`+string(l.b.id)+`"}`), 404, "tenant_not_found")
	l.want(l.do("POST", "/v1/renormalisations", l.operator, `{"tenant":"`+string(l.b.id)+`"}`), 200, "")
	if l.renewing.tenant != l.b.id {
		t.Errorf("asked %+v", l.renewing)
	}
}

// The lineage says of each revision whether it was published.
func TestLineageShown(t *testing.T) {
	l := newLab(t)
	got := l.do("GET", "/v1/orders/"+string(l.a.order)+"/lineage", l.a.keys[auditor], "")
	l.want(got, 200, "")
	var shown struct {
		PublishedThrough int64 `json:"published_through"`
		Revisions        []struct{ Published *bool }
		Complete         bool
	}
	l.decode(got.Body.Bytes(), &shown)
	if shown.PublishedThrough != 5 || len(shown.Revisions) != 2 || !*shown.Revisions[0].Published || *shown.Revisions[1].Published || !shown.Complete {
		t.Errorf("%s", got.Body)
	}
	l.want(l.do("GET", "/v1/orders/"+string(l.a.order)+"/lineage", l.b.keys[auditor], ""), 404, "order_not_found")
	l.api.Lineage.Told = nil
	got = l.do("GET", "/v1/orders/"+string(l.a.order)+"/lineage", l.a.keys[auditor], "")
	if !strings.Contains(got.Body.String(), `"published_through":null`) || !strings.Contains(got.Body.String(), `"published":null`) {
		t.Errorf("%s", got.Body)
	}
}

// What a replay or a drop fails with is told as what the caller can do about it: nothing, or the same again.
func TestConflictsOfParked(t *testing.T) {
	l := newLab(t)
	key := l.a.keys[merchant]
	conflict := func(code hub.Code) error { return &hub.Error{Kind: hub.KindConflict, Code: code, Op: "replaying"} }
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{conflict(intake.CodeParkedSettled), 409, "parked_settled"},
		{conflict(gdpr.CodeKeyGone), 409, "parked_unreadable"},
		{conflict(hub.CodeStaleEpoch), 503, "stale_epoch"},
		{conflict(gdpr.CodeSubjectFenced), 503, "subject_fenced"},
		{conflict(""), 503, "unavailable"},
		{&hub.Error{Kind: hub.KindNotFound, Op: "reading parked"}, 404, "parked_not_found"},
		{&hub.Error{Kind: hub.KindUnavailable, Code: "not_reconciled", Op: "moving"}, 503, "not_reconciled"},
		{&hub.Error{Kind: hub.KindUnknown, Op: "committing"}, 503, "unknown_outcome"},
		{errors.New("surprise"), 500, "internal"},
	} {
		l.parked.err = c.err
		for _, path := range []string{"/replay", "/replay?dry_run=true", "/drop"} {
			t.Run(fmt.Sprint(c.code, path), func(*testing.T) {
				l.want(l.do("POST", "/v1/parked/"+string(l.a.parked)+path, key, ""), c.status, c.code)
			})
		}
	}
}
