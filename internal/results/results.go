// Package results takes what jobs show and keep: logs and summaries, artifacts,
// caches. Twirp services take the states of steps, and give signed URLs to upload
// the rest to.
//
// A call of a service carries a token of the job, and the ids in its body must be
// the token's own; artifacts may be those of other jobs of the run. What a job shows
// is for its runner to say: the token of its steps is good for artifacts and caches
// only. When the job
// is over the token is good for nothing but what its runner had begun: a late piece
// of a log, for two minutes. Artifacts and caches have no such grace.
//
// A signed URL carries no other proof than its signature, which is checked on
// the bytes of the path and the query, and the host, before anything is looked at.
// It names one part of one log, or one row of an artifact or a cache with the object
// that has its bytes: an upload that begins again gets another URL. Storage clients
// say what they want in the query and, if they believe the storage to be Azure's, in
// headers. Errors look like Azure's. An object comes in blocks or whole, and every PUT
// may be repeated; package object keeps the blocks, and the list of blocks at the end
// says which of them count.
//
// People read by signed URLs, too: the REST API redirects to them
// ([API.RunLogURL], [API.JobLogURL], [API.ArtifactURL]), and each is good for one
// minute. Downloads go from files to the connection without a copy in memory.
//
// The older services, artifacts of version 3 and caches of version 1, are below
// /_apis/ and keep their artifacts and caches in the same services.
package results

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/steps"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Config is what the surface needs. All fields are required.
type Config struct {
	Store     *store.Store
	Jobs      *auth.Jobs
	Logs      *logs.Logs
	Steps     *steps.Steps
	Artifacts *artifact.Artifacts
	Caches    *cache.Caches
	Objects   *object.Objects
	Keys      *token.Keys
	Log       *slog.Logger
	Now       func() time.Time
}

// An API serves /twirp/, /_blobs/ and the older services below /_apis/.
type API struct {
	Config
	services map[string]service
	forSteps map[string]bool // services that take the token of a job's steps, too
	older    http.Handler
}

// New makes the surface.
func New(c Config) *API {
	a := &API{Config: c}
	a.services = map[string]service{
		receiverService: a.receiver(),
		stepsService:    {"WorkflowStepsUpdate": a.updateSteps},

		wire.ArtifactService: a.artifacts(),
		wire.CacheService:    a.caches(),
	}
	a.forSteps = map[string]bool{wire.ArtifactService: true, wire.CacheService: true}
	a.older = a.legacy()
	return a
}

const (
	twirpRoot = "/twirp/"
	blobsRoot = "/_blobs/"
)

// ServeHTTP serves the services and the signed URLs.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch {
	case strings.HasPrefix(r.URL.Path, blobsRoot):
		a.blob(w, r)
	case strings.HasPrefix(r.URL.Path, legacyRoot):
		a.older.ServeHTTP(w, r)
	default:
		a.twirp(w, r)
	}
}
