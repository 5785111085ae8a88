package container

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
)

// markVariable is in the environment of each process that is started in a container, with a
// value of its own, so that the process is found on this machine.
const markVariable = "UNDERSTUDY_PROCESS"

// exec starts a process in a container and waits for its end. The engine's program does not pass
// signals on, so they go to the process itself, where this machine shows it.
func (d *Docker) exec(ctx context.Context, c *Command, s Stream) (int, error) {
	d.mu.Lock()
	own := d.containers[c.ID]
	d.mu.Unlock()
	if !own {
		return 0, Error("The job has no such container.")
	}
	mark := uuid.NewString()
	i := invocation{args: []string{"exec", "-i", "--workdir", c.Dir}}
	if err := d.addVariables(&i, append(c.Env, Variable{markVariable, mark})); err != nil {
		return 0, err
	}
	i.args = append(append(i.args, c.ID, c.Program), c.Args...)
	i.shown = nil
	client, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan struct{})
	quit := make(chan struct{})
	go func() {
		defer close(quit)
		select {
		case <-ended:
			return
		case <-ctx.Done():
		case <-s.Kill:
		}
		stopMarked(mark, c, s.Kill, ended)
		stop()
	}()
	exitCode, err := d.call(client, c, i, s)
	close(ended)
	<-quit
	return exitCode, err
}

// stopMarked interrupts, terminates and kills the processes with a mark.
func stopMarked(mark string, c *Command, kill, ended <-chan struct{}) {
	for _, next := range []struct {
		signal syscall.Signal
		within time.Duration
	}{{syscall.SIGINT, c.Interrupt}, {syscall.SIGTERM, c.Terminate}} {
		found := appear(mark, next.within, kill, ended)
		if len(found) == 0 { // they are on another machine, or have ended
			return
		}
		for pid, first := range found {
			if first {
				_ = syscall.Kill(pid, next.signal) // it may have ended by itself
			}
		}
		timer := time.NewTimer(next.within)
		select {
		case <-ended:
			timer.Stop()
			return
		case <-kill:
		case <-timer.C:
		}
		timer.Stop()
	}
	for range 10 { // they may start others meanwhile
		found := marked(mark)
		if len(found) == 0 {
			return
		}
		for pid := range found {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// appear waits for processes with a mark: one that is told to stop may not have begun.
func appear(mark string, within time.Duration, kill, ended <-chan struct{}) map[int]bool {
	const look = 50 * time.Millisecond
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for left := min(within, 2*time.Second); ; left -= look {
		found := marked(mark)
		if len(found) > 0 || left <= 0 {
			return found
		}
		select {
		case <-ended:
			return nil
		case <-kill:
			return marked(mark)
		case <-ticker.C:
		}
	}
}

// marked are the processes with a mark; first are those that no other of them has started.
func marked(mark string) (found map[int]bool) {
	found = map[int]bool{}
	parents := map[int]int{}
	entries, _ := filepath.Glob("/proc/[0-9]*/environ")
	want := []byte(markVariable + "=" + mark)
	for _, file := range entries {
		env, err := os.ReadFile(file)
		if err != nil || !hasEntry(env, want) {
			continue
		}
		dir := filepath.Dir(file)
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		found[pid] = true
		stat, _ := os.ReadFile(filepath.Join(dir, "stat"))
		if end := bytes.LastIndexByte(stat, ')'); end >= 0 {
			if fields := strings.Fields(string(stat[end+1:])); len(fields) > 1 {
				parents[pid], _ = strconv.Atoi(fields[1])
			}
		}
	}
	for pid := range found {
		_, inner := found[parents[pid]]
		found[pid] = !inner
	}
	return found
}

func hasEntry(env, want []byte) bool {
	for entry := range bytes.SplitSeq(env, []byte{0}) {
		if bytes.Equal(entry, want) {
			return true
		}
	}
	return false
}
