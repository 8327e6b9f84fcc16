package main

import (
	"net/http"
	"net/url"
	"strconv"
)

type parkedCommands struct {
	List   parkedList   `cmd:"" help:"List parked deliveries."`
	Replay parkedReplay `cmd:"" help:"Try some again under today's rules: those that are named, or all that the filter takes."`
	Drop   parkedDrop   `cmd:"" help:"Give one up; its payload is deleted."`
}

// parked is one as the API shows it.
type parked struct {
	ParkedID     string `json:"parked_id"`
	ConnectionID string `json:"connection_id,omitempty"`
	Platform     string `json:"platform,omitempty"`
	Topic        string `json:"topic,omitempty"`
	Code         string `json:"code,omitempty"`
	Path         string `json:"path,omitempty"`
	State        string `json:"state"`
	Attempts     int    `json:"attempts"`
	ReceivedAt   string `json:"received_at,omitempty"`
	ParkedAt     string `json:"parked_at,omitempty"`
	ExternalID   string `json:"external_id,omitempty"`
	UpdatedAt    string `json:"source_updated_at,omitempty"`
	Total        *money `json:"total,omitempty"`
	ClosedBy     int64  `json:"closed_by_revision,omitempty"`
}

// money is an amount as the API shows it.
type money struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

func (m *money) String() string {
	if m == nil {
		return ""
	}
	return m.Amount + " " + m.Currency
}

func (d parked) row() []string {
	return []string{d.ParkedID, d.State, d.Code, d.Path, d.Topic, d.ConnectionID, d.ReceivedAt, strconv.Itoa(d.Attempts), d.ExternalID, d.Total.String()}
}

type parkedList struct {
	clientSettings
	Tenant string `help:"Whose; operators name it, operator for what belongs to no shop." placeholder:"TENANT"`
	State  string `help:"Only open, replayed, dropped or closed ones." placeholder:"STATE"`
	Code   string `help:"Only those with this reason." placeholder:"CODE"`
	By     string `help:"cause: count the open ones by cause, with their orders and the money in them." enum:",cause" default:"" placeholder:"cause"`
}

// Run prints the parked deliveries.
func (c *parkedList) Run(p *process) error {
	if c.By == "cause" {
		return c.causes(p)
	}
	parameters := query("limit", "250", "tenant", c.Tenant, "state", c.State, "code", c.Code)
	columns := []string{"PARKED", "STATE", "CODE", "PATH", "TOPIC", "CONNECTION", "RECEIVED", "ATTEMPTS", "ORDER", "TOTAL"}
	return list[parked](p, c.clientSettings, "/v1/parked", parameters, columns)
}

// parkedOne names one parked delivery.
type parkedOne struct {
	clientSettings
	Tenant string `help:"Whose; operators name it." placeholder:"TENANT"`
	ID     string `arg:"" help:"The parked delivery's id."`
}

// parkedOutcome is what the API says of one that was dealt with.
type parkedOutcome struct {
	ParkedID string `json:"parked_id"`
	State    string `json:"state"`
	Code     string `json:"code,omitempty"`
	Path     string `json:"path,omitempty"`
	Outcome  string `json:"outcome,omitempty"`
	OrderID  string `json:"order_id,omitempty"`
	Type     string `json:"type,omitempty"`
	MovedTo  string `json:"moved_to,omitempty"`
	DryRun   bool   `json:"dry_run,omitempty"`
}

func (c *parkedOne) settle(p *process, action string) (out parkedOutcome, err error) {
	hub, err := c.client(p)
	if err != nil {
		return out, err
	}
	path := "/v1/parked/" + url.PathEscape(c.ID) + "/" + action
	if err := hub.do(http.MethodPost, path, query("tenant", c.Tenant), nil, &out); err != nil {
		return out, err
	}
	columns := []string{"PARKED", "STATE", "CODE", "PATH"}
	return out, c.print(p, out, columns, [][]string{{out.ParkedID, out.State, out.Code, out.Path}})
}

type parkedDrop struct{ parkedOne }

// Run drops.
func (c *parkedDrop) Run(p *process) error {
	_, err := c.settle(p, "drop")
	return err
}
