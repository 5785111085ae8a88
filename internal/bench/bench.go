// Package bench measures how fast Understudy is, from outside: it starts the
// built program as a server process of its own on a loopback port, pushes with
// real git, and speaks to it as its users and runners do.
//
// A [Measurement] is one file and gives the rows of docs/performance.md. Each
// starts servers of its own on new data directories, is bounded in count and in
// time, and leaves nothing behind. Memory is read from the kernel's account of
// the server process. Where a figure depends on the machine more than on the
// program, a reference is measured in the same run: the disk's fsync, a bare
// HTTP handler. Clients share the processors with the server, so those that
// make load are written to cost little: see [conn].
package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Config is what measuring needs.
type Config struct {
	Binary string   // the program to measure
	Dir    string   // where data directories are made; its disk is part of the result
	Env    []string // environment of the programs that are started
	Now    func() time.Time
	Out    io.Writer // progress

	// Child are the program and arguments of a process that calls [Child].
	Child []string

	// Isolation is that of the bundled runners' jobs. Empty, it is the program's own
	// choice, and what depends on it is measured without any, too.
	Isolation string

	// Postgres is the URL of a database server, as one who may make databases.
	// Without it, what needs several servers on one database is left out.
	Postgres string
}

// A Measurement gives rows of the table.
type Measurement struct {
	Name     string // as given to --only
	About    string
	whole    bool // part of `make bench` only: it needs more than the program's public interfaces
	postgres bool // needs a PostgreSQL server
	run      func(context.Context, *bench) ([]Row, error)
}

// Measurements are all there are, in the order of the table.
func Measurements() []Measurement {
	return []Measurement{
		{Name: "latency", About: "push returned → first step running", run: isolated(latency)},
		{Name: "matrix", About: "a matrix of 20 jobs, push to conclusion", run: isolated(matrix)},
		{Name: "jobs", About: "no-op jobs a second through the whole protocol", run: jobs},
		{Name: "crowd", About: "many waiting runners, and what others feel of their work", run: crowd, whole: true},
		{Name: "attack", About: "what honest callers wait while two accounts attack", run: attack, whole: true},
		{Name: "dispatches", About: "dispatches accepted a second", run: dispatches},
		{Name: "reads", About: "REST requests a second, against a bare handler", run: reads},
		{Name: "logs", About: "log ingestion and the server's memory while it lasts", run: ingestion},
		{Name: "artifacts", About: "artifacts: many small ones, and a big one against a bare server", run: artifacts},
		{Name: "lists", About: "lists of very many artifacts, against few", run: artifactLists},
		{Name: "runs", About: "lists of very many runs, against few", run: runLists, whole: true},
		{Name: "secrets", About: "what secrets cost a job, among very many others", run: secrets, whole: true},
		{Name: "expiry", About: "removal of expired artifacts, and what others feel of it", run: expiry, whole: true},
		{Name: "follow", About: "delay of a line from print to a follower", run: follow},
		{Name: "servers", About: "three servers on one PostgreSQL: jobs a second, and what one sees of another", run: servers, postgres: true},
		{Name: "footprint", About: "idle memory, size of the program, cold start", run: footprint},
	}
}

// A bench is one run of measurements. Its directory is removed in the end.
type bench struct {
	Config
	size
	dir string
}

// in makes the directory of a run; remove ends it.
func (c Config) in(s size) (b *bench, remove func(), err error) {
	dir, err := os.MkdirTemp(c.Dir, "understudy-bench-")
	if err != nil {
		return nil, nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, nil, err
	}
	return &bench{c, s, dir}, func() { os.RemoveAll(dir) }, nil
}

// Run takes the measurements of the given names, all if there are none, and
// reports what came of them.
func Run(ctx context.Context, c Config, names []string) (*Report, error) {
	chosen, err := c.choose(names)
	if err != nil {
		return nil, err
	}
	b, remove, err := c.in(whole)
	if err != nil {
		return nil, err
	}
	defer remove()
	report := &Report{Machine: b.machine(ctx), Date: c.Now()}
	for _, m := range chosen {
		b.say("%s: %s", m.Name, m.About)
		rows, err := m.run(ctx, b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		for _, r := range rows {
			b.say("  %s", r)
		}
		report.Rows = append(report.Rows, rows...)
	}
	report.Took = c.Now().Sub(report.Date)
	return report, nil
}

// choose returns the measurements of the given names, or all that can be taken.
func (c Config) choose(names []string) ([]Measurement, error) {
	all := Measurements()
	for _, name := range names {
		if !slices.ContainsFunc(all, func(m Measurement) bool { return m.Name == name }) {
			return nil, fmt.Errorf("there is no measurement %q", name)
		}
	}
	for _, m := range all {
		if m.postgres && c.Postgres == "" && slices.Contains(names, m.Name) {
			return nil, fmt.Errorf("%s: there must be a PostgreSQL server", m.Name)
		}
	}
	return slices.DeleteFunc(all, func(m Measurement) bool {
		return m.postgres && c.Postgres == "" || len(names) > 0 && !slices.Contains(names, m.Name)
	}), nil
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.Out, format+"\n", args...) }

// since is how long ago t was.
func (b *bench) since(t time.Time) time.Duration { return b.Now().Sub(t) }

// pause waits for d, or for the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// until calls f every so often until it says true, for no longer than limit.
func until(ctx context.Context, what string, every, limit time.Duration, f func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s: not within %s", what, limit))
	defer cancel()
	for {
		if done, err := f(); done || err != nil {
			return err
		}
		if err := pause(ctx, every); err != nil {
			return err
		}
	}
}

// isolated takes a measurement with the isolation of the configuration, and again
// without any where that says nothing.
func isolated(run func(context.Context, *bench) ([]Row, error)) func(context.Context, *bench) ([]Row, error) {
	return func(ctx context.Context, b *bench) ([]Row, error) {
		rows, err := run(ctx, b)
		if err != nil || b.Isolation != "" {
			return rows, err
		}
		bare := *b
		bare.Isolation = "none"
		more, err := run(ctx, &bare)
		for i := range more {
			more[i].What += ", isolation none"
		}
		return append(rows, more...), err
	}
}
