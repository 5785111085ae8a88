// Package protect keeps what branches require before they move, and refuses what does not
// fulfil it.
//
// There is one seam: [Protections.Check] is asked by every push, by git, by an API or by a
// merge, where nobody else moves refs of the repository. So between its answer and the move
// no ref changes; a check whose result changes at that moment counts as it was before.
//
// A push is judged by the commit that the branch is to stand at: that commit must have
// passed what is required. The merge of a pull request is judged by its head instead. Who
// administers a repository may pass by most rules, unless they hold for them too; that is
// noted in the audit log. Moving a protected branch back and deleting it takes a rule that
// allows it, for everybody.
package protect

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/store"
)

// Protections is safe for concurrent use.
type Protections struct {
	store *store.Store
	git   *gitrepo.Git
	log   *slog.Logger
	now   func() time.Time
}

// New makes the service.
func New(st *store.Store, git *gitrepo.Git, log *slog.Logger, now func() time.Time) *Protections {
	return &Protections{st, git, log, now}
}

// A Mover is who moves refs.
type Mover struct {
	Account *actions.Account
	Admin   bool // administers the repository
}

// An Error says why protected branches do not move. It is Invalid.
type Error struct{ refs []refused }

type refused struct{ ref, why string }

// Error is what the first of them requires, in GitHub's words.
func (e *Error) Error() string { return e.refs[0].why }

// Unwrap is the error that has the kind.
func (e *Error) Unwrap() error { return actions.Errorf(actions.Invalid, "%s", e.Error()) }

// Refusal is what git shows a pusher.
func (e *Error) Refusal() *gitrepo.Refusal {
	r := &gitrepo.Refusal{Reasons: map[string]string{}}
	var lines []string
	for _, f := range e.refs {
		lines = append(lines, "error: GH006: Protected branch update failed for "+f.ref+".", "error: "+f.why)
		r.Reasons[f.ref] = "protected branch hook declined"
	}
	r.Message = strings.Join(lines, "\n")
	return r
}

// Check refuses, with an [Error], updates that protected branches do not allow. p is the
// pull request that a push merges, nil for another push.
func (s *Protections) Check(ctx context.Context, by Mover, repo *actions.Repository, updates []actions.RefUpdate, view *gitrepo.View, p *actions.Pull) error {
	rules, err := s.store.Protections(ctx, repo.ID)
	if err != nil || len(rules) == 0 {
		return err
	}
	var e Error
	for _, u := range updates {
		branch, ok := strings.CutPrefix(u.Ref, actions.BranchPrefix)
		if rule := rules[branch]; ok && rule != nil {
			why, err := s.refusal(ctx, by, repo, u, view, p, &rule.Rules)
			if err != nil {
				return err
			}
			if why != "" {
				e.refs = append(e.refs, refused{u.Ref, why})
			}
		}
	}
	if len(e.refs) > 0 {
		return &e
	}
	return nil
}

// refusal says why a branch does not move; empty where it does.
func (s *Protections) refusal(ctx context.Context, by Mover, repo *actions.Repository, u actions.RefUpdate, view *gitrepo.View, p *actions.Pull, rules *actions.ProtectionRules) (string, error) {
	switch {
	case u.Deleted() && !rules.Deletions:
		return "Cannot delete this protected branch", nil
	case u.Deleted(), u.Created():
		if rules.Locked && (rules.Admins || !by.Admin) {
			return locked, nil
		}
		return "", nil
	case !rules.ForcePushes:
		ahead, err := view.IsAncestor(ctx, u.Before, u.After)
		if err != nil {
			return "", err
		}
		if !ahead {
			return "Cannot force-push to this branch", nil
		}
	}
	why, err := s.required(ctx, repo, u, view, p, rules)
	if err != nil || len(why) == 0 {
		return "", err
	}
	text := strings.Join(why, " ")
	if !by.Admin || rules.Admins {
		return text, nil
	}
	return "", s.store.Update(ctx, func(tx *store.Tx) error {
		return tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditBranchOverride}.InRepo(repo).
			With("branch", actions.ShortRef(u.Ref)).With("before", u.Before).With("after", u.After).With("overridden", actions.Clip(text, 500)))
	})
}

const (
	locked    = "Cannot change this locked branch"
	noMerges  = "This branch must not contain merge commits."
	needsPull = "Changes must be made through a pull request."
	outOfDate = "The head branch is not up to date with the base branch."
)

// required says what an update lacks that who administers the repository may pass by.
func (s *Protections) required(ctx context.Context, repo *actions.Repository, u actions.RefUpdate, view *gitrepo.View, p *actions.Pull, rules *actions.ProtectionRules) (why []string, err error) {
	if rules.Locked {
		return []string{locked}, nil
	}
	if rules.Linear {
		merges, err := view.HasMerges(ctx, u.Before, u.After)
		if err != nil {
			return nil, err
		}
		if merges {
			why = append(why, noMerges)
		}
	}
	sha := u.After
	if p == nil && rules.Pull {
		why = append(why, needsPull)
	}
	if p != nil {
		sha = p.HeadSHA
		if rules.Checks != nil && rules.Checks.Strict {
			ahead, err := view.IsAncestor(ctx, u.Before, sha)
			if err != nil {
				return nil, err
			}
			if !ahead {
				why = append(why, outOfDate)
			}
		}
	}
	if rules.Checks == nil || len(rules.Checks.Checks) == 0 {
		return why, nil
	}
	results, err := s.Results(ctx, repo.ID, sha)
	if err != nil {
		return nil, err
	}
	if text := rules.Checks.Refusal(results); text != "" {
		why = append(why, text)
	}
	return why, nil
}
