package httpapi

import (
	"context"
	"time"

	"hub"
	"hub/internal/intake"
)

// given is a time that may be absent.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// parkedCause is why deliveries lie parked.
type parkedCause struct {
	Code          hub.Code     `json:"code" example:"money_invalid"`
	Path          string       `json:"path,omitempty" doc:"Where in the payload, without the numbers of list items" example:"line_items[].price"`
	Platform      hub.Platform `json:"platform"`
	Topic         string       `json:"topic,omitempty" doc:"As the platform spells it"`
	Deliveries    int          `json:"deliveries"`
	Orders        int          `json:"orders" doc:"Different orders among the deliveries whose order is readable"`
	UnknownOrders int          `json:"unknown_orders" doc:"Deliveries whose order is not readable"`
	Money         []hub.Money  `json:"money" nullable:"false" doc:"Per currency, the newest readable total of each of the orders"`
	UnknownMoney  int          `json:"unknown_money" doc:"Of the orders, those without a readable total"`
	Oldest        time.Time    `json:"oldest" doc:"When the oldest was received"`
	Newest        time.Time    `json:"newest" doc:"When the newest was received"`
}

type parkedCauses struct {
	Body struct {
		Data     []parkedCause `json:"data" nullable:"false"`
		Complete bool          `json:"complete" doc:"False when more lies parked than one answer counts; the oldest are counted then"`
	}
}

func (s *server) parkedSummary(ctx context.Context, c caller, in *struct{ TenantParameter }) (*parkedCauses, error) {
	t, err := c.parkedTenant(in.Tenant)
	if err != nil {
		return nil, err
	}
	found, err := s.Parking.Causes(ctx, t)
	if err != nil {
		return nil, err
	}
	out := &parkedCauses{}
	out.Body.Data, out.Body.Complete = []parkedCause{}, found.Complete
	for _, f := range found.List {
		out.Body.Data = append(out.Body.Data, parkedCause{
			f.Code, f.Path, f.Platform, f.Topic, f.Deliveries, f.Orders, f.UnknownOrders, append([]hub.Money{}, f.Money...), f.UnknownMoney,
			f.Oldest.UTC(), f.Newest.UTC(),
		})
	}
	return out, nil
}

type manyReplays struct {
	TenantParameter
	IdempotencyKey
	Body struct {
		Code       string       `json:"code,omitempty" maxLength:"64" pattern:"^[a-z0-9_]+$" doc:"Only those with this reason" example:"money_invalid"`
		Platform   hub.Platform `json:"platform,omitempty" doc:"Only of this platform"`
		Connection string       `json:"connection_id,omitempty" maxLength:"64" doc:"Only of this connection"`
		Before     *time.Time   `json:"before,omitempty" doc:"Only those received before this time (RFC 3339)"`
		Cursor     string       `json:"cursor,omitempty" maxLength:"256" doc:"Where to go on: next_cursor of the page before, with the same filter"`
		Limit      int          `json:"limit,omitempty" minimum:"1" maximum:"100" default:"50" doc:"How many at most"`
		DryRun     bool         `json:"dry_run,omitempty" doc:"Say what would happen and change nothing"`
	}
}

// manyReplayed is a page of results.
type manyReplayed struct {
	Body struct {
		Data       []replayed     `json:"data" nullable:"false"`
		Counts     map[string]int `json:"counts" doc:"Results of this page by outcome"`
		HasMore    bool           `json:"has_more" doc:"Whether others follow"`
		NextCursor *string        `json:"next_cursor" doc:"The cursor of the next page; null on the last"`
	}
}

func (s *server) replayMany(ctx context.Context, c caller, in *manyReplays) (*manyReplayed, error) {
	t, err := c.parkedTenant(in.Tenant)
	if err != nil {
		return nil, err
	}
	f := intake.ParkedFilter{Code: hub.Code(in.Body.Code), Platform: in.Body.Platform, Connection: hub.ConnectionID(in.Body.Connection)}
	before := ""
	if in.Body.Before != nil {
		f.Before = in.Body.Before.UTC()
		before = f.Before.Format(time.RFC3339Nano)
	}
	l := listing{"parked/replay", t, []string{in.Body.Code, string(f.Platform), in.Body.Connection, before}}
	after, err := l.after(in.Body.Cursor)
	if err != nil {
		return nil, invalid("cursor_invalid", "body.cursor", texts["cursor_invalid"])
	}
	done, err := s.Parking.ReplayMany(ctx, t, f, hub.ParkedID(after), in.Body.Limit, in.Body.DryRun)
	if err != nil {
		return nil, err
	}
	out := &manyReplayed{}
	out.Body.Data, out.Body.Counts, out.Body.HasMore = []replayed{}, map[string]int{}, done.More
	for _, r := range done.Results {
		out.Body.Data = append(out.Body.Data, showReplayed(r, in.Body.DryRun))
		out.Body.Counts[string(r.Outcome)]++
	}
	if done.More {
		cursor := l.cursor(string(done.Next))
		out.Body.NextCursor = &cursor
	}
	return out, nil
}
