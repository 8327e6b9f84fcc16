package connect

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"hub"
	"hub/adapters/driver"
)

// Refresher gets the next pair of tokens for connections, one hub at a time. It is safe for concurrent use.
type Refresher struct {
	Platforms map[hub.Platform]Platform
	Directory Directory
	Calls     Calls // to ask whether a token that nothing can renew still works
	Vault     Vault
	Tokens    Tokens
	Errands   Errands
	// Direct makes calls whose lost answer the platform gives again. Keeper makes the others.
	Direct, Keeper Sender
	Holder         string // the hub; a lease of a former life of it is taken over at once
	Clock          hub.Clock
	// Jitter draws evenly from 0 to d.
	Jitter func(d time.Duration) time.Duration
	Logger *slog.Logger

	mu     sync.Mutex
	flying map[hub.ConnectionID]*flight
}

const (
	// callWithin is how long a platform has for an answer to a refresh. It is generous: there is no second one.
	callWithin = 30 * time.Second
	// leaseFor covers a call and all that is around it.
	leaseFor = 75 * time.Second
	// patience is how long after it was begun the answer of an errand may still come from a keeper that is not paused. One that
	// comes later is still taken, as long as nothing else has come.
	patience = callWithin + 15*time.Second
	// lateRetry bounds the pauses between failures.
	lateRetry = 15 * time.Minute
)

// flight is a refresh of this hub that is under way: others wait for it.
type flight struct {
	done chan struct{}
	err  error
}

// Renew gets a pair that is newer than the given generation, if it is not there yet. KindConflict with CodeBusy: another hub
// is at it. KindPermanent with driver.CodeReconnect: only the owner can mend it. Other errors leave the connection due for
// another try, not before RetryAfter.
func (r *Refresher) Renew(ctx context.Context, id hub.ConnectionID, generation int64) error {
	return r.once(ctx, Due{id, generation}, true)
}

// once has one refresh of a connection at a time; who comes meanwhile shares its outcome.
func (r *Refresher) once(ctx context.Context, d Due, forced bool) error {
	id := d.Connection
	r.mu.Lock()
	if f := r.flying[id]; f != nil {
		r.mu.Unlock()
		select {
		case <-f.done:
			return f.err
		case <-ctx.Done():
			return hub.Errorf(hub.KindUnavailable, "waiting for a refresh", "%w", ctx.Err())
		}
	}
	if r.flying == nil {
		r.flying = map[hub.ConnectionID]*flight{}
	}
	f := &flight{done: make(chan struct{})}
	r.flying[id] = f
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.flying, id)
		r.mu.Unlock()
		close(f.done)
	}()
	f.err = r.refresh(ctx, d, forced)
	return f.err
}

// turn is one lease on one connection.
type turn struct {
	r *Refresher
	Leased
	settled  []int64 // errands that are over
	shop     Shop
	app      App
	platform Platform
	pair     Pair
	former   bool // pair is the one before: the platform does not take the present one
}

const opRefresh = "refreshing tokens"

func (r *Refresher) refresh(ctx context.Context, d Due, forced bool) (err error) {
	defer hub.Wrap(&err, opRefresh, string(d.Connection))
	l, err := r.Tokens.Lease(ctx, d.Connection, r.Holder, leaseFor)
	if err != nil {
		return err
	}
	t := &turn{r: r, Leased: l}
	now := r.Clock()
	if l.Generation > d.Generation || !forced && !l.due(now) { // somebody was faster
		return t.end(ctx, t.same(), nil)
	}
	if wait := l.DueAt.Sub(now); forced && l.Attempts > 0 && wait > 0 {
		return t.end(ctx, t.same(), &hub.Error{Kind: hub.KindUnavailable, Code: l.Code, Op: opRefresh, RetryAfter: wait})
	}
	if l.Standing == Disconnected || len(l.Sealed) == 0 {
		return t.end(ctx, Outcome{Standing: Disconnected, Code: l.Code}, reconnect(l.Code))
	}
	if err := t.gather(ctx); err != nil {
		return t.fail(ctx, err)
	}
	if done, err := t.takeIn(ctx); done {
		return err
	}
	return t.ask(ctx)
}

// gather finds everything that a refresh needs.
func (t *turn) gather(ctx context.Context) (err error) {
	var ok bool
	if t.shop, ok = t.r.Directory.Shop(t.Connection); ok {
		t.app, ok = t.r.Directory.App(t.shop.App)
	}
	t.platform = t.r.Platforms[t.shop.Platform]
	if !ok || t.platform == nil || len(t.app.Secrets) == 0 {
		return &hub.Error{Kind: hub.KindUnavailable, Code: CodeAppUnusable, Op: opRefresh, Subject: string(t.Connection), RetryAfter: time.Minute}
	}
	if t.pair, err = (sealer{t.r.Vault}).open(ctx, t.Tenant, t.Connection, t.Sealed); err != nil {
		return err
	}
	return t.pair.by(t.app.ID, opRefresh, t.Connection)
}

