package artifacts_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

func TestAnArtifactHasAllThatGitHubTellsOfOne(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		run, _, art := s.Dist("a.txt", "hello")
		got := s.Want(s.Get(s.Path("actions/artifacts", art.ID)), http.StatusOK).JSON(s)
		url := s.URL + "/api/v3/repos/alice/hello/actions/artifacts/" + strconv.FormatInt(art.ID, 10)
		at := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
		want := map[string]any{
			"id": float64(art.ID), "node_id": got["node_id"], "name": "dist", "size_in_bytes": float64(art.Size), "url": url, "archive_download_url": url + "/zip",
			"expired": false, "digest": art.Digest, "created_at": at(art.CreatedAt), "updated_at": at(art.UpdatedAt), "expires_at": at(art.ExpiresAt),
			"workflow_run": map[string]any{
				"id": float64(run.ID), "repository_id": float64(s.Repo.ID), "head_repository_id": float64(s.Repo.ID), "head_branch": run.HeadBranch, "head_sha": run.HeadSHA,
			},
		}
		if d := cmp.Diff(want, got); d != "" {
			s.Error(d)
		}
		if got["node_id"] == "" || !strings.HasPrefix(art.Digest, "sha256:") || art.ExpiresAt.Sub(art.CreatedAt) < 89*24*time.Hour {
			s.Errorf("got %v", got)
		}
		for _, path := range []string{s.Path("actions/artifacts"), s.Path("actions/runs", run.ID, "artifacts")} {
			for _, version := range []string{"2022-11-28", "2026-03-10"} {
				list := s.Want(s.Get(path, "X-GitHub-Api-Version: "+version), http.StatusOK).JSON(s)
				if d := cmp.Diff(map[string]any{"total_count": 1.0, "artifacts": []any{want}}, list); d != "" {
					s.Errorf("%s, %s: %s", path, version, d)
				}
			}
		}
	})
}

func TestListsOfArtifactsArePagedNamedAndOrdered(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		run, j, first := s.Dist("a", "b")
		const many = 260
		for i := range many - 1 {
			s.Upload(j, fmt.Sprintf("part-%03d", i), "text/plain", []byte{byte(i)})
		}
		other := s.AddJob(s.AddRun(s.AddWorkflow(s.Repo, ".github/workflows/other.yml"), nil), resttest.Running)
		last := s.Upload(other, "dist", "", s.Archive())
		for _, path := range []string{s.Path("actions/artifacts"), s.Path("actions/runs", run.ID, "artifacts")} {
			total := many
			if !strings.Contains(path, "runs") {
				total++
			}
			seen := map[float64]bool{}
			before := 1e18
			for next := path + "?per_page=100"; next != ""; {
				a := s.Want(s.Get(next), http.StatusOK)
				list := a.JSON(s)
				if list["total_count"] != float64(total) {
					s.Fatalf("%s: total %v", next, list["total_count"])
				}
				for _, v := range list["artifacts"].([]any) {
					id := v.(map[string]any)["id"].(float64)
					if seen[id] || id > before {
						s.Fatalf("%s: %v comes after %v", next, id, before)
					}
					seen[id], before = true, id
				}
				next = ""
				for link := range strings.SplitSeq(a.Header.Get("Link"), ", ") {
					if url, ok := strings.CutSuffix(link, `>; rel="next"`); ok {
						next = strings.TrimPrefix(url, "<")
					}
				}
			}
			if len(seen) != total {
				s.Errorf("%s: %d of %d", path, len(seen), total)
			}
		}
		ids := func(path string) (ids []int64) {
			for _, v := range s.Want(s.Get(path), http.StatusOK).JSON(s)["artifacts"].([]any) {
				ids = append(ids, int64(v.(map[string]any)["id"].(float64)))
			}
			return ids
		}
		inRun := s.Path("actions/runs", run.ID, "artifacts")
		for path, want := range map[string][]int64{
			s.Path("actions/artifacts?name=dist"):                   {last.ID, first.ID},
			s.Path("actions/artifacts?name=Dist"):                   nil,
			s.Path("actions/artifacts?name=dis"):                    nil,
			s.Path("actions/artifacts?name=dist&per_page=1&page=2"): {first.ID},
			s.Path("actions/artifacts?page=99"):                     nil,
			inRun + "?name=dist":                                    {first.ID},
			inRun + "?name=none":                                    nil,
			inRun + "?direction=asc&per_page=2":                     {first.ID, first.ID + 1},
			inRun + "?direction=desc&per_page=1":                    {first.ID + many - 1},
			inRun + "?direction=sideways&per_page=1&page=1":         {first.ID + many - 1},
			s.Path("actions/artifacts?per_page=1&page=-1"):          {last.ID},
		} {
			if d := cmp.Diff(want, ids(path)); d != "" {
				s.Errorf("%s: %s", path, d)
			}
		}
		for query, want := range map[string]int{"per_page=0": 30, "per_page=x": 30, "per_page=1000": 100, "": 30} {
			if got := len(ids(inRun + "?" + query)); got != want {
				s.Errorf("%q: %d artifacts, want %d", query, got, want)
			}
		}
	})
}

