package shape

import (
	"net/url"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Release is a version of what is in a repository.
type Release struct {
	URL             string          `json:"url"`
	AssetsURL       string          `json:"assets_url"`
	UploadURL       string          `json:"upload_url"`
	HTMLURL         string          `json:"html_url"`
	ID              int64           `json:"id"`
	Author          *SimpleUser     `json:"author"`
	NodeID          string          `json:"node_id"`
	TagName         string          `json:"tag_name"`
	TargetCommitish string          `json:"target_commitish"`
	Name            *string         `json:"name"`
	Draft           bool            `json:"draft"`
	Immutable       bool            `json:"immutable"`
	Prerelease      bool            `json:"prerelease"`
	CreatedAt       string          `json:"created_at"`
	UpdatedAt       string          `json:"updated_at"`
	PublishedAt     *string         `json:"published_at"`
	Assets          []*ReleaseAsset `json:"assets"`
	TarballURL      *string         `json:"tarball_url"`
	ZipballURL      *string         `json:"zipball_url"`
	Body            *string         `json:"body"`
}

// A ReleaseAsset is a file of a release.
type ReleaseAsset struct {
	URL                string      `json:"url"`
	ID                 int64       `json:"id"`
	NodeID             string      `json:"node_id"`
	Name               string      `json:"name"`
	Label              *string     `json:"label"`
	Uploader           *SimpleUser `json:"uploader"`
	ContentType        string      `json:"content_type"`
	State              string      `json:"state"`
	Size               int64       `json:"size"`
	Digest             *string     `json:"digest"`
	DownloadCount      int64       `json:"download_count"`
	CreatedAt          string      `json:"created_at"`
	UpdatedAt          string      `json:"updated_at"`
	BrowserDownloadURL string      `json:"browser_download_url"`
}

// ReleaseHTML is the page of a release.
func ReleaseHTML(b Base, repo *actions.Repository, r *actions.Release) string {
	return b.HTML + "/" + repo.FullName() + "/releases/tag/" + pathOf(r.PageName())
}

// pathOf is a name, which may have slashes, as a part of a URL.
func pathOf(name string) string { return (&url.URL{Path: name}).EscapedPath() }

// NewRelease is the object for a release with its assets.
func NewRelease(b Base, repo *actions.Repository, r *actions.Release) *Release {
	api := b.API + "/repos/" + repo.FullName()
	own := "/repos/" + repo.FullName() + "/releases/" + strconv.FormatInt(r.ID, 10)
	o := &Release{
		URL:             b.API + own,
		AssetsURL:       b.API + own + "/assets",
		UploadURL:       b.HTML + "/api/uploads" + own + "/assets{?name,label}",
		HTMLURL:         ReleaseHTML(b, repo, r),
		ID:              r.ID,
		Author:          NewSimpleUser(b, &r.Author),
		NodeID:          NodeID("Release", r.ID),
		TagName:         r.TagName,
		TargetCommitish: r.Target,
		Name:            Null(r.Name),
		Draft:           r.Draft,
		Prerelease:      r.Prerelease,
		CreatedAt:       Time(r.CreatedAt),
		UpdatedAt:       Time(r.UpdatedAt),
		PublishedAt:     NullTime(r.PublishedAt),
		Assets:          make([]*ReleaseAsset, 0, len(r.Assets)),
		Body:            Null(r.Body),
	}
	if !r.Draft {
		tar, zip := api+"/tarball/"+pathOf(r.TagName), api+"/zipball/"+pathOf(r.TagName)
		o.TarballURL, o.ZipballURL = &tar, &zip
	}
	for _, a := range r.Assets {
		o.Assets = append(o.Assets, NewReleaseAsset(b, repo, r, a))
	}
	return o
}

// NewReleaseAsset is the object for an asset of a release.
func NewReleaseAsset(b Base, repo *actions.Repository, r *actions.Release, a *actions.ReleaseAsset) *ReleaseAsset {
	return &ReleaseAsset{
		URL:                b.API + "/repos/" + repo.FullName() + "/releases/assets/" + strconv.FormatInt(a.ID, 10),
		ID:                 a.ID,
		NodeID:             NodeID("ReleaseAsset", a.ID),
		Name:               a.Name,
		Label:              &a.Label,
		Uploader:           NewSimpleUser(b, &a.Uploader),
		ContentType:        a.ContentType,
		State:              "uploaded",
		Size:               a.Size,
		Digest:             Null(a.Digest),
		DownloadCount:      a.Downloads,
		CreatedAt:          Time(a.CreatedAt),
		UpdatedAt:          Time(a.UpdatedAt),
		BrowserDownloadURL: b.HTML + "/" + repo.FullName() + "/releases/download/" + pathOf(r.PageName()) + "/" + pathOf(a.Name),
	}
}
