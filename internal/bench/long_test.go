package bench

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"hub/internal/bench/baseline"
)

// preload multiplies the orders of a rig inside of its databases: real orders are drained, and then their rows are copied
// with other keys, which is quicker than draining by an order of magnitude. What the keys are like stays: random ones are
// random again, those that grow with time lie before every later one.
func (r *rig) preload(tb testing.TB, copies int) {
	tb.Helper()
	ctx := context.Background()
	for _, source := range []baseline.Source{r.shard, r.vault} {
		db := got(source.Open())(tb)
		db.SetMaxOpenConns(1)
		for _, table := range source.Tables {
			if change := changes(source)[table]; change != nil {
				must(tb, multiply(ctx, db, table, change, copies))
			}
		}
		if source.MySQL == "" {
			_, err := db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
			must(tb, err)
		}
		must(tb, db.Close())
	}
}

// multiply adds copies of all rows of a table, each with its changes: column to expression over %d, the number of the copy.
func multiply(ctx context.Context, db *sql.DB, table string, change map[string]string, copies int) error {
	if update, ok := change[""]; ok {
		_, err := db.ExecContext(ctx, fmt.Sprintf(update, copies+1))
		return err
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE bench_base AS SELECT * FROM "+table+change["where"]); err != nil {
		return err
	}
	rows, err := db.QueryContext(ctx, "SELECT * FROM bench_base LIMIT 0")
	if err != nil {
		return err
	}
	columns, err := rows.Columns()
	if err := rows.Close(); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	for k := 1; k <= copies; k++ {
		values := make([]string, len(columns))
		for i, c := range columns {
			if values[i] = change[c]; values[i] == "" {
				values[i] = c
			}
		}
		list := strings.ReplaceAll(strings.Join(values, ","), "%d", fmt.Sprint(k))
		if _, err := db.ExecContext(ctx, "INSERT INTO "+table+" ("+strings.Join(columns, ",")+") SELECT "+list+" FROM bench_base"); err != nil {
			return err
		}
	}
	_, err = db.ExecContext(ctx, "DROP TABLE bench_base")
	return err
}

// changes says what makes a copy of a row another row, by table.
func changes(s baseline.Source) map[string]map[string]string {
	random := func(bytes int) string { return fmt.Sprintf("RANDOM_BYTES(%d)", bytes) }
	next := func(column string) string { return "CONCAT(" + column + ",'-%d')" }
	if s.MySQL == "" {
		random = func(bytes int) string { return fmt.Sprintf("randomblob(%d)", bytes) }
		next = func(column string) string { return column + "||'-%d'" }
	}
	return map[string]map[string]string{
		"orders":     {"external_id": next("external_id"), "id": next("id")},
		"order_ids":  {"external_id": next("external_id"), "id": next("id")},
		"deliveries": {"resource": next("resource"), "delivery_key": random(32)},
		"raws":       {"raw_ref": next("raw_ref"), "external_id": next("external_id")},
		"feed": {
			"sequence": "sequence + %d * (SELECT sequence FROM feed_head)", "id": next("id"), "order_id": next("order_id"),
		},
		"feed_head":      {"": "UPDATE feed_head SET sequence = sequence * %d"},
		"subjects":       {"subject_id": next("subject_id")},
		"subject_places": {"subject_id": next("subject_id"), "row_id": next("row_id")},
		"vault_keys":     {"id": next("id"), "tag": random(32), "where": " WHERE kind = 'subject'"},
		"vault_tags":     {"link": random(32), "tag": random(32), "owner": random(16)},
	}
}

// longComparison drains into a shard that holds many orders already, and into an empty one.
func longComparison(tb testing.TB, name string, s size, orders, base, copies int) comparison {
	tb.Helper()
	few := natural(200)
	full := newRig(tb, s)
	full.accept(tb, many(few, 0, base))
	full.drainAll(tb, base)
	full.preload(tb, copies)
	from := base
	return comparison{
		name: fmt.Sprintf("drain, %s shard of %d orders", name, base*(copies+1)), unit: "orders/s", against: "the same on an empty shard",
		demanded: 0.80,
		ours: func(tb testing.TB) rate {
			full.accept(tb, many(few, from, orders))
			from += orders
			return full.drainAll(tb, orders)
		},
		baseline: func(tb testing.TB) rate {
			empty := newRig(tb, s)
			defer empty.close(tb)
			empty.accept(tb, many(few, 0, warmOrders+orders)[:warmOrders])
			empty.drainAll(tb, warmOrders)
			empty.accept(tb, many(few, warmOrders, orders))
			return empty.drainAll(tb, orders)
		},
		rig: full, done: func() { full.close(tb) },
	}
}
