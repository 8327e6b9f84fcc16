package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

const opRewrite = "rewriting a slot"

const keysBySlot = "vault_keys_slot"

// Rewrite implements forget.Cycles. The rows are locked as they are read. One that is added meanwhile is under the newest
// key of the slot already, and the next census counts it.
func (v Vault) Rewrite(ctx context.Context, epoch int64, slot gdpr.Slot, f func(forget.Slotful) (*forget.Slotful, error)) error {
	return v.lead(ctx, opRewrite, v.forShare(), epoch, func(ctx context.Context, t *tx, _ vaultState) (bool, error) {
		full, err := t.slotful(ctx, slot)
		if err != nil {
			return false, err
		}
		ids, links := names(full)
		out, err := f(full)
		if err != nil || out == nil {
			return false, err
		}
		if err := checkRewritten(slot, ids, len(links), out); err != nil {
			return false, err
		}
		return true, t.rewrite(ctx, ids, links, out)
	})
}

// names returns the keys, id and tag, and the links of a slot, before anybody can change them.
func names(full forget.Slotful) (ids map[string]string, links []string) {
	ids = make(map[string]string, len(full.Keys))
	for _, k := range full.Keys {
		ids[k.ID] = string(k.Tag)
	}
	for _, tag := range full.Tags {
		links = append(links, string(tag.Link))
	}
	return ids, links
}

func (t *tx) slotful(ctx context.Context, slot gdpr.Slot) (forget.Slotful, error) {
	full, d, args := forget.Slotful{Slot: slot}, t.d.dialect, []any{int64(slot)}
	query := "SELECT " + strings.Join(keyColumns, ", ") + " FROM vault_keys" + d.by(keysBySlot) + " WHERE slot = ? ORDER BY counted DESC, id"
	err := t.query(ctx, opRewrite, query+d.forUpdate, args, func(r *sql.Rows) error {
		k, err := scanKey(r)
		full.Keys = append(full.Keys, k.WrappedKey)
		if k.counted {
			full.Counted++
		}
		return err
	})
	if err != nil {
		return full, err
	}
	query = "SELECT " + strings.Join(tagColumns, ", ") + " FROM vault_tags" + d.by(tagsBySlot) + " WHERE slot = ? ORDER BY link"
	err = t.query(ctx, opRewrite, query+d.forUpdate, args, func(r *sql.Rows) error {
		tag, err := scanTag(r)
		full.Tags = append(full.Tags, tag)
		return err
	})
	if err != nil {
		return full, err
	}
	err = t.query(ctx, opRewrite, "SELECT generation, key_count, digest FROM vault_census WHERE slot = ?", args, func(r *sql.Rows) error {
		full.Census = &forget.Census{}
		return r.Scan(&full.Census.Generation, &full.Census.Keys, &full.Census.Digest)
	})
	if err != nil {
		return full, err
	}
	err = t.query(ctx, opRewrite, "SELECT id FROM vault_ended WHERE slot = ? ORDER BY id", args, func(r *sql.Rows) error {
		var id string
		err := r.Scan(&id)
		full.Killed = append(full.Killed, id)
		return err
	})
	return full, err
}

// checkRewritten refuses other rows than the slot held: nothing dies and nothing comes by a rewrite.
func checkRewritten(slot gdpr.Slot, ids map[string]string, tags int, out *forget.Slotful) error {
	ok := out.Slot == slot && out.Census != nil && len(out.Keys) == len(ids) && len(out.Tags) == tags
	seen := make(map[string]bool, len(ids))
	for _, k := range out.Keys {
		tag, known := ids[k.ID]
		ok = ok && known && !seen[k.ID] && tag == string(k.Tag) && k.Slot == slot
		seen[k.ID] = true
		if err := checkKey(opRewrite, k); err != nil {
			return err
		}
	}
	for _, t := range out.Tags {
		ok = ok && t.Slot == slot
		if err := checkTag(opRewrite, t); err != nil {
			return err
		}
	}
	if !ok {
		return hub.Errorf(hub.KindInvalid, opRewrite, "other rows than it held")
	}
	return nil
}

// rewrite deletes all rows and inserts them as they shall be, which are few statements; updates would be one for each.
func (t *tx) rewrite(ctx context.Context, ids map[string]string, links []string, out *forget.Slotful) error {
	rows := make([]keyRow, len(out.Keys))
	for i, k := range out.Keys {
		rows[i] = keyRow{k, true}
	}
	err := t.execKeys(ctx, opRewrite, "DELETE FROM vault_tags WHERE", []string{"link"}, len(links), func(i int, r *row) { r.add([]byte(links[i])) })
	if err == nil {
		err = t.insertTags(ctx, opRewrite, out.Tags)
	}
	if err == nil {
		err = t.execKeys(ctx, opRewrite, "DELETE FROM vault_keys WHERE", []string{"id"}, len(rows), func(i int, r *row) { r.add(rows[i].ID) })
	}
	if err == nil {
		err = t.insertKeys(ctx, opRewrite, rows)
	}
	if err == nil {
		_, err = t.exec(ctx, opRewrite, "DELETE FROM vault_ended WHERE slot = ?", int64(out.Slot))
	}
	if err == nil {
		in := insertion{op: opRewrite, table: "vault_census", columns: []string{"slot", "generation", "key_count", "digest"},
			tail: t.d.dialect.upsert("slot", "generation", "key_count", "digest")}
		c := out.Census
		err = t.insert(ctx, in, 1, func(_ int, r *row) { r.add(int64(out.Slot), int64(c.Generation), c.Keys, notNull(c.Digest)) })
	}
	return err
}

// DropSlots implements forget.Cycles. A week holds lots and no tags.
func (v Vault) DropSlots(ctx context.Context, epoch int64, slots []gdpr.Slot) (n int64, err error) {
	const op = "dropping expired weeks"
	if slices.ContainsFunc(slots, func(s gdpr.Slot) bool { return !s.IsWeek() }) {
		return 0, hub.Errorf(hub.KindInvalid, op, "a bucket never goes")
	}
	err = v.lead(ctx, op, v.forUpdate(), epoch, func(ctx context.Context, t *tx, _ vaultState) (bool, error) {
		var ids []string
		fill := func(i int, r *row) { r.add(int64(slots[i])) }
		sel := selection{op: op, columns: "id", table: "vault_keys" + t.d.dialect.by(keysBySlot), keys: []string{"slot"}}
		err := t.find(ctx, sel, len(slots), fill, func(r *sql.Rows) error {
			var id string
			err := r.Scan(&id)
			ids = append(ids, id)
			return err
		})
		if err == nil {
			err = t.execKeys(ctx, op, "DELETE FROM vault_keys WHERE", []string{"id"}, len(ids), func(i int, r *row) { r.add(ids[i]) })
		}
		for _, table := range []string{"vault_dirty", "vault_census", "vault_ended"} {
			if err == nil {
				err = t.execKeys(ctx, op, "DELETE FROM "+table+" WHERE", []string{"slot"}, len(slots), fill)
			}
		}
		n = int64(len(ids))
		return len(slots) > 0, err
	})
	return n, err
}
