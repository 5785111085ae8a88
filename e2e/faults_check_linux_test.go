package e2e_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// check waits for all runs to end, and compares what is there with what was
// answered.
func (l *load) check() {
	l.t.Helper()
	l.t.Logf("%s: %s; refused: %v", l.name, l, l.refused)
	var all []run
	until(l.t, "runs do not end", func() bool {
		all = l.runs()
		return !slices.ContainsFunc(all, func(one run) bool { return one.Status != "completed" })
	})
	l.checkSets(all)
	ends := map[string]int{}
	for i := range all {
		ends[all[i].Conclusion]++
		l.checkRun(&all[i])
	}
	l.t.Logf("%s: %d runs: %v", l.name, len(all), ends)
}

// checkSets checks that each push and dispatch that was answered has its runs, each
// other one none or all of them, and nobody two.
func (l *load) checkSets(all []run) {
	l.t.Helper()
	got := map[string]int{}
	for _, one := range all {
		if one.Event == "push" {
			got[one.SHA+" "+one.Path]++
		} else {
			got[one.Title]++
		}
	}
	check := func(what string, answered bool, names ...string) {
		l.t.Helper()
		var counts []int
		for _, name := range names {
			counts = append(counts, got[name])
			delete(got, name)
		}
		none, once := true, true
		for _, n := range counts {
			none, once = none && n == 0, once && n == 1
		}
		if !once && (answered || !none) {
			l.t.Errorf("%s: %s, answered %t, has runs %v", l.name, what, answered, counts)
		}
	}
	for sha, answered := range l.pushes {
		check("push of "+sha, answered, sha+" .github/workflows/lines.yml", sha+" .github/workflows/artifact.yml")
	}
	for id, answered := range l.dispatches {
		check(id, answered, id)
	}
	if len(got) > 0 {
		l.t.Errorf("%s: runs of nothing: %v", l.name, got)
	}
}

// A ranJob is a job as it is when it has ended.
type ranJob struct {
	job
	Started   time.Time `json:"started_at"`
	Completed time.Time `json:"completed_at"`
}

// checkRun checks that a run ended as it should have, and that what is left of it
// is whole.
func (l *load) checkRun(one *run) {
	l.t.Helper()
	var v struct{ Jobs []ranJob }
	l.do(http.MethodGet, fmt.Sprintf("%s/actions/runs/%d/jobs", l.api, one.ID), nil, &v)
	if len(v.Jobs) != 1 {
		l.t.Errorf("run %d has %d jobs", one.ID, len(v.Jobs))
		return
	}
	j := &v.Jobs[0]
	starts := l.started(one.ID)
	switch {
	case starts > 1:
		l.t.Errorf("job %d was started %d times", j.ID, starts)
	case j.Conclusion == "success" && starts == 0:
		l.t.Errorf("job %d has ended well and was never started", j.ID)
	case j.Conclusion == "success":
		l.checkLines(&j.job, pushedLines)
		if strings.HasSuffix(one.Path, "artifact.yml") {
			l.checkArtifact(one.ID)
		}
	case j.Conclusion == "cancelled" && l.cancelled[one.ID]:
	case j.Conclusion == "failure" && l.c.killed(j):
	default:
		l.t.Errorf("job %d of run %d on %s ended with %q from %s to %s; annotations %q",
			j.ID, one.ID, j.Runner, j.Conclusion, j.Started, j.Completed, l.annotations(&j.job))
	}
}

// killed says whether the runner of a job was killed while it ran. A kill costs one
// job at most.
func (c *campaign) killed(j *ranJob) bool {
	const second = time.Second // times of jobs are whole ones
	for _, v := range c.victims {
		for i, at := range v.kills {
			if v.name == j.Runner && at.After(j.Started.Add(-second)) && at.Before(j.Completed.Add(second)) {
				v.kills = slices.Delete(v.kills, i, i+1)
				return true
			}
		}
	}
	return false
}

// checkArtifact checks the one artifact of a run.
func (l *load) checkArtifact(id int64) {
	l.t.Helper()
	var v struct{ Artifacts []artifact }
	l.do(http.MethodGet, fmt.Sprintf("%s/actions/runs/%d/artifacts", l.api, id), nil, &v)
	if len(v.Artifacts) != 1 {
		l.t.Errorf("run %d has the artifacts %+v", id, v.Artifacts)
		return
	}
	var want bytes.Buffer
	for i := range artifactLines {
		fmt.Fprintf(&want, "%d %d\n", id, i+1)
	}
	got, err := onlyFile(l.download(&v.Artifacts[0]))
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		l.t.Errorf("the artifact of run %d has %d other bytes: %v", id, len(got), err)
	}
}

// onlyFile is the content of the only file of an archive.
func onlyFile(archive []byte) ([]byte, error) {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	if len(z.File) != 1 {
		return nil, fmt.Errorf("%d files", len(z.File))
	}
	f, err := z.File[0].Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// checkStarts checks that the server was ready within a second of each start, or
// within ten times what the first took, on a machine that is slow or busy.
func (c *campaign) checkStarts() {
	c.t.Helper()
	slices.Sort(c.starts)
	if n := len(c.starts); n > 0 {
		c.t.Logf("%d starts, until ready: median %v, longest %v", n, c.starts[n/2], c.starts[n-1])
	}
	for _, took := range c.starts {
		if took > max(time.Second, 10*c.first) {
			c.t.Errorf("the server was ready %v after a start", took)
		}
	}
}
