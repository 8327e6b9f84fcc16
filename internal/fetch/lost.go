package fetch

import (
	"context"

	"hub"
)

// Missed takes the deliveries of an app that its platform gave up on. They are confirmed after they are durable, so a
// crash in between takes them again. It returns how many there were.
func (s *Service) Missed(ctx context.Context, id hub.AppID) (taken int, err error) {
	defer hub.Wrap(&err, "taking lost deliveries of", string(id))
	app, err := s.Shops.App(id)
	if err != nil {
		return 0, err
	}
	for cursor := ""; ; {
		page, err := app.Lost.Lost(ctx, app.Caller, app.Access, cursor)
		if err != nil {
			return taken, err
		}
		for _, m := range page.Deliveries {
			if err := s.Log.Recover(ctx, app.Platform, id, m); err != nil {
				return taken, err
			}
			taken++
		}
		if page.Receipt != "" {
			if err := app.Lost.Confirm(ctx, app.Caller, page.Receipt); err != nil {
				return taken, err
			}
		}
		if page.Next == "" || page.Next == cursor {
			return taken, nil
		}
		cursor = page.Next
	}
}
