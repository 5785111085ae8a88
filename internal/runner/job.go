package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// acquireWindow is how long an offer stands: servers offer a job elsewhere after
// two minutes.
const acquireWindow = 90 * time.Second

// A job is one accepted offer, from its acquisition to completejob.
type job struct {
	r      *Runner
	logger atomic.Pointer[slog.Logger]
	req    *wire.RunnerJobRequest
	done   chan struct{} // closed when all is reported

	diagnostics *diagnostics // set by diagnose

	polled bool // only the listener's: the wait before the first Busy poll is over

	// Set before done is closed.
	acquired bool
	err      error // why it was not acquired

	signals   chan worker.Signal
	listening context.Context // done when the runner ends
	offer     context.Context // done when nothing is to be acquired any more
	decline   context.CancelFunc

	mu       sync.Mutex
	id       string // "" until acquired
	kill     context.CancelFunc
	killer   *time.Timer
	leaving  context.CancelFunc // ends the patience with the server
	shutdown bool
	grace    time.Duration // from the shutdown to the kill
}

// start begins to work on an offer. The job does not end with ctx: it is told
// by finish.
func (l *listener) start(ctx context.Context, session string, req *wire.RunnerJobRequest) *job {
	j := &job{
		r: l.Runner, req: req, listening: ctx,
		done: make(chan struct{}), signals: make(chan worker.Signal, 4),
	}
	j.logger.Store(l.cfg.Log.With("request", req.RunnerRequestID))
	ctx = context.WithoutCancel(ctx)
	j.offer, j.decline = context.WithTimeout(ctx, acquireWindow)
	go func() {
		defer close(j.done)
		defer j.decline()
		j.work(ctx, session)
	}()
	return j
}

// log is told more of the job as more is known, while others write to it.
func (j *job) log() *slog.Logger { return j.logger.Load() }

func (j *job) work(ctx context.Context, session string) {
	var wg sync.WaitGroup
	defer wg.Wait()
	if j.req.ShouldAcknowledge {
		log := j.log() // that of the offer
		wg.Go(func() { // beside the acquisition, which counts more
			if err := j.r.acknowledge(ctx, session, j.req); err != nil {
				log.WarnContext(ctx, "offer was not acknowledged", "err", err)
			}
		})
	}
	msg, err := j.acquire(ctx)
	if err != nil {
		j.err = err
		j.log().WarnContext(ctx, "job was not acquired", "err", err)
		return
	}
	j.acquired = true
	j.logger.Store(j.log().With("job", msg.JobID))
	j.diagnose(msg)
	j.log().InfoContext(ctx, "job acquired", "name", msg.JobDisplayName)
	result := j.run(ctx, msg)
	j.log().InfoContext(ctx, "job completed", "conclusion", result.Conclusion)
}

// acquire takes the job. A refusal is final; anything else is repeated while
// the offer stands.
func (j *job) acquire(ctx context.Context) (*wire.JobMessage, error) {
	msg := &wire.JobMessage{}
	// What has been sent is waited for: the server may have given us the job.
	err := retry(j.offer, j.log(), wire.AcquireJobPath, forAcquiring, func(context.Context) error {
		err := j.r.authorized(ctx, call{
			method: http.MethodPost, url: join(j.req.RunServiceURL, wire.AcquireJobPath), out: msg,
			in: wire.AcquireJobRequest{JobMessageID: j.req.RunnerRequestID, RunnerOS: osLabel(), BillingOwnerID: j.req.BillingOwnerID},
		})
		switch runServiceStatus(err) {
		case http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity:
			return forGood(err)
		}
		return err
	})
	switch c := msg.Connection(); {
	case err != nil:
		return nil, err
	case msg.JobID == "" || msg.Plan.PlanID == "" || c == nil || c.URL == "" || c.Token() == "":
		return nil, errors.New("the job message lacks an id or its connection")
	}
	return msg, nil
}

// run executes an acquired job and reports it.
func (j *job) run(ctx context.Context, msg *wire.JobMessage) *worker.Result {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	work, kill := context.WithCancel(ctx)
	defer kill()
	j.begin(msg.JobID, kill, leave)

	l := newLease(ctx, j, msg)
	holding := make(chan struct{})
	hold, release := context.WithCancel(ctx)
	go func() {
		defer close(holding)
		l.hold(hold)
	}()

	result := j.execute(ctx, work, l)
	release()
	<-holding
	j.end()
	return result
}

