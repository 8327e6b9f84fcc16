package gdpr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"hub"
)

var historyPlace = Place{Table: "wal", Row: "r", Class: hub.P1}

// entry is a record of the log in a history.
type entry struct {
	sealed []byte
	plain  string
	lease  IntakeLease // of the appender, until it was answered
}

// world is one hub with its key file on a disk that fails, and a log as package wal promises it: records that are queued
// may be made durable, refused, or found by a crash; whoever appends may give up while that is open.
type world struct {
	t        *testing.T
	rand     *rand.Rand
	dir      string
	disk     *crashDisk
	roots    []Root
	keys     *IntakeKeys
	log      []entry // by index, from 1
	synced   int
	consumed int
	doubt    int
	copied   entry // what is kept beside the log
	turn     int64
	old      []entry  // everything that was ever sealed
	files    [][]byte // copies of the key file
	serial   int
	tally    *keyTally
}

type keyTally struct{ histories, steps, crashes, cuts, faults, rotations, drops, moves, records, opened int }

func newWorld(t *testing.T, seed uint64, tally *keyTally) *world {
	w := &world{
		t: t, rand: rand.New(rand.NewPCG(seed, 3)), dir: t.TempDir(), disk: &crashDisk{left: -1, attic: t.TempDir()},
		roots: []Root{NewRoot(1, [32]byte{1})}, tally: tally,
	}
	w.log = []entry{{}}
	w.open()
	return w
}

// arm lets the disk fail, or the process die, at one of the next steps.
func (w *world) arm() {
	w.disk.left, w.disk.late, w.disk.half, w.disk.once = -1, false, false, false
	if w.rand.IntN(3) == 0 {
		w.disk.left = w.rand.IntN(8)
		w.disk.late, w.disk.half, w.disk.once = w.rand.IntN(2) == 0, w.rand.IntN(2) == 0, w.rand.IntN(2) == 0
	}
}

// after sorts the outcome of something that wrote the key file; the process may be dead now.
func (w *world) after(err error) bool {
	if err == nil {
		return true
	}
	if !errors.Is(err, errCrash) {
		w.t.Fatalf("an error that no disk made: %v", err)
	}
	w.tally.faults++
	if w.disk.left == dead {
		w.crash()
	}
	return false
}

// crash ends the process, and now and then the power. Of what was queued any prefix is found.
func (w *world) crash() {
	w.tally.crashes++
	w.disk.cut = cut(w.rand.IntN(int(cutAll) + 1))
	if w.disk.cut != noCut {
		w.tally.cuts++
	}
	w.disk.powerCut(w.t)
	w.disk = w.disk.next()
	found := max(len(w.log)-1, 0)
	if found > w.synced {
		found = w.synced + w.rand.IntN(found-w.synced+1)
	}
	w.log, w.synced, w.doubt = w.log[:found+1], found, 0
	for i := range w.log {
		w.log[i].lease = nil
	}
	w.turn = 0
	w.open()
}

// open starts a process, which may die while it starts.
func (w *world) open() {
	w.arm()
	var err error
	w.keys, err = openIntakeKeys(context.Background(), w.disk, w.dir, w.roots)
	if err == nil {
		w.verify()
		return
	}
	if w.disk.left != dead {
		w.disk.left = dead // whoever cannot start ends
	}
	w.after(err)
}

// verify opens everything that is accepted and not drained, and the copy.
func (w *world) verify() {
	w.t.Helper()
	for i := w.consumed + 1; i <= w.synced; i++ {
		w.opens(w.log[i])
	}
	if w.copied.sealed != nil {
		w.opens(w.copied)
	}
}

func (w *world) opens(e entry) {
	w.t.Helper()
	w.tally.opened++
	if got, err := w.keys.Open(historyPlace, e.sealed); err != nil || string(got) != e.plain {
		w.t.Fatalf("accepted, not drained, and it does not open: %v", err)
	}
}

func (w *world) seal() entry {
	w.serial++
	e := entry{plain: fmt.Sprint("delivery ", w.serial), lease: w.keys.Use()}
	var err error
	if e.sealed, err = e.lease.Seal(nil, historyPlace, []byte(e.plain)); err != nil {
		w.t.Fatal(err)
	}
	w.tally.records++
	w.old = append(w.old, e)
	return e
}

// answer ends the lease of a record.
func (w *world) answer(i int) {
	if w.log[i].lease != nil {
		w.log[i].lease.Done()
		w.log[i].lease = nil
	}
}

// sync makes everything that is queued durable.
func (w *world) sync() {
	w.synced, w.doubt = len(w.log)-1, 0
	for i := range w.log {
		w.answer(i)
	}
}

