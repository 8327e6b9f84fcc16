package hubtest_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"hub/internal/app"
	"hub/internal/hubtest"
	"hub/internal/hubtest/mariadb"
	"hub/internal/hubtest/natsserver"
)

// leaseOfWork is after how long another hub goes on with what a hub was doing that does not answer any more.
const leaseOfWork = 30 * time.Second

// TestDrillTwoHubsStorefronts has two hubs poll and refresh the same shops, of which no news is ever delivered, while one or
// the other is paused or killed. No refresh token may be spent twice, no order be taken twice as two revisions, and no shop
// be polled by both at a time.
func TestDrillTwoHubsStorefronts(t *testing.T) {
	t.Parallel()
	const seed, every = 93, time.Second
	size := hubtest.OnMariaDB(t, mariadb.Shared(t)).With("bus", natsserver.Start(t).URL()).With("keys", "file:"+filepath.Join(t.TempDir(), "keys"))
	size.Habits = hubtest.Habits{Keepers: true, PollEvery: every}
	d := &unrest{
		size: size, polls: newPolls(every), random: rand.New(rand.NewPCG(seed, 9)), hubs: []*member{{data: t.TempDir()}, {data: t.TempDir()}},
	}
	stalls := []*stall{
		openStall(t, onShopify(seed, app.SystemClock), 2, d.polls), openStall(t, onShopee(seed, app.SystemClock), 2, d.polls),
		openStall(t, onMercadoLibre(seed, app.SystemClock), 2, d.polls),
	}
	for _, s := range stalls {
		s.toll.life = 30 * time.Second // so that both hubs find tokens due at the same time, again and again
		if err := s.drop(1000); err != nil {
			t.Fatal(err)
		}
	}
	d.start(t, 0)
	d.start(t, 1)
	d.bazaar = joinBazaar(t, d.hubs[0].Operator(), stalls...)
	for _, s := range d.everybody() {
		s.sell(t)
	}
	d.arrived(t)
	d.polls.begin()

	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	load.Go(func() { d.trade(ctx, t, rand.New(rand.NewPCG(seed, 10))) })
	for n := range rounds(4, 40) {
		d.strike(t, n)
	}
	stop()
	load.Wait()
	d.arrived(t)
	d.verdict(t)
	for _, h := range d.hubs {
		h.Terminate(t)
		until(t, "no keeper is left", func() bool { return hubtest.Keepers(h.data) == 0 })
	}
}

// unrest is two hubs on the same databases, of which one or the other does not get on.
type unrest struct {
	*bazaar
	size                hubtest.Size
	polls               *polls
	random              *rand.Rand
	hubs                []*member
	kills, pauses, took int // took: pauses after which the other hub had gone on with the work
}

// start starts one of the hubs.
func (d *unrest) start(t *testing.T, i int) {
	t.Helper()
	h := d.hubs[i]
	h.Process = hubtest.Spawn(t, d.size, h.data, filepath.Join(h.data, "probe"))
	d.polls.lives(h.PID(), memberNames[i]) // it polls before it says that it serves
	if err := h.Await(); err != nil {
		t.Fatal(err)
	}
}

// strike pauses one of the hubs in every second round, beyond the lease of its work in every fourth, and kills one in most.
func (d *unrest) strike(t *testing.T, n int) {
	t.Helper()
	pause(d.random, 2*time.Second, 4*time.Second)
	i := d.random.IntN(2)
	if n%2 == 1 {
		d.pauses++
		d.polls.shake(d.hubs[i].PID())
		d.hubs[i].Pause(t)
		if n%4 == 3 {
			d.took++
			pause(d.random, leaseOfWork, leaseOfWork+4*time.Second)
		} else {
			pause(d.random, time.Second, 5*time.Second)
		}
		d.hubs[i].Resume(t)
		pause(d.random, 0, 2*time.Second)
	}
	if n%4 != 1 {
		d.kills++
		d.hubs[i].Kill(t)
		d.start(t, i)
	}
	d.at(d.hubs[i].URL)
}

var memberNames = []string{"one", "other"}

// trade has people buy and pay, and platforms end access tokens before their time, until ctx ends.
func (z *bazaar) trade(ctx context.Context, t *testing.T, random *rand.Rand) {
	all, open := z.everybody(), map[seller][]string{}
	for n := 0; ctx.Err() == nil; n++ {
		s := all[random.IntN(len(all))]
		switch list := open[s]; {
		case n%25 == 24:
			if err := s.toll.expire(s.account); err != nil {
				t.Error(err)
			}
		case len(list) > 0 && random.IntN(3) == 0:
			if err := s.change(s.account, list[0]); err != nil {
				t.Error(err)
			}
			open[s] = list[1:]
		default:
			open[s] = append(list, s.sell(t))
		}
		pause(random, 200*time.Millisecond, 600*time.Millisecond) // what Mercado Libre lets an app ask for bounds it
	}
}

// arrived waits until the feed holds every order as it stands at its platform.
func (z *bazaar) arrived(t *testing.T) {
	t.Helper()
	type place struct{ connection, order string }
	missing := map[place]time.Time{}
	for _, s := range z.everybody() {
		for _, o := range s.orders(s.account) {
			missing[place{s.connection, o.id}] = o.updated.Truncate(time.Second)
		}
	}
	all, after := len(missing), int64(0)
	for until := time.Now().Add(2 * time.Minute); len(missing) > 0 && time.Now().Before(until); {
		page, err := rawFeed(t.Context(), z.erp, after, time.Second)
		if err != nil {
			t.Fatal("reading the feed: ", err)
		}
		for _, c := range page {
			after = c.Sequence
			at := place{c.Order.ConnectionID, c.Order.ExternalID}
			if want, ok := missing[at]; ok && !c.Order.SourceUpdatedAt.Before(want) {
				delete(missing, at)
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("%d of %d orders never came in their last version", len(missing), all)
	}
}

// verdict judges the whole feed and what the platforms counted.
func (d *unrest) verdict(t *testing.T) {
	t.Helper()
	content := map[string][32]byte{}
	revisions := map[string]int64{}
	twice, disorder, feed := 0, 0, wholeFeed(t, d.erp)
	for _, c := range feed {
		if before, known := content[c.Order.ID]; known && before == c.Order.Content {
			twice++
		}
		if c.Order.Revision != revisions[c.Order.ID]+1 {
			disorder++
		}
		content[c.Order.ID], revisions[c.Order.ID] = c.Order.Content, c.Order.Revision
	}
	refused, pairs := 0, 0
	for _, s := range d.stalls {
		refused += s.toll.denied
		for _, b := range s.booths {
			n, _ := s.toll.made(b.account)
			pairs += n
		}
	}
	w := d.polls
	w.mu.Lock()
	defer w.mu.Unlock()
	t.Logf("%d kills, %d pauses, %d of them beyond the lease: %d orders, %d revisions, taken twice %d, out of step %d; %d pairs of tokens, refresh tokens presented "+
		"twice %d; list calls %v, shops polled by both at a time %d, and %d times by the next after a pause or a kill",
		d.kills, d.pauses, d.took, len(revisions), len(feed), twice, disorder, pairs, refused, w.count, w.doubly, w.taken)
	if twice+disorder+refused+w.doubly > 0 {
		t.Error("something was done twice")
	}
	if w.count["one"] == 0 || w.count["other"] == 0 || pairs == 0 {
		t.Error("one of the hubs did nothing: the drill proves nothing")
	}
}