// execute runs the worker in directories of its own, delivers what it showed
// and reports the end.
func (j *job) execute(ctx, work context.Context, l *lease) *worker.Result {
	tracking := host.NewTrackingID()
	dirs, err := j.r.makeDirectories(l.msg)
	if err == nil {
		err = j.r.track(tracking)
	}
	if err != nil {
		result := failure(err.Error())
		j.complete(ctx, l, result)
		return result
	}
	defer j.r.removals.remove(dirs.spool)
	out := newSink(l, dirs.spool)
	result := j.guard(work, tracking, func() *worker.Result {
		w := j.workerJob(l, dirs, tracking, out)
		engine, done := j.engine(work, dirs, tracking)
		defer done()
		w.Engine = engine
		switch j.r.cfg.Isolation.Kind() {
		case User:
			return j.box(work, l, dirs, w, tracking)
		case Container:
			return j.contain(work, l, dirs, w, tracking)
		case None:
		}
		return j.r.cfg.Execute(work, w)
	})
	j.r.untrack()
	for _, dir := range dirs.ofTheJob() {
		j.r.removals.remove(dir)
	}
	j.sendDiagnostics(out)
	out.close()
	j.complete(ctx, l, result)
	out.wait()
	return result
}

func (j *job) workerJob(l *lease, dirs *directories, tracking string, out worker.Sink) *worker.Job {
	group, environment := l.msg.Variable(wire.VarRunnerGroupName), l.msg.Variable(wire.VarRunnerEnvironment)
	if environment == "" {
		environment = "self-hosted"
	}
	return &worker.Job{
		Message: forSteps(l.msg),
		WorkDir: dirs.work, TempDir: dirs.temp, ActionsDir: dirs.actions, ToolDir: dirs.tool, Node: j.r.cfg.Node,
		Runner: worker.RunnerInfo{
			Name: j.r.settings.AgentName, OS: osLabel(), Arch: archLabel(), GroupName: group,
			Environment: environment, Version: j.r.cfg.Version, MachineName: hostname(), Isolation: string(j.r.cfg.Isolation), Limits: j.r.limits(),
		},
		Host: host.NewLocal(j.r.cfg.Env, tracking), Actions: &actionSource{l}, Sink: out, Signals: j.signals, Now: j.r.cfg.Now, Log: j.log(),
	}
}

// guard runs the worker and makes a failed job of a crash, after which nothing
// of the job is left either.
func (j *job) guard(ctx context.Context, tracking string, execute func() *worker.Result) (result *worker.Result) {
	defer func() {
		if p := recover(); p != nil {
			j.log().ErrorContext(ctx, "worker crashed", "err", fmt.Sprint(p), "stack", string(debug.Stack()))
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leftoverTimeout)
			defer cancel()
			if _, err := host.KillLeftovers(ctx, tracking); err != nil {
				j.log().ErrorContext(ctx, "processes of the job may be left", "err", err)
			}
			result = failure("The worker of the runner crashed. Its log has the details.")
		}
	}()
	return execute()
}

func failure(text string) *worker.Result {
	return &worker.Result{
		Conclusion:  wire.Failed,
		Annotations: []wire.Annotation{{Level: wire.LevelFailure, Message: text, IsInfrastructureIssue: true}},
	}
}

// complete reports the end of the job. It tries at least once, even when the
// job is lost.
func (j *job) complete(ctx context.Context, l *lease, result *worker.Result) {
	req := wire.CompleteJobRequest{
		PlanID: l.msg.Plan.PlanID, JobID: l.msg.JobID, Conclusion: result.Conclusion, Outputs: result.Outputs,
		StepResults: result.Steps, Annotations: result.Annotations, EnvironmentURL: result.EnvironmentURL,
		BillingOwnerID: l.msg.BillingOwnerID, InfrastructureCategory: result.Infrastructure, Subjects: result.Subjects,
	}
	if err := l.complete(ctx, req); err != nil {
		j.log().ErrorContext(ctx, "end of the job was not reported", "err", err)
	}
}

func (j *job) begin(id string, kill, leave context.CancelFunc) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.id, j.kill, j.leaving = id, kill, leave
	if j.shutdown { // asked for before there was something to shut down
		j.armShutdown()
	}
}

func (j *job) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.killer != nil {
		j.killer.Stop()
	}
}
