package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const passed = `{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
{"Action":"pass","Package":"p","Elapsed":0.2}
`
	skip := func(reason string) string {
		return `{"Action":"output","Package":"p","Test":"TestS","Output":"    x_test.go:1: ` + reason + `\n"}
{"Action":"output","Package":"p","Test":"TestS","Output":"--- SKIP: TestS\n"}
{"Action":"skip","Package":"p","Test":"TestS"}
`
	}
	tests := []struct {
		name   string
		events string
		clean  bool
		ok     bool
		want   []string // in the output
	}{
		{"green", passed, true, true, []string{"ok    p  0.2s\n", "\n1 passed, 0 failed, 0 skipped\n"}},
		{"excused skip", skip("../shared is absent") + passed, true, true, []string{"../shared is absent", "\n1 passed, 0 failed, 1 skipped\n"}},
		{"other skip", skip("no server") + passed, true, false, []string{"no server", "left out without an excuse: p TestS\n", "\n1 passed, 0 failed, 1 skipped\n"}},
		{"failed test", `{"Action":"output","Package":"p","Test":"TestF","Output":"boom\n"}
{"Action":"fail","Package":"p","Test":"TestF"}
{"Action":"fail","Package":"p","Elapsed":0.2}
`, false, false, []string{"boom\n", "FAIL  p", "\n0 passed, 1 failed, 0 skipped\n"}},
		{"package that does not build", `{"ImportPath":"p","Action":"build-output","Output":"x.go:1: undefined\n"}
{"Action":"fail","Package":"p","FailedBuild":"p"}
`, false, false, []string{"undefined", "FAIL  p", "\n0 passed, 1 failed, 0 skipped\n"}},
		{"panic outside a test", `{"Action":"output","Package":"p","Output":"panic: x\n"}
{"Action":"fail","Package":"p"}
`, false, false, []string{"panic: x", "\n0 passed, 1 failed, 0 skipped\n"}},
		{"go test unhappy, nothing named", passed, false, false, []string{"go test failed without naming a test\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			r := newReport(&out)
			if err := r.read(strings.NewReader(tt.events)); err != nil {
				t.Fatal(err)
			}
			if ok := r.finish(tt.clean); ok != tt.ok {
				t.Errorf("green = %v, want %v", ok, tt.ok)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("output lacks %q:\n%s", want, out.String())
				}
			}
		})
	}
}

func TestReportNamesTheSlowest(t *testing.T) {
	var events, out strings.Builder
	for n := range slowest + 5 { // the others are quicker
		fmt.Fprintf(&events, `{"Action":"pass","Package":"p","Test":"TestA%d","Elapsed":%d.1}`+"\n", n, n)
		fmt.Fprintf(&events, `{"Action":"pass","Package":"p","Test":"TestA%d/part","Elapsed":%d.1}`+"\n", n, n)
	}
	r := newReport(&out)
	if err := r.read(strings.NewReader(events.String())); err != nil {
		t.Fatal(err)
	}
	r.finish(true)
	first, _, _ := strings.Cut(out.String(), "\n")
	if lines := strings.Count(out.String(), " p TestA"); lines != slowest || first != fmt.Sprintf("  %d.1s p TestA%d", slowest+4, slowest+4) {
		t.Errorf("%d tests are named, first %q", lines, first)
	}
}

func TestReportRefusesWhatIsNotJSON(t *testing.T) {
	if err := newReport(new(strings.Builder)).read(strings.NewReader("go: no such thing\n")); err == nil {
		t.Error("no error")
	}
}
