package internal_test

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	declared = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w*)\(\w+ \*testing\.[TFB]\)`)
	tested   = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`)
	quoted   = regexp.MustCompile("`([^`\n]+)`")
	linked   = regexp.MustCompile(`\]\(([^)#\s:]+)(?:#[^)]*)?\)`) // not to other sites
	ourPath  = regexp.MustCompile(`^(?:internal|e2e|cmd|docs|scripts)/[\w./*-]+$`)
)

// The documents say which test holds what they promise. A test that got another
// name, or a file that has moved, must not leave the promise behind.
func TestDocumentsNameTestsAndFilesThatExist(t *testing.T) {
	root := os.DirFS("..")
	tests, files := testsOf(t, root)
	for _, doc := range documents(t, root) {
		text, err := fs.ReadFile(root, doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range untrue(doc, string(text), tests, files) {
			t.Errorf("%s: %s", doc, problem)
		}
	}
}

func TestDocumentsThatNameWhatIsNotThereAreFound(t *testing.T) {
	tests := map[string]bool{"TestIsThere": true}
	files := map[string]bool{"internal": true, "internal/rest": true, "internal/rest/runs.go": true, "docs/architecture.md": true}
	for text, want := range map[string][]string{
		"`TestIsThere`, `TestIsThere/in part`, TestIsThere": nil,
		"`TestIsGone/in part`":                              {"no test TestIsGone"},
		"TestIsGone and FuzzIsGone":                         {"no test FuzzIsGone", "no test TestIsGone"},
		"TestIsThere. Testing and Tests are words":          nil,
		"`internal/rest`, `internal/rest/`":                 nil,
		"`internal/rest/*.go`":                              nil,
		"`internal/web/*.go`":                               {"no file internal/web/*.go"},
		"`e2e/gone_test.go` of `internal/rest/runs.go`":     {"no file e2e/gone_test.go"},
		"[it](architecture.md#packages)":                    nil,
		"[it](https://example.org/docs/x.md)":               nil,
		"[it](gone.md), [it](../internal/rest/runs.go)":     {"no file docs/gone.md"},
	} {
		if got := untrue("docs/some.md", text, tests, files); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// untrue is what a document says that is not so, sorted.
func untrue(doc, text string, tests, files map[string]bool) []string {
	problems := map[string]bool{}
	for _, name := range tested.FindAllString(text, -1) {
		if !tests[name] {
			problems["no test "+name] = true
		}
	}
	check := func(name string) {
		name = path.Clean(name)
		matches := func(file string) bool { ok, err := path.Match(name, file); return ok && err == nil }
		if !files[name] && (!strings.Contains(name, "*") || !slices.ContainsFunc(slices.Collect(maps.Keys(files)), matches)) {
			problems["no file "+name] = true
		}
	}
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		if ourPath.MatchString(m[1]) {
			check(m[1])
		}
	}
	for _, m := range linked.FindAllStringSubmatch(text, -1) {
		check(path.Join(path.Dir(doc), m[1]))
	}
	return slices.Sorted(maps.Keys(problems))
}

// documents are what people read, from the root of the module.
func documents(t *testing.T, root fs.FS) []string {
	t.Helper()
	docs, err := fs.Glob(root, "docs/*.md")
	if err != nil || len(docs) == 0 {
		t.Fatalf("%d documents, %v", len(docs), err)
	}
	return append(docs, "README.md")
}

// testsOf are the names of all tests, and all files and directories.
func testsOf(t *testing.T, root fs.FS) (tests, files map[string]bool) {
	t.Helper()
	tests, files = map[string]bool{}, map[string]bool{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch base := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "node_modules"):
			return fs.SkipDir
		}
		files[name] = true
		if !strings.HasSuffix(name, "_test.go") || strings.Contains(name, "testdata/") {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			tests[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests, files
}
