package httpapi

import (
	"cmp"
	"net/url"
	"slices"

	"hub"
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

// list makes the answer of one page from rows in the order of their ids, of which there are more than limit if another
// page follows.
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

// directoryQuery is the query parameters of lists of what the directory holds.
type directoryQuery struct {
	TenantParameter
	Page
}

// directoryList answers with one page of what the directory holds: of the caller's tenant, of the one that an operator
// names, or of all. key is a row's id and whose it is.
func directoryList[R, T any](c caller, in *directoryQuery, name string, rows []R, key func(R) (id string, of hub.TenantID), show func(R) T) (*listAnswer[T], error) {
	t, err := c.optionalTenant(in.Tenant)
	if err != nil {
		return nil, err
	}
	l := listing{name: name, tenant: t}
	after, err := l.after(in.Cursor)
	if err != nil {
		return nil, err
	}
	id := func(r R) string { id, _ := key(r); return id }
	var kept []R
	for _, r := range rows {
		if id, of := key(r); id > after && (t == "" || of == t) {
			kept = append(kept, r)
		}
	}
	slices.SortFunc(kept, func(a, b R) int { return cmp.Compare(id(a), id(b)) })
	return list(l, "/v1/"+name, url.Values{"tenant": {in.Tenant}}, in.Limit, kept, id, show), nil
}
