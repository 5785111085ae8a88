package trigger_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// end ends all runs that are open, and makes those that follow.
func (b *bench) end() {
	b.t.Helper()
	ctx, log := b.t.Context(), slog.New(slog.NewTextHandler(b.t.Output(), nil))
	sc := scheduler.New(scheduler.Config{
		Store: b.st, Queue: queue.New(b.st, log, time.Minute, time.Now, queue.Rules{}), Sources: source.New(b.st), Log: log, Now: time.Now,
		NewID: uuid.NewString, Lease: time.Minute,
	})
	b.must(sc.EndRuns(ctx, b.repo.ID))
	b.must(b.Reconcile(ctx, base)) // as a server does that starts after one that was killed
}

// follows is a workflow that follows another.
func follows(name, on string) string {
	return fmt.Sprintf("name: %s\non: {workflow_run: %s}\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n", name, on)
}

func TestRunsFollowRunsThatEndAtMostThreeDeep(t *testing.T) { // TRG-10
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		b.Commit("first", dir+"a.yml", onPush,
			dir+"b.yml", follows("B", "{workflows: [CI], types: [completed]}"), dir+"c.yml", follows("C", "{workflows: [B], types: [completed]}"),
			dir+"d.yml", follows("D", "{workflows: [C], types: [completed]}"), dir+"e.yml", follows("E", "{workflows: [D], types: [completed]}"),
			dir+"x.yml", follows("X", "{workflows: [CI], branches: [other], types: [completed]}"))
		b.push(false, "refs/heads/main")
		want := []string{"CI push refs/heads/main"}
		b.want(want...)
		for _, name := range []string{"B", "C", "D"} {
			b.end()
			want[len(want)-1] += " cancelled"
			want = append(want, name+" workflow_run refs/heads/main")
			b.want(want...)
		}
		b.end()
		want[len(want)-1] += " cancelled"
		b.want(want...)
		list, _, err := st.Runs(t.Context(), store.RunFilter{RepoID: b.repo.ID, Event: "workflow_run"}, store.Page{Number: 1, Size: 1})
		b.must(err)
		src, err := st.RunSource(t.Context(), list[0].ID)
		b.must(err)
		var p struct {
			Action      string
			WorkflowRun struct {
				Name, Conclusion, Status string
				HeadSHA                  string `json:"head_sha"`
			} `json:"workflow_run"`
			Workflow struct{ Path string }
		}
		b.must(json.Unmarshal(src.Payload, &p))
		if p.Action != "completed" || p.WorkflowRun.Name != "C" || p.WorkflowRun.Conclusion != "cancelled" || p.WorkflowRun.Status != "completed" || p.Workflow.Path != dir+"c.yml" {
			t.Errorf("payload %+v", p)
		}
	})
}

func TestARunIsFollowedWhenItIsRequested(t *testing.T) { // TRG-10
	b := newBench(t, storetest.Open(t))
	b.Commit("first", dir+"a.yml", onPush, dir+"b.yml", follows("B", "{workflows: [CI], types: [requested]}"), dir+"c.yml", follows("C", "{types: [in_progress]}"))
	b.push(false, "refs/heads/main")
	b.must(b.Reconcile(t.Context(), base))
	b.want("CI push refs/heads/main", "B workflow_run refs/heads/main")
	b.end()
	b.want("CI push refs/heads/main cancelled", "B workflow_run refs/heads/main cancelled")
}
