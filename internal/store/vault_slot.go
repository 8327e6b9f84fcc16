package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

const opRewrite = "rewriting slots"

const keysBySlot = "vault_keys_slot"

// Rewrite implements forget.Cycles. It holds the state alone, so nothing is added to a slot after it was read. All tags of a
// slot go and come back, because their links change. That they go needs nothing of what f returns, and takes the database as
// long as f takes the processors, so both are done at once; of slots that f leaves as they are the same tags come back.
func (v Vault) Rewrite(ctx context.Context, epoch int64, slots []gdpr.Slot, f func([]forget.Slotful) ([]forget.Slotful, error)) error {
	err := v.lead(ctx, opRewrite, v.forUpdate(), epoch, func(ctx context.Context, t *tx, _ vaultState) (bool, error) {
		full, err := t.slotfuls(ctx, slots)
		if err != nil {
			return false, err
		}
		held := make(map[gdpr.Slot]holding, len(full))
		var tagged []gdpr.Slot
		for _, s := range full {
			held[s.Slot] = holdingOf(s)
			if len(s.Tags) > 0 {
				tagged = append(tagged, s.Slot)
			}
		}
		result := make(chan rewriting, 1)
		go func() {
			r := rewriting{err: hub.Errorf(hub.KindInternal, opRewrite, "it was given up")}
			defer func() { result <- r }()
			r.all, r.err = f(full)
		}()
		err = t.emptySlots(ctx, "vault_tags", tagged)
		r := <-result
		switch {
		case r.err != nil:
			return false, r.err
		case err != nil:
			return false, err
		case len(r.all) == 0:
			return false, errNothing
		}
		return true, t.rewrite(ctx, held, r.all)
	})
	if errors.Is(err, errNothing) {
		return v.s.vault.flushed(ctx) // what f has seen
	}
	return err
}

// rewriting is what became of slots outside of the database.
type rewriting struct {
	all []forget.Slotful
	err error
}

// errNothing rolls a transaction back after which all would be as before.
var errNothing = hub.Errorf(hub.KindInvalid, opRewrite, "nothing to be rewritten")

// holding is what a slot held, before anybody could change it.
type holding struct {
	slot  gdpr.Slot
	keys  map[string]nature // by id
	tags  []gdpr.Tag
	ended bool
}

// nature is all of a key that no wrapping changes.
type nature struct {
	kind       gdpr.Kind
	tenant     hub.TenantID
	tag        string
	slot       gdpr.Slot
	connection hub.ConnectionID
	class      gdpr.LotClass
	week       gdpr.Week
	expires    gdpr.Week
	created    int64
}

func natureOf(k gdpr.WrappedKey) nature {
	return nature{k.Kind, k.Tenant, string(k.Tag), k.Slot, k.Connection, k.Class, k.Week, k.Expires, micros(k.CreatedAt)}
}

func holdingOf(s forget.Slotful) holding {
	h := holding{slot: s.Slot, keys: make(map[string]nature, len(s.Keys)), tags: slices.Clone(s.Tags), ended: len(s.Killed) > 0}
	for _, k := range s.Keys {
		h.keys[k.ID] = natureOf(k)
	}
	return h
}

// slotfuls reads slots. MySQL needs no locks on the rows: whoever writes them shares or holds the state.
func (t *tx) slotfuls(ctx context.Context, slots []gdpr.Slot) ([]forget.Slotful, error) {
	all, at := make([]forget.Slotful, len(slots)), make(map[gdpr.Slot]*forget.Slotful, len(slots))
	for i, slot := range slots {
		all[i].Slot, at[slot] = slot, &all[i]
	}
	if len(at) != len(slots) {
		return nil, hub.Errorf(hub.KindInvalid, opRewrite, "a slot is asked for twice")
	}
	d := t.d.dialect
	read := func(columns, table, order string, scan func(*sql.Rows) error) error {
		return t.bySlots(slots, func(in string, args []any) error {
			return t.query(ctx, opRewrite, "SELECT "+columns+" FROM "+table+" WHERE "+in+" ORDER BY slot"+order, args, scan)
		})
	}
	err := read(strings.Join(keyColumns, ", "), "vault_keys"+d.by(keysBySlot), ", counted DESC, id", func(r *sql.Rows) error {
		k, err := scanKey(r)
		if s := at[k.Slot]; err == nil {
			s.Keys = append(s.Keys, k.WrappedKey)
			s.Counted += int(flag(k.counted))
		}
		return err
	})
	if err == nil {
		err = read(strings.Join(tagColumns, ", "), "vault_tags"+d.by(primary), ", link", func(r *sql.Rows) error {
			tag, err := scanTag(r)
			if s := at[tag.Slot]; err == nil {
				s.Tags = append(s.Tags, tag)
			}
			return err
		})
	}
	if err == nil {
		err = read("slot, generation, key_count, digest", "vault_census", "", func(r *sql.Rows) error {
			var slot gdpr.Slot
			c := &forget.Census{}
			err := r.Scan(&slot, &c.Generation, &c.Keys, &c.Digest)
			if s := at[slot]; err == nil {
				s.Census = c
			}
			return err
		})
	}
	if err == nil {
		err = read("slot, id", "vault_ended", ", id", func(r *sql.Rows) error {
			var slot gdpr.Slot
			var id string
			err := r.Scan(&slot, &id)
			if s := at[slot]; err == nil {
				s.Killed = append(s.Killed, id)
			}
			return err
		})
	}
	return all, err
}

