package assign_test

import (
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/assign"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/workflow"
)

func each(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, st *store.Store) { test(t, newBench(t, st)) })
}

// eval is an expression over the contexts of a description, as text.
func eval(t *testing.T, d *assign.Description, text string) string {
	t.Helper()
	e, err := expr.Parse(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := e.Eval(&expr.Env{Contexts: d.Contexts})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return expr.String(v)
}

func TestARunnerThatAsksAgainIsToldTheSame(t *testing.T) { // JOB-2
	each(t, func(t *testing.T, b *bench) {
		job := b.start(pushed, simple, simple)
		first, err := b.Acquire(t.Context(), job.GUID, b.runner, here)
		b.must(err)
		b.at = b.at.Add(5 * time.Second)
		again, err := b.Acquire(t.Context(), job.GUID, b.runner, here)
		b.must(err)
		json := func(d *assign.Description) string { return expr.ToJSON(d.Contexts) }
		if first.Access != again.Access || first.Token != again.Token || json(first) != json(again) {
			t.Errorf("first %+v\nagain %+v", first, again)
		}
		if d := cmp.Diff(first.Job, again.Job); d != "" {
			t.Errorf("job (-first +again)\n%s", d)
		}
	})
}

func TestAJobIsDescribedToTheRunnerThatHasIt(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		job := b.start(pushed, simple, simple)
		foreign := b.addRunner("foreign", actions.Scope{OwnerID: b.config.BotID})
		if d, err := b.Acquire(t.Context(), job.GUID, foreign, here); actions.KindOf(err) != actions.NotFound {
			t.Errorf("a runner that may not have it: %+v, %v", d, err)
		}
		b.take(job)
		if d, err := b.Acquire(t.Context(), job.GUID, b.runner, here); actions.KindOf(err) != actions.Conflict {
			t.Errorf("a second runner: %+v, %v", d, err)
		}
	})
}

// One that was removed while it asked, as an ephemeral one is after its job.
func TestARunnerThatIsGoneGetsNoJob(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	job := b.start(pushed, simple, simple)
	b.must(b.config.Store.DeleteRunner(t.Context(), b.runner.ID))
	if d, err := b.Acquire(t.Context(), job.GUID, b.runner, here); actions.KindOf(err) != actions.NotFound {
		t.Errorf("%+v, %v; want not found", d, err)
	}
	if got := b.job(job.RunID).Status; got != actions.Queued {
		t.Errorf("the job is %s, want queued", got)
	}
}

// Threat: a job that no runner can be told about is offered without end, and others wait.
func TestAJobThatCannotBeDescribedFails(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		job := b.start(pushed, simple, "jobs: what an older server could read")
		b.restart()
		foreign := b.addRunner("foreign", actions.Scope{OwnerID: b.config.BotID})
		if _, err := b.Acquire(t.Context(), job.GUID, foreign, here); actions.KindOf(err) != actions.NotFound {
			t.Errorf("a runner that may not have it: %v, want not found", err)
		}
		if got := b.job(job.RunID).Status; got != actions.Queued {
			t.Fatalf("the job is %s because of a runner that may not have it, want queued", got)
		}
		if _, err := b.Acquire(t.Context(), job.GUID, b.runner, here); actions.KindOf(err) != actions.Invalid {
			t.Errorf("acquire: %v, want invalid", err)
		}
		failed, err := b.config.Store.Job(t.Context(), job.ID)
		if err != nil || failed.Conclusion != actions.Failure {
			t.Errorf("%s, %v; want failure", failed.Conclusion, err)
		}
	})
}

func TestJobsGetTheServerURLThatTheOperatorChose(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	const urls = "format('{0} {1}', github.server_url, github.api_url)"
	if got, want := eval(t, b.take(b.start(pushed, simple, simple)), urls), here.HTML+" "+here.API; got != want {
		t.Errorf("%q, want the address at which the runner reaches the server: %q", got, want)
	}
	b.config.ServerURL = "http://ci.localhost:3000"
	b.restart()
	if got, want := eval(t, b.take(b.start(pushed, simple, simple)), urls), "http://ci.localhost:3000 "+here.API; got != want {
		t.Errorf("%q, want the operator's: %q", got, want)
	}
}

