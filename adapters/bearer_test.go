package adapters

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"hub"
	"hub/adapters/driver"
)

// A token that a platform takes is reported with each answer, and only one that Tokens gave out.
func TestWorked(t *testing.T) {
	public := get
	public.Public = true
	elsewhere := get
	elsewhere.URL = "https://downloads.example.com/x"
	for name, c := range map[string]struct {
		call  driver.Call
		lines []reply
		want  []string
	}{
		"taken":     {get, []reply{{status: 200}}, []string{"t1"}},
		"renewed":   {get, []reply{{status: 401}, {status: 200}}, []string{"t2"}},
		"refused":   {get, []reply{{status: 403}}, nil},
		"no answer": {get, []reply{{err: errBroken}}, nil},
		"public":    {public, []reply{{status: 200}}, nil},
		"a file":    {elsewhere, []reply{{status: 200}}, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			var worked []string
			f := front(&script{lines: c.lines}, func(_ *platform, o *Options) {
				o.Worked = func(_ context.Context, s Shop, token string) {
					if s != shop {
						t.Errorf("%s: told of %+v", name, s)
					}
					worked = append(worked, token)
				}
			})
			if _, err := call(t, f, c.call); (err == nil) != (c.lines[len(c.lines)-1].status == 200) {
				t.Errorf("%s: %v", name, err)
			}
			if !slices.Equal(worked, c.want) {
				t.Errorf("%s: told of %q", name, worked)
			}
		})
	}
}

// A given token goes with the call, is not renewed, and nobody is told that it works.
func TestBearer(t *testing.T) {
	s := &script{lines: []reply{{status: 200}, {status: 401}}}
	k := &tokens{}
	f := front(s, func(_ *platform, o *Options) {
		o.Tokens = k
		o.Worked = func(context.Context, Shop, string) { t.Error("a given token was reported") }
	})
	c := f.Bearer(shop, "won", Fresh)
	if _, err := c.Call(t.Context(), get); err != nil || s.seen[0].Header.Get("X-Token") != "won" {
		t.Errorf("%v, with %q", err, s.seen[0].Header.Get("X-Token"))
	}
	if _, err := c.Call(t.Context(), get); hub.CodeOf(err) != driver.CodeTokenRefused || len(k.asked) != 0 || s.count() != 2 {
		t.Errorf("%v, renewed %q, %d calls", err, k.asked, s.count())
	}
}

// Sums count breakers that are not closed and find the budget that is lowest.
func TestSums(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{lines: []reply{{status: 200}, {status: 502}}}
		f := front(s, nil)
		dear := get
		dear.Cost = 50
		if _, err := call(t, f, dear); err != nil {
			t.Fatal(err)
		}
		if got := f.Sums(); len(got) != 1 || got[0].Open != 0 || got[0].Class != driver.ClassOrders || got[0].Least != 0.5 {
			t.Errorf("after a call that took half: %+v", got)
		}
		other := Shop{Tenant: "ten_1", Connection: "con_2", Account: "78"}
		for range 2 {
			if _, err := f.Caller(other, Fresh).Call(t.Context(), get); err == nil {
				t.Fatal("it works")
			}
		}
		if got := f.Sums(); len(got) != 1 || got[0].Open != 1 {
			t.Errorf("with a breaker that is open: %+v", got)
		}
		f.Forget(other)
		if got := f.Sums(); len(got) != 1 || got[0].Open != 0 {
			t.Errorf("after the shop was forgotten: %+v", got)
		}
	})
}
