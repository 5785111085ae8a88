package plan_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/plan"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// realFiles are workflow files of public projects, which GitHub runs. They lie beside
// the checkout, and are no part of it.
func realFiles(t *testing.T) []string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for up := filepath.Dir(dir); up != dir; dir, up = up, filepath.Dir(up) {
		if files, err := filepath.Glob(filepath.Join(up, "shared", "corpus", "workflows", "*", "*")); err == nil && len(files) > 0 {
			return files
		}
	}
	t.Skip("there is no shared/corpus/workflows beside this checkout")
	return nil
}

func TestRealFilesAreReadAndTheirJobsHaveNames(t *testing.T) {
	contexts := expr.NewObject().Set("github", expr.NewObject().Set("event", expr.NewObject())).
		Set("inputs", expr.NewObject()).Set("vars", expr.NewObject())
	for _, path := range realFiles(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		w, err := workflow.Parse(filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path), text)
		if err != nil {
			t.Error(err)
			continue
		}
		named := rowsOf(t, runOf(w, contexts))
		for _, j := range w.Jobs {
			if j.Uses == "" && named != nil && !named[j.ID] {
				t.Errorf("%s: job %s has no row with a name", w.Path, j.ID)
			}
		}
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
