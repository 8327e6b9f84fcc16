package erp

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"hub"
)

// crowded starts readers that wait until the test ends and returns what makes them give up.
func crowded(t *testing.T, f *Feed, tenants, each int) (leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all []<-chan answer
	for i := range tenants * each {
		all = append(all, ask(ctx, f, hub.TenantID(fmt.Sprint("t", i/each)), 0, MaxWait))
	}
	synctest.Wait()
	return func() {
		cancel()
		for _, c := range all {
			<-c
		}
	}
}

func refusedAtOnce(t *testing.T, f *Feed, tenant hub.TenantID) {
	t.Helper()
	got := <-ask(t.Context(), f, tenant, 0, MaxWait)
	if hub.KindOf(got.err) != hub.KindThrottled || hub.CodeOf(got.err) != CodeTooManyWaiting || hub.RetryAfterOf(got.err) == 0 || got.took != 0 {
		t.Errorf("one more of %s: %+v", tenant, got)
	}
}

// One tenant's readers cannot take the places of another's, and those who find something need none.
func TestOneTenantWaitsWithinItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newShelf(), NewBell()
		f := NewFeed(s, b)
		leave := crowded(t, f, 1, MaxTenantWaiting)
		refusedAtOnce(t, f, "t0")
		if got := <-ask(t.Context(), f, "t0", 0, 0); got.err != nil {
			t.Errorf("without waiting: %v", got.err)
		}
		if got := <-ask(t.Context(), f, "other", 0, 5*time.Second); got.err != nil || got.took != 5*time.Second {
			t.Errorf("another tenant: %+v", got)
		}
		s.add("t0", 1) // without a ring: those who wait still do
		if got := <-ask(t.Context(), f, "t0", 0, MaxWait); got.err != nil || len(got.page.Changes) != 1 {
			t.Errorf("with something to read: %+v", got)
		}
		leave()
		if got := <-ask(t.Context(), f, "t0", 1, time.Second); got.err != nil {
			t.Errorf("after they left: %v", got.err)
		}
		if len(f.waiting.of) != 0 || f.waiting.all != 0 {
			t.Errorf("%d are still counted, %v", f.waiting.all, f.waiting.of)
		}
	})
}

func TestAllWaitWithinTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFeed(newShelf(), NewBell())
		leave := crowded(t, f, MaxWaiting/MaxTenantWaiting, MaxTenantWaiting)
		refusedAtOnce(t, f, "other")
		leave()
		if got := <-ask(t.Context(), f, "other", 0, time.Second); got.err != nil {
			t.Errorf("after they left: %v", got.err)
		}
		t.Logf("%d readers waited", MaxWaiting)
	})
}

// A reader takes one place however often it looks.
func TestLookingAgainTakesNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFeed(newShelf(), NewBell())
		leave := crowded(t, f, 1, 1)
		<-time.After(30 * time.Second)
		if f.waiting.all != 1 {
			t.Errorf("%d places are taken", f.waiting.all)
		}
		leave()
	})
}
