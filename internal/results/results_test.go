package results_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// The official runner's way: see LOG-3.
func TestLogInPiecesIsWhole(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.Job("build")
		small, long := s.Step(j, 1, "Set up job"), s.Step(j, 2, "Run")
		first := s.stepURL(j, strings.ToUpper(long.GUID))
		s.put(first, "")
		s.put(first+appendQuery, bom+"one\n")
		s.put(s.stepURL(j, long.GUID)+appendQuery, bom+"two\n")
		s.put(s.stepURL(j, long.GUID)+sealQuery, bom+"three\n")
		s.put(first, "") // creation again wipes nothing
		s.put(s.stepURL(j, small.GUID), bom+"zero\n")
		for _, m := range []struct {
			method string
			step   string
		}{{wire.CreateStepLogs, long.GUID}, {wire.CreateJobLogs, ""}} {
			var ok wire.OKResponse
			s.call(j, wire.ReceiverPrefix+m.method, wire.LogsMetadata{ResultsIDs: s.ids(j), StepID: m.step, LineCount: 3}, &ok)
			if !ok.OK {
				t.Errorf("%s is not ok", m.method)
			}
		}
		s.wantLog(j, "zero\none\ntwo\nthree\n")
		s.put(s.jobURL(j), bom+"all\n")
		s.wantLog(j, "zero\none\ntwo\nthree\n")
		other := s.Job("other")
		s.put(s.jobURL(other), bom+"all\n")
		s.wantLog(other, "all\n")
	})
}

func TestRepeatedRequestsAfterLostAnswersDoubleNothing(t *testing.T) {
	s := newServer(t)
	j := s.Job("build")
	step := s.Step(j, 1, "Run")
	whole, piece := s.stepURL(j, step.GUID), s.stepURL(j, step.GUID)
	for range 3 {
		s.put(whole, "one\n")
		s.put(piece+appendQuery, "two\n")
	}
	s.put(piece+sealQuery, "three\n") // another one to the same URL
	s.put(piece+sealQuery, "three\n")
	s.wantLog(j, "one\ntwo\nthree\n")
}

// The independent Go runner calls what it prints before the first step a step
// whose id is the job's, and sends the same lines with the job's log (LOG-3).
func TestStepWithTheJobsIDIsNotTheJobsLog(t *testing.T) {
	s := newServer(t)
	j := s.Job("build")
	step := s.Step(j, 1, "Run")
	s.put(s.stepURL(j, j.GUID)+sealQuery, "hello\n")
	s.put(s.stepURL(j, step.GUID)+sealQuery, "step\n")
	s.wantLog(j, "hello\nstep\n")
	s.put(s.jobURL(j)+sealQuery, "hello\nstep\n")
	s.wantLog(j, "hello\nstep\n")
	early := s.Job("ended before its first step")
	s.put(s.stepURL(early, early.GUID)+sealQuery, "hello\n")
	s.put(s.jobURL(early)+sealQuery, "hello\nbye\n")
	s.wantLog(early, "hello\nbye\n")
}

// The server was away when the second step ended: its runner did not try again, and sent
// the log of the whole job when that ended (LOG-6).
func TestTheLogOfTheJobFillsInForAStepWhoseUploadFailed(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j, begin := s.Job("build"), time.Date(2026, 11, 20, 12, 43, 29, 0, time.UTC)
		var steps []*actions.Step
		for i, name := range []string{"Set up job", "Run make", "Complete job"} {
			steps = append(steps, s.Ran(j, i+1, name, begin.Add(time.Duration(i)*time.Minute), begin.Add(time.Duration(i+1)*time.Minute)))
		}
		s.put(s.stepURL(j, steps[0].GUID), bom+"2026-11-20T12:43:29.1000000Z up\n")
		s.put(s.stepURL(j, steps[2].GUID), bom+"2026-11-20T12:45:29.1000000Z down\n")
		whole := "2026-11-20T12:43:29.1000001Z up\n2026-11-20T12:44:29.1000001Z made\n2026-11-20T12:45:29.1000001Z down\n"
		url := s.jobURL(j)
		for range 2 { // the answer to the first was lost
			s.put(url, bom+whole)
		}
		s.Complete(j, time.Now())
		made := "2026-11-20T12:44:29.1000001Z made\n" +
			"2026-11-20T12:45:29.0000000Z ##[notice]The log of this step did not arrive. These are its lines in the log of the job.\n"
		s.wantLog(j, "2026-11-20T12:43:29.1000000Z up\n"+made+"2026-11-20T12:45:29.1000000Z down\n")
		archive, err := s.Results.RunLogURL(t.Context(), s.URL, s.Run, 1)
		if err != nil {
			t.Fatal(err)
		}
		body := s.get(archive)
		z, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
		if err != nil {
			t.Fatal(err)
		}
		file, err := z.Open("build/2_Run make.txt")
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(file); err != nil || string(text) != made {
			t.Errorf("in the archive: %q, %v", text, err)
		}
	})
}

