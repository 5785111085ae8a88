package rest_test

import (
	"context"
	"encoding/base64"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"
	"golang.org/x/crypto/nacl/box"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

// A clientMethod is one of a client library, and the operation that it calls.
type clientMethod struct {
	operation  string   // "GET /repos/{owner}/{repo}/actions/runs"
	parameters []string // the names of what it takes behind the context
}

// methodsOfActions reads the methods of go-github's ActionsService from its source,
// which names the operation of each.
func methodsOfActions(t *testing.T) map[string]clientMethod {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/google/go-github/v89").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "github", "actions*.go"))
	if err != nil {
		t.Fatal(err)
	}
	methods := make(map[string]clientMethod)
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || fn.Doc == nil || !fn.Name.IsExported() || strings.HasSuffix(fn.Name.Name, "Iter") {
				continue
			}
			for _, line := range fn.Doc.List {
				operation, found := strings.CutPrefix(line.Text, "//meta:operation ")
				if !found {
					continue
				}
				m := clientMethod{operation: operation}
				for _, p := range fn.Type.Params.List[1:] {
					for _, id := range p.Names {
						m.parameters = append(m.parameters, id.Name)
					}
				}
				methods[fn.Name.Name] = m
			}
		}
	}
	return methods
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// unnamed is an operation without the names of its parameters, which clients choose
// themselves.
func unnamed(operation string) string { return parameter.ReplaceAllString(operation, "{}") }

