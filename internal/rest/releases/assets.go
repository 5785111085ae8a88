package releases

import (
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/release"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// asset is that of the path, with its release, if the caller may see that.
func (p *page) asset(r *http.Request) (*actions.Release, *actions.ReleaseAsset, error) {
	id, err := httpjson.PathID(r, "asset_id")
	if err != nil {
		return nil, nil, err
	}
	repo := rest.CallOf(r).Repo.ID
	a, err := p.Store.ReleaseAsset(r.Context(), repo, id)
	if err != nil {
		return nil, nil, err
	}
	is, err := p.Store.Release(r.Context(), repo, a.ReleaseID)
	if err == nil {
		err = visible(r, is)
	}
	return is, a, err
}

func showAsset(w http.ResponseWriter, r *http.Request, status int, is *actions.Release, a *actions.ReleaseAsset) error {
	c := rest.CallOf(r)
	return httpjson.Write(w, status, shape.NewReleaseAsset(c.Base, c.Repo, is, a))
}

// listAssets serves GET /repos/{owner}/{repo}/releases/{release_id}/assets.
func (p *page) listAssets(w http.ResponseWriter, r *http.Request) error {
	if r.PathValue("list") != "assets" {
		return rest.ErrNotFound
	}
	is, err := p.release(r)
	if err != nil {
		return err
	}
	c, l := rest.CallOf(r), rest.ListingOf(r)
	list, total, err := p.Store.ReleaseAssets(r.Context(), is.ID, l.Page)
	if err != nil {
		return err
	}
	answer := make([]*shape.ReleaseAsset, 0, len(list))
	for _, a := range list {
		answer = append(answer, shape.NewReleaseAsset(c.Base, c.Repo, is, a))
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// upload serves POST /repos/{owner}/{repo}/releases/{release_id}/assets, whose body goes to
// the storage as it comes.
func (p *page) upload(w http.ResponseWriter, r *http.Request) error {
	is, err := p.release(r)
	if err != nil {
		return err
	}
	c, q := rest.CallOf(r), r.URL.Query()
	a, err := p.Releases.Upload(r.Context(), c.Repo, p.actor(c), is, release.Upload{
		Name: q.Get("name"), Label: q.Get("label"), ContentType: r.Header.Get("Content-Type"),
		Size: max(r.ContentLength, 0), Content: r.Body,
	})
	if err != nil {
		return err
	}
	w.Header().Set("Location", shape.NewReleaseAsset(c.Base, c.Repo, is, a).URL)
	return showAsset(w, r, http.StatusCreated, is, a)
}

// getAsset serves GET /repos/{owner}/{repo}/releases/assets/{asset_id}: what is known of it, or,
// for who takes nothing but bytes, where these are.
func (p *page) getAsset(w http.ResponseWriter, r *http.Request) error {
	is, a, err := p.asset(r)
	if err != nil {
		return err
	}
	if !strings.EqualFold(strings.TrimSpace(r.Header.Get("Accept")), "application/octet-stream") {
		return showAsset(w, r, http.StatusOK, is, a)
	}
	to, err := p.AssetURL(r.Context(), rest.CallOf(r).Base.HTML, a)
	if err == nil {
		err = p.Releases.Downloaded(r.Context(), a)
	}
	return rest.Redirect(w, to, err)
}

// updateAsset serves PATCH /repos/{owner}/{repo}/releases/assets/{asset_id}.
func (p *page) updateAsset(w http.ResponseWriter, r *http.Request) error {
	var body struct{ Name, Label *string }
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	is, a, err := p.asset(r)
	if err != nil {
		return err
	}
	made, err := p.Releases.UpdateAsset(r.Context(), a, body.Name, body.Label)
	if err != nil {
		return err
	}
	return showAsset(w, r, http.StatusOK, is, made)
}

// removeAsset serves DELETE /repos/{owner}/{repo}/releases/assets/{asset_id}.
func (p *page) removeAsset(w http.ResponseWriter, r *http.Request) error {
	_, a, err := p.asset(r)
	if err != nil {
		return err
	}
	if err := p.Releases.DeleteAsset(r.Context(), rest.CallOf(r).Repo, a); err != nil {
		return err
	}
	return rest.NoContent(w)
}
