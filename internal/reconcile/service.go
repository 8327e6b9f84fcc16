package reconcile

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"hub"
)

// Options are bounds; all are required.
type Options struct {
	Settle      time.Duration // after the end of a span, until all of its orders are in the platform's list and in the hub
	Spread      time.Duration // over which the looks at a day are spread
	Days        int           // after its end, for how many days a final day is looked at once a day
	Keep        time.Duration // after its end, how long a day that was never looked at, or is not final, is looked at
	Passes      int           // most passes over one list
	Pages       int           // most pages of one pass
	Rounds      int           // how often differences are fetched again in one go
	MostFetched int           // most orders that are fetched again in one round
	Margin      time.Duration // how far beside a day a list is searched for orders of it
	Longest     time.Duration // most time for asking a platform about one day
}

// Defaults are what `hub serve` uses.
func Defaults() Options {
	return Options{
		Settle: 10 * time.Minute, Spread: 3 * time.Hour, Days: 3, Keep: 7 * 24 * time.Hour,
		Passes: 5, Pages: 5000, Rounds: 2, MostFetched: 500, Margin: time.Hour, Longest: 20 * time.Minute,
	}
}

// Service makes statements. It is safe for concurrent use; of two statements of one revision the second is refused.
type Service struct {
	Shops      Shops
	Orders     Orders
	Statements Statements
	Queue      Queue
	Fetch      Fetcher
	Key        Key
	Clock      hub.Clock
	IDs        hub.IDSource
	Logger     *slog.Logger
	Options
}

// Do does one task: it looks, says what it saw, and has fetched again what differs. The look at what came of that it leaves to the
// queue, all later ones to Sweep, and so whoever dies on the way has all of it done again, as another revision. A day of which
// Sweep would leave no look to the queue any more is not looked at unless somebody asked. Its errors are those of our own side.
func (s *Service) Do(ctx context.Context, t Task) (err error) {
	defer hub.Wrap(&err, "reconciling "+string(t.Day)+" of", string(t.Connection))
	before, err := s.latest(ctx, t.Name, t.Day)
	if err != nil {
		return err
	}
	if plain := t.Round == 0 && !t.Asked; plain && before.WholeDay && !s.due(before.last(), t.Day, s.Clock()) {
		return nil
	}
	st := s.begin(t, before)
	turn := s.turn(t, st, before)
	now, err := s.look(ctx, &st, turn, before)
	if err != nil {
		return err
	}
	var again []hub.ExternalID
	if t.Round < s.Rounds && (st.Unknown == nil || st.Unknown.Code == CodeIncomplete) {
		again = s.chosen(&st, now, turn, before)
		st.Fetching = len(again)
	}
	if err := s.say(ctx, st); err != nil || st.Fetching == 0 {
		return err
	}
	return s.repair(ctx, t, st.ID, again)
}

// latest reads the newest statement; zero when there is none.
func (s *Service) latest(ctx context.Context, n Name, d Day) (st Statement, err error) {
	signed, err := s.Statements.Latest(ctx, n, d)
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		return st, nil
	}
	if err == nil && json.Unmarshal(signed.Statement, &st) != nil {
		err = &hub.Error{Kind: hub.KindPermanent, Code: CodeMalformed, Op: "reading a statement"}
	}
	return st, err
}

// begin makes the statement that is to be filled in.
func (s *Service) begin(t Task, before Statement) Statement {
	now := s.Clock()
	st := Statement{
		Version: Version, ID: ID(s.IDs.New(IDPrefix)), Tenant: t.Tenant, Connection: t.Connection, Day: t.Day, From: t.Day.From(), To: t.Day.To(),
		WholeDay: true, Revision: before.Revision + 1, Previous: before.ID, MadeAt: now, Compared: []string{}, Differences: []Difference{},
		FetchedTo: before.FetchedTo, TurnAt: before.TurnAt,
	}
	if settled := now.Add(-s.Settle).Truncate(time.Second); settled.Before(st.To) {
		st.WholeDay, st.To = false, settled
	}
	if st.To.Before(st.From) {
		st.To = st.From
	}
	return st
}

// say signs and keeps a statement. That another hub was quicker is not our failure: the task is done again after it.
func (s *Service) say(ctx context.Context, st Statement) error {
	signed, err := s.Key.Sign(st)
	if err != nil {
		return err
	}
	return s.Statements.Save(ctx, st, signed)
}

// apart is how long after a failed fetch the next look is.
const apart = time.Minute

// repair has orders fetched again, and leaves the next look to the queue for when they are applied.
func (s *Service) repair(ctx context.Context, t Task, id ID, again []hub.ExternalID) error {
	next := Task{Name: t.Name, Day: t.Day, Round: t.Round + 1, DueAt: s.Clock()}
	_, err := s.Fetch.Again(ctx, t.Name, again, cause(id))
	if err == nil || hub.KindOf(err) == hub.KindTooLarge {
		err = s.Fetch.Drained(ctx, t.Tenant)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		s.Logger.WarnContext(ctx, "orders not fetched again", "connection", t.Connection, "statement", id, "error", err)
		next.DueAt, next.Turn = s.Clock().Add(apart), true
	}
	return s.Queue.Later(ctx, []Task{next})
}
