package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"text/tabwriter"
	"time"

	"github.com/understudy-ci/understudy/internal/server"
)

type adminOIDCKey struct {
	SecretKeyFile string `placeholder:"FILE" help:"File of the keys of secrets, if serve was given one: the private keys are encrypted with them."`

	List   listOIDCKeys  `cmd:"" help:"List the keys by which OIDC tokens of jobs are verified, and from when on each signs."`
	Rotate rotateOIDCKey `cmd:"" help:"Make a new key that signs from now on. The old one is good until its tokens have expired. Servers may run meanwhile, and make a new key by themselves every 90 days."`
}

type listOIDCKeys struct{}

// Run prints the keys.
func (c *listOIDCKeys) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.with(ctx, log, func(a *server.Admin) error {
		keys, err := a.OIDCKeys(ctx)
		if err != nil {
			return err
		}
		out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		for _, k := range keys {
			fmt.Fprintf(out, "%s\tsigns from %s\n", k.ID, k.SignsFrom.UTC().Format(time.RFC3339))
		}
		return out.Flush()
	})
}

type rotateOIDCKey struct {
	Revoke bool `help:"The old keys are good for nothing any more, nor are the tokens that they have signed: for a key that somebody else may have."`
}

// Run makes a new key.
func (c *rotateOIDCKey) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.with(ctx, log, func(a *server.Admin) error {
		id, err := a.RotateOIDCKey(ctx, p.Admin.OIDCKey.SecretKeyFile, c.Revoke)
		if err == nil {
			fmt.Println("new key", id)
		}
		return err
	})
}
