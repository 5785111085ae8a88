package rest

import (
	"net/http"
	"strconv"

	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

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

func (c *call) artifactURL(id int64) string {
	return c.base.API + "/repos/" + c.repo.FullName() + "/actions/artifacts/" + strconv.FormatInt(id, 10)
}

// artifactJSON is the artifact now. The answer is not good beyond its time.
func (a *API) artifactJSON(c *call, art *store.ListedArtifact) *artifactJSON {
	expired := art.Expired(a.Now())
	if !expired {
		c.goodUntil(art.ExpiresAt)
	}
	url := c.artifactURL(art.ID)
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

// listArtifacts serves GET /repos/{owner}/{repo}/actions/artifacts.
func (a *API) listArtifacts(w http.ResponseWriter, r *http.Request) error {
	l := listingOf(r)
	list, total, err := a.Store.RepoArtifacts(r.Context(), callOf(r).repo.ID, l.query.Get("name"), l.rows())
	if err != nil {
		return err
	}
	return a.writeArtifacts(w, r, l, list, total)
}

// listRunArtifacts serves GET /repos/{owner}/{repo}/actions/runs/{run_id}/artifacts.
func (a *API) listRunArtifacts(w http.ResponseWriter, r *http.Request) error {
	run, err := a.run(r)
	if err != nil {
		return err
	}
	l := listingOf(r)
	filter := store.ArtifactFilter{Name: l.query.Get("name"), Oldest: l.query.Get("direction") == "asc"}
	list, total, err := a.Store.RunArtifacts(r.Context(), run.ID, filter, l.rows())
	if err != nil {
		return err
	}
	return a.writeArtifacts(w, r, l, list, total)
}

func (a *API) writeArtifacts(w http.ResponseWriter, r *http.Request, l listing, list []*store.ListedArtifact, total int) error {
	answer := struct {
		Total     int             `json:"total_count"`
		Artifacts []*artifactJSON `json:"artifacts"`
	}{total, make([]*artifactJSON, 0, len(list))}
	for _, art := range list {
		answer.Artifacts = append(answer.Artifacts, a.artifactJSON(callOf(r), art))
	}
	l.link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// artifact finds the artifact of the path.
func (a *API) artifact(r *http.Request) (*store.ListedArtifact, error) {
	id, err := httpjson.PathID(r, "artifact_id")
	if err != nil {
		return nil, err
	}
	return a.Store.RepoArtifact(r.Context(), callOf(r).repo.ID, id)
}

// getArtifact serves GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}.
func (a *API) getArtifact(w http.ResponseWriter, r *http.Request) error {
	art, err := a.artifact(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, a.artifactJSON(callOf(r), art))
}

// deleteArtifact serves DELETE /repos/{owner}/{repo}/actions/artifacts/{artifact_id}.
func (a *API) deleteArtifact(w http.ResponseWriter, r *http.Request) error {
	art, err := a.artifact(r)
	if err != nil {
		return err
	}
	if err := a.Artifacts.Delete(r.Context(), &art.Artifact); err != nil {
		return err
	}
	return noContent(w)
}

// downloadArtifact serves GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}.
// There is one format, also for an artifact that is no archive.
func (a *API) downloadArtifact(w http.ResponseWriter, r *http.Request) error {
	if r.PathValue("archive_format") != "zip" {
		return errNotFound
	}
	art, err := a.artifact(r)
	if err != nil {
		return err
	}
	if err := a.Artifacts.Available(r.Context(), &art.Artifact); err != nil {
		return err
	}
	to, err := a.ArtifactURL(r, &art.Artifact)
	return redirect(w, to, err)
}

// getArtifactUsage serves GET /repos/{owner}/{repo}/actions/artifacts/usage, which
// GitHub has for caches only.
func (a *API) getArtifactUsage(w http.ResponseWriter, r *http.Request) error {
	c := callOf(r)
	count, bytes, err := a.Store.ArtifactUsage(r.Context(), c.repo.ID)
	if err != nil {
		return err
	}
	answer := struct {
		FullName string `json:"full_name"`
		Bytes    int64  `json:"active_artifacts_size_in_bytes"`
		Count    int    `json:"total_count"` // with those that have expired, as in the list
		Quota    *int64 `json:"quota_in_bytes"`
	}{c.repo.FullName(), bytes, count, nil}
	if a.ArtifactQuota > 0 {
		answer.Quota = &a.ArtifactQuota
	}
	return httpjson.Write(w, http.StatusOK, answer)
}
