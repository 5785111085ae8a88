package pull

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/settings"
)

// newAccount is how long an account counts as new.
const newAccount = 30 * 24 * time.Hour

// forkRules says whether a pull request from a fork starts runs of what the fork says, and
// whether these wait for approval. That goes by who has made the pull request, and by who
// does something to it.
func (s *Pulls) forkRules(ctx context.Context, repo *actions.Repository, p *actions.Pull, by *actions.Account) (runs, wait bool, err error) {
	if !p.FromFork() {
		return true, false, nil
	}
	forks, err := s.Settings.ForkRunsOf(ctx, repo)
	if err != nil || !forks.Run {
		return false, false, err
	}
	approval := settings.ApproveAllOutsiders
	switch {
	case repo.Private && !forks.Approval:
		return true, false, nil
	case !repo.Private:
		if approval, err = settings.Get(ctx, s.Settings, settings.Repo(repo), settings.ForkApprovals); err != nil {
			return false, false, err
		}
	}
	for _, who := range []*actions.Account{&p.Author, by} {
		w, err := s.waits(ctx, repo, who, approval)
		if err != nil || w {
			return true, w, err
		}
	}
	return true, false, nil
}

// waits says whether what an account does waits for approval.
func (s *Pulls) waits(ctx context.Context, repo *actions.Repository, who *actions.Account, approval settings.ForkApproval) (bool, error) {
	word, err := s.Association(ctx, repo, who)
	if err != nil || word == "OWNER" || word == "MEMBER" {
		return false, err
	}
	has, err := s.Store.Collaborator(ctx, repo.ID, who.ID)
	if err != nil || has >= actions.Write || who.SiteAdmin {
		return false, err
	}
	newcomer := word == "NONE"
	switch approval {
	case settings.ApproveNewAccounts:
		return newcomer && s.Now().Sub(who.CreatedAt) < newAccount, nil
	case settings.ApproveNewcomers:
		return newcomer, nil
	case settings.ApproveAllOutsiders:
	}
	return true, nil
}
