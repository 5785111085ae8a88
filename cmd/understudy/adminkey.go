package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/understudy-ci/understudy/internal/server"
)

type adminKey struct {
	SecretKeyFile string `placeholder:"FILE" help:"File of the keys, if serve was given one."`

	Rotate  rotateKey  `cmd:"" help:"Make a new key, encrypt all secrets with it, and drop the old ones. Servers may run meanwhile."`
	Export  exportKeys `cmd:"" help:"Print all keys of the file, for import on another machine. Whoever has them can read the secrets."`
	Import  importKeys `cmd:"" help:"Add the keys that export printed, from the standard input. Those of the file stay."`
	Discard discardKey `cmd:"" help:"Delete the secrets that are encrypted with a key that is lost, so that servers start without it."`
}

type rotateKey struct{}

// Run makes a new key.
func (c *rotateKey) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.with(ctx, log, func(a *server.Admin) error {
		id, secrets, err := a.RotateKey(ctx, p.Admin.Key.SecretKeyFile)
		if id != "" {
			fmt.Printf("new key %s: %d secrets encrypted anew\n", id, secrets)
		}
		return err
	})
}

type exportKeys struct{}

// Run prints the keys.
func (c *exportKeys) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.with(ctx, log, func(a *server.Admin) error { return a.ExportKeys(p.Admin.Key.SecretKeyFile, os.Stdout) })
}

type importKeys struct{}

// Run adds keys.
func (c *importKeys) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.with(ctx, log, func(a *server.Admin) error {
		added, err := a.ImportKeys(p.Admin.Key.SecretKeyFile, os.Stdin)
		for _, id := range added {
			fmt.Println("added", id)
		}
		return err
	})
}

type discardKey struct {
	ID string `arg:"" help:"Id of the key that is lost, as the server names it."`
}

// Run deletes what nobody can read any more.
func (c *discardKey) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.with(ctx, log, func(a *server.Admin) error {
		secrets, err := a.DiscardKey(ctx, p.Admin.Key.SecretKeyFile, c.ID)
		if err == nil {
			fmt.Printf("%d secrets deleted\n", secrets)
		}
		return err
	})
}
