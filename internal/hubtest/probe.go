package hubtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"hub/internal/app"
)

// Probe is a page of memory that a hub shares with the test that kills it: what the hub was doing at that instant is
// still there afterwards.
type Probe struct {
	words []byte
}

// The words of the page: first one for each phase, how often the hub is in it, and then these.
const (
	wordBegin  = app.Phases + iota // 1 once the process of the hub has begun to open it
	wordServe                      // 1 once the hub serves
	wordLinger                     // the phase that a kill is aimed at, counted from 1
	words
)

// OpenProbe maps a file, making it if need be.
func OpenProbe(path string) (*Probe, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening probe: %w", err)
	}
	defer f.Close()
	const size = 4096
	if err := f.Truncate(size); err != nil {
		return nil, fmt.Errorf("sizing probe: %w", err)
	}
	page, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping probe: %w", err)
	}
	return &Probe{page}, nil
}

// Close unmaps the page.
func (p *Probe) Close() error { return syscall.Munmap(p.words) }

func (p *Probe) word(i int) *int64 { return (*int64)(unsafe.Pointer(&p.words[8*i])) }

// Observe is an app.Observer that counts in the page.
func (p *Probe) Observe(phase app.Phase) (end func()) {
	w := p.word(int(phase))
	atomic.AddInt64(w, 1)
	p.linger(phase)
	return func() {
		p.linger(phase)
		atomic.AddInt64(w, -1)
	}
}

// lingerMost is how long the hub stays at the beginning and at the end of a phase that a kill is aimed at. A commit is over
// in a millisecond; a busy machine takes longer to deliver a signal.
const lingerMost = 8 * time.Millisecond

// LingerAt makes the hub stay longer in a phase, before and after what it does there.
func (p *Probe) LingerAt(phase app.Phase) { atomic.StoreInt64(p.word(wordLinger), int64(phase)+1) }

func (p *Probe) linger(phase app.Phase) {
	if atomic.LoadInt64(p.word(wordLinger)) == int64(phase)+1 {
		<-time.After(rand.N(lingerMost))
	}
}

// Begin marks that the hub is about to be opened.
func (p *Probe) Begin() { atomic.StoreInt64(p.word(wordBegin), 1) }

// Serving marks that recovery is over.
func (p *Probe) Serving() { atomic.StoreInt64(p.word(wordServe), 1) }

// Fell is where a kill fell; the stretches overlap.
type Fell struct {
	Append, Apply, Commit, Recovery bool
	Phases                          [app.Phases]bool
}

// Now returns where the hub stands.
func (p *Probe) Now() (f Fell) {
	for phase := range f.Phases {
		f.Phases[phase] = atomic.LoadInt64(p.word(phase)) > 0
	}
	f.Append, f.Apply, f.Commit = f.Phases[app.PhaseAppend], f.Phases[app.PhaseApply], f.Phases[app.PhaseCommit]
	f.Recovery = atomic.LoadInt64(p.word(wordBegin)) == 1 && atomic.LoadInt64(p.word(wordServe)) == 0
	return f
}

// clear makes the page ready for the next hub.
func (p *Probe) clear() {
	for i := range words {
		atomic.StoreInt64(p.word(i), 0)
	}
}
