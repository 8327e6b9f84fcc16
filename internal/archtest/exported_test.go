package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
)

// documentedShare is the least share of exported names with a comment, in percent.
const documentedShare = 95

// checkExported wants a comment on nearly every exported name, and lists those without one when it does not find it.
func checkExported(t *tree) []string {
	names, bare := countExported(t)
	if names == 0 || (names-len(bare))*100 >= documentedShare*names {
		return nil
	}
	return append(bare, fmt.Sprintf("%d of %d exported names have a comment, want %d %%", names-len(bare), names, documentedShare))
}

// countExported counts exported names of packages that can be imported, and lists those without a comment.
func countExported(t *tree) (names int, bare []string) {
	see := func(n ast.Node, name *ast.Ident, docs ...*ast.CommentGroup) {
		if !name.IsExported() {
			return
		}
		names++
		for _, d := range docs {
			if d.Text() != "" {
				return
			}
		}
		bare = append(bare, t.at(n, "%s has no comment", name.Name))
	}
	for _, p := range t.packages {
		if p.name == "main" {
			continue
		}
		for _, f := range p.code() {
			for _, d := range f.ast.Decls {
				seeDecl(d, see)
			}
		}
	}
	return names, bare
}

type seeFunc = func(n ast.Node, name *ast.Ident, docs ...*ast.CommentGroup)

func seeDecl(d ast.Decl, see seeFunc) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || ast.IsExported(receiver(d)) {
			see(d, d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				see(s, s.Name, d.Doc, s.Doc, s.Comment)
				if i, ok := s.Type.(*ast.InterfaceType); ok && s.Name.IsExported() {
					seeMethods(i, see)
				}
			case *ast.ValueSpec:
				docs := []*ast.CommentGroup{s.Doc, s.Comment}
				if d.Tok == token.CONST || !d.Lparen.IsValid() {
					docs = append(docs, d.Doc) // a group of constants is explained once
				}
				for _, name := range s.Names {
					see(s, name, docs...)
				}
			}
		}
	}
}

func seeMethods(i *ast.InterfaceType, see seeFunc) {
	for _, m := range i.Methods.List {
		for _, name := range m.Names {
			see(m, name, m.Doc, m.Comment)
		}
	}
}

// receiver is the type name of a method's receiver.
func receiver(d *ast.FuncDecl) string {
	e := d.Recv.List[0].Type
	for {
		switch t := e.(type) {
		case *ast.StarExpr:
			e = t.X
		case *ast.IndexExpr:
			e = t.X
		case *ast.IndexListExpr:
			e = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
}
