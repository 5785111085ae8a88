package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A clone is a working directory with a repository of the server behind it.
type clone struct {
	dir string
	env []string // of git
}

// newClone makes a repository of embedded files, with one commit on main, whose
// origin is url. Pushes are made as user, with the token in a file that only
// this user reads: git asks for it when it needs it, so it is in no argument, no
// environment and no configuration.
func newClone(ctx context.Context, env []string, dir, from, url, user, tokenFile string) (*clone, error) {
	if err := writeFiles(from, dir); err != nil {
		return nil, err
	}
	c := &clone{dir: dir, env: append(append([]string{}, env...),
		// The configuration of whoever runs the demo has hooks, signatures and
		// helpers that are not part of it.
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME="+user, "GIT_AUTHOR_EMAIL="+user+"@example.com",
		"GIT_COMMITTER_NAME="+user, "GIT_COMMITTER_EMAIL="+user+"@example.com",
	)}
	helper := fmt.Sprintf(`!f() { test "$1" = get && echo username=%s && echo "password=$(cat %s)"; }; f`, user, quote(tokenFile))
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"config", "user.name", user},
		{"config", "user.email", user + "@example.com"},
		{"config", "credential.helper", ""}, // none but ours, which comes next
		{"config", "--add", "credential.helper", helper},
		{"config", "branch.main.remote", "origin"},
		{"config", "branch.main.merge", "refs/heads/main"},
		{"remote", "add", "origin", url},
		{"add", "--all"},
		{"commit", "--quiet", "--message=First commit"},
	} {
		if _, err := c.git(ctx, args...); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// head is the commit that is checked out.
func (c *clone) head(ctx context.Context) (string, error) {
	return c.git(ctx, "rev-parse", "HEAD")
}

// push pushes refs, and says when git had returned.
func (c *clone) push(ctx context.Context, refs ...string) (time.Time, error) {
	_, err := c.git(ctx, append([]string{"push", "--quiet", "origin"}, refs...)...)
	return time.Now(), err
}

// git runs a git command and returns what it wrote.
func (c *clone) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	var out, problem bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, c.env, &out, &problem
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s in %s: %w\n%s", args[0], filepath.Base(c.dir), err, strings.TrimSpace(problem.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// needPrograms says what to install if something is missing.
func needPrograms() error {
	for _, p := range []struct{ name, deb, formula string }{{"git", "git", "git"}, {"bash", "bash", "bash"}, {"node", "nodejs", "node"}} {
		if _, err := exec.LookPath(p.name); errors.Is(err, exec.ErrNotFound) {
			return fmt.Errorf("the demo needs %s, and there is none in PATH: install it (apt-get install %s, brew install %s, …) and try again", p.name, p.deb, p.formula)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// quote makes one word of text, for a shell.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