// Every method of go-github for an operation that is served is called, and what it
// decodes is no error. A method that has a body, or changes something, is called in the
// order of this table; those that only read, in its midst.
func TestGoGitHubCallsEveryOperationOfActions(t *testing.T) {
	s := resttest.New(t)
	w := newClientWorld(s)
	served := make(map[string]bool)
	for _, rt := range s.Server.Routes() {
		served[unnamed(rt.Pattern)] = true
	}
	methods := methodsOfActions(t)
	if len(methods) < 150 {
		t.Fatalf("go-github has %d methods for Actions", len(methods))
	}
	called := make(map[string]bool)
	call := func(name string, body any) {
		t.Helper()
		m, ok := methods[name]
		if !ok {
			t.Errorf("go-github has no method %s", name)
			return
		}
		if called[name] = true; !served[unnamed(m.operation)] {
			t.Errorf("%s calls %s, which is not served", name, m.operation)
			return
		}
		if err := w.call(name, m, body); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, step := range changes(t.Context()) {
		if step.name == "" { // here is everything that can be read
			for name, m := range methods {
				if strings.HasPrefix(m.operation, "GET ") && served[unnamed(m.operation)] {
					call(name, nil)
				}
			}
			continue
		}
		call(step.name, step.body(w))
	}
	for name, m := range methods {
		if served[unnamed(m.operation)] && !called[name] {
			t.Errorf("nobody calls %s (%s), which is served: put it into the table", name, m.operation)
		}
	}
}

// A clientWorld has something of everything, and the values of parameters.
type clientWorld struct {
	s       *resttest.Site
	client  *github.Client
	repo    *actions.Repository
	values  map[string]any // by the name of a parameter
	special map[string]map[string]any
	sites   map[string]any // those of the enterprise, where they are others
	shared  int64          // a runner of the organization
	queued  int64          // a run that waits
	token   string
}

func newClientWorld(s *resttest.Site) *clientWorld {
	s.Helper()
	org := s.Organization("guild", s.Alice, s.Admin)
	repo := s.Repository(org, "hello", true)
	admin := s.Token(s.Admin, "repo", "workflow", "admin:org", "admin:enterprise", "manage_billing:enterprise")
	s.Push(repo, "main", map[string]string{
		".github/workflows/hello.yml": resttest.HelloWorkflow, ".github/workflows/ended.yml": "on: workflow_dispatch\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}\n",
		"README.md": "# Hello\n",
	})
	queued, _, err := s.Store.Runs(s.Context(), store.RunFilter{RepoID: repo.ID}, store.Page{Number: 1, Size: 1})
	s.Must(err)
	hold(s, repo)
	selects(s, org, repo)
	run := s.AddRun(s.AddWorkflow(repo, ".github/workflows/ended.yml"), nil)
	job := s.AddJob(run, nil)
	s.AddLog(job)
	artifact := s.Upload(s.AddJob(run, resttest.Running), "dist", "", s.Archive("README.md", "# Hello"))
	saver := s.AddJob(run, resttest.Running)
	s.SaveCache(saver, "refs/heads/main", "first", "x")
	byID := s.SaveCache(saver, "refs/heads/main", "second", "x")
	runner := func(sc actions.Scope, name string) *actions.Runner {
		r := &actions.Runner{Scope: sc, Name: name, ClientID: name, PublicKey: []byte("key"), CreatedAt: s.Now(), Labels: []actions.Label{{Name: held}}}
		s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error { return tx.CreateRunner(s.Context(), r) }))
		return r
	}
	group := func(sc actions.Scope) int64 {
		g := &actions.RunnerGroup{Scope: sc, Name: "few", Visibility: actions.GroupForSelected, CreatedAt: s.Now()}
		s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error { return tx.CreateRunnerGroup(s.Context(), g) }))
		return g.ID
	}
	own, shared, few := runner(actions.Scope{RepoID: repo.ID}, "box"), runner(actions.Scope{OwnerID: org.ID}, "shared"), group(actions.Scope{OwnerID: org.ID})
	release, asset := publish(s, repo, admin)
	pull := ask(s, repo, s.Alice)
	deployment, status := deploys(s, repo, admin)
	return &clientWorld{
		s: s, client: s.GoGitHub(admin), repo: repo, queued: queued[0].ID, token: admin, shared: shared.ID,
		sites: map[string]any{"runnerID": runner(actions.Scope{}, "everybody's").ID, "runnerGroupID": group(actions.Scope{})},
		values: map[string]any{
			"owner": "guild", "org": "guild", "repo": "hello", "enterprise": "understudy", "env": "production",
			"name": held, "secretName": held, "variableName": held, "environmentName": "production", "workflowFileName": "hello.yml",
			"workflowID": queued[0].WorkflowID, "runID": run.ID, "attemptNumber": int64(1), "jobID": job.ID, "artifactID": artifact.ID,
			"repositoryID": repo.ID, "repoID": repo.ID, "repositoryIDs": []int64{repo.ID}, "organizationID": org.ID, "organizationIDs": []int64{org.ID}, "ids": []int64{repo.ID}, "runnerID": own.ID, "maxRedirects": 0,
			"key": "first", "cacheID": byID.ID, "groupID": few, "runnerGroupID": few, "orgID": org.ID, "checkRunID": job.ID, "checkSuiteID": run.ID, "pullNumber": pull, "reviewID": said(s, repo, pull, s.Alice),
			"deploymentID": deployment, "statusID": status, "releaseID": release, "assetID": asset, "tag": "v1",
		},
		special: map[string]map[string]any{
			"GetOrganizationRunner": {"runnerID": shared.ID}, "RemoveOrganizationRunner": {"runnerID": shared.ID},
			"AddRunnerGroupRunners": {"runnerID": shared.ID}, "RemoveRunnerGroupRunners": {"runnerID": shared.ID},
			"CancelWorkflowRunByID": {"runID": queued[0].ID}, "RerunWorkflowByID": {"runID": queued[0].ID},
			"ListEnabledReposInOrg": {"owner": "guild"}, "ListEnabledOrgsInEnterprise": {"owner": "understudy"},
			"SetEnabledOrgsInEnterprise": {"owner": "understudy"}, "AddEnabledOrgInEnterprise": {"owner": "understudy"}, "RemoveEnabledOrgInEnterprise": {"owner": "understudy"},
		},
	}
}

