package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
)

// Lead implements forget.Cycles.
func (v Vault) Lead(ctx context.Context, holder string, now, until time.Time) (epoch int64, err error) {
	const op = "leading the forget cycle"
	if err := within(op, field{"holder", holder, maxInstance}); err != nil {
		return 0, err
	}
	err = v.change(ctx, op, v.forUpdate(), func(ctx context.Context, t *tx, st vaultState) (bool, error) {
		same := st.epoch > 0 && st.leader == holder
		switch {
		case !same && moment(st.until).After(now):
			return false, &hub.Error{Kind: hub.KindConflict, Op: op, Subject: st.leader}
		case !same:
			st.epoch++
		}
		epoch = st.epoch
		_, err := t.exec(ctx, op, "UPDATE vault_state SET leader = ?, epoch = ?, leads_until = ? WHERE one = 1", holder, epoch, micros(until))
		return true, err
	})
	return epoch, err
}

// maxInstance bounds the name of a hub.
const maxInstance = 64

// retiredReasons are those of entries that nobody asked for.
const retiredReasons = "IN ('" + forget.ReasonDelivery + "', '" + forget.ReasonRetention + "', '" + forget.ReasonEnded + "')"

// Pending implements forget.Cycles. The slots are read after the counts: a slot that became dirty in between has a higher
// number than the ledger that was read, and stays dirty after the cycle. It counts every person, so it is for the cycle
// and not for each second.
func (v Vault) Pending(ctx context.Context) (p forget.Pending, err error) {
	const op = "counting what the forget cycle is for"
	d := v.s.vault.dialect
	killed := " (SELECT COUNT(*) FROM vault_ledger l WHERE l.what = 'killed' AND l.person = 1" +
		" AND l.number > (SELECT COALESCE(MAX(c.ledger), 0) FROM vault_cycles c WHERE c.phase = 'done') AND l.reason "
	const retired = retiredReasons + "),"
	query := "SELECT s.ledger, k.persons, k.deliveries," + killed + "NOT " + retired + killed + retired +
		" (SELECT COUNT(*) FROM vault_tags" + d.by(tagsByOwner) + " WHERE identity = 1)," +
		" (SELECT COUNT(*) FROM vault_ledger l JOIN vault_keys f ON f.id = l.subject_id WHERE l.what = 'fenced')" +
		" FROM vault_state s, (SELECT COALESCE(SUM(connection_id = ''), 0) AS persons, COALESCE(SUM(connection_id <> ''), 0) AS deliveries" +
		" FROM vault_keys" + d.by(keysByKind) + " WHERE kind = 'subject') k WHERE s.one = 1"
	err = v.read(ctx, op, query, nil, func(r *sql.Rows) error {
		return r.Scan(&p.Ledger, &p.Subjects, &p.Deliveries, &p.Kills, &p.Retired, &p.Identities, &p.Fenced)
	})
	if err != nil {
		return p, err
	}
	err = v.read(ctx, op, "SELECT slot FROM vault_dirty ORDER BY slot", nil, func(r *sql.Rows) error {
		var slot gdpr.Slot
		err := r.Scan(&slot)
		p.Dirty = append(p.Dirty, slot)
		return err
	})
	return p, err
}

const cycleColumns = "number, phase, from_root, to_root, ledger, kills, weeks, slots, rewrapped, began_at, ended_at, waits_for, " +
	"gone_root, gone_at, gone_method, gone_same_volume, unreadable, known"

// newestCycle is zero when there was none.
func newestCycle(ctx context.Context, a asker, op string) (c forget.Cycle, err error) {
	query := "SELECT " + cycleColumns + " FROM vault_cycles ORDER BY number DESC LIMIT 1"
	err = a.query(ctx, op, query, nil, func(r *sql.Rows) error {
		var began, ended, gone int64
		var waits, unreadable, known []byte
		err := r.Scan(&c.Number, &c.Phase, &c.From, &c.To, &c.Ledger, &c.Kills, &c.Weeks, &c.Slots, &c.Rows, &began, &ended, &waits,
			&c.Receipt.Generation, &gone, &c.Receipt.Method, &c.Receipt.SameVolume, &unreadable, &known)
		if err != nil {
			return err
		}
		c.BeganAt, c.EndedAt, c.Receipt.GoneAt = moment(began), moment(ended), moment(gone)
		if err := json.Unmarshal(waits, &c.WaitsFor); err != nil || unreadable == nil {
			return err
		}
		if err := json.Unmarshal(unreadable, &c.Unreadable); err != nil || known == nil {
			return err
		}
		return json.Unmarshal(known, &c.Known)
	})
	return c, err
}

