package branches

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
)

type checksBody struct {
	Strict   *bool     `json:"strict"`
	Contexts *[]string `json:"contexts"`
	Checks   *[]struct {
		Context string `json:"context"`
		App     *int64 `json:"app_id"`
	} `json:"checks"`
}

// apply changes what is required as the body says.
func (b *checksBody) apply(c *actions.RequiredChecks) error {
	if b.Strict != nil {
		c.Strict = *b.Strict
	}
	if b.Checks != nil {
		c.Checks = nil
		for _, one := range *b.Checks {
			check := actions.RequiredCheck{Context: one.Context}
			if one.App != nil && *one.App != -1 {
				if *one.App < 1 {
					return actions.Errorf(actions.Invalid, "app_id is not valid: %d", *one.App)
				}
				check.App = *one.App
			}
			if !slices.Contains(c.Checks, check) {
				c.Checks = append(c.Checks, check)
			}
		}
	} else if b.Contexts != nil {
		c.Checks = changed(nil, *b.Contexts, add)
	}
	return nil
}

type reviewsBody struct {
	Dismissal    json.RawMessage `json:"dismissal_restrictions"`
	DismissStale bool            `json:"dismiss_stale_reviews"`
	CodeOwners   bool            `json:"require_code_owner_reviews"`
	Count        *int            `json:"required_approving_review_count"`
	LastPush     bool            `json:"require_last_push_approval"`
	Bypass       json.RawMessage `json:"bypass_pull_request_allowances"`
}

// check refuses what is not enforced. What is left is that changes are made through a pull
// request, however many approve of it: that is a count of 0.
func (b *reviewsBody) check() error {
	for name, has := range map[string]bool{
		"dismissal_restrictions": names(b.Dismissal), "bypass_pull_request_allowances": names(b.Bypass), "dismiss_stale_reviews": b.DismissStale,
		"require_code_owner_reviews": b.CodeOwners, "require_last_push_approval": b.LastPush, "required_approving_review_count": b.Count == nil || *b.Count != 0,
	} {
		if has {
			return cannot(name)
		}
	}
	return nil
}

// names says whether an object of users, teams and apps names anybody.
func names(text json.RawMessage) bool {
	var lists map[string][]json.RawMessage
	if json.Unmarshal(text, &lists) != nil {
		return false
	}
	for _, l := range lists {
		if len(l) > 0 {
			return true
		}
	}
	return false
}

func cannot(field string) error {
	return actions.Errorf(actions.Invalid, "%s is not enforced by this server, so it cannot be set", field)
}

// rulesOf reads the body of put.
func rulesOf(body map[string]json.RawMessage) (*actions.ProtectionRules, error) {
	for _, name := range []string{"required_status_checks", "enforce_admins", "required_pull_request_reviews", "restrictions"} {
		if _, ok := body[name]; !ok {
			return nil, actions.Errorf(actions.Invalid, "Invalid request.\n\n%q wasn't supplied.", name)
		}
	}
	rules := new(actions.ProtectionRules)
	var checks *checksBody
	var reviews *reviewsBody
	var restrictions *json.RawMessage
	var creations, conversations, syncing bool
	for name, to := range map[string]any{
		"required_status_checks": &checks, "required_pull_request_reviews": &reviews, "restrictions": &restrictions, "enforce_admins": &rules.Admins,
		"required_linear_history": &rules.Linear, "allow_force_pushes": &rules.ForcePushes, "allow_deletions": &rules.Deletions, "lock_branch": &rules.Locked,
		"block_creations": &creations, "required_conversation_resolution": &conversations, "allow_fork_syncing": &syncing,
	} {
		if text, ok := body[name]; ok {
			if err := httpjson.Parse(text, to); err != nil {
				return nil, err
			}
		}
	}
	for name, has := range map[string]bool{
		"restrictions": restrictions != nil, "block_creations": creations, "required_conversation_resolution": conversations, "allow_fork_syncing": syncing,
	} {
		if has {
			return nil, cannot(name)
		}
	}
	if checks != nil {
		if checks.Strict == nil {
			return nil, actions.Errorf(actions.Invalid, "Invalid request.\n\n%q wasn't supplied.", "strict")
		}
		rules.Checks = new(actions.RequiredChecks)
		if err := checks.apply(rules.Checks); err != nil {
			return nil, err
		}
	}
	if reviews != nil {
		rules.Pull = true
		if err := reviews.check(); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// patchChecks serves PATCH …/required_status_checks.
func (p *page) patchChecks(w http.ResponseWriter, r *http.Request) error {
	var body checksBody
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	return p.change(w, r, func(rules *actions.ProtectionRules) error {
		if rules.Checks == nil {
			rules.Checks = new(actions.RequiredChecks)
		}
		return body.apply(rules.Checks)
	}, p.checks)
}

// patchReviews serves PATCH …/required_pull_request_reviews.
func (p *page) patchReviews(w http.ResponseWriter, r *http.Request) error {
	var body reviewsBody
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	return p.change(w, r, func(rules *actions.ProtectionRules) error {
		if body.Count == nil && rules.Pull {
			body.Count = new(int)
		}
		rules.Pull = true
		return body.check()
	}, p.reviews)
}

// A how says what a list of contexts does to those that are required.
type how int

const (
	set how = iota
	add
	remove
)

// changed are the required checks after a list of contexts was set, added or removed.
func changed(was []actions.RequiredCheck, contexts []string, do how) []actions.RequiredCheck {
	list := []actions.RequiredCheck{}
	for _, c := range was {
		listed := slices.Contains(contexts, c.Context)
		if do == add || listed == (do == set) {
			list = append(list, c)
		}
	}
	for _, name := range contexts {
		if do != remove && !slices.ContainsFunc(list, func(c actions.RequiredCheck) bool { return c.Context == name }) {
			list = append(list, actions.RequiredCheck{Context: name})
		}
	}
	return list
}

// changeContexts serves POST, PUT and DELETE …/required_status_checks/contexts. The body is a
// list, or an object that has one.
func (p *page) changeContexts(do how) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		var text json.RawMessage
		if err := httpjson.Decode(r, &text, httpjson.DefaultLimit); err != nil {
			return err
		}
		var body struct {
			Contexts []string `json:"contexts"`
		}
		if err := json.Unmarshal(text, &body.Contexts); err != nil {
			if err := httpjson.Parse(text, &body); err != nil {
				return err
			}
		}
		return p.change(w, r, func(rules *actions.ProtectionRules) error {
			if rules.Checks == nil {
				return errNoChecks
			}
			rules.Checks.Checks = changed(rules.Checks.Checks, body.Contexts, do)
			return nil
		}, p.contexts)
	}
}
