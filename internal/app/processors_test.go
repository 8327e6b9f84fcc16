package app

import (
	"runtime"
	"testing"
)

func TestUseProcessors(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	t.Setenv("GOMAXPROCS", "")
	back := UseProcessors()
	if got := runtime.GOMAXPROCS(0); got != before+2 {
		t.Errorf("%d threads run, want %d", got, before+2)
	}
	back()
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("%d threads run afterwards, want %d", got, before)
	}
	t.Setenv("GOMAXPROCS", "1")
	defer UseProcessors()()
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("the environment's choice is overruled: %d", got)
	}
}