// Names of *.localhost lead to the runner's own machine.
func TestGitFindsTheServerWhereItsNameLeadsElsewhere(t *testing.T) {
	const name = "http://ci.localhost:3000"
	git := func(pairs ...string) (out []assign.Variable) {
		out = append(out, assign.Variable{Name: "GIT_CONFIG_COUNT", Value: strconv.Itoa(len(pairs) / 2)})
		for i, text := range pairs {
			kind := [...]string{"KEY", "VALUE"}[i%2]
			out = append(out, assign.Variable{Name: "GIT_CONFIG_" + kind + "_" + strconv.Itoa(i/2), Value: text})
		}
		return out
	}
	const proxy, resolve = "http.http://ci.localhost:3000/.proxy", "http.http://ci.localhost:3000/.curloptResolve"
	for _, test := range []struct {
		title, chosen, at string
		url               string // what jobs get
		env               []assign.Variable
	}{
		{"where the name leads", name, "http://127.0.0.1:3000", name, nil},
		{"by another such name", name, "http://a.localhost:3000", name, nil},
		{"a name that people have chosen for themselves", "http://ci.example:3000", "http://10.0.0.7:3000", "http://ci.example:3000", nil},
		{"another address of the machine", name, "http://127.0.0.2:3000", name, git(proxy, "http://127.0.0.2:3000", resolve, "ci.localhost:3000:127.0.0.2")},
		{"another machine", name, "http://10.0.0.7:3000", name, git(proxy, "http://10.0.0.7:3000", resolve, "ci.localhost:3000:10.0.0.7")},
		{"by IPv6", name, "http://[fd00::7]:3000", name, git(proxy, "http://[fd00::7]:3000", resolve, "ci.localhost:3000:[fd00::7]")},
		{"by name", name, "http://build.lan:3000", name, git(proxy, "http://build.lan:3000")},
		{"another port", "http://ci.localhost", "http://127.0.0.1:3000", "http://ci.localhost", git("http.http://ci.localhost/.proxy", "http://127.0.0.1:3000")},
		{"by TLS", "https://ci.localhost:3000", "https://10.0.0.7:3000", "https://10.0.0.7:3000", nil},
		{"by TLS where the name leads", "https://ci.localhost:3000", "https://127.0.0.1:3000", "https://ci.localhost:3000", nil},
		{"below a prefix", name, "http://10.0.0.7:3000/ci", "http://10.0.0.7:3000/ci", nil},
	} {
		t.Run(test.title, func(t *testing.T) {
			b := newBench(t, storetest.Open(t))
			b.config.ServerURL = test.chosen
			b.restart()
			d, err := b.Acquire(t.Context(), b.start(pushed, simple, simple).GUID, b.runner, shape.Base{HTML: test.at, API: test.at + "/api/v3"})
			b.must(err)
			if got, want := eval(t, d, "format('{0} {1}', github.server_url, github.api_url)"), test.url+" "+test.at+"/api/v3"; got != want {
				t.Errorf("%q, want %q", got, want)
			}
			if diff := cmp.Diff(test.env, d.Env); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestJobsAreToldWhatIsSetNow(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const told = "format('{0} {1}', github.retention_days, github.artifact_cache_size_limit)"
		if got := eval(t, b.take(b.start(pushed, simple, simple)), told); got != "90 10" {
			t.Errorf("before anybody has set anything: %q, want GitHub's 90 days and 10 GB", got)
		}
		set := settings.New(b.config.Store)
		b.must(set.Update(t.Context(), settings.Org(&b.repo.Owner), settings.Set(settings.RetentionDays, 30)))
		b.must(set.Update(t.Context(), settings.Repo(b.repo), settings.Set(settings.CacheBytes, settings.Gigabytes(3))))
		if got := eval(t, b.take(b.start(pushed, simple, simple)), told); got != "30 3" {
			t.Errorf("%q, want the days of the owner and the gigabytes of the repository", got)
		}
	})
}

func TestJobsAreToldOfTheRepositoryAsItIsNow(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for _, private := range []bool{false, true, false} {
			b.repo.Private = private
			b.must(b.config.Store.Update(t.Context(), func(tx *store.Tx) error { return tx.UpdateRepository(t.Context(), b.repo) }))
			want := map[bool]string{false: "public", true: "private"}[private]
			if got := eval(t, b.take(b.start(pushed, simple, simple)), "github.repository_visibility"); got != want {
				t.Errorf("the job is told that the repository is %q, want %q", got, want)
			}
		}
	})
}

