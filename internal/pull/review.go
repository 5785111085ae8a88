package pull

import (
	"cmp"
	"context"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
)

// maxReviews is how many reviews a pull request has: as many as GitHub lets one have
// comments.
const maxReviews = 2500

// A ReviewRequest is a review that somebody makes.
type ReviewRequest struct {
	Body   string
	Commit string              // that was looked at; empty for the head
	Does   actions.ReviewEvent // empty for one that is submitted later
}

// Opinions are what those who may push say of a pull request, and by which it may be
// merged or not.
func (s *Pulls) Opinions(ctx context.Context, repo *actions.Repository, p *actions.Pull) (actions.Opinions, error) {
	return s.Store.Opinions(ctx, repo, p.ID)
}

// Review makes a review of a pull request. One that is submitted at once is an event, and
// its author is not asked for a review any more.
func (s *Pulls) Review(ctx context.Context, by Actor, repo *actions.Repository, p *actions.Pull, n ReviewRequest) (*actions.Review, error) {
	if err := s.mayReview(ctx, by, repo, n.Does); err != nil {
		return nil, err
	}
	if err := actions.CheckReviewText(n.Body); err != nil {
		return nil, err
	}
	if err := s.lookedAt(ctx, p, &n.Commit); err != nil {
		return nil, err
	}
	v := &actions.Review{PullID: p.ID, Author: *by.Account, State: actions.ReviewPending, Body: n.Body, CommitSHA: n.Commit, CreatedAt: s.Now()}
	return s.changeReview(ctx, by, p, func(tx *store.Tx, p *actions.Pull) (*actions.Review, *actions.PullEvent, error) {
		fresh := *v
		if err := room(ctx, tx, p, by); err != nil {
			return nil, nil, err
		}
		if n.Does == "" {
			return &fresh, nil, tx.CreateReview(ctx, p, &fresh)
		}
		if err := fresh.Submit(p, n.Does, s.Now()); err != nil {
			return nil, nil, err
		}
		if err := tx.CreateReview(ctx, p, &fresh); err != nil {
			return nil, nil, err
		}
		return &fresh, reviewEvent("submitted", &fresh), s.submitted(ctx, tx, repo, p, &fresh)
	})
}

// mayReview refuses a job that approves where jobs may not.
func (s *Pulls) mayReview(ctx context.Context, by Actor, repo *actions.Repository, does actions.ReviewEvent) error {
	if does != actions.Approve {
		return nil
	}
	return s.mayJobs(ctx, by, repo, actions.NotReview("GitHub Actions is not permitted to approve pull requests."))
}

// mayJobs is the refusal where a job does what it may do only if the repository lets jobs
// create and approve pull requests.
func (s *Pulls) mayJobs(ctx context.Context, by Actor, repo *actions.Repository, refusal error) error {
	if !by.ByJob {
		return nil
	}
	may, err := settings.Get(ctx, s.Settings, settings.Repo(repo), settings.ApproveReviews)
	if err == nil && !may {
		return refusal
	}
	return err
}

// lookedAt says which commit of a pull request a review is of.
func (s *Pulls) lookedAt(ctx context.Context, p *actions.Pull, sha *string) error {
	if *sha == "" || *sha == p.HeadSHA {
		*sha = p.HeadSHA
		return nil
	}
	wrong := actions.NotReview("commit_id is not part of the pull request")
	view := s.Git.View(p.RepoID)
	c, err := view.Commit(ctx, *sha)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return wrong
	}
	if err != nil {
		return err
	}
	*sha = c.SHA
	in, err := view.IsAncestor(ctx, *sha, p.HeadSHA)
	if err == nil && in {
		in, err = view.IsAncestor(ctx, *sha, p.BaseSHA)
		in = !in
	}
	if err == nil && !in {
		return wrong
	}
	return err
}

// room refuses a review where its author has one that is not submitted, or where there are
// too many.
func room(ctx context.Context, tx *store.Tx, p *actions.Pull, by Actor) error {
	_, err := tx.PendingReview(ctx, p.ID, by.Account.ID)
	if err == nil {
		return actions.NotReview("User can only have one pending review per pull request")
	}
	if actions.KindOf(err) != actions.NotFound {
		return err
	}
	n, err := tx.CountReviews(ctx, p.ID)
	if err == nil && n >= maxReviews {
		err = actions.NotReview("A pull request has at most %d reviews", maxReviews)
	}
	return err
}

// submitted does what the submission of a review brings about.
func (s *Pulls) submitted(ctx context.Context, tx *store.Tx, repo *actions.Repository, p *actions.Pull, v *actions.Review) error {
	if _, err := tx.DropReviewer(ctx, p, v.Author.ID); err != nil {
		return err
	}
	if v.State == actions.ReviewComment {
		return nil
	}
	e := reviewEntry(actions.AuditReviewSubmit, repo, p, v).With("state", string(v.State))
	return tx.Audit(ctx, e)
}

func reviewEvent(action string, v *actions.Review) *actions.PullEvent {
	return &actions.PullEvent{Action: action, Review: v.ID}
}

func reviewEntry(action actions.AuditAction, repo *actions.Repository, p *actions.Pull, v *actions.Review) actions.AuditEntry {
	e := actions.AuditEntry{Action: action}.InRepo(repo).With("pull_request_number", strconv.FormatInt(p.Number, 10))
	return e.With("review_id", strconv.FormatInt(v.ID, 10)).With("head_sha", v.CommitSHA).With("reviewer", v.Author.Login)
}

// ownReview is a review that the actor may see.
func ownReview(ctx context.Context, tx *store.Tx, by Actor, p *actions.Pull, id int64) (*actions.Review, error) {
	v, err := tx.Review(ctx, p.ID, id)
	if err == nil && v.State == actions.ReviewPending && v.Author.ID != by.Account.ID {
		err = actions.Errorf(actions.NotFound, "review %d", id)
	}
	return v, err
}

