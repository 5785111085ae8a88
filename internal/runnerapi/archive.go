package runnerapi

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/toolkit"
	"github.com/understudy-ci/understudy/internal/upstream"
	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	archivePurpose = "action"
	archiveLife    = 10 * time.Minute
)

// An archive is what a signed URL of an action names: the commit, the job that
// asked, and the part of that job's log for notes about it.
type archive struct {
	repo int64 // 0 for those that are not of a repository here
	kept int64 // number of a kept action; 0 for built-in ones
	job  int64
	part int64
	sha  string
	name string // of the file
}

// object is the archive as a [token.Grant] has it.
func (at archive) object() string {
	return at.sha + "." + strconv.FormatInt(at.job, 10) + "." + strconv.FormatInt(at.part, 10) + "." + strconv.FormatInt(at.kept, 10)
}

// archiveOf is the archive that a grant names.
func archiveOf(g token.Grant) (archive, error) {
	parts := strings.Split(g.Object, ".")
	at := archive{repo: g.RepoID, sha: parts[0]}
	bad := len(parts) != 4 || g.Purpose != archivePurpose
	for i, to := range []*int64{&at.job, &at.part, &at.kept} {
		if !bad {
			var err error
			*to, err = strconv.ParseInt(parts[i+1], 10, 64)
			bad = err != nil
		}
	}
	if bad {
		return archive{}, actions.Errorf(actions.NotFound, "the address is not that of an action")
	}
	return at, nil
}

// locate fills in the URLs of an action's archive, which expire.
func (a *API) locate(r *http.Request, job *actions.Job, info *wire.ActionInfo, at archive) (err error) {
	if info.TarURL, err = a.archiveURL(r, job, at, gitrepo.TarGz); err != nil {
		return err
	}
	info.ZipURL, err = a.archiveURL(r, job, at, gitrepo.Zip)
	return err
}

// asked is the job that asked for an archive, if it is as it was then: older data may
// have been put back, with another of its number.
func (a *API) asked(ctx context.Context, g token.Grant, at archive) (*actions.Job, error) {
	return a.Jobs.Job(ctx, at.job, func(j *actions.Job) bool { return g.IsOf(token.JobGUID(j), j.StartedAt, archiveLife) })
}

// archiveURL is a signed URL, so that runners need not send credentials with it:
// they would send them to any host.
func (a *API) archiveURL(r *http.Request, job *actions.Job, at archive, f gitrepo.Format) (string, error) {
	of := strconv.FormatInt(at.repo, 10)
	if at.kept != 0 {
		of = "kept-" + strconv.FormatInt(at.kept, 10)
	}
	path := "/_runner/actions/" + of + "/" + at.sha + "/" + at.name + "." + string(f)
	base := httpjson.Base(r)
	query, err := a.Keys.SignURL(path, token.Grant{
		Host: base.Host(), Purpose: archivePurpose, Methods: []string{http.MethodGet, http.MethodHead},
		Object: at.object(), GUID: token.JobGUID(job), RepoID: at.repo, Expires: a.Now().Add(archiveLife),
	})
	return base.HTML + path + "?" + query, err
}

// actionArchive serves GET /_runner/actions/{repo}/{sha}/{file}: a signed URL
// of an archive with one top-level directory.
func (a *API) actionArchive(w http.ResponseWriter, r *http.Request) error {
	grant, err := a.Keys.VerifyURL(r.Method, httpjson.Base(r).Host(), r.URL.EscapedPath(), r.URL.RawQuery, a.Now())
	if err != nil {
		return actions.Errorf(actions.NotFound, "the address is not valid, or expired")
	}
	at, err := archiveOf(grant)
	if err != nil {
		return err
	}
	job, err := a.asked(r.Context(), grant, at)
	if err != nil {
		return err
	}
	format, contentType := gitrepo.TarGz, "application/gzip"
	if strings.HasSuffix(r.PathValue("file"), "."+string(gitrepo.Zip)) {
		format, contentType = gitrepo.Zip, "application/zip"
	}
	leave, err := limit.Of(r.Context()).Enter(r.Context(), limit.Fetch)
	if err != nil {
		return err
	}
	defer leave()
	w.Header().Set("Content-Type", contentType)
	if r.Method == http.MethodHead {
		return nil
	}
	out := &counter{w: w}
	err = a.writeArchive(r.Context(), job, at, format, out)
	if err != nil && out.n > 0 {
		httpjson.BreakOff(r, a.Log, err)
	}
	return err
}

// A counter counts what went through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