// refuse fails what is queued. The numbers are given out again.
func (w *world) refuse() {
	for i := w.synced + 1; i < len(w.log); i++ {
		w.answer(i)
	}
	w.log = w.log[:w.synced+1]
}

func (w *world) assigned() uint64 { return uint64(max(len(w.log)-1, w.doubt)) }

// drop saves the copy again if there are newer keys, then drops.
func (w *world) drop() {
	if turn := w.keys.Turn(); w.copied.sealed != nil && turn != w.turn {
		w.opens(w.copied)
		w.copied = w.seal()
		w.copied.lease.Done()
		w.turn = turn
	}
	w.tally.drops++
	_, err := w.keys.Drop(context.Background(), w.assigned, uint64(w.consumed))
	w.after(err)
}

// move begins a forget cycle when none runs, and goes on with it; at its end the old root dies.
func (w *world) move() {
	newest := w.roots[len(w.roots)-1]
	if w.keys.Generation() == newest.Generation && len(w.roots) == 1 {
		newest = NewRoot(newest.Generation+1, [32]byte{byte(newest.Generation + 1), byte(w.rand.Uint32())})
		w.roots = append(w.roots, newest)
	}
	if w.rand.IntN(2) == 0 { // the drain catches up
		w.sync()
		w.consumed = w.synced
		w.drop()
	}
	moved, err := w.keys.Move(context.Background(), newest)
	if w.after(err) && moved && len(w.roots) > 1 {
		w.roots = w.roots[len(w.roots)-1:]
		w.tally.moves++
	}
}

func (w *world) step() {
	w.tally.steps++
	w.arm()
	switch w.rand.IntN(12) {
	case 0, 1, 2:
		w.log = append(w.log, w.seal())
	case 3: // whoever appended gives up, and does not know
		w.answer(w.rand.IntN(len(w.log)))
	case 4, 5:
		w.sync()
	case 6:
		w.refuse()
	case 7:
		w.consumed += w.rand.IntN(w.synced - w.consumed + 1)
	case 8:
		w.tally.rotations++
		w.after(w.keys.Rotate(context.Background()))
	case 9:
		w.drop()
	case 10:
		w.move()
	case 11:
		w.other()
	}
	if b, err := os.ReadFile(filepath.Join(w.dir, intakeFile)); err == nil && w.rand.IntN(10) == 0 {
		w.files = append(w.files, b)
	}
	w.verify()
}

// other is what is rare: a copy is saved, a delivery goes to the end of the log, everything ends at once.
func (w *world) other() {
	switch w.rand.IntN(3) {
	case 0:
		turn := w.keys.Turn()
		w.copied = w.seal()
		w.copied.lease.Done()
		w.turn = turn
	case 1:
		if w.consumed < w.synced {
			e := w.log[w.consumed+1]
			again := w.seal()
			w.opens(e)
			w.log = append(w.log, again)
			w.sync()
			w.consumed++
		}
	case 2:
		w.disk.left = dead
		w.crash()
	}
}

// end drains everything, moves to a last root and requires that what was sealed before opens with nothing that is left.
func (w *world) end() {
	w.disk.left = -1
	calm := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	w.sync()
	w.consumed = w.synced
	last := NewRoot(w.roots[len(w.roots)-1].Generation+1, [32]byte{99})
	before := len(w.old)
	_, err := w.keys.Move(context.Background(), last)
	calm(err)
	w.disk.left = -1
	w.drop()
	moved, err := w.keys.Move(context.Background(), last)
	calm(err)
	if left, err := w.keys.Drop(context.Background(), w.assigned, uint64(w.consumed)); err != nil || left != 1 || !moved {
		w.t.Fatalf("%d keys left, moved %v, %v", left, moved, err)
	}
	for _, e := range w.old[:before] {
		if _, err := w.keys.Open(historyPlace, e.sealed); hub.CodeOf(err) != CodeKeyGone {
			w.t.Fatalf("an old copy of a record: %v", err)
		}
	}
	b, err := os.ReadFile(filepath.Join(w.dir, intakeFile))
	calm(err)
	if len(b) != intakeHeader+gcmSize+intakeEntry {
		w.t.Fatalf("%d bytes: the file holds more than one key", len(b))
	}
	for _, b := range w.files {
		if err := (&IntakeKeys{}).parse(b, []Root{last}); err == nil {
			w.t.Fatal("an old copy of the key file opens under the last root")
		}
	}
}

