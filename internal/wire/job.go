package wire

import (
	"encoding/json"
	"slices"
	"strings"
)

// A JobMessage is all that a runner needs to run one job: the answer to
// acquirejob.
type JobMessage struct {
	MessageType          string              `json:"messageType"` // RunnerJobRequest
	Plan                 Plan                `json:"plan"`
	Timeline             Timeline            `json:"timeline"`
	JobID                string              `json:"jobId"`
	JobDisplayName       string              `json:"jobDisplayName"`
	JobName              string              `json:"jobName"`
	RequestID            Int                 `json:"requestId"`
	LockedUntil          Time                `json:"lockedUntil,omitzero"`
	Resources            Resources           `json:"resources"`
	ContextData          ContextData         `json:"contextData"`
	Variables            map[string]Variable `json:"variables"`
	Mask                 []MaskHint          `json:"mask"`
	Steps                []Step              `json:"steps"`
	EnvironmentVariables []*Token            `json:"environmentVariables"` // later wins
	Defaults             []*Token            `json:"defaults"`             // {run: {shell, working-directory}}; later wins
	JobContainer         *Token              `json:"jobContainer,omitempty"`
	JobServiceContainers *Token              `json:"jobServiceContainers,omitempty"`
	JobOutputs           *Token              `json:"jobOutputs,omitempty"`
	ActionsEnvironment   *Environment        `json:"actionsEnvironment,omitempty"`
	Workspace            *Workspace          `json:"workspace,omitempty"`
	FileTable            []string            `json:"fileTable"` // Token.File counts from 1
	BillingOwnerID       string              `json:"billingOwnerId,omitempty"`
	Dependencies         []string            `json:"dependencies,omitempty"`
}

// MarshalJSON implements [json.Marshaler].
func (m *JobMessage) MarshalJSON() ([]byte, error) { return m.AppendJSON(nil) }

// AppendJSON appends the message as JSON, its contexts last.
func (m *JobMessage) AppendJSON(b []byte) ([]byte, error) {
	type fields JobMessage
	rest, err := json.Marshal(struct {
		*fields
		ContextData struct{} `json:"contextData,omitzero"` // in place of the message's
	}{fields: (*fields)(m)})
	if err != nil {
		return nil, err
	}
	b = append(slices.Grow(b, len(rest)+usualContexts), rest[:len(rest)-len("}")]...)
	if b, err = m.ContextData.append(append(b, `,"contextData":`...)); err != nil {
		return nil, err
	}
	return append(b, '}'), nil
}

// A Plan identifies the run attempt of a job.
type Plan struct {
	ScopeIdentifier string `json:"scopeIdentifier"`
	PlanType        string `json:"planType"`
	Version         int    `json:"version"`
	PlanID          string `json:"planId"`
	PlanGroup       string `json:"planGroup,omitempty"`
}

// A Timeline is never null, and otherwise unused in this flow.
type Timeline struct {
	ID       string `json:"id"`
	ChangeID int    `json:"changeId"`
	Location string `json:"location,omitempty"`
}

// Resources holds exactly one endpoint named [SystemConnection].
type Resources struct {
	Endpoints []Endpoint `json:"endpoints"`
}

// SystemConnection is the name of the endpoint that serves the job itself.
const SystemConnection = "SystemVssConnection"

// An Endpoint is a server that a job may speak to.
type Endpoint struct {
	Name          string                `json:"name"`
	URL           string                `json:"url"`
	Authorization EndpointAuthorization `json:"authorization"`
	Data          map[string]string     `json:"data"`
	IsShared      bool                  `json:"isShared"`
	IsReady       bool                  `json:"isReady"`
}

// EndpointAuthorization holds a token: scheme OAuth, parameter AccessToken.
type EndpointAuthorization struct {
	Scheme     string            `json:"scheme"`
	Parameters map[string]string `json:"parameters"`
}

// Keys of [EndpointAuthorization.Parameters] and [Endpoint.Data].
const (
	AccessToken         = "AccessToken"
	StepsAccessToken    = "StepsAccessToken" // Understudy's own: what steps get in place of the former
	PipelinesServiceURL = "PipelinesServiceUrl"
	CacheServerURL      = "CacheServerUrl"
	ResultsServiceURL   = "ResultsServiceUrl"
	GenerateIDTokenURL  = "GenerateIdTokenUrl"
	FeedStreamURL       = "FeedStreamUrl"
)

