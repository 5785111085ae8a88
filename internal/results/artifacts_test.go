package results_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/results/resultstest"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// noise is content that no compression and no chance makes equal.
func noise(n int) []byte {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = rng.Read(b) // never fails
	return b
}

// wantRefused checks that err is an answer with this status and code.
func wantRefused(t *testing.T, what string, err error, status int, code string) {
	t.Helper()
	e, ok := errors.AsType[*resultstest.Error](err)
	if !ok || e.Status != status || e.Code != code {
		t.Errorf("%s: got %v, want %d %s", what, err, status, code)
	}
}

// ART-4, BLOB-3: blocks in parallel and in no order; an empty artifact has none.
func TestWhatGoesUpComesDown(t *testing.T) { // ART-1
	each(t, func(t *testing.T, s *site) {
		up, down := s.client(s.Job("build")), s.client(s.Job("test"))
		for _, size := range []int{0, 1, 1000, 3 * 64 << 10, 41*64<<10 + 1} {
			name, content := fmt.Sprint("artifact-", size), noise(size)
			id, err := up.Upload(t.Context(), name, content, 64<<10)
			if err != nil {
				t.Fatal(err)
			}
			list, err := down.List(t.Context(), "", id)
			want := []wire.Artifact{{
				ResultsIDs: up.IDs, DatabaseID: wire.IntString(id), Name: name, Size: wire.IntString(size), Digest: resultstest.Digest(content),
			}}
			if d := cmp.Diff(want, list, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".CreatedAt" }, cmp.Ignore())); err != nil || d != "" {
				t.Errorf("%v\n%s", err, d)
			}
			got, err := down.Download(t.Context(), name)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes came back as %d: %v", size, len(got), err)
			}
		}
		if list, err := down.List(t.Context(), "", 0); err != nil || len(list) != 5 {
			t.Errorf("list of the run: %d, %v", len(list), err)
		}
		if list, err := down.List(t.Context(), "unknown", 0); err != nil || len(list) != 0 {
			t.Errorf("an unknown name: %v, %v, want an empty list", list, err)
		}
	})
}

