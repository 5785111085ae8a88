// Package worker executes one job.
//
// It gets the job message and five things to work with: a [host.Host] that
// starts processes, an [ActionSource] that finds and unpacks actions, a [Sink]
// that takes logs, step states and summaries as they appear, a clock, and a
// channel of [Signal]s that ask it to stop. It knows no server: the runner around
// it speaks the protocol, renews the job and reports the [Result].
//
// A worker owns the job's directory and every process that it starts. When
// [Run] returns, all of them have ended, all files that steps wrote are read,
// and the Sink has everything; the runner removes the directory.
//
// # Parts of a job
//
// Run sets the job up, runs its steps and completes it (setup.go, run.go,
// finish.go). What it works on has four parts:
//
//   - state: what has happened so far. How steps ended, whether the job was told
//     to stop, and what steps have set: variables, paths, outputs, masks.
//   - contexts: what expressions see. What the server sent, what the runner
//     adds, and the current state.
//   - steps: the list of steps. Pre, main and post steps, those of composite
//     actions inside of others, and the records that people see of them.
//   - actions: the actions that steps use. They are fetched before the first
//     step; those in the workspace are read when they run.
//
// # One step
//
// An execution is one stage of a step. It evaluates the condition, then runs a
// script (script.go), a JavaScript action (node.go) or a composite action
// (composite.go), whose steps are executions in turn. Workflow commands act
// while the process prints them (output.go, command.go); the files that a step
// writes for the runner are read when it has ended (files.go). Both change the
// state only at the end of the step.
//
// # Where processes run
//
// Only the Host starts processes. Files of the job are on this machine, and
// what a process is given of them are the paths of [host.Host.Inside]: its
// working directory, its arguments and its variables.
//
// A job with a container gets another Host once that runs: the step "Initialize
// containers" starts it and the services, "Stop containers" ends them (containers.go). A Docker
// action is a container of its own (docker.go). The Engine decides what any of them may have.
package worker

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/container"
	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A Job is one job to run and all that it may use.
type Job struct {
	Message *wire.JobMessage

	// WorkDir is the job's own directory: absolute, existing, empty, removed
	// by the runner when Run has returned. The workspace is
	// WorkDir/REPOSITORY/REPOSITORY.
	WorkDir    string
	TempDir    string // RUNNER_TEMP: inside WorkDir, existing, empty
	ActionsDir string // where actions are unpacked: inside WorkDir, existing, empty
	ToolDir    string // RUNNER_TOOL_CACHE: outlives the job
	Node       NodeDirs

	Runner  RunnerInfo
	Host    host.Host        // where processes run; closed by Run
	Engine  container.Engine // what runs containers; nil if there is none
	Actions ActionSource     // where repository actions come from

	Sink    Sink
	Signals <-chan Signal // requests to stop; never closed, may be nil
	Now     func() time.Time
	Log     *slog.Logger // about the runner's work, for its operator; never holds a value of the job
}

// RunnerInfo is what the context "runner" and the log say of the runner.
type RunnerInfo struct {
	Name, OS, Arch string // Linux, X64: as labels spell them
	GroupName      string
	Environment    string // self-hosted
	Version        string
	MachineName    string
	Isolation      string // what keeps the job from the rest of the machine: "none", "user"
	Limits         string // of what the job may use, for people; "" for none
}

// A Signal asks a running job to stop in an orderly way. To end it at once,
// cancel the context of [Run].
type Signal int

const (
	// Cancel is the cancellation of the job: steps that want to run still do
	// (CAN-2, CAN-3). The runner cancels the context at the deadline (CAN-4).
	Cancel Signal = iota + 1
	// Shutdown is the end of the runner: no condition is evaluated, the job
	// fails with a message that says so (CAN-6).
	Shutdown
)

// An ActionSource finds repository actions and unpacks them.
type ActionSource interface {
	// Resolve asks where actions are. The answer has an entry for each
	// [wire.ActionRef.Key]. An error is final and fails the job with its text.
	Resolve(ctx context.Context, refs []wire.ActionRef) (map[string]wire.ActionInfo, error)

	// Fetch downloads the archive of info and unpacks it into dir, which it
	// creates, without the archive's top-level directory. When it fails, dir
	// does not exist.
	Fetch(ctx context.Context, info wire.ActionInfo, dir string) error
}

// A Sink takes what a job shows of itself. Its methods may be called from
// several goroutines, return quickly unless the disk is slow, and never fail:
// the sink retries and keeps what it could not deliver yet. Secrets must be
// masked before.
type Sink interface {
	// Step says that a step exists or has changed. The whole record is given
	// each time; the latest one counts.
	Step(u wire.StepUpdate)

	// Log appends text to the log of a step: lines that end in '\n', without
	// time stamps, which the sink adds. Text may end in the middle of a line;
	// the next call for the step goes on there. The sink does not keep text.
	// Call it with as much as is at hand, not line by line.
	Log(stepID string, text []byte)

	// EndLog says that the log of a step is complete. Steps that were never
	// logged need no EndLog.
	EndLog(stepID string)

	// Summary takes the summary of a step, masked, of size bytes. It reads r
	// to its end before it returns.
	Summary(stepID string, size int64, r io.Reader) error
}

// A Result is how a job ended.
type Result struct {
	Conclusion     string // [wire.Succeeded], [wire.Failed] or [wire.Canceled]
	Outputs        map[string]wire.Variable
	Steps          []wire.StepResult // all of them, by number
	Annotations    []wire.Annotation // of the job itself
	EnvironmentURL string
	Subjects       []wire.Subject // that steps have declared, by name
	Infrastructure string         // what failed when it was not the job's fault: "resolve_action"; usually empty
}