// Names of job variables that a runner reads.
const (
	VarJob                = "system.github.job"
	VarToken              = "system.github.token"
	VarTokenPermissions   = "system.github.token.permissions"
	VarResultsEndpoint    = "system.github.results_endpoint"
	VarLaunchEndpoint     = "system.github.launch_endpoint"
	VarOrchestrationID    = "system.orchestrationId"
	VarOrchestrationEnv   = "actions_set_orchestration_id_env_for_actions"
	VarRunnerGroupName    = "system.runnerGroupName"
	VarRunnerEnvironment  = "system.runnerEnvironment"
	VarWorkflowFile       = "system.workflowFileFullPath"
	VarWorkflowFileRef    = "system.workflowFileRef"
	VarWorkflowFileSHA    = "system.workflowFileSha"
	VarStepDebug          = "ACTIONS_STEP_DEBUG"
	VarRunnerDebug        = "ACTIONS_RUNNER_DEBUG"
	VarCacheV2            = "actions_uses_cache_service_v2"
	VarCacheMode          = "actions_cache_mode"
	VarEnhancedAnnotation = "DistributedTask.EnhancedAnnotations"
	VarContainerHooks     = "DistributedTask.AllowRunnerContainerHooks"
	VarBatchResolution    = "actions_batch_action_resolution"
	VarDownloadErrors     = "actions_display_helpful_actions_download_errors"
	VarJobAnnotations     = "actions_send_job_level_annotations"
	VarUploadWithSDK      = "system.github.results_upload_with_sdk"
	VarSelfRepository     = "actions_self_repository"
	VarServiceCommand     = "actions_service_container_command"
	VarCheckRunID         = "actions_add_check_run_id_to_job_context"
	VarOldCommands        = "DistributedTask.DeprecateStepOutputCommands"
	VarArtifactsFile      = "actions_runner_allow_artifacts_file"
	VarEmbeddedIssues     = "RunService.FixEmbeddedIssues"
	VarLiftHostCheck      = "understudy_lift_host_check" // for the bundled runner: in actions of the workspace
)

// MaskRegexp is the only type of mask hint that runners know.
const MaskRegexp = "regex"

// A MaskHint is a pattern whose matches must not be shown.
type MaskHint struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// An Environment is the deployment environment of a job.
type Environment struct {
	Name string `json:"name"`
	URL  *Token `json:"url,omitempty"`
}

// A Workspace says what to clean before a job: outputs, resources or all.
type Workspace struct {
	Clean string `json:"clean,omitempty"`
}

// ActionStep is the type of a [Step] that runs something.
const ActionStep = "action"

// A Step is one entry of a job. Names that start with "__" are generated.
type Step struct {
	Type             string    `json:"type"`
	ID               string    `json:"id"`
	Name             string    `json:"name"`
	ContextName      string    `json:"contextName"`
	DisplayName      string    `json:"displayName,omitempty"`
	DisplayNameToken *Token    `json:"displayNameToken,omitempty"`
	Condition        string    `json:"condition"` // never empty
	ContinueOnError  *Token    `json:"continueOnError,omitempty"`
	TimeoutInMinutes *Token    `json:"timeoutInMinutes,omitempty"`
	Environment      *Token    `json:"environment,omitempty"`
	Inputs           *Token    `json:"inputs,omitempty"`
	Reference        Reference `json:"reference"`
}

// Types of [Reference].
const (
	RefScript     = "script"
	RefRepository = "repository"
	RefContainer  = "containerRegistry"
)

// Repository types of [Reference]: elsewhere, the job's own checkout, and the
// repository of the composite action that has the step.
const (
	RepoGitHub = "GitHub"
	RepoSelf   = "self"
	RepoHome   = "selfRepository"
)

// Keys of [Step.Inputs] of a script.
const (
	InputScript           = "script"
	InputShell            = "shell"
	InputWorkingDirectory = "workingDirectory"
)

// A Reference is what a step runs.
type Reference struct {
	Type           string `json:"type"`
	Name           string `json:"name,omitempty"` // owner/repo
	Ref            string `json:"ref,omitempty"`
	RepositoryType string `json:"repositoryType,omitempty"`
	Path           string `json:"path,omitempty"`
	Image          string `json:"image,omitempty"`
}

// Flag is a switch that variables, secrets or the context vars may set.
func (m *JobMessage) Flag(name string) bool {
	value := m.Variable(name)
	if vars, ok := m.ContextData["vars"].(*ContextDict); ok && value == "" {
		v, _ := vars.Get(name)
		value, _ = v.(string)
	}
	return strings.EqualFold(value, "true")
}

// Variable is the value of the job variable name, in any case; "" when the
// message has none.
func (m *JobMessage) Variable(name string) string {
	if v, ok := m.Variables[name]; ok {
		return v.Value
	}
	for k, v := range m.Variables {
		if strings.EqualFold(k, name) {
			return v.Value
		}
	}
	return ""
}

// Connection is the endpoint of the job itself, nil when the message has none.
func (m *JobMessage) Connection() *Endpoint {
	i := slices.IndexFunc(m.Resources.Endpoints, func(e Endpoint) bool {
		return strings.EqualFold(e.Name, SystemConnection)
	})
	if i < 0 {
		return nil
	}
	return &m.Resources.Endpoints[i]
}

// Token is the job token, empty when the endpoint has none.
func (e *Endpoint) Token() string { return e.Authorization.Parameters[AccessToken] }

// StepsToken is the token for the steps of the job, empty when there is none of
// their own.
func (e *Endpoint) StepsToken() string { return e.Authorization.Parameters[StepsAccessToken] }
