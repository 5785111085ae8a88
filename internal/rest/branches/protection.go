package branches

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/protect"
	"github.com/understudy-ci/understudy/internal/rest"
)

// protectionRoutes are the operations of the page "Protected branches". What GitHub can
// require of a branch, and this server cannot, is refused by its name.
func (p *page) protectionRoutes() []rest.Route {
	const (
		one      = "/repos/{owner}/{repo}/branches/{branch}/protection"
		admins   = one + "/enforce_admins"
		checks   = one + "/required_status_checks"
		contexts = checks + "/contexts"
		reviews  = one + "/required_pull_request_reviews"
		docs     = "rest/branches/branch-protection#"
	)
	need := auth.Need{On: auth.Repo, Role: actions.Admin, Permission: "administration"}
	return []rest.Route{
		{Pattern: "GET " + one, Handle: p.show(p.whole), Docs: docs + "get-branch-protection", Need: need},
		{Pattern: "PUT " + one, Handle: p.put, Docs: docs + "update-branch-protection", Need: need},
		{Pattern: "DELETE " + one, Handle: p.drop(func(*actions.ProtectionRules) bool { return false }), Docs: docs + "delete-branch-protection", Need: need},
		{Pattern: "GET " + admins, Handle: p.show(p.admins), Docs: docs + "get-admin-branch-protection", Need: need},
		{Pattern: "POST " + admins, Handle: p.forAdmins, Docs: docs + "set-admin-branch-protection", Need: need},
		{
			Pattern: "DELETE " + admins, Docs: docs + "delete-admin-branch-protection", Need: need,
			Handle: p.drop(func(r *actions.ProtectionRules) bool { r.Admins = false; return true }),
		},
		{Pattern: "GET " + checks, Handle: p.show(p.checks), Docs: docs + "get-status-checks-protection", Need: need},
		{Pattern: "PATCH " + checks, Handle: p.patchChecks, Docs: docs + "update-status-check-protection", Need: need},
		{
			Pattern: "DELETE " + checks, Docs: docs + "remove-status-check-protection", Need: need,
			Handle: p.drop(func(r *actions.ProtectionRules) bool { r.Checks = nil; return true }),
		},
		{Pattern: "GET " + contexts, Handle: p.show(p.contexts), Docs: docs + "get-all-status-check-contexts", Need: need},
		{Pattern: "POST " + contexts, Handle: p.changeContexts(add), Docs: docs + "add-status-check-contexts", Need: need},
		{Pattern: "PUT " + contexts, Handle: p.changeContexts(set), Docs: docs + "set-status-check-contexts", Need: need},
		{Pattern: "DELETE " + contexts, Handle: p.changeContexts(remove), Docs: docs + "remove-status-check-contexts", Need: need},
		{Pattern: "GET " + reviews, Handle: p.show(p.reviews), Docs: docs + "get-pull-request-review-protection", Need: need},
		{Pattern: "PATCH " + reviews, Handle: p.patchReviews, Docs: docs + "update-pull-request-review-protection", Need: need},
		{
			Pattern: "DELETE " + reviews, Docs: docs + "delete-pull-request-review-protection", Need: need,
			Handle: p.drop(func(r *actions.ProtectionRules) bool { r.Pull = false; return true }),
		},
	}
}

var (
	errNoBranch  = actions.Absence("Branch not found")
	errNoChecks  = actions.Absence("Required status checks not enabled")
	errNoReviews = actions.Absence("Required pull request reviews not enabled")
)

// branch is the branch of the path, which must be there.
func (p *page) branch(r *http.Request) (string, error) {
	name := r.PathValue("branch")
	_, err := p.Git.View(rest.CallOf(r).Repo.ID).Ref(actions.BranchPrefix + name)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		err = errNoBranch
	}
	return name, err
}

// show answers with a part of what a branch requires, or the error of that part.
func (p *page) show(part func(base string, r *actions.ProtectionRules) (any, error)) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		branch, err := p.branch(r)
		if err != nil {
			return err
		}
		is, err := p.Protections.Of(r.Context(), rest.CallOf(r).Repo.ID, branch)
		if err != nil {
			return err
		}
		return answer(w, r, branch, &is.Rules, part)
	}
}

func answer(w http.ResponseWriter, r *http.Request, branch string, rules *actions.ProtectionRules, part func(base string, r *actions.ProtectionRules) (any, error)) error {
	v, err := part(protectionURL(rest.CallOf(r), branch), rules)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, v)
}

func protectionURL(c *rest.Call, branch string) string {
	return c.RepoURL() + "/branches/" + url.PathEscape(branch) + "/protection"
}

// change changes the rules of a branch that is protected, and answers with a part of them.
func (p *page) change(w http.ResponseWriter, r *http.Request, change func(*actions.ProtectionRules) error, part func(base string, r *actions.ProtectionRules) (any, error)) error {
	branch, err := p.branch(r)
	if err != nil {
		return err
	}
	is, err := p.Protections.Change(r.Context(), rest.CallOf(r).Repo, branch, func(rules *actions.ProtectionRules) (*actions.ProtectionRules, error) {
		if rules == nil {
			return nil, protect.ErrNotProtected
		}
		return rules, change(rules)
	})
	if err != nil {
		return err
	}
	return answer(w, r, branch, &is.Rules, part)
}

