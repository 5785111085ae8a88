package demo

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/runner"
	"github.com/understudy-ci/understudy/internal/runner/worker"
)

// TestMain makes a runner of this program when a server starts it as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "runner" {
		if err := runRunner(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func runRunner(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	o := runner.Options{Version: "test", Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	fs := flag.NewFlagSet("runner", flag.ContinueOnError)
	fs.StringVar(&o.Root, "work", "", "")
	fs.StringVar(&o.URL, "url", "", "")
	fs.StringVar(&o.Name, "name", "", "")
	fs.BoolVar(&o.Replace, "replace", false, "")
	labels := fs.String("labels", "", "")
	token := fs.String("token", "", "")
	drain := fs.Duration("drain", time.Second, "")
	orphan := fs.Duration("orphan-after", 0, "")
	_ = fs.String("isolation", "", "") // there is none in tests
	_ = fs.String("node-last", "", "") // nor is Node.js brought
	if err := fs.Parse(args); err != nil {
		return err
	}
	o.Labels = strings.Split(*labels, ",")
	if *token == "-" {
		text, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		o.Token = strings.TrimSpace(string(text))
	}
	if !runner.Configured(o.Root, o.URL) {
		if err := runner.Configure(ctx, o); err != nil {
			return err
		}
	}
	r, err := runner.New(runner.Config{
		Root: o.Root, Version: o.Version, Env: cleanEnv(), Drain: *drain, OrphanAfter: *orphan, Execute: worker.Run, Now: time.Now, Log: o.Log,
	})
	if err != nil {
		return err
	}
	return r.Listen(ctx)
}

func cleanEnv() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "LANG", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
