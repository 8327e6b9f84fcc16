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

const ledgerBySubject = "vault_ledger_subject"

const opLedger = "writing the ledger"

// ending is one change of the ledger in its transaction.
type ending struct {
	t       *tx
	ledger  int64 // number of the newest entry
	fresh   []forget.Entry
	soiled  map[gdpr.Slot]bool
	deleted bool
}

// end runs f with the ledger locked, writes what it left to write, and tells the audit log.
func (v Vault) end(ctx context.Context, action string, f func(context.Context, *ending) error) error {
	return v.change(ctx, opLedger, v.forUpdate(), func(ctx context.Context, t *tx, st vaultState) (bool, error) {
		g := &ending{t: t, ledger: st.ledger, soiled: map[gdpr.Slot]bool{}}
		err := f(ctx, g)
		if err == nil {
			err = g.write(ctx)
		}
		if err == nil {
			err = g.soil(ctx)
		}
		if err == nil {
			err = t.recordEntries(ctx, action, g.fresh)
		}
		return len(g.fresh) > 0 || g.deleted, err
	})
}

// entries returns the entry of each subject, those that exist and new ones with the next numbers.
func (g *ending) entries(ctx context.Context, what forget.What, given []forget.Entry) ([]forget.Entry, error) {
	for _, e := range given {
		if e.What != what || !mayBe(what, e.Subject) {
			return nil, hub.Errorf(hub.KindInvalid, opLedger, "the entry is of another kind")
		}
		if err := checkEntry(e); err != nil {
			return nil, err
		}
	}
	known := make(map[gdpr.SubjectID]forget.Entry, len(given))
	sel := selection{op: opLedger, columns: strings.Join(entryColumns, ", "), table: "vault_ledger" + g.t.d.dialect.by(ledgerBySubject),
		keys: []string{"subject_id"}, and: " AND what = '" + string(what) + "'"}
	err := g.t.find(ctx, sel, len(given), func(i int, r *row) { r.add(string(given[i].Subject)) }, func(r *sql.Rows) error {
		e, err := scanEntry(r)
		known[e.Subject] = e
		return err
	})
	if err != nil {
		return nil, err
	}
	all := make([]forget.Entry, len(given))
	for i, e := range given {
		old, ok := known[e.Subject]
		if !ok {
			old = g.add(e)
			known[e.Subject] = old
		}
		all[i] = old
	}
	return all, nil
}

// mayBe says what an entry can be about: a person or the key of credentials is killed, a person fenced, anything else emptied.
func mayBe(what forget.What, subject gdpr.SubjectID) bool {
	switch what {
	case forget.Fenced:
		return isPerson(subject)
	case forget.Killed:
		return isPerson(subject) || isCredential(subject)
	}
	return !isPerson(subject) && !isCredential(subject)
}

// add numbers an entry that end will write.
func (g *ending) add(e forget.Entry) forget.Entry {
	g.ledger++
	e.Number, e.At = g.ledger, moment(micros(e.At))
	g.fresh = append(g.fresh, e)
	return e
}

func checkEntry(e forget.Entry) error {
	return within(opLedger, field{"id", e.ID, maxID}, field{"tenant_id", string(e.Tenant), maxID}, field{"subject_id", string(e.Subject), maxID},
		field{"reason", e.Reason, maxWord})
}

// write stores the new entries. An id that exists is a conflict: it names another subject.
func (g *ending) write(ctx context.Context) error {
	other := ""
	sel := selection{op: opLedger, columns: "id", table: "vault_ledger", keys: []string{"id"}}
	err := g.t.find(ctx, sel, len(g.fresh), func(i int, r *row) { r.add(g.fresh[i].ID) }, func(r *sql.Rows) error { return r.Scan(&other) })
	ids := map[string]bool{}
	for _, e := range g.fresh {
		if ids[e.ID] {
			other = e.ID
		}
		ids[e.ID] = true
	}
	if err == nil && other != "" {
		err = &hub.Error{Kind: hub.KindConflict, Code: CodeTaken, Op: opLedger, Subject: other}
	}
	if err != nil || len(g.fresh) == 0 {
		return err
	}
	in := insertion{op: opLedger, table: "vault_ledger", columns: append(slices.Clone(entryColumns), "person")}
	err = g.t.insert(ctx, in, len(g.fresh), func(i int, r *row) {
		e := &g.fresh[i]
		r.add(e.Number, e.ID, string(e.What), string(e.Tenant), string(e.Subject), e.Reason, micros(e.At), flag(e.Damaged), flag(isPerson(e.Subject)))
	})
	if err != nil {
		return err
	}
	_, err = g.t.exec(ctx, opLedger, "UPDATE vault_state SET ledger = ? WHERE one = 1", g.ledger)
	g.t.OnCommit(func() { g.t.d.marks.raise(ledgerMark, g.ledger) })
	return err
}

// Note implements forget.Ledger.
func (v Vault) Note(ctx context.Context, entries []forget.Entry) (all []forget.Entry, err error) {
	err = v.end(ctx, "", func(ctx context.Context, g *ending) (err error) {
		all, err = g.entries(ctx, forget.Emptied, entries)
		return err
	})
	return all, err
}

// Entries implements forget.Ledger.
func (v Vault) Entries(ctx context.Context, after int64, limit int) (page []forget.Entry, err error) {
	query := "SELECT " + strings.Join(entryColumns, ", ") + " FROM vault_ledger WHERE number > ? ORDER BY number LIMIT ?"
	err = v.read(ctx, "reading the ledger", query, []any{after, limit}, func(r *sql.Rows) error {
		e, err := scanEntry(r)
		page = append(page, e)
		return err
	})
	return page, err
}

// EntriesByID implements forget.Ledger.
func (v Vault) EntriesByID(ctx context.Context, ids []string) (map[string]forget.Entry, error) {
	found := make(map[string]forget.Entry)
	sel := selection{op: "reading the ledger", columns: strings.Join(entryColumns, ", "), table: "vault_ledger", keys: []string{"id"}}
	return found, v.look(ctx, sel, len(ids), func(i int, r *row) { r.add(ids[i]) }, func(r *sql.Rows) error {
		e, err := scanEntry(r)
		found[e.ID] = e
		return err
	})
}
