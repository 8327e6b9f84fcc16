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

// maxEnded is how many ended keys a poll lists.
const maxEnded = 1000

// The numbers of the vault that are known to be durable are kept with those of the feeds.
var (
	ledgerMark  = head{stream: "vault ledger"}
	keyringMark = head{stream: "vault keyring"}
)

// polled is what one read of the vault says.
type polled struct {
	gdpr.State
	newest string // id of the newest entry
}

// Poll implements gdpr.Vault. It is one statement, so what ended belongs to the state.
func (v Vault) Poll(ctx context.Context, ledger int64) (gdpr.State, error) {
	const op = "polling the vault"
	d, err := v.reach(ctx, op)
	if err != nil {
		return gdpr.State{}, err
	}
	// Entries of kinds that end no key are left out; one more than is listed tells that there are too many.
	const query = "SELECT s.revision, s.generation, s.ledger, COALESCE((SELECT n.id FROM vault_ledger n WHERE n.number = s.ledger), '')," +
		" COALESCE(l.subject_id, ''), COALESCE(l.person, 0)" +
		" FROM vault_state s LEFT JOIN vault_ledger l ON l.number > ? AND l.what <> 'emptied' WHERE s.one = 1 ORDER BY l.number LIMIT ?"
	var p polled
	ended := map[string]bool{}
	rows := 0
	err = d.query(ctx, op, query, []any{ledger, 2*maxEnded + 1}, func(r *sql.Rows) error {
		var subject string
		var person bool
		err := r.Scan(&p.Revision, &p.Generation, &p.Ledger, &p.newest, &subject, &person)
		if subject != "" {
			ended[subject] = true
			p.Gap = p.Gap || !person && !isCredential(gdpr.SubjectID(subject))
		}
		rows++
		return err
	})
	if err != nil {
		return gdpr.State{}, err
	}
	p.Gap = p.Gap || len(ended) > maxEnded || rows > 2*maxEnded || ledger > p.Ledger
	if !p.Gap {
		for id := range ended {
			p.Ended = append(p.Ended, id)
		}
		slices.Sort(p.Ended)
	}
	return p.State, d.settledVault(ctx, p)
}

// settledVault returns when what was polled is durable. After a barrier it is read again: should the server have been
// killed and started in between, the barrier was passed on the new one, and the numbers may be given out a second time.
func (d *database) settledVault(ctx context.Context, p polled) error {
	if !d.dialect.sharesLog || d.marks.covers(ledgerMark, p.Ledger) && d.marks.covers(keyringMark, p.Revision) {
		return nil
	}
	if err := d.flushed(ctx); err != nil {
		return err
	}
	const op = "polling the vault again"
	var revision int64
	var id string
	const query = "SELECT s.revision, COALESCE((SELECT n.id FROM vault_ledger n WHERE n.number = ?), '') FROM vault_state s WHERE s.one = 1"
	err := d.query(ctx, op, query, []any{p.Ledger}, func(r *sql.Rows) error { return r.Scan(&revision, &id) })
	if err == nil && (revision < p.Revision || id != p.newest) {
		err = &hub.Error{Kind: hub.KindUnavailable, Op: op, Err: words("the database was restarted and took changes back")}
	}
	if err == nil {
		d.marks.raise(ledgerMark, p.Ledger)
		d.marks.raise(keyringMark, p.Revision)
	}
	return err
}

// Keyrings implements gdpr.Vault.
func (v Vault) Keyrings(ctx context.Context) (all []gdpr.SealedKeyring, err error) {
	err = v.read(ctx, "reading the keyring", selectKeyrings, nil, func(r *sql.Rows) error {
		k, err := scanKeyring(r)
		all = append(all, k)
		return err
	})
	return all, err
}

const selectKeyrings = "SELECT generation, revision, sealed FROM vault_keyrings ORDER BY generation"

func scanKeyring(r *sql.Rows) (k gdpr.SealedKeyring, err error) {
	err = r.Scan(&k.Generation, &k.Revision, &k.Blob)
	return k, err
}

const opKeyring = "storing the keyring"

// PutKeyring implements gdpr.Vault.
func (v Vault) PutKeyring(ctx context.Context, revision int64, k gdpr.SealedKeyring) error {
	return v.change(ctx, opKeyring, v.forUpdate(), func(ctx context.Context, t *tx, st vaultState) (bool, error) {
		return true, t.putKeyring(ctx, st, revision, k)
	})
}

// StoreKeyring implements forget.Cycles.
func (v Vault) StoreKeyring(ctx context.Context, epoch, revision int64, k gdpr.SealedKeyring) error {
	return v.lead(ctx, opKeyring, v.forUpdate(), epoch, func(ctx context.Context, t *tx, st vaultState) (bool, error) {
		return true, t.putKeyring(ctx, st, revision, k)
	})
}

// putKeyring stores a keyring and raises the revision, which the caller has locked.
func (t *tx) putKeyring(ctx context.Context, st vaultState, revision int64, k gdpr.SealedKeyring) error {
	if st.revision != revision {
		return stale(opKeyring)
	}
	if k.Revision != revision+1 {
		return hub.Errorf(hub.KindInvalid, opKeyring, "its revision is not the next one")
	}
	if _, err := t.exec(ctx, opKeyring, "DELETE FROM vault_keyrings WHERE generation = ?", k.Generation); err != nil {
		return err
	}
	in := insertion{op: opKeyring, table: "vault_keyrings", columns: []string{"generation", "revision", "sealed"}}
	err := t.insert(ctx, in, 1, func(_ int, r *row) { r.add(int64(k.Generation), k.Revision, notNull(k.Blob)) })
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, opKeyring, "UPDATE vault_state SET revision = ?, generation = (SELECT MAX(generation) FROM vault_keyrings) WHERE one = 1", revision+1)
	t.OnCommit(func() { t.d.marks.raise(keyringMark, revision+1) })
	return err
}

// lead is change for the leader.
func (v Vault) lead(ctx context.Context, op, lock string, epoch int64, f func(context.Context, *tx, vaultState) (bool, error)) error {
	return v.change(ctx, op, lock, func(ctx context.Context, t *tx, st vaultState) (bool, error) {
		if st.epoch != epoch {
			return false, &hub.Error{Kind: hub.KindConflict, Code: hub.CodeStaleEpoch, Op: op}
		}
		return f(ctx, t, st)
	})
}

func isPerson(id gdpr.SubjectID) bool { return strings.HasPrefix(string(id), gdpr.SubjectPrefix) }

func isCredential(id gdpr.SubjectID) bool {
	return strings.HasPrefix(string(id), gdpr.CredentialPrefix)
}

// entryColumns are the columns of the ledger but for person.
var entryColumns = []string{"number", "id", "what", "tenant_id", "subject_id", "reason", "at", "damaged"}

func scanEntry(r *sql.Rows) (e forget.Entry, err error) {
	var at int64
	err = r.Scan(&e.Number, &e.ID, &e.What, &e.Tenant, &e.Subject, &e.Reason, &at, &e.Damaged)
	e.At = moment(at)
	return e, err
}
