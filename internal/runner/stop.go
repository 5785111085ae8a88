package runner

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// cancel asks the worker to cancel job id (CAN-2) and ends it by force before
// the timeout is over (CAN-4). A repetition starts the time again. A
// cancellation of another job is ignored.
func (j *job) cancel(id string, timeout time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if id == "" || id != j.id {
		return
	}
	j.log().Info("job cancelled", "timeout", timeout)
	j.signal(worker.Cancel)
	j.arm(wire.KillAfter(timeout))
}

// lost cancels a job that is ours no longer.
func (j *job) lost(err error) {
	j.log().Warn("job lost", "err", err)
	j.cancel(j.jobID(), 0) // nobody waits for what it does
}

func (j *job) jobID() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.id
}

// finish waits for the job to end, for drain at the most: first on its own, then
// shut down (CAN-6), and then killed while there is time to report that.
func (j *job) finish(ctx context.Context, drain time.Duration) {
	last := min(j.r.timing.shutdown, drain/2)
	t := time.NewTimer(drain - last)
	defer t.Stop()
	select {
	case <-j.done:
		return
	case <-t.C:
	}
	j.log().InfoContext(ctx, "job is shut down with the runner")
	j.decline()
	j.mu.Lock()
	j.shutdown, j.grace = true, last*3/4
	if j.kill != nil {
		j.armShutdown()
	}
	j.mu.Unlock()
	<-j.done
}

// armShutdown needs j.mu.
func (j *job) armShutdown() {
	j.signal(worker.Shutdown)
	j.arm(j.grace)
	leave := j.leaving
	last := time.AfterFunc(j.grace+j.r.timing.lastWord, leave)
	go func() { <-j.done; last.Stop() }()
}

// arm sets the time of the kill, which ends the worker at once.
func (j *job) arm(d time.Duration) {
	if j.killer != nil {
		j.killer.Stop()
	}
	j.killer = time.AfterFunc(d, j.kill)
}

// signal never blocks: a worker that has this many waiting is stopping already.
func (j *job) signal(s worker.Signal) {
	select {
	case j.signals <- s:
	default:
	}
}
