// Package internal_test holds what is true of all packages together.
package internal_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/understudy-ci/understudy"

// A layer is a floor of the house. Imports go down only.
type layer string

const (
	program  layer = "program"  // flags to a subcommand; tests of the built binary
	assembly layer = "assembly" // builds everything, or uses it from outside
	surface  layer = "surface"  // HTTP in and out, one per protocol
	service  layer = "service"  // verbs
	state    layer = "state"    // what survives a restart
	pure     layer = "pure"     // no I/O, no clock
	support  layer = "support"  // for tests; only tests and each other import them
)

// floors are the layers from top to bottom.
var floors = []layer{program, assembly, surface, service, state, pure}

// A room is a package and what it may import of ours: layers, or packages by
// name. Packages below it, such as blob/fs, live by the rules of their parent.
type room struct {
	layer   layer
	name    string
	imports string
}

var house = []room{
	{program, "cmd", "assembly pure"},
	{program, "e2e", "assembly pure"},

	{assembly, "server", "runner surface service state pure"},
	{assembly, "demo", "server download pure"},
	{assembly, "bench", "server runner state pure"},
	{assembly, "runner", "pure"},
	{assembly, "download", "pure"},

	{surface, "rest", "httpjson auth service state pure"},
	{surface, "runnerapi", "httpjson auth service state pure"},
	{surface, "results", "httpjson auth service state pure"},
	{surface, "githttp", "httpjson auth service state pure"},
	{surface, "web", "httpjson auth service state pure"},
	{surface, "graphql", "httpjson auth pure"},
	{surface, "httpjson", "shape actions"},
	{surface, "auth", "actions recent store token"},

	{service, "trigger", "scheduler state pure"},
	{service, "scheduler", "steps queue source state pure"},
	{service, "steps", "store actions"},
	{service, "queue", "state pure"},
	{service, "repository", "state pure"},
	{service, "runners", "scheduler queue state pure"},
	{service, "source", "state pure"},
	{service, "logs", "state pure"},
	{service, "object", "state pure"},
	{service, "artifact", "object state pure"},
	{service, "cache", "object state pure"},
	{service, "webhook", "state pure"},
	{service, "settings", "state pure"},

	{state, "store", "pure"},
	{state, "blob", "pure"},
	{state, "gitrepo", "pure"},
	{state, "secret", "pure"},
	{state, "token", "pure"},

	{pure, "plan", "workflow expr shape actions"},
	{pure, "workflow", "expr actions"},
	{pure, "expr", ""},
	{pure, "wire", ""},
	{pure, "mask", ""},
	{pure, "version", ""},
	{pure, "recent", ""},
	{pure, "shape", "actions"},
	{pure, "builtin", "actions"},
	{pure, "toolkit", ""},
	{pure, "actions", ""},

	{support, "openapitest", ""},
	{support, "goldentest", ""},
	{support, "servertest", "server service state pure"},
}

// outside says which packages that are not ours a layer must not import.
var outside = map[layer][]string{
	service: {"net/http", "os/exec"},
	pure:    {"net", "net/http", "net/http/*", "os", "os/*", "log", "log/*", "syscall", "crypto/rand", "math/rand", "math/rand/*"},
}

// sql is for these packages alone, and its drivers too.
var (
	sqlRooms = []string{"internal/store/db", "internal/store/seed"}
	sql      = []string{"database/sql", "database/sql/*", "github.com/jackc/*", "modernc.org/*"}
)

func TestImportsGoDownOnly(t *testing.T) {
	rooms := rooms()
	for _, f := range sources(t) {
		r, ok := rooms[roomOf(f.pkg)]
		switch {
		case f.pkg == "internal":
			continue // this file
		case !ok:
			t.Errorf("%s: package %s is not in the table", f.name, f.pkg)
			continue
		}
		for _, imported := range f.imports {
			if why := r.refuses(rooms, f, imported); why != "" {
				t.Errorf("%s: %s must not import %s: %s", f.name, f.pkg, imported, why)
			}
		}
	}
}

