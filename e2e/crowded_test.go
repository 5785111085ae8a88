package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/understudy-ci/understudy/internal/wire"
)

// A crowdedServer is killed, behind a socket that outlives it, while its repositories
// are pushed to and a runner as GitHub's works off jobs.
type crowdedServer struct {
	*repository
	runner *githubRunner
	run    *run

	mu   sync.Mutex
	done []*githubJob
}

const crowdedJobs = 4

// A call is made four times at the most, so three kills cannot be what fails one.
func TestNobodyIsRefusedUnderPushesJobsAndUploadsWhileTheSocketOutlivesTheServer(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--runners", "0", "--job-lease", awayLease.String())
	s.hold("tcp", strings.TrimPrefix(s.url, "http://"))
	s.start()
	pushed := s.newRepository("pushed")
	pushed.commit(".github/workflows/ci.yml", quick("nobody"))
	c := &crowdedServer{repository: s.newRepository("hello")}
	c.runner = c.newGithubRunner(quickPace, "gh")
	c.run = c.pushWorkflow(fmt.Sprintf("on: push\njobs:\n  many:\n    name: ${{ matrix.n }}\n    runs-on: gh\n    strategy:\n"+
		"      matrix:\n        n: [%s]\n    steps: [{run: echo done}]\n", "1, 2, 3, 4"))

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	var answered []string
	wg.Go(func() { answered = pushed.pushUnrefused(ctx) })
	wg.Go(func() { c.work(ctx) })
	for puts := int64(3); puts <= 23; puts += 10 {
		until(t, "the runner uploads nothing", func() bool { return c.runner.puts.Load() >= puts })
		s.kill()
		c.runner.untilAsking()
		s.launch()
		s.ready()
	}
	until(t, "the runner does not end its jobs", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.done) == crowdedJobs
	})
	stop()
	wg.Wait()
	pushed.wantRunsOf(answered)
	c.wantAll()
}

// pushUnrefused pushes commit after commit until ctx ends, and returns those whose push
// was answered. A push may be cut off, and must not be refused.
func (r *repository) pushUnrefused(ctx context.Context) (answered []string) {
	for ctx.Err() == nil {
		sha := r.commit()
		out, err := r.git("push", "origin", "main").CombinedOutput()
		switch {
		case err == nil:
			answered = append(answered, sha)
		case bytes.Contains(out, []byte("refused")):
			r.t.Errorf("a push was refused: %s", out)
		}
	}
	return answered
}

// work works off the jobs until ctx ends.
func (c *crowdedServer) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-c.runner.jobs:
			j.printed("one").end(wire.Succeeded, "summary")
			two := j.printed("two")
			for i := range 5000 {
				two.print(fmt.Sprintf("%d %s", i, strings.Repeat("x", 1000)))
			}
			two.end(wire.Succeeded, "")
			if err := j.uploadArtifact("of "+j.msg.JobID, []byte(two.log.text())); err != nil {
				c.t.Errorf("artifact: %v", err)
			}
			if err := j.finish(wire.Succeeded); err != nil {
				c.t.Errorf("end of a job: %v", err)
			}
			c.mu.Lock()
			c.done = append(c.done, j)
			c.mu.Unlock()
		}
	}
}

// wantAll checks that nothing of any job is missing, and that the runner was never
// refused.
func (c *crowdedServer) wantAll() {
	c.t.Helper()
	if n := c.runner.refused.Load(); n > 0 {
		c.t.Errorf("%d calls were refused", n)
	}
	until(c.t, "the run does not end", func() bool {
		c.do(http.MethodGet, fmt.Sprintf("%s/actions/runs/%d", c.api, c.run.ID), nil, c.run)
		return c.run.Status == "completed"
	})
	if c.run.Conclusion != "success" {
		c.t.Errorf("the run ended as %s", c.run.Conclusion)
	}
	logs := stepLogs(c.t, c.read(fmt.Sprintf("%s/actions/runs/%d/logs", c.api, c.run.ID)))
	for _, j := range c.done {
		if len(j.lost) > 0 {
			c.t.Errorf("lost of %s were %q", j.msg.JobDisplayName, j.lost)
		}
		for _, s := range j.steps {
			name := path.Join(j.msg.JobDisplayName, fmt.Sprint(s.result.Number))
			if got, want := logs[name], s.log.text(); got != want {
				c.t.Errorf("log %s has %d bytes, want %d", name, len(got), len(want))
			}
		}
	}
	var v struct{ Artifacts []struct{ Size int } }
	c.do(http.MethodGet, fmt.Sprintf("%s/actions/runs/%d/artifacts", c.api, c.run.ID), nil, &v)
	if len(v.Artifacts) != crowdedJobs {
		c.t.Errorf("%d artifacts, want %d", len(v.Artifacts), crowdedJobs)
	}
}
