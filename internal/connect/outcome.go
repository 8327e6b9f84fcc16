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

// end gives the lease back and returns err. That only the owner can mend it is not said as long as it is not stored.
func (t *turn) end(ctx context.Context, o Outcome, err error) error {
	if saved := t.r.Tokens.Save(ctx, t.Connection, t.Epoch, o); saved != nil && (err == nil || hub.KindOf(err) == hub.KindConflict || isReconnect(err)) {
		return saved
	}
	return err
}

// adopt stores the next pair; the one that it replaces stays beside it until this one has worked.
func (t *turn) adopt(ctx context.Context, token driver.Token) error {
	now := t.r.Clock()
	if token.Refresh == "" && t.platform.Rotation().Repeats {
		token.Refresh, token.RefreshUntil = t.pair.Refresh, t.pair.RefreshUntil
	}
	if token.Scopes == nil {
		token.Scopes = t.pair.Scopes
	}
	g, err := sealer{t.r.Vault}.grant(ctx, t.shop, t.Life, t.pair.App, token, t.platform.Rotation(), now, t.r.Jitter)
	if err != nil {
		return t.fail(ctx, err)
	}
	if err := t.r.Tokens.Save(ctx, t.Connection, t.Epoch, Outcome{Next: &g, Standing: OK, DueAt: g.DueAt}); err != nil {
		return err
	}
	t.r.Logger.Info("tokens refreshed", "connection", t.Connection, "platform", t.shop.Platform)
	return nil
}

// grant seals a pair that an app has won, under the key of a life of the connection, and says when it is to be refreshed.
func (s sealer) grant(ctx context.Context, shop Shop, life int64, by hub.AppID, token driver.Token, rotation driver.Rotation,
	now time.Time, jitter func(time.Duration) time.Duration) (Grant, error) {
	sealed, err := s.pair(ctx, shop.Tenant, shop.ID, life, pairOf(by, token))
	if err != nil {
		return Grant{}, err
	}
	return Grant{
		Sealed: sealed, Life: life, AccessUntil: token.AccessUntil, RefreshUntil: token.RefreshUntil, GrantUntil: token.GrantUntil,
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
	switch {
	case t.lost():
		code = CodeLost
	case t.over(t.GrantUntil):
		code = CodeGrantEnded
	case t.over(t.RefreshUntil):
		code = CodeExpired
	}
	return t.needed(ctx, code, settled)
}

// needed marks the connection as one that only its owner can mend.
func (t *turn) needed(ctx context.Context, code hub.Code, settled []int64) error {
	t.r.Logger.Warn("the owner of a shop must authorise again", "connection", t.Connection, "platform", t.shop.Platform, "code", code)
	return t.end(ctx, Outcome{Standing: ReconnectNeeded, Code: code, Attempts: t.Attempts + 1, Settled: settled}, reconnect(code))
}

// hopeless deals with a pair that nothing can renew: it is good as long as the platform takes it. That is for the platform to
// say, since our clock may be wrong, and whoever had a token refused may have been told so by a proxy.
func (t *turn) hopeless(ctx context.Context) error {
	until := t.pair.AccessUntil
	err := t.works(ctx)
	switch {
	case err == nil:
		return t.still(ctx, until)
	case hub.CodeOf(err) != driver.CodeTokenRefused && !reconnecting(err):
		return t.fail(ctx, err)
	case t.over(t.GrantUntil):
		return t.needed(ctx, CodeGrantEnded, t.settled)
	case t.over(until):
		return t.needed(ctx, CodeExpired, t.settled)
	}
	return t.needed(ctx, CodeRefused, t.settled)
}

// still leaves a pair that works as it is until its end, zero for none: whoever had it refused was told so by a proxy, and
// nothing is wrong. Past its end by our clock it is over soon, whatever the clock is worth: that is looked at again and again.
func (t *turn) still(ctx context.Context, until time.Time) error {
	o := t.same()
	o.Attempts, o.Code, o.DueAt, o.Settled = 0, "", until, t.settled
	code := CodeUnknown
	if t.over(until) {
		code = CodeExpired
		o.Attempts, o.Code, o.DueAt = t.Attempts+1, code, t.r.Clock().Add(lateRetry)
	}
	return t.end(ctx, o, &hub.Error{Kind: hub.KindUnavailable, Code: code, Op: opRefresh, RetryAfter: lateRetry})
}

// works asks the platform whether it takes the access token. Any answer but a refusal of the token says that it does.
func (t *turn) works(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	_, err := t.platform.Inspect(ctx, t.r.Calls.Bearer(t.app, t.shop, t.pair.Access), t.app.App, t.shop.Account)
	if hub.CodeOf(err) != driver.CodeTokenRefused && refused(err) {
		return nil
	}
	return err
}
