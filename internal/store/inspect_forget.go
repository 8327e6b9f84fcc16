package store

import (
	"context"
	"database/sql"
	"time"

	"hub/gdpr"
	"hub/gdpr/forget"
)

// ForgetState is how far forgetting has come, for whoever looks after it.
type ForgetState struct {
	Vault    gdpr.State
	Pending  forget.Pending
	Cycle    forget.Cycle // the newest; zero when there was none
	Hubs     []forget.Hub
	Keyrings []gdpr.SealedKeyring // oldest first
	KilledAt time.Time            // of the oldest kill that no finished cycle was for; zero when there is none
}

// InspectForget reads it from the vault of cfg. It may run beside serving hubs and changes nothing but, on a server, the
// row by which a reader has everything before it flushed.
func InspectForget(ctx context.Context, cfg Config) (st ForgetState, err error) {
	s, err := assemble(cfg, forLooking)
	if err != nil {
		return st, err
	}
	defer s.Close(context.WithoutCancel(ctx))
	v := s.Vault()
	if st.Vault, err = v.Poll(ctx, 0); err != nil {
		return st, err
	}
	if st.Pending, err = v.Pending(ctx); err != nil {
		return st, err
	}
	if st.Cycle, err = v.Current(ctx); err != nil {
		return st, err
	}
	if st.Hubs, err = v.Hubs(ctx); err != nil {
		return st, err
	}
	if st.Keyrings, err = v.Keyrings(ctx); err != nil {
		return st, err
	}
	const query = "SELECT COALESCE(MIN(at), 0) FROM vault_ledger WHERE what = 'killed' AND person = 1" +
		" AND number > (SELECT COALESCE(MAX(ledger), 0) FROM vault_cycles WHERE phase = 'done')"
	err = v.read(ctx, "looking for the oldest kill", query, nil, func(r *sql.Rows) error {
		var at int64
		err := r.Scan(&at)
		st.KilledAt = moment(at)
		return err
	})
	return st, err
}
