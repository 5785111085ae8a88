package results

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/token"
)

// upload serves PUT of a signed URL (LOG-3): of all that there is, or of a piece
// to append with comp=appendblock. With comp=seal, which ends a log of several
// pieces, nothing is left to do. A first PUT without a body makes an append
// blob on Azure; here the part comes into being with its text.
func (a *API) upload(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	to, err := targetOf(g)
	if err != nil {
		return err
	}
	comp, _, err := compOf(r.URL.RawQuery)
	if err != nil || comp != compWhole && comp != compAppend && comp != compSeal {
		return errQuery
	}
	job, err := a.Jobs.Job(r.Context(), to.job, func(j *actions.Job) bool {
		return g.IsOf(token.JobGUID(j), j.StartedAt, lifeOf(g.Purpose))
	})
	if err != nil {
		return err
	}
	if job.RepoID != g.RepoID {
		return errObject
	}
	if err := job.MayShow(a.Now()); err != nil {
		return err
	}
	if comp == compSeal {
		w.Header().Set("X-Ms-Blob-Sealed", "true")
		a.stored(w, http.StatusOK, to.etag())
		return nil
	}
	limit := a.limit(to.purpose)
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // and the body is not read
		err = errTooLarge
	} else {
		err = a.take(r.Context(), job, to, comp == compAppend, body{http.MaxBytesReader(w, r.Body, limit)})
	}
	if err != nil {
		return errors.Join(err, a.noteRefusal(r.Context(), job, to, err))
	}
	a.stored(w, http.StatusCreated, to.etag())
	return nil
}

// etag is that of what the target stands for.
func (to target) etag() string { return `"0x` + strconv.FormatInt(to.part, 16) + `"` }

func (a *API) limit(purpose string) int64 {
	switch purpose {
	case summaryPurpose:
		return a.Logs.Limits().MostSummary()
	case diagnosticsPurpose:
		return a.Logs.Limits().Diagnostics
	}
	return a.Logs.Limits().Part
}

// noteRefusal says on the run that a summary is far too large; of one that is just too
// large, [logs.Logs.PutSummary] has done so.
func (a *API) noteRefusal(ctx context.Context, job *actions.Job, to target, err error) error {
	_, long := errors.AsType[*http.MaxBytesError](err)
	if to.purpose != summaryPurpose || !long && !errors.Is(err, errTooLarge) {
		return nil
	}
	return a.Logs.RefuseSummary(ctx, job, to.step)
}

func (a *API) take(ctx context.Context, job *actions.Job, to target, appends bool, body io.Reader) error {
	switch {
	case to.purpose == diagnosticsPurpose:
		return a.Logs.PutDiagnostics(ctx, job, body)
	case to.purpose == summaryPurpose:
		return a.Logs.PutSummary(ctx, job, to.step, body)
	case appends:
		return a.Logs.AppendPart(ctx, job, to.step, to.part, body)
	}
	return a.Logs.PutPart(ctx, job, to.step, to.part, body)
}
