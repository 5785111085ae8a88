package pull

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/protect"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Method is how a base gets a head.
type Method string

// The methods, in GitHub's words.
const (
	Merge  Method = "merge"
	Squash Method = "squash"
	Rebase Method = "rebase"
)

// A MergeRequest asks for a merge.
type MergeRequest struct {
	Method         Method
	Title, Message *string // of the commit; nil for what the repository says
	SHA            string  // that the head must be at; empty for any
}

var (
	errNotMergeable = actions.Errorf(actions.NotAllowed, "Pull Request is not mergeable")
	errHeadModified = actions.Errorf(actions.Conflict, "Head branch was modified. Review and try the merge again.")
	errBaseModified = actions.Errorf(actions.NotAllowed, "Base branch was modified. Review and try the merge again.")
)

const (
	maxMergeTries = 3
	maxRebased    = 100 // commits, as on GitHub
)

// Merge merges a pull request, and returns the commit that the base stands at then. One
// that cannot be merged now is NotAllowed, one whose head has moved a Conflict.
func (s *Pulls) Merge(ctx context.Context, by Actor, repo *actions.Repository, number int64, m MergeRequest) (string, error) {
	if err := allowed(repo, m.Method); err != nil {
		return "", err
	}
	for range maxMergeTries {
		p, err := s.Store.PullByNumber(ctx, repo.ID, number)
		if err != nil {
			return "", err
		}
		if err := mayMerge(p, m); err != nil {
			return "", err
		}
		sha, err := s.merge(ctx, by, repo, p, m)
		if err == nil {
			s.Log.InfoContext(ctx, "pull request merged", "repo", repo.ID, "pull", number)
			s.deleteHead(ctx, by, repo, p)
			return sha, nil
		}
		if !errors.Is(err, errBaseModified) {
			return "", err
		}
	}
	return "", errBaseModified
}

func mayMerge(p *actions.Pull, m MergeRequest) error {
	switch {
	case p.State != actions.PullOpen:
		return errNotMergeable
	case p.Draft:
		return actions.Errorf(actions.NotAllowed, "Pull Request is still a draft")
	case m.SHA != "" && m.SHA != p.HeadSHA:
		return errHeadModified
	}
	return nil
}

// Methods are those by which a repository lets people merge.
func Methods(repo *actions.Repository) []string {
	var list []string
	for _, m := range []Method{Merge, Squash, Rebase} {
		if allowed(repo, m) == nil {
			list = append(list, string(m))
		}
	}
	return list
}

// allowed says whether a repository lets people merge by a method.
func allowed(repo *actions.Repository, m Method) error {
	switch o := repo.Options; {
	case m == Merge && !o.AllowMergeCommit:
		return actions.Errorf(actions.NotAllowed, "Merge commits are not allowed on this repository.")
	case m == Squash && !o.AllowSquashMerge:
		return actions.Errorf(actions.NotAllowed, "Squash merges are not allowed on this repository.")
	case m == Rebase && !o.AllowRebaseMerge:
		return actions.Errorf(actions.NotAllowed, "Rebase merges are not allowed on this repository.")
	case m == Merge || m == Squash || m == Rebase:
		return nil
	}
	return actions.BadField(Resource, "merge_method")
}

// merge tries it once.
func (s *Pulls) merge(ctx context.Context, by Actor, repo *actions.Repository, p *actions.Pull, m MergeRequest) (string, error) {
	base, err := s.Git.View(repo.ID).Ref(actions.BranchPrefix + p.BaseRef)
	if err != nil {
		return "", err
	}
	draft, err := s.Git.Draft(ctx, repo.ID)
	if err != nil {
		return "", err
	}
	defer draft.Close()
	sha, err := s.commit(ctx, draft, by, repo, p, base, m)
	switch k := actions.KindOf(err); {
	case errors.Is(err, gitrepo.ErrConflicts), k == actions.Invalid && m.Method == Rebase:
		return "", errNotMergeable
	case err != nil:
		return "", err
	}
	u := actions.RefUpdate{Ref: actions.BranchPrefix + p.BaseRef, Before: base, After: sha}
	err = s.pushTo(ctx, by, repo, p, draft, u, []string{base, p.HeadSHA}, func(ctx context.Context) error { return s.intend(ctx, p, sha, m) })
	if actions.KindOf(err) == actions.Conflict && !errors.Is(err, errHeadModified) {
		return "", errBaseModified
	}
	return sha, err
}

// pushTo moves a branch to a commit of a draft, as a push of the actor, by which a pull
// request is merged unless merged is nil; before is what has to be so, or to be noted, first. below are commits that the repository has.
func (s *Pulls) pushTo(ctx context.Context, by Actor, repo *actions.Repository, merged *actions.Pull, draft *gitrepo.Draft, u actions.RefUpdate, below []string, before func(context.Context) error) error {
	var done func(context.Context, []actions.RefUpdate) error
	err := s.Git.MoveTo(ctx, draft, u, below, gitrepo.ReceiveOptions{
		Check: func(ctx context.Context, updates []actions.RefUpdate, view *gitrepo.View) (err error) {
			if err := before(ctx); err != nil {
				return err
			}
			done, err = by.Push(repo, merged)(ctx, updates, view)
			return err
		},
		Done: func(ctx context.Context, applied []actions.RefUpdate) error { return done(ctx, applied) },
	})
	if r, ok := errors.AsType[*gitrepo.Refusal](err); ok {
		return actions.Errorf(actions.Forbidden, "%s", strings.TrimPrefix(r.Error(), u.Ref+": "))
	}
	if r, ok := errors.AsType[*protect.Error](err); ok {
		return actions.Errorf(actions.NotAllowed, "%s", r.Error())
	}
	return err
}

