package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/wire"
)

// awayFull says that servers are away for as long as GitHub's runner was seen to bear
// it or not, and that the runner keeps GitHub's time.
func awayFull() bool { return os.Getenv("UNDERSTUDY_TEST_AWAY") == "full" }

// awayLease is longer than any pause of a machine that is slow or busy.
const awayLease = 20 * time.Second

// An outage is a server and a runner as GitHub's, of which the server is going to be
// away.
type outage struct {
	*repository
	runner *githubRunner
	run    *run
	job    *githubJob
}

// newOutage gives the runner a job. Where the socket is held, it outlives the server.
func newOutage(t *testing.T, held bool) *outage {
	t.Helper()
	p, lease := quickPace, awayLease
	if awayFull() {
		p, lease = githubPace, 3*time.Minute
	}
	s := newServer(t, "--runners", "0", "--job-lease", lease.String())
	if held {
		s.hold("tcp", strings.TrimPrefix(s.url, "http://"))
	}
	s.start()
	o := &outage{repository: s.newRepository("hello")}
	o.do(http.MethodPatch, o.api, map[string]any{"private": false}, nil) // anybody may see its pages
	o.runner = o.newGithubRunner(p, "gh")
	o.run = o.pushWorkflow(quick("gh"))
	o.job = o.runner.next()
	return o
}

// away kills the server, has something done, and starts the server again. Where the
// socket is held, that waits for the server. It is away for d in the full form.
func (o *outage) away(d time.Duration, what func()) {
	o.t.Helper()
	o.kill()
	killed := time.Now()
	done := make(chan struct{})
	if o.sockets == nil {
		what()
		close(done)
	} else {
		go func() {
			defer close(done)
			what()
		}()
		o.runner.untilWaiting()
	}
	if awayFull() {
		time.Sleep(time.Until(killed.Add(d)))
	}
	o.launch()
	<-done
	o.ready()
}

// printed begins a step and prints some lines.
func (j *githubJob) printed(name string) *githubStep {
	s := j.step(name)
	for i := range 20 {
		s.print(fmt.Sprintf("%s: line %d", name, i+1))
	}
	return s
}

// wantWhole checks that the logs of steps, the log of the job and the archive have what
// the steps printed, and nothing else.
func (o *outage) wantWhole(j *job) {
	o.t.Helper()
	logs := stepLogs(o.t, o.read(fmt.Sprintf("%s/actions/runs/%d/logs", o.api, o.run.ID)))
	var all strings.Builder
	for _, s := range o.job.steps {
		text := s.log.text()
		all.WriteString(text)
		got, noted := withoutNotes(logs[path.Join("only", fmt.Sprint(s.result.Number))])
		if lost := slices.Contains(o.job.lost, "log of "+s.result.Name); got != text || noted != lost {
			o.t.Errorf("log of %q in the archive has %d bytes, want %d; says that it did not arrive: %t, want %t\n%.500s", s.result.Name, len(got), len(text), noted, lost, got)
		}
	}
	if got, _ := withoutNotes(string(o.read(fmt.Sprintf("%s/actions/jobs/%d/logs", o.api, j.ID)))); got != all.String() {
		o.t.Errorf("log of the job has %d bytes, want %d:\n%.2000s", len(got), all.Len(), got)
	}
}

// withoutNotes is a log without the lines by which the server says that the log of a step,
// or a part of it, did not arrive, and whether there are any.
func withoutNotes(log string) (text string, noted bool) {
	var b strings.Builder
	for line := range strings.Lines(log) {
		if strings.Contains(line, "log of this step did not arrive.") {
			noted = true
			continue
		}
		b.WriteString(line)
	}
	return b.String(), noted
}

// wantSummaries checks that the page of the run has the summaries.
func (o *outage) wantSummaries(texts ...string) {
	o.t.Helper()
	o.page(fmt.Sprintf("/%s/actions/runs/%d", o.name, o.run.ID)).has(texts...)
}

// Behind a socket that outlives the server, what asks meanwhile waits: nothing is lost,
// however long the server is away.
func TestNothingIsLostOfAJobWhileTheSocketOutlivesTheServer(t *testing.T) {
	for _, d := range []time.Duration{5 * time.Second, 45 * time.Second} {
		t.Run(d.String(), func(t *testing.T) {
			if d > 5*time.Second && !awayFull() {
				t.Skip("the same, unless UNDERSTUDY_TEST_AWAY is full")
			}
			t.Parallel()
			o := newOutage(t, true)
			o.job.printed("one").end(wire.Succeeded, "summary of one")
			two := o.job.printed("two")
			o.away(d, func() { two.end(wire.Succeeded, "summary of two") })
			three := o.job.printed("three")
			three.end(wire.Succeeded, "")
			var err error
			o.away(d, func() { err = o.job.finish(wire.Succeeded) })
			if n := o.runner.refused.Load(); err != nil || n > 0 || len(o.job.lost) > 0 {
				t.Errorf("completed: %v; %d calls were refused, and lost were %q", err, n, o.job.lost)
			}
			j := o.conclude(o.run, "success")
			o.wantWhole(j)
			o.wantSummaries("summary of one", "summary of two")
		})
	}
}

