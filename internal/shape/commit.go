package shape

import (
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A SimpleCommit is the head commit of a run.
type SimpleCommit struct {
	ID        string    `json:"id"`
	TreeID    string    `json:"tree_id"`
	Message   string    `json:"message"`
	Timestamp string    `json:"timestamp"`
	Author    Signature `json:"author"`
	Committer Signature `json:"committer"`
}

// A Signature is who made a commit.
type Signature struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// NewSimpleCommit is the object for c, nil for a commit that is not known.
func NewSimpleCommit(c *actions.Commit) *SimpleCommit {
	if c.SHA == "" {
		return nil
	}
	return &SimpleCommit{
		ID:        c.SHA,
		TreeID:    c.Tree,
		Message:   c.Message,
		Timestamp: Time(c.Committer.Time),
		Author:    Signature{c.Author.Name, c.Author.Email},
		Committer: Signature{c.Committer.Name, c.Committer.Email},
	}
}

// localTime keeps the zone of whoever made the commit, as payloads do.
func localTime(t time.Time) string { return t.Format(time.RFC3339) }
