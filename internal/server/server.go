package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/assign"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/builtin"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/check"
	"github.com/understudy-ci/understudy/internal/deployment"
	"github.com/understudy-ci/understudy/internal/githttp"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/group"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/oidc"
	"github.com/understudy-ci/understudy/internal/oidcapi"
	"github.com/understudy-ci/understudy/internal/outage"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/protect"
	"github.com/understudy-ci/understudy/internal/pull"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/release"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/results"
	"github.com/understudy-ci/understudy/internal/runnerapi"
	"github.com/understudy-ci/understudy/internal/runners"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/secret"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/steps"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/trigger"
	"github.com/understudy-ci/understudy/internal/upstream"
	"github.com/understudy-ci/understudy/internal/vault"
	"github.com/understudy-ci/understudy/internal/web"
)

// Deps are what the process gives the server: nothing below reads a clock, a
// random source or the environment by itself.
type Deps struct {
	Log     *slog.Logger
	Now     func() time.Time
	Random  io.Reader
	Program string   // path of this program, to start runners with
	Env     []string // environment of the bundled runners, as KEY=value
	// LookupEnv finds what else of the environment they are to get; nil for nothing.
	LookupEnv func(name string) (string, bool)
	S3        S3Credentials // of the bucket in --blobs, if it is one
	Version   string
	Machine   string // its host name, by which clients may come; empty for none
	// TrySandbox says why jobs of the user uid cannot be kept from the rest of the
	// machine, nil if they can; dir is a directory to try it in. Without one they
	// cannot.
	TrySandbox func(ctx context.Context, uid int, dir string) error

	// Sockets listen already: they take the place of --listen, and are closed.
	Sockets []*os.File

	Limits Limits                      // zero for the usual ones
	Blobs  func(blob.Store) blob.Store // tests only: what stands before the storage; nil for nothing
}

// Limits are those that operators do not set. Where one is zero it is the usual.
type Limits struct {
	Logs            logs.Limits
	Objects         object.Limits
	JobArtifacts    int           // of one job
	CachesPerMinute int           // begun in one repository
	Poll            time.Duration // for which a runner's poll is held
	Completion      time.Duration // by which the end of a job may be behind its runner's next poll
	Resolve         time.Duration // for which a runner waits for actions of other hosts
	Recheck         time.Duration // after which a change is seen whose notice was lost
}

// A Server is one understudy process. Its state is open between New and Close.
type Server struct {
	config     Config
	deps       Deps
	log        *slog.Logger
	now        func() time.Time
	publicHost string
	hosts      *hosts
	proxies    []netip.Prefix

	limits       limit.Values
	limiter      *limit.Limiter
	conns        *conns
	underway     underway
	health       []*health // of what it needs
	lock         *os.File
	sockets      sockets // passed on to us, until we listen
	outages      *outage.Outages
	keys         *token.Keys
	store        *store.Store
	repos        *gitrepo.Git
	repositories *repository.Repositories
	auth         *auth.Auth
	jobs         *auth.Jobs
	settings     *settings.Settings
	vault        *vault.Vault
	issuer       *oidc.Issuer
	groups       *group.Groups
	policy       *policy.Policy
	upstream     *upstream.Upstream
	queue        *queue.Queue
	scheduler    *scheduler.Scheduler
	runners      *runners.Runners
	sources      *source.Sources
	trigger      *trigger.Trigger
	checks       *check.Checks
	releases     *release.Releases
	deployments  *deployment.Deployments
	pulls        *pull.Pulls
	protect      *protect.Protections
	logs         *logs.Logs
	objects      *object.Objects
	artifacts    *artifact.Artifacts
	caches       *cache.Caches

	signs *results.API // signs the URLs of logs, artifacts and caches

	rest, graphql, runnerAPI, results, idTokens, git, web http.Handler

	table []rest.Route // of the REST API

	blobs      blob.Store
	closeBlobs func() error

	runnerDir  string   // of the bundled runners; set by Run
	runnerLock *os.File // nil without them

	bundled  atomic.Pointer[bundledRunners] // nil before Run
	local    string                         // base by which bundled runners come in: http://127.0.0.1:3000; empty without them, perhaps
	reached  string                         // base of the first TCP address; empty without one
	draining context.Context
	drain    context.CancelFunc
}

