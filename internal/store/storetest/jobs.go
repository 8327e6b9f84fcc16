package storetest

import (
	"context"
	"testing"

	"hub"
	"hub/internal/jobs/jobstest"
	"hub/internal/store"
)

// place is the work for later of one hub.
type place struct {
	store.Jobs
	hub.Shards
}

// RunJobs runs the suite of the work for later. The installation is its own and has one shard.
func RunJobs(t *testing.T, f Fixture) {
	jobstest.Run(t, func(t *testing.T, clock hub.Clock) []jobstest.Place {
		t.Helper()
		db := f.Raw(t, f.Config.Shards[0])
		for _, table := range []string{"jobs", "job_lanes"} {
			if _, err := db.Exec("DELETE FROM " + table); err != nil {
				t.Fatal(err)
			}
		}
		hubs := 1
		if f.Many {
			hubs = 2
		}
		places := make([]jobstest.Place, hubs)
		for i := range places {
			c := f.Config
			c.Clock = clock
			s, err := store.Open(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close(context.Background()) })
			places[i] = place{s.Jobs(), s}
		}
		return places
	})
}
