package fetch

import (
	"context"
	"time"

	"hub"
	"hub/adapters/driver"
)

// Poll takes what changed since the last poll and schedules the next. One that has much to catch up with keeps what it has,
// window by window, until it is another's turn, and is scheduled again at once. An error leaves the progress where it is: the
// queue tries again, and everything since then is looked at anew.
func (s *Service) Poll(ctx context.Context, n Name) (err error) {
	defer hub.Wrap(&err, "polling", string(n.Connection))
	shop, err := s.Shops.Shop(n)
	if hub.KindOf(err) == hub.KindNotFound && err != nil {
		return nil // disconnected: the next connection begins anew
	}
	if err != nil {
		return err
	}
	progress, err := s.Store.Progress(ctx, n)
	if err != nil {
		return err
	}
	p, now := progress.Poll, s.Clock()
	if p.Polled.IsZero() {
		p.Polled = now
	}
	for from := p.Polled.Add(-s.Overlap); ; {
		to, last := s.chunk(shop.Client.Limits(), from, now)
		asOf, err := s.window(ctx, n, shop, driver.Window{By: driver.ByChange, From: from, To: to})
		if err != nil {
			s.complain(ctx, n, p, err)
			return s.rest(ctx, n, err)
		}
		if last {
			p.Polled = earlier(now, asOf)
			break
		}
		from = to
		p.Polled = earlier(to, asOf)
		over, next := s.Clock(), time.Time{}
		if over.Sub(now) >= s.Turn {
			next = over
		}
		if err := s.Store.SavePoll(ctx, n, p, next); err != nil || !next.IsZero() {
			return err
		}
	}
	p.PolledAt, p.Trouble = s.Clock(), ""
	return s.Store.SavePoll(ctx, n, p, p.PolledAt.Add(s.Every))
}

// rest ends standing work that only the owner of the shop can bring on: Begin resumes it. It is the stored standing that counts,
// and it is read after the call was refused: an owner who is back by then, or later, comes to Begin after that, and what is ended
// or put off here is due again. With any other error the work goes on.
func (s *Service) rest(ctx context.Context, n Name, cause error) error {
	if hub.CodeOf(cause) != driver.CodeReconnect {
		return cause
	}
	access, err := s.Shops.Access(ctx, n)
	if err != nil || access == Granted {
		return cause
	}
	return nil
}

// earlier is the time up to which a list can know: a hub whose clock is ahead of the platform's must not believe that it
// has seen the time in between.
func earlier(ours, theirs time.Time) time.Time {
	if theirs.IsZero() || ours.Before(theirs) {
		return ours
	}
	return theirs
}

// ahead is how far into the future a window reaches, for platforms whose clock is before ours.
const ahead = 5 * time.Minute

// chunk ends a window that begins at from, and says whether it is the last.
func (s *Service) chunk(l driver.Limits, from, now time.Time) (to time.Time, last bool) {
	most := s.Chunk
	if l.Window > 0 {
		most = min(most, l.Window)
	}
	if to = from.Add(most); to.Before(now) {
		return to, false
	}
	return now.Add(ahead), true
}

// passes bounds how often one window is listed: each pass but the last found something that the one before did not show.
const passes = 5

// window takes the orders of a window. A list of several pages shifts while it is read, as orders change and leave it; so
// it is read until a pass shows nothing new. It returns the platform's clock when it first answered.
func (s *Service) window(ctx context.Context, n Name, shop Shop, w driver.Window) (asOf time.Time, err error) {
	r := reading{name: n, shop: shop, window: w, seen: map[hub.ExternalID]bool{}}
	for range passes {
		pages, news, err := s.pass(ctx, &r)
		if err != nil {
			return time.Time{}, err
		}
		if pages <= 1 || news == 0 {
			return r.asOf, nil
		}
	}
	return time.Time{}, unsettled()
}

// reading is a window while it is read.
type reading struct {
	name   Name
	shop   Shop
	window driver.Window
	asOf   time.Time
	seen   map[hub.ExternalID]bool
}

// fresh picks those orders of a page that were not seen yet. One that changes after that does so after asOf, and is the next
// poll's.
func (r *reading) fresh(page driver.Page) (list []driver.Seen) {
	if r.asOf.IsZero() {
		r.asOf = page.AsOf
	}
	for _, o := range page.Orders {
		if !r.seen[o.ExternalID] {
			r.seen[o.ExternalID] = true
			list = append(list, o)
		}
	}
	return list
}

// pass reads the list once and takes what is fresh. It counts pages and what was fresh.
func (s *Service) pass(ctx context.Context, r *reading) (pages, news int, err error) {
	for cursor := ""; pages < s.Pages; {
		page, err := r.shop.Client.Changed(ctx, r.shop.Slow, r.window, cursor)
		if err != nil {
			return pages, news, err
		}
		pages++
		fresh := r.fresh(page)
		news += len(fresh)
		if err := s.changed(ctx, r.name, r.shop, fresh); err != nil {
			return pages, news, err
		}
		if page.Next == "" {
			return pages, news, nil
		}
		if page.Next == cursor {
			return pages, news, &hub.Error{Kind: hub.KindUnavailable, Code: driver.CodeUnreadable, Op: "listing orders: the list does not go on"}
		}
		cursor = page.Next
	}
	return pages, news, unsettled()
}

// unsettled says that a list was still showing news when we stopped reading it.
func unsettled() error {
	return &hub.Error{Kind: hub.KindUnavailable, Code: "list_unsettled", Op: "listing orders"}
}

// changed takes the orders of a page that are newer than what is stored. A list that does not say when an order changed has
// it fetched. Two changes within one tick of the platform's clock are one to a list: when the second was not delivered
// either, it is the day's statement of package reconcile that shows it.
func (s *Service) changed(ctx context.Context, n Name, shop Shop, list []driver.Seen) error {
	if len(list) == 0 {
		return nil
	}
	ids := make([]hub.ExternalID, len(list))
	for i, o := range list {
		ids[i] = o.ExternalID
	}
	stored, err := s.Store.Versions(ctx, n, ids)
	if err != nil {
		return err
	}
	ids = ids[:0]
	for _, o := range list {
		at, known := stored[o.ExternalID]
		if !known || o.ChangedAt.IsZero() || o.ChangedAt.After(at) {
			ids = append(ids, o.ExternalID)
		}
	}
	err = s.take(ctx, n, shop.Client, shop.Slow, ids, "")
	if hub.KindOf(err) == hub.KindTooLarge {
		return nil // said already, and no reason to hold up the rest of the list
	}
	return err
}

// complain notes what went wrong, for people. That it cannot be noted is said in the log; the poll fails anyway.
func (s *Service) complain(ctx context.Context, n Name, p PollProgress, cause error) {
	code := codeOf(cause)
	if code == p.Trouble {
		return
	}
	p.Trouble = code
	if err := s.Store.SavePoll(ctx, n, p, time.Time{}); err != nil {
		s.Logger.WarnContext(ctx, "trouble of a poll not noted", "connection", n.Connection, "code", code, "error", err)
	}
}

// codeOf is what people are told of an error.
func codeOf(err error) hub.Code {
	if code := hub.CodeOf(err); code != "" {
		return code
	}
	return hub.Code(hub.KindOf(err).String())
}
