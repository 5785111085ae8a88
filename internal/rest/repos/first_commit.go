package repos

import (
	"cmp"
	"fmt"
	"net/url"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/rest"
)

// firstCommit is what auto_init asks for: a commit of the caller's with a
// README. It is no push, and there is no workflow in it that could run.
func firstCommit(c *rest.Call, repo *actions.Repository) gitrepo.FirstCommit {
	who := c.Caller.Account
	by := actions.Signature{Name: cmp.Or(who.Name, who.Login), Email: who.Email, Time: repo.CreatedAt}
	if by.Email == "" {
		host := "localhost"
		if u, err := url.Parse(c.Base.HTML); err == nil {
			host = cmp.Or(u.Hostname(), host)
		}
		by.Email = fmt.Sprintf("%d+%s@users.noreply.%s", who.ID, who.Login, host)
	}
	readme := "# " + repo.Name
	if repo.Description != "" {
		readme += "\n" + repo.Description + "\n"
	}
	return gitrepo.FirstCommit{Readme: readme, Message: "Initial commit", Author: by, Committer: by}
}
