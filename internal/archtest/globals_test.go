package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// excused are the package variables that change, with the reason why they may.
func excused() map[string]string {
	return map[string]string{
		"internal/hubtest/mariadb.shared": "one server for all tests of a process; testing has no other place for it",
	}
}

// checkGlobals refuses package variables that change. A table, a compiled expression, an error or an embedded file is
// none: it has a value from the start and nothing in its package writes to it. Only errors may be exported, as nobody
// could tell who writes to an exported variable.
func checkGlobals(t *tree) (wrong []string) {
	for _, p := range t.packages {
		for _, f := range p.code() {
			for _, d := range f.ast.Decls {
				g, ok := d.(*ast.GenDecl)
				if !ok || g.Tok != token.VAR {
					continue
				}
				for _, s := range g.Specs {
					wrong = append(wrong, t.checkVar(p, g, s.(*ast.ValueSpec))...)
				}
			}
		}
	}
	return wrong
}

func (t *tree) checkVar(p *pkg, decl *ast.GenDecl, spec *ast.ValueSpec) (wrong []string) {
	for i, name := range spec.Names {
		var value ast.Expr
		if i < len(spec.Values) {
			value = spec.Values[i]
		}
		lower := strings.ToLower(name.Name)
		switch {
		case name.Name == "_", excused()[p.path+"."+name.Name] != "":
		case embedded(decl, spec):
		case strings.HasPrefix(lower, "err") && value != nil && !p.writes(name.Name):
		case name.IsExported():
			wrong = append(wrong, t.at(name, "exported package variable %s", name.Name))
		case !constant(value):
			wrong = append(wrong, t.at(name, "package variable %s is no table, compiled expression or error", name.Name))
		case p.writes(name.Name):
			wrong = append(wrong, t.at(name, "package variable %s changes", name.Name))
		}
	}
	return wrong
}

// embedded says whether a go:embed directive fills the variable.
func embedded(decl *ast.GenDecl, spec *ast.ValueSpec) bool {
	for _, group := range []*ast.CommentGroup{decl.Doc, spec.Doc} {
		if group == nil {
			continue
		}
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}

// constant says whether the value is one that would be called const if Go could: a literal, what the standard library
// compiles from one, or a table that a function of the package (named so) makes.
func constant(value ast.Expr) bool {
	compilers := []string{"MustCompile", "Must", "MakeTable", "NewInt", "NewReplacer", "NewEncoding", "WithPadding", "Date"}
	switch v := value.(type) {
	case *ast.CompositeLit:
		return true
	case *ast.UnaryExpr: // a pointer to a literal gives a table or a sentinel its identity
		_, literal := v.X.(*ast.CompositeLit)
		return v.Op == token.AND && literal
	case *ast.SliceExpr: // a part of a table
		return true
	case *ast.CallExpr:
		switch fn := v.Fun.(type) {
		case *ast.SelectorExpr:
			return slices.Contains(compilers, fn.Sel.Name)
		case *ast.Ident:
			return strings.HasSuffix(fn.Name, "Table")
		}
	}
	return false
}

// writes says whether code of the package assigns to the variable or into it, or takes its address. A local variable of
// the same name deceives it, which is a reason to rename one of them.
func (p *pkg) writes(name string) bool {
	found := false
	hit := func(e ast.Expr) { found = found || rootOf(e) == name }
	for _, f := range p.code() {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, left := range n.Lhs {
						hit(left)
					}
				}
			case *ast.IncDecStmt:
				hit(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					hit(n.X)
				}
			case *ast.CallExpr:
				if fn, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && (fn.Name == "delete" || fn.Name == "clear") {
					hit(n.Args[0])
				}
			}
			return !found
		})
	}
	return found
}

// rootOf is the variable at the bottom of x, x.f, x[i] and *x.
func rootOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return rootOf(e.X)
	case *ast.IndexExpr:
		return rootOf(e.X)
	case *ast.StarExpr:
		return rootOf(e.X)
	case *ast.ParenExpr:
		return rootOf(e.X)
	}
	return ""
}
