package connect

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"hub"
	"hub/adapters/driver"
)

const (
	lookEvery = time.Second
	lookMost  = 64 // connections that are due, of one look
	atOnce    = 8  // refreshes
)

// Run refreshes what is due until ctx ends. What a refresh leaves behind then, the next hub takes in. One that takes long holds
// up nobody but the few whose slot it has.
func (r *Refresher) Run(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	slots := make(chan struct{}, atOnce)
	away := false
	for Pause(ctx, lookEvery/2+r.Jitter(lookEvery)) {
		err := r.begin(ctx, slots, &group)
		if (err != nil) != away && ctx.Err() == nil {
			away = err != nil
			r.Logger.Warn("looking for tokens to refresh", "failing", away, "error", err)
		}
	}
	return nil
}

// Look refreshes what is due now and returns when that is done.
func (r *Refresher) Look(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	return r.begin(ctx, make(chan struct{}, lookMost), &group)
}

// begin begins to refresh what is due and not under way, as far as there are slots; the rest is due at the next look.
func (r *Refresher) begin(ctx context.Context, slots chan struct{}, group *sync.WaitGroup) error {
	list, err := r.Tokens.Due(ctx, r.Clock(), lookMost)
	if err != nil {
		return err
	}
	for _, d := range list {
		if r.flies(d.Connection) {
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			return nil
		}
		group.Go(func() {
			defer func() { <-slots }()
			err := r.once(ctx, d, false)
			if err != nil && hub.CodeOf(err) != CodeBusy && hub.CodeOf(err) != driver.CodeReconnect && ctx.Err() == nil {
				r.Logger.Warn("refreshing tokens", "connection", d.Connection, "error", err)
			}
		})
	}
	return nil
}

// flies reports whether this hub is refreshing a connection's tokens.
func (r *Refresher) flies(id hub.ConnectionID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.flying[id] != nil
}

// bodyOf reads what a request would send.
func bodyOf(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswerBody))
	if err != nil {
		return nil, hub.Errorf(hub.KindInternal, "preparing a refresh", "the request has no body")
	}
	return body, nil
}
