// Package releases is the pages "Releases" and "Release assets" of the reference.
package releases

import (
	"context"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/release"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Config is what the page needs. All fields are required.
type Config struct {
	Store    *store.Store
	Releases *release.Releases
	Push     func(*rest.Call) repository.PushFunc // what a push by the caller does

	// AssetURL signs a URL of an asset, good for a minute and for whoever has it; base is
	// that of pages.
	AssetURL func(ctx context.Context, base string, a *actions.ReleaseAsset) (string, error)
}

// Routes are the operations of the page.
func Routes(c Config) []rest.Route {
	const (
		list   = "/repos/{owner}/{repo}/releases"
		one    = list + "/{release_id}"
		asset  = list + "/assets/{asset_id}"
		docs   = "rest/releases/releases#"
		assets = "rest/releases/assets#"
	)
	p := &page{c}
	read := auth.Need{On: auth.Repo, Role: actions.Read, Permission: "contents"}
	write := auth.Need{On: auth.Repo, Role: actions.Write, Permission: "contents"}
	return []rest.Route{
		{Pattern: "GET " + list, Handle: p.list, Docs: docs + "list-releases", Need: read},
		{Pattern: "POST " + list, Handle: p.create, Docs: docs + "create-a-release", Need: write},
		{Pattern: "POST " + list + "/generate-notes", Handle: p.notes, Docs: docs + "generate-release-notes-content-for-a-release", Need: write},
		{Pattern: "GET " + list + "/latest", Handle: p.latest, Docs: docs + "get-the-latest-release", Need: read},
		{Pattern: "GET " + list + "/tags/{tag}", Handle: p.byTag, Docs: docs + "get-a-release-by-tag-name", Need: read},
		{Pattern: "GET " + one, Handle: p.get, Docs: docs + "get-a-release", Need: read},
		{Pattern: "PATCH " + one, Handle: p.update, Docs: docs + "update-a-release", Need: write},
		{Pattern: "DELETE " + one, Handle: p.remove, Docs: docs + "delete-a-release", Need: write},

		{Pattern: "GET " + one + "/assets", Match: "GET " + one + "/{list}", Handle: p.listAssets, Docs: assets + "list-release-assets", Need: read},
		{Pattern: "POST " + one + "/assets", Handle: p.upload, Docs: assets + "upload-a-release-asset", Need: write},
		{Pattern: "GET " + asset, Handle: p.getAsset, Docs: assets + "get-a-release-asset", Need: read},
		{Pattern: "PATCH " + asset, Handle: p.updateAsset, Docs: assets + "update-a-release-asset", Need: write},
		{Pattern: "DELETE " + asset, Handle: p.removeAsset, Docs: assets + "delete-a-release-asset", Need: write},
	}
}

type page struct{ Config }

// drafts says whether the caller may see drafts.
func drafts(r *http.Request) (bool, error) { return rest.CallOf(r).May(r.Context(), auth.SeeDrafts) }

// release is that of the path, if the caller may see it.
func (p *page) release(r *http.Request) (*actions.Release, error) {
	id, err := httpjson.PathID(r, "release_id")
	if err != nil {
		return nil, err
	}
	is, err := p.Store.Release(r.Context(), rest.CallOf(r).Repo.ID, id)
	if err == nil {
		err = visible(r, is)
	}
	return is, err
}

// visible is NotFound for a draft that the caller may not see.
func visible(r *http.Request, is *actions.Release) error {
	if !is.Draft {
		return nil
	}
	may, err := drafts(r)
	if err == nil && !may {
		err = rest.ErrNotFound
	}
	return err
}

func (p *page) actor(c *rest.Call) release.Actor {
	return release.Actor{Account: c.Caller.Account, ByJob: c.Caller.Job() != 0, Base: c.Base, Push: p.Push(c)}
}

func show(w http.ResponseWriter, r *http.Request, status int, is *actions.Release) error {
	c := rest.CallOf(r)
	return httpjson.Write(w, status, shape.NewRelease(c.Base, c.Repo, is))
}

// list serves GET /repos/{owner}/{repo}/releases.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	all, err := drafts(r)
	if err != nil {
		return err
	}
	c, l := rest.CallOf(r), rest.ListingOf(r)
	list, total, err := p.Store.Releases(r.Context(), c.Repo.ID, all, l.Page)
	if err != nil {
		return err
	}
	answer := make([]*shape.Release, 0, len(list))
	for _, is := range list {
		answer = append(answer, shape.NewRelease(c.Base, c.Repo, is))
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// get serves GET /repos/{owner}/{repo}/releases/{release_id}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	is, err := p.release(r)
	if err != nil {
		return err
	}
	return show(w, r, http.StatusOK, is)
}

// byTag serves GET /repos/{owner}/{repo}/releases/tags/{tag}.
func (p *page) byTag(w http.ResponseWriter, r *http.Request) error {
	is, err := p.Store.ReleaseByTag(r.Context(), rest.CallOf(r).Repo.ID, r.PathValue("tag"))
	if err != nil {
		return err
	}
	return show(w, r, http.StatusOK, is)
}

// latest serves GET /repos/{owner}/{repo}/releases/latest.
func (p *page) latest(w http.ResponseWriter, r *http.Request) error {
	is, err := p.Store.LatestRelease(r.Context(), rest.CallOf(r).Repo.ID)
	if err != nil {
		return err
	}
	return show(w, r, http.StatusOK, is)
}

// A changeJSON is what a request says of a release.
type changeJSON struct {
	TagName    *string `json:"tag_name"`
	Target     *string `json:"target_commitish"`
	Name       *string `json:"name"`
	Body       *string `json:"body"`
	Draft      *bool   `json:"draft"`
	Prerelease *bool   `json:"prerelease"`
	MakeLatest string  `json:"make_latest"`
	Generate   bool    `json:"generate_release_notes"`
}

func (b *changeJSON) change() release.Change {
	return release.Change{
		TagName: b.TagName, Target: b.Target, Name: b.Name, Body: b.Body, Draft: b.Draft, Prerelease: b.Prerelease, MakeLatest: b.MakeLatest, Generate: b.Generate,
	}
}

// create serves POST /repos/{owner}/{repo}/releases.
func (p *page) create(w http.ResponseWriter, r *http.Request) error {
	var body changeJSON
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.TagName == nil {
		return actions.Errorf(actions.Invalid, "Invalid request.\n\n\"tag_name\" wasn't supplied.")
	}
	leave, err := limit.Of(r.Context()).Enter(r.Context(), limit.Push) // it may make a tag
	if err != nil {
		return err
	}
	defer leave()
	c := rest.CallOf(r)
	made, err := p.Releases.Create(r.Context(), c.Repo, p.actor(c), body.change())
	if err != nil {
		return err
	}
	w.Header().Set("Location", shape.NewRelease(c.Base, c.Repo, made).URL)
	return show(w, r, http.StatusCreated, made)
}

// update serves PATCH /repos/{owner}/{repo}/releases/{release_id}.
func (p *page) update(w http.ResponseWriter, r *http.Request) error {
	var body changeJSON
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	was, err := p.release(r)
	if err != nil {
		return err
	}
	leave, err := limit.Of(r.Context()).Enter(r.Context(), limit.Push)
	if err != nil {
		return err
	}
	defer leave()
	c := rest.CallOf(r)
	made, err := p.Releases.Update(r.Context(), c.Repo, p.actor(c), was, body.change())
	if err != nil {
		return err
	}
	return show(w, r, http.StatusOK, made)
}

// remove serves DELETE /repos/{owner}/{repo}/releases/{release_id}.
func (p *page) remove(w http.ResponseWriter, r *http.Request) error {
	is, err := p.release(r)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	if err := p.Releases.Delete(r.Context(), c.Repo, p.actor(c), is); err != nil {
		return err
	}
	return rest.NoContent(w)
}

// notes serves POST /repos/{owner}/{repo}/releases/generate-notes.
func (p *page) notes(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		TagName  string `json:"tag_name"`
		Target   string `json:"target_commitish"`
		Previous string `json:"previous_tag_name"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	c := rest.CallOf(r)
	n, err := p.Releases.Notes(r.Context(), c.Repo, c.Base, body.TagName, body.Target, body.Previous)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, struct {
		Name string `json:"name"`
		Body string `json:"body"`
	}{n.Name, n.Body})
}
