package store_test

import (
	"context"
	"regexp"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// What runs every few seconds, or whenever somebody looks, must not become
// slower with every run that was ever made.
func TestFrequentQueriesReadNoWholeTable(t *testing.T) {
	now, page := time.Now(), store.Page{Number: 1, Size: 30}
	runs := func(f store.RunFilter) func(context.Context, store.Explainer) error {
		return func(ctx context.Context, q store.Explainer) error {
			f.RepoID = 1
			_, _, err := q.Runs(ctx, f, page)
			return err
		}
	}
	next := func(sc actions.Scope) func(context.Context, store.Explainer) error {
		return func(ctx context.Context, q store.Explainer) error {
			_, err := q.NextJobs(ctx, 1, sc, 3)
			return err
		}
	}
	for name, ask := range map[string]func(context.Context, store.Explainer) error{
		"busy runners": func(ctx context.Context, q store.Explainer) error {
			_, err := q.BusyRunners(ctx, []int64{1, 2})
			return err
		},
		"overdue jobs":  func(ctx context.Context, q store.Explainer) error { _, err := q.OverdueJobs(ctx, now); return err },
		"old jobs":      func(ctx context.Context, q store.Explainer) error { _, err := q.QueuedBefore(ctx, now); return err },
		"label sets":    func(ctx context.Context, q store.Explainer) error { _, err := q.WaitingLabelSets(ctx); return err },
		"jobs of a run": func(ctx context.Context, q store.Explainer) error { _, err := q.Jobs(ctx, 1, 1); return err },
		"page of jobs": func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.RunJobs(ctx, 1, 1, page)
			return err
		},
		"steps of jobs": func(ctx context.Context, q store.Explainer) error {
			_, err := q.StepsOf(ctx, []int64{1, 2})
			return err
		},
		"job of a runner": func(ctx context.Context, q store.Explainer) error {
			if _, err := q.RunnerJob(ctx, 1); actions.KindOf(err) != actions.NotFound {
				return err
			}
			return nil
		},
		"next job of the site":         next(actions.Scope{}),
		"next job of an owner":         next(actions.Scope{OwnerID: 1}),
		"next job of a repository":     next(actions.Scope{RepoID: 1}),
		"runs":                         runs(store.RunFilter{}),
		"runs of a workflow":           runs(store.RunFilter{WorkflowID: 1}),
		"runs of an actor":             runs(store.RunFilter{ActorID: 1}),
		"runs of a branch":             runs(store.RunFilter{Branch: "main"}),
		"runs of an event":             runs(store.RunFilter{Event: "push"}),
		"runs of a commit":             runs(store.RunFilter{HeadSHA: "a"}),
		"runs of a status":             runs(store.RunFilter{Status: "queued"}),
		"runs of a conclusion":         runs(store.RunFilter{Status: "failure"}),
		"failed runs of a branch":      runs(store.RunFilter{Status: "failure", Branch: "main"}),
		"runs of a workflow in a time": runs(store.RunFilter{WorkflowID: 1, From: now}),
	} {
		t.Run(name, func(t *testing.T) {
			q := storetest.Open(t).Explain()
			if err := ask(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			if len(*q.Plans) == 0 {
				t.Error("no plan was seen")
			}
			for _, plan := range *q.Plans {
				if regexp.MustCompile(`^SCAN (jobs|runs|steps|[jr])\b`).MatchString(plan) {
					t.Errorf("%s, of %q", plan, *q.Plans)
				}
			}
		})
	}
}
