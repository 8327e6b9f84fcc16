package connect

import (
	"context"
	"encoding/json"

	"hub"
	"hub/gdpr"
)

// owner is under whose key the tokens of a connection rest.
func owner(id hub.ConnectionID, life int64) gdpr.CredentialOwner {
	return gdpr.CredentialOwner{Connection: id, Life: life}
}

// place is where they rest.
func place(table string, t hub.TenantID, id hub.ConnectionID) gdpr.Place {
	return gdpr.Place{Tenant: t, Table: table, Row: string(id), Class: hub.P1}
}

// sealer seals and opens what belongs to a connection.
type sealer struct{ vault Vault }

func (s sealer) pair(ctx context.Context, t hub.TenantID, id hub.ConnectionID, life int64, p Pair) ([]byte, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, hub.Errorf(hub.KindInternal, "sealing tokens", "not printable")
	}
	return s.vault.SealCredential(ctx, owner(id, life), place("connect_tokens", t, id), text)
}

// open is KindPermanent with CodeUnsealed for tokens that nothing opens any more.
func (s sealer) open(ctx context.Context, t hub.TenantID, id hub.ConnectionID, sealed []byte) (p Pair, err error) {
	text, err := s.vault.OpenCredential(ctx, place("connect_tokens", t, id), sealed)
	if err == nil && json.Unmarshal(text, &p) != nil {
		err = &hub.Error{Kind: hub.KindPermanent, Op: "opening tokens", Subject: string(id)}
	}
	if kind := hub.KindOf(err); err != nil && hub.CodeOf(err) != gdpr.CodeRootMismatch && (kind == hub.KindPermanent || kind == hub.KindNotFound) {
		return p, &hub.Error{Kind: hub.KindPermanent, Code: CodeUnsealed, Op: "opening tokens", Subject: string(id)}
	}
	return p, err
}

func (s sealer) key(ctx context.Context, t hub.TenantID, id hub.ConnectionID, life int64, key []byte) ([]byte, error) {
	return s.vault.SealCredential(ctx, owner(id, life), place("connect_errands", t, id), key)
}

func (s sealer) openKey(ctx context.Context, t hub.TenantID, id hub.ConnectionID, sealed []byte) ([]byte, error) {
	return s.vault.OpenCredential(ctx, place("connect_errands", t, id), sealed)
}

// verifierPlace is where the PKCE verifier of a way rests: with the app, since the connection is not there yet.
func verifierPlace(a App) (gdpr.CredentialOwner, gdpr.Place) {
	tenant := a.Tenant
	if tenant == "" {
		tenant = hub.Operator
	}
	return gdpr.CredentialOwner{App: a.ID}, gdpr.Place{Tenant: tenant, Table: "connect_steps", Row: string(a.ID), Class: hub.P1}
}
