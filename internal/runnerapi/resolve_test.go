package runnerapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/wire"
)

// resolve asks where actions are.
func (h *held) resolve(refs ...string) (*answer, *wire.ResolveActionsResponse, *wire.ResolveActionsError) {
	w := h.c.w
	w.t.Helper()
	var req wire.ResolveActionsRequest
	for _, ref := range refs {
		action, version, _ := strings.Cut(ref, "@")
		req.Actions = append(req.Actions, wire.ActionRef{Action: action, Version: version})
	}
	path := "/actions//build/" + h.msg.Plan.PlanID + "/jobs/" + h.msg.JobID + "/runnerresolve/actions"
	found, missing := &wire.ResolveActionsResponse{}, &wire.ResolveActionsError{}
	a := w.call(http.MethodPost, path, h.access, req, found)
	if a.status == http.StatusUnprocessableEntity {
		w.Must(json.Unmarshal(a.body, missing))
	}
	return a, found, missing
}

func TestActionsResolveToCommitsOfTheirRepository(t *testing.T) { // ACT-1
	each(t, func(t *testing.T, w *world) {
		first := w.push(w.tools, "one", "refs/heads/main", "refs/tags/v1")
		second := w.push(w.tools, "two", "refs/heads/release/2")
		own := w.push(w.hello, "own", "refs/heads/main")
		foreign := w.push(w.other, "foreign", "refs/heads/main")
		h := w.runner("box").take(w.job(w.start(simple)).GUID)
		for ref, want := range map[string]string{
			"octo/tools@v1": first, "octo/tools@main": first, "Octo/TOOLS@v1": first, "octo/tools@release/2": second,
			"octo/tools@" + first: first, "octo/tools@refs/tags/v1": first, "octo/hello@main": own, "octo/hello@" + own: own,
		} {
			a, found, _ := h.resolve(ref)
			w.want(ref, a, http.StatusOK)
			info := found.Actions[ref]
			name, version, _ := strings.Cut(ref, "@")
			if info.ResolvedSHA != want || info.Name != name || info.Version != version || !strings.EqualFold(info.ResolvedName, name) {
				t.Errorf("%s: %+v, want commit %s", ref, info, want)
			}
		}
		for ref, want := range map[string]string{
			"mona/other@main": "repository not found", "mona/nothing@main": "repository not found", "octo@main": "repository not found",
			"@": "repository not found", "octo/tools/../hello@main": "repository not found", "../../etc@main": "repository not found",
			"octo/tools\x00@v1": "repository not found", "octo/tools@": "unable to find version",
			"octo/tools@v2": "unable to find version", "octo/tools@" + first[:8]: "unable to find version",
			"octo/tools@" + foreign: "unable to find version", "octo/tools@" + strings.Repeat("0", 40): "unable to find version",
			"octo/tools@--help": "unable to find version", "octo/tools@v1^{tree}": "unable to find version", "octo/tools@main:action.yml": "unable to find version",
			"octo/tools@../../heads/main": "unable to find version", "octo/tools@v1\n": "unable to find version", "octo/tools@" + strings.Repeat("x", 9000): "unable to find version",
		} {
			a, _, missing := h.resolve(ref, "octo/tools@v1")
			if got := missing.Errors[ref].Message; a.status != http.StatusUnprocessableEntity || len(missing.Errors) != 1 || !strings.Contains(got, want) || len(got) > 500 {
				t.Errorf("%.60q: %d %.300q, want 422 with %q for it alone", ref, a.status, a.body, want)
			}
		}
		a, _, _ := h.resolve(make([]string, 1001)...)
		w.want("a thousand and one", a, http.StatusUnprocessableEntity)
		a, found, _ := h.resolve()
		if w.want("none", a, http.StatusOK); found.Actions == nil {
			t.Error("the answer to no question lacks its member")
		}
		w.want("complete", h.complete(wire.Succeeded), http.StatusOK)
		a, _, _ = h.resolve("octo/tools@v1")
		w.want("after the job", a, http.StatusNotFound)
	})
}

// A commit that a forced push left behind is still in the repository. Anybody could
// have made it.
func TestCommitsThatNoRefReachesAreNotFound(t *testing.T) {
	w := newWorld(t, nil)
	gone := w.push(w.tools, "one", "refs/heads/main")
	w.push(w.tools, "two", "refs/heads/main")
	h := w.runner("box").take(w.job(w.start(simple)).GUID)
	a, _, _ := h.resolve("octo/tools@" + gone)
	w.want("resolve", a, http.StatusUnprocessableEntity)
}

// Whoever has a fork makes its commits, and asks for them by a pull request.
func TestCommitsThatOnlyAPullRequestReachesAreNoActions(t *testing.T) {
	w := newWorld(t, nil)
	w.push(w.tools, "one", "refs/heads/main")
	forked := w.push(w.tools, "evil", "refs/heads/topic")
	for _, ref := range []string{"refs/pull/1/head", "refs/pull/1/merge"} {
		w.Must(w.Git.SetPullRef(t.Context(), w.tools.ID, ref, forked))
	}
	h := w.runner("box").take(w.job(w.start(simple)).GUID)
	a, _, _ := h.resolve("octo/tools@" + forked)
	w.want("while a branch has it", a, http.StatusOK)
	tree := t.TempDir()
	w.RunGit(tree, "init", "-q")
	w.RunGit(tree, "push", "-q", w.Remote(w.tools, w.admin), ":refs/heads/topic")
	a, _, missing := h.resolve("octo/tools@" + forked)
	if got := missing.Errors["octo/tools@"+forked].Message; a.status != http.StatusUnprocessableEntity || !strings.Contains(got, "unable to find version") {
		t.Errorf("when only pull requests have it: %d %.300q", a.status, a.body)
	}
}

