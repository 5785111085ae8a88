package web_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/web"
)

// archived is a zip file of names and texts in turn.
func archived(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// addArtifact adds an artifact of a job below the services, which would refuse the
// names of some.
func (ts *testSite) addArtifact(j *actions.Job, name, contentType string, body []byte, change func(*actions.Artifact)) *actions.Artifact {
	ts.Helper()
	ctx := ts.Context()
	a := &actions.Artifact{
		RepoID: j.RepoID, RunID: j.RunID, Attempt: j.Attempt, JobID: j.ID, Name: name, ContentType: contentType,
		CreatedAt: time.Now(), UpdatedAt: time.Now(), ExpiresAt: time.Now().Add(90*24*time.Hour + time.Minute),
	}
	if change != nil {
		change(a)
	}
	ts.update(func(tx *store.Tx) (err error) {
		if a.ObjectID, err = ts.Objects.Begin(ctx, tx, j.RepoID, 1<<30); err != nil {
			return err
		}
		return tx.CreateArtifact(ctx, a, 1000)
	})
	ts.Must(ts.Objects.PutWhole(ctx, a.ObjectID, bytes.NewReader(body), int64(len(body))))
	sum, err := ts.Objects.Finish(ctx, a.ObjectID)
	ts.Must(err)
	a.Size, a.Digest = sum.Size, "sha256:"+sum.SHA256
	ts.update(func(tx *store.Tx) error {
		if err := ts.Objects.Seal(ctx, tx, a.ObjectID, sum); err != nil {
			return err
		}
		_, _, err := tx.PublishArtifact(ctx, a)
		return err
	})
	return a
}

func (s *sample) artifactPath(a *actions.Artifact) string {
	return fmt.Sprintf("%s/artifacts/%d", runPath(pathOf(s.repo), s.done.ID), a.ID)
}

// contains fails the test for each text that a page lacks.
func contains(t *testing.T, body string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("there is no %q in\n%s", text, body)
		}
	}
}

func TestTheRunPageListsArtifacts(t *testing.T) {
	s := newSample(t, plain)
	at, run := s.artifactPath(s.dist), runPath(pathOf(s.repo), s.done.ID)
	page := s.signedIn(s.owner).get(run).body
	contains(t, page, `Artifacts <small>4</small>`, `<a href="`+at+`">dist</a>`, `href="`+at+`/files"`, `action="`+at+`/delete"`,
		`title="`+s.dist.Digest+`"`, web.BytesText(s.dist.Size), ">in 90 days</time>", `class="expired"`, `<span class="label">Expired</span>`)
	if strings.Contains(page, fmt.Sprintf(`/artifacts/%d"`, s.dist.ID+3)) {
		t.Error("an artifact that has expired has a link")
	}
	for who, b := range map[string]*browser{"nobody": s.browser(), "a reader": s.signedIn(s.User("reader"))} {
		page := b.get(run).body
		contains(t, page, "dist", s.dist.Digest)
		if strings.Contains(page, "/delete") || strings.Contains(page, `<a href="`+at) == (who == "nobody") {
			t.Errorf("%s gets\n%s", who, page)
		}
	}
	if page := s.browser().get(runPath(pathOf(s.repo), s.running.ID)).body; strings.Contains(page, "Artifacts") {
		t.Error("a run without artifacts has a list of them")
	}
}

func TestManyArtifactsHavePages(t *testing.T) {
	s := newSample(t, plain)
	for i := range 60 {
		s.addArtifact(s.live, fmt.Sprintf("part-%d", i), "text/plain", []byte("x"), nil)
	}
	run, b := runPath(pathOf(s.repo), s.running.ID), s.browser()
	first := b.get(run + "?part=live").body
	contains(t, first, "part-59", "part-10<", `href="?artifacts=2#artifacts"`)
	second := b.get(run + "?artifacts=2").body
	contains(t, second, "part-0<", "part-9<", `href="?artifacts=1#artifacts"`)
	if strings.Contains(first, "part-9<") || strings.Contains(second, "part-10<") || strings.Contains(second, "artifacts=3") {
		t.Error("the pages overlap")
	}
	for _, odd := range []string{"0", "-1", "x", "99999999999999999999"} {
		if got := b.get(run + "?artifacts=" + odd); got.status != http.StatusOK {
			t.Errorf("page %s: %d", odd, got.status)
		}
	}
}

// Threat: bytes of artifacts without signing in; ids below another path.
func TestADownloadNeedsASession(t *testing.T) {
	s := newSample(t, plain)
	at := s.artifactPath(s.dist)
	got := s.signedIn(s.User("reader")).get(at)
	if got.status != http.StatusFound || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("download: %d %v", got.status, got.header)
	}
	if to := s.Do(http.MethodGet, got.header.Get("Location"), "", nil); int64(len(to.Text)) != s.dist.Size {
		t.Errorf("it leads to %d, %d bytes", to.StatusCode, len(to.Text))
	}
	for _, path := range []string{at, at + "/files", at + "/files/README.md"} {
		if got := s.browser().get(path); got.status != http.StatusUnauthorized || !strings.Contains(got.body, "/login?return_to=") {
			t.Errorf("%s: nobody gets %d", path, got.status)
		}
	}
	b := s.signedIn(s.owner)
	expired := s.artifactPath(&actions.Artifact{ID: s.dist.ID + 3})
	for path, want := range map[string]int{
		expired: http.StatusGone, expired + "/files": http.StatusGone, expired + "/files/c": http.StatusGone,
		runPath(pathOf(s.repo), s.running.ID) + fmt.Sprintf("/artifacts/%d", s.dist.ID): http.StatusNotFound,
		runPath(pathOf(s.repo), s.done.ID) + "/artifacts/x":                             http.StatusNotFound,
		runPath(pathOf(s.repo), s.done.ID) + "/artifacts/999":                           http.StatusNotFound,
		at + "/files/none": http.StatusNotFound, at + "/files/docs": http.StatusNotFound, at + "/delete": http.StatusNotFound,
	} {
		if got := b.get(path); got.status != want {
			t.Errorf("%s: %d, want %d", path, got.status, want)
		}
	}
	secret := s.testSite.repo(s.owner, "secret", true)
	run := s.addRun(secret, ".github/workflows/ci.yml", nil)
	hidden := s.addArtifact(s.addJob(run, "a", "a", completed(actions.Success)), "dist", actions.ZipType, archived(t, "a", "b"), nil)
	outsider := s.signedIn(s.User("outsider"))
	for _, head := range []string{pathOf(secret), pathOf(s.repo)} {
		path := fmt.Sprintf("%s/artifacts/%d", runPath(head, run.ID), hidden.ID)
		for _, path := range []string{path, path + "/files", path + "/files/a"} {
			if got := outsider.get(path); got.status != http.StatusNotFound {
				t.Errorf("%s: an outsider gets %d", path, got.status)
			}
		}
	}
}

