package main

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

type orderCommands struct {
	Lineage orderLineage `cmd:"" help:"Follow one order: received, parked or applied, revisions, published, served, acknowledged."`
}

type orderLineage struct {
	clientSettings
	Tenant string `help:"Whose; operators name it." placeholder:"TENANT"`
	ID     string `arg:"" help:"The order's id."`
}

// lineage is the way of one order as the API shows it.
type lineage struct {
	OrderID      string `json:"order_id"`
	ConnectionID string `json:"connection_id"`
	Platform     string `json:"platform"`
	ExternalID   string `json:"external_id"`
	Revision     int64  `json:"revision"`
	Received     []struct {
		Delivery   string `json:"delivery"`
		ReceivedAt string `json:"received_at,omitempty"`
		TakenAt    string `json:"taken_at"`
		Topic      string `json:"topic,omitempty"`
		RawRef     string `json:"raw_ref,omitempty"`
		RawKept    bool   `json:"raw_kept"`
	} `json:"received"`
	Parked    []parked `json:"parked"`
	Revisions []struct {
		Revision        int64  `json:"revision"`
		Sequence        int64  `json:"sequence"`
		ID              string `json:"id"`
		Type            string `json:"type"`
		Time            string `json:"time"`
		SourceUpdatedAt string `json:"source_updated_at,omitempty"`
		Rules           string `json:"rules,omitempty"`
		RawRef          string `json:"raw_ref,omitempty"`
		Published       *bool  `json:"published"`
	} `json:"revisions"`
	PublishedThrough *int64 `json:"published_through"`
	Disclosures      []struct {
		Client   string   `json:"client"`
		KeyID    string   `json:"key_id"`
		At       string   `json:"at"`
		Revision int64    `json:"revision"`
		Fields   []string `json:"fields"`
	} `json:"disclosures"`
	Acknowledgements []struct {
		OrderID        string `json:"order_id"`
		Client         string `json:"client"`
		Reference      string `json:"reference"`
		AcknowledgedAt string `json:"acknowledged_at"`
	} `json:"acknowledgements"`
	Complete bool `json:"complete"`
}

// Run prints the steps in the order of time.
func (c *orderLineage) Run(p *process) error {
	hub, err := c.client(p)
	if err != nil {
		return err
	}
	var l lineage
	if err := hub.do(http.MethodGet, "/v1/orders/"+url.PathEscape(c.ID)+"/lineage", query("tenant", c.Tenant), nil, &l); err != nil {
		return err
	}
	return c.print(p, l, []string{"TIME", "STEP", "WHAT", "DETAIL"}, l.steps())
}

// steps are rows in the order of time; times of one form compare as text.
func (l lineage) steps() (rows [][]string) {
	for _, r := range l.Received {
		rows = append(rows, []string{r.TakenAt, "received", r.Delivery, joined(r.Topic, r.RawRef)})
	}
	for _, d := range l.Parked {
		closed := ""
		if d.ClosedBy > 0 {
			closed = "by revision " + strconv.FormatInt(d.ClosedBy, 10)
		}
		rows = append(rows, []string{d.ParkedAt, "parked", d.ParkedID, joined(d.State, closed, d.Code, d.Path)})
	}
	for _, r := range l.Revisions {
		published := ""
		if r.Published != nil {
			published = map[bool]string{true: "published", false: "not published yet"}[*r.Published]
		}
		rows = append(rows, []string{r.Time, r.Type, "revision " + strconv.FormatInt(r.Revision, 10), joined("number "+strconv.FormatInt(r.Sequence, 10), r.Rules, published)})
	}
	for _, d := range l.Disclosures {
		rows = append(rows, []string{d.At, "disclosed", d.Client, strings.Join(d.Fields, " ")})
	}
	for _, a := range l.Acknowledgements {
		rows = append(rows, []string{a.AcknowledgedAt, "acknowledged", a.Client, a.Reference})
	}
	slices.SortStableFunc(rows, func(a, b []string) int { return strings.Compare(seconds(a[0]), seconds(b[0])) })
	return rows
}

// seconds is a time without its fraction, whose digits differ in number.
func seconds(t string) string {
	whole, _, _ := strings.Cut(strings.TrimSuffix(t, "Z"), ".")
	return whole
}

func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}
