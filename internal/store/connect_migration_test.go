package store

import (
	"context"
	"slices"
	"testing"
	"time"

	"hub/internal/connect"
	"hub/internal/hubtest/mariadb"
)

// TestEndedBeforeTheirKeysDied migrates a control database with connections that ended before keys died with them: they have
// begun another life, and the keys of the first are to be killed. Those that live are left alone.
func TestEndedBeforeTheirKeysDied(t *testing.T) {
	dir, server := t.TempDir(), mariadb.Shared(t)
	for name, c := range map[string]Config{
		"SQLite": {Control: "sqlite:" + dir + "/control.db", Vault: "sqlite:" + dir + "/vault.db", Shards: []string{"sqlite:" + dir + "/s0.db"}},
		"MariaDB": {Control: "mysql:" + server.NewDatabase(t), Vault: "mysql:" + server.NewDatabase(t),
			Shards: []string{"mysql:" + server.NewDatabase(t)}},
	} {
		t.Run(name, func(t *testing.T) {
			c.Clock, c.IDs = time.Now, rising()
			ctx := context.Background()
			must := func(errs ...error) {
				t.Helper()
				for _, err := range errs {
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			old, err := assemble(c, forUse)
			must(err)
			d := old.control
			if d.dialect == sqliteDialect {
				must(d.makeFile())
			}
			before, err := d.provider()
			must(err)
			_, err = before.UpTo(ctx, 74)
			must(err)
			for id, standing := range map[string]connect.Standing{"con_ended": connect.Disconnected, "con_lives": connect.OK} {
				_, err := d.write.Exec("INSERT INTO connect_tokens (connection_id, tenant_id, generation, access_until, refresh_until, grant_until, standing, code,"+
					" attempts, due_at, connected_at, refreshed_at, started, checked_at, epoch, holder, lease_until) VALUES (?, 'ten_a', 3, 0, 0, 0, ?, '', 0, 0, 0, 0, 0, 0, 0, '', 0)",
					id, string(standing))
				must(err)
			}
			must(old.Close(ctx), Migrate(ctx, c))
			s, err := Open(ctx, c)
			must(err)
			defer s.Close(ctx)
			list, err := s.Connect().Ended(ctx, 10)
			if must(err); !slices.Equal(list, []connect.Ended{{Connection: "con_ended", Tenant: "ten_a"}}) {
				t.Errorf("to be killed: %+v", list)
			}
			ended, err := s.Connect().Get(ctx, "con_ended")
			must(err)
			lives, err := s.Connect().Get(ctx, "con_lives")
			if must(err); ended.Life != 1 || lives.Life != 0 {
				t.Errorf("lives %d and %d", ended.Life, lives.Life)
			}
		})
	}
}
