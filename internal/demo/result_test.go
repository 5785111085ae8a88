package demo

import (
	"archive/zip"
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSummaryOfThePageIsText(t *testing.T) {
	const page = `<!doctype html><title>x</title><script src=a defer></script>
<section class="box md"><h2>report <small>summary</small></h2>
<h2>hello 1.0.0</h2>
<table><thead><tr><th>program</th><th>digest</th></tr></thead>
<tbody><tr><td>hello-en</td><td><code>75eddb</code></td></tr>
<tr><td>hello-français</td><td>1 &lt; 2 &amp;&nbsp;so</td></tr></tbody></table>
<ul><li>one</li><li><p>two</p></li></ul>
<p>Commit <code>abc</code>
<br>on <strong>main</strong>.</p>
</section><p>not this</p><section class="box md"><p>another</p></section>`
	const want = `hello 1.0.0

program          digest
──────────────   ──────────
hello-en         75eddb
hello-français   1 < 2 & so
- one
- two

Commit abc on main.

another
`
	got, err := summaryOf(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSummaryThatIsNotThereIsNoText(t *testing.T) {
	if got, err := summaryOf("<p>a page</p>"); got != "" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := summaryOf(sectionStart + "<p>broken off"); err == nil {
		t.Errorf("got %q", got)
	}
}

func TestSummaryMustUseBothOutputs(t *testing.T) {
	digest := strings.Repeat("0a", 20)
	good := "hello-en   " + digest + "\nhello-de   " + digest + "\nhello-fr   " + digest + "\n20 tests passed\n"
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"all of it":       {good, true},
		"nothing":         {"", false},
		"no digest":       {strings.Replace(good, digest, "", 1), false},
		"no test results": {strings.Replace(good, "20", "", 1), false},
	} {
		if err := checkSummary(c.text); (err == nil) != c.want {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// someBook is the logs of one job, whose steps ran for 10, 30 and 5 ms.
func someBook(t *testing.T) (logbook, []job) {
	t.Helper()
	entries := map[string]string{
		"0_build (en).txt":                        "\ufeff2026-11-20T12:00:00.1000000Z a\n2026-11-20T12:00:00.1100000Z b\n2026-11-20T12:00:00.1450000Z built dist/hello-en\n",
		"build (en)/1_Set up job.txt":             "2026-11-20T12:00:00.1000000Z a\n",
		"build (en)/2_Run actionscheckout@v5.txt": "2026-11-20T12:00:00.1100000Z b\n",
		"build (en)/3_Complete job.txt":           "2026-11-20T12:00:00.1400000Z c\n2026-11-20T12:00:00.1450000Z d\n",
		"1_other.txt":                             "no times here\n",
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(entries[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	book, err := readLogbook(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	done := step{Status: completed, Conclusion: success}
	steps := []step{done, done, done}
	for i, name := range []string{"Set up job", "Run actions/checkout@v5", "Complete job"} {
		steps[i].Number, steps[i].Name = i+1, name
	}
	return book, []job{{Name: "build (en)", Status: completed, Conclusion: success, Steps: steps}, {Name: "other"}}
}

func TestTimesComeFromTheLogs(t *testing.T) {
	book, jobs := someBook(t)
	book.exact(jobs)
	var got []time.Duration
	for _, s := range jobs[0].Steps {
		got = append(got, s.lasted(time.Time{})/time.Millisecond)
	}
	if diff := cmp.Diff([]time.Duration{10, 30, 5}, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if got, want := jobs[0].lasted(time.Time{}), 45*time.Millisecond; got != want {
		t.Errorf("job: got %v, want %v", got, want)
	}
	first := time.Date(2026, 11, 20, 12, 0, 0, 1e8, time.UTC)
	if began, ended := extent(jobs); !began.Equal(first) || !ended.Equal(first.Add(45*time.Millisecond)) {
		t.Errorf("run: got %v to %v", began, ended)
	}
}

func TestLatencyIsNeverNegative(t *testing.T) {
	pushed := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		first time.Time
		want  string
	}{
		{pushed.Add(12 * time.Millisecond), "12 ms after git push returned"},
		{pushed.Add(-3 * time.Millisecond), "0 ms after git push returned: it began 3 ms before"},
		{time.Time{}, "never began"},
	} {
		if got := latency(c.first, pushed); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestLogsMustHoldEachStepAndNoToken(t *testing.T) {
	book, jobs := someBook(t)
	f := &frame{jobs: jobs[:1]}
	entire := checkLogs(book, f).Error()
	if strings.Contains(entire, "step") || strings.Contains(entire, "(en)") {
		t.Errorf("a whole archive: %s", entire)
	}
	delete(book, "build (en)/1_Set up job.txt")
	book["1_other.txt"] = "token: ghs_abc"
	err := checkLogs(book, f).Error()
	for _, want := range []string{"none of step 1 of job build (en)", "1_other.txt shows the job's token"} {
		if !strings.Contains(err, want) {
			t.Errorf("%q is missing in:\n%s", want, err)
		}
	}
}

func TestRunMustHaveAllJobsAndTheirSuccess(t *testing.T) {
	f := &frame{run: run{Conclusion: success}}
	for _, name := range sampleJobs {
		f.jobs = append(f.jobs, job{Name: name, Conclusion: success})
	}
	if err := checkRun(f); err != nil {
		t.Errorf("all well: %v", err)
	}
	f.jobs[3].Conclusion = cancelled
	if err := checkRun(f); err == nil || !strings.Contains(err.Error(), "test cancelled") {
		t.Errorf("cancelled job: %v", err)
	}
	f.jobs = f.jobs[:3]
	if err := checkRun(f); err == nil || !strings.Contains(err.Error(), "report missing") {
		t.Errorf("missing job: %v", err)
	}
}

func TestTailShowsTheEndWithoutTimes(t *testing.T) {
	const text = "2026-11-20T12:00:00.1Z one\n2026-11-20T12:00:00.2Z \x1b[31mtwo\x1b[0m\tx\nthree\n"
	if diff := cmp.Diff([]string{"two    x", "three"}, tail(text, 2)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFailedStepShowsTheEndOfItsLog(t *testing.T) {
	book, jobs := someBook(t)
	jobs[0].Conclusion, jobs[0].Steps[2].Conclusion = failure, failure
	var out bytes.Buffer
	d := &demo{t: &Terminal{Out: &out}}
	d.failures(&frame{jobs: jobs}, book)
	if diff := cmp.Diff("\nbuild (en) › Complete job\n  c\n  d\n", out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
