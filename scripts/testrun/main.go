// Command testrun runs go test with its own arguments and refuses to call a run green that left something out.
//
// It prints a line per package and the output of what failed or was skipped, and ends with the slowest tests and "N passed,
// N failed, N skipped", which counts tests and subtests. It exits 1 when anything failed and also when a test was skipped,
// unless the reason given says that ../shared is absent: those who have only this repository lack that folder.
// It does not judge tests that filtered themselves out by other means, such as build tags.
package main

import (
	"fmt"
	"os"
	"os/exec"
)

func main() {
	ok, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run reports whether go test succeeded and nothing was left out.
func run(args []string) (bool, error) {
	test := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	test.Stderr = os.Stderr
	events, err := test.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := test.Start(); err != nil {
		return false, err
	}
	r := newReport(os.Stdout)
	readErr := r.read(events)
	exit := test.Wait()
	ok := r.finish(exit == nil)
	if readErr != nil {
		return false, fmt.Errorf("reading the output of go test: %w", readErr)
	}
	return ok, nil
}
