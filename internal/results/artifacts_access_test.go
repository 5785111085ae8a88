package results_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/results/resultstest"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Threat: upload to an artifact of another job or run with one's own runtime token.
func TestForeignIDsAreRefusedByEveryMethod(t *testing.T) {
	s := newServer(t)
	mine, other := s.client(s.Job("build")), s.client(s.Job("test"))
	foreign := newServer(t) // which signs with other keys
	outsider := foreign.client(foreign.Job("build"))
	outsider.Base = s.URL
	for _, c := range []*resultstest.Client{mine, other} {
		if _, err := c.Upload(t.Context(), "of-"+c.IDs.JobID, []byte("x"), 9); err != nil {
			t.Fatal(err)
		}
	}
	_, err := outsider.Upload(t.Context(), "of-outsider", []byte("x"), 9)
	wantRefused(t, "a token that another key signed", err, http.StatusUnauthorized, "unauthenticated")
	otherRun := wire.ResultsIDs{RunID: outsider.IDs.RunID, JobID: mine.IDs.JobID}
	otherJob := wire.ResultsIDs{RunID: mine.IDs.RunID, JobID: other.IDs.JobID}
	for _, c := range []struct {
		name string
		ids  wire.ResultsIDs
		own  bool // only methods about the caller's own job refuse it
	}{
		{"other job", otherJob, true},
		{"other run", otherRun, false},
		{"all of another repository", outsider.IDs, false},
		{"nobody", wire.ResultsIDs{}, false},
		{"run only", wire.ResultsIDs{RunID: mine.IDs.RunID}, true},
		{"job id for the run", wire.ResultsIDs{RunID: mine.IDs.JobID, JobID: mine.IDs.JobID}, false},
	} {
		for method, in := range map[string]any{
			wire.CreateArtifact:       wire.CreateArtifactRequest{ResultsIDs: c.ids, Name: "new"},
			wire.FinalizeArtifact:     wire.FinalizeArtifactRequest{ResultsIDs: c.ids, Name: "of-" + other.IDs.JobID, Size: 1},
			wire.ListArtifacts:        wire.ListArtifactsRequest{ResultsIDs: c.ids},
			wire.GetSignedArtifactURL: wire.ArtifactRequest{ResultsIDs: c.ids, Name: "of-" + other.IDs.JobID},
			wire.DeleteArtifact:       wire.ArtifactRequest{ResultsIDs: c.ids, Name: "none"},
		} {
			var out json.RawMessage
			err := mine.Call(t.Context(), wire.ArtifactService, method, in, &out)
			own := method == wire.CreateArtifact || method == wire.FinalizeArtifact
			if !c.own || own {
				wantRefused(t, method+" of "+c.name, err, http.StatusForbidden, "permission_denied")
			} else if e, ok := errors.AsType[*resultstest.Error](err); ok && e.Status != http.StatusNotFound {
				t.Errorf("%s of %s: %v", method, c.name, err)
			}
		}
	}
	if list, err := mine.List(t.Context(), "", 0); err != nil || len(list) != 2 {
		t.Errorf("%d artifacts are left, %v", len(list), err)
	}
}

// Threat: cache server reachable without token, or token of repo A reads B; upload
// to an artifact of another job or run with one's own runtime token.
func TestOneRunDoesNotSeeAnothers(t *testing.T) {
	s := newServer(t)
	mine := s.client(s.Job("build"))
	id, err := mine.Upload(t.Context(), "dist", []byte("x"), 9)
	if err != nil {
		t.Fatal(err)
	}
	// The same server, a job of another repository.
	foreign := s.foreign()
	outsider := foreign.client(foreign.Job("build"))
	if list, err := outsider.List(t.Context(), "", id); err != nil || len(list) != 0 {
		t.Errorf("by id: %v, %v", list, err)
	}
	guess := wire.Artifact{ResultsIDs: wire.ResultsIDs{RunID: outsider.IDs.RunID, JobID: mine.IDs.JobID}, Name: "dist"}
	_, err = outsider.SignedURL(t.Context(), guess)
	wantRefused(t, "URL with its own run and a foreign job", err, http.StatusNotFound, "not_found")
	if _, err := outsider.Upload(t.Context(), "dist", []byte("y"), 9); err != nil {
		t.Errorf("its own artifact of the name: %v", err)
	}
	if got, err := mine.Download(t.Context(), "dist"); err != nil || string(got) != "x" {
		t.Errorf("got %q, %v", got, err)
	}
}

// Threat: cache written after the job ended with a stolen runtime token (the same
// holds for artifacts): the token dies with the job, without grace.
func TestAJobThatIsOverKeepsNothing(t *testing.T) {
	s := newServer(t)
	j := s.Job("build")
	c := s.client(j)
	if _, err := c.Upload(t.Context(), "done", []byte("x"), 9); err != nil {
		t.Fatal(err)
	}
	to, err := c.Create(t.Context(), "late")
	if err != nil {
		t.Fatal(err)
	}
	s.Complete(j, s.Now())
	const status, code = http.StatusPreconditionFailed, "failed_precondition"
	_, err = c.Create(t.Context(), "new")
	wantRefused(t, "create", err, status, code)
	_, err = c.Finalize(t.Context(), "late", 0, "")
	wantRefused(t, "finalize", err, status, code)
	_, err = c.List(t.Context(), "", 0)
	wantRefused(t, "list", err, status, code)
	_, err = c.SignedURL(t.Context(), wire.Artifact{ResultsIDs: c.IDs, Name: "done"})
	wantRefused(t, "URL", err, status, code)
	_, err = c.Delete(t.Context(), "done")
	wantRefused(t, "delete", err, status, code)
	for what, err := range map[string]error{
		"block": c.PutBlock(t.Context(), to, resultstest.BlockID(0), []byte("x")),
		"list":  c.PutList(t.Context(), to, nil),
		"whole": c.PutWhole(t.Context(), to, []byte("x")),
	} {
		wantRefused(t, what, err, http.StatusConflict, "BlobImmutableDueToPolicy")
	}
}

// Tokens that were checked are known: for as long as they and their jobs last.
func TestAKnownTokenEndsInItsTime(t *testing.T) {
	s := newServer(t)
	j := s.Job("build")
	c := s.client(j)
	for range 2 {
		if _, err := c.List(t.Context(), "", 0); err != nil {
			t.Fatal(err)
		}
	}
	altered := *c
	altered.Token = c.Token[:len(c.Token)-2] + "AA"
	_, err := altered.List(t.Context(), "", 0)
	wantRefused(t, "altered", err, http.StatusUnauthorized, "unauthenticated")
	s.Pass(time.Hour)
	_, err = c.List(t.Context(), "", 0)
	wantRefused(t, "after its time", err, http.StatusUnauthorized, "unauthenticated")
}
