package store_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Who writes into these tables changes who may do what.
var audited = regexp.MustCompile(`(?i)\b(?:insert into|update|delete from) (accounts|members|collaborators|tokens|registration_tokens|runners|settings|repositories|environments|runner_groups)\b`)

// unaudited are the functions that write into them and into the audit log not, or
// leave that to another.
var unaudited = map[string]string{
	"saveCollaborator":    "SetCollaborator writes the entry",
	"SaveJobToken":        "a job's token comes and goes with its job",
	"DeleteJobTokens":     "as SaveJobToken",
	"DeleteExpiredTokens": "their time was in the entry of who made them, or is an hour",
	"TokenUsed":           "when it was used, not what it may",
	"SeeRunner":           "what a runner says of itself",
	"DeleteEphemeral":     "it was registered for one job, and its entry says so",
	"SetPushed":           "when refs moved",
	"CreatePull":          "the number of the newest pull request",
	"leaveNetwork":        "what a fork was made of is gone, of which the entry says so",
	"countForks":          "each fork has an entry of its own",
	"joinGroup":           "who calls it writes what was done to the group",
}

// A change that nobody writes down is found here, and not by whoever looks for it in
// the log.
func TestWhoChangesAnAuditedTableWritesAnEntry(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			table, writes := inspectAudit(fn)
			if table == "" {
				continue
			}
			found[fn.Name.Name] = true
			if _, excused := unaudited[fn.Name.Name]; writes == excused {
				t.Errorf("%s: %s changes %s: it writes an entry (%t), or stands in unaudited with a reason (%t)", name, fn.Name.Name, table, writes, excused)
			}
		}
	}
	for name := range unaudited {
		if !found[name] {
			t.Errorf("%s changes no audited table", name)
		}
	}
}

// inspectAudit says which audited table a function changes, empty for none, and
// whether it calls what writes an entry.
func inspectAudit(fn *ast.FuncDecl) (table string, writes bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if m := audited.FindStringSubmatch(n.Value); m != nil {
				table = m[1]
			}
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "Audit" || strings.HasPrefix(s.Sel.Name, "audit")) {
				writes = true
			}
		}
		return true
	})
	return table, writes
}