func TestRequestWithIDsOfAnotherJobIsForbidden(t *testing.T) {
	s := newServer(t)
	j, other := s.Job("build"), s.Job("test")
	foreignRun := s.ids(j)
	foreignRun.RunID = uuid.NewString()
	for name, method := range map[string]string{
		"step logs": wire.GetStepLogsURL, "job logs": wire.GetJobLogsURL, "summary": wire.GetStepSummaryURL, "diagnostics": wire.GetJobDiagnosticsURL,
		"step metadata": wire.CreateStepLogs, "job metadata": wire.CreateJobLogs, "summary metadata": wire.CreateStepSummary,
	} {
		for who, ids := range map[string]wire.ResultsIDs{"other job": s.ids(other), "other run": foreignRun, "nobody": {}} {
			in := wire.BlobURLRequest{ResultsIDs: ids, StepID: uuid.NewString()}
			if status, code := s.call(j, wire.ReceiverPrefix+method, in, nil); status != http.StatusForbidden || code != "permission_denied" {
				t.Errorf("%s of %s: %d %s", name, who, status, code)
			}
		}
	}
	in := wire.StepsUpdateRequest{ResultsIDs: s.ids(other), ChangeOrder: 1}
	if status, _ := s.call(j, wire.StepsUpdatePath, in, nil); status != http.StatusForbidden {
		t.Errorf("steps update: %d", status)
	}
	if n := s.Kept(); n != 0 {
		t.Errorf("%d blobs are left", n)
	}
}

func TestCallsThatCannotBeServed(t *testing.T) {
	s := newServer(t)
	j := s.Job("build")
	good, at := wire.BlobURLRequest{ResultsIDs: s.ids(j), StepID: uuid.NewString()}, "/"+wire.ReceiverPrefix+wire.GetStepLogsURL
	deleted := *j
	deleted.ID = 4711
	other := *j
	other.GUID = uuid.NewString()
	for _, c := range []struct {
		name, token, path string
		in                any
		status            int
		code              string
	}{
		{"doubled slashes", s.token(j), "//twirp" + strings.TrimPrefix(at, "/twirp") + "/", good, 200, ""},
		{"no such method", s.token(j), "/twirp/results.services.receiver.Receiver/GetLogs", good, 404, "bad_route"},
		{"no such service", s.token(j), "/twirp/github.actions.results.Results.v1.ArtifactService/MigrateArtifact", good, 404, "bad_route"},
		{"no token", "", at, good, 401, "unauthenticated"},
		{"no JWT", "ghs_x", at, good, 401, "unauthenticated"},
		{"token of a deleted job", s.token(&deleted), at, good, 401, "unauthenticated"},
		{"token of another GUID", s.token(&other), at, good, 401, "unauthenticated"},
		{"not JSON", s.token(j), at, json.RawMessage(`[1]`), 400, "invalid_argument"},
		{"no step", s.token(j), at, wire.BlobURLRequest{ResultsIDs: s.ids(j)}, 400, "invalid_argument"},
		{"step that climbs", s.token(j), at, wire.BlobURLRequest{ResultsIDs: s.ids(j), StepID: "../../x"}, 400, "invalid_argument"},
		{"step in braces", s.token(j), at, wire.BlobURLRequest{ResultsIDs: s.ids(j), StepID: "{" + uuid.NewString() + "}"}, 400, "invalid_argument"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if status, code := s.callAs(c.token, c.path, c.in, nil); status != c.status || code != c.code {
				t.Errorf("got %d %s, want %d %s", status, code, c.status, c.code)
			}
		})
	}
}

