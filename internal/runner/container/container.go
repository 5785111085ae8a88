// Package container runs what a job asks for in containers, by the command line of
// an engine: docker, podman, or a program that takes the same arguments.
//
// # Who decides
//
// A job says which image, with which options, ports and volumes. The operator says what
// of that it may have: a [Policy] is applied here, to each container, whatever keeps the
// job's processes from the machine otherwise. Who could give an engine any options would be
// its user's equal, and that is mostly root. So the worker of a job, which may be
// in the job's hands, gets no engine, no socket and no way to choose arguments. It gets an
// [Engine], and asks for a [Command]; [Docker] checks that and makes the arguments.
//
// A container sees the job's own directories, where GitHub's runner has them: the
// work directory at /__w, tools at /__t, the runner's Node.js at /__e. A [Host] is where the
// processes of a job with a container run.
//
// # Values that nobody else may see
//
// Arguments of a process can be read by every user of the machine, and the environment
// of the engine's program decides what that does. So the variables of a job are in neither:
// they are in a file of the runner's own, for as long as the program runs.
//
// # What is left behind
//
// Containers, networks, volumes and images carry the label of their runner and of their
// job. [Docker.Close] removes what the job has; [Clean] what is left of one whose runner was killed,
// or whose engine was.
package container

import (
	"context"
	"regexp"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/host"
)

// An Engine runs commands for one job. Its methods may be called from several goroutines.
type Engine interface {
	// Do runs a command to its end and returns its exit code. When ctx ends before, it
	// stops what runs, as [host.Host.Run] does. The error says why the command
	// was not run at all: what the policy refuses, for example.
	Do(ctx context.Context, c Command, s Stream) (exitCode int, err error)
}

// A Stream is where the output of a command goes.
type Stream struct {
	Shown  func(line string)  // gets the command as people may see it, before its output; may be nil
	Output func(batch []byte) // gets whole lines; see [host.Process]; may be nil
	Kill   <-chan struct{}    // closed when the command must end at once; may be nil
}

// A Verb says what a command does.
type Verb string

// The verbs.
const (
	ServerVersion Verb = "server version" // prints the version of the engine's interface
	ClientVersion Verb = "client version"
	Stale         Verb = "stale" // removes what earlier jobs of the runner have left
	MakeNetwork   Verb = "make network"
	DropNetwork   Verb = "drop network"
	Pull          Verb = "pull"
	HasImage      Verb = "has image"
	Build         Verb = "build"
	Run           Verb = "run"    // a container, to its end
	Create        Verb = "create" // a container, and prints its id
	Start         Verb = "start"
	Running       Verb = "running" // prints the id and status if the container runs
	Status        Verb = "status"  // prints the id and status
	Variables     Verb = "variables"
	Health        Verb = "health" // prints nothing if the container has no health check
	Ports         Verb = "ports"
	Logs          Verb = "logs"
	Remove        Verb = "remove"
	Exec          Verb = "exec" // a process in a container that runs
)

// A Command is one thing that a job wants of the engine. Paths are as the worker sees them,
// those of an Exec as the container does.
type Command struct {
	Do    Verb
	ID    string // of a container that this job has created, or the name of the job's network
	Image string // of pull, has image and build: [BuiltName] and an id
	Spec  Spec   // of run and create

	Username, Password string // of pull, for the registry
	Dockerfile         string // of build; its directory is the context

	Program string // of exec
	Args    []string
	Dir     string
	Env     []Variable

	Interrupt, Terminate, Output time.Duration // see [host.Grace]
}

// A Variable is one of an environment.
type Variable struct{ Name, Value string }

// A Role is what a container is to its job.
type Role string

// The roles.
const (
	Job     Role = "job"     // the one that steps run in: it sees the job's directories
	Service Role = "service" // it sees nothing of the job
	Action  Role = "action"  // it sees the workspace and the files of a step
)

// A Spec describes a container.
type Spec struct {
	Role       Role
	Name       string
	Image      string
	Network    string
	Alias      string // name in the network; "" for none
	Env        []Variable
	Ports      []string
	Volumes    []string
	Options    string // as the workflow has them
	Entrypoint string
	Args       []string
	Workspace  string // of an action: what it sees at /github/workspace
	WorkDir    string // as the container sees it
}

// BuiltName begins the names of images that are built for a job.
const BuiltName = "understudy:"

// Where a container of a job sees things, as with GitHub's runner.
const (
	workAt  = "/__w"
	toolAt  = "/__t"
	homeAt  = "/github/home"
	eventAt = "/github/workflow"
	filesAt = "/github/file_commands"
	spaceAt = "/github/workspace"
	tempAt  = "/github/runner_temp"
)

// The directories in a job's temporary directory that containers see on their own.
const (
	homeDir  = "_github_home"
	eventDir = "_github_workflow"
	filesDir = "_runner_file_commands"
)

func (c *Command) grace() host.Grace {
	return host.Grace{Interrupt: c.Interrupt, Terminate: c.Terminate, Output: c.Output}
}

// An Error is a reason that people see in the log of the job.
type Error string

// Error returns the reason.
func (e Error) Error() string { return string(e) }

// imageName is what may be the name of an image, by the grammar of references. In
// particular it does not begin with a dash.
var imageName = regexp.MustCompile(`^[A-Za-z0-9\[][A-Za-z0-9._:/@\[\]-]{0,511}$`)

// CheckImage says why a text cannot be the name of an image.
func CheckImage(image string) error { return checkImage(image) }

func checkImage(image string) error {
	if !imageName.MatchString(image) {
		return Error("'" + image + "' is not the name of an image.")
	}
	return nil
}

var objectName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

func checkName(name string) error {
	if !objectName.MatchString(name) {
		return Error("'" + name + "' is not the name of a container or network.")
	}
	return nil
}

// None is an [Engine] that has no containers.
type None struct{ Reason error }

// Do implements [Engine].
func (n None) Do(context.Context, Command, Stream) (int, error) { return 0, n.Reason }
