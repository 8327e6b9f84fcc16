package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// replayCommand reads stored payloads again. Parked deliveries have their own: hub parked replay.
type replayCommand struct {
	clientSettings
	Tenant     string `help:"Whose orders; operators name it." placeholder:"TENANT"`
	Connection string `help:"Only orders of this connection." placeholder:"CONNECTION"`
	Since      string `help:"Only orders that the hub stored at or after this time (RFC 3339)." placeholder:"TIME"`
	Apply      bool   `help:"Make new revisions; without it only the differences are shown."`
}

// renewal is what today's rules make of one order, as the API shows it.
type renewal struct {
	OrderID  string   `json:"order_id"`
	Revision int64    `json:"revision"`
	Outcome  string   `json:"outcome"`
	Code     string   `json:"code,omitempty"`
	Path     string   `json:"path,omitempty"`
	Rules    string   `json:"rules,omitempty"`
	Diff     []change `json:"diff,omitempty"`
	Personal []string `json:"personal,omitempty"`
	Blind    bool     `json:"personal_unknown,omitempty"`
}

type change struct {
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// rows are one for the order and one for each value that differs.
func (r renewal) rows() [][]string {
	about := joined(r.Code, r.Path)
	if len(r.Personal) > 0 {
		about = joined(about, "personal: "+strings.Join(r.Personal, " "))
	}
	rows := [][]string{{r.OrderID, strconv.FormatInt(r.Revision, 10), r.Outcome, about, "", ""}}
	for _, d := range r.Diff {
		rows = append(rows, []string{"", "", "", d.Path, string(d.Before), string(d.After)})
	}
	return rows
}

// Run goes through all pages. It fails when today's rules refuse a payload that was taken once.
func (c *replayCommand) Run(p *process) error {
	hub, err := c.client(p)
	if err != nil {
		return err
	}
	out := struct {
		Data   []renewal      `json:"data"`
		Counts map[string]int `json:"counts"`
		DryRun bool           `json:"dry_run"`
	}{[]renewal{}, map[string]int{}, !c.Apply}
	in := struct {
		Connection string `json:"connection_id,omitempty"`
		Since      string `json:"since,omitempty"`
		Cursor     string `json:"cursor,omitempty"`
		DryRun     bool   `json:"dry_run"`
	}{c.Connection, c.Since, "", !c.Apply}
	var rows [][]string
	for more := true; more; {
		var page struct {
			Data       []renewal      `json:"data"`
			Counts     map[string]int `json:"counts"`
			NextCursor string         `json:"next_cursor"`
		}
		if err = hub.do(http.MethodPost, "/v1/renormalisations", query("tenant", c.Tenant), in, &page); err != nil {
			break
		}
		for _, r := range page.Data {
			out.Data, rows = append(out.Data, r), append(rows, r.rows()...)
		}
		for outcome, n := range page.Counts {
			out.Counts[outcome] += n
		}
		in.Cursor, more = page.NextCursor, page.NextCursor != ""
	}
	if shown := c.print(p, out, []string{"ORDER", "REVISION", "OUTCOME", "ABOUT", "BEFORE", "AFTER"}, rows); err == nil {
		err = shown
	}
	if n := out.Counts["refused"]; err == nil && n > 0 {
		err = fmt.Errorf("today's rules refuse %d stored payloads", n)
	}
	return err
}
