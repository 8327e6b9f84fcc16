package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"hub"
	"hub/adapters/driver"
)

// unknown is how a look at a platform ends that cannot tell.
type unknown struct{ code hub.Code }

// Error prints the code.
func (u unknown) Error() string { return string(u.code) }

// asking gives an error of asking a platform its meaning: the statement says unknown. That our own time is over says nothing of
// the platform.
func asking(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	if code := hub.CodeOf(err); code != "" {
		return unknown{code}
	}
	return unknown{hub.Code(hub.KindOf(err).String())}
}

// look compares and fills the statement in. It returns the differences, also those that the statement has no room for. Errors
// are of our own side.
func (s *Service) look(ctx context.Context, st *Statement, turn bool, before Statement) (now []Difference, err error) {
	n := Name{st.Tenant, st.Connection}
	asked, cancel := context.WithTimeout(ctx, s.Longest)
	defer cancel()
	b, err := s.compare(asked, n, st, turn, before)
	if err != nil && ctx.Err() == nil && asked.Err() != nil {
		err = unknown{CodeTooLong}
	}
	var cannot unknown
	if errors.As(err, &cannot) {
		return nil, s.doubt(ctx, n, st, cannot.code, before)
	}
	if err != nil {
		return nil, err
	}
	now = b.differences()
	st.conclude(b, now, before)
	return now, nil
}

// doubt makes a statement that says unknown. What the hub has is counted all the same, as far as it knows when it was placed.
func (s *Service) doubt(ctx context.Context, n Name, st *Statement, code hub.Code, before Statement) error {
	st.State, st.Unknown, st.Compared = Unknown, &Cause{code}, []string{}
	st.Differences = append(st.Differences, before.Differences...)
	st.Open, st.Truncated = before.Open, before.Truncated
	if !st.From.Before(st.To) {
		return nil
	}
	placed, err := s.placed(ctx, n, st)
	if err != nil {
		return err
	}
	st.count(slices.Collect(maps.Values(placed)))
	return nil
}

// compare asks the platform first and the hub afterwards: what comes in between is then on the hub's side, too.
func (s *Service) compare(ctx context.Context, n Name, st *Statement, turn bool, before Statement) (b both, err error) {
	shop, err := s.Shops.Shop(n)
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return b, err
	}
	st.Platform, st.Account = shop.Platform, shop.Account
	if err != nil || shop.Lister == nil {
		return b, unknown{CodeNotAsked}
	}
	st.Amounts = listedAs[shop.Lister.Limits().Totals]
	back, err := s.askable(ctx, shop, st)
	if err != nil {
		return b, err
	}
	l, err := s.list(ctx, shop, st.From, st.To)
	if err != nil {
		return b, asking(ctx, err)
	}
	if !l.asOf.IsZero() && l.asOf.Before(st.To.Add(s.Settle/2)) {
		return b, unknown{CodeTooYoung} // our clock is ahead: more orders may be placed, or the last ones not be in the list yet
	}
	if beyond(s.Clock(), st, back) {
		return b, unknown{CodeTooOld} // while we read, the first orders may have gone out of sight
	}
	b.listed = l.orders
	if err := s.ours(ctx, n, st, shop, &b, turn, before); err != nil {
		return b, err
	}
	var absent []hub.ExternalID
	for id := range b.listed {
		if _, known := b.held[id]; !known {
			absent = append(absent, id)
		}
	}
	b.parked, err = s.Orders.Parked(ctx, n, absent)
	return b, err
}

// recent is how far every shop shows its orders.
const recent = 30 * 24 * time.Hour

// edge is how long before its orders go out of sight a day is too old: the platform's clock and ours differ, its days may be those
// of the shop, and nobody says how exactly it counts.
const edge = 24 * time.Hour

// beyond reports whether a day begins before, or so little after, what a shop shows that its list may lack orders; 0 is all.
func beyond(now time.Time, st *Statement, back time.Duration) bool {
	return back > 0 && now.Sub(st.From)+edge > back
}

// askable says unknown for a window that the platform cannot tell of. It returns how far back the shop shows orders; 0 is all, or
// far enough.
func (s *Service) askable(ctx context.Context, shop Shop, st *Statement) (back time.Duration, err error) {
	if !st.From.Before(st.To) {
		return 0, unknown{CodeTooYoung}
	}
	back = shop.Lister.Limits().Back
	if back == 0 && beyond(st.MadeAt, st, recent) && shop.Back != nil {
		if back, err = shop.Back(ctx); err != nil {
			return 0, asking(ctx, err)
		}
	}
	if beyond(st.MadeAt, st, back) {
		return 0, unknown{CodeTooOld}
	}
	return back, nil
}

