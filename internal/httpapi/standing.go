package httpapi

import (
	"time"

	"hub"
	"hub/internal/connect"
)

// standing is one connection with all that is known about it.
type standing struct {
	Connection
	State       string     `json:"state" enum:"hook_only,ok,refreshing,reconnect_needed,disconnected" doc:"hook_only: it only receives webhooks"`
	Code        hub.Code   `json:"state_code,omitempty" doc:"Why, for programs" example:"refresh_refused"`
	Hint        string     `json:"hint,omitempty" doc:"What to do about it"`
	ConnectedAt *time.Time `json:"connected_at,omitempty" doc:"When the owner gave permission last"`
	RenewBy     *time.Time `json:"renew_by,omitempty" doc:"When the owner must have given permission again; absent when the platform sets no end"`
	Token       *tokenView `json:"token,omitempty"`
	Check       *checkView `json:"check,omitempty" doc:"The last check; absent when there was none yet"`
	Calls       []callView `json:"calls" nullable:"false" doc:"Calls to the platform as this hub sees them, by class"`
}

// tokenView says how long tokens live, and nothing of what they are.
type tokenView struct {
	AccessUntil  *time.Time `json:"access_until,omitempty" doc:"Absent when it does not end"`
	RefreshAt    *time.Time `json:"refresh_at,omitempty" doc:"When the next one is asked for"`
	RefreshUntil *time.Time `json:"refresh_until,omitempty" doc:"Until when that is possible"`
	RefreshedAt  *time.Time `json:"refreshed_at,omitempty"`
	Failures     int        `json:"failures" doc:"Since the last success"`
}

// checkView is the last check of a connection.
type checkView struct {
	At     time.Time       `json:"at"`
	OK     bool            `json:"ok" doc:"Nobody has to do anything"`
	Name   string          `json:"shop_name,omitempty"`
	Checks []findingView   `json:"checks" nullable:"false"`
	Mended []mendedFinding `json:"mended" nullable:"false" doc:"What the hub put right by itself, newest first"`
}

type findingView struct {
	Name   string   `json:"name" example:"scopes"`
	OK     bool     `json:"ok"`
	Code   hub.Code `json:"code,omitempty" example:"scope_missing"`
	Detail string   `json:"detail,omitempty" example:"read_orders"`
	Hint   string   `json:"hint,omitempty" doc:"What to do about it"`
}

type mendedFinding struct {
	At     time.Time `json:"at"`
	Code   string    `json:"code"`
	Detail string    `json:"detail,omitempty"`
}

// callView is how one class of calls stands.
type callView struct {
	Class       string     `json:"class" example:"orders"`
	Breaker     string     `json:"breaker" enum:"closed,half-open,open"`
	BudgetLeft  float64    `json:"budget_left" doc:"In the platform's unit"`
	BudgetSize  float64    `json:"budget_size"`
	PerSecond   float64    `json:"budget_per_second"`
	LastError   string     `json:"last_error,omitempty" doc:"Its kind"`
	LastCode    hub.Code   `json:"last_code,omitempty"`
	LastErrorAt *time.Time `json:"last_error_at,omitempty"`
	LastSuccess *time.Time `json:"last_success,omitempty"`
}

type standingAnswer struct {
	Body standing
}

// hookOnly is the state of a connection that was never authorised through a platform's page.
const hookOnly = "hook_only"

func showStanding(c Connection, st connect.Status) standing {
	v := standing{
		Connection: c, State: string(st.Standing), Code: st.Code, Hint: connect.Told(st.Code), ConnectedAt: given(st.ConnectedAt),
		RenewBy: given(st.GrantUntil), Calls: []callView{},
	}
	if st.Standing == "" {
		v.State = hookOnly
	} else if st.Standing != connect.Disconnected {
		v.Token = &tokenView{given(st.AccessUntil), given(st.RefreshAt), given(st.RefreshUntil), given(st.RefreshedAt), st.Failures}
	}
	if r := st.Report; r != nil {
		check := &checkView{At: r.At.UTC(), OK: r.OK(), Name: r.Name, Checks: []findingView{}, Mended: []mendedFinding{}}
		for _, f := range r.Checks {
			check.Checks = append(check.Checks, findingView(f))
		}
		for _, m := range r.Mended {
			check.Mended = append(check.Mended, mendedFinding{m.At.UTC(), m.Code, m.Detail})
		}
		v.Check = check
	}
	for _, one := range st.Calls {
		v.Calls = append(v.Calls, callView{
			one.Class, one.Breaker, one.Left, one.Size, one.PerSecond, one.LastError, one.LastCode, given(one.LastErrorAt), given(one.LastSuccess),
		})
	}
	return v
}
