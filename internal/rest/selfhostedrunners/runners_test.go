package selfhostedrunners_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

const site = "/enterprises/understudy"

// add registers a runner that was never seen.
func add(s *resttest.Site, scope actions.Scope, name string) *actions.Runner {
	s.Helper()
	r := &actions.Runner{
		Scope: scope, Name: name, ClientID: uuid.NewString(), PublicKey: []byte("key"), CreatedAt: s.Now(),
		Labels: []actions.Label{{Name: "self-hosted", System: true}, {Name: "gpu"}},
	}
	s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error { return tx.CreateRunner(s.Context(), r) }))
	return r
}

// token asks for a registration-token or a remove-token.
func token(s *resttest.Site, scope, kind string) string {
	s.Helper()
	a := s.Want(s.Do(http.MethodPost, scope+"/actions/runners/"+kind, s.AdminToken, nil), http.StatusCreated).JSON(s)
	expires, err := time.Parse(time.RFC3339, a["expires_at"].(string))
	s.Must(err)
	if left := expires.Sub(s.Now()); left < 59*time.Minute || left > time.Hour {
		s.Errorf("the %s is good for %v, want an hour", kind, left)
	}
	return a["token"].(string)
}

func TestWhoMayNotManageRunnersLearnsNothing(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		mona := s.User("mona")
		s.Organization("guild")
		s.Repository(s.Alice, "tools", false)
		s.Repository(mona, "other", true)
		outsider := s.Token(mona, actions.Scopes()...)
		job := s.JobToken(s.Repo, map[string]string{"actions": "write", "administration": "read"})
		for _, c := range []struct {
			name, token, scope string
			want               int
		}{
			{"nobody, private", "", "/repos/alice/hello", 404},
			{"nobody, missing", "", "/repos/alice/nothing", 404},
			{"nobody, public", "", "/repos/alice/tools", 401},
			{"outsider, private", outsider, "/repos/alice/hello", 404},
			{"outsider, missing", outsider, "/repos/alice/nothing", 404},
			{"outsider, public", outsider, "/repos/alice/tools", 403},
			{"outsider, organization", outsider, "/orgs/guild", 403},
			{"outsider, the site", outsider, site, 404},
			{"a job of the repository", job, "/repos/alice/hello", 403},
			{"person as organization", s.AdminToken, "/orgs/mona", 404},
			{"another enterprise", s.AdminToken, "/enterprises/acme", 404},
			{"owner", outsider, "/repos/mona/other", 201},
			{"admin", s.AdminToken, "/orgs/guild", 201},
			{"admin, the site", s.AdminToken, site, 201},
		} {
			for _, kind := range []string{"registration-token", "remove-token"} {
				if a := s.Do(http.MethodPost, c.scope+"/actions/runners/"+kind, c.token, nil); a.StatusCode != c.want {
					s.Errorf("%s, %s: %d %s, want %d", c.name, kind, a.StatusCode, a.Text, c.want)
				}
			}
			want := c.want
			if want == http.StatusCreated {
				want = http.StatusOK
			}
			for _, list := range []string{"runners", "runner-groups"} {
				if a := s.Do(http.MethodGet, c.scope+"/actions/"+list, c.token, nil); a.StatusCode != want {
					s.Errorf("%s, %s: %d %s, want %d", c.name, list, a.StatusCode, a.Text, want)
				}
			}
		}
	})
}

// A runner that is being configured or removed shows its token in a scheme of its own.
func TestARegistrationTokenOpensWhatRunnersAskFor(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		s.Repository(s.Alice, "tools", false)
		r := add(s, actions.Scope{RepoID: s.Repo.ID}, "box")
		one := s.Path("actions/runners", r.ID)
		register, remove := token(s, s.Path(), "registration-token"), token(s, s.Path(), "remove-token")
		for _, c := range []struct {
			name, method, path, token string
			want                      int
		}{
			{"list", http.MethodGet, s.Path("actions/runners?name=box"), register, 200},
			{"groups", http.MethodGet, s.Path("actions/runner-groups"), register, 200},
			{"list with a token to remove", http.MethodGet, s.Path("actions/runners"), remove, 404},
			{"list with a token that is none", http.MethodGet, s.Path("actions/runners"), "AAAA", 404},
			{"list of another repository", http.MethodGet, "/repos/alice/tools/actions/runners", register, 404},
			{"list of the site", http.MethodGet, site + "/actions/runners", register, 404},
			{"one", http.MethodGet, one, register, 401},
			{"a new token", http.MethodPost, s.Path("actions/runners/registration-token"), register, 401},
			{"the repository", http.MethodGet, s.Path(), register, 401},
			{"remove with a token to register", http.MethodDelete, one, register, 204},
			{"remove what is gone", http.MethodDelete, one, remove, 204},
		} {
			a := s.Do(c.method, c.path, "", nil, "Authorization: RemoteAuth "+c.token)
			if a.StatusCode != c.want {
				s.Errorf("%s: %d %s, want %d", c.name, a.StatusCode, a.Text, c.want)
			}
			if a.StatusCode == http.StatusOK && !strings.HasPrefix(a.Header.Get("Cache-Control"), "private") {
				s.Errorf("%s: Cache-Control %q", c.name, a.Header.Get("Cache-Control"))
			}
		}
		s.Pass(time.Hour)
		s.Want(s.Do(http.MethodGet, s.Path("actions/runners"), "", nil, "Authorization: RemoteAuth "+register), http.StatusNotFound)
	})
}

