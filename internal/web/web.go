package web

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/check"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/group"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/markdown"
	"github.com/understudy-ci/understudy/internal/protect"
	"github.com/understudy-ci/understudy/internal/pull"
	"github.com/understudy-ci/understudy/internal/release"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Config is what the pages need. All fields but Streams and ImageHosts are required.
type Config struct {
	Store     *store.Store
	Auth      *auth.Auth
	Logs      *logs.Logs
	Artifacts *artifact.Artifacts
	Scheduler *scheduler.Scheduler
	Groups    *group.Groups
	Git       *gitrepo.Git
	Log       *slog.Logger
	Now       func() time.Time

	Repositories *repository.Repositories
	Pulls        *pull.Pulls
	Checks       *check.Checks
	Releases     *release.Releases
	Protect      *protect.Protections

	// Puller is the caller as who changes pull requests.
	Puller func(*auth.Caller, shape.Base) pull.Actor

	// ImageHosts are those whose images summaries show, such as img.shields.io.
	ImageHosts []string

	// ArtifactURL signs a URL, good for a minute, of an artifact.
	ArtifactURL func(r *http.Request, art *actions.Artifact) (string, error)
	// AssetURL is the same for an asset of a release.
	AssetURL func(r *http.Request, a *actions.ReleaseAsset) (string, error)
	// ArchiveURL signs a URL of the files of a commit, in a format.
	ArchiveURL func(base shape.Base, repo *actions.Repository, sha string, f gitrepo.Format) (string, error)
}

// A Site is the handler of all pages. It is safe for concurrent use.
type Site struct {
	store     *store.Store
	auth      *auth.Auth
	logs      *logs.Logs
	artifacts *artifact.Artifacts
	scheduler *scheduler.Scheduler
	groups    *group.Groups
	git       *gitrepo.Git
	log       *slog.Logger
	now       func() time.Time

	repositories *repository.Repositories
	pulls        *pull.Pulls
	checks       *check.Checks
	protect      *protect.Protections
	puller       func(*auth.Caller, shape.Base) pull.Actor

	releases     *release.Releases
	releaseNotes *summaries

	artifactURL func(r *http.Request, art *actions.Artifact) (string, error)
	assetURL    func(r *http.Request, a *actions.ReleaseAsset) (string, error)
	sourceURL   func(base shape.Base, repo *actions.Repository, sha string, f gitrepo.Format) (string, error)

	templates  *template.Template
	assets     assets
	summaries  *summaries
	checkTexts *summaries // of what tools report
	texts      *summaries // of pull requests; the key is the text
	policy     string     // of content, in each answer
	mux        *http.ServeMux
	times      streamTimes
}

