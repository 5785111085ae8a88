package workflows

import (
	"net/http"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
)

// A usageJSON is what GitHub would bill of one system. Nobody is billed here.
type usageJSON struct {
	TotalMS int `json:"total_ms"`
}

// timing serves GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/timing. It is
// about the calendar month, in UTC.
func (p *page) timing(w http.ResponseWriter, r *http.Request) error {
	wf, err := rest.PathWorkflow(r, p.store)
	if err != nil {
		return err
	}
	now := p.now().UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	all, err := p.store.StartedLabels(r.Context(), wf.RepoID, wf.ID, month)
	if err != nil {
		return err
	}
	billable := make(map[string]usageJSON)
	for _, labels := range all {
		if system := actions.HostedSystem(labels); system != "" {
			billable[system] = usageJSON{}
		}
	}
	return httpjson.Write(w, http.StatusOK, struct {
		Billable map[string]usageJSON `json:"billable"`
	}{billable})
}
