package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/understudy-ci/understudy/internal/artifactcli"
	"github.com/understudy-ci/understudy/internal/server"
)

// An artifactCommand is a client of a server that may be elsewhere.
type artifactCommand struct {
	URL       string `default:"http://127.0.0.1:3000" placeholder:"URL" help:"The server. Default: ${default}."`
	Repo      string `short:"R" placeholder:"OWNER/REPO" help:"The repository."`
	Token     string `placeholder:"TOKEN" help:"Token of an account; other users of this machine can see it here, so rather use UNDERSTUDY_TOKEN or --token-file."`
	TokenFile string `placeholder:"FILE" help:"File with the token; - is standard input. Default: ./data/admin-token, for a server on this machine."`

	List     listArtifacts     `cmd:"" help:"List the artifacts of a repository or run."`
	Download downloadArtifacts `cmd:"" help:"Download artifacts, verify them, and extract them."`
	Delete   deleteArtifacts   `cmd:"" help:"Delete artifacts for good."`
}

// Help is shown by --help.
func (artifactCommand) Help() string {
	return `What is there, the newest first?
  understudy artifact list -R octo/hello

Everything of run 7, each artifact in a directory of its name:
  understudy artifact download -R octo/hello --run 7

The newest artifact of a name, as it was uploaded:
  understudy artifact download -R octo/hello dist --zip --dir /tmp

UNDERSTUDY_URL, UNDERSTUDY_REPO and UNDERSTUDY_TOKEN save typing. A download that
was stopped goes on where it was when the same command is given again, and nothing
is kept whose SHA-256 is not the one that the server computed.`
}

func (c *artifactCommand) client() (*artifactcli.Client, error) {
	if c.Repo == "" {
		return nil, errors.New("whose artifacts? Give -R OWNER/REPO, or set UNDERSTUDY_REPO")
	}
	token, err := c.token(os.Stdin)
	if err != nil {
		return nil, err
	}
	return artifactcli.New(artifactcli.Config{URL: c.URL, Token: token, Repo: c.Repo, Version: version, Now: time.Now})
}

// token is the one that was given, or the site admin's of a server on this machine,
// which no other machine gets to see. None is right for what is public.
func (c *artifactCommand) token(stdin io.Reader) (string, error) {
	if c.Token != "" {
		return c.Token, checkToken("--token", c.Token)
	}
	file := c.TokenFile
	if file == "" && artifactcli.Loopback(c.URL) {
		text, err := os.ReadFile(server.TokenFile(defaultData))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return "", nil
		}
		token := string(bytes.TrimSpace(text))
		return token, errors.Join(err, checkToken(server.TokenFile(defaultData), token))
	}
	if file == "" {
		return "", nil
	}
	from := stdin
	if file != "-" {
		f, err := os.Open(filepath.Clean(file))
		if err != nil {
			return "", fmt.Errorf("--token-file: %w", err)
		}
		defer f.Close()
		from = f
	}
	const most = 4096
	text, err := io.ReadAll(io.LimitReader(from, most))
	token := string(bytes.TrimSpace(text))
	return token, errors.Join(err, checkToken("--token-file", token))
}

// defaultData is where serve has its data when nobody says otherwise.
const defaultData = "./data"

func checkToken(where, token string) error {
	if token == "" || strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return fmt.Errorf("%s: that is no token", where)
	}
	return nil
}

func artifactTerminal() *artifactcli.Terminal {
	fd := int(os.Stderr.Fd())
	return &artifactcli.Terminal{
		Out: os.Stdout, Notes: os.Stderr, Interactive: term.IsTerminal(fd) && os.Getenv("TERM") != "dumb",
		Width: func() int {
			width, _, err := term.GetSize(fd)
			if err != nil {
				return 0
			}
			return width
		},
	}
}

type listArtifacts struct {
	Name  []string `arg:"" optional:"" help:"Names, or patterns with * and ?."`
	Of    int64    `name:"run" placeholder:"ID" help:"Only those of a run."`
	Limit int      `default:"100" placeholder:"N" help:"At most this many, the newest; 0 for all. Default: ${default}."`
	JSON  bool     `name:"json" help:"Print JSON, as the REST API has it."`
}

// Run prints the list.
func (l *listArtifacts) Run(ctx context.Context, p *program) error {
	c, err := p.Artifact.client()
	if err != nil {
		return err
	}
	return c.Print(ctx, artifactTerminal(), artifactcli.Query{Run: l.Of, Names: l.Name, Limit: max(l.Limit, 0)}, l.JSON)
}

type downloadArtifacts struct {
	What    []string    `arg:"" optional:"" help:"Names, patterns with * and ?, or IDs. Of several artifacts with one name it is the newest. None: all of --run."`
	Of      int64       `name:"run" placeholder:"ID" help:"The run that they are of."`
	Name    []string    `sep:"none" env:"-" placeholder:"NAME" help:"The same as NAME, also for one that looks like an ID or a flag."`
	Dir     string      `short:"D" default:"." placeholder:"DIR" help:"Where to: each artifact's files go to DIR/NAME. Default: the current directory."`
	Zip     bool        `help:"Keep the archive as DIR/NAME.zip, and not its files."`
	Streams int         `default:"4" placeholder:"N" help:"How many pieces of an artifact to fetch at once. Default: ${default}."`
	MaxSize server.Size `default:"64GiB" placeholder:"SIZE" help:"Extract no archive whose files have more together. Default: ${default}."`
}

// maxFiles is how many entries of an archive are extracted.
const maxFiles = 1 << 20

// Run downloads.
func (d *downloadArtifacts) Run(ctx context.Context, p *program) error {
	c, err := p.Artifact.client()
	if err != nil {
		return err
	}
	return c.Save(ctx, artifactTerminal(), artifactcli.Options{
		Run: d.Of, IDs: d.What, Names: d.Name, Dir: d.Dir, Keep: d.Zip, Workers: d.Streams,
		Limits: artifactcli.Limits{Files: maxFiles, Bytes: int64(d.MaxSize)},
	})
}

type deleteArtifacts struct {
	What []string `arg:"" help:"IDs; or names, together with --run."`
	Of   int64    `name:"run" placeholder:"ID" help:"The run whose artifacts the names are of."`
}

// Run deletes.
func (d *deleteArtifacts) Run(ctx context.Context, p *program) error {
	c, err := p.Artifact.client()
	if err != nil {
		return err
	}
	return c.Remove(ctx, artifactTerminal(), d.Of, d.What)
}
