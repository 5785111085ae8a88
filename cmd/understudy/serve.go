package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/understudy-ci/understudy/internal/server"
)

type serveCommand struct {
	server.Config
}

// Validate refuses zeros, which stand for the default where no flags are read.
func (c *serveCommand) Validate() error {
	const refusal = "%s must be more than 0: leave it out for the default"
	switch {
	case c.OrphanAfter == 0:
		return fmt.Errorf(refusal, "--orphan-after")
	case c.ArtifactDays == 0:
		return fmt.Errorf(refusal, "--artifact-days")
	case c.ArtifactSize == 0:
		return fmt.Errorf(refusal, "--artifact-size")
	case c.CacheDays == 0:
		return fmt.Errorf(refusal, "--cache-days")
	case c.CacheQuota == 0:
		return fmt.Errorf(refusal, "--cache-quota")
	}
	return nil
}

// Run serves until it is told to stop.
func (c *serveCommand) Run(ctx context.Context, log *slog.Logger) (err error) {
	sockets := activation.Files(true) // and nobody whom we start hears of them
	d, err := deps(log)
	if err != nil {
		return err
	}
	d.Sockets = sockets
	s, err := server.New(ctx, c.Config, d)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Run(ctx, func(urls []string) {
		var text strings.Builder
		fmt.Fprintf(&text, "Understudy %s is ready.\n", version)
		for _, url := range urls {
			fmt.Fprintln(&text, "  listening on", url)
		}
		if c.TLSSelf {
			fmt.Fprintln(&text, "  certificate for clients:", c.Certificate(), "(SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, GIT_SSL_CAINFO)")
		}
		fmt.Fprintln(&text, "  bundled runners:", s.Bundled())
		if file := server.TokenFile(c.Data); exists(file) {
			fmt.Fprintln(&text, "  site admin: admin, with the token in", file)
		}
		fmt.Print(text.String()) // in one piece, for programs that wait for it
	})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func deps(log *slog.Logger) (server.Deps, error) {
	self, err := os.Executable()
	machine, _ := os.Hostname() // one without a name has none to be called by
	return server.Deps{
		Log: log, Now: time.Now, Random: rand.Reader, Program: self, Env: cleanEnv(), LookupEnv: os.LookupEnv, Version: version, Machine: machine, TrySandbox: trySandbox,
		S3: server.S3Credentials{
			AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
		},
	}, err
}

// cleanEnv is what bundled runners and their jobs get of this process's environment
// in any case: where programs are, who runs them, and in which language.
func cleanEnv() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
