package reconcile

import (
	"context"

	"hub"
)

// Statement returns one; KindNotFound for a missing one and for another tenant's alike.
func (s *Service) Statement(ctx context.Context, t hub.TenantID, id ID) (Signed, error) {
	if !hub.ValidID(IDPrefix, string(id)) {
		return Signed{}, &hub.Error{Kind: hub.KindNotFound, Op: "reading a statement"}
	}
	return s.Statements.Statement(ctx, t, id)
}

// List returns up to limit entries of the list of statements.
func (s *Service) List(ctx context.Context, t hub.TenantID, f Filter, after ID, limit int) ([]Entry, error) {
	return s.Statements.List(ctx, t, f, after, limit)
}

// Public returns what verifies the statements that are made now.
func (s *Service) Public() PublicKey { return s.Key.Public() }
