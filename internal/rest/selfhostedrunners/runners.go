// Package selfhostedrunners is the page "Self-hosted runners" of the reference: the
// runners of a repository, an organization or the enterprise, which is the site.
//
// A runner that is being configured asks here, too, with the token that it is to
// be registered or removed with.
package selfhostedrunners

import (
	"net/http"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/runners"
	"github.com/understudy-ci/understudy/internal/shape"
)

// Routes are the operations of the page.
func Routes(rs *runners.Runners, now func() time.Time) []rest.Route {
	p := &page{rs, now}
	var all []rest.Route
	for _, of := range rest.RunnerScopes() {
		var (
			list   = of.Path + "/actions/runners"
			one    = list + "/{runner_id}"
			docs   = of.Docs + "rest/actions/self-hosted-runners#"
			listed = of.Read
			remove = of.Write
		)
		listed.Registration, remove.Registration = auth.Register, auth.Remove
		all = append(all, []rest.Route{
			{Pattern: "GET " + list, Handle: p.list, Docs: docs + "list-self-hosted-runners-for-" + of.Name, Need: listed},
			{Pattern: "GET " + one, Handle: p.get, Docs: docs + "get-a-self-hosted-runner-for-" + of.Name, Need: of.Read},
			{Pattern: "DELETE " + one, Handle: p.remove, Docs: docs + "delete-a-self-hosted-runner-from-" + of.Name, Need: remove},
			{Pattern: "POST " + list + "/registration-token", Handle: p.createRegistrationToken, Docs: docs + "create-a-registration-token-for-" + of.Name, Need: of.Write},
			{Pattern: "POST " + list + "/remove-token", Handle: p.createRemoveToken, Docs: docs + "create-a-remove-token-for-" + of.Name, Need: of.Write},
			{Pattern: "POST " + list + "/generate-jitconfig", Handle: p.generateJITConfig, Docs: docs + "create-configuration-for-a-just-in-time-runner-for-" + of.Name, Need: of.Write},
		}...)
	}
	return all
}

type page struct {
	runners *runners.Runners
	now     func() time.Time
}

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

// show is the runner now.
func (p *page) show(r runners.Listed) *runnerJSON {
	v := &runnerJSON{
		ID: r.ID, RunnerGroupID: actions.DefaultGroupID, Name: r.Name, OS: r.System(), Status: "offline", Busy: r.Busy,
		Ephemeral: r.Ephemeral, Labels: []labelJSON{},
	}
	if r.Online(p.now()) {
		v.Status = "online"
	}
	for i, l := range r.Labels {
		kind := "custom"
		if l.System {
			kind = "read-only"
		}
		v.Labels = append(v.Labels, labelJSON{ID: int64(i + 1), Name: l.Name, Type: kind})
	}
	return v
}

// list serves GET …/actions/runners. A runner that is being configured takes the
// first of the answer for the runner of the name that it asks for.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	l := rest.ListingOf(r)
	found, total, err := p.runners.List(r.Context(), rest.CallOf(r).Scope(), l.Query.Get("name"), l.Page)
	if err != nil {
		return err
	}
	answer := struct {
		Total   int           `json:"total_count"`
		Runners []*runnerJSON `json:"runners"`
	}{total, make([]*runnerJSON, len(found))}
	for i, runner := range found {
		answer.Runners[i] = p.show(runner)
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// get serves GET …/actions/runners/{runner_id}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "runner_id")
	if err != nil {
		return err
	}
	runner, err := p.runners.Runner(r.Context(), rest.CallOf(r).Scope(), id)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, p.show(runner))
}

// remove serves DELETE …/actions/runners/{runner_id}: for people, and for a runner
// that removes itself. One that runs a job stays.
func (p *page) remove(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "runner_id")
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	err = p.runners.Remove(r.Context(), c.Scope(), id)
	if c.Runner && actions.KindOf(err) == actions.NotFound {
		err = nil // else the runner would keep its configuration
	}
	if err != nil {
		return err
	}
	return rest.NoContent(w)
}

// createRegistrationToken serves POST …/actions/runners/registration-token.
func (p *page) createRegistrationToken(w http.ResponseWriter, r *http.Request) error {
	return p.createToken(w, r, false)
}

// createRemoveToken serves POST …/actions/runners/remove-token.
func (p *page) createRemoveToken(w http.ResponseWriter, r *http.Request) error {
	return p.createToken(w, r, true)
}

func (p *page) createToken(w http.ResponseWriter, r *http.Request, remove bool) error {
	c := rest.CallOf(r)
	by := runners.By{AccountID: c.Caller.Account.ID, TokenID: c.Caller.Token.ID}
	text, expires, err := p.runners.CreateToken(r.Context(), c.Scope(), by, remove, actions.RegistrationTokenLife)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, struct {
		Token     string `json:"token"`
		ExpiresAt string `json:"expires_at"`
	}{text, shape.Time(expires)})
}