// New opens the state in the data directory, which no other server may have
// open, and builds the services and surfaces. It starts nothing and listens
// nowhere. Close it in the end.
func New(ctx context.Context, config Config, deps Deps) (s *Server, err error) {
	passed, addrs, err := adopt(deps.Sockets)
	if err != nil {
		return nil, err
	}
	if len(addrs) > 0 {
		config.Listen = addrs
	}
	if err := config.check(); err != nil {
		return nil, errors.Join(err, passed.close())
	}
	s = &Server{config: config, sockets: passed, deps: deps, log: slog.New(newQuiet(deps.Log.Handler(), deps.Now)), now: deps.Now}
	s.draining, s.drain = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.proxies, err = config.proxies(); err != nil {
		return s, err
	}
	if u, err := url.Parse(config.PublicURL); err == nil {
		s.publicHost = strings.ToLower(u.Host)
	}
	s.hosts = newHosts(&config, deps.Machine, &ownAddresses{list: net.InterfaceAddrs, now: deps.Now})
	if config.TLSCert != "" {
		pair, err := loadPair(config.TLSCert, config.TLSKey)
		if err != nil {
			return s, err
		}
		s.hosts.certified(pair.Leaf)
	}
	limits, err := limit.Defaults().With(sizes(config.Limit))
	if err != nil {
		return s, fmt.Errorf("--limit: %w", err)
	}
	s.limits, s.limiter, s.conns = limits, limit.New(limits, deps.Now), newConns(limits)
	if s.lock, err = lockDir("--data", config.Data); err != nil {
		return s, err
	}
	return s, s.build(ctx)
}

// build makes everything from the state up.
func (s *Server) build(ctx context.Context) error {
	c, d := s.config, s.deps
	var err error
	if s.keys, err = token.LoadKeys(c.Data, d.Random); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if s.outages, err = outage.Open(c.Data, s.now, s.log); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	if s.store, err = store.Open(ctx, store.Options{URL: c.Database, Log: s.log, Now: s.now, NoSync: c.NoSync, Recheck: d.Limits.Recheck}); err != nil {
		return fmt.Errorf("--database: %w", err)
	}
	if s.vault, err = s.openVault(ctx); err != nil {
		return fmt.Errorf("--secret-key-file: %w", err)
	}
	if s.repos, err = gitrepo.New(filepath.Join(c.Data, "repositories"), gitrepo.Limits{}, s.log, s.now); err != nil {
		return fmt.Errorf("repositories: %w", err)
	}
	kept, err := s.openBlobs(ctx)
	if err != nil {
		return fmt.Errorf("--blobs: %w", err)
	}
	s.auth = auth.New(s.store, s.now)
	bot, err := s.bootstrap(ctx)
	if err != nil {
		return err
	}
	defaults := []settings.Default{
		settings.RetentionDays.Default(c.ArtifactDays), settings.CacheDays.Default(c.CacheDays), settings.CacheBytes.Default(int64(c.CacheQuota)),
	}
	if c.AllowPublic {
		defaults = append(defaults, settings.PublicRepositories.Default(new(true)))
	}
	s.settings = settings.New(s.store, defaults...)
	s.policy = policy.New(s.store, s.settings, c.Verified...)
	s.groups = group.New(s.store, s.settings, s.policy, s.now, s.others)
	s.queue = queue.New(s.store, s.log, c.JobLease, s.now, queue.Rules{Access: s.groups.Access, Permits: s.policy.Permits})
	s.keep(kept)
	if s.upstream, err = c.openUpstream(upstream.Config{Store: s.store, Blobs: s.blobs, Git: s.repos, Log: s.log, Now: s.now, Random: d.Random}, d.LookupEnv); err != nil {
		return err
	}
	s.sources = source.New(s.store)
	s.scheduler = scheduler.New(scheduler.Config{
		Store: s.store, Queue: s.queue, Log: s.log, Now: s.now, NewID: uuid.NewString, Lease: c.JobLease, Objects: s.objects,
		Sources: s.sources, Settings: s.settings, Policy: s.policy, Outages: s.outages,
	})
	s.runners = runners.New(runners.Config{
		Store: s.store, Queue: s.queue, Scheduler: s.scheduler, Keys: s.keys, Log: s.log, Now: s.now, NewID: uuid.NewString, Random: d.Random, Policy: s.policy,
		PollTime: d.Limits.Poll, CompletionTime: d.Limits.Completion,
	})
	s.issuer = oidc.New(oidc.Config{
		Store: s.store, Vault: s.vault, Log: s.log, Now: s.now, Random: d.Random, Settings: s.settings, Sources: s.sources, NewID: uuid.NewString, Base: s.base,
	})
	s.repositories = repository.New(s.store, s.repos, s.log, s.now)
	s.protect = protect.New(s.store, s.repos, s.log, s.now)
	s.pulls = pull.New(pull.Config{Protect: s.protect, Store: s.store, Git: s.repos, Settings: s.settings, Log: s.log, Now: s.now, Announce: s.announce})
	s.trigger = trigger.New(trigger.Config{
		Store: s.store, Git: s.repos, Scheduler: s.scheduler, Log: s.log, Now: s.now, Policy: s.policy, Pulls: s.pulls, IdleAfter: time.Duration(c.ScheduleIdleDays) * 24 * time.Hour, JobsPerSecond: s.limits.Get(limit.RepositoryJobs),
	})
	s.checks = check.New(s.store, s.repos, s.trigger, s.now)
	s.deployments = deployment.New(deployment.Config{
		Store: s.store, Git: s.repos, Repositories: s.repositories, Protections: s.protect, Trigger: s.trigger, Now: s.now,
	})
	s.releases = release.New(release.Config{
		Store: s.store, Git: s.repos, Repositories: s.repositories, Objects: s.objects, Trigger: s.trigger, Log: s.log, Now: s.now, Quota: int64(c.ReleaseQuota),
	})
	return s.mount(bot)
}

