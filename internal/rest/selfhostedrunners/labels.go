package selfhostedrunners

import (
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
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
	runner, err := p.find(r)
	if err != nil {
		return err
	}
	return writeLabels(w, runner)
}

// addLabels serves POST …/actions/runners/{runner_id}/labels.
func (p *page) addLabels(w http.ResponseWriter, r *http.Request) error {
	return p.relabel(w, r, func() (runners.Labels, error) {
		names, err := labelsOf(r, 1)
		return runners.AddLabels(names), err
	})
}

// setLabels serves PUT …/actions/runners/{runner_id}/labels.
func (p *page) setLabels(w http.ResponseWriter, r *http.Request) error {
	return p.relabel(w, r, func() (runners.Labels, error) {
		names, err := labelsOf(r, 0)
		return runners.SetLabels(names), err
	})
}

// removeLabels serves DELETE …/actions/runners/{runner_id}/labels.
func (p *page) removeLabels(w http.ResponseWriter, r *http.Request) error {
	return p.relabel(w, r, func() (runners.Labels, error) { return runners.SetLabels(nil), nil })
}

// removeLabel serves DELETE …/actions/runners/{runner_id}/labels/{name}.
func (p *page) removeLabel(w http.ResponseWriter, r *http.Request) error {
	return p.relabel(w, r, func() (runners.Labels, error) { return runners.RemoveLabel(r.PathValue("name")), nil })
}

// relabel changes the labels of the runner of the path as the request says, which is read
// once the runner is found.
func (p *page) relabel(w http.ResponseWriter, r *http.Request, read func() (runners.Labels, error)) error {
	runner, err := p.find(r)
	if err != nil {
		return err
	}
	change, err := read()
	if err != nil {
		return err
	}
	if runner, err = p.runners.Relabel(r.Context(), runner.Scope, runner.ID, change); err != nil {
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
		if err := actions.CheckLabel(strings.TrimSpace(name)); err != nil {
			return nil, err
		}
	}
	return *body.Labels, nil
}
