package httpapi

import (
	"cmp"
	"net/url"
	"slices"
)

// Page is the query parameters of every list.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"250" default:"100" doc:"How many at most"`
	Cursor string `query:"cursor" maxLength:"256" doc:"Where to go on: next_cursor of the page before, with the same filter"`
}

// listed is the body of a page of objects.
type listed[T any] struct {
	Data       []T     `json:"data" nullable:"false"`
	HasMore    bool    `json:"has_more" doc:"Whether there is another page"`
	NextCursor *string `json:"next_cursor" doc:"The cursor of the next page; null on the last"`
}

// listAnswer is the answer of a list.
type listAnswer[T any] struct {
	Link string `header:"Link" doc:"The next page as rel=\"next\"; absent on the last"`
	Body listed[T]
}

// list makes the answer of one page from up to limit+1 rows in the order of their ids.
func list[R, T any](l listing, path string, parameters url.Values, limit int, rows []R, id func(R) string, show func(R) T) *listAnswer[T] {
	out := &listAnswer[T]{Body: listed[T]{Data: []T{}}}
	if len(rows) > limit {
		rows = rows[:limit]
		cursor := l.cursor(id(rows[limit-1]))
		out.Body.HasMore, out.Body.NextCursor = true, &cursor
		out.Link = next(path, parameters, limit, cursor)
	}
	for _, row := range rows {
		out.Body.Data = append(out.Body.Data, show(row))
	}
	return out
}

// from returns up to limit+1 of the directory's rows that the filter takes, after an id, in the order of ids.
func from[R any](rows []R, id func(R) string, keep func(R) bool, after string, limit int) []R {
	var kept []R
	for _, row := range rows {
		if id(row) > after && keep(row) {
			kept = append(kept, row)
		}
	}
	slices.SortFunc(kept, func(a, b R) int { return cmp.Compare(id(a), id(b)) })
	return kept[:min(len(kept), limit+1)]
}
