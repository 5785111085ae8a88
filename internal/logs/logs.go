// Package logs keeps what jobs print: the logs of their steps, the summaries
// they write, and, while they run, the newest lines for whoever follows.
//
// A log comes in parts. Each part is one blob and one row, written once, blob
// first; no part is ever read or rewritten to add another, so taking text in
// costs the same for the first megabyte as for the last. A part that comes
// again replaces itself, because the answer to the first may have been lost. What
// [Logs.PutPart] has taken survives power loss.
//
// A job's log is the logs of its steps in the order of their numbers; without any,
// what was sent as the log of the job (parts under its own GUID). GitHub's runner
// sends both, and its steps can, too; the latter stays readable in the archive of
// the run. It also fills in where the log of a step did not come: the runner sends that
// once, and a server that is just then away does not get it. [JobLog] is the one place
// that says what the log of a step and of a job is, by what there is when it is read,
// so it makes no difference what came first. Where neither came, what was shown live
// stands in ([Logs.Conclude]).
//
// Live lines are another stream, which runners send beside the log: cut, without
// time stamps, and with gaps when lines come too fast. They are held in memory,
// the newest of each running job, and wake followers at once. A follower
// reads that shared memory at its own pace: a slow one misses lines and is told
// so, and costs nothing. After a restart, it gets what is stored, what was
// written beside ([Logs.Recall]), and what comes.
// Other servers on the database get them too, within half a second, for as long as
// they have followers of the job ([Logs.Run]). A follower is told when the runner has no
// connection for them any more (file view.go).
package logs

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/outage"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
)

// Limits say how much of what a job sends is kept.
type Limits struct {
	Part    int64 // bytes of one upload; a longer one is refused
	Job     int64 // bytes of all of a job's parts; the text beyond is dropped, and a last line says so
	Parts   int64 // parts of a job's log
	Summary int64 // bytes of a step's summary; GitHub's limit is 1 MiB. See [Limits.MostSummary]
	Live    int   // bytes of live lines of one job
	AllLive int   // bytes of live lines of all jobs

	Diagnostics int64 // bytes of what a runner sends of its own logs, of one job
}

// DefaultLimits are for servers whose operator said nothing else.
func DefaultLimits() Limits {
	return Limits{
		Part: 256 << 20, Job: 2 << 30, Parts: 20_000, Summary: 1 << 20,
		Live: 2 << 20, AllLive: 32 << 20, Diagnostics: 32 << 20,
	}
}

// Config is what logs need. All fields are required but Limits, Dir, Settings and Outages.
type Config struct {
	Store  *store.Store
	Blobs  blob.Store
	Log    *slog.Logger
	Now    func() time.Time
	Limits Limits // the zero value stands for DefaultLimits

	Dir     string          // where live lines outlive the process; empty for nowhere
	Outages *outage.Outages // nil for a server that was never away

	Settings *settings.Settings // nil for those of a server whose operator says nothing
}

// Logs is safe for concurrent use.
type Logs struct {
	store  *store.Store
	blobs  blob.Store
	log    *slog.Logger
	now    func() time.Time
	limits Limits
	hub    *hub
	part   atomic.Int64 // the newest number of NewPart

	settings *settings.Settings

	outages *outage.Outages
	dir     string
	files   map[int64]string // by job: where its live lines are; of Recall and then of one loop
}

// New makes logs. It starts nothing: see [Logs.Run].
func New(c Config) *Logs {
	if c.Limits == (Limits{}) {
		c.Limits = DefaultLimits()
	}
	if c.Settings == nil {
		c.Settings = settings.New(c.Store)
	}
	l := &Logs{
		settings: c.Settings, store: c.Store, blobs: c.Blobs, log: c.Log, now: c.Now, limits: c.Limits,
		hub:     newHub(c.Limits.Live, c.Limits.AllLive, c.Now),
		outages: c.Outages, dir: c.Dir, files: map[int64]string{},
	}
	if l.dir != "" {
		l.hub.unkept = make(chan struct{}, 1)
	}
	return l
}

// Limits are the limits in force.
func (l *Logs) Limits() Limits { return l.limits }
