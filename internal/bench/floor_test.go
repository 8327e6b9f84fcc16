package bench

import (
	"context"
	"database/sql"
	"net/http"
	"strings"
	"testing"

	"hub/internal/bench/baseline"
)

// floor is the least that an answer can cost whose record must be durable first: one number goes into a bare table of the
// same database, in one statement with those of all who wait at the moment, and then comes the plain read.
type floor struct {
	db      *sql.DB
	waiting chan chan error
	ended   chan struct{}
}

const mostAtOnce = 256 // rows of one statement

func newFloor(tb testing.TB, s baseline.Source) *floor {
	tb.Helper()
	f := &floor{db: got(s.Open())(tb), waiting: make(chan chan error, mostAtOnce), ended: make(chan struct{})}
	f.db.SetMaxOpenConns(1)
	for _, statement := range []string{"CREATE TABLE IF NOT EXISTS bare (n BIGINT NOT NULL)", "DELETE FROM bare"} {
		got(f.db.ExecContext(context.Background(), statement))(tb)
	}
	go f.work()
	return f
}

// work stores what waits until nobody will come any more.
func (f *floor) work() {
	defer close(f.ended)
	for first := range f.waiting {
		group := []chan error{first}
		for len(group) < mostAtOnce && len(f.waiting) > 0 {
			group = append(group, <-f.waiting)
		}
		_, err := f.db.ExecContext(context.Background(), "INSERT INTO bare (n) VALUES (1)"+strings.Repeat(",(1)", len(group)-1))
		for _, one := range group {
			one <- err
		}
	}
}

// before has each request of h wait for a row of its own.
func (f *floor) before(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stored := make(chan error, 1)
		f.waiting <- stored
		if err := <-stored; err != nil {
			http.Error(w, "not stored", http.StatusInternalServerError)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// close is called when nobody is served any more.
func (f *floor) close(tb testing.TB) {
	tb.Helper()
	close(f.waiting)
	<-f.ended
	must(tb, f.db.Close())
}
