package scheduler_test

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/outage"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// Where it is known that the server was away, people read that, and when.
func TestAJobThatWasGivenUpSaysWhenTheServerWasAway(t *testing.T) { // JOB-4
	synctest.Test(t, func(t *testing.T) {
		dir, log := t.TempDir(), slog.New(slog.NewTextHandler(t.Output(), nil))
		back := func() *outage.Outages { // the server starts
			o, err := outage.Open(dir, time.Now, log)
			if err == nil {
				err = o.Back()
			}
			if err != nil {
				t.Fatal(err)
			}
			return o
		}
		b := newBench(t, storetest.Open(t))
		back()
		j := b.acquire(b.start(oneJob), "a")
		time.Sleep(50 * time.Second)
		back() // it was killed 50 s ago
		time.Sleep(2 * time.Second)
		b.Scheduler = scheduler.New(scheduler.Config{
			Store: b.st, Queue: b.queue, Sources: source.New(b.st), Log: log, Now: time.Now, NewID: uuid.NewString, Lease: lease, Outages: back(),
		})
		time.Sleep(30 * time.Second)
		b.must(b.Complete(t.Context(), j, &scheduler.Result{Conclusion: actions.Cancelled, Steps: []*actions.Step{}}))
		notes, _, err := b.st.Annotations(t.Context(), j.ID, store.Page{Number: 1, Size: 10})
		b.must(err)
		want := "The runner box could not reach the server, which was away " +
			outage.Span{From: j.StartedAt, To: j.StartedAt.Add(50 * time.Second)}.String() + ", so it gave this job up. Nobody had cancelled it."
		if len(notes) != 1 || notes[0].Message != want {
			t.Errorf("annotations %+v, want %q", notes, want)
		}
	})
}

// A runner that was silent for a moment only has another reason.
func TestAJobThatItsRunnerCancelledWithinAMinuteSaysOnlyThat(t *testing.T) { // JOB-4
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, storetest.Open(t))
		j := b.acquire(b.start(oneJob), "a")
		time.Sleep(50 * time.Second)
		b.must(b.Complete(t.Context(), j, &scheduler.Result{Conclusion: actions.Cancelled}))
		notes, _, err := b.st.Annotations(t.Context(), j.ID, store.Page{Number: 1, Size: 10})
		b.must(err)
		if len(notes) != 1 || !strings.HasSuffix(notes[0].Message, "nobody had cancelled it.") || strings.Contains(notes[0].Message, "reach") {
			t.Errorf("annotations %+v", notes)
		}
	})
}
