package bench

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/client"
)

// A repo is a repository on a server with a clone of it.
type repo struct {
	b     *bench
	api   *client.Client
	owner string
	name  string
	url   string // of its pages
	dir   string // the clone
}

// repository makes a repository with workflow files, by name and content, pushed.
// A public one can be read without a token.
func (s *server) repository(ctx context.Context, name string, public bool, workflows map[string]string) (*repo, error) {
	return s.repositoryOf(ctx, login, s.user, name, public, workflows)
}

// repositoryOf is repository for another account.
func (s *server) repositoryOf(ctx context.Context, owner string, api *client.Client, name string, public bool, workflows map[string]string) (*repo, error) {
	dir, err := os.MkdirTemp(s.b.dir, "clone-")
	if err != nil {
		return nil, err
	}
	r := &repo{b: s.b, api: api, owner: owner, name: name, url: s.url + "/" + owner + "/" + name, dir: dir}
	if err := api.Do(ctx, http.MethodPost, "/user/repos", object{"name": name, "private": !public}, nil); err != nil {
		return nil, err
	}
	remote := strings.Replace(r.url, "://", "://"+owner+":"+api.Token()+"@", 1) + ".git"
	if err := r.git(ctx, "init", "--quiet", "--initial-branch=main"); err != nil {
		return nil, err
	}
	if err := r.git(ctx, "remote", "add", "origin", remote); err != nil {
		return nil, err
	}
	for file, text := range workflows {
		path := filepath.Join(dir, ".github", "workflows", file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	if _, err := r.commit(ctx, "workflows"); err != nil {
		return nil, err
	}
	return r, r.push(ctx)
}

// in is the repository on another server that has it, as a server that was
// started again does.
func (r *repo) in(s *server) *repo {
	other := *r
	other.api, other.url = s.user, s.url+"/"+login+"/"+r.name
	return &other
}

// commit commits everything, and more if nothing has changed, and returns the
// commit.
func (r *repo) commit(ctx context.Context, message string) (sha string, err error) {
	if err := r.git(ctx, "add", "--all"); err != nil {
		return "", err
	}
	if err := r.git(ctx, "commit", "--quiet", "--allow-empty", "--message", message); err != nil {
		return "", err
	}
	return r.head(ctx)
}

// head is the commit that is checked out.
func (r *repo) head(ctx context.Context) (sha string, err error) {
	out, err := r.command(ctx, "rev-parse", "HEAD").Output()
	return strings.TrimSpace(string(out)), err
}

func (r *repo) push(ctx context.Context) error {
	return r.git(ctx, "push", "--quiet", "origin", "main")
}

func (r *repo) git(ctx context.Context, args ...string) error {
	if out, err := r.command(ctx, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w\n%s", args[0], err, out)
	}
	return nil
}

func (r *repo) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(append([]string{}, r.b.Env...),
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME="+login, "GIT_AUTHOR_EMAIL="+login+"@example.com",
		"GIT_COMMITTER_NAME="+login, "GIT_COMMITTER_EMAIL="+login+"@example.com")
	return cmd
}
