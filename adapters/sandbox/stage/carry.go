package stage

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Wait passes the time of a slow answer on a real timer. It returns early when ctx ends.
func Wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Transport carries deliveries over connections that dial opens; nil is a net.Dialer.
func Transport(dial func(context.Context, string, string) (net.Conn, error)) http.RoundTripper {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute, DisableCompression: true, DialContext: dial}
}
