package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// Fence implements forget.Ledger.
func (v Vault) Fence(ctx context.Context, entries []forget.Entry, owners [][]byte, stones []forget.Tombstone) (all []forget.Entry, err error) {
	err = v.end(ctx, ActionFence, func(ctx context.Context, g *ending) (err error) {
		if all, err = g.entries(ctx, forget.Fenced, entries); err != nil {
			return err
		}
		if err := g.bury(ctx, stones); err != nil {
			return err
		}
		return g.dropTags(ctx, owners, " AND identity = 1")
	})
	return all, err
}

// Kill implements forget.Ledger.
func (v Vault) Kill(ctx context.Context, entries []forget.Entry, owners [][]byte) (all []forget.Entry, err error) {
	action := ActionKill
	if len(entries) > 0 && isCredential(entries[0].Subject) {
		action = ActionKillCredential
	}
	err = v.end(ctx, action, func(ctx context.Context, g *ending) (err error) {
		if all, err = g.entries(ctx, forget.Killed, entries); err != nil {
			return err
		}
		ids := make([]string, len(entries))
		home := map[string]gdpr.Slot{}
		for i, e := range entries {
			ids[i] = string(e.Subject)
			if slot, ok := e.Subject.Bucket(); ok && e.Damaged {
				home[ids[i]] = slot
			}
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
		var dead []deadKey
		sel := selection{op: opLedger, columns: "id, slot, counted", table: "vault_keys", keys: []string{"id"}}
		err = g.t.find(ctx, sel, len(ids), func(i int, r *row) { r.add(ids[i]) }, scanDead(&dead))
		for i := range dead { // older copies of a damaged row, and the census, are where its id says, whatever the row says
			if slot, ok := home[dead[i].id]; ok {
				g.soiled[dead[i].slot], dead[i].slot = true, slot
			}
		}
		if err == nil {
			err = g.dropKeys(ctx, dead)
		}
		if err == nil {
			err = g.dropTags(ctx, owners, "")
		}
		return err
	})
	return all, err
}

// KillLots implements forget.Ledger.
func (v Vault) KillLots(ctx context.Context, e forget.Entry, connection hub.ConnectionID, again bool) (stored forget.Entry, err error) {
	e.What, e.Subject = forget.Killed, gdpr.SubjectID(connection)
	query := "SELECT id, slot, counted, created_at FROM vault_keys" + v.s.vault.dialect.by(keysByKind) + " WHERE kind = ? AND tenant_id = ?"
	args := []any{string(gdpr.KindLot), string(e.Tenant)}
	if connection == "" {
		e.Subject = gdpr.SubjectID(e.Tenant)
	} else {
		query, args = query+" AND connection_id = ?", append(args, string(connection))
	}
	if err := checkEntry(e); err != nil {
		return stored, err
	}
	err = v.end(ctx, ActionKillLots, func(ctx context.Context, g *ending) (err error) {
		var dead []deadKey
		newest := micros(e.At)
		err = g.t.query(ctx, opLedger, query, args, func(r *sql.Rows) error {
			var k deadKey
			err := r.Scan(&k.id, &k.slot, &k.counted, &k.created)
			newest = max(newest, k.created)
			dead = append(dead, k)
			return err
		})
		if err != nil {
			return err
		}
		e := e
		if !again {
			e.At = moment(newest)
		}
		if stored, err = g.repeated(ctx, e); err != nil {
			return err
		}
		return g.dropKeys(ctx, slices.DeleteFunc(dead, func(k deadKey) bool { return k.created > micros(stored.At) }))
	})
	return stored, err
}

// repeated returns the entry with the id of e, and adds e when there is none.
func (g *ending) repeated(ctx context.Context, e forget.Entry) (old forget.Entry, err error) {
	query := "SELECT " + strings.Join(entryColumns, ", ") + " FROM vault_ledger WHERE id = ?"
	err = g.t.query(ctx, opLedger, query, []any{e.ID}, func(r *sql.Rows) (err error) {
		old, err = scanEntry(r)
		return err
	})
	switch {
	case err != nil:
		return old, err
	case old.Number == 0:
		return g.add(e), nil
	case old.What != e.What || old.Subject != e.Subject || old.Tenant != e.Tenant:
		return old, &hub.Error{Kind: hub.KindConflict, Code: CodeTaken, Op: opLedger, Subject: e.ID}
	}
	return old, nil
}

// bury stores tombstones; of two with one hash the later times.
func (g *ending) bury(ctx context.Context, stones []forget.Tombstone) error {
	d := g.t.d.dialect
	later := func(column string) string {
		return column + " = " + d.larger + "(vault_tombstones." + column + ", " + d.fresh(column) + ")"
	}
	in := insertion{op: opLedger, table: "vault_tombstones", columns: []string{"hash", "at", "expires_at"},
		tail: d.onDuplicate("hash", later("at")+", "+later("expires_at"))}
	for _, s := range stones {
		if err := within(opLedger, field{"hash", string(s.Hash), 32}); err != nil {
			return err
		}
	}
	g.deleted = g.deleted || len(stones) > 0
	return g.t.insert(ctx, in, len(stones), func(i int, r *row) { r.add(stones[i].Hash, micros(stones[i].At), micros(stones[i].Expires)) })
}

const keysByKind = "vault_keys_kind"

// deadKey is a key that is about to go.
type deadKey struct {
	id      string
	slot    gdpr.Slot
	counted bool
	created int64 // of lots
}

func scanDead(into *[]deadKey) func(*sql.Rows) error {
	return func(r *sql.Rows) error {
		var k deadKey
		err := r.Scan(&k.id, &k.slot, &k.counted)
		*into = append(*into, k)
		return err
	}
}

// dropKeys deletes keys and keeps the ids of those that a census counted.
func (g *ending) dropKeys(ctx context.Context, dead []deadKey) error {
	var counted []deadKey
	for _, k := range dead {
		g.soiled[k.slot], g.deleted = true, true
		if k.counted {
			counted = append(counted, k)
		}
	}
	in := insertion{op: opLedger, table: "vault_ended", columns: []string{"id", "slot"}}
	if err := g.t.insert(ctx, in, len(counted), func(i int, r *row) { r.add(counted[i].id, int64(counted[i].slot)) }); err != nil {
		return err
	}
	return g.t.execKeys(ctx, opLedger, "DELETE FROM vault_keys WHERE", []string{"id"}, len(dead), func(i int, r *row) { r.add(dead[i].id) })
}

// dropTags deletes tags of owners.
func (g *ending) dropTags(ctx context.Context, owners [][]byte, and string) error {
	var links []gdpr.Link
	sel := selection{op: opLedger, columns: "slot, link", table: "vault_tags" + g.t.d.dialect.by(tagsByOwner), keys: []string{"owner"}, and: and}
	err := g.t.find(ctx, sel, len(owners), func(i int, r *row) { r.add(owners[i]) }, func(r *sql.Rows) error {
		var l gdpr.Link
		err := r.Scan(&l.Slot, &l.Link)
		links = append(links, l)
		g.soiled[l.Slot], g.deleted = true, true
		return err
	})
	if err != nil {
		return err
	}
	return g.t.execKeys(ctx, opLedger, "DELETE FROM vault_tags WHERE", linkKeys, len(links), func(i int, r *row) { r.add(int64(links[i].Slot), links[i].Link) })
}

// soil marks the slots in which something died with the newest entry and with the cycle that runs: what dies while it
// runs may have a copy under a key that this cycle has already made.
func (g *ending) soil(ctx context.Context) error {
	if len(g.soiled) == 0 {
		return nil
	}
	running, err := newestCycle(ctx, g.t, opLedger)
	if err != nil {
		return err
	}
	if running.Phase == forget.PhaseDone {
		running.Number = 0
	}
	slots := slices.Sorted(maps.Keys(g.soiled))
	in := insertion{op: opLedger, table: "vault_dirty", columns: []string{"slot", "number", "cycle"},
		tail: g.t.d.dialect.upsert("slot", "number", "cycle")}
	return g.t.insert(ctx, in, len(slots), func(i int, r *row) { r.add(int64(slots[i]), g.ledger, running.Number) })
}
