package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hub"
	"hub/internal/intake"
	"hub/internal/tenancy"
)

func (s *server) renormalisations() {
	register(s, operation{
		id: "renormalise-orders", method: http.MethodPost, path: "/v1/renormalisations", tag: "Orders",
		roles:   []tenancy.Role{tenancy.RoleMerchant, tenancy.RoleOperator},
		summary: "Read stored payloads again under today's rules",
		description: "After the hub's normalising rules have changed. With dry_run, which is the default, it says what would be different: business values before and after, " +
			"of personal fields only their names. Without it each order that differs gets a new revision. An order's newer state is never replaced. " +
			"Orders whose payload was erased or is past its retention are skipped. Ask again with next_cursor until has_more is false.",
		errors: []int{http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType},
	}, s.renormalise)
}

type renormalisation struct {
	TenantParameter
	IdempotencyKey
	Body struct {
		Tenant     string     `json:"tenant,omitempty" maxLength:"64" doc:"Which tenant, like the query parameter"`
		Connection string     `json:"connection_id,omitempty" maxLength:"64" doc:"Only orders of this connection"`
		Since      *time.Time `json:"since,omitempty" doc:"Only orders that the hub stored at or after this time (RFC 3339)"`
		Cursor     string     `json:"cursor,omitempty" maxLength:"256" doc:"Where to go on: next_cursor of the page before, with the same filter"`
		Limit      int        `json:"limit,omitempty" minimum:"1" maximum:"100" default:"50" doc:"How many orders at most"`
		DryRun     *bool      `json:"dry_run,omitempty" default:"true" doc:"Say what would be different and change nothing"`
	}
}

// scalar is one JSON value as it is written in a document; none is null.
type scalar json.RawMessage

// MarshalJSON prints the value itself.
func (v scalar) MarshalJSON() ([]byte, error) {
	if len(v) == 0 {
		return []byte("null"), nil
	}
	return v, nil
}

// Schema is any value.
func (scalar) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "A value of the order; null when it is absent"}
}

type renormalisedField struct {
	Path   string `json:"path" doc:"Where in the order" example:"totals.tax.amount"`
	Before scalar `json:"before"`
	After  scalar `json:"after"`
}

type renormalised struct {
	OrderID  string              `json:"order_id"`
	Revision int64               `json:"revision" doc:"Before"`
	Outcome  string              `json:"outcome" enum:"differs,renewed,overtaken,skipped,refused" doc:"Would be different; has a new revision; a newer state came in between; the payload is not there; today's rules do not take the payload"`
	Code     hub.Code            `json:"code,omitempty" doc:"Why it was skipped or refused" example:"payload_gone"`
	Path     string              `json:"path,omitempty" doc:"Where in the payload"`
	Rules    string              `json:"rules,omitempty" doc:"That the order was read under" example:"shopify/1"`
	Diff     []renormalisedField `json:"diff,omitempty" doc:"Business values that differ, in a dry run"`
	Personal []string            `json:"personal,omitempty" doc:"Names of personal fields that differ, in a dry run"`
	Blind    bool                `json:"personal_unknown,omitempty" doc:"Stored personal data cannot be read any more, so personal says nothing"`
}

type renormalisedAnswer struct {
	Body struct {
		Data       []renormalised `json:"data" nullable:"false" doc:"Orders of this page that are not as today's rules make them"`
		Counts     map[string]int `json:"counts" doc:"All orders of this page by outcome, also current (read under today's rules already) and same"`
		DryRun     bool           `json:"dry_run"`
		HasMore    bool           `json:"has_more" doc:"Whether others follow"`
		NextCursor *string        `json:"next_cursor" doc:"The cursor of the next page; null on the last"`
	}
}

func (s *server) renormalise(ctx context.Context, c caller, in *renormalisation) (*renormalisedAnswer, error) {
	t, err := c.tenant(cmp.Or(in.Tenant, in.Body.Tenant))
	if err != nil {
		return nil, err
	}
	f, since := intake.AppliedFilter{Connection: hub.ConnectionID(in.Body.Connection)}, ""
	if in.Body.Since != nil {
		f.Since = in.Body.Since.UTC()
		since = f.Since.Format(time.RFC3339Nano)
	}
	l := listing{"renormalisations", t, []string{in.Body.Connection, since}}
	after, err := l.after(in.Body.Cursor)
	if err != nil {
		return nil, invalid("cursor_invalid", "body.cursor", texts["cursor_invalid"])
	}
	dry := in.Body.DryRun == nil || *in.Body.DryRun
	page, err := s.Renewing.Page(ctx, t, f, hub.OrderID(after), in.Body.Limit, dry)
	if err != nil {
		return nil, err
	}
	out := &renormalisedAnswer{}
	out.Body.Data, out.Body.Counts, out.Body.DryRun, out.Body.HasMore = []renormalised{}, map[string]int{}, dry, page.More
	for _, r := range page.List {
		out.Body.Data = append(out.Body.Data, showRenewal(r))
	}
	for outcome, n := range page.Counts {
		out.Body.Counts[string(outcome)] = n
	}
	if page.More {
		cursor := l.cursor(string(page.Next))
		out.Body.NextCursor = &cursor
	}
	return out, nil
}

func showRenewal(r intake.Renewal) renormalised {
	shown := renormalised{
		OrderID: string(r.Order), Revision: r.Revision, Outcome: string(r.Outcome), Code: r.Code, Path: r.Path, Rules: r.From,
		Personal: r.Personal.Names(), Blind: r.Blind,
	}
	for _, d := range r.Business {
		shown.Diff = append(shown.Diff, renormalisedField{d.Path, scalar(d.Before), scalar(d.After)})
	}
	return shown
}
