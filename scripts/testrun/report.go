package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is one line of go test -json (documented by `go doc test2json`).
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build output
	Test        string
	Output      string
	Elapsed     float64 // seconds
	FailedBuild string
}

// report gathers events and prints what a reader needs.
type report struct {
	out                     io.Writer
	passed, failed, skipped int
	unexcused               []string          // skipped for a reason that does not count
	output                  map[string]string // by package and test, until its end
	failedIn                map[string]bool   // packages in which a test failed
	ended                   []event           // of tests, without their subtests
}

// slowest is how many of the tests are named at the end: whoever wants a shorter run begins with them.
const slowest = 20

func newReport(out io.Writer) *report {
	return &report{out: out, output: map[string]string{}, failedIn: map[string]bool{}}
}

// read takes events until their end.
func (r *report) read(events io.Reader) error {
	for dec := json.NewDecoder(events); ; {
		var e event
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		r.add(e)
	}
}

func (r *report) add(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		r.output[key] += e.Output
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(e)
		}
		delete(r.output, key)
	}
}

func (r *report) endTest(e event) {
	name, output := e.Package+" "+e.Test, r.output[e.Package+" "+e.Test]
	if !strings.Contains(e.Test, "/") {
		r.ended = append(r.ended, e)
	}
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		r.failedIn[e.Package] = true
		fmt.Fprint(r.out, output)
	case "skip":
		r.skipped++
		fmt.Fprint(r.out, output)
		if !strings.Contains(output, "../shared") {
			r.unexcused = append(r.unexcused, name)
		}
	}
}

func (r *report) endPackage(e event) {
	switch e.Action {
	case "pass":
		fmt.Fprintf(r.out, "ok    %s  %.1fs\n", e.Package, e.Elapsed)
	case "skip":
		fmt.Fprintf(r.out, "-     %s  no test files\n", e.Package)
	case "fail":
		if !r.failedIn[e.Package] { // it did not build, panicked, or ran out of time
			r.failed++
			fmt.Fprint(r.out, r.output[e.Package+" "])
		}
		fmt.Fprintf(r.out, "FAIL  %s  %.1fs\n", e.Package, e.Elapsed)
	}
}

// finish prints the slowest tests and the sums, and reports whether the run is green. clean says that go test itself was content.
func (r *report) finish(clean bool) bool {
	slices.SortStableFunc(r.ended, func(a, b event) int { return cmp.Compare(b.Elapsed, a.Elapsed) })
	for _, e := range r.ended[:min(slowest, len(r.ended))] {
		fmt.Fprintf(r.out, "%6.1fs %s %s\n", e.Elapsed, e.Package, e.Test)
	}
	for _, name := range r.unexcused {
		fmt.Fprintf(r.out, "left out without an excuse: %s\n", name)
	}
	if !clean && r.failed == 0 {
		fmt.Fprintln(r.out, "go test failed without naming a test")
	}
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	return clean && r.failed == 0 && len(r.unexcused) == 0
}
