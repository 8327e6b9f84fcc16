package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"hub/gdpr"
)

var tagColumns = []string{"link", "tag", "slot", "owner", "identity", "sealed", "generation"}

const tagsByOwner = "vault_tags_owner"

// linkKeys name a tag. The slot comes first, so all tags of a slot lie together.
var linkKeys = []string{"slot", "link"}

// byLink selects tags by their links.
func (d *dialect) byLink(op string) selection {
	return selection{op: op, columns: strings.Join(tagColumns, ", "), table: "vault_tags" + d.by(primary), keys: linkKeys}
}

func scanTag(r *sql.Rows) (t gdpr.Tag, err error) {
	err = r.Scan(&t.Link, &t.Tag, &t.Slot, &t.Owner, &t.Identity, &t.Sealed, &t.Generation)
	return t, err
}

func fillTag(t gdpr.Tag, r *row) {
	r.add(t.Link, t.Tag, int64(t.Slot), t.Owner, flag(t.Identity), t.Sealed, int64(t.Generation))
}

func checkTag(op string, t gdpr.Tag) error {
	return within(op, field{"link", string(t.Link), 32}, field{"tag", string(t.Tag), 32}, field{"owner", string(t.Owner), 16},
		field{"sealed", string(t.Sealed), 255})
}

// tagsOf selects tags by their owners.
func (d *dialect) tagsOf(op string) selection {
	return selection{op: op, columns: strings.Join(tagColumns, ", "), table: "vault_tags" + d.by(tagsByOwner), keys: []string{"owner"}}
}

// Links implements gdpr.Vault.
func (v Vault) Links(ctx context.Context, links []gdpr.Link) (map[string]gdpr.Tag, error) {
	found := make(map[string]gdpr.Tag, len(links))
	sel := v.s.vault.dialect.byLink("looking for persons")
	return found, v.look(ctx, sel, len(links), func(i int, r *row) { r.add(int64(links[i].Slot), notNull(links[i].Link)) }, func(r *sql.Rows) error {
		t, err := scanTag(r)
		found[string(t.Link)] = t
		return err
	})
}

// Tagged implements gdpr.Vault. It goes through the slot: a search is rare, and an index for it would cost each new order.
func (v Vault) Tagged(ctx context.Context, slot gdpr.Slot, tag, after []byte, limit int) (page []gdpr.Tag, err error) {
	query := "SELECT " + strings.Join(tagColumns, ", ") + " FROM vault_tags" + v.s.vault.dialect.by(primary) +
		" WHERE slot = ? AND link > ? AND tag = ? ORDER BY link LIMIT ?"
	err = v.read(ctx, "searching persons", query, []any{int64(slot), notNull(after), tag, limit}, func(r *sql.Rows) error {
		t, err := scanTag(r)
		page = append(page, t)
		return err
	})
	return page, err
}

// TagsOf implements forget.Ledger.
func (v Vault) TagsOf(ctx context.Context, owners [][]byte) (list []gdpr.Tag, err error) {
	sel := v.s.vault.dialect.tagsOf("reading the tags of persons")
	err = v.look(ctx, sel, len(owners), func(i int, r *row) { r.add(owners[i]) }, func(r *sql.Rows) error {
		t, err := scanTag(r)
		list = append(list, t)
		return err
	})
	return list, err
}

// Index implements forget.Ledger.
func (v Vault) Index(ctx context.Context, from, below gdpr.Slot) (list []gdpr.Tag, err error) {
	query := "SELECT " + strings.Join(tagColumns, ", ") + " FROM vault_tags" + v.s.vault.dialect.by(primary) + " WHERE slot >= ? AND slot < ?"
	err = v.read(ctx, "reading the index", query, []any{int64(from), int64(below)}, func(r *sql.Rows) error {
		t, err := scanTag(r)
		list = append(list, t)
		return err
	})
	return list, err
}

// Tombstones implements gdpr.Vault.
func (v Vault) Tombstones(ctx context.Context, hashes [][]byte, now time.Time) (map[string]time.Time, error) {
	found := make(map[string]time.Time)
	sel := selection{op: "looking for tombstones", columns: "hash, at, expires_at", table: "vault_tombstones", keys: []string{"hash"}}
	return found, v.look(ctx, sel, len(hashes), func(i int, r *row) { r.add(hashes[i]) }, func(r *sql.Rows) error {
		var hash []byte
		var at, expires int64
		err := r.Scan(&hash, &at, &expires)
		if moment(expires).After(now) {
			found[string(hash)] = moment(at)
		}
		return err
	})
}
