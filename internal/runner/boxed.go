package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/cgroup"
	"github.com/understudy-ci/understudy/internal/runner/link"
	"github.com/understudy-ci/understudy/internal/runner/sandbox"
	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A Sandbox says what jobs have with the isolations [User] and [Container].
type Sandbox struct {
	UID    int           // of their processes, where the runner is root's; no account may have it
	Limits cgroup.Limits // of each job; see [cgroup.Settle]
	Hide   []string      // what they must not see, besides homes and the runner's own files
	Share  []string      // directories that they may write where they are
	// Args are those with which this program calls [sandbox.Enter] and then [link.Work].
	Args    []string
	Program string   // this program, for containers; Args and then --door FILE are its arguments there
	Log     *os.File // what that prints to; nil for nothing
}

// Where a job in a sandbox finds its things: as on GitHub's own runners.
const (
	boxLogin = "runner"
	boxHome  = "/home/runner"
	boxWork  = boxHome + "/work"
)

// killGrace is how long a worker may take to end at once.
const killGrace = 10 * time.Second

// view is what the processes of the job see.
func (j *job) view(d *directories) sandbox.View {
	s := j.r.cfg.Sandbox
	home := variable(j.r.cfg.Env, "HOME")
	v := sandbox.View{
		UID: s.UID, Login: boxLogin, Temp: d.tmp, Scratch: d.box,
		Home:  sandbox.Bind{Source: d.home, Target: boxHome},
		Binds: []sandbox.Bind{{Source: d.work, Target: boxWork}, {Source: d.tool, Target: boxWork + "/_tool"}},
		Hide:  append([]string{j.r.cfg.Root}, s.Hide...), Share: s.Share,
		Show: sandbox.Programs(variable(j.r.cfg.Env, "PATH"), home),
	}
	for _, dir := range []string{j.r.cfg.Node.First, j.r.cfg.Node.Last} {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			v.Show = append(v.Show, dir)
		}
	}
	if len(home) > 1 && filepath.IsAbs(home) {
		v.Hide = append(v.Hide, home)
	}
	return v
}

// boxEnv is the environment that processes in a sandbox start from.
func boxEnv(env []string) []string {
	own := []string{"HOME=" + boxHome, "USER=" + boxLogin, "LOGNAME=" + boxLogin}
	for _, entry := range env {
		switch name, _, _ := strings.Cut(entry, "="); name {
		case "HOME", "USER", "LOGNAME", "TMPDIR":
		default:
			own = append(own, entry)
		}
	}
	return own
}

// variable is the value of a variable in an environment, "" if it is not set.
func variable(env []string, name string) string {
	for _, entry := range env {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// box executes the job in a sandbox.
func (j *job) box(ctx context.Context, l *lease, d *directories, w *worker.Job, tracking string) *worker.Result {
	b, err := j.r.spare.take()
	if err != nil {
		return j.failBox(ctx, err)
	}
	defer j.r.removals.end(b)
	j.r.spare.refill()
	result, err := j.runIn(ctx, b, l, d, w, tracking)
	if err != nil {
		result = j.failBox(ctx, err)
	}
	explain(result, b.group.Events(), j.r.cfg.Sandbox.Limits)
	return result
}

func (j *job) failBox(ctx context.Context, err error) *worker.Result {
	j.log().ErrorContext(ctx, "sandbox of the job failed", "err", err)
	return failure("The sandbox of the job failed: " + err.Error())
}

func (j *job) runIn(ctx context.Context, b *box, l *lease, d *directories, w *worker.Job, tracking string) (*worker.Result, error) {
	if err := b.See(j.view(d)); err != nil {
		return nil, errors.Join(err, b.door.Close())
	}
	defer context.AfterFunc(ctx, func() {
		late := time.AfterFunc(killGrace, func() { _ = b.Kill() }) // it may have ended
		<-b.Done()
		late.Stop()
	})()
	task := boxTask(w, tracking)
	task.Node, task.Env = w.Node, boxEnv(j.r.cfg.Env)
	result, err := link.Serve(ctx, b.door, j.linkConfig(l, d, w, task), b.Done())
	switch {
	case !errors.Is(err, link.ErrEnded):
		return result, err
	case ctx.Err() != nil: // it was killed
		return &worker.Result{Conclusion: wire.Canceled}, nil
	}
	j.log().ErrorContext(ctx, "worker ended unexpectedly", "state", fmt.Sprint(b.State()))
	return failure(fmt.Sprintf("The runner's worker process ended unexpectedly: %s.", b.State())), nil
}

// boxTask is the job as its worker gets it elsewhere than in this process.
func boxTask(w *worker.Job, tracking string) link.Task {
	return link.Task{
		Message: w.Message, WorkDir: boxWork, TempDir: boxWork + "/_temp", ActionsDir: boxWork + "/_actions", ToolDir: boxWork + "/_tool",
		Runner: w.Runner, TrackingID: tracking,
	}
}

func (j *job) linkConfig(l *lease, d *directories, w *worker.Job, task link.Task) link.Config {
	return link.Config{
		Task: task, Sink: w.Sink, Actions: &actionSource{l}, Engine: w.Engine, Signals: w.Signals, Spool: d.spool, Log: j.log(),
	}
}

// toolsOf is the directory of tools that jobs of the same repository share.
func toolsOf(m *wire.JobMessage) string {
	github, _ := m.ContextData["github"].(*wire.ContextDict)
	id, _ := github.Get("repository_id")
	if text, ok := id.(string); ok && text != "" && strings.Trim(text, "0123456789") == "" {
		return text
	}
	return "0"
}