// intend notes that the base is about to move to sha by the merge of p.
func (s *Pulls) intend(ctx context.Context, p *actions.Pull, sha string, m MergeRequest) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		now, err := tx.Pull(ctx, p.ID)
		if err != nil {
			return err
		}
		if err := mayMerge(now, m); err != nil {
			return err
		}
		if now.HeadSHA != p.HeadSHA || now.BaseRef != p.BaseRef {
			return errHeadModified
		}
		now.Merging = sha
		return tx.UpdatePull(ctx, now, now.Mergeable != actions.MergeUnknown)
	})
}

// commit makes what the base is to stand at.
func (s *Pulls) commit(ctx context.Context, draft *gitrepo.Draft, by Actor, repo *actions.Repository, p *actions.Pull, base string, m MergeRequest) (string, error) {
	who := repository.SignatureOf(by.Account, by.Base.Hostname(), s.Now())
	if m.Method == Rebase {
		return draft.Rebase(ctx, base, p.HeadSHA, who, maxRebased)
	}
	tree, err := draft.Merge(ctx, base, p.HeadSHA)
	if err != nil {
		return "", err
	}
	c := &gitrepo.Commit{Commit: actions.Commit{Tree: tree, Author: who, Committer: who}, Parents: []string{base, p.HeadSHA}}
	title, message := mergeText(repo, p)
	if m.Method == Squash {
		c.Parents = c.Parents[:1]
		c.Author = repository.SignatureOf(&p.Author, by.Base.Hostname(), s.Now())
		if title, message, err = s.squashText(ctx, repo, p, base); err != nil {
			return "", err
		}
	}
	if m.Title != nil && *m.Title != "" {
		title = *m.Title
	}
	if m.Message != nil {
		message = *m.Message
	}
	c.Message = strings.TrimSpace(title + "\n\n" + message)
	return c.SHA, errors.Join(draft.Commit(ctx, c))
}

// mergeText is what the commit of a merge says, as the repository has chosen.
func mergeText(repo *actions.Repository, p *actions.Pull) (title, message string) {
	title = fmt.Sprintf("Merge pull request #%d from %s/%s", p.Number, p.HeadOwner.Login, p.HeadRef)
	if repo.Options.MergeCommitTitle == "PR_TITLE" {
		title = numbered(p.Title, p)
	}
	switch repo.Options.MergeCommitMessage {
	case "PR_TITLE":
		message = p.Title
	case "PR_BODY":
		message = p.Body
	}
	return title, message
}

// MergeText is what the commit of a merge by a method says, if nobody says otherwise; of a
// rebase, which makes none, nothing.
func (s *Pulls) MergeText(ctx context.Context, repo *actions.Repository, p *actions.Pull, m Method) (title, message string, err error) {
	switch m {
	case Squash:
		return s.squashText(ctx, repo, p, p.BaseSHA)
	case Rebase:
		return "", "", nil
	case Merge:
	}
	title, message = mergeText(repo, p)
	return title, message, nil
}

func numbered(title string, p *actions.Pull) string { return fmt.Sprintf("%s (#%d)", title, p.Number) }

// squashText is what the commit of a squashed pull request says.
func (s *Pulls) squashText(ctx context.Context, repo *actions.Repository, p *actions.Pull, base string) (title, message string, err error) {
	const listed = 250
	commits, _, err := s.Git.View(repo.ID).CommitsBetween(ctx, base, p.HeadSHA, listed)
	if err != nil {
		return "", "", err
	}
	title = numbered(p.Title, p)
	commits = slices.DeleteFunc(commits, func(c *gitrepo.Commit) bool { return len(c.Parents) > 1 })
	one := len(commits) == 1
	if one && repo.Options.SquashMergeCommitTitle == "COMMIT_OR_PR_TITLE" {
		first, _, _ := strings.Cut(commits[0].Message, "\n")
		title = numbered(first, p)
	}
	switch repo.Options.SquashMergeCommitMessage {
	case "PR_BODY":
		return title, p.Body, nil
	case "COMMIT_MESSAGES":
	default:
		return title, "", nil
	}
	if one {
		_, rest, _ := strings.Cut(commits[0].Message, "\n")
		return title, strings.TrimSpace(rest), nil
	}
	var b strings.Builder
	for _, c := range commits {
		b.WriteString("* " + c.Message + "\n\n")
	}
	return title, strings.TrimSpace(b.String()), nil
}

// deleteHead deletes the branch of a merged pull request where the repository says so. It
// is a push of who has merged; that it fails is no failure of the merge.
func (s *Pulls) deleteHead(ctx context.Context, by Actor, repo *actions.Repository, p *actions.Pull) {
	if !repo.Options.DeleteBranchOnMerge || p.FromFork() || p.HeadRef == repo.DefaultBranch {
		return
	}
	var done func(context.Context, []actions.RefUpdate) error
	u := actions.RefUpdate{Ref: actions.BranchPrefix + p.HeadRef, Before: p.HeadSHA, After: actions.ZeroSHA}
	err := s.Git.Move(ctx, repo.ID, u, nil, gitrepo.ReceiveOptions{
		Check: func(ctx context.Context, updates []actions.RefUpdate, view *gitrepo.View) (err error) {
			done, err = by.Push(repo, nil)(ctx, updates, view)
			return err
		},
		Done: func(ctx context.Context, applied []actions.RefUpdate) error { return done(ctx, applied) },
	})
	if err != nil {
		s.Log.InfoContext(ctx, "branch of a merged pull request not deleted", "repo", repo.ID, "pull", p.Number, "err", err)
	}
}
