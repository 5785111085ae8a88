package server

import (
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/oidc"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/results"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/trigger"
	"github.com/understudy-ci/understudy/internal/vault"
)

// Services are what the surfaces of a server stand on. Tests use them for what
// no client can do: to look into the store, or to end a job by hand.
type Services struct {
	Store     *store.Store
	Git       *gitrepo.Git
	Keys      *token.Keys
	Auth      *auth.Auth
	Queue     *queue.Queue
	Scheduler *scheduler.Scheduler
	Trigger   *trigger.Trigger
	Blobs     blob.Store
	Logs      *logs.Logs
	Objects   *object.Objects
	Artifacts *artifact.Artifacts
	Caches    *cache.Caches
	Vault     *vault.Vault
	Issuer    *oidc.Issuer
	Results   *results.API // signs URLs for the other surfaces
}

// Services are valid until Close.
func (s *Server) Services() Services {
	return Services{
		Store: s.store, Git: s.repos, Keys: s.keys, Auth: s.auth, Queue: s.queue, Scheduler: s.scheduler, Trigger: s.trigger,
		Blobs: s.blobs, Logs: s.logs, Objects: s.objects, Artifacts: s.artifacts, Caches: s.caches, Vault: s.vault, Issuer: s.issuer, Results: s.signs,
	}
}
