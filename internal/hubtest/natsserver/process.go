package natsserver

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// process is one run of nats-server. Only its supervising goroutine waits for it, so the pid stays ours until done closes.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the process is gone and reaped
}

// startProcess starts nats-server so that the kernel kills it when we die.
//
// The kernel ties that promise to the thread that started the child, not to the process: a thread which Go retires
// would take the server with it. So one goroutine starts the child, keeps its thread, and waits there for the end.
func startProcess(binary, log string, options []string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own
	p := &process{cmd: exec.Command(binary, options...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
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
		_ = p.cmd.Wait() // how it ended is in its log
		close(p.done)
	}()
	return p, <-started
}

// end sends the signal and returns when the process is gone; on an ended process it does nothing.
func (p *process) end(sig syscall.Signal) {
	_ = p.cmd.Process.Signal(sig) // fails only when the process has ended
	<-p.done
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}
