package results_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

func (s *site) update(j *actions.Job, order int, steps ...wire.StepUpdate) (int, string) {
	s.T.Helper()
	return s.call(j, wire.StepsUpdatePath, wire.StepsUpdateRequest{ResultsIDs: s.ids(j), ChangeOrder: wire.Int(order), Steps: steps}, nil)
}

func (s *site) steps(j *actions.Job) []actions.Step {
	s.T.Helper()
	list, err := s.Store.Steps(s.T.Context(), j.ID)
	if err != nil {
		s.T.Fatal(err)
	}
	var steps []actions.Step
	for _, step := range list {
		steps = append(steps, *step)
	}
	return steps
}

func TestStatesOfStepsAreTakenInOrder(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.Job("build")
		changed := s.Store.Subscribe(store.RunTopic(j.RunID))
		defer changed.Close()
		id := uuid.NewString()
		start, end := time.Date(2026, 11, 20, 12, 0, 0, 678e6, time.UTC), time.Date(2026, 11, 20, 12, 0, 1, 0, time.UTC)
		s.update(j, 2, wire.StepUpdate{ExternalID: strings.ToUpper(id), Number: 2, Name: "Run", Status: wire.StepInProgress, StartedAt: wire.At(start)})
		select {
		case <-changed.C():
		default:
			t.Error("nobody was woken")
		}
		s.update(j, 1, wire.StepUpdate{ExternalID: id, Number: 2, Name: "old news", Status: wire.StepPending})
		s.update(j, 3, wire.StepUpdate{
			ExternalID: id, Number: 2, Name: "Run", Status: wire.StepCompleted, StartedAt: wire.At(start), CompletedAt: wire.At(end), Conclusion: wire.StepFailure,
		})
		want := []actions.Step{{
			JobID: j.ID, GUID: id, Number: 2, Name: "Run", Status: actions.Completed, Conclusion: actions.Failure, StartedAt: start, CompletedAt: end,
		}}
		if d := cmp.Diff(want, s.steps(j)); d != "" {
			t.Error(d)
		}
		s.Complete(j, s.Now())
		if status, code := s.update(j, 4, wire.StepUpdate{ExternalID: id, Number: 2, Name: "after the end"}); status != http.StatusOK {
			t.Errorf("right after the end: %d %s", status, code)
		}
		if d := cmp.Diff(want, s.steps(j)); d != "" {
			t.Error(d)
		}
	})
}

// Two runners number the same words differently (LOG-2).
func TestStateOfAStepIsWhatItsEndSays(t *testing.T) {
	s := newServer(t)
	j := s.Job("build")
	for i, c := range []struct {
		name       string
		json       string
		status     actions.Status
		conclusion actions.Conclusion
	}{
		{"official, in progress", `"status":3,"started_at":"2026-11-20T12:00:00.000Z","completed_at":null,"conclusion":0`, actions.InProgress, ""},
		{"official, pending", `"status":5,"conclusion":0`, actions.Pending, ""},
		{"official, over", `"status":6,"completed_at":"2026-11-20T12:00:00.000Z","conclusion":2`, actions.Completed, actions.Success},
		{"official, skipped", `"status":6,"conclusion":7`, actions.Completed, actions.Skipped},
		{"independent, in progress", `"status":1,"started_at":"2026-11-20T12:00:00.000Z","conclusion":0`, actions.InProgress, ""},
		{"independent, pending", `"status":2,"conclusion":0`, actions.Pending, ""},
		{"independent, over", `"status":3,"started_at":"2026-11-20T12:00:00.000Z","completed_at":"2026-11-20T12:00:00.000Z","conclusion":4`, actions.Completed, actions.Cancelled},
		{"over, nobody knows how", `"status":3,"completed_at":"2026-11-20T12:00:00.000Z","conclusion":0`, actions.Completed, actions.Neutral},
		{"unknown", `"status":0,"conclusion":0`, actions.Pending, ""},
		{"unknown, begun", `"status":77,"started_at":"2026-11-20T12:00:00.000Z","conclusion":99`, actions.InProgress, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := uuid.NewString()
			ids := s.ids(j)
			in := fmt.Sprintf(`{"steps":[{"external_id":%q,"number":%d,"name":"x",%s}],"change_order":"%d","workflow_job_run_backend_id":%q,"workflow_run_backend_id":%q,"new":1}`,
				id, i+1, c.json, i+1, ids.JobID, ids.RunID)
			if status, code := s.call(j, wire.StepsUpdatePath, json.RawMessage(in), nil); status != http.StatusOK {
				t.Fatalf("%d %s", status, code)
			}
			steps := s.steps(j)
			got := steps[len(steps)-1]
			if got.GUID != id || got.Status != c.status || got.Conclusion != c.conclusion {
				t.Errorf("got %s %s, want %s %s", got.Status, got.Conclusion, c.status, c.conclusion)
			}
		})
	}
}

func TestHostileStepsAreCleanedOrRefused(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.Job("build")
		ids := s.ids(j)
		id := uuid.NewString()
		in := fmt.Sprintf(`{"steps":[{"external_id":%q,"number":-5,"name":"a\u0000b\nc %s \ud800%s","started_at":"0001-01-01T00:00:00Z","completed_at":"9999-12-31T23:59:59Z","conclusion":2}],
			"change_order":1,"workflow_job_run_backend_id":%q,"workflow_run_backend_id":%q}`, id, "\xff", strings.Repeat("x", 5000), ids.JobID, ids.RunID)
		if status, code := s.callRaw(j, in); status != http.StatusOK {
			t.Fatalf("%d %s", status, code)
		}
		step := s.steps(j)[0]
		if step.Number != 0 || !strings.HasPrefix(step.Name, "a b c \uFFFD \uFFFDxxx") || len(step.Name) > 1028 || !step.StartedAt.IsZero() || !step.CompletedAt.IsZero() {
			t.Errorf("got %+v", step)
		}
		if status, code := s.update(j, 2, wire.StepUpdate{ExternalID: "not a GUID", Number: 1}); status != http.StatusBadRequest || code != "invalid_argument" {
			t.Errorf("bad id: %d %s", status, code)
		}
		many := make([]wire.StepUpdate, 1999)
		for i := range many {
			many[i] = wire.StepUpdate{ExternalID: uuid.NewString(), Number: i + 1, Name: "x"}
		}
		if status, code := s.update(j, 3, many...); status != http.StatusOK {
			t.Errorf("2000 steps: %d %s", status, code)
		}
		if status, code := s.update(j, 4, wire.StepUpdate{ExternalID: uuid.NewString(), Number: 1}); status != http.StatusBadRequest || code != "invalid_argument" {
			t.Errorf("one more: %d %s", status, code)
		}
		if n := len(s.steps(j)); n != 2000 {
			t.Errorf("%d steps", n)
		}
	})
}

// callRaw calls the update of steps with a body that need not be UTF-8.
func (s *site) callRaw(j *actions.Job, body string) (int, string) {
	s.T.Helper()
	a := s.Do(http.MethodPost, "/"+wire.StepsUpdatePath, s.token(j), body)
	return a.StatusCode, string(a.Text)
}
