package repos

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

type tagJSON struct {
	Name    string           `json:"name"`
	Commit  shape.ObjectLink `json:"commit"`
	Zipball string           `json:"zipball_url"`
	Tarball string           `json:"tarball_url"`
	NodeID  string           `json:"node_id"`
}

// tags serves GET /repos/{owner}/{repo}/tags, the last name first. A tag of something
// that is no commit is left out.
func (p *page) tags(w http.ResponseWriter, r *http.Request) error {
	c, l := rest.CallOf(r), rest.ListingOf(r)
	view := p.git.View(c.Repo.ID)
	all, err := view.Refs(r.Context(), actions.TagPrefix)
	if err != nil {
		return err
	}
	slices.Reverse(all)
	tags := make([]tagJSON, 0, l.Page.Size)
	for _, ref := range actions.Slice(l.Page, all) {
		commit, err := view.Resolve(r.Context(), ref.SHA)
		if actions.KindOf(err) == actions.NotFound {
			continue
		} else if err != nil {
			return err
		}
		escaped := (&url.URL{Path: ref.Name}).EscapedPath()
		tags = append(tags, tagJSON{
			Name:    strings.TrimPrefix(ref.Name, actions.TagPrefix),
			Commit:  shape.ObjectLink{SHA: commit, URL: c.RepoURL() + "/commits/" + commit},
			Zipball: c.RepoURL() + "/zipball/" + escaped, Tarball: c.RepoURL() + "/tarball/" + escaped,
			NodeID: shape.NodeID("Ref", c.Repo.ID) + ref.Name,
		})
	}
	l.Link(w, r, len(all))
	return httpjson.Write(w, http.StatusOK, tags)
}