// ART-2: what clients write, and what they have written.
func TestEveryFormOfARequestIsUnderstood(t *testing.T) {
	s := newServer(t)
	j := s.Job("build")
	post := func(method, fields string) string {
		t.Helper()
		body := fmt.Sprintf(`{"workflow_run_backend_id":%q,"workflow_job_run_backend_id":%q%s}`, s.Attempt.PlanID, strings.ToUpper(j.GUID), fields)
		a := s.Do(http.MethodPost, "/twirp/"+wire.ArtifactService+"/"+method, s.token(j), body, "Content-Type: application/json")
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s%s: %d %s", method, fields, a.StatusCode, a.Text)
		}
		return string(a.Text)
	}
	late := time.Now().AddDate(2, 0, 0).UTC().Format(time.RFC3339Nano)
	for i, create := range []string{
		`,"version":4`,
		`,"version":"7","mime_type":"application/zip","expires_at":"2026-11-23T12:36:52.760Z"`,
		`,"version":7,"expires_at":"` + late + `","unknown":{"deep":[1,2]},"mime_type":null`,
		`,"expires_at":null,"version":7,"mime_type":"not a type"`,
	} {
		name := fmt.Sprintf(`,"name":"form-%d"`, i)
		var created wire.CreateArtifactResponse
		if err := json.Unmarshal([]byte(post(wire.CreateArtifact, name+create)), &created); err != nil || !created.OK {
			t.Fatalf("%v", err)
		}
		if err := s.client(j).PutWhole(t.Context(), created.SignedUploadURL, []byte("ab")); err != nil {
			t.Fatal(err)
		}
		size := `,"size":2`
		if i%2 == 0 {
			size = `,"size":"2","hash":null`
		}
		if answer := post(wire.FinalizeArtifact, name+size); !strings.Contains(answer, `{"ok":true,"artifact_id":"`) {
			t.Errorf("answer %s", answer)
		}
	}
	list := post(wire.ListArtifacts, `,"name_filter":"form-2","id_filter":null`)
	if !strings.Contains(list, `"database_id":"`) || !strings.Contains(list, `"size":"2"`) || !strings.Contains(list, `"digest":"sha256:`) || strings.Count(list, `"name"`) != 1 {
		t.Errorf("list %s", list)
	}
	if got := post(wire.ListArtifacts, `,"name_filter":"none"`); got != `{"artifacts":[]}` {
		t.Errorf("empty list %s", got)
	}
	if got := post(wire.ListArtifacts, `,"id_filter":"4711"`); got != `{"artifacts":[]}` {
		t.Errorf("list of an unknown id %s", got)
	}
	arts, _, err := s.Store.RepoArtifacts(t.Context(), s.Repo.ID, "", store.Page{Number: 1, Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range arts {
		if a.ExpiresAt.After(time.Now().AddDate(0, 0, 91)) {
			t.Errorf("%s lives until %s", a.Name, a.ExpiresAt)
		}
	}
}

// LIM-1: names are file names on every system. Threat: artifact name used as a path.
func TestNamesThatAreNoFileNamesAreRefused(t *testing.T) {
	s := newServer(t)
	c := s.client(s.Job("build"))
	for _, name := range []string{
		"", ".", "..", "../x", "a/b", `a\b`, `..\..\x`, "a:b", "a<b", "a>b", "a|b", "a*b", "a?b", `a"b`, "a\rb", "a\nb", "nul\x00byte",
		strings.Repeat("x", 300), strings.Repeat("ü", 126),
	} {
		_, err := c.Create(t.Context(), name)
		wantRefused(t, fmt.Sprintf("%.20q", name), err, http.StatusBadRequest, "invalid_argument")
	}
	for _, name := range []string{"🎭 emoji", "ünïcödé", "a b.c-d_e", "CONfig", "v1.0", "%2e%2e", "x;y=z&sig=1", strings.Repeat("x", 251)} {
		if _, err := c.Upload(t.Context(), name, []byte(name), 9); err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if got, err := c.Download(t.Context(), name); err != nil || string(got) != name {
			t.Errorf("%q came back as %q, %v", name, got, err)
		}
	}
}

// ART-9: each error has a code of Twirp's, and the toolkit shows its text.
func TestFinalizeTellsWhatIsWrong(t *testing.T) {
	s := newServer(t)
	c, other := s.client(s.Job("build")), s.client(s.Job("test"))
	content := []byte("content")
	good := resultstest.Digest(content)

	_, err := c.Finalize(t.Context(), "never", 0, "")
	wantRefused(t, "never created", err, http.StatusNotFound, "not_found")
	to, err := c.Create(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Finalize(t.Context(), "a", 0, "")
	wantRefused(t, "before the upload", err, http.StatusPreconditionFailed, "failed_precondition")
	if err := c.PutBlock(t.Context(), to, resultstest.BlockID(0), content); err != nil {
		t.Fatal(err)
	}
	_, err = c.Finalize(t.Context(), "a", len(content), good)
	wantRefused(t, "before the list", err, http.StatusPreconditionFailed, "failed_precondition")
	if list, err := other.List(t.Context(), "", 0); err != nil || len(list) != 0 {
		t.Errorf("half an artifact is listed: %v, %v", list, err)
	}
	if err := c.PutList(t.Context(), to, []string{resultstest.BlockID(0)}); err != nil {
		t.Fatal(err)
	}
	_, err = other.Finalize(t.Context(), "a", len(content), good)
	wantRefused(t, "by another job", err, http.StatusNotFound, "not_found")
	for _, hash := range []string{"md5:abc", "sha256:abc", strings.TrimPrefix(good, "sha256:")} {
		_, err = c.Finalize(t.Context(), "a", len(content), hash)
		wantRefused(t, hash, err, http.StatusBadRequest, "invalid_argument")
	}
	id, err := c.Finalize(t.Context(), "a", len(content), good)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Finalize(t.Context(), "a", len(content), good)
	if err != nil || again != id {
		t.Errorf("again: %d, %v, want %d", again, err, id)
	}
	_, err = c.Finalize(t.Context(), "a", len(content)+1, good)
	wantRefused(t, "again, and another", err, http.StatusPreconditionFailed, "failed_precondition")
	_, err = other.Finalize(t.Context(), "a", len(content), good)
	wantRefused(t, "of another job's, complete", err, http.StatusNotFound, "not_found")
}

// Threat: size or hash declared falsely.
func TestAFalseSizeOrHashKeepsNothing(t *testing.T) {
	s := newServer(t)
	c := s.client(s.Job("build"))
	content := noise(50_000)
	for name, declared := range map[string]struct {
		size int
		hash string
	}{
		"one byte less":  {len(content) - 1, resultstest.Digest(content)},
		"one byte more":  {len(content) + 1, ""},
		"nothing":        {0, ""},
		"negative":       {-1, ""},
		"another's hash": {len(content), resultstest.Digest(nil)},
	} {
		to, err := c.Create(t.Context(), name)
		if err == nil {
			err = c.PutBlocks(t.Context(), to, content, 9000)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Finalize(t.Context(), name, declared.size, declared.hash)
		wantRefused(t, name, err, http.StatusBadRequest, "invalid_argument")
	}
	if list, err := c.List(t.Context(), "", 0); err != nil || len(list) != 0 {
		t.Errorf("visible: %v, %v", list, err)
	}
}

// Threat: artifact replaced after finalize, or deleted and uploaded again.
func TestAnArtifactNeverChanges(t *testing.T) {
	s := newServer(t)
	c, other := s.client(s.Job("build")), s.client(s.Job("test"))
	to, err := c.Create(t.Context(), "dist")
	if err == nil {
		err = c.PutBlocks(t.Context(), to, []byte("first"), 2)
	}
	if err != nil {
		t.Fatal(err)
	}
	first, err := c.Finalize(t.Context(), "dist", 5, "")
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"block": c.PutBlock(t.Context(), to, resultstest.BlockID(0), []byte("xx")),
		"list":  c.PutList(t.Context(), to, nil),
		"whole": c.PutWhole(t.Context(), to, []byte("other")),
	} {
		wantRefused(t, what, err, http.StatusConflict, "BlobImmutableDueToPolicy")
	}
	for _, who := range []*resultstest.Client{c, other} {
		_, err = who.Create(t.Context(), "dist")
		wantRefused(t, "create again", err, http.StatusConflict, "already_exists")
		if e, ok := errors.AsType[*resultstest.Error](err); !ok || e.Msg != "an artifact with this name already exists on the workflow run" {
			t.Errorf("the text is not GitHub's: %v", err)
		}
	}
	// overwrite: true, by another job of the run (ART-5).
	list, err := other.List(t.Context(), "dist", 0)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	url, err := other.SignedURL(t.Context(), list[0])
	if err != nil {
		t.Fatal(err)
	}
	var gone wire.ArtifactIDResponse
	if err := other.Call(t.Context(), wire.ArtifactService, wire.DeleteArtifact, wire.ArtifactRequest{ResultsIDs: list[0].ResultsIDs, Name: "dist"}, &gone); err != nil || int64(gone.ArtifactID) != first {
		t.Fatalf("%+v, %v", gone, err)
	}
	second, err := other.Upload(t.Context(), "dist", []byte("second"), 9)
	if err != nil || second <= first {
		t.Fatalf("id %d after %d, %v", second, first, err)
	}
	_, err = c.Get(t.Context(), url)
	wantRefused(t, "the URL of the deleted one", err, http.StatusNotFound, "BlobNotFound")
	wantRefused(t, "block of the deleted one", c.PutBlock(t.Context(), to, resultstest.BlockID(0), []byte("xx")), http.StatusNotFound, "BlobNotFound")
	if got, err := c.Download(t.Context(), "dist"); err != nil || string(got) != "second" {
		t.Errorf("got %q, %v", got, err)
	}
}

// ART-5: names are unique in an attempt, and the first to finalize gets the name.
func TestOfTwoWhoUploadOneNameOneGetsIt(t *testing.T) {
	s := newServer(t)
	clients := make([]*resultstest.Client, 8)
	errs := make([]error, len(clients))
	for i := range clients {
		clients[i] = s.client(s.Job("build"))
	}
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() { _, errs[i] = c.Upload(t.Context(), "dist", fmt.Append(nil, i), 1) })
	}
	wg.Wait()
	won := -1
	for i, err := range errs {
		if err != nil {
			wantRefused(t, "loser", err, http.StatusConflict, "already_exists")
		} else if won >= 0 {
			t.Errorf("%d and %d have won", won, i)
		} else {
			won = i
		}
	}
	if got, err := clients[0].Download(t.Context(), "dist"); err != nil || string(got) != fmt.Sprint(won) {
		t.Errorf("got %q, %v; %d has won", got, err, won)
	}
}

