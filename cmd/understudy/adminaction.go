package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/server"
	"github.com/understudy-ci/understudy/internal/upstream"
)

type adminAction struct {
	Blobs string `placeholder:"DIR|URL" help:"Where logs, artifacts and actions are kept, if serve was told."`
	server.UpstreamConfig

	Import importAction `cmd:"" help:"Bring in an action, or what export wrote."`
	Mirror mirrorAction `cmd:"" help:"Bring in all actions that workflow files use."`
	List   listActions  `cmd:"" help:"List what is kept."`
	Export exportAction `cmd:"" help:"Write what is kept to a file that import reads on another server."`
	Remove removeAction `cmd:"" help:"Forget an action, or a version of it."`
}

func (a *adminAction) with(ctx context.Context, log *slog.Logger, p *program, fn func(context.Context, *server.ActionAdmin) error) error {
	return p.Admin.with(ctx, log, func(admin *server.Admin) error {
		return admin.WithActions(ctx, a.Blobs, a.UpstreamConfig, fn)
	})
}

type importAction struct {
	What string `arg:"" help:"OWNER/REPO@REF, or OWNER/REPO for all branches and tags of a git source; with no SOURCE, a file that export wrote."`
	From string `arg:"" optional:"" name:"source" help:"DIRECTORY or BUNDLE of git, GIT-URL, or a DIRECTORY or TARBALL of files."`
}

// Help teaches by examples.
func (importAction) Help() string {
	return `What is imported answers before any upstream, until it is removed.

	All versions, from a clone:      import actions/setup-go ~/src/setup-go
	One version, from a git host:    import actions/setup-go@v5 https://git.corp.example/mirrors/setup-go
	One version, from a bundle:      import actions/setup-go@v5 setup-go.bundle
	Files without git:               import actions/setup-go@v5 setup-go-5.tar.gz
	What another server keeps:       import actions.tar

Commits of git are checked by their ids and stay what they are, so a workflow may name them by their full SHA. Files without git get a
commit that is made here: the report of a run says so, and no SHA means it. An owner who has an account on the server needs no import:
push the repository to it.`
}

// Run imports.
func (c *importAction) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.Action.with(ctx, log, p, func(ctx context.Context, u *server.ActionAdmin) error {
		each := func(a *actions.KeptAction, refs []string) {
			made := ""
			if a.Origin == actions.MadeHere {
				made = " (a commit made here)"
			}
			fmt.Printf("%s %s %s%s\n", a.Name, a.SHA, strings.Join(refs, ","), made)
		}
		if c.From != "" {
			name, ref, _ := strings.Cut(c.What, "@")
			return u.Import(ctx, upstream.Import{Name: name, Ref: ref, From: c.From}, each)
		}
		f, err := os.Open(c.What)
		if err != nil {
			return fmt.Errorf("without a SOURCE, %s must be a file that export wrote: %w", c.What, err)
		}
		defer f.Close()
		return u.ImportExport(ctx, f, each)
	})
}

type mirrorAction struct {
	Files []string `arg:"" name:"file" help:"Workflow files, such as .github/workflows/*.yml."`
}

// Help says what it follows.
func (mirrorAction) Help() string {
	return `Reads workflow files and brings in, from --actions-upstream, each action that they use, and what those use in turn. Actions and reusable
workflows of the repository itself ("./…") are followed in the directory of the file. Each line says what became of one; what could not be
had is told at the end, and the command fails then.

	On a machine with internet:   mirror .github/workflows/*.yml && export actions.tar
	On the one without:           import actions.tar`
}

// Run mirrors.
func (c *mirrorAction) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.Action.with(ctx, log, p, func(ctx context.Context, u *server.ActionAdmin) error {
		var failed []upstream.Mirrored
		err := u.MirrorFiles(ctx, c.Files, func(m upstream.Mirrored) {
			switch {
			case m.Err != nil:
				failed = append(failed, m)
			case m.Action != nil:
				fmt.Printf("%s is %s, from %s\n", m.Use, m.Action.SHA, source(m.Action))
			default:
				fmt.Printf("%s: %s\n", m.Use, m.Why)
			}
		})
		for _, m := range failed {
			fmt.Fprintf(os.Stderr, "not had: %s (used by %s): %v\n", m.Use, m.By, m.Err)
		}
		if err == nil && len(failed) > 0 {
			err = fmt.Errorf("%d of what the files use could not be had", len(failed))
		}
		return err
	})
}

// source says where an action comes from.
func source(a *actions.KeptAction) string {
	switch {
	case a.Origin == actions.MadeHere:
		return "files"
	case a.Host == "":
		return "a file"
	}
	return a.Host
}

type listActions struct {
	Name string `arg:"" optional:"" name:"owner/repo" help:"Only those of this repository."`
}

// Run prints a table.
func (c *listActions) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.Action.with(ctx, log, p, func(ctx context.Context, u *server.ActionAdmin) error {
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "NAME\tREFS\tSHA\tORIGIN\tFROM\tKEPT\tLAST USED\tKiB")
		err := u.Kept(ctx, c.Name, func(a *actions.KeptAction, refs []*actions.KeptRef) error {
			var names []string
			for _, r := range refs {
				names = append(names, r.Ref)
			}
			_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", a.Name, strings.Join(names, ","), a.SHA, a.Origin, source(a), day(a.KeptAt), day(a.UsedAt),
				(a.Pack.Size+a.Archive.Size)>>10)
			return err
		})
		return errors.Join(err, w.Flush())
	})
}

type exportAction struct {
	File  string   `arg:"" help:"File to write, which must not be there; - for the standard output."`
	Names []string `arg:"" optional:"" name:"owner/repo" help:"Only these repositories."`
}

// Run exports.
func (c *exportAction) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.Action.with(ctx, log, p, func(ctx context.Context, u *server.ActionAdmin) (err error) {
		var to io.Writer = os.Stdout
		if c.File != "-" {
			f, oerr := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if oerr != nil {
				return oerr
			}
			defer func() {
				if err = errors.Join(err, f.Close()); err != nil {
					err = errors.Join(err, os.Remove(c.File))
				}
			}()
			to = f
		}
		n, err := u.Export(ctx, c.Names, to)
		if err == nil {
			fmt.Fprintf(os.Stderr, "%d commits exported\n", n)
		}
		return err
	})
}

type removeAction struct {
	What string `arg:"" name:"owner/repo[@ref]" help:"OWNER/REPO for all of it, OWNER/REPO@REF for a branch, tag or full SHA."`
}

// Run removes.
func (c *removeAction) Run(ctx context.Context, log *slog.Logger, p *program) error {
	return p.Admin.Action.with(ctx, log, p, func(ctx context.Context, u *server.ActionAdmin) error {
		name, ref, _ := strings.Cut(c.What, "@")
		n, err := u.Remove(ctx, name, ref)
		if err == nil {
			fmt.Printf("%d commits removed\n", n)
		}
		return err
	})
}
