package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Client is a caller of the hub's API.
type Client struct {
	HTTP *http.Client
	URL  string // of the hub
	Key  string // API key
}

// Do sends one request and decodes its JSON answer into out; a status outside of 2xx is an error that names the path and
// the problem's code.
func (c Client) Do(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	var content io.Reader
	if in != nil {
		content = bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, content)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	request.Header.Set("Authorization", "Bearer "+c.Key)
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.HTTP.Do(request)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		var problem struct{ Code, Title string }
		_ = json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&problem) // the status says enough
		return fmt.Errorf("%s %s: %d %s", method, path, answer.StatusCode, problem.Code)
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
		return fmt.Errorf("%s %s: reading the answer: %w", method, path, err)
	}
	return nil
}

// Change is one entry of the feed as a client sees it.
type Change struct {
	Sequence int64     `json:"sequence"`
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Time     time.Time `json:"time"`
	Order    Order     `json:"order"`
}

// Order is the part of an order that this client looks at.
type Order struct {
	ID              string    `json:"id"`
	ConnectionID    string    `json:"connection_id"`
	ExternalID      string    `json:"external_id"`
	Revision        int64     `json:"revision"`
	SourceUpdatedAt time.Time `json:"source_updated_at"`
	DeletedAt       time.Time `json:"deleted_at"`
	Totals          struct {
		CurrentTotal struct {
			Amount   string `json:"amount"`
			Currency string `json:"currency"`
		} `json:"current_total"`
	} `json:"totals"`
}

// FeedPage is one page of the feed.
type FeedPage struct {
	Data    []Change `json:"data"`
	Next    int64    `json:"next_after"`
	HasMore bool     `json:"has_more"`
}

// Feed reads one page.
func (c Client) Feed(ctx context.Context, after int64, limit int, wait time.Duration) (page FeedPage, err error) {
	q := url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {strconv.Itoa(limit)}, "wait": {wait.String()}}
	return page, c.Do(ctx, http.MethodGet, "/v1/orders/feed?"+q.Encode(), nil, &page)
}

// Acknowledge tells the hub that an order is booked under a reference of ours.
func (c Client) Acknowledge(ctx context.Context, order, reference string) error {
	in := struct {
		Reference string `json:"reference"`
	}{reference}
	return c.Do(ctx, http.MethodPost, "/v1/orders/"+order+"/acknowledgement", in, nil)
}

// Shop is a connected shop and the keys to it.
type Shop struct {
	Tenant, Connection, HookURL string
	PublicHookURL               string // the same door as the hub tells it to platforms
	ERP                         Client
}

// Connect makes a tenant with one connected shop and an ERP's key. The client must be an operator's.
func (c Client) Connect(ctx context.Context, name, platform, shop, secret string) (s Shop, err error) {
	var made struct {
		Tenant     string `json:"tenant_id"`
		Connection string `json:"connection_id"`
		HookPath   string `json:"hook_path"`
		HookURL    string `json:"hook_url"`
		Key        string `json:"key"`
	}
	for _, step := range []struct {
		path string
		in   func() map[string]any
	}{
		{"/v1/tenants", func() map[string]any { return map[string]any{"name": name} }},
		{"/v1/keys", func() map[string]any {
			return map[string]any{"tenant": made.Tenant, "role": "erp", "client": "books"}
		}},
		{"/v1/connections", func() map[string]any {
			return map[string]any{"tenant": made.Tenant, "platform": platform, "shop": shop, "secret": secret}
		}},
	} {
		if err := c.Do(ctx, http.MethodPost, step.path, step.in(), &made); err != nil {
			return Shop{}, err
		}
	}
	return Shop{
		Tenant: made.Tenant, Connection: made.Connection, HookURL: c.URL + made.HookPath, PublicHookURL: made.HookURL,
		ERP: Client{HTTP: c.HTTP, URL: c.URL, Key: made.Key},
	}, nil
}
