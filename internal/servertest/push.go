package servertest

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Push commits the files, by path, to a new history and pushes it by HTTP to a
// branch of the repository. It returns the commit.
func (s *Site) Push(repo *actions.Repository, branch, token string, files map[string]string) (sha string) {
	s.Helper()
	dir := s.TempDir()
	s.RunGit(dir, "init", "-q", "-b", branch)
	for name, text := range files {
		s.Must(os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		s.Must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	s.RunGit(dir, "add", "-A")
	s.RunGit(dir, "commit", "-q", "-m", "a commit\n\nwith a body")
	s.RunGit(dir, "push", "-q", s.Remote(repo, token), branch)
	return s.RunGit(dir, "rev-parse", "HEAD")
}

// Remote is the URL of a repository for git, with a token in it.
func (s *Site) Remote(repo *actions.Repository, token string) string {
	s.Helper()
	u, err := url.Parse(s.URL + "/" + repo.FullName() + ".git")
	s.Must(err)
	u.User = url.UserPassword("x-access-token", token)
	return u.String()
}

// RunGit runs git in a directory, as Mona and with no configuration of this
// machine, and returns what it prints.
func (s *Site) RunGit(dir string, args ...string) string {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Mona", "GIT_AUTHOR_EMAIL=mona@example.com", "GIT_COMMITTER_NAME=Mona", "GIT_COMMITTER_EMAIL=mona@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}
