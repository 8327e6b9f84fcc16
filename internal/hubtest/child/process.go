// Package child runs the server processes of tests: a child dies with the process that started it, even when that one is
// killed, and ends only by a signal or on its own. It does not know what the server is, nor when it is ready.
package child

import (
	"os/exec"
	"runtime"
	"syscall"
)

// Process is one run of a server. Only its supervising goroutine waits for it, so the pid stays ours until Done closes.
// Its methods are safe for concurrent use.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the process is gone and reaped
}

// Start starts the command so that the kernel kills it when we die.
//
// The kernel ties that promise to the thread that started the child, not to the process: a thread which Go retires
// would take the server with it. So one goroutine starts the child, keeps its thread, and waits there for the end.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, done: make(chan struct{})}
	p.cmd.SysProcAttr = dieWithParent()
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = p.cmd.Wait() // how it ended is in the server's own log
		close(p.done)
	}()
	return p, <-started
}

// Done is closed when the process is gone.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends a signal; it fails when the process has ended.
func (p *Process) Signal(sig syscall.Signal) error { return p.cmd.Process.Signal(sig) }

// End sends the signal and returns when the process is gone; on an ended process it does nothing.
func (p *Process) End(sig syscall.Signal) {
	_ = p.Signal(sig) // fails only when the process has ended
	<-p.done
}

// Ended says whether the process is gone.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}
