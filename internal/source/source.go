// Package source reads what runs were planned from.
//
// A run keeps the event and the texts of its files as they were recorded
// ([actions.RunSource]). Each of its jobs needs them parsed, when it is planned
// and when a runner takes it. So the parsed sources of the newest runs are kept
// in memory, for all who ask. They never change, so none of them can be stale.
package source

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/plan/contexts"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/store"
)

// Bounds of what is kept: the memory is a few times the size of the texts.
const (
	maxSources     = 2048
	maxSourcesSize = 32 << 20
)

// Sources are those of all runs. They are safe for concurrent use.
type Sources struct {
	store *store.Store
	kept  *recent.Cache[int64, *contexts.Source] // by run
}

// New makes Sources that read from st.
func New(st *store.Store) *Sources {
	return &Sources{store: st, kept: recent.New[int64, *contexts.Source](maxSources, maxSourcesSize)}
}

// A Reader is what [store.Store] and [store.Tx] have in common here.
type Reader interface {
	RunSource(ctx context.Context, runID int64) (*actions.RunSource, error)
}

// Of returns the source of a run. It is Invalid if this server cannot read it:
// another version of the server, which could, made the run.
func (s *Sources) Of(ctx context.Context, run *actions.Run) (*contexts.Source, error) {
	return s.In(ctx, s.store, run)
}

// In is [Sources.Of] within the transaction that from is.
func (s *Sources) In(ctx context.Context, from Reader, run *actions.Run) (*contexts.Source, error) {
	if src, ok := s.kept.Get(run.ID); ok {
		return src, nil
	}
	recorded, err := from.RunSource(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	src, err := contexts.Parse(run.Path, recorded)
	if err != nil {
		return nil, err
	}
	s.Keep(run.ID, recorded, src)
	return src, nil
}

// Keep remembers the source of a run that was just made, once it is committed.
func (s *Sources) Keep(runID int64, recorded *actions.RunSource, src *contexts.Source) {
	s.kept.Put(runID, src, len(recorded.Workflow)+len(recorded.Payload)+len(recorded.Inputs))
}