func TestActionsOfAPrivateRepositoryAreForWhomItsSettingsSay(t *testing.T) { // ACT-1
	each(t, func(t *testing.T, w *world) {
		octo := &w.hello.Owner
		shared, users := w.Repository(octo, "shared", true), w.other
		w.push(shared, "one", "refs/heads/main")
		w.push(users, "one", "refs/heads/main")
		h := w.runner("box").take(w.job(w.start(simple)).GUID) // of octo/hello, which is private
		for _, c := range []struct {
			repo  *actions.Repository
			level settings.Sharing
			want  int
		}{
			{shared, "", http.StatusUnprocessableEntity},
			{shared, settings.ShareNone, http.StatusUnprocessableEntity},
			{shared, settings.ShareUser, w.kindOf(octo, actions.User)},
			{shared, settings.ShareOrganization, w.kindOf(octo, actions.Organization)},
			{shared, settings.ShareEnterprise, http.StatusOK},
			{shared, settings.ShareNone, http.StatusUnprocessableEntity},
			{users, settings.ShareUser, http.StatusUnprocessableEntity},
			{users, settings.ShareEnterprise, http.StatusOK},
		} {
			if c.level != "" {
				w.Must(settings.New(w.Store).Update(t.Context(), settings.Repo(c.repo), settings.Set(settings.ActionsSharing, c.level)))
			}
			a, _, _ := h.resolve(c.repo.FullName() + "@main")
			w.want(c.repo.FullName()+" shared with "+string(c.level), a, c.want)
		}
	})
}

// Who has a fork would read them by what the fork's workflow prints.
func TestARunOfAForkGetsNoActionsOfAnotherPrivateRepository(t *testing.T) { // ACT-1
	w := newWorld(t, nil)
	shared := w.Repository(&w.hello.Owner, "shared", true)
	w.push(shared, "one", "refs/heads/main")
	w.push(w.tools, "one", "refs/heads/main")
	s := settings.New(w.Store)
	w.Must(s.Update(t.Context(), settings.Repo(shared), settings.Set(settings.ActionsSharing, settings.ShareEnterprise)))
	job := w.job(w.startAs(simple, func(r *actions.Run) { r.Event, r.FromFork = "pull_request", true }))
	h := w.runner("box").take(job.GUID)
	for _, secrets := range []bool{false, true} {
		w.Must(s.Update(t.Context(), settings.Repo(w.hello), settings.Set(settings.PrivateForkRuns, settings.ForkRuns{Run: true, Secrets: secrets})))
		want := http.StatusUnprocessableEntity
		if secrets {
			want = http.StatusOK
		}
		a, _, _ := h.resolve("octo/shared@main")
		w.want(fmt.Sprint("with secrets: ", secrets), a, want)
		a, _, _ = h.resolve("octo/tools@main")
		w.want("a public one", a, http.StatusOK)
	}
}

// kindOf is the status of an action that is shared where its owner is of a kind.
func (w *world) kindOf(owner *actions.Account, kind actions.AccountType) int {
	if owner.Type == kind {
		return http.StatusOK
	}
	return http.StatusUnprocessableEntity
}

func TestActionsThatAreNotAllowedDoNotResolve(t *testing.T) {
	w := newWorld(t, func(c *servertest.Config) { c.Verified = []string{"guild"} })
	w.push(w.tools, "one", "refs/heads/main", "refs/tags/v1")
	h := w.hold("box")
	set := func(path string, body any) {
		w.Want(w.Do(http.MethodPut, w.api+"/repos/octo/hello/actions/permissions"+path, w.admin, body), http.StatusNoContent)
	}
	refused := func(want string, refs ...string) {
		t.Helper()
		a, _, missing := h.resolve(refs...)
		if got := missing.Errors[refs[0]].Message; a.status != http.StatusUnprocessableEntity || len(missing.Errors) != 1 || got != want {
			t.Errorf("%d %q, want %q", a.status, got, want)
		}
	}
	set("", map[string]any{"enabled": true, "allowed_actions": "local_only"})
	refused("The action actions/upload-artifact@v4 is not allowed in octo/hello because all actions must be from a repository owned by octo.", "actions/upload-artifact@v4", "octo/tools@v1")
	a, _, _ := h.resolve("octo/tools@v1")
	w.want("of the owner", a, http.StatusOK)
	set("", map[string]any{"enabled": true, "allowed_actions": "selected"})
	set("/selected-actions", map[string]any{"github_owned_allowed": true, "verified_allowed": true})
	a, _, _ = h.resolve("actions/upload-artifact@v4")
	w.want("of GitHub", a, http.StatusOK)
	a, _, missing := h.resolve("guild/none@v1")
	if got := missing.Errors["guild/none@v1"].Message; a.status != http.StatusUnprocessableEntity || !strings.Contains(got, "repository not found") {
		t.Errorf("of a verified creator: %d %q, want that it is looked for", a.status, got)
	}
	set("", map[string]any{"enabled": true, "sha_pinning_required": true})
	refused("The action octo/tools@v1 is not allowed in octo/hello because all actions must be pinned to a full-length commit SHA.", "octo/tools@v1")
}
