package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/sandbox"
)

// uid is of nobody.
const uid = 60901

// TestMain is also what runs in the sandboxes of the tests: a script, after which the
// process ends or, as a worker that has more to do, waits.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 2 && os.Args[1] == "outside":
		fmt.Fprintln(os.Stderr, outside(os.Args[2]))
		os.Exit(1)
	case len(os.Args) < 3 || os.Args[1] != "inside":
		os.Exit(m.Run())
	}
	if err := sandbox.Enter(); err != nil {
		fmt.Fprintln(os.Stderr, "enter:", err)
		os.Exit(1)
	}
	cmd := exec.CommandContext(context.Background(), "/bin/sh", "-c", os.Args[2])
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "script:", err)
	}
	if len(os.Args) > 3 {
		time.Sleep(time.Hour)
	}
	os.Exit(0)
}

// A box is a view and the directory on this machine with what is in it.
type box struct {
	sandbox.View
	t   *testing.T
	dir string
}

// user is the one that processes of the tests have.
func user() int {
	if os.Getuid() == 0 {
		return uid
	}
	return os.Getuid()
}

// needRoot skips a test that makes what only root can.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can do this")
	}
}

func newBox(t *testing.T) *box {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can do this")
	}
	if err := withoutRoot(); err != nil {
		t.Skipf("this kernel gives no namespaces to users: %v", err)
	}
	dir := t.TempDir()
	b := &box{t: t, dir: dir, View: sandbox.View{
		UID: uid, Login: "runner", Temp: dir + "/tmp", Scratch: dir + "/box",
		Home: sandbox.Bind{Source: dir + "/home", Target: "/home/runner"}, Hide: []string{dir},
	}}
	for _, d := range []string{b.Temp, b.Scratch, b.Home.Source} {
		b.make(d)
	}
	return b
}

// make makes a directory that the process may write.
func (b *box) make(dir string) {
	b.t.Helper()
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chown(dir, user(), user())); err != nil {
		b.t.Fatal(err)
	}
}

// write makes a file that everybody may read and write, where nothing hides it.
func (b *box) write(name, text string) (path string) {
	b.t.Helper()
	path = filepath.Join(b.dir, name)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, 0o666)) // regardless of the umask
	if err != nil {
		b.t.Fatal(err)
	}
	return path
}

// start starts a script, and returns what it prints, to be read.
func (b *box) start(args ...string) (*sandbox.Process, *os.File) {
	b.t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = read.Close() })
	p, err := sandbox.Start(sandbox.Command{
		Args: append([]string{"inside"}, args...), Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/home/runner"}, Log: write,
	})
	if err = errors.Join(err, write.Close()); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if err := p.End(); err != nil {
			b.t.Error(err)
		}
	})
	if err := p.See(b.View); err != nil {
		b.t.Fatal(err)
	}
	return p, read
}

// run runs a script to its end and returns what it prints.
func (b *box) run(script string) string {
	b.t.Helper()
	p, out := b.start(script)
	text, err := io.ReadAll(out)
	if err != nil || !p.State().Success() {
		b.t.Errorf("%v, %s", err, p.State())
	}
	return string(text)
}

// says runs a script that must print exactly what is wanted.
func (b *box) says(script, want string) {
	b.t.Helper()
	if got := b.run(script); got != want {
		b.t.Errorf("%s\nprints:\n%swant:\n%s", script, got, want)
	}
}

