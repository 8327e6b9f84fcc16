package bench

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/app"
	"hub/internal/bench/baseline"
)

const (
	tagsEach  = 3    // of a person here: identity, e-mail address, telephone
	crowdBulk = 1000 // persons added at once
	bareRows  = 2000 // that the baseline writes in one transaction, as many as the product
)

// crowd is a vault full of persons, and what forgets some of them.
type crowd struct {
	rig       *rig
	size      size
	forgetter *forget.Forgetter
	runner    *forget.Runner
	people    []gdpr.SubjectID // that live
	kills     int              // in one cycle
	slots     []int64          // dirty in the last one
	rows      int64            // that it wrote again
}

// newCrowd fills a vault through gdpr.Keys, so that every row can be wrapped again.
func newCrowd(tb testing.TB, s size, people, kills int) *crowd {
	tb.Helper()
	ctx := context.Background()
	c := &crowd{rig: newRig(tb, s), size: s, kills: kills}
	r := c.rig
	clock, now := start(), app.SystemClock()
	for from := 0; from < people; from += crowdBulk {
		holders := make([]gdpr.Holder, min(crowdBulk, people-from))
		for i := range holders {
			holders[i] = gdpr.Holder{
				Tenant: r.connection.Tenant, Connection: r.connection.ID, Lot: gdpr.LotOrder, Week: gdpr.WeekOf(now),
				People: []gdpr.Person{somebody(tb, from+i, now)},
			}
		}
		for _, seal := range r.seals(tb, holders) {
			c.people = append(c.people, seal.Subjects()...)
		}
	}
	tb.Logf("%d persons added in %s", len(c.people), clock.rate(0).took.Round(time.Millisecond))
	vault := r.store.Vault()
	c.forgetter = forget.New(forget.Parts{
		Keys: r.keys, Vault: vault, Ledger: vault, Shards: r.store, Shard: r.store.Subjects(), IDs: app.NewIDs(), Clock: app.SystemClock,
		Connections: func(context.Context, hub.TenantID) ([]hub.ConnectionID, error) {
			return []hub.ConnectionID{r.connection.ID}, nil
		},
	})
	c.runner = &forget.Runner{Keys: r.keys, Cycles: vault, Roots: r.roots, Instance: instance, Clock: app.SystemClock}
	const moved = 1000 // generations: no cycle here waits for a hub
	must(tb, vault.Report(ctx, forget.Hub{Instance: instance, Generation: moved, SeenAt: now}))
	return c
}

func somebody(tb testing.TB, n int, placed time.Time) gdpr.Person {
	tb.Helper()
	return gdpr.Person{
		SubjectRef: gdpr.SubjectRef{Customer: hub.ExternalID(fmt.Sprint(n))}, PlacedAt: placed,
		Identifiers: []gdpr.Identifier{
			got(gdpr.NewIdentifier(gdpr.IdentifierEmail, fmt.Sprintf("buyer%d@example.com", n)))(tb),
			got(gdpr.NewIdentifier(gdpr.IdentifierPhone, fmt.Sprintf("+1%09d", n)))(tb),
		},
	}
}

// cycle kills some persons and then measures the forget cycle for them.
func (c *crowd) cycle(tb testing.TB) rate {
	ctx := context.Background()
	dead := c.people[:c.kills]
	c.people = c.people[c.kills:]
	patient(tb, func() error {
		_, err := c.forgetter.Kill(ctx, c.rig.connection.Tenant, dead, "erasure")
		return err
	})
	pending := got(c.rig.store.Vault().Pending(ctx))(tb)
	c.slots = c.slots[:0]
	for _, s := range pending.Dirty {
		c.slots = append(c.slots, int64(s))
	}
	c.warm(tb)
	var done forget.Cycle
	clock := start()
	patient(tb, func() (err error) { // a Run after one that stopped goes on with it
		done, err = c.runner.Run(ctx, int64(c.kills))
		return err
	})
	measured := clock.rate(int64(c.kills))
	if done.Phase != forget.PhaseDone || done.Kills != int64(c.kills) || done.Slots != int64(len(c.slots)) {
		tb.Fatalf("%d dirty slots, cycle %+v", len(c.slots), done)
	}
	c.rows = done.Rows
	c.compare(tb, measured.took)
	return measured
}

