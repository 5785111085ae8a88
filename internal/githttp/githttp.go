// Package githttp serves git's smart HTTP protocol: clone, fetch and push.
//
// It knows HTTP and the wording of GitHub's refusals. Who the caller is and
// what they may do it asks [Config].Access, once per request; what a push
// means to the rest of the server is the [PushFunc] that comes with the
// answer. Git itself, and the order of things in a push, is package gitrepo's.
//
// Git gives a password only when asked for it, so a request without
// credentials that would be answered "not found" is answered 401: for missing
// repositories as well as for private ones, which are thus not told apart.
// Bodies of errors are plain text, which git shows as "remote: …".
//
// The files of a commit can be read as an archive, too, by a signed URL to which the
// REST API redirects ([Server.ArchiveURL]).
//
// Answers and pushes are streamed; a push is held in memory at no time. The request
// of a fetch is read, to its limit, before anything is done for it.
package githttp

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/token"
)

// Access is what the caller of a request may do with a repository. That there
// is an Access means that the caller may read it.
type Access struct {
	RepoID int64
	Known  gitrepo.Known // commits without a ref that this caller may fetch; nil for none

	// Push is what a push by this caller does; nil if they may not push.
	Push PushFunc

	Archived bool // nobody may push

	// Workflows says whether they may also create and change workflow files.
	Workflows bool
	// App says that the caller acts for a GitHub App, as jobs do, and not by a
	// personal token. It changes the words of a refusal.
	App bool
}

// A PushFunc notes the updates durably before the refs move, or refuses them
// all: see [gitrepo.ReceiveOptions]. The caller's right to push is checked
// already. The done that it returns gets the updates that were made, and
// returns when what they cause is recorded; it is called whatever happens.
type PushFunc func(ctx context.Context, updates []actions.RefUpdate, view *gitrepo.View) (
	done func(ctx context.Context, applied []actions.RefUpdate) error, err error)

// Config is what a Server needs.
type Config struct {
	Git  *gitrepo.Git
	Keys *token.Keys // of the URLs of archives
	Log  *slog.Logger
	Now  func() time.Time

	// Access says what the caller of r may do with owner/name. Unauthorized
	// means that the credentials of r are no good; NotFound that there is no
	// such repository, or none that the caller may know of.
	Access func(r *http.Request, owner, name string) (*Access, error)
}

// A Server is the handler of git requests.
type Server struct {
	git    *gitrepo.Git
	keys   *token.Keys
	log    *slog.Logger
	now    func() time.Time
	access func(r *http.Request, owner, name string) (*Access, error)
	mux    *http.ServeMux
}

// New makes a Server.
func New(c Config) *Server {
	s := &Server{git: c.Git, keys: c.Keys, log: c.Log, now: c.Now, access: c.Access, mux: http.NewServeMux()}
	s.route("GET /{owner}/{repo}/info/refs", s.infoRefs)
	s.route("POST /{owner}/{repo}/git-upload-pack", s.uploadPack)
	s.route("POST /{owner}/{repo}/git-receive-pack", s.receivePack)
	s.route("GET /"+archiveRoot+"/{owner}/{repo}/{kind}/{sha}", s.archive)
	s.route("/", s.notFound) // the files of the dumb protocol, and all else
	return s
}

// ServeHTTP answers a request for which Serves holds.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Serves tells whether a path is git's and no page's: all below a repository
// whose name is given with ".git", the three paths of the protocol, and archives.
func Serves(path string) bool {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(parts) < 3 || !strings.HasPrefix(path, "/") {
		return false
	}
	if parts[0] == archiveRoot {
		return true
	}
	switch rest := strings.Join(parts[2:], "/"); rest {
	case "info/refs", "git-upload-pack", "git-receive-pack":
		return true
	default:
		return strings.HasSuffix(parts[1], ".git")
	}
}

// route makes a handler of a function that returns an error.
func (s *Server) route(pattern string, f func(http.ResponseWriter, *http.Request) error) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		tracked := &writer{ResponseWriter: w}
		if err := f(tracked, r); err != nil {
			s.writeError(tracked, r, err)
		}
	})
}

// allow asks what the caller may do with the repository of the path.
func (s *Server) allow(r *http.Request) (*Access, error) {
	owner, name := r.PathValue("owner"), strings.TrimSuffix(r.PathValue("repo"), ".git")
	if !validName(owner) || !validName(name) {
		return nil, errNoRepository
	}
	return s.access(r, owner, name)
}

// allowPush is allow for those who may push.
func (s *Server) allowPush(r *http.Request) (*Access, error) {
	a, err := s.allow(r)
	switch {
	case err != nil:
		return nil, err
	case a.Push != nil:
		return a, nil
	case r.Header.Get("Authorization") == "":
		return nil, errNoAnonymousPush
	case a.Archived:
		return nil, errArchived
	}
	return nil, errNoPush
}

// validName is the widest idea of a name that anything here has. It keeps
// strange ones from logs and queries.
func validName(s string) bool {
	if s == "" || len(s) > 100 || s == "." || s == ".." {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}
