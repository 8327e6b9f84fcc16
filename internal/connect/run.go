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

// Run refreshes what is due until ctx ends. What a refresh leaves behind then, the next hub takes in.
func (r *Refresher) Run(ctx context.Context) error {
	away := false
	for Pause(ctx, lookEvery/2+r.Jitter(lookEvery)) {
		err := r.Look(ctx)
		if (err != nil) != away && ctx.Err() == nil {
			away = err != nil
			r.Logger.Warn("looking for tokens to refresh", "failing", away, "error", err)
		}
	}
	return nil
}

// Look refreshes what is due now and returns when that is done.
func (r *Refresher) Look(ctx context.Context) error {
	list, err := r.Tokens.Due(ctx, r.Clock(), lookMost)
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, d := range list {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			err := r.once(ctx, d, false)
			if err != nil && hub.CodeOf(err) != CodeBusy && hub.CodeOf(err) != driver.CodeReconnect && ctx.Err() == nil {
				r.Logger.Warn("refreshing tokens", "connection", d.Connection, "error", err)
			}
		})
	}
	group.Wait()
	return nil
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
