package pulls_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

// onReviews starts at what is done by reviews.
const onReviews = "on: pull_request_review\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}\n"

// A reviewed repository has the pull request 1 of Alice, at topic, and Bob and Carol, who may
// read; Bob may also push.
type reviewed struct {
	*resttest.Site
	tree             *resttest.Tree
	topic            string
	bob, carol       string // tokens
	asBob, asCarol   *actions.Account
	reviews, request string // paths
}

func newReviewed(s *resttest.Site) *reviewed {
	s.Helper()
	tree, _, topic := s.Asked()
	topic = tree.Commit("topic", topic, "with reviews", map[string]string{".github/workflows/review.yml": onReviews})
	r := &reviewed{Site: s, tree: tree, topic: topic, asBob: s.User("bob"), asCarol: s.User("carol"), reviews: s.Path("pulls/1/reviews"), request: s.Path("pulls/1/requested_reviewers")}
	s.Must(s.Store.SetCollaborator(s.Context(), s.Repo.ID, r.asBob.ID, actions.Write))
	s.Must(s.Store.SetCollaborator(s.Context(), s.Repo.ID, r.asCarol.ID, actions.Read))
	r.bob, r.carol = s.Token(r.asBob, "repo"), s.Token(r.asCarol, "repo")
	return r
}

func (r *reviewed) post(token string, body resttest.Fields) map[string]any {
	r.Helper()
	return r.Answer(r.Do(http.MethodPost, r.reviews, token, body), http.StatusOK)
}

// said is the id of a review as a path.
func (r *reviewed) said(v map[string]any, of ...string) string {
	return r.reviews + "/" + strings.Join(append([]string{fmt.Sprint(int64(v["id"].(float64)))}, of...), "/")
}

// events are the activity types of the runs of an event, oldest first.
func (r *reviewed) events(name string) string {
	r.Helper()
	var list []string
	for _, run := range r.Runs(r.Repo) {
		if run.Event == name {
			p := payload(r.Site, run)
			what := p["action"].(string)
			if v, ok := p["review"].(map[string]any); ok {
				what += ":" + v["state"].(string)
			}
			if who, ok := p["requested_reviewer"].(map[string]any); ok {
				what += ":" + who["login"].(string)
			}
			list = append([]string{what}, list...)
		}
	}
	return strings.Join(list, " ")
}

func TestPullRequestsAreReviewed(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		r := newReviewed(s)
		v := r.post(r.bob, resttest.Fields{"event": "APPROVE"})
		if v["state"] != "APPROVED" || v["commit_id"] != r.topic || v["body"] != "" || v["user"].(map[string]any)["login"] != "bob" || v["submitted_at"] == nil || v["author_association"] != "COLLABORATOR" {
			s.Errorf("review %v", v)
		}
		c := r.post(r.carol, resttest.Fields{"event": "REQUEST_CHANGES", "body": "no", "commit_id": ref(s, "refs/heads/topic")})
		if got := r.events("pull_request_review"); got != "submitted:approved submitted:changes_requested" {
			s.Errorf("runs of %s", got)
		}
		run := s.Runs(s.Repo)[0]
		if run.Ref != "refs/pull/1/merge" || run.HeadSHA != r.topic || run.Actor.Login != "carol" {
			s.Errorf("run %+v", run)
		}
		var list []map[string]any
		a := s.Want(s.Get(r.reviews+"?per_page=1"), http.StatusOK)
		a.Into(s, &list)
		if len(list) != 1 || list[0]["id"] != v["id"] || !strings.Contains(a.Header.Get("Link"), `rel="next"`) {
			s.Errorf("reviews %v, link %s", list, a.Header.Get("Link"))
		}
		if got := s.Answer(s.Get(r.said(c)), http.StatusOK); got["state"] != "CHANGES_REQUESTED" {
			s.Errorf("review %v", got)
		}
		got := s.Answer(s.Do(http.MethodPut, r.said(c), r.carol, resttest.Fields{"body": "yes"}), http.StatusOK)
		if got["body"] != "yes" || r.events("pull_request_review") != "submitted:approved submitted:changes_requested edited:changes_requested" {
			s.Errorf("edited %v, runs of %s", got, r.events("pull_request_review"))
		}
		if was := payload(s, s.Runs(s.Repo)[0])["changes"].(map[string]any)["body"].(map[string]any)["from"]; was != "no" {
			s.Errorf("it was %v", was)
		}
		s.Want(s.Do(http.MethodPut, r.said(c, "dismissals"), r.carol, resttest.Fields{"message": "so"}), http.StatusForbidden)
		s.Want(s.Do(http.MethodPut, r.said(c, "dismissals"), r.bob, resttest.Fields{}), http.StatusUnprocessableEntity)
		if got := s.Answer(s.Do(http.MethodPut, r.said(c, "dismissals"), r.bob, resttest.Fields{"message": "is done", "event": "DISMISS"}), http.StatusOK); got["state"] != "DISMISSED" {
			s.Errorf("dismissed %v", got)
		}
		again := s.Want(s.Do(http.MethodPut, r.said(c, "dismissals"), r.bob, resttest.Fields{"message": "again"}), http.StatusUnprocessableEntity).JSON(s)
		if again["message"] != "Unprocessable Entity" || fmt.Sprint(again["errors"]) != "[Can not dismiss a dismissed pull request review]" {
			s.Errorf("dismissed again: %v", again)
		}
		if !strings.HasSuffix(r.events("pull_request_review"), " dismissed:dismissed") {
			s.Errorf("runs of %s", r.events("pull_request_review"))
		}
		entries, err := s.Store.AuditEntries(s.Context(), store.AuditFilter{}, 100)
		s.Must(err)
		var log []string
		for _, e := range entries {
			if strings.HasPrefix(string(e.Action), "pull_request_review.") {
				log = append(log, string(e.Action)+" "+e.By.Login+" "+e.Data["reviewer"]+" "+e.Data["message"])
			}
		}
		if want := "pull_request_review.dismiss bob carol is done|pull_request_review.submit carol carol |pull_request_review.submit bob bob "; strings.Join(log, "|") != want {
			s.Errorf("audit log %q, want %q", strings.Join(log, "|"), want)
		}
	})
}

