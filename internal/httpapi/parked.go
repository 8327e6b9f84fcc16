package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"hub"
	"hub/gdpr"
	"hub/internal/intake"
	"hub/internal/tenancy"
)

func (s *server) parked() {
	looking := []tenancy.Role{tenancy.RoleMerchant, tenancy.RoleOperator, tenancy.RoleAuditor}
	acting := []tenancy.Role{tenancy.RoleMerchant, tenancy.RoleOperator}
	register(s, operation{
		id: "list-parked", method: http.MethodGet, path: "/v1/parked", tag: "Parked deliveries", roles: looking,
		summary:     "List parked deliveries",
		description: "Deliveries that were accepted and cannot be applied, with the reason: a code and a place in the payload, never a value. An operator who names the tenant `operator` sees those that belong to no shop.",
		errors:      []int{http.StatusNotFound},
	}, s.listParked)
	register(s, operation{
		id: "summarise-parked", method: http.MethodGet, path: "/v1/parked/summary", tag: "Parked deliveries", roles: looking,
		summary: "Count parked deliveries by cause",
		description: "The open ones, by code, place in the payload, platform and topic: how many they are, how many orders, and the money in them. " +
			"Nothing is guessed: what is not readable is counted apart.",
		errors: []int{http.StatusNotFound},
	}, s.parkedSummary)
	register(s, operation{
		id: "replay-parked-deliveries", method: http.MethodPost, path: "/v1/parked/replay", tag: "Parked deliveries", roles: acting,
		summary: "Try many parked deliveries again",
		description: "Each open one that the filter takes, by itself, up to limit in the order of their ids, under today's rules. Ask again with next_cursor until has_more is false; " +
			"asking again from the beginning deals only with what is still open. A page can end early. With dry_run nothing changes, and each is tried against what is stored now.",
		errors: []int{http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType},
	}, s.replayMany)
	register(s, operation{
		id: "replay-parked", method: http.MethodPost, path: "/v1/parked/{id}/replay", tag: "Parked deliveries", roles: acting,
		summary:     "Try a parked delivery again",
		description: "Under today's rules. It is applied now, or it stays parked with today's reason. One that belonged to no shop moves to its connection when that is there now. With dry_run nothing changes.",
		errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, s.replayParked)
	register(s, operation{
		id: "drop-parked", method: http.MethodPost, path: "/v1/parked/{id}/drop", tag: "Parked deliveries", roles: acting,
		summary: "Give a parked delivery up", description: "Its payload is deleted, its row stays.",
		errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.dropParked)
}

// parkedTenant is tenant, and lets an operator name the reserved tenant of what belongs to no merchant.
func (c caller) parkedTenant(named string) (hub.TenantID, error) {
	if c.Operator() && hub.TenantID(named) == hub.Operator {
		return hub.Operator, nil
	}
	return c.tenant(named)
}

// parkedDelivery is one delivery that cannot be applied.
type parkedDelivery struct {
	ParkedID     string       `json:"parked_id" example:"prk_01j9z3k6m8q0r2t4v6x8z0b2d4"`
	ConnectionID string       `json:"connection_id,omitempty" doc:"Absent when no connection was found"`
	Platform     hub.Platform `json:"platform"`
	Topic        string       `json:"topic,omitempty" doc:"As the platform spells it"`
	Code         hub.Code     `json:"code" doc:"Which rule it breaks" example:"money_invalid"`
	Path         string       `json:"path,omitempty" doc:"Where in the payload" example:"line_items[2].price"`
	State        string       `json:"state" enum:"open,replayed,dropped,closed" doc:"closed when a version of the order that is as new or newer was applied"`
	Attempts     int          `json:"attempts" doc:"Replays that failed again"`
	ReceivedAt   time.Time    `json:"received_at"`
	ParkedAt     time.Time    `json:"parked_at"`
	ExternalID   string       `json:"external_id,omitempty" doc:"The order's id at the platform; absent when not readable"`
	UpdatedAt    *time.Time   `json:"source_updated_at,omitempty" doc:"Of the order's version; absent when not readable"`
	Total        *hub.Money   `json:"total,omitempty" doc:"The order's grand total; absent when not readable"`
	ClosedBy     int64        `json:"closed_by_revision,omitempty" doc:"The revision of the order that closed it"`
}

func showParked(p intake.Parked) parkedDelivery {
	return parkedDelivery{
		string(p.ID), string(p.Connection), p.Platform, p.Topic, p.Code, p.Path, string(p.State), p.Attempts,
		p.ReceivedAt.UTC(), p.ParkedAt.UTC(), string(p.Gist.ExternalID), given(p.Gist.SourceUpdatedAt), p.Gist.Total, p.ClosedBy,
	}
}

type parkedQuery struct {
	TenantParameter
	State string `query:"state" enum:"open,replayed,dropped,closed" doc:"In this state"`
	Code  string `query:"code" maxLength:"64" pattern:"^[a-z0-9_]+$" doc:"For this reason" example:"money_invalid"`
	Page
}

func (s *server) listParked(ctx context.Context, c caller, in *parkedQuery) (*listAnswer[parkedDelivery], error) {
	t, err := c.parkedTenant(in.Tenant)
	if err != nil {
		return nil, err
	}
	l := listing{"parked", t, []string{in.State, in.Code}}
	after, err := l.after(in.Cursor)
	if err != nil {
		return nil, err
	}
	f := intake.ParkedFilter{State: intake.ParkedState(in.State), Code: hub.Code(in.Code)}
	rows, err := s.Parking.List(ctx, t, f, hub.ParkedID(after), in.Limit+1)
	if err != nil {
		return nil, err
	}
	id := func(p intake.Parked) string { return string(p.ID) }
	parameters := url.Values{"tenant": {in.Tenant}, "state": {in.State}, "code": {in.Code}}
	return list(l, "/v1/parked", parameters, in.Limit, rows, id, showParked), nil
}

// ParkedPath names one parked delivery.
type ParkedPath struct {
	ID string `path:"id" maxLength:"64" doc:"The parked delivery's id"`
	TenantParameter
	IdempotencyKey
}

type replayQuery struct {
	ParkedPath
	DryRun bool `query:"dry_run" doc:"Say what would happen and change nothing"`
}

// find resolves tenant and id. An id that the hub cannot have made is not looked for.
func (in *ParkedPath) find(c caller) (hub.TenantID, hub.ParkedID, error) {
	t, err := c.parkedTenant(in.Tenant)
	if err == nil && !hub.ValidID(hub.ParkedPrefix, in.ID) {
		err = &hub.Error{Kind: hub.KindNotFound, Code: "parked_not_found"}
	}
	return t, hub.ParkedID(in.ID), err
}

// replayed says what became of a replay.
type replayed struct {
	ParkedID string         `json:"parked_id"`
	State    string         `json:"state" enum:"open,replayed,dropped,closed" doc:"The state that it is in now, or would be in; replayed when it was applied"`
	Outcome  string         `json:"outcome,omitempty" enum:"applied,unchanged,stale,noted,stays,moved,gone,settled" doc:"What came of it: a new revision, nothing new, older than the order, a hint or nothing to do, still parked, moved to its connection, not readable any more, dealt with meanwhile"`
	OrderID  string         `json:"order_id,omitempty" doc:"The order, when it is known"`
	Type     hub.ChangeType `json:"type,omitempty" doc:"Of the change, when applied"`
	Code     hub.Code       `json:"code,omitempty" doc:"Why it stays parked"`
	Path     string         `json:"path,omitempty" doc:"Where in the payload"`
	MovedTo  string         `json:"moved_to,omitempty" doc:"The connection that it was moved to"`
	DryRun   bool           `json:"dry_run,omitempty" doc:"Nothing was changed"`
}

func showReplayed(r intake.ReplayResult, dry bool) replayed {
	return replayed{string(r.ID), string(r.State), string(r.Outcome), string(r.Order), r.Type, r.Code, r.Path, string(r.MovedTo), dry}
}

type replayedAnswer struct {
	Body replayed
}

func (s *server) replayParked(ctx context.Context, c caller, in *replayQuery) (*replayedAnswer, error) {
	t, id, err := in.find(c)
	if err != nil {
		return nil, err
	}
	result, err := s.Parking.Replay(ctx, t, id, in.DryRun)
	if err != nil {
		return nil, settled(err)
	}
	return &replayedAnswer{showReplayed(result, in.DryRun)}, nil
}

// settled names the two ways in which a parked delivery cannot be dealt with. Another conflict is one of the moment.
func settled(err error) error {
	switch hub.CodeOf(err) {
	case intake.CodeParkedSettled:
		return &hub.Error{Kind: hub.KindConflict, Code: intake.CodeParkedSettled}
	case gdpr.CodeKeyGone:
		return &hub.Error{Kind: hub.KindConflict, Code: "parked_unreadable"}
	}
	if hub.KindOf(err) == hub.KindConflict {
		return &hub.Error{Kind: hub.KindUnavailable, Code: hub.CodeOf(err), Op: "replaying", Err: err}
	}
	return missing(err, "parked_not_found")
}

func (s *server) dropParked(ctx context.Context, c caller, in *ParkedPath) (*replayedAnswer, error) {
	t, id, err := in.find(c)
	if err != nil {
		return nil, err
	}
	if err := s.Parking.Drop(ctx, t, id); err != nil {
		return nil, settled(err)
	}
	return &replayedAnswer{replayed{ParkedID: string(id), State: string(intake.ParkedDropped)}}, nil
}