// ART-5: an attempt keeps the artifacts of earlier ones.
func TestTheListOfARunHasAllAttempts(t *testing.T) {
	s := resttest.New(t)
	run, j, first := s.Dist("a", "b")
	second := s.AddJob(run, func(n *actions.Job) {
		resttest.Started(n)
		n.Attempt, n.Status, n.Conclusion, n.CompletedAt = j.Attempt+1, actions.InProgress, "", time.Time{}
	})
	s.Must(s.Store.Update(t.Context(), func(tx *store.Tx) error {
		return tx.CreateAttempt(t.Context(), &actions.Attempt{
			RunID: run.ID, Number: 2, PlanID: "p2", Triggering: run.Actor, Status: actions.InProgress, StartedAt: time.Now(),
		})
	}))
	again := s.Upload(second, "dist", "", s.Archive("a", "c"))
	if again.ID <= first.ID {
		t.Errorf("the later id is %d after %d", again.ID, first.ID)
	}
	list := s.Get(s.Path("actions/runs", run.ID, "artifacts?name=dist")).JSON(t)
	if list["total_count"] != 2.0 {
		t.Errorf("got %v", list)
	}
}

func TestAnArtifactIsDownloadedBehindARedirect(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		_, _, art := s.Dist("a", "b")
		path := s.Path("actions/artifacts", art.ID, "zip")
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			a := s.Want(s.Do(method, path, s.AliceToken, nil), http.StatusFound)
			if got := s.Want(s.Do(method, a.Header.Get("Location"), "", nil), http.StatusOK); got.ContentLength != art.Size {
				s.Errorf("%s leads to %s: %d bytes, want %d", method, a.Header.Get("Location"), got.ContentLength, art.Size)
			}
		}
		for _, format := range []string{"tar.gz", "ZIP", "tar", "zip%00", "zip/x", ""} {
			if a := s.Get(s.Path("actions/artifacts", art.ID) + "/" + format); a.StatusCode != http.StatusNotFound {
				s.Errorf("format %q: %d", format, a.StatusCode)
			}
		}
		for _, id := range []string{"0", "-1", "x", "999999", "9223372036854775808", "1.0"} {
			for _, rest := range []string{"", "/zip", "/files", "/files/a"} {
				s.Want(s.Get(s.Path("actions/artifacts", id)+rest), http.StatusNotFound)
			}
		}
	})
}

// Threat: an artifact is downloaded without signing in: lists of a public repository
// are for everybody, as on GitHub, and bytes are not. Tokens need their scope
// or permission for them, which lists of what is public do not.
func TestWhoHasNotSignedInMayNotDownload(t *testing.T) {
	s := resttest.New(t)
	run, _, art := s.Dist("a", "b")
	s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, resttest.Fields{"private": false}), http.StatusOK)
	one := s.Path("actions/artifacts", art.ID)
	for _, path := range []string{one, s.Path("actions/artifacts"), s.Path("actions/artifacts/usage"), s.Path("actions/runs", run.ID, "artifacts")} {
		s.Want(s.Do(http.MethodGet, path, "", nil), http.StatusOK)
	}
	bob := s.User("bob")
	reader := s.Token(bob, "public_repo")
	for path, status := range map[string]int{one + "/zip": http.StatusFound, one + "/files": http.StatusOK, one + "/files/a": http.StatusOK} {
		for _, token := range []string{"", s.Token(bob), s.Token(s.Alice, "read:org", "workflow")} {
			s.Refused(s.Do(http.MethodGet, path, token, nil), http.StatusForbidden, "You must have the actions scope to download artifacts.")
		}
		for _, token := range []string{reader, s.Token(bob, "repo"), s.JobToken(s.Repo, map[string]string{"actions": "read"})} {
			s.Want(s.Do(http.MethodGet, path, token, nil), status)
		}
		for _, permissions := range []map[string]string{{}, {"contents": "write"}} {
			s.Refused(s.Do(http.MethodGet, path, s.JobToken(s.Repo, permissions), nil), http.StatusForbidden, "Resource not accessible by integration")
		}
	}
	s.Refused(s.Do(http.MethodDelete, one, reader, nil), http.StatusForbidden, "Must have admin rights to Repository.")
}

