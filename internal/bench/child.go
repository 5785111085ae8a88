package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// A Task is what a process beside the server does until its standard input ends: an
// assault, or nothing but to use a processor. Its priority is the lowest there is.
type Task struct {
	Assault *Assault `json:",omitempty"`
	Spin    float64  // processors to use, where there is no assault
}

const lowest = 19

// Child does the task that comes from r, until r ends.
func Child(ctx context.Context, r io.Reader, now func() time.Time) error {
	d := json.NewDecoder(r)
	var t Task
	if err := d.Decode(&t); err != nil {
		return fmt.Errorf("task: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, r)
		stop()
	}()
	if t.Assault != nil {
		return t.Assault.Run(ctx)
	}
	spin(ctx, t.Spin, now)
	return nil
}

// spin uses so many processors, in slices of time.
func spin(ctx context.Context, processors float64, now func() time.Time) {
	const slice = 10 * time.Millisecond
	threads := int(math.Ceil(processors))
	busy := time.Duration(processors / float64(max(threads, 1)) * float64(slice))
	for range threads - 1 {
		go spinOne(ctx, busy, slice, now)
	}
	spinOne(ctx, busy, slice, now)
}

func spinOne(ctx context.Context, busy, slice time.Duration, now func() time.Time) {
	for {
		for began := now(); now().Sub(began) < busy; {
		}
		if pause(ctx, max(slice-busy, time.Microsecond)) != nil {
			return
		}
	}
}

// A child is such a process.
type child struct {
	b     *bench
	cmd   *exec.Cmd
	input io.WriteCloser
	since time.Time
	had   time.Duration // processor time at that moment
}

// begin starts a process with a task.
func (b *bench) begin(ctx context.Context, t Task) (*child, error) {
	args := append([]string{"-n", strconv.Itoa(lowest)}, b.Child...)
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "nice", args...) // found in PATH
	cmd.Env, cmd.Stderr = b.Env, b.Out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt comes to us, and ends its input
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{b: b, cmd: cmd, input: input}
	if err := json.NewEncoder(input).Encode(t); err != nil {
		c.end()
		return nil, err
	}
	return c, c.mark()
}

// mark begins the time that processors is about.
func (c *child) mark() (err error) {
	c.since = c.b.Now()
	c.had, err = familyTime(c.cmd.Process.Pid)
	return err
}

// processors is how many of them the process has used since mark, with its children.
func (c *child) processors() (float64, error) {
	has, err := familyTime(c.cmd.Process.Pid)
	return float64(has-c.had) / float64(c.b.since(c.since)), err
}

// end ends the process.
func (c *child) end() {
	_ = c.input.Close()
	ended := make(chan struct{})
	go func() {
		_ = c.cmd.Wait() // it may have been killed
		close(ended)
	}()
	t := time.NewTimer(stopLimit)
	defer t.Stop()
	select {
	case <-ended:
	case <-t.C:
		_ = c.cmd.Process.Kill()
		<-ended
	}
}
