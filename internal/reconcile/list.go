package reconcile

import (
	"context"
	"maps"
	"time"

	"hub"
	"hub/adapters/driver"
)

// listing is what a platform lists of a window.
type listing struct {
	orders map[hub.ExternalID]driver.Seen
	asOf   time.Time // the platform's clock when the list was begun; zero when it does not say
}

// list reads a window by the time of creation until two passes in a row show the same orders. A pass over a list that shifts
// while it is read may step over an order, when one before it goes away; then it shows one that the next pass does not. And
// what a platform leaves out once by mistake, the other pass shows.
func (s *Service) list(ctx context.Context, shop Shop, from, to time.Time) (listing, error) {
	var before listing
	for i := range s.Passes {
		now, err := s.pass(ctx, shop, from, to)
		if err != nil {
			return listing{}, err
		}
		if i > 0 && same(before.orders, now.orders) {
			return now, nil
		}
		before = now
	}
	return listing{}, unsettled()
}

func same(a, b map[hub.ExternalID]driver.Seen) bool {
	return maps.EqualFunc(a, b, func(driver.Seen, driver.Seen) bool { return true })
}

// unsettled says that a list was still showing something else when we stopped reading it.
func unsettled() error {
	return &hub.Error{Kind: hub.KindUnavailable, Code: CodeUnsettled, Op: "listing orders"}
}

// pass reads a window once, in spans that the platform takes.
func (s *Service) pass(ctx context.Context, shop Shop, from, to time.Time) (listing, error) {
	l := listing{orders: map[hub.ExternalID]driver.Seen{}}
	span := to.Sub(from)
	if longest := shop.Lister.Limits().Window; longest > 0 {
		span = min(span, longest)
	}
	for pages := 0; from.Before(to); from = from.Add(span) {
		end := from.Add(span)
		if end.After(to) {
			end = to
		}
		w := driver.Window{By: driver.ByCreation, From: from, To: end}
		if err := s.pages(ctx, shop, w, &l, &pages); err != nil {
			return listing{}, err
		}
	}
	return l, nil
}

// pages turns the pages of one span.
func (s *Service) pages(ctx context.Context, shop Shop, w driver.Window, l *listing, pages *int) error {
	for cursor := ""; *pages < s.Pages; {
		page, err := shop.Lister.Changed(ctx, shop.Caller, w, cursor)
		if err != nil {
			return err
		}
		if *pages++; *pages == 1 {
			l.asOf = page.AsOf
		}
		for _, o := range page.Orders {
			l.orders[o.ExternalID] = o
		}
		if page.Next == "" {
			return nil
		}
		if page.Next == cursor {
			return &hub.Error{Kind: hub.KindUnavailable, Code: driver.CodeUnreadable, Op: "listing orders: the list does not go on"}
		}
		cursor = page.Next
	}
	return unsettled()
}
