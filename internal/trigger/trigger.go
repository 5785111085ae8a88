// Package trigger turns events into runs.
//
// [Trigger.Fire] does it for every event: it reads the workflow files at the commit
// that the event's row in the table of package event says, takes those whose `on`
// lets the event through, and makes a run of each. A run is planned outside of any
// transaction and written in one of its own, so a push with a thousand runs keeps
// nobody from writing for longer than one run takes.
//
// A push comes in two halves. Before any ref moves, [Trigger.Intend] writes down
// what is about to move. When git is done, [Trigger.Pushed] fires an event for each
// ref. Each run that it makes is noted with the intent, in the transaction that
// makes the run, and the intent ends when the last run is there. If the database
// cannot take them, or the server dies in between, the intent stays, and
// [Trigger.Run] goes on with it as soon as it can; so a push that was answered has
// its runs, once. What git has made of an intent is noted while its refs still
// tell: before the next push of the repository may move one. Pushes to a repository
// get their runs in the order in which they came.
//
// A push is answered when a portion of its runs is made. [Trigger.Run] makes the rest,
// and repositories take turns there. It makes no more than a rate of jobs for one
// repository, and for one account; what is over it comes later, and is never lost.
//
// What a push does to pull requests is package pull's to say, and what happens to one is an
// intent, too, which moves nothing: it stays until its runs are made.
//
// Where Actions is disabled for a repository, nothing that happens there makes a run, and
// a dispatch is refused.
//
// Any other event is noted in the transaction of its cause ([Trigger.Happen]), as an
// intent that is settled from the start: it stands in line with the pushes of its
// repository, and all of the above holds for it.
//
// [Trigger.RunSchedules] notes an event when a cron line of a default branch is due. The
// lines and their times are rows, which a push to the default branch makes, or that another
// branch becomes it, which is an intent of its own: so servers that
// share a database start each once, and one that was away starts late what it missed, once.
//
// A dispatch is checked against the workflow file at its ref, and is one event for
// one workflow.
//
// Files are known by their object name, so a file that did not change is not
// parsed again.
package trigger

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/pull"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Trigger is safe for concurrent use.
type Trigger struct {
	store     *store.Store
	git       *gitrepo.Git
	scheduler *scheduler.Scheduler
	policy    *policy.Policy
	log       *slog.Logger
	now       func() time.Time
	files     *recent.Cache[fileKey, *file] // parsed, by name
	lines     lines                         // of those who make the runs of pushes
	late      late
	pace      *pace
	pulls     *pull.Pulls
	idleAfter time.Duration
}

// Config is what a Trigger needs. All fields but those after the empty line are required.
type Config struct {
	Store     *store.Store
	Git       *gitrepo.Git
	Scheduler *scheduler.Scheduler
	Log       *slog.Logger
	Now       func() time.Time

	Policy        *policy.Policy // nil for that of a server whose operator says nothing
	Pulls         *pull.Pulls    // nil for none
	IdleAfter     time.Duration  // schedules of public repositories stop so long after the last push; 0 for never
	JobsPerSecond int            // of the runs of pushes, by repository and by account; 0 for 200
}

// New makes a trigger. It starts nothing: see [Trigger.Run].
func New(c Config) *Trigger {
	if c.Policy == nil {
		c.Policy = policy.New(c.Store, nil)
	}
	return &Trigger{
		store: c.Store, git: c.Git, scheduler: c.Scheduler, policy: c.Policy, log: c.Log, now: c.Now, files: recent.New[fileKey, *file](maxFiles, maxFilesSize),
		late: late{wake: make(chan struct{}, 1)}, pace: newPace(cmp.Or(c.JobsPerSecond, 200), c.Now), pulls: c.Pulls, idleAfter: c.IdleAfter,
	}
}
