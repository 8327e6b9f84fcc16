package archtest

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// rule is one check over the source, with the smallest source that breaks it. broken must be complained about as often
// as it says WRONG; the other lines, some of which come close, must not.
type rule struct {
	name   string
	check  func(*tree) []string
	broken map[string]string // file name to content
}

func rules() []rule {
	return []rule{
		{"imports follow the table", checkImports, map[string]string{
			"order.go":                      "package hub\nimport _ \"hub/saga\" // WRONG",
			"order_test.go":                 "package hub\nimport _ \"hub/internal/store\"",
			"internal/orders/a.go":          "package orders\nimport _ \"hub\"\nimport _ \"hub/gdpr\"\nimport _ \"hub/internal/store\" // WRONG",
			"internal/erp/a.go":             "package erp\nimport _ \"hub/internal/bus\" // WRONG\nimport _ \"hub/internal/cache\" // WRONG",
			"internal/app/a.go":             "package app\nimport _ \"hub/internal/store\"\nimport _ \"hub/internal/hubtest\" // WRONG",
			"internal/surprise/a.go":        "package surprise // WRONG",
			"internal/store/storetest/a.go": "package storetest\nimport _ \"hub/internal/hubtest/mariadb\"",
			"tools/go.mod":                  "module hub/tools",
			"tools/a.go":                    "package tools",
			"internal/wal/testdata/a.go":    "package nonsense",
		}},
		{"a baseline knows no product", checkBaseline, map[string]string{
			"internal/bench/a.go":               "package bench\nimport _ \"hub/internal/wal\"",
			"internal/bench/baseline/a.go":      "package baseline\nimport _ \"hub/internal/hubtest/mariadb\"\nimport _ \"hub\" // WRONG",
			"internal/bench/baseline/a_test.go": "package baseline\nimport _ \"hub/internal/wal\" // WRONG",
		}},
		{"the stranger knows no hub", checkStranger, map[string]string{
			"internal/hubtest/stranger/a.go":      "package stranger\nimport _ \"crypto/aes\"\nimport _ \"hub/gdpr\" // WRONG",
			"internal/hubtest/stranger/a_test.go": "package stranger\nimport _ \"modernc.org/sqlite\" // WRONG",
			"internal/hubtest/a.go":               "package hubtest\nimport _ \"hub/gdpr\"",
		}},
		{"a library has one door", checkDoors, map[string]string{
			"internal/store/a.go":             "package store\nimport _ \"github.com/jmoiron/sqlx/reflectx\"\nimport _ \"database/sql\"",
			"internal/store/storetest/a.go":   "package storetest\nimport _ \"pgregory.net/rapid\"",
			"internal/orders/a.go":            "package orders\nimport _ \"github.com/jmoiron/sqlx\" // WRONG\nimport _ \"golang.org/x/sync/errgroup\"",
			"internal/orders/a_test.go":       "package orders\nimport _ \"pgregory.net/rapid\"",
			"internal/erp/a.go":               "package erp\nimport _ \"pgregory.net/rapid\" // WRONG\nimport _ \"github.com/google/uuid\" // WRONG",
			"a.go":                            "package hub\nimport _ \"golang.org/x/sync/errgroup\" // WRONG",
			"internal/bench/baseline/base.go": "package baseline\nimport _ \"github.com/go-sql-driver/mysql\"",
		}},
		{"testing stays in tests", checkTesting, map[string]string{
			"internal/wal/a.go":         "package wal\nimport _ \"testing/fstest\" // WRONG",
			"internal/wal/waltest/a.go": "package waltest\nimport _ \"testing\"",
		}},
		{"packages are documented", checkDocs, map[string]string{
			"a/a.go":      "package a // WRONG",
			"b/b.go":      "// Package b is one.\npackage b // WRONG",
			"c/c.go":      "// Package c does one thing well.\npackage c",
			"c/more.go":   "package c",
			"cmd/x/x.go":  "// Command x runs the whole thing.\npackage main",
			"d/d_test.go": "package d",
		}},
		{"packages have names", checkNames, map[string]string{
			"internal/util/a.go": "package util // WRONG",
			"helpers/x/a.go":     "package x // WRONG",
			"internal/wal/a.go":  "package wal",
		}},
		{"no init", checkInit, map[string]string{
			"a.go": "package a\nfunc init() {} // WRONG\nfunc initialise() {}\ntype T int\nfunc (T) init() {}",
		}},
		{"no global that changes", checkGlobals, map[string]string{
			"a.go": `package a
var ErrGone = errors.New("gone")
var errLost = f() // WRONG
var _ fmt.Stringer = T{}
var pattern = regexp.MustCompile("x")
var names = [...]string{"a"}
var sizes = sizeTable(3)
var alphabet = base32.NewEncoding("x").WithPadding('=')
var dialect = &T{f: 1}
var pointed = &T{} // WRONG
var counter = newCounter() // WRONG
//go:embed x.sql
var files embed.FS
var mu sync.Mutex // WRONG
var Table = map[string]int{} // WRONG
var count = 0 // WRONG
var cache = map[string]int{} // WRONG
var list = []int{1} // WRONG
var other = T{} // WRONG
var gone = map[string]int{} // WRONG
func g(names2 []string) { errLost = nil; cache["a"] = 1; list[0]++; h(&other.f); pointed.f = 2; delete(gone, "a"); names := 1; _ = names }`,
		}},
		{"no floats near money", checkFloats, map[string]string{
			"money.go":              "package hub\ntype m float64 // WRONG\nvar x = 0.5 // WRONG\nconst y = 5",
			"money_test.go":         "package hub\nvar z float64",
			"adapters/a.go":         "package adapters\nvar limit float64",
			"adapters/shopify/a.go": "package shopify\nvar v = strconv.ParseFloat // WRONG\nvar w *big.Float // WRONG\nvar u *big.Int",
			"internal/orders/a.go":  "package orders\nvar v, _ = n.Float64() // WRONG",
		}},
		{"no sleeping tests", checkSleep, map[string]string{
			"a_test.go":             "package hub\nfunc f() { time.Sleep(1) } // WRONG",
			"internal/hubtest/a.go": "package hubtest\nfunc f() { time.Sleep(1) } // WRONG",
			"internal/hubtest/b.go": "package hubtest\nfunc f() { time.NewTimer(1) }",
		}},
		{"the clock is injected", checkClock, map[string]string{
			"a.go":                  "package hub\nvar f = time.Now // WRONG\nfunc g() { time.Since(x) } // WRONG",
			"a_test.go":             "package hub\nvar f = time.Now",
			"internal/app/a.go":     "package app\nvar f = time.Now",
			"internal/erp/a.go":     "package erp\nfunc g() { tx.Now(); time.Until(x) } // WRONG",
			"internal/hubtest/a.go": "package hubtest\nvar f = time.Now",
		}},
	}
}

