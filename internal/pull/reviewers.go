package pull

import (
	"context"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// maxReviewers is how many people are asked for a review of one pull request, and how many
// a request names.
const maxReviewers = 100

var errNotTriage = actions.Errorf(actions.Forbidden, "Must have triage access to Repository.")

// AskReviewers asks people for reviews of a pull request, and says of each who was not
// asked before that it happened. All of them, or nobody.
func (s *Pulls) AskReviewers(ctx context.Context, by Actor, repo *actions.Repository, p *actions.Pull, who []*actions.Account) error {
	return s.setReviewers(ctx, by, repo, p, who, nil, false)
}

// DropReviewers asks them no more. Who was not asked does not matter.
func (s *Pulls) DropReviewers(ctx context.Context, by Actor, repo *actions.Repository, p *actions.Pull, who []*actions.Account) error {
	return s.setReviewers(ctx, by, repo, p, nil, who, false)
}

// SetReviewers asks exactly these people.
func (s *Pulls) SetReviewers(ctx context.Context, by Actor, repo *actions.Repository, p *actions.Pull, who []*actions.Account) error {
	return s.setReviewers(ctx, by, repo, p, who, nil, true)
}

// ReviewersNamed are the people of a list of logins; who is not there can be no
// collaborator, and so can no team, since there are none.
func (s *Pulls) ReviewersNamed(ctx context.Context, repo *actions.Repository, logins, teams []string) ([]*actions.Account, error) {
	if len(teams) > 0 {
		return nil, notCollaborators(repo)
	}
	if len(logins) > maxReviewers {
		return nil, tooManyReviewers()
	}
	var who []*actions.Account
	for _, login := range logins {
		if !actions.CanBeName(login) {
			return nil, notCollaborators(repo)
		}
		a, err := s.Store.AccountByLogin(ctx, login)
		if actions.KindOf(err) == actions.NotFound {
			return nil, notCollaborators(repo)
		}
		if err != nil {
			return nil, err
		}
		who = append(who, a)
	}
	return who, nil
}

func notCollaborators(repo *actions.Repository) error {
	return actions.Errorf(actions.Invalid, "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the %s repository.", repo.FullName())
}

func tooManyReviewers() error {
	return actions.Errorf(actions.Invalid, "A pull request has at most %d requested reviewers", maxReviewers)
}

func (s *Pulls) setReviewers(ctx context.Context, by Actor, repo *actions.Repository, p *actions.Pull, ask, drop []*actions.Account, only bool) error {
	may, err := by.May(ctx, repo, Triage)
	if err == nil && !may {
		err = errNotTriage
	}
	if err == nil {
		err = s.canReview(ctx, repo, p, ask)
	}
	if err != nil {
		return err
	}
	var list []*actions.Push
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		list = nil
		is, err := tx.Pull(ctx, p.ID)
		if err != nil {
			return err
		}
		asked, err := tx.Reviewers(ctx, []int64{p.ID})
		if err != nil {
			return err
		}
		had, gone := asked[p.ID], drop
		if only {
			gone = slices.DeleteFunc(slices.Clone(had), func(a *actions.Account) bool { return names(ask, a) })
		}
		note := func(action string, a *actions.Account) error {
			push, err := s.note(ctx, tx, is, by.Account.ID, by.ByJob, by.Base.HTML, actions.PullEvent{Action: action, Reviewer: a.ID})
			list = append(list, push)
			return err
		}
		for _, a := range gone {
			if was, err := tx.DropReviewer(ctx, is, a.ID); err != nil {
				return err
			} else if !was {
				continue
			}
			if err := note("review_request_removed", a); err != nil {
				return err
			}
		}
		n := len(had) - len(list)
		for _, a := range ask {
			if fresh, err := tx.AskReviewer(ctx, is, a.ID); err != nil {
				return err
			} else if !fresh {
				continue
			}
			if n++; n > maxReviewers {
				return tooManyReviewers()
			}
			if err := note("review_requested", a); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.announce(context.WithoutCancel(ctx), by, list)
	}
	return err
}

func names(list []*actions.Account, a *actions.Account) bool {
	return slices.ContainsFunc(list, func(b *actions.Account) bool { return a.ID == b.ID })
}

// canReview refuses who cannot be asked for a review of a pull request: its author, and
// who is no collaborator of the repository.
func (s *Pulls) canReview(ctx context.Context, repo *actions.Repository, p *actions.Pull, who []*actions.Account) error {
	for _, a := range who {
		if a.ID == p.Author.ID {
			return actions.Errorf(actions.Invalid, "Review cannot be requested from pull request author.")
		}
		is, err := s.collaborates(ctx, repo, a)
		if err != nil {
			return err
		}
		if !is {
			return notCollaborators(repo)
		}
	}
	return nil
}

// collaborates says whether a person was given something in a repository, beyond what
// everybody may.
func (s *Pulls) collaborates(ctx context.Context, repo *actions.Repository, a *actions.Account) (bool, error) {
	if a.Type != actions.User || a.Suspended {
		return false, nil
	}
	if a.ID == repo.Owner.ID || a.SiteAdmin {
		return true, nil
	}
	if repo.Owner.Type == actions.Organization {
		if member, owner, err := s.Store.Member(ctx, repo.Owner.ID, a.ID); err != nil || owner || member && (!repo.Private || repo.Internal) {
			return err == nil, err
		}
	}
	has, err := s.Store.Collaborator(ctx, repo.ID, a.ID)
	return has >= actions.Read, err
}
