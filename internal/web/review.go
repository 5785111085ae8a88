package web

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/pull"
)

const maxPullReviews = 100 // that a page shows, the newest

type reviewRow struct {
	ID          int64
	Author, SHA string
	Mark        mark
	Text        template.HTML
	At          timestamp
}

// marksOfReviews are the states of reviews as icons and words.
var marksOfReviews = map[actions.ReviewState]mark{
	actions.ReviewPending:   {"queued", "has not submitted a review yet"},
	actions.ReviewComment:   {"notice", "reviewed"},
	actions.ReviewApproved:  {"success", "approved these changes"},
	actions.ReviewChanges:   {"failure", "requested changes"},
	actions.ReviewDismissed: {"skipped", "had a review that was dismissed"},
}

// textHTML is what somebody wrote about a pull request as HTML that is safe.
func (s *Site) textHTML(ctx context.Context, text string) (template.HTML, error) {
	if strings.TrimSpace(text) == "" {
		return "", nil
	}
	waiting, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	html, err := s.texts.html(waiting, text)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		html = noteWait
	case err != nil && html == "":
		return "", err
	case err != nil:
		s.log.ErrorContext(ctx, "description of a pull request is shown as text", "err", err)
	}
	return template.HTML(html), nil //nolint:gosec // package markdown writes nothing that is not safe
}

func (s *Site) addReviews(ctx context.Context, p *pullPage, c *auth.Caller, is *actions.Pull) error {
	viewer := int64(0)
	if !c.Anonymous() {
		viewer = c.Account.ID
	}
	list, err := s.store.NewestReviews(ctx, is.ID, viewer, maxPullReviews)
	if err != nil {
		return err
	}
	now, left := s.now(), maxShown
	for _, v := range list {
		row := reviewRow{ID: v.ID, Author: v.Author.Login, SHA: shortSHA(v.CommitSHA), Mark: marksOfReviews[v.State], At: timestampOf(v.SubmittedAt, now)}
		if left > 0 {
			if row.Text, err = s.textHTML(ctx, v.Body); err != nil {
				return err
			}
			left -= len(row.Text)
		}
		p.Reviews = append(p.Reviews, row)
	}
	asked, err := s.store.Reviewers(ctx, []int64{is.ID})
	if err != nil {
		return err
	}
	var names []string
	for _, a := range asked[is.ID] {
		names = append(names, a.Login)
	}
	p.Asked = strings.Join(names, ", ")
	return nil
}

// reviewPull serves POST /{owner}/{repo}/pull/{pull}/review.
func (s *Site) reviewPull(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, is, err := s.pullOf(r, c)
	if err == nil {
		err = s.auth.Can(r.Context(), c, auth.Target{Repo: repo}, auth.WritePulls)
	}
	if err != nil {
		return err
	}
	n := pull.ReviewRequest{Body: r.PostForm.Get("body"), Commit: r.PostForm.Get("sha"), Does: actions.ReviewEvent(r.PostForm.Get("event"))}
	if n.Does == "" {
		return actions.Errorf(actions.Invalid, "The form does not say what to do with the pull request.")
	}
	n.Body = strings.ReplaceAll(n.Body, "\r\n", "\n") // as forms send them
	if _, err := s.pulls.Review(r.Context(), s.puller(c, httpjson.Base(r)), repo, is, n); err != nil {
		return err
	}
	redirect(w, s.pullRow(headOf(repo), is).URL)
	return nil
}