// warm has the server read what the cycle is about to read. The copy that the baseline works on was written a moment before
// and lies in the server's memory, where copying it has left no room for the vault.
func (c *crowd) warm(tb testing.TB) {
	tb.Helper()
	db := got(c.rig.vault.Open())(tb)
	defer db.Close()
	for slots := range slices.Chunk(c.slots, 500) {
		args := make([]any, len(slots))
		for i, s := range slots {
			args[i] = s
		}
		in := " WHERE slot IN (?" + strings.Repeat(",?", len(slots)-1) + ")"
		for _, query := range []string{"SELECT COALESCE(SUM(LENGTH(wrapped)), 0) FROM vault_keys", "SELECT COALESCE(SUM(LENGTH(sealed)), 0) FROM vault_tags"} {
			var size int64
			must(tb, db.QueryRow(query+in, args...).Scan(&size))
		}
	}
}

// rowsOf is how many rows so many slots hold that so many persons fill evenly.
func rowsOf(slots, people int) float64 {
	return float64(slots) * float64(people) * (1 + tagsEach) / gdpr.Buckets
}

// compare holds the rows that were written again against what the fill of the slots makes expect.
func (c *crowd) compare(tb testing.TB, took time.Duration) {
	tb.Helper()
	want := rowsOf(len(c.slots), len(c.people))
	tb.Logf("%d of %d persons erased: %d slots, %d rows written again, %.0f expected, %s; one of 10 million: %.0f rows",
		c.kills, c.kills+len(c.people), len(c.slots), c.rows, want, took.Round(time.Millisecond), rowsOf(1+tagsEach, 10_000_000))
	if !plausible(float64(c.rows), want) {
		tb.Errorf("%d rows written again, %.0f expected", c.rows, want)
	}
}

// plausible reports whether so many rows are as many as was expected, within five in a hundred, or five standard deviations
// where they are so few that chance is a larger part.
func plausible(rows, want float64) bool {
	const few = 5000
	if want > few {
		return math.Abs(rows-want) <= 0.05*want
	}
	return math.Abs(rows-want) <= 5*math.Sqrt(want)+1
}

// TestPlausible: among the persons of the bench five rows too many in a hundred show.
func TestPlausible(t *testing.T) {
	want := rowsOf((1+tagsEach)*erasures, people)
	for rows, ok := range map[float64]bool{want: true, 0.951 * want: true, 1.049 * want: true, 0.949 * want: false, 1.051 * want: false, 2 * want: false} {
		if plausible(rows, want) != ok {
			t.Errorf("%.0f rows where %.0f are expected: %v", rows, want, !ok)
		}
	}
	if !plausible(3, 1) || plausible(100, 10) || plausible(0, 100) {
		t.Error("few rows")
	}
	t.Logf("%.0f rows are expected with %d erasures among %d persons", want, erasures, people)
}

// bare writes the rows of the same slots again in a copy of the vault.
func (c *crowd) bare(tb testing.TB) rate {
	ctx := context.Background()
	r := &rig{dir: folder(tb)}
	defer os.RemoveAll(r.dir)
	c.size(tb, r)
	must(tb, c.rig.vault.Copy(ctx, r.vault))
	db := got(r.vault.Open())(tb)
	defer db.Close()
	db.SetMaxOpenConns(1)
	w := baseline.NewRewriter(r.vault, db)
	slices.Sort(c.slots)
	some := max(1, int(bareRows/rowsOf(1, len(c.people))))
	rows := 0
	clock := start()
	for slots := range slices.Chunk(c.slots, some) {
		rows += got(w.Rewrite(ctx, slots))(tb)
	}
	measured := clock.rate(int64(c.kills))
	if int64(rows) != c.rows {
		tb.Fatalf("%d rows here, the cycle wrote %d", rows, c.rows)
	}
	return measured
}

func forgetComparisons(tb testing.TB, people, kills int) []comparison {
	var list []comparison
	for name, s := range sizes() {
		c := newCrowd(tb, s, people, kills)
		list = append(list, comparison{
			name: fmt.Sprintf("forget cycle, %d of %d, %s", kills, people, name), unit: "erasures/s", against: "rewriting the same rows, 2,000 a transaction",
			demanded: 0.50, ours: c.cycle, baseline: c.bare, done: func() { c.rig.close(tb) },
		})
	}
	return list
}