func (a *API) writeArchive(ctx context.Context, job *actions.Job, at archive, f gitrepo.Format, w io.Writer) error {
	top := upstream.Top(at.sha)
	switch {
	case at.kept != 0:
		return a.writeKept(ctx, job, at, f, w)
	case at.repo == 0:
		own, ok := a.Builtin.BySHA(at.sha)
		if !ok {
			return actions.Errorf(actions.NotFound, "this server has no built-in action %s", at.sha)
		}
		if f == gitrepo.Zip {
			return own.WriteZip(w, top)
		}
		return own.WriteTarGz(w, top)
	case a.NoToolkitPatch:
		return a.Git.Archive(ctx, at.repo, at.sha, top, f, w)
	}
	report, err := a.writeLifted(ctx, at, top, f, w)
	if err == nil {
		a.note(ctx, job, at, report)
	}
	return err
}

// writeKept writes the archive of a kept action.
func (a *API) writeKept(ctx context.Context, job *actions.Job, at archive, f gitrepo.Format, w io.Writer) error {
	kept, err := a.Store.KeptAction(ctx, at.kept)
	if err == nil && kept.SHA != at.sha {
		err = actions.Errorf(actions.NotFound, "kept action %d is another", at.kept)
	}
	if err != nil {
		return err
	}
	in, err := a.Upstream.Open(ctx, kept)
	if err != nil {
		return err
	}
	defer in.Close()
	if a.NoToolkitPatch && f == gitrepo.TarGz {
		_, err = io.Copy(w, in)
		return err
	}
	files, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	if a.NoToolkitPatch {
		return toolkit.PlainZip(w, files)
	}
	report, err := lift(w, files, f)
	if err == nil {
		a.noteAs(ctx, job, at.part, kept.Name+"@"+kept.SHA, report)
	}
	return err
}

// writeLifted writes an archive with the host check of the toolkit lifted, as
// git makes it.
func (a *API) writeLifted(ctx context.Context, at archive, top string, f gitrepo.Format, w io.Writer) (report toolkit.Report, err error) {
	pr, pw := io.Pipe()
	var git sync.WaitGroup
	git.Go(func() { pw.CloseWithError(a.Git.Archive(ctx, at.repo, at.sha, top, gitrepo.Tar, pw)) })
	defer git.Wait()
	defer func() { pr.CloseWithError(err) }() // stops git
	return lift(w, pr, f)
}

// lift writes the files of a tar as an archive with the host check lifted.
func lift(w io.Writer, files io.Reader, f gitrepo.Format) (report toolkit.Report, err error) {
	if f == gitrepo.Zip {
		return toolkit.Zip(w, files)
	}
	zw, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return report, err
	}
	if report, err = toolkit.Tar(zw, files); err == nil {
		err = zw.Close()
	}
	return report, err
}

// note writes into the log of the job what was done to an action of a repository.
func (a *API) note(ctx context.Context, job *actions.Job, at archive, report toolkit.Report) {
	repo, err := a.Store.Repository(ctx, at.repo)
	if err != nil {
		a.Log.WarnContext(ctx, "archive not noted in the log of its job", "repo", at.repo, "job", job.ID, "err", err)
		return
	}
	a.noteAs(ctx, job, at.part, repo.FullName()+"@"+at.sha, report)
}

// noteAs is note for an action of that name. If it cannot, that is only logged.
func (a *API) noteAs(ctx context.Context, job *actions.Job, part int64, action string, report toolkit.Report) {
	if len(report.Lifted) == 0 && len(report.Kept) == 0 {
		return
	}
	if err := a.Logs.Note(ctx, job, part, notes(action, report)...); err != nil {
		a.Log.WarnContext(ctx, "archive not noted in the log of its job", "action", action, "job", job.ID, "err", err)
	}
}

// notes are the lines about an action whose archive was searched.
func notes(action string, report toolkit.Report) (lines []string) {
	if len(report.Lifted) > 0 {
		lines = append(lines, fmt.Sprintf("Lifted the host check of the Actions toolkit in %s (%s). With --no-toolkit-patch the server hands out actions as they are.",
			action, inside(report.Lifted)))
	}
	if len(report.Kept) > 0 {
		lines = append(lines, fmt.Sprintf("##[warning]%s has the Actions toolkit with a host check that this server does not know (%s). It may refuse to work here; --job-server-url helps.",
			action, inside(report.Kept)))
	}
	return lines
}

// inside are names of files, without the directory at the top of the archive.
func inside(names []string) string {
	out := make([]string, len(names))
	for i, name := range names {
		_, out[i], _ = strings.Cut(name, "/")
	}
	return strings.Join(out, ", ")
}