// Current implements forget.Cycles.
func (v Vault) Current(ctx context.Context) (c forget.Cycle, err error) {
	const op = "reading the forget cycle"
	d, err := v.reach(ctx, op)
	if err != nil {
		return c, err
	}
	if c, err = newestCycle(ctx, d, op); err == nil && c.Number > 0 {
		err = d.flushed(ctx)
	}
	return c, err
}

var phases = []forget.Phase{forget.PhaseBegun, forget.PhaseKeyed, forget.PhaseRewrapped, forget.PhaseSealed, forget.PhaseDone}

const opSave = "saving the forget cycle"

// Save implements forget.Cycles.
func (v Vault) Save(ctx context.Context, epoch int64, c forget.Cycle) error {
	if err := within(opSave, field{"method", c.Receipt.Method, maxReference}); err != nil {
		return err
	}
	return v.lead(ctx, opSave, v.forUpdate(), epoch, func(ctx context.Context, t *tx, _ vaultState) (bool, error) {
		old, err := newestCycle(ctx, t, opSave)
		if err == nil {
			err = follows(old, c)
		}
		if err == nil {
			err = t.storeCycle(ctx, c)
		}
		if err == nil && c.Phase == forget.PhaseDone {
			err = t.cycleDone(ctx, old, c)
		}
		return true, err
	})
}

// follows is a conflict unless c is the newest cycle at the same phase or a later one, or the first phases of the next.
func follows(old, c forget.Cycle) error {
	before, after := slices.Index(phases, old.Phase), slices.Index(phases, c.Phase)
	if after < 0 {
		return hub.Errorf(hub.KindInvalid, opSave, "unknown phase")
	}
	next := c.Number == old.Number+1 && (old.Number == 0 || old.Phase == forget.PhaseDone)
	if same := c.Number == old.Number && old.Number > 0 && after >= before; next || same {
		return nil
	}
	return &hub.Error{Kind: hub.KindConflict, Op: opSave, Subject: strconv.FormatInt(c.Number, 10)}
}

func (t *tx) storeCycle(ctx context.Context, c forget.Cycle) error {
	waits, err := json.Marshal(c.WaitsFor)
	unreadable, err2 := json.Marshal(c.Unreadable)
	known, err3 := json.Marshal(c.Known)
	if err := errors.Join(err, err2, err3); err != nil {
		return fail(opSave, err)
	}
	if _, err := t.exec(ctx, opSave, "DELETE FROM vault_cycles WHERE number = ?", c.Number); err != nil {
		return err
	}
	_, err = t.exec(ctx, opSave, "INSERT INTO vault_cycles ("+cycleColumns+") VALUES ("+list("?", ",", 18)+")",
		c.Number, string(c.Phase), c.From, c.To, c.Ledger, c.Kills, c.Weeks, c.Slots, c.Rows, micros(c.BeganAt), micros(c.EndedAt), waits,
		c.Receipt.Generation, micros(c.Receipt.GoneAt), c.Receipt.Method, flag(c.Receipt.SameVolume), unreadable, known)
	return err
}

// cycleDone forgets what the cycle was for, and records it once.
func (t *tx) cycleDone(ctx context.Context, old, c forget.Cycle) error {
	_, err := t.exec(ctx, opSave, "DELETE FROM vault_dirty WHERE number <= ? AND cycle < ?", c.Ledger, c.Number)
	if err == nil {
		_, err = t.exec(ctx, opSave, "DELETE FROM vault_tombstones WHERE expires_at <= ?", micros(c.EndedAt))
	}
	if err == nil {
		_, err = t.exec(ctx, opSave, "DELETE FROM vault_keyrings WHERE generation < ? AND ? <= (SELECT generation FROM vault_state WHERE one = 1)", c.To, c.To)
	}
	if err == nil && (old.Number < c.Number || old.Phase != forget.PhaseDone) {
		number := strconv.FormatInt(c.Number, 10)
		if err = t.record(ctx, deed{action: ActionCycle, target: number, count: c.Kills}); err == nil && len(c.Unreadable) > 0 {
			err = t.record(ctx, deed{action: ActionLost, target: number, count: int64(len(c.Unreadable))})
		}
	}
	return err
}
