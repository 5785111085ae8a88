package results

import (
	"context"
	"mime"
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
)

// artifacts is the service that keeps the artifacts of a run (ART-1).
func (a *API) artifacts() service {
	return service{
		wire.CreateArtifact:       working(a.createArtifact),
		wire.FinalizeArtifact:     working(a.finalizeArtifact),
		wire.ListArtifacts:        working(a.listArtifacts),
		wire.GetSignedArtifactURL: working(a.signedArtifactURL),
		wire.DeleteArtifact:       working(a.deleteArtifact),
	}
}

// working is m for jobs in progress only: there is no grace for what a job keeps.
func working(m method) method {
	return func(c *call) (any, error) {
		if err := actions.Running(c.job.ID, c.job.Status); err != nil {
			return nil, err
		}
		return m(c)
	}
}

// createArtifact gives a URL to upload a new artifact to.
func (a *API) createArtifact(c *call) (any, error) {
	var req wire.CreateArtifactRequest
	if err := c.decodeOwn(&req, &req.ResultsIDs); err != nil {
		return nil, err
	}
	art, err := a.Artifacts.Create(c.Context(), c.job, artifact.Upload{
		Name: req.Name, ContentType: artifactType(req.MimeType), ExpiresAt: req.ExpiresAt.Time,
	})
	if err != nil {
		return nil, err
	}
	url, err := a.objectURL(c.Context(), httpjson.Base(c.Request).HTML, objectGrant{
		purpose: artifactUploadPurpose, repo: art.RepoID, row: art.ID, object: art.ObjectID,
	})
	return wire.CreateArtifactResponse{OK: true, SignedUploadURL: url}, err
}

// artifactType is the content type of an artifact. It decides what clients do
// with the bytes, so one that nobody can read means just bytes (BLOB-6).
func artifactType(asked string) string {
	if asked == "" {
		return actions.ZipType
	}
	kind := mediaType(asked)
	if kind == "" {
		return "application/octet-stream"
	}
	return kind
}

// mediaType is a content type as it may stand in a header, or "".
func mediaType(text string) string {
	kind, params, err := mime.ParseMediaType(text)
	if err != nil || len(text) > 255 {
		return ""
	}
	if !strings.Contains(kind, "/") {
		return ""
	}
	return mime.FormatMediaType(kind, params)
}

func (a *API) finalizeArtifact(c *call) (any, error) {
	var req wire.FinalizeArtifactRequest
	if err := c.decodeOwn(&req, &req.ResultsIDs); err != nil {
		return nil, err
	}
	art, err := a.Artifacts.Finalize(c.Context(), c.job, req.Name, int64(req.Size), req.Hash)
	if err != nil {
		return nil, err
	}
	return wire.ArtifactIDResponse{OK: true, ArtifactID: wire.IntString(art.ID)}, nil
}

// listArtifacts shows the artifacts of all attempts of the run. Each carries the
// run's id as the caller knows it, which changes with the attempt, and the id of
// the job that made it: clients send both back (ART-5).
func (a *API) listArtifacts(c *call) (any, error) {
	var req wire.ListArtifactsRequest
	if err := c.decodeRun(&req, &req.ResultsIDs); err != nil {
		return nil, err
	}
	var f artifact.Filter
	if req.NameFilter != nil {
		f.Name = *req.NameFilter
	}
	if req.IDFilter != nil {
		f.ID = int64(*req.IDFilter)
	}
	list, err := a.Artifacts.List(c.Context(), c.job.RunID, f)
	if err != nil {
		return nil, err
	}
	answer := wire.ListArtifactsResponse{Artifacts: make([]wire.Artifact, len(list))}
	for i, art := range list {
		answer.Artifacts[i] = wire.Artifact{
			ResultsIDs: wire.ResultsIDs{RunID: c.token.PlanGUID, JobID: art.JobGUID},
			DatabaseID: wire.IntString(art.ID), Name: art.Name, Size: wire.IntString(art.Size),
			CreatedAt: wire.At(art.CreatedAt), Digest: art.Digest,
		}
	}
	return answer, nil
}

func (a *API) signedArtifactURL(c *call) (any, error) {
	art, err := a.artifactOf(c)
	if err != nil {
		return nil, err
	}
	url, err := a.ArtifactURL(c.Context(), httpjson.Base(c.Request).HTML, art)
	return wire.SignedURLResponse{SignedURL: url}, err
}

func (a *API) deleteArtifact(c *call) (any, error) {
	art, err := a.artifactOf(c)
	if err == nil {
		err = a.Artifacts.Delete(c.Context(), art)
	}
	if err != nil {
		return nil, err
	}
	return wire.ArtifactIDResponse{OK: true, ArtifactID: wire.IntString(art.ID)}, nil
}

// artifactOf finds the artifact that a request names: of any job of the run.
func (a *API) artifactOf(c *call) (*actions.Artifact, error) {
	var req wire.ArtifactRequest
	if err := c.decodeRun(&req, &req.ResultsIDs); err != nil {
		return nil, err
	}
	return a.Artifacts.Get(c.Context(), c.job.RunID, strings.ToLower(req.JobID), req.Name)
}

// ArtifactURL is where an artifact can be read for a minute. base is that of
// pages, without a slash at its end. The caller has checked who is asking. An
// artifact that has expired is Gone.
func (a *API) ArtifactURL(ctx context.Context, base string, art *actions.Artifact) (string, error) {
	if err := art.Readable(a.Now()); err != nil {
		return "", err
	}
	url, ok, err := a.Objects.URL(ctx, art.ObjectID, blob.PresignOptions{
		Expires: downloadLife, ContentType: art.ContentType, Disposition: httpjson.Attachment(fileName(art)),
	})
	if err != nil || ok {
		return url, err
	}
	return a.objectURL(ctx, base, objectGrant{purpose: artifactDownloadPurpose, repo: art.RepoID, row: art.ID, object: art.ObjectID})
}

// fileName is what an artifact is called on its reader's disk.
func fileName(art *actions.Artifact) string {
	if art.Zipped() && !strings.HasSuffix(strings.ToLower(art.Name), ".zip") {
		return art.Name + ".zip"
	}
	return art.Name
}

// putArtifact serves PUT of the bytes of an artifact.
func (a *API) putArtifact(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	o, err := objectOf(g)
	if err != nil {
		return err
	}
	art, err := a.Artifacts.Uploading(r.Context(), o.row)
	if err != nil {
		return settled(err)
	}
	if art.ObjectID != o.object || art.RepoID != o.repo {
		return actions.Errorf(actions.NotFound, "the upload of artifact %d has begun anew", art.ID)
	}
	if err := a.sameObject(r.Context(), g, o.object); err != nil {
		return err
	}
	return settled(a.putObject(w, r, o.object))
}

// getArtifact serves GET and HEAD of an artifact.
func (a *API) getArtifact(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	o, err := objectOf(g)
	if err != nil {
		return err
	}
	art, err := a.Store.Artifact(r.Context(), o.row)
	if err == nil {
		err = art.Readable(a.Now())
	}
	if err != nil {
		return err
	}
	if art.ObjectID != o.object || art.RepoID != o.repo {
		return actions.Errorf(actions.NotFound, "artifact %d has other bytes now", art.ID)
	}
	if err := a.sameObject(r.Context(), g, o.object); err != nil {
		return err
	}
	content, err := a.Artifacts.Open(r.Context(), art)
	if err != nil {
		return err
	}
	return a.send(w, r, download{
		content: content, contentType: art.ContentType, disposition: httpjson.Attachment(fileName(art)),
		etag: `"` + art.Digest + `"`, modified: art.CreatedAt,
	})
}
