// Package artifacts is the page "Artifacts" of the reference, with three operations
// that GitHub does not have: the files of an artifact, one of these files, and how
// much a repository's artifacts take.
package artifacts

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Config is what the page needs.
type Config struct {
	Store     *store.Store
	Artifacts *artifact.Artifacts
	Log       *slog.Logger
	Now       func() time.Time
	Quota     int64 // bytes of a repository's artifacts; 0 for no limit

	// URL signs a URL of an artifact, good for a minute and for whoever has it; base
	// is that of pages.
	URL func(ctx context.Context, base string, art *actions.Artifact) (string, error)
}

// Routes are the operations of the page.
func Routes(c Config) []rest.Route {
	const (
		repo = "/repos/{owner}/{repo}/actions"
		one  = repo + "/artifacts/{artifact_id}"
		docs = "rest/actions/artifacts#"
	)
	read := auth.Need{On: auth.Repo, Role: actions.Read, Permission: "actions"}
	download := auth.Need{On: auth.Repo, Role: actions.Read, Permission: "actions", SignedIn: true, Granted: true}
	write := auth.Need{On: auth.Repo, Role: actions.Write, Permission: "actions"}
	p := &page{c.Store, c.Artifacts, c.Log, c.Now, c.Quota, c.URL}
	return []rest.Route{
		{Pattern: "GET " + repo + "/artifacts", Handle: p.list, Docs: docs + "list-artifacts-for-a-repository", Need: read, Polled: true},
		{Pattern: "GET " + repo + "/runs/{run_id}/artifacts", Handle: p.listOfRun, Docs: docs + "list-workflow-run-artifacts", Need: read, Polled: true},
		{Pattern: "GET " + one, Handle: p.get, Docs: docs + "get-an-artifact", Need: read, Polled: true},
		{Pattern: "DELETE " + one, Handle: p.delete, Docs: docs + "delete-an-artifact", Need: write},
		{Pattern: "GET " + one + "/{archive_format}", Handle: p.download, Docs: docs + "download-an-artifact", Need: download},
		// GitHub has nothing like these three.
		{Pattern: "GET " + one + "/files", Handle: p.listFiles, Need: download},
		{Pattern: "GET " + one + "/files/{path...}", Handle: p.getFile, Need: download, Streams: rest.Always},
		{Pattern: "GET " + repo + "/artifacts/usage", Handle: p.getUsage, Need: read},
	}
}

type page struct {
	store     *store.Store
	artifacts *artifact.Artifacts
	log       *slog.Logger
	now       func() time.Time
	quota     int64
	url       func(ctx context.Context, base string, art *actions.Artifact) (string, error)
}

type artifactJSON struct {
	ID                 int64           `json:"id"`
	NodeID             string          `json:"node_id"`
	Name               string          `json:"name"`
	SizeInBytes        int64           `json:"size_in_bytes"`
	URL                string          `json:"url"`
	ArchiveDownloadURL string          `json:"archive_download_url"`
	Expired            bool            `json:"expired"`
	Digest             *string         `json:"digest"`
	CreatedAt          string          `json:"created_at"`
	UpdatedAt          string          `json:"updated_at"`
	ExpiresAt          string          `json:"expires_at"`
	WorkflowRun        artifactRunJSON `json:"workflow_run"`
}

type artifactRunJSON struct {
	ID               int64  `json:"id"`
	RepositoryID     int64  `json:"repository_id"`
	HeadRepositoryID int64  `json:"head_repository_id"`
	HeadBranch       string `json:"head_branch"`
	HeadSHA          string `json:"head_sha"`
}

func artifactURL(c *rest.Call, id int64) string {
	return c.RepoURL() + "/actions/artifacts/" + strconv.FormatInt(id, 10)
}