func TestWhatIsHiddenIsNotThere(t *testing.T) {
	needRoot(t)
	b := newBox(t)
	secret, inVar := b.write("data/token", "secret"), "/var/lib/understudy-test-"+filepath.Base(t.TempDir())+"-"+filepath.Base(b.dir)
	if err := os.Mkdir(inVar, 0o755); err != nil { // unlike the temporary directory, one that is shown
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(inVar) })
	dir, file := inVar+"/data", inVar+"/key"
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(dir+"/token", []byte("secret"), 0o600), os.Chmod(dir+"/token", 0o644),
		os.WriteFile(file, []byte("secret"), 0o600), os.Chmod(file, 0o644), os.Symlink(dir, inVar+"/link")); err != nil {
		t.Fatal(err)
	}
	b.says("cat "+dir+"/token "+file, "secretsecret") // else the rest shows nothing
	b.Hide = append(b.Hide, dir+"/token", inVar+"/link", dir, file, inVar+"/gone")
	b.says("ls -A "+dir+"; cat "+file+" 2>/dev/null || echo denied", "denied\n")
	b.says("ls "+secret+" "+b.dir+" /run/user /root/.ssh 2>/dev/null; ls -A /root /tmp /var/tmp /dev/shm; ls -A /home",
		"/dev/shm:\n\n/root:\n\n/tmp:\n\n/var/tmp:\nrunner\n")
}

func TestWhatIsHiddenStaysSoInWhatIsShared(t *testing.T) {
	b := newBox(t)
	secret := b.write("shared/data/token", "secret")
	b.Share, b.Hide = []string{b.dir + "/shared"}, append(b.Hide, filepath.Dir(secret))
	b.says("cd "+b.dir+"/shared && find .", ".\n./data\n")
}

func TestOnlyItsOwnDirectoriesCanBeWritten(t *testing.T) {
	b := newBox(t)
	b.make(b.dir + "/work")
	shared := b.write("shared/file", "")
	b.Binds = []sandbox.Bind{{Source: b.dir + "/work", Target: "/home/runner/work"}}
	b.Share = []string{filepath.Dir(shared)}
	around := b.dir + "/x"
	if os.Getuid() != 0 {
		around = "" // it is in /tmp, all of which is the job's own then
	}
	b.says(`cd /; for f in /x /usr/x /etc/x /home/x /run/x /root/x /dev/x /var/x /sys/x /proc/x `+around+`; do (echo >$f) 2>/dev/null && echo wrote $f; done
		for f in /home/runner/x /home/runner/work/x /tmp/x /var/tmp/y /dev/shm/x `+shared+`; do echo text >$f || echo cannot write $f; done`, "")
	for _, file := range []string{"home/x", "work/x", "tmp/x", "tmp/y", "shared/file"} {
		if text, err := os.ReadFile(filepath.Join(b.dir, file)); err != nil || string(text) != "text\n" {
			t.Errorf("%s: %q, %v", file, text, err)
		}
	}
}

func TestNoProcessOutsideIsSeenOrReached(t *testing.T) {
	b := newBox(t)
	b.says(fmt.Sprintf("test -e /proc/%[1]d && echo seen; kill -0 %[1]d 2>/dev/null && echo reached; [ $$ -lt 1000 ] && echo own; wc -l </proc/sysvipc/shm", os.Getpid()), "own\n1\n")
}

func TestTheProcessHasNoPrivilegesAndGetsNone(t *testing.T) {
	needRoot(t)
	b := newBox(t)
	setuid := b.write("bin/setuid", "")
	id, err := os.ReadFile("/usr/bin/id")
	if err := errors.Join(err, os.WriteFile(setuid, id, 0o600), os.Chown(setuid, 0, 0), os.Chmod(setuid, 0o755|os.ModeSetuid)); err != nil {
		t.Fatal(err)
	}
	b.Show = []string{filepath.Dir(setuid)}
	b.says("id; "+setuid+" -u", "uid=60901(runner) gid=60901(runner) groups=60901(runner)\n60901\n")
	b.says("grep -E '^(CapInh|CapPrm|CapEff|CapAmb|NoNewPrivs)' /proc/self/status | cut -f2 | sort -u", "0000000000000000\n1\n")
	b.says("mount -t tmpfs tmpfs /tmp 2>/dev/null || umount /tmp 2>/dev/null || mknod /tmp/x b 1 1 2>/dev/null || echo nothing", "nothing\n")
	b.says("unshare -Urm sh -c 'umount /home/runner || umount /var/tmp || mount -o remount,rw /usr' 2>/dev/null || echo nothing", "nothing\n")
}

