package adapters

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"hub"
	"hub/adapters/driver"
)

// heard is an observer that keeps what it is told under the right context.
type heard struct{ tries []string }

type mark struct{}

func (h *heard) Tried(ctx context.Context, t Try) {
	if ctx.Value(mark{}) != nil {
		h.tries = append(h.tries, fmt.Sprint(t.Name, " ", t.Attempt, " ", t.Status, " ", t.Outcome))
	}
}

func (*heard) Breaker(hub.Platform, driver.Class, string) {}

// TestTriesAreTold: each with its number, its status where there is one, and the context of its call.
func TestTriesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heard{}
		f := front(&script{lines: []reply{{status: 502}, {err: errBroken}, {status: 429}, {status: 401}, {status: 200}}}, func(_ *platform, o *Options) { o.Observer = h })
		if _, err := f.Caller(shop, Fresh).Call(context.WithValue(t.Context(), mark{}, true), get); err != nil {
			t.Fatal(err)
		}
		if want := []string{"get 1 502 unavailable", "get 2 0 unavailable", "get 3 429 throttled", "get 4 401 unauthentic", "get 5 200 ok"}; !slices.Equal(h.tries, want) {
			t.Errorf("%q, want %q", h.tries, want)
		}
	})
}