// ours reads what the hub has: what was placed in the window, and what is listed in it whenever the hub thinks that it was
// placed. An order that only the hub has, the platform is asked for by its id.
func (s *Service) ours(ctx context.Context, n Name, st *Statement, shop Shop, b *both, turn bool, before Statement) error {
	placed, err := s.placed(ctx, n, st)
	if err != nil {
		return err
	}
	b.held = map[hub.ExternalID]Held{}
	var elsewhere, strays []hub.ExternalID
	for id := range b.listed {
		if o, known := placed[id]; known {
			b.held[id] = o
		} else {
			elsewhere = append(elsewhere, id)
		}
	}
	for id, o := range placed {
		if _, listed := b.listed[id]; !listed && !o.Deleted {
			strays = append(strays, id)
		}
	}
	for part := range slices.Chunk(elsewhere, pageRows) {
		rows, err := s.Orders.Held(ctx, n, part)
		if err != nil {
			return err
		}
		for _, o := range rows {
			b.held[o.External] = st.comparable(o)
		}
	}
	slices.Sort(strays)
	gone, shown, err := s.gone(ctx, n, st, shop, strays, turn, before)
	for _, id := range gone {
		b.held[id] = placed[id]
	}
	for _, id := range shown {
		b.shown = append(b.shown, placed[id])
	}
	return err
}

// pageRows is how many orders of the hub are read at once.
const pageRows = 500

// placed reads the hub's orders of the statement's window.
func (s *Service) placed(ctx context.Context, n Name, st *Statement) (map[hub.ExternalID]Held, error) {
	found := map[hub.ExternalID]Held{}
	for after := (Held{}); ; {
		rows, err := s.Orders.Placed(ctx, n, st.From, st.To, after, pageRows)
		if err != nil {
			return nil, err
		}
		for _, o := range rows {
			found[o.External] = st.comparable(o)
		}
		if len(rows) < pageRows {
			return found, nil
		}
		after = rows[len(rows)-1]
	}
}

// gone divides those of the orders that are not listed right beside the window either: there are platforms that list by another
// time than the one at which an order counts as placed. Gone are those that the platform does not show. One that it shows and
// lists nowhere says that its list is not whole, and so may lack others that the hub has not got; the same holds when there are
// too many to ask for. They are asked for when all has its turn, or when they are new.
func (s *Service) gone(ctx context.Context, n Name, st *Statement, shop Shop, strays []hub.ExternalID, turn bool, before Statement) (gone, shown []hub.ExternalID, err error) {
	if strays, err = s.unlisted(ctx, st, shop, strays); err != nil {
		return nil, nil, asking(ctx, err)
	}
	extra := named(slices.DeleteFunc(slices.Clone(before.Differences), func(d Difference) bool { return d.Repaired }))
	ask := strays
	if !turn || len(strays) > s.MostFetched {
		ask = nil
		for _, id := range strays {
			if extra[name{id, Extra}] {
				gone = append(gone, id)
			} else {
				ask = append(ask, id)
			}
		}
	}
	if known := before.Unknown != nil && before.Unknown.Code == CodeIncomplete; len(ask) == 0 || !turn && known || len(ask) > s.MostFetched {
		return gone, ask, nil
	}
	absent, err := s.Fetch.Again(ctx, n, ask, cause(st.ID))
	if err != nil && hub.KindOf(err) != hub.KindTooLarge {
		return nil, nil, asking(ctx, err)
	}
	shown = slices.DeleteFunc(ask, func(id hub.ExternalID) bool { return slices.Contains(absent, id) })
	return append(gone, absent...), shown, nil
}

// unlisted returns those of the orders that are not listed within Margin beside the window.
func (s *Service) unlisted(ctx context.Context, st *Statement, shop Shop, strays []hub.ExternalID) ([]hub.ExternalID, error) {
	for _, w := range []driver.Window{{From: st.From.Add(-s.Margin), To: st.From}, {From: st.To, To: st.To.Add(s.Margin)}} {
		if len(strays) == 0 {
			break
		}
		l, err := s.list(ctx, shop, w.From, w.To)
		if err != nil {
			return nil, err
		}
		strays = slices.DeleteFunc(strays, func(id hub.ExternalID) bool { _, listed := l.orders[id]; return listed })
	}
	return strays, nil
}

// cause names a statement in the log, as the reason why an order was fetched again.
func cause(id ID) string { return "statement " + string(id) }
