package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestADatabaseThatStopsCostsNoRunAndNoJob(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	s := startServer(t, "--runners", "1", "--job-lease", lease.String(), "--database", db.url)
	r := s.newRepository("hello")
	r.newRunner("own", "mine")
	bundled, own := r.hold("ubuntu-latest"), r.hold("mine")
	pushed := s.newRepository("pushed")
	pushed.commit(".github/workflows/ci.yml", quick("nobody"))

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	c := newCrowd(ctx, &wg, s, 20*time.Millisecond)
	var answered []string
	wg.Go(func() { answered = pushed.keepPushing(ctx) })
	for _, outage := range []struct{ begin, end func() }{
		{db.freeze, db.thaw}, {db.crash, db.start}, {db.freeze, db.thaw}, {db.crash, db.start},
	} {
		outage.begin()
		own.outlast(lease * 4 / 3)
		outage.end()
		s.untilReady(5 * time.Second)
		own.outlast(lease / 2)
	}
	stop()
	wg.Wait()
	if c.check(t) == 0 {
		t.Error("nobody was told to try again")
	}
	pushed.wantRunsOf(answered)
	bundled.finish("bundled-1")
	own.finish("own")
	s.wantNoFailures()
	s.wantCalmLog()
}

// keepPushing pushes commit after commit until ctx ends, and returns those whose
// push was answered.
func (r *repository) keepPushing(ctx context.Context) (answered []string) {
	for ctx.Err() == nil {
		sha := r.commit()
		if r.git("push", "origin", "main").Run() == nil {
			answered = append(answered, sha)
		}
	}
	return answered
}

// wantRunsOf waits until there is one run of each commit, of those that have a push
// of their own.
func (r *repository) wantRunsOf(pushed []string) {
	r.t.Helper()
	count := func() (of map[string]int) {
		of = map[string]int{}
		for _, one := range r.runs() {
			of[one.SHA]++
		}
		return of
	}
	until(r.t, "answered pushes have no runs", func() bool {
		of := count()
		return !slices.ContainsFunc(pushed, func(sha string) bool { return of[sha] == 0 })
	})
	for sha, n := range count() {
		if n > 1 {
			r.t.Errorf("commit %s has %d runs", sha, n)
		}
	}
	r.t.Logf("%d pushes were answered", len(pushed))
}

// A crowd are clients of all surfaces that ask whatever happens.
type crowd struct {
	mu      sync.Mutex
	answers map[string]map[string]int // by what was asked, how often which status
}

// newCrowd asks until ctx ends, each client after a pause. They need a repository
// admin/hello.
func newCrowd(ctx context.Context, wg *sync.WaitGroup, s *server, pause time.Duration) *crowd {
	c := &crowd{answers: map[string]map[string]int{}}
	for _, one := range []string{
		"GET /api/v3/repos/admin/hello/actions/runs",
		"GET /api/v3/repos/admin/hello/actions/artifacts",
		"POST /api/v3/repos/admin/hello/actions/runners/registration-token",
		`POST /api/graphql {"query":"{viewer{login}}"}`,
		"GET /admin/hello/actions",
		"GET /admin/hello.git/info/refs?service=git-upload-pack",
		"POST /twirp/github.actions.results.api.v1.ArtifactService/ListArtifacts {}",
		"GET /_runner/broker/_apis/connectionData",
		"GET /readyz",
	} {
		words := strings.SplitN(one, " ", 3)
		wg.Go(func() {
			for ctx.Err() == nil {
				c.count(words[0]+" "+words[1], s.answerOf(ctx, words))
				select {
				case <-ctx.Done():
				case <-time.After(pause): // the processor is for others, too
				}
			}
		})
	}
	return c
}

// answerOf is the status of an answer to a request, as the site admin.
func (s *server) answerOf(ctx context.Context, words []string) string {
	body := strings.Join(words[2:], "")
	req, err := http.NewRequestWithContext(ctx, words[0], s.url+words[1], strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	req.SetBasicAuth("admin", s.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "none"
	}
	_ = res.Body.Close() // the status is what counts
	return fmt.Sprint(res.StatusCode)
}

func (c *crowd) count(what, answer string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers[what] == nil {
		c.answers[what] = map[string]int{}
	}
	c.answers[what][answer]++
}

// check checks that nobody was told that the server is broken. It returns how many
// were told to try again.
func (c *crowd) check(t *testing.T) (refused int) {
	t.Helper()
	for what, of := range c.answers {
		for answer, n := range of {
			if answer == "500" || answer == "502" {
				t.Errorf("%d × %s of %s", n, answer, what)
			}
		}
		refused += of["503"]
		t.Logf("%s: %v", what, of)
	}
	return refused
}

// untilReady waits for /readyz to be good.
func (s *server) untilReady(most time.Duration) {
	s.t.Helper()
	began := time.Now()
	until(s.t, "the server is not ready", func() bool {
		if s.ended() {
			s.t.Fatalf("the server ended: %v", s.cmd.ProcessState)
		}
		return s.answerOf(s.t.Context(), []string{http.MethodGet, "/readyz"}) == "200"
	})
	if took := time.Since(began); took > most {
		s.t.Errorf("the server was ready after %v, want at most %v", took, most)
	}
}

var logLine = regexp.MustCompile(`(?m)^time=(\S+) level=(WARN|ERROR) msg=("(?:[^"\\]|\\.)*"|\S+)(.*)$`)

// wantNoFailures checks that the server's log has no request that failed by the
// server's own fault.
func (s *server) wantNoFailures() {
	s.t.Helper()
	for _, m := range logLine.FindAllSubmatch(read(s.t, s.logFile), -1) {
		if message := string(m[3]); strings.Contains(message, "request failed") || strings.Contains(message, "page failed") {
			s.t.Errorf("a client was told that the server is broken: %s", m[0])
		}
	}
}

// wantCalmLog checks that the server's log repeats no failure within a minute.
func (s *server) wantCalmLog() {
	s.t.Helper()
	last := map[string]time.Time{}
	for _, m := range logLine.FindAllSubmatch(read(s.t, s.logFile), -1) {
		at, err := time.Parse(time.RFC3339, string(m[1]))
		if err != nil {
			s.t.Fatal(err)
		}
		message := string(m[3])
		if strings.Contains(message, "stood still") { // once for each time
			continue
		}
		if before, ok := last[message]; ok && at.Sub(before) < time.Minute {
			s.t.Errorf("%v after the last one of its kind: %s", at.Sub(before), m[0])
		}
		last[message] = at
	}
}
