package commits

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// list serves GET /repos/{owner}/{repo}/commits.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	c, l := rest.CallOf(r), rest.ListingOf(r)
	rev := l.Query.Get("sha")
	if rev == "" {
		rev = c.Repo.DefaultBranch
	}
	view := p.git.View(c.Repo.ID)
	sha, err := rest.CommitOf(r, p.repositories, rev)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return p.nothing(r.Context(), view)
	} else if err != nil {
		return err
	}
	f, nobody, err := p.filter(r.Context(), l.Query)
	if err != nil {
		return err
	}
	list := []*shape.FullCommit{}
	if nobody {
		return httpjson.Write(w, http.StatusOK, list)
	}
	found, more, err := view.Log(r.Context(), sha, f, l.Page)
	if actions.KindOf(err) == actions.Invalid {
		return httpjson.Write(w, http.StatusOK, list) // no file has that name
	} else if err != nil {
		return err
	}
	for _, g := range found {
		list = append(list, shape.NewFullCommit(c.Base, c.Repo, &g.Commit, g.Parents))
	}
	l.LinkNext(w, r, more)
	return httpjson.Write(w, http.StatusOK, list)
}

// nothing is the error where no commit has been found.
func (p *page) nothing(ctx context.Context, view *gitrepo.View) error {
	refs, err := view.Refs(ctx, "refs/")
	if err == nil && len(refs) == 0 {
		err = actions.Errorf(actions.Conflict, "Git Repository is empty.")
	}
	if err == nil {
		err = rest.ErrNotFound
	}
	return err
}

// filter reads which commits are asked for; nobody says that those of an account are,
// which does not exist.
func (p *page) filter(ctx context.Context, q url.Values) (f gitrepo.LogFilter, nobody bool, err error) {
	f.Path = strings.Trim(q.Get("path"), "/")
	for name, at := range map[string]*time.Time{"since": &f.Since, "until": &f.Until} {
		if text := q.Get(name); text != "" {
			if *at, err = time.Parse(time.RFC3339, text); err != nil {
				return f, false, actions.Errorf(actions.Malformed, "%s is no time like 2026-01-02T15:04:05Z", name)
			}
		}
	}
	for name, list := range map[string]*[]string{"author": &f.Authors, "committer": &f.Committers} {
		if text := q.Get(name); text != "" {
			if *list, err = p.addresses(ctx, text); err != nil {
				return f, false, err
			}
			nobody = nobody || len(*list) == 0
		}
	}
	return f, nobody, nil
}

// addresses are those by which commits of somebody are known, who is named by an account
// or by an address.
func (p *page) addresses(ctx context.Context, who string) ([]string, error) {
	if strings.ContainsAny(who, "\n\r\x00") {
		return nil, nil
	}
	if strings.Contains(who, "@") {
		return []string{"<" + who + ">"}, nil
	}
	account, err := p.store.AccountByLogin(ctx, who)
	if actions.KindOf(err) == actions.NotFound {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	list := []string{"+" + account.Login + "@users.noreply."}
	if account.Email != "" {
		list = append(list, "<"+account.Email+">")
	}
	return list, nil
}
