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
			{Pattern: "GET " + list + "/downloads", Handle: p.listDownloads, Docs: docs + "list-runner-applications-for-" + of.Name, Need: of.Read},
			{Pattern: "GET " + one + "/labels", Handle: p.listLabels, Docs: docs + "list-labels-for-a-self-hosted-runner-for-" + of.Name, Need: of.Read},
			{Pattern: "POST " + one + "/labels", Handle: p.addLabels, Docs: docs + "add-custom-labels-to-a-self-hosted-runner-for-" + of.Name, Need: of.Write},
			{Pattern: "PUT " + one + "/labels", Handle: p.setLabels, Docs: docs + "set-custom-labels-for-a-self-hosted-runner-for-" + of.Name, Need: of.Write},
			{Pattern: "DELETE " + one + "/labels", Handle: p.removeLabels, Docs: docs + "remove-all-custom-labels-from-a-self-hosted-runner-for-" + of.Name, Need: of.Write},
			{Pattern: "DELETE " + one + "/labels/{name}", Handle: p.removeLabel, Docs: docs + "remove-a-custom-label-from-a-self-hosted-runner-for-" + of.Name, Need: of.Write},
			{Pattern: "POST " + list + "/generate-jitconfig", Handle: p.generateJITConfig, Docs: docs + "create-configuration-for-a-just-in-time-runner-for-" + of.Name, Need: of.Write},
		}...)
	}
	return all
}

type page struct {
	runners *runners.Runners
	now     func() time.Time
}

// show is the runner now.
func (p *page) show(r runners.Listed) *shape.Runner {
	return shape.NewRunner(r.Runner, r.LabelIDs, r.Busy, p.now())
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
		Total   int             `json:"total_count"`
		Runners []*shape.Runner `json:"runners"`
	}{total, make([]*shape.Runner, len(found))}
	for i, runner := range found {
		answer.Runners[i] = p.show(runner)
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// get serves GET …/actions/runners/{runner_id}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	runner, err := p.find(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, p.show(runner))
}

// find finds the runner of the path in the scope of the request.
func (p *page) find(r *http.Request) (runners.Listed, error) {
	id, err := httpjson.PathID(r, "runner_id")
	if err != nil {
		return runners.Listed{}, err
	}
	return p.runners.Runner(r.Context(), rest.CallOf(r).Scope(), id)
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
