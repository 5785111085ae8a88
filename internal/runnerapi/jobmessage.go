package runnerapi

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/assign"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/wire/convert"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// jobMessage is the whole job message (MSG-1). Its URLs begin with the address that
// the runner's request came to.
func (a *API) jobMessage(r *http.Request, d *assign.Description) *wire.JobMessage {
	w, spec := d.Workflow, d.Spec
	return &wire.JobMessage{
		MessageType:    wire.RunnerJobRequestType,
		Plan:           wire.Plan{ScopeIdentifier: zeroGUID, PlanType: "actions", Version: 12, PlanID: d.PlanID},
		Timeline:       wire.Timeline{ID: d.PlanID, ChangeID: 1},
		JobID:          d.Job.GUID,
		JobDisplayName: d.Job.Name,
		JobName:        d.Job.Key,
		LockedUntil:    wire.At(d.Job.LockedUntil),
		Resources:      wire.Resources{Endpoints: []wire.Endpoint{connection(r, d)}},
		ContextData:    contextData(d.Contexts),
		Variables:      a.variables(httpjson.Base(r), d),
		Mask:           []wire.MaskHint{maskOf(d.Token), maskOf(d.Access), maskOf(d.StepsAccess)},
		FileTable:      []string{w.Path},
		Steps:          jobSteps(d),

		EnvironmentVariables: append(given(d.Env), present(w.Env, spec.Env)...),
		Defaults:             present(w.Defaults, spec.Defaults),
		JobOutputs:           convert.TokenToWire(spec.Outputs),
		JobContainer:         convert.TokenToWire(spec.Container),
		JobServiceContainers: convert.TokenToWire(spec.Services),
		ActionsEnvironment:   environment(d.Job, spec.Environment),
	}
}

const zeroGUID = "00000000-0000-0000-0000-000000000000"

// given are the variables that the server adds to those of the file, which win.
func given(vars []assign.Variable) []*wire.Token {
	if len(vars) == 0 {
		return []*wire.Token{}
	}
	pairs := make([]wire.TokenPair, len(vars))
	for i, v := range vars {
		pairs[i] = wire.Pair(v.Name, wire.String(v.Value))
	}
	return []*wire.Token{wire.Mapping(pairs...)}
}

// present are the tokens that the file has. Of two, the later one wins.
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
// GitHub's runner takes no notice of the token for steps, and shows them its own.
func connection(r *http.Request, d *assign.Description) wire.Endpoint {
	html := httpjson.Base(r).HTML
	data := map[string]string{
		wire.PipelinesServiceURL: html + "/",
		wire.CacheServerURL:      html + "/",
		wire.ResultsServiceURL:   html + "/",
		wire.FeedStreamURL:       "ws" + strings.TrimPrefix(html, "http") + "/_runner/feed/" + d.Job.GUID,
	}
	if d.IDTokens() { // that it is there tells the job that it may
		data[wire.GenerateIDTokenURL] = html + wire.IDTokenPath + d.PlanID + "/" + d.Job.GUID + "?api-version=2.0"
	}
	return wire.Endpoint{
		Name: wire.SystemConnection, URL: baseOf(r).run(), IsReady: true,
		Authorization: wire.EndpointAuthorization{Scheme: "OAuth", Parameters: map[string]string{wire.AccessToken: d.Access, wire.StepsAccessToken: d.StepsAccess}},
		Data:          data,
	}
}

// contextData are the contexts of the job (MSG-3).
func contextData(contexts *expr.Object) wire.ContextData {
	data := wire.ContextData{"matrix": nil} // of a job without one
	for name, value := range contexts.All() {
		data[name] = convert.ContextToWire(value)
	}
	return data
}

// variables are what the runner itself reads (MSG-5).
func (a *API) variables(base shape.Base, d *assign.Description) map[string]wire.Variable {
	plain := map[string]string{
		wire.VarJob:                d.Job.Key,
		wire.VarTokenPermissions:   permissions(d.Grants),
		wire.VarResultsEndpoint:    base.HTML + "/",
		wire.VarLaunchEndpoint:     base.HTML + "/",
		wire.VarOrchestrationID:    d.OrchestrationID,
		wire.VarOrchestrationEnv:   "true",
		wire.VarRunnerGroupName:    d.Job.RunnerGroup,
		wire.VarRunnerEnvironment:  actions.RunnerEnvironment,
		wire.VarEnhancedAnnotation: "true",
		wire.VarContainerHooks:     "true",
		wire.VarBatchResolution:    "true",
		wire.VarDownloadErrors:     "true",
		wire.VarJobAnnotations:     "true",
		wire.VarCacheV2:            "true",
		wire.VarUploadWithSDK:      "true", // logs of several pieces lose their first one without it
		wire.VarSelfRepository:     "true", // uses: $/path
		wire.VarServiceCommand:     "true",
		wire.VarCheckRunID:         "true",
		wire.VarOldCommands:        "true", // warn of set-output and save-state
		wire.VarArtifactsFile:      "true", // GITHUB_ARTIFACTS
		wire.VarEmbeddedIssues:     "true", // annotations of inner steps
	}
	if d.Caches != actions.CacheWrites {
		plain[wire.VarCacheMode] = string(d.Caches) // spares the job calls that would be refused
	}
	if !a.NoToolkitPatch {
		plain[wire.VarLiftHostCheck] = "true"
	}
	if d.Debug {
		plain[wire.VarStepDebug], plain[wire.VarRunnerDebug] = "true", "true"
	}
	out := make(map[string]wire.Variable, len(plain)+len(d.Secrets)+2)
	for name, value := range plain {
		out[name] = wire.Variable{Value: value}
	}
	addSecrets(out, d)
	out[wire.VarToken] = wire.Variable{Value: d.Token, IsSecret: true}
	out["github_token"] = wire.Variable{Value: d.Token, IsSecret: true}
	return out
}

// addSecrets adds the secrets of a job: to runners they are variables that are secret,
// and of the names of variables the case is of no matter. A secret takes the place of
// what the server says by that name, unless people asked for debug logs.
func addSecrets(to map[string]wire.Variable, d *assign.Description) {
	named := make(map[string]string, len(to))
	for name := range to {
		named[strings.ToUpper(name)] = name
	}
	for _, s := range d.Secrets {
		if is, ok := named[s.Name]; ok {
			if d.Debug && (is == wire.VarStepDebug || is == wire.VarRunnerDebug) {
				continue
			}
			delete(to, is)
		}
		to[s.Name] = wire.Variable{Value: s.Value.Reveal(), IsSecret: true}
	}
}

// maskOf makes a runner hide a secret in logs, also one that takes no notice of the
// variables that are secret.
func maskOf(secret string) wire.MaskHint {
	return wire.MaskHint{Type: wire.MaskRegexp, Value: regexp.QuoteMeta(secret)}
}

// permissions are the grants as "Set up job" prints them, in JSON.
func permissions(grants map[string]string) string {
	shown := make(map[string]string, len(grants))
	for scope, level := range grants {
		shown[permissionName(scope)] = level
	}
	text, _ := json.Marshal(shown) // of text alone, which never fails
	return string(text)
}

// permissionName is a scope as it is printed: pull-requests as PullRequests.
func permissionName(scope string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(scope, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// environment is the deployment environment of a job with its evaluated name, nil for
// none. Its address is the runner's to evaluate.
func environment(j *actions.Job, t *workflow.Token) *wire.Environment {
	if j.Environment == "" {
		return nil
	}
	env := &wire.Environment{Name: j.Environment}
	if url := t.Get("url"); url != nil {
		env.URL = convert.TokenToWire(url)
	}
	return env
}
