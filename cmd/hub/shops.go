package main

import (
	"net/http"
)

type appCommands struct {
	Add  appAdd  `cmd:"" help:"Add a set of platform credentials."`
	List appList `cmd:"" help:"List apps."`
}

// platformApp is one as the API shows it.
type platformApp struct {
	AppID       string `json:"app_id"`
	Tenant      string `json:"tenant,omitempty"`
	Platform    string `json:"platform"`
	Name        string `json:"name"`
	Environment string `json:"environment"`
	HookPath    string `json:"hook_path"`
	HookURL     string `json:"hook_url"`
	CreatedAt   string `json:"created_at"`

	ClientID string   `json:"client_id,omitempty"`
	Base     string   `json:"base,omitempty"`
	Scopes   []string `json:"scopes"`
	Redirect string   `json:"redirect,omitempty"`
}

func (a platformApp) row() []string {
	return []string{a.AppID, a.Tenant, a.Platform, a.Environment, a.Name, a.ClientID, a.Redirect, a.HookURL}
}

func appColumns() []string {
	return []string{"APP", "TENANT", "PLATFORM", "ENVIRONMENT", "NAME", "CLIENT ID", "REDIRECT ADDRESS", "WEBHOOK ADDRESS"}
}

type appAdd struct {
	clientSettings
	secretFlags
	Tenant      string `help:"Whose app; left out for the operator's own." placeholder:"TENANT"`
	Platform    string `required:"" help:"Such as shopify." placeholder:"NAME"`
	Name        string `required:"" help:"What people call it." placeholder:"NAME"`
	Environment string `enum:"live,sandbox" default:"live" help:"live or sandbox." placeholder:"NAME"`

	ClientID string   `help:"The platform's id of the app: API key, partner id, application id. Shops are connected through it." placeholder:"ID"`
	Base     string   `help:"Only of a sandbox: the address in place of the platform's." placeholder:"URL"`
	Scope    []string `help:"What to ask merchants for, instead of what the hub needs; may be repeated." placeholder:"SCOPE"`
	Redirect string   `help:"Where browsers come back, as registered at the platform; the hub's own address if left out." placeholder:"URL"`
	HookURL  string   `help:"The webhook address as registered at the platform, if it is not the hub's own." placeholder:"URL" name:"hook-url"`
}

// Run adds the app and prints where its webhooks go.
func (c *appAdd) Run(p *process) error {
	secret, err := c.read(p)
	if err != nil {
		return err
	}
	if secret == "" {
		return usageError{"app add needs --secret or --secret-file"}
	}
	hub, err := c.client(p)
	if err != nil {
		return err
	}
	in := map[string]any{"platform": c.Platform, "name": c.Name, "environment": c.Environment, "secret": secret}
	for name, value := range map[string]string{
		"tenant": c.Tenant, "client_id": c.ClientID, "base": c.Base, "redirect": c.Redirect, "hook_url": c.HookURL,
	} {
		if value != "" {
			in[name] = value
		}
	}
	if len(c.Scope) > 0 {
		in["scopes"] = c.Scope
	}
	var made platformApp
	if err := hub.do(http.MethodPost, "/v1/apps", nil, in, &made); err != nil {
		return err
	}
	return c.print(p, made, appColumns(), [][]string{made.row()})
}

type appList struct {
	clientSettings
	Tenant string `help:"Only this tenant's." placeholder:"TENANT"`
}

// Run prints the apps.
func (c *appList) Run(p *process) error {
	return list[platformApp](p, c.clientSettings, "/v1/apps", query("limit", "250", "tenant", c.Tenant), appColumns())
}

type connectionCommands struct {
	Connect    connectionConnect    `cmd:"" help:"Print the address at which a shop's owner connects it."`
	Add        connectionAdd        `cmd:"" help:"Connect a shop by a secret, for its webhooks alone."`
	List       connectionList       `cmd:"" help:"List connected shops."`
	Show       connectionShow       `cmd:"" help:"How a connection stands, and what to do about it."`
	Disconnect connectionDisconnect `cmd:"" help:"Destroy a shop's tokens and tell the platform; orders stay."`
}

// connection is one as the API shows it.
type connection struct {
	ConnectionID string `json:"connection_id"`
	Tenant       string `json:"tenant"`
	AppID        string `json:"app_id"`
	Platform     string `json:"platform"`
	Environment  string `json:"environment"`
	Shop         string `json:"shop"`
	HookPath     string `json:"hook_path,omitempty"`
	HookURL      string `json:"hook_url,omitempty"`
	CreatedAt    string `json:"created_at"`
}

func (c connection) row() []string {
	return []string{c.ConnectionID, c.Tenant, c.Platform, c.Environment, c.Shop, c.HookURL}
}

func connectionColumns() []string {
	return []string{"CONNECTION", "TENANT", "PLATFORM", "ENVIRONMENT", "SHOP", "WEBHOOK ADDRESS"}
}

type connectionAdd struct {
	clientSettings
	secretFlags
	Tenant      string `required:"" help:"Whose shop." placeholder:"TENANT"`
	Platform    string `required:"" help:"Such as shopify." placeholder:"NAME"`
	Shop        string `required:"" help:"The account at the platform, such as name.myshopify.com." placeholder:"SHOP"`
	App         string `help:"The app whose secrets sign; without one the connection has its own --secret." placeholder:"APP"`
	Environment string `enum:"live,sandbox" default:"live" help:"live or sandbox." placeholder:"NAME"`
}

// Run connects the shop and prints where its webhooks go.
func (c *connectionAdd) Run(p *process) error {
	secret, err := c.read(p)
	if err != nil {
		return err
	}
	if (secret == "") == (c.App == "") {
		return usageError{"connection add needs one of --secret, --secret-file and --app"}
	}
	hub, err := c.client(p)
	if err != nil {
		return err
	}
	in := map[string]string{"tenant": c.Tenant, "platform": c.Platform, "shop": c.Shop, "environment": c.Environment}
	if c.App != "" {
		in["app_id"] = c.App
	} else {
		in["secret"] = secret
	}
	var made connection
	if err := hub.do(http.MethodPost, "/v1/connections", nil, in, &made); err != nil {
		return err
	}
	return c.print(p, made, connectionColumns(), [][]string{made.row()})
}

type connectionList struct {
	clientSettings
	Tenant string `help:"Only this tenant's; an operator sees all without it." placeholder:"TENANT"`
}

// Run prints the connections.
func (c *connectionList) Run(p *process) error {
	return list[connection](p, c.clientSettings, "/v1/connections", query("limit", "250", "tenant", c.Tenant), connectionColumns())
}