func TestImportTableRefuses(t *testing.T) {
	rooms := rooms()
	for _, c := range []struct {
		file, imported string
		want           bool
	}{
		{"internal/rest/runs.go", module + "/internal/scheduler", false},
		{"internal/rest/runs.go", module + "/internal/web", true},
		{"internal/rest/runs.go", module + "/internal/server", true},
		{"internal/rest/runs_test.go", module + "/internal/githttp", false},
		{"internal/rest/runs_test.go", module + "/internal/server", true},
		{"internal/rest/runs_test.go", module + "/internal/openapitest", false},
		{"internal/rest/runs.go", module + "/internal/openapitest", true},
		{"internal/rest/runs.go", module + "/internal/store/storetest", true},
		{"internal/rest/runs.go", "database/sql", true},
		{"internal/rest/runs.go", module + "/internal/unheard", true},
		{"internal/httpjson/write.go", module + "/internal/store", true},
		{"internal/scheduler/end.go", module + "/internal/queue", false},
		{"internal/queue/offer.go", module + "/internal/scheduler", true},
		{"internal/queue/offer.go", "net/http", true},
		{"internal/store/db/values.go", "database/sql/driver", false},
		{"internal/store/db/db.go", module + "/internal/actions", false},
		{"internal/store/jobs.go", module + "/internal/store/db", false},
		{"internal/store/jobs.go", "database/sql", true},
		{"internal/queue/queue.go", module + "/internal/store/db", true},
		{"internal/store/jobs.go", module + "/internal/blob", true},
		{"internal/blob/fs/fs.go", module + "/internal/blob", false},
		{"internal/runner/worker/step.go", module + "/internal/wire", false},
		{"internal/runner/worker/step.go", module + "/internal/store", true},
		{"internal/runner/worker/step.go", "os/exec", true},
		{"internal/runner/host/process.go", "os/exec", false},
		{"internal/plan/plan.go", module + "/internal/expr", false},
		{"internal/plan/plan.go", module + "/internal/actions", false},
		{"internal/plan/plan.go", "os", true},
		{"internal/plan/plan.go", "os/exec", true},
		{"internal/actions/job.go", "github.com/google/uuid", true},
		{"cmd/understudy/serve.go", module + "/internal/server", false},
		{"cmd/understudy/serve.go", module + "/internal/store", true},
	} {
		f := source{name: c.file, pkg: path.Dir(c.file), test: strings.HasSuffix(c.file, "_test.go")}
		if why := rooms[roomOf(f.pkg)].refuses(rooms, f, c.imported); (why != "") != c.want {
			t.Errorf("%s imports %s: refused %q, want refused %t", c.file, c.imported, why, c.want)
		}
	}
}

func rooms() map[string]room {
	rooms := map[string]room{}
	for _, r := range house {
		rooms[r.name] = r
	}
	return rooms
}

// refuses says why a file of room r must not import a package, or "".
func (r room) refuses(rooms map[string]room, f source, imported string) string {
	pkg, ours := strings.CutPrefix(imported, module+"/")
	if !ours {
		return r.refusesOutside(f, imported)
	}
	to, ok := rooms[roomOf(pkg)]
	switch {
	case !ok:
		return "it is not in the table"
	case pkg == "internal/store/db" && r.name != "store":
		return "all SQL is in store"
	case forTests(pkg) || to.layer == support:
		if f.test || forTests(f.pkg) {
			return ""
		}
		return "it is for tests"
	case to.name == r.name || r.lists(to):
		return ""
	case f.test && slices.Index(floors, r.layer) <= slices.Index(floors, to.layer):
		return "" // a test may also use its own floor and those below
	}
	return fmt.Sprintf("a %s may import %q", r.name, r.imports)
}

func (r room) lists(to room) bool {
	words := strings.Fields(r.imports)
	return slices.Contains(words, to.name) || slices.Contains(words, string(to.layer))
}

func (r room) refusesOutside(f source, imported string) string {
	if f.test || forTests(f.pkg) {
		return ""
	}
	if r.name == "actions" && strings.Contains(strings.Split(imported, "/")[0], ".") {
		return "the nouns need only the standard library"
	}
	if !slices.Contains(sqlRooms, f.pkg) && matches(sql, imported) {
		return "only store/db speaks to databases"
	}
	if r.name == "runner" && f.pkg != "internal/runner/host" && imported == "os/exec" {
		return "processes of jobs start in runner/host"
	}
	if matches(outside[r.layer], imported) {
		return fmt.Sprintf("no %s package may", r.layer)
	}
	return ""
}

func matches(patterns []string, imported string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		dir, below := strings.CutSuffix(p, "/*")
		return p == imported || below && strings.HasPrefix(imported, dir+"/")
	})
}

// roomOf is the room that a package of ours belongs to.
func roomOf(pkg string) string {
	first, rest, _ := strings.Cut(pkg, "/")
	if first != "internal" {
		return first
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// forTests reports whether a package exists for tests, like store/storetest.
func forTests(pkg string) bool { return strings.HasSuffix(path.Base(pkg), "test") }

// A source is one Go file of the module.
type source struct {
	name    string // from the root of the module
	pkg     string // its directory
	test    bool
	imports []string
}

// sources reads every Go file, also those that are not built on this system.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch base := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "node_modules" || base == "testdata"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", name), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		s := source{name: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go")}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, imported)
		}
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
