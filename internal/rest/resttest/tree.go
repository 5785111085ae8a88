package resttest

import (
	"net/http"
	"os"
	"path/filepath"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Tree is a work tree of a repository, for histories with more than one commit.
type Tree struct {
	s    *Site
	Dir  string
	repo *actions.Repository
}

// Tree makes an empty one, which pushes with a token.
func (s *Site) Tree(repo *actions.Repository, token string) *Tree {
	s.Helper()
	t := &Tree{s, s.TempDir(), repo}
	t.Git("init", "-q", "-b", "none")
	t.Git("remote", "add", "origin", s.Remote(repo, token))
	return t
}

// Git runs git in the tree.
func (t *Tree) Git(args ...string) string {
	t.s.Helper()
	return t.s.RunGit(t.Dir, args...)
}

// Commit makes a commit with files on top of a revision, or of nothing for "", with the
// message and pushes it to a branch.
func (t *Tree) Commit(branch, on, message string, files map[string]string) (sha string) {
	t.s.Helper()
	if on != "" {
		t.Git("checkout", "-q", "--detach", on)
	}
	for name, text := range files {
		t.s.Must(os.MkdirAll(filepath.Join(t.Dir, filepath.Dir(name)), 0o755))
		t.s.Must(os.WriteFile(filepath.Join(t.Dir, name), []byte(text), 0o600))
	}
	t.Git("add", "-A")
	t.Git("commit", "-q", "-m", message)
	sha = t.Git("rev-parse", "HEAD")
	t.Push(sha, branch)
	return sha
}

// Push pushes a commit to a branch, by force.
func (t *Tree) Push(sha, branch string) {
	t.s.Helper()
	t.Git("push", "-q", "origin", "+"+sha+":refs/heads/"+branch)
}

// PullWorkflow starts at pull requests.
const PullWorkflow = `name: Pull
on:
  pull_request:
    types: [opened, synchronize, reopened, edited, closed, ready_for_review, converted_to_draft, review_requested, review_request_removed]
jobs:
  test: {runs-on: ubuntu-latest, steps: [{run: make}]}
`

// Asked has a branch main and a branch topic, of one commit more, and a pull request for
// it in Alice's repository.
func (s *Site) Asked() (t *Tree, main, topic string) {
	s.Helper()
	t = s.Tree(s.Repo, s.AliceToken)
	main = t.Commit("main", "", "first", map[string]string{".github/workflows/pull.yml": PullWorkflow, "a": "1\n2\n3\n4\n5\n6\n7\n"})
	topic = t.Commit("topic", main, "change a\n\nfor a reason", map[string]string{"a": "one\n2\n3\n4\n5\n6\n7\n"})
	s.Want(s.Do(http.MethodPost, s.Path("pulls"), s.AliceToken, Fields{"title": "A change", "head": "topic", "base": "main", "body": "please"}), http.StatusCreated)
	return t, main, topic
}

// Runs are those of a repository, newest first.
func (s *Site) Runs(repo *actions.Repository) []*actions.Run {
	s.Helper()
	runs, _, err := s.Store.Runs(s.Context(), store.RunFilter{RepoID: repo.ID}, store.Page{Number: 1, Size: 100})
	s.Must(err)
	return runs
}

// Answer is the JSON object of an answer with a status.
func (s *Site) Answer(a *servertest.Reply, status int) map[string]any {
	s.Helper()
	return s.Want(a, status).JSON(s)
}
