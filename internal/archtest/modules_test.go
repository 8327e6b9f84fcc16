package archtest

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// requirement finds the version of a module in the text of a go.mod.
func requirement(gomod, modulePath string) string {
	m := regexp.MustCompile(`(?m)^(?:require)?\s*` + regexp.QuoteMeta(modulePath) + `\s+(v\S+)`).FindStringSubmatch(gomod)
	if m == nil {
		return ""
	}
	return m[1]
}

// modernc.org/sqlite is C turned into Go against one exact version of its C library; another one corrupts memory.
func TestLibcIsTheOneOfSQLite(t *testing.T) {
	const libc = "modernc.org/libc"
	list := func(format, modulePath string) string {
		t.Helper()
		out, err := exec.Command("go", "list", "-m", "-f", format, modulePath).Output()
		if err != nil {
			t.Fatalf("go list -m %s: %v", modulePath, err)
		}
		return string(out[:max(0, len(out)-1)])
	}
	gomod, err := os.ReadFile(list("{{.GoMod}}", "modernc.org/sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	ours, its := list("{{.Version}}", libc), requirement(string(gomod), libc)
	if ours == "" || ours != its {
		t.Errorf("%s is %q here and %q in modernc.org/sqlite's go.mod", libc, ours, its)
	}
}

func TestRequirement(t *testing.T) {
	for gomod, want := range map[string]string{
		"require (\n\tmodernc.org/libc v1.2.3\n)":       "v1.2.3",
		"require modernc.org/libc v1.2.4 // indirect\n": "v1.2.4",
		"require modernc.org/libcextra v1.2.4\n":        "",
	} {
		if got := requirement(gomod, "modernc.org/libc"); got != want {
			t.Errorf("%q: got %q, want %q", gomod, got, want)
		}
	}
}
