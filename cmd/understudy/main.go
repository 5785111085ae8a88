// Command understudy is GitHub Actions on your own machine: a server of the
// Actions API with everything behind it, and the runner that executes jobs.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/understudy-ci/understudy/internal/local"
)

// version is set by the build.
var version = "devel"

const description = `GitHub Actions on your own machine.

	Start a server:           understudy serve
	See it work:              understudy demo
	Add a runner elsewhere:   understudy runner --url http://HOST:3000/OWNER/REPO --token TOKEN
	Get what a run made:      understudy artifact download -R OWNER/REPO --run ID
	Try an expression:        understudy eval "startsWith('refs/heads/main', 'refs/')"

Every flag is also an environment variable: --job-lease is UNDERSTUDY_JOB_LEASE.`

type program struct {
	Serve    serveCommand    `cmd:"" help:"Run the server."`
	Runner   runnerCommand   `cmd:"" help:"Run a runner that takes jobs from a server."`
	Demo     demoCommand     `cmd:"" help:"Start a server, push a sample repository, and watch its run."`
	Admin    adminCommand    `cmd:"" help:"Work on the data directory of a server: make users and tokens."`
	Artifact artifactCommand `cmd:"" help:"List, download and delete artifacts of a server."`
	Eval     evalCommand     `cmd:"" help:"Evaluate an expression of workflow files."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
	Worker   workerCommand   `cmd:"" hidden:""`

	LogLevel  slog.Level `default:"info" placeholder:"LEVEL" help:"What to log: debug, info, warn or error. Default: ${default}."`
	LogFormat string     `default:"text" enum:"text,json" help:"How to log: text or json."`
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run() error {
	fmt.Println("understudy", version)
	return nil
}

func main() {
	var p program
	parser := kong.Must(&p,
		kong.Name("understudy"), kong.Description(description), kong.ShortUsageOnError(),
		kong.DefaultEnvars("UNDERSTUDY"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
	)
	k, err := parser.Parse(os.Args[1:])
	if err != nil {
		parser.Stdout = os.Stderr // for the usage: it is not what was asked for
	}
	parser.FatalIfErrorf(err)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k.BindTo(ctx, (*context.Context)(nil))
	k.Bind(p.logger(), &p)
	if err := k.Run(); err != nil && !errors.Is(err, context.Canceled) {
		stop()
		if !errors.Is(err, local.ErrTold) {
			fmt.Fprintln(os.Stderr, "understudy:", err)
		}
		os.Exit(1)
	}
}

func (p *program) logger() *slog.Logger {
	o := &slog.HandlerOptions{Level: p.LogLevel}
	if p.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}
