package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
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
	facts
	// Content is a digest of all that the platform said: everything but what the hub numbers.
	Content [sha256.Size]byte `json:"-"`
}

// facts are what the platform said of an order, and how the hub numbers it.
type facts struct {
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

// UnmarshalJSON reads an order and the digest of its content.
func (o *Order) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &o.facts); err != nil {
		return err
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(b, &members); err != nil {
		return err
	}
	for _, ours := range []string{"id", "revision", "source"} {
		delete(members, ours)
	}
	text, err := json.Marshal(members) // in the order of the names
	o.Content = sha256.Sum256(text)
	return err
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

// As is the same caller with another key.
func (c Client) As(key string) Client {
	c.Key = key
	return c
}

// NewKey makes a key for somebody of a tenant. The client must be an operator's.
func (c Client) NewKey(ctx context.Context, tenant, role, client string) (Client, error) {
	var made struct {
		Key string `json:"key"`
	}
	err := c.Do(ctx, http.MethodPost, "/v1/keys", map[string]any{"tenant": tenant, "role": role, "client": client}, &made)
	return c.As(made.Key), err
}
