package adaptertest

import (
	"bytes"
	"encoding/json"
	"testing"

	"hub"
	"hub/adapters/driver"
)

func testRead(t *testing.T, h Harness) {
	for _, d := range h.Deliveries {
		received := d.Notice.TriggeredAt.AddDate(0, 0, 1)
		got, err := h.Driver.Read(driver.Delivery{Notice: d.Notice, Account: h.Account, Body: d.Body, ReceivedAt: received})
		if d.Want == WantError {
			if hub.CodeOf(err) != d.Code || !hub.Parkable(err) {
				t.Errorf("%s: got %v, want code %s", d.Name, err, d.Code)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", d.Name, err)
			continue
		}
		if !means(got, d) {
			t.Errorf("%s: got %d drafts, %d hints, ignored %q", d.Name, len(got.Drafts), len(got.Hints), got.Ignored)
		}
	}
}

func means(got driver.Reading, d Delivery) bool {
	none := driver.Reading{}
	switch d.Want {
	case WantDraft:
		return len(got.Drafts) == 1 && got.Hints == nil && got.Ignored == "" && got.Drafts[0].Deleted.IsZero() &&
			got.Drafts[0].Order.ExternalID == d.ID && got.Drafts[0].Order.Check() == nil
	case WantDeleted:
		return len(got.Drafts) == 1 && got.Hints == nil && got.Ignored == "" &&
			got.Drafts[0].Deleted.Equal(d.Notice.TriggeredAt) && got.Drafts[0].Order.ExternalID == d.ID
	case WantHint:
		return len(got.Hints) == 1 && got.Drafts == nil && got.Ignored == "" &&
			got.Hints[0].ExternalID == d.ID && got.Hints[0].Kind != ""
	}
	return got.Ignored != "" && len(got.Drafts) == len(none.Drafts) && len(got.Hints) == 0
}

func testOrders(t *testing.T, h Harness) {
	spellings, adjusted := 0, 0
	for _, o := range h.Orders {
		first := ""
		for i, document := range o.Documents {
			text, ok := normalised(t, h, o, i, document)
			if !ok {
				continue
			}
			spellings++
			if first == "" {
				first = text
			}
			if text != first {
				t.Errorf("%s: spelling %d gives another order\n%s\n%s", o.Name, i, first, text)
			}
		}
		if o.Want != nil && first != string(bytes.TrimSpace(o.Want)) {
			t.Errorf("%s:\ngot  %s\nwant %s", o.Name, first, o.Want)
		}
		if o.Reason != "" {
			adjusted++
		}
	}
	t.Logf("%d orders in %d spellings, identity held in all, %d with an adjustment", len(h.Orders), spellings, adjusted)
}

// normalised splits and reads one spelling of one order, holds it against what is always true, and returns its JSON.
func normalised(t *testing.T, h Harness, o Order, spelling int, document []byte) (text string, ok bool) {
	t.Helper()
	parts, err := h.Driver.Split(document)
	if err != nil || len(parts) != 1 {
		t.Errorf("%s: spelling %d: split into %d: %v", o.Name, spelling, len(parts), err)
		return "", false
	}
	draft, err := h.Driver.Order(parts[0])
	if err != nil {
		t.Errorf("%s: spelling %d: %v", o.Name, spelling, err)
		return "", false
	}
	got := draft.Order
	if err := got.Check(); err != nil {
		t.Errorf("%s: spelling %d: %v", o.Name, spelling, err)
	}
	if got.ID != "" || got.TenantID != "" || got.ConnectionID != "" || got.Revision != 0 || got.Source.RawRef != "" {
		t.Errorf("%s: spelling %d: the driver gave identifiers of the hub", o.Name, spelling)
	}
	if got.Platform != h.Driver.Platform() || got.Source.Rules != h.Driver.Rules() || got.ExternalID == "" || got.SourceUpdatedAt.IsZero() {
		t.Errorf("%s: spelling %d: platform %q, rules %q, id %q, version %v", o.Name, spelling, got.Platform,
			got.Source.Rules, got.ExternalID, got.SourceUpdatedAt)
	}
	if a := got.Totals.Adjustment.Amount(); a != o.Adjustment || (got.Totals.Adjustment.Minor != 0) != (o.Reason != "") {
		t.Errorf("%s: spelling %d: adjustment %s, want %s (reason %q)", o.Name, spelling, a, o.Adjustment, o.Reason)
	}
	text = encode(t, got)
	clear(parts[0]) // a driver keeps nothing of what it was given
	if kept := encode(t, got); kept != text {
		t.Errorf("%s: spelling %d: the order changed with the bytes that it was read from", o.Name, spelling)
	}
	again, _ := h.Driver.Split(document)
	if draft, err := h.Driver.Order(again[0]); err != nil || encode(t, draft.Order) != text {
		t.Errorf("%s: spelling %d: the same bytes gave another order, %v", o.Name, spelling, err)
	}
	return text, true
}

func encode(t *testing.T, o hub.Order) string {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatalf("encoding order: %v", err)
	}
	return string(text)
}

func testEnvelopes(t *testing.T, h Harness) {
	var bare [][]byte
	var want []string
	for _, o := range h.Orders {
		for _, document := range o.Documents[:1] {
			parts, err := h.Driver.Split(document)
			if err != nil {
				t.Fatalf("%s: %v", o.Name, err)
			}
			draft, err := h.Driver.Order(parts[0])
			if err != nil {
				t.Fatalf("%s: %v", o.Name, err)
			}
			bare, want = append(bare, parts...), append(want, encode(t, draft.Order))
		}
	}
	for _, e := range h.Envelope(bare) {
		parts, err := h.Driver.Split(e.Document)
		if err != nil || len(parts) != len(want) {
			t.Errorf("%s: %d orders, want %d: %v", e.Name, len(parts), len(want), err)
			continue
		}
		for i, part := range parts {
			if draft, err := h.Driver.Order(part); err != nil || encode(t, draft.Order) != want[i] {
				t.Errorf("%s: order %d differs: %v", e.Name, i, err)
			}
		}
	}
}

func testBad(t *testing.T, h Harness) {
	for _, b := range h.Bad {
		draft, err := h.Driver.Order(b.Document)
		if hub.CodeOf(err) != b.Code || hub.PathOf(err) != b.Path || !hub.Parkable(err) {
			t.Errorf("%s: got %v (adjustment %v), want %s at %q", b.Name, err, draft.Order.Totals.Adjustment, b.Code, b.Path)
		}
	}
	t.Logf("%d bad documents", len(h.Bad))
}

func testStrange(t *testing.T, h Harness) {
	for _, s := range h.Strange {
		draft, err := h.Driver.Order(s.Document)
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		if draft.Order.PlatformStatus != s.Status {
			t.Errorf("%s: platform_status %q, want %q", s.Name, draft.Order.PlatformStatus, s.Status)
		}
	}
}
