package hubtest_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hub/internal/app"
	"hub/internal/hubtest"
	"hub/internal/hubtest/mariadb"
	"hub/internal/hubtest/stranger"
)

func TestDrillForgetKillEmbedded(t *testing.T) {
	t.Parallel()
	forgetKills(t, hubtest.Embedded("2"), rounds(14, 200), 61)
}

func TestDrillForgetKillMariaDB(t *testing.T) {
	t.Parallel()
	forgetKills(t, hubtest.OnMariaDB(t, mariadb.Shared(t)), rounds(14, 200), 62)
}

// steps are the phases that a kill is aimed at, in the order in which they come. One round of a cycle more is not aimed.
var steps = []app.Phase{
	app.PhaseFence, app.PhaseKill, app.PhaseKeyring, app.PhaseRewrap, app.PhaseCycle, app.PhaseRoot, app.PhaseMove,
}

var stepNames = map[app.Phase]string{
	app.PhaseFence: "fence", app.PhaseKill: "kill", app.PhaseKeyring: "keyring", app.PhaseRewrap: "rewrap", app.PhaseCycle: "cycle",
	app.PhaseRoot: "root", app.PhaseMove: "move",
}

// forgetKills erases one or two persons a round, while somebody new comes, and kills the hub in some step of that. Whatever
// was not answered is repeated by the next round. In the end everybody who was erased is dead and nobody else.
func forgetKills(t *testing.T, size hubtest.Size, rounds int, seed uint64) {
	u := &undertaker{
		t: t, size: size, data: t.TempDir(), page: filepath.Join(t.TempDir(), "probe"), random: rand.New(rand.NewPCG(seed, 11)),
		files: map[string][]byte{}, copies: map[[32]byte]bool{}, roots: map[string]bool{}, fell: map[app.Phase]int{},
	}
	u.start()
	graves := rounds + rounds/2 + 6
	u.w = found(t, u.h, "Town", graves+4)
	u.graves = slices.Clone(u.w.People[:graves])
	u.copy("before")
	for u.kills < rounds || u.missing() >= 0 && u.kills < 4*rounds {
		target := u.kills % (len(steps) + 1)
		if u.kills >= rounds {
			target = u.missing()
		}
		u.round(target)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	u.url.Store(&u.h.URL)
	if err := u.work(ctx, u.h); err != nil {
		t.Fatal("the last try: ", err)
	}
	u.arrivals.Wait()
	u.judge(seed)
}

// undertaker erases people on a hub that dies.
type undertaker struct {
	t          *testing.T
	size       hubtest.Size
	data, page string
	random     *rand.Rand
	h          *hubtest.Process
	w          *town
	url        atomic.Pointer[string] // of the hub, while it serves
	arrivals   sync.WaitGroup

	graves []person // who may be erased; the first of them are
	dead   int
	asked  int // of them: whose erasure was begun
	kills  int
	cycles int
	fell   map[app.Phase]int

	files  map[string][]byte // all that the hub has owned, but for roots
	copies map[[32]byte]bool // hashes of files
	roots  map[string]bool
}

// missing is the first step that no kill has fallen into, -1 when there is none.
func (u *undertaker) missing() int {
	return slices.IndexFunc(steps, func(p app.Phase) bool { return u.fell[p] == 0 })
}

func (u *undertaker) start() {
	u.t.Helper()
	u.h = hubtest.Spawn(u.t, u.size, u.data, u.page)
	if err := u.h.Await(); err != nil {
		u.t.Fatal(err)
	}
	if u.w != nil {
		u.w.moved(u.h.URL)
	}
	u.url.Store(&u.h.URL)
}

// round kills the hub once.
func (u *undertaker) round(target int) {
	u.asked = min(u.asked+1+u.kills%2, len(u.graves))
	u.arrive()
	aim := func(hubtest.Fell) bool { return false }
	wait := time.Duration(u.random.Int64N(int64(1500 * time.Millisecond)))
	if target < len(steps) {
		u.h.LingerAt(steps[target])
		aim = func(f hubtest.Fell) bool { return f.Phases[steps[target]] }
		wait = 30 * time.Second
	}
	var over atomic.Bool
	done := make(chan error, 1)
	go func() {
		err := u.work(u.t.Context(), u.h)
		over.Store(true)
		done <- err
	}()
	u.h.Aim(func(f hubtest.Fell) bool { return over.Load() || aim(f) }, wait)
	fell := u.h.Kill(u.t)
	if err := <-done; err == nil {
		u.cycles++
	}
	u.kills++
	for _, p := range steps {
		if fell.Phases[p] {
			u.fell[p]++
		}
	}
	if u.kills%(len(u.graves)/6) == 1 {
		u.copy(fmt.Sprintf("kill %d", u.kills))
	}
	u.start()
}

// work erases everybody whose turn it is and runs cycles until nothing is left to do.
func (u *undertaker) work(ctx context.Context, h *hubtest.Process) error {
	for u.dead < u.asked {
		if err := erase(h, u.w.tenant(), u.graves[u.dead:u.dead+1]); err != nil {
			return err
		}
		u.dead++
	}
	return finishCycle(ctx, h.Operator(), 10_000)
}

// arrive has somebody new order, whatever it takes.
func (u *undertaker) arrive() {
	_, bodies := u.w.register()
	path := u.w.HookURL[strings.Index(u.w.HookURL, "/hooks/"):]
	u.arrivals.Go(func() {
		client := &http.Client{Timeout: 5 * time.Second}
		defer client.CloseIdleConnections()
		for _, body := range bodies {
			for deliver(u.t.Context(), client, *u.url.Load()+path, body) != nil && u.t.Context().Err() == nil {
				<-time.After(20 * time.Millisecond)
			}
		}
	})
}

// copy keeps all files as they are now, each once, and the roots apart.
func (u *undertaker) copy(when string) {
	u.t.Helper()
	files := map[string][]byte{}
	collect(u.t, files, u.size, u.data, when)
	for name, content := range files {
		if sum := sha256.Sum256(content); !u.copies[sum] {
			u.copies[sum], u.files[name] = true, content
		}
	}
	for _, root := range rootFiles(u.t, u.data) {
		u.roots[string(root)] = true
	}
}

// judge compares who lives and who is dead, for the hub and for a stranger with all copies.
func (u *undertaker) judge(seed uint64) {
	t := u.t
	dead := u.graves[:u.dead]
	living := u.w.People[u.dead:]
	for _, p := range u.w.People {
		for _, n := range p.Orders {
			u.w.awaitOrder(t, n, time.Time{})
		}
	}
	u.w.identify(t, u.h)
	var last struct{ Current cycle }
	if err := u.h.Operator().Do(t.Context(), http.MethodGet, "/v1/forget-cycles", nil, &last); err != nil {
		t.Fatal(err)
	}
	livingServed, _ := u.w.census(t, living)
	deadServed, _ := u.w.census(t, dead)
	u.h.Terminate(t)
	u.copy("after")

	evidence, err := stranger.Gather(u.files)
	if err != nil {
		t.Fatal(err)
	}
	var roots [][]byte
	for root := range maps.Keys(u.roots) {
		roots = append(roots, []byte(root))
	}
	now, then := evidence.Try(rootFiles(t, u.data)), evidence.Try(roots)
	livingRead, values := read(now, living)
	deadRead, _ := read(now, dead)
	deadThen, _ := read(then, dead)
	if livingServed < len(living) || livingRead < len(living) {
		t.Errorf("of %d living persons the hub serves %d, and %d open", len(living), livingServed, livingRead)
	}
	if deadServed > 0 || deadRead > 0 {
		t.Errorf("of %d dead persons the hub serves %d, and %d open", len(dead), deadServed, deadRead)
	}
	if deadThen < len(dead) {
		t.Errorf("with the destroyed roots %d of %d dead persons open: the search proves nothing", deadThen, len(dead))
	}
	var hits []string
	for _, p := range steps {
		hits = append(hits, fmt.Sprintf("%s %d", stepNames[p], u.fell[p]))
	}
	if u.missing() >= 0 {
		t.Error("a step was never hit")
	}
	t.Logf("%s: %d kills (%s), %d rounds finished before theirs; %d cycles, the last %s; seed %d. %d erased: %d served, %d open, with destroyed roots %d. "+
		"%d others: %d served, %d open (%d values), lost %d, revived %d; %d files, %d sealed values",
		u.size.Name, u.kills, strings.Join(hits, ", "), u.cycles, last.Current.Number, last.Current.Phase, seed, len(dead), deadServed, deadRead, deadThen,
		len(living), livingServed, livingRead, values, len(living)-livingRead, deadRead, len(u.files), evidence.Envelopes)
}
