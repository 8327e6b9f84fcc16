package store

import (
	"bytes"
	"context"
	"database/sql"
	"slices"
	"strings"

	"hub"
	"hub/gdpr"
)

// Vault implements gdpr.Vault on the vault database.
type Vault struct{ s *Store }

var _ gdpr.Vault = Vault{}

// Vault returns the wrapped keys.
func (s *Store) Vault() Vault { return Vault{s} }

var vaultColumns = []string{"id", "kind", "tenant_id", "tag", "wrapped", "connection_id", "class", "week", "created_at"}

func scanKey(r *sql.Rows) (k gdpr.WrappedKey, err error) {
	var created int64
	err = r.Scan(&k.ID, &k.Kind, &k.Tenant, &k.Tag, &k.Wrapped, &k.Connection, &k.Class, &k.Week, &created)
	k.CreatedAt = moment(created)
	return k, err
}

// ByTag implements gdpr.Vault. What is found is durable: somebody will seal under it.
func (v Vault) ByTag(ctx context.Context, tags [][]byte) (map[string]gdpr.WrappedKey, error) {
	return v.look(ctx, "tag", len(tags), func(i int, r *row) { r.add(tags[i]) }, func(k gdpr.WrappedKey) string { return string(k.Tag) })
}

// ByID implements gdpr.Vault. What is found is durable.
func (v Vault) ByID(ctx context.Context, ids []string) (map[string]gdpr.WrappedKey, error) {
	return v.look(ctx, "id", len(ids), func(i int, r *row) { r.add(ids[i]) }, func(k gdpr.WrappedKey) string { return k.ID })
}

func (v Vault) look(ctx context.Context, column string, n int, fill func(int, *row), name func(gdpr.WrappedKey) string) (map[string]gdpr.WrappedKey, error) {
	d := v.s.vault
	if err := ctx.Err(); err != nil {
		return nil, fail("looking for keys", err)
	}
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	found := make(map[string]gdpr.WrappedKey, n)
	sel := selection{op: "looking for keys", columns: strings.Join(vaultColumns, ", "), table: "vault_keys", keys: []string{column}}
	err := d.find(ctx, sel, n, fill, func(r *sql.Rows) error {
		k, err := scanKey(r)
		found[name(k)] = k
		return err
	})
	if err == nil && len(found) > 0 {
		err = d.flushed(ctx)
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Add implements gdpr.Vault. Keys are inserted in the order of their tags, so that two calls never wait for each other in
// a circle, and a tag that somebody else inserts meanwhile runs the transaction again, which then finds it.
func (v Vault) Add(ctx context.Context, keys []gdpr.WrappedKey) (map[string]gdpr.WrappedKey, error) {
	const op = "adding keys"
	d := v.s.vault
	if err := ctx.Err(); err != nil {
		return nil, fail(op, err)
	}
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	for _, k := range keys {
		if err := checkKey(op, k); err != nil {
			return nil, err
		}
	}
	var stored map[string]gdpr.WrappedKey
	err := v.s.do(ctx, d, func(ctx context.Context, t *tx) (err error) {
		stored, err = t.addKeys(ctx, op, keys)
		return err
	})
	if err == nil {
		err = d.flushed(ctx) // what was there already may be a commit that is not flushed yet; ours may have changed nothing
	}
	if err != nil {
		return nil, err
	}
	return stored, nil
}

func checkKey(op string, k gdpr.WrappedKey) error {
	return within(op, field{"id", k.ID, 64}, field{"kind", string(k.Kind), maxWord}, field{"tenant_id", string(k.Tenant), maxID},
		field{"tag", string(k.Tag), 32}, field{"wrapped", string(k.Wrapped), 255}, field{"connection_id", string(k.Connection), maxID},
		field{"class", string(k.Class), maxWord}, field{"week", string(k.Week), 16})
}

func (t *tx) addKeys(ctx context.Context, op string, keys []gdpr.WrappedKey) (map[string]gdpr.WrappedKey, error) {
	stored := make(map[string]gdpr.WrappedKey, len(keys))
	byTag := selection{op: op, columns: strings.Join(vaultColumns, ", "), table: "vault_keys", keys: []string{"tag"}}
	err := t.find(ctx, byTag, len(keys), func(i int, r *row) { r.add(keys[i].Tag) }, func(r *sql.Rows) error {
		k, err := scanKey(r)
		stored[string(k.Tag)] = k
		return err
	})
	if err != nil {
		return nil, err
	}
	var fresh []gdpr.WrappedKey
	for _, k := range keys {
		if _, ok := stored[string(k.Tag)]; ok {
			continue
		}
		k.Tag, k.Wrapped, k.CreatedAt = bytes.Clone(k.Tag), bytes.Clone(k.Wrapped), moment(micros(k.CreatedAt))
		stored[string(k.Tag)] = k
		fresh = append(fresh, k)
	}
	if err := t.freeIDs(ctx, op, fresh); err != nil {
		return nil, err
	}
	slices.SortFunc(fresh, func(a, b gdpr.WrappedKey) int { return bytes.Compare(a.Tag, b.Tag) })
	in := insertion{op: op, table: "vault_keys", columns: vaultColumns}
	return stored, t.insert(ctx, in, len(fresh), func(i int, r *row) {
		k := &fresh[i]
		r.add(k.ID, string(k.Kind), string(k.Tenant), k.Tag, k.Wrapped, string(k.Connection), string(k.Class), string(k.Week), micros(k.CreatedAt))
	})
}

// freeIDs is a conflict when an id exists under another tag, in the vault or in the call.
func (t *tx) freeIDs(ctx context.Context, op string, fresh []gdpr.WrappedKey) error {
	taken := make(map[string]bool, len(fresh))
	conflict := func(id string) error {
		return t.poison(&hub.Error{Kind: hub.KindConflict, Code: CodeTaken, Op: op, Subject: id})
	}
	for _, k := range fresh {
		if taken[k.ID] {
			return conflict(k.ID)
		}
		taken[k.ID] = true
	}
	other := ""
	byID := selection{op: op, columns: "id", table: "vault_keys", keys: []string{"id"}}
	err := t.find(ctx, byID, len(fresh), func(i int, r *row) { r.add(fresh[i].ID) }, func(r *sql.Rows) error { return r.Scan(&other) })
	if err == nil && other != "" {
		err = conflict(other)
	}
	return err
}
