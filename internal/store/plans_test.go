package store_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// What runs every few seconds, or whenever somebody looks, must not become
// slower with every run that was ever made.
func TestFrequentQueriesReadNoWholeTable(t *testing.T) {
	now := time.Now()
	next := func(sc actions.Scope) func(context.Context, store.Explainer) error {
		return func(ctx context.Context, q store.Explainer) error {
			_, err := q.NextJobs(ctx, &store.LabelSet{ID: 1}, sc, 3)
			return err
		}
	}
	private := func(sc actions.Scope) func(context.Context, store.Explainer) error {
		return func(ctx context.Context, q store.Explainer) error {
			_, err := q.WaitingRepositories(ctx, &store.LabelSet{ID: 1}, sc, new(actions.Access), 3)
			return err
		}
	}
	for name, ask := range map[string]func(context.Context, store.Explainer) error{
		"busy runners": func(ctx context.Context, q store.Explainer) error {
			_, err := q.BusyRunners(ctx, []int64{1, 2})
			return err
		},
		"overdue jobs": func(ctx context.Context, q store.Explainer) error { _, err := q.OverdueJobs(ctx, now); return err },
		"old jobs":     func(ctx context.Context, q store.Explainer) error { _, err := q.QueuedBefore(ctx, now); return err },
		"runs of suspended accounts": func(ctx context.Context, q store.Explainer) error {
			_, err := q.RunsOfSuspended(ctx)
			return err
		},
		"logs without a date": func(ctx context.Context, q store.Explainer) error { _, err := q.UndatedLogs(ctx, 3); return err },
		"expired logs": func(ctx context.Context, q store.Explainer) error {
			_, err := q.ExpiredLogs(ctx, now, now, 3)
			return err
		},
		"names of kept actions": func(ctx context.Context, q store.Explainer) error { _, err := q.KeptRefs(ctx, "a/b", "v1"); return err },
		"kept commits": func(ctx context.Context, q store.Explainer) error {
			if _, err := q.KeptCommit(ctx, "a/b", "c"); actions.KindOf(err) != actions.NotFound {
				return err
			}
			return nil
		},
		"owners there ever were":        func(ctx context.Context, q store.Explainer) error { _, err := q.EverOwned(ctx, "a"); return err },
		"kept actions that nobody uses": func(ctx context.Context, q store.Explainer) error { _, err := q.LeastUsed(ctx, 1); return err },
		"actions of a run": func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.LockedActions(ctx, 1, 1, store.Page{Number: 1, Size: 3})
			return err
		},
		"label sets":    func(ctx context.Context, q store.Explainer) error { _, err := q.WaitingLabelSets(ctx); return err },
		"jobs of a run": func(ctx context.Context, q store.Explainer) error { _, err := q.Jobs(ctx, 1, 1); return err },
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
		"cancelled job of a runner": func(ctx context.Context, q store.Explainer) error {
			if _, err := q.CancelledJob(ctx, 1); actions.KindOf(err) != actions.NotFound {
				return err
			}
			return nil
		},
		"secrets of a job": func(ctx context.Context, q store.Explainer) error {
			_, err := q.JobSecrets(ctx, &actions.Repository{ID: 1, Owner: actions.Account{ID: 1}}, 1)
			return err
		},
		"variables of a run": func(ctx context.Context, q store.Explainer) error {
			_, err := q.RunVariables(ctx, &actions.Repository{ID: 1, Owner: actions.Account{ID: 1}})
			return err
		},
		"variables of an environment": func(ctx context.Context, q store.Explainer) error {
			_, err := q.EnvironmentVariables(ctx, 1)
			return err
		},
		"next job of the site":     next(actions.Scope{}),
		"next job of an owner":     next(actions.Scope{OwnerID: 1}),
		"next job of a repository": next(actions.Scope{RepoID: 1}),
		"repositories of a group": func(ctx context.Context, q store.Explainer) error {
			a := &actions.Access{GroupID: 2, ByRepo: true, Restricted: true, Workflows: []string{"a/b/ci.yml@main"}}
			_, err := q.WaitingRepositories(ctx, &store.LabelSet{ID: 1}, actions.Scope{OwnerID: 1}, a, 3)
			return err
		},
		"organizations of a group": func(ctx context.Context, q store.Explainer) error {
			_, err := q.WaitingRepositories(ctx, &store.LabelSet{ID: 1}, actions.Scope{}, &actions.Access{GroupID: 2, ByOrg: true}, 3)
			return err
		},
		"next job of a workflow": func(ctx context.Context, q store.Explainer) error {
			_, err := q.NextJobsOf(ctx, &store.LabelSet{ID: 1}, 1, []actions.WorkflowAt{{Path: "ci.yml", Refs: []string{"a", "b"}}, {Path: "ci.yml", SHA: "d"}}, 3)
			return err
		},
		"groups of runners": func(ctx context.Context, q store.Explainer) error {
			_, err := q.RunnerGroupIDs(ctx, []int64{1, 2})
			return err
		},
		"runners of a group": func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.GroupRunners(ctx, &actions.RunnerGroup{ID: 2, Scope: actions.Scope{OwnerID: 1}}, store.Page{Number: 2, Size: 3})
			return err
		},
		"groups of a repository": func(ctx context.Context, q store.Explainer) error {
			_, err := q.GroupsOfRepository(ctx, 1, 2)
			return err
		},
		"groups of an organization": func(ctx context.Context, q store.Explainer) error {
			_, err := q.GroupsOfOrganization(ctx, 1)
			return err
		},
		"private repositories of the site": private(actions.Scope{}),
		"private repositories of an owner": private(actions.Scope{OwnerID: 1}),
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
				if regexp.MustCompile(`^SCAN (jobs|runs|steps|accounts|attempts|secrets|variables|runners|runner_groups|runner_group_organizations|selected_repositories|[aghjorsu])\b`).MatchString(plan) {
					t.Errorf("%s, of %q", plan, *q.Plans)
				}
			}
		})
	}
}

