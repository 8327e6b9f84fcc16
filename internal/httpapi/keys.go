package httpapi

import (
	"context"
	"net/http"
	"time"

	"hub"
	"hub/internal/tenancy"
)

func (s *server) keys() {
	register(s, operation{
		id: "create-key", method: http.MethodPost, path: "/v1/keys", tag: "Keys", roles: operators(),
		summary: "Create an API key", description: "The answer holds the key's text, which is shown this once and stored nowhere.",
		status: http.StatusCreated, errors: creating(),
	}, s.createKey)
	register(s, operation{
		id: "list-keys", method: http.MethodGet, path: "/v1/keys", tag: "Keys", roles: operators(),
		summary: "List API keys", description: "All keys, or those of one tenant, without their secrets.", errors: []int{http.StatusNotFound},
	}, s.listKeys)
	register(s, operation{
		id: "revoke-key", method: http.MethodDelete, path: "/v1/keys/{id}", tag: "Keys", roles: operators(),
		summary:     "Revoke an API key",
		description: "This hub refuses the key when the answer comes, every other one within a second.",
		status:      http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.revokeKey)
}

// key is an API key without its secret.
type key struct {
	KeyID     string       `json:"key_id" example:"key_01j9z3k6m8q0r2t4v6x8z0b2d4"`
	Tenant    string       `json:"tenant,omitempty" doc:"Absent for an operator's key"`
	Role      tenancy.Role `json:"role"`
	Client    string       `json:"client" doc:"Whose acknowledgements count as one"`
	Scopes    []string     `json:"scopes" nullable:"false"`
	CreatedAt time.Time    `json:"created_at"`
	RevokedAt *time.Time   `json:"revoked_at,omitempty" doc:"Absent while the key is good"`
}

func showKey(k tenancy.Key) key {
	shown := key{string(k.ID), string(k.Tenant), k.Role, k.Client, append([]string{}, k.Scopes...), k.CreatedAt.UTC(), nil}
	if !k.RevokedAt.IsZero() {
		at := k.RevokedAt.UTC()
		shown.RevokedAt = &at
	}
	return shown
}

type newKey struct {
	IdempotencyKey
	Body struct {
		Tenant string       `json:"tenant,omitempty" maxLength:"64" doc:"Whose key; left out for an operator's"`
		Role   tenancy.Role `json:"role" doc:"What it may do"`
		Client string       `json:"client,omitempty" maxLength:"200" doc:"Whose acknowledgements count as one; the key's id if left out" example:"erp-1"`
		Scopes []string     `json:"scopes,omitempty" maxItems:"10" nullable:"false" enum:"personal:read" doc:"What it may do beyond its role"`
	}
}

// createdKey is a new key with its text.
type createdKey struct {
	KeyID  string       `json:"key_id" example:"key_01j9z3k6m8q0r2t4v6x8z0b2d4"`
	Key    string       `json:"key" doc:"What to send as Authorization: Bearer. Keep it; it is not shown again."`
	Tenant string       `json:"tenant,omitempty"`
	Role   tenancy.Role `json:"role"`
	Client string       `json:"client"`
	Scopes []string     `json:"scopes" nullable:"false"`
}

type createdKeyAnswer struct {
	Body createdKey
}

func (s *server) createKey(ctx context.Context, _ caller, in *newKey) (*createdKeyAnswer, error) {
	k, text, err := s.Tenancy.CreateKey(ctx, tenancy.NewKey{
		Tenant: hub.TenantID(in.Body.Tenant), Role: in.Body.Role, Client: in.Body.Client, Scopes: in.Body.Scopes,
	})
	if err != nil {
		return nil, err
	}
	shown := showKey(k)
	return &createdKeyAnswer{createdKey{shown.KeyID, text, shown.Tenant, shown.Role, shown.Client, shown.Scopes}}, nil
}

func (s *server) listKeys(_ context.Context, c caller, in *directoryQuery) (*listAnswer[key], error) {
	id := func(k tenancy.Key) (string, hub.TenantID) { return string(k.ID), k.Tenant }
	return directoryList(c, in, "keys", s.Directory.List().Keys, id, showKey)
}

type keyPath struct {
	ID string `path:"id" maxLength:"64" doc:"The key's id, not its text"`
}

func (s *server) revokeKey(ctx context.Context, _ caller, in *keyPath) (*struct{}, error) {
	return nil, missing(s.Tenancy.RevokeKey(ctx, hub.KeyID(in.ID)), "key_not_found")
}