// drop takes something off the rules of a branch; change says whether any are left.
func (p *page) drop(change func(*actions.ProtectionRules) bool) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		branch, err := p.branch(r)
		if err != nil {
			return err
		}
		_, err = p.Protections.Change(r.Context(), rest.CallOf(r).Repo, branch, func(rules *actions.ProtectionRules) (*actions.ProtectionRules, error) {
			if rules == nil {
				return nil, protect.ErrNotProtected
			}
			if !change(rules) {
				return nil, nil
			}
			return rules, nil
		})
		if err != nil {
			return err
		}
		return rest.NoContent(w)
	}
}

type enabledJSON struct {
	Enabled bool `json:"enabled"`
}

type urlEnabledJSON struct {
	URL     string `json:"url"`
	Enabled bool   `json:"enabled"`
}

type requiredCheckJSON struct {
	Context string `json:"context"`
	App     *int64 `json:"app_id"`
}

type checksJSON struct {
	URL         string              `json:"url"`
	Strict      bool                `json:"strict"`
	Contexts    []string            `json:"contexts"`
	ContextsURL string              `json:"contexts_url"`
	Checks      []requiredCheckJSON `json:"checks"`
}

type reviewsJSON struct {
	URL          string `json:"url"`
	DismissStale bool   `json:"dismiss_stale_reviews"`
	CodeOwners   bool   `json:"require_code_owner_reviews"`
	Count        int    `json:"required_approving_review_count"`
	LastPush     bool   `json:"require_last_push_approval"`
}

type protectionJSON struct {
	URL           string         `json:"url"`
	Checks        any            `json:"required_status_checks,omitempty"`
	Reviews       any            `json:"required_pull_request_reviews,omitempty"`
	Admins        urlEnabledJSON `json:"enforce_admins"`
	Linear        enabledJSON    `json:"required_linear_history"`
	ForcePushes   enabledJSON    `json:"allow_force_pushes"`
	Deletions     enabledJSON    `json:"allow_deletions"`
	Creations     enabledJSON    `json:"block_creations"`
	Conversations enabledJSON    `json:"required_conversation_resolution"`
	Locked        enabledJSON    `json:"lock_branch"`
	ForkSyncing   enabledJSON    `json:"allow_fork_syncing"`
}

// whole is all that a branch requires.
func (p *page) whole(base string, r *actions.ProtectionRules) (any, error) {
	v := protectionJSON{
		URL: base, Admins: urlEnabledJSON{base + "/enforce_admins", r.Admins}, Linear: enabledJSON{r.Linear}, ForcePushes: enabledJSON{r.ForcePushes},
		Deletions: enabledJSON{r.Deletions}, Locked: enabledJSON{r.Locked},
	}
	if r.Checks != nil {
		v.Checks, _ = p.checks(base, r)
	}
	if r.Pull {
		v.Reviews, _ = p.reviews(base, r)
	}
	return v, nil
}

func (p *page) admins(base string, r *actions.ProtectionRules) (any, error) {
	return urlEnabledJSON{base + "/enforce_admins", r.Admins}, nil
}

func (p *page) checks(base string, r *actions.ProtectionRules) (any, error) {
	if r.Checks == nil {
		return nil, errNoChecks
	}
	u := base + "/required_status_checks"
	return checksJSON{u, r.Checks.Strict, contextsOf(r.Checks), u + "/contexts", requiredOf(r.Checks)}, nil
}

func contextsOf(c *actions.RequiredChecks) []string {
	list := []string{}
	for _, one := range c.Checks {
		if !slices.Contains(list, one.Context) {
			list = append(list, one.Context)
		}
	}
	return list
}

func requiredOf(c *actions.RequiredChecks) []requiredCheckJSON {
	list := make([]requiredCheckJSON, 0, len(c.Checks))
	for _, one := range c.Checks {
		v := requiredCheckJSON{Context: one.Context}
		if one.App != 0 {
			v.App = &one.App
		}
		list = append(list, v)
	}
	return list
}

func (p *page) contexts(_ string, r *actions.ProtectionRules) (any, error) {
	if r.Checks == nil {
		return nil, errNoChecks
	}
	return contextsOf(r.Checks), nil
}

func (p *page) reviews(base string, r *actions.ProtectionRules) (any, error) {
	if !r.Pull {
		return nil, errNoReviews
	}
	return reviewsJSON{URL: base + "/required_pull_request_reviews"}, nil
}

// forAdmins serves POST …/enforce_admins.
func (p *page) forAdmins(w http.ResponseWriter, r *http.Request) error {
	return p.change(w, r, func(rules *actions.ProtectionRules) error { rules.Admins = true; return nil }, p.admins)
}

// put serves PUT /repos/{owner}/{repo}/branches/{branch}/protection.
func (p *page) put(w http.ResponseWriter, r *http.Request) error {
	var body map[string]json.RawMessage
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	rules, err := rulesOf(body)
	if err != nil {
		return err
	}
	branch, err := p.branch(r)
	if err != nil {
		return err
	}
	is, err := p.Protections.Change(r.Context(), rest.CallOf(r).Repo, branch, func(*actions.ProtectionRules) (*actions.ProtectionRules, error) { return rules, nil })
	if err != nil {
		return err
	}
	return answer(w, r, branch, &is.Rules, p.whole)
}
