package hubtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"hub/internal/demo"
)

// rawChange is a change with the bytes that it came in.
type rawChange struct {
	demo.Change
	raw json.RawMessage
}

// rawFeed reads one page.
func rawFeed(ctx context.Context, c demo.Client, after int64, wait time.Duration) ([]rawChange, error) {
	var page struct {
		Data []json.RawMessage `json:"data"`
	}
	path := fmt.Sprintf("/v1/orders/feed?after=%d&limit=250&wait=%s", after, wait)
	if err := c.Do(ctx, http.MethodGet, path, nil, &page); err != nil {
		return nil, err
	}
	changes := make([]rawChange, len(page.Data))
	for i, raw := range page.Data {
		changes[i].raw = raw
		if err := json.Unmarshal(raw, &changes[i].Change); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// wholeFeed reads everything from the beginning.
func wholeFeed(t *testing.T, c demo.Client) (all []rawChange) {
	t.Helper()
	var after int64
	for {
		page, err := rawFeed(t.Context(), c, after, 0)
		if err != nil {
			t.Fatal("reading the feed: ", err)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		after = page[len(page)-1].Sequence
	}
}

// violations counts what must never happen.
type violations struct {
	lost      int // an answered version that is not in the feed, nor a newer one
	twice     int // a version of an order more than once
	holes     int // in the numbers of a feed
	births    int // a first revision that is not a creation, or a creation that is not first
	disorder  int // revisions of an order out of step
	rewritten int // a page that reads differently than before
	forgotten int // an acknowledgement that was answered with success and is gone
}

func (v violations) sum() int {
	return v.lost + v.twice + v.holes + v.births + v.disorder + v.rewritten + v.forgotten
}

// judge compares a whole feed with what the merchant was promised and what the reader saw on the way.
func judge(t *testing.T, c demo.Client, m *merchant, r *reader) (v violations, changes int) {
	t.Helper()
	newest := map[string]time.Time{}
	revision := map[string]int64{}
	versions := map[string]bool{}
	all := wholeFeed(t, c)
	for i, change := range all {
		o := change.Order
		if change.Sequence != int64(i)+1 {
			v.holes++
		}
		if o.Revision != revision[o.ExternalID]+1 {
			v.disorder++
		}
		if (o.Revision == 1) != (change.Type == "order.created") {
			v.births++
		}
		version := o.ExternalID + "@" + o.SourceUpdatedAt.String()
		if versions[version] {
			v.twice++
		}
		versions[version], revision[o.ExternalID] = true, o.Revision
		newest[o.ExternalID] = o.SourceUpdatedAt
		if seen, ok := r.seen[change.Sequence]; ok && seen != string(change.raw) {
			v.rewritten++
		}
	}
	for sequence := range r.seen {
		if sequence > int64(len(all)) {
			v.rewritten++ // was served and is gone
		}
	}
	for id, updated := range m.answered {
		if newest[id].Before(updated) {
			v.lost++
		}
	}
	for order, reference := range r.acks {
		if c.Acknowledge(t.Context(), order, reference) != nil || c.Acknowledge(t.Context(), order, reference+"-other") == nil {
			v.forgotten++
		}
	}
	return v, len(all)
}