// New makes the pages.
func New(c Config) (*Site, error) {
	s := &Site{
		store: c.Store, auth: c.Auth, logs: c.Logs, artifacts: c.Artifacts, artifactURL: c.ArtifactURL,
		scheduler: c.Scheduler, groups: c.Groups, git: c.Git, repositories: c.Repositories, pulls: c.Pulls, checks: c.Checks, protect: c.Protect, puller: c.Puller, log: c.Log, now: c.Now,
		policy: policy(c.ImageHosts), mux: http.NewServeMux(), times: defaultTimes,
	}
	renderer := markdown.New(c.ImageHosts...)
	s.summaries = newSummaries(c.Logs.ReadSummary, renderer)
	s.checkTexts = newSummaries(s.readCheckText, renderer)
	s.releases, s.assetURL, s.sourceURL = c.Releases, c.AssetURL, c.ArchiveURL
	s.releaseNotes = newSummaries(s.readNotes, renderer)
	s.texts = newSummaries(func(_ context.Context, text string) (string, error) { return text, nil }, renderer)
	var err error
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if s.templates, err = parseTemplates(); err != nil {
		return nil, err
	}
	for pattern, h := range map[string]handler{
		"GET /{$}":          s.index,
		"GET " + avatarPath: s.avatar,
		"GET /login":        s.loginForm,
		"POST /login":       s.login,
		"POST /logout":      s.changing(s.logout),

		"GET /{owner}":                                              s.account,
		"GET /apps/github-actions":                                  s.app,
		"GET /{owner}/{repo}/commit/{sha}":                          s.commit,
		"GET /{owner}/{repo}/pulls":                                 s.pullList,
		"GET /{owner}/{repo}/pull/{pull}":                           s.pull,
		"POST /{owner}/{repo}/pull/{pull}/merge":                    s.changing(s.mergePull),
		"POST /{owner}/{repo}/pull/{pull}/state":                    s.changing(s.changePull),
		"GET /{owner}/{repo}/runs/{check}":                          s.check,
		"POST /{owner}/{repo}/runs/{check}":                         s.changing(s.askCheck),
		"POST /{owner}/{repo}/pull/{pull}/review":                   s.changing(s.reviewPull),
		"GET /{owner}/{repo}/releases":                              s.releaseList,
		"GET /{owner}/{repo}/releases/latest":                       s.latestRelease,
		"GET /{owner}/{repo}/releases/latest/download/{name}":       s.latestRelease,
		"GET /{owner}/{repo}/releases/tag/{tag...}":                 s.release,
		"GET /{owner}/{repo}/releases/download/{at...}":             s.downloadAsset,
		"GET /{owner}/{repo}/archive/{at...}":                       s.archive,
		"GET /{owner}/{repo}/tree/{at...}":                          s.tree,
		"GET /{owner}/{repo}/blob/{at...}":                          s.tree,
		"GET /{owner}/{repo}":                                       s.repository,
		"GET /{owner}/{repo}/actions":                               s.runs,
		"GET /{owner}/{repo}/actions/workflows/{file}":              s.runs,
		"GET /{owner}/{repo}/actions/workflows/{file}/badge.svg":    s.badge,
		"GET /{owner}/{repo}/actions/runs/{run}":                    s.run,
		"GET /{owner}/{repo}/actions/runs/{run}/attempts/{attempt}": s.run,
		"GET /{owner}/{repo}/actions/runs/{run}/live":               s.liveRun,
		"POST /{owner}/{repo}/actions/runs/{run}/cancel":            s.changing(s.cancel),
		"POST /{owner}/{repo}/actions/runs/{run}/rerun":             s.changing(s.rerun),
		"GET /{owner}/{repo}/actions/runs/{run}/job/{job}":          s.job,
		"GET /{owner}/{repo}/actions/runs/{run}/job/{job}/live":     s.liveJob,
		"GET /{owner}/{repo}/actions/runs/{run}/job/{job}/logs":     s.rawJobLog,
		"GET /{owner}/{repo}/actions/runs/{run}/job/{job}/logs/{n}": s.rawStepLog,

		"GET /{owner}/{repo}/actions/runs/{run}/artifacts/{artifact}":                 s.downloadArtifact,
		"GET /{owner}/{repo}/actions/runs/{run}/artifacts/{artifact}/files":           s.artifactFiles,
		"GET /{owner}/{repo}/actions/runs/{run}/artifacts/{artifact}/files/{path...}": s.artifactFile,
		"POST /{owner}/{repo}/actions/runs/{run}/artifacts/{artifact}/delete":         s.changing(s.deleteArtifact),

		"/": func(http.ResponseWriter, *http.Request, *auth.Caller) error { return errNotFound },
	} {
		s.mux.Handle(pattern, s.handle(h))
	}
	s.mux.Handle("GET "+assetPrefix+"{file}", s.assets)
	return s, nil
}

// ServeHTTP serves the pages, below / and nothing else.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header(), s.policy)
	s.mux.ServeHTTP(w, r)
}

var errNotFound = actions.Errorf(actions.NotFound, "Not Found")

// A handler serves one route to a caller who may have no account.
type handler func(w http.ResponseWriter, r *http.Request, c *auth.Caller) error

func (s *Site) handle(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := s.auth.Session(r)
		if err != nil {
			c = &auth.Caller{}
		} else {
			err = h(w, r, c)
		}
		if err != nil {
			s.fail(w, r, c, err)
		}
	})
}

// fail answers with the page for an error. Handlers return one only before they
// have written anything.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, c *auth.Caller, err error) {
	if r.Context().Err() != nil {
		return // nobody waits for it
	}
	if e, ok := errors.AsType[*movedError](err); ok {
		http.Redirect(w, r, e.to, http.StatusMovedPermanently)
		return
	}
	kind := actions.KindOf(err)
	if kind == actions.Internal {
		s.log.ErrorContext(r.Context(), "page failed", "pattern", r.Pattern, "err", err)
	}
	p := errorPage{page: s.page(r, c, ""), Status: httpjson.StatusOf(kind), Message: httpjson.Message(err)}
	p.Title = http.StatusText(p.Status)
	if rerr := s.render(w, p.Status, "error", p); rerr != nil {
		s.log.ErrorContext(r.Context(), "error page failed", "err", rerr)
		http.Error(w, p.Title, p.Status)
	}
}

type errorPage struct {
	page
	Status  int
	Message string
}

// render answers with a template. Nothing is written when it fails.
func (s *Site) render(w http.ResponseWriter, status int, name string, data any) error {
	var b bytes.Buffer
	if err := s.templates.ExecuteTemplate(&b, name, data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser is gone; nobody misses it
	return nil
}

// renderAround answers with a template, parts that are HTML, and the template that
// has the same name with -end. The parts are not copied.
func (s *Site) renderAround(w http.ResponseWriter, name string, data any, parts []string) error {
	var before, after bytes.Buffer
	if err := s.templates.ExecuteTemplate(&before, name, data); err != nil {
		return err
	}
	if err := s.templates.ExecuteTemplate(&after, name+"-end", data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := w.Write(before.Bytes())
	for _, part := range parts {
		if err == nil {
			_, err = io.WriteString(w, part)
		}
	}
	if err == nil {
		_, _ = w.Write(after.Bytes()) // the browser is gone; nobody misses it
	}
	return nil
}
