// Package internal_test holds what is true of all packages together.
package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/understudy-ci/understudy"

// floorPlan is where the table of packages stands: layer, package, what it does,
// and each of our packages that it imports.
const floorPlan = "../docs/architecture.md"

// A layer is a floor of the house. Imports go down only.
type layer string

const (
	program  layer = "program"   // flags to a subcommand; tests of the built binary
	assembly layer = "assembly"  // builds everything, or uses it from outside
	surface  layer = "surfaces"  // HTTP in and out, one per protocol
	service  layer = "services"  // verbs
	state    layer = "state"     // what survives a restart
	pure     layer = "pure"      // no I/O, no clock
	support  layer = "for tests" // only tests and each other import them
)

// floors are the layers from top to bottom.
var floors = []layer{program, assembly, surface, service, state, pure}

// anySurface are the packages of their floor that every surface may use.
var anySurface = []string{"auth", "httpjson"}

// page stands in the table for all packages below rest: one per page of GitHub's
// reference.
const page = "rest/PAGE"

// A room is a row of the table: a package, with those below it that have no row
// of their own. What is below internal is named without that.
type room struct {
	layer   layer
	name    string
	imports []string // other rooms
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

// host starts the processes of jobs, and sandbox that of their worker; the rest of
// the runner starts none.
const (
	host    = "internal/runner/host"
	sandbox = "internal/runner/sandbox"
)

func TestImportsAreThoseOfTheTable(t *testing.T) {
	house := rooms(t)
	used := map[string]map[string]bool{} // by room
	for _, f := range sources(t) {
		r, ok := house[roomOf(house, f.pkg)]
		switch {
		case f.pkg == "internal":
			continue // this file
		case !ok:
			t.Errorf("%s: package %s has no row in the table of %s: add one, in its layer", f.name, f.pkg, floorPlan)
			continue
		}
		for _, imported := range f.imports {
			if why := r.refuses(house, f, imported); why != "" {
				t.Errorf("%s: %s must not import %s: %s", f.name, f.pkg, imported, why)
			}
			if pkg, ours := strings.CutPrefix(imported, module+"/"); ours && !f.test && !forTests(f.pkg) {
				if used[r.name] == nil {
					used[r.name] = map[string]bool{}
				}
				used[r.name][roomOf(house, pkg)] = true
			}
		}
	}
	for _, r := range house {
		delete(used[r.name], r.name)
		if got := slices.Sorted(maps.Keys(used[r.name])); !slices.Equal(got, r.imports) && !forTests(r.name) {
			t.Errorf("%s: the row of %s says %s; let its last column say\n%s", floorPlan, r.name, strings.Join(r.imports, ", "), strings.Join(got, ", "))
		}
	}
}

func TestEveryPageOfTheAPIIsServed(t *testing.T) {
	house, served := rooms(t), map[string]bool{}
	all := sources(t)
	for _, f := range all {
		for _, imported := range f.imports {
			if f.pkg == "internal/server" && !f.test {
				served[strings.TrimPrefix(imported, module+"/")] = true
			}
		}
	}
	for _, f := range all {
		if roomOf(house, f.pkg) == page && !served[f.pkg] {
			t.Errorf("nobody serves %s: join its Routes to the table in internal/server/routes.go", f.pkg)
			served[f.pkg] = true // it is said
		}
	}
}

func TestTheTableOfPackagesGoesDownOnly(t *testing.T) {
	house := rooms(t)
	for _, r := range house {
		for _, name := range r.imports {
			to, ok := house[name]
			switch {
			case !ok:
				t.Errorf("%s imports %s, which has no row", r.name, name)
			case r.layer == support:
			case slices.Index(floors, to.layer) < slices.Index(floors, r.layer):
				t.Errorf("%s (%s) imports %s (%s)", r.name, r.layer, name, to.layer)
			case to.layer == r.layer && !mayImportBeside(r, to):
				t.Errorf("%s and %s are both of %s", r.name, name, r.layer)
			}
		}
	}
}

// mayImportBeside says whether a room may import another of its own floor.
func mayImportBeside(r, to room) bool {
	switch r.layer {
	case surface:
		return slices.Contains(anySurface, to.name) || r.name == page && to.name == "rest"
	case state:
		return strings.HasPrefix(to.name, r.name+"/") || strings.HasPrefix(r.name, to.name+"/") // halves of one room
	default:
		return true
	}
}

func TestImportTableRefuses(t *testing.T) {
	house := rooms(t)
	for _, c := range []struct {
		file, imported string
		want           bool
	}{
		{"internal/rest/runs/runs.go", module + "/internal/scheduler", false},
		{"internal/rest/runs/runs.go", module + "/internal/rest", false},
		{"internal/rest/api.go", module + "/internal/rest/runs", true},
		{"internal/rest/api.go", module + "/internal/web", true},
		{"internal/rest/api.go", module + "/internal/server", true},
		{"internal/rest/api_test.go", module + "/internal/githttp", false},
		{"internal/rest/api_test.go", module + "/internal/server", true},
		{"internal/rest/api_test.go", module + "/internal/openapitest", false},
		{"internal/rest/api.go", module + "/internal/openapitest", true},
		{"internal/rest/api.go", module + "/internal/store/storetest", true},
		{"internal/rest/api.go", "database/sql", true},
		{"internal/rest/api.go", module + "/internal/unheard", true},
		{"internal/httpjson/write.go", module + "/internal/store", true},
		{"internal/scheduler/end.go", module + "/internal/queue", false},
		{"internal/queue/offer.go", module + "/internal/scheduler", true},
		{"internal/queue/offer.go", "net/http", true},
		{"internal/store/jobs.go", "database/sql/driver", true},
		{"internal/store/db/values.go", "database/sql/driver", false},
		{"internal/store/db/values.go", module + "/internal/store", true},
		{"internal/store/jobs.go", module + "/internal/blob", true},
		{"internal/blob/fs/fs.go", module + "/internal/blob", false},
		{"internal/runner/worker/step.go", module + "/internal/wire", false},
		{"internal/runner/worker/step.go", module + "/internal/store", true},
		{"internal/runner/worker/step.go", "os/exec", true},
		{"internal/plan/plan.go", module + "/internal/expr", false},
		{"internal/plan/plan.go", "os", true},
		{"internal/plan/plan.go", "os/exec", true},
		{"internal/actions/job.go", "github.com/google/uuid", true},
		{"cmd/understudy/serve.go", module + "/internal/server", false},
		{"cmd/understudy/serve.go", module + "/internal/store", true},
	} {
		f := source{name: c.file, pkg: path.Dir(c.file), test: strings.HasSuffix(c.file, "_test.go")}
		if why := house[roomOf(house, f.pkg)].refuses(house, f, c.imported); (why != "") != c.want {
			t.Errorf("%s imports %s: refused %q, want refused %t", c.file, c.imported, why, c.want)
		}
	}
}

var tableName = regexp.MustCompile("`([^`]+)`")

// rooms reads the table, by name of the room.
func rooms(t *testing.T) map[string]room {
	t.Helper()
	text, err := os.ReadFile(floorPlan)
	if err != nil {
		t.Fatal(err)
	}
	house, at := map[string]room{}, layer("")
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 || !tableName.MatchString(cells[1]) {
			continue
		}
		if named := strings.TrimSpace(cells[0]); named != "" {
			at = layer(named)
		}
		r := room{layer: at, name: tableName.FindStringSubmatch(cells[1])[1]}
		for name := range strings.SplitSeq(cells[3], ",") {
			if name = strings.TrimSpace(name); name != "" {
				r.imports = append(r.imports, name)
			}
		}
		if at != support && !slices.Contains(floors, at) {
			t.Errorf("%s: %q is no layer", floorPlan, at)
		}
		house[r.name] = r
	}
	if len(house) == 0 {
		t.Fatalf("%s has no table of packages", floorPlan)
	}
	return house
}

