package builtin_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckoutOfAPushIsTheBranchAtItsCommit(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	first := r.commit("hello", "a.txt", "one")
	r.commit("hello", "a.txt", "two") // the branch has moved on
	w := r.job("refs/heads/main", first)
	res := w.use("actions/checkout").main()
	if res.outputs["commit"] != first || res.outputs["ref"] != "refs/heads/main" {
		t.Errorf("outputs %v, want commit %s", res.outputs, first)
	}
	if got := w.git("rev-parse", "HEAD"); got != first {
		t.Errorf("HEAD is %s, want %s", got, first)
	}
	if got := w.git("symbolic-ref", "HEAD"); got != "refs/heads/main" {
		t.Errorf("HEAD is at %s", got)
	}
	if got := w.git("rev-list", "--count", "HEAD"); got != "1" {
		t.Errorf("%s commits are here, want 1", got)
	}
	if diff := cmp.Diff([]string{"README", "a.txt"}, w.tree()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestCheckoutTakesWhatRefSays(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	base := r.git("hello", "rev-parse", "HEAD")
	tagged := r.commit("hello", "a.txt", "tagged")
	r.git("hello", "tag", "--annotate", "--message=release", "v1")
	r.git("hello", "branch", "feature/x")
	main := r.commit("hello", "a.txt", "main")
	r.git("hello", "checkout", "--quiet", "-b", "pull")
	pull := r.commit("hello", "a.txt", "pull")
	r.git("hello", "update-ref", "refs/pull/7/merge", pull)
	r.git("hello", "update-ref", "refs/notes/x", pull)
	r.git("hello", "checkout", "--quiet", "main")
	part := r.git("part", "rev-parse", "HEAD")

	for _, c := range []struct {
		name, ref, sha       string // of the event
		inputs               []string
		commit, head, output string // head: a branch, or nothing where it is detached
	}{
		{"branch of the event", "refs/heads/main", base, nil, base, "refs/heads/main", "refs/heads/main"},
		{"tag of the event", "refs/tags/v1", tagged, nil, tagged, "", "refs/tags/v1"},
		{"tag that has moved", "refs/tags/v1", base, nil, base, "", "refs/tags/v1"},
		{"tag that is gone", "refs/tags/v0", base, nil, base, "", "refs/tags/v0"},
		{"pull request", "refs/pull/7/merge", pull, nil, pull, "", "refs/pull/7/merge"},
		{"bare name of a closed pull request", "main", main, nil, main, "refs/heads/main", "refs/heads/main"},
		{"branch", "refs/heads/main", main, []string{"ref", "feature/x"}, tagged, "refs/heads/feature/x", "feature/x"},
		{"tag", "refs/heads/main", main, []string{"ref", "v1"}, tagged, "", "v1"},
		{"full branch", "refs/heads/main", main, []string{"ref", "refs/heads/feature/x"}, tagged, "refs/heads/feature/x", "refs/heads/feature/x"},
		{"full tag", "refs/heads/main", main, []string{"ref", "refs/tags/v1"}, tagged, "", "refs/tags/v1"},
		{"SHA", "refs/heads/main", main, []string{"ref", strings.ToUpper(base)}, base, "", ""},
		{"SHA, all history", "refs/heads/main", main, []string{"ref", base, "fetch-depth", "0"}, base, "", ""},
		{"all history", "refs/heads/main", base, []string{"fetch-depth", "0"}, base, "refs/heads/main", "refs/heads/main"},
		{"pull request, all history", "refs/pull/7/merge", pull, []string{"fetch-depth", "0"}, pull, "", "refs/pull/7/merge"},
		{"other ref", "refs/heads/main", main, []string{"ref", "refs/notes/x"}, pull, "", "refs/notes/x"},
		{"other ref, all history", "refs/heads/main", main, []string{"ref", "refs/notes/x", "fetch-depth", "0"}, pull, "", "refs/notes/x"},
		{"default branch of another", "refs/heads/main", main, []string{"repository", "octo/part"}, part, "refs/heads/main", "refs/heads/main"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := r.in(t).job(c.ref, c.sha)
			res := w.use("actions/checkout", c.inputs...).main()
			if res.outputs["commit"] != c.commit || res.outputs["ref"] != c.output || w.git("rev-parse", "HEAD") != c.commit {
				t.Errorf("HEAD %s, outputs %v, want %s and %q\n%s", w.git("rev-parse", "HEAD"), res.outputs, c.commit, c.output, res.log)
			}
			head := w.git("rev-parse", "--symbolic-full-name", "HEAD")
			if want := strings.TrimPrefix(c.head, "refs/heads/"); (want == "") != (head == "HEAD") || want != "" && head != c.head {
				t.Errorf("HEAD is at %s, want %q", head, c.head)
			}
		})
	}
}

func TestCheckoutFetchesAsMuchAsAsked(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	r.git("hello", "tag", "v0")
	for range 3 {
		r.commit("hello")
	}
	sha := r.commit("hello", "dir/a.txt", "a", "other/b.txt", "b")
	r.git("hello", "branch", "topic")
	for _, c := range []struct {
		name         string
		inputs       []string
		commits      string
		tags, branch bool
		files        []string
	}{
		{"one commit", nil, "1", false, false, []string{"README", "dir/a.txt", "other/b.txt"}},
		{"two commits", []string{"fetch-depth", "2"}, "2", false, false, []string{"README", "dir/a.txt", "other/b.txt"}},
		{"tags", []string{"fetch-tags", "true"}, "1", true, false, []string{"README", "dir/a.txt", "other/b.txt"}},
		{"everything", []string{"fetch-depth", "0"}, "5", true, true, []string{"README", "dir/a.txt", "other/b.txt"}},
		{"a directory", []string{"sparse-checkout", "dir\n"}, "1", false, false, []string{"README", "dir/a.txt"}},
		{"patterns", []string{"sparse-checkout", "/*\n!/dir/", "sparse-checkout-cone-mode", "false"}, "1", false, false, []string{"README", "other/b.txt"}},
		{"a pattern like an option", []string{"sparse-checkout", "--stdin\n/README", "sparse-checkout-cone-mode", "false"}, "1", false, false, []string{"README"}},
		{"no blobs", []string{"filter", "blob:none", "show-progress", "false"}, "1", false, false, []string{"README", "dir/a.txt", "other/b.txt"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := r.in(t).job("refs/heads/main", sha)
			w.use("actions/checkout", c.inputs...).main()
			if got := w.git("rev-list", "--count", "HEAD"); got != c.commits {
				t.Errorf("%s commits, want %s", got, c.commits)
			}
			if got := w.git("tag") == "v0"; got != c.tags {
				t.Errorf("tags %t, want %t", got, c.tags)
			}
			if got := w.git("for-each-ref", "refs/remotes/origin/topic") != ""; got != c.branch {
				t.Errorf("other branches %t, want %t", got, c.branch)
			}
			if diff := cmp.Diff(c.files, w.tree()); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckoutUsesTheTreeOfAnEarlierJob(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	r.git("hello", "branch", "topic")
	r.commit("hello", ".gitignore", "*.o\n")
	sha := r.git("hello", "rev-parse", "HEAD")
	w := r.job("refs/heads/main", sha)
	w.use("actions/checkout", "ref", "topic").main()
	stamp := filepath.Join(w.dir, ".git", "stamp") // goes where the repository is made anew
	writeFile(t, stamp, "")
	writeFile(t, filepath.Join(w.dir, "a.o"), "left behind")
	writeFile(t, filepath.Join(w.dir, "dir", "left"), "behind")
	writeFile(t, filepath.Join(w.dir, "README"), "changed")
	writeFile(t, filepath.Join(w.dir, ".git", "index.lock"), "")
	w.git("update-ref", "refs/remotes/origin/main/sub", "HEAD") // cannot exist beside origin/main

	w.use("actions/checkout", "clean", "true").main()
	if _, err := os.Stat(stamp); err != nil {
		t.Errorf("the repository was made anew: %v", err)
	}
	if diff := cmp.Diff([]string{".gitignore", "README"}, w.tree()); diff != "" || w.git("status", "--porcelain") != "" || w.git("rev-parse", "HEAD") != sha {
		t.Errorf("status %s at %s, files (-want +got):\n%s", w.git("status", "--porcelain"), w.git("rev-parse", "HEAD"), diff)
	}
	if got := w.git("branch", "--format=%(refname)"); got != "refs/heads/main" {
		t.Errorf("branches %s", got)
	}

	writeFile(t, filepath.Join(w.dir, "a.o"), "kept")
	w.use("actions/checkout", "clean", "false").main()
	if diff := cmp.Diff([]string{".gitignore", "README", "a.o"}, w.tree()); diff != "" {
		t.Errorf("files without clean (-want +got):\n%s", diff)
	}
	for name, spoil := range map[string]func(){
		"another origin":    func() { w.git("remote", "set-url", "origin", "http://other.example/a/b") },
		"an unborn branch":  func() { w.git("symbolic-ref", "HEAD", "refs/heads/none") },
		"no repository":     func() { writeFile(t, filepath.Join(w.dir, ".git", "HEAD"), "nothing") },
		"no .git directory": func() { _ = os.RemoveAll(filepath.Join(w.dir, ".git")) },
	} {
		spoil()
		if res := w.use("actions/checkout").main(); !strings.Contains(res.log, "Deleting the contents") || w.git("rev-parse", "HEAD") != sha {
			t.Errorf("%s: HEAD %s\n%s", name, w.git("rev-parse", "HEAD"), res.log)
		}
	}
}

func TestCheckoutMakesASparseTreeWholeAgain(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	sha := r.commit("hello", "dir/a.txt", "a", "other/b.txt", "b")
	all := []string{"README", "dir/a.txt", "other/b.txt"}
	cone := []string{"sparse-checkout", "dir"}
	patterns := []string{"sparse-checkout", "/other/", "sparse-checkout-cone-mode", "false"}
	for name, earlier := range map[string]func(w *workspace){
		"by this action": func(w *workspace) { w.use("actions/checkout", cone...).main() },
		"by patterns":    func(w *workspace) { w.use("actions/checkout", patterns...).main() },
		"by both": func(w *workspace) {
			w.use("actions/checkout", patterns...).main()
			w.use("actions/checkout", cone...).main()
		},
		"by git":               func(w *workspace) { w.git("sparse-checkout", "set", "dir") },
		"by git with patterns": func(w *workspace) { w.git("sparse-checkout", "set", "--no-cone", "/dir/") },
		"as the original does": func(w *workspace) {
			w.git("config", "core.sparseCheckout", "true")
			writeFile(t, filepath.Join(w.dir, ".git/info/sparse-checkout"), "/dir/\n")
		},
		"and not any more, by git": func(w *workspace) { w.git("sparse-checkout", "set", "dir"); w.git("sparse-checkout", "disable") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := r.in(t).job("refs/heads/main", sha)
			w.use("actions/checkout").main()
			earlier(w)
			for range 2 {
				w.use("actions/checkout").main()
				if diff := cmp.Diff(all, w.tree()); diff != "" {
					t.Errorf("files (-want +got):\n%s", diff)
				}
			}
			if got := w.git("config", "--list"); strings.Contains(got, "sparse") || strings.Contains(got, "worktreeconfig") {
				t.Errorf("git is left with %s", got)
			}
			w.use("actions/checkout", cone...).main()
			if diff := cmp.Diff([]string{"README", "dir/a.txt"}, w.tree()); diff != "" {
				t.Errorf("files of a directory (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckoutOfADirectoryDoesNotReadPatternsThatGitWasToldOf(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	w := r.job("refs/heads/main", r.commit("hello", "dir/a.txt", "a", "other/dir/b.txt", "b"))
	w.use("actions/checkout").main()
	w.git("sparse-checkout", "set", "--no-cone", "/README")
	w.use("actions/checkout", "sparse-checkout", "dir").main()
	if diff := cmp.Diff([]string{"README", "dir/a.txt"}, w.tree()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// Threat: the job's token stays where an artifact, a log or the next job has it.
func TestCheckoutKeepsTheTokenForGitOnlyAndToTheEndOfTheJobOnly(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	r.git("part", "tag", "v1")
	r.git("hello", "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", filepath.Join(r.root, "octo", "part"), "vendor/part")
	r.git("hello", "config", "--file", ".gitmodules", "submodule.vendor/part.url", r.url+"/octo/part")
	sha := r.commit("hello")
	w := r.job("refs/heads/main", sha)
	step := w.use("actions/checkout", "submodules", "recursive")
	res := step.main()
	if !strings.Contains(res.log, "::add-mask::ghs_secret") || strings.Contains(strings.ReplaceAll(res.log, "::add-mask::", ""), "\nghs_secret@") {
		t.Errorf("the log shows the token, or does not mask it:\n%s", res.log)
	}
	if diff := cmp.Diff([]string{".gitmodules", "README", "vendor/part/README"}, w.tree()); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	w.git("fetch", "--quiet", "origin", "main")              // with the token
	w.git("-C", "vendor/part", "fetch", "--quiet", "--tags") // so do submodules
	const secret = "Z2hzX3NlY3JldA"                          // a part of the token in base64, without what stands before it
	noTextIn(t, w.dir, "ghs_secret", secret, "basic")

	step.post()
	noTextIn(t, w.temp, "ghs_secret", "basic")
	noTextIn(t, w.dir, "git-credentials")
	cmd := exec.CommandContext(t.Context(), "git", "fetch", "origin")
	cmd.Dir, cmd.Env = w.dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.env["HOME"], "GIT_TERMINAL_PROMPT=0"}
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("git fetches after the end of the job:\n%s", out)
	}
	step.post() // nothing is left to do

	w.use("actions/checkout", "persist-credentials", "false").main()
	noTextIn(t, w.dir, "git-credentials")
	noTextIn(t, w.temp, "basic")

	// A job that was killed left its header, or its file, behind.
	w.git("config", "http."+r.url+"/.extraheader", "AUTHORIZATION: basic b2xk")
	w.git("config", "--add", "include.path", "/gone/git-credentials-0123.config")
	w.use("actions/checkout", "persist-credentials", "false").main()
	noTextIn(t, w.dir, "git-credentials", "b2xk")
}

// noTextIn checks that no file in a directory has one of the texts.
func noTextIn(t *testing.T, dir string, texts ...string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		for _, text := range texts {
			if strings.Contains(string(content), text) {
				t.Errorf("%s has %q", path, text)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Threat: Ref or revision starting with "-" reaches git.
func TestCheckoutRefusesHostileInputs(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	sha := r.git("hello", "rev-parse", "HEAD")
	outside := t.TempDir()
	for _, c := range []struct{ input, value, want string }{
		{"ref", "--upload-pack=touch pwned", "Invalid ref"},
		{"ref", "-x", "Invalid ref"},
		{"ref", "refs/heads/-x", "Invalid ref"},
		{"ref", "main:refs/heads/x", "Invalid ref"},
		{"ref", "*", "Invalid ref"},
		{"ref", "a..b", "Invalid ref"},
		{"ref", "main@{1}", "Invalid ref"},
		{"ref", "refs/heads/a\nb", "Invalid ref"},
		{"ref", "/main", "Invalid ref"},
		{"ref", "main.lock", "Invalid ref"},
		{"ref", "none", "A branch or tag with the name 'none' could not be found"},
		{"ref", "refs/heads/none", "couldn't find remote ref refs/heads/none"},
		{"ref", strings.Repeat("0", 40), "not our ref"},
		{"repository", "hello", "Expected format {owner}/{repo}"},
		{"repository", "octo/..", "Expected format {owner}/{repo}"},
		{"repository", "octo/a?b", "Expected format {owner}/{repo}"},
		{"repository", "-octo/hello", "Expected format {owner}/{repo}"},
		{"repository", "octo/empty", "Unable to determine the default branch of octo/empty"},
		{"repository", "octo/none", "not found"},
		{"path", "..", "is not under"},
		{"path", outside, "is not under"},
		{"path", "link/x", "is not under"},
		{"token", "ghs_wrong", "could not read Username"},
		{"token", "", "Input required and not supplied: token"},
		{"ssh-key", "-----BEGIN", "ssh-key is not supported"},
		{"github-server-url", "ext::sh -c id", "Invalid address of a server"},
		{"github-server-url", "file:///etc", "Invalid address of a server"},
	} {
		t.Run(c.input+" "+c.value, func(t *testing.T) {
			t.Parallel()
			w := r.in(t).job("refs/heads/main", sha)
			if err := os.Symlink(outside, filepath.Join(w.dir, "link")); err != nil {
				t.Fatal(err)
			}
			w.use("actions/checkout", c.input, c.value).fails(c.want)
			noTextIn(t, w.temp, "basic")
		})
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("outside of the workspace: %v, %v", left, err)
	}
}

func TestCheckoutWritesNothingThatTheRunnerWouldObey(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	r.git("hello", "commit", "--quiet", "--allow-empty", "--message=##[add-path]/evil", "--message=::add-path::/evil")
	sha := r.git("hello", "rev-parse", "HEAD")
	w := r.job("refs/heads/main", sha)
	w.use("actions/checkout").main()
	res := w.use("actions/checkout").main() // says where HEAD was, with the subject
	if strings.Contains(res.log, "##[add-path") || !strings.Contains(res.log, "## [add-path]/evil") {
		t.Errorf("log:\n%s", res.log)
	}
}

func TestCheckoutRefusesCodeOfForksInTrustedRuns(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	sha := r.git("hello", "rev-parse", "HEAD")
	const (
		fork = `{"repository":{"id":1},"pull_request":{"merge_commit_sha":"%m","head":{"sha":"%h","repo":{"id":2,"full_name":"Mallory/hello"}}}}`
		own  = `{"repository":{"id":1},"pull_request":{"head":{"sha":"%h","repo":{"id":1,"full_name":"octo/hello"}}}}`
		run  = `{"repository":{"id":1},"workflow_run":{"event":"pull_request","head_sha":"%h","head_repository":{"id":2,"full_name":"mallory/hello"}}}`
		push = `{"repository":{"id":1},"workflow_run":{"event":"push","head_sha":"%h","head_repository":{"id":2}}}`
	)
	for _, c := range []struct {
		name, event, payload string
		inputs               []string
		refused              bool
	}{
		{"base branch", "pull_request_target", fork, nil, false},
		{"head", "pull_request_target", fork, []string{"ref", sha}, true},
		{"pull ref", "pull_request_target", fork, []string{"ref", "refs/pull/1/merge"}, true},
		{"fork", "pull_request_target", fork, []string{"repository", "mallory/HELLO"}, true},
		{"head, allowed", "pull_request_target", fork, []string{"ref", sha, "allow-unsafe-pr-checkout", "true"}, false},
		{"head of the same repository", "pull_request_target", own, []string{"ref", sha}, false},
		{"pull_request has no secrets", "pull_request", fork, []string{"ref", sha}, false},
		{"workflow_run", "workflow_run", run, []string{"ref", sha}, true},
		{"workflow_run after a push", "workflow_run", push, []string{"ref", sha}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := r.in(t).job("refs/heads/main", "")
			event := filepath.Join(w.temp, "event.json")
			writeFile(t, event, strings.NewReplacer("%h", sha, "%m", strings.Repeat("1", 40)).Replace(c.payload))
			w.env["GITHUB_EVENT_NAME"], w.env["GITHUB_EVENT_PATH"] = c.event, event
			step := w.use("actions/checkout", c.inputs...)
			if c.refused {
				step.fails("Refusing to check out fork pull request code")
			} else {
				step.main()
			}
		})
	}
}

func TestCheckoutOfSeveralRepositoriesSideBySide(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	sha := r.git("hello", "rev-parse", "HEAD")
	w := r.job("refs/heads/main", sha)
	one, two := w.use("actions/checkout", "path", "a"), w.use("actions/checkout", "path", "b/c", "repository", "octo/part")
	one.main()
	two.main()
	if diff := cmp.Diff([]string{"a/README", "b/c/README"}, w.tree()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	two.post()
	one.post()
	noTextIn(t, w.temp, "basic")
}

func TestCheckoutWorksInADirectoryOfAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	r := newRemote(t)
	w := r.job("refs/heads/main", r.git("hello", "rev-parse", "HEAD"))
	giveAway := func() {
		t.Helper()
		err := filepath.WalkDir(w.dir, func(path string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, 65534, 65534))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	giveAway()
	first := w.use("actions/checkout")
	first.main()
	first.post()
	giveAway()
	step := w.use("actions/checkout")
	if res := step.main(); strings.Contains(res.log, "Deleting") {
		t.Errorf("the repository was made anew:\n%s", res.log)
	}
	if res := step.post(); strings.Contains(res.log, "::warning::") {
		t.Errorf("at the end:\n%s", res.log)
	}
	giveAway()
	w.use("actions/checkout", "set-safe-directory", "false").fails("dubious ownership")
	if left, err := os.ReadDir(w.temp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary directory: %v, %v", left, err)
	}
}

func TestCheckoutSaysThatGitIsMissing(t *testing.T) {
	t.Parallel()
	w := newRemote(t).job("refs/heads/main", strings.Repeat("1", 40))
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	step := w.use("actions/checkout")
	w.env["PATH"] = t.TempDir()
	step.program = node
	step.fails("install git on the runner")
}

func TestCheckoutSaysThatGitLFSIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git-lfs"); err == nil {
		t.Skip("git-lfs is here")
	}
	r := newRemote(t)
	w := r.job("refs/heads/main", r.git("hello", "rev-parse", "HEAD"))
	w.use("actions/checkout", "lfs", "true").fails("install git-lfs on the runner")
}

func TestCheckoutOutlivesAServerThatIsAwayForAMoment(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	w := r.job("refs/heads/main", r.git("hello", "rev-parse", "HEAD"))
	r.fails.Store(1)
	if res := w.use("actions/checkout").main(); !strings.Contains(res.log, "Trying again") {
		t.Errorf("log:\n%s", res.log)
	}
}

// A script of the job may have removed what was checked out, or git's part of it.
func TestCheckoutEndsWellWhereItsRepositoryIsGone(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	head := r.git("hello", "rev-parse", "HEAD")
	for name, gone := range map[string]string{"the folder": "src", "git's part of it": "src/.git"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := r.in(t).job("refs/heads/main", head)
			w.git("init", "--quiet", ".") // a repository above, which is not the action's to change
			w.git("config", "include.path", "git-credentials-0.config")
			step := w.use("actions/checkout", "path", "src")
			step.main()
			if err := os.RemoveAll(filepath.Join(w.dir, gone)); err != nil {
				t.Fatal(err)
			}
			res := step.post()
			if want := "There is no repository in '" + filepath.Join(w.dir, "src") + "' any more. The credentials were removed."; !strings.Contains(res.log, want) ||
				strings.Contains(res.log, "::warning::") || strings.Contains(res.log, "install git") {
				t.Errorf("want %q in the log:\n%s", want, res.log)
			}
			if left, err := os.ReadDir(w.temp); err != nil || len(left) > 0 {
				t.Errorf("left in the temporary directory: %v, %v", left, err)
			}
			if got := w.git("config", "--get-all", "include.path"); got != "git-credentials-0.config" {
				t.Errorf("the repository above has include.path %q", got)
			}
		})
	}
}
