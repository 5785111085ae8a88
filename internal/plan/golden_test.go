package plan_test

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/goldentest"
	"github.com/understudy-ci/understudy/internal/plan"
	"github.com/understudy-ci/understudy/internal/workflow"
)

var update = flag.Bool("update", false, "write the golden files")

// Each archive in testdata holds stories: a workflow, NAME.yml, what happens to
// its run, NAME.story, and what is decided each time, NAME.want. A line of a
// story is one of
//
//	start                     the run is created
//	end ID CONCLUSION [K=V …] a job ends, with outputs
//	cancel | force            somebody cancels the run
//	protect NAME | open NAME  an environment gets a rule, or has none any more
//	needs JOB | contexts ID   show what a job sees
func TestRunsGoAsRecorded(t *testing.T) { // MAT-2, MAT-3
	goldentest.Check(t, *update, func(t *testing.T, f *goldentest.File) string {
		t.Helper()
		return tell(t, f.Name, f.Text, f.With(".story"))
	})
}

// tell runs a story and returns what was decided.
func tell(t *testing.T, name, src, story string) string {
	t.Helper()
	s := newStory(t, name, src)
	for line := range strings.Lines(story) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		fmt.Fprintf(s, "> %s\n", strings.Join(fields, " "))
		s.do(fields)
	}
	return s.String()
}

// A story keeps the rows as a store would.
type story struct {
	strings.Builder
	t   *testing.T
	run plan.Run
	now time.Time
}

func newStory(t *testing.T, name, src string) *story {
	t.Helper()
	w, err := workflow.Parse(name, []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	github := expr.NewObject().Set("ref", "refs/heads/main").Set("event_name", "push")
	contexts := expr.NewObject().Set("github", github).
		Set("inputs", expr.NewObject()).
		Set("vars", expr.NewObject().Set("RUNNER", `["self-hosted","gpu"]`))
	return &story{t: t, run: *runOf(w, contexts), now: time.Unix(1_700_000_000, 0)}
}

func (s *story) do(fields []string) {
	s.t.Helper()
	switch fields[0] {
	case "start":
	case "end":
		s.end(s.row(fields[1]), actions.Conclusion(fields[2]), fields[3:])
	case "cancel":
		s.run.Cancelled = true
	case "force":
		s.run.Force = true
	case "protect", "open":
		if s.run.Protected == nil {
			s.run.Protected = make(map[string]bool)
		}
		s.run.Protected[fields[1]] = fields[0] == "protect"
	case "needs":
		contexts, err := plan.Contexts(&s.run, &plan.Job{Key: fields[1], Total: 1})
		if err != nil {
			s.t.Fatal(err)
		}
		needs, _ := contexts.Get("needs")
		fmt.Fprintln(s, expr.ToJSON(needs))
		return
	case "contexts":
		c, err := plan.Contexts(&s.run, s.row(fields[1]))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, name := range []string{"needs", "strategy", "matrix"} {
			v, _ := c.Get(name)
			fmt.Fprintf(s, "%s: %s\n", name, expr.ToJSON(v))
		}
		return
	default:
		s.t.Fatalf("unknown line %q", fields)
	}
	s.next()
}

func (s *story) row(id string) *plan.Job {
	s.t.Helper()
	n, err := strconv.Atoi(id)
	if err != nil || n < 1 || n > len(s.run.Jobs) {
		s.t.Fatalf("no job %q", id)
	}
	return &s.run.Jobs[n-1]
}

func (s *story) end(j *plan.Job, c actions.Conclusion, outputs []string) {
	s.now = s.now.Add(time.Second)
	j.Status, j.Conclusion, j.CompletedAt, j.Wait = actions.Completed, c, s.now, actions.Wait{}
	j.Outputs = make(map[string]string)
	for _, o := range outputs {
		k, v, _ := strings.Cut(o, "=")
		j.Outputs[k] = v
	}
}

// next asks what to do, twice: the answer must be the same. It then does it.
func (s *story) next() {
	s.t.Helper()
	d, err := plan.Next(&s.run)
	if err != nil {
		s.t.Fatal(err)
	}
	again, _ := plan.Next(&s.run)
	if show(d) != show(again) {
		s.t.Errorf("two answers to one question:\n%s\n%s", show(d), show(again))
	}
	s.WriteString(show(d))
	for _, id := range d.Release {
		s.run.Jobs[id-1].Wait = actions.Wait{}
	}
	for _, id := range d.Protect {
		s.run.Jobs[id-1].Wait.Reason = actions.Protection
	}
	for _, n := range d.Create {
		s.run.Jobs = append(s.run.Jobs, plan.Job{
			ID: int64(len(s.run.Jobs) + 1), Key: n.Key, Index: n.Index, Total: n.Total, Matrix: n.Matrix, Wait: n.Wait, Environment: n.Environment,
			Status: n.Status, Conclusion: n.Conclusion, ContinueOnError: n.ContinueOnError, CompletedAt: s.now,
		})
		if n.Status != actions.Completed {
			continue
		}
		if n.Conclusion == "" || n.Wait != (actions.Wait{}) || len(n.Labels) > 0 {
			s.t.Errorf("job %s never reaches a runner, and has conclusion %q, labels %v, wait %q", n.Name, n.Conclusion, n.Labels, n.Wait)
		}
	}
	if d.Concluded && slices.ContainsFunc(s.run.Jobs, func(j plan.Job) bool { return j.Status != actions.Completed }) {
		s.t.Error("the run is concluded and a job is not")
	}
}

// show prints a decision, one line each.
func show(d *plan.Decision) string {
	var b strings.Builder
	for _, n := range d.Create {
		fmt.Fprintf(&b, "create %s %d/%d %q", n.Key, n.Index, n.Total, n.Name)
		if n.Status == actions.Completed {
			fmt.Fprintf(&b, " %s", n.Conclusion)
		} else {
			fmt.Fprintf(&b, " %s on %q %s%v fail-fast=%t max=%d limits=%d,%d", n.Status, n.Labels, n.RunnerGroup,
				map[actions.Reason]string{actions.MaxParallel: " held", actions.Protection: " protected"}[n.Wait.Reason], n.FailFast, n.MaxParallel, n.TimeoutMinutes, n.CancelTimeoutMinutes)
		}
		if n.Environment != "" {
			fmt.Fprintf(&b, " environment=%q", n.Environment)
		}
		if n.ContinueOnError {
			b.WriteString(" continue-on-error")
		}
		if n.Matrix != nil {
			fmt.Fprintf(&b, " %s", strings.Join(strings.Fields(expr.ToJSON(n.Matrix)), " "))
		}
		b.WriteString("\n")
		if n.Error != "" {
			fmt.Fprintf(&b, "  %s\n", n.Error)
		}
	}
	if len(d.Release) > 0 {
		fmt.Fprintf(&b, "release %v\n", d.Release)
	}
	if len(d.Protect) > 0 {
		fmt.Fprintf(&b, "protect %v\n", d.Protect)
	}
	if len(d.Cancel) > 0 {
		fmt.Fprintf(&b, "cancel %v\n", d.Cancel)
	}
	if d.Concluded {
		fmt.Fprintf(&b, "%s\n", strings.TrimSpace("concluded "+string(d.Conclusion)+" "+d.Error))
	}
	return b.String()
}
