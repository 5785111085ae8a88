package shape

import (
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Pull is a pull request with what is known of it besides its record.
type Pull struct {
	*actions.Pull
	Base *actions.Repository
	Head *actions.Repository // nil when it is gone

	Association string // of its author: see [actions.Association]
	Reviewers   []*actions.Account

	// What only a pull request that is asked for alone has.
	Commits, Additions, Deletions, Files int
	MergeState                           string // in GitHub's words: clean, dirty, blocked, …
	ReviewComments                       int
}

// A PullSide is the head or the base of a pull request.
type PullSide struct {
	Label string      `json:"label"`
	Ref   string      `json:"ref"`
	SHA   string      `json:"sha"`
	User  *SimpleUser `json:"user"`
	Repo  *Repository `json:"repo"`
}

type link struct {
	Href string `json:"href"`
}

type pullLinks struct {
	Self           link `json:"self"`
	HTML           link `json:"html"`
	Issue          link `json:"issue"`
	Comments       link `json:"comments"`
	ReviewComments link `json:"review_comments"`
	ReviewComment  link `json:"review_comment"`
	Commits        link `json:"commits"`
	Statuses       link `json:"statuses"`
}

// A SimplePullRequest is a pull request in a list.
type SimplePullRequest struct {
	URL                string        `json:"url"`
	ID                 int64         `json:"id"`
	NodeID             string        `json:"node_id"`
	HTMLURL            string        `json:"html_url"`
	DiffURL            string        `json:"diff_url"`
	PatchURL           string        `json:"patch_url"`
	IssueURL           string        `json:"issue_url"`
	Number             int64         `json:"number"`
	State              string        `json:"state"`
	Locked             bool          `json:"locked"`
	Title              string        `json:"title"`
	User               *SimpleUser   `json:"user"`
	Body               *string       `json:"body"`
	CreatedAt          string        `json:"created_at"`
	UpdatedAt          string        `json:"updated_at"`
	ClosedAt           *string       `json:"closed_at"`
	MergedAt           *string       `json:"merged_at"`
	MergeCommitSHA     **string      `json:"merge_commit_sha,omitempty"` // gone from 2026-03-10 on
	Assignee           **SimpleUser  `json:"assignee,omitempty"`         // likewise
	Assignees          []*SimpleUser `json:"assignees"`
	RequestedReviewers []*SimpleUser `json:"requested_reviewers"`
	RequestedTeams     []struct{}    `json:"requested_teams"`
	Labels             []struct{}    `json:"labels"`
	Milestone          *struct{}     `json:"milestone"`
	Draft              bool          `json:"draft"`
	CommitsURL         string        `json:"commits_url"`
	ReviewCommentsURL  string        `json:"review_comments_url"`
	ReviewCommentURL   string        `json:"review_comment_url"`
	CommentsURL        string        `json:"comments_url"`
	StatusesURL        string        `json:"statuses_url"`
	Head               PullSide      `json:"head"`
	Base               PullSide      `json:"base"`
	Links              pullLinks     `json:"_links"`
	AuthorAssociation  string        `json:"author_association"`
	AutoMerge          *struct{}     `json:"auto_merge"`
	ActiveLockReason   *string       `json:"active_lock_reason"`
}

// A PullRequest is a pull request that is asked for alone, and that event payloads have.
type PullRequest struct {
	SimplePullRequest
	Merged              bool        `json:"merged"`
	Mergeable           *bool       `json:"mergeable"`
	Rebaseable          *bool       `json:"rebaseable"`
	MergeableState      string      `json:"mergeable_state"`
	MergedBy            *SimpleUser `json:"merged_by"`
	Comments            int         `json:"comments"`
	ReviewComments      int         `json:"review_comments"`
	MaintainerCanModify bool        `json:"maintainer_can_modify"`
	Commits             int         `json:"commits"`
	Additions           int         `json:"additions"`
	Deletions           int         `json:"deletions"`
	ChangedFiles        int         `json:"changed_files"`
}

// PullURL is where REST tells about the pull request of a repository with a number.
func PullURL(b Base, r *actions.Repository, number int64) string {
	return b.API + "/repos/" + r.FullName() + "/pulls/" + strconv.FormatInt(number, 10)
}

// PullHTML is the page of a pull request.
func PullHTML(b Base, r *actions.Repository, number int64) string {
	return b.HTML + "/" + r.FullName() + "/pull/" + strconv.FormatInt(number, 10)
}

// NewSimplePullRequest is the object for a pull request in a list.
func NewSimplePullRequest(b Base, p *Pull) *SimplePullRequest {
	v := simplePull(b, p)
	return &v
}

// NewPullRequest is the whole object for a pull request.
func NewPullRequest(b Base, p *Pull) *PullRequest {
	v := &PullRequest{
		SimplePullRequest: simplePull(b, p), Merged: p.Merged(), MergeableState: p.MergeState, ReviewComments: p.ReviewComments,
		Commits: p.Commits, Additions: p.Additions, Deletions: p.Deletions, ChangedFiles: p.Files,
	}
	if v.MergeableState == "" {
		v.MergeableState = "unknown"
	}
	if p.Merged() {
		v.MergedBy = NewSimpleUser(b, &p.MergedBy)
	}
	if p.State == actions.PullOpen && p.Mergeable != actions.MergeUnknown {
		is := p.Mergeable == actions.MergeClean
		v.Mergeable, v.Rebaseable = &is, &is
	}
	return v
}

func simplePull(b Base, p *Pull) SimplePullRequest {
	repo, number := b.API+"/repos/"+p.Base.FullName(), strconv.FormatInt(p.Number, 10)
	url, html := PullURL(b, p.Base, p.Number), PullHTML(b, p.Base, p.Number)
	issue := repo + "/issues/" + number
	sha, nobody := Null(p.MergeSHA), (*SimpleUser)(nil)
	v := SimplePullRequest{
		URL: url, ID: p.ID, NodeID: NodeID("PullRequest", p.ID), HTMLURL: html, DiffURL: html + ".diff", PatchURL: html + ".patch", IssueURL: issue,
		Number: p.Number, State: string(p.State), Title: p.Title, User: NewSimpleUser(b, &p.Author), Body: Null(p.Body),
		CreatedAt: Time(p.CreatedAt), UpdatedAt: Time(p.UpdatedAt), ClosedAt: NullTime(p.ClosedAt), MergedAt: NullTime(p.MergedAt),
		MergeCommitSHA: &sha, Assignee: &nobody, Assignees: []*SimpleUser{}, RequestedReviewers: []*SimpleUser{}, RequestedTeams: []struct{}{},
		Labels: []struct{}{}, Draft: p.Draft, AuthorAssociation: p.Association,
		CommitsURL: url + "/commits", ReviewCommentsURL: url + "/comments", ReviewCommentURL: repo + "/pulls/comments{/number}",
		CommentsURL: issue + "/comments", StatusesURL: repo + "/statuses/" + p.HeadSHA,
		Head: PullSide{Label: p.Label(), Ref: p.HeadRef, SHA: p.HeadSHA, User: NewSimpleUser(b, &p.HeadOwner)},
		Base: PullSide{Label: p.Base.Owner.Login + ":" + p.BaseRef, Ref: p.BaseRef, SHA: p.BaseSHA, User: NewSimpleUser(b, &p.Base.Owner), Repo: NewRepository(b, p.Base)},
	}
	if p.Head != nil {
		v.Head.Repo = NewRepository(b, p.Head)
	}
	for _, a := range p.Reviewers {
		v.RequestedReviewers = append(v.RequestedReviewers, NewSimpleUser(b, a))
	}
	v.Links = pullLinks{
		Self: link{url}, HTML: link{html}, Issue: link{issue}, Comments: link{v.CommentsURL}, ReviewComments: link{v.ReviewCommentsURL},
		ReviewComment: link{v.ReviewCommentURL}, Commits: link{v.CommitsURL}, Statuses: link{v.StatusesURL},
	}
	return v
}

// A MinimalPull is a pull request as runs and check runs name it.
type MinimalPull struct {
	ID     int64           `json:"id"`
	Number int64           `json:"number"`
	URL    string          `json:"url"`
	Head   minimalPullSide `json:"head"`
	Base   minimalPullSide `json:"base"`
}

type minimalPullSide struct {
	Ref  string      `json:"ref"`
	SHA  string      `json:"sha"`
	Repo minimalRepo `json:"repo"`
}

type minimalRepo struct {
	ID   int64  `json:"id"`
	URL  string `json:"url"`
	Name string `json:"name"`
}

// NewMinimalPull is the object for a pull request of a repository between branches of it.
func NewMinimalPull(b Base, r *actions.Repository, p *actions.Pull) *MinimalPull {
	repo := minimalRepo{r.ID, b.API + "/repos/" + r.FullName(), r.Name}
	return &MinimalPull{
		ID: p.ID, Number: p.Number, URL: PullURL(b, r, p.Number),
		Head: minimalPullSide{p.HeadRef, p.HeadSHA, repo}, Base: minimalPullSide{p.BaseRef, p.BaseSHA, repo},
	}
}

// A Review is what somebody says of a pull request.
type Review struct {
	ID                int64       `json:"id"`
	NodeID            string      `json:"node_id"`
	User              *SimpleUser `json:"user"`
	Body              string      `json:"body"`
	State             string      `json:"state"`
	HTMLURL           string      `json:"html_url"`
	PullRequestURL    string      `json:"pull_request_url"`
	Links             reviewLinks `json:"_links"`
	SubmittedAt       *string     `json:"submitted_at,omitempty"`
	CommitID          *string     `json:"commit_id"`
	AuthorAssociation string      `json:"author_association"`
}

type reviewLinks struct {
	HTML link `json:"html"`
	Pull link `json:"pull_request"`
}

// NewReview is the object for a review of a pull request; association is that of its author.
func NewReview(b Base, r *actions.Repository, p *actions.Pull, v *actions.Review, association string) *Review {
	url := PullURL(b, r, p.Number)
	html := PullHTML(b, r, p.Number) + "#pullrequestreview-" + strconv.FormatInt(v.ID, 10)
	return &Review{
		ID: v.ID, NodeID: NodeID("PullRequestReview", v.ID), User: NewSimpleUser(b, &v.Author), Body: v.Body, State: string(v.State),
		HTMLURL: html, PullRequestURL: url, Links: reviewLinks{link{html}, link{url}}, SubmittedAt: NullTime(v.SubmittedAt),
		CommitID: Null(v.CommitSHA), AuthorAssociation: association,
	}
}
