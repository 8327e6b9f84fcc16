package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"hub"
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
		id: "replay-parked", method: http.MethodPost, path: "/v1/parked/{id}/replay", tag: "Parked deliveries", roles: acting,
		summary:     "Try a parked delivery again",
		description: "Under today's rules. It is applied now, or it stays parked with today's reason.",
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
	State        string       `json:"state" enum:"open,replayed,dropped"`
	Attempts     int          `json:"attempts" doc:"Replays that failed again"`
	ReceivedAt   time.Time    `json:"received_at"`
	ParkedAt     time.Time    `json:"parked_at"`
}

func showParked(p intake.Parked) parkedDelivery {
	return parkedDelivery{
		string(p.ID), string(p.Connection), p.Platform, p.Topic, p.Code, p.Path, string(p.State), p.Attempts,
		p.ReceivedAt.UTC(), p.ParkedAt.UTC(),
	}
}

type parkedQuery struct {
	TenantParameter
	State string `query:"state" enum:"open,replayed,dropped" doc:"In this state"`
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

type parkedPath struct {
	ID string `path:"id" maxLength:"64" doc:"The parked delivery's id"`
	TenantParameter
	IdempotencyKey
}

// find resolves tenant and id. An id that the hub cannot have made is not looked for.
func (in *parkedPath) find(c caller) (hub.TenantID, hub.ParkedID, error) {
	t, err := c.parkedTenant(in.Tenant)
	if err == nil && !hub.ValidID(hub.ParkedPrefix, in.ID) {
		err = &hub.Error{Kind: hub.KindNotFound, Code: "parked_not_found"}
	}
	return t, hub.ParkedID(in.ID), err
}

// replayed says what became of a replay.
type replayed struct {
	ParkedID string   `json:"parked_id"`
	State    string   `json:"state" enum:"open,replayed,dropped" doc:"replayed when it was applied"`
	Code     hub.Code `json:"code,omitempty" doc:"Why it stays parked"`
	Path     string   `json:"path,omitempty" doc:"Where in the payload"`
}

type replayedAnswer struct {
	Body replayed
}

func (s *server) replayParked(ctx context.Context, c caller, in *parkedPath) (*replayedAnswer, error) {
	t, id, err := in.find(c)
	if err != nil {
		return nil, err
	}
	result, err := s.Parking.Replay(ctx, t, id)
	if err != nil {
		return nil, settled(err)
	}
	return &replayedAnswer{replayed{string(id), string(result.State), result.Code, result.Path}}, nil
}

// settled names the two ways in which a parked delivery is not to be dealt with any more.
func settled(err error) error {
	if hub.KindOf(err) == hub.KindConflict {
		return &hub.Error{Kind: hub.KindConflict, Code: "parked_settled"}
	}
	return missing(err, "parked_not_found")
}

func (s *server) dropParked(ctx context.Context, c caller, in *parkedPath) (*replayedAnswer, error) {
	t, id, err := in.find(c)
	if err != nil {
		return nil, err
	}
	if err := s.Parking.Drop(ctx, t, id); err != nil {
		return nil, settled(err)
	}
	return &replayedAnswer{replayed{ParkedID: string(id), State: string(intake.ParkedDropped)}}, nil
}
