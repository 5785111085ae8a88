package selfhostedrunners

import (
	"crypto/rsa"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/wire"
)

const maxWorkFolder = 255

type jitBody struct {
	Name          string   `json:"name"`
	RunnerGroupID int64    `json:"runner_group_id"`
	Labels        []string `json:"labels"`
	WorkFolder    string   `json:"work_folder"`
}

func (b *jitBody) check() error {
	switch {
	case b.Name == "":
		return missing("name")
	case len(b.Labels) == 0:
		return missing("labels")
	case b.RunnerGroupID == 0:
		return missing("runner_group_id")
	case len(b.WorkFolder) > maxWorkFolder:
		return actions.Errorf(actions.Invalid, "work_folder is longer than %d bytes", maxWorkFolder)
	}
	return nil
}

// missing is in words alone: the errors of this operation have no fields.
func missing(field string) error {
	return actions.Errorf(actions.Invalid, "Invalid request.\n\n%q wasn't supplied.", field)
}

// generateJITConfig serves POST …/actions/runners/generate-jitconfig: the
// configuration of a runner for one job, made here, key and all (REG-4). The
// private key is in the answer and nowhere else.
func (p *page) generateJITConfig(w http.ResponseWriter, r *http.Request) error {
	body := jitBody{WorkFolder: "_work"}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	c := rest.CallOf(r)
	runner := &actions.Runner{Scope: c.Scope(), GroupID: body.RunnerGroupID, Name: body.Name, URL: c.Base.HTML}
	for _, l := range body.Labels {
		runner.Labels = append(runner.Labels, actions.Label{Name: l})
	}
	key, err := p.runners.JIT(r.Context(), runner)
	if err != nil {
		return err
	}
	listed, err := p.runners.Runner(r.Context(), runner.Scope, runner.ID)
	if err != nil {
		return err
	}
	text, err := jitConfig(c, runner, key, body.WorkFolder)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, struct {
		Runner *shape.Runner `json:"runner"`
		Config string        `json:"encoded_jit_config"`
	}{p.show(listed), text})
}

func jitConfig(c *rest.Call, runner *actions.Runner, key *rsa.PrivateKey, work string) (string, error) {
	params, err := wire.NewRSAParameters(key)
	if err != nil {
		return "", err
	}
	broker := c.Base.HTML + wire.BrokerPath
	config := &wire.RunnerConfig{
		Settings: wire.RunnerSettings{
			AgentID: wire.IntString(runner.ID), AgentName: runner.Name, PoolID: wire.IntString(runner.GroupID), PoolName: runner.Group,
			Ephemeral: true, ServerURL: broker, ServerURLV2: broker, UseV2Flow: true,
			GitHubURL: home(c), WorkFolder: work,
		},
		Credentials: wire.Credentials{
			Scheme: "OAuth",
			Data:   wire.CredentialsData{ClientID: runner.ClientID, AuthorizationURL: c.Base.HTML + wire.TokenPath, RequireFIPS: true},
		},
		Key: params,
	}
	return config.EncodeJIT()
}

// home is the --url of the scope that the request is about.
func home(c *rest.Call) string {
	switch {
	case c.Repo != nil:
		return c.RepoHTML()
	case c.Org != nil:
		return c.Base.HTML + "/" + c.Org.Login
	}
	return c.Base.HTML + "/enterprises/" + actions.Enterprise
}
