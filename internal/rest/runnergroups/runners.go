package runnergroups

import (
	"context"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// listRunners serves GET …/actions/runner-groups/{runner_group_id}/runners.
func (p *page) listRunners(w http.ResponseWriter, r *http.Request) error {
	g, err := p.group(r)
	if err != nil {
		return err
	}
	l := rest.ListingOf(r)
	list, total, err := p.runners.OfGroup(r.Context(), g, l.Page)
	if err != nil {
		return err
	}
	answer := struct {
		Total   int             `json:"total_count"`
		Runners []*shape.Runner `json:"runners"`
	}{total, make([]*shape.Runner, len(list))}
	for i, one := range list {
		answer.Runners[i] = shape.NewRunner(one.Runner, one.LabelIDs, one.Busy, p.now())
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// setRunners serves PUT …/actions/runner-groups/{runner_group_id}/runners.
func (p *page) setRunners(w http.ResponseWriter, r *http.Request) error {
	g, err := p.own(r)
	if err != nil {
		return err
	}
	var body struct {
		Runners *[]int64 `json:"runners"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.Runners == nil {
		return actions.Errorf(actions.Invalid, "Invalid request.\n\n\"runners\" wasn't supplied.")
	}
	if err := p.groups.SetRunners(r.Context(), g.Scope, g.ID, *body.Runners); err != nil {
		return err
	}
	return rest.NoContent(w)
}

// addRunner serves PUT …/actions/runner-groups/{runner_group_id}/runners/{runner_id}.
func (p *page) addRunner(w http.ResponseWriter, r *http.Request) error {
	return p.changeRunner(w, r, p.groups.AddRunner)
}

// removeRunner serves DELETE …/actions/runner-groups/{runner_group_id}/runners/{runner_id}.
func (p *page) removeRunner(w http.ResponseWriter, r *http.Request) error {
	return p.changeRunner(w, r, p.groups.RemoveRunner)
}

// changeRunner does something with the runner and the group of a path.
func (p *page) changeRunner(w http.ResponseWriter, r *http.Request, do func(ctx context.Context, sc actions.Scope, groupID, runnerID int64) error) error {
	g, err := p.own(r)
	if err != nil {
		return err
	}
	id, err := httpjson.PathID(r, "runner_id")
	if err != nil {
		return err
	}
	if err := do(r.Context(), g.Scope, g.ID, id); err != nil {
		return err
	}
	return rest.NoContent(w)
}
