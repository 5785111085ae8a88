package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWhatWasAnsweredSurvivesAPowerLoss(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	s := newServer(t, "--runners", "0")
	s.data = filepath.Join(d.dir, "data")
	s.start()
	r := s.newRepository("hello")
	lose := func() {
		t.Helper()
		d.losePower(s.kill)
		s.start()
	}

	sha := r.commit(".github/workflows/ci.yml", "on: [push, workflow_dispatch]\njobs:\n  only:\n    runs-on: mine\n    steps: [{run: seq 1000}]\n")
	r.push()
	lose()
	if now := r.refs()["main"]; now != sha {
		t.Fatalf("the pushed branch stands at %q, want %s", now, sha)
	}
	pushed := r.runOf(sha)

	r.do(http.MethodPost, r.api+"/actions/workflows/ci.yml/dispatches", map[string]string{"ref": "main"}, nil)
	lose()
	all := r.runs()
	if len(all) != 2 || all[0].Event != "workflow_dispatch" || all[1].ID != pushed.ID {
		t.Fatalf("runs after a push and a dispatch: %+v", all)
	}

	r.newRunner("own", "mine")
	for _, one := range []*run{pushed, &all[0]} {
		r.conclude(one, "success")
	}
	lose()
	for _, one := range []*run{pushed, &all[0]} {
		r.checkSequence(r.conclude(one, "success"), 1000)
	}
	r.mustGit("clone", "--quiet", s.url+"/"+r.name+".git", filepath.Join(t.TempDir(), "clone"))
	r.conclude(r.pushWorkflow(quick("mine")), "success") // the server works on it as before
}

// checkSequence says whether the log of a job has the numbers from 1 to last.
func (r *repository) checkSequence(j *job, last int) {
	r.t.Helper()
	next := 1
	for _, line := range r.log(j) {
		if line == fmt.Sprint(next) {
			next++
		}
	}
	if next != last+1 {
		r.t.Errorf("number %d is missing in the log of job %d", next, j.ID)
	}
}

// A disk is a file system of its own, in a file, that can lose its power:
// whatever was not synced until then is gone.
type disk struct {
	t     *testing.T
	image string
	dir   string // where it is mounted
	lost  int    // how often
}

// newDisk skips the test where such a file system cannot be mounted.
func newDisk(t *testing.T) *disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a file system takes root")
	}
	dir := t.TempDir()
	d := &disk{t: t, image: filepath.Join(dir, "image"), dir: filepath.Join(dir, "disk")}
	const size = 256 << 20
	write(t, d.image, "")
	if err := errors.Join(os.Truncate(d.image, size), os.Mkdir(d.dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	mkfs, err := exec.LookPath("mkfs.ext4")
	if err != nil {
		t.Skip("no mkfs.ext4 here: ", err)
	}
	if out, err := exec.CommandContext(t.Context(), mkfs, "-q", d.image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v\n%s", err, out)
	}
	if out, err := d.mount(); err != nil {
		t.Skipf("loop mounts are refused here: %v\n%s", err, out)
	}
	t.Cleanup(d.unmount)
	return d
}

func (d *disk) mount() (output []byte, err error) {
	return exec.CommandContext(d.t.Context(), "mount", "-o", "loop", d.image, d.dir).CombinedOutput()
}

// unmount waits for processes that still have files there, such as git whose
// server was killed.
func (d *disk) unmount() {
	d.t.Helper()
	until(d.t, "the disk cannot be unmounted", func() bool {
		err := exec.CommandContext(context.WithoutCancel(d.t.Context()), "umount", d.dir).Run()
		return err == nil || !d.mounted()
	})
}

// mounted says whether the directory is another file system than its parent.
func (d *disk) mounted() bool {
	var own, above unix.Stat_t
	err := errors.Join(unix.Stat(d.dir, &own), unix.Stat(filepath.Dir(d.dir), &above))
	return err != nil || own.Dev != above.Dev // after a power loss, there are errors
}

// losePower stops the disk at once, then the processes that use it by kill, and
// puts a disk back that has what it had kept. That is another one, since a process
// that was started meanwhile may have the first in a mount namespace of its own, such
// as the jobs of other tests, and to mount it again would give the same that is stopped.
func (d *disk) losePower(kill func()) {
	d.t.Helper()
	d.lost++
	witness := filepath.Join(d.dir, fmt.Sprint("witness-", d.lost))
	write(d.t, witness, "not synced")
	d.shutDown()
	kept := filepath.Join(filepath.Dir(d.dir), fmt.Sprint("image-", d.lost))
	if out, err := exec.CommandContext(d.t.Context(), "cp", "--sparse=always", d.image, kept).CombinedOutput(); err != nil {
		d.t.Fatalf("what the disk has: %v\n%s", err, out)
	}
	kill()
	d.unmount()
	d.image = kept
	if out, err := d.mount(); err != nil {
		d.t.Fatalf("mount after a power loss: %v\n%s", err, out)
	}
	if text, err := os.ReadFile(witness); err == nil && len(text) > 0 {
		d.t.Fatal("the disk kept what nobody had synced: that was no power loss")
	}
}

// shutDown makes the kernel forget all that the disk does not have yet.
func (d *disk) shutDown() {
	d.t.Helper()
	const (
		shutdown   = 0x8004587d // FS_IOC_SHUTDOWN
		noLogFlush = 2          // the journal, too, ends where it is
	)
	f, err := os.Open(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noLogFlush); err != nil {
		d.t.Skip("this kernel cannot shut a file system down: ", err)
	}
}
