package runnerapi

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/runners"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// The scopes under which the REST API has runners.
var scopePaths = []string{"/repos/{owner}/{repo}", "/orgs/{org}", "/enterprises/{enterprise}"}

func (a *API) restMux() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, h handler) {
		a.patterns = append(a.patterns, pattern)
		mux.Handle(pattern, a.wrap(h, restError))
	}
	handle("POST /"+wire.RegistrationPath, a.exchangeToken)
	handle("POST /"+wire.RegisterPath, a.register)
	for _, scope := range scopePaths {
		path := scope + "/actions/runners"
		handle("POST "+path+"/registration-token", a.createRegistrationToken)
		handle("POST "+path+"/remove-token", a.createRemoveToken)
		handle("POST "+path+"/generate-jitconfig", a.generateJITConfig)
		handle("GET "+path, a.listRunners)
		handle("GET "+path+"/{runner_id}", a.getRunner)
		handle("DELETE "+path+"/{runner_id}", a.deleteRunner)
		handle("GET "+scope+"/actions/runner-groups", a.listGroups)
	}
	mux.Handle("/", a.wrap(func(http.ResponseWriter, *http.Request) error {
		return actions.Errorf(actions.NotFound, "no such route")
	}, restError))
	return mux
}

// Patterns are the routes of the REST API that are served here, in the form of
// http.ServeMux.
func (a *API) Patterns() []string { return a.patterns }

// A runnerJSON is a runner as the REST API shows it.
type runnerJSON struct {
	ID            int64       `json:"id"`
	RunnerGroupID int64       `json:"runner_group_id"`
	Name          string      `json:"name"`
	OS            string      `json:"os"`
	Status        string      `json:"status"`
	Busy          bool        `json:"busy"`
	Ephemeral     bool        `json:"ephemeral"`
	Labels        []labelJSON `json:"labels"`
}

type labelJSON struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"` // read-only for those that the runner program sets itself
}

func (a *API) runnerJSON(r runners.Listed) *runnerJSON {
	out := &runnerJSON{
		ID: r.ID, RunnerGroupID: actions.DefaultGroupID, Name: r.Name, OS: r.OS, Status: "offline", Busy: r.Busy,
		Ephemeral: r.Ephemeral, Labels: []labelJSON{},
	}
	if out.OS == "" {
		out.OS = "unknown"
	}
	if r.Online(a.Now()) {
		out.Status = "online"
	}
	for i, l := range r.Labels {
		kind := "custom"
		if l.System {
			kind = "read-only"
		}
		out.Labels = append(out.Labels, labelJSON{ID: int64(i + 1), Name: l.Name, Type: kind})
	}
	return out
}

// listRunners serves GET …/actions/runners. A runner that is being configured
// asks with its registration token, too, and takes the first of the answer for
// the runner of that name.
func (a *API) listRunners(w http.ResponseWriter, r *http.Request) error {
	p, err := a.placeOf(r.Context(), r)
	if err != nil {
		return err
	}
	if err := a.mayRegister(r, p, false); err != nil {
		return err
	}
	page := httpjson.PageOf(r.URL.Query())
	found, total, err := a.Runners.List(r.Context(), p.scope, r.URL.Query().Get("name"), store.Page(page))
	if err != nil {
		return err
	}
	list := make([]*runnerJSON, len(found))
	for i, runner := range found {
		list[i] = a.runnerJSON(runner)
	}
	httpjson.SetLink(w, httpjson.Base(r).API+r.URL.Path, r.URL.Query(), page, total)
	return httpjson.Write(w, http.StatusOK, struct {
		TotalCount int           `json:"total_count"`
		Runners    []*runnerJSON `json:"runners"`
	}{total, list})
}

// getRunner serves GET …/actions/runners/{runner_id}.
func (a *API) getRunner(w http.ResponseWriter, r *http.Request) error {
	scope, id, err := a.runnerInPath(r, a.mayManage)
	if err != nil {
		return err
	}
	runner, err := a.Runners.Runner(r.Context(), scope, id)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, a.runnerJSON(runner))
}

// deleteRunner serves DELETE …/actions/runners/{runner_id}: for people, and for
// a runner that removes itself with a removal token. One that runs a job stays.
func (a *API) deleteRunner(w http.ResponseWriter, r *http.Request) error {
	scope, id, err := a.runnerInPath(r, func(r *http.Request, p *place) error { return a.mayRegister(r, p, true) })
	if err != nil {
		return err
	}
	if err := a.Runners.Remove(r.Context(), scope, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// runnerInPath is the scope and the id of a runner that the path names, to whose
// runners the caller has access.
func (a *API) runnerInPath(r *http.Request, may func(*http.Request, *place) error) (actions.Scope, int64, error) {
	p, err := a.placeOf(r.Context(), r)
	if err != nil {
		return actions.Scope{}, 0, err
	}
	if err := may(r, p); err != nil {
		return actions.Scope{}, 0, err
	}
	id, err := httpjson.PathID(r, "runner_id")
	return p.scope, id, err
}

// listGroups serves GET …/actions/runner-groups for runners that are being
// configured: every scope has the default group (§2.3).
func (a *API) listGroups(w http.ResponseWriter, r *http.Request) error {
	p, err := a.placeOf(r.Context(), r)
	if err != nil {
		return err
	}
	if err := a.mayRegister(r, p, false); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, wire.RunnerGroups{
		TotalCount: 1, RunnerGroups: []wire.RunnerGroup{{ID: actions.DefaultGroupID, Name: actions.DefaultGroup, Default: true}},
	})
}
