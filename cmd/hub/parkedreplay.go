package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// cause is why deliveries lie parked, as the API shows it.
type cause struct {
	Code          string  `json:"code"`
	Path          string  `json:"path,omitempty"`
	Platform      string  `json:"platform,omitempty"`
	Topic         string  `json:"topic,omitempty"`
	Deliveries    int     `json:"deliveries"`
	Orders        int     `json:"orders"`
	UnknownOrders int     `json:"unknown_orders"`
	Money         []money `json:"money"`
	UnknownMoney  int     `json:"unknown_money"`
	Oldest        string  `json:"oldest,omitempty"`
	Newest        string  `json:"newest,omitempty"`
}

// row says of how many orders the number or the money is not known.
func (c cause) row() []string {
	sums := make([]string, len(c.Money))
	for i := range c.Money {
		sums[i] = c.Money[i].String()
	}
	return []string{
		c.Code, c.Path, c.Platform, c.Topic, strconv.Itoa(c.Deliveries), withUnknown(strconv.Itoa(c.Orders), c.UnknownOrders),
		withUnknown(strings.Join(sums, ", "), c.UnknownMoney), c.Oldest,
	}
}

func withUnknown(known string, unknown int) string {
	if unknown == 0 {
		return known
	}
	return strings.TrimPrefix(known+" + "+strconv.Itoa(unknown)+" unknown", " + ")
}

// causes prints the open ones by cause.
func (c *parkedList) causes(p *process) error {
	if c.State != "" && c.State != "open" || c.Code != "" {
		return errors.New("--by cause counts all open ones: leave --state and --code out")
	}
	hub, err := c.client(p)
	if err != nil {
		return err
	}
	var out struct {
		Data     []cause `json:"data"`
		Complete bool    `json:"complete"`
	}
	if err := hub.do(http.MethodGet, "/v1/parked/summary", query("tenant", c.Tenant), nil, &out); err != nil {
		return err
	}
	rows := make([][]string, len(out.Data))
	for i, d := range out.Data {
		rows[i] = d.row()
	}
	columns := []string{"CODE", "PATH", "PLATFORM", "TOPIC", "DELIVERIES", "ORDERS", "MONEY", "OLDEST"}
	if err := c.print(p, out, columns, rows); err != nil || out.Complete {
		return err
	}
	return errors.New("there are more than this counts: these are the oldest")
}

type parkedReplay struct {
	clientSettings
	Tenant     string   `help:"Whose; operators name it." placeholder:"TENANT"`
	ID         []string `arg:"" optional:"" help:"The ids of parked deliveries; none takes all open ones that the filter takes."`
	Code       string   `help:"Only those with this reason." placeholder:"CODE"`
	Platform   string   `help:"Only of this platform." placeholder:"PLATFORM"`
	Connection string   `help:"Only of this connection." placeholder:"CONNECTION"`
	Before     string   `help:"Only those received before this time (RFC 3339)." placeholder:"TIME"`
	DryRun     bool     `help:"Say what would happen and change nothing."`
}

var outcomeColumns = []string{"PARKED", "STATE", "OUTCOME", "CODE", "PATH", "ORDER"}

func (o parkedOutcome) row() []string {
	return []string{o.ParkedID, o.State, o.Outcome, o.Code, o.Path, o.OrderID}
}

// Run replays, and fails when a delivery stays parked.
func (c *parkedReplay) Run(p *process) error {
	filtered := c.Code != "" || c.Platform != "" || c.Connection != "" || c.Before != ""
	if filtered == (len(c.ID) > 0) {
		return usageError{"name the deliveries by their ids, or by --code, --platform, --connection or --before"}
	}
	hub, err := c.client(p)
	if err != nil {
		return err
	}
	var all []parkedOutcome
	if filtered {
		all, err = c.many(hub)
	} else {
		all, err = c.named(hub)
	}
	if len(all) > 0 {
		err = errors.Join(c.show(p, all), err)
	}
	return errors.Join(err, staying(all))
}

// show prints one outcome as itself and several as a list.
func (c *parkedReplay) show(p *process, all []parkedOutcome) error {
	rows := make([][]string, len(all))
	for i, o := range all {
		rows[i] = o.row()
	}
	if len(c.ID) == 1 {
		return c.print(p, all[0], outcomeColumns, rows)
	}
	return c.print(p, all, outcomeColumns, rows)
}

func (c *parkedReplay) named(hub *client) (all []parkedOutcome, err error) {
	parameters := query("tenant", c.Tenant)
	if c.DryRun {
		parameters.Set("dry_run", "true")
	}
	for _, id := range c.ID {
		var out parkedOutcome
		if err := hub.do(http.MethodPost, "/v1/parked/"+url.PathEscape(id)+"/replay", parameters, nil, &out); err != nil {
			return all, err
		}
		all = append(all, out)
	}
	return all, nil
}

// many goes through the pages of all that the filter takes.
func (c *parkedReplay) many(hub *client) (all []parkedOutcome, err error) {
	in := struct {
		Code       string `json:"code,omitempty"`
		Platform   string `json:"platform,omitempty"`
		Connection string `json:"connection_id,omitempty"`
		Before     string `json:"before,omitempty"`
		Cursor     string `json:"cursor,omitempty"`
		DryRun     bool   `json:"dry_run,omitempty"`
	}{c.Code, c.Platform, c.Connection, c.Before, "", c.DryRun}
	for {
		var page struct {
			Data       []parkedOutcome `json:"data"`
			NextCursor string          `json:"next_cursor"`
		}
		if err := hub.do(http.MethodPost, "/v1/parked/replay", query("tenant", c.Tenant), in, &page); err != nil {
			return all, err
		}
		all = append(all, page.Data...)
		if in.Cursor = page.NextCursor; in.Cursor == "" {
			return all, nil
		}
	}
}

// staying is an error when a delivery stays parked: of one its reason, of several their number.
func staying(all []parkedOutcome) error {
	var open []parkedOutcome
	for _, o := range all {
		if o.State == "open" {
			open = append(open, o)
		}
	}
	switch {
	case len(open) == 0:
		return nil
	case len(all) == 1:
		return errors.New("it stays parked: " + printable(strings.TrimSuffix(open[0].Code+" at "+open[0].Path, " at ")))
	}
	return fmt.Errorf("%d of %d stay parked", len(open), len(all))
}