// selects makes an organization enable Actions for a repository that it selects.
func selects(s *resttest.Site, org *actions.Account, repo *actions.Repository) {
	s.Helper()
	path := "/orgs/" + org.Login + "/actions/permissions"
	for _, of := range []string{"", "/self-hosted-runners"} {
		s.Want(s.Do(http.MethodPut, path+of, s.AdminToken, resttest.Fields{"enabled_repositories": "selected", "allowed_actions": "selected"}), http.StatusNoContent)
		s.Want(s.Do(http.MethodPut, path+of+"/repositories", s.AdminToken, resttest.Fields{"selected_repository_ids": []int64{repo.ID}}), http.StatusNoContent)
	}
}

// enterpriseSelects makes the enterprise select the organization, and which actions are
// allowed, which organizations and repositories cannot then.
func (w *clientWorld) enterpriseSelects() {
	w.s.Helper()
	const path = "/enterprises/understudy/actions/permissions"
	w.s.Want(w.s.Do(http.MethodPut, path, w.token, resttest.Fields{"enabled_organizations": "selected", "allowed_actions": "selected"}), http.StatusNoContent)
	w.s.Want(w.s.Do(http.MethodPut, path+"/organizations", w.token, resttest.Fields{"selected_organization_ids": []int64{w.repo.Owner.ID}}), http.StatusNoContent)
}

// call calls a method with the values of its parameters, and with body for what is none
// of them.
func (w *clientWorld) call(name string, m clientMethod, body any) error {
	f := reflect.ValueOf(w.client.Actions).MethodByName(name)
	in := []reflect.Value{reflect.ValueOf(w.s.Context())}
	for i, p := range m.parameters {
		kind := f.Type().In(i + 1)
		v, ok := w.special[name][p]
		if !ok {
			v, ok = w.values[p]
		}
		switch {
		case p == "body" || kind.Kind() == reflect.Struct || p == "repo" && kind.Kind() == reflect.Pointer:
			in = append(in, reflect.ValueOf(body))
		case kind.Kind() == reflect.Pointer: // nothing that need be said
			in = append(in, reflect.Zero(kind))
		case !ok:
			return errors.New("the table has no value for its parameter " + p)
		default:
			in = append(in, reflect.ValueOf(v).Convert(kind))
		}
	}
	for _, out := range f.Call(in) {
		err, _ := reflect.TypeAssert[error](out)
		if _, accepted := errors.AsType[*github.AcceptedError](err); err != nil && !accepted {
			return err
		}
	}
	return nil
}

// A clientCall is one of the table; one without a name is for all that read.
type clientCall struct {
	name string
	body func(*clientWorld) any
}

// sealed is a secret, encrypted for a public key.
func (w *clientWorld) sealed(k *github.PublicKey, _ *github.Response, err error) github.SecretRequest {
	w.s.Helper()
	w.s.Must(err)
	key, err := base64.StdEncoding.DecodeString(k.GetKey())
	w.s.Must(err)
	text, err := box.SealAnonymous(nil, []byte("hello"), (*[32]byte)(key), nil)
	w.s.Must(err)
	return github.SecretRequest{KeyID: k.GetKeyID(), EncryptedValue: base64.StdEncoding.EncodeToString(text)}
}

