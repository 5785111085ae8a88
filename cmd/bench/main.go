// Command bench measures the built program and prints the table of
// docs/performance.md. It is for development: `make bench`.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/understudy-ci/understudy/internal/bench"
)

type program struct {
	Only      []string `placeholder:"NAME" help:"Measurements to take: ${measurements}. Default: all."`
	Binary    string   `default:"bin/understudy" placeholder:"FILE" help:"The program to measure."`
	Against   string   `placeholder:"FILE" help:"An older program: measure both in turns, and print ratios."`
	Rounds    int      `default:"5" help:"How many turns each program has with --against."`
	Isolation string   `placeholder:"none|user" help:"Isolation of the bundled runners' jobs. Default: none with --against; else the program's own choice, and latency and matrix also with none."`
	Postgres  string   `placeholder:"URL" env:"UNDERSTUDY_TEST_POSTGRES" help:"A PostgreSQL server, for what needs several servers on one database; left out without it."`
	Dir       string   `placeholder:"DIR" help:"Where to put the servers' data for as long as it takes. Default: the directory for temporary files."`
	Child     bool     `hidden:"" help:"Do what standard input says, beside a server."`
	Write     string   `placeholder:"FILE" help:"Write the table to FILE, not to the terminal."`
}

func main() {
	var names []string
	for _, m := range bench.Measurements() {
		names = append(names, m.Name)
	}
	var p program
	kong.Parse(&p, kong.Vars{"measurements": strings.Join(names, ", ")}, kong.Description("Measure how fast Understudy is."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := p.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (p *program) run(ctx context.Context) error {
	if p.Child {
		return bench.Child(ctx, os.Stdin, time.Now)
	}
	return p.measure(ctx)
}

func (p *program) measure(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := p.table(ctx, bench.Config{Binary: p.Binary, Dir: p.Dir, Env: environment(), Now: time.Now, Out: os.Stderr, Postgres: p.Postgres, Isolation: p.Isolation, Child: []string{self, "--child"}})
	if err != nil {
		return err
	}
	if p.Write != "" {
		return os.WriteFile(p.Write, []byte(text), 0o644) // documentation
	}
	fmt.Print(text)
	return nil
}

func (p *program) table(ctx context.Context, c bench.Config) (string, error) {
	if p.Against != "" {
		result, err := bench.Against(ctx, c, p.Against, p.Rounds, p.Only)
		if err != nil {
			return "", err
		}
		return result.Markdown(), nil
	}
	report, err := bench.Run(ctx, c, p.Only)
	if err != nil {
		return "", err
	}
	return report.Markdown(), nil
}

// environment is ours without settings of a server.
func environment() []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "UNDERSTUDY_") && !strings.HasPrefix(pair, "GIT_") {
			env = append(env, pair)
		}
	}
	return env
}
