package results

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/token"
)

// The purposes of signed URLs.
const (
	logPurpose         = "log"         // PUT a piece of a log
	summaryPurpose     = "summary"     // PUT a step's summary
	diagnosticsPurpose = "diagnostics" // PUT what is thrown away
	jobLogsPurpose     = "job-logs"    // GET the log of a job
	runLogsPurpose     = "run-logs"    // GET the logs of an attempt
)

const (
	uploadLife   = 30 * time.Minute // a runner asks before each piece, and may have to try again
	downloadLife = time.Minute
)

// pathOf is the path of all signed URLs of a purpose.
func pathOf(purpose string) string { return blobsRoot + "logs/" + purpose }

// A place is what an upload URL names. Its text is the object of the grant.
type place struct {
	purpose string
	job     int64
	step    string // GUID; of the job for what concerns all of it
	part    int64  // of a log
}

// uploadURL is the signed URL of a place, below the base by which the call came.
func (a *API) uploadURL(c *call, p place) (string, error) {
	path, base := pathOf(p.purpose), httpjson.Base(c.Request)
	query, err := a.Keys.SignURL(path, token.Grant{
		Host:    base.Host(),
		Purpose: p.purpose,
		Methods: []string{http.MethodPut},
		Object:  strings.Join([]string{strconv.FormatInt(p.job, 10), p.step, strconv.FormatInt(p.part, 10)}, "."),
		RepoID:  c.job.RepoID,
		Expires: a.Now().Add(uploadLife),
	})
	return base.HTML + path + "?" + query, err
}

func placeOf(g token.Grant) (place, error) {
	words := strings.Split(g.Object, ".")
	if len(words) != 3 {
		return place{}, errObject
	}
	job, err1 := strconv.ParseInt(words[0], 10, 64)
	part, err2 := strconv.ParseInt(words[2], 10, 64)
	if errors.Join(err1, err2) != nil {
		return place{}, errObject
	}
	return place{purpose: g.Purpose, job: job, step: words[1], part: part}, nil
}

var errObject = actions.Errorf(actions.Forbidden, "the signed URL names no object")

// RunLogURL is where the logs of an attempt can be read for a minute, as a zip
// file. base is that of pages, without a slash at its end. The caller has checked
// who is asking.
func (a *API) RunLogURL(base string, run *actions.Run, attempt int) (string, error) {
	return a.downloadURL(base, runLogsPurpose, run.RepoID, run.ID, int64(attempt))
}

// JobLogURL is where the log of a job can be read for a minute, as text. The
// caller has checked who is asking.
func (a *API) JobLogURL(base string, job *actions.Job) (string, error) {
	return a.downloadURL(base, jobLogsPurpose, job.RepoID, job.ID, int64(job.Attempt))
}

func (a *API) downloadURL(base, purpose string, repoID, id, attempt int64) (string, error) {
	path := pathOf(purpose)
	query, err := a.Keys.SignURL(path, token.Grant{
		Host:    httpjson.Origin{HTML: base}.Host(),
		Purpose: purpose,
		Methods: []string{http.MethodGet, http.MethodHead},
		Object:  strconv.FormatInt(id, 10) + "." + strconv.FormatInt(attempt, 10),
		RepoID:  repoID,
		Expires: a.Now().Add(downloadLife),
	})
	return base + path + "?" + query, err
}

func downloadOf(g token.Grant) (id int64, attempt int, err error) {
	left, right, _ := strings.Cut(g.Object, ".")
	id, err1 := strconv.ParseInt(left, 10, 64)
	attempt, err2 := strconv.Atoi(right)
	if errors.Join(err1, err2) != nil {
		return 0, 0, errObject
	}
	return id, attempt, nil
}
