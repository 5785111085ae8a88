// Package link lets a worker execute a job in a process of its own.
//
// The runner keeps what a job must not have: its own credential, the token by which
// it reports, what was not delivered yet. The worker's process has the job message
// and the job's files. They speak HTTP, the worker as the client, over connections
// that no other process can make: there is no address. The worker makes a pair of
// connected sockets for each and passes one of them on through the door, a socket
// that it got when it was started. In a container it finds that by a file ([Door]).
//
// Containers the worker asks the runner for, command by command: the runner's end has the engine,
// and says what the operator's policy refuses (engine.go).
//
// [Serve] is the runner's end, [Work] the worker's. What a worker asks for is
// bounded: it has the user of the job.
package link

import (
	"time"

	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A Task is the job as the worker's process gets it. Paths are as that sees them.
type Task struct {
	Message    *wire.JobMessage
	WorkDir    string
	TempDir    string
	ActionsDir string
	ToolDir    string
	Node       worker.NodeDirs
	Runner     worker.RunnerInfo
	Env        []string // that processes of the job start from
	TrackingID string
}

// The paths of requests.
const (
	taskPath    = "/task"
	signalsPath = "/signals"
	stepPath    = "/step"
	logPath     = "/log/"     // ID of the step
	endPath     = "/end/"     // ID of the step
	summaryPath = "/summary/" // ID of the step
	resolvePath = "/resolve"
	archivePath = "/archive"
	resultPath  = "/result"
	enginePath  = "/engine"
	stopPath    = "/engine/stop"
)

const (
	maxConns   = 32
	maxRequest = 64 << 20 // of JSON; and of log text at once, which comes in less
	maxAnswer  = 256 << 20
	headerTime = 10 * time.Second
)

// killSignal is sent when the job must end at once.
const killSignal = worker.Signal(-1)