// A list passes the rows before a page over in an index that has its order, and
// sorts a page at most. The second page of nothing asks how many rows there are.
func TestListsReadAnIndexInItsOrder(t *testing.T) {
	page := store.Page{Number: 2, Size: 30}
	runs := func(f store.RunFilter) func(context.Context, store.Explainer) error {
		return func(ctx context.Context, q store.Explainer) error {
			f.RepoID = 1
			_, _, err := q.Runs(ctx, f, page)
			return err
		}
	}
	artifacts := func(f store.ArtifactFilter) func(context.Context, store.Explainer) error {
		return func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.RunArtifacts(ctx, 1, f, page)
			return err
		}
	}
	repoArtifacts := func(name string) func(context.Context, store.Explainer) error {
		return func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.RepoArtifacts(ctx, 1, name, page)
			return err
		}
	}
	caches := func(f store.CacheFilter) func(context.Context, store.Explainer) error {
		return func(ctx context.Context, q store.Explainer) error {
			f.RepoID = 1
			_, _, err := q.Caches(ctx, f, page)
			return err
		}
	}
	checks := func(f store.CheckFilter) func(context.Context, store.Explainer) error {
		return func(ctx context.Context, q store.Explainer) error {
			f.RepoID = 1
			_, _, err := q.CheckRuns(ctx, f, page)
			return err
		}
	}
	for name, list := range map[string]struct {
		ask   func(context.Context, store.Explainer) error
		index string
	}{
		"runs":                     {runs(store.RunFilter{}), "runs_by_time "},
		"runs of a time":           {runs(store.RunFilter{From: time.Now()}), "runs_by_time "},
		"runs of a workflow":       {runs(store.RunFilter{WorkflowID: 1}), "runs_by_workflow "},
		"runs of an actor":         {runs(store.RunFilter{ActorID: 1}), "runs_by_actor "},
		"runs of a branch":         {runs(store.RunFilter{Branch: "main"}), "runs_by_branch "},
		"runs of an event":         {runs(store.RunFilter{Event: "push"}), "runs_by_event "},
		"runs of a commit":         {runs(store.RunFilter{HeadSHA: "a"}), "runs_by_sha "},
		"runs of a status":         {runs(store.RunFilter{Status: "queued"}), "runs_by_status "},
		"completed runs":           {runs(store.RunFilter{Status: "completed"}), "runs_by_time "},
		"runs of a conclusion":     {runs(store.RunFilter{Status: "failure"}), "runs_by_conclusion "},
		"runs of actor and branch": {runs(store.RunFilter{ActorID: 1, Branch: "main"}), "runs_by_actor_branch "},
		"runs of actor and event":  {runs(store.RunFilter{ActorID: 1, Event: "push"}), "runs_by_actor_event "},
		"runs of actor and result": {runs(store.RunFilter{ActorID: 1, Status: "failure"}), "runs_by_actor_conclusion "},
		"runs of actor and status": {runs(store.RunFilter{ActorID: 1, Status: "queued"}), "runs_by_status "},
		"runs of actor and time":   {runs(store.RunFilter{ActorID: 1, To: time.Now()}), "runs_by_actor "},
		"ended runs of an actor":   {runs(store.RunFilter{ActorID: 1, Status: "completed"}), "runs_by_actor "},
		"runs of branch and event": {runs(store.RunFilter{Branch: "main", Event: "push"}), "runs_by_branch_event "},
		"failed runs of a branch":  {runs(store.RunFilter{Branch: "main", Status: "failure"}), "runs_by_branch_conclusion "},
		"queued runs of a branch":  {runs(store.RunFilter{Branch: "main", Status: "queued"}), "runs_by_status "},
		"failed runs of an event":  {runs(store.RunFilter{Event: "push", Status: "failure"}), "runs_by_event_conclusion "},
		"failed runs of a time":    {runs(store.RunFilter{From: time.Now(), Status: "failure"}), "runs_by_conclusion "},
		"commit and branch":        {runs(store.RunFilter{HeadSHA: "a", Branch: "main"}), "runs_by_sha "},
		"commit and result":        {runs(store.RunFilter{HeadSHA: "a", Status: "failure"}), "runs_by_sha "},
		"commit and workflow":      {runs(store.RunFilter{HeadSHA: "a", WorkflowID: 1}), "runs_by_sha "},
		"workflow and actor":       {runs(store.RunFilter{WorkflowID: 1, ActorID: 1}), "runs_by_workflow_actor "},
		"workflow and branch":      {runs(store.RunFilter{WorkflowID: 1, Branch: "main"}), "runs_by_workflow_branch "},
		"workflow and event":       {runs(store.RunFilter{WorkflowID: 1, Event: "push"}), "runs_by_workflow_event "},
		"workflow and result":      {runs(store.RunFilter{WorkflowID: 1, Status: "failure"}), "runs_by_workflow_conclusion "},
		"workflow and status":      {runs(store.RunFilter{WorkflowID: 1, Status: "queued"}), "runs_by_status "},
		"workflow and time":        {runs(store.RunFilter{WorkflowID: 1, From: time.Now()}), "runs_by_workflow "},
		"artifacts":                {repoArtifacts(""), "artifacts_repo "},
		"artifacts of a name":      {repoArtifacts("a"), "artifacts_repo_name "},
		"artifacts of a run":       {artifacts(store.ArtifactFilter{}), "artifacts_run "},
		"oldest of a name and run": {artifacts(store.ArtifactFilter{Name: "a", Oldest: true}), "artifacts_run_name "},
		"caches":                   {caches(store.CacheFilter{}), "caches_access "},
		"caches by age":            {caches(store.CacheFilter{Sort: "created_at"}), "caches_created "},
		"caches by size":           {caches(store.CacheFilter{Sort: "size_in_bytes", Oldest: true}), "caches_size "},
		"check runs of a run":      {checks(store.CheckFilter{SuiteID: 1}), "jobs_run "},
		"jobs": {func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.RunJobs(ctx, 1, 1, page)
			return err
		}, "jobs_run "},
		"annotations": {func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.Annotations(ctx, 1, page)
			return err
		}, "annotations_job "},
		"annotations of a run": {func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.RunAnnotations(ctx, 1, 1, page)
			return err
		}, "annotations_job "},
		"runners": {func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.Runners(ctx, actions.Scope{}, "", page)
			return err
		}, "runners_scope "},
		"workflows": {func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.Workflows(ctx, 1, page)
			return err
		}, "workflows_repo "},
		"caches of an account": {func(ctx context.Context, q store.Explainer) error {
			_, _, err := q.OwnerCacheUsages(ctx, 1, page)
			return err
		}, "repositories_owner "},
	} {
		t.Run(name, func(t *testing.T) {
			q := storetest.Open(t).Explain()
			if err := list.ask(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			led := false
			for _, plan := range *q.Plans {
				inside := strings.HasSuffix(plan, store.Inside)
				led = led || inside && strings.Contains(plan, "INDEX "+list.index)
				if scan := strings.HasPrefix(plan, "SCAN") && plan != "SCAN counted"; scan || inside && strings.Contains(plan, "TEMP B-TREE") {
					t.Errorf("%s, of %q", plan, *q.Plans)
				}
			}
			if !led {
				t.Errorf("%sleads to no page: %q", list.index, *q.Plans)
			}
		})
	}
}