// ART-5: a later attempt may use the name again, and sees both.
func TestAttemptsHaveTheirOwnNames(t *testing.T) {
	s := newServer(t)
	first := s.client(s.Job("build"))
	if _, err := first.Upload(t.Context(), "dist", []byte("1"), 9); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	attempt := *s.Attempt
	attempt.Number, attempt.PlanID = 2, uuid.NewString()
	if err := s.Store.CreateAttempt(t.Context(), &attempt); err != nil {
		t.Fatal(err)
	}
	j := &actions.Job{
		RunID: s.Run.ID, RepoID: s.Repo.ID, OwnerID: s.Repo.Owner.ID, Attempt: 2, GUID: uuid.NewString(), Key: "job", Name: "build", Total: 1,
		Labels: []string{"linux"}, Status: actions.InProgress, CreatedAt: now, StartedAt: now, LockedUntil: now.Add(time.Hour),
	}
	if err := s.Store.Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.CreateJobs(t.Context(), []*actions.Job{j}); err != nil {
			return err
		}
		return tx.UpdateJob(t.Context(), j)
	}); err != nil {
		t.Fatal(err)
	}
	s.Attempt = &attempt
	second := s.client(j)
	if _, err := second.Upload(t.Context(), "dist", []byte("2"), 9); err != nil {
		t.Fatal(err)
	}
	list, err := second.List(t.Context(), "dist", 0)
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	for i, want := range []string{"1", "2"} { // each by what the list says of it
		url, err := second.SignedURL(t.Context(), list[i])
		if err != nil {
			t.Fatal(err)
		}
		if got, err := second.Get(t.Context(), url); err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
}

