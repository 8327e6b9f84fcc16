package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// tree is the source of the module.
type tree struct {
	fset     *token.FileSet
	packages []*pkg // by path
}

// pkg is one folder of source. The external test package of a folder counts as its test files.
type pkg struct {
	path  string // from the module's root, "." for the root itself
	name  string
	files []*file
}

type file struct {
	name string // from the module's root
	test bool   // a _test.go file
	ast  *ast.File
}

// readTree parses every Go file below root, whatever its build constraints, except other modules and test data.
func readTree(root fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet()}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if hidden := strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_"); name != "." && (hidden || d.Name() == "testdata") {
				return fs.SkipDir
			}
			if _, err := fs.Stat(root, path.Join(name, "go.mod")); err == nil && name != "." {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		return t.add(root, name)
	})
	slices.SortFunc(t.packages, func(a, b *pkg) int { return strings.Compare(a.path, b.path) })
	return t, err
}

func (t *tree) add(root fs.FS, name string) error {
	source, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(t.fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	f := &file{name: name, test: strings.HasSuffix(name, "_test.go"), ast: parsed}
	dir := path.Dir(name)
	p := t.find(dir)
	if p == nil {
		p = &pkg{path: dir}
		t.packages = append(t.packages, p)
	}
	if !f.test || p.name == "" {
		p.name = strings.TrimSuffix(parsed.Name.Name, "_test")
	}
	p.files = append(p.files, f)
	return nil
}

func (t *tree) find(path string) *pkg {
	for _, p := range t.packages {
		if p.path == path {
			return p
		}
	}
	return nil
}

// at begins a complaint with the place of a node.
func (t *tree) at(n ast.Node, format string, args ...any) string {
	p := t.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d: ", p.Filename, p.Line) + fmt.Sprintf(format, args...)
}

// code is the files that end up in a program.
func (p *pkg) code() []*file {
	return slices.DeleteFunc(slices.Clone(p.files), func(f *file) bool { return f.test })
}

// isTest says that the package exists for tests: it may import anything, and no product package may import it.
func (p *pkg) isTest() bool { return isTestPath(p.path) }

func isTestPath(pkgPath string) bool {
	return strings.HasPrefix(pkgPath, "internal/hubtest") || strings.HasSuffix(pkgPath, "test")
}

// imports calls f with the path of each import of the file.
func (f *file) imports(visit func(spec *ast.ImportSpec, imported string)) {
	for _, spec := range f.ast.Imports {
		if imported, err := strconv.Unquote(spec.Path.Value); err == nil {
			visit(spec, imported)
		}
	}
}

// selector reports whether n is pkg.name of an import whose last path element is pkg, and returns name. A local variable
// of the same name deceives it, which is a reason to rename the variable.
func selector(n ast.Node, pkg string) (name string, ok bool) {
	s, isSelector := n.(*ast.SelectorExpr)
	if !isSelector {
		return "", false
	}
	x, isIdent := s.X.(*ast.Ident)
	return s.Sel.Name, isIdent && x.Name == pkg
}
