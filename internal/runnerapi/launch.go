package runnerapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	maxActions     = 1000 // in one question
	archivePurpose = "action"
	archiveLife    = 10 * time.Minute
)

// resolveActions serves POST …/runnerresolve/actions (§7): which commit a
// reference means, and where its archive is. Unknown ones are all named in one
// answer, which fails the job at once.
func (a *API) resolveActions(w http.ResponseWriter, r *http.Request) error {
	job, err := a.callingJob(r)
	if err != nil {
		return err
	}
	if !strings.EqualFold(r.PathValue("job"), job.GUID) || job.Status == actions.Completed {
		return actions.Errorf(actions.NotFound, "job %s is not in progress", r.PathValue("job"))
	}
	var req wire.ResolveActionsRequest
	if err := httpjson.Decode(r, &req, 1<<20); err != nil {
		return err
	}
	if len(req.Actions) > maxActions {
		return actions.Errorf(actions.Invalid, "%d actions are more than %d", len(req.Actions), maxActions)
	}
	found := wire.ResolveActionsResponse{Actions: make(map[string]wire.ActionInfo)}
	missing := wire.ResolveActionsError{Errors: make(map[string]wire.ActionError)}
	for _, ref := range req.Actions {
		if _, ok := found.Actions[ref.Key()]; ok {
			continue // another directory of the same commit
		}
		info, err := a.resolve(r, job, ref)
		switch actions.KindOf(err) {
		case "":
			found.Actions[ref.Key()] = *info
		case actions.NotFound, actions.Invalid:
			missing.Errors[ref.Key()] = wire.ActionError{Message: err.Error()}
		default:
			return fmt.Errorf("action %s: %w", ref.Key(), err)
		}
	}
	if len(missing.Errors) > 0 {
		return httpjson.Write(w, http.StatusUnprocessableEntity, missing)
	}
	return httpjson.Write(w, http.StatusOK, found)
}

// resolve finds an action in a repository of this server that the job may read:
// its own, or a public one.
func (a *API) resolve(r *http.Request, job *actions.Job, ref wire.ActionRef) (*wire.ActionInfo, error) {
	owner, name, _ := strings.Cut(ref.Action, "/")
	repo, err := a.Auth.Repository(r.Context(), owner, name)
	unknown := actions.KindOf(err) == actions.NotFound || actions.KindOf(err) == actions.Invalid
	if unknown || err == nil && repo.Private && repo.ID != job.RepoID {
		return nil, actions.Errorf(actions.NotFound, "Unable to resolve action `%.200s`, repository not found", ref.Key())
	}
	if err != nil {
		return nil, err
	}
	sha, err := a.commitOf(r.Context(), repo, ref.Version)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return nil, actions.Errorf(actions.NotFound, "Unable to resolve action `%.200s`, unable to find version `%.100s`", ref.Key(), ref.Version)
	}
	if err != nil {
		return nil, err
	}
	info := &wire.ActionInfo{Name: ref.Action, ResolvedName: repo.FullName(), ResolvedSHA: sha, Version: ref.Version}
	if info.TarURL, err = a.archiveURL(r, repo, sha, gitrepo.TarGz); err != nil {
		return nil, err
	}
	info.ZipURL, err = a.archiveURL(r, repo, sha, gitrepo.Zip)
	return info, err
}

// commitOf is the commit that a version means. A commit that no branch or tag
// of the repository reaches does not count: it may be a stranger's.
func (a *API) commitOf(ctx context.Context, repo *actions.Repository, version string) (string, error) {
	view := a.Git.View(repo.ID)
	sha, err := view.Resolve(ctx, version)
	if err != nil || !gitrepo.IsSHA(version) {
		return sha, err
	}
	reachable, err := view.Reachable(ctx, sha)
	if err == nil && !reachable {
		err = actions.Errorf(actions.NotFound, "commit %s", sha)
	}
	return sha, err
}

// archiveURL is where the archive of a commit can be fetched for a while,
// without credentials: runners send theirs to whatever host they are told.
func (a *API) archiveURL(r *http.Request, repo *actions.Repository, sha string, f gitrepo.Format) (string, error) {
	path := "/_runner/actions/" + strconv.FormatInt(repo.ID, 10) + "/" + sha + "/" + repo.Name + "." + string(f)
	base := httpjson.Base(r)
	query, err := a.Keys.SignURL(path, token.Grant{
		Host: base.Host(), Purpose: archivePurpose, Methods: []string{http.MethodGet, http.MethodHead}, Object: sha, RepoID: repo.ID,
		Expires: a.Now().Add(archiveLife),
	})
	return base.HTML + path + "?" + query, err
}

// actionArchive serves GET /_runner/actions/{repo}/{sha}/{file}: a signed URL
// of an archive with one top-level directory.
func (a *API) actionArchive(w http.ResponseWriter, r *http.Request) error {
	grant, err := a.Keys.VerifyURL(r.Method, httpjson.Base(r).Host(), r.URL.EscapedPath(), r.URL.RawQuery, a.Now())
	if err != nil || grant.Purpose != archivePurpose {
		return actions.Errorf(actions.NotFound, "the address is not valid, or expired")
	}
	format, contentType := gitrepo.TarGz, "application/gzip"
	if strings.HasSuffix(r.PathValue("file"), "."+string(gitrepo.Zip)) {
		format, contentType = gitrepo.Zip, "application/zip"
	}
	w.Header().Set("Content-Type", contentType)
	if r.Method == http.MethodHead {
		return nil
	}
	out := &counter{w: w}
	err = a.Git.Archive(r.Context(), grant.RepoID, grant.Object, "action-"+grant.Object, format, out)
	if err != nil && out.n > 0 { // a reader must not take the half for the whole
		if r.Context().Err() == nil {
			a.Log.WarnContext(r.Context(), "archive not sent to its end", "repo", grant.RepoID, "err", err)
		}
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to break a connection off
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
