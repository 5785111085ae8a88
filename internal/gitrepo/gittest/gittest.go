// Package gittest is a work tree with a real git client, for tests.
package gittest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A Tree is a work tree. Its client reads no configuration but the tree's own.
type Tree struct {
	T   testing.TB
	Dir string
	Env []string // of the client, besides the least that it needs
}

// New makes an empty work tree on the branch main whose remote origin is at
// the given URL or path.
func New(t testing.TB, remote string) *Tree {
	t.Helper()
	c := &Tree{T: t, Dir: t.TempDir()}
	c.Git("init", "-q", "-b", "main")
	c.Git("remote", "add", "origin", remote)
	return c
}

// Run runs git in the tree and returns what it prints, without the line breaks
// at its ends.
func (c *Tree) Run(args ...string) (string, error) {
	cmd := exec.CommandContext(c.T.Context(), "git", args...)
	cmd.Dir = c.Dir
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + c.Dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com",
		"GIT_COMMITTER_NAME=Bob", "GIT_COMMITTER_EMAIL=bob@example.com",
	}, c.Env...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// Git is Run for what must succeed.
func (c *Tree) Git(args ...string) string {
	c.T.Helper()
	out, err := c.Run(args...)
	if err != nil {
		c.T.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// Commit writes files, given as name and content in turn, commits all that
// changed, and returns the SHA.
func (c *Tree) Commit(message string, files ...string) string {
	c.T.Helper()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(c.Dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			c.T.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			c.T.Fatal(err)
		}
	}
	c.Git("add", "-A")
	c.Git("commit", "-q", "--allow-empty", "-m", message)
	return c.Git("rev-parse", "HEAD")
}
