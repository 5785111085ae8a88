package scheduler_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	blobfs "github.com/understudy-ci/understudy/internal/blob/fs"
	"github.com/understudy-ci/understudy/internal/object"
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
		blobs, err := blobfs.New(t.TempDir(), blobfs.Options{Now: time.Now, NoSync: true})
		b.must(err)
		objects := object.New(object.Config{Store: st, Blobs: blobs, Log: slog.New(slog.DiscardHandler), Now: time.Now})
		held := &store.Object{RepoID: run.RepoID, GUID: "g", SizeLimit: 1, CreatedAt: time.Now()}
		b.must(st.CreateObject(t.Context(), held))
		b.must(st.Update(t.Context(), func(tx *store.Tx) error {
			a := &actions.Artifact{RepoID: run.RepoID, RunID: run.ID, Attempt: 1, JobID: job.ID, Name: "dist", ObjectID: held.ID}
			if err := tx.CreateArtifact(t.Context(), a, 1); err != nil {
				return err
			}
			_, _, err := tx.PublishArtifact(t.Context(), a)
			return err
		}))
		b.end(run, "a", actions.Success, nil)
		sc := scheduler.New(scheduler.Config{Store: st, Queue: b.queue, Sources: source.New(st), Log: slog.New(slog.DiscardHandler), Now: time.Now, Objects: objects})
		b.must(sc.Delete(t.Context(), run.ID))
		if o, err := st.Object(t.Context(), held.ID); actions.KindOf(err) != actions.NotFound {
			t.Errorf("object %+v, %v, want that it is dropped", o, err)
		}
	})
}