func TestWhatReviewsCannotBeIsRefusedInGitHubsWords(t *testing.T) {
	s := resttest.New(t)
	r := newReviewed(s)
	other := r.tree.Commit("other", r.topic, "elsewhere", map[string]string{"o": "o"})
	for _, c := range []struct {
		token string
		body  resttest.Fields
		want  string
	}{
		{s.AliceToken, resttest.Fields{"event": "APPROVE"}, "Review Can not approve your own pull request"},
		{s.AliceToken, resttest.Fields{"event": "REQUEST_CHANGES", "body": "x"}, "Review Can not request changes on your own pull request"},
		{r.bob, resttest.Fields{"event": "REQUEST_CHANGES", "body": " "}, "You need to leave a comment indicating the requested changes."},
		{r.bob, resttest.Fields{"event": "COMMENT"}, "You need to leave a comment."},
		{r.bob, resttest.Fields{"event": "DISMISS"}, "event is none of APPROVE, REQUEST_CHANGES and COMMENT"},
		{r.bob, resttest.Fields{"event": "APPROVE", "commit_id": other}, "commit_id is not part of the pull request"},
		{r.bob, resttest.Fields{"event": "APPROVE", "commit_id": ref(s, "refs/heads/main")}, "commit_id is not part of the pull request"},
		{r.bob, resttest.Fields{"event": "APPROVE", "commit_id": strings.Repeat("a", 40)}, "commit_id is not part of the pull request"},
		{r.bob, resttest.Fields{"event": "APPROVE", "commit_id": "--help"}, "commit_id is not part of the pull request"},
		{r.bob, resttest.Fields{"event": "APPROVE", "body": strings.Repeat("a", 65537)}, "body is too long"},
		{r.bob, resttest.Fields{"event": "COMMENT", "body": "x", "comments": []resttest.Fields{{"path": "a", "body": "b"}}}, "keeps no comments on lines"},
	} {
		a := s.Want(s.Do(http.MethodPost, r.reviews, c.token, c.body), http.StatusUnprocessableEntity)
		if !strings.Contains(string(a.Text), c.want) {
			t.Errorf("%.200v: %s, want %s", c.body, a.Text, c.want)
		}
	}
	r.post(s.AliceToken, resttest.Fields{"event": "COMMENT", "body": "by the way"})
	s.Want(s.Do(http.MethodPost, r.reviews, s.Token(s.User("dave"), "repo"), resttest.Fields{"event": "APPROVE"}), http.StatusNotFound)
	s.Want(s.Do(http.MethodPost, s.Path("pulls/9/reviews"), r.bob, resttest.Fields{"event": "APPROVE"}), http.StatusNotFound)
}

