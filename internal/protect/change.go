package protect

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// maxProtected bounds the protected branches of a repository: each push reads them.
const maxProtected = 500

// ErrNotProtected says that a branch requires nothing.
var ErrNotProtected = actions.Absence("Branch not protected")

// Change changes what a branch requires. change gets its rules, or nil where it is not
// protected, and returns the new ones; nil for none.
func (s *Protections) Change(ctx context.Context, repo *actions.Repository, branch string, change func(*actions.ProtectionRules) (*actions.ProtectionRules, error)) (*actions.BranchProtection, error) {
	var p *actions.BranchProtection
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		entry := actions.AuditEntry{Action: actions.AuditBranchUpdate}
		var rules *actions.ProtectionRules
		was, err := tx.Protection(ctx, repo.ID, branch)
		switch {
		case err == nil:
			rules = &was.Rules
		case actions.KindOf(err) == actions.NotFound:
			was, entry.Action = &actions.BranchProtection{RepoID: repo.ID, Branch: branch, CreatedAt: s.now()}, actions.AuditBranchCreate
		default:
			return err
		}
		if rules, err = change(rules); err != nil {
			return err
		}
		p = was
		if rules == nil {
			entry.Action = actions.AuditBranchDestroy
			err = tx.DeleteProtection(ctx, p)
		} else {
			p.Rules, p.UpdatedAt = *rules, s.now()
			if err = p.Rules.Check(); err == nil {
				err = tx.SaveProtection(ctx, p)
			}
			if err == nil && entry.Action == actions.AuditBranchCreate {
				var n int
				if n, err = tx.CountProtections(ctx, repo.ID); err == nil && n > maxProtected {
					err = actions.Errorf(actions.Invalid, "A repository has %d protected branches at most.", maxProtected)
				}
			}
		}
		if err != nil {
			return err
		}
		return tx.Audit(ctx, entry.InRepo(repo).With("branch", branch))
	})
	return p, err
}

// Of returns what a branch requires, or [ErrNotProtected].
func (s *Protections) Of(ctx context.Context, repoID int64, branch string) (*actions.BranchProtection, error) {
	p, err := s.store.Protection(ctx, repoID, branch)
	if actions.KindOf(err) == actions.NotFound {
		err = ErrNotProtected
	}
	return p, err
}
