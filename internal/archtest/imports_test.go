package archtest

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// checkImports holds the table of packages.
func checkImports(t *tree) (wrong []string) {
	for _, p := range t.packages {
		may, ok := allowed(p)
		if !ok {
			wrong = append(wrong, fmt.Sprintf("%s: package is not in the table of the design", p.path))
			continue
		}
		for _, f := range p.code() {
			f.imports(func(spec *ast.ImportSpec, imported string) {
				if target, own := ours(imported); own && !permits(may, target) {
					wrong = append(wrong, t.at(spec, "%s must not import %s", p.path, target))
				}
			})
		}
	}
	return wrong
}

func allowed(p *pkg) (may []string, ok bool) {
	if p.isTest() {
		return []string{"**"}, true
	}
	for _, r := range table() {
		if fits(r.pattern, p.path) {
			return r.may, true
		}
	}
	return nil, false
}

func permits(may []string, target string) bool {
	return slices.Contains(may, target) || slices.Contains(may, "**") || (slices.Contains(may, "*") && !isTestPath(target))
}

// ours turns an import of this module into a path from its root.
func ours(imported string) (target string, ok bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

// checkBaseline keeps the product out of what it is measured against, its tests included.
func checkBaseline(t *tree) (wrong []string) {
	for _, p := range t.packages {
		if !fits("internal/bench/baseline/...", p.path) {
			continue
		}
		for _, f := range p.files {
			f.imports(func(spec *ast.ImportSpec, imported string) {
				if target, own := ours(imported); own && !isTestPath(target) && !fits("internal/bench/baseline/...", target) {
					wrong = append(wrong, t.at(spec, "a baseline must not import %s", target))
				}
			})
		}
	}
	return wrong
}

// checkStranger keeps everything but the standard library out of the reader of sealed files, its tests included: what it
// proves, it proves without the hub.
func checkStranger(t *tree) (wrong []string) {
	for _, p := range t.packages {
		if !fits("internal/hubtest/stranger", p.path) {
			continue
		}
		for _, f := range p.files {
			f.imports(func(spec *ast.ImportSpec, imported string) {
				first, _, _ := strings.Cut(imported, "/")
				if _, own := ours(imported); own || strings.Contains(first, ".") {
					wrong = append(wrong, t.at(spec, "the stranger must not import %s", imported))
				}
			})
		}
	}
	return wrong
}

// checkDoors holds the rule of one door.
func checkDoors(t *tree) (wrong []string) {
	for _, p := range t.packages {
		if free(p.path) {
			continue
		}
		for _, f := range p.code() {
			f.imports(func(spec *ast.ImportSpec, imported string) {
				first, _, _ := strings.Cut(imported, "/")
				if _, own := ours(imported); own || !strings.Contains(first, ".") { // the standard library has no dot
					return
				}
				if !mayUse(p.path, imported) {
					wrong = append(wrong, t.at(spec, "%s is not the door of %s", p.path, imported))
				}
			})
		}
	}
	return wrong
}

func mayUse(pkgPath, imported string) bool {
	return slices.ContainsFunc(doors(), func(d door) bool {
		everybody := slices.Contains(d.open, "*") && pkgPath != "."
		return under(d.library, imported) && (everybody || slices.Contains(d.open, pkgPath))
	})
}

// checkTesting keeps package testing, and the flags that it registers, out of programs.
func checkTesting(t *tree) (wrong []string) {
	for _, p := range t.packages {
		if p.isTest() || fits("internal/bench/...", p.path) {
			continue
		}
		for _, f := range p.code() {
			f.imports(func(spec *ast.ImportSpec, imported string) {
				if under("testing", imported) {
					wrong = append(wrong, t.at(spec, "%s must not import %s outside of tests", p.path, imported))
				}
			})
		}
	}
	return wrong
}
