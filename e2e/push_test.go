package e2e_test

import (
	"bufio"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pushedFiles are two workflows for any branch and one for none of these.
var pushedFiles = []string{
	".github/workflows/one.yml", quick("nobody"),
	".github/workflows/two.yml", quick("nobody"),
	".github/workflows/not.yml", "on: {push: {branches: [other]}}\njobs: {j: {runs-on: nobody, steps: [{run: 'true'}]}}\n",
}

func TestKilledServerNeitherLosesNorDoublesAPush(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		point string // where git is held up when the server is killed
		dies  bool   // git is killed with the server; otherwise it goes on
		moved int    // how many of two branches have moved after that
	}{
		{point: "received", dies: true, moved: 0},
		{point: "received", moved: 0}, // the server, which must say yes, is gone
		{point: "prepared", dies: true, moved: 0},
		{point: "prepared", moved: 2}, // the server had said yes
		{point: "committed", dies: true, moved: 1},
		{point: "committed", moved: 2},
	} {
		name := c.point + ", git goes on"
		if c.dies {
			name = c.point + ", git dies"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "--runners", "0")
			b := newBarrier(t, s)
			s.start()
			r := s.newRepository("hello")
			p := r.newPush(pushedFiles...)
			b.at(c.point)
			if err := p.cmd.Start(); err != nil {
				t.Fatal(err)
			}
			git := b.reached()
			s.kill()
			if err := p.cmd.Wait(); err == nil {
				t.Error("git takes the push of a killed server for done")
			}
			if c.dies {
				if err := syscall.Kill(-git, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
			s.start() // git may be alive
			b.open()
			s.waitForGit()
			if moved := p.check(); moved != c.moved {
				t.Errorf("%d refs have moved, want %d", moved, c.moved)
			}
			p.again()
		})
	}
}

func TestServerKilledAtAnyMomentNeitherLosesNorDoublesAPush(t *testing.T) {
	t.Parallel()
	const seed, rounds = 20, 8
	random := rand.New(rand.NewPCG(seed, seed))
	s := startServer(t, "--runners", "0")
	r := s.newRepository("hello")
	began := time.Now()
	r.newPush(pushedFiles...).again()
	whole := time.Since(began) // more than a push
	for round := range rounds {
		p := r.newPush()
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		wait := time.Duration(random.Int64N(int64(whole)))
		time.AfterFunc(wait, func() { _ = s.cmd.Process.Kill() }) // at a random time, on purpose
		<-s.done
		answered := p.cmd.Wait() == nil
		s.start()
		moved := p.check()
		t.Logf("round %d: killed after %v, answered: %v, moved: %d", round, wait, answered, moved)
		if answered && moved != 2 {
			t.Errorf("round %d: the push was answered, and %d refs have moved", round, moved)
		}
		p.again()
	}
}

// Each run is a transaction of its own, so the server dies between two of them.
func TestServerKilledAmongTheRunsOfAPushMakesEachOfThemOnce(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "0")
	r := s.newRepository("hello")
	const workflows = 200
	var files []string
	want := map[string]int{}
	for i := range workflows {
		path := fmt.Sprintf(".github/workflows/w%02d.yml", i)
		files = append(files, path, quick("nobody"))
		want[path] = 1
	}
	sha := r.commit(files...)
	push := r.git("push", "origin", "main")
	if err := push.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the push makes no run", func() bool { return len(r.runs()) > 0 })
	s.kill()
	answered := push.Wait() == nil // if this test was slow
	s.start()
	until(t, "some workflows have no run", func() bool { return len(r.runs()) >= workflows })
	got := map[string]int{}
	for _, one := range r.runs() {
		got[one.Path]++
		if one.SHA != sha {
			t.Errorf("run of %s at %s, want %s", one.Path, one.SHA, sha)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("runs after the restart: %v, want one of each of %d workflows", got, workflows)
	}
	t.Logf("killed when the push was answered: %t", answered)
}

// A twoPush is a push of two branches, each to a new commit.
type twoPush struct {
	*repository
	cmd  *exec.Cmd
	to   map[string]string // where each branch is to go
	from map[string]string // where each branch stood
}

// newPush commits to both branches; the first one of a repository with files.
func (r *repository) newPush(files ...string) *twoPush {
	r.t.Helper()
	p := &twoPush{r, r.git("push", "origin", "main", "topic"), map[string]string{}, r.refs()}
	p.to["main"] = r.commit(files...)
	if len(files) > 0 {
		r.mustGit("branch", "topic")
	}
	r.mustGit("switch", "--quiet", "topic")
	p.to["topic"] = r.commit()
	r.mustGit("switch", "--quiet", "main")
	return p
}

