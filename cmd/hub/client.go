package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"hub/internal/config"
)

// clientSettings are the flags of commands that talk to a running hub.
type clientSettings struct {
	Config     string `help:"File of settings; hub.yaml here if there is one." placeholder:"FILE"`
	URL        string `help:"HUB_URL: the running hub." placeholder:"URL" name:"url"`
	APIKeyFile string `help:"HUB_API_KEY_FILE: file with the key to show, such as operator.key." placeholder:"FILE" name:"api-key-file"`
	format
}

// client talks to a running hub.
type client struct {
	process *process
	url     string
	key     config.Secret
	http    *http.Client
}

// patience bounds one request; the hub answers within seconds or not at all.
const patience = 60 * time.Second

// maxAnswer bounds what is read of one answer.
const maxAnswer = 64 << 20

func (s clientSettings) client(p *process) (*client, error) {
	c, err := p.load(map[string]string{"config": s.Config, "url": s.URL, "api_key_file": s.APIKeyFile})
	if err != nil {
		return nil, err
	}
	if c.APIKey == "" {
		return nil, errors.New("no API key: set HUB_API_KEY or --api-key-file; the first operator key is in operator.key under HUB_DATA")
	}
	return &client{p, c.URL, c.APIKey, &http.Client{
		Timeout:       patience, // a redirect would take the key somewhere else
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// problem is an answer that is not a success (RFC 9457).
type problem struct {
	Title     string `json:"title"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
	Errors    []struct {
		Path   string `json:"path"`
		Detail string `json:"detail"`
	} `json:"errors"`
	Approval *struct {
		Kills    int64 `json:"kills"`
		Subjects int64 `json:"subjects"`
	} `json:"approval"`
}

// Error prints the problem for people.
func (p *problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", printable(p.Title), printable(p.Detail))
	for _, e := range p.Errors {
		fmt.Fprintf(&b, "\n  %s: %s", printable(e.Path), printable(e.Detail))
	}
	if a := p.Approval; a != nil {
		fmt.Fprintf(&b, "\n  %s would be forgotten, alive after it: %s; approve with --approve %d", count(a.Kills, "person"), count(a.Subjects, "person"), a.Kills)
	}
	if p.Code == "tenant_required" { // the API tells of its own parameter
		b.WriteString("\n  name it with --tenant")
	}
	fmt.Fprintf(&b, "\n  code %s, request %s", printable(p.Code), printable(p.RequestID))
	return b.String()
}

// do sends one request and decodes the answer into out; nil bodies are left out.
func (c *client) do(method, path string, query url.Values, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	target := c.url + path
	if encoded := query.Encode(); encoded != "" {
		target += "?" + encoded
	}
	r, err := http.NewRequestWithContext(c.process.ctx, method, target, body)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.key.Reveal())
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return c.unreachable(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return c.unreachable(err)
	}
	if answer.StatusCode/100 != 2 {
		return c.refused(answer.StatusCode, content)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return fmt.Errorf("the answer of %s is not that of a hub", c.url)
	}
	return nil
}

// refused reads a problem, or names the status when something else than a hub has answered.
func (c *client) refused(status int, content []byte) error {
	p := &problem{}
	if json.Unmarshal(content, p) != nil || p.Code == "" {
		return fmt.Errorf("%s answered %d %s and is no hub", c.url, status, http.StatusText(status))
	}
	return p
}

func (c *client) unreachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the query
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return fmt.Errorf("no hub answers at %s: %w; is hub serve running, and does HUB_URL name it?", c.url, op.Err)
	}
	return fmt.Errorf("asking %s: %w", c.url, err)
}

// all reads every page of a list.
func all[T any](c *client, path string, query url.Values) ([]T, error) {
	rows := []T{}
	for {
		var page struct {
			Data       []T    `json:"data"`
			NextCursor string `json:"next_cursor"`
		}
		if err := c.do(http.MethodGet, path, query, nil, &page); err != nil {
			return nil, err
		}
		rows = append(rows, page.Data...)
		if page.NextCursor == "" {
			return rows, nil
		}
		query.Set("cursor", page.NextCursor)
	}
}

// query makes query parameters of name and value pairs, without the empty ones, for lists of whole pages.
func query(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

// secretFlags are the two ways to name a platform's secret.
type secretFlags struct {
	Secret     string `help:"What the platform signs with. Other users of this machine can see it; prefer --secret-file." xor:"secret" placeholder:"SECRET"`
	SecretFile string `help:"File with the secret, - for standard input." xor:"secret" placeholder:"FILE"`
}

// read returns the secret, "" when none was given.
func (s secretFlags) read(p *process) (string, error) {
	if s.SecretFile == "" {
		return s.Secret, nil
	}
	var content []byte
	var err error
	if s.SecretFile == "-" {
		content, err = io.ReadAll(p.stdin)
	} else {
		content, err = os.ReadFile(s.SecretFile)
	}
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(string(content), "\r\n")
	if secret == "" {
		return "", errors.New("the file of --secret-file is empty")
	}
	return secret, nil
}
