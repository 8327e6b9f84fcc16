package fetch

import (
	"context"

	"hub"
	"hub/adapters/driver"
)

// Lost is the handler of the job of that name: it takes what an app's platform could not deliver, and has itself done again for
// as long as there is the app. The queue does it in one hub at a time.
func (s *Service) Lost(ctx context.Context, id hub.AppID) error {
	app, err := s.Shops.App(id)
	if hub.KindOf(err) == hub.KindNotFound && err != nil {
		return nil
	}
	if err != nil {
		return err
	}
	taken, err := s.Missed(ctx, id)
	if taken > 0 {
		s.Logger.InfoContext(ctx, "deliveries that a platform had given up on were taken", "platform", app.Platform, "app", id, "deliveries", taken)
	}
	if err != nil {
		return err
	}
	return s.Schedule.Lost(ctx, id, s.Clock().Add(app.Every))
}

// Missed takes the deliveries of an app that its platform gave up on. They are confirmed after they are durable, so a
// crash in between takes them again. It returns how many there were. Of an app without a shop that lives there are none that
// anybody wants.
func (s *Service) Missed(ctx context.Context, id hub.AppID) (taken int, err error) {
	defer hub.Wrap(&err, "taking lost deliveries of", string(id))
	app, err := s.Shops.App(id)
	if err != nil {
		return 0, err
	}
	for _, c := range app.Callers {
		n, err := s.missed(ctx, id, app, c)
		if taken += n; hub.CodeOf(err) != driver.CodeReconnect {
			return taken, err
		}
	}
	return taken, nil
}

// missed asks by one shop of the app. A permission that is gone is driver.CodeReconnect. The list may ignore from where it is to go
// on: deliveries that this reading has all seen already end it.
func (s *Service) missed(ctx context.Context, id hub.AppID, app App, c driver.Caller) (taken int, err error) {
	seen := map[mark]bool{}
	for cursor := ""; ; {
		page, err := app.Lost.Lost(ctx, c, app.Access, cursor)
		if err != nil {
			return taken, err
		}
		before := len(seen)
		for _, m := range page.Deliveries {
			seen[markOf(m)] = true
			news, err := s.recover(ctx, id, app, m)
			if err != nil {
				return taken, err
			}
			if news {
				taken++
			}
		}
		if page.Receipt != "" {
			if err := app.Lost.Confirm(ctx, c, page.Receipt); err != nil {
				return taken, err
			}
		}
		if page.Next == "" || page.Next == cursor || len(page.Deliveries) > 0 && len(seen) == before {
			return taken, nil
		}
		cursor = page.Next
	}
}

// recover takes one delivery, unless it was taken before. One that can never be taken is said and left: those behind it wait for it
// otherwise until the platform forgets them.
func (s *Service) recover(ctx context.Context, id hub.AppID, app App, m driver.Missed) (news bool, err error) {
	k := markOf(m)
	if s.had.has(id, k) {
		return false, nil
	}
	kept, err := s.Log.Recover(ctx, app.Platform, id, m)
	switch kind := hub.KindOf(err); {
	case err == nil:
	case kind == hub.KindTooLarge || kind == hub.KindInvalid:
		s.Logger.ErrorContext(ctx, "a delivery that a platform had given up on cannot be taken", "platform", app.Platform, "app", id,
			"kind", kind.String(), "code", hub.CodeOf(err))
		kept = true // it would be refused again
	default:
		return false, err
	}
	if kept { // a shop that nobody has may be somebody's by the next look
		s.had.add(id, k)
	}
	return kept && err == nil, nil
}
