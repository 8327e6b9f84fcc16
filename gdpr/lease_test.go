package gdpr_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"hub"
	"hub/gdpr"
	"hub/gdpr/gdprtest"
)

// watch is a monotonic clock that a test moves.
type watch struct{ ns atomic.Int64 }

func (w *watch) now() time.Time        { return time.Unix(0, w.ns.Load()) }
func (w *watch) pass(d time.Duration)  { w.ns.Add(int64(d)) }
func (w *watch) options() gdpr.Options { return gdpr.Options{Monotonic: w.now} }
func (w *watch) over(v gdpr.Vault) *gdpr.Keys {
	return gdpr.NewKeys(rootsOf(root), v, ids, clock, w.options())
}

var errDown = &hub.Error{Kind: hub.KindUnavailable, Op: "asking vault"}

func down(method string, _ bool) error {
	if method == "Poll" {
		return errDown
	}
	return nil
}

// TestLease: without an answered poll keys work for 5 s, and then nothing is sealed, opened, searched or hashed.
func TestLease(t *testing.T) {
	v, w := newVault(), &watch{}
	k := w.over(v)
	if err := k.Fresh(); hub.CodeOf(err) != gdpr.CodeVaultStale {
		t.Errorf("before the first poll: %v", err)
	}
	h := holder(customer("1"))
	s := sealFor(t, k, h)
	b := sealed(t, s, place, canary)
	con := gdpr.CredentialOwner{Connection: "con_a"}
	credential, err := k.SealCredential(ctx, con, place, []byte(canary))
	if err != nil {
		t.Fatal(err)
	}
	uses := map[string]func() error{
		"Seals":           func() error { _, err := k.Seals(ctx, []gdpr.Holder{h}); return err },
		"Seal":            func() error { _, err := s.Seal(place, nil); return err },
		"Open":            func() error { _, err := k.Open(ctx, place, b); return err },
		"Tenant":          func() error { _, err := k.Tenant(ctx, "ten_a"); return err },
		"Find":            func() error { _, err := k.Find(ctx, "ten_a", nil, email("a@example.com")); return err },
		"Owners":          func() error { _, _, err := k.Owners(ctx, "ten_a", s.Subjects()); return err },
		"TombstoneHashes": func() error { _, err := k.TombstoneHashes(ctx, "ten_a", nil); return err },
		"Fresh":           k.Fresh,
	}
	v.Faults(down)
	w.pass(5 * time.Second)
	for name, use := range uses {
		if err := use(); err != nil {
			t.Errorf("%s within the lease: %v", name, err)
		}
	}
	w.pass(1)
	for name, use := range uses {
		if err := use(); hub.KindOf(err) != hub.KindUnavailable || hub.CodeOf(err) != gdpr.CodeVaultStale {
			t.Errorf("%s after the lease: %v", name, err)
		}
	}
	if err := k.Refresh(ctx); hub.CodeOf(err) != gdpr.CodeVaultStale || !errors.Is(err, errDown) {
		t.Errorf("Refresh: %v", err)
	}
	if _, err := k.Keyring(ctx); hub.CodeOf(err) != gdpr.CodeVaultStale {
		t.Errorf("Keyring: %v", err)
	}
	if got, err := k.OpenCredential(ctx, place, credential); err != nil || string(got) != canary {
		t.Errorf("credentials need no lease: %v", err)
	}
	if _, err := k.SealCredential(ctx, con, place, []byte(canary)); err != nil {
		t.Errorf("credentials need no lease: %v", err)
	}
	v.Faults(nil)
	for _, name := range []string{"Open", "Seals", "Seal", "Fresh"} {
		if err := uses[name](); err != nil {
			t.Errorf("%s when the vault is back: %v", name, err)
		}
	}
}

// TestLeaseBeginsWithThePoll: what ended while the answer was under way is not in it.
func TestLeaseBeginsWithThePoll(t *testing.T) {
	v, w := newVault(), &watch{}
	k := w.over(slowPoll{v, func() { w.pass(4 * time.Second) }})
	if err := k.Refresh(ctx); err != nil || k.Fresh() != nil {
		t.Fatal(err, k.Fresh())
	}
	w.pass(time.Second)
	if err := k.Fresh(); err != nil {
		t.Errorf("5 s after the beginning of the poll: %v", err)
	}
	w.pass(1)
	if err := k.Fresh(); hub.CodeOf(err) != gdpr.CodeVaultStale {
		t.Errorf("more than 5 s after the beginning of the poll, and 1 s after its end: %v", err)
	}
}

type slowPoll struct {
	*gdprtest.Memory
	wait func()
}

