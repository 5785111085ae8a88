package plan_test

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/plan"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// realFiles are workflow files of public projects, which GitHub runs: those below the
// directory UNDERSTUDY_CORPUS, by repository, or those that lie beside the checkout. They
// are no part of it.
func realFiles(t *testing.T) []string {
	t.Helper()
	if dir := os.Getenv("UNDERSTUDY_CORPUS"); dir != "" {
		if files := workflowFiles(t, dir); len(files) > 0 {
			return files
		}
		t.Fatalf("there are no workflow files in %s", dir)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for up := filepath.Dir(dir); up != dir; dir, up = up, filepath.Dir(up) {
		if files := workflowFiles(t, filepath.Join(up, "shared", "corpus")); len(files) > 0 {
			return files
		}
	}
	t.Skip("there is no shared/corpus/workflows beside this checkout, and UNDERSTUDY_CORPUS names no other")
	return nil
}

func workflowFiles(t *testing.T, corpus string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(corpus, "workflows", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestRealFilesAreReadTheirJobsPlannedAndTheirEventsHappen(t *testing.T) {
	files := realFiles(t)
	events := make(map[string]int)
	var read, planned, calls, called int
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		w, err := workflow.Parse(filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path), text)
		if err != nil {
			t.Error(err)
			continue
		}
		read++
		first := ""
		for _, on := range w.On {
			events[on.Name]++
			if kind, ok := event.KindOf(on.Name); ok && kind.Of != event.Caller {
				first = cmp.Or(first, on.Name)
				if !kind.Happens() && !kind.Bridged() {
					t.Errorf("%s: %s cannot happen", w.Path, on.Name)
				}
			}
		}
		if first == "" {
			called++ // by other files only
			continue
		}
		for _, j := range w.Jobs { // what is called stands for nothing here
			if j.Uses != "" {
				calls++
				j.Uses, j.With, j.Secrets = "", nil, nil
				j.RunsOn = &workflow.Token{Kind: workflow.String, Str: "ubuntu-latest"}
			}
		}
		github := expr.NewObject().Set("event", expr.NewObject()).Set("event_name", first)
		contexts := expr.NewObject().Set("github", github).Set("inputs", expr.NewObject()).Set("vars", expr.NewObject())
		named := rowsOf(t, runOf(w, contexts))
		for _, j := range w.Jobs {
			planned++
			if !named[j.ID] {
				t.Errorf("%s: job %s has no row with a name", w.Path, j.ID)
			}
		}
	}
	t.Logf("%d of %d files are read without an error; %d jobs of %d files are planned, %d of them for workflows that they call; %d files are only called",
		read, len(files), planned, read-called, calls, called)
	for _, name := range slices.SortedFunc(maps.Keys(events), func(a, b string) int { return cmp.Or(events[b]-events[a], cmp.Compare(a, b)) }) {
		t.Logf("%4d × %s", events[name], name)
	}
}

// rowsOf goes through a run whose jobs all succeed, and says which of them have rows,
// all with a name. It is nil when the run cannot start.
func rowsOf(t *testing.T, r *plan.Run) map[string]bool {
	t.Helper()
	named := make(map[string]bool)
	for {
		d, err := plan.Next(r)
		if err != nil {
			t.Fatal(err)
		}
		if d.Conclusion == actions.StartupFailure {
			return nil
		}
		for _, n := range d.Create {
			named[n.Key] = n.Name != ""
		}
		apply(r, d)
		for i := range r.Jobs {
			if j := &r.Jobs[i]; j.Status != actions.Completed && j.Wait == (actions.Wait{}) {
				j.Status, j.Conclusion = actions.Completed, actions.Success
			}
		}
		if d.Concluded {
			return named
		}
	}
}
