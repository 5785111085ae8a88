package runnerapi

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/plan"
	"github.com/understudy-ci/understudy/internal/plan/contexts"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/wire/convert"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// An assignment is a job and all that its message is made of.
type assignment struct {
	job     *actions.Job
	run     *actions.Run
	attempt *actions.Attempt
	repo    *actions.Repository
	source  *contexts.Source
	spec    *workflow.Job // the job in the workflow file
	jobs    []plan.Job
	token   string            // GITHUB_TOKEN
	grants  map[string]string // its permissions
}

// tokenSlack is how long a job's tokens outlive the job's longest life: for
// uploads, and because a runner gets no second one (AUTH-2).
const tokenSlack = time.Hour

// assignment loads the job with its run, if the runner may take it now. Nothing
// is changed yet: [queue.Queue.Acquire] decides again.
func (a *API) assignment(ctx context.Context, guid string, r *actions.Runner) (*assignment, error) {
	if uuid.Validate(guid) != nil {
		return nil, actions.Errorf(actions.NotFound, "job %.60q", guid)
	}
	as := &assignment{}
	err := a.Store.View(ctx, func(tx *store.Tx) (err error) {
		if as.job, err = tx.JobByGUID(ctx, strings.ToLower(guid)); err != nil {
			return err
		}
		asked := *as.job
		if err := asked.Acquire(r, a.Now(), 0); err != nil {
			return err
		}
		if as.run, err = tx.Run(ctx, as.job.RunID); err != nil {
			return err
		}
		if as.attempt, err = tx.Attempt(ctx, as.run.ID, as.job.Attempt); err != nil {
			return err
		}
		as.repo, err = tx.Repository(ctx, as.job.RepoID)
		return err
	})
	return as, err
}

// read finds the job in its workflow, and the jobs that it needs. With an error of kind Invalid no runner
// can ever be told about it.
func (a *API) read(ctx context.Context, as *assignment) (err error) {
	if as.source, err = a.Sources.Of(ctx, as.run); err != nil {
		return err
	}
	if as.spec = as.source.Workflow.Job(as.job.Key); as.spec == nil {
		return actions.Errorf(actions.Invalid, "the workflow has no job %q", as.job.Key)
	}
	if len(as.spec.Needs) > 0 { // they are over, and stay as they are
		if as.jobs, err = a.Store.PlanJobs(ctx, as.run.ID, as.job.Attempt); err != nil {
			return err
		}
	}
	as.grants = grants(as.source.Workflow, as.spec)
	as.token, err = a.Keys.Installation(as.job.GUID)
	return err
}

// grants are the permissions of the job's token (PRM-1): the job's own, else
// the workflow's, else those that a new repository has.
func grants(w *workflow.Workflow, j *workflow.Job) map[string]string {
	p := j.Permissions
	if p == nil {
		p = w.Permissions
	}
	if p == nil {
		return map[string]string{"contents": "read", "metadata": "read", "packages": "read"}
	}
	out := make(map[string]string)
	for scope, level := range p.Grants() {
		out[scope] = string(level)
	}
	return out
}

// end is when a job that starts at the given time is over at the latest.
func (as *assignment) end(start time.Time) time.Time {
	return start.Add(as.job.Timeout + as.job.CancelTimeout + tokenSlack)
}

// saveToken makes the job's GITHUB_TOKEN count. It never outlives a day.
func (a *API) saveToken(ctx context.Context, tx *store.Tx, as *assignment) error {
	const day = 24 * time.Hour
	now := a.Now()
	expires := as.end(now)
	if last := now.Add(day); expires.After(last) {
		expires = last
	}
	return tx.SaveJobToken(ctx, &actions.Token{
		AccountID: a.BotID, Hash: token.Hash(as.token), RepoID: as.repo.ID, JobID: as.job.ID, Access: as.grants,
		ExpiresAt: expires, CreatedAt: now,
	})
}

// jobMessage is the whole job message (MSG-1).
func (a *API) jobMessage(r *http.Request, as *assignment) (*wire.JobMessage, error) {
	base := httpjson.Base(r)
	connection, err := a.connection(r, as)
	if err != nil {
		return nil, err
	}
	contextData, err := a.contexts(as, shape.Base{API: base.API, HTML: a.serverURL(base.HTML)})
	if err != nil {
		return nil, err
	}
	variables, err := as.variables(base)
	if err != nil {
		return nil, err
	}
	w := as.source.Workflow
	return &wire.JobMessage{
		MessageType:    wire.RunnerJobRequestType,
		Plan:           wire.Plan{ScopeIdentifier: zeroGUID, PlanType: "actions", Version: 12, PlanID: as.attempt.PlanID},
		Timeline:       wire.Timeline{ID: as.attempt.PlanID, ChangeID: 1},
		JobID:          as.job.GUID,
		JobDisplayName: as.job.Name,
		JobName:        as.job.Key,
		LockedUntil:    wire.At(as.job.LockedUntil),
		Resources:      wire.Resources{Endpoints: []wire.Endpoint{*connection}},
		ContextData:    contextData,
		Variables:      variables,
		Mask:           []wire.MaskHint{},
		FileTable:      []string{as.run.Path},
		Steps:          as.steps(),

		EnvironmentVariables: present(w.Env, as.spec.Env),
		Defaults:             present(w.Defaults, as.spec.Defaults),
		JobOutputs:           convert.TokenToWire(as.spec.Outputs),
		JobContainer:         convert.TokenToWire(as.spec.Container),
		JobServiceContainers: convert.TokenToWire(as.spec.Services),
		ActionsEnvironment:   as.environment(),
	}, nil
}

