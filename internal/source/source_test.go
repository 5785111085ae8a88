package source_test

import (
	"context"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/plan/contexts"
	"github.com/understudy-ci/understudy/internal/source"
)

// A shelf has one recorded source for every run, and counts who asks.
type shelf struct {
	recorded actions.RunSource
	asked    int
}

func (s *shelf) RunSource(context.Context, int64) (*actions.RunSource, error) {
	s.asked++
	return &s.recorded, nil
}

const text = "on: push\njobs: {a: {runs-on: linux, steps: [{run: make}]}}\n"

func TestTheSourceOfARunIsReadOnce(t *testing.T) {
	sources, from := source.New(nil), &shelf{recorded: actions.RunSource{Workflow: []byte(text), Payload: []byte("{}")}}
	for _, id := range []int64{1, 1, 2, 1, 2} {
		src, err := sources.In(t.Context(), from, &actions.Run{ID: id, Path: "ci.yml"})
		if err != nil || src.Workflow.Job("a") == nil {
			t.Fatalf("run %d: %+v, %v", id, src, err)
		}
	}
	if from.asked != 2 {
		t.Errorf("two runs were read %d times", from.asked)
	}
}

func TestTheSourceOfANewRunIsNotReadAtAll(t *testing.T) {
	sources, from := source.New(nil), &shelf{}
	made := &contexts.Source{}
	sources.Keep(1, &from.recorded, made)
	if src, err := sources.In(t.Context(), from, &actions.Run{ID: 1}); src != made || err != nil || from.asked != 0 {
		t.Errorf("got %p, %v after %d questions; want %p", src, err, from.asked, made)
	}
}

// Another version of the server may have made the run, or will read it.
func TestASourceThatCannotBeReadIsInvalidEachTime(t *testing.T) {
	sources, from := source.New(nil), &shelf{recorded: actions.RunSource{Workflow: []byte("jobs: ["), Payload: []byte("{}")}}
	for range 2 {
		if _, err := sources.In(t.Context(), from, &actions.Run{ID: 1, Path: "ci.yml"}); actions.KindOf(err) != actions.Invalid {
			t.Errorf("got %v, want Invalid", err)
		}
	}
}
