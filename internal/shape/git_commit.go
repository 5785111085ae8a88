package shape

import "github.com/understudy-ci/understudy/internal/actions"

// A GitCommit is a commit as git has it, without what a server adds.
type GitCommit struct {
	SHA          string             `json:"sha"`
	NodeID       string             `json:"node_id"`
	URL          string             `json:"url"`
	HTMLURL      string             `json:"html_url"`
	Author       gitUser            `json:"author"`
	Committer    gitUser            `json:"committer"`
	Message      string             `json:"message"`
	Tree         ObjectLink         `json:"tree"`
	Parents      []commitParent     `json:"parents"`
	Verification commitVerification `json:"verification"`
}

// NewGitCommit is the object for a commit of a repository.
func NewGitCommit(b Base, r *actions.Repository, c *actions.Commit, parents []string) *GitCommit {
	full := NewFullCommit(b, r, c, parents)
	g := &GitCommit{
		SHA: full.SHA, NodeID: full.NodeID, URL: full.Commit.URL, HTMLURL: full.HTMLURL,
		Author: full.Commit.Author, Committer: full.Commit.Committer, Message: full.Commit.Message,
		Tree: full.Commit.Tree, Parents: full.Parents, Verification: full.Commit.Verification,
	}
	for i := range g.Parents {
		g.Parents[i].URL = b.API + "/repos/" + r.FullName() + "/git/commits/" + g.Parents[i].SHA
	}
	return g
}
