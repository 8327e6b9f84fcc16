package connect

import (
	"context"
	"sync"
	"time"

	"hub"
	"hub/adapters/driver"
)

// Source hands out access tokens. It is safe for concurrent use.
type Source struct {
	Refresher *Refresher
	Notes     Grants

	mu   sync.Mutex
	held map[hub.ConnectionID]held
}

// held is a token in memory.
type held struct {
	access     string
	generation int64
	until      time.Time // end of the token; zero: none
	asked      time.Time // when the database was asked
	fresh      bool      // the one before is still kept
}

const (
	// believe is how long a token is handed out without asking the database whether another hub has a newer one.
	believe = 5 * time.Second
	// alone is how long a token is believed that the database cannot be asked about: meanwhile its owner may have taken the shop
	// elsewhere. What is not polled in an outage that takes longer is polled after it.
	alone = 10 * time.Minute
	// margin is how long before its end a token is not handed out any more.
	margin = 10 * time.Second
	// waitFor bounds how long Renew waits for another hub's refresh, when the caller sets no earlier end.
	waitFor = 20 * time.Second
)

const opToken = "getting an access token"

// Token returns a token that is good now, as far as is known here. While the control database is away the last one is
// believed for ten minutes, and then it is KindUnavailable. KindPermanent with driver.CodeReconnect: only the owner can mend it.
func (s *Source) Token(ctx context.Context, id hub.ConnectionID) (string, error) {
	now := s.Refresher.Clock()
	s.mu.Lock()
	h, ok := s.held[id]
	s.mu.Unlock()
	if ok && now.Sub(h.asked) < believe && !now.Before(h.asked) && h.good(now) {
		return h.access, nil
	}
	h, err := s.load(ctx, id, h)
	switch {
	case err != nil && hub.KindOf(err) == hub.KindUnavailable && ok && h.good(now) && now.Sub(h.asked) < alone:
		return h.access, nil
	case err != nil:
		return "", err
	case h.good(now):
		return h.access, nil
	}
	return s.Renew(ctx, id, h.access)
}

func (h held) good(now time.Time) bool {
	return h.access != "" && (h.until.IsZero() || now.Before(h.until.Add(-margin)))
}

// load reads the token from the database; with an error it returns what was held.
func (s *Source) load(ctx context.Context, id hub.ConnectionID, before held) (held, error) {
	r := s.Refresher
	stored, err := r.Tokens.Get(ctx, id)
	if hub.KindOf(err) == hub.KindNotFound && err != nil {
		return before, reconnect(CodeNoTokens)
	}
	if err != nil {
		return before, err
	}
	if stored.Standing == ReconnectNeeded || stored.Standing == Disconnected || len(stored.Sealed) == 0 {
		s.Drop(id)
		return before, reconnect(stored.Code)
	}
	h := held{generation: stored.Generation, until: stored.AccessUntil, asked: r.Clock(), fresh: len(stored.Previous) > 0}
	if before.generation == h.generation && before.access != "" {
		h.access = before.access
	} else {
		pair, err := sealer{r.Vault}.open(ctx, stored.Tenant, id, stored.Sealed)
		if err != nil {
			return before, err
		}
		h.access = pair.Access
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		s.held = map[hub.ConnectionID]held{}
	}
	if s.held[id].generation <= h.generation {
		s.held[id] = h
	}
	return h, nil
}

// Drop forgets what is in memory of a connection.
func (s *Source) Drop(id hub.ConnectionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, id)
}

// Renew returns a newer token than the one that a platform refused. Whoever asks with the same refused token causes one
// refresh, in all hubs together; while another hub is at it, the caller waits.
func (s *Source) Renew(ctx context.Context, id hub.ConnectionID, refused string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, waitFor)
	defer cancel()
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		h, err := s.load(ctx, id, held{})
		if err != nil {
			return "", err
		}
		if h.access != refused && h.good(s.Refresher.Clock()) {
			return h.access, nil
		}
		err = s.Refresher.Renew(ctx, id, h.generation)
		if err != nil && hub.CodeOf(err) != CodeBusy {
			return "", err
		}
		if !Pause(ctx, pause) { // after a success, too: a token that ends at once must not be renewed without end
			return "", &hub.Error{Kind: hub.KindUnavailable, Code: CodeBusy, Op: opToken, Subject: string(id), RetryAfter: time.Second}
		}
	}
}

// Worked tells that a platform took a token: the one before it need not be kept any more. It is cheap for every token but a
// new one.
func (s *Source) Worked(ctx context.Context, id hub.ConnectionID, token string) error {
	s.mu.Lock()
	h, ok := s.held[id]
	s.mu.Unlock()
	if !ok || !h.fresh || h.access != token {
		return nil
	}
	if err := s.Notes.Note(ctx, id, h.generation, Note{Worked: true}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.held[id]; now.generation == h.generation {
		now.fresh = false
		s.held[id] = now
	}
	return nil
}

// isReconnect tells a shop that is lost to the hub from one that is only away.
func isReconnect(err error) bool { return hub.CodeOf(err) == driver.CodeReconnect }
