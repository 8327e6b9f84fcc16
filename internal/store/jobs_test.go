package store_test

import (
	"testing"

	"hub/internal/hubtest/mariadb"
	"hub/internal/store/storetest"
)

func TestJobsSQLite(t *testing.T) {
	c := sqliteConfig(t.TempDir())
	c.Shards = c.Shards[:1]
	storetest.RunJobs(t, storetest.Fixture{Config: migrated(t, c), Raw: raw})
}

func TestJobsMariaDB(t *testing.T) {
	c := mysqlConfig(t, mariadb.Shared(t))
	c.Shards = c.Shards[:1]
	storetest.RunJobs(t, storetest.Fixture{Config: migrated(t, c), Raw: raw, Many: true})
}
