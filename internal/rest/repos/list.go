package repos

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// choice is the value of a parameter, the standard where it has none of those that can be.
func choice(q url.Values, name, standard string, others ...string) string {
	if v := q.Get(name); slices.Contains(others, v) {
		return v
	}
	return standard
}

// filterOf is the order that a request for a list asks for. Names begin with the first,
// dates with the last, unless it says otherwise.
func filterOf(q url.Values, sort string) store.RepositoryFilter {
	f := store.RepositoryFilter{Sort: choice(q, "sort", sort, "created", "updated", "pushed", "full_name")}
	standard := "desc"
	if f.Sort == "full_name" {
		standard = "asc"
	}
	f.Descending = choice(q, "direction", standard, "asc", "desc") == "desc"
	return f
}

// ofOrganization serves GET /orgs/{org}/repos.
func (p *page) ofOrganization(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	f := filterOf(q, "created")
	f.OwnerID = rest.CallOf(r).Org.ID
	switch kind := choice(q, "type", "all", "public", "private", "internal", "forks"); kind {
	case "public", "private", "internal":
		f.Visibility = kind
	case "forks":
		f.Forks = true
	}
	return p.list(w, r, f)
}

// ofUser serves GET /users/{username}/repos: what is public of them.
func (p *page) ofUser(w http.ResponseWriter, r *http.Request) error {
	u, err := p.store.AccountByLogin(r.Context(), r.PathValue("username"))
	if err != nil {
		return err
	}
	q := r.URL.Query()
	f := filterOf(q, "full_name")
	f.Visibility = "public"
	f.Of = store.Relations{AccountID: u.ID, Owner: true}
	switch choice(q, "type", "owner", "all", "member") {
	case "all":
		f.Of.Collaborator = true
	case "member":
		f.Of.Owner, f.Of.Collaborator = false, true
	}
	return p.list(w, r, f)
}

// ofCaller serves GET /user/repos: those with which the caller has to do, beyond that
// everybody sees them.
func (p *page) ofCaller(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	f := filterOf(q, "full_name")
	f.Of = store.Relations{AccountID: rest.CallOf(r).Caller.Account.ID, Owner: true, Collaborator: true, Member: true}
	if q.Has("type") && (q.Has("visibility") || q.Has("affiliation")) {
		return actions.Errorf(actions.Invalid, "If you specify visibility or affiliation, you cannot specify type.")
	}
	switch kind := choice(q, "type", "all", "owner", "public", "private", "member"); kind {
	case "public", "private":
		f.Visibility = kind
	case "owner":
		f.Of.Collaborator, f.Of.Member = false, false
	case "member":
		f.Of.Owner = false
	}
	if kind := choice(q, "visibility", "all", "public", "private", "internal"); kind != "all" {
		f.Visibility = kind
	}
	if text := q.Get("affiliation"); text != "" {
		kinds := strings.Split(text, ",")
		f.Of.Owner = slices.Contains(kinds, "owner")
		f.Of.Collaborator = slices.Contains(kinds, "collaborator")
		f.Of.Member = slices.Contains(kinds, "organization_member")
	}
	for name, at := range map[string]*time.Time{"since": &f.From, "before": &f.To} {
		if text := q.Get(name); text != "" {
			t, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return actions.BadField(resource, name)
			}
			*at = t
		}
	}
	return p.list(w, r, f)
}

const resource = "Repository"

func (p *page) list(w http.ResponseWriter, r *http.Request, f store.RepositoryFilter) error {
	repos, total, err := p.store.Repositories(r.Context(), p.auth.Viewer(rest.CallOf(r).Caller), f, rest.ListingOf(r).Page)
	if err != nil {
		return err
	}
	return p.answer(w, r, repos, total)
}

// answer writes a page of a list.
func (p *page) answer(w http.ResponseWriter, r *http.Request, repos []*actions.Repository, total int) error {
	c := rest.CallOf(r)
	list := make([]*shape.ListedRepository, 0, len(repos))
	for _, repo := range repos {
		may := actions.NoAccess
		if !c.Caller.Anonymous() {
			var err error
			if may, err = p.auth.Permission(r.Context(), c.Caller, repo); err != nil {
				return err
			}
		}
		list = append(list, c.ListedRepository(repo, may))
	}
	rest.ListingOf(r).Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, list)
}
