package runner

import (
	"context"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/container"
	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Config is what a runner needs besides its files.
type Config struct {
	Root    string   // directory of the configuration, the lock and all work; made absolute
	Version string   // reported to the server
	Env     []string // what processes of jobs start with, as KEY=value: nothing of the runner's own
	Node    worker.NodeDirs
	// RenewEvery is the longest time between renewals of a job; 0 means a
	// minute. A short lease is renewed three times in its length.
	RenewEvery time.Duration
	// Drain is how long a job may take when Listen's context is done. The last
	// part of it is for a shutdown of the job, and for its reports.
	Drain time.Duration
	// OrphanAfter is for a runner whose server started it, and starts another where it
	// ends: how long the server may be silent before a runner without a job ends by
	// itself. With a job it goes on, and tries to report that for 24 hours. 0 means that
	// it waits for its server without end, and for 10 minutes with a job.
	OrphanAfter time.Duration
	Isolation   Isolation // of jobs; "" means [None]
	// ContainerEngine is docker, podman, a path or none; "" means docker, else podman, where
	// one of them is there.
	ContainerEngine string
	ContainerPolicy container.Policy // what jobs may have of containers
	Sandbox         Sandbox          // for [User]
	// Execute runs a job with the isolation [None]; nil means [worker.Run]. Simulated runners give their own.
	Execute func(context.Context, *worker.Job) *worker.Result
	// Free says how many bytes more the file system of a directory takes; nil means
	// to ask the system.
	Free      func(dir string) (int64, error)
	Transport http.RoundTripper // nil means one of its own
	Now       func() time.Time
	Log       *slog.Logger
}

// A Runner is a configured runner.
type Runner struct {
	cfg      Config
	settings wire.RunnerSettings
	client   wire.CredentialsData
	key      *rsa.PrivateKey
	http     *caller
	tokens   *tokens
	timing   timing
	removals removals
	spare    spare // for jobs with the isolation [User]
}

// timing holds the waits that tests shorten.
type timing struct {
	roomLook time.Duration // between looks at a full disk
	busyPoll time.Duration // from the start of a job to the poll that says Busy
	conflict time.Duration // how long a session conflict is tolerated
	patience time.Duration // beyond the lease, how long a silent server is tolerated
	stepGap  time.Duration
	feedGap  time.Duration
	shutdown time.Duration // the longest last part of a drain
	lastWord time.Duration // for the reports of a job that has been shut down
}

const patience = 10 * time.Minute

func defaultTiming() timing {
	return timing{
		roomLook: 2 * time.Second,
		busyPoll: 250 * time.Millisecond,
		conflict: 5 * time.Minute,
		patience: patience,
		stepGap:  100 * time.Millisecond,
		feedGap:  50 * time.Millisecond,
		shutdown: 20 * time.Second,
		lastWord: 30 * time.Second,
	}
}

// New reads the configuration in cfg.Root. It is [ErrNotConfigured] when there
// is none.
func New(cfg Config) (*Runner, error) {
	root, err := filepath.Abs(cfg.Root)
	if err != nil {
		return nil, fmt.Errorf("runner: %w", err)
	}
	cfg.Root = root
	if cfg.RenewEvery <= 0 {
		cfg.RenewEvery = time.Minute
	}
	if cfg.Isolation == "" {
		cfg.Isolation = None
	}
	if cfg.Execute == nil {
		cfg.Execute = worker.Run
	}
	if cfg.Free == nil {
		cfg.Free = freeSpace
	}
	c, err := readConfig(root)
	if err != nil {
		return nil, fmt.Errorf("runner in %s: %w", root, err)
	}
	key, err := c.Key.PrivateKey()
	if err != nil {
		return nil, fmt.Errorf("runner in %s: %w", root, err)
	}
	r := &Runner{
		cfg: cfg, settings: c.Settings, client: c.Credentials.Data, key: key,
		http: newCaller(cfg.Transport, "understudy-runner/"+cfg.Version), timing: defaultTiming(),
	}
	r.spare.sandbox = &r.cfg.Sandbox
	r.http.silence = &silence{now: cfg.Now}
	if cfg.OrphanAfter > 0 {
		r.timing.patience = orphanPatience
	}
	r.tokens = &tokens{fetch: r.fetchToken, turn: make(chan struct{}, 1)}
	return r, nil
}

// Name is the name under which the runner is registered.
func (r *Runner) Name() string { return r.settings.AgentName }