// takeIn reads what errands of before brought. done: there is nothing more to do in this lease.
func (t *turn) takeIn(ctx context.Context) (done bool, err error) {
	var settled []int64
	var refusal error
	for _, e := range t.Errands {
		if e.Answer == nil {
			continue
		}
		token, unopened, err := t.read(ctx, e)
		if err == nil {
			return true, t.adopt(ctx, token)
		}
		if unopened {
			return true, t.fail(ctx, err)
		}
		settled = append(settled, e.Epoch)
		if reconnecting(err) {
			refusal = err
		}
	}
	waiting := t.waiting()
	switch {
	case waiting > 0: // a keeper may be at it: its answer makes the connection due at once
		o := t.same()
		o.DueAt, o.Settled = t.r.Clock().Add(waiting), settled
		return true, t.end(ctx, o, &hub.Error{Kind: hub.KindConflict, Code: CodeBusy, Op: opRefresh, Subject: string(t.Connection), RetryAfter: waiting})
	case refusal != nil:
		return true, t.refused(ctx, settled)
	case t.Standing == ReconnectNeeded:
		o := t.same()
		o.DueAt, o.Settled = time.Time{}, settled // the answer made it due, and told nothing
		return true, t.end(ctx, o, reconnect(t.Code))
	}
	t.settled = settled
	return false, nil
}

// waiting is how long the answer of an errand may still be on its way: zero when none is. One that nobody has begun never
// will be, since the lease is another now; and where a lost answer is given again, nobody needs to wait for one.
func (t *turn) waiting() (longest time.Duration) {
	if t.platform.Rotation().Repeats {
		return 0
	}
	for _, e := range t.Errands {
		if e.Answer == nil && e.Begun {
			longest = max(longest, patience-e.Since)
		}
	}
	return longest
}

// lost reports whether an errand was begun whose answer has never come.
func (t *turn) lost() bool {
	for _, e := range t.Errands {
		if e.Answer == nil && e.Begun {
			return true
		}
	}
	return t.Code == CodeUnknown
}

// ask sends a refresh and takes its answer in. Ends that are past by our clock are no reason not to ask: the clock may be wrong,
// and the platform knows.
func (t *turn) ask(ctx context.Context) error {
	if t.pair.Refresh == "" {
		return t.hopeless(ctx)
	}
	e, err := t.intend(ctx, t.pair)
	if err != nil {
		return t.fail(ctx, err)
	}
	sender := t.r.Keeper
	if t.platform.Rotation().Repeats {
		sender = t.r.Direct
	}
	waited, cancel := context.WithTimeout(ctx, patience)
	err = sender.Send(waited, e)
	cancel()
	if err != nil && ctx.Err() == nil {
		t.r.Logger.Warn("sending a refresh", "connection", t.Connection, "error", err)
	}
	again, err := t.r.Tokens.Lease(ctx, t.Connection, t.r.Holder, leaseFor)
	if err != nil {
		return err
	}
	if again.Generation != t.Generation {
		t.Leased = again
		return t.end(ctx, t.same(), nil)
	}
	t.Leased = again
	return t.conclude(ctx, e.Epoch)
}

// conclude decides what the answer to this turn's own errand means.
func (t *turn) conclude(ctx context.Context, epoch int64) error {
	for _, e := range t.Errands {
		if e.Epoch != epoch || e.Answer == nil {
			continue
		}
		token, unopened, err := t.read(ctx, e)
		if err == nil {
			return t.adopt(ctx, token)
		}
		if unopened {
			return t.fail(ctx, err)
		}
		t.settled = append(t.settled, epoch)
		if reconnecting(err) {
			return t.refused(ctx, t.settled)
		}
		return t.fail(ctx, err)
	}
	return t.fail(ctx, &hub.Error{Kind: hub.KindUnknown, Code: CodeUnknown, Op: opRefresh, Subject: string(t.Connection)})
}

// intend writes down what is going to be sent.
func (t *turn) intend(ctx context.Context, p Pair) (e Errand, err error) {
	request, err := draft(ctx, t.platform, t.app, p.token(), t.r.Clock())
	if err != nil {
		return e, err
	}
	e = Errand{
		Connection: t.Connection, Epoch: t.Epoch, Key: make([]byte, keySize), Method: request.Method, URL: request.URL.String(),
		Header: request.Header, Timeout: callWithin, At: t.r.Clock(), Environment: t.app.Environment, Base: t.app.Base,
	}
	rand.Read(e.Key)
	if e.Body, err = bodyOf(request); err != nil {
		return e, err
	}
	key, err := sealer{t.r.Vault}.key(ctx, t.Tenant, t.Connection, t.Life, e.Key)
	if err != nil {
		return e, err
	}
	return e, t.r.Errands.Intend(ctx, Intent{Connection: t.Connection, Epoch: t.Epoch, Generation: t.Generation, Key: key})
}

// read opens an answer and has the driver read it. unopened: the answer could not be opened now, and may hold a pair.
func (t *turn) read(ctx context.Context, e Intent) (token driver.Token, unopened bool, err error) {
	key, err := sealer{t.r.Vault}.openKey(ctx, t.Tenant, t.Connection, e.Key)
	if err != nil {
		return token, hub.KindOf(err) == hub.KindUnavailable, err
	}
	a, err := openAnswer(key, e.Answer, t.Connection)
	if err != nil {
		return token, false, err
	}
	token, err = t.platform.Refresh(ctx, &player{platform: t.platform, answer: a}, t.app.App, t.pair.token(), t.r.Clock())
	if err == nil && (token.Access == "" || token.Account != t.pair.Account) {
		err = &hub.Error{Kind: hub.KindUnavailable, Code: driver.CodeUnreadable, Op: opRefresh}
	}
	if err != nil && !a.Unsent && hub.KindOf(err) == hub.KindUnavailable { // it may have spent the token, whatever it says
		err = &hub.Error{Kind: hub.KindUnknown, Code: CodeUnknown, Op: opRefresh, RetryAfter: hub.RetryAfterOf(err)}
	}
	return token, false, err
}

func (t *turn) over(at time.Time) bool { return !at.IsZero() && !at.After(t.r.Clock()) }
