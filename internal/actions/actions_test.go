package actions_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

var now = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

func TestOnlyARunnerThatFitsAcquiresAJob(t *testing.T) {
	job := actions.Job{ID: 1, RepoID: 2, OwnerID: 3, Labels: []string{"Linux", "gpu"}, Status: actions.Queued}
	runner := actions.Runner{ID: 4, Labels: []actions.Label{{Name: "linux"}, {Name: "GPU"}, {Name: "x"}}}
	for _, test := range []struct {
		name   string
		change func(j *actions.Job, r *actions.Runner)
		want   actions.Kind
	}{
		{"fits", func(*actions.Job, *actions.Runner) {}, ""},
		{"names the default group", func(j *actions.Job, _ *actions.Runner) { j.Group = "default" }, ""},
		{"of its repository", func(_ *actions.Job, r *actions.Runner) { r.Scope.RepoID = 2 }, ""},
		{"of its owner", func(_ *actions.Job, r *actions.Runner) { r.Scope.OwnerID = 3 }, ""},
		{"holds it already", func(j *actions.Job, _ *actions.Runner) { j.Status, j.RunnerID = actions.InProgress, 4 }, ""},
		{"another holds it", func(j *actions.Job, _ *actions.Runner) { j.Status, j.RunnerID = actions.InProgress, 5 }, actions.Conflict},
		{"held back", func(j *actions.Job, _ *actions.Runner) { j.Wait.Reason = actions.MaxParallel }, actions.Conflict},
		{"over", func(j *actions.Job, _ *actions.Runner) { j.Status = actions.Completed }, actions.Invalid},
		{"lacks a label", func(_ *actions.Job, r *actions.Runner) { r.Labels = r.Labels[:1] }, actions.NotFound},
		{"another repository", func(_ *actions.Job, r *actions.Runner) { r.Scope.RepoID = 9 }, actions.NotFound},
		{"another owner", func(_ *actions.Job, r *actions.Runner) { r.Scope.OwnerID = 9 }, actions.NotFound},
	} {
		j, r := job, runner
		test.change(&j, &r)
		if err := j.Acquire(&r, now, time.Minute); actions.KindOf(err) != test.want {
			t.Errorf("%s: got %v, want kind %q", test.name, err, test.want)
		}
	}
}

func TestAJobKeepsItsFirstConclusion(t *testing.T) {
	j := actions.Job{Status: actions.Queued, Wait: actions.Wait{Reason: actions.MaxParallel}}
	if !j.Complete(actions.Cancelled, now) || j.Complete(actions.Success, now) || j.Conclusion != actions.Cancelled || j.Wait != (actions.Wait{}) {
		t.Errorf("job %+v, want cancelled once", j)
	}
}

func TestOutputsOfARunAreBounded(t *testing.T) { // RES-4
	const limit = 50 << 20
	outputs := map[string]string{"name": "value"}
	var j actions.Job
	if !j.SetOutputs(outputs, limit-18) || j.Outputs["name"] != "value" {
		t.Errorf("outputs %v, want those that just fit", j.Outputs)
	}
	j = actions.Job{}
	if j.SetOutputs(outputs, limit-17) || j.Outputs != nil {
		t.Errorf("outputs %v, want none beyond the limit", j.Outputs)
	}
}

func TestOutputsCountAsUTF16(t *testing.T) { // RES-4
	for value, want := range map[string]int{"": 0, "a": 2, "ü": 2, "漢": 2, "🙂": 4, "a\nb": 6} {
		if got := actions.OutputSize("", value); got != want {
			t.Errorf("%q counts %d, want %d", value, got, want)
		}
	}
	if got := actions.OutputSize("näme", "v"); got != 10 {
		t.Errorf("a name and a value count %d, want 10", got)
	}
}

func TestRunsOnWithTheSameMeaningHaveOneKey(t *testing.T) {
	same := []string{
		actions.LabelKey("", []string{"Linux", "gpu"}),
		actions.LabelKey("", []string{"gpu", "linux", "LINUX"}),
	}
	for _, k := range same {
		if k != same[0] {
			t.Errorf("keys %q, want one", same)
		}
	}
	differ := map[string]bool{
		same[0]:                                               true,
		actions.LabelKey("", []string{"gpu"}):                 true,
		actions.LabelKey("gpu", nil):                          true,
		actions.LabelKey("gpu", []string{"gpu"}):              true,
		actions.LabelKey("", nil):                             true,
		actions.LabelKey("gpu2", []string{"gpu"}):             true,
		actions.LabelKey("Default", []string{"GPU", "linux"}): true, // and not any group
	}
	if len(differ) != 7 {
		t.Errorf("keys %v, want seven", differ)
	}
}

