package actions_test

import (
	"slices"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestAJobSaysWhatItWaitsFor(t *testing.T) {
	now := time.Now()
	runner := func(seen time.Time, labels ...string) *actions.Runner {
		r := &actions.Runner{LastSeenAt: seen}
		for _, l := range labels {
			r.Labels = append(r.Labels, actions.Label{Name: l})
		}
		return r
	}
	job := func(change func(*actions.Job)) *actions.Job {
		j := &actions.Job{Status: actions.Queued, Labels: []string{"self-hosted", "gpu"}}
		if change != nil {
			change(j)
		}
		return j
	}
	for _, c := range []struct {
		name    string
		job     *actions.Job
		runners []*actions.Runner
		want    string
	}{
		{"nobody", job(nil), nil, "No runner with the labels self-hosted, gpu is registered"},
		{"one label", job(func(j *actions.Job) { j.Labels = []string{"gpu"} }), nil, "No runner with the label gpu is registered"},
		{"others", job(nil), []*actions.Runner{runner(now, "self-hosted", "linux")}, "No runner with the labels self-hosted, gpu is registered"},
		{"offline", job(nil), []*actions.Runner{runner(time.Time{}, "self-hosted", "GPU")}, "Waiting for a runner to pick up this job: every runner with self-hosted, gpu is offline"},
		{"busy", job(nil), []*actions.Runner{runner(now, "self-hosted", "gpu")}, "Waiting for a runner to pick up this job (self-hosted, gpu)"},
		{"matrix", job(func(j *actions.Job) { j.Wait.Reason = actions.MaxParallel }), nil, "Waiting for another job of the matrix to end (max-parallel)"},
		{"concurrency", job(func(j *actions.Job) { j.Wait = actions.ParseWait("concurrency: deploy") }), nil, "Waiting for its turn in the concurrency group deploy"},
		{"environment", job(func(j *actions.Job) { j.Wait = actions.ParseWait("environment: eu: west") }), nil, "Waiting: the environment eu: west has protection rules, which this server does not apply yet. The job starts when they are removed"},
		{"group", job(func(j *actions.Job) { j.Group = "gpus" }), []*actions.Runner{runner(now, "self-hosted", "gpu")}, "Waiting for a runner in the group 'gpus': this repository has no runner group of that name"},
		{"empty group", job(func(j *actions.Job) { j.Group = "empty" }), nil, "Waiting for a runner in the group 'empty' with self-hosted, gpu: there is none"},
		{"group for others", job(func(j *actions.Job) { j.Group = "others" }), nil, "Waiting for a runner that may do this job: the runner group 'others' is for selected repositories, and this is none of them"},
		{"offline in a group", job(func(j *actions.Job) { j.Group, j.Labels = "default", nil }), []*actions.Runner{runner(now.Add(-time.Hour), "gpu")}, "Waiting for a runner to pick up this job: every runner in the group 'default' is offline"},
		{"busy in a group", job(func(j *actions.Job) { j.Group, j.Labels = "default", nil }), []*actions.Runner{runner(now, "gpu")}, "Waiting for a runner in the group 'default' to pick up this job"},
		{"running", job(func(j *actions.Job) { j.Status = actions.InProgress }), nil, ""},
	} {
		if got := c.job.WaitsFor(actions.Candidates{
			Runners: candidates(&actions.Access{Name: actions.DefaultGroup, Public: true}, c.runners...),
			Groups:  []*actions.Access{{Name: "empty"}, {Name: "others", ByRepo: true}},
		}, now); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Lack of runners is no setting, and a group that is not there, or for others, is one.
func TestAJobIsHeldByTheGroupThatItNames(t *testing.T) {
	groups := actions.Candidates{Groups: []*actions.Access{{Name: "empty"}, {Name: "others", ByRepo: true}}}
	for group, want := range map[string]bool{"": false, "empty": false, "others": true, "nothing": true} {
		j := &actions.Job{Status: actions.Queued, Group: group, Labels: []string{"gpu"}}
		if got := j.Held(groups, time.Now()); got != want {
			t.Errorf("group %q: held %t (%s)", group, got, j.WaitsFor(groups, time.Now()))
		}
	}
}

func TestAJobOfAPublicRepositorySaysThatItsRunnersDoNotTakeIt(t *testing.T) {
	now := time.Now()
	gpu := func(seen time.Time) []*actions.Runner {
		return []*actions.Runner{{LastSeenAt: seen, Labels: []actions.Label{{Name: "gpu"}}}}
	}
	const barred = "Waiting for a runner that may work for public repositories: the runner group 'Default' does not allow them. " +
		"An admin can set allows_public_repositories of the group, or make the repository private"
	for _, c := range []struct {
		name   string
		may    []*actions.Runner
		labels string
		want   string
		barred bool
	}{
		{"only those", nil, "gpu", barred, true},
		{"others that are offline", gpu(time.Time{}), "gpu", barred, true},
		{"others", gpu(now), "gpu", "Waiting for a runner to pick up this job (gpu)", false},
		{"those have other labels", nil, "arm", "No runner with the label arm is registered", false},
	} {
		j := &actions.Job{Status: actions.Queued, Labels: []string{c.labels}}
		all := actions.Candidates{Work: actions.Work{Public: true}, Runners: slices.Concat(
			candidates(&actions.Access{Name: actions.DefaultGroup, Public: true}, c.may...), candidates(&actions.Access{Name: actions.DefaultGroup}, gpu(now)...))}
		if got := j.WaitsFor(all, now); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if got := j.Refused(all, now) != nil; got != c.barred {
			t.Errorf("%s: barred %t, want %t", c.name, got, c.barred)
		}
	}
	over := &actions.Job{Status: actions.InProgress, Labels: []string{"gpu"}}
	if got := over.WaitsFor(actions.Candidates{Work: actions.Work{Public: true}, Runners: candidates(new(actions.Access), gpu(now)...)}, now); got != "" {
		t.Errorf("a job that runs: %q", got)
	}
}

func candidates(a *actions.Access, runners ...*actions.Runner) (list []actions.Candidate) {
	for _, r := range runners {
		list = append(list, actions.Candidate{Runner: r, Access: a})
	}
	return list
}

func TestAWaitIsKeptAsItsText(t *testing.T) {
	for text, w := range map[string]actions.Wait{
		"":                     {},
		"max-parallel":         {Reason: actions.MaxParallel},
		"concurrency: a: b":    {Reason: actions.Concurrency, Name: "a: b"},
		"environment: staging": {Reason: actions.Protection, Name: "staging"},
	} {
		if got := w.String(); got != text {
			t.Errorf("%+v is kept as %q, want %q", w, got, text)
		}
		if got := actions.ParseWait(text); got != w {
			t.Errorf("%q reads as %+v", text, got)
		}
	}
}
