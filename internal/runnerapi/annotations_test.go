package runnerapi_test

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// The bundled runner reports as many annotations of each kind as GitHub's, and how many
// more there were.
func TestThePageSaysHowManyAnnotationsAStepDropped(t *testing.T) {
	w := newWorld(t, nil)
	h := w.hold("box")
	w.want("completion", h.report(&wire.CompleteJobRequest{
		Conclusion: wire.Succeeded,
		StepResults: []wire.StepResult{
			{ExternalID: "3c1d6f42-0000-4000-8000-000000000001", Number: 1, Name: "Set up job", Conclusion: wire.Succeeded},
			{
				ExternalID: "3c1d6f42-0000-4000-8000-000000000002", Number: 2, Name: "lint", Conclusion: wire.Succeeded, AnnotationsDropped: 4,
				Annotations: []wire.Annotation{{Level: wire.LevelWarning, Message: "w", Path: "a.go", StartLine: 1}},
			},
		},
	}), http.StatusOK)
	list, _, err := w.Store.Annotations(t.Context(), w.jobOf(h).ID, store.Page{Number: 1, Size: 10})
	w.Must(err)
	if len(list) != 2 || list[1].StepNumber != 2 || list[1].Level != actions.LevelNotice ||
		list[1].Message != "4 more annotations of step 2 (lint) are in its log only: its runner reports a few of each kind." {
		t.Errorf("%+v", list)
	}
}