func TestADownloadOfLostBytesIsGone(t *testing.T) {
	s := newSample(t, plain)
	lost := s.addArtifact(s.live, "lost", "text/plain", []byte("bytes of a length of their own: 37 of"), nil)
	for info, err := range s.Blobs.List(t.Context()) {
		if err == nil && info.Size == lost.Size {
			err = s.Blobs.Delete(t.Context(), info.Key)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	at := fmt.Sprintf("%s/artifacts/%d", runPath(pathOf(s.repo), s.running.ID), lost.ID)
	if got := s.signedIn(s.owner).get(at); got.status != http.StatusGone {
		t.Errorf("%d", got.status)
	}
}

// Threat: HTML of an artifact runs script with the user's session.
func TestAFileOfAnArtifactIsSavedAndNotShown(t *testing.T) {
	s := newSample(t, plain)
	b := s.signedIn(s.owner)
	page := b.get(s.artifactPath(s.dist) + "/files").body
	contains(t, page, "bin/hello", "README.md", s.dist.Digest, `docs <span class="small">directory</span>`, `Files <small>3</small>`)
	for path, body := range map[string]string{
		s.artifactPath(s.dist) + "/files/README.md":                                 "# Hello\n",
		s.artifactPath(&actions.Artifact{ID: s.dist.ID + 1}) + "/files/report.html": "<script>evil()</script>",
	} {
		got := b.get(path)
		if got.status != http.StatusOK || got.body != body || got.header.Get("Content-Security-Policy") != "default-src 'none'; sandbox" ||
			got.header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment; ") ||
			strings.Contains(got.header.Get("Content-Type"), "html") {
			t.Errorf("%s: %d %v %q", path, got.status, got.header, got.body)
		}
	}
	broken := s.artifactPath(&actions.Artifact{ID: s.dist.ID + 2})
	contains(t, b.get(broken+"/files").body, "cannot be listed: not a valid zip archive")
	if got := b.get(broken + "/files/x"); got.status != http.StatusUnprocessableEntity || !strings.HasPrefix(got.header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self';") {
		t.Errorf("a file of what is no archive: %d %v", got.status, got.header)
	}
}

func TestADeletedArtifactLeavesThePage(t *testing.T) {
	s := newSample(t, plain)
	at, run := s.artifactPath(s.dist), runPath(pathOf(s.repo), s.done.ID)
	owner, reader := s.signedIn(s.owner), s.signedIn(s.User("reader"))
	stream := s.browser().stream(runPath(pathOf(s.repo), s.running.ID) + "/live")
	stream.next("changed")
	for name, got := range map[string]answer{
		"a form without a token": owner.post(at+"/delete", url.Values{}),
		"a form of another site": owner.do(http.MethodPost, at+"/delete", url.Values{"csrf": {owner.csrf(run)}}, http.Header{"Sec-Fetch-Site": {"cross-site"}}),
		"a reader":               reader.post(at+"/delete", url.Values{"csrf": {reader.csrf("/")}}),
	} {
		if got.status != http.StatusForbidden {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	if got := s.browser().post(at+"/delete", url.Values{}); got.status != http.StatusUnauthorized {
		t.Errorf("nobody: %d", got.status)
	}
	contains(t, owner.get(run).body, at)
	got := owner.post(at+"/delete", url.Values{"csrf": {owner.csrf(run)}})
	if got.status != http.StatusSeeOther || got.header.Get("Location") != run+"#artifacts" {
		t.Errorf("delete: %d %v", got.status, got.header)
	}
	if page := owner.get(run).body; strings.Contains(page, at+`"`) || !strings.Contains(page, "Artifacts <small>3</small>") {
		t.Errorf("after it:\n%s", page)
	}
	if got := owner.get(at); got.status != http.StatusNotFound {
		t.Errorf("download: %d", got.status)
	}
	if got := owner.post(at+"/delete", url.Values{"csrf": {owner.csrf(run)}}); got.status != http.StatusNotFound {
		t.Errorf("again: %d", got.status)
	}
}

func TestANewArtifactComesOntoTheOpenPage(t *testing.T) {
	s := newSample(t, plain)
	run := runPath(pathOf(s.repo), s.running.ID)
	stream := s.browser().stream(run + "/live")
	stream.next("changed")
	s.addArtifact(s.live, "fresh", "text/plain", []byte("x"), nil)
	stream.next("changed")
	contains(t, s.browser().get(run+"?part=live").body, "fresh")
}
