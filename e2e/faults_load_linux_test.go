package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/client"
)

// A load are a pusher, a dispatcher and somebody who cancels runs, in a repository
// of their own. It notes what was answered.
type load struct {
	*repository
	c       *campaign
	witness string // a directory where each run has a file, with a line for each start of its job

	mu         sync.Mutex
	pushes     map[string]bool // by commit, whether the push was answered
	dispatches map[string]bool // by what the run is called
	cancelled  map[int64]bool  // runs that were to be cancelled, whatever was answered
	refused    map[string]int  // what was answered with an error, and why
}

const (
	pushedLines   = 40 // of a job, a hundred a second
	artifactLines = 2000
	backlog       = 8 // runs that wait, above which nobody makes more
)

// newLoad makes the repository and pushes its workflows for the first time.
func (c *campaign) newLoad(name string) *load {
	c.t.Helper()
	l := &load{
		repository: c.newRepository(name), c: c, witness: newGate(c.t).dir,
		pushes: map[string]bool{}, dispatches: map[string]bool{}, cancelled: map[int64]bool{}, refused: map[string]int{},
	}
	steps := fmt.Sprintf(`      - run: echo started >>%s/$GITHUB_RUN_ID
      - run: for i in $(seq %d); do echo line $i; sleep 0.01; done; echo end %[2]d
`, l.witness, pushedLines)
	upload := fmt.Sprintf("      - run: seq %d | sed \"s/^/$GITHUB_RUN_ID /\" >content\n      - uses: actions/upload-artifact@v4\n        with: {name: out, path: content}\n", artifactLines)
	job := "jobs:\n  only:\n    runs-on: ubuntu-latest\n    steps:\n"
	sha := l.commit(
		".github/workflows/lines.yml", "on: push\n"+job+steps,
		".github/workflows/artifact.yml", "on: push\n"+job+steps+upload,
		".github/workflows/asked.yml", "on: {workflow_dispatch: {inputs: {id: {type: string}}}}\nrun-name: ${{ inputs.id }}\n"+job+steps,
	)
	l.push()
	l.pushes[sha] = true
	return l
}

func (l *load) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("%d pushes, %d dispatches, %d to be cancelled", len(l.pushes), len(l.dispatches), len(l.cancelled))
}

// run goes on until ctx ends; what was begun is waited for.
func (l *load) run(ctx context.Context, wg *sync.WaitGroup) {
	every := func(pause time.Duration, do func(ctx context.Context)) {
		wg.Go(func() {
			for ctx.Err() == nil {
				do(ctx)
				select {
				case <-ctx.Done():
				case <-time.After(pause): // the pace of the load
				}
			}
		})
	}
	every(200*time.Millisecond, l.pushOne)
	every(500*time.Millisecond, l.dispatchOne)
	every(4*time.Second, l.cancelOne)
}

// busy says whether enough runs wait.
func (l *load) busy(ctx context.Context) bool {
	var list struct {
		Total int `json:"total_count"`
	}
	err := l.admin().Do(context.WithoutCancel(ctx), http.MethodGet, l.api+"/actions/runs?status=queued&per_page=1", nil, &list)
	l.failed("list", err)
	return list.Total >= backlog
}

// failed notes an error. One that says that the server is broken fails the test.
func (l *load) failed(what string, err error) {
	if err == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	status := client.StatusOf(err)
	l.refused[fmt.Sprintf("%s: %d", what, status)]++
	if status == http.StatusInternalServerError {
		l.t.Errorf("%s: %v", what, err)
	}
}

var (
	gitStatus = regexp.MustCompile(`error: (\d+)`)
	gitReason = regexp.MustCompile(`rejected\].*|error: \d+|Recv failure|Failed to connect|unpack failed.*`)
)

// pushOne pushes a commit. Of one that was not answered, the ref tells later
// whether it was taken.
func (l *load) pushOne(ctx context.Context) {
	if l.busy(ctx) {
		return
	}
	sha := l.commit()
	out, err := l.git("push", "origin", "main").CombinedOutput()
	if err == nil {
		l.note(l.pushes, sha, true)
		return
	}
	l.note(l.pushes, sha, false)
	l.mu.Lock()
	l.refused["push: "+string(gitReason.Find(out))]++
	l.mu.Unlock()
	if status := gitStatus.FindSubmatch(out); status != nil && string(status[1]) == "500" {
		l.t.Errorf("push: %s", out)
	}
	for ctx.Err() == nil {
		if out, err := l.git("ls-remote", "origin", "refs/heads/main").Output(); err == nil {
			if bytes.HasPrefix(out, []byte(sha)) {
				l.note(l.pushes, sha, true)
			}
			return
		}
		<-time.After(50 * time.Millisecond) // until the server is back
	}
}

func (l *load) note(in map[string]bool, what string, answered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	in[what] = answered
}

func (l *load) dispatchOne(ctx context.Context) {
	if l.busy(ctx) {
		return
	}
	l.mu.Lock()
	id := fmt.Sprintf("dispatch %d", len(l.dispatches)+1)
	l.mu.Unlock()
	in := map[string]any{"ref": "main", "inputs": map[string]string{"id": id}}
	err := l.admin().Do(context.WithoutCancel(ctx), http.MethodPost, l.api+"/actions/workflows/asked.yml/dispatches", in, nil)
	l.failed("dispatch", err)
	l.note(l.dispatches, id, err == nil)
}

// cancelOne cancels one of the runs that are not over.
func (l *load) cancelOne(ctx context.Context) {
	status := []string{"queued", "in_progress"}[rand.IntN(2)]
	var list struct {
		Runs []run `json:"workflow_runs"`
	}
	err := l.admin().Do(context.WithoutCancel(ctx), http.MethodGet, l.api+"/actions/runs?status="+status+"&per_page=20", nil, &list)
	l.failed("list", err)
	if len(list.Runs) == 0 {
		return
	}
	id := list.Runs[rand.IntN(len(list.Runs))].ID
	l.mu.Lock()
	l.cancelled[id] = true
	l.mu.Unlock()
	l.failed("cancel", l.admin().Do(context.WithoutCancel(ctx), http.MethodPost, fmt.Sprintf("%s/actions/runs/%d/cancel", l.api, id), nil, nil))
}

// started is how often the job of a run was started.
func (l *load) started(id int64) int {
	text, err := os.ReadFile(filepath.Join(l.witness, fmt.Sprint(id)))
	if err != nil {
		return 0
	}
	return strings.Count(string(text), "\n")
}
