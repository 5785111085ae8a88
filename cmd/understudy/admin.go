package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/server"
)

type adminCommand struct {
	Data     string `default:"./data" placeholder:"DIR" help:"Data directory of the server. Default: ${default}."`
	Database string `placeholder:"URL" help:"Database of the server, if serve was given one."`

	User struct {
		Create    createUser    `cmd:"" help:"Make the account of a person."`
		Suspend   suspendUser   `cmd:"" help:"Let a person do nothing more: tokens and sessions are refused, runs end."`
		Unsuspend unsuspendUser `cmd:"" help:"End that."`
		Delete    deleteUser    `cmd:"" help:"Delete the account of a person who owns no repository. What they did stays, by ghost."`
	} `cmd:"" help:"Accounts."`
	Token struct {
		Create createToken `cmd:"" help:"Make a token for an account, and print it."`
		List   listTokens  `cmd:"" help:"List tokens that people keep: id, login, when made, last used and expiring, note, scopes."`
		Revoke revokeToken `cmd:"" help:"Revoke a token. Sessions that somebody signed in for with it end, too."`
	} `cmd:"" help:"Tokens."`
	Key     adminKey     `cmd:"" help:"Keys that secrets are encrypted with."`
	OIDCKey adminOIDCKey `cmd:"" name:"oidc-key" help:"Keys that OIDC tokens of jobs are signed with."`
	Action  adminAction  `cmd:"" help:"Actions of other hosts that are kept here."`
	Node    adminNode    `cmd:"" help:"Node.js, which runs actions."`

	Audit auditLog `cmd:"" help:"Print the audit log, a JSON object a line, the newest entry first."`
}

func (a *adminCommand) with(ctx context.Context, log *slog.Logger, fn func(*server.Admin) error) error {
	d, err := deps(log)
	if err != nil {
		return err
	}
	return server.WithAdmin(ctx, a.Data, a.Database, d, fn)
}

type createUser struct {
	Login     string `arg:"" help:"Login of the new account."`
	Email     string `placeholder:"ADDRESS" help:"Mail address."`
	SiteAdmin bool   `help:"May do everything on this server."`
}

// Run makes the account.
func (c *createUser) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.with(ctx, log, func(a *server.Admin) error {
		notice, err := a.CreateUser(ctx, c.Login, c.Email, c.SiteAdmin)
		if notice != "" {
			fmt.Fprintln(os.Stderr, notice)
		}
		return err
	})
}

type suspendUser struct {
	Login string `arg:"" help:"Login of the account."`
}

// Run suspends the account.
func (c *suspendUser) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.with(ctx, log, func(a *server.Admin) error {
		_, err := a.SetSuspended(ctx, c.Login, true)
		return err
	})
}

type unsuspendUser struct {
	Login string `arg:"" help:"Login of the account."`
}

// Run lets the account act again.
func (c *unsuspendUser) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.with(ctx, log, func(a *server.Admin) error {
		notice, err := a.SetSuspended(ctx, c.Login, false)
		if notice != "" {
			fmt.Fprintln(os.Stderr, notice)
		}
		return err
	})
}

type deleteUser struct {
	Login string `arg:"" help:"Login of the account."`
}

// Run deletes the account.
func (c *deleteUser) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.with(ctx, log, func(a *server.Admin) error { return a.DeleteUser(ctx, c.Login) })
}

type createToken struct {
	Login  string   `arg:"" help:"Login of the account."`
	Note   string   `placeholder:"TEXT" help:"What the token is for."`
	Scopes []string `default:"repo,workflow,read:org" placeholder:"SCOPE" help:"Scopes of the token. Default: ${default}."`
	Days   int      `placeholder:"N" help:"Days after which the token expires. 0, the default, is never."`
}

// Run prints the new token.
func (c *createToken) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.with(ctx, log, func(a *server.Admin) error {
		text, err := a.CreateToken(ctx, c.Login, c.Note, c.Scopes, c.Days)
		if err == nil {
			fmt.Println(text)
		}
		return err
	})
}

type listTokens struct {
	Login string `arg:"" optional:"" help:"Only those of this account."`
}

// Run prints a table of tokens.
func (c *listTokens) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.with(ctx, log, func(a *server.Admin) error {
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tLOGIN\tCREATED\tLAST USED\tEXPIRES\tNOTE\tSCOPES")
		err := a.Tokens(ctx, c.Login, func(t *actions.Token, login string) {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, login, day(t.CreatedAt), day(t.LastUsedAt), day(t.ExpiresAt), t.Note, strings.Join(t.Scopes, ","))
		})
		return errors.Join(err, w.Flush())
	})
}

func day(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.DateOnly)
}

type revokeToken struct {
	ID int64 `arg:"" help:"Id of the token, as list shows it."`
}

// Run revokes the token.
func (c *revokeToken) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.with(ctx, log, func(a *server.Admin) error { return a.RevokeToken(ctx, c.ID) })
}

type auditLog struct {
	Phrase []string `arg:"" optional:"" help:"What entries must fit, as in GitHub's search: action:repo actor:LOGIN user:LOGIN org:NAME repo:OWNER/NAME actor_ip:ADDRESS operation:create created:2026-01-01..2026-01-31. After -- a hyphen before a term is for what they must not fit."`
	Limit  int      `default:"1000" placeholder:"N" help:"Print so many entries at most; 0 for all. Default: ${default}."`
	Check  bool     `help:"Print no entry: read all of the log, and fail if an entry was changed or removed since it was written."`
}

// Run prints or checks the log.
func (c *auditLog) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.with(ctx, log, func(a *server.Admin) error {
		if c.Check {
			n, err := a.CheckAudit(ctx)
			if err == nil {
				fmt.Printf("%d entries, none changed or missing\n", n)
			}
			return err
		}
		out := json.NewEncoder(os.Stdout)
		return a.Audit(ctx, strings.Join(c.Phrase, " "), c.Limit, func(entry any) error { return out.Encode(entry) })
	})
}