func TestAReviewWaitsUntilItsAuthorSubmitsIt(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		r := newReviewed(s)
		v := r.post(r.carol, resttest.Fields{"body": "a draft"})
		if _, has := v["submitted_at"]; has || v["state"] != "PENDING" {
			s.Errorf("review %v", v)
		}
		second := s.Want(s.Do(http.MethodPost, r.reviews, r.carol, resttest.Fields{"event": "APPROVE"}), http.StatusUnprocessableEntity)
		if !strings.Contains(string(second.Text), "User can only have one pending review per pull request") {
			s.Errorf("a second one: %s", second.Text)
		}
		for _, c := range []struct{ method, path string }{
			{http.MethodGet, r.said(v)}, {http.MethodPut, r.said(v)}, {http.MethodDelete, r.said(v)}, {http.MethodPost, r.said(v, "events")}, {http.MethodPut, r.said(v, "dismissals")},
		} { // nobody else knows of it
			s.Want(s.Do(c.method, c.path, r.bob, resttest.Fields{"body": "x", "event": map[bool]string{true: "DISMISS", false: "COMMENT"}[c.method == http.MethodPut], "message": "m"}), http.StatusNotFound)
		}
		var list []map[string]any
		s.Want(s.Do(http.MethodGet, r.reviews, r.bob, nil), http.StatusOK).Into(s, &list)
		if len(list) != 0 {
			s.Errorf("others see %v", list)
		}
		s.Answer(s.Do(http.MethodDelete, r.said(v), r.carol, nil), http.StatusOK)
		s.Want(s.Do(http.MethodGet, r.said(v), r.carol, nil), http.StatusNotFound)
		v = r.post(r.carol, resttest.Fields{"body": "a draft"})
		if got := r.events("pull_request_review"); got != "" {
			s.Errorf("runs of %s", got)
		}
		s.Want(s.Do(http.MethodPost, r.said(v, "events"), r.carol, resttest.Fields{}), http.StatusUnprocessableEntity)
		got := s.Answer(s.Do(http.MethodPost, r.said(v, "events"), r.carol, resttest.Fields{"event": "REQUEST_CHANGES"}), http.StatusOK)
		if got["state"] != "CHANGES_REQUESTED" || got["body"] != "a draft" || r.events("pull_request_review") != "submitted:changes_requested" {
			s.Errorf("submitted %v, runs of %s", got, r.events("pull_request_review"))
		}
		s.Want(s.Do(http.MethodPost, r.said(v, "events"), r.carol, resttest.Fields{"event": "APPROVE"}), http.StatusUnprocessableEntity)
		s.Want(s.Do(http.MethodDelete, r.said(v), r.carol, nil), http.StatusUnprocessableEntity)
		s.Want(s.Do(http.MethodPut, r.said(v), r.bob, resttest.Fields{"body": "moderated"}), http.StatusOK)
	})
}

func TestOnlyTheOpinionsOfThoseWhoMayPushCount(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		r := newReviewed(s)
		is, err := s.Store.PullByNumber(s.Context(), s.Repo.ID, 1)
		s.Must(err)
		says := func(want string) {
			s.Helper()
			said, err := s.Store.Opinions(s.Context(), s.Repo, is.ID)
			s.Must(err)
			if got := fmt.Sprint(said.Approvals(""), said.Approvals(r.topic), said.ChangesRequested()); got != want {
				s.Errorf("approvals, those at the head, changes requested: %s, want %s", got, want)
			}
		}
		r.post(r.carol, resttest.Fields{"event": "APPROVE"})
		says("0 0 false")
		r.post(r.bob, resttest.Fields{"event": "APPROVE"})
		r.post(r.bob, resttest.Fields{"event": "COMMENT", "body": "which does not take that back"})
		says("1 1 false")
		v := r.post(r.bob, resttest.Fields{"event": "REQUEST_CHANGES", "body": "no"})
		says("0 0 true")
		s.Answer(s.Do(http.MethodPut, r.said(v, "dismissals"), s.AliceToken, resttest.Fields{"message": "no more"}), http.StatusOK)
		says("0 0 false")
		r.post(r.bob, resttest.Fields{"event": "APPROVE"})
		old := r.topic
		r.topic = r.tree.Commit("topic", old, "more", map[string]string{"more": "x"})
		says("1 0 false")
		s.Must(s.Store.SetCollaborator(s.Context(), s.Repo.ID, r.asBob.ID, actions.Read))
		says("0 0 false")
	})
}

