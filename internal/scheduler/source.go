package scheduler

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// A Source is what a run was planned from, ready for use. It never changes.
type Source struct {
	Workflow *workflow.Workflow
	Event    expr.Value // github.event
	Inputs   expr.Value // inputs: an object, empty for events without inputs
	Server   string     // base of web pages when the event came: "https://ci.example"

	size int // bytes of the texts that it was made of
}

// Bounds of what is kept of the newest runs, so that each of their jobs does not
// read and parse it again: the memory is a few times the size of the texts.
const (
	maxSources     = 2048
	maxSourcesSize = 32 << 20
)

// A reader is what [store.Store] and [store.Tx] have in common here.
type reader interface {
	RunSource(ctx context.Context, runID int64) (*actions.RunSource, error)
}

// Source returns what a run was planned from.
func (s *Scheduler) Source(ctx context.Context, run *actions.Run) (*Source, error) {
	return s.source(ctx, s.store, run)
}

func (s *Scheduler) source(ctx context.Context, from reader, run *actions.Run) (*Source, error) {
	if src, ok := s.sources.Get(run.ID); ok {
		return src, nil
	}
	recorded, err := from.RunSource(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	w, err := workflow.Parse(run.Path, recorded.Workflow)
	if err != nil {
		return nil, actions.Errorf(actions.Invalid, "%w", err)
	}
	src, err := newSource(w, recorded)
	if err != nil {
		return nil, actions.Errorf(actions.Invalid, "%w", err)
	}
	s.sources.Put(run.ID, src, src.size)
	return src, nil
}

func newSource(w *workflow.Workflow, recorded *actions.RunSource) (*Source, error) {
	src := &Source{Workflow: w, Inputs: expr.NewObject(), size: len(recorded.Workflow) + len(recorded.Payload) + len(recorded.Inputs)}
	var err error
	if src.Event, err = expr.FromJSON(recorded.Payload); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	if len(recorded.Inputs) > 0 {
		if src.Inputs, err = expr.FromJSON(recorded.Inputs); err != nil {
			return nil, fmt.Errorf("inputs: %w", err)
		}
	}
	src.Server = serverOf(recorded.Payload)
	return src, nil
}

// serverOf finds the base of web pages in an event's repository.
func serverOf(payload []byte) string {
	var event struct {
		Repository struct {
			FullName string `json:"full_name"`
			HTMLURL  string `json:"html_url"`
		} `json:"repository"`
	}
	if json.Unmarshal(payload, &event) != nil {
		return ""
	}
	return strings.TrimSuffix(event.Repository.HTMLURL, "/"+event.Repository.FullName)
}

// What a repository has that sets nothing else, on a server that does not either.
const (
	artifactDays = 90
	cacheGB      = 10 // of all caches
)

// Github is the github context of an attempt (CTX, §14 of the semantics), less
// what only the runner knows. server is the base of web pages, api that of REST.
func (s *Scheduler) Github(run *actions.Run, repo *actions.Repository, src *Source, server, api string) *expr.Object {
	refType := "branch"
	if strings.HasPrefix(run.Ref, actions.TagPrefix) {
		refType = "tag"
	}
	_, host, _ := strings.Cut(server, "://")
	id := func(n int64) string { return strconv.FormatInt(n, 10) }
	return expr.NewObject().
		Set("ref", run.Ref).
		Set("sha", run.HeadSHA).
		Set("repository", repo.FullName()).
		Set("repository_id", id(repo.ID)).
		Set("repository_owner", repo.Owner.Login).
		Set("repository_owner_id", id(repo.Owner.ID)).
		Set("repositoryUrl", "git://"+host+"/"+repo.FullName()+".git").
		Set("repository_visibility", repo.Visibility()).
		Set("run_id", id(run.ID)).
		Set("run_number", id(run.Number)).
		Set("run_attempt", id(int64(run.Attempt))).
		Set("retention_days", id(int64(repo.Retention(s.artifactDays).Days))).
		Set("artifact_cache_size_limit", id(int64(cmp.Or(repo.CacheGB, s.cacheGB)))).
		Set("actor", run.Actor.Login).
		Set("actor_id", id(run.Actor.ID)).
		Set("triggering_actor", run.Triggering.Login).
		Set("workflow", run.Name).
		Set("workflow_ref", repo.FullName()+"/"+run.Path+"@"+run.Ref).
		Set("workflow_sha", run.HeadSHA).
		Set("head_ref", "").
		Set("base_ref", "").
		Set("event_name", run.Event).
		Set("event", src.Event).
		Set("server_url", server).
		Set("api_url", api).
		Set("graphql_url", strings.TrimSuffix(api, "/v3")+"/graphql").
		Set("ref_name", actions.ShortRef(run.Ref)).
		Set("ref_protected", false).
		Set("ref_type", refType).
		Set("secret_source", "Actions")
}

// contexts are what expressions of a run may name before any job has run.
func (s *Scheduler) contexts(run *actions.Run, repo *actions.Repository, src *Source) *expr.Object {
	return expr.NewObject().
		Set("github", s.Github(run, repo, src, src.Server, src.Server+"/api/v3")).
		Set("inputs", src.Inputs).
		Set("vars", expr.NewObject())
}

// minutes writes a duration as messages about time limits do.
func minutes(d time.Duration) string { return strconv.FormatFloat(d.Minutes(), 'f', -1, 64) }
