package internal_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var updateRules = flag.Bool("update", false, "write which tests hold each rule into docs")

// ruleDocs are where the rules stand that code names by their ids.
var ruleDocs = []string{"../docs/protocol.md", "../docs/workflow-rules.md"}

var (
	ruleID    = regexp.MustCompile(`\b[A-Z]{2,5}-[0-9]+\b`)
	ruleStart = regexp.MustCompile(`(?m)^\*\*([A-Z]{2,5}-[0-9]+)\*\* `)
	testsLine = regexp.MustCompile(`\nTests: [^\n]*(\n[^\n*#][^\n]*)*`)
	// elsewhere matches references into documents that are not in this repository.
	elsewhere = regexp.MustCompile(`§ ?[0-9]`)
)

// A rule is one paragraph of the documents.
type rule struct{ source, tests bool }

// rules reads the documents: each rule by its id.
func rules(t *testing.T) map[string]rule {
	t.Helper()
	all := map[string]rule{}
	for _, doc := range ruleDocs {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for paragraph := range strings.SplitSeq(string(text), "\n\n") {
			m := ruleStart.FindStringSubmatch(paragraph)
			if m == nil {
				continue
			}
			if _, twice := all[m[1]]; twice {
				t.Errorf("%s: rule %s stands twice", doc, m[1])
			}
			all[m[1]] = rule{strings.Contains(paragraph, "\nSource: "), strings.Contains(paragraph, "\nTests: ")}
		}
	}
	return all
}

// families are the letters before the numbers of rules: in code, SHA-256 is none.
func families(all map[string]rule) map[string]bool {
	f := map[string]bool{}
	for id := range all {
		letters, _, _ := strings.Cut(id, "-")
		f[letters] = true
	}
	return f
}

func TestRulesThatCodeNamesAreInTheDocs(t *testing.T) {
	all := rules(t)
	known := families(all)
	for name, text := range texts(t) {
		if bytes.Contains(text, []byte("elsewhere = regexp")) {
			continue // this file
		}
		for _, id := range ruleID.FindAllString(string(text), -1) {
			letters, _, _ := strings.Cut(id, "-")
			if _, ok := all[id]; known[letters] && !ok {
				t.Errorf("%s names %s, which stands in none of %v", name, id, ruleDocs)
			}
		}
		for line := range strings.SplitSeq(string(text), "\n") {
			if strings.HasSuffix(name, ".go") && elsewhere.MatchString(line) {
				t.Errorf("%s: %q leads nowhere: name a rule of %v", name, strings.TrimSpace(line), ruleDocs)
			}
		}
	}
}

func TestEveryRuleIsNamedByATest(t *testing.T) {
	held := holders(t)
	for id, r := range rules(t) {
		if !r.source {
			t.Errorf("%s has no line that begins with \"Source:\"", id)
		}
		if len(held[id]) == 0 {
			t.Errorf("no test names %s: name it in the comment of the test that holds it", id)
		}
	}
	for _, doc := range ruleDocs {
		before, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		after := withTests(string(before), held)
		if after == string(before) {
			continue
		}
		if !*updateRules {
			t.Errorf("%s does not say which tests hold its rules: go test ./internal -run Rule -update", doc)
			continue
		}
		if err := os.WriteFile(doc, []byte(after), 0o644); err != nil { //nolint:gosec // a document
			t.Fatal(err)
		}
	}
}

// withTests is the document with a line of tests behind each rule.
func withTests(doc string, held map[string][]string) string {
	paragraphs := strings.Split(testsLine.ReplaceAllString(doc, ""), "\n\n")
	for i, p := range paragraphs {
		m := ruleStart.FindStringSubmatch(p)
		if m == nil || len(held[m[1]]) == 0 {
			continue
		}
		end := strings.HasSuffix(p, "\n")
		paragraphs[i] = strings.TrimSuffix(p, "\n") + "\nTests: " + shortened(held[m[1]]) + "."
		if end {
			paragraphs[i] += "\n"
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// shortened lists at most three tests: who wants more can search for the id.
func shortened(tests []string) string {
	const most = 3
	if len(tests) <= most {
		return strings.Join(tests, ", ")
	}
	return strings.Join(tests[:most], ", ") + ", …"
}

// holders are the tests that name each rule: in their comment or body, or, for
// recorded files, by the name of the file.
func holders(t *testing.T) map[string][]string {
	t.Helper()
	held := map[string]map[string]bool{}
	hold := func(id, test string) {
		if held[id] == nil {
			held[id] = map[string]bool{}
		}
		held[id][test] = true
	}
	for name, text := range texts(t) {
		switch {
		case strings.HasSuffix(name, "_test.go"):
			for test, ids := range namedByTests(t, name, text) {
				for _, id := range ids {
					hold(id, "`"+test+"` ("+strings.TrimPrefix(path.Dir(name), "internal/")+")")
				}
			}
		case strings.Contains(name, "/testdata/"):
			for _, id := range ruleID.FindAllString(string(text), -1) {
				hold(id, "`"+strings.TrimPrefix(name, "internal/")+"`")
			}
		}
	}
	sorted := map[string][]string{}
	for id, tests := range held {
		sorted[id] = slices.Sorted(maps.Keys(tests))
	}
	return sorted
}

// namedByTests are the rules that each test function of a file names.
func namedByTests(t *testing.T, name string, text []byte) map[string][]string {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string][]string{}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(f.Name.Name, "Test") && !strings.HasPrefix(f.Name.Name, "Fuzz") {
			continue
		}
		from := f.Pos()
		if f.Doc != nil {
			from = f.Doc.Pos()
		}
		begin, end := fset.Position(from).Offset, fset.Position(f.End()).Offset
		named[f.Name.Name] = ruleID.FindAllString(string(text[begin:end]), -1)
	}
	return named
}

// texts are the source files, recorded files and documents that may name rules,
// by their path from the root of the module.
func texts(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "node_modules" || base == "bin" || base == "kept"):
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		recorded := strings.Contains(name, "/testdata/") && (path.Ext(name) == ".txt" || path.Ext(name) == ".txtar" || path.Ext(name) == ".yml")
		if path.Ext(name) != ".go" && !recorded && (path.Ext(name) != ".md" || slices.Contains(ruleDocs, "../"+name)) {
			return nil
		}
		text, err := os.ReadFile(filepath.Join("..", name))
		all[name] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
