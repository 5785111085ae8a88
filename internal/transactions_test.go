package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// openTransactions are the files of surfaces that open one all the same, until
// what they do is a service.
var openTransactions = map[string]bool{
	"internal/runnerapi/message.go": true, // what a runner is told of its job
	"internal/runnerapi/run.go":     true, // and the token that counts from then on
}

// A surface decodes, calls and encodes. What several statements must agree on is a
// verb, and verbs are services. Every way to open a transaction takes a function
// of a *store.Tx, so a surface that does not name that type opens none.
func TestNoSurfaceOpensATransaction(t *testing.T) {
	house := rooms(t)
	for _, f := range sources(t) {
		if house[roomOf(house, f.pkg)].layer != surface || f.test || forTests(f.pkg) {
			continue
		}
		switch opens := namesTx(t, f.name); {
		case opens && !openTransactions[f.name]:
			t.Errorf("%s names store.Tx: a surface opens no transaction, a service does", f.name)
		case !opens && openTransactions[f.name]:
			t.Errorf("%s opens no transaction any more: take it out of the list", f.name)
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
