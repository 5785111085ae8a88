package results

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/token"
)

// The purposes of signed URLs.
const (
	logPurpose         = "log"         // PUT a piece of a log
	summaryPurpose     = "summary"     // PUT a step's summary
	diagnosticsPurpose = "diagnostics" // PUT a runner's own logs
	jobLogsPurpose     = "job-logs"    // GET the log of a job
	runLogsPurpose     = "run-logs"    // GET the logs of an attempt

	artifactUploadPurpose   = "artifact-upload"   // PUT the blocks of an artifact
	artifactDownloadPurpose = "artifact-download" // GET an artifact
	cacheUploadPurpose      = "cache-upload"      // PUT the blocks of a cache
	cacheDownloadPurpose    = "cache-download"    // GET a cache
	assetDownloadPurpose    = "asset-download"    // GET an asset of a release
)

const (
	uploadLife   = 30 * time.Minute // a runner asks before each piece, and may have to try again
	objectLife   = 24 * time.Hour   // there is no second URL; that the job is in progress is the real limit
	downloadLife = time.Minute
)

// pathOf is the path of all signed URLs of a purpose. Storage clients want three
// words in it (BLOB-1).
func pathOf(purpose string) string {
	kind := "logs"
	switch purpose {
	case artifactUploadPurpose, artifactDownloadPurpose:
		kind = "artifacts"
	case cacheUploadPurpose, cacheDownloadPurpose:
		kind = "caches"
	case assetDownloadPurpose:
		kind = "releases"
	}
	return blobsRoot + kind + "/" + purpose
}

// A target is what an upload URL is for. Its text is the object of the grant.
type target struct {
	purpose string
	job     int64
	step    string // GUID; of the job for what concerns all of it
	part    int64  // of a log
}

// lifeOf is how long signed URLs of a purpose are good.
func lifeOf(purpose string) time.Duration {
	switch purpose {
	case artifactUploadPurpose, cacheUploadPurpose:
		return objectLife
	case logPurpose, summaryPurpose, diagnosticsPurpose:
		return uploadLife
	}
	return downloadLife
}

// isOf is NotFound unless a URL is for the row with a GUID that was made then: there
// may be another with the numbers that it names, since older data was put back.
func isOf(g token.Grant, guid string, made time.Time) error {
	if !g.IsOf(guid, made, lifeOf(g.Purpose)) {
		return actions.Errorf(actions.NotFound, "this server has other data now: what the URL was made for is not there")
	}
	return nil
}

// uploadURL is the signed URL of a target, below the base by which the call came.
func (a *API) uploadURL(c *call, to target) (string, error) {
	return a.signedURL(httpjson.Base(c.Request).HTML, token.Grant{
		Purpose: to.purpose,
		Methods: []string{http.MethodPut},
		Object:  strings.Join([]string{strconv.FormatInt(to.job, 10), to.step, strconv.FormatInt(to.part, 10)}, "."),
		GUID:    token.JobGUID(c.job),
		RepoID:  c.job.RepoID,
	})
}

func targetOf(g token.Grant) (target, error) {
	words := strings.Split(g.Object, ".")
	if len(words) != 3 {
		return target{}, errObject
	}
	job, err1 := strconv.ParseInt(words[0], 10, 64)
	part, err2 := strconv.ParseInt(words[2], 10, 64)
	if errors.Join(err1, err2) != nil {
		return target{}, errObject
	}
	return target{purpose: g.Purpose, job: job, step: words[1], part: part}, nil
}

var errObject = actions.Errorf(actions.Forbidden, "the signed URL names no object")

// RunLogURL is where the logs of an attempt can be read for a minute, as a zip
// file. base is that of pages, without a slash at its end. The caller has checked
// who is asking.
func (a *API) RunLogURL(ctx context.Context, base string, run *actions.Run, attempt int) (string, error) {
	of, err := a.Store.Attempt(ctx, run.ID, attempt)
	if err != nil {
		return "", err
	}
	return a.downloadURL(base, runLogsPurpose, run.RepoID, pair(run.ID, int64(attempt)), of.PlanID)
}

// JobLogURL is where the log of a job can be read for a minute, as text. The
// caller has checked who is asking.
func (a *API) JobLogURL(base string, job *actions.Job) (string, error) {
	return a.downloadURL(base, jobLogsPurpose, job.RepoID, pair(job.ID, int64(job.Attempt)), job.GUID)
}

func (a *API) downloadURL(base, purpose string, repoID int64, object, guid string) (string, error) {
	return a.signedURL(base, token.Grant{
		Purpose: purpose,
		Methods: []string{http.MethodGet, http.MethodHead},
		Object:  object,
		GUID:    guid,
		RepoID:  repoID,
	})
}

func downloadOf(g token.Grant) (id int64, attempt int, err error) {
	id, n, err := pairOf(g)
	return id, int(n), err
}

// signedURL is the URL of a grant below base, whose host it is bound to, from now on.
func (a *API) signedURL(base string, g token.Grant) (string, error) {
	g.Host, g.Expires = shape.Base{HTML: base}.Host(), a.Now().Add(lifeOf(g.Purpose))
	path := pathOf(g.Purpose)
	query, err := a.Keys.SignURL(path, g)
	if err != nil {
		return "", err
	}
	return base + path + "?" + query, nil
}

// An objectGrant is what a signed URL names of artifacts and caches: a row and the
// bytes that it has, or is to have. A row that got other bytes in the meantime is
// another object.
type objectGrant struct {
	purpose     string
	repo        int64
	row, object int64
}

// objectURL signs a URL of an object below base: for GET and HEAD, good for a
// minute, or for PUT.
func (a *API) objectURL(ctx context.Context, base string, o objectGrant) (string, error) {
	object, err := a.Store.Object(ctx, o.object)
	if err != nil {
		return "", err
	}
	g := token.Grant{
		Purpose: o.purpose,
		Methods: []string{http.MethodGet, http.MethodHead},
		Object:  pair(o.row, o.object),
		GUID:    object.GUID,
		RepoID:  o.repo,
	}
	switch o.purpose {
	case artifactUploadPurpose, cacheUploadPurpose:
		g.Methods = []string{http.MethodPut}
	}
	return a.signedURL(base, g)
}

func objectOf(g token.Grant) (objectGrant, error) {
	row, object, err := pairOf(g)
	return objectGrant{purpose: g.Purpose, repo: g.RepoID, row: row, object: object}, err
}

// sameObject is NotFound unless a URL is for the object that has its number now.
func (a *API) sameObject(ctx context.Context, g token.Grant, id int64) error {
	object, err := a.Store.Object(ctx, id)
	if err != nil {
		return err
	}
	return isOf(g, object.GUID, object.CreatedAt)
}

func pair(a, b int64) string { return strconv.FormatInt(a, 10) + "." + strconv.FormatInt(b, 10) }

func pairOf(g token.Grant) (a, b int64, err error) {
	left, right, _ := strings.Cut(g.Object, ".")
	a, err1 := strconv.ParseInt(left, 10, 64)
	b, err2 := strconv.ParseInt(right, 10, 64)
	if errors.Join(err1, err2) != nil {
		return 0, 0, errObject
	}
	return a, b, nil
}