// Threat: listing or download with `permissions: {}` or from another repository.
func TestAJobNeedsThePermissionForArtifacts(t *testing.T) {
	s := resttest.New(t)
	_, _, art := s.Dist("a", "b")
	one := s.Path("actions/artifacts", art.ID)
	other := s.Repository(s.Alice, "other", true)
	paths := []string{s.Path("actions/artifacts"), s.Path("actions/artifacts/usage"), one, one + "/zip", one + "/files", one + "/files/a"}
	for token, status := range map[string]int{
		s.JobToken(s.Repo, map[string]string{}):                    http.StatusForbidden,
		s.JobToken(s.Repo, map[string]string{"contents": "write"}): http.StatusForbidden,
		s.JobToken(other, map[string]string{"actions": "write"}):   http.StatusNotFound,
	} {
		for _, path := range paths {
			s.Want(s.Do(http.MethodGet, path, token, nil), status)
		}
		s.Want(s.Do(http.MethodDelete, one, token, nil), status)
	}
	reads := s.JobToken(s.Repo, map[string]string{"actions": "read"})
	for _, path := range paths {
		if a := s.Do(http.MethodGet, path, reads, nil); a.StatusCode >= http.StatusBadRequest {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.Text)
		}
	}
	s.Refused(s.Do(http.MethodDelete, one, reads, nil), http.StatusForbidden, "Resource not accessible by integration")
	s.Want(s.Do(http.MethodDelete, one, s.JobToken(s.Repo, map[string]string{"actions": "write"}), nil), http.StatusNoContent)
}

// Threat: the id of another repository's artifact below one's own path.
func TestAnArtifactOfAnotherRepositoryIsNotFound(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		run, _, art := s.Dist("a", "b")
		bob := s.User("bob")
		s.Repository(bob, "own", true)
		token := s.Token(bob, "repo")
		own := "/repos/bob/own/actions/"
		id := strconv.FormatInt(art.ID, 10)
		for _, path := range []string{"artifacts/" + id, "artifacts/" + id + "/zip", "artifacts/" + id + "/files", "artifacts/" + id + "/files/a", "runs/" + strconv.FormatInt(run.ID, 10) + "/artifacts"} {
			s.Refused(s.Do(http.MethodGet, own+path, token, nil), http.StatusNotFound, "Not Found")
		}
		s.Want(s.Do(http.MethodDelete, own+"artifacts/"+id, token, nil), http.StatusNotFound)
		s.Want(s.Get(s.Path("actions/artifacts", art.ID)), http.StatusOK)
	})
}

// Threat: a deleted object: really gone, and no id is used again.
func TestADeletedArtifactIsGone(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		_, j, art := s.Dist("a", "b")
		one := s.Path("actions/artifacts", art.ID)
		s.Want(s.Get(one), http.StatusOK)
		s.Want(s.Get(s.Path("actions/artifacts")), http.StatusOK)
		if a := s.Want(s.Do(http.MethodDelete, one, s.AliceToken, nil), http.StatusNoContent); len(a.Text) > 0 {
			s.Errorf("body %q", a.Text)
		}
		for _, path := range []string{one, one + "/zip", one + "/files", one + "/files/a"} {
			s.Want(s.Get(path), http.StatusNotFound)
		}
		s.Want(s.Do(http.MethodDelete, one, s.AliceToken, nil), http.StatusNotFound)
		if got := s.Get(s.Path("actions/artifacts")).JSON(s); got["total_count"] != 0.0 {
			s.Errorf("still listed: %v", got)
		}
		if again := s.Upload(j, "dist", "", s.Archive()); again.ID <= art.ID {
			s.Errorf("id %d after %d", again.ID, art.ID)
		}
	})
}