// The worker's memory holds what its steps must not have.
func TestTheFirstProcessIsClosedToTheOthers(t *testing.T) {
	b := newBox(t)
	b.says("cat /proc/1/environ /proc/1/mem /proc/1/maps 2>/dev/null; ls /proc/1/fd /proc/1/cwd/ 2>/dev/null; kill -9 1; echo still here", "still here\n")
}

// many starts processes in the background, in sessions of their own and without an
// environment, and says so.
const many = "for i in 1 2 3; do env -i setsid sh -c 'sleep 601 & sleep 601 & wait' & done >/dev/null 2>&1; echo started"

const manyProcesses = 3*3 + 1 // with the first

func started(t *testing.T, out io.Reader) {
	t.Helper()
	if _, err := io.ReadFull(out, make([]byte, len("started\n"))); err != nil {
		t.Fatal(err)
	}
	until(t, "the processes are not there", func() bool { return processes() == manyProcesses })
}

// until looks until something is so.
func until(t *testing.T, not string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(not)
		}
	}
}

// inside is in the status of a process that has a number here and one in a namespace.
var inside = regexp.MustCompile(`\nNSpid:\t\d+\t\d`)

// processes counts those of the tests' user that are in a PID namespace of their own.
func processes() (n int) {
	files, _ := filepath.Glob("/proc/[0-9]*/status") // the pattern is good
	for _, file := range files {
		status, err := os.ReadFile(file)
		if err == nil && bytes.Contains(status, fmt.Appendf(nil, "\nUid:\t%d\t", user())) && inside.Match(status) && !bytes.Contains(status, []byte("\nState:\tZ")) {
			n++
		}
	}
	return n
}

func TestEveryProcessEndsWithTheFirst(t *testing.T) {
	p, out := newBox(t).start(many, "and stay")
	started(t, out)
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if n := processes(); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}

// A runner that is killed leaves nothing of its job.
func TestEveryProcessEndsWithTheProgramThatStartedThem(t *testing.T) {
	b := newBox(t)
	view, err := json.Marshal(b.View)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "outside", string(view))
	out, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	started(t, out)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	until(t, "processes are left", func() bool { return processes() == 0 })
}

// outside is what the test above kills.
func outside(view string) error {
	var v sandbox.View
	if err := json.Unmarshal([]byte(view), &v); err != nil {
		return err
	}
	p, err := sandbox.Start(sandbox.Command{Args: []string{"inside", many, "and stay"}, Env: []string{"PATH=/usr/bin:/bin"}, Log: os.Stdout})
	if err != nil {
		return err
	}
	if err := p.See(v); err != nil {
		return err
	}
	<-p.Done()
	return nil
}

// A runner keeps a process that has no view yet.
func TestAProcessWaitsForItsViewAndEndsWithoutOne(t *testing.T) {
	p, err := sandbox.Start(sandbox.Command{Args: []string{"inside", "true"}, Log: os.Stdout})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
		t.Errorf("it has ended: %s", p.State())
	default:
	}
	if err := p.End(); err != nil {
		t.Error(err)
	}
	if err := p.See(sandbox.View{}); err == nil {
		t.Error("a process that has ended has seen something")
	}
	if err := p.End(); err != nil {
		t.Errorf("ended again: %v", err)
	}
}

func TestASandboxIsTriedBeforehand(t *testing.T) {
	needRoot(t)
	b := newBox(t)
	err := sandbox.Try(t.Context(), []string{"inside", "true"}, uid, b.dir)
	if err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		uid  int
		want string
	}{{0, "--job-uid"}, {1, "choose a number that no account has"}, {1 << 31, "--job-uid"}} {
		if err := sandbox.Try(t.Context(), []string{"inside", "true"}, c.uid, b.dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d: %v, want %q", c.uid, err, c.want)
		}
	}
	if left, err := filepath.Glob(b.dir + "/.try-*"); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := sandbox.Enter(); err == nil {
		t.Error("a process of no sandbox enters one")
	}
}
