package main

import (
	"context"
	"log/slog"
	"os"

	"golang.org/x/term"

	"github.com/understudy-ci/understudy/internal/demo"
)

// A demoCommand takes nothing from variables that are meant for serve: its
// database must not be that of a server which people use.
type demoCommand struct {
	Keep     bool   `help:"Leave the server up afterwards, and say how to use it."`
	Database string `env:"UNDERSTUDY_DEMO_DATABASE" placeholder:"URL" help:"An empty database: postgres://…. Default: SQLite."`
	Runners  int    `env:"UNDERSTUDY_DEMO_RUNNERS" default:"2" placeholder:"N" help:"How many runners to start."`
	Dir      string `placeholder:"DIR" help:"Directory to work in, kept afterwards. Must be empty or not exist. Default: a temporary one."`
}

// Run gives the demo in this terminal.
func (c *demoCommand) Run(ctx context.Context, log *slog.Logger) error {
	d, err := deps(log)
	if err != nil {
		return err
	}
	return demo.Run(ctx, demo.Config{Dir: c.Dir, Keep: c.Keep, Database: c.Database, Runners: c.Runners}, d, terminal(os.Stdout))
}

// terminal says what can be shown on f. NO_COLOR and TERM=dumb are honoured.
func terminal(f *os.File) *demo.Terminal {
	fd := int(f.Fd())
	t := &demo.Terminal{Out: f, Interactive: term.IsTerminal(fd) && os.Getenv("TERM") != "dumb"}
	t.Color = t.Interactive && os.Getenv("NO_COLOR") == ""
	t.Size = func() (width, lines int) {
		width, lines, err := term.GetSize(fd)
		if err != nil {
			return 0, 0
		}
		return width, lines
	}
	return t
}