// TestIntakeKeyHistories: whatever fails and dies, each record that was accepted and is not drained opens, in this process
// and in the next; and once everything is drained and the root is another, nothing opens that was sealed before.
func TestIntakeKeyHistories(t *testing.T) {
	tally := &keyTally{}
	count := 80
	if os.Getenv("HUB_DRILL") == "1" {
		count = 10_000
	}
	for seed := range count {
		w := newWorld(t, uint64(seed), tally)
		for range 60 {
			w.step()
		}
		w.end()
		tally.histories++
	}
	t.Logf("%+v, 0 violations", *tally)
	if tally.moves < count/2 || tally.cuts < count/4 || tally.drops < count {
		t.Error("the histories do not reach what they should")
	}
}

// TestIntakeKeysSurviveCrashes: a crash at any step of starting, rotating, dropping or moving leaves keys that open what
// was sealed under the newest before and under what the call returned.
func TestIntakeKeysSurviveCrashes(t *testing.T) {
	ctx := context.Background()
	roots := []Root{NewRoot(1, [32]byte{1}), NewRoot(2, [32]byte{2})}
	for name, change := range map[string]func(k *IntakeKeys) error{
		"start":  nil,
		"rotate": func(k *IntakeKeys) error { return k.Rotate(ctx) },
		"drop": func(k *IntakeKeys) error {
			_, err := k.Drop(ctx, func() uint64 { return 1 }, 1)
			return err
		},
		"move": func(k *IntakeKeys) error { _, err := k.Move(ctx, roots[1]); return err },
	} {
		t.Run(name, func(t *testing.T) {
			histories(t, func(t *testing.T, d *crashDisk) bool { return survives(t, d, roots, change) })
		})
	}
}

func survives(t *testing.T, d *crashDisk, roots []Root, change func(*IntakeKeys) error) (survived bool) {
	ctx, dir := context.Background(), filepath.Join(t.TempDir(), "intake")
	var wanted []entry
	seal := func(k *IntakeKeys) {
		e := entry{plain: fmt.Sprint(len(wanted)), lease: k.Use()}
		var err error
		if e.sealed, err = e.lease.Seal(nil, historyPlace, []byte(e.plain)); err != nil {
			t.Fatal(err)
		}
		e.lease.Done()
		wanted = append(wanted, e)
	}
	opens := func(k *IntakeKeys) {
		t.Helper()
		for _, e := range wanted {
			if got, err := k.Open(historyPlace, e.sealed); err != nil || !bytes.Equal(got, []byte(e.plain)) {
				t.Fatalf("lost: %v", err)
			}
		}
	}
	disk := disk(quickDisk{})
	if change == nil {
		disk = d
	}
	k, err := openIntakeKeys(ctx, disk, dir, roots[:1])
	if err == nil && change != nil {
		if err := k.Rotate(ctx); err != nil { // so that there is something to drop
			t.Fatal(err)
		}
		seal(k)
		k.disk = d
		err = change(k)
	}
	if survived = err == nil; k != nil && d.left != dead {
		seal(k)
		opens(k)
	}
	d.powerCut(t)
	for range 2 {
		d = d.next()
		if k, err = openIntakeKeys(ctx, d, dir, roots); err != nil {
			t.Fatalf("opening after a crash: %v", err)
		}
		opens(k)
		seal(k)
		noTemp(t, dir)
		d.cut = cutAll
		d.powerCut(t)
	}
	return survived
}

// TestLeasesAmongRotations: appenders, rotations, drops and drains at once, as fast as they can. No record is ever in the
// log without its key.
func TestLeasesAmongRotations(t *testing.T) {
	const rounds = 60
	k, err := openIntakeKeys(context.Background(), quickDisk{}, t.TempDir(), []Root{NewRoot(1, [32]byte{1})})
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu       sync.Mutex
		log      [][]byte
		consumed int
		stop     atomic.Bool
		all      sync.WaitGroup
	)
	for range 4 {
		all.Go(func() {
			for !stop.Load() {
				lease := k.Use()
				sealed, err := lease.Seal(nil, historyPlace, []byte("x"))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				log = append(log, sealed)
				waiting := len(log) - consumed
				mu.Unlock()
				lease.Done()
				if waiting > 200 {
					runtime.Gosched()
				}
			}
		})
	}
	assigned := func() uint64 { mu.Lock(); defer mu.Unlock(); return uint64(len(log)) }
	rotations, drops := 0, 0
	var keeper sync.WaitGroup
	keeper.Go(func() {
		defer stop.Store(true)
		for before := 0; rotations < rounds; {
			if err := k.Rotate(context.Background()); err == nil {
				rotations++
			}
			mu.Lock()
			pending := log[consumed : consumed+(len(log)-consumed)/2]
			mu.Unlock()
			for _, sealed := range pending {
				if _, err := k.Open(historyPlace, sealed); err != nil {
					t.Errorf("lost: %v", err)
					return
				}
			}
			mu.Lock()
			consumed += len(pending)
			mu.Unlock()
			left, err := k.Drop(context.Background(), assigned, uint64(consumed))
			if err != nil {
				t.Error(err)
			}
			if left <= before {
				drops++
			}
			before = left
		}
	})
	keeper.Wait()
	all.Wait()
	for _, sealed := range log[consumed:] {
		if _, err := k.Open(historyPlace, sealed); err != nil {
			t.Fatalf("lost: %v", err)
		}
	}
	t.Logf("%d records, %d rotations, keys dropped %d times, 0 lost", len(log), rotations, drops)
}

