package hubtest_test

import (
	"database/sql"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"hub"
	"hub/internal/app"
	"hub/internal/hubtest"
)

// TestDrillTokens kills a hub again and again while it refreshes the tokens of many shops, on platforms that take a refresh
// token once and give their answer once. The keepers of the calls live on. No connection may be lost by it, and no merchant
// is asked.
func TestDrillTokens(t *testing.T) {
	t.Parallel()
	const seed = 91
	d := openTokenDrill(t, seed, 6)
	least, kills := rounds(12, 1000), 0
	for killed := 0; killed < least || kills < 4; kills++ {
		stages := d.strike(t, kills%3)
		late := d.random.IntN(2) == 0 // the keepers get their answers before the next hub is there, or after
		if !late {
			d.release()
		}
		d.start(t)
		if late {
			pause(d.random, 0, 300*time.Millisecond)
			d.release()
		}
		killed += d.recovered(t, stages)
	}
	if refused := d.verdict(t, kills); refused > 0 {
		t.Errorf("%d refresh tokens were presented after the platform had taken them", refused)
	}
}

// TestDrillTokensContainer is the same when the keepers die with the hub, as with the end of a container. What the platform
// had not seen is asked for again. What it had done is lost with its only answer: the hub must say so, and keep nothing back.
func TestDrillTokensContainer(t *testing.T) {
	t.Parallel()
	const seed = 92
	d := openTokenDrill(t, seed, 4)
	d.whole = true
	said, kills := 0, 0
	for ; kills < rounds(2, 25) || kills < 20 && (said == 0 || d.kills[untouched] == 0); kills++ {
		stages := d.strike(t, 0)
		d.release()
		d.ahead.Add(int64(time.Minute)) // after which nobody waits for a keeper any more
		d.start(t)
		said += d.named(t, stages)
	}
	if said == 0 || d.kills[untouched] == 0 {
		t.Error("the drill hit nothing: it proves nothing")
	}
	d.verdict(t, kills)
	t.Logf("%d of them lost the only answer, and are named so; each was authorised again", said)
}

// tokenDrill is a hub with shops whose tokens are refreshed all the time.
type tokenDrill struct {
	data   string
	size   hubtest.Size
	hub    *hubtest.Process
	random *rand.Rand
	ahead  *atomic.Int64 // how far the drill's time is before this machine's
	whole  bool          // keepers die with the hub
	*bazaar
	kills map[stage]int // of refreshes
	lost  int
	slow  time.Duration // the longest recovery
}

func openTokenDrill(t *testing.T, seed uint64, shops int) *tokenDrill {
	t.Helper()
	d := &tokenDrill{
		data: t.TempDir(), random: rand.New(rand.NewPCG(seed, 9)), ahead: &atomic.Int64{}, kills: map[stage]int{},
		size: hubtest.Embedded("1").With("listen", freeAddress(t)),
	}
	d.size.Habits = hubtest.Habits{Keepers: true}
	clock := func() time.Time { return app.SystemClock().Add(time.Duration(d.ahead.Load())) }
	stalls := []*stall{openStall(t, onShopee(seed, clock), shops), openStall(t, onMercadoLibre(seed, clock), shops)}
	d.start(t)
	d.bazaar = joinBazaar(t, d.hub.Operator(), stalls...)
	for _, s := range d.everybody() {
		until(t, "the first call of a shop succeeds", func() bool { return s.toll.seen(s.account) })
	}
	return d
}

// start starts the hub on its data.
func (d *tokenDrill) start(t *testing.T) {
	t.Helper()
	size := d.size
	size.Habits.Ahead = time.Duration(d.ahead.Load())
	d.hub = hubtest.Spawn(t, size, d.data, filepath.Join(d.data, "probe"))
	if err := d.hub.Await(); err != nil {
		t.Fatal(err)
	}
}

func (d *tokenDrill) release() {
	for _, s := range d.stalls {
		s.toll.release()
	}
}

func (d *tokenDrill) held() (n int) {
	for _, s := range d.stalls {
		n += s.toll.held()
	}
	return n
}

// look has the hub call for every shop, and returns how that went.
func (d *tokenDrill) look() <-chan error {
	var list []hub.ConnectionID
	for _, s := range d.everybody() {
		list = append(list, hub.ConnectionID(s.connection))
	}
	done, h := make(chan error, 1), d.hub
	go func() { done <- h.Look(list) }()
	return done
}

// strike ends every access token, has the hub call for every shop so that it must refresh, and kills it: when calls are held
// at the platform (0), when they were just let go (1), or whenever it happens to be (2). It returns what was under way.
func (d *tokenDrill) strike(t *testing.T, aim int) map[seller]killed {
	t.Helper()
	where := []stage{untouched, spent, half}
	for _, s := range d.stalls {
		random := rand.New(rand.NewPCG(d.random.Uint64(), 1)) // drawn from under the toll's lock
		s.toll.arm(func() stage { return where[random.IntN(len(where))] })
	}
	before := map[seller]int{}
	for _, s := range d.everybody() {
		before[s], _ = s.toll.made(s.account)
		if err := s.toll.expire(s.account); err != nil {
			t.Fatal(err)
		}
	}
	looked := d.look()
	most := 1 + d.random.IntN(len(before))
	for until := time.Now().Add(10 * time.Second); aim < 2 && d.held() < most && time.Now().Before(until); {
		<-time.After(time.Millisecond)
	}
	if aim == 1 {
		d.release()
	}
	pause(d.random, 0, []time.Duration{20, 60, 600}[aim]*time.Millisecond)
	d.hub.Kill(t)
	for d.whole && hubtest.KillKeepers(d.data) > 0 { // those that were just being begun, too
		<-time.After(100 * time.Millisecond)
	}
	<-looked // the hub's death ends it
	return d.underWay(t, before)
}