func (s slowPoll) Poll(ctx context.Context, ledger int64) (gdpr.State, error) {
	state, err := s.Memory.Poll(ctx, ledger)
	s.wait()
	return state, err
}

// TestPausedProcess: a process that stands still in the middle of opening or sealing does not finish with keys that may
// have ended meanwhile.
func TestPausedProcess(t *testing.T) {
	v, w := newVault(), &watch{}
	pause := false
	p := pausing{v, func() {
		if pause {
			w.pass(6 * time.Second)
		}
	}}
	k := w.over(p)
	b := sealed(t, sealFor(t, k, holder(customer("1"))), place, canary)
	gdpr.DropCache(k)
	pause = true
	if got, err := k.Open(ctx, place, b); got != nil || hub.CodeOf(err) != gdpr.CodeVaultStale {
		t.Errorf("Open: %q, %v", got, err)
	}
	gdpr.DropCache(k)
	if _, err := k.Seals(ctx, []gdpr.Holder{holder(customer("1"))}); hub.CodeOf(err) != gdpr.CodeVaultStale {
		t.Errorf("Seals: %v", err)
	}
}

type pausing struct {
	*gdprtest.Memory
	pause func()
}

func (p pausing) ByID(ctx context.Context, ids []string) (map[string]gdpr.WrappedKey, error) {
	rows, err := p.Memory.ByID(ctx, ids)
	p.pause()
	return rows, err
}

// TestTwoClocks: a machine that was suspended stops its monotonic clock, an administrator sets the other back. Whichever says
// more counts.
func TestTwoClocks(t *testing.T) {
	began := time.Now()
	now := began
	k := gdpr.NewKeys(rootsOf(root), newVault(), ids, clock, gdpr.Options{Monotonic: func() time.Time { return now }})
	if err := k.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		monotonic, wall time.Duration
		fresh           bool
	}{
		"both":       {5 * time.Second, 5 * time.Second, true},
		"suspended":  {time.Second, 6 * time.Second, false},
		"set back":   {6 * time.Second, -time.Hour, false},
		"just moved": {time.Second, -time.Hour, true},
	} {
		now = apart(t, began, c.monotonic, c.wall)
		if err := k.Fresh(); (err == nil) != c.fresh {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// apart returns a time of both clocks. Package time has no way to make one, so it is put together by hand.
func apart(t *testing.T, from time.Time, monotonic, wall time.Duration) time.Time {
	t.Helper()
	at := from.Add(wall)
	type layout struct {
		wall uint64
		ext  int64
		loc  *time.Location
	}
	(*layout)(unsafe.Pointer(&at)).ext += int64(monotonic - wall)
	if at.Sub(from) != monotonic || at.Round(0).Sub(from.Round(0)) != wall {
		t.Skip("this Go has another layout of times")
	}
	return at
}

// TestEndedKeysLeaveMemory: after the next poll a fenced or killed person is not found in memory, nor anybody after a gap.
func TestEndedKeysLeaveMemory(t *testing.T) {
	for _, kill := range []bool{false, true} {
		v, w := newVault(), &watch{}
		k, other := w.over(v), keysOver(v)
		s := sealFor(t, k, holder(customer("1")))
		sealFor(t, k, holder(customer("2")))
		b := sealed(t, s, place, canary)
		full := gdpr.CachedKeys(k)
		if _, err := k.Open(ctx, place, b); err != nil {
			t.Fatal(err)
		}
		rows := gdpr.RowKeys(k)
		if len(rows) != 1 || *rows[0] == [64]byte{} {
			t.Fatalf("%d row keys in memory after one value was opened", len(rows))
		}
		fence(t, v, other, s.Subjects()[0], clock(), kill)
		if got, err := k.Open(ctx, place, b); err != nil || string(got) != canary {
			t.Fatalf("before the poll: %v", err)
		}
		w.pass(time.Second + 1)
		got, err := k.Open(ctx, place, b)
		if kill {
			gone(t, place, got, err)
		} else if err != nil {
			t.Errorf("a fenced person is still there for what law keeps: %v", err)
		}
		if n := gdpr.CachedKeys(k); kill && n != full-1 {
			t.Errorf("%d keys in memory, want %d", n, full-1)
		}
		if left := len(gdpr.RowKeys(k)); kill != (left == 0) || *rows[0] != [64]byte{} {
			t.Errorf("killed %v: %d row keys in memory, the one from before is zeroed: %v", kill, left, *rows[0] == [64]byte{})
		}
		before := v.Calls()
		sealFor(t, k, holder(customer("2")))
		if less(v.Calls(), before) != (gdprtest.Calls{}) {
			t.Error("the survivor had to be looked up again")
		}
		later := sealFor(t, k, one(placed(customer("1"), clock().Add(time.Hour))))
		if later.Subjects()[0] == s.Subjects()[0] {
			t.Error("the identity in memory outlived the person")
		}
	}
}

// TestLateReader: what was read from the vault before a key ended does not come into memory after that.
func TestLateReader(t *testing.T) {
	v, w := newVault(), &watch{}
	b := sealed(t, sealFor(t, keysOver(v), holder(customer("1"))), place, canary)
	subjects, _ := gdpr.SubjectsOf(b)
	var k *gdpr.Keys
	late := pausing{v, func() {
		fence(t, v, keysOver(v), subjects[0], clock(), true)
		if err := k.Refresh(ctx); err != nil {
			t.Error(err)
		}
	}}
	k = w.over(late)
	if _, err := k.Open(ctx, place, b); err != nil {
		t.Fatalf("the rows were read before the end: %v", err)
	}
	if n := gdpr.CachedKeys(k); n != 0 {
		t.Errorf("%d keys came into memory after the end", n)
	}
}

// TestVaultThatWentBack: after a restore of the vault nothing in memory can be trusted.
func TestVaultThatWentBack(t *testing.T) {
	v := newVault()
	k := keysOver(v)
	s := sealFor(t, k, holder(customer("1")))
	fence(t, v, k, s.Subjects()[0], clock(), true)
	old := newVault()
	old.Restore(v)
	other := sealFor(t, k, holder(customer("2")))
	fence(t, v, k, other.Subjects()[0], clock(), true)
	sealFor(t, k, holder(customer("3")))
	if err := k.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	v.Restore(old)
	if err := k.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if n := gdpr.CachedKeys(k); n != 0 {
		t.Errorf("%d keys in memory that the vault may not have", n)
	}
}

// TestOnePollForAll: callers that wait for a poll share it, and its failure.
func TestOnePollForAll(t *testing.T) {
	const callers = 50
	v, w := newVault(), &watch{}
	hold, entered := make(chan struct{}), make(chan struct{}, callers)
	k := w.over(slowPoll{v, func() { entered <- struct{}{}; <-hold }})
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if _, err := k.Tenant(ctx, "ten_a"); err != nil {
				t.Error(err)
			}
		})
	}
	<-entered
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := k.Refresh(ended); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("a caller that gave up: %v", err)
	}
	close(hold)
	wg.Wait()
	if n := v.Calls().Poll; n != 1 {
		t.Errorf("%d polls for %d callers", n, callers)
	}
}

