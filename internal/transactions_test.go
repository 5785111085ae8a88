package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// A surface decodes, calls and encodes. What several statements must agree on is a
// verb, and verbs are services. Every way to open a transaction takes a function
// of a *store.Tx, so a surface that does not name that type opens none.
func TestNoSurfaceOpensATransaction(t *testing.T) {
	house := rooms(t)
	for _, f := range sources(t) {
		if house[roomOf(house, f.pkg)].layer != surface || f.test || forTests(f.pkg) {
			continue
		}
		if namesTx(t, f.name) {
			t.Errorf("%s names store.Tx: a surface opens no transaction, a service does", f.name)
		}
	}
}

// namesTx says whether a file names the type of a transaction.
func namesTx(t *testing.T, name string) (found bool) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", name), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			pkg, ok := s.X.(*ast.Ident)
			found = found || ok && pkg.Name == "store" && s.Sel.Name == "Tx"
		}
		return !found
	})
	return found
}
