package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/runner/gh"
	"github.com/understudy-ci/understudy/internal/wire"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// setUp runs the step "Set up job". It returns the steps to run; when it fails
// there are none.
func (r *running) setUp(ctx context.Context) (tries []try, ok bool) {
	rec := r.steps.records.own("Set up job")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pop := r.state.status.push(&stoppable{wanted: func() bool { return false }, cancel: cancel})
	tries, err := r.prepareJob(ctx, rec)
	pop()
	switch {
	case err == nil:
		rec.print(surroundings(r.Runner)...)
		rec.print(unmasked(r.Message)...)
		rec.complete(wire.Succeeded)
		for _, t := range tries {
			t.record.announce()
		}
		return tries, true
	case ctx.Err() != nil:
		rec.fail("The operation was canceled.")
		rec.complete(wire.Canceled)
	default:
		lines := []string{err.Error()}
		if load, ok := errors.AsType[*workflow.ActionError](err); ok {
			lines = load.Lines()
		}
		for _, line := range lines {
			rec.issue(wire.Annotation{Level: wire.LevelFailure, Message: line, IsInfrastructureIssue: r.actions.unresolved})
		}
		rec.print(surroundings(r.Runner)...)
		rec.print(unmasked(r.Message)...)
		rec.complete(wire.Failed)
		r.state.status.merge(wire.Failed)
	}
	return nil, false
}

func (r *running) prepareJob(ctx context.Context, rec *record) ([]try, error) {
	rec.print("Current runner version: '" + r.Runner.Version + "'")
	rec.print(introduction(r.Job, r.contexts.github)...)
	rec.print("Prepare workflow directory")
	if err := r.makeWorkspace(); err != nil {
		return nil, err
	}
	r.openGH(rec)
	if err := r.evaluateJob(rec); err != nil {
		return nil, err
	}
	list, err := newStepList(r.Message.Steps, r.actions.home)
	if err != nil {
		return nil, err
	}
	r.list = list
	if files := r.Message.FileTable; len(files) > 0 {
		for _, st := range list {
			st.file = files[0]
		}
	}
	rec.print("Prepare all required actions")
	if err := r.actions.prepare(ctx, rec, list); err != nil {
		return nil, err
	}
	rec.print(calledWorkflow(r.Message, r.contexts.inputs())...)
	tries := r.withHooks(func() []try {
		return r.steps.plan(r.kill, rec, list, r.actions, &expr.Env{Contexts: r.contexts.beforeSteps()})
	})
	if strings.TrimSpace(r.Message.JobDisplayName) != "" {
		rec.print("Complete job name: " + r.Message.JobDisplayName)
	}
	return tries, nil
}

// makeWorkspace creates the directories of the job and the file of its event.
func (r *running) makeWorkspace() error {
	if r.workspace == "" {
		return problemf("The job message names no repository.")
	}
	if err := os.MkdirAll(r.workspace, 0o755); err != nil {
		return err
	}
	r.contexts.github.Set("workspace", r.workspace)
	r.contexts.runner.Set("workspace", filepath.Dir(r.workspace))
	given, _ := r.Message.ContextData["github"].(*wire.ContextDict)
	event, ok := given.Get("event")
	if !ok {
		return nil
	}
	return r.writeEvent(event)
}

// openGH makes the program gh find the server. Jobs work without that, too.
func (r *running) openGH(rec *record) {
	server := text(r.contexts.github, "server_url")
	if server == "" {
		return
	}
	socket, err := gh.Open(filepath.Join(r.WorkDir, "_gh"), server, text(r.contexts.github, "api_url"), text(r.contexts.github, "repository"), r.Log)
	if err != nil {
		r.Log.Warn("no socket for gh", "err", err)
		rec.print("gh is not set up: " + err.Error())
		return
	}
	r.gh = socket
}

func (r *running) writeEvent(event any) error {
	compact, err := wire.ContextToJSON(event)
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, compact, "", "  "); err != nil {
		return err
	}
	dir := filepath.Join(r.TempDir, "_github_workflow")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file := filepath.Join(dir, "event.json")
	r.contexts.event = file
	return os.WriteFile(file, pretty.Bytes(), 0o644)
}
