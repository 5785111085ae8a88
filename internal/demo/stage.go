package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/runner"
	"github.com/understudy-ci/understudy/internal/server"
)

const (
	lease     = 30 * time.Second
	drain     = 5 * time.Second
	maxSocket = 100 // bytes that the path of a socket may have everywhere
)

// A stage is the directory of a demo and the server in it.
type stage struct {
	dir       string
	temporary bool
	shared    bool   // the database is not in the directory
	database  string // what it is, for people
	log       *os.File
	socket    string // "" for none
	url       string // of the server, once it is up
	end       func() error
}

// openStage makes the directory.
func openStage(c Config) (s *stage, err error) {
	s = &stage{dir: c.Dir, temporary: c.Dir == "" && !c.Keep, shared: c.Database != "", database: "SQLite", end: func() error { return nil }}
	if strings.HasPrefix(c.Database, "postgres") {
		s.database = "PostgreSQL"
	}
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "understudy-demo-"); err != nil {
			return nil, err
		}
	} else if err := emptyDir(s.dir); err != nil {
		return nil, err
	}
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return nil, err
	}
	s.log, err = os.OpenFile(s.path("server.log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	if socket := s.path("socket"); c.Keep && len(socket) <= maxSocket {
		s.socket = socket
	}
	return s, nil
}

// emptyDir makes a directory, which must hold nothing if it is there.
func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("--dir: %s is not empty; name a directory that is, or is not there yet", dir)
	}
	return nil
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) adminToken() string { return server.TokenFile(s.path("data")) }

// serve starts the server and waits until it answers. The context that it
// returns ends with ctx, and when the server fails.
func (s *stage) serve(ctx context.Context, c Config, deps server.Deps) (context.Context, error) {
	config := server.Config{
		Listen: []string{"127.0.0.1:0"}, Data: s.path("data"), Database: c.Database, Runners: c.Runners,
		// Who uses the demo has all of it: a second account changes nothing.
		Isolation: runner.None, RunnerLabels: []string{"ubuntu-latest"}, JobLease: lease, Drain: drain, ToolkitPatch: true,
	}
	if s.socket != "" {
		config.Listen = append(config.Listen, "unix:"+s.socket)
	}
	deps.Log = slog.New(slog.NewTextHandler(s.log, nil))
	sv, err := server.New(ctx, config, deps)
	if _, is := errors.AsType[*server.MissingKeyError](err); is && s.shared {
		return nil, errNotEmpty
	}
	if err != nil {
		return nil, err
	}
	up, fail := context.WithCancelCause(ctx)
	ready, ended := make(chan string, 1), make(chan struct{})
	var result error
	go func() {
		defer close(ended)
		err := errors.Join(sv.Run(up, func(urls []string) { ready <- urls[0] }), sv.Close())
		if up.Err() == nil { // nobody asked it to end
			fail(fmt.Errorf("the server ended by itself: %w", err))
			return
		}
		result = err
	}()
	s.end = func() error {
		fail(nil)
		<-ended
		return result
	}
	select {
	case s.url = <-ready:
		return up, nil
	case <-ended:
		return nil, context.Cause(up)
	}
}

// close stops the server and, if it is temporary, removes the directory.
func (s *stage) close() error {
	errs := []error{s.end()}
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	if s.temporary {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// explain shows what the server and the runners complained about.
func (s *stage) explain(t *Terminal) {
	const most = 10
	files, err := filepath.Glob(s.path("data-runners/*/runner.log"))
	if err != nil {
		return // the pattern is fine
	}
	for _, file := range append([]string{s.log.Name()}, files...) {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		var bad []string
		for line := range strings.SplitSeq(string(text), "\n") {
			if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
				bad = append(bad, line)
			}
		}
		if len(bad) == 0 {
			continue
		}
		name, _ := filepath.Rel(s.dir, file) // it is below
		t.printf("\n%s\n", t.paint(yellow, name))
		for _, line := range bad[max(0, len(bad)-most):] {
			t.printf("  %s\n", printable(line))
		}
	}
	if s.temporary {
		t.printf("\nThe directory is removed now; with --keep it stays, and the server with it.\n")
	}
}