// roomOf is the name of the room that a package of ours belongs to: the longest
// in the table that it is, or is below.
func roomOf(house map[string]room, pkg string) string {
	name := strings.TrimPrefix(pkg, "internal/")
	if below, ok := strings.CutPrefix(name, "rest/"); ok && !forTests(below) {
		return page
	}
	for at := name; at != "."; at = path.Dir(at) {
		if _, ok := house[at]; ok {
			return at
		}
	}
	return name
}

// refuses says why a file of room r must not import a package, or "".
func (r room) refuses(house map[string]room, f source, imported string) string {
	pkg, ours := strings.CutPrefix(imported, module+"/")
	if !ours {
		return r.refusesOutside(f, imported)
	}
	to, ok := house[roomOf(house, pkg)]
	switch {
	case !ok:
		return "it is not in the table"
	case forTests(pkg) || to.layer == support:
		if f.test || forTests(f.pkg) {
			return ""
		}
		return "it is for tests"
	case to.name == r.name || slices.Contains(r.imports, to.name):
		return ""
	case (f.test || forTests(f.pkg)) && (r.layer == support || slices.Index(floors, r.layer) <= slices.Index(floors, to.layer)):
		return "" // a test may also use its own floor and those below
	}
	return "its row in " + floorPlan + " does not name " + to.name
}

func (r room) refusesOutside(f source, imported string) string {
	if f.test || forTests(f.pkg) {
		return ""
	}
	switch {
	case r.name == "actions" && strings.Contains(strings.Split(imported, "/")[0], "."):
		return "the nouns need only the standard library"
	case !slices.Contains(sqlRooms, f.pkg) && matches(sql, imported):
		return "SQL runs in store/db"
	case strings.HasPrefix(f.pkg, "internal/runner") && f.pkg != host && f.pkg != sandbox && imported == "os/exec":
		return "runner/host starts processes, runner/sandbox those of workers"
	case matches(outside[r.layer], imported):
		return "no package of " + string(r.layer) + " may"
	}
	return ""
}

func matches(patterns []string, imported string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		dir, below := strings.CutSuffix(p, "/*")
		return p == imported || below && strings.HasPrefix(imported, dir+"/")
	})
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
