package sandbox_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/understudy-ci/understudy/internal/runner/sandbox"
)

// someone is a user, of nobody, who is not root.
const someone = 60902

// withoutRoot says why somebody who is not root gets no namespaces, if so.
func withoutRoot() error {
	if os.Getuid() == 0 {
		return nil
	}
	cmd := exec.Command("/bin/true") //nolint:noctx // it ends at once
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}},
	}
	return cmd.Run()
}

// Where root runs the tests, they are run again by somebody else: in a program without
// C, as the one that is released, which others may read.
func TestEverybodyHasSandboxes(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the other tests are this one")
	}
	dir := t.TempDir()
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o711), os.Chown(dir, someone, someone)); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "sandbox.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.v", "-test.timeout=2m")
	cmd.Dir, cmd.Env = dir, []string{"TMPDIR=" + dir, "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: someone, Gid: someone}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), "gives no namespaces") {
		t.Skipf("%s", out)
	}
	if !strings.Contains(string(out), "--- PASS: TestAUserOfASandboxHasNoPrivilegesWithoutRootEither") {
		t.Errorf("not all was tried:\n%s", out)
	}
}

func TestAUserOfASandboxHasNoPrivilegesWithoutRootEither(t *testing.T) {
	b := newBox(t)
	hidden := b.write("data/token", "secret")
	id := os.Getuid()
	if id == 0 {
		t.Skip("this is tried as somebody else")
	}
	if err := sandbox.Try(t.Context(), []string{"inside", "true"}, uid, b.dir); err != nil {
		t.Error(err)
	}
	b.says("id -u; id -un; echo ~", fmt.Sprintf("%d\nrunner\n/home/runner\n", id))
	b.says("cat "+hidden+" 2>/dev/null || echo denied", "denied\n")
	b.says("grep -E '^(CapInh|CapPrm|CapEff|CapAmb|NoNewPrivs)' /proc/self/status | cut -f2 | sort -u", "0000000000000000\n1\n")
	b.says("mount -t tmpfs tmpfs /tmp 2>/dev/null || umount /tmp 2>/dev/null || echo nothing", "nothing\n")
	b.says("unshare -Urm sh -c 'umount /home/runner || umount /var/tmp || mount -o remount,rw /usr' 2>/dev/null || echo nothing", "nothing\n")
}