func TestTokensAreToldWhatRunnersNeed(t *testing.T) {
	s := resttest.New(t)
	guild := s.Organization("guild", s.Alice)
	fine := func(access string) string {
		return s.TokenAs(&actions.Token{AccountID: s.Alice.ID, Kind: actions.FineGrained, Access: map[string]string{"organization_self_hosted_runners": access}})
	}
	a := s.Want(s.Do(http.MethodGet, "/orgs/guild/actions/runners", fine("read"), nil), http.StatusOK)
	if got, want := a.Header.Get("X-Accepted-GitHub-Permissions"), "organization_self_hosted_runners=read"; got != want {
		t.Errorf("accepted permissions %q, want %q", got, want)
	}
	a = s.Want(s.Do(http.MethodPost, "/orgs/guild/actions/runners/registration-token", fine("read"), nil), http.StatusForbidden)
	if got, want := a.Header.Get("X-Accepted-GitHub-Permissions"), "organization_self_hosted_runners=write"; got != want {
		t.Errorf("accepted permissions %q, want %q", got, want)
	}
	s.Want(s.Do(http.MethodPost, "/orgs/guild/actions/runners/registration-token", fine("write"), nil), http.StatusCreated)
	a = s.Want(s.Do(http.MethodGet, "/orgs/"+guild.Login+"/actions/runners", s.Token(s.Alice, "manage_runners:org"), nil), http.StatusOK)
	if got, want := a.Header.Get("X-Accepted-OAuth-Scopes"), "admin:org, manage_runners:org"; got != want {
		t.Errorf("accepted scopes %q, want %q", got, want)
	}
}

func TestRunnersOfANameAreFoundExactly(t *testing.T) { // REG-3
	resttest.Each(t, func(s *resttest.Site) {
		add(s, actions.Scope{RepoID: s.Repo.ID}, "box")
		add(s, actions.Scope{RepoID: s.Repo.ID}, "box2")
		add(s, actions.Scope{}, "box3")
		for name, want := range map[string]int{"box": 1, "bo": 0, "box2": 1, "box3": 0, "nobody": 0, "": 2, "%25": 0} {
			got := s.Want(s.Get(s.Path("actions/runners?name="+name)), http.StatusOK).JSON(s)
			if list, _ := got["runners"].([]any); got["total_count"] != float64(want) || len(list) != want {
				s.Errorf("name %q: %v, want %d", name, got, want)
			}
		}
		page := s.Want(s.Get(s.Path("actions/runners?per_page=1")), http.StatusOK)
		if !strings.Contains(page.Header.Get("Link"), `rel="next"`) {
			s.Errorf("link %q", page.Header.Get("Link"))
		}
		runners, _, err := s.GoGitHub(s.AliceToken).Actions.ListRunners(s.Context(), "alice", "hello", nil)
		s.Must(err)
		if len(runners.Runners) != 2 || runners.Runners[0].GetStatus() != "offline" || runners.Runners[0].Labels[0].GetType() != "read-only" {
			s.Errorf("runners %v", runners)
		}
	})
}

func TestABusyRunnerIsNotRemoved(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		r := add(s, actions.Scope{RepoID: s.Repo.ID}, "box")
		run := s.AddRun(s.AddWorkflow(s.Repo, ".github/workflows/ci.yml"), nil)
		j := s.AddJob(run, resttest.Running)
		hold := func(change func(*actions.Job)) {
			change(j)
			s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error { return tx.UpdateJob(s.Context(), j) }))
		}
		hold(func(j *actions.Job) { j.RunnerID, j.RunnerName = r.ID, r.Name })
		path := "/actions/runners/" + strconv.FormatInt(r.ID, 10)
		s.Want(s.Do(http.MethodDelete, s.Path()+path, s.AdminToken, nil), http.StatusUnprocessableEntity)
		s.Want(s.Do(http.MethodDelete, site+path, s.AdminToken, nil), http.StatusNotFound)
		if got := s.Want(s.Get(s.Path()+path), http.StatusOK).JSON(s); got["busy"] != true {
			s.Errorf("the runner that holds a job is %v", got)
		}
		hold(func(j *actions.Job) {
			j.Status, j.Conclusion, j.CompletedAt = actions.Completed, actions.Success, s.Now()
		})
		s.Want(s.Do(http.MethodDelete, s.Path()+path, s.AdminToken, nil), http.StatusNoContent)
		s.Want(s.Get(s.Path()+path), http.StatusNotFound)
	})
}

func TestJITRequestsThatMakeNoRunner(t *testing.T) {
	s := resttest.New(t)
	path := s.Path("actions/runners/generate-jitconfig")
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"no name":     {`{"runner_group_id":1,"labels":["x"]}`, 422},
		"no labels":   {`{"name":"a","runner_group_id":1}`, 422},
		"no group":    {`{"name":"a","labels":["x"]}`, 422},
		"other group": {`{"name":"a","labels":["x"],"runner_group_id":9}`, 404},
		"bad label":   {`{"name":"a","labels":["x,y"],"runner_group_id":1}`, 422},
		"long folder": {`{"name":"a","labels":["x"],"runner_group_id":1,"work_folder":"` + strings.Repeat("x", 300) + `"}`, 422},
	} {
		if a := s.Do(http.MethodPost, path, s.AliceToken, c.body); a.StatusCode != c.want {
			t.Errorf("%s: %d %s, want %d", name, a.StatusCode, a.Text, c.want)
		}
	}
	s.Want(s.Do(http.MethodPost, path, s.Token(s.User("mona"), "repo"), nil), http.StatusNotFound)
	made := s.Want(s.Do(http.MethodPost, path, s.AliceToken, `{"name":"a","runner_group_id":1,"labels":["x"]}`), http.StatusCreated).JSON(t)
	if made["encoded_jit_config"] == "" {
		t.Errorf("made %v", made)
	}
}
