package store

import (
	"context"
	"database/sql"
	"strings"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// Vault implements gdpr.Vault, forget.Ledger and forget.Cycles on the vault database.
//
// Its one row of vault_state is the lock of it all. Whoever adds reads it and shares it until the commit; whoever wraps
// again, or changes the keyring, the ledger, the cycle or the leader holds it alone. So no row is added under a key that is
// being replaced, entries have their numbers in the order of the commits, and nothing comes or dies while slots are
// rewritten.
type Vault struct{ s *Store }

var (
	_ gdpr.Vault    = Vault{}
	_ forget.Ledger = Vault{}
	_ forget.Cycles = Vault{}
)

// Vault returns what the vault database holds.
func (s *Store) Vault() Vault { return Vault{s} }

var keyColumns = []string{
	"id", "kind", "tenant_id", "tag", "slot", "wrapped", "connection_id", "class", "week", "expires", "generation", "created_at", "counted",
}

// keyRow is a key with whether the census of its slot counted it.
type keyRow struct {
	gdpr.WrappedKey
	counted bool
}

func scanKey(r *sql.Rows) (k keyRow, err error) {
	var created int64
	err = r.Scan(&k.ID, &k.Kind, &k.Tenant, &k.Tag, &k.Slot, &k.Wrapped, &k.Connection, &k.Class, &k.Week, &k.Expires, &k.Generation,
		&created, &k.counted)
	k.CreatedAt = moment(created)
	return k, err
}

func (k keyRow) fill(r *row) {
	r.add(k.ID, string(k.Kind), string(k.Tenant), k.Tag, int64(k.Slot), k.Wrapped, string(k.Connection), string(k.Class), string(k.Week),
		string(k.Expires), int64(k.Generation), micros(k.CreatedAt), flag(k.counted))
}

func checkKey(op string, k gdpr.WrappedKey) error {
	return within(op, field{"id", k.ID, 64}, field{"kind", string(k.Kind), maxWord}, field{"tenant_id", string(k.Tenant), maxID},
		field{"tag", string(k.Tag), 32}, field{"wrapped", string(k.Wrapped), 255}, field{"connection_id", string(k.Connection), maxID},
		field{"class", string(k.Class), maxWord}, field{"week", string(k.Week), 16}, field{"expires", string(k.Expires), 16})
}

// keysBy selects keys by a column.
func keysBy(op, column string) selection {
	return selection{op: op, columns: strings.Join(keyColumns, ", "), table: "vault_keys", keys: []string{column}}
}

// ByTag implements gdpr.Vault. What is found is durable: somebody will seal under it.
func (v Vault) ByTag(ctx context.Context, tags [][]byte) (map[string]gdpr.WrappedKey, error) {
	found := make(map[string]gdpr.WrappedKey, len(tags))
	return found, v.look(ctx, keysBy("looking for keys", "tag"), len(tags), func(i int, r *row) { r.add(tags[i]) }, func(r *sql.Rows) error {
		k, err := scanKey(r)
		found[string(k.Tag)] = k.WrappedKey
		return err
	})
}

// ByID implements gdpr.Vault. What is found is durable.
func (v Vault) ByID(ctx context.Context, ids []string) (map[string]gdpr.WrappedKey, error) {
	found := make(map[string]gdpr.WrappedKey, len(ids))
	return found, v.look(ctx, keysBy("looking for keys", "id"), len(ids), func(i int, r *row) { r.add(ids[i]) }, func(r *sql.Rows) error {
		k, err := scanKey(r)
		found[k.ID] = k.WrappedKey
		return err
	})
}

// reach returns the vault's database when it can be used.
func (v Vault) reach(ctx context.Context, op string) (*database, error) {
	if err := ctx.Err(); err != nil {
		return nil, fail(op, err)
	}
	return v.s.vault, v.s.vault.ready(ctx)
}

// look reads rows by n keys outside of a transaction and waits until what was found is durable.
func (v Vault) look(ctx context.Context, sel selection, n int, fill func(int, *row), scan func(*sql.Rows) error) error {
	d, err := v.reach(ctx, sel.op)
	if err != nil {
		return err
	}
	rows := 0
	err = d.find(ctx, sel, n, fill, func(r *sql.Rows) error {
		rows++
		return scan(r)
	})
	if err == nil && rows > 0 {
		err = d.flushed(ctx)
	}
	return err
}

// read does the same for one query.
func (v Vault) read(ctx context.Context, op, query string, args []any, scan func(*sql.Rows) error) error {
	d, err := v.reach(ctx, op)
	if err != nil {
		return err
	}
	rows := 0
	err = d.query(ctx, op, query, args, func(r *sql.Rows) error {
		rows++
		return scan(r)
	})
	if err == nil && rows > 0 {
		err = d.flushed(ctx)
	}
	return err
}

// vaultState is the row that everything in the vault goes by.
type vaultState struct {
	revision   int64
	generation int64
	ledger     int64
	leader     string
	epoch      int64
	until      int64
}

// change runs f in a transaction that has locked the state, forUpdate or forShare. f tells whether it wrote: the flush of
// its commit then covers all that it read.
func (v Vault) change(ctx context.Context, op, lock string, f func(context.Context, *tx, vaultState) (wrote bool, err error)) error {
	d, err := v.reach(ctx, op)
	if err != nil {
		return err
	}
	wrote := false
	err = v.s.do(ctx, d, func(ctx context.Context, t *tx) error {
		var st vaultState
		const query = "SELECT revision, generation, ledger, leader, epoch, leads_until FROM vault_state WHERE one = 1"
		err := t.query(ctx, op, query+lock, nil, func(r *sql.Rows) error {
			return r.Scan(&st.revision, &st.generation, &st.ledger, &st.leader, &st.epoch, &st.until)
		})
		if err == nil {
			wrote, err = f(ctx, t, st)
		}
		if err != nil {
			return t.poison(err)
		}
		return nil
	})
	if err == nil && !wrote {
		err = d.flushed(ctx)
	}
	return err
}

func (v Vault) forUpdate() string { return v.s.vault.dialect.forUpdate }
func (v Vault) forShare() string  { return v.s.vault.dialect.forShare }

// stale is the conflict of a caller whose keyring is not the newest.
func stale(op string) error {
	return &hub.Error{Kind: hub.KindConflict, Code: gdpr.CodeKeyringStale, Op: op}
}
