package trigger

import (
	"context"
	"errors"
	"runtime"
	"time"

	"golang.org/x/time/rate"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/fair"
	"github.com/understudy-ci/understudy/internal/recent"
)

// A pace delays the runs of pushes to a repository, or of an account, that have had
// many jobs lately. The runs come, in their order, when the rate allows. A job counts
// as one, and so does a millisecond in which a run was planned.
type pace struct {
	now       func() time.Time
	perSecond int
	buckets   *recent.Cache[payer, *rate.Limiter]
	planners  *fair.Places[int64] // who uses the processor now, by repository
}

// A payer is a repository or an account: the other is 0.
type payer struct{ repo, account int64 }

const (
	maxPayers = 10_000 // that are remembered
	savedUp   = 60     // seconds of the rate that may come at once
)

func newPace(perSecond int, now func() time.Time) *pace {
	return &pace{now, perSecond, recent.New[payer, *rate.Limiter](maxPayers, maxPayers), fair.New[int64](runtime.GOMAXPROCS(0))}
}

func (p *pace) bucket(of payer) *rate.Limiter {
	if b, ok := p.buckets.Get(of); ok {
		return b
	}
	b := rate.NewLimiter(rate.Limit(p.perSecond), savedUp*p.perSecond)
	p.buckets.Put(of, b, 1)
	return b
}

// wait is how long the next run of a push must wait.
func (p *pace) wait(push *actions.Push) time.Duration {
	now := p.now()
	var longest time.Duration
	for _, of := range []payer{{repo: push.RepoID}, {account: push.ActorID}} {
		b := p.bucket(of)
		if missing := 1 - b.TokensAt(now); missing > 0 {
			longest = max(longest, time.Duration(missing/float64(b.Limit())*float64(time.Second)))
		}
	}
	return longest
}

// charge counts a run that a push has made.
func (p *pace) charge(push *actions.Push, jobs int, planning time.Duration) {
	now := p.now()
	for _, of := range []payer{{repo: push.RepoID}, {account: push.ActorID}} {
		b := p.bucket(of)
		b.ReserveN(now, min(max(jobs, 1)+int(planning.Milliseconds()), b.Burst())) // it may owe
	}
}

// plan waits until the processor is free for a repository: one run of it is planned
// at a time, and in turn with those of others.
func (p *pace) plan(ctx context.Context, repoID int64) (done func(), err error) {
	return p.planners.Enter(ctx, repoID, 1)
}

// A portion is what one caller makes before it lets others: so that a push is answered
// soon, and that repositories with much to do take turns.
type portion struct {
	left  int       // runs and refs
	jobs  int       // of these runs
	until time.Time // and no longer than this
	next  []int64   // repositories that have got intents by what was made
}

const (
	portionRuns = 100
	portionJobs = 1000
	portionTime = 10 * time.Second
)

func newPortion(now time.Time) *portion {
	return &portion{left: portionRuns, jobs: portionJobs, until: now.Add(portionTime)}
}

// used says whether a portion is used up. A nil one never is.
func (p *portion) used(now time.Time) bool {
	return p != nil && (p.left <= 0 || p.jobs <= 0 || now.After(p.until))
}

func (p *portion) take(jobs int) {
	if p != nil {
		p.left, p.jobs = p.left-1, p.jobs-jobs
	}
}

// errLater says that the rest of the runs of a push come later.
var errLater = errors.New("the rest of the runs come later")