func TestAJobApprovesOnlyWhereItMay(t *testing.T) {
	s := resttest.New(t)
	r := newReviewed(s)
	job := s.JobToken(s.Repo, map[string]string{"pull-requests": "write", "contents": "write"})
	approve := resttest.Fields{"event": "APPROVE"}
	a := s.Want(s.Do(http.MethodPost, r.reviews, job, approve), http.StatusUnprocessableEntity)
	if !strings.Contains(string(a.Text), "GitHub Actions is not permitted to approve pull requests.") {
		t.Errorf("%s", a.Text)
	}
	s.Answer(s.Do(http.MethodPost, r.reviews, job, resttest.Fields{"event": "COMMENT", "body": "coverage is the same"}), http.StatusOK)
	if got := r.events("pull_request_review"); got != "" {
		t.Errorf("what a job says starts runs of %s", got)
	}
	r.tree.Push(ref(s, "refs/heads/main"), "same")
	create := resttest.Fields{"title": "x", "head": "topic", "base": "same"}
	s.Refused(s.Do(http.MethodPost, s.Path("pulls"), job, create), http.StatusForbidden, "GitHub Actions is not permitted to create or approve pull requests.")
	s.Want(s.Do(http.MethodPut, s.Path("actions/permissions/workflow"), s.AliceToken, resttest.Fields{"can_approve_pull_request_reviews": true}), http.StatusNoContent)
	s.Answer(s.Do(http.MethodPost, r.reviews, job, approve), http.StatusOK)
	s.Want(s.Do(http.MethodPost, s.Path("pulls"), job, create), http.StatusCreated)
}

func TestReviewsAreAskedFor(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		r := newReviewed(s)
		ask := func(token string, names ...string) map[string]any {
			s.Helper()
			return s.Answer(s.Do(http.MethodPost, r.request, token, resttest.Fields{"reviewers": names}), http.StatusCreated)
		}
		logins := func(v any) string {
			var names []string
			for _, u := range v.([]any) {
				names = append(names, u.(map[string]any)["login"].(string))
			}
			return strings.Join(names, " ")
		}
		if got := ask(r.bob, "Carol", "bob"); logins(got["requested_reviewers"]) != "bob carol" {
			s.Errorf("asked %v", got["requested_reviewers"])
		}
		ask(s.AliceToken, "carol")
		const asked = "review_requested:carol review_requested:bob"
		if got := strings.TrimPrefix(r.events("pull_request"), "opened synchronize "); got != asked {
			s.Errorf("runs of %s", got)
		}
		if got := s.Answer(s.Get(r.request), http.StatusOK); logins(got["users"]) != "bob carol" || len(got["teams"].([]any)) != 0 {
			s.Errorf("asked %v", got)
		}
		r.post(r.bob, resttest.Fields{"event": "COMMENT", "body": "done"}) // who has done it is asked no more
		got := s.Answer(s.Do(http.MethodDelete, r.request, s.AliceToken, resttest.Fields{"reviewers": []string{"carol", "bob"}}), http.StatusOK)
		if logins(got["requested_reviewers"]) != "" || !strings.HasSuffix(r.events("pull_request"), asked+" review_request_removed:carol") {
			s.Errorf("asked %v, runs of %s", got["requested_reviewers"], r.events("pull_request"))
		}
		s.Want(s.Do(http.MethodPost, r.request, r.carol, resttest.Fields{"reviewers": []string{"bob"}}), http.StatusForbidden)
		s.User("dave")
		const none = "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the alice/hello repository."
		for _, c := range []struct {
			body resttest.Fields
			want string
		}{
			{resttest.Fields{"reviewers": []string{"alice"}}, "Review cannot be requested from pull request author."},
			{resttest.Fields{"reviewers": []string{"bob", "dave"}}, none},
			{resttest.Fields{"reviewers": []string{"nobody"}}, none},
			{resttest.Fields{"reviewers": []string{"../x"}}, none},
			{resttest.Fields{"team_reviewers": []string{"bob"}}, none},
			{resttest.Fields{"reviewers": strings.Split(strings.Repeat("bob ", 101), " ")}, "A pull request has at most 100 requested reviewers"},
		} {
			s.Refused(s.Do(http.MethodPost, r.request, s.AliceToken, c.body), http.StatusUnprocessableEntity, c.want)
		}
		if got := s.Answer(s.Get(r.request), http.StatusOK); logins(got["users"]) != "" {
			s.Errorf("asked in vain: %v", got)
		}
	})
}