const zeroGUID = "00000000-0000-0000-0000-000000000000"

// present are the tokens that the file has, later ones winning.
func present(tokens ...*workflow.Token) []*wire.Token {
	out := []*wire.Token{}
	for _, t := range tokens {
		if t != nil {
			out = append(out, convert.TokenToWire(t))
		}
	}
	return out
}

// connection is the endpoint through which the job speaks to this server (MSG-6).
func (a *API) connection(r *http.Request, as *assignment) (*wire.Endpoint, error) {
	start, html := as.job.StartedAt, httpjson.Base(r).HTML // a message that is asked for again is the same
	jwt, err := a.Keys.SignJob(token.Job{
		PlanGUID: as.attempt.PlanID, GUID: as.job.GUID, RepoID: as.repo.ID, RunID: as.run.ID, ID: as.job.ID,
		OrchestrationID: as.orchestrationID(), Caches: as.cacheScopes(), Expires: as.end(start),
	}, start)
	if err != nil {
		return nil, err
	}
	return &wire.Endpoint{
		Name: wire.SystemConnection, URL: baseOf(r).run(), IsReady: true,
		Authorization: wire.EndpointAuthorization{Scheme: "OAuth", Parameters: map[string]string{wire.AccessToken: jwt}},
		Data: map[string]string{
			wire.PipelinesServiceURL: html + "/",
			wire.CacheServerURL:      html + "/",
			wire.ResultsServiceURL:   html + "/",
			wire.FeedStreamURL:       "ws" + strings.TrimPrefix(html, "http") + "/_runner/feed/" + as.job.GUID,
		},
	}, nil
}

func (as *assignment) orchestrationID() string { return as.attempt.PlanID + "." + as.job.GUID }

// contexts are those that only the server knows (MSG-3).
func (a *API) contexts(as *assignment, base shape.Base) (wire.ContextData, error) {
	run := &contexts.Run{Run: as.run, Repo: as.repo, Source: as.source, Settings: a.Settings, Base: base}
	all, err := run.Job(as.job, as.jobs)
	if err != nil {
		return nil, err
	}
	data := wire.ContextData{"matrix": nil}
	for name, value := range all.All() {
		data[name] = convert.ContextToWire(value)
	}
	return data, nil
}

// variables are what the runner itself reads (MSG-5).
func (as *assignment) variables(base shape.Base) (map[string]wire.Variable, error) {
	shown := make(map[string]string, len(as.grants))
	for _, scope := range slices.Sorted(maps.Keys(as.grants)) {
		shown[permissionName(scope)] = as.grants[scope]
	}
	permissions, err := json.Marshal(shown)
	if err != nil {
		return nil, err
	}
	plain := map[string]string{
		wire.VarJob:                as.job.Key,
		wire.VarTokenPermissions:   string(permissions),
		wire.VarResultsEndpoint:    base.HTML + "/",
		wire.VarLaunchEndpoint:     base.HTML + "/",
		wire.VarOrchestrationID:    as.orchestrationID(),
		wire.VarOrchestrationEnv:   "true",
		wire.VarRunnerGroupName:    actions.DefaultGroup,
		wire.VarRunnerEnvironment:  "self-hosted",
		wire.VarEnhancedAnnotation: "true",
		wire.VarContainerHooks:     "true",
		wire.VarBatchResolution:    "true",
		wire.VarDownloadErrors:     "true",
		wire.VarJobAnnotations:     "true",
		wire.VarCacheV2:            "true",
	}
	if mode := as.cacheMode(); mode != actions.CacheWrites {
		plain[wire.VarCacheMode] = string(mode) // spares the job calls that would be refused
	}
	if as.attempt.Debug {
		plain[wire.VarStepDebug], plain[wire.VarRunnerDebug] = "true", "true"
	}
	out := make(map[string]wire.Variable, len(plain)+2)
	for name, value := range plain {
		out[name] = wire.Variable{Value: value}
	}
	out[wire.VarToken] = wire.Variable{Value: as.token, IsSecret: true}
	out["github_token"] = wire.Variable{Value: as.token, IsSecret: true}
	return out, nil
}

// permissionName is how "Set up job" prints a scope: pull-requests as PullRequests.
func permissionName(scope string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(scope, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// environment is the deployment environment of the job, nil for none.
func (as *assignment) environment() *wire.Environment {
	t := as.spec.Environment
	if t == nil || t.Kind != workflow.Mapping {
		return nil
	}
	env := &wire.Environment{}
	for _, p := range t.Pairs {
		switch strings.ToLower(p.Key.Str) {
		case "name":
			env.Name = p.Value.Str
		case "url":
			env.URL = convert.TokenToWire(p.Value)
		}
	}
	return env
}
