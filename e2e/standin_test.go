package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/wire"
)

// written waits until the lines that the job has shown live are where they outlive the
// server.
func (o *outage) written(last string) {
	o.t.Helper()
	until(o.t, "the lines are not written", func() bool {
		files, err := filepath.Glob(filepath.Join(o.data, "live", "*"))
		if err != nil {
			o.t.Fatal(err)
		}
		for _, name := range files {
			if text, err := os.ReadFile(name); err == nil && strings.Contains(string(text), last+"\n") {
				return true
			}
		}
		return false
	})
}

// The server is killed while people watch, and the worker too before it can send a log: what
// was shown is all that there ever was.
func TestLinesThatWereShownOutliveServerAndWorker(t *testing.T) { // LOG-6
	t.Parallel()
	o := newOutage(t, false)
	o.job.printed("one").end(wire.Succeeded, "")
	o.written("one: line 1") // so there is room for more
	two := o.job.step("two")
	two.print("two: line 1", "two: line 2", "two: line 3")
	o.written("two: line 3")
	o.away(5*time.Second, func() { two.end(wire.Succeeded, "summary of two") })
	if err := o.job.killed(); err != nil {
		t.Error(err)
	}
	j := o.conclude(o.run, "failure")
	path := fmt.Sprintf("/%s/actions/runs/%d/job/%d", o.name, o.run.ID, j.ID)
	archive := stepLogs(t, o.read(fmt.Sprintf("%s/actions/runs/%d/logs", o.api, o.run.ID)))
	for where, text := range map[string]string{
		"API":     string(o.read(fmt.Sprintf("%s/actions/jobs/%d/logs", o.api, j.ID))),
		"archive": archive["only/2"],
		"page":    string(o.page(path).body),
	} {
		for _, want := range []string{"two: line 1", "two: line 3", "The log of this step did not arrive. These are its lines as they were shown live", "The server was away from 20"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", where, want, text)
			}
		}
	}
	if page := o.page(fmt.Sprintf("/%s/actions/runs/%d", o.name, o.run.ID)); strings.Contains(string(page.body), "summary of two") {
		t.Error("a summary that never came is shown")
	}
}

// Nothing of a step that began and ended while the server was away is anywhere, and the
// job's log was lost, too.
func TestAStepOfWhichNothingCameSaysWhenTheServerWasAway(t *testing.T) { // LOG-6
	t.Parallel()
	o := newOutage(t, false)
	o.job.printed("one").end(wire.Succeeded, "")
	o.away(5*time.Second, func() {
		o.job.printed("two").end(wire.Succeeded, "")
		if err := o.job.uploadLog("", &o.job.log); err == nil {
			t.Error("the log of the job was not lost")
		}
		until(t, "the runner still tries to show lines", o.job.gaveUpLive) // one of its tries could find the server back
	})
	req := wire.CompleteJobRequest{Conclusion: wire.Succeeded}
	for _, s := range o.job.steps {
		req.StepResults = append(req.StepResults, s.result)
	}
	if err := o.job.complete(&req); err != nil {
		t.Error(err)
	}
	j := o.conclude(o.run, "success")
	log := string(o.read(fmt.Sprintf("%s/actions/jobs/%d/logs", o.api, j.ID)))
	if one := o.job.steps[0].log.text(); !strings.HasPrefix(log, one) || !strings.Contains(log, "The log of this step did not arrive. The server was away from 20") {
		t.Errorf("the log of the job is\n%s", log)
	}
	if strings.Count(log, "\n") != 21 {
		t.Errorf("want one line more than what came, not\n%s", log)
	}
	o.do(http.MethodDelete, fmt.Sprintf("%s/actions/runs/%d/logs", o.api, o.run.ID), nil, nil)
	if log, err := o.admin().Read(t.Context(), fmt.Sprintf("%s/actions/jobs/%d/logs", o.api, j.ID)); err == nil {
		t.Errorf("after the logs were deleted: %q", log)
	}
}

// The server was away for one of the pieces in which a long log comes.
func TestAPieceOfALongLogThatWasRefusedIsInTheLogOfTheJob(t *testing.T) { // LOG-6
	t.Parallel()
	o := newOutage(t, false)
	o.job.printed("short").end(wire.Succeeded, "")
	long := o.job.step("long")
	for i := range 5_000 {
		long.print(fmt.Sprintf("line %d%s", i+1, strings.Repeat("x", 1_000)))
	}
	upload := func(i int) error { return o.job.uploadPiece(wire.GetStepLogsURL, long.result.ExternalID, &long.log, i) }
	if err := upload(0); err != nil {
		t.Fatal(err)
	}
	o.away(5*time.Second, func() {
		if err := upload(1); err == nil {
			t.Error("a server that was killed took a piece")
		}
	})
	if err := upload(2); err != nil {
		t.Fatal(err)
	}
	o.job.lost = append(o.job.lost, "log of long")
	long.result.Status, long.result.Conclusion, long.result.CompletedAt = wire.Completed, wire.Succeeded, wire.At(time.Now())
	long.update(wire.StepCompleted, wire.StepSuccess)
	if err := o.job.finish(wire.Succeeded); err != nil {
		t.Error(err)
	}
	o.wantWhole(o.conclude(o.run, "success"))
}
