package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// checkDocs wants a sentence before every package.
func checkDocs(t *tree) (wrong []string) {
	for _, p := range t.packages {
		if len(p.code()) == 0 {
			continue
		}
		var doc strings.Builder
		for _, f := range p.code() {
			doc.WriteString(f.ast.Doc.Text())
		}
		begin := "Package " + p.name + " "
		if p.name == "main" {
			begin = "Command "
		}
		if !strings.HasPrefix(doc.String(), begin) || !strings.Contains(doc.String(), ".") || len(strings.Fields(doc.String())) < 5 {
			wrong = append(wrong, fmt.Sprintf("%s: no package comment that begins with %q and holds a sentence", p.path, begin))
		}
	}
	return wrong
}

// checkNames refuses packages that are named for what they are not about.
func checkNames(t *tree) (wrong []string) {
	empty := []string{"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"}
	for _, p := range t.packages {
		for _, part := range append(strings.Split(p.path, "/"), p.name) {
			if slices.Contains(empty, part) {
				wrong = append(wrong, fmt.Sprintf("%s: the name %s says nothing", p.path, part))
				break
			}
		}
	}
	return wrong
}

// checkInit refuses work and registration at start, in tests too.
func checkInit(t *tree) (wrong []string) {
	for _, p := range t.packages {
		for _, f := range p.files {
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					wrong = append(wrong, t.at(fn, "init function"))
				}
			}
		}
	}
	return wrong
}

// paces are the files whose fractions count calls and seconds, of which platforms use parts, and never money.
func paces() []string { return []string{"adapters/driver/client.go", "adapters/shopify/pace.go"} }

// checkFloats keeps binary fractions away from money.
func checkFloats(t *tree) (wrong []string) {
	for _, p := range t.packages {
		if p.path != "." && p.path != "internal/orders" && !strings.HasPrefix(p.path, "adapters/") {
			continue
		}
		for _, f := range p.code() {
			if slices.Contains(paces(), f.name) {
				continue
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if what := float(n); what != "" {
					wrong = append(wrong, t.at(n, "%s near money", what))
				}
				return true
			})
		}
	}
	return wrong
}

// float names the fraction that a node brings in, or "".
func float(n ast.Node) string {
	switch n := n.(type) {
	case *ast.Ident:
		if n.Name == "float32" || n.Name == "float64" {
			return n.Name
		}
	case *ast.BasicLit:
		if n.Kind == token.FLOAT {
			return n.Value
		}
	case *ast.SelectorExpr:
		if slices.Contains([]string{"ParseFloat", "Float64", "Float32"}, n.Sel.Name) {
			return n.Sel.Name
		}
		if name, ok := selector(n, "big"); ok && name == "Float" {
			return "big.Float"
		}
	}
	return ""
}

// checkSleep refuses tests that hope that enough time has passed.
func checkSleep(t *tree) (wrong []string) {
	for _, p := range t.packages {
		for _, f := range p.files {
			if !f.test && !p.isTest() {
				continue
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if name, ok := selector(n, "time"); ok && name == "Sleep" {
					wrong = append(wrong, t.at(n, "a test sleeps"))
				}
				return true
			})
		}
	}
	return wrong
}

// checkClock wants the clock injected everywhere but where programs are put together and where time is measured.
func checkClock(t *tree) (wrong []string) {
	readsClock := []string{"internal/app", "internal/demo", "internal/bench/...", "cmd/...", "scripts/..."}
	for _, p := range t.packages {
		if p.isTest() || slices.ContainsFunc(readsClock, func(pattern string) bool { return fits(pattern, p.path) }) {
			continue
		}
		for _, f := range p.code() {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if name, ok := selector(n, "time"); ok && slices.Contains([]string{"Now", "Since", "Until"}, name) {
					wrong = append(wrong, t.at(n, "time.%s instead of an injected clock", name))
				}
				return true
			})
		}
	}
	return wrong
}
