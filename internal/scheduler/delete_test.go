package scheduler_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestADeletedRunDropsWhatItsArtifactsHold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		run := b.start(chain)
		job := b.job(run, "a")
		b.must(st.Update(t.Context(), func(tx *store.Tx) error {
			a := &actions.Artifact{RepoID: run.RepoID, RunID: run.ID, Attempt: 1, JobID: job.ID, Name: "dist", ObjectID: 7}
			if err := tx.CreateArtifact(t.Context(), a, 1); err != nil {
				return err
			}
			_, _, err := tx.PublishArtifact(t.Context(), a)
			return err
		}))
		b.end(run, "a", actions.Success, nil)
		var dropped []int64
		drop := func(_ context.Context, tx *store.Tx, objects ...int64) error {
			tx.After(func() { dropped = append(dropped, objects...) })
			return nil
		}
		sc := scheduler.New(scheduler.Config{Store: st, Queue: b.queue, Sources: source.New(st), Log: slog.New(slog.DiscardHandler), Now: time.Now, Drop: drop})
		b.must(sc.Delete(t.Context(), run.ID))
		if !slices.Equal(dropped, []int64{7}) {
			t.Errorf("dropped objects %v, want 7", dropped)
		}
	})
}