// TestOneFailureForAll: a vault that hangs is not asked once more by each caller that waited.
func TestOneFailureForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers = 50
		v := newVault()
		hold := make(chan struct{})
		k := keysOver(hanging{v, hold})
		for range callers {
			go func() {
				if err := k.Refresh(ctx); hub.CodeOf(err) != gdpr.CodeVaultStale || !errors.Is(err, errDown) {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		close(hold)
		synctest.Wait()
		if n := v.Calls().Poll; n > 2 {
			t.Errorf("%d polls for %d callers", n, callers)
		}
	})
}

type hanging struct {
	*gdprtest.Memory
	hold chan struct{}
}

func (h hanging) Poll(ctx context.Context, ledger int64) (gdpr.State, error) {
	<-h.hold
	if _, err := h.Memory.Poll(ctx, ledger); err != nil {
		return gdpr.State{}, err
	}
	return gdpr.State{}, errDown
}

// TestRootsAndVaultThatDoNotMatch names the one that is old.
func TestRootsAndVaultThatDoNotMatch(t *testing.T) {
	next, third := gdpr.NewRoot(2, [32]byte{2}), gdpr.NewRoot(3, [32]byte{3})
	v := newVault()
	b := sealed(t, sealFor(t, keysOver(v), holder(customer("1"))), place, canary)
	for name, c := range map[string]struct {
		roots []gdpr.Root
		text  string
	}{
		"no root":              {nil, "holds no root"},
		"another hub's":        {[]gdpr.Root{gdpr.NewRoot(1, [32]byte{9})}, "another root"},
		"old vault":            {[]gdpr.Root{next, third}, "the vault is an old copy: it was sealed under root 1, which is destroyed"},
		"a generation between": {[]gdpr.Root{gdpr.NewRoot(0, [32]byte{}), next}, "lacks root 1"},
	} {
		_, err := gdpr.NewKeys(rootsOf(c.roots...), v, ids, clock, gdpr.Options{}).Open(ctx, place, b)
		if hub.CodeOf(err) != gdpr.CodeRootMismatch || hub.Parkable(err) || hub.KindOf(err) != hub.KindInternal || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ring, err := keysOver(v).Keyring(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.PutKeyring(ctx, 1, ring.Sealed(next, 2)); err != nil {
		t.Fatal(err)
	}
	_, err = keysOver(v).Open(ctx, place, b)
	if hub.CodeOf(err) != gdpr.CodeRootMismatch || !strings.Contains(err.Error(), "HUB_KEYS is an old copy") {
		t.Errorf("old roots: %v", err)
	}
	k := gdpr.NewKeys(rootsOf(root, next), v, ids, clock, gdpr.Options{})
	if got, err := k.Open(ctx, place, b); err != nil || string(got) != canary {
		t.Errorf("both roots: %v", err)
	}
	if ring, err := k.Keyring(ctx); err != nil || ring.Generation() != 2 || ring.Revision() != 2 {
		t.Errorf("%v of generation %d, %v", ring, ring.Generation(), err)
	}
}

// TestCycleBetweenTwoReads: root store and vault are read one after the other while a forget cycle changes both.
func TestCycleBetweenTwoReads(t *testing.T) {
	next := gdpr.NewRoot(2, [32]byte{2})
	v := newVault()
	ring, err := keysOver(v).Keyring(ctx)
	if err != nil {
		t.Fatal(err)
	}
	store := rootsOf(root)
	moving := &movingVault{Memory: v, move: func() {
		store.roots = []gdpr.Root{next}
		if err := v.PutKeyring(ctx, 1, ring.Sealed(next, 2)); err != nil {
			t.Error(err)
		}
	}}
	if err := gdpr.NewKeys(store, moving, ids, clock, gdpr.Options{}).Refresh(ctx); err != nil {
		t.Errorf("the second look fits: %v", err)
	}
}

type movingVault struct {
	*gdprtest.Memory
	once sync.Once
	move func()
}

func (m *movingVault) Keyrings(ctx context.Context) ([]gdpr.SealedKeyring, error) {
	m.once.Do(m.move)
	return m.Memory.Keyrings(ctx)
}

// TestKeyringOlderThanAnnounced: a lease does not begin on a keyring that is known to be an old one.
func TestKeyringOlderThanAnnounced(t *testing.T) {
	k := keysOver(ahead{newVault()})
	if err := k.Refresh(ctx); hub.CodeOf(err) != gdpr.CodeVaultStale || k.Fresh() == nil {
		t.Errorf("Refresh: %v, then %v", err, k.Fresh())
	}
}

type ahead struct{ *gdprtest.Memory }

func (a ahead) Poll(ctx context.Context, ledger int64) (gdpr.State, error) {
	state, err := a.Memory.Poll(ctx, ledger)
	state.Revision += 2
	return state, err
}

// TestTwoVaults: rows of one vault under the keyring of another are trouble of the installation, not of a value.
func TestTwoVaults(t *testing.T) {
	v, other := newVault(), newVault()
	b := sealed(t, sealFor(t, keysOver(v), holder(customer("1"))), place, canary)
	if _, err := keysOver(other).Tenant(ctx, "ten_a"); err != nil {
		t.Fatal(err)
	}
	if _, err := keysOver(mixed{other, v}).Open(ctx, place, b); hub.CodeOf(err) != gdpr.CodeRootMismatch || hub.Parkable(err) {
		t.Errorf("Open: %v", err)
	}
}

// TestStandingStill: a process that stood still while it answered polls before it looks at the lease. What it opened before
// is not under the new lease when somebody's key has ended meanwhile.
func TestStandingStill(t *testing.T) {
	for _, kill := range []bool{false, true} {
		v, w := newVault(), &watch{}
		k, other := w.over(v), keysOver(v)
		s := sealFor(t, k, holder(customer("1")))
		if err := k.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		m := k.Mark()
		if kill {
			fence(t, v, other, s.Subjects()[0], clock(), true)
		}
		w.pass(5 * time.Second)
		if err := k.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := k.FreshSince(m); err != nil {
			t.Errorf("kill %v, 5 s after the mark's lease began: %v", kill, err)
		}
		w.pass(1)
		if err := k.Refresh(ctx); err != nil || k.Fresh() != nil {
			t.Fatal(err, k.Fresh())
		}
		if _, err := k.FreshSince(m); (hub.CodeOf(err) == gdpr.CodeVaultStale) != kill {
			t.Errorf("kill %v, more than 5 s after the mark's lease began: %v", kill, err)
		}
		w.pass(6 * time.Second)
		if _, err := k.FreshSince(k.Mark()); hub.CodeOf(err) != gdpr.CodeVaultStale {
			t.Errorf("without a lease: %v", err)
		}
	}
}
