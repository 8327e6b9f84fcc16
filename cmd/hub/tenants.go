package main

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"hub"
)

type tenantCommands struct {
	Create tenantCreate `cmd:"" help:"Create a tenant."`
	List   tenantList   `cmd:"" help:"List tenants."`
}

// tenant is one as the API shows it.
type tenant struct {
	TenantID  string `json:"tenant_id"`
	Name      string `json:"name"`
	Retention int    `json:"order_retention_days,omitempty"`
	CreatedAt string `json:"created_at"`
}

func (t tenant) row() []string {
	return []string{t.TenantID, t.Name, strconv.Itoa(t.Retention) + " days", t.CreatedAt}
}

func tenantColumns() []string { return []string{"TENANT", "NAME", "ORDER RETENTION", "CREATED"} }

type tenantCreate struct {
	clientSettings
	Name           string `required:"" help:"What people call it; unique." placeholder:"NAME"`
	OrderRetention *int   `help:"How many days personal fields of its orders are kept, 1 to 3650; 730 if left out." placeholder:"DAYS"`
}

// Run creates the tenant and prints it.
func (c *tenantCreate) Run(p *process) error {
	in := map[string]any{"name": c.Name}
	if days := c.OrderRetention; days != nil {
		if *days < 1 { // to the API 0 is the default, and whoever writes it here means as short as can be
			return usageError{"--order-retention must be 1 to 3650"}
		}
		in["order_retention_days"] = *days
	}
	running, err := c.client(p)
	if err != nil {
		return err
	}
	var made tenant
	if err := running.do(http.MethodPost, "/v1/tenants", nil, in, &made); err != nil {
		return err
	}
	return c.print(p, made, tenantColumns(), [][]string{made.row()})
}

type tenantList struct {
	clientSettings
}

// Run prints all tenants.
func (c *tenantList) Run(p *process) error {
	return list[tenant](p, c.clientSettings, "/v1/tenants", query("limit", "250"), tenantColumns())
}

// rower is an object that knows its row in a table.
type rower interface{ row() []string }

// list prints every object of a list, as {"data":[…]} or as a table.
func list[T rower](p *process, s clientSettings, path string, parameters url.Values, columns []string) error {
	running, err := s.client(p)
	if err != nil {
		return err
	}
	objects, err := all[T](running, path, parameters)
	if err != nil {
		return err
	}
	rows := make([][]string, len(objects))
	for i, o := range objects {
		rows[i] = o.row()
	}
	return s.print(p, map[string]any{"data": objects}, columns, rows)
}

type keyCommands struct {
	Create keyCreate `cmd:"" help:"Create an API key and print its text, once."`
	List   keyList   `cmd:"" help:"List API keys, without their texts."`
	Revoke keyRevoke `cmd:"" help:"Revoke an API key."`
	Forget keyForget `cmd:"" help:"Destroy the root over all keys that ended: run a forget cycle."`
}

// apiKey is one as the API shows it.
type apiKey struct {
	KeyID     string   `json:"key_id"`
	Key       string   `json:"key,omitempty"` // only when it has just been made
	Tenant    string   `json:"tenant,omitempty"`
	Role      string   `json:"role"`
	Client    string   `json:"client"`
	Scopes    []string `json:"scopes"`
	CreatedAt string   `json:"created_at,omitempty"`
	RevokedAt string   `json:"revoked_at,omitempty"`
}

func (k apiKey) row() []string {
	return []string{k.KeyID, k.Tenant, k.Role, k.Client, strings.Join(k.Scopes, " "), k.CreatedAt, k.RevokedAt}
}

type keyCreate struct {
	clientSettings
	Tenant string   `help:"Whose key; left out for an operator's." placeholder:"TENANT"`
	Role   string   `required:"" enum:"merchant,erp,compliance_officer,auditor,operator" help:"What it may do: merchant, erp, compliance_officer, auditor or operator." placeholder:"ROLE"`
	Client string   `help:"Whose acknowledgements count as one; the key's id if left out." placeholder:"NAME"`
	Scope  []string `help:"What it may do beyond its role, such as personal:read; may be repeated." placeholder:"SCOPE"`
}

// Run creates the key and prints its text.
func (c *keyCreate) Run(p *process) error {
	running, err := c.client(p)
	if err != nil {
		return err
	}
	in := map[string]any{"role": c.Role}
	if c.Tenant != "" {
		in["tenant"] = c.Tenant
	}
	if c.Client != "" {
		in["client"] = c.Client
	}
	if len(c.Scope) > 0 {
		in["scopes"] = c.Scope
	}
	var made apiKey
	if err := running.do(http.MethodPost, "/v1/keys", nil, in, &made); err != nil {
		return err
	}
	return c.print(p, made, []string{"ID", "KEY"}, [][]string{{made.KeyID, made.Key}})
}

type keyList struct {
	clientSettings
	Tenant string `help:"Only this tenant's." placeholder:"TENANT"`
}

// Run prints the keys.
func (c *keyList) Run(p *process) error {
	columns := []string{"ID", "TENANT", "ROLE", "CLIENT", "SCOPES", "CREATED", "REVOKED"}
	return list[apiKey](p, c.clientSettings, "/v1/keys", query("limit", "250", "tenant", c.Tenant), columns)
}

type keyRevoke struct {
	clientSettings
	ID string `arg:"" help:"The key's id, not its text."`
}

// Run revokes the key and says so.
func (c *keyRevoke) Run(p *process) error {
	if !strings.HasPrefix(c.ID, hub.KeyPrefix) { // the text of a key would end up in the address, and so in logs
		return usageError{"key revoke takes the key's id, which begins with " + hub.KeyPrefix + ", not the key itself"}
	}
	running, err := c.client(p)
	if err != nil {
		return err
	}
	if err := running.do(http.MethodDelete, "/v1/keys/"+url.PathEscape(c.ID), nil, nil, nil); err != nil {
		return err
	}
	return c.print(p, map[string]string{"key_id": c.ID, "state": "revoked"}, []string{"ID", "STATE"}, [][]string{{c.ID, "revoked"}})
}
