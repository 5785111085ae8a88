package shape

import (
	"net/url"
	"path"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Workflow is the record of a workflow.
type Workflow struct {
	ID        int64   `json:"id"`
	NodeID    string  `json:"node_id"`
	Name      string  `json:"name"`
	Path      string  `json:"path"`
	State     string  `json:"state"`
	CreatedAt string  `json:"created_at"`
	UpdatedAt string  `json:"updated_at"`
	URL       string  `json:"url"`
	HTMLURL   string  `json:"html_url"`
	BadgeURL  string  `json:"badge_url"`
	DeletedAt *string `json:"deleted_at,omitempty"`
}

// NewWorkflow is the object for a workflow of r.
func NewWorkflow(b Base, r *actions.Repository, wf *actions.Workflow) *Workflow {
	html := b.HTML + "/" + r.FullName()
	v := &Workflow{
		ID:        wf.ID,
		NodeID:    NodeID("Workflow", wf.ID),
		Name:      wf.Name,
		Path:      wf.Path,
		State:     string(wf.State),
		CreatedAt: Time(wf.CreatedAt),
		UpdatedAt: Time(wf.UpdatedAt),
		URL:       b.API + "/repos/" + r.FullName() + "/actions/workflows/" + strconv.FormatInt(wf.ID, 10),
		HTMLURL:   html + "/blob/" + (&url.URL{Path: r.DefaultBranch + "/" + wf.Path}).EscapedPath(),
		BadgeURL:  html + "/actions/workflows/" + url.PathEscape(path.Base(wf.Path)) + "/badge.svg",
	}
	if wf.State == actions.Deleted {
		v.DeletedAt = NullTime(wf.UpdatedAt)
	}
	return v
}