// check refuses other rows than the slot held: nothing dies and nothing comes by a rewrite.
func (h holding) check(out *forget.Slotful) error {
	ok := out.Census != nil && len(out.Keys) == len(h.keys) && len(out.Tags) == len(h.tags)
	seen := make(map[string]bool, len(h.keys))
	for _, k := range out.Keys {
		was, known := h.keys[k.ID]
		ok = ok && known && !seen[k.ID] && was == natureOf(k)
		seen[k.ID] = true
		if err := checkKey(opRewrite, k); err != nil {
			return err
		}
	}
	for _, t := range out.Tags {
		ok = ok && t.Slot == h.slot
		if err := checkTag(opRewrite, t); err != nil {
			return err
		}
	}
	if !ok {
		return hub.Errorf(hub.KindInvalid, opRewrite, "other rows than slot %d held", h.slot)
	}
	return nil
}

// rewrite stores slots as they shall be, after their tags are gone. Keys stay where they are, and no index of theirs is
// touched.
func (t *tx) rewrite(ctx context.Context, held map[gdpr.Slot]holding, all []forget.Slotful) error {
	var keys []keyRow
	var tags []gdpr.Tag
	var ended []gdpr.Slot
	done := make(map[gdpr.Slot]bool, len(all))
	for i := range all {
		s := &all[i]
		h, known := held[s.Slot]
		if !known || done[s.Slot] {
			return hub.Errorf(hub.KindInvalid, opRewrite, "slot %d was not asked for, or is there twice", s.Slot)
		}
		if err := h.check(s); err != nil {
			return err
		}
		done[s.Slot] = true
		for _, k := range s.Keys {
			keys = append(keys, keyRow{k, true})
		}
		tags = append(tags, s.Tags...)
		if h.ended {
			ended = append(ended, s.Slot)
		}
	}
	for slot, h := range held {
		if !done[slot] {
			tags = append(tags, h.tags...)
		}
	}
	err := t.insertTags(ctx, opRewrite, tags)
	if err == nil {
		slices.SortFunc(keys, func(a, b keyRow) int { return strings.Compare(a.ID, b.ID) })
		in := insertion{op: opRewrite, table: "vault_keys", columns: keyColumns, tail: t.d.dialect.upsert("id", "wrapped", "generation", "counted")}
		err = t.insert(ctx, in, len(keys), func(i int, r *row) { keys[i].fill(r) })
	}
	if err == nil {
		err = t.emptySlots(ctx, "vault_ended", ended)
	}
	if err == nil {
		in := insertion{op: opRewrite, table: "vault_census", columns: []string{"slot", "generation", "key_count", "digest"},
			tail: t.d.dialect.upsert("slot", "generation", "key_count", "digest")}
		err = t.insert(ctx, in, len(all), func(i int, r *row) {
			c := all[i].Census
			r.add(int64(all[i].Slot), int64(c.Generation), c.Keys, notNull(c.Digest))
		})
	}
	return err
}

// emptySlots deletes what a table has of slots.
func (t *tx) emptySlots(ctx context.Context, table string, slots []gdpr.Slot) error {
	return t.bySlots(slots, func(in string, args []any) error {
		_, err := t.exec(ctx, opRewrite, "DELETE FROM "+table+" WHERE "+in, args...)
		return err
	})
}

// bySlots runs statements on the rows of slots, in as few as the bounds allow.
func (t *tx) bySlots(slots []gdpr.Slot, run func(in string, args []any) error) error {
	d := t.d.dialect
	for len(slots) > 0 {
		size := d.statement.size(len(slots), d.statement.slots)
		args := make([]any, size)
		for i, slot := range slots[:size] {
			args[i] = int64(slot)
		}
		if err := run(d.among([]string{"slot"}, size), args); err != nil {
			return err
		}
		slots = slots[size:]
	}
	return nil
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