func TestRules(t *testing.T) {
	source, err := readTree(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if source.find("internal/archtest") == nil || source.find(".") == nil {
		t.Fatal("this is not the module's source")
	}
	for _, r := range append(rules(), rule{name: "exported names are documented", check: checkExported}) {
		t.Run(r.name, func(t *testing.T) {
			for _, wrong := range r.check(source) {
				t.Error(wrong)
			}
		})
	}
	names, bare := countExported(source)
	t.Logf("%d packages; %d exported names, %d without a comment: %q", len(source.packages), names, len(bare), bare)
}

// Each rule complains about exactly what breaks it.
func TestRulesCanFail(t *testing.T) {
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			broken := fstest.MapFS{}
			want := 0
			for name, content := range r.broken {
				broken[name] = &fstest.MapFile{Data: []byte(content)}
				want += strings.Count(content, "// WRONG")
			}
			source, err := readTree(broken)
			if err != nil {
				t.Fatal(err)
			}
			wrong := r.check(source)
			if len(wrong) != want || want == 0 {
				t.Errorf("%d complaints, want %d:\n%s", len(wrong), want, strings.Join(wrong, "\n"))
			}
			for _, w := range wrong { // those that name a line name one that is wrong
				name, rest, _ := strings.Cut(w, ":")
				if content, ok := r.broken[name]; ok {
					n := strings.IndexByte(rest, ':')
					if line := lineOf(content, rest[:n]); !strings.Contains(line, "// WRONG") {
						t.Errorf("%s, where there is only %q", w, line)
					}
				}
			}
		})
	}
}

func lineOf(content, number string) string {
	n := 0
	for _, digit := range number {
		n = n*10 + int(digit-'0')
	}
	return strings.Split(content, "\n")[n-1]
}

func TestExportedRuleCanFail(t *testing.T) {
	source, err := readTree(fstest.MapFS{"a.go": &fstest.MapFile{Data: []byte(`package a
// A is documented.
type A struct{}
func (A) Bare() {}
func (b) Hidden() {}
// Consts of one kind.
const (
	One = 1
	Two = 2
)
type I interface {
	Bare2()
	// Good is documented.
	Good()
}
var (
	Bare3 = 1
	Fine = 2 // Fine is documented.
)
func hidden() {}
`)}})
	if err != nil {
		t.Fatal(err)
	}
	names, bare := countExported(source)
	if names != 9 || len(bare) != 4 || len(checkExported(source)) != 5 { // A, Bare, One, Two, I, Bare2, Good, Bare3, Fine
		t.Errorf("%d names, without a comment: %q", names, bare)
	}
}

// Arrows of import only point down: no way through the table leads back to where it began.
func TestTableHasNoCircle(t *testing.T) {
	var visit func(pattern string, path []string)
	visit = func(pattern string, path []string) {
		if slices.Contains(path, pattern) {
			t.Fatalf("circle in the table: %s", strings.Join(append(path, pattern), " → "))
		}
		for _, r := range table() {
			if r.pattern != pattern {
				continue
			}
			for _, target := range r.may {
				if target == "*" || target == "**" {
					continue
				}
				visit(target, append(slices.Clone(path), pattern))
			}
		}
	}
	for _, r := range table() {
		visit(r.pattern, nil)
	}
}
