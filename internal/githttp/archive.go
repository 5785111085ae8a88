package githttp

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/token"
)

const (
	archiveRoot    = "codeload" // no owner has this name
	archivePurpose = "codeload"
	archiveLife    = 5 * time.Minute // as GitHub's, of private repositories
	shortSHA       = 7               // digits
)

// ArchiveURL is where the files of a commit can be read for five minutes, in an
// archive. base is that of pages. The caller has checked who is asking.
func (s *Server) ArchiveURL(base shape.Base, repo *actions.Repository, sha string, f gitrepo.Format) (string, error) {
	path := "/" + strings.Join([]string{archiveRoot, repo.FullName(), "legacy." + string(f), sha}, "/")
	query, err := s.keys.SignURL(path, token.Grant{
		Host: base.Host(), Purpose: archivePurpose, Methods: []string{http.MethodGet, http.MethodHead},
		Object: strconv.FormatInt(repo.ID, 10), GUID: sha, RepoID: repo.ID, Expires: s.now().Add(archiveLife),
	})
	return base.HTML + path + "?" + query, err
}

// archive serves GET /codeload/{owner}/{repo}/{kind}/{sha}, a signed URL: the files of
// a commit in one directory, owner-repo-1234567.
func (s *Server) archive(w http.ResponseWriter, r *http.Request) error {
	g, err := s.keys.VerifyURL(r.Method, httpjson.Base(r).Host(), r.URL.EscapedPath(), r.URL.RawQuery, s.now())
	if err != nil || g.Purpose != archivePurpose || g.GUID == "" {
		return errNoPath
	}
	sha := g.GUID // whatever repository has the number now, this is the same commit or none
	format, contentType := gitrepo.TarGz, "application/x-gzip"
	if r.PathValue("kind") == "legacy."+string(gitrepo.Zip) {
		format, contentType = gitrepo.Zip, "application/zip"
	}
	view, prefix := s.git.View(g.RepoID), r.PathValue("owner")+"-"+r.PathValue("repo")+"-"
	leave, err := limit.Of(r.Context()).Enter(r.Context(), limit.Fetch)
	if err != nil {
		return err
	}
	defer leave()
	name, err := view.Describe(r.Context(), sha)
	if err != nil {
		return notThere(err)
	}
	h := w.Header()
	httpjson.Harmless(h, contentType)
	h.Set("Content-Disposition", "attachment; filename="+prefix+notInFileNames.ReplaceAllString(name, "-")+"."+string(format))
	if r.Method == http.MethodHead {
		return nil
	}
	err = view.Archive(r.Context(), sha, prefix+sha[:shortSHA], format, w)
	if tracked, ok := w.(*writer); ok && tracked.wrote && err != nil {
		httpjson.BreakOff(r, s.log, fmt.Errorf("archive: %w", err))
	}
	return notThere(err)
}

// notInFileNames is what names of tags may have and means something in the name of a file,
// or in a header.
var notInFileNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// notThere keeps who follows a URL from being asked for a password.
func notThere(err error) error {
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return errNoPath
	}
	return err
}
