package scheduler

import (
	"context"
	"reflect"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/plan"
	"github.com/understudy-ci/understudy/internal/plan/contexts"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/store"
)

// Bounds of the states in memory. A state that is not there is read.
const (
	maxStates     = 1024
	maxStatesSize = 32 << 20 // bytes
)

func newStates() *recent.Cache[int64, *state] {
	return recent.New[int64, *state](maxStates, maxStatesSize)
}

// A state is a run in its current attempt, as it stood at one revision. It does
// not change: a [draft] is made of a copy.
type state struct {
	run      *actions.Run
	attempt  *actions.Attempt
	repo     *actions.Repository
	record   uint64            // the revision of the repository's record and settings; 0 to read them again
	settings contexts.Settings // of the repository
	source   *contexts.Source
	broken   error      // why there is no source
	jobs     []plan.Job // as the plan knows them

	shared *expr.Object // github, inputs, vars; nil until somebody plans
}

// load reads the current attempt of a run. Its source is nil when this server
// cannot read the workflow file, even if an older server could.
func (s *Scheduler) load(ctx context.Context, runID int64) (*state, error) {
	st := &state{}
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		if st.run, err = tx.Run(ctx, runID); err != nil {
			return err
		}
		if st.attempt, err = tx.Attempt(ctx, runID, st.run.Attempt); err != nil {
			return err
		}
		if st.repo, err = tx.Repository(ctx, st.run.RepoID); err != nil {
			return err
		}
		st.jobs, err = tx.PlanJobs(ctx, runID, st.run.Attempt)
		return err
	})
	if err != nil {
		return nil, err
	}
	if st.settings, err = s.settings.OfRun(ctx, st.repo); err != nil {
		return nil, err
	}
	if st.source, err = s.sources.Of(ctx, st.run); err != nil {
		if actions.KindOf(err) != actions.Invalid {
			return nil, err
		}
		st.broken = err
	}
	return st, nil
}

// state is the newest state of a run that this server knows. One that it
// remembers is that of the store unless another server has changed the run. Its
// repository may have been renamed meanwhile, or have other settings.
func (s *Scheduler) state(ctx context.Context, runID int64) (st *state, remembered bool, err error) {
	st, remembered = s.states.Get(runID)
	if !remembered {
		st, err = s.load(ctx, runID)
		return st, false, err
	}
	revision := s.store.Revision(store.RecordTopic(st.run.RepoID), store.SettingsTopic())
	if st.record == revision {
		return st, true, nil
	}
	repo, err := s.store.Repository(ctx, st.run.RepoID)
	if err != nil {
		return nil, false, err
	}
	settings, err := s.settings.OfRun(ctx, repo)
	if err != nil {
		return nil, false, err
	}
	renewed := *st
	if !reflect.DeepEqual(repo, st.repo) || settings != st.settings {
		renewed.repo, renewed.settings, renewed.shared = repo, settings, nil
	}
	renewed.record = revision
	return &renewed, true, nil
}

// keep remembers the state of a run until its next revision.
func (s *Scheduler) keep(st *state) {
	if st.run.Status == actions.Completed || st.source == nil {
		s.states.Remove(st.run.ID)
		return
	}
	s.states.Put(st.run.ID, st, st.size())
}

// size is about how many bytes a state holds, less the source, which is shared.
func (st *state) size() int {
	const ofRun, ofJob = 4 << 10, 200
	return ofRun + len(st.jobs)*ofJob + int(st.outputs())
}

// outputs is what the outputs of all jobs count, in bytes of UTF-16.
func (st *state) outputs() (n int64) {
	for i := range st.jobs {
		n += actions.OutputsSize(st.jobs[i].Outputs)
	}
	return n
}

// logsExpire is when the logs of an attempt expire that begins now, as its artifacts do.
func (st *state) logsExpire(now time.Time) time.Time {
	return now.AddDate(0, 0, st.settings.RetentionDays)
}
