package worker

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/wire"
)

// stepVariables are those of every step: the id of the job for the log of a
// service that it calls, and how it asks for OIDC tokens, if it may.
func (x *execution) stepVariables() []assignment {
	m := x.job.Message
	var vars []assignment
	if strings.EqualFold(m.Variable(wire.VarOrchestrationEnv), "true") {
		vars = append(vars, assignment{"ACTIONS_ORCHESTRATION_ID", m.Variable(wire.VarOrchestrationID)})
	}
	c := m.Connection()
	if c == nil || c.Data[wire.GenerateIDTokenURL] == "" {
		return vars
	}
	return append(
		vars,
		assignment{"ACTIONS_ID_TOKEN_REQUEST_URL", c.Data[wire.GenerateIDTokenURL]},
		assignment{"ACTIONS_ID_TOKEN_REQUEST_TOKEN", c.Token()},
	)
}

// serverVariables tell an action where the server is (MSG-6).
func (x *execution) serverVariables() []assignment {
	m := x.job.Message
	c := m.Connection()
	if c == nil {
		return nil
	}
	runtime := c.URL
	if other := c.Data[wire.PipelinesServiceURL]; other != "" {
		runtime = other
	}
	vars := []assignment{{"ACTIONS_RUNTIME_URL", runtime}, {"ACTIONS_RUNTIME_TOKEN", c.Token()}}
	for _, v := range []assignment{
		{"ACTIONS_CACHE_URL", c.Data[wire.CacheServerURL]},
		{"ACTIONS_RESULTS_URL", c.Data[wire.ResultsServiceURL]},
		{"ACTIONS_CACHE_MODE", m.Variable(wire.VarCacheMode)},
	} {
		if v.value != "" {
			vars = append(vars, v)
		}
	}
	if strings.EqualFold(m.Variable(wire.VarCacheV2), "true") {
		vars = append(vars, assignment{"ACTIONS_CACHE_SERVICE_V2", "True"})
	}
	return append(vars, x.stepVariables()...)
}