// TestMarkIsTakenAfterTheCount: an append that ends while the log is asked for its last index may be behind that index, so
// its key is not among those that the index is for.
func TestMarkIsTakenAfterTheCount(t *testing.T) {
	ctx := context.Background()
	k, err := openIntakeKeys(ctx, noDisk{}, t.TempDir(), []Root{NewRoot(1, [32]byte{1})})
	if err != nil {
		t.Fatal(err)
	}
	rotate := func() {
		if err := k.Rotate(ctx); err != nil {
			t.Fatal(err)
		}
	}
	rotate() // leaves a key without leases
	lease := k.Use()
	rotate()
	ended := false
	asked := func() uint64 {
		if !ended {
			ended = true
			lease.Done() // its record has index 6
		}
		return 5
	}
	if left, err := k.Drop(ctx, asked, 5); err != nil || left != 2 || !ended {
		t.Fatalf("%d keys left, %v", left, err)
	}
	if left, err := k.Drop(ctx, func() uint64 { return 6 }, 5); err != nil || left != 2 {
		t.Fatalf("%d keys left, %v", left, err)
	}
}

// TestLeaseIsNeverOfADroppedKey: whoever is about to take a lease while the key is replaced gets one on the next key.
func TestLeaseIsNeverOfADroppedKey(t *testing.T) {
	ctx := context.Background()
	k, err := openIntakeKeys(ctx, noDisk{}, t.TempDir(), []Root{NewRoot(1, [32]byte{1})})
	if err != nil {
		t.Fatal(err)
	}
	seen := k.newest.Load()
	if err := k.Rotate(ctx); err != nil {
		t.Fatal(err)
	}
	if k.hold(seen) {
		t.Fatal("a lease on a key that is not the newest")
	}
	if left, err := k.Drop(ctx, func() uint64 { return 0 }, 0); err != nil || left != 1 {
		t.Fatalf("the lease that was not given holds the key: %d left, %v", left, err)
	}
	if !k.hold(k.newest.Load()) {
		t.Fatal("no lease on the newest key")
	}
	if n := testing.AllocsPerRun(100, func() { k.Use().Done() }); n != 0 {
		t.Errorf("a lease allocates %v times", n)
	}
}

// noDisk keeps nothing.
type noDisk struct{ quickDisk }

func (noDisk) Create(string) (file, error) { return noFile{}, nil }
func (noDisk) Rename(string, string) error { return nil }

type noFile struct{}

func (noFile) Write(b []byte) (int, error) { return len(b), nil }
func (noFile) Sync() error                 { return nil }
func (noFile) Close() error                { return nil }

// TestManyKeys: a hub that starts again and again while its drain stands still goes on under its newest key.
func TestManyKeys(t *testing.T) {
	ctx, dir, roots := context.Background(), t.TempDir(), []Root{NewRoot(1, [32]byte{1})}
	open := func() *IntakeKeys {
		t.Helper()
		k, err := openIntakeKeys(ctx, quickDisk{}, dir, roots)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	seal := func(k *IntakeKeys) []byte {
		lease := k.Use()
		defer lease.Done()
		sealed, err := lease.Seal(nil, historyPlace, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	k := open()
	first := seal(k)
	var err error
	for err == nil {
		err = k.Rotate(ctx)
	}
	if hub.KindOf(err) != hub.KindUnavailable || len(k.list) != maxIntakeKeys {
		t.Fatal(err)
	}
	again := open()
	last := seal(again)
	for _, b := range [][]byte{first, last} {
		if _, err := open().Open(historyPlace, b); err != nil {
			t.Error(err)
		}
	}
	if left, err := again.Drop(ctx, func() uint64 { return 0 }, 0); err != nil || left != 1 {
		t.Errorf("%d keys left, %v", left, err)
	}
	if err := again.Rotate(ctx); err != nil {
		t.Errorf("after a drop: %v", err)
	}
}