func TestLimitsOfAJobAndARepository(t *testing.T) {
	s := newServer(t,
		servertest.WithDeps(func(d *servertest.Deps) { d.Limits.JobArtifacts = 2 }),
		servertest.WithConfig(func(c *servertest.Config) { c.ArtifactSize, c.ArtifactQuota = 1000, 1500 }))
	j := s.Job("build")
	c := s.client(j)
	to, err := c.Create(t.Context(), "large")
	if err != nil {
		t.Fatal(err)
	}
	wantRefused(t, "more than an artifact may have", c.PutWhole(t.Context(), to, noise(1001)), http.StatusRequestEntityTooLarge, "RequestBodyTooLarge")
	for i := range 2 {
		if err := c.PutBlock(t.Context(), to, resultstest.BlockID(i), noise(500)); err != nil {
			t.Fatal(err)
		}
	}
	wantRefused(t, "a block too much", c.PutBlock(t.Context(), to, resultstest.BlockID(2), noise(1)), http.StatusRequestEntityTooLarge, "RequestBodyTooLarge")
	if _, err := c.Upload(t.Context(), "large", noise(1000), 600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Upload(t.Context(), "small", noise(500), 600); err != nil {
		t.Fatal(err)
	}
	_, err = c.Create(t.Context(), "third")
	wantRefused(t, "quota", err, http.StatusTooManyRequests, "resource_exhausted")
	if e, ok := errors.AsType[*resultstest.Error](err); !ok || !strings.Contains(e.Msg, "insufficient usage") {
		t.Errorf("the toolkit tries again on %v (ART-9)", err)
	}
	if _, err := c.Delete(t.Context(), "small"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Create(t.Context(), "fits"); err != nil {
		t.Error(err)
	}
	_, err = c.Create(t.Context(), "third")
	wantRefused(t, "more than a job may have, which trying again does not help (ART-9)", err, http.StatusPreconditionFailed, "failed_precondition")
}

func TestHugeAndBrokenRequestsAreRefused(t *testing.T) {
	s := newServer(t)
	j := s.Job("build")
	send := func(contentType, body string) (int, string) {
		t.Helper()
		a := s.Do(http.MethodPost, "/twirp/"+wire.ArtifactService+"/"+wire.CreateArtifact, s.token(j), body, "Content-Type: "+contentType)
		var e wire.TwirpError
		if err := json.Unmarshal(a.Text, &e); err != nil {
			t.Errorf("%s", a.Text)
		}
		return a.StatusCode, e.Code
	}
	for _, c := range []struct {
		name, contentType, body string
		status                  int
		code                    string
	}{
		{"10 MB", "application/json", `{"name":"` + strings.Repeat("x", 10<<20) + `"}`, 400, "invalid_argument"},
		{"not JSON", "application/json", "name=x", 400, "invalid_argument"},
		{"an array", "application/json", "[]", 400, "invalid_argument"},
		{"deep", "application/json", strings.Repeat(`{"a":`, 100_000), 400, "invalid_argument"},
		{"a number for a name", "application/json", `{"name":1}`, 400, "invalid_argument"},
		{"a size that is none", "application/json", `{"version":"1e9"}`, 400, "invalid_argument"},
		{"nothing", "application/json", "", 403, "permission_denied"},
		{"protobuf", "application/protobuf", "\x0a\x03abc", 404, "bad_route"},
	} {
		if status, code := send(c.contentType, c.body); status != c.status || code != c.code {
			t.Errorf("%s: %d %s, want %d %s", c.name, status, code, c.status, c.code)
		}
	}
}
