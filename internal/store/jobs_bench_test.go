package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hub"
	"hub/internal/hubtest/mariadb"
	"hub/internal/jobs"
)

func BenchmarkJobsSQLite(b *testing.B) {
	dir := b.TempDir()
	benchmarkJobs(b, Config{Shards: []string{"sqlite:" + dir + "/s0.db"}, Control: "sqlite:" + dir + "/control.db", Vault: "sqlite:" + dir + "/vault.db"})
}

func BenchmarkJobsMariaDB(b *testing.B) {
	server := mariadb.Start(b)
	benchmarkJobs(b, Config{Shards: []string{"mysql:" + server.NewDatabase(b)}, Control: "mysql:" + server.NewDatabase(b), Vault: "mysql:" + server.NewDatabase(b)})
}

// benchmarkJobs claims and finishes batches of jobs of 20 tenants, beside 20,000 that nobody handles.
func benchmarkJobs(b *testing.B, c Config) {
	ctx := context.Background()
	c.Clock, c.IDs = time.Now, rising()
	if err := Migrate(ctx, c); err != nil {
		b.Fatal(err)
	}
	s, err := Open(ctx, c)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(ctx)
	const size = 100
	enqueue := func(kind string, n, count int) {
		list := make([]jobs.Job, count)
		for i := range list {
			lane := jobs.Lane{Kind: kind, Tenant: hub.TenantID(fmt.Sprintf("ten_%026d", i%20)), Connection: hub.ConnectionID(fmt.Sprintf("con_%026d", i%20))}
			list[i].Ref = jobs.Ref{Lane: lane, Key: hub.ExternalID(fmt.Sprintf("%013d", n*count+i))}
		}
		err := s.Do(ctx, "s0", func(ctx context.Context, tx hub.Tx) error { return s.Jobs().Enqueue(ctx, tx, list) })
		if err != nil {
			b.Fatal(err)
		}
	}
	enqueue("push.stock", 0, 20_000)
	var claiming, finishing time.Duration
	n := 0
	for b.Loop() {
		b.StopTimer()
		enqueue("fetch.order", n, size)
		n++
		b.StartTimer()
		start := time.Now()
		claimed, err := s.Jobs().Claim(ctx, "s0", jobs.Ask{Kind: "fetch.order", Holder: "hub", Limit: size, Lease: time.Minute})
		claiming += time.Since(start)
		if err != nil || len(claimed) != size {
			b.Fatal(len(claimed), err)
		}
		results := make([]jobs.Result, len(claimed))
		for i, j := range claimed {
			results[i].Claim = j.Claim()
		}
		start = time.Now()
		lost, err := s.Jobs().Finish(ctx, "s0", results)
		finishing += time.Since(start)
		if err != nil || len(lost) > 0 {
			b.Fatal(len(lost), err)
		}
	}
	b.ReportMetric(float64(claiming.Microseconds())/1000/float64(n), "ms/claim")
	b.ReportMetric(float64(finishing.Microseconds())/1000/float64(n), "ms/finish")
	b.ReportMetric(size*float64(n)/(claiming+finishing).Seconds(), "jobs/s")
}