func TestEndedJobMayOnlyFinishItsUploads(t *testing.T) {
	s := newServer(t)
	j := s.Job("build")
	step := s.Step(j, 1, "Run")
	url := s.stepURL(j, step.GUID)
	s.Complete(j, s.Now())
	s.Pass(time.Minute)
	s.put(url, "late\n")
	s.put(s.stepURL(j, step.GUID), "later\n")
	url = s.stepURL(j, step.GUID)
	s.Pass(2 * time.Minute)
	in := wire.BlobURLRequest{ResultsIDs: s.ids(j), StepID: step.GUID}
	if status, code := s.call(j, wire.ReceiverPrefix+wire.GetStepLogsURL, in, nil); status != http.StatusPreconditionFailed || code != "failed_precondition" {
		t.Errorf("call: %d %s", status, code)
	}
	if status, _ := s.send(http.MethodPut, url, "too late\n"); status != http.StatusConflict {
		t.Errorf("PUT: %d", status)
	}
	s.wantLog(j, "late\nlater\n")
}

func TestSignedURLThatWasAlteredIsRefused(t *testing.T) {
	s := newServer(t)
	j := s.Job("build")
	step := s.Step(j, 1, "Run")
	url := s.stepURL(j, step.GUID)
	for i := len(s.URL) + 1; i < len(url); i++ {
		for _, c := range []byte{'A', '1', '/', '&', '.', '~'} {
			if url[i] == c {
				continue
			}
			altered := url[:i] + string(c) + url[i+1:]
			if a := s.Do(http.MethodPut, altered, "", "x"); a.StatusCode != http.StatusForbidden && a.StatusCode != http.StatusNotFound {
				t.Errorf("%d for %s", a.StatusCode, altered)
			}
		}
	}
	for name, c := range map[string]struct{ method, url string }{
		"other method":    {http.MethodGet, url},
		"DELETE":          {http.MethodDelete, url},
		"second object":   {http.MethodPut, url + "&object=1.x.1"},
		"encoded object":  {http.MethodPut, url + "&%6fbject=1.x.1"},
		"encoded path":    {http.MethodPut, strings.Replace(url, "/logs/", "/%6cogs/", 1)},
		"other purpose":   {http.MethodPut, strings.Replace(url, "/logs/log", "/logs/summary", 1)},
		"nothing signed":  {http.MethodPut, s.URL + "/_blobs/logs/log"},
		"not our version": {http.MethodGet, s.URL + "/_blobs/logs/job-logs?object=1.1"},
	} {
		if status, code := s.send(c.method, c.url, "x"); status != http.StatusForbidden || code != "AuthenticationFailed" {
			t.Errorf("%s: %d %s", name, status, code)
		}
	}
	if n := s.Kept(); n != 0 {
		t.Errorf("%d blobs are left", n)
	}
	s.Pass(31 * time.Minute)
	if status, code := s.send(http.MethodPut, url, "x"); status != http.StatusForbidden || code != "AuthenticationFailed" {
		t.Errorf("expired: %d %s", status, code)
	}
}

func TestUploadsThatAreRefusedLeaveNothing(t *testing.T) {
	limits := logs.DefaultLimits()
	limits.Part, limits.Summary = 100, 10
	s := newServer(t, servertest.WithDeps(func(d *servertest.Deps) { d.Limits.Logs = limits }))
	j := s.Job("build")
	step := s.Step(j, 1, "Run")
	url := s.stepURL(j, step.GUID)
	for query, body := range map[string]string{"&comp=block&blockid=x": "x", "&comp=blocklist": "x", appendQuery + appendQuery: "x", "&comp=appendblock;": "x"} {
		if status, code := s.send(http.MethodPut, url+query, body); status != http.StatusBadRequest || code != "InvalidQueryParameterValue" {
			t.Errorf("%s: %d %s", query, status, code)
		}
	}
	long := strings.Repeat("x", 101)
	if status, code := s.send(http.MethodPut, url, long); status != http.StatusRequestEntityTooLarge || code != "RequestBodyTooLarge" {
		t.Errorf("too long: %d %s", status, code)
	}
	chunked := s.Do(http.MethodPut, url+appendQuery, "", io.MultiReader(strings.NewReader(long)))
	if chunked.StatusCode != http.StatusRequestEntityTooLarge || chunked.Header.Get("x-ms-error-code") != "RequestBodyTooLarge" {
		t.Errorf("too long, in chunks: %d %v", chunked.StatusCode, chunked.Header)
	}
	if n := s.Kept(); n != 0 {
		t.Errorf("%d blobs are left", n)
	}
}

