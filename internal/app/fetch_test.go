package app

import (
	"errors"
	"testing"
	"time"

	"hub"
	"hub/adapters/driver"
)

// Work that needs a merchant's permission waits for it, and work that goes on with its shop is never given up.
func TestPatience(t *testing.T) {
	dead := &hub.Error{Kind: hub.KindPermanent, Code: driver.CodeReconnect}
	frozen := &hub.Error{Kind: hub.KindForbidden, Code: "shop_frozen"}
	throttled := &hub.Error{Kind: hub.KindThrottled, RetryAfter: time.Minute}
	for name, c := range map[string]struct {
		got   error
		kind  hub.Kind
		code  hub.Code
		after time.Duration
	}{
		"no permission":         {patient(dead), hub.KindUnavailable, driver.CodeReconnect, unauthorised},
		"frozen, once":          {patient(frozen), hub.KindForbidden, "shop_frozen", 0},
		"standing, permission":  {enduring(dead), hub.KindUnavailable, driver.CodeReconnect, unauthorised},
		"standing, frozen":      {enduring(frozen), hub.KindUnavailable, "shop_frozen", 0},
		"standing, throttled":   {enduring(throttled), hub.KindThrottled, "", time.Minute},
		"standing, a bug":       {enduring(errors.New("x")), hub.KindUnavailable, "", 0},
		"standing, not found":   {enduring(&hub.Error{Kind: hub.KindNotFound, Code: "gone"}), hub.KindUnavailable, "gone", 0},
		"standing, left behind": {enduring(&hub.Error{Kind: hub.KindUnavailable, Code: "busy"}), hub.KindUnavailable, "busy", 0},
	} {
		if c.got == nil || hub.KindOf(c.got) != c.kind || hub.CodeOf(c.got) != c.code || hub.RetryAfterOf(c.got) != c.after {
			t.Errorf("%s: %v (%v, %v)", name, c.got, hub.KindOf(c.got), hub.RetryAfterOf(c.got))
		}
	}
	if patient(nil) != nil || enduring(nil) != nil {
		t.Error("work that was done is not done")
	}
}
