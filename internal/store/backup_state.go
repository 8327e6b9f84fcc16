package store

import (
	"context"
	"database/sql"
	"errors"

	"hub"
	"hub/gdpr"
)

// FileState is what a database file says of itself.
type FileState struct {
	Installation string
	Schema       int64
	Shard        hub.ShardID        // of a shard
	Feeds        []FeedHead         // of a shard
	Keys         map[hub.KeyID]bool // API keys of the control database: whether they were revoked
	Vault        VaultAge           // of the vault
}

// FeedHead is the number of the last change of one feed.
type FeedHead struct {
	Tenant   hub.TenantID `json:"tenant"`
	Stream   hub.Stream   `json:"stream"`
	Sequence int64        `json:"sequence"`
}

// VaultAge tells copies of one vault apart by age.
type VaultAge struct {
	Ledger     int64 `json:"ledger"`     // newest entry of the erasure ledger
	Revision   int64 `json:"revision"`   // of the keyring
	Generation int   `json:"generation"` // of the root that seals it
	Keys       int64 `json:"keys"`       // how many it holds
	Newest     int64 `json:"newest_key"` // when the newest was made, in Unix microseconds
	Tags       int64 `json:"tags"`
}

// OlderThan reports whether b knows something that a does not. The first three numbers only ever grow, the others do as
// long as nothing dies, which the ledger counts. A vault that lacks one key forgets one person.
func (a VaultAge) OlderThan(b VaultAge) bool {
	return a.Ledger < b.Ledger || a.Revision < b.Revision || a.Generation < b.Generation ||
		a.Ledger == b.Ledger && (a.Keys < b.Keys || a.Newest < b.Newest || a.Tags < b.Tags)
}

// Keyrings returns those in a file of a vault, the oldest first.
func (f File) Keyrings(ctx context.Context) (all []gdpr.SealedKeyring, err error) {
	const op = "reading the keyrings of a copy"
	db, err := lookSQLite(f.source())
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, selectKeyrings)
	if err != nil {
		return nil, fail(op, err)
	}
	defer rows.Close()
	for rows.Next() {
		k, err := scanKeyring(rows)
		if err != nil {
			return nil, fail(op, err)
		}
		all = append(all, k)
	}
	return all, fail(op, rows.Err())
}

// State reads the file, which nobody else may be using, and changes nothing. A file that is missing or empty is
// KindNotFound.
func (f File) State(ctx context.Context) (st FileState, err error) {
	op := "reading " + f.Name
	if err := f.there(op); err != nil {
		return st, err
	}
	db, err := lookSQLite(f.source())
	if err != nil {
		return st, err
	}
	defer db.Close()
	one := func(query string, into ...any) {
		if err == nil {
			err = db.QueryRowContext(ctx, query).Scan(into...)
		}
	}
	one("SELECT COALESCE(MAX(version_id), 0) FROM schema_"+string(f.role), &st.Schema)
	switch f.role {
	case roleShard:
		one("SELECT installation_id, shard_id FROM shard_meta WHERE one = 1", &st.Installation, &st.Shard)
		if err == nil {
			st.Feeds, err = feedHeads(ctx, db)
		}
	case roleControl:
		one("SELECT installation_id FROM installation WHERE one = 1", &st.Installation)
		if err == nil {
			st.Keys, err = apiKeys(ctx, db)
		}
	case roleVault:
		one("SELECT installation_id FROM vault_meta WHERE one = 1", &st.Installation)
		one("SELECT ledger, revision, generation FROM vault_state WHERE one = 1", &st.Vault.Ledger, &st.Vault.Revision, &st.Vault.Generation)
		one("SELECT COUNT(*), COALESCE(MAX(created_at), 0) FROM vault_keys", &st.Vault.Keys, &st.Vault.Newest)
		one("SELECT COUNT(*) FROM vault_tags", &st.Vault.Tags)
	}
	if errors.Is(err, sql.ErrNoRows) || noTable(err) {
		return st, refuse(CodeSchema, f.Name, "%s is no %s of a hub", f.Path, f.role)
	}
	return st, fail(op, err)
}

func feedHeads(ctx context.Context, db *sql.DB) (heads []FeedHead, err error) {
	rows, err := db.QueryContext(ctx, "SELECT tenant_id, stream, sequence FROM feed_head ORDER BY tenant_id, stream")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var h FeedHead
		if err := rows.Scan(&h.Tenant, &h.Stream, &h.Sequence); err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	return heads, rows.Err()
}

func apiKeys(ctx context.Context, db *sql.DB) (map[hub.KeyID]bool, error) {
	rows, err := db.QueryContext(ctx, "SELECT id, revoked_at <> 0 FROM api_keys")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	keys := map[hub.KeyID]bool{}
	for rows.Next() {
		var id hub.KeyID
		var revoked bool
		if err := rows.Scan(&id, &revoked); err != nil {
			return nil, err
		}
		keys[id] = revoked
	}
	return keys, rows.Err()
}
