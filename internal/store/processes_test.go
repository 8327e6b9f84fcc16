package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"hub"
	"hub/internal/hubtest/mariadb"
	"hub/internal/store"
	"hub/internal/store/storetest"
)

// writerVariable makes the test binary a writer: it holds the job as JSON.
const writerVariable = "HUB_STORE_TEST_WRITER"

// writerJob is what a writer process does: Rounds transactions of three changes to one tenant.
type writerJob struct {
	Control, Vault string
	Shards         []string
	Tenant         hub.TenantID
	Rounds         int
}

// writerProcess is the main function of a writer.
func writerProcess() int {
	var job writerJob
	if err := json.Unmarshal([]byte(os.Getenv(writerVariable)), &job); err != nil {
		fmt.Println(err)
		return 2
	}
	c := settings()
	c.Control, c.Vault, c.Shards = job.Control, job.Vault, job.Shards
	ctx, ids := context.Background(), storetest.IDs()
	s, err := store.Open(ctx, c)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer s.Close(ctx)
	for round := range job.Rounds {
		err := s.Do(ctx, s.Of(job.Tenant), func(ctx context.Context, tx hub.Tx) error {
			for i := range 3 {
				o := newOrder(job.Tenant, strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(round)+"-"+strconv.Itoa(i), ids)
				if err := put(ctx, s, tx, o); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			fmt.Println(err)
			return 1
		}
	}
	return 0
}

// TestTwoProcesses has two processes write one tenant while this one follows the feed. (SQLite is one process by design:
// a second is refused at the data folder's lock, so there is nothing to test here.)
func TestTwoProcesses(t *testing.T) {
	c := migrated(t, mysqlConfig(t, mariadb.Shared(t)))
	s, ids := opened(t, c), storetest.IDs()
	job := writerJob{c.Control, c.Vault, c.Shards, hub.TenantID(ids.New(hub.TenantPrefix)), 60}
	b, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 2)
	for range 2 {
		go func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), writerVariable+"="+string(b))
			out, err := cmd.CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
			done <- err
		}()
	}
	var seen int64
	pages := 0
	for ended := 0; ended < 2 || pages == 0; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			ended++
		default:
		}
		seen += follow(t, s, job.Tenant, seen)
		pages++
	}
	seen += follow(t, s, job.Tenant, seen)
	if want := int64(2 * 3 * job.Rounds); seen != want {
		t.Errorf("%d changes, want %d", seen, want)
	}
	t.Logf("2 processes, %d transactions, %d changes followed in %d readings, 0 holes", 2*job.Rounds, seen, pages)
}

// follow reads what is new behind a cursor, requires it to be dense, and returns how many there were.
func follow(t *testing.T, s *store.Store, tenant hub.TenantID, after int64) (n int64) {
	t.Helper()
	for {
		page, err := s.ERP().Changes(context.Background(), tenant, hub.StreamOrders, after+n, 50)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page {
			if n++; c.Sequence != after+n {
				t.Fatalf("number %d where %d is due", c.Sequence, after+n)
			}
		}
		if len(page) == 0 {
			return n
		}
	}
}
