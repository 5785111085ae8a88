package selfhostedrunners

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/runners"
	"github.com/understudy-ci/understudy/internal/shape"
)

// writeLabels answers with the labels of a runner.
func writeLabels(w http.ResponseWriter, r runners.Listed) error {
	labels := shape.NewRunnerLabels(r.Runner, r.LabelIDs)
	return httpjson.Write(w, http.StatusOK, struct {
		Total  int                 `json:"total_count"`
		Labels []shape.RunnerLabel `json:"labels"`
	}{len(labels), labels})
}

// listLabels serves GET …/actions/runners/{runner_id}/labels.
func (p *page) listLabels(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "runner_id")
	if err != nil {
		return err
	}
	runner, err := p.runners.Runner(r.Context(), rest.CallOf(r).Scope(), id)
	if err != nil {
		return err
	}
	return writeLabels(w, runner)
}

// addLabels serves POST …/actions/runners/{runner_id}/labels.
func (p *page) addLabels(w http.ResponseWriter, r *http.Request) error {
	names, err := labelsOf(r, 1)
	if err != nil {
		return err
	}
	return p.relabel(w, r, runners.AddLabels(names))
}

// setLabels serves PUT …/actions/runners/{runner_id}/labels.
func (p *page) setLabels(w http.ResponseWriter, r *http.Request) error {
	names, err := labelsOf(r, 0)
	if err != nil {
		return err
	}
	return p.relabel(w, r, runners.SetLabels(names))
}

// removeLabels serves DELETE …/actions/runners/{runner_id}/labels.
func (p *page) removeLabels(w http.ResponseWriter, r *http.Request) error {
	return p.relabel(w, r, runners.SetLabels(nil))
}

// removeLabel serves DELETE …/actions/runners/{runner_id}/labels/{name}.
func (p *page) removeLabel(w http.ResponseWriter, r *http.Request) error {
	return p.relabel(w, r, runners.RemoveLabel(r.PathValue("name")))
}

func (p *page) relabel(w http.ResponseWriter, r *http.Request, change runners.Labels) error {
	id, err := httpjson.PathID(r, "runner_id")
	if err != nil {
		return err
	}
	runner, err := p.runners.Relabel(r.Context(), rest.CallOf(r).Scope(), id, change)
	if err != nil {
		return err
	}
	return writeLabels(w, runner)
}

// labelsOf are the labels in the body of a request.
func labelsOf(r *http.Request, least int) ([]string, error) {
	var body struct {
		Labels *[]string `json:"labels"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return nil, err
	}
	const most = 100
	switch {
	case body.Labels == nil:
		return nil, missing("labels")
	case len(*body.Labels) < least || len(*body.Labels) > most:
		return nil, actions.Errorf(actions.Invalid, "%d to %d labels can be given", least, most)
	}
	for _, name := range *body.Labels {
		if err := actions.CheckLabel(name); err != nil {
			return nil, err
		}
	}
	return *body.Labels, nil
}
