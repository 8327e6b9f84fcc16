package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"hub"
	"hub/gdpr/forget"
)

func (s *server) instances() {
	register(s, operation{
		id: "list-hubs", method: http.MethodGet, path: "/v1/hubs", tag: "Forgetting", roles: operators(),
		summary:     "List hubs",
		description: "Every hub over this vault that has reported. A forget cycle waits for each that works with an older root.",
	}, s.listInstances)
	register(s, operation{
		id: "remove-hub", method: http.MethodDelete, path: "/v1/hubs/{instance}", tag: "Forgetting", roles: operators(),
		summary: "Declare a hub's disk destroyed",
		description: "No forget cycle waits for it any more. Whoever asks for this says that its data folder, and every copy of " +
			"it, is destroyed; one that has reported within three minutes is refused as hub_alive. What it had accepted and " +
			"not stored yet is lost, and what a surviving copy holds could be opened with an old root.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.removeInstance)
}

// instance is what a hub last said of itself.
type instance struct {
	Instance   string    `json:"instance" example:"ins_01j9z3k6m8q0r2t4v6x8z0b2d4"`
	Generation int       `json:"generation" doc:"Of the newest root that it works with; nothing that it keeps needs an older one"`
	SeenAt     time.Time `json:"seen_at"`
}

func showInstance(h forget.Hub) instance {
	return instance{h.Instance, h.Generation, h.SeenAt.UTC()}
}

func (s *server) listInstances(ctx context.Context, _ caller, in *Page) (*listAnswer[instance], error) {
	l := listing{name: "hubs"}
	after, err := l.after(in.Cursor)
	if err != nil {
		return nil, err
	}
	hubs, err := s.Cycles.Hubs(ctx)
	if err != nil {
		return nil, err
	}
	id := func(h forget.Hub) string { return h.Instance }
	hubs = slices.DeleteFunc(hubs, func(h forget.Hub) bool { return h.Instance <= after })
	slices.SortFunc(hubs, func(a, b forget.Hub) int { return cmp.Compare(a.Instance, b.Instance) })
	return list(l, "/v1/hubs", nil, in.Limit, hubs, id, showInstance), nil
}

type instancePath struct {
	Instance string `path:"instance" maxLength:"64" doc:"The hub's id, from the list"`
}

// silent is for how long a hub must have said nothing before its disk can be declared destroyed: it reports each minute.
const silent = 3 * time.Minute

func (s *server) removeInstance(ctx context.Context, _ caller, in *instancePath) (*struct{}, error) {
	hubs, err := s.Cycles.Hubs(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range hubs {
		if h.Instance == in.Instance && s.now().Sub(h.SeenAt) < silent {
			return nil, &hub.Error{Kind: hub.KindConflict, Code: "hub_alive"}
		}
	}
	return nil, missing(s.Cycles.RemoveHub(ctx, in.Instance), "hub_not_found")
}
