package connect

import (
	"context"
	"time"

	"hub"
	"hub/adapters/driver"
)

// reconnect is the error of a connection that only its owner can mend.
func reconnect(code hub.Code) error {
	return &hub.Error{Kind: hub.KindPermanent, Code: driver.CodeReconnect, Op: "using tokens", Subject: string(code)}
}

// reconnecting reports whether a platform's answer is that the merchant must authorise again.
func reconnecting(err error) bool {
	return hub.KindOf(err) == hub.KindPermanent && hub.CodeOf(err) == driver.CodeReconnect
}

// same is the outcome of a lease in which nothing was done.
func (t *turn) same() Outcome {
	o := Outcome{Standing: t.Standing, Code: t.Code, Attempts: t.Attempts, DueAt: t.DueAt}
	if o.Standing == Refreshing {
		o.Standing = OK
	}
	return o
}

// end gives the lease back and returns err.
func (t *turn) end(ctx context.Context, o Outcome, err error) error {
	if saved := t.r.Tokens.Save(ctx, t.Connection, t.Epoch, o); saved != nil && (err == nil || hub.KindOf(err) == hub.KindConflict) {
		return saved
	}
	return err
}

// adopt stores the next pair; the one that it replaces stays beside it until this one has worked.
func (t *turn) adopt(ctx context.Context, token driver.Token) error {
	now := t.r.Clock()
	if token.GrantUntil.IsZero() {
		token.GrantUntil = t.pair.GrantUntil
	}
	if token.Refresh == "" && t.platform.Rotation().Repeats {
		token.Refresh, token.RefreshUntil = t.pair.Refresh, t.pair.RefreshUntil
	}
	if token.Scopes == nil {
		token.Scopes = t.pair.Scopes
	}
	g, err := sealer{t.r.Vault}.grant(ctx, t.Tenant, t.Connection, token, t.platform.Rotation(), now, t.r.Jitter)
	if err != nil {
		return t.fail(ctx, err)
	}
	if err := t.r.Tokens.Save(ctx, t.Connection, t.Epoch, Outcome{Next: &g, Standing: OK, DueAt: g.DueAt}); err != nil {
		return err
	}
	t.r.Logger.Info("tokens refreshed", "connection", t.Connection, "platform", t.shop.Platform)
	return nil
}

// grant seals a pair and says when it is to be refreshed.
func (s sealer) grant(ctx context.Context, t hub.TenantID, id hub.ConnectionID, token driver.Token, rotation driver.Rotation,
	now time.Time, jitter func(time.Duration) time.Duration) (Grant, error) {
	sealed, err := s.pair(ctx, t, id, pairOf(token))
	if err != nil {
		return Grant{}, err
	}
	return Grant{
		Sealed: sealed, AccessUntil: token.AccessUntil, RefreshUntil: token.RefreshUntil, GrantUntil: token.GrantUntil,
		DueAt: refreshAt(token, rotation, now, jitter), At: now,
	}, nil
}

// refreshAt is when a pair is to be refreshed: ahead of its end, and not all at once. A refresh token that ends before it
// would be due counts, too. Zero is never.
func refreshAt(token driver.Token, rotation driver.Rotation, now time.Time, jitter func(time.Duration) time.Duration) time.Time {
	end := token.AccessUntil
	if !token.RefreshUntil.IsZero() && (end.IsZero() || token.RefreshUntil.Before(end)) {
		end = token.RefreshUntil
	}
	if end.IsZero() {
		return time.Time{}
	}
	life := end.Sub(now)
	ahead := min(rotation.Ahead, life/2)
	if ahead <= 0 {
		return now
	}
	return end.Add(-ahead - jitter(ahead/4))
}

// fail notes that it did not work and when it is tried again.
func (t *turn) fail(ctx context.Context, cause error) error {
	o := t.same()
	o.Settled = t.settled
	if hub.CodeOf(cause) == CodeUnsealed {
		o.Standing, o.Code, o.DueAt = ReconnectNeeded, CodeUnsealed, time.Time{}
		return t.end(ctx, o, reconnect(CodeUnsealed))
	}
	o.Attempts++
	o.Code = hub.CodeOf(cause)
	switch {
	case hub.KindOf(cause) == hub.KindUnknown || t.lost():
		o.Code = CodeUnknown
	case o.Code == "":
		o.Code = hub.Code(hub.KindOf(cause).String())
	}
	wait := t.pause(o.Attempts)
	switch hub.KindOf(cause) {
	case hub.KindThrottled, hub.KindUnavailable, hub.KindUnknown:
		wait = max(wait, min(hub.RetryAfterOf(cause), time.Hour))
	case hub.KindForbidden, hub.KindUnauthentic, hub.KindInvalid, hub.KindPermanent: // the app is not taken: the operator mends it
		wait = lateRetry
	}
	o.DueAt = t.r.Clock().Add(wait)
	return t.end(ctx, o, &hub.Error{Kind: hub.KindUnavailable, Code: o.Code, Op: opRefresh, RetryAfter: wait})
}

// pause grows with failures. The first is short: where a lost answer is asked for again, callers wait for it.
func (t *turn) pause(failures int) time.Duration {
	longest := time.Second << min(failures-1, 20)
	longest = min(longest, lateRetry)
	return longest/2 + t.r.Jitter(longest/2)
}

// refused is the end of a refresh token. Where the platform keeps the former one until the present one has been used, that
// is tried first: what was stored last may be an answer that never counted.
func (t *turn) refused(ctx context.Context, settled []int64) error {
	if !t.former && len(t.Previous) > 0 && t.platform.Rotation().Repeats {
		if pair, err := (sealer{t.r.Vault}).open(ctx, t.Tenant, t.Connection, t.Previous); err == nil {
			t.pair, t.former, t.settled = pair, true, settled
			return t.ask(ctx)
		}
	}
	code := CodeRefused
	if t.lost() {
		code = CodeLost
	}
	return t.needed(ctx, code, settled)
}

// needed marks the connection as one that only its owner can mend.
func (t *turn) needed(ctx context.Context, code hub.Code, settled []int64) error {
	t.r.Logger.Warn("the owner of a shop must authorise again", "connection", t.Connection, "platform", t.shop.Platform, "code", code)
	return t.end(ctx, Outcome{Standing: ReconnectNeeded, Code: code, Attempts: t.Attempts + 1, Settled: settled}, reconnect(code))
}

// hopeless deals with a pair that nothing can renew: it is good as long as it is good.
func (t *turn) hopeless(ctx context.Context) error {
	code := CodeExpired
	if t.over(t.pair.GrantUntil) {
		code = CodeGrantEnded
	}
	if code == CodeExpired && !t.pair.AccessUntil.IsZero() && !t.over(t.pair.AccessUntil) {
		o := t.same()
		o.DueAt, o.Settled = t.pair.AccessUntil, t.settled
		return t.end(ctx, o, &hub.Error{Kind: hub.KindUnavailable, Code: CodeExpired, Op: opRefresh, RetryAfter: t.pair.AccessUntil.Sub(t.r.Clock())})
	}
	return t.needed(ctx, code, t.settled)
}