// waitForGit waits until no git process that a killed server has left behind may
// move refs of the only repository.
func (s *server) waitForGit() {
	s.t.Helper()
	f, err := os.Open(filepath.Join(s.data, "repositories", "repos", "1.git", "understudy.lock"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close() // and gives the lock back
	until(s.t, "git holds the lock of the repository", func() bool {
		return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
	})
}

// check checks that every branch stands where it stood, without a run, or where
// it was to go, with one run of each workflow, which the server may be about to
// make. It returns how many do the latter.
func (p *twoPush) check() (moved int) {
	p.t.Helper()
	want := map[string]int{}
	for branch, sha := range p.refs() {
		switch sha {
		case p.from[branch]:
		case p.to[branch]:
			moved++
			for _, file := range []string{"one", "two"} {
				want[fmt.Sprintf("%s %s .github/workflows/%s.yml", branch, sha, file)]++
			}
		default:
			p.t.Errorf("branch %s is at %s: neither at %s nor at %s", branch, sha, p.from[branch], p.to[branch])
		}
	}
	until(p.t, "the push has other runs than one of each", func() bool {
		got := map[string]int{}
		for _, one := range p.runs() {
			if one.SHA == p.to["main"] || one.SHA == p.to["topic"] {
				got[fmt.Sprintf("%s %s %s", one.Branch, one.SHA, one.Path)]++
			}
		}
		return maps.Equal(got, want)
	})
	return moved
}

// again pushes what has not moved, and checks that nothing is in its way.
func (p *twoPush) again() {
	p.t.Helper()
	p.push("main", "topic")
	if moved := p.check(); moved != 2 {
		p.t.Errorf("after another push %d refs have moved", moved)
	}
}

// A barrier holds up the git that a server starts for a push, at one point of
// its work:
//
//	received   before it has read anything
//	prepared   when the server has said yes, and before the first ref moves
//	committed  when the first ref has moved
//
// The server finds in its PATH a git that is the real one with a further hook.
type barrier struct {
	t    *testing.T
	dir  string
	said *os.File // pipe: the process group that waits
	gate *os.File // pipe: a line for each that may go on
}

// newBarrier is for a server that has not been started.
func newBarrier(t *testing.T, s *server) *barrier {
	t.Helper()
	actual, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	b := &barrier{t: t, dir: t.TempDir()}
	b.said, b.gate = b.pipe("said"), b.pipe("gate")
	wait := fmt.Sprintf(`if [ "$(cat %[1]s/at 2>/dev/null)" = "$point" ]; then
	rm %[1]s/at
	cut -d " " -f 5 /proc/self/stat >%[1]s/said
	read -r go <%[1]s/gate
fi
`, b.dir)
	b.script("bin/git", fmt.Sprintf(`case "$*" in
*--advertise-refs*) ;;
receive-pack*)
	point=received
	%s
	exec %s -c core.hooksPath=%s/hooks "$@" ;;
esac
exec %[2]s "$@"
`, wait, actual, b.dir))
	b.script("hooks/reference-transaction", "point=$1\n"+wait)
	if err := os.Symlink(filepath.Join(s.data, "repositories", "hooks", "pre-receive"), filepath.Join(b.dir, "hooks", "pre-receive")); err != nil {
		t.Fatal(err)
	}
	for i, v := range s.env {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			s.env[i] = "PATH=" + filepath.Join(b.dir, "bin") + ":" + path
		}
	}
	return b
}

// pipe makes a named pipe. Opened for both directions it blocks nobody.
func (b *barrier) pipe(name string) *os.File {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		b.t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = f.Close() })
	return f
}

func (b *barrier) script(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	write(b.t, path, "#!/bin/sh\n"+text)
	if err := os.Chmod(path, 0o700); err != nil { // a program
		b.t.Fatal(err)
	}
}

// at sets the point where the next push is held up.
func (b *barrier) at(point string) {
	b.t.Helper()
	write(b.t, filepath.Join(b.dir, "at"), point)
}

// reached waits for a push to be held up, and returns git's process group.
func (b *barrier) reached() (group int) {
	b.t.Helper()
	if err := b.said.SetReadDeadline(time.Now().Add(patience)); err != nil {
		b.t.Fatal(err)
	}
	line, err := bufio.NewReader(b.said).ReadString('\n')
	if err == nil {
		_, err = fmt.Sscan(line, &group)
	}
	if err != nil || group <= 1 {
		b.t.Fatalf("no push is held up: %q, %v", line, err)
	}
	return group
}

// open lets the push that is held up go on.
func (b *barrier) open() {
	b.t.Helper()
	if _, err := b.gate.WriteString("go\n"); err != nil {
		b.t.Fatal(err)
	}
}