// Threat: expired: 410, and an answer that was remembered does not outlive it.
func TestARememberedAnswerKnowsWhenAnArtifactExpires(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		run, j, art := s.Dist("a", "b")
		s.Pass(time.Hour)
		s.Upload(j, "later", "text/plain", []byte("x"))
		s.Pass(-time.Hour)
		one := s.Path("actions/artifacts", art.ID)
		lists := []string{s.Path("actions/artifacts?direction=asc"), s.Path("actions/runs", run.ID, "artifacts")}
		expired := func(want ...any) {
			s.Helper()
			for range 2 { // the second may be remembered
				for _, path := range lists {
					got := []any{}
					for _, v := range s.Want(s.Get(path), http.StatusOK).JSON(s)["artifacts"].([]any) {
						got = append(got, v.(map[string]any)["expired"])
					}
					if d := cmp.Diff(want, got); d != "" {
						s.Errorf("%s: %s", path, d)
					}
				}
				if got := s.Get(one).JSON(s)["expired"]; got != want[len(want)-1] {
					s.Errorf("alone: %v", got)
				}
			}
		}
		expired(false, false)
		tag := s.Get(one).Header.Get("ETag")
		s.Want(s.Get(one, "If-None-Match: "+tag), http.StatusNotModified)
		s.Pass(90*24*time.Hour + time.Minute)
		expired(false, true)
		s.Want(s.Get(one, "If-None-Match: "+tag), http.StatusOK)
		for _, path := range []string{one + "/zip", one + "/files", one + "/files/a"} {
			s.Refused(s.Get(path), http.StatusGone, "Artifact has expired")
		}
		s.Want(s.Do(http.MethodHead, one+"/zip", s.AliceToken, nil), http.StatusGone)
		s.Pass(91 * 24 * time.Hour)
		expired(true, true)
		s.Must(s.Artifacts.Sweep(s.Context()))
		expired(true, true)
		s.Refused(s.Get(one+"/zip"), http.StatusGone, "Artifact has expired")
		s.Want(s.Do(http.MethodDelete, one, s.AliceToken, nil), http.StatusNoContent)
		s.Want(s.Get(one+"/zip"), http.StatusNotFound)
	})
}

func TestUsageOfArtifacts(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		path := s.Path("actions/artifacts/usage")
		_, _, art := s.Dist("a", "b")
		want := map[string]any{"full_name": "alice/hello", "active_artifacts_size_in_bytes": float64(art.Size), "total_count": 1.0, "quota_in_bytes": nil}
		if d := cmp.Diff(want, s.Want(s.Get(path), http.StatusOK).JSON(s)); d != "" {
			s.Error(d)
		}
		s.Pass(91 * 24 * time.Hour)
		s.Must(s.Artifacts.Sweep(s.Context()))
		want["active_artifacts_size_in_bytes"] = 0.0
		if d := cmp.Diff(want, s.Want(s.Get(path), http.StatusOK).JSON(s)); d != "" {
			s.Error(d)
		}
	})
}

func TestGoGitHubKnowsArtifacts(t *testing.T) {
	s := resttest.New(t)
	run, _, art := s.Dist("a", "b")
	c := s.GoGitHub(s.AliceToken)
	list, _, err := c.Actions.ListArtifacts(t.Context(), "alice", "hello", &github.ListArtifactsOptions{Name: new("dist")})
	if err != nil || list.GetTotalCount() != 1 || list.Artifacts[0].GetID() != art.ID {
		t.Errorf("list: %v, %v", list, err)
	}
	list, _, err = c.Actions.ListWorkflowRunArtifacts(t.Context(), "alice", "hello", run.ID, nil)
	if err != nil || list.GetTotalCount() != 1 {
		t.Errorf("list of the run: %v, %v", list, err)
	}
	one, _, err := c.Actions.GetArtifact(t.Context(), "alice", "hello", art.ID)
	if err != nil || one.GetDigest() != art.Digest || one.GetWorkflowRun().GetHeadSHA() != run.HeadSHA || one.GetExpired() {
		t.Errorf("one: %v, %v", one, err)
	}
	url, _, err := c.Actions.DownloadArtifact(t.Context(), "alice", "hello", art.ID, 1)
	if err != nil || !strings.HasPrefix(url.String(), s.URL+"/_blobs/artifacts/") {
		t.Errorf("download: %v, %v", url, err)
	}
	if _, err := c.Actions.DeleteArtifact(t.Context(), "alice", "hello", art.ID); err != nil {
		t.Errorf("delete: %v", err)
	}
}
