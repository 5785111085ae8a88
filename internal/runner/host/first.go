package host

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
)

// NewFirst returns a host for the one job of a PID namespace whose first process is
// this one: all others there are of the job. What their parents leave behind
// becomes a child of this process, and [Local.Reap] waits for it. Closing the host
// ends every process of the namespace but this one, whatever it has done to its
// environment. In any other process it is as [NewLocal]: the others are not its own.
func NewFirst(env []string, trackingID string) *Local {
	l := NewLocal(env, trackingID)
	if os.Getpid() == 1 {
		l.children = &children{own: map[int]bool{}, ended: make(chan struct{}, 1)}
	}
	return l
}

// Reap waits for children that this host has not started, until ctx ends: a process
// that has ended takes a place until somebody has.
func (l *Local) Reap(ctx context.Context) {
	if l.children == nil {
		return
	}
	died := make(chan os.Signal, 1)
	signal.Notify(died, syscall.SIGCHLD)
	defer signal.Stop(died)
	for {
		l.children.reap()
		select {
		case <-died:
		case <-l.children.ended: // it may have hidden another one
		case <-ctx.Done():
			return
		}
	}
}

// children tells the processes that a host has started, which wait for their own
// end, from those that became its children. A nil one does nothing but start.
type children struct {
	ended    chan struct{} // of size 1: one of the own was waited for
	starting sync.RWMutex  // held for reading from the start of a process until it is in own

	mu  sync.Mutex
	own map[int]bool
}

func (c *children) start(cmd *exec.Cmd) error {
	if c == nil {
		return cmd.Start()
	}
	c.starting.RLock()
	defer c.starting.RUnlock()
	err := cmd.Start()
	if err == nil {
		c.mu.Lock()
		c.own[cmd.Process.Pid] = true
		c.mu.Unlock()
		giveUpFirst(cmd.Process.Pid)
	}
	return err
}

// waited is called when the end of an own process is known.
func (c *children) waited(pid int) {
	if c == nil {
		return
	}
	c.mu.Lock()
	delete(c.own, pid)
	c.mu.Unlock()
	select {
	case c.ended <- struct{}{}:
	default:
	}
}

// reap waits for what has ended and is not our own.
func (c *children) reap() {
	var dead []int
	for _, pid := range processIDs() {
		if state, parent, ok := statusOf(pid); ok && state == zombie && parent == os.Getpid() {
			dead = append(dead, pid)
		}
	}
	if len(dead) == 0 {
		return
	}
	c.starting.Lock()
	defer c.starting.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, pid := range dead {
		if !c.own[pid] {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // an error is that it is gone
		}
	}
}

// moreLikely is added to what makes the kernel choose a process when memory is short.
const moreLikely = 500

// giveUpFirst has the kernel end a process of a step before this one when their
// memory is used up: this one says how the job ended.
func giveUpFirst(pid int) {
	_ = os.WriteFile(procFile(pid, "oom_score_adj"), []byte(strconv.Itoa(moreLikely)), 0) // it may have ended by itself
}
