package baseline

import (
	"database/sql"
	"net/http"
	"strconv"
	"time"
)

// Feed is a handler that selects a page of the feed and writes the very bytes that the hub would: no authentication, no
// description, no access log.
type Feed struct {
	page   *sql.Stmt
	tenant string
}

// NewFeed prepares the one statement.
func NewFeed(db *sql.DB, tenant string) (*Feed, error) {
	page, err := db.Prepare("SELECT sequence, id, type, time, doc FROM feed" +
		" WHERE tenant_id = ? AND stream = 'orders' AND sequence > ? ORDER BY sequence LIMIT ?")
	return &Feed{page: page, tenant: tenant}, err
}

// ServeHTTP answers GET …?after=N&limit=L.
func (f *Feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	after, _ := strconv.ParseInt(q.Get("after"), 10, 64)
	limit, _ := strconv.Atoi(q.Get("limit"))
	b, err := f.write(r, after, limit)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b) // a client that left is no concern of ours
}

func (f *Feed) write(r *http.Request, after int64, limit int) ([]byte, error) {
	rows, err := f.page.QueryContext(r.Context(), f.tenant, after, limit+1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	b, next, count := append(make([]byte, 0, 512<<10), `{"data":[`...), after, 0
	for ; count < limit && rows.Next(); count++ {
		var sequence, at int64
		var id, kind, doc sql.RawBytes
		if err := rows.Scan(&sequence, &id, &kind, &at, &doc); err != nil {
			return nil, err
		}
		if count > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"sequence":`...), sequence, 10)
		b = append(append(append(b, `,"id":"`...), id...), `","type":"`...)
		b = append(append(b, kind...), `","time":"`...)
		b = time.UnixMicro(at).UTC().AppendFormat(b, time.RFC3339Nano)
		b = append(append(append(b, `","order":`...), doc...), '}')
		next = sequence
	}
	more := rows.Next()
	b = strconv.AppendInt(append(b, `],"next_after":`...), next, 10)
	b = append(strconv.AppendBool(append(b, `,"has_more":`...), more), '}', '\n')
	return b, rows.Err()
}