// ReviewOf returns a review of a pull request that the actor may see.
func (s *Pulls) ReviewOf(ctx context.Context, by *actions.Account, p *actions.Pull, id int64) (*actions.Review, error) {
	v, err := s.Store.Review(ctx, p.ID, id)
	if err == nil && v.State == actions.ReviewPending && (by == nil || v.Author.ID != by.ID) {
		err = actions.Errorf(actions.NotFound, "review %d", id)
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// SubmitReview submits a review that its author has made before. An empty body leaves
// what it says.
func (s *Pulls) SubmitReview(ctx context.Context, by Actor, repo *actions.Repository, p *actions.Pull, id int64, body string, does actions.ReviewEvent) (*actions.Review, error) {
	if err := s.mayReview(ctx, by, repo, does); err != nil {
		return nil, err
	}
	return s.changeReview(ctx, by, p, func(tx *store.Tx, p *actions.Pull) (*actions.Review, *actions.PullEvent, error) {
		v, err := ownReview(ctx, tx, by, p, id)
		if err != nil {
			return nil, nil, err
		}
		if v.Author.ID != by.Account.ID {
			return nil, nil, errNotAuthor
		}
		if body != "" && v.State == actions.ReviewPending {
			v.Body = body
		}
		if err := v.Submit(p, does, s.Now()); err != nil {
			return nil, nil, err
		}
		if err := tx.UpdateReview(ctx, p, v); err != nil {
			return nil, nil, err
		}
		return v, reviewEvent("submitted", v), s.submitted(ctx, tx, repo, p, v)
	})
}

var errNotAuthor = actions.Errorf(actions.Forbidden, "Only the author of a review can do that.")

// EditReview changes what a review says: its author may, and who may change pull requests
// of others.
func (s *Pulls) EditReview(ctx context.Context, by Actor, repo *actions.Repository, p *actions.Pull, id int64, body string) (*actions.Review, error) {
	manages, err := by.May(ctx, repo, Manage)
	if err != nil {
		return nil, err
	}
	return s.changeReview(ctx, by, p, func(tx *store.Tx, p *actions.Pull) (*actions.Review, *actions.PullEvent, error) {
		v, err := ownReview(ctx, tx, by, p, id)
		if err != nil {
			return nil, nil, err
		}
		if v.Author.ID != by.Account.ID && !manages {
			return nil, nil, errNotAuthor
		}
		if v.Body == body {
			return v, nil, nil
		}
		e := reviewEvent("edited", v)
		e.Changes = map[string]string{"body": v.Body}
		if err := v.Edit(body); err != nil {
			return nil, nil, err
		}
		if err := tx.UpdateReview(ctx, p, v); err != nil || v.State == actions.ReviewPending {
			return v, nil, err
		}
		return v, e, nil
	})
}

// DeleteReview removes a review that was not submitted, for its author.
func (s *Pulls) DeleteReview(ctx context.Context, by Actor, p *actions.Pull, id int64) (*actions.Review, error) {
	return s.changeReview(ctx, by, p, func(tx *store.Tx, p *actions.Pull) (*actions.Review, *actions.PullEvent, error) {
		v, err := ownReview(ctx, tx, by, p, id)
		if err != nil {
			return nil, nil, err
		}
		if v.State != actions.ReviewPending {
			return nil, nil, actions.NotReview("Can not delete a non-pending pull request review")
		}
		return v, nil, tx.DeleteReview(ctx, p, id)
	})
}

// DismissReview takes away what a review says, for a reason: who may push may.
func (s *Pulls) DismissReview(ctx context.Context, by Actor, repo *actions.Repository, p *actions.Pull, id int64, reason string) (*actions.Review, error) {
	if reason == "" {
		return nil, actions.NotReview("message can't be blank")
	}
	if err := actions.CheckReviewText(reason); err != nil {
		return nil, err
	}
	if may, err := by.May(ctx, repo, Manage); err != nil || !may {
		return nil, cmp.Or(err, errNotWriter)
	}
	return s.changeReview(ctx, by, p, func(tx *store.Tx, p *actions.Pull) (*actions.Review, *actions.PullEvent, error) {
		v, err := ownReview(ctx, tx, by, p, id)
		if err != nil {
			return nil, nil, err
		}
		if err := v.Dismiss(); err != nil {
			return nil, nil, err
		}
		if err := tx.UpdateReview(ctx, p, v); err != nil {
			return nil, nil, err
		}
		return v, reviewEvent("dismissed", v), tx.Audit(ctx, reviewEntry(actions.AuditReviewDismiss, repo, p, v).With("message", actions.Clip(reason, maxReason)))
	})
}

// maxReason bounds what the audit log has of why a review was dismissed, in characters.
const maxReason = 1000

// changeReview changes a review of a pull request in a transaction, with the event that
// this is, and makes the runs of that.
func (s *Pulls) changeReview(ctx context.Context, by Actor, p *actions.Pull, do func(*store.Tx, *actions.Pull) (*actions.Review, *actions.PullEvent, error)) (*actions.Review, error) {
	var v *actions.Review
	var push *actions.Push
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		v, push = nil, nil
		is, err := tx.Pull(ctx, p.ID)
		if err != nil {
			return err
		}
		var e *actions.PullEvent
		if v, e, err = do(tx, is); err != nil || e == nil {
			return err
		}
		push, err = s.note(ctx, tx, is, by.Account.ID, by.ByJob, by.Base.HTML, *e)
		return err
	})
	if err != nil {
		return nil, err
	}
	if push != nil {
		s.announce(context.WithoutCancel(ctx), by, []*actions.Push{push})
	}
	return v, nil
}