func TestServerURLsAreAddressesOfServers(t *testing.T) {
	for text, want := range map[string]string{
		"http://ci.localhost:3000/": "http://ci.localhost:3000", "https://ci.ghe.com": "https://ci.ghe.com", "https://ci.example/prefix/": "https://ci.example/prefix",
		"": "", "ci.localhost": "", "ftp://ci.localhost": "", "http://": "", "http://:80": "", "http://u:p@ci.localhost": "", "http://ci.localhost/?a=b": "", "http://ci.localhost/#a": "", "http://\x00": "",
	} {
		got, err := assign.ParseServerURL(text)
		if got != want || (err == nil) != (want != "") || err != nil && actions.KindOf(err) != actions.Invalid {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestTheTokenHasThePermissionsThatTheFileGives(t *testing.T) { // PRM-1
	b := newBench(t, storetest.Open(t))
	for _, test := range []struct {
		name, workflow, job string
		want                map[string]string
	}{
		{"nobody says anything", "", "", map[string]string{"contents": "read", "metadata": "read", "packages": "read"}},
		{"the workflow does", "permissions: {issues: write}\n", "", map[string]string{"issues": "write", "metadata": "read"}},
		{"the job does, too", "permissions: {issues: write}\n", "permissions: {contents: read}, ", map[string]string{"contents": "read", "metadata": "read"}},
		{"the job takes all away", "permissions: write-all\n", "permissions: {}, ", map[string]string{"metadata": "read"}},
	} {
		text := "on: push\n" + test.workflow + "jobs: {a: {" + test.job + "runs-on: x, steps: [{run: make}]}}\n"
		d := b.take(b.start(pushed, text, text))
		if diff := cmp.Diff(test.want, d.Grants); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.name, diff)
		}
		saved, err := b.config.Store.TokenByHash(t.Context(), token.Hash(d.Token))
		b.must(err)
		if diff := cmp.Diff(test.want, saved.Access); diff != "" || saved.RepoID != b.repo.ID || saved.JobID != d.Job.ID || saved.AccountID != b.config.BotID {
			t.Errorf("%s: saved %+v (-want +got)\n%s", test.name, saved, diff)
		}
	}
}

// As on GitHub: what is set is the default, in one place read means read below, and a
// file may ask for other than the default.
func TestTheTokenHasTheDefaultPermissionsOfItsRepository(t *testing.T) { // PRM-4
	each(t, func(t *testing.T, b *bench) {
		const asks = "on: push\npermissions: {id-token: write, issues: write}\njobs: {a: {runs-on: x, steps: [{run: make}]}}\n"
		set := settings.New(b.config.Store)
		org, repo := settings.Org(&b.repo.Owner), settings.Repo(b.repo)
		for _, step := range []struct {
			name   string
			scope  settings.Scope
			access settings.Access
			writes bool
		}{
			{"the repository", repo, settings.WriteAccess, true},
			{"its organization", org, settings.ReadAccess, false},
			{"its organization again", org, settings.WriteAccess, true},
			{"the enterprise", settings.Enterprise(), settings.ReadAccess, false},
		} {
			b.must(set.Update(t.Context(), step.scope, settings.Set(settings.WorkflowPermissions, step.access)))
			got := b.take(b.start(pushed, simple, simple)).Grants
			if got["contents"] == "write" != step.writes || got["metadata"] != "read" || got["id-token"] != "" || (got["issues"] == "write") != step.writes {
				t.Errorf("%s has set %s: %v", step.name, step.access, got)
			}
			if got := b.take(b.start(pushed, asks, asks)).Grants; !maps.Equal(got, map[string]string{"id-token": "write", "issues": "write", "metadata": "read"}) {
				t.Errorf("%s has set %s, and the file asks for others: %v", step.name, step.access, got)
			}
		}
	})
}

// What may be left out of a file may be written in it, too.
func TestDefaultPermissionsAreThoseThatFilesName(t *testing.T) {
	b := newBench(t, storetest.Open(t))
	set := settings.New(b.config.Store)
	b.must(set.Update(t.Context(), settings.Repo(b.repo), settings.Set(settings.WorkflowPermissions, settings.WriteAccess)))
	most := workflow.WriteAll()
	for scope, level := range b.take(b.start(pushed, simple, simple)).Grants {
		if l := most.Level(scope); string(l) != level && level != "read" || l == workflow.None {
			t.Errorf("%s: %s by default, %s at most", scope, level, l)
		}
	}
}

// A runner cannot get a second token, so tokens are valid until the job must have ended.
func TestTokensLastAsLongAsTheJobMay(t *testing.T) { // AUTH-2
	b := newBench(t, storetest.Open(t))
	for minutes, want := range map[string]struct{ access, token time.Duration }{
		"10":   {10*time.Minute + 5*time.Minute + time.Hour, 10*time.Minute + 5*time.Minute + time.Hour},
		"7200": {120*time.Hour + 5*time.Minute + time.Hour, 24 * time.Hour},
	} {
		text := "on: push\njobs: {a: {timeout-minutes: " + minutes + ", runs-on: x, steps: [{run: make}]}}\n"
		d := b.take(b.start(pushed, text, text))
		saved, err := b.config.Store.TokenByHash(t.Context(), token.Hash(d.Token))
		b.must(err)
		if got := b.access(d).Expires.Sub(b.at); got != want.access {
			t.Errorf("timeout-minutes %s: access for %s, want %s", minutes, got, want.access)
		}
		if got := saved.ExpiresAt.Sub(b.at); got != want.token {
			t.Errorf("timeout-minutes %s: GITHUB_TOKEN for %s, want %s", minutes, got, want.token)
		}
	}
}