// killed is a refresh that was under way when the hub was killed.
type killed struct {
	at    stage
	pairs int // that the platform had made before
}

// underWay finds what the hub was doing, in its control database and at the platforms.
func (d *tokenDrill) underWay(t *testing.T, before map[seller]int) map[seller]killed {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(d.data, "control.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const query = `SELECT t.holder <> '', COALESCE(e.begun_at, -1), e.answer IS NOT NULL FROM connect_tokens t LEFT JOIN connect_errands e
		ON e.connection_id = t.connection_id AND e.generation = t.generation WHERE t.connection_id = ? ORDER BY e.epoch DESC LIMIT 1`
	found := map[seller]killed{}
	for s, pairs := range before {
		var held, told bool
		var began int64
		if err := db.QueryRowContext(t.Context(), query, s.connection).Scan(&held, &began, &told); err != nil {
			t.Fatal(err)
		}
		at := s.toll.where(s.account)
		switch {
		case told:
			at = answered
		case began > 0 && at == "":
			at = begun
		case began == 0:
			at = intended
		case began < 0 && held:
			at = leased
		case began < 0:
			continue // nothing was under way
		}
		found[s] = killed{at, pairs}
		d.kills[at]++
	}
	return found
}

// recovery is how long a connection may take until it works again: a machine with other drills on it is slow.
const recovery = 90 * time.Second

// recovered has the hub call for every shop until it has done so for each with a pair that is newer than the one whose
// refresh was killed. It returns how many there were.
func (d *tokenDrill) recovered(t *testing.T, list map[seller]killed) int {
	t.Helper()
	began := time.Now()
	works := func(s seller) bool {
		pairs, newest := s.toll.made(s.account)
		return newest && pairs > list[s].pairs
	}
	var err error
	for left := maps.Clone(list); ; {
		err = <-d.look()
		maps.DeleteFunc(left, func(s seller, _ killed) bool { return works(s) })
		if len(left) == 0 || time.Since(began) > recovery {
			break
		}
	}
	for s, k := range list {
		if !works(s) {
			state, code, failed := d.standing(t.Context(), s.connection)
			d.lost++
			t.Errorf("%s, killed when it was %s, does not work again: %s %s %v; looking says: %v", s.app.Platform, k.at, state, code, failed, err)
			d.authorise(t, s.stall, s.booth)
		}
	}
	d.slow = max(d.slow, time.Since(began))
	return len(list)
}

// named waits until the hub has said of each refresh what became of it: what the platform had not done works again, and what
// it had done is said to be lost, and authorised again by the merchant. It returns how many were lost.
func (d *tokenDrill) named(t *testing.T, list map[seller]killed) (lost int) {
	t.Helper()
	works := map[seller]killed{}
	looked := d.look()
	for s, k := range list {
		if k.at != spent && k.at != half {
			works[s] = k
			continue
		}
		lost++
		var state, code string
		var err error
		for until := time.Now().Add(recovery); state != "reconnect_needed" && time.Now().Before(until); <-time.After(20 * time.Millisecond) {
			state, code, err = d.standing(t.Context(), s.connection)
		}
		if state != "reconnect_needed" || code != "refresh_lost" {
			t.Errorf("%s, killed when it was %s, is not said to be lost: %s %s, %v", s.app.Platform, k.at, state, code, err)
		}
		d.authorise(t, s.stall, s.booth)
	}
	<-looked // an error is the point
	d.recovered(t, works)
	return lost
}

// verdict ends the hub and prints the counts. It returns how many refresh tokens the platforms refused.
func (d *tokenDrill) verdict(t *testing.T, kills int) (refused int) {
	t.Helper()
	cut, pairs := 0, 0
	for _, s := range d.everybody() {
		if state, code, err := d.standing(t.Context(), s.connection); err != nil || state != "ok" && state != "refreshing" {
			d.lost++
			t.Errorf("at the end a connection of %s is %s %s, %v", s.app.Platform, state, code, err)
		}
		n, _ := s.toll.made(s.account)
		pairs += n
	}
	for _, s := range d.stalls {
		refused, cut = refused+s.toll.denied, cut+s.toll.cut
	}
	d.hub.Terminate(t)
	until(t, "no keeper is left", func() bool { return hubtest.Keepers(d.data) == 0 })
	total := 0
	for _, n := range d.kills {
		total += n
	}
	t.Logf("%d kills of the hub, %d refreshes under way in them by where they were: %v; %d pairs, %d refresh tokens presented twice, %d calls that nobody waited for; "+
		"connections lost %d; the slowest worked again after %s", kills, total, d.kills, pairs, refused, cut, d.lost, d.slow.Round(time.Millisecond))
	if d.lost > 0 {
		t.Error("connections were lost")
	}
	return refused
}
