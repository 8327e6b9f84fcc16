package demo

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// recorder is a platform that notes what is done to it.
type recorder struct {
	platform
	t        *testing.T
	dropping bool
	hidden   map[string]bool
	version  map[string]time.Time
	deleted  int
}

func (r *recorder) hush(next int) error { r.dropping = next > 0; return nil }

func (r *recorder) act(s step, order string) (string, error) {
	id, err := r.platform.act(s, order)
	if err != nil {
		return id, err
	}
	if s == deletion {
		r.deleted++
		if r.dropping || r.hidden[id] {
			r.t.Error("a deletion in silence")
		}
	}
	at := r.Now().Truncate(time.Second)
	if !at.After(r.version[id]) {
		r.t.Errorf("two versions of %s in one second", id)
	}
	r.hidden[id], r.version[id] = r.dropping, at
	return id, nil
}

// On every platform orders live before the shop is connected and after it; no deletion is kept back or stands behind a step
// that was, orders from before are not deleted there, and no two steps of an order share a second, in a hurry or not.
func TestLives(t *testing.T) {
	for _, one := range cast() {
		for _, open := range one.shops {
			var orders, steps, silent, mute, deleted, before int
			title := ""
			for seed := range uint64(8) {
				synctest.Test(t, func(t *testing.T) {
					w := newWatch()
					about, made, err := open(Options{Seed: seed}, w)
					if err != nil {
						t.Fatal(err)
					}
					r := &recorder{platform: made, t: t, hidden: map[string]bool{}, version: map[string]time.Time{}}
					l := &lives{trade: r, watch: w, seed: seed, all: 300}
					m := &market{profile: about, platform: r, lives: l}
					if err := m.history(context.Background(), 60, w.time); err != nil {
						t.Fatal(err)
					}
					if off := made.Now().Sub(w.time()).Abs(); off > time.Millisecond || r.deleted > 0 || len(l.old) != 60 {
						t.Errorf("%d from before, %d deleted, and the clock is %s off", len(l.old), r.deleted, off)
					}
					w.begin()
					if err := l.run(t.Context()); err != nil {
						t.Fatal(err)
					}
					lasts := 0
					for _, last := range r.hidden {
						if last {
							lasts++
						}
					}
					if int(l.mute.Load()) != lasts || l.ended.Load() != 300 || len(r.orders()) != 300 {
						t.Errorf("%d end in silence, counted %d; %d ended", lasts, l.mute.Load(), l.ended.Load())
					}
					title, orders, steps = about.title, orders+len(r.version), steps+int(l.steps.Load())
					silent, mute, deleted, before = silent+int(l.silent.Load()), mute+lasts, deleted+r.deleted, before+len(l.old)
				})
			}
			t.Logf("%s, 8 seeds: %d orders, %d of them from before, %d steps, %d not told, %d of them the last, %d deletions", title, orders, before, steps, silent, mute, deleted)
			if silent == 0 || mute == 0 {
				t.Error("the seeds show nothing")
			}
		}
	}
}

// The platforms' time goes like ours until the hurry, gets four minutes ahead of it in half one, and goes like ours again.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch()
		ahead := func() time.Duration { return w.time().Sub(w.clock()).Round(time.Millisecond) }
		check := func(after, want time.Duration) {
			<-time.After(after)
			if got := ahead(); got != want {
				t.Errorf("%s later it is %s ahead, not %s", after, got, want)
			}
		}
		check(time.Minute, 0)
		w.begin()
		check(time.Second, 9*time.Second)
		check(hurry, 4*time.Minute)
		check(time.Hour, 4*time.Minute)
		w.begin()
		check(time.Second, 9*time.Second)
		w.end()
		check(time.Hour, 9*time.Second)
	})
}