// A refused connection is not tried again: a step that ends meanwhile has no log of its
// own for ever. Its lines are in the log of the job.
func TestAServerThatIsAwayForAShortTimeLosesNoLineOfAStepThatEndsMeanwhile(t *testing.T) {
	t.Parallel()
	o := newOutage(t, false)
	o.job.printed("one").end(wire.Succeeded, "summary of one")
	two := o.job.printed("two")
	o.away(5*time.Second, func() { two.end(wire.Succeeded, "summary of two") })
	if want := []string{"log of two", "summary of two", "state of two"}; !slices.Equal(o.job.lost, want) {
		t.Fatalf("lost were %q, want %q: the runner is none of GitHub's", o.job.lost, want)
	}
	o.job.printed("three").end(wire.Succeeded, "")
	if err := o.job.finish(wire.Succeeded); err != nil {
		t.Error(err)
	}
	o.wantWhole(o.conclude(o.run, "success"))
	o.wantSummaries("summary of one")
}

// A job that cannot be renewed is given up. When the server is back, people must read
// when it was away, and not that somebody cancelled.
func TestAJobThatWasGivenUpWhileTheServerWasAwayHasFailedAndSaysWhy(t *testing.T) {
	t.Parallel()
	o := newOutage(t, false)
	one, two := o.job.printed("one"), (*githubStep)(nil)
	one.end(wire.Succeeded, "summary of one")
	two = o.job.printed("two")
	completed := make(chan error, 1)
	o.away(45*time.Second, func() {
		<-o.job.gaveUp
		two.end(wire.Canceled, "")
		go func() { completed <- o.job.finish(wire.Canceled) }()
		if !awayFull() { // until nobody could have been silent by chance
			time.Sleep(awayLease / 2)
		}
	})
	if err := <-completed; err != nil {
		t.Error(err)
	}
	j := o.conclude(o.run, "failure")
	if notes := o.annotations(j); len(notes) != 1 || !strings.Contains(notes[0], "The runner github-gh could not reach the server, which was away from 20") {
		t.Errorf("annotations %q, want one that says from when to when the runner could not reach the server", notes)
	}
	log := string(o.read(fmt.Sprintf("%s/actions/jobs/%d/logs", o.api, j.ID)))
	if !strings.Contains(log, one.log.text()) {
		t.Errorf("the log of the job has not what was uploaded:\n%s", log)
	}
	if !strings.Contains(log, "The log of this step did not arrive.") || !strings.Contains(log, "The server was away from 20") {
		t.Errorf("the log of the job does not say what is missing:\n%s", log)
	}
	o.wantSummaries("summary of one")
}

func TestAJobWhoseWorkerWasKilledSaysSoAndShowsWhatCame(t *testing.T) {
	t.Parallel()
	o := newOutage(t, false)
	one := o.job.printed("one")
	one.end(wire.Succeeded, "summary of one")
	o.job.printed("two")
	if err := o.job.killed(); err != nil {
		t.Error(err)
	}
	j := o.conclude(o.run, "failure")
	if notes := o.annotations(j); len(notes) != 1 || !strings.Contains(notes[0], "The runner's worker process ended unexpectedly") {
		t.Errorf("annotations %q, want one that says that the worker process ended", notes)
	}
	log := string(o.read(fmt.Sprintf("%s/actions/jobs/%d/logs", o.api, j.ID)))
	if !strings.Contains(log, one.log.text()) {
		t.Errorf("the log of the job has not what was uploaded:\n%s", log)
	}
	o.wantSummaries("summary of one")
}

// After a restart GitHub's runner shows no lines for ten minutes.
func TestThePageOfAJobSaysThatARestartEndedItsLiveView(t *testing.T) {
	t.Parallel()
	o := newOutage(t, false)
	one := o.job.printed("one")
	until(t, "the runner shows no lines", func() bool { return o.job.shown() > 0 })
	o.away(0, func() { until(t, "the runner looks for the server", func() bool { return o.job.gaveUpLive() }) })
	path := fmt.Sprintf("/%s/actions/runs/%d/job/%d", o.name, o.run.ID, o.repository.job(o.run).ID)
	until(t, "the page does not say that the live view is gone", func() bool {
		return strings.Contains(string(o.page(path).body), "The live view of this job is gone")
	})
	one.end(wire.Succeeded, "")
	o.page(path).has("one: line 20")
	if err := o.job.finish(wire.Succeeded); err != nil {
		t.Error(err)
	}
	j := o.conclude(o.run, "success")
	if strings.Contains(string(o.page(path).body), "live view") {
		t.Error("the page of a job that is over speaks of its live view")
	}
	o.wantWhole(j)
}
