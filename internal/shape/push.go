package shape

import "github.com/understudy-ci/understudy/internal/actions"

// A PushOwner is the owner of a repository in the payload of a push, which has
// two fields more than elsewhere.
type PushOwner struct {
	Name  string  `json:"name"`
	Email *string `json:"email"`
	SimpleUser
}

// A PushRepository is the repository in the payload of a push: there, two of
// its times are numbers.
type PushRepository struct {
	Repository
	Owner        *PushOwner `json:"owner"`
	URL          string     `json:"url"`
	CreatedAt    int64      `json:"created_at"`
	PushedAt     int64      `json:"pushed_at"`
	Stargazers   int        `json:"stargazers"`
	MasterBranch string     `json:"master_branch"`
	Organization string     `json:"organization,omitempty"`
}

// NewPushRepository is the object for r.
func NewPushRepository(b Base, r *actions.Repository) *PushRepository {
	p := &PushRepository{
		Repository:   repository(b, r),
		Owner:        &PushOwner{Name: r.Owner.Login, Email: NoReply(b, &r.Owner), SimpleUser: *NewSimpleUser(b, &r.Owner)},
		URL:          b.HTML + "/" + r.FullName(),
		CreatedAt:    r.CreatedAt.Unix(),
		PushedAt:     pushed(r).Unix(),
		MasterBranch: r.DefaultBranch,
	}
	if r.Owner.Type == actions.Organization {
		p.Organization = r.Owner.Login
	}
	return p
}

// A Person is who made a commit, or who pushed it.
type Person struct {
	Name     string  `json:"name"`
	Email    *string `json:"email"`
	Date     *string `json:"date,omitempty"`
	Username string  `json:"username,omitempty"` // login, where an account has the address
}

// A PushCommit is a commit in the payload of a push. As in the events of GitHub's
// workflows, it does not say which files it changed.
type PushCommit struct {
	ID        string `json:"id"`
	TreeID    string `json:"tree_id"`
	Distinct  bool   `json:"distinct"`
	Message   string `json:"message"`
	Timestamp string `json:"timestamp"`
	URL       string `json:"url"`
	Author    Person `json:"author"`
	Committer Person `json:"committer"`
}

// NewPushCommit is the object for a commit of r.
func NewPushCommit(b Base, r *actions.Repository, c *actions.Commit) *PushCommit {
	return &PushCommit{
		ID:        c.SHA,
		TreeID:    c.Tree,
		Distinct:  true,
		Message:   c.Message,
		Timestamp: localTime(c.Committer.Time),
		URL:       b.HTML + "/" + r.FullName() + "/commit/" + c.SHA,
		Author:    Person{Name: c.Author.Name, Email: Null(c.Author.Email)},
		Committer: Person{Name: c.Committer.Name, Email: Null(c.Committer.Email)},
	}
}
