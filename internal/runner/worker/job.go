package worker

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/runner/gh"
	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A running is a [Job] that is being executed, with the parts that the package
// comment names. Only the goroutine of [Run] uses it, except where a part says
// otherwise.
type running struct {
	*Job
	timing timing
	kill   context.Context // ends when the job must end at once
	debugs bool            // show debug messages
	closed bool            // the host, and with it the processes that steps left

	state    *state
	contexts *contexts
	steps    *steps
	actions  *actions

	matchers  matchers
	workspace string // "" if the job message names no repository
	defaults  defaults
	programs  map[string]string // where programs are: see look
	gh        *gh.Socket        // nil if there is none

	list       []*step // of the workflow
	containers containers
	images     map[string]string // of actions, by what they are made from
	outside    host.Host         // that of the job before it had a container
	inside     nodeFinder        // the job's container; nil if there is none
	hooks      json.RawMessage   // what container hooks have asked to be told again
}

// A nodeFinder is a host with a Node.js of its own.
type nodeFinder interface {
	FindNode(versions []string) string
}

// defaults are what the key defaults.run gives to scripts; "" for none.
type defaults struct {
	shell, directory string
}

func newRunning(kill context.Context, j *Job, t timing) *running {
	r := &running{
		Job: j, timing: t, kill: kill, debugs: j.Message.Flag(wire.VarStepDebug),
		state: newState(j.Message), programs: map[string]string{}, images: map[string]string{}, outside: j.Host,
	}
	r.contexts = newContexts(j, r.state, r.debugs)
	r.steps = newSteps(&records{sink: j.Sink, mask: &r.state.mask, now: j.Now, debugs: r.debugs}, r.contexts.inputs())
	r.workspace = workspaceIn(j.WorkDir, text(r.contexts.github, "repository"))
	r.actions = newActions(j.Actions, j.ActionsDir, r.workspace, r.contexts.home())
	return r
}

// useHost says where processes run from now on.
func (r *running) useHost(h host.Host) {
	r.Host = h
	clear(r.programs)
}

// workspaceIn is the directory of a repository, given as OWNER/NAME, below the
// directory of the job; "" if that is not the name of a repository.
func workspaceIn(workDir, repository string) string {
	_, name, ok := strings.Cut(repository, "/")
	if !ok || name == "" || strings.Contains(name, "/") || !filepath.IsLocal(name) {
		return ""
	}
	return filepath.Join(workDir, name, name)
}
