package main

import (
	"context"
	"errors"
	"os"

	"golang.org/x/term"

	"github.com/understudy-ci/understudy/internal/local"
)

func stdoutTerminal() *local.Terminal {
	return &local.Terminal{Out: os.Stdout, Interactive: term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("TERM") != "dumb"}
}

// errInterrupted is not context.Canceled, with which main ends well.
var errInterrupted = errors.New("interrupted")

// interruptible does what may wait for a pipe to be written to, and no longer than ctx.
func interruptible(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		if errors.Is(err, context.Canceled) {
			return errInterrupted
		}
		return err
	case <-ctx.Done():
		return errInterrupted
	}
}

type evalCommand struct {
	Expression string `arg:"" help:"The expression, with or without $${{ }}; or text that has some in it."`
	Context    string `placeholder:"FILE" help:"JSON object with the contexts; - is standard input. Default: none, so all of them are null."`
	JSON       bool   `name:"json" help:"Print the kind and the value as JSON, and errors with their phase."`
}

// Help is shown by --help.
func (evalCommand) Help() string {
	return `The value is printed as GitHub puts it into text: an array is the word Array, and --json
shows what is in it.
  understudy eval "contains(fromJSON('[1, 2]'), 2)"
  understudy eval 'Hello ${{ github.actor }}' --context contexts.json
  echo '{"matrix": {"os": "linux"}}' | understudy eval matrix.os --context - --json

A file of contexts is what toJSON prints in a job, by name:
  {"github": {"ref": "refs/heads/main"}, "env": {"CI": "true"}}

success(), failure() and cancelled() go by job.status, which is success unless the file
says otherwise. hashFiles() looks below the current directory. Exit status: 0, or 1 when
the expression is wrong.`
}

// Run evaluates.
func (e *evalCommand) Run(ctx context.Context) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	return interruptible(ctx, func() error {
		return local.Eval(ctx, stdoutTerminal(), &local.Evaluation{
			Expression: e.Expression, Context: e.Context, Stdin: os.Stdin, Root: root, Home: os.Getenv("HOME"), JSON: e.JSON,
		})
	})
}
