package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/plan"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// parse makes a run of a workflow.
func parse(t *testing.T, src string) *plan.Run {
	t.Helper()
	w, err := workflow.Parse("x.yml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return runOf(w, expr.NewObject().Set("github", expr.NewObject()))
}

// runOf is a run of one file.
func runOf(w *workflow.Workflow, contexts *expr.Object) *plan.Run {
	return &plan.Run{Path: w.Path, Files: map[string]*workflow.Workflow{w.Path: w}, Contexts: contexts}
}

// apply adds the rows of a decision to the run.
func apply(r *plan.Run, d *plan.Decision) {
	for _, n := range d.Create {
		r.Jobs = append(r.Jobs, plan.Job{
			ID: int64(len(r.Jobs) + 1), Key: n.Key, Index: n.Index, Total: n.Total, Matrix: n.Matrix, Wait: n.Wait,
			Status: n.Status, Conclusion: n.Conclusion, ContinueOnError: n.ContinueOnError,
		})
	}
	for _, id := range d.Release {
		r.Jobs[id-1].Wait = actions.Wait{}
	}
}

func TestSkipsTravelDownALongChainAtOnce(t *testing.T) { // IF-4
	var b strings.Builder
	b.WriteString("on: push\njobs:\n  j0: {if: false, runs-on: x, steps: [{run: a}]}\n")
	const n = 4_000
	for i := range n {
		fmt.Fprintf(&b, "  j%d: {needs: j%d, runs-on: x, steps: [{run: a}]}\n", i+1, i)
	}
	d, err := plan.Next(parse(t, b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Create) != n+1 || d.Conclusion != actions.Skipped {
		t.Errorf("got %d rows and %q, want %d skipped ones", len(d.Create), d.Conclusion, n+1)
	}
}

// startupFailure expects a run to end before it has a job, and say why and where.
func startupFailure(t *testing.T, name string, d *plan.Decision, err error, why string) {
	t.Helper()
	if err != nil || len(d.Create) != 0 || !d.Concluded || d.Conclusion != actions.StartupFailure || !strings.Contains(d.Error, why) || d.ErrorPos.Line == 0 {
		t.Errorf("%s: %d jobs, %q, %q at %v, %v", name, len(d.Create), d.Conclusion, d.Error, d.ErrorPos, err)
	}
}

const sixteen = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]"

func TestARunOfMoreThanFiveThousandJobsDoesNotStart(t *testing.T) { // MAT-8
	file := func(matrices int) string {
		var b strings.Builder
		b.WriteString("on: push\njobs:\n  j: {runs-on: x, steps: [{run: a}], strategy: &s {matrix: {a: &v " + sixteen + ", b: *v}}}\n")
		for i := range matrices - 1 {
			fmt.Fprintf(&b, "  j%d: {runs-on: x, steps: [{run: a}], strategy: *s}\n", i)
		}
		return b.String()
	}
	if d, err := plan.Next(parse(t, file(19))); err != nil || len(d.Create) != 19*256 {
		t.Errorf("19 matrices: %d jobs, %v", len(d.Create), err)
	}
	d, err := plan.Next(parse(t, file(20)))
	startupFailure(t, "20 matrices", d, err, "the job 'j18' is over a limit: a run has at most 5000 jobs")
	skipped := "on: push\njobs:\n"
	for i := range 5001 {
		skipped += fmt.Sprintf("  j%d: {if: false, runs-on: x, steps: [{run: a}]}\n", i)
	}
	d, err = plan.Next(parse(t, skipped))
	startupFailure(t, "5001 jobs, all skipped", d, err, "a run has at most 5000 jobs")
}

// A job whose matrix is known later must not take the others with it.
func TestAJobThatMakesTooManyRowsLaterFails(t *testing.T) { // MAT-8
	r := parse(t, "on: push\njobs:\n  a: {runs-on: x, steps: [{run: a}]}\n"+
		"  b: {needs: a, runs-on: x, steps: [{run: a}], strategy: {matrix: {a: "+sixteen+"}}}\n  c: {needs: a, runs-on: x, steps: [{run: a}]}\n")
	r.Jobs = []plan.Job{{ID: 1, Key: "a", Total: 1, Status: actions.Completed, Conclusion: actions.Success}}
	for i := range 4990 { // of an earlier matrix of a
		r.Jobs = append(r.Jobs, plan.Job{ID: int64(i + 2), Key: "a", Index: i + 1, Total: 1, Status: actions.Completed, Conclusion: actions.Success})
	}
	d, err := plan.Next(r)
	if err != nil || d.Concluded || len(d.Create) != 2 || !strings.Contains(d.Create[0].Error, "a run has at most 5000 jobs") || d.Create[1].Status != actions.Queued {
		t.Errorf("%d jobs, concluded %v, %v", len(d.Create), d.Concluded, err)
	}
}

// 256 names that walk an event of 1 MB kept everybody from writing for 12 s.
func TestExpressionsOfARunHaveABudgetInSum(t *testing.T) { // MAT-8
	event := expr.NewObject()
	for i := range 30 {
		event.Set(fmt.Sprint("k", i), strings.Repeat("some text ", 1000))
	}
	contexts := expr.NewObject().Set("github", expr.NewObject().Set("event", event))
	file := func(jobs int, name string) *plan.Run {
		var b strings.Builder
		b.WriteString("on: push\njobs:\n")
		for i := range jobs {
			fmt.Fprintf(&b, "  j%d: {name: \"%s\", runs-on: x, steps: [{run: a}], strategy: {matrix: {a: &v%d %s, b: *v%d}}}\n", i, name, i, sixteen, i)
		}
		w, err := workflow.Parse("x.yml", []byte(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		return runOf(w, contexts)
	}
	const once = "${{ startsWith(toJSON(github.event), 'x') }}"
	for name, r := range map[string]*plan.Run{
		"often": file(19, once),
		"once":  file(1, once),
	} {
		d, err := plan.Next(r)
		startupFailure(t, name, d, err, "all expressions of a run together take at most 2000000 steps and 64 MiB")
	}
	if d, err := plan.Next(file(1, "${{ startsWith(toJSON(github.event.k1), 'x') }}")); err != nil || len(d.Create) != 256 {
		t.Errorf("what people write: %d jobs, %v", len(d.Create), err)
	}
}

func TestCostlyExpressionsFailTheJob(t *testing.T) { // IF-7
	big := "format('{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}', 'x')"
	for range 6 {
		big = "format('{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}', " + big + ")"
	}
	src := "on: push\njobs:\n  a: {runs-on: x, steps: [{run: a}], strategy: {matrix: {v: [" +
		strings.Repeat(`"${{ `+big+` }}", `, 100) + "]}}}\n"
	d, err := plan.Next(parse(t, src))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Create) != 1 || d.Create[0].Conclusion != actions.Failure || d.Conclusion != actions.Failure {
		t.Errorf("got %d rows, conclusion %q", len(d.Create), d.Conclusion)
	}
}

func TestRowsOfUnknownJobsAreAnError(t *testing.T) {
	r := parse(t, "on: push\njobs: {a: {runs-on: x, steps: [{run: a}]}}")
	r.Jobs = []plan.Job{{ID: 7, Key: "b"}}
	if d, err := plan.Next(r); err == nil || !strings.Contains(err.Error(), `job 7 is of "b"`) {
		t.Errorf("got %v, %v", d, err)
	}
	if c, err := plan.Contexts(r, &r.Jobs[0]); err == nil {
		t.Errorf("got %v", c)
	}
}

func TestJobsOfACalledFileAreKnownByThePathToThem(t *testing.T) {
	const job = "runs-on: x, steps: [{run: a}]}\n"
	files := make(map[string]*workflow.Workflow)
	for path, text := range map[string]string{
		"x.yml": "on: push\njobs:\n  build: {" + job + "  first: {uses: ./.github/workflows/y.yml}\n  second: {uses: ./.github/workflows/y.yml}\n",
		".github/workflows/y.yml": "on: workflow_call\njobs:\n  build: {" + job + "  test: {needs: build, " + job +
			"  again: {uses: ./.github/workflows/y.yml}\n", // which has an end
	} {
		w, err := workflow.Parse(path, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		files[path] = w
	}
	done := func(path []string, v string) plan.Job {
		return plan.Job{Path: path, Key: "build", Total: 1, Status: actions.Completed, Conclusion: actions.Success, Outputs: map[string]string{"v": v}}
	}
	r := &plan.Run{Path: "x.yml", Files: files, Contexts: expr.NewObject(), Jobs: []plan.Job{
		done(nil, "own"), done([]string{"first"}, "1"), done([]string{"Second"}, "2"), done([]string{"second", "again"}, "3"),
	}}
	for v, path := range map[string][]string{"1": {"first"}, "2": {"second"}, "3": {"second", "again"}} {
		contexts, err := plan.Contexts(r, &plan.Job{Path: path, Key: "test", Total: 1})
		if err != nil {
			t.Fatal(err)
		}
		needs, _ := contexts.Get("needs")
		if got := expr.ToJSON(needs); !strings.Contains(got, `"v": "`+v+`"`) {
			t.Errorf("the job below %v needs %s, want the output %s", path, got, v)
		}
	}
	if c, err := plan.Contexts(r, &plan.Job{Key: "test", Total: 1}); err == nil {
		t.Errorf("the run's own file has no such job: %v", c)
	}
}

// FuzzEveryRunEnds lets the jobs of any workflow end in ways that the second
// argument picks, and expects a conclusion.
func FuzzEveryRunEnds(f *testing.F) {
	const job = ", runs-on: x, steps: [{run: a}]}\n"
	f.Add("on: push\njobs:\n  a: {strategy: {max-parallel: 1, matrix: {v: [1, 2, 3]}}"+job+"  b: {needs: a, if: always()"+job, uint(5))
	f.Add("on: push\njobs:\n  a: {name: b"+job+"  b: {needs: a, if: failure()"+job+"  c: {needs: [a, b], if: '!cancelled()'"+job, uint(77))
	f.Add("on: push\njobs:\n  a: {strategy: {matrix: {include: [{v: {w: [1]}}], exclude: []}}"+job, uint(3))
	conclusions := []actions.Conclusion{actions.Success, actions.Failure, actions.Cancelled, actions.TimedOut}
	f.Fuzz(func(t *testing.T, src string, choices uint) {
		w, err := workflow.Parse("x.yml", []byte(src))
		if err != nil || len(w.Jobs) > 20 {
			return
		}
		r := runOf(w, expr.NewObject())
		for step := 0; ; step++ {
			d, err := plan.Next(r)
			if err != nil {
				t.Fatal(err)
			}
			apply(r, d)
			if d.Concluded {
				return
			}
			open := false
			for i := range r.Jobs {
				if j := &r.Jobs[i]; j.Status != actions.Completed && j.Wait == (actions.Wait{}) {
					j.Status, j.Conclusion = actions.Completed, conclusions[choices%4]
					open = true
					break
				}
			}
			if choices /= 4; choices%5 == 4 {
				r.Cancelled = true
			}
			for _, id := range d.Cancel {
				r.Jobs[id-1].Status, r.Jobs[id-1].Conclusion = actions.Completed, actions.Cancelled
				open = true
			}
			if !open && step > 0 {
				t.Fatalf("nothing runs and the run goes on: %+v", r.Jobs)
			}
		}
	})
}

// A job of a matrix of 100 has ended.
func BenchmarkNext(b *testing.B) {
	items := strings.TrimSuffix(strings.Repeat("1, ", 100), ", ")
	w, err := workflow.Parse("x.yml", []byte("on: push\njobs:\n  a: {runs-on: x, steps: [{run: a}], strategy: {matrix: {v: ["+items+"]}}}\n"+
		"  b: {needs: a, runs-on: x, steps: [{run: a}]}\n"))
	if err != nil {
		b.Fatal(err)
	}
	r := runOf(w, expr.NewObject())
	d, err := plan.Next(r)
	if err != nil {
		b.Fatal(err)
	}
	apply(r, d)
	r.Jobs[0].Status, r.Jobs[0].Conclusion = actions.Completed, actions.Success
	b.ReportAllocs()
	for b.Loop() {
		if _, err := plan.Next(r); err != nil {
			b.Fatal(err)
		}
	}
}
