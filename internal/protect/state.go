package protect

import (
	"context"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Results lists how all checks of a commit stand: its check runs of current attempts, the
// newest of each workflow and event, or tool, that has one name; and the newest status of
// each context.
func (s *Protections) Results(ctx context.Context, repoID int64, sha string) ([]actions.CheckResult, error) {
	const page = 1000
	type source struct {
		workflow, app int64
		event, name   string
	}
	var list []actions.CheckResult
	seen := map[source]bool{}
	for n := 1; ; n++ {
		runs, _, err := s.store.CheckRuns(ctx, store.CheckFilter{RepoID: repoID, HeadSHA: sha}, store.Page{Number: n, Size: page})
		if err != nil {
			return nil, err
		}
		for _, r := range runs {
			of := source{r.WorkflowID, r.App(), r.Event, r.Name}
			if !seen[of] {
				seen[of], list = true, append(list, r.Result())
			}
		}
		if len(runs) < page {
			break
		}
	}
	statuses, err := s.store.LatestStatuses(ctx, repoID, sha)
	for _, st := range statuses {
		list = append(list, st.Result())
	}
	return list, err
}

// A State is how a pull request stands before the rules of its base.
type State struct {
	Rules    *actions.ProtectionRules // nil where the base is not protected
	Required []Required
	Blocked  string // why it may not be merged, empty where it may
	Behind   bool   // it must have all of its base, and has not
	Unstable bool   // a check that is not required has not passed
}

// Required is a required check, and how it stands.
type Required struct {
	Context string
	Stand   actions.CheckStand
}

// State says how an open pull request stands, which nothing but the rules of its base keeps
// from being merged.
func (s *Protections) State(ctx context.Context, repo *actions.Repository, p *actions.Pull) (*State, error) {
	st := &State{}
	switch rule, err := s.store.Protection(ctx, repo.ID, p.BaseRef); {
	case err == nil:
		st.Rules = &rule.Rules
	case actions.KindOf(err) != actions.NotFound:
		return nil, err
	}
	results, err := s.Results(ctx, repo.ID, p.HeadSHA)
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		st.Unstable = st.Unstable || !r.Passed()
	}
	if st.Rules == nil {
		return st, nil
	}
	var why []string
	if st.Rules.Locked {
		why = append(why, locked)
	}
	if c := st.Rules.Checks; c != nil {
		for _, one := range c.Checks {
			st.Required = append(st.Required, Required{one.Context, one.Stand(results)})
		}
		if text := c.Refusal(results); text != "" {
			why = append(why, text)
		}
		if c.Strict {
			ahead, err := s.git.View(repo.ID).IsAncestor(ctx, p.BaseSHA, p.HeadSHA)
			if err != nil {
				return nil, err
			}
			st.Behind = !ahead
		}
	}
	st.Blocked = strings.Join(why, " ")
	return st, nil
}

// Word is GitHub's word for it.
func (st *State) Word() string {
	switch {
	case st.Blocked != "":
		return "blocked"
	case st.Behind:
		return "behind"
	case st.Unstable:
		return "unstable"
	}
	return "clean"
}
