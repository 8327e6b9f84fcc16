package fetch

import (
	"context"
	"errors"
	"time"

	"hub"
	"hub/adapters/driver"
)

// Begin asks for the orders that were placed before the shop was connected, as far back as it lets us see or until since,
// and for the polling of those that change. It is safe to repeat, as when an owner authorises again: a backfill that goes on is
// gone on with, at once, and one that ended is not begun anew unless it had not gone as far back; what came since is for the polls.
func (s *Service) Begin(ctx context.Context, n Name, since time.Time) (err error) {
	defer hub.Wrap(&err, "beginning backfill of", string(n.Connection))
	shop, err := s.Shops.Shop(n)
	if err != nil {
		return err
	}
	p, err := s.Store.Progress(ctx, n)
	if err != nil {
		return err
	}
	now := s.Clock()
	if p.Poll.Polled.IsZero() {
		p.Poll.Polled = now.Add(-firstLook)
	}
	if back := shop.Client.Limits().Back; back > 0 && since.Before(now.Add(-back)) {
		since = now.Add(-back)
	}
	if b := &p.Backfill; b.To.IsZero() || !b.EndedAt.IsZero() && since.Before(b.From) {
		*b = BackfillProgress{From: since, To: now.Add(ahead)}
	}
	if err := s.Store.SavePoll(ctx, n, p.Poll, time.Time{}); err != nil {
		return err
	}
	if err := s.Store.SaveBackfill(ctx, n, p.Backfill, time.Time{}); err != nil {
		return err
	}
	return s.Store.Resume(ctx, n)
}

// firstLook is how far back the first poll of a shop looks, so that its latest orders are there within a minute while a
// long export is still being prepared.
const firstLook = 24 * time.Hour

// Backfill takes the next parts of the export until it is another's turn. As long as there are more it is scheduled again
// with each of them.
func (s *Service) Backfill(ctx context.Context, n Name) (err error) {
	defer hub.Wrap(&err, "backfilling", string(n.Connection))
	shop, err := s.Shops.Shop(n)
	if hub.KindOf(err) == hub.KindNotFound && err != nil {
		return nil
	}
	if err != nil {
		return err
	}
	for began := s.Clock(); ; {
		progress, err := s.Store.Progress(ctx, n)
		if err != nil {
			return err
		}
		b := progress.Backfill
		if b.To.IsZero() || !b.EndedAt.IsZero() {
			return nil
		}
		wait, err := s.part(ctx, n, shop, &b)
		if err != nil {
			return errors.Join(s.rest(ctx, n, err), s.regret(ctx, n, b, err))
		}
		now, next := s.Clock(), time.Time{}
		if b.EndedAt.IsZero() {
			next = now.Add(wait)
		}
		if err := s.Store.SaveBackfill(ctx, n, b, next); err != nil {
			return err
		}
		if wait > 0 || now.Sub(began) >= s.Turn {
			return nil
		}
	}
}

// part takes one part. What an export that the platform has lost had read stays; it is exported anew, after the pause that
// the queue makes after errors: one that is lost again and again must not be begun without end.
func (s *Service) part(ctx context.Context, n Name, shop Shop, b *BackfillProgress) (wait time.Duration, err error) {
	part, err := shop.Client.Export(ctx, shop.Slow, driver.Window{By: driver.ByCreation, From: b.From, To: b.To}, b.Cursor)
	if hub.CodeOf(err) == driver.CodeExportLost && b.Cursor != "" {
		*b = BackfillProgress{From: b.From, To: b.To}
	}
	if err != nil {
		return 0, err
	}
	if err := s.keep(ctx, n, part.Documents, ""); err != nil && !s.tooLarge(ctx, n, err) {
		return 0, err
	}
	if part.Next != "" && part.Next == b.Cursor && part.Wait <= 0 {
		return 0, &hub.Error{Kind: hub.KindUnavailable, Code: driver.CodeUnreadable, Op: "exporting orders: the export does not go on"}
	}
	b.Cursor, b.Trouble = part.Next, ""
	b.Orders += int64(len(part.Documents))
	b.Total = max(int64(part.Total), b.Total)
	if !part.Reached.IsZero() {
		b.Reached = part.Reached
	}
	if part.Next == "" {
		b.EndedAt, b.Reached = s.Clock(), b.From
	}
	return part.Wait, nil
}

// regret notes what went wrong, for people, and from where to go on.
func (s *Service) regret(ctx context.Context, n Name, b BackfillProgress, cause error) error {
	code := codeOf(cause)
	if code == b.Trouble && code != driver.CodeExportLost {
		return nil
	}
	b.Trouble = code
	return s.Store.SaveBackfill(ctx, n, b, time.Time{})
}
