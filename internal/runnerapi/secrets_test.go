package runnerapi_test

import (
	"bytes"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/wire/convert"
)

// secrets are what the message has, less tokens, as name to value.
func (h *held) secrets() map[string]string {
	out := make(map[string]string)
	for name, v := range h.msg.Variables {
		if v.IsSecret && name != wire.VarToken && name != "github_token" {
			out[name] = v.Value
		}
	}
	return out
}

// vars is the context vars of the message.
func (h *held) vars() map[string]any {
	out := make(map[string]any)
	if vars, ok := convert.ContextFromWire(h.msg.ContextData["vars"]).(*expr.Object); ok {
		maps.Insert(out, vars.All())
	}
	return out
}

func (w *world) ofHello() actions.Holder { return actions.Holder{RepoID: w.hello.ID} }

func TestTheJobMessageHasTheSecretsAndVariablesOfItsRepository(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Secret(w.ofHello(), "token", "marker\nof two lines")
		w.Secret(actions.Holder{RepoID: w.other.ID}, "FOREIGN", "foreign")
		w.Variable(w.ofHello(), "color", "red")
		run := w.start("on: push\nrun-name: paint ${{ vars.COLOR }}\njobs:\n  a: {if: vars.color == 'red', runs-on: self-hosted, steps: [{run: exit 0}]}\n  b: {if: vars.COLOR != 'red', runs-on: self-hosted, steps: [{run: exit 0}]}\n")
		jobs, err := w.Store.Jobs(t.Context(), run.ID, 0)
		w.Must(err)
		if run.Title != "paint red" || jobs[0].Status != actions.Queued || jobs[1].Conclusion != actions.Skipped {
			t.Errorf("planned as %q: %s, %s", run.Title, jobs[0].Status, jobs[1].Conclusion)
		}
		c := w.runner("box")
		h := c.take(jobs[0].GUID)
		want := map[string]string{"TOKEN": "marker\nof two lines"}
		if d := cmp.Diff(want, h.secrets()); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(map[string]any{"COLOR": "red"}, h.vars()); d != "" {
			t.Error(d)
		}
		if n := bytes.Count(h.raw, []byte("marker")); n != 1 {
			t.Errorf("the message has the value %d times", n)
		}
		again := c.take(jobs[0].GUID) // its answer was lost
		if d := cmp.Diff(want, again.secrets()); d != "" {
			t.Errorf("asked again: %s", d)
		}
		if a, _ := w.runner("another").acquire(jobs[0].GUID); a.status == http.StatusOK || bytes.Contains(a.body, []byte("marker")) {
			t.Errorf("another runner is answered %d", a.status)
		}
	})
}

func TestAJobWhoseSecretWasMovedFailsWithTheReason(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		foreign := actions.Holder{RepoID: w.other.ID}
		w.Secret(foreign, "STOLEN", "marker")
		w.Secret(w.ofHello(), "MINE", "own")
		w.Must(w.Store.Update(t.Context(), func(tx *store.Tx) error { // who can write the database
			stolen, err := tx.Secret(t.Context(), foreign, "STOLEN")
			if err != nil {
				return err
			}
			mine, err := tx.Secret(t.Context(), w.ofHello(), "MINE")
			if err != nil {
				return err
			}
			return tx.ResealSecret(t.Context(), mine, stolen.KeyID, stolen.Sealed)
		}))
		run := w.start(simple)
		a, _ := w.runner("box").acquire(w.job(run).GUID)
		if a.status == http.StatusOK || bytes.Contains(a.body, []byte("marker")) {
			t.Errorf("answered %d: %s", a.status, a.body)
		}
		if j := w.job(run); j.Conclusion != actions.Failure {
			t.Errorf("the job is %s, %s", j.Status, j.Conclusion)
		}
		if got := strings.Join(w.messages(run), "\n"); !strings.Contains(got, "the secret MINE of repository") || !strings.Contains(got, "moved from another row") {
			t.Errorf("says %q", got)
		}
	})
}

func TestASecretOrVariableTurnsDebugLogsOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		debugs := func(what string, step, runner bool) {
			t.Helper()
			m := &w.runner(strings.ReplaceAll(what, " ", "-")).take(w.job(w.start(simple)).GUID).msg
			if m.Flag(wire.VarStepDebug) != step || m.Flag(wire.VarRunnerDebug) != runner {
				t.Errorf("%s: %t and %t", what, m.Flag(wire.VarStepDebug), m.Flag(wire.VarRunnerDebug))
			}
			names := make(map[string]bool)
			for name := range m.Variables {
				if names[strings.ToUpper(name)] {
					t.Errorf("%s: %s is there twice", what, name)
				}
				names[strings.ToUpper(name)] = true
			}
		}
		debugs("nothing", false, false)
		w.Variable(w.ofHello(), "ACTIONS_RUNNER_DEBUG", "true")
		debugs("a variable", false, true)
		w.Secret(w.ofHello(), "ACTIONS_STEP_DEBUG", "true")
		debugs("and a secret", true, true)
		w.Secret(w.ofHello(), "actions_cache_mode", "a secret that is called like a switch of runners")
		debugs("and another", true, true)
	})
}

func TestOnlyAJobThatNamesTheEnvironmentGetsItsSecrets(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := &actions.Environment{RepoID: w.hello.ID, Name: "Production", CreatedAt: w.Now(), UpdatedAt: w.Now()}
		w.Must(w.Store.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.AddEnvironment(t.Context(), e)
			return err
		}))
		of := actions.Holder{RepoID: w.hello.ID, EnvironmentID: e.ID}
		w.Secret(w.ofHello(), "TOKEN", "repository")
		w.Secret(of, "TOKEN", "environment")
		w.Variable(of, "COLOR", "crimson")
		plain := w.runner("one").take(w.job(w.start(simple)).GUID)
		deploys := w.runner("two").take(w.job(w.start("on: push\njobs: {a: {environment: production, runs-on: self-hosted, steps: [{run: exit 0}]}}\n")).GUID)
		if plain.secrets()["TOKEN"] != "repository" || len(plain.vars()) != 0 || bytes.Contains(plain.raw, []byte("crimson")) {
			t.Errorf("without it: %v, %v", plain.secrets(), plain.vars())
		}
		if deploys.secrets()["TOKEN"] != "environment" || deploys.vars()["COLOR"] != "crimson" {
			t.Errorf("with it: %v, %v", deploys.secrets(), deploys.vars())
		}
	})
}
