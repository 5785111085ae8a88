// Package runners keeps the runners of this server: which are registered, which
// process speaks for each of them, and what each is told while it waits.
//
// A runner is registered for a scope with a registration token
// ([Runners.Register]), or made for one job, key and all ([Runners.JIT]). From then
// on it proves itself with its key, gets a runner token for that
// ([Runners.Authorize]), opens its session and polls. [Runners.Poll] holds a poll
// until the queue has something to say.
//
// A runner is known by its client id, which is random, and not by its number, which is
// given out again when older data is put back: see package token.
//
// A runner that calls again and again without getting a job is slowed down.
//
// A runner has one session and one poll: its newest. When the session is replaced
// or ended, or the runner is removed, the poll that waits ends at once and what
// was reserved for the runner is free again, since a job must not be offered to
// a process that does not speak for the runner any more.
//
// Registrations, tokens and sessions are in the store. When a runner was last
// seen is written about a second later, and may be lost. Polls are in memory, and
// so are the timers of runners that say they are idle while they hold a job: the
// next poll, at any server, begins them again. A runner's calls may come to
// different servers: [Runners.Run] hears when a session is over, or a runner busy.
package runners

import (
	"cmp"
	"io"
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
)

// Config is what the service needs. All fields before the empty line are required.
type Config struct {
	Store     *store.Store
	Queue     *queue.Queue
	Scheduler *scheduler.Scheduler
	Keys      *token.Keys
	Log       *slog.Logger
	Now       func() time.Time
	NewID     func() string // makes a random GUID
	Random    io.Reader
	Policy    *policy.Policy // nil for that of a server whose operator says nothing

	PollTime       time.Duration // for which a poll without news is held; 0 for 50 s. Clients give up at 100 s
	CompletionTime time.Duration // by which a completion may be behind the poll that says "idle"; 0 for 10 s
}

// Runners is safe for concurrent use.
type Runners struct {
	store     *store.Store
	queue     *queue.Queue
	scheduler *scheduler.Scheduler
	keys      *token.Keys
	log       *slog.Logger
	now       func() time.Time
	newID     func() string
	random    io.Reader
	policy    *policy.Policy

	pollTime, completionTime time.Duration

	polls *polls
	pace  *pace
	idle  *idleness

	unknown unknown
	known   *recent.Cache[int64, *actions.Runner]

	sessions *recent.Cache[int64, *actions.Session] // by runner
}

const maxKnown = 10_000 // runners in memory, each a few hundred bytes

// New makes the service. It starts nothing: see [Runners.Run].
func New(c Config) *Runners {
	if c.Policy == nil {
		c.Policy = policy.New(c.Store, nil)
	}
	return &Runners{
		store: c.Store, queue: c.Queue, scheduler: c.Scheduler, keys: c.Keys, log: c.Log, now: c.Now, newID: c.NewID, random: c.Random, policy: c.Policy,
		pollTime: cmp.Or(c.PollTime, 50*time.Second), completionTime: cmp.Or(c.CompletionTime, 10*time.Second),
		polls: newPolls(), pace: newPace(c.Log, c.Now), idle: newIdleness(), known: recent.New[int64, *actions.Runner](maxKnown, maxKnown),
		sessions: recent.New[int64, *actions.Session](maxKnown, maxKnown), unknown: unknown{log: c.Log, now: c.Now},
	}
}

// release ends the poll of a runner and frees what is reserved for it.
func (s *Runners) release(runnerID int64) {
	s.polls.end(runnerID)
	s.queue.Release(runnerID)
}
