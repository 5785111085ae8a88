package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/client"
)

const (
	pollEvery = 50 * time.Millisecond // between looks at the run
	runLimit  = 3 * time.Minute       // it takes seconds
	findLimit = 30 * time.Second      // from the push to the run
)

// A watcher follows a run and notes when it saw things begin and end.
type watcher struct {
	client *client.Client
	repo   string
	seen   map[string]period // of jobs and steps
}

// find waits for the run of a commit.
func (w *watcher) find(ctx context.Context, sha string) (*run, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, findLimit, fmt.Errorf("git push returned %v ago, and there is no run of %.10s: is its workflow broken?", findLimit, sha))
	defer cancel()
	for {
		r, err := findRun(ctx, w.client, w.repo, sha)
		if r != nil || err != nil && ctx.Err() == nil {
			return r, err
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// follow calls show with each look at the run, until it is completed, and
// returns the last.
func (w *watcher) follow(ctx context.Context, id int64, show func(*frame)) (*frame, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, runLimit, fmt.Errorf("the run is not completed after %v", runLimit))
	defer cancel()
	for {
		f, err := w.look(ctx, id)
		if err != nil {
			return nil, cause(ctx, err)
		}
		show(f)
		if f.run.Status == completed {
			return f, nil
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// look asks for the run before its jobs: when it is completed, so are they.
func (w *watcher) look(ctx context.Context, id int64) (*frame, error) {
	r, err := getRun(ctx, w.client, w.repo, id)
	if err != nil {
		return nil, err
	}
	jobs, err := jobsOf(ctx, w.client, w.repo, id)
	if err != nil {
		return nil, err
	}
	f := &frame{run: *r, jobs: jobs, now: time.Now()}
	for i := range f.jobs {
		j := &f.jobs[i]
		j.period = w.note(fmt.Sprint(j.ID), j.Status, j.Conclusion, f.now)
		for k := range j.Steps {
			s := &j.Steps[k]
			s.period = w.note(fmt.Sprintf("%d/%d", j.ID, s.Number), s.Status, s.Conclusion, f.now)
		}
	}
	return f, nil
}

// note is when something was first seen to have begun, and to have ended.
func (w *watcher) note(key, status, conclusion string, now time.Time) period {
	s := w.seen[key]
	if s.began.IsZero() && (status == inProgress || status == completed && ran(conclusion)) {
		s.began = now
	}
	if s.ended.IsZero() && status == completed && !s.began.IsZero() {
		s.ended = now
	}
	w.seen[key] = s
	return s
}

// ran says whether what has that conclusion must have begun.
func ran(conclusion string) bool { return conclusion != skipped && conclusion != cancelled }

// pause waits for the time of the next look.
func pause(ctx context.Context) error {
	t := time.NewTimer(pollEvery)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// cause is why ctx has ended, else err.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
