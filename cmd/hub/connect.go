package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"hub/internal/app"
)

type connectionConnect struct {
	clientSettings
	Tenant   string `help:"Whose shop; only an operator's key needs to say." placeholder:"TENANT"`
	Platform string `required:"" help:"Such as shopify." placeholder:"NAME"`
	Shop     string `help:"Which shop, where the platform's page belongs to one, as on Shopify." placeholder:"SHOP"`
	App      string `help:"Through which app, where there are several." placeholder:"APP"`
	Site     string `help:"The country whose page to show, where the platform has one for each, as Mercado Libre: MLB, MLA, …" placeholder:"SITE"`
}

// Run prints an address to open in a browser.
func (c *connectionConnect) Run(p *process) error {
	running, err := c.client(p)
	if err != nil {
		return err
	}
	in := map[string]string{"platform": c.Platform}
	for name, value := range map[string]string{"tenant": c.Tenant, "shop": c.Shop, "app_id": c.App, "site": c.Site} {
		if value != "" {
			in[name] = value
		}
	}
	var made struct {
		URL       string `json:"url"`
		ExpiresAt string `json:"expires_at"`
	}
	if err := running.do(http.MethodPost, "/v1/connections/connect", nil, in, &made); err != nil {
		return err
	}
	if !c.json() {
		fmt.Fprintln(p.stderr, "Open this address in the browser of the shop's owner, once, before", printable(made.ExpiresAt)+":")
		_, err := fmt.Fprintln(p.stdout, printable(made.URL))
		return err
	}
	return c.print(p, made, nil, nil)
}

// standing is a connection as the API shows one.
type standing struct {
	connection
	State       string  `json:"state"`
	Code        string  `json:"state_code,omitempty"`
	Hint        string  `json:"hint,omitempty"`
	ConnectedAt string  `json:"connected_at,omitempty"`
	RenewBy     string  `json:"renew_by,omitempty"`
	Token       *lease  `json:"token,omitempty"`
	Check       *survey `json:"check,omitempty"`
	Calls       []calls `json:"calls"`
}

type lease struct {
	AccessUntil  string `json:"access_until,omitempty"`
	RefreshAt    string `json:"refresh_at,omitempty"`
	RefreshUntil string `json:"refresh_until,omitempty"`
	RefreshedAt  string `json:"refreshed_at,omitempty"`
	Failures     int    `json:"failures"`
}

type survey struct {
	At     string `json:"at"`
	OK     bool   `json:"ok"`
	Name   string `json:"shop_name,omitempty"`
	Checks []struct {
		Name   string `json:"name"`
		OK     bool   `json:"ok"`
		Code   string `json:"code,omitempty"`
		Detail string `json:"detail,omitempty"`
		Hint   string `json:"hint,omitempty"`
	} `json:"checks"`
	Mended []struct {
		At     string `json:"at"`
		Code   string `json:"code"`
		Detail string `json:"detail,omitempty"`
	} `json:"mended"`
}

type calls struct {
	Class       string  `json:"class"`
	Breaker     string  `json:"breaker"`
	Left        float64 `json:"budget_left"`
	Size        float64 `json:"budget_size"`
	PerSecond   float64 `json:"budget_per_second"`
	LastError   string  `json:"last_error,omitempty"`
	LastCode    string  `json:"last_code,omitempty"`
	LastErrorAt string  `json:"last_error_at,omitempty"`
	LastSuccess string  `json:"last_success,omitempty"`
}

type connectionShow struct {
	clientSettings
	ID string `arg:"" help:"The connection."`
}

// Run prints the connection: one line for each thing that is known, and what to do about it.
func (c *connectionShow) Run(p *process) error {
	running, err := c.client(p)
	if err != nil {
		return err
	}
	var s standing
	if err := running.do(http.MethodGet, "/v1/connections/"+url.PathEscape(c.ID), nil, nil, &s); err != nil {
		return err
	}
	return c.print(p, s, []string{"WHAT", "STATE", "DETAIL"}, s.rows())
}

// rows leaves out what is not known.
func (s standing) rows() (rows [][]string) {
	add := func(what, state string, detail ...string) {
		if state != "" {
			rows = append(rows, []string{what, state, strings.Join(detail, " ")})
		}
	}
	add("shop", s.Shop, s.Platform, s.Environment)
	add("connection", s.State, s.Code, s.Hint)
	add("connected at", s.ConnectedAt)
	add("renew by", s.RenewBy)
	if t := s.Token; t != nil {
		add("token until", t.AccessUntil)
		add("next token at", t.RefreshAt)
		add("failures", strconv.Itoa(t.Failures))
	}
	if s.Check != nil {
		add("checked at", s.Check.At)
		for _, f := range s.Check.Checks {
			state := "ok"
			if !f.OK {
				state = f.Code
			}
			add("check "+f.Name, state, f.Detail, f.Hint)
		}
		for _, m := range s.Check.Mended {
			add("mended", m.Code, m.Detail, m.At)
		}
	}
	for _, one := range s.Calls {
		last := ""
		if one.LastSuccess != "" {
			last = "last success " + one.LastSuccess
		}
		add("calls "+one.Class, one.Breaker, fmt.Sprintf("%.0f of %.0f left, %.1f a second", one.Left, one.Size, one.PerSecond), one.LastError, one.LastCode, last)
	}
	return rows
}

type connectionDisconnect struct {
	clientSettings
	ID string `arg:"" help:"The connection."`
}

// Run disconnects the shop and says whether the platform knows.
func (c *connectionDisconnect) Run(p *process) error {
	running, err := c.client(p)
	if err != nil {
		return err
	}
	var ended struct {
		ID    string `json:"connection_id"`
		State string `json:"state"`
		Told  bool   `json:"platform_told"`
	}
	if err := running.do(http.MethodPost, "/v1/connections/"+url.PathEscape(c.ID)+"/disconnect", nil, nil, &ended); err != nil {
		return err
	}
	told := "the platform was not told; the owner can remove the app there"
	if ended.Told {
		told = "the platform was told"
	}
	return c.print(p, ended, []string{"CONNECTION", "STATE", "PLATFORM"}, [][]string{{ended.ID, ended.State, told}})
}

// keepCommand is a process that the hub begins for one refresh call. It is for nobody else.
type keepCommand struct{}

// Run reads its order from standard input.
func (keepCommand) Run(p *process) error { return app.Keep(p.stdin) }