// show is the artifact now. The answer is not good beyond its time.
func (p *page) show(c *rest.Call, art *store.ListedArtifact) *artifactJSON {
	expired := art.Expired(p.now())
	if !expired {
		c.GoodUntil(art.ExpiresAt)
	}
	url := artifactURL(c, art.ID)
	return &artifactJSON{
		ID:                 art.ID,
		NodeID:             shape.NodeID("Artifact", art.ID),
		Name:               art.Name,
		SizeInBytes:        art.Size,
		URL:                url,
		ArchiveDownloadURL: url + "/zip",
		Expired:            expired,
		Digest:             shape.Null(art.Digest),
		CreatedAt:          shape.Time(art.CreatedAt),
		UpdatedAt:          shape.Time(art.UpdatedAt),
		ExpiresAt:          shape.Time(art.ExpiresAt),
		WorkflowRun: artifactRunJSON{
			ID: art.RunID, RepositoryID: art.RepoID, HeadRepositoryID: art.RepoID, HeadBranch: art.HeadBranch, HeadSHA: art.HeadSHA,
		},
	}
}

// list serves GET /repos/{owner}/{repo}/actions/artifacts.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	l := rest.ListingOf(r)
	list, total, err := p.store.RepoArtifacts(r.Context(), rest.CallOf(r).Repo.ID, l.Query.Get("name"), l.Page)
	if err != nil {
		return err
	}
	return p.write(w, r, l, list, total)
}

// listOfRun serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/artifacts.
func (p *page) listOfRun(w http.ResponseWriter, r *http.Request) error {
	run, err := rest.PathRun(r, p.store)
	if err != nil {
		return err
	}
	l := rest.ListingOf(r)
	filter := store.ArtifactFilter{Name: l.Query.Get("name"), Oldest: l.Query.Get("direction") == "asc"}
	list, total, err := p.store.RunArtifacts(r.Context(), run.ID, filter, l.Page)
	if err != nil {
		return err
	}
	return p.write(w, r, l, list, total)
}

func (p *page) write(w http.ResponseWriter, r *http.Request, l rest.Listing, list []*store.ListedArtifact, total int) error {
	answer := struct {
		Total     int             `json:"total_count"`
		Artifacts []*artifactJSON `json:"artifacts"`
	}{total, make([]*artifactJSON, 0, len(list))}
	for _, art := range list {
		answer.Artifacts = append(answer.Artifacts, p.show(rest.CallOf(r), art))
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// artifact finds the artifact of the path.
func (p *page) artifact(r *http.Request) (*store.ListedArtifact, error) {
	id, err := httpjson.PathID(r, "artifact_id")
	if err != nil {
		return nil, err
	}
	return p.store.RepoArtifact(r.Context(), rest.CallOf(r).Repo.ID, id)
}

// get serves GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	art, err := p.artifact(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, p.show(rest.CallOf(r), art))
}

// delete serves DELETE /repos/{owner}/{repo}/actions/artifacts/{artifact_id}.
func (p *page) delete(w http.ResponseWriter, r *http.Request) error {
	art, err := p.artifact(r)
	if err != nil {
		return err
	}
	if err := p.artifacts.Delete(r.Context(), &art.Artifact); err != nil {
		return err
	}
	return rest.NoContent(w)
}

// download serves GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}.
// There is one format, also for an artifact that is no archive.
func (p *page) download(w http.ResponseWriter, r *http.Request) error {
	if r.PathValue("archive_format") != "zip" {
		return rest.ErrNotFound
	}
	art, err := p.artifact(r)
	if err != nil {
		return err
	}
	if err := p.artifacts.Available(r.Context(), &art.Artifact); err != nil {
		return err
	}
	to, err := p.url(r.Context(), rest.CallOf(r).Base.HTML, &art.Artifact)
	return rest.Redirect(w, to, err)
}

// getUsage serves GET /repos/{owner}/{repo}/actions/artifacts/usage, which
// GitHub has for caches only.
func (p *page) getUsage(w http.ResponseWriter, r *http.Request) error {
	c := rest.CallOf(r)
	count, bytes, err := p.store.ArtifactUsage(r.Context(), c.Repo.ID)
	if err != nil {
		return err
	}
	answer := struct {
		FullName string `json:"full_name"`
		Bytes    int64  `json:"active_artifacts_size_in_bytes"`
		Count    int    `json:"total_count"` // with those that have expired, as in the list
		Quota    *int64 `json:"quota_in_bytes"`
	}{c.Repo.FullName(), bytes, count, nil}
	if p.quota > 0 {
		answer.Quota = &p.quota
	}
	return httpjson.Write(w, http.StatusOK, answer)
}
