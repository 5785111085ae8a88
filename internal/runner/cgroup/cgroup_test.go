package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// open makes a parent with limits on this machine.
func open(t *testing.T, l Limits) *Parent {
	t.Helper()
	if err := try(This(), l); err != nil {
		t.Skipf("no cgroups for this test: %v", err)
	}
	p, err := Find(This(), l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		for _, dir := range p.Dirs() {
			if _, err := os.Stat(dir); err == nil {
				t.Errorf("%s is left", dir)
			}
		}
	})
	if err := p.Open(); err != nil {
		t.Fatal(err)
	}
	return p
}

// start starts a script in a new group, once it is there.
func start(t *testing.T, p *Parent, script string) (*exec.Cmd, *Group, *bytes.Buffer) {
	t.Helper()
	g, err := p.Make("g")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "read go; "+script)
	out := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, out
	in, err := cmd.StdinPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	if err := g.Add(cmd.Process.Pid); err != nil {
		t.Error(err)
	}
	if _, err := fmt.Fprintln(in, "go"); err != nil {
		t.Error(err)
	}
	return cmd, g, out
}

func TestAProcessThatUsesTooMuchMemoryIsKilled(t *testing.T) {
	p := open(t, Limits{Memory: leastMemory})
	cmd, g, out := start(t, p, `x=$(head -c 100000000 /dev/zero | tr '\0' x); echo all`)
	err := cmd.Wait()
	if met := g.Events(); err == nil || met.Killed < 1 || met.Refused != 0 || out.Len() > 0 {
		t.Errorf("%v, %+v\n%s", err, met, out)
	}
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
}

func TestAProcessStartsNoMoreThanItMay(t *testing.T) {
	p := open(t, Limits{Processes: leastProcesses, CPUs: 1})
	cmd, g, out := start(t, p, "for i in $(seq 200); do sleep 600 >/dev/null 2>&1 & done; echo all")
	err := cmd.Wait()
	if met := g.Events(); err == nil || met.Refused < 1 || strings.Contains(out.String(), "all") {
		t.Errorf("%v, %+v\n%s", err, met, out)
	}
	if err := g.Remove(); err != nil { // with all that is left
		t.Error(err)
	}
	if _, err := p.Make("g"); err != nil {
		t.Errorf("again: %v", err)
	}
}

// A runner that was killed has left a group, and perhaps processes in it.
func TestWhatIsLeftIsRemovedWithItsProcesses(t *testing.T) {
	p := open(t, Limits{Processes: StandardProcesses})
	cmd, _, _ := start(t, p, "sleep 600 >/dev/null 2>&1 & sleep 600 & wait")
	began := time.Now()
	go func() { _ = cmd.Wait() }() // it is killed
	if err := Remove(p.Dirs()); err != nil {
		t.Error(err)
	}
	if time.Since(began) > endTime {
		t.Error("it took long")
	}
}