// openVault opens the secrets and variables, with the keys of secrets.
func (s *Server) openVault(ctx context.Context) (*vault.Vault, error) {
	keys, err := secret.Open(s.config.SecretKeys, s.deps.Random)
	if err != nil {
		return nil, err
	}
	v := vault.New(s.store, keys, s.now)
	return v, v.Start(ctx)
}

// assigner says what runners are told; bot acts with the tokens of jobs.
func (s *Server) assigner(bot *actions.Account) *assign.Assigner {
	return assign.New(assign.Config{
		Store: s.store, Queue: s.queue, Scheduler: s.scheduler, Sources: s.sources, Keys: s.keys, Log: s.log, Now: s.now,
		BotID: bot.ID, Vault: s.vault, Settings: s.settings, ServerURL: s.config.JobServerURL,
	})
}

// mount makes the surfaces.
func (s *Server) mount(bot *actions.Account) error {
	s.jobs = auth.NewJobs(s.store, s.keys, s.now)
	res := results.New(results.Config{
		Store: s.store, Jobs: s.jobs, Logs: s.logs, Steps: steps.New(s.store), Artifacts: s.artifacts, Caches: s.caches, Objects: s.objects, Keys: s.keys, Log: s.log, Now: s.now,
	})
	s.results, s.signs = res, res
	s.idTokens = oidcapi.New(oidcapi.Config{Issuer: s.issuer, Jobs: s.jobs, Log: s.log})
	git := githttp.New(githttp.Config{Git: s.repos, Keys: s.keys, Log: s.log, Now: s.now, Access: s.gitAccess})
	s.git, s.table = git, s.pages(res, git)
	core := rest.Config{Store: s.store, Auth: s.auth, Runners: s.runners, Log: s.log, Now: s.now, CORSAnonymous: s.config.CORSAnonymous}
	api, err := rest.New(core, s.table)
	if err != nil {
		return fmt.Errorf("REST API: %w", err)
	}
	s.rest = api
	if s.graphql, err = s.mountGraphQL(core); err != nil {
		return err
	}
	carried, err := builtin.New(s.deps.Version)
	if err != nil {
		return fmt.Errorf("built-in actions: %w", err)
	}
	s.runnerAPI = runnerapi.New(runnerapi.Config{
		Store: s.store, Auth: s.auth, Jobs: s.jobs, Queue: s.queue, Scheduler: s.scheduler, Runners: s.runners,
		Assigner: s.assigner(bot), Logs: s.logs, Git: s.repos, Policy: s.policy, Upstream: s.upstream, Settings: s.settings, Keys: s.keys, Log: s.log, Now: s.now,
		Builtin: carried, BuiltinPolicy: builtin.Policy(s.config.BuiltinActions),
		NoToolkitPatch: !s.config.ToolkitPatch, ResolveTime: s.deps.Limits.Resolve,
	})
	site, err := web.New(web.Config{
		Store: s.store, Auth: s.auth, Logs: s.logs, Artifacts: s.artifacts, Scheduler: s.scheduler, Groups: s.groups, Log: s.log, Now: s.now,
		Git: s.repos, Repositories: s.repositories, Pulls: s.pulls, Checks: s.checks, Protect: s.protect, Puller: s.puller, ImageHosts: s.config.ImageHost,
		ArtifactURL: func(r *http.Request, art *actions.Artifact) (string, error) {
			return res.ArtifactURL(r.Context(), httpjson.Base(r).HTML, art)
		},
		Releases: s.releases, ArchiveURL: git.ArchiveURL,
		AssetURL: func(r *http.Request, a *actions.ReleaseAsset) (string, error) {
			return res.AssetURL(r.Context(), httpjson.Base(r).HTML, a)
		},
	})
	s.web = site
	return err
}

// base is that of URLs which no request gives: those of events that are found
// at start, and of the issuer of OIDC tokens.
func (s *Server) base() shape.Base {
	html := cmp.Or(s.config.PublicURL, s.local, s.reached, "http://localhost")
	return shape.Base{API: html + "/api/v3", HTML: html}
}

// Close closes the state. Requests must have ended.
func (s *Server) Close() error {
	var errs []error
	s.drain()
	if s.upstream != nil {
		s.upstream.Close()
	}
	if s.repos != nil {
		errs = append(errs, s.repos.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.closeBlobs != nil {
		errs = append(errs, s.closeBlobs())
	}
	errs = append(errs, s.sockets.close())
	for _, lock := range []*os.File{s.runnerLock, s.lock} {
		if lock != nil {
			errs = append(errs, lock.Close())
		}
	}
	return errors.Join(errs...)
}
