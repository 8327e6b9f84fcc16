package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"hub"
	"hub/internal/hubtest/mariadb"
	"hub/internal/jobs"
)

// TestHintsBecomeJobs brings a shard to the version before, puts hints into it, and migrates.
func TestHintsBecomeJobs(t *testing.T) {
	dir, server := t.TempDir(), mariadb.Shared(t)
	for name, c := range map[string]Config{
		"SQLite": {Control: "sqlite:" + dir + "/control.db", Vault: "sqlite:" + dir + "/vault.db", Shards: []string{"sqlite:" + dir + "/s0.db"}},
		"MariaDB": {Control: "mysql:" + server.NewDatabase(t), Vault: "mysql:" + server.NewDatabase(t),
			Shards: []string{"mysql:" + server.NewDatabase(t)}},
	} {
		t.Run(name, func(t *testing.T) {
			c.Clock, c.IDs = time.Now, rising()
			ctx := context.Background()
			old, err := assemble(c, forUse)
			if err != nil {
				t.Fatal(err)
			}
			d := old.shards[0]
			if d.dialect == sqliteDialect {
				if err := d.makeFile(); err != nil {
					t.Fatal(err)
				}
			}
			before, err := goose.NewProvider(goose.Dialect(d.dialect.goose), d.write, d.folder(), goose.WithTableName("schema_shard"),
				goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
			if err == nil {
				_, err = before.UpTo(ctx, 39)
			}
			if err != nil {
				t.Fatal(err)
			}
			for i := range 5 {
				_, err := d.write.Exec("INSERT INTO hints (connection_id, kind, external_id, tenant_id, topic, newest_at, hints) VALUES (?, 'order', ?, 'ten_a', 't', ?, 3)",
					fmt.Sprint("con_", i%2), fmt.Sprint(i), 1000+i)
				if err != nil {
					t.Fatal(err)
				}
			}
			old.Close(ctx)
			if err := Migrate(ctx, c); err != nil {
				t.Fatal(err)
			}
			s, err := Open(ctx, c)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close(ctx)
			got, err := s.Jobs().Claim(ctx, "s0", jobs.Ask{Kind: "fetch.order", Limit: 100, Lease: time.Minute})
			found := map[hub.ExternalID]bool{}
			for _, j := range got {
				if j.Tenant == "ten_a" && j.CreatedAt.UnixMicro() >= 1000 {
					found[j.Key] = true
				}
			}
			if err != nil || len(found) != 5 || len(got) != 5 {
				t.Errorf("%d jobs of 5 hints: %+v, %v", len(found), got, err)
			}
		})
	}
}
