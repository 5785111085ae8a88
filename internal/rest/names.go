package rest

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// plain is a request whose path has the form that the routes have. GitHub's API takes
// others for the same thing:
//
//   - /repositories/{id}/…, /organizations/{id}/… and /user/{id}, by a number in place of
//     a name;
//   - /repos/{owner}/{repo}/commits/{ref}/… where ref holds slashes that are not escaped.
func (a *API) plain(r *http.Request) (*http.Request, error) {
	path := r.URL.EscapedPath()
	now, err := a.byName(r.Context(), path)
	if err != nil {
		return nil, err
	}
	for _, slashed := range []*regexp.Regexp{slashedRef, slashedTag} {
		if m := slashed.FindStringSubmatch(now); m != nil {
			now = m[1] + strings.ReplaceAll(m[2], "/", "%2F") + m[3]
		}
	}
	if now == path {
		return r, nil
	}
	u := *r.URL
	if u.Path, err = url.PathUnescape(now); err != nil {
		return nil, ErrNotFound
	}
	u.RawPath = now
	r = r.WithContext(r.Context()) // a copy
	r.URL = &u
	return r, nil
}

// belowRef are the operations of GitHub's API below a ref of a commit. A ref that ends
// like one of them is asked for with its slashes escaped.
var belowRef = []string{"check-runs", "check-suites", "status", "statuses", "comments", "pulls", "branches-where-head"}

var slashedRef = regexp.MustCompile(`^(/repos/[^/]+/[^/]+/commits/)(.+/.+)(/(?:` + strings.Join(belowRef, "|") + `))$`)

// slashedTag is the path of the release of a tag with slashes.
var slashedTag = regexp.MustCompile(`^(/repos/[^/]+/[^/]+/releases/tags/)(.+/.+)()$`)

// nobody is a name that no account and no repository can have. What has a number that
// nothing has is looked for by it, so that the answer is that for what may not be seen.
const nobody = "~"

// byName is the path with the name of what it names by number.
func (a *API) byName(ctx context.Context, path string) (string, error) {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	text, rest, below := strings.Cut(rest, "/")
	if below {
		rest = "/" + rest
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 {
		return path, nil
	}
	switch {
	case kind == "repositories":
		repo, err := a.Store.Repository(ctx, id)
		if actions.KindOf(err) == actions.NotFound {
			return "/repos/" + nobody + "/" + nobody + rest, nil
		} else if err != nil {
			return "", err
		}
		return "/repos/" + url.PathEscape(repo.Owner.Login) + "/" + url.PathEscape(repo.Name) + rest, nil
	case kind == "organizations":
		login, err := a.login(ctx, id, actions.Organization)
		return "/orgs/" + login + rest, err
	case kind == "user" && !below:
		login, err := a.login(ctx, id, actions.User)
		return "/users/" + login, err
	}
	return path, nil
}

// login is the name of an account of a type.
func (a *API) login(ctx context.Context, id int64, t actions.AccountType) (string, error) {
	is, err := a.Store.Account(ctx, id)
	if actions.KindOf(err) == actions.NotFound || err == nil && is.Type != t {
		return nobody, nil
	} else if err != nil {
		return "", err
	}
	return url.PathEscape(is.Login), nil
}
