package shape

import (
	"github.com/understudy-ci/understudy/internal/actions"
)

type gitUser struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	Date  string `json:"date"`
}

// An ObjectLink is an object of git, and where it is told about.
type ObjectLink struct {
	SHA string `json:"sha"`
	URL string `json:"url"`
}

type commitParent struct {
	SHA     string `json:"sha"`
	URL     string `json:"url"`
	HTMLURL string `json:"html_url"`
}

type commitVerification struct {
	Verified   bool    `json:"verified"`
	Reason     string  `json:"reason"`
	Signature  *string `json:"signature"`
	Payload    *string `json:"payload"`
	VerifiedAt *string `json:"verified_at"`
}

type gitCommit struct {
	Author       gitUser            `json:"author"`
	Committer    gitUser            `json:"committer"`
	Message      string             `json:"message"`
	Tree         ObjectLink         `json:"tree"`
	URL          string             `json:"url"`
	CommentCount int                `json:"comment_count"`
	Verification commitVerification `json:"verification"`
}

// A FullCommit is a commit as its page has it.
type FullCommit struct {
	SHA         string         `json:"sha"`
	NodeID      string         `json:"node_id"`
	Commit      gitCommit      `json:"commit"`
	URL         string         `json:"url"`
	HTMLURL     string         `json:"html_url"`
	CommentsURL string         `json:"comments_url"`
	Author      *SimpleUser    `json:"author"` // not known: addresses are claims
	Committer   *SimpleUser    `json:"committer"`
	Parents     []commitParent `json:"parents"`
}

// NewFullCommit is the object for a commit of a repository.
func NewFullCommit(b Base, r *actions.Repository, c *actions.Commit, parents []string) *FullCommit {
	repo := b.API + "/repos/" + r.FullName()
	html := b.HTML + "/" + r.FullName() + "/commit/"
	v := &FullCommit{
		SHA:    c.SHA,
		NodeID: NodeID("Commit", r.ID) + c.SHA,
		Commit: gitCommit{
			Author:       gitUser{c.Author.Name, c.Author.Email, Time(c.Author.Time)},
			Committer:    gitUser{c.Committer.Name, c.Committer.Email, Time(c.Committer.Time)},
			Message:      c.Message,
			Tree:         ObjectLink{c.Tree, repo + "/git/trees/" + c.Tree},
			URL:          repo + "/git/commits/" + c.SHA,
			Verification: commitVerification{Reason: "unsigned"},
		},
		URL:         repo + "/commits/" + c.SHA,
		HTMLURL:     html + c.SHA,
		CommentsURL: repo + "/commits/" + c.SHA + "/comments",
		Parents:     []commitParent{},
	}
	for _, p := range parents {
		v.Parents = append(v.Parents, commitParent{p, repo + "/commits/" + p, html + p})
	}
	return v
}
