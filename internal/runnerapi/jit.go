package runnerapi

import (
	"crypto/rsa"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/runners"
	"github.com/understudy-ci/understudy/internal/wire"
)

const maxWorkFolder = 255

// A jitRequest is the body of POST …/actions/runners/generate-jitconfig.
type jitRequest struct {
	Name          string   `json:"name"`
	RunnerGroupID int64    `json:"runner_group_id"`
	Labels        []string `json:"labels"`
	WorkFolder    string   `json:"work_folder"`
}

// generateJITConfig serves POST …/actions/runners/generate-jitconfig: the
// configuration of a runner for one job, made here, key and all (§2.5). The
// private key is in the answer and nowhere else.
func (a *API) generateJITConfig(w http.ResponseWriter, r *http.Request) error {
	p, err := a.placeOf(r.Context(), r)
	if err != nil {
		return err
	}
	if err := a.mayManage(r, p); err != nil {
		return err
	}
	req := jitRequest{WorkFolder: "_work"}
	if err := httpjson.Decode(r, &req, 1<<16); err != nil {
		return err
	}
	switch {
	case req.Name == "":
		return actions.Missing("JitConfig", "name")
	case len(req.Labels) == 0:
		return actions.Missing("JitConfig", "labels")
	case req.RunnerGroupID == 0:
		return actions.Missing("JitConfig", "runner_group_id")
	case len(req.WorkFolder) > maxWorkFolder:
		return actions.Errorf(actions.Invalid, "work_folder is longer than %d bytes", maxWorkFolder)
	}
	if err := actions.CheckGroup(req.RunnerGroupID); err != nil {
		return err
	}
	runner := &actions.Runner{Scope: p.scope, Name: req.Name}
	for _, l := range req.Labels {
		runner.Labels = append(runner.Labels, actions.Label{Name: l})
	}
	key, err := a.Runners.JIT(r.Context(), runner)
	if err != nil {
		return err
	}
	text, err := jitConfig(r, runner, key, p, req.WorkFolder)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, struct {
		Runner *runnerJSON `json:"runner"`
		Config string      `json:"encoded_jit_config"`
	}{a.runnerJSON(runners.Listed{Runner: runner}), text})
}

func jitConfig(r *http.Request, runner *actions.Runner, key *rsa.PrivateKey, p *place, work string) (string, error) {
	params, err := wire.NewRSAParameters(key)
	if err != nil {
		return "", err
	}
	config := &wire.RunnerConfig{
		Settings: wire.RunnerSettings{
			AgentID: wire.IntString(runner.ID), AgentName: runner.Name, PoolID: actions.DefaultGroupID, PoolName: actions.DefaultGroup,
			Ephemeral: true, ServerURL: baseOf(r).broker(), ServerURLV2: baseOf(r).broker(), UseV2Flow: true,
			GitHubURL: p.url(r), WorkFolder: work,
		},
		Credentials: wire.Credentials{
			Scheme: "OAuth",
			Data:   wire.CredentialsData{ClientID: runner.ClientID, AuthorizationURL: baseOf(r).token(), RequireFIPS: true},
		},
		Key: params,
	}
	return config.EncodeJIT()
}

// url is the --url of the place.
func (p *place) url(r *http.Request) string {
	base := httpjson.Base(r).HTML
	switch {
	case p.repo != nil:
		return base + "/" + p.repo.FullName()
	case p.owner != nil:
		return base + "/" + p.owner.Login
	}
	return base + "/enterprises/" + actions.Enterprise
}
