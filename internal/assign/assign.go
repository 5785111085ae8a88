// Package assign gives a job to a runner, and says what the runner is told about it.
//
// [Assigner.Acquire] reads the job with its run, its attempt, its repository and the
// workflow file that the run was planned from. One transaction then gives the job to
// the runner ([queue.Queue.Acquire]) and saves the job's GITHUB_TOKEN. Only then are
// its secrets decrypted, and nothing keeps them: whoever asks again gets them anew. The
// answer is a [Description]: the contexts that only the server knows, the job's tokens and what
// they permit, what the job may do with caches, and the job as the workflow file has
// it. A surface writes the description as a message of its protocol. It decides
// nothing about it.
//
// A runner that asks again, because the first answer was lost, is told the same. A
// job that cannot be described to any runner fails, with the reason; otherwise it
// would be offered without end.
package assign

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/vault"
)

// Config is what an Assigner needs. All fields are required but Vault, Settings and
// ServerURL.
type Config struct {
	Store     *store.Store
	Queue     *queue.Queue
	Scheduler *scheduler.Scheduler
	Sources   *source.Sources
	Keys      *token.Keys
	Log       *slog.Logger
	Now       func() time.Time
	BotID     int64 // the account that acts with jobs' tokens: actions.JobBot

	Vault     *vault.Vault       // nil for one without secrets
	Settings  *settings.Settings // nil for those of a server whose operator says nothing
	ServerURL string             // github.server_url; empty for the address at which the runner reaches the server. See [ParseServerURL]
}

// An Assigner is safe for concurrent use.
type Assigner struct {
	store     *store.Store
	queue     *queue.Queue
	scheduler *scheduler.Scheduler
	sources   *source.Sources
	keys      *token.Keys
	log       *slog.Logger
	now       func() time.Time
	botID     int64
	vault     *vault.Vault
	settings  *settings.Settings
	serverURL string
	known     known
}

// New makes an Assigner.
func New(c Config) *Assigner {
	if c.Settings == nil {
		c.Settings = settings.New(c.Store)
	}
	return &Assigner{
		store: c.Store, queue: c.Queue, scheduler: c.Scheduler, sources: c.Sources, keys: c.Keys, log: c.Log, now: c.Now,
		botID: c.BotID, vault: c.Vault, settings: c.Settings, serverURL: c.ServerURL, known: newKnown(),
	}
}

// Acquire gives the job with the GUID to runner r, and says what r is told about it.
// base is the address at which r reaches the server. The errors are those of
// [queue.Queue.Acquire], and Invalid for a job that cannot be described: it has
// failed then.
func (a *Assigner) Acquire(ctx context.Context, guid string, r *actions.Runner, base shape.Base) (*Description, error) {
	as, err := a.load(ctx, guid, r)
	if err != nil {
		return nil, err
	}
	if err := a.read(ctx, as); err != nil {
		if actions.KindOf(err) == actions.Invalid {
			return nil, a.refuse(ctx, as.job, err)
		}
		return nil, err
	}
	as.job, err = a.queue.Acquire(ctx, as.job.GUID, r, func(tx *store.Tx, job *actions.Job) error { return a.saveToken(ctx, tx, as, job) })
	if errors.Is(err, queue.ErrProtected) {
		a.scheduler.ApplyRules(ctx, as.job.RunID)
	}
	if err != nil {
		return nil, err
	}
	if err = a.readSecrets(ctx, as); err != nil {
		if actions.KindOf(err) == actions.Invalid {
			return nil, a.refuse(ctx, as.job, err)
		}
		return nil, err // the runner asks again
	}
	d, err := a.describe(as, base)
	if err != nil {
		return nil, a.refuse(ctx, as.job, err)
	}
	return d, nil
}

// refuse fails a job that cannot be described to any runner.
func (a *Assigner) refuse(ctx context.Context, job *actions.Job, reason error) error {
	text := actions.Text(reason)
	if actions.KindOf(reason) == actions.Internal {
		a.log.ErrorContext(ctx, "job not described", "job", job.ID, "err", reason)
	}
	if err := a.scheduler.Fail(ctx, job.ID, "The job could not be prepared for a runner: "+text); err != nil {
		return err
	}
	return actions.Errorf(actions.Invalid, "job %d could not be prepared: %s", job.ID, text)
}