func TestSummaryAndItsLimit(t *testing.T) { // LOG-1
	s := newServer(t)
	j := s.Job("build")
	step := s.Step(j, 1, "Run")
	var made wire.SummaryURLResponse
	in := wire.BlobURLRequest{ResultsIDs: s.ids(j), StepID: step.GUID}
	if status, code := s.call(j, wire.ReceiverPrefix+wire.GetStepSummaryURL, in, &made); status != http.StatusOK || made.SoftSizeLimit <= 1<<20 {
		t.Fatalf("%d %s: %+v", status, code, made)
	}
	s.put(made.SummaryURL, "# Summary\n")
	s.put(made.SummaryURL, "# Summary\n")
	var ok wire.OKResponse
	if s.call(j, wire.ReceiverPrefix+wire.CreateStepSummary, wire.SummaryMetadata{ResultsIDs: s.ids(j), StepID: step.GUID, Size: 10}, &ok); !ok.OK {
		t.Error("metadata are not ok")
	}
	list, err := s.Logs.Summaries(t.Context(), s.Run.ID, 1)
	if err != nil || len(list) != 1 || list[0].JobID != j.ID || list[0].Step != step.GUID {
		t.Fatalf("%+v, %v", list, err)
	}
	if got, err := s.Logs.ReadSummary(t.Context(), list[0].Key); err != nil || got != "# Summary\n" {
		t.Errorf("%q, %v", got, err)
	}
	whole := strings.Repeat("x", 1<<20) // a runner ends its line
	s.put(made.SummaryURL, whole+"\n")
	if list, err = s.Logs.Summaries(t.Context(), s.Run.ID, 1); err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if got, err := s.Logs.ReadSummary(t.Context(), list[0].Key); err != nil || got != whole+"\n" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// A runner tells nobody when the server does not want a summary.
func TestTheRunSaysThatASummaryIsTooLarge(t *testing.T) {
	for title, size := range map[string]int{"": 2 << 20, "far": 5 << 20} {
		for way, body := range map[string]func(string) io.Reader{
			"with its length": func(text string) io.Reader { return strings.NewReader(text) },
			"in chunks":       func(text string) io.Reader { return io.MultiReader(strings.NewReader(text)) },
		} {
			t.Run(title+" too large, "+way, func(t *testing.T) {
				s := newServer(t)
				j := s.Job("build")
				step := s.Step(j, 3, "Run tests")
				var made wire.SummaryURLResponse
				s.call(j, wire.ReceiverPrefix+wire.GetStepSummaryURL, wire.BlobURLRequest{ResultsIDs: s.ids(j), StepID: step.GUID}, &made)
				for range 2 { // it may try again
					if a := s.Do(http.MethodPut, made.SummaryURL, "", body(strings.Repeat("x", size))); a.StatusCode != http.StatusRequestEntityTooLarge {
						t.Fatalf("%d, want 413", a.StatusCode)
					}
				}
				list, _, err := s.Store.Annotations(t.Context(), j.ID, store.Page{Number: 1, Size: 10})
				if err != nil || len(list) != 1 || list[0].StepNumber != 3 || list[0].Level != actions.LevelFailure ||
					list[0].Message != "The summary of step 3 (Run tests) is not kept: $GITHUB_STEP_SUMMARY supports content up to a size of 1024k." {
					t.Errorf("%+v, %v", list, err)
				}
			})
		}
	}
}

func TestDiagnosticsOfARunnerAreInTheArchive(t *testing.T) {
	s := newServer(t)
	j := s.Job("build / linux")
	step := s.Step(j, 1, "Run")
	s.Must(s.Logs.PutPart(t.Context(), j, step.GUID, 1, strings.NewReader("one\n")))
	var to wire.DiagnosticsURLResponse
	s.call(j, wire.ReceiverPrefix+wire.GetJobDiagnosticsURL, wire.BlobURLRequest{ResultsIDs: s.ids(j)}, &to)
	s.put(to.DiagLogsURL, "PK first")
	s.put(to.DiagLogsURL, "\xEF\xBB\xBFPK\x00 second") // kept as it is
	archive := func() map[string]string {
		t.Helper()
		a, err := s.Logs.OpenArchive(t.Context(), s.Run, 0)
		s.Must(err)
		var b bytes.Buffer
		s.Must(a.Write(t.Context(), &b))
		z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
		s.Must(err)
		files := map[string]string{}
		for _, f := range z.File {
			text, err := fs.ReadFile(z, f.Name)
			s.Must(err)
			files[f.Name] = string(text)
		}
		return files
	}
	want := map[string]string{
		"0_build  linux.txt": "one\n", "build  linux/1_Run.txt": "one\n", "runner-diagnostic-logs/build  linux.zip": "\xEF\xBB\xBFPK\x00 second",
	}
	if d := cmp.Diff(want, archive()); d != "" {
		t.Error(d)
	}
	if status, _ := s.send(http.MethodPut, to.DiagLogsURL, strings.Repeat("x", 33<<20)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d", status)
	}
	var step2 wire.LogsURLResponse
	s.call(j, wire.ReceiverPrefix+wire.GetStepLogsURL, wire.BlobURLRequest{ResultsIDs: s.ids(j), StepID: store.DiagnosticsStep}, &step2)
	if status, _ := s.send(http.MethodPut, step2.LogsURL, "text"); status/100 != 4 {
		t.Errorf("a log of the step that stands for diagnostics: %d", status)
	}
	s.Complete(j, time.Now())
	s.Must(s.Store.Update(t.Context(), func(tx *store.Tx) error { return tx.DeleteLogs(t.Context(), s.Run.ID, time.Now()) }))
	if sent, err := s.Store.Diagnostics(t.Context(), s.Run.ID, 1); err != nil || len(sent) > 0 {
		t.Errorf("after the logs were deleted: %v, %v", sent, err)
	}
}

func TestDownloadsLiveForAMinute(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j, empty := s.Job("build"), s.Job("empty")
		step := s.Step(j, 1, "Run")
		urlOf := func(url string, err error) string {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return url
		}
		run, job, none := urlOf(s.Results.RunLogURL(t.Context(), s.URL, s.Run, 1)), urlOf(s.Results.JobLogURL(s.URL, j)), urlOf(s.Results.JobLogURL(s.URL, empty))
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			for _, url := range []string{run, job, none} {
				if status, code := s.send(method, url, ""); status != http.StatusNotFound || code != "BlobNotFound" {
					t.Errorf("before there is a log: %s %d %s", method, status, code)
				}
			}
		}
		s.put(s.stepURL(j, step.GUID), "<script>alert(1)</script>\n")
		status, _, h := s.ask(http.MethodHead, job, nil)
		if status != http.StatusOK || h.Get("Content-Type") != "text/plain; charset=utf-8" || h.Get("Content-Length") != "26" ||
			h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("HEAD: %d %v", status, h)
		}
		s.wantLog(j, "<script>alert(1)</script>\n")
		status, body, h := s.ask(http.MethodGet, run, nil)
		if want := fmt.Sprintf("attachment; filename=logs_%d.zip", s.Run.ID); status != http.StatusOK || h.Get("Content-Disposition") != want ||
			h.Get("Content-Type") != "application/zip" {
			t.Errorf("zip: %d %v", status, h)
		}
		z, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
		if err != nil || len(z.File) != 2 || z.File[1].Name != "build/1_Run.txt" {
			t.Errorf("zip: %v, %v", z, err)
		}
		s.Pass(time.Minute)
		for _, url := range []string{run, job} {
			if status, _ := s.send(http.MethodGet, url, ""); status != http.StatusForbidden {
				t.Errorf("after a minute: %d", status)
			}
		}
	})
}

func TestLogThatBreaksOffIsNotTakenForAWhole(t *testing.T) {
	s := newServer(t)
	j := s.Job("build")
	step := s.Step(j, 1, "Run")
	for range 2 {
		s.put(s.stepURL(j, step.GUID), strings.Repeat("x", 1<<20))
	}
	parts, err := s.Store.StepLog(t.Context(), j.ID, step.GUID)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Blobs.Delete(t.Context(), parts[1].Blob); err != nil {
		t.Fatal(err)
	}
	for _, make := range []func() (string, error){
		func() (string, error) { return s.Results.JobLogURL(s.URL, j) },
		func() (string, error) { return s.Results.RunLogURL(t.Context(), s.URL, s.Run, 1) },
	} {
		url, err := make()
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.Client.Do(req)
		if err != nil {
			continue
		}
		if n, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Errorf("%d bytes passed for the whole", n)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := s.Blobs.Delete(t.Context(), parts[0].Blob); err != nil {
		t.Fatal(err)
	}
	url, err := s.Results.JobLogURL(s.URL, j)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := s.send(http.MethodGet, url, ""); status != http.StatusGone {
		t.Errorf("log whose bytes are gone: %d", status)
	}
}
