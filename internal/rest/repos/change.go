package repos

import (
	"encoding/json"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
)

// optionsJSON are [actions.RepositoryOptions] as callers write them.
type optionsJSON struct {
	HasIssues      bool `json:"has_issues"`
	HasProjects    bool `json:"has_projects"`
	HasWiki        bool `json:"has_wiki"`
	HasDiscussions bool `json:"has_discussions"`
	HasDownloads   bool `json:"has_downloads"`

	HasPullRequests           bool   `json:"has_pull_requests"`
	PullRequestCreationPolicy string `json:"pull_request_creation_policy"`

	IsTemplate               bool `json:"is_template"`
	AllowForking             bool `json:"allow_forking"`
	WebCommitSignoffRequired bool `json:"web_commit_signoff_required"`

	AllowSquashMerge    bool `json:"allow_squash_merge"`
	AllowMergeCommit    bool `json:"allow_merge_commit"`
	AllowRebaseMerge    bool `json:"allow_rebase_merge"`
	AllowAutoMerge      bool `json:"allow_auto_merge"`
	AllowUpdateBranch   bool `json:"allow_update_branch"`
	DeleteBranchOnMerge bool `json:"delete_branch_on_merge"`

	SquashMergeCommitTitle   string `json:"squash_merge_commit_title"`
	SquashMergeCommitMessage string `json:"squash_merge_commit_message"`
	MergeCommitTitle         string `json:"merge_commit_title"`
	MergeCommitMessage       string `json:"merge_commit_message"`
}

// change changes options as a body says; what it does not name stays.
func change(body []byte, o *actions.RepositoryOptions) error {
	var older struct {
		SquashTitle *bool `json:"use_squash_pr_title_as_default"`
	}
	if err := httpjson.Parse(body, &older); err != nil {
		return err
	}
	if older.SquashTitle != nil {
		o.SquashTitle(*older.SquashTitle)
	}
	is := optionsJSON(*o)
	if err := httpjson.Parse(body, &is); err != nil {
		return err
	}
	*o = actions.RepositoryOptions(is)
	return nil
}

// notHere is what callers may ask for that this server has none of. It is refused, so
// that nobody takes it for done.
type notHere struct {
	Team       int64                      `json:"team_id"`
	Gitignore  string                     `json:"gitignore_template"`
	License    string                     `json:"license_template"`
	Properties map[string]json.RawMessage `json:"custom_properties"`
	Security   map[string]*struct {
		Status string `json:"status"`
	} `json:"security_and_analysis"`
}

func (n *notHere) check() error {
	refuse := func(field, format string, args ...any) error {
		return actions.InField("Repository", field, actions.Errorf(actions.Invalid, format, args...))
	}
	switch {
	case n.Team != 0:
		return refuse("team_id", "There are no teams on this server")
	case n.Gitignore != "":
		return refuse("gitignore_template", "is an unknown gitignore template.")
	case n.License != "":
		return refuse("license_template", "is an unknown license template.")
	case len(n.Properties) > 0:
		return refuse("custom_properties", "There are no custom properties on this server")
	}
	for name, feature := range n.Security {
		if feature != nil && feature.Status != "" && feature.Status != "disabled" {
			return refuse("security_and_analysis", "%.100s is not available for this repository.", name)
		}
	}
	return nil
}

// update serves PATCH /repos/{owner}/{repo}.
func (p *page) update(w http.ResponseWriter, r *http.Request) error {
	var raw json.RawMessage
	if err := httpjson.Decode(r, &raw, httpjson.DefaultLimit); err != nil {
		return err
	}
	var body struct {
		notHere
		Name          *string `json:"name"`
		Description   *string `json:"description"`
		Homepage      *string `json:"homepage"`
		Private       *bool   `json:"private"`
		Visibility    *string `json:"visibility"`
		Archived      *bool   `json:"archived"`
		DefaultBranch *string `json:"default_branch"`
	}
	if err := httpjson.Parse(raw, &body); err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	c := rest.CallOf(r)
	repo, err := p.repositories.Update(r.Context(), c.Repo.ID, repository.Change{
		Name: body.Name, Description: body.Description, Homepage: body.Homepage, Private: body.Private, Visibility: body.Visibility,
		Archived: body.Archived, DefaultBranch: body.DefaultBranch,
		Options: func(o *actions.RepositoryOptions) error { return change(raw, o) },
	})
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, repositoryJSON(c, repo, actions.Admin))
}