func TestARunStartsAgainOnlyWhenItMay(t *testing.T) { // RR-1, RR-2
	for _, test := range []struct {
		name string
		run  actions.Run
		want actions.Kind
	}{
		{"completed", actions.Run{Status: actions.Completed, Conclusion: actions.Failure, CreatedAt: now.Add(-29 * 24 * time.Hour)}, ""},
		{"in progress", actions.Run{Status: actions.InProgress, CreatedAt: now}, actions.Forbidden},
		{"too old", actions.Run{Status: actions.Completed, CreatedAt: now.Add(-31 * 24 * time.Hour)}, actions.Forbidden},
		{"never started", actions.Run{Status: actions.Completed, Conclusion: actions.StartupFailure, CreatedAt: now}, actions.Forbidden},
	} {
		run := test.run
		run.Attempt, run.Number = 1, 7
		a, err := run.Rerun(actions.Account{ID: 5}, "plan", true, now)
		if actions.KindOf(err) != test.want {
			t.Errorf("%s: got %v, want kind %q", test.name, err, test.want)
		}
		if err == nil && (a.Number != 2 || run.Attempt != 2 || run.Number != 7 || run.Triggering.ID != 5 || run.Conclusion != "" || !a.Debug) {
			t.Errorf("%s: attempt %+v of run %+v, want the second of the same number", test.name, a, run)
		}
	}
}

func TestACompletedAttemptIsNotCancelled(t *testing.T) {
	a := actions.Attempt{Status: actions.Completed}
	if err := a.Cancel(true, now); actions.KindOf(err) != actions.Conflict {
		t.Errorf("got %v, want a conflict", err)
	}
	a = actions.Attempt{Status: actions.InProgress, CancelAt: now}
	if err := a.Cancel(true, now.Add(time.Hour)); err != nil || !a.CancelAt.Equal(now) || !a.Forced {
		t.Errorf("attempt %+v, %v; want the first time kept, and forced", a, err)
	}
}

func TestNamesThatMayBeTaken(t *testing.T) {
	for _, test := range []struct {
		what  string
		check func(string) error
		good  []string
		bad   []string
	}{
		{"login", actions.CheckLogin, []string{"octo", "a", "a-b", "Actions", "0x"}, []string{"", "-a", "a-", "a--b", "a_b", "API", "_runner", "é", "a/b", strings.Repeat("a", 40), "a\n"}},
		{"repository", actions.CheckRepositoryName, []string{"a", ".github", "a.b-c_d"}, []string{"", ".", "..", "a.git", "a.GIT", "a/b", "a b", "a.lock", strings.Repeat("a", 101), "a\n"}},
		{"branch", actions.CheckBranch, []string{"main", "feature/x", "é"}, []string{"", "-x", "/x", "x/", "a..b", "a//b", "x.lock", ".x", "a b", "a~b", "@", "a@{b", "a\x00", "a\n"}},
		{"label", actions.CheckLabel, []string{"x", "self-hosted", "two words"}, []string{"", " x", "a,b", "a\nb", "a\x00b", "a\x1b[2Jb", "a\xff", strings.Repeat("a", 257)}},
	} {
		for _, s := range test.good {
			if err := test.check(s); err != nil {
				t.Errorf("%s %q: %v", test.what, s, err)
			}
		}
		for _, s := range test.bad {
			if err := test.check(s); actions.KindOf(err) != actions.Invalid {
				t.Errorf("%s %q: got %v, want invalid", test.what, s, err)
			}
		}
	}
}

func TestClipKeepsWhatADatabaseCanKeep(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"short", "short"},
		{"sixsix6", "sixsix"},
		{"ééééééé", "éééééé"},
		{"éééééé", "éééééé"},
		{"a\x00b", "a\uFFFDb"},
		{"a\xffb", "a\uFFFDb"},
	} {
		if got := actions.Clip(test.in, 6); got != test.want {
			t.Errorf("%q: got %q, want %q", test.in, got, test.want)
		}
	}
}

func TestTheKindOfAnErrorSurvivesWrapping(t *testing.T) {
	inner := actions.Errorf(actions.NotFound, "run %d", 1)
	if got := actions.KindOf(fmt.Errorf("cancel: %w", inner)); got != actions.NotFound {
		t.Errorf("wrapped: %q", got)
	}
	if got := actions.KindOf(actions.Errorf(actions.Invalid, "outer: %w", inner)); got != actions.Invalid {
		t.Errorf("the outermost kind counts: %q", got)
	}
	if got := actions.KindOf(fmt.Errorf("plain")); got != actions.Internal {
		t.Errorf("plain: %q", got)
	}
	if got := actions.KindOf(nil); got != "" {
		t.Errorf("nil: %q", got)
	}
}

func TestScopesContainOthers(t *testing.T) {
	token := actions.Token{Scopes: []string{"repo", "admin:org"}}
	for scope, want := range map[string]bool{"repo": true, "public_repo": true, "read:org": true, "manage_runners:org": true, "workflow": false, "admin:enterprise": false} {
		if got := token.HasScope(scope); got != want {
			t.Errorf("%s: %v, want %v", scope, got, want)
		}
	}
}