// changes are the calls of all methods that change something, in an order in which all
// can be done.
func changes(ctx context.Context) []clientCall {
	none := func(*clientWorld) any { return nil }
	is := func(v any) func(*clientWorld) any { return func(*clientWorld) any { return v } }
	return []clientCall{
		{"CreateWorkflowDispatchEventByID", is(github.CreateWorkflowDispatchEventRequest{Ref: "main"})},
		{"CreateWorkflowDispatchEventByFileName", is(github.CreateWorkflowDispatchEventRequest{Ref: "main"})},
		{"DisableWorkflowByID", none},
		{"EnableWorkflowByID", none},
		{"DisableWorkflowByFileName", none},
		{"EnableWorkflowByFileName", none},
		{"CreateRegistrationToken", none},
		{"CreateRemoveToken", none},
		{"CreateOrganizationRegistrationToken", none},
		{"CreateOrganizationRemoveToken", none},
		{"CreateRepoJITConfig", is(github.CreateJITConfigRequest{Name: "jit", RunnerGroupID: 1, Labels: []string{"x"}})},
		{"CreateOrgJITConfig", is(github.CreateJITConfigRequest{Name: "jit", RunnerGroupID: 1, Labels: []string{"x"}})},
		{"CreateOrUpdateRepoSecret", func(w *clientWorld) any { return w.sealed(w.client.Actions.GetRepoPublicKey(ctx, "guild", "hello")) }},
		{"CreateOrUpdateEnvSecret", func(w *clientWorld) any {
			return w.sealed(w.client.Actions.GetEnvPublicKey(ctx, "guild", "hello", "production"))
		}},
		{"CreateOrUpdateOrgSecret", func(w *clientWorld) any {
			box := w.sealed(w.client.Actions.GetOrgPublicKey(ctx, "guild"))
			return github.OrgSecretRequest{KeyID: box.KeyID, EncryptedValue: box.EncryptedValue, Visibility: "selected", SelectedRepositoryIDs: []int64{w.repo.ID}}
		}},
		{"SetSelectedReposForOrgSecret", none},
		{"AddSelectedRepoToOrgSecret", none},
		{"CreateRepoVariable", is(github.ActionsVariableCreateRequest{Name: "MORE", Value: "x"})},
		{"CreateEnvVariable", is(github.ActionsVariableCreateRequest{Name: "MORE", Value: "x"})},
		{"CreateOrgVariable", is(github.OrgActionsVariableCreateRequest{Name: "MORE", Value: "x", Visibility: "all"})},
		{"UpdateRepoVariable", is(github.ActionsVariableUpdateRequest{Value: new("y")})},
		{"UpdateEnvVariable", is(github.ActionsVariableUpdateRequest{Value: new("y")})},
		{"UpdateOrgVariable", is(github.OrgActionsVariableUpdateRequest{Value: new("y")})},
		{"SetSelectedReposForOrgVariable", none},
		{"AddSelectedRepoToOrgVariable", func(w *clientWorld) any { return &github.Repository{ID: &w.repo.ID} }},
		{"UpdateActionsPermissions", is(github.ActionsPermissions{EnabledRepositories: new("selected"), AllowedActions: new("selected")})},
		{"SetEnabledReposInOrg", none},
		{"AddEnabledReposInOrg", none},
		{"UpdateActionsAllowed", is(github.ActionsAllowed{GithubOwnedAllowed: new(true), PatternsAllowed: []string{"octo/*"}})},
		{"UpdateSelfHostedRunnersSettingsInOrganization", is(github.SelfHostedRunnersSettingsOrganizationOpt{EnabledRepositories: new("selected")})},
		{"SetRepositoriesSelfHostedRunnersAllowedInOrganization", none},
		{"AddRepositorySelfHostedRunnersAllowedInOrganization", none},
		{"UpdateOrganizationForkPRContributorApprovalPermissions", is(github.ContributorApprovalPermissions{ApprovalPolicy: "all_external_contributors"})},
		{"UpdatePrivateRepoForkPRWorkflowSettingsInOrganization", is(&github.WorkflowsPermissionsOpt{RunWorkflowsFromForkPullRequests: true})},
		{"UpdateDefaultWorkflowPermissionsInOrganization", is(github.DefaultWorkflowPermissionOrganization{DefaultWorkflowPermissions: new("write")})},
		{"UpdateArtifactAndLogRetentionPeriodInOrganization", is(github.ArtifactPeriodOpt{Days: new(30)})},
		{"SetOrgOIDCSubjectClaimCustomTemplate", is(github.OIDCSubjectClaimCustomTemplate{IncludeClaimKeys: []string{"repo", "context", "job_workflow_ref"}})},
		{"SetRepoOIDCSubjectClaimCustomTemplate", is(github.OIDCSubjectClaimCustomTemplate{UseDefault: new(false), UseImmutableSubject: new(false)})},
		{"CreateOrganizationRunnerGroup", is(github.CreateRunnerGroupRequest{Name: new("big"), AllowsPublicRepositories: new(true)})},
		{"UpdateOrganizationRunnerGroup", is(github.UpdateRunnerGroupRequest{Name: new("fewer"), RestrictedToWorkflows: new(true), SelectedWorkflows: []string{"guild/hello/.github/workflows/hello.yml@main"}})},
		{"SetRunnerGroupRunners", func(w *clientWorld) any { return github.SetRunnerGroupRunnersRequest{Runners: []int64{w.shared}} }},
		{"AddRunnerGroupRunners", none},
		{"SetRepositoryAccessRunnerGroup", func(w *clientWorld) any {
			return github.SetRepoAccessRunnerGroupRequest{SelectedRepositoryIDs: []int64{w.repo.ID}}
		}},
		{"AddRepositoryAccessRunnerGroup", none},
		{"UpdateActionsPermissionsInEnterprise", is(github.ActionsPermissionsEnterprise{EnabledOrganizations: new("selected"), AllowedActions: new("selected")})},
		{"SetEnabledOrgsInEnterprise", none},
		{"AddEnabledOrgInEnterprise", none},
		{"UpdateActionsAllowedInEnterprise", is(github.ActionsAllowed{GithubOwnedAllowed: new(true), PatternsAllowed: []string{"octo/*"}})},
		{"UpdateDefaultWorkflowPermissionsInEnterprise", is(github.DefaultWorkflowPermissionEnterprise{DefaultWorkflowPermissions: new("write")})},
		{"UpdateArtifactAndLogRetentionPeriodInEnterprise", is(github.ArtifactPeriodOpt{Days: new(60)})},
		{"UpdateEnterpriseForkPRContributorApprovalPermissions", is(github.ContributorApprovalPermissions{ApprovalPolicy: "all_external_contributors"})},
		{"UpdatePrivateRepoForkPRWorkflowSettingsInEnterprise", is(&github.WorkflowsPermissionsOpt{RunWorkflowsFromForkPullRequests: true})},
		{"UpdateSelfHostedRunnerPermissionsInEnterprise", is(github.SelfHostRunnerPermissionsEnterprise{DisableSelfHostedRunnersForAllOrgs: new(false)})},
		{"", nil},
		{"CancelWorkflowRunByID", none},
		{"RerunWorkflowByID", none},
		{"RemoveSelectedRepoFromOrgSecret", none},
		{"RemoveSelectedRepoFromOrgVariable", func(w *clientWorld) any { return &github.Repository{ID: &w.repo.ID} }},
		{"DeleteRepoSecret", none},
		{"DeleteEnvSecret", none},
		{"DeleteOrgSecret", none},
		{"DeleteRepoVariable", none},
		{"DeleteEnvVariable", none},
		{"DeleteOrgVariable", none},
		{"RemoveEnabledReposInOrg", none},
		{"RemoveEnabledOrgInEnterprise", none},
		{"RemoveRepositorySelfHostedRunnersAllowedInOrganization", none},
		{"RemoveRunnerGroupRunners", none},
		{"RemoveRepositoryAccessRunnerGroup", none},
		{"DeleteOrganizationRunnerGroup", none},
		{"RemoveRunner", none},
		{"RemoveOrganizationRunner", none},
		{"DeleteCachesByKey", none},
		{"DeleteCachesByID", none},
		{"DeleteArtifact", none},
		{"DeleteWorkflowRunLogs", none},
		{"DeleteWorkflowRun", none},
	}
}
