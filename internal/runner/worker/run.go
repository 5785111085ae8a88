package worker

import (
	"context"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A timing says how long things may take: tests have less time.
type timing struct {
	grace  host.Grace    // of a process that must stop
	minute time.Duration // of timeout-minutes
	late   time.Duration // of a process that starts after the time limit
}

// officialTiming is how long GitHub's runner waits (CAN-3).
func officialTiming() timing {
	return timing{
		grace:  host.Grace{Interrupt: 7500 * time.Millisecond, Terminate: 2500 * time.Millisecond, Output: 5 * time.Second},
		minute: time.Minute,
		late:   time.Second,
	}
}

// Run executes the job. It returns when the job has ended and nothing of it is
// left running. When ctx ends, it kills what runs and returns as soon as it can.
func Run(ctx context.Context, j *Job) *Result { return runJob(ctx, j, officialTiming()) }

func runJob(ctx context.Context, j *Job, t timing) *Result {
	r := newRunning(ctx, j, t)
	done := make(chan struct{})
	var signals sync.WaitGroup
	signals.Go(func() {
		for {
			select {
			case s := <-j.Signals:
				r.signal(s)
			case <-done:
				return
			}
		}
	})
	if tries, ok := r.setUp(ctx); ok {
		r.runAll(tries)
		r.finish()
	}
	close(done)
	signals.Wait()
	if err := r.gh.Close(); err != nil {
		r.Log.WarnContext(ctx, "socket for gh not closed", "err", err)
	}
	if !r.closed { // the message asks to keep processes, but nothing of a job stays
		r.closeHost()
	}
	return r.result()
}

// signal passes a request to stop on. A shutdown is an error of the job.
func (r *running) signal(s Signal) {
	r.Log.Info("job told to stop", "signal", int(s))
	r.state.status.stop(s)
}

// runAll runs the steps in order, then the post steps that they registered,
// the last one first (RUN-6).
func (r *running) runAll(tries []try) {
	for _, t := range tries {
		r.runRecorded(t)
	}
	for _, t := range r.steps.postTries(r.kill) {
		r.runRecorded(t)
	}
}

// runRecorded runs a step that has a record of its own. Failures change the
// status of the job at once, so that later conditions see them.
func (r *running) runRecorded(t try) {
	t.record.start()
	e := r.run(t)
	if e.conclusion == wire.Failed {
		r.state.status.merge(wire.Failed)
	}
	t.record.complete(e.conclusion)
}

func (r *running) result() *Result {
	res := &Result{
		Conclusion:     r.state.status.get(),
		Outputs:        r.state.outputs,
		Steps:          r.steps.records.results(),
		EnvironmentURL: r.state.environmentURL,
		Subjects:       r.reportedSubjects(),
	}
	if r.actions.unresolved {
		res.Infrastructure = "resolve_action"
	}
	switch {
	case r.state.status.shuttingDown():
		res.Annotations = append(res.Annotations, wire.Annotation{Level: wire.LevelFailure, Message: shutdownMessage})
	case r.kill.Err() != nil && res.Conclusion == wire.Succeeded:
		res.Conclusion = wire.Canceled
	}
	return res
}
